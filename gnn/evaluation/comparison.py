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
"""Its plain figures are over users of its own, those of the others' ``@held-out`` figures."""


@dataclass(frozen=True)
class Summary:
    """Mean of a metric over the seeds with corrected standard error, None with a single seed."""

    protocol: str
    method: str
    metric: str
    mean: float
    standard_error: float | None
    seeds: int


@dataclass(frozen=True)
class Comparison:
    """A method minus the baseline, mean over common seeds with corrected standard error (None with a single seed).

    ``metric`` ends in ``@held-out`` where one of both is the ceiling, except in few-shot.
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
        """The metric without suffix if it is over all judged users, or those of a compared ceiling; else None."""
        plain = self.metric.removesuffix(HELD_OUT)
        main = comparable(plain, self.protocol) if CEILING in (self.method, self.baseline) else plain
        return plain if self.metric == main else None


def comparable(metric: str, protocol: str) -> str:
    """The other methods' metric over the ceiling's users: in few-shot all are judged on these."""
    return metric if family(protocol) == FEW_SHOT else metric + HELD_OUT


def corrected_standard_error(values: Sequence[float]) -> float | None:
    """Standard error of a mean over J random splits of one data set; None for fewer than two values.

    Sample variance times (1/J + n_test/n_train) in place of 1/J, as training sets overlap (Nadeau and Bengio 2003,
    "Inference for the generalization error", section 4).
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
    """Compare every other method with the baseline on common seeds, the ceiling by others' ``@held-out`` figures."""
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
