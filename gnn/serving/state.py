"""What a fitted recommender knows, and what is derived from it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from ...arrays import BoolArray, FloatArray, IntArray
from ...errors import InputError
from ...graph import CatalogGraph, Id, Ids, Interactions
from ...graph.event_weights import EventWeights, WeightedHistory
from ..calibration.confidence import popularity_errors
from ..calibration.held_out import HeldOutTargets
from ..model.cosine_softmax import augment_users, user_embeddings
from ..model.model import LatentFactorModel
from ..online.events import EventLog
from ..online.fold_in import UserHistory, fold_in
from ..online.relearn import TrainingBuyers
from ..propagation.schema import FeatureSchema
from ..retrieval.topk import TargetIndex
from ..text.clusters import Clusters
from ..utils import replace_keeping_cache

Among = Literal["new", "seen", "all"] | Sequence[Id]
"""Targets without sales at fit, those with some, both, or own ids."""


def as_list(ids: Id | Sequence[Id]) -> list[Id]:
    """One own id or several (a column of a table or an array will do) as a list."""
    return [ids] if isinstance(ids, str | int | np.integer) else list(ids)


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


@dataclass(frozen=True, eq=False)
class ModelState:
    """What a fitted recommender knows.

    Attributes:
        graph: the catalog of n targets and groups: those of fit time, then those added since.
        users: own ids of the users of fit time. A user is meant by the row here, those who came later by what follows.
        bought: summed quantities of the history of fit time, without what is disliked, CSR (users, n).
        signed: weight of every pair of it, below 0 for what is disliked, CSR (users, n).
        kinds: what events of each kind weigh.
        model: the model.
        encoder: name of the text encoder, None without texts.
        seed: what it was fitted with.
        backend: the table library that results come in (None: Arrow).
        window: how long the history of fit time is, in microseconds; 0 where unknown.
        newcomers: own ids of the users who came after the fit.
        event_log: what happened after the fit.
        schema: what describes targets that are added later.
        clusters: of texts, where they are relations of the graph.
    """

    graph: CatalogGraph
    users: Ids
    bought: sp.csr_array
    model: LatentFactorModel
    encoder: str | None
    seed: int
    backend: ModuleType | None = None
    window: int = 0
    newcomers: Ids = field(default_factory=lambda: Ids((), "user"))
    event_log: EventLog = field(default_factory=EventLog)
    schema: FeatureSchema = field(kw_only=True)
    signed: sp.csr_array = field(kw_only=True)
    kinds: EventWeights = field(default_factory=EventWeights, kw_only=True)
    clusters: Clusters | None = field(default=None, kw_only=True)

    def renewed(self, model: LatentFactorModel, event_log: EventLog, newcomers: Ids) -> Self:
        """The same users and purchases of fit time, and what else has become known."""
        same = ("buyers", "typical_activity", "level_errors", "id_column", "name_column")
        return replace_keeping_cache(self, same, model=model, event_log=event_log, newcomers=newcomers)

    @cached_property
    def buyers(self) -> TrainingBuyers:
        """``signed`` by target."""
        return TrainingBuyers(sp.csc_array(self.signed), self.model.factors)

    @cached_property
    def level_errors(self) -> FloatArray:
        """How far off the level of each seen target is, foreseen from the others, as a logarithm, float64 (seen,)."""
        model, seen = self.model, self.model.regressor.seen
        users, foreseen = (
            augment_users(model.factors.users),
            model.settings.as_new(model.prior.mean[seen], model.popularity[seen]),
        )
        held_out = HeldOutTargets(users, self.bought, self.bought, foreseen, seen, self.seed)
        return popularity_errors(*held_out.shares(model.calibration))

    @cached_property
    def vectors(self) -> FloatArray:
        """z, the unit vectors of all targets and groups, float64 (n, rank + 2)."""
        return self.model.embeddings(np.arange(len(self.graph)))

    @cached_property
    def confidence(self) -> FloatArray:
        """How sure the model is of each target or group, 0 to 1, float64 (n,)."""
        return self.model.confidence

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

    def rows(self, ids: Sequence[Id]) -> IntArray:
        """The rows of users by own id, those who came after the fit included, int64 (ids,).

        Raises:
            UnknownIdError: nobody knows one of them; up to five are named.
        """
        found = self.users.find(ids)
        later = self.newcomers.find(ids)
        self.users.positions([own for own, *at in zip(ids, found, later, strict=True) if max(at) < 0])  # tells who
        return np.where(found < 0, later + len(self.users), found)

    def user_id(self, row: int) -> Id:
        """The own id of a user."""
        known = len(self.users)
        return self.users.values[row] if row < known else self.newcomers.values[row - known]

    def past(self, row: int) -> UserHistory:
        """What a user did until now."""
        return self.event_log.past(row, *self.told(row), self.window)

    def history(self, row: int) -> IntArray:
        """Positions of what a user bought until now and does not dislike, ascending."""
        if not len(self.event_log):
            own, weight = self.told(row)
            return own[weight > 0]
        past = self.past(row)
        return np.sort(np.concatenate([past.bought, past.liked]))

    def before(self, rows: IntArray, targets: IntArray) -> FloatArray:
        """What pairs of user and target weighed at fit, 0 where nothing was known, float64 (pairs,)."""
        found = np.zeros(len(rows))
        for pair, (row, target) in enumerate(zip(rows.tolist(), targets.tolist(), strict=True)):
            own, weight = self.told(row)
            found[pair] = weight[own == target].sum()
        return found

    def weights(self, row: int) -> dict[int, float]:
        """Position of what a user bought -> summed weight until the fit, 1 for what was bought since."""
        found = dict.fromkeys(self.history(row).tolist(), 1.0)
        if row < len(self.users):
            own = self.bought[[row]]
            found |= {at: w for at, w in zip(own.indices.tolist(), own.data.tolist(), strict=True) if at in found}
        return found

    def disliked(self, row: int) -> IntArray:
        """Positions of what a user dislikes, ascending."""
        if len(self.event_log):
            return self.past(row).disliked
        own, weight = self.told(row)
        return own[weight < 0]

    def told(self, row: int) -> tuple[IntArray, FloatArray]:
        """Positions of what a user bought or disliked until the fit, ascending, and the weights."""
        if row >= len(self.users):
            return np.empty(0, dtype=np.int64), np.empty(0)
        here = slice(self.signed.indptr[row], self.signed.indptr[row + 1])
        return self.signed.indices[here].astype(np.int64), self.signed.data[here]

    def user_vectors(self, rows: IntArray) -> FloatArray:
        """Vectors p of users, with the events since the fit folded in, float64 (rows, rank)."""
        factors = self.model.factors
        vectors = np.tile(factors.mean_user, (len(rows), 1))
        known = rows < len(self.users)
        vectors[known] = factors.user_vectors(rows[known])
        for place in np.flatnonzero(self.active(rows)).tolist():
            vectors[place] = fold_in(self.model, self.past(int(rows[place])))
        return vectors

    def activity(self, rows: IntArray) -> IntArray:
        """How many targets users bought; what is typical where that is none, int64 (rows,)."""
        known = rows < len(self.users)
        found = np.zeros(len(rows), dtype=np.int64)
        found[known] = np.diff(self.bought.indptr)[rows[known]]
        for place in np.flatnonzero(self.active(rows)).tolist():
            found[place] = len(self.history(int(rows[place])))
        return np.where(found, found, self.typical_activity)

    def active(self, rows: IntArray) -> BoolArray:
        """Which users did something since the fit, bool (rows,)."""
        first, end = (np.searchsorted(self.event_log.user, edge) for edge in (rows, rows + 1))
        return np.asarray(first < end)

    def choose(self, among: Among) -> Candidates:
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
    def _choices(self) -> dict[str, Candidates]:
        return {}

    def _meant(self, among: str) -> IntArray:
        if among not in ("new", "seen", "all"):
            raise InputError(f"among is {among!r}; give 'new', 'seen', 'all' or a list of target ids.")
        wanted = ~self.graph.is_group
        if among != "all":
            is_seen = np.zeros(len(self.graph), dtype=np.bool_)
            is_seen[self.model.regressor.seen] = True
            wanted = wanted & (is_seen if among == "seen" else ~is_seen)
        if not wanted.any():
            raise InputError(f"The catalog has no target among {among!r}; ask among others.")
        return np.flatnonzero(wanted)

    def _chosen(self, targets: IntArray) -> Candidates:
        place = np.full(len(self.graph), -1, dtype=np.int64)
        place[targets] = np.arange(len(targets))
        return Candidates(targets, TargetIndex(self.vectors[targets]), place)


def fitted_to(
    sales: WeightedHistory,
    graph: CatalogGraph,
    model: LatentFactorModel,
    encoder: str | None,
    seed: int,
    schema: FeatureSchema,
    clusters: Clusters | None = None,
) -> ModelState:
    """What a recommender knows right after the fit to a history."""
    events = sales.events
    backend, window = events.backend, window_of(events)
    return ModelState(
        graph,
        events.users,
        sales.bought,
        model,
        encoder,
        seed,
        backend,
        window,
        schema=schema,
        signed=sales.signed,
        kinds=sales.kinds,
        clusters=clusters,
    )


def window_of(history: Interactions) -> int:
    """How long a history is, in microseconds; 0 where times are unknown."""
    if history.timestamp is None:
        return 0
    first, last = history.timestamp.min(), history.timestamp.max()
    return int((last - first).astype("timedelta64[us]").astype(np.int64))
