"""What a fitted recommender knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...display import summary_repr
from ...graph import CatalogGraph, CleaningReport, Id, Ids, Interactions
from ...graph.event_weights import EventWeights, WeightedHistory
from ...graph.reading.verb import Verb
from ...sharing import FieldsOnly
from ..calibration.confidence import popularity_errors
from ..calibration.left_out import LeftOutTargets
from ..model.cosine_softmax import augment_users, user_embeddings
from ..model.model import LatentFactorModel
from ..online.events import EventLog
from ..online.fold_in import fold_in
from ..online.relearn import TrainingBuyers
from ..propagation.schema import FeatureSchema
from ..text.clusters import Clusters
from ..utils import replace_keeping_cache
from .candidates import Among, Candidates, positions_among
from .histories import UserHistories


@dataclass(frozen=True, eq=False)
class ModelState(FieldsOnly):
    """A fitted model with its catalog and the histories of its users.

    Attributes:
        graph: the catalog of n targets and groups: those of fit time, then those added since.
        users: own ids of the users of fit time; ``newcomers`` came later.
        bought: summed quantities of the history of fit time, without what is disliked, CSR (users, n).
        signed: weight of every pair of it, below 0 for what is disliked, CSR (users, n).
        schema: describes targets that are added later.
        encoder: name of the text encoder, None without texts.
        encoder_confirmed: False where a folder alone names it, so that it is not loaded.
        clusters: of texts, where they are relations of the graph.
        backend: name of the table library of results (None: Arrow).
        verb: what users do with targets, for sentences.
        window: length of the history of fit time in microseconds; 0 where unknown.
        report: how its table was cleaned, unknown targets counted; empty in a saved model.
        event_log: what happened after the fit.
    """

    graph: CatalogGraph
    users: Ids
    bought: sp.csr_array
    signed: sp.csr_array
    kinds: EventWeights
    model: LatentFactorModel
    schema: FeatureSchema
    encoder: str | None
    seed: int
    clusters: Clusters | None = None
    backend: str | None = None
    window: int = 0
    verb: Verb = field(default_factory=Verb)
    encoder_confirmed: bool = True
    report: CleaningReport = field(default_factory=CleaningReport)
    newcomers: Ids = field(default_factory=lambda: Ids((), "user"))
    event_log: EventLog = field(default_factory=EventLog)

    def __repr__(self) -> str:
        return summary_repr(self, self.summary)

    @property
    def summary(self) -> dict[str, object]:
        """Counts for people, by name."""
        groups, seen = int(self.graph.is_group.sum()), len(self.model.regressor.seen)
        return {
            "seen targets": seen,
            "new targets": len(self.graph) - groups - seen,
            "groups": groups,
            "users": len(self.users) + len(self.newcomers),
            "factors": self.model.settings.factors.rank,
        }

    @classmethod
    def from_fit(
        cls,
        sales: WeightedHistory,
        graph: CatalogGraph,
        model: LatentFactorModel,
        schema: FeatureSchema,
        *,
        encoder: str | None,
        seed: int,
        clusters: Clusters | None,
    ) -> Self:
        """The state right after the fit to a history."""
        return cls(
            graph=graph,
            users=sales.events.users,
            bought=sales.bought,
            signed=sales.signed,
            kinds=sales.kinds,
            verb=sales.events.verb,
            model=model,
            schema=schema,
            encoder=encoder,
            seed=seed,
            clusters=clusters,
            backend=sales.events.backend,
            window=_window(sales.events),
            report=sales.events.report,
        )

    def renewed(self, model: LatentFactorModel, event_log: EventLog, newcomers: Ids) -> Self:
        """The same users and purchases of fit time, with what has been learned since."""
        same = ("buyers", "typical_activity", "level_errors", "id_column", "name_column")
        return replace_keeping_cache(self, same, model=model, event_log=event_log, newcomers=newcomers)

    @cached_property
    def histories(self) -> UserHistories:
        """What each user did, until the fit and since."""
        return UserHistories(self.users, self.newcomers, self.bought, self.signed, self.event_log, self.window)

    @cached_property
    def buyers(self) -> TrainingBuyers:
        """``signed`` by target."""
        return TrainingBuyers(sp.csc_array(self.signed), self.model.factors)

    @cached_property
    def level_errors(self) -> FloatArray:
        """Errors of the popularity of each seen target, predicted from the others, as logarithms, float64 (seen,)."""
        model, seen = self.model, self.model.regressor.seen
        users = augment_users(model.factors.users)
        predicted = model.settings.as_new(model.prior.mean[seen], model.popularity[seen])
        left_out = LeftOutTargets(
            model.factors, users, self.bought, self.signed, predicted, seen, model.popularity[seen], self.seed
        )
        return popularity_errors(*left_out.shares(model.calibration, model.new_customers))

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

    def user_column(self, ids: Sequence[Id | None]) -> Any:
        """Own ids of users as an Arrow array of the type of all ids, also where there is none."""
        known = self.users.values or self.newcomers.values
        return pa.array(ids, type=pa.array(known[:1]).type)

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

    def user_vectors(self, rows: IntArray) -> FloatArray:
        """Vectors p of users by row, with the events since the fit folded in, float64 (rows, rank)."""
        factors, histories = self.model.factors, self.histories
        vectors = np.tile(factors.mean_user, (len(rows), 1))
        known = rows < len(self.users)
        vectors[known] = factors.user_vectors(rows[known])
        for place in np.flatnonzero(histories.active(rows)).tolist():
            vectors[place] = fold_in(self.model, histories.until_now(int(rows[place])))
        return vectors

    def activity(self, rows: IntArray) -> IntArray:
        """How many targets users bought, int64 (rows,)."""
        return self.histories.activity(rows)

    def choose(self, among: Among) -> Candidates:
        """The targets meant by ``among``; groups only where their ids are given."""
        if isinstance(among, str) and among in self._choices:
            return self._choices[among]
        candidates = Candidates.of(positions_among(self.graph, self.model.regressor.seen, among), self.vectors)
        if isinstance(among, str):
            self._choices[among] = candidates
        return candidates

    @cached_property
    def _choices(self) -> dict[str, Candidates]:
        """The candidates of "new", "seen" and "all", once they were wanted."""
        return {}


def _window(history: Interactions) -> int:
    """How long a history is, in microseconds; 0 where times are unknown."""
    if history.timestamp is None:
        return 0
    first, last = history.timestamp.min(), history.timestamp.max()
    return int((last - first).astype("timedelta64[us]").astype(np.int64))
