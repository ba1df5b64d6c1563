"""Weights of events by kind: how strongly a view, a basket, a purchase or a dislike indicates preference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from ..arguments import expect, is_number
from ..arrays import FloatArray
from ..display import short, short_repr
from ..errors import InputError, InteractionsError
from .catalog.graph import CatalogGraph
from .interactions import Interactions
from .reading.kinds import known_weight


@dataclass(frozen=True)
class EventWeights:
    """Kind of event -> weight: below 0 is a dislike, 0 leaves the events out; kinds regardless of case.

    Attributes:
        given: finite (else :class:`InputError`); overrides :data:`newaisle.graph.reading.kinds.WELL_KNOWN`.
        strongest: the greatest weight among the kinds in the history; all weights are relative to it.
    """

    given: Mapping[str, float] = field(default_factory=dict)
    strongest: float = 1.0

    def __post_init__(self) -> None:
        expect(self.given, Mapping, "kinds", "give a mapping of kinds of events to weights")
        for kind, weight in self.given.items():
            if isinstance(weight, bool) or not is_number(weight):
                raise InputError(f"The weight of events of the kind {kind!r} is {short(weight)}; give a finite number.")

    def weight(self, kind: str) -> float:
        """The weight of a kind, before division by the strongest."""
        known = known_weight(kind, self.given)
        return 1.0 if known is None else known

    def weights(self, events: Interactions) -> FloatArray:
        """Weights of events over the strongest kind, clipped to -1 to 1, float64 (e,); 1 without a column of kinds."""
        if events.event is None:
            return np.ones(len(events))
        kinds, which = events.kinds_of_events
        own = np.array([self.weight(kind) for kind in kinds])
        return np.asarray(np.clip(own / self.strongest, -1.0, 1.0)[which], dtype=np.float64)


def stronger(one: FloatArray, other: FloatArray) -> FloatArray:
    """The greater weight of each pair (0: none), the lower where one is below 0 (a dislike), float64 (pairs,)."""
    low = np.minimum(one, other)
    return np.where(low < 0, low, np.maximum(one, other))


@dataclass(frozen=True, eq=False)
class WeightedHistory:
    """A history as the model is fitted to it, on the n known targets and groups, without kinds of weight 0.

    Attributes:
        signed: weight of each pair, below 0 for dislikes, CSR (users, n).
        bought: quantities times weights, summed, of the pairs above 0, CSR (users, n).
    """

    events: Interactions
    kinds: EventWeights
    signed: sp.csr_array
    bought: sp.csr_array

    __repr__ = short_repr

    @classmethod
    def of(
        cls, history: Interactions, graph: CatalogGraph, given: Mapping[str, float] | None = None
    ) -> WeightedHistory:
        """Weigh a history without unknown targets; InteractionsError where nothing, or nothing positive, remains."""
        events, kinds = history.restrict(graph), EventWeights({**history.kinds, **(given or {})})
        if events.event is not None:
            present, _ = events.kinds_of_events
            strongest = max(map(kinds.weight, present))
            if strongest <= 0:
                raise InteractionsError(
                    "No interaction is positive: the kinds of all events "
                    f"({', '.join(present[:5])}) weigh 0 or less; give one of them a weight "
                    "above 0, or other events."
                )
            kinds = replace(kinds, strongest=strongest)
        weights = kinds.weights(events)
        if not weights.all():
            events, weights = events.where(weights != 0), weights[weights != 0]
        starts = np.flatnonzero(np.r_[True, (np.diff(events.user) != 0) | (np.diff(events.target) != 0)])
        pair = stronger(*(pick.reduceat(weights, starts) for pick in (np.minimum, np.maximum)))
        first = np.zeros(len(events), dtype=np.bool_)
        first[starts] = True
        signed = replace(events.where(first), weight=pair).matrix(graph)
        wanted = np.repeat(pair > 0, np.diff(np.r_[starts, len(events)]))
        if not wanted.any():
            raise InteractionsError(
                "No pair of user and target is positive: whoever bought a target dislikes it too; give more events."
            )
        return cls(events, kinds, signed, replace(events, weight=events.weight * weights).where(wanted).matrix(graph))
