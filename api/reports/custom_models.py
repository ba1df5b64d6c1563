"""Custom models in the same evaluation as newaisle and the baselines, on the same splits."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...arrays import FloatArray, IntArray
from ...errors import InputError, ModelError
from ...gnn.evaluation.contracts import fitted
from ...gnn.text.weights import PACKAGED
from ...gnn.validation.splits import Split
from ...graph import CatalogGraph, Id, Ids, Interactions
from ...loaders.vectors import Vectors
from ...progress import Progress
from ..recommender import Recommender
from ..settings import Settings
from .evaluation import Evaluation, evaluate_source
from .options import EvaluationOptions


class CustomModel(Protocol):
    """What :func:`evaluate` takes: anything that learns from a catalog and its sales and scores by ids."""

    def fit(self, graph: CatalogGraph, history: Interactions) -> Any:
        """Learn from the whole catalog, hidden targets included, and the remaining sales.

        The history has the summed weight per user and target, no times, and all users, some without events.
        """

    def score(self, users: Sequence[Id], targets: Sequence[Id]) -> Any:
        """Scores, float (users, targets), higher is better, without NaN; some users may be without history."""


def evaluate(
    graph: CatalogGraph,
    history: Interactions,
    models: Sequence[CustomModel] | Mapping[str, CustomModel] = (),
    protocols: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    *,
    baselines: bool = True,
    encoder: str | None = PACKAGED,
    vectors: Vectors | None = None,
    relations: str | None = None,
    min_similarity: float | None = None,
    jobs: int = 1,
    cache: Path | None = None,
    progress: Progress | None = None,
    kinds: Mapping[str, float] | None = None,
) -> Evaluation:
    """Compare custom models with newaisle and all baselines on the same splits by the same metrics.

    Args:
        graph: the whole catalog.
        history: all interactions.
        models: not fitted, each split fits a copy; by name, or else named by their attribute ``name`` or class. Their
            figures are not cached. A :class:`newaisle.Recommender` with other settings is one too.
        protocols: as in :class:`newaisle.api.EvaluationOptions`.
        seeds: one split per protocol and seed.
        baselines: whether newaisle and all baselines run too.
        encoder: their text encoder, None for none.
        vectors: further modalities of newaisle, the baselines and recommenders among the models.
        relations: "clusters" gives newaisle and the baselines clusters of texts.
        min_similarity: least cosine of a text and the centre of its cluster; None for 0.6.
        jobs: number of processes; the models must be of classes that they can import.
        cache: folder for figures of newaisle and the baselines; None for the one in ``NEWAISLE_HOME``.
        progress: receives one line per figure.
        kinds: event kind -> weight; pairs above 0 are purchases, and custom models get no kinds.

    Raises:
        InputError: a model lacks ``fit`` or ``score``, two have one name, there is nothing to evaluate, or what
            :class:`newaisle.api.EvaluationOptions` and :func:`newaisle.api.evaluate_source` raise.
        ModelError: a model gave scores of a wrong shape or NaN.
    """
    named = _named(models)
    if not named and not baselines:
        raise InputError("There is no model to evaluate; give models, or leave baselines on.")
    settings = Settings()
    options = EvaluationOptions(
        protocols=protocols,
        seeds=seeds,
        vectors=vectors,
        relations=relations,
        min_similarity=min_similarity,
        kinds=kinds,
        baselines=baselines,
        encoder=encoder,
        encodings=settings.encodings,
        results_folder=cache or settings.evaluation,
        jobs=jobs,
    )
    methods = {name: partial(CustomMethod, name, model, history.users, vectors) for name, model in named.items()}
    return evaluate_source(graph, history, options, models=methods, progress=progress)


@dataclass(eq=False)
class CustomMethod:
    """A custom model as :class:`newaisle.gnn.evaluation.contracts.Method`, from ids of ``users`` to rows; unseeded."""

    name: str
    model: CustomModel
    users: Ids
    vectors: Vectors | None = None
    seed: int = 0

    _fitted: CustomModel | None = None

    @property
    def config(self) -> None:
        """None: what the model depends on is unknown, so nothing is cached."""

    def fit(self, split: Split) -> None:
        """Fit a copy of the model to the training data."""
        known = np.unique(split.train.indices)
        entries = split.train.tocoo()
        history = Interactions(
            self.users,
            Ids(tuple(split.graph.ids.values[i] for i in known.tolist()), "target"),
            entries.row.astype(np.int64),
            np.searchsorted(known, entries.col),
            entries.data.astype(np.float64),
        )
        self._fitted = copy.deepcopy(self.model)
        further = {"vectors": self.vectors} if isinstance(self.model, Recommender) else {}
        self._fitted.fit(split.graph, history, **further)

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """The model's scores, float64 (users, targets); a ModelError if they are no numbers."""
        batch = ([self.users.values[i] for i in users.tolist()], [split.graph.ids.values[i] for i in targets.tolist()])
        scores = fitted(self._fitted).score(*batch)
        try:
            return np.asarray(scores, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"The method {self.name!r} gave scores that are no table of numbers ({error}); "
                "return an array of the shape (users, targets)."
            ) from None


def _named(models: Sequence[CustomModel] | Mapping[str, CustomModel]) -> dict[str, CustomModel]:
    if isinstance(models, Mapping):
        pairs = [(str(name), model) for name, model in models.items()]
    else:
        pairs = [(_name_of(model), model) for model in models]
    named = dict(pairs)
    if len(named) < len(pairs):
        twice = next(name for name in named if [other for other, _ in pairs].count(name) > 1)
        raise InputError(f"Several models are called {twice!r}; give them as a mapping from names to models.")
    for name, model in named.items():
        for ability in ("fit", "score"):
            if isinstance(model, type) or not callable(getattr(model, ability, None)):
                raise InputError(
                    f"The model {name!r} cannot be evaluated (it has no {ability}, or is a class); "
                    "give an object with fit(graph, history) and score(users, targets)."
                )
    return {name: without_fit(model) for name, model in named.items()}


def _name_of(model: CustomModel) -> str:
    name = getattr(model, "name", None)
    return name if isinstance(name, str) else type(model).__name__


def without_fit(model: CustomModel) -> CustomModel:
    """A recommender with its settings alone: copies need no fitted state."""
    if isinstance(model, Recommender):
        return Recommender(
            seed=model.seed,
            encoder=model.encoder,
            settings=model.settings,
            cache=model.cache,
            relations=model.relations,
            min_similarity=model.min_similarity,
        )
    return model
