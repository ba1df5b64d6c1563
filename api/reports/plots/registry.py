"""Which pictures a report has: those that have something to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ....gnn.evaluation.methods.newaisle import Newaisle
from ....gnn.evaluation.protocols.names import FEW_SHOT, GENERALISED, family
from ....gnn.evaluation.runner import SplitResult
from ..evaluation import Evaluation
from .by_protocol import draw_confidence, draw_distance, draw_level, draw_ndcg, draw_variety
from .curves import draw_few_shot, draw_generalised

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS: Mapping[str, Callable[[Evaluation], Figure]] = {
    "ndcg": draw_ndcg,
    "few-shot": draw_few_shot,
    "generalised": draw_generalised,
    "level": draw_level,
    "confidence": draw_confidence,
    "distance": draw_distance,
    "variety": draw_variety,
}
"""File name without ``.png`` -> what draws it."""


def pictured(evaluation: Evaluation) -> dict[str, Evaluation]:
    """File name without ``.png`` -> the part of the evaluation that is in it; pictures of nothing are left out."""
    parts = {name: evaluation.where(_SHOWN.get(name, _stands_alone)) for name in PLOTS}
    return {name: part for name, part in parts.items() if part.results}


def _is_few_shot(result: SplitResult) -> bool:
    return family(result.protocol) == FEW_SHOT


def _stands_alone(result: SplitResult) -> bool:
    return not _is_few_shot(result)


def tells_of_targets(result: SplitResult) -> bool:
    """Whether newaisle said what it expects of single hidden targets."""
    return Newaisle.name in result.by_method and bool(result.by_method[Newaisle.name].targets)


_SHOWN: Mapping[str, Callable[[SplitResult], bool]] = {
    "few-shot": _is_few_shot,
    "generalised": lambda result: result.protocol == GENERALISED,
    **dict.fromkeys(("level", "confidence", "distance"), tells_of_targets),
}
