"""The targets that an answer chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from ...arrays import FloatArray, IntArray
from ...display import short, short_repr
from ...errors import InputError
from ...graph import CatalogGraph, Id
from ..retrieval.topk import TargetIndex

Among = Literal["new", "seen", "all"] | Sequence[Id]
"""Targets without sales at fit, those with some, both, or own ids."""

_NONE = {
    "new": "all of its targets have sales; choose among 'seen' or 'all'",
    "seen": "none of its targets has sales; choose among 'new' or 'all'",
    "all": "it has groups only; choose some of them by their ids",
}


@dataclass(frozen=True, eq=False)
class Candidates:
    """Targets to choose from.

    Attributes:
        targets: their positions, int64 (t,), ascending.
        index: searches them by their vectors.
        place: position of any target or group -> place among these, -1 where it is none, int64 (n,).
    """

    targets: IntArray
    index: TargetIndex
    place: IntArray

    __repr__ = short_repr

    @classmethod
    def of(cls, targets: IntArray, vectors: FloatArray) -> Self:
        """Some targets by position, out of the unit vectors of all targets and groups, float64 (n, rank + 2)."""
        place = np.full(len(vectors), -1, dtype=np.int64)
        place[targets] = np.arange(len(targets))
        return cls(targets, TargetIndex(vectors[targets]), place)


def positions_among(graph: CatalogGraph, seen: IntArray, among: Among) -> IntArray:
    """Positions of the targets meant by ``among``, ascending, at least one; groups only where their ids are given."""
    if not isinstance(among, str):
        positions = np.unique(graph.ids.positions(among))
        if not len(positions):
            raise InputError("The list of targets to choose from is empty; give target ids, 'new', 'seen' or 'all'.")
        return positions
    if among not in ("new", "seen", "all"):
        raise InputError(f"among is {short(among)}; give 'new', 'seen', 'all' or a list of target ids.")
    wanted = ~graph.is_group
    if among != "all":
        is_seen = np.zeros(len(graph), dtype=np.bool_)
        is_seen[seen] = True
        wanted = wanted & (is_seen if among == "seen" else ~is_seen)
    if not wanted.any():
        raise InputError(f"The catalog has no target among {among!r}: {_NONE[among]}.")
    return np.flatnonzero(wanted)
