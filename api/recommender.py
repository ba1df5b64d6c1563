"""The front door: fit on a catalog and its sales, then ask who should see what is new, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Self

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from ..gnn.encoder import PACKAGED
from ..gnn.propagation import propagate
from ..gnn.reasons import history_shares, source_shares
from ..gnn.space import Space, SpaceSettings, Tell, fit_space
from ..graph import CatalogGraph, Id, Ids, Interactions
from ..graph.catalog import FloatArray, IntArray
from ..graph.errors import InputError, ModelError, NotFittedError
from ..graph.frames import Table, to_frame
from .encoding import encode_catalog
from .settings import Settings

Among = Literal["new", "seen", "all"] | Sequence[Id]


@dataclass(frozen=True)
class Reason:
    """One summand of a score or of an embedding.

    Attributes:
        target: own id of the target that speaks for it.
        name: its name.
        share: its part of the sum, which may be negative.
    """

    target: Id
    name: str
    share: float


@dataclass(frozen=True)
class Explanation:
    """Why a user is shown a target.

    Attributes:
        user: own id of the user.
        target: own id of the target.
        score: the cosine score.
        history: what each bought target contributes, the most first and what speaks against it last; adds up to the
            score. Empty for a user without history, whose score is that of the mean user.
        sources: what each seen target contributes to the score through the target's embedding, the most first.
        own_sales: what the target's own sales add; with all ``sources`` it adds up to the score.
    """

    user: Id
    target: Id
    score: float
    history: tuple[Reason, ...]
    sources: tuple[Reason, ...]
    own_sales: float


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


class Recommender:
    """Recommends targets, those that nobody has bought yet first of all.

    Args:
        seed: of everything random; the same seed gives the same numbers.
        encoder: text encoder: ``packaged:all-MiniLM-L6-v2``, a local folder or a hub name; None leaves texts out.
        settings: numbers of the model; None chooses them on pseudo-new targets.
        cache: file that keeps text embeddings between fits; None for the one in ``NEWAISLE_HOME``.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        encoder: str | None = PACKAGED,
        settings: SpaceSettings | None = None,
        cache: Path | None = None,
    ) -> None:
        self.seed = seed
        self.encoder = encoder
        self.settings = settings
        self.cache = cache or Settings().encodings
        self._fitted: Fitted | None = None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved recommender.

        Raises:
            ModelFormatError: the folder is missing, foreign, corrupted or of another version.
        """
        from .persistence import load_fitted

        fitted = load_fitted(Path(path))
        made = cls(seed=fitted.seed, encoder=fitted.encoder, settings=fitted.space.settings)
        made._fitted = fitted
        return made

    def save(self, path: str | Path) -> None:
        """Write the recommender to a folder: safetensors, Parquet, config.json. An older model there is replaced whole.

        Raises:
            NotFittedError: nothing to save yet.
            ModelFormatError: the folder holds something else than a model.
        """
        from .persistence import save_fitted

        save_fitted(self.fitted, Path(path))

    @property
    def fitted(self) -> Fitted:
        """What was fitted.

        Raises:
            NotFittedError: :meth:`fit` was not called.
        """
        if self._fitted is None:
            raise NotFittedError("The recommender is not fitted; call fit(graph, history) or Recommender.load(path).")
        return self._fitted

    def fit(self, graph: CatalogGraph, history: Interactions, *, tell: Tell | None = None) -> Self:
        """Learn from a catalog and its sales.

        Args:
            graph: the catalog; targets without any interaction are new.
            history: the interactions; those of targets that the graph does not know are left out.
            tell: is told one line per step.

        Raises:
            InteractionsError: no interaction is on a known target.
            ModelError: nothing can be learned from the catalog, or the encoder cannot be loaded.
        """
        known = history.restrict(graph)
        encoded = encode_catalog(graph, self.encoder, self.cache, tell)
        blocks = propagate(graph, encoded.texts, encoded.names)
        if not blocks.names:
            raise ModelError(
                f"The catalog {graph.source!r} has no texts, parents, attributes or features that differ between "
                "targets, so nothing leads to new ones; add some of them."
            )
        bought = known.matrix(graph)
        space = fit_space(graph, bought, blocks, seed=self.seed, settings=self.settings, tell=tell)
        self._fitted = Fitted(graph, known.users, bought, space, self.encoder, self.seed, history.backend)
        return self

    def recommend(
        self, users: Id | Sequence[Id] | None, k: int = 20, *, among: Among = "new", exclude_bought: bool = True
    ) -> Table:
        """The best targets for users.

        Args:
            users: one own id or several; None is a user without history, who gets the mean user's vector.
            k: targets per user; fewer where there are fewer.
            among: "new" (no sales at fit), "seen", "all", or own ids. Groups only where their ids are given.
            exclude_bought: leave out what the user bought.

        Returns:
            A table in the library of the history with the columns ``user, target, name, score, probability,
            confidence``, best first: score is the cosine (-1 to 1), probability the chance that the user buys the
            target within a time as long as that of the history (:meth:`probabilities`), confidence 0 to 1.

        Raises:
            InputError: ``k`` is 0 or below, or no target is meant.
            UnknownIdError: a user or target that was not there at fit.
        """
        fitted = self.fitted
        if k < 1:
            raise InputError(f"k is {k}; ask for 1 target or more.")
        # by what one id is, since columns of tables and arrays are no Sequence
        wanted: list[Id | None] = [users] if users is None or isinstance(users, _ONE_ID) else list(users)
        if not wanted:
            raise InputError("There is no user to recommend to; give at least one user id.")
        targets = self._targets(among)
        vectors = self._user_vectors(wanted)
        scores = fitted.space.score(vectors, targets)
        probabilities = fitted.space.chance(vectors, self._activity(wanted), targets)
        rows: dict[str, list[object]] = {name: [] for name in RESULT_COLUMNS}
        confidence = fitted.space.confidence
        for row, user in enumerate(wanted):
            allowed = np.ones(len(targets), dtype=np.bool_)
            if exclude_bought and user is not None:
                allowed = ~np.isin(targets, self._history(user))
            order = np.argsort(-scores[row], kind="stable")
            best = order[allowed[order]][:k]
            rows["user"] += [user] * len(best)
            rows["target"] += [fitted.graph.ids.values[targets[i]] for i in best]
            rows["name"] += [fitted.graph.names[targets[i]] for i in best]
            rows["score"] += scores[row, best].tolist()
            rows["probability"] += probabilities[row, best].tolist()
            rows["confidence"] += confidence[targets[best]].tolist()
        return to_frame(rows, fitted.backend)

    @staticmethod
    def table_columns(table: Table) -> dict[str, list[Any]]:
        """A result table as lists by column, whatever library it is in."""
        return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}

    def probabilities(
        self,
        users: Sequence[Id | None],
        targets: Sequence[Id],
        *,
        rule: Literal["calibrated", "article"] = "calibrated",
    ) -> FloatArray:
        """How likely users are to buy targets, float64 (users, targets).

        Args:
            users: own ids, None for a user without history.
            targets: own ids.
            rule: "calibrated" is the chance of a purchase within a time as long as that of the history, for targets on
                sale and shown as the sold ones were; "article" the softmax of the cosine scores over ``targets``.

        Raises:
            InputError: an unknown rule.
            UnknownIdError: a user or target that was not there at fit.
        """
        space, positions = self.fitted.space, self.fitted.graph.ids.positions(targets)
        vectors = self._user_vectors(users)
        if rule == "article":
            return space.probabilities(space.score(vectors, positions), tau=1.0)
        if rule == "calibrated":
            return space.chance(vectors, self._activity(users), positions)
        raise InputError(f"The rule is {rule!r}; give 'calibrated' or 'article'.")

    def score(self, users: Sequence[Id | None], targets: Sequence[Id]) -> FloatArray:
        """Cosine scores, float64 (users, targets), the same numbers as :meth:`recommend` gives."""
        return self.fitted.space.score(self._user_vectors(users), self.fitted.graph.ids.positions(targets))

    def explain(self, user: Id, target: Id) -> Explanation:
        """Why a user is shown a target, as two exact sums.

        Raises:
            UnknownIdError: a user or target that was not there at fit.
        """
        fitted, space = self.fitted, self.fitted.space
        position, history = fitted.graph.ids.position(target), self._history(user)
        vector = self._user_vectors([user])[0]
        scale = float(np.linalg.norm(vector)) * space.longest
        weights, own = source_shares(space, position)
        through = weights * (space.head.factors @ vector) / scale
        shares = history_shares(space, history, position)
        first, order = np.argsort(-shares, kind="stable"), np.argsort(-through, kind="stable")
        return Explanation(
            user,
            target,
            float(space.score(vector[None, :], np.array([position]))[0, 0]),
            self._reasons(history[first], shares[first]),
            self._reasons(space.head.seen[order], through[order]),
            float(own @ vector / scale),
        )

    def resembles(self, target: Id, k: int = 10) -> tuple[Reason, ...]:
        """The seen targets whose factors weigh most in a target's vector, strongest first; a share is such a weight.

        Raises:
            UnknownIdError: a target that was not there at fit.
        """
        space = self.fitted.space
        weights, _ = source_shares(space, self.fitted.graph.ids.position(target))
        order = np.argsort(-np.abs(weights), kind="stable")[:k]
        return self._reasons(space.head.seen[order], weights[order])

    def _reasons(self, positions: IntArray, shares: FloatArray) -> tuple[Reason, ...]:
        graph, pairs = self.fitted.graph, zip(positions.tolist(), shares.tolist(), strict=True)
        found = [Reason(graph.ids.values[i], graph.names[i], share) for i, share in pairs]
        return tuple(found)

    def _history(self, user: Id) -> IntArray:
        """Positions of what a user bought, ascending."""
        row, bought = self.fitted.users.position(user), self.fitted.bought
        return bought.indices[bought.indptr[row] : bought.indptr[row + 1]].astype(np.int64)

    def _user_vectors(self, users: Sequence[Id | None]) -> FloatArray:
        factors = self.fitted.space.factors
        known = [user for user in users if user is not None]
        vectors = np.tile(factors.mean_user, (len(users), 1))
        vectors[[user is not None for user in users]] = factors.user_vectors(self.fitted.users.positions(known))
        return vectors

    def _activity(self, users: Sequence[Id | None]) -> IntArray:
        """How many distinct targets each user bought; the median of all where there is no history."""
        bought = np.diff(self.fitted.bought.indptr)
        typical = int(np.median(bought[bought > 0]))
        own = np.array([0 if user is None else bought[self.fitted.users.position(user)] for user in users])
        return np.where(own > 0, own, typical)

    def _targets(self, among: Among) -> IntArray:
        """Positions of the targets meant by ``among``, ascending."""
        graph, seen = self.fitted.graph, self.fitted.space.head.seen
        if not isinstance(among, str):
            found = np.unique(graph.ids.positions(among))
        elif among == "all":
            found = np.flatnonzero(~graph.is_group)
        elif among in ("new", "seen"):
            is_seen = np.isin(np.arange(len(graph)), seen)
            found = np.flatnonzero(~graph.is_group & (is_seen if among == "seen" else ~is_seen))
        else:
            raise InputError(f"among is {among!r}; give 'new', 'seen', 'all' or a list of target ids.")
        if not len(found):
            raise InputError(f"There is no target among {among!r} to recommend; give others.")
        return found


_ONE_ID = (str, int, np.integer)
RESULT_COLUMNS = ("user", "target", "name", "score", "probability", "confidence")
