"""Figures of single hidden targets by decile, against loops and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from newaisle.gnn.calibration.confidence import popularity_errors
from newaisle.gnn.evaluation.cache import MethodResult, column
from newaisle.gnn.evaluation.comparison import corrected_standard_error
from newaisle.gnn.evaluation.diagnostics import correlations, deciles, target_columns
from newaisle.gnn.evaluation.runner import SplitResult

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
        "level": share * np.exp((1 - confidence) * random.normal(0, 2, candidates)),
        "confidence": confidence,
        "distance": random.random(candidates),
        "taste_auc": taste,
    }
    result = MethodResult({"ndcg@20": 0.5}, {name: column(values) for name, values in targets.items()})
    return SplitResult(PROTOCOL, seed, {"candidates": candidates}, {"newaisle": result})


def test_level_errors_are_logarithms_of_factors() -> None:
    share = np.array([0.02, 0.2, 0.3])
    assert popularity_errors(share, share).tolist() == [0.0, 0.0, 0.0]
    assert popularity_errors(share * [2, 0.5, 1], share) == pytest.approx([np.log(2), np.log(2), 0])
    assert popularity_errors(np.array([1e-9, 0.02]), np.array([0.005, 0.0])) == pytest.approx([0, np.log(2)])


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
        pairs = zip(columns["level"][inside], columns["share"][inside], strict=True)
        errors.append(np.mean([abs(math.log(max(level, 0.01) / max(share, 0.01))) for level, share in pairs]))
        tastes.append(np.nanmean(columns["taste_auc"][inside]))
    first = found[0]
    assert first.targets == 15
    assert first.level_error.value == pytest.approx(np.mean(errors))
    assert first.level_error.standard_error == pytest.approx(corrected_standard_error(errors))
    assert first.taste_auc is not None
    assert first.taste_auc.value == pytest.approx(np.mean(tastes))
    middles = [decile.middle for decile in found]
    assert middles == sorted(middles)


def test_a_confidence_that_knows_is_distinguished_from_chance() -> None:
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
    targets = {**one.by_method["newaisle"].targets, "level": [1.0] * 43}
    flat = SplitResult(PROTOCOL, 0, {}, {"newaisle": MethodResult({"ndcg@20": 0.5}, targets)})
    (found,) = correlations([flat], "newaisle")
    assert found.level_share is None
