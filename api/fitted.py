"""What a fitted recommender knows, and what is derived from it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from ..gnn.scoring import user_embeddings
from ..gnn.space import Space
from ..gnn.topk import TargetIndex
from ..graph import CatalogGraph, Id, Ids
from ..graph.catalog import FloatArray, IntArray
from ..graph.errors import InputError

Among = Literal["new", "seen", "all"] | Sequence[Id]
"""Targets without sales at fit, those with some, both, or own ids."""


@dataclass(frozen=True, eq=False)
class Choice:
    """Targets to choose from.

    Attributes:
        targets: their positions, int64 (t,), ascending.
        index: searches them by their vectors.
        place: position of any target or group -> place among these, -1 where it is none, int64 (n,).
    """

    targets: IntArray
    index: TargetIndex
    place: IntArray


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fitted recommender knows.

    Attributes:
        graph: the catalog of n targets and groups at fit time.
        users: own ids of the users.
        bought: summed weights of the history, CSR (users, n).
        space: the model.
        encoder: name of the text encoder, None without texts.
        seed: what it was fitted with.
        backend: the table library that results come in (None: Arrow).
    """

    graph: CatalogGraph
    users: Ids
    bought: sp.csr_array
    space: Space
    encoder: str | None
    seed: int
    backend: ModuleType | None = None

    @cached_property
    def vectors(self) -> FloatArray:
        """z, the unit vectors of all targets and groups, float64 (n, rank + 1)."""
        return self.space.embeddings(np.arange(len(self.graph)))

    @cached_property
    def confidence(self) -> FloatArray:
        """How sure the model is of each target or group, 0 to 1, float64 (n,)."""
        return self.space.confidence

    @cached_property
    def typical_activity(self) -> int:
        """How many targets the median user with a history bought."""
        sizes = np.diff(self.bought.indptr)
        return int(np.median(sizes[sizes > 0]))

    @cached_property
    def id_column(self) -> Any:
        """Own ids of all targets and groups as an Arrow array."""
        return pa.array(self.graph.ids.values)

    @cached_property
    def name_column(self) -> Any:
        """Names of all targets and groups as an Arrow array."""
        return pa.array(self.graph.names)

    def score(self, users: FloatArray, targets: IntArray) -> FloatArray:
        """``cos(f_u, z_c)`` of user vectors p (users, rank) and targets by position, float64 (users, targets)."""
        return user_embeddings(users) @ self.vectors[targets].T

    def history(self, row: int) -> IntArray:
        """Positions of what a user bought, ascending."""
        return self.bought.indices[self.bought.indptr[row] : self.bought.indptr[row + 1]].astype(np.int64)

    def choose(self, among: Among) -> Choice:
        """The targets meant by ``among``; groups are among them only where their ids are given.

        Raises:
            InputError: none is meant, or the word is another than "new", "seen" and "all".
            UnknownIdError: an id that was not there at fit.
        """
        if isinstance(among, str):
            if among not in self._choices:
                self._choices[among] = self._chosen(self._meant(among))
            return self._choices[among]
        found = np.unique(self.graph.ids.positions(among))
        if not len(found):
            raise InputError("The list of targets to choose from is empty; give target ids, 'new', 'seen' or 'all'.")
        return self._chosen(found)

    @cached_property
    def _choices(self) -> dict[str, Choice]:
        return {}

    def _meant(self, among: str) -> IntArray:
        if among not in ("new", "seen", "all"):
            raise InputError(f"among is {among!r}; give 'new', 'seen', 'all' or a list of target ids.")
        wanted = ~self.graph.is_group
        if among != "all":
            is_seen = np.zeros(len(self.graph), dtype=np.bool_)
            is_seen[self.space.head.seen] = True
            wanted = wanted & (is_seen if among == "seen" else ~is_seen)
        if not wanted.any():
            raise InputError(f"The catalog has no target among {among!r}; ask among others.")
        return np.flatnonzero(wanted)

    def _chosen(self, targets: IntArray) -> Choice:
        place = np.full(len(self.graph), -1, dtype=np.int64)
        place[targets] = np.arange(len(targets))
        return Choice(targets, TargetIndex(self.vectors[targets]), place)
