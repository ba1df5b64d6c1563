"""The front door: fit on a catalog and its sales, then query who should see what is new, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import narwhals as nw
import numpy as np

from ..arrays import FloatArray
from ..errors import InputError, NotFittedError
from ..gnn.model.cosine_softmax import user_embeddings
from ..gnn.model.settings import ModelSettings
from ..gnn.serving.candidates import Among
from ..gnn.serving.codec import Precision, load_state, save_state
from ..gnn.serving.state import ModelState
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
from .answers.table import target_positions
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

    Users and targets are given by their own ids. Every method that needs a fitted model raises NotFittedError without
    one, UnknownIdError for an id that the model does not know, and InputError for an empty list or a number out of its
    range; tables come in the library of the history.

    Args:
        seed: of everything random; the same seed gives the same numbers.
        encoder: text encoder: ``packaged:all-MiniLM-L6-v2``, ``static:packaged`` (much faster, less exact), a local
            folder or a hub name; None leaves texts out.
        settings: numbers of the model; None chooses them on pseudo-new targets.
        cache: file that keeps text embeddings between fits; None for the one in ``NEWAISLE_HOME``.
        kinds: kind of event -> weight, before :data:`newaisle.graph.event_weights.WELL_KNOWN` (view and click 0.1;
            basket, cart and like 0.5; purchase and any other kind 1; dislike -1). A pair of user and target has the
            weight of its weightiest event, relative to the strongest kind of the history; below 0 the user does not
            want the target, and a kind with the weight 0 is left out.
        relations: "clusters" relates targets with similar texts in a catalog that has no taxonomy and no attributes:
            each gets the attribute ``cluster`` (:class:`newaisle.gnn.text.clusters.Clusters`); None adds nothing.
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
        self._finder: Finder | None = None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved recommender.

        Raises:
            ModelFormatError: the folder is missing, foreign, corrupted or of another version.
        """
        state = load_state(Path(path))
        loaded = cls(seed=state.seed, encoder=state.encoder, settings=state.model.settings, kinds=state.kinds.given)
        if state.clusters is not None:
            loaded.relations, loaded.min_similarity = CLUSTERS, state.clusters.min_similarity
        loaded._state = state
        return loaded

    @classmethod
    def from_config(cls, config: str | Path | Mapping[str, Any] | Config, *, cache: Path | None = None) -> Self:
        """A recommender, not fitted, from a TOML file or a mapping (:func:`newaisle.api.config.read_config`).

        Raises:
            InputError: the file cannot be read, or holds what cannot be used; the message names file, line and key.
        """
        config = read_config(config)  # its fields are the arguments of a recommender
        return cls(cache=cache, **vars(config))

    @property
    def config(self) -> Config:
        """What makes this model again, bit for bit, from the same data; once fitted, with the settings it chose."""
        if self._state is None:
            return self._config
        clusters = self._state.clusters
        least = self.min_similarity if clusters is None else clusters.min_similarity
        return replace(self._config, settings=self._state.model.settings, min_similarity=least)

    @property
    def _config(self) -> Config:
        """As given, without what a fit has chosen."""
        return Config(self.seed, self.encoder, self.settings, self.kinds, self.relations, self.min_similarity)

    def save(self, path: str | Path, *, precision: Precision = "float64") -> None:
        """Write the recommender to a folder: safetensors, Parquet, config.json. An older model there is replaced whole.

        Args:
            path: the folder.
            precision: "float16" takes a fourth of the space for vectors and features; scores keep 3 digits.

        Raises:
            ModelFormatError: the folder holds something else than a model.
            ModelError: the folder cannot be written, or a number is too large for half precision.
        """
        save_state(self.fitted, Path(path), precision)

    @property
    def fitted(self) -> ModelState:
        """The state of the fitted model."""
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
            history: the interactions; those of targets outside the graph are left out.
            vectors: further features of targets, as vectors of any encoder: a name such as "image" -> a table (or the
                path of a Parquet file) with the columns ``id`` and ``vector``, a list of numbers. They are scaled to
                length 1; a target may be without.
            progress: called with one line per step.

        Raises:
            InteractionsError: no interaction is on a known target, or none speaks for one.
            InputError: vectors cannot be used, or have the name of another feature block.
            SourceError: a file of vectors cannot be read.
            ModelError: nothing can be learned from the catalog, or the encoder cannot be loaded.
        """
        from .updates.fit import fit  # torch takes seconds to import, and serving a model needs none of it

        self._state = fit(graph, history, self._config, self.cache, vectors, progress)
        return self

    def refit(self, history: Interactions, *, progress: Progress | None = None) -> Self:
        """Fit anew to a new history, which replaces the old one and all that was observed.

        Catalog, vectors, encoder and settings stay, so no text is encoded and nothing is searched: it is much faster
        than :meth:`fit`. What was new and has sales now is seen from here on. A forgotten user comes back with a
        history that has them.

        Args:
            history: the interactions; those of targets that the model does not know are left out.
            progress: called with one line per step.

        Raises:
            InteractionsError: no interaction is on a known target, or none speaks for one.
        """
        from .updates.fit import refit  # imports torch, as fit does

        self._state = refit(self.fitted, history, self._config, progress)
        return self

    def add(
        self,
        targets: Table | CatalogGraph | None = None,
        edges: Table | None = None,
        *,
        vectors: Vectors | None = None,
    ) -> Self:
        """Add new categories or products, or edges of existing ones, and rank them at once; nothing is trained.

        Only their texts are encoded. Their features are computed with everything as it was at fit (means, deviations,
        rarity of attribute values, shared names), a value or parent unknown at fit with an identity of its own. Targets
        that nobody had bought at fit are predicted again where their edges, or those above them, change; seen ones keep
        their features, and all keep their place, until the next :meth:`fit`. On any error nothing is added.

        Args:
            targets: a categories table as :meth:`CatalogGraph.from_tables` takes, a products table (one with the column
                ``category_id``), or a graph. Parents may be old or new.
            edges: columns ``id``, ``name``, ``value`` and optional ``weight``: attributes of old or new targets. Under
                the name ``CHILD_OF`` (of products ``IN_CATEGORY``) the values are parents, in place of the old ones.
            vectors: as for :meth:`fit`, of what is added and of the kinds that the model was fitted with; zeros for
                what is not given.

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

    def observe(self, events: Interactions | Table) -> ObserveReport:
        """Learn from first sales and other events at once; on any error nothing is learned.

        The targets' vectors are solved again with the new events (:func:`newaisle.gnn.factors.update.learn_target`),
        and the users' own vectors have them folded in when they are read (:func:`newaisle.gnn.online.fold_in.fold_in`).
        The order of events does not matter, and a repeated one counts once. A user may be new. ``new`` and ``seen``
        stay as they were at fit.

        Whoever did not buy counts only as far as they could have bought: by the share of the training window that
        passed between a new target's first event and the latest of all events, and not at all where times are unknown.
        Events older than the history count like any other.

        Args:
            events: who did what, or a table with the columns ``user, target`` and, where they exist, ``weight,
                timestamp, event``. Events weigh what their kind does (``kinds``), one of a kind stronger than all of
                the history as much as the strongest, those without a kind 1. Below 0 ("dislike") the user does not want
                the target, whether bought or not. Kinds with the weight 0 are left out.

        Raises:
            InteractionsError: a weight is not finite, a time is missing or lies in the future.
            InputError: the table cannot be used, or user ids are of another kind than those of the model.
        """
        self._state, report = observe(self.fitted, events)
        return report

    def forget(self, users: Id | Sequence[Id]) -> Self:
        """Forget users: ids, history, vectors and what they added to targets' vectors; the ids are unknown then.

        What was trained on everybody's purchases stays until the next fit: the basis that users are folded in from, the
        factors that priors are made of, the chances and the settings. Leave the users out of that history.

        Args:
            users: one own id or several, those of users who came after the fit included; one unknown, and nobody is
                forgotten.

        Raises:
            ModelError: nobody with a history would be left.
        """
        self._state = forget(self.fitted, users)
        self._finder = None
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
                :class:`Profile` is a user described by a text.
            k: targets per user; fewer where there are fewer.
            among: "new" (no sales at fit), "seen", "all", or own ids. Groups only where their ids are given.
            exclude_bought: leave out what the user bought or dislikes.
            diversity: 0 ranks by score; more, up to 1, prefers targets unlike those higher in the list (maximal
                marginal relevance, :func:`newaisle.gnn.retrieval.diversity.diversify`), chosen from the best 10 k.
            min_confidence: leave out targets with a lower confidence, 0 to 1: there may be fewer rows, or none.
            min_probability: leave out targets that the user is less likely to buy, 0 to 1: fewer rows, or none.
            at: leave out what is not available then: a date, a time or a number, to compare with the columns
                ``available_from`` and ``available_to`` of the catalog; None for any time.

        Returns:
            A table with the columns ``user, target, name, score, probability, confidence``, best first: score is the
            cosine (-1 to 1), probability the chance that the user buys the target within a time as long as that of the
            history (:meth:`probabilities`), confidence 0 to 1. The user is null for None and for profiles.

        Raises:
            InputError: also where a user is repeated.
        """
        state = self.fitted
        options = RecommendOptions(k, exclude_bought, diversity, min_confidence, min_probability, at)
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
        """The users most likely to buy a target.

        Users are compared by the chance of a purchase, not by the score: it knows how much each of them buys at all.

        Args:
            target: the target.
            k: how many users; fewer where there are fewer.
            exclude_bought: leave out who bought or dislikes the target.
            at: when the target must be available; where it is not, the table is empty. None for any time.
            users: own ids to choose from; None for everybody with a history.

        Returns:
            A table with the columns ``user, target, name, score, probability, expected_buyers``, the most likely buyers
            first: probability is the chance that the user buys the target within a time as long as that of the history,
            expected_buyers the sum of the chances down to this row.

        Raises:
            InputError: also where a user is repeated.
        """
        return audience(self.fitted, target, AudienceOptions(k, exclude_bought, at, users))

    def forecast(self, targets: Id | Among = "new") -> Table:
        """How many users will buy targets within a time as long as that of the history, with 80 % intervals.

        Counted are the users who had a history at fit. For a target without sales at fit the expected number is the sum
        of their chances, as in :meth:`audience`, and the interval is as wide as such sums were off for pseudo-new
        targets (:class:`newaisle.gnn.calibration.forecast.ConformalInterval`). For one with sales it is the number of
        its buyers in the history, and the interval is how far two such windows differ.

        Args:
            targets: one own id or several, "new" (no sales at fit), "seen" or "all".

        Returns:
            A table with the columns ``target, name, expected_buyers, low, high, confidence``, most buyers first: low
            and high are whole numbers of buyers, between which 80 % of such targets end up, both included; confidence 0
            to 1.
        """
        return forecast(self.fitted, targets)

    def route(self, targets: Id | Sequence[Id], *, zero_shot: float = 1.0, conventional: float | None = None) -> Table:
        """How far the vectors of targets come from the graph, how far from their own sales.

        There is one model and no switch in it: the route only reads off the share of the prior.

        Args:
            targets: one or several.
            zero_shot: least share of a zero-shot target; at 1 any event of its own makes it few-shot.
            conventional: greatest share of a conventional target; None for the median of the seen targets, so that its
                own sales determine it as much as those of half of what the shop sells.

        Returns:
            A table with the columns ``target, name, route, prior_share, buyers``: route is "zero-shot", "few-shot" or
            "conventional", prior_share 1 (the prior alone) down to 0, buyers the number of users who bought it and
            do not dislike it.
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
            targets: the targets.
            rule: "calibrated" is the chance of a purchase within a time as long as that of the history, for targets on
                sale and shown as the sold ones were; "article" the softmax of the cosine scores over ``targets``.
        """
        state, batch = self.fitted, resolve_users(self.fitted, users)
        positions = target_positions(state, targets)
        if rule == "article":
            return state.model.probabilities(state.score(batch.vectors, positions), tau=1.0)
        if rule == "calibrated":
            return state.model.purchase_probability(batch.vectors, batch.activity, positions)
        raise InputError(f"The rule is {rule!r}; give 'calibrated' or 'article'.")

    def score(self, users: UserRef | Sequence[UserRef], targets: Sequence[Id]) -> FloatArray:
        """Cosine scores, float64 (users, targets), the same numbers as in :meth:`recommend`."""
        state, vectors = self.fitted, resolve_users(self.fitted, users).vectors
        return state.score(vectors, target_positions(state, targets))

    def user_vector(self, user: UserRef) -> FloatArray:
        """A user as a unit vector f, float64 (rank + 1,): its cosine with a stored embedding is the score."""
        return np.asarray(user_embeddings(resolve_users(self.fitted, user).vectors)[0])

    def release(
        self, users: Id | Sequence[Id], epsilon: float, *, delta: float = 1e-5, seed: int | None = None
    ) -> FloatArray:
        """User vectors for others to keep, with noise: each is (epsilon, delta)-differentially private by itself.

        The noise is that of the analytic Gaussian mechanism (Balle and Wang 2018) for vectors of length 1, any two of
        which are at most 2 apart: from a vector it is hard to decide between this user's history and any other. It
        holds for their own history in the given model, which itself was trained on that of all. Each release spends
        epsilon and delta anew: noise of several vectors of one user averages out.

        Args:
            users: one own id or several.
            epsilon: above 0; the lower, the more noise; at 8 and below a vector ranks worse than the mean
                user's, as ``docs/privacy.md`` shows.
            delta: between 0 and 1, far below one in the number of users.
            seed: makes the noise repeatable, for tests alone: whoever knows the seed can take the noise off. None takes
                it from the operating system.

        Returns:
            float64 (users, rank + 1): the cosine with a target's embedding in the store ranks as the model would.

        Raises:
            InputError: also where a user is repeated.
        """
        return release(self.fitted, users, epsilon, delta, seed)

    def explain(self, user: Id, target: Id) -> Explanation:
        """Why a user is shown a target, as two exact sums."""
        return explain(self.fitted, user, target)

    def similar(self, target: Id, k: int = 10, *, among: Among = "seen") -> Table:
        """The targets most similar to one, as the model weighs texts, place in the graph, attributes and features.

        Args:
            target: the target.
            k: how many.
            among: "seen", "new", "all", or own ids.

        Returns:
            A table with the columns ``target, name, similarity`` (0 to 1, 1 where the graph knows no difference), the
            nearest first.
        """
        return similar(self.fitted, target, k, among)

    def search(self, text: str, k: int = 10, *, user: UserRef = None, among: Among = "all") -> Table:
        """Targets that match a text by letters or meaning, themselves or by what is above them in the graph.

        Args:
            text: some words.
            k: how many; fewer where fewer match at all.
            user: whose taste counts too: the best liked target keeps its match, the least liked one 70 % of it.
            among: "all", "new", "seen", or own ids.

        Returns:
            A table with the columns ``target, name, relevance, match, because``, the most relevant first: match is 0
            to 1 (:class:`newaisle.gnn.retrieval.text_search.TextSearch`), relevance the same adjusted by taste, because
            the name of the target itself, of a category above it or the attribute that matches best.

        Raises:
            InputError: also where the text is empty.
        """
        return self._current_finder.search(text, k, user, among)

    def profile(self, text: str) -> Profile:
        """A user without a history, described by a text such as "bought a tent and hiking boots".

        Each thing that the text names (between commas, full stops, "and") counts as the three nearest seen targets;
        what it does not name counts neither for nor against. Give the profile as ``users`` elsewhere.

        Raises:
            InputError: no text, or it resembles no seen target.
        """
        return self._current_finder.profile(text)

    @property
    def _current_finder(self) -> Finder:
        if self._finder is None or self._finder.state.graph is not self.fitted.graph:
            self._finder = Finder(self.fitted, self.cache)
        elif self._finder.state is not self.fitted:
            self._finder = self._finder.renewed(self.fitted)
        return self._finder

    def push(self, store: Store, name: str | None = None) -> Self:
        """Write the model's predictions of its targets onto their nodes in a graph store, in one transaction.

        These are ``state``, ``embedding``, ``confidence``, ``buyers`` and edges ``SIMILAR_TO`` to the nearest seen
        targets, in place of those of a model before; ``model_hash`` on the source's node names the model. Nothing of
        any user is written: what fewer than 5 users bought gets its prior, and no ``buyers``.

        Args:
            store: the store, which holds the graph of the model, or one that was refreshed with the model since.
            name: name of the source in the store; None for the graph's own.

        Raises:
            ModelError: the store holds another graph.
            StoreError: the store has no such source, is locked, or refused. Nothing is changed in any of these cases.
        """
        from .sync.write_back import push  # imports torch and the store's driver

        push(self.fitted, store, name, self.cache)
        return self

    def related(self, graph: CatalogGraph) -> CatalogGraph:
        """A graph of the model's source with the clusters of the model, for a store that shall have them too.

        What the model knows keeps its cluster, new and changed texts get the nearest one. The graph itself where the
        model has no clusters, or the graph has some.

        Raises:
            ModelError: a text cannot be encoded.
        """
        return cluster_again(self.fitted, graph, self.cache)

    def write_back(self, graph: CatalogGraph) -> WriteBack:
        """What a refresh of a store writes onto the nodes of a graph: the same as :meth:`push`, in its transaction.

        Encodes and predicts what differs from the model's graph, with everything frozen at fit.

        Args:
            graph: the graph that the store is refreshed to, for ``refresh(store, graph, write_back=…)``.

        Raises:
            ModelError: the graph is of another catalog, or the texts cannot be encoded.
        """
        from .sync.write_back import StoreView  # imports torch and the store's driver

        return StoreView.of(self.fitted, graph, self.cache).write_back
