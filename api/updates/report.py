"""What a model was fitted to, and what of it is worth a warning."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np

from ...errors import DataWarning
from ...gnn.model.settings import ModelSettings
from ...gnn.serving.state import ModelState
from ...graph import CatalogGraph, CleaningReport
from ...graph.event_weights import WeightedHistory
from ...loaders.summary.findings import MANY_UNKNOWN, few_further_purchases, no_new_targets, unknown_targets


@dataclass(frozen=True)
class FitReport:
    """What a model was fitted to.

    Attributes:
        users: with at least one event on a target of the catalog.
        pairs: of a user and a target that the user bought.
        sold: targets with sales at fit.
        new: targets without.
        history: how the table of interactions was cleaned, events on unknown targets counted; empty in a saved model.
        settings: chosen on pseudo-new targets, or given.
    """

    users: int
    pairs: int
    sold: int
    new: int
    groups: int
    history: CleaningReport
    settings: ModelSettings

    @classmethod
    def of(cls, state: ModelState) -> Self:
        """The report on a fitted model."""
        targets = int((~state.graph.is_group).sum())
        sold = len(state.model.regressor.seen)
        users = int((np.diff(state.signed.indptr) > 0).sum())
        return cls(
            users=users,
            pairs=state.bought.nnz,
            sold=sold,
            new=targets - sold,
            groups=int(state.graph.is_group.sum()),
            history=state.report,
            settings=state.model.settings,
        )

    def lines(self) -> list[str]:
        """A few lines for people."""
        factors, kernel = self.settings.factors, self.settings.kernel
        weights = sorted(((weight, name) for name, weight in kernel.weights.items() if weight > 0), reverse=True)
        shown = ", ".join(f"{name} {weight:.2g}" for weight, name in weights[:6])
        return [
            f"Learned from {self.pairs:,} pairs of a user and a target: {self.users:,} users, {self.sold:,} sold "
            f"targets; predicted: {self.new:,} new targets",
            f"Settings: rank {factors.rank}, alpha {factors.alpha:g}, regularisation {factors.regularization:g}; "
            f"weights of what is known of a target: {shown}{', …' if len(weights) > 6 else ''}",
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def warn_of_history(graph: CatalogGraph, sales: WeightedHistory) -> None:
    """Warn of many events on unknown targets, no new target and hardly any second purchase, before anything else."""
    unknown = unknown_targets(sales.events.report)
    if unknown is not None and unknown.share > MANY_UNKNOWN:
        warnings.warn(unknown.sentence, DataWarning, stacklevel=4)
    for finding in (no_new_targets(graph, sales.bought), few_further_purchases(sales.bought)):
        if finding is not None:
            warnings.warn(finding.sentence, DataWarning, stacklevel=4)
