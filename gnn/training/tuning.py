"""The settings of factors and kernel, chosen on validation folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...arrays import FloatArray, IntArray
from ..factors.settings import FactorSettings
from ..prior.kernel import KernelSettings
from ..propagation.features import FeatureBlocks, FeatureKind
from ..validation.metrics import ndcg
from .folds import KIND_WEIGHTS, ValidationFold, weigh
from .search import coordinate_search

START_FACTORS = FactorSettings(rank=32, alpha=5.0, regularization=30.0)
LEAST_RANK, MOST_RANK, MOST_RANK_OF_MANY = 4, 256, 512
"""Bounds of the rank; of very many targets, trials gained with every further rank."""
LEAST_SHOWN = 0.1
"""Mean score of known purchases (1 in a perfect fit) below which factors have collapsed and cannot be compared."""
_NUMBERS = (FeatureKind.FEATURE, FeatureKind.COUNT)
STRANGE = 0.5
"""Share of unsold targets outside the range of the sold ones above which a number is left out."""


def choose_factors(folds: Sequence[ValidationFold], start: FactorSettings, kernel: KernelSettings) -> FactorSettings:
    """Choose rank, confidence and regularisation with a given kernel; without any fold the start stays."""
    if not folds:
        return start
    most = MOST_RANK_OF_MANY if folds[0].many else MOST_RANK

    def settings(values: Mapping[str, float]) -> FactorSettings:
        rank = int(np.clip(values["rank"], LEAST_RANK, most))
        return replace(start, rank=rank, alpha=values["alpha"], regularization=values["regularization"])

    def judge(values: Mapping[str, float]) -> float:
        chosen = settings(values)
        return float(np.mean([judge_factors(fold, chosen, kernel) for fold in folds]))

    begin = {"rank": float(start.rank), "alpha": start.alpha, "regularization": start.regularization}
    steps = {"rank": (2.0, 0.5), "regularization": (3.0, 1 / 3), "alpha": (2.0, 0.5)}
    return settings(coordinate_search(judge, begin, steps))


def judge_factors(fold: ValidationFold, factors: FactorSettings, kernel: KernelSettings) -> float:
    """NDCG@20 of the zero-shot ranking of a fold's pseudo-new targets; below 0 where the factors have collapsed."""
    users, targets = fold.judged_factors(factors)
    known = fold.known
    shown = float(np.einsum("ur,ur->", users, known @ targets)) / known.nnz if known.nnz else 1.0
    if shown < LEAST_SHOWN:
        return shown - LEAST_SHOWN
    return ndcg(users @ fold.carry(kernel, targets).T, fold.hits)


def choose_kernel(
    folds: Sequence[ValidationFold], factors: FactorSettings, width: float, ridge: float
) -> KernelSettings:
    """Choose the width, the ridge and the weights of some kinds of blocks.

    Weights of single blocks are not searched: they fitted the pseudo-new targets and lost on whole new branches.
    """
    blocks = folds[0].blocks
    choices = {str(kind): tried for kind, tried in KIND_WEIGHTS.items() if kind in blocks.kinds.values()}

    def settings(values: Mapping[str, float]) -> KernelSettings:
        return weigh(blocks, {FeatureKind(kind): values[kind] for kind in choices}, values["width"], values["ridge"])

    def judge(values: Mapping[str, float]) -> float:
        chosen = settings(values)
        return float(np.mean([judge_factors(fold, factors, chosen) for fold in folds]))

    begin = {"width": width, "ridge": ridge, **{kind: tried[0] for kind, tried in choices.items()}}
    steps = {"width": (2.0, 0.5), "ridge": (3.0, 1 / 3)}
    return settings(coordinate_search(judge, begin, steps, choices=choices, rounds=2))


def without_strange_numbers(
    settings: KernelSettings, blocks: FeatureBlocks, sold: IntArray, unsold: IntArray
) -> KernelSettings:
    """Leave out numbers that set most of ``unsold`` apart from all of ``sold`` (positions), such as review counts.

    Folds cannot show the effect of such numbers, as pseudo-new targets have them like sold ones (docs/model.md).
    """
    numbers = [name for name in settings.weights if blocks.kinds[name] in _NUMBERS] if len(unsold) else []
    strange = {name for name in numbers if _outside(np.asarray(blocks.matrices[name]), sold, unsold) > STRANGE}
    weights = {name: 0.0 if name in strange else weight for name, weight in settings.weights.items()}
    return replace(settings, weights=weights) if any(weights.values()) else settings


def _outside(columns: FloatArray, sold: IntArray, unsold: IntArray) -> float:
    low, high = columns[sold].min(axis=0), columns[sold].max(axis=0)
    return float(np.mean(((columns[unsold] < low) | (columns[unsold] > high)).any(axis=1)))
