"""Sold categories ranked by newaisle and by conventional recommenders alone: ALS, EASE, popularity.

    python benchmarks/seen.py [--seeds 0,1,2,3,4]

A fifth of every household's purchases on Complete Journey is hidden beside a fifth of the categories (the protocol
`generalised`); ranked are the sold categories alone, without what the household has. Each recommender is tuned on the
validation folds that newaisle tunes itself on: the same hiding, inside the training data.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import numpy as np

from newaisle import load
from newaisle.api.settings import Settings
from newaisle.arrays import FloatArray
from newaisle.gnn.evaluation.comparison import compare, summary_table
from newaisle.gnn.evaluation.protocols.generalised import generalised_split
from newaisle.gnn.evaluation.runner import ResultRow
from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.text.catalog import encode_catalog
from newaisle.gnn.text.weights import PACKAGED
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.training.folds import held_out_folds, make_folds
from newaisle.gnn.validation.mixed_ranking import MixedRanking
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, Split, binary, buyers

Scores = Callable[[Split], FloatArray]


def main() -> None:
    """Fit and judge all of them, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0,1,2,3,4", help="default: %(default)s")
    seeds = [int(word) for word in parser.parse_args().seeds.split(",")]
    loaded = load("complete-journey")
    graph, history = loaded.graph, loaded.interactions
    if history is None:
        raise SystemExit("Complete Journey has no sales.")
    encoded = encode_catalog(graph, PACKAGED, Settings().encodings)
    blocks, matrix = propagate(graph, encoded.texts, encoded.names), history.matrix(graph)
    rows: list[ResultRow] = []
    for seed in seeds:
        split = generalised_split(graph, matrix, seed)
        folds = make_folds(graph, split.train, blocks, seed, (LEAVE_TARGETS_OUT,))
        inner = [fold.split for fold in held_out_folds(folds)]
        latent_model = fit_model(graph, split.train, blocks, seed=seed, protocols=(LEAVE_TARGETS_OUT,))
        answers = {
            "newaisle": latent_model.raw_scores(latent_model.factors.users, np.arange(len(graph))),
            "als": tuned(als(seed), inner)(split),
            "ease": tuned(EASE, inner)(split),
            "popularity": popularity(split),
        }
        for name, scores in answers.items():
            rows.append(ResultRow("generalised", seed, name, "ndcg@20", judged(split, scores)))
            print(f"seed {seed}, {name}: {rows[-1].value:.4f}", flush=True)
    for line in summary_table(rows):
        print(f"{line.method:12} {line.mean:.4f}{_error(line.standard_error)}")
    for paired in compare(rows, "newaisle"):
        print(f"newaisle minus {paired.method:12} {-paired.difference:+.4f}{_error(paired.standard_error)}")


def _error(value: float | None) -> str:
    return "" if value is None else f" ± {value:.4f}"


def judged(split: Split, scores: FloatArray) -> float:
    """NDCG@20 over the hidden purchases of sold targets, of scores (users, n)."""
    shown = MixedRanking.of(split, split.users)
    return shown.seen_ndcg(scores[split.users][:, shown.targets])


def tuned(made: Sequence[Scores], inner: Sequence[Split]) -> Scores:
    """The one with the best mean on validation folds."""
    return max(made, key=lambda scores: float(np.mean([judged(split, scores(split)) for split in inner])))


def als(seed: int) -> list[Scores]:
    """Implicit-feedback ALS of some ranks, regularisations and confidences."""
    grid = product((16, 32, 64, 128), (10.0, 30.0, 100.0), (5.0, 10.0))
    settings = [FactorSettings(rank=rank, regularization=weight, alpha=alpha) for rank, weight, alpha in grid]
    return [partial(factorised, settings=chosen, seed=seed) for chosen in settings]


def factorised(split: Split, settings: FactorSettings, seed: int) -> FloatArray:
    """``p . q``, float64 (users, n)."""
    factors = fit_factors(split.weights, settings, seed)
    return factors.users @ factors.targets.T


def ease(split: Split, ridge: float) -> FloatArray:
    """``X (I - P diag(1 / diag P))`` with ``P = (X'X + ridge I)^-1`` (Steck 2019, equation 8), float64 (users, n)."""
    bought = binary(split.train)[:, split.seen]
    system = (bought.T @ bought).toarray()
    system[np.diag_indices_from(system)] += ridge
    inverse = np.linalg.inv(system)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    found = np.zeros(split.train.shape)
    found[:, split.seen] = bought @ weights
    return found


EASE: list[Scores] = [partial(ease, ridge=ridge) for ridge in (30.0, 100.0, 300.0, 1000.0, 3000.0)]


def popularity(split: Split) -> FloatArray:
    """The number of buyers, the same for everybody, float64 (users, n)."""
    return np.tile(buyers(split.train).astype(np.float64), (split.train.shape[0], 1))


if __name__ == "__main__":
    main()
