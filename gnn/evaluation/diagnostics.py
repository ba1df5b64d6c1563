"""Diagnostics of single hidden targets: is the predicted popularity right, and does the confidence know its error?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from ...arrays import FloatArray, IntArray
from ..calibration.confidence import popularity_errors
from .comparison import corrected_standard_error
from .runner import SplitResult

DECILES = 10


@dataclass(frozen=True)
class Mean:
    """A mean over splits and its corrected standard error, None with a single split."""

    value: float
    standard_error: float | None


@dataclass(frozen=True)
class Decile:
    """A tenth of the candidates of every split, in the order of a prediction; ``decile`` goes from 1 (least) to 10.

    Attributes:
        targets: number of candidates, over all splits.
        middle: mean of what they are ordered by.
        level_error: mean of :func:`newaisle.gnn.calibration.confidence.popularity_errors`.
        taste_auc: mean AUC of single targets; None if none of them has one.
    """

    protocol: str
    decile: int
    targets: int
    middle: float
    level_error: Mean
    taste_auc: Mean | None


@dataclass(frozen=True)
class Correlations:
    """Spearman's rank correlations within splits; None if one side never varies.

    Attributes:
        level_share: of the predicted with the true share of buyers.
        confidence_error: of the confidence with the error of that prediction: the farther below 0, the better.
    """

    protocol: str
    level_share: Mean | None
    confidence_error: Mean | None


def target_columns(result: SplitResult, method: str) -> dict[str, FloatArray]:
    """Predictions and truth of the candidates of a split, float64 (candidates,), NaN if undefined."""
    return {name: np.array(values, dtype=np.float64) for name, values in result.by_method[method].targets.items()}


def deciles(results: Sequence[SplitResult], by: str, method: str) -> list[Decile]:
    """Error of the predicted popularity and taste AUC by tenths of the candidates in the order of a column.

    ``by`` is "confidence" or "distance"; deciles that no split fills (fewer than ten candidates) are left out.
    """
    found: list[Decile] = []
    for protocol, columns in _by_protocol(results, method):
        parts = [np.array_split(np.argsort(column[by], kind="stable"), DECILES) for column in columns]
        errors = [popularity_errors(column["level"], column["share"]) for column in columns]
        for decile in range(DECILES):
            inside = [part[decile] for part in parts]
            middle = _mean([column[by] for column in columns], inside)
            error = _mean(errors, inside)
            if middle is not None and error is not None:
                taste = _mean([column["taste_auc"] for column in columns], inside)
                found.append(Decile(protocol, decile + 1, sum(map(len, inside)), middle.value, error, taste))
    return found


def correlations(results: Sequence[SplitResult], method: str) -> list[Correlations]:
    """Rank correlations of popularity and confidence by protocol."""
    found: list[Correlations] = []
    for protocol, columns in _by_protocol(results, method):
        level = [_spearman(column["level"], column["share"]) for column in columns]
        known = [_spearman(c["confidence"], popularity_errors(c["level"], c["share"])) for c in columns]
        found.append(Correlations(protocol, _over_splits(level), _over_splits(known)))
    return found


def _by_protocol(results: Sequence[SplitResult], method: str) -> Iterator[tuple[str, list[dict[str, FloatArray]]]]:
    for protocol in dict.fromkeys(result.protocol for result in results):
        yield protocol, [target_columns(result, method) for result in results if result.protocol == protocol]


def _mean(values: Sequence[FloatArray], inside: Sequence[IntArray]) -> Mean | None:
    """Mean over splits of the mean over some candidates of each, undefined ones left out."""
    chosen = [each[part] for each, part in zip(values, inside, strict=True)]
    defined = [each[~np.isnan(each)] for each in chosen]
    return _over_splits([float(each.mean()) for each in defined if len(each)])


def _spearman(a: FloatArray, b: FloatArray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


def _over_splits(values: Sequence[float]) -> Mean | None:
    defined = [value for value in values if not np.isnan(value)]
    return Mean(float(np.mean(defined)), corrected_standard_error(defined)) if defined else None
