"""The front door: fit on a catalog and its sales, then query who should see what is new, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import narwhals as nw
import numpy as np

from ..arguments import check_seed, expect
from ..arrays import FloatArray
from ..display import summary_html, summary_repr
from ..errors import InputError, NotFittedError
from ..gnn.model.cosine_softmax import user_embeddings
from ..gnn.model.settings import ModelSettings
from ..gnn.serving.candidates import Among
from ..gnn.serving.codec import Precision, load_state, save_state
from ..gnn.serving.state import ModelState
from ..gnn.text.clusters import CLUSTERS, check_relations
from ..gnn.text.weights import PACKAGED
from ..graph import CatalogGraph, Id, Interactions
from ..graph.catalog.availability import Moment
from ..graph.event_weights import EventWeights
from ..graph.frames import Table
from ..progress import Progress
from ..sharing import Lock
from .answers.audience import AudienceOptions, audience
from .answers.explain.explanation import Explanation, explain
from .answers.forecast import forecast
from .answers.recommend import RecommendOptions, recommend
from .answers.route import RouteThresholds, route
from .answers.search import CatalogTexts, Finder
from .answers.similar import similar
from .answers.table import target_positions
from .answers.users import Profile, UserRef, release, resolve_users
from .config import Config, read_config
from .settings import Settings
from .updates.clusters import cluster_again
from .updates.encoding import check_confirmed, confirm_encoder
from .updates.observe import ObserveReport, forget, observe
from .updates.report import FitReport

if TYPE_CHECKING:
    from ..graph import Store, WriteBack
    from ..loaders.vectors import Vectors


class Recommender:
    """Recommends targets, above all those that nobody has bought yet.

    Many threads may use one recommender: answers come from the model as it is when they begin, and changes (fit, refit,
    add, observe, forget) wait for each other, so none is lost.

    Users and targets are given by their own ids; result tables use the library of the history (pandas, polars or
    Arrow). Methods raise NotFittedError without a fitted model, UnknownIdError for an unknown id, and InputError for a
    number out of its range, an empty list or text, or (recommend, audience, release) a repeated user.

    Args:
        seed: the same seed gives the same numbers.
        encoder: ``packaged:all-MiniLM-L6-v2``, ``static:packaged`` (much faster, less exact), a local folder or a hub
            name; None leaves texts out.
        settings: None chooses the model's numbers on pseudo-new targets.
        cache: file that keeps text embeddings between fits; None for the one in ``NEWAISLE_HOME``.
        kinds: kind of event -> weight; overrides :data:`newaisle.graph.reading.kinds.WELL_KNOWN` (view and click 0.1;
            basket, cart and like 0.5; purchase and any other kind 1; return and remove_from_cart 0; dislike -1) and the
            weights of the history's schema. A pair of user and target has the
            weight of its weightiest event, relative to the strongest kind of the history; below 0 the user does not
            want the target, and kinds with the weight 0 are left out.
        relations: "clusters" gives targets of a catalog without taxonomy and attributes an attribute ``cluster`` by
            their texts (:class:`newaisle.gnn.text.clusters.Clusters`); None adds nothing.
        min_similarity: least cosine of a text and the centre of its cluster, 0 to 1; None for 0.6.

    Raises:
        InputError: the seed is negative, a weight is not finite, the relations are unknown, or the similarity is out of
            its range.
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
        self.seed = check_seed(seed)
        self.encoder = encoder
        self.settings = settings
        self.cache = cache or Settings().encodings
        self.kinds = EventWeights({} if kinds is None else kinds).given
        self._state: ModelState | None = None
        self._texts: CatalogTexts | None = None
        self._writing = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles have: everything but the encoder of the last search."""
        return {**vars(self), "_texts": None}

    def __repr__(self) -> str:
        return summary_repr(self, self._summary)

    def _repr_html_(self) -> str:
        return summary_html("Recommender", self._summary)

    @property
    def _summary(self) -> Mapping[str, object]:
        own = {"encoder": self.encoder, "seed": str(self.seed)}
        return {"state": "not fitted", **own} if self._state is None else {**self._state.summary, **own}

    @classmethod
    def load(cls, path: str | Path, *, encoder: str | None = None) -> Self:
        """Read a saved recommender; the folder may come from anybody.

        Args:
            path: the folder.
            encoder: confirms the text encoder of the fit where it is none of newaisle's own, by its name or the folder
                in which it is now. Without it that encoder is not loaded: ``search``, ``profile``, ``add``, ``push``,
                ``write_back`` and ``fit`` raise a ModelError where they have something to encode.

        Raises:
            ModelFormatError: the folder is missing, foreign, corrupted or of another version, or may not be read.
            InputError: the model was fitted with another encoder or without, or the encoder is inside the folder.
        """
        state = confirm_encoder(load_state(Path(path)), Path(path), encoder)
        loaded = cls(seed=state.seed, encoder=state.encoder, settings=state.model.settings, kinds=state.kinds.given)
        if state.clusters is not None:
            loaded.relations, loaded.min_similarity = CLUSTERS, state.clusters.min_similarity
        loaded._state = state
        return loaded

    @classmethod
    def from_config(cls, config: str | Path | Mapping[str, Any] | Config, *, cache: Path | None = None) -> Self:
        """An unfitted recommender from a TOML file or a mapping (:func:`newaisle.api.config.read_config`).

        Raises:
            InputError: the file cannot be read, or a key or value is invalid; the message names file, line and key.
        """
        config = read_config(config)  # its fields are the arguments of a recommender
        return cls(cache=cache, **vars(config))

    @property
    def config(self) -> Config:
        """What makes this model again, bit for bit, from the same data; once fitted, with the chosen settings."""
        state = self._state
        if state is None:
            return self._config
        least = self.min_similarity if state.clusters is None else state.clusters.min_similarity
        return replace(self._config, settings=state.model.settings, min_similarity=least)

    @property
    def _config(self) -> Config:
        return Config(self.seed, self.encoder, self.settings, self.kinds, self.relations, self.min_similarity)

    def save(self, path: str | Path, *, precision: Precision = "float64") -> None:
        """Write the recommender to a folder: safetensors, Parquet, config.json. An older model there is replaced whole.

        With the precision "float16" vectors and features take a fourth of the space, and scores keep 3 digits.

        Raises:
            ModelFormatError: the folder holds something other than a model.
            ModelError: the folder cannot be written, or a number is too large for half precision.
        """
        save_state(self.fitted, Path(path), precision)

    @property
    def fitted(self) -> ModelState:
        """The state of the fitted model."""
        state = self._state
        if state is None:
            raise NotFittedError("The recommender is not fitted; call fit(graph, history) or Recommender.load(path).")
        return state

    @property
    def report(self) -> FitReport:
        """What the model was fitted to: users, sold and new targets, rows left out, settings; ``print`` shows it."""
        return FitReport.of(self.fitted)

    def fit(
        self,
        graph: CatalogGraph,
        history: Interactions,
        *,
        vectors: Vectors | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from a catalog and its sales; targets without any interaction are new.

        A :class:`newaisle.errors.DataWarning` reports where more than 5 % of the events are on targets outside the
        graph, where no target is new, and where hardly any user bought a second one; ``report`` holds what was learned
        from.

        Args:
            graph: the catalog. Where no table marks groups, categories with others below them and without sales of
                their own are groups.
            history: interactions with targets outside the graph are left out.
            vectors: further features of targets: a name such as "image" -> a table (or the path of a Parquet file) with
                the columns ``id`` and ``vector``, a list of numbers that is scaled to length 1. A target may have none.
            progress: called with one line per step.

        Raises:
            InteractionsError: no interaction is on a known target, or none is positive.
            InputError: vectors cannot be used, or have the name of another feature block.
            SourceError: a file of vectors cannot be read.
            ModelError: nothing can be learned from the catalog, or the encoder cannot be loaded.
        """
        expect(graph, CatalogGraph, "The graph", "build one by CatalogGraph.from_tables(...)")
        expect(history, Interactions, "The history", "build one by Interactions.from_table(...)")
        from .updates.fit import fit  # torch takes seconds to import, and serving a model needs none of it

        with self._writing:
            if self._state is not None and self.encoder == self._state.encoder:
                check_confirmed(self._state)
            self._state = fit(graph, history, self._config, self.cache, vectors, progress)
        return self

    def refit(self, history: Interactions, *, progress: Progress | None = None) -> Self:
        """Fit to a new history, which replaces the old one and all observed events; much faster than :meth:`fit`.

        Catalog, vectors, encoder and settings stay. New targets with sales in this history become seen, interactions
        with unknown targets are left out, and a forgotten user returns if the history has them.

        Raises:
            InteractionsError: no interaction is on a known target, or none is positive.
        """
        expect(history, Interactions, "The history", "build one by Interactions.from_table(...)")
        from .updates.fit import refit  # imports torch, as fit does

        with self._writing:
            self._state = refit(self.fitted, history, self._config, progress)
        return self

    def add(
        self,
        targets: Table | CatalogGraph | None = None,
        edges: Table | None = None,
        *,
        vectors: Vectors | None = None,
    ) -> Self:
        """Add categories, products or edges and rank them at once, without training; on any error nothing is added.

        Features are computed as at fit (means, deviations, rarity of attribute values, shared names); a value or parent
        unknown at fit has an identity of its own. Targets without sales at fit are predicted again where their edges,
        or those above them, change; seen ones keep their features, and all their place, until the next :meth:`fit`.

        Args:
            targets: a categories table as for :meth:`CatalogGraph.from_tables`, a products table (one with the column
                ``category_id``), or a graph. Parents may be old or new.
            edges: columns ``id``, ``name``, ``value`` and optional ``weight``: attributes of old or new targets. Under
                the name ``CHILD_OF`` (of products ``IN_CATEGORY``) the values are parents, in place of the old ones.
            vectors: as for :meth:`fit`, for what is added, of the kinds given at fit; zeros where missing.

        Raises:
            GraphError: a target exists already, a parent or id is unknown, or there is a cycle.
            InputError: a table cannot be used, or has a column or kind of vectors that the catalog lacked at fit.
            SourceError: a file of vectors cannot be read.
            ModelError: the texts cannot be encoded.
        """
        from .updates.add import add  # imports torch, as fit does

        with self._writing:
            self._state = add(self.fitted, targets, edges, self.cache, vectors)
        return self

    def observe(self, events: Interactions | Table) -> ObserveReport:
        """Learn from first sales and other events at once; on any error nothing is learned.

        Targets' vectors are solved again (:func:`newaisle.gnn.factors.update.learn_target`), users' vectors have the
        events folded in (:func:`newaisle.gnn.online.fold_in.fold_in`). The order of events does not matter, a repeated
        one counts once, those older than the history count like any other, users may be new, and ``new`` and ``seen``
        stay as at fit. Users who did not buy a new target count by the share of the training window between its first
        event and the latest of all, and not at all where times are unknown.

        Args:
            events: interactions, or a table with the columns ``user``, ``target`` and optional ``weight``,
                ``timestamp``, ``event``. Events weigh what their kind does (``kinds``), at most as much as the
                strongest kind of the history; without a kind 1. A dislike (below 0) counts whether the target was
                bought or not.

        Raises:
            InteractionsError: a weight is not finite, or a time is missing or in the future.
            InputError: the table cannot be used, or user ids are of another type than those of the model.
        """
        with self._writing:
            self._state, report = observe(self.fitted, events)
        return report

    def forget(self, users: Id | Sequence[Id]) -> Self:
        """Forget users: ids, history, vectors and their part in targets' vectors; if an id is unknown, forget nobody.

        What was trained on everybody's purchases (the basis of folding in, the factors behind priors, calibration,
        settings) stays until the next fit, whose history should leave the users out.

        Raises:
            ModelError: nobody with a history would be left.
        """
        with self._writing:
            self._state = forget(self.fitted, users)
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
        """The best targets for users, best first.

        The table has the columns ``user, target, name, score, probability, confidence``: score is the cosine (-1 to 1),
        probability that of :meth:`probabilities`, confidence 0 to 1; user is null for None and for profiles.

        Args:
            users: one own id or several; None is a user without history, who gets the mean user's vector; a
                :class:`Profile` is a user described by a text.
            k: targets per user; fewer where there are fewer.
            among: "new" (no sales at fit), "seen", "all", or own ids; groups only by id.
            exclude_bought: leave out what the user bought or dislikes.
            diversity: 0 ranks by score; more, up to 1, prefers targets unlike those higher in the list (maximal
                marginal relevance, :func:`newaisle.gnn.retrieval.diversity.diversify`), chosen from the best 10 k.
            min_confidence: leave out targets below this confidence, 0 to 1.
            min_probability: leave out targets below this probability of a purchase, 0 to 1.
            at: a date, a time or a number at which targets must be available, by the catalog's columns
                ``available_from`` and ``available_to``; None for any time.
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
        """The users most likely to buy a target, the most likely first.

        The table has the columns ``user, target, name, score, probability, expected_buyers``: probability is that of
        :meth:`probabilities`, which unlike the score knows how much users buy; expected_buyers is its running sum.

        Args:
            target: own id.
            k: how many users; fewer where there are fewer.
            exclude_bought: leave out who bought or dislikes the target.
            at: when the target must be available (else the table is empty); None for any time.
            users: own ids to choose from; None for everybody with a history.
        """
        return audience(self.fitted, target, AudienceOptions(k, exclude_bought, at, users))

    def forecast(self, targets: Id | Among = "new") -> Table:
        """Forecast how many users will buy each target within a period as long as the history, most buyers first.

        The table has the columns ``target, name, expected_buyers, low, high, confidence, known_buyers, new_buyers``;
        80 % of such targets end up between the whole numbers low and high, both included. expected_buyers is
        known_buyers, users with a history at fit, plus new_buyers, customers who buy nothing else that was on sale
        then. Without sales at fit the former is the sum of the users' probabilities, the latter what the predicted
        popularity leads to (:class:`newaisle.gnn.calibration.new_customers.NewCustomers`), and the interval is as wide
        as such forecasts of pseudo-new targets were off
        (:class:`newaisle.gnn.calibration.forecast.ConformalInterval`). With sales all are numbers of buyers in the
        history, new_buyers those who bought nothing else, and the interval is how far two such windows differ.
        ``targets`` are one own id or several, "new", "seen" or "all".
        """
        return forecast(self.fitted, targets)

    def route(self, targets: Id | Sequence[Id], *, zero_shot: float = 1.0, conventional: float | None = None) -> Table:
        """How much of each target's vector comes from the graph, and how much from its own sales.

        The table has the columns ``target, name, route, prior_share, buyers``: route is "zero-shot", "few-shot" or
        "conventional", prior_share 1 (the prior alone) down to 0, buyers the users who bought it and do not dislike it.

        Args:
            targets: one or several.
            zero_shot: least prior share of a zero-shot target; at 1 any event of its own makes it few-shot.
            conventional: greatest prior share of a conventional target; None for the median of the seen targets (own
                sales then say as much as those of half of what the shop sells).
        """
        return route(self.fitted, targets, RouteThresholds(zero_shot, conventional))

    @staticmethod
    def table_columns(table: Table) -> dict[str, list[Any]]:
        """A result table as lists by column, whatever library it is in."""
        columns = nw.from_native(table, eager_only=True).to_dict()
        return {name: column.to_arrow().to_pylist() for name, column in columns.items()}

    def probabilities(
        self,
        users: UserRef | Sequence[UserRef],
        targets: Sequence[Id],
        *,
        rule: Literal["calibrated", "article"] = "calibrated",
    ) -> FloatArray:
        """Probabilities of a purchase, float64 (users, targets).

        The rule "calibrated" gives the probability of a purchase within a period as long as the history, for
        targets on sale and shown as the sold ones were; "article" the softmax of the cosine scores over ``targets``.
        """
        state = self.fitted
        batch = resolve_users(state, users)
        positions = target_positions(state, targets)
        if rule == "article":
            return state.model.probabilities(state.score(batch.vectors, positions), tau=1.0)
        if rule == "calibrated":
            return state.model.purchase_probability(batch.vectors, batch.activity, positions)
        raise InputError(f"The rule is {rule!r}; give 'calibrated' or 'article'.")

    def score(self, users: UserRef | Sequence[UserRef], targets: Sequence[Id]) -> FloatArray:
        """Cosine scores as in :meth:`recommend`, float64 (users, targets)."""
        state = self.fitted
        return state.score(resolve_users(state, users).vectors, target_positions(state, targets))

    def user_vector(self, user: UserRef) -> FloatArray:
        """A user as a unit vector f, float64 (rank + 2,); its cosine with a stored embedding is the score."""
        return np.asarray(user_embeddings(resolve_users(self.fitted, user).vectors)[0])

    def release(
        self, users: Id | Sequence[Id], epsilon: float, *, delta: float = 1e-5, seed: int | None = None
    ) -> FloatArray:
        """User vectors with noise for others to keep, each (epsilon, delta)-private, float64 (users, rank + 2).

        Their cosine with a target's embedding in the store ranks as the model would. The noise is that of the analytic
        Gaussian mechanism (Balle and Wang 2018) for vectors of length 1, at most 2 apart. Differential privacy holds
        for a user's own history in the given model, not for the training on all. Each release spends epsilon and delta
        anew: noise of several vectors of one user averages out.

        Args:
            users: one own id or several.
            epsilon: above 0; the lower, the more noise; at 8 and below a vector ranks worse than the mean user's
                (``docs/privacy.md``).
            delta: between 0 and 1, far below one in the number of users.
            seed: for tests alone, since whoever knows it can remove the noise; None takes it from the operating system.
        """
        return release(self.fitted, users, epsilon, delta, seed)

    def explain(self, user: Id, target: Id, *, source: str | None = None) -> Explanation:
        """Explain the score of a target for a user as two exact sums.

        Args:
            user: own id.
            target: own id.
            source: name of the catalog in the store, with which the keys of paths and queries begin; None for the one
                that it had at fit.

        Raises:
            InputError: the name has other characters than ``a-z 0-9 _ -``.
        """
        return explain(self.fitted, user, target, source)

    def similar(self, target: Id, k: int = 10, *, among: Among = "seen") -> Table:
        """The targets most similar to one, as the model weighs texts, place in the graph, attributes and features.

        The table has the columns ``target, name, similarity``, nearest first: 0 to 1, 1 where the graph shows no
        difference. ``among`` is "seen", "new", "all", or own ids.
        """
        return similar(self.fitted, target, k, among)

    def search(self, text: str, k: int = 10, *, user: UserRef = None, among: Among = "all") -> Table:
        """Targets that match a text by letters or meaning, themselves or by what is above them in the graph.

        The table has the columns ``target, name, relevance, match, because``, most relevant first: match is 0 to 1
        (:class:`newaisle.gnn.retrieval.text_search.TextSearch`), relevance the match adjusted by the taste of ``user``
        (the best liked target keeps its match, the least liked one 70 % of it), because the best matching name (of the
        target or a category above it) or attribute. There are fewer than ``k`` rows where fewer match at all.
        """
        return self._finder().search(text, k, user, among)

    def profile(self, text: str) -> Profile:
        """A user without a history, described by a text such as "bought a tent and hiking boots"; give it as ``users``.

        Each thing named (between commas, full stops, "and") counts as the three nearest seen targets; what the text
        does not name counts neither for nor against.

        Raises:
            InputError: no text, or it resembles no seen target.
        """
        return self._finder().profile(text)

    def _finder(self) -> Finder:
        state, texts = self.fitted, self._texts
        if texts is None or not texts.are_of(state):
            self._texts = texts = CatalogTexts.of(state, self.cache)
        return Finder(state, texts)

    def push(self, store: Store, name: str | None = None) -> Self:
        """Write predictions onto the model's targets in a graph store, in one transaction.

        Sets ``state``, ``embedding``, ``confidence``, ``buyers`` and edges ``SIMILAR_TO`` to the nearest seen targets,
        in place of those of an earlier model, and ``model_hash`` on the source's node. Nothing of any user is written:
        what fewer than 5 users bought gets its prior, and no ``buyers``. On any error nothing changes.

        Args:
            store: holds the graph of the model, or one refreshed with the model since.
            name: name of the source in the store; None for the graph's own.

        Raises:
            ModelError: the store holds another graph.
            StoreError: the store has no such source, is locked, or refused.
        """
        from .sync.write_back import push  # imports torch and the store's driver

        push(self.fitted, store, name, self.cache)
        return self

    def related(self, graph: CatalogGraph) -> CatalogGraph:
        """A graph of the model's source with the model's clusters; unchanged if it has some or the model has none.

        Targets that the model knows keep their cluster, new and changed texts get the nearest one.

        Raises:
            ModelError: a text cannot be encoded.
        """
        return cluster_again(self.fitted, graph, self.cache)

    def write_back(self, graph: CatalogGraph) -> WriteBack:
        """What :meth:`push` writes, for ``refresh(store, graph, write_back=…)`` to the same graph.

        Encodes and predicts what differs from the model's graph, with everything frozen at fit.

        Raises:
            ModelError: the graph is of another catalog, or the texts cannot be encoded.
        """
        from .sync.write_back import StoreView  # imports torch and the store's driver

        return StoreView.of(self.fitted, graph, self.cache).write_back
