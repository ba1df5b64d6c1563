"""Figures of single hidden targets by decile, against loops and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from newaisle.gnn.cells import Cell, column
from newaisle.gnn.comparison import corrected_standard_error
from newaisle.gnn.diagnostics import correlations, deciles, level_errors, target_columns
from newaisle.gnn.evaluation import SplitResult

PROTOCOL = "leave-targets-out"


def result_of(seed: int, candidates: int = 43) -> SplitResult:
    """A split in which the level is nearer to the truth the higher the confidence."""
    random = np.random.default_rng(seed)
    confidence = random.random(candidates)
    share = random.random(candidates) ** 4
    taste = random.random(candidates)
    taste[::7] = np.nan
    targets = {
        "share": share,
        "level": np.log(share) + (1 - confidence) * random.normal(0, 2, candidates),
        "confidence": confidence,
        "distance": random.random(candidates),
        "taste_auc": taste,
    }
    cell = Cell({"ndcg@20": 0.5}, {name: column(values) for name, values in targets.items()})
    return SplitResult(PROTOCOL, seed, {"candidates": candidates}, {"newaisle": cell})


def test_level_errors_are_distances_of_ranks() -> None:
    level, share = np.array([5.0, 1.0, 3.0]), np.array([0.1, 0.2, 0.3])
    assert level_errors(level, share).tolist() == [1.0, 0.5, 0.5]
    assert level_errors(share * 7, share).tolist() == [0.0, 0.0, 0.0]
    random = np.random.default_rng(0)
    assert level_errors(random.random(5000), random.random(5000)).mean() == pytest.approx(1 / 3, abs=0.01)
    assert level_errors(np.array([1.0]), np.array([0.5])).tolist() == [0.0]


@pytest.mark.parametrize("by", ["confidence", "distance"])
def test_deciles_against_loops(by: str) -> None:
    results = [result_of(seed) for seed in range(3)]
    found = deciles(results, by, "newaisle")
    assert [(decile.protocol, decile.decile) for decile in found] == [(PROTOCOL, d) for d in range(1, 11)]
    assert sum(decile.targets for decile in found) == 3 * 43
    errors, tastes = [], []
    for result in results:
        columns = target_columns(result, "newaisle")
        lowest = np.sort(columns[by])[:5]  # 43 candidates: the first deciles have 5
        inside = np.isin(columns[by], lowest)
        ranks = [sum(other < value for other in columns["level"]) for value in columns["level"]]
        truth = [sum(other < value for other in columns["share"]) for value in columns["share"]]
        errors.append(np.mean(np.abs(np.subtract(ranks, truth))[inside]) / 42)
        tastes.append(np.nanmean(columns["taste_auc"][inside]))
    first = found[0]
    assert first.targets == 15
    assert first.level_error.value == pytest.approx(np.mean(errors))
    assert first.level_error.standard_error == pytest.approx(corrected_standard_error(errors))
    assert first.taste_auc is not None
    assert first.taste_auc.value == pytest.approx(np.mean(tastes))
    middles = [decile.middle for decile in found]
    assert middles == sorted(middles)


def test_a_confidence_that_knows_is_told_from_chance() -> None:
    results = [result_of(seed, 400) for seed in range(4)]
    by_confidence = deciles(results, "confidence", "newaisle")
    assert by_confidence[0].level_error.value > 2 * by_confidence[-1].level_error.value
    (found,) = correlations(results, "newaisle")
    columns = [target_columns(result, "newaisle") for result in results]
    expected = [spearmanr(c["level"], c["share"]).statistic for c in columns]
    assert found.level_share is not None
    assert found.confidence_error is not None
    assert found.level_share.value == pytest.approx(np.mean(expected))
    assert found.confidence_error.value < -0.2


def test_few_candidates_fill_few_deciles() -> None:
    found = deciles([result_of(0, 4)], "distance", "newaisle")
    assert [decile.decile for decile in found] == [1, 2, 3, 4]
    assert all(decile.targets == 1 for decile in found)
    assert [decile.taste_auc is None for decile in found].count(True) == 1  # the first candidate has no AUC
    assert found[0].level_error.standard_error is None


def test_a_level_that_never_varies_has_no_correlation() -> None:
    one = result_of(0)
    targets = {**one.cells["newaisle"].targets, "level": [1.0] * 43}
    flat = SplitResult(PROTOCOL, 0, {}, {"newaisle": Cell({"ndcg@20": 0.5}, targets)})
    (found,) = correlations([flat], "newaisle")
    assert found.level_share is None
