"""The plots of a report by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ....gnn.evaluation.methods.newaisle import Newaisle
from ....gnn.evaluation.protocols.names import FEW_SHOT, GENERALISED, family
from ....gnn.evaluation.runner import SplitResult
from ..evaluation import Evaluation
from .by_protocol import plot_confidence, plot_distance, plot_level, plot_ndcg, plot_variety
from .curves import plot_few_shot, plot_generalised

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS: Mapping[str, Callable[[Evaluation], Figure]] = {
    "ndcg": plot_ndcg,
    "few-shot": plot_few_shot,
    "generalised": plot_generalised,
    "level": plot_level,
    "confidence": plot_confidence,
    "distance": plot_distance,
    "variety": plot_variety,
}
"""File name without ``.png`` -> what plots it."""


def plotted(evaluation: Evaluation) -> dict[str, Evaluation]:
    """File name without ``.png`` -> the results in it; plots without any are left out."""
    parts = {name: evaluation.where(_SHOWN.get(name, _is_no_few_shot)) for name in PLOTS}
    return {name: part for name, part in parts.items() if part.results}


def _is_no_few_shot(result: SplitResult) -> bool:
    return family(result.protocol) != FEW_SHOT


def predicts_targets(result: SplitResult) -> bool:
    """Whether newaisle predicted numbers of single hidden targets."""
    return Newaisle.name in result.by_method and bool(result.by_method[Newaisle.name].targets)


_SHOWN: Mapping[str, Callable[[SplitResult], bool]] = {
    "few-shot": lambda result: family(result.protocol) == FEW_SHOT,
    "generalised": lambda result: result.protocol == GENERALISED,
    **dict.fromkeys(("level", "confidence", "distance"), predicts_targets),
}
"""Plot -> its results; other plots take all but few-shot."""
