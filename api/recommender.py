"""The front door: fit on a catalog and its sales, then ask who should see what is new, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import narwhals as nw
import numpy as np

from ..arrays import FloatArray, IntArray
from ..errors import InputError, NotFittedError
from ..gnn.model.cosine_softmax import user_embeddings
from ..gnn.model.settings import ModelSettings
from ..gnn.serving.state import Among, ModelState
from ..gnn.text.clusters import CLUSTERS, check_relations
from ..gnn.text.encoder import PACKAGED
from ..graph import CatalogGraph, Id, Interactions
from ..graph.catalog.availability import Moment
from ..graph.event_weights import EventWeights
from ..graph.frames import Table
from ..progress import Progress
from .answers.audience import AudienceOptions, audience
from .answers.explain.explanation import Explanation, explain
from .answers.forecast import forecast
from .answers.recommend import RecommendOptions, recommend
from .answers.route import RouteThresholds, route
from .answers.search import Finder
from .answers.similar import similar
from .answers.users import Profile, UserRef, release, resolve_users
from .config import Config, read_config
from .settings import Settings
from .updates.clusters import cluster_again
from .updates.observe import ObserveReport, forget, observe

if TYPE_CHECKING:
    from ..graph import Store, WriteBack
    from ..loaders.vectors import Vectors


class Recommender:
    """Recommends targets, those that nobody has bought yet first of all.

    Args:
        seed: of everything random; the same seed gives the same numbers.
        encoder: text encoder: ``packaged:all-MiniLM-L6-v2``, ``static:packaged`` (much faster, less exact), a local
            folder or a hub name; None leaves texts out.
        settings: numbers of the model; None chooses them on pseudo-new targets.
        cache: file that keeps text embeddings between fits; None for the one in ``NEWAISLE_HOME``.
        kinds: what events of a kind weigh, before :data:`newaisle.graph.event_weights.WELL_KNOWN` (view and click 0.1;
            basket, cart and like 0.5; purchase and any other kind 1; dislike -1). A pair of user and target weighs what
            its weightiest event does, relative to the strongest kind of the history; below 0 the user does not want
            the target, and a kind with the weight 0 is left out.
        relations: "clusters" relates targets with like texts in a catalog that has no taxonomy and no attributes: each
            gets the attribute ``cluster`` (:class:`newaisle.gnn.text.clusters.Clusters`); None for what the catalog
            has.
        min_similarity: least cosine of a text and the centre of its cluster, 0 to 1; None for 0.6.

    Raises:
        InputError: a weight is no finite number, other relations, or a similarity out of its range.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        encoder: str | None = PACKAGED,
        settings: ModelSettings | None = None,
        cache: Path | None = None,
        kinds: Mapping[str, float] | None = None,
        relations: str | None = None,
        min_similarity: float | None = None,
    ) -> None:
        check_relations(relations, min_similarity)
        self.relations = relations
        self.min_similarity = min_similarity
        self.seed = seed
        self.encoder = encoder
        self.settings = settings
        self.cache = cache or Settings().encodings
        self.kinds = EventWeights(kinds or {}).given
        self._state: ModelState | None = None
        self._found: Finder | None = None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved recommender.

        Raises:
            ModelFormatError: the folder is missing, foreign, corrupted or of another version.
        """
        from ..gnn.serving.codec import load_state

        state = load_state(Path(path))
        made = cls(seed=state.seed, encoder=state.encoder, settings=state.model.settings, kinds=state.kinds.given)
        if state.clusters is not None:
            made.relations, made.min_similarity = CLUSTERS, state.clusters.min_similarity
        made._state = state
        return made

    @classmethod
    def from_config(cls, config: str | Path | Mapping[str, Any] | Config, *, cache: Path | None = None) -> Self:
        """A recommender, not fitted, from a TOML file or a mapping.

        Args:
            config: see :func:`newaisle.api.config.read_config`.
            cache: file that keeps text embeddings between fits; None for the one in ``NEWAISLE_HOME``.

        Raises:
            InputError: the file cannot be read, or it says something that cannot be used; the message says where.
        """
        made = read_config(config)
        return cls(
            seed=made.seed,
            encoder=made.encoder,
            settings=made.settings,
            cache=cache,
            kinds=made.kinds,
            relations=made.relations,
            min_similarity=made.min_similarity,
        )

    @property
    def config(self) -> Config:
        """What makes this model again, bit for bit, from the same data; once fitted, with the settings it chose."""
        if self._state is None:
            return self._given
        clusters = self._state.clusters
        least = self.min_similarity if clusters is None else clusters.min_similarity
        return replace(self._given, settings=self._state.model.settings, min_similarity=least)

    @property
    def _given(self) -> Config:
        return Config(self.seed, self.encoder, self.settings, self.kinds, self.relations, self.min_similarity)

    def save(self, path: str | Path, *, precision: Literal["float64", "float16"] = "float64") -> None:
        """Write the recommender to a folder: safetensors, Parquet, config.json. An older model there is replaced whole.

        Args:
            path: the folder.
            precision: "float16" takes a fourth of the space for vectors and phi; scores keep 3 digits.

        Raises:
            NotFittedError: nothing to save yet.
            InputError: another precision.
            ModelFormatError: the folder holds something else than a model.
            ModelError: the folder cannot be written, or a number is too large for half precision.
        """
        from ..gnn.serving.codec import save_state

        save_state(self.fitted, Path(path), precision)

    @property
    def fitted(self) -> ModelState:
        """What was fitted.

        Raises:
            NotFittedError: :meth:`fit` was not called.
        """
        if self._state is None:
            raise NotFittedError("The recommender is not fitted; call fit(graph, history) or Recommender.load(path).")
        return self._state

    def fit(
        self,
        graph: CatalogGraph,
        history: Interactions,
        *,
        vectors: Vectors | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from a catalog and its sales.

        Args:
            graph: the catalog; targets without any interaction are new.
            history: the interactions; those of targets that the graph does not know are left out.
            vectors: what else is known of targets, as vectors of any encoder: a name such as "image" -> a table (or the
                path of a Parquet file) with the columns ``id`` and ``vector``, a list of numbers. They are scaled to
                length 1; a target may be without.
            progress: is told one line per step.

        Raises:
            InteractionsError: no interaction is on a known target, or none speaks for one.
            InputError: vectors cannot be used, or are called as another block of phi is.
            SourceError: a file of vectors cannot be read.
            ModelError: nothing can be learned from the catalog, or the encoder cannot be loaded.
        """
        from .updates.fit import fit  # torch takes seconds to import, and serving a model needs none of it

        self._state = fit(graph, history, self._given, self.cache, vectors, progress)
        return self

    def add(
        self,
        targets: Table | CatalogGraph | None = None,
        edges: Table | None = None,
        *,
        vectors: Vectors | None = None,
    ) -> Self:
        """Add new categories or products, or edges of those that are there, and rank them at once; nothing is trained.

        Only their texts are encoded. They are described with everything as it was at fit (means, deviations, rarity of
        attribute values, shared names), a value or parent unknown at fit with an identity of its own. Targets that
        nobody had bought at fit are foreseen again where their edges, or those above them, change; seen ones keep their
        description, and all keep their place, until the next :meth:`fit`. On any error nothing is added.

        Args:
            targets: a categories table as :meth:`CatalogGraph.from_tables` takes, a products table (one with the column
                ``category_id``), or a graph. Parents may be old or new.
            edges: columns ``id``, ``name``, ``value`` and optional ``weight``: attributes of old or new targets. Under
                the name ``CHILD_OF`` (of products ``IN_CATEGORY``) the values are parents, in place of the old ones.
            vectors: as for :meth:`fit`, of what is added and of the kinds that the model was fitted with; what is not
                given is zeros.

        Raises:
            GraphError: a target that is there already, an unknown parent or id, a cycle.
            InputError: a column or a kind of vectors that the catalog did not have at fit, or a table that cannot be
                used.
            SourceError: a file of vectors cannot be read.
            ModelError: the texts cannot be encoded.
        """
        from .updates.add import add  # imports torch, as fit does

        self._state = add(self.fitted, targets, edges, self.cache, vectors)
        return self

    def refit(self, history: Interactions, *, progress: Progress | None = None) -> Self:
        """Fit anew to a new history, which replaces the old one and all that was observed.

        Catalog, vectors, encoder and settings stay, so texts are not read again and nothing is searched: it is much
        faster than :meth:`fit`. What was new and has sales now is seen from here on. Who was forgotten comes back with
        a history that has them.

        Args:
            history: the interactions; those of targets that the model does not know are left out.
            progress: is told one line per step.

        Raises:
            NotFittedError: :meth:`fit` was not called.
            InteractionsError: no interaction is on a known target, or none speaks for one.
        """
        from .updates.fit import refit  # imports torch, as fit does

        self._state = refit(self.fitted, history, self._given, progress)
        return self

    def observe(self, events: Interactions | Table) -> ObserveReport:
        """Learn from first sales and other events at once; on any error nothing is learned.

        The targets' vectors are solved again with the new events (:func:`newaisle.gnn.factors.update.learn_target`),
        and the users' own vectors have them folded in when they are read (:func:`newaisle.gnn.online.fold_in.fold_in`).
        The order of events does not matter, and one that is repeated counts once. A user may be new. ``new`` and
        ``seen`` stay as they were at fit.

        Whoever did not buy counts only as far as they could have bought: by the share of the training window that
        passed between a new target's first event and the latest of all events, and not at all where times are unknown.
        Events older than the history count like any other.

        Args:
            events: who did what, or a table with the columns ``user, target`` and, where they are, ``weight, timestamp,
                event``. Events weigh what their kind does (``kinds``), one of a kind stronger than all of the history
                as much as the strongest, those without a kind 1. Below 0 ("dislike") the user does not want the
                target, whether bought or not. Kinds with the weight 0 are left out.

        Returns:
            how many events told something, how many nothing new, how many users are new.

        Raises:
            UnknownIdError: a target that the model does not know.
            InteractionsError: a weight is not finite, a time is missing or lies in the future.
            InputError: the table cannot be used, or user ids are of another kind than those of the model.
        """
        self._state, report = observe(self.fitted, events)
        return report

    def forget(self, users: Id | Sequence[Id]) -> Self:
        """Forget users: ids, history, vectors and what they added to targets' vectors go; the ids are unknown then.

        What was trained on everybody's purchases stays until the next fit: the basis that users are folded in from, the
        factors that priors are made of, the chances and the settings. Leave the users out of that history.

        Args:
            users: one own id or several, those of users who came after the fit included.

        Raises:
            UnknownIdError: a user of whom nothing is known; then nobody is forgotten.
            InputError: no user is given.
            ModelError: nobody with a history would be left.
        """
        self._state = forget(self.fitted, users)
        self._found = None
        return self

    def recommend(
        self,
        users: UserRef | Sequence[UserRef],
        k: int = 20,
        *,
        among: Among = "new",
        exclude_bought: bool = True,
        diversity: float = 0.0,
        min_confidence: float = 0.0,
        min_probability: float = 0.0,
        at: Moment | None = None,
    ) -> Table:
        """The best targets for users.

        Args:
            users: one own id or several; None is a user without history, who gets the mean user's vector; a
                :class:`Profile` is one whom a text describes.
            k: targets per user; fewer where there are fewer.
            among: "new" (no sales at fit), "seen", "all", or own ids. Groups only where their ids are given.
            exclude_bought: leave out what the user bought.
            diversity: 0 ranks by score; more, up to 1, prefers targets unlike those higher in the list (maximal
                marginal relevance, see :func:`newaisle.gnn.retrieval.diversity.diversify`), chosen from the best 10 k.
            min_confidence: leave out targets of which the model is less sure, 0 to 1: there may be fewer rows, or none.
            min_probability: leave out targets that the user is less likely to buy, 0 to 1: fewer rows, or none.
            at: leave out what is not available then: a date, a time or a number, to compare with the columns
                ``available_from`` and ``available_to`` of the catalog; None for any time.

        Returns:
            A table in the library of the history with the columns ``user, target, name, score, probability,
            confidence``, best first: score is the cosine (-1 to 1), probability the chance that the user buys the
            target within a time as long as that of the history (:meth:`probabilities`), confidence 0 to 1. The user is
            null for None and for profiles.

        Raises:
            InputError: a number out of its range, no or a repeated user, or no target is meant.
            UnknownIdError: a user or target that was not there at fit.
        """
        state, options = (
            self.fitted,
            RecommendOptions(k, exclude_bought, diversity, min_confidence, min_probability, at),
        )
        return recommend(state, resolve_users(state, users, once=True), state.choose(among), options)

    def audience(
        self,
        target: Id,
        k: int = 1000,
        *,
        exclude_bought: bool = True,
        at: Moment | None = None,
        users: UserRef | Sequence[UserRef] = None,
    ) -> Table:
        """Whom to tell about a target: the users who are most likely to buy it.

        Users are compared by the chance of a purchase, not by the score: it knows how much each of them buys at all.

        Args:
            target: own id.
            k: how many users; fewer where there are fewer.
            exclude_bought: leave out who bought the target.
            at: when the target must be available; where it is not, nobody is to be told. None for any time.
            users: own ids to choose from; None for everybody with a history.

        Returns:
            A table in the library of the history with the columns ``user, target, name, score, probability,
            expected_buyers``, the most likely buyers first: probability is the chance that the user buys the target
            within a time as long as that of the history, expected_buyers the sum of the chances down to this row, that
            is how many buyers to expect among so many users told.

        Raises:
            InputError: ``k`` is 0 or below, no user to choose from, or one who stands there twice.
            UnknownIdError: a user or target that was not there at fit.
        """
        return audience(self.fitted, target, AudienceOptions(k, exclude_bought, at, users))

    def forecast(self, targets: Id | Among = "new") -> Table:
        """How many users will buy targets within a time as long as that of the history, with 80 % intervals.

        Counted are the users who had a history at fit. For a target without sales at fit the expected number is the sum
        of their chances, as :meth:`audience` lists them, and the interval says how far such sums were from the true
        numbers of pseudo-new targets (:class:`newaisle.gnn.calibration.forecast.ConformalInterval`). For one with sales
        it is the number of its buyers in the history, and the interval says how far two such windows differ.

        Args:
            targets: one own id or several, "new" (no sales at fit), "seen" or "all".

        Returns:
            A table in the library of the history with the columns ``target, name, expected_buyers, low, high,
            confidence``, most buyers first: low and high are whole numbers of buyers, between which 80 % of such
            targets end up, both included; confidence 0 to 1.

        Raises:
            InputError: no target is meant.
            UnknownIdError: a target that was not there at fit.
        """
        return forecast(self.fitted, targets)

    def route(self, targets: Id | Sequence[Id], *, zero_shot: float = 1.0, conventional: float | None = None) -> Table:
        """How far the vectors of targets come from the graph, how far from their own sales.

        There is one model and no switch in it: the route only reads off the share of the prior.

        Args:
            targets: one own id or several.
            zero_shot: least share of a zero-shot target; at 1 any event of its own makes it few-shot.
            conventional: greatest share of a conventional target; None for the median of the seen targets, so that its
                own sales say as much of it as of half of what the shop sells.

        Returns:
            A table with the columns ``target, name, route, prior_share, buyers``: route is "zero-shot", "few-shot" or
            "conventional", prior_share 1 (the prior alone) down to 0, buyers the number of users who bought it and
            do not dislike it.

        Raises:
            InputError: no target, or limits that do not lie between 0 and 1 in this order.
            UnknownIdError: a target that the model does not know.
        """
        return route(self.fitted, targets, RouteThresholds(zero_shot, conventional))

    @staticmethod
    def table_columns(table: Table) -> dict[str, list[Any]]:
        """A result table as lists by column, whatever library it is in."""
        return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}

    def probabilities(
        self,
        users: UserRef | Sequence[UserRef],
        targets: Sequence[Id],
        *,
        rule: Literal["calibrated", "article"] = "calibrated",
    ) -> FloatArray:
        """How likely users are to buy targets, float64 (users, targets).

        Args:
            users: own ids, None for a user without history, or profiles.
            targets: own ids.
            rule: "calibrated" is the chance of a purchase within a time as long as that of the history, for targets on
                sale and shown as the sold ones were; "article" the softmax of the cosine scores over ``targets``.

        Raises:
            InputError: an unknown rule, no user or no target.
            UnknownIdError: a user or target that was not there at fit.
        """
        state, model, batch = self.fitted, self.fitted.model, resolve_users(self.fitted, users)
        positions = _positions(state, targets)
        if rule == "article":
            return model.probabilities(state.score(batch.vectors, positions), tau=1.0)
        if rule == "calibrated":
            return model.purchase_probability(batch.vectors, batch.activity, positions)
        raise InputError(f"The rule is {rule!r}; give 'calibrated' or 'article'.")

    def score(self, users: UserRef | Sequence[UserRef], targets: Sequence[Id]) -> FloatArray:
        """Cosine scores, float64 (users, targets), the same numbers as :meth:`recommend` gives.

        Raises:
            InputError: no user or no target.
            UnknownIdError: a user or target that was not there at fit.
        """
        state = self.fitted
        vectors = resolve_users(state, users).vectors
        return state.score(vectors, _positions(state, targets))

    def user_vector(self, user: UserRef) -> FloatArray:
        """A user as a unit vector f, float64 (rank + 1,): its cosine with a stored embedding is the score.

        Raises:
            UnknownIdError: a user who was not there at fit.
        """
        return np.asarray(user_embeddings(resolve_users(self.fitted, user).vectors)[0])

    def push(self, store: Store, name: str | None = None) -> Self:
        """Write what the model says of its targets onto their nodes in a graph store, in one transaction.

        These are ``state``, ``embedding``, ``confidence``, ``buyers`` and edges ``SIMILAR_TO`` to the nearest seen
        targets, in place of what a model wrote before; ``model_hash`` on the source's head says which. Nothing of any
        user is written: what fewer than 5 users bought gets its prior, and no ``buyers``.

        Args:
            store: the store, which holds the graph of the model, or one that was refreshed with the model since.
            name: name of the source in the store; None for the graph's own.

        Raises:
            ModelError: the store holds another graph.
            StoreError: the store has no such source, is locked, or refused. Nothing is changed in any of these cases.
        """
        from .sync.write_back import push  # the store's driver takes long to import, and few need it

        push(self.fitted, store, name, self.cache)
        return self

    def related(self, graph: CatalogGraph) -> CatalogGraph:
        """A graph of the model's source with the relations that the model made, for a store that shall have them too.

        What the model knows keeps its cluster, new and changed texts get the nearest one. The graph itself where the
        model has no clusters, or the graph has some.

        Raises:
            ModelError: a text cannot be encoded.
        """
        return cluster_again(self.fitted, graph, self.cache)

    def write_back(self, graph: CatalogGraph) -> WriteBack:
        """What a refresh of a store to a graph shall write onto its nodes: what :meth:`push` would, in its transaction.

        Encodes what the graph has more or otherwise than the model, and foresees it with everything frozen at fit.

        Args:
            graph: the graph that the store is refreshed to, for ``refresh(store, graph, write_back=…)``.

        Raises:
            ModelError: the graph is of another catalog, or the texts cannot be encoded.
        """
        from .sync.write_back import StoreView

        return StoreView.of(self.fitted, graph, self.cache).write_back

    def explain(self, user: Id, target: Id) -> Explanation:
        """Why a user is shown a target, as two exact sums.

        Raises:
            UnknownIdError: a user or target that was not there at fit.
        """
        return explain(self.fitted, user, target)

    def release(
        self, users: Id | Sequence[Id], epsilon: float, *, delta: float = 1e-5, seed: int | None = None
    ) -> FloatArray:
        """User vectors for others to keep, with noise: each is (epsilon, delta)-differentially private by itself.

        The noise is that of the analytic Gaussian mechanism (Balle and Wang 2018) for vectors of length 1, any two of
        which are at most 2 apart: nobody can tell well whether a vector is this user's or one of somebody with any
        other history. It holds for their own history in the given model, which itself was trained on that of all.
        Each release spends epsilon and delta anew: noise of several vectors of one user averages out.

        Args:
            users: one own id or several.
            epsilon: above 0; the lower, the more noise; at 8 and below a vector ranks worse than the mean
                user's, as ``docs/privacy.md`` shows.
            delta: between 0 and 1, far below one in the number of users.
            seed: makes the noise repeatable, for tests alone: who knows the seed can take the noise off. None draws it
                from the operating system.

        Returns:
            float64 (users, rank + 1): the cosine with a target's embedding in the store ranks as the model would.

        Raises:
            InputError: no or a repeated user, or epsilon or delta out of its range.
            UnknownIdError: a user whom the model does not know.
        """
        return release(self.fitted, users, epsilon, delta, seed)

    def similar(self, target: Id, k: int = 10, *, among: Among = "seen") -> Table:
        """What a target is like, by its texts, place in the graph, attributes and features as the model weighs them.

        Args:
            target: own id.
            k: how many.
            among: "seen", "new", "all", or own ids.

        Returns:
            A table with the columns ``target, name, similarity`` (0 to 1, 1 where the graph tells no difference), the
            nearest first.

        Raises:
            InputError: ``k`` is 0 or below, or nothing else is among the targets meant.
            UnknownIdError: a target that was not there at fit.
        """
        return similar(self.fitted, target, k, among)

    def search(self, text: str, k: int = 10, *, user: UserRef = None, among: Among = "all") -> Table:
        """Targets that match a text by letters or meaning, themselves or by what stands above them in the graph.

        Args:
            text: some words.
            k: how many; fewer where fewer match at all.
            user: whose taste counts too: the best liked target keeps its match, the least liked one 70 % of it.
            among: "all", "new", "seen", or own ids.

        Returns:
            A table with the columns ``target, name, relevance, match, because``, the most relevant first: match is 0
            to 1 (:class:`newaisle.gnn.retrieval.text_search.TextSearch`), relevance the same moved by taste, because
            the name of the target itself, of a category above it or the attribute that matches best.

        Raises:
            InputError: no text, ``k`` is 0 or below, or no target is meant.
            UnknownIdError: a user or target that was not there at fit.
        """
        return self._finder.search(text, k, user, among)

    def profile(self, text: str) -> Profile:
        """Somebody without a history, described by a text such as "bought a tent and hiking boots".

        Each thing that the text names (between commas, full stops, "and") is taken for the three nearest seen targets;
        what it does not name counts neither for nor against. The profile is given as ``users`` elsewhere.

        Raises:
            InputError: no text, or it resembles no seen target.
        """
        return self._finder.profile(text)

    @property
    def _finder(self) -> Finder:
        if self._found is None or self._found.state.graph is not self.fitted.graph:
            self._found = Finder(self.fitted, self.cache)
        elif self._found.state is not self.fitted:
            self._found = self._found.renewed(self.fitted)
        return self._found


def _positions(state: ModelState, targets: Sequence[Id]) -> IntArray:
    found = state.graph.ids.positions(targets)
    if not len(found):
        raise InputError("There is no target to answer for; give at least one target id.")
    return found
