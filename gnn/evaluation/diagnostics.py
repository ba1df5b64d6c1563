"""What the figures of single hidden targets say: is the expected level right, and does the confidence know?"""

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
    """A mean over splits.

    Attributes:
        value: the mean.
        standard_error: the corrected one; None with a single split.
    """

    value: float
    standard_error: float | None


@dataclass(frozen=True)
class Decile:
    """A tenth of the candidates of every split, in the order of something said of them.

    Attributes:
        protocol: the protocol.
        decile: from 1, where it is least, to 10.
        targets: candidates in it, over all splits.
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
    """Spearman's rank correlations within splits.

    Attributes:
        protocol: the protocol.
        level_share: of the expected level with the true share of buyers; None if one of both never varies.
        confidence_error: of the confidence with the error of the level: the more below 0, the more it knows.
    """

    protocol: str
    level_share: Mean | None
    confidence_error: Mean | None


def target_columns(result: SplitResult, method: str) -> dict[str, FloatArray]:
    """What a method said of the candidates of a split and what was true, float64 (candidates,), NaN if not defined."""
    return {name: np.array(values, dtype=np.float64) for name, values in result.by_method[method].targets.items()}


def deciles(results: Sequence[SplitResult], by: str, method: str) -> list[Decile]:
    """Error of the level and taste AUC by tenths of the candidates.

    Args:
        results: some splits.
        by: what the candidates of each split are ordered by: "confidence" or "distance".
        method: one that says what it expects of single targets.

    Returns:
        By protocol and decile; a decile that no split fills (fewer than ten candidates) is left out.
    """
    found: list[Decile] = []
    for protocol, own in _by_protocol(results):
        columns = [target_columns(result, method) for result in own]
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
    """How well levels and confidences are ordered, by protocol."""
    found: list[Correlations] = []
    for protocol, own in _by_protocol(results):
        columns = [target_columns(result, method) for result in own]
        level = [_spearman(column["level"], column["share"]) for column in columns]
        known = [_spearman(c["confidence"], popularity_errors(c["level"], c["share"])) for c in columns]
        found.append(Correlations(protocol, _over_splits(level), _over_splits(known)))
    return found


def _by_protocol(results: Sequence[SplitResult]) -> Iterator[tuple[str, list[SplitResult]]]:
    for protocol in dict.fromkeys(result.protocol for result in results):
        yield protocol, [result for result in results if result.protocol == protocol]


def _mean(values: Sequence[FloatArray], inside: Sequence[IntArray]) -> Mean | None:
    """Mean over splits of the mean over some candidates of each, undefined ones left out."""
    chosen = [each[part] for each, part in zip(values, inside, strict=True)]
    defined = [each[~np.isnan(each)] for each in chosen]
    return _over_splits([float(each.mean()) for each in defined if len(each)])


def _spearman(a: FloatArray, b: FloatArray) -> float:
    """Spearman's rank correlation; NaN where one side never varies."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


def _over_splits(values: Sequence[float]) -> Mean | None:
    defined = [value for value in values if not np.isnan(value)]
    return Mean(float(np.mean(defined)), corrected_standard_error(defined)) if defined else None
