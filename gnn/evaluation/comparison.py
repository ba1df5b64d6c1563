"""Means over splits and paired comparison of methods, with errors corrected for overlapping splits."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..validation.splits import SHARE
from .judging import HELD_OUT
from .methods.ceiling import Ceiling
from .protocols.names import FEW_SHOT, family
from .runner import ResultRow

CEILING = Ceiling.name
"""The one method whose plain figures are over users of its own: the others' ``@held-out`` figures are its match; in
few-shot all are judged on those users."""


@dataclass(frozen=True)
class Summary:
    """A metric of a method over the seeds; ``standard_error`` is the corrected one, None with a single seed."""

    protocol: str
    method: str
    metric: str
    mean: float
    standard_error: float | None
    seeds: int


@dataclass(frozen=True)
class Comparison:
    """A method minus the baseline on the same splits.

    Attributes:
        metric: but for few-shot it ends in ``@held-out`` where one of both is the ceiling.
        difference: mean over seeds of method - baseline.
        standard_error: corrected standard error of the difference; None with a single seed.
        seeds: number of seeds that both have.
    """

    protocol: str
    method: str
    baseline: str
    metric: str
    difference: float
    standard_error: float | None
    seeds: int

    @property
    def main_metric(self) -> str | None:
        """The metric without its suffix, over all judged users, or those of the ceiling; None over other users."""
        plain = self.metric.removesuffix(HELD_OUT)
        main = comparable(plain, self.protocol) if CEILING in (self.method, self.baseline) else plain
        return plain if self.metric == main else None


def comparable(metric: str, protocol: str) -> str:
    """The other methods' metric that is over the users of the ceiling's: in few-shot all are judged on these."""
    return metric if family(protocol) == FEW_SHOT else metric + HELD_OUT


def corrected_standard_error(values: Sequence[float]) -> float | None:
    """Standard error of a mean over J random splits of one data set.

    The sample variance times (1/J + n_test/n_train) in place of 1/J (Nadeau and Bengio 2003, "Inference for the
    generalization error", section 4): training sets overlap, so the splits are no independent samples.

    Args:
        values: one figure, or paired difference, per split.

    Returns:
        The standard error; None for fewer than two values.
    """
    if len(values) < 2:
        return None
    return math.sqrt(float(np.var(values, ddof=1)) * (1 / len(values) + SHARE / (1 - SHARE)))


def summary_table(rows: Iterable[ResultRow]) -> list[Summary]:
    """Mean and corrected standard error over seeds per protocol, method and metric, in the order of the rows."""
    found: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in rows:
        found[row.protocol, row.method, row.metric].append(row.value)
    return [
        Summary(protocol, method, metric, float(np.mean(values)), corrected_standard_error(values), len(values))
        for (protocol, method, metric), values in found.items()
    ]


def compare(rows: Iterable[ResultRow], baseline: str) -> list[Comparison]:
    """Compare every other method with one, split by split.

    Only figures over the same users are paired: the ceiling's with the others' ``@held-out`` ones.

    Args:
        rows: of :func:`newaisle.gnn.evaluation.runner.evaluate_splits`.
        baseline: the method that is subtracted.

    Returns:
        One comparison per protocol, method and metric that both have on at least one common seed, in row order.

    Raises:
        InputError: no row is of the baseline.
    """
    found: defaultdict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
    for row in rows:
        metric = comparable(row.metric, row.protocol) if row.method == CEILING else row.metric
        found[row.protocol, row.method, metric][row.seed] = row.value
    if baseline not in {method for _, method, _ in found}:
        raise InputError(f"There is no result of the method {baseline!r} to compare with; add it to the evaluation.")
    compared: list[Comparison] = []
    for (protocol, method, metric), values in list(found.items()):
        other = found.get((protocol, baseline, metric), {})
        differences = [value - other[seed] for seed, value in values.items() if seed in other]
        if method != baseline and differences:
            mean, error = float(np.mean(differences)), corrected_standard_error(differences)
            compared.append(Comparison(protocol, method, baseline, metric, mean, error, len(differences)))
    return compared


def differences(rows: Sequence[ResultRow], method: str) -> list[Comparison]:
    """One method minus every other, all metrics, in the order of the others."""
    others = dict.fromkeys(row.method for row in rows if row.method != method)
    return [found for other in others for found in compare(rows, other) if found.method == method]
