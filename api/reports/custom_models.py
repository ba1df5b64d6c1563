"""Models of the user's own in the same evaluation, on the same splits, beside newaisle and the baselines."""

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
from ...gnn.text.encoder import PACKAGED
from ...gnn.validation.splits import Split
from ...graph import CatalogGraph, Id, Ids, Interactions
from ...loaders.vectors import Vectors
from ...progress import Progress
from ..recommender import Recommender
from ..settings import Settings
from .evaluation import Evaluation, evaluate_source


class OwnModel(Protocol):
    """What :func:`evaluate` takes: anything that learns from a catalog and its sales and scores, by own ids."""

    def fit(self, graph: CatalogGraph, history: Interactions) -> Any:
        """Learn.

        Args:
            graph: the whole catalog, hidden targets included.
            history: what is left of the sales, one event per user and target with the summed weight, without times.
                ``history.users`` names all users, those who have nothing left included.
        """

    def score(self, users: Sequence[Id], targets: Sequence[Id]) -> Any:
        """Scores, float (users, targets), higher is better, without NaN; some users may be without history."""


def evaluate(
    graph: CatalogGraph,
    history: Interactions,
    models: Sequence[OwnModel] | Mapping[str, OwnModel] = (),
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
    """Compare own models with newaisle and all baselines: every one on the same splits, by the same metrics.

    Args:
        graph: the whole catalog.
        history: all interactions.
        models: own models, not fitted, or a :class:`newaisle.Recommender` with other settings; by name, or else called
            by their attribute ``name`` or their class. Each split fits a copy. Their figures are kept nowhere.
        protocols: some of :data:`newaisle.gnn.evaluation.protocols.names.GRAMMAR`; None for ``leave-targets-out`` and
            ``leave-branches-out`` as far as the catalog allows them.
        seeds: one split per protocol and seed.
        baselines: whether newaisle and all baselines run too.
        encoder: their text encoder, None for none.
        vectors: what else newaisle, the baselines and recommenders among the models know of targets, as
            :meth:`newaisle.Recommender.fit` takes it.
        relations: "clusters" gives newaisle and the baselines clusters of texts, as in :class:`newaisle.Recommender`.
        min_similarity: least cosine of a text and the centre of its cluster; None for 0.6.
        jobs: number of processes; with more than one the models must be of classes that other processes can import,
            and a script needs the usual ``if __name__ == "__main__":``.
        cache: folder that keeps finished figures of newaisle and the baselines; None for the one in ``NEWAISLE_HOME``.
        progress: is told one line per figure.
        kinds: what events of a kind weigh, as :class:`newaisle.Recommender` takes them. Pairs above 0 are purchases;
            own models are told no kinds.

    Returns:
        all figures: ``.tables`` for people, ``.rows`` in tidy form.

    Raises:
        InputError: a model lacks ``fit`` or ``score``, two have one name, there is nothing to evaluate, or what
            :func:`newaisle.api.evaluate_source` raises.
        ModelError: a model gave scores of a wrong shape or NaN.
    """
    named = _named(models)
    if not named and not baselines:
        raise InputError("There is no model to evaluate; give models, or leave baselines on.")
    settings = Settings()
    return evaluate_source(
        graph,
        history,
        protocols=protocols,
        seeds=seeds,
        encoder=encoder,
        vectors=vectors,
        relations=relations,
        min_similarity=min_similarity,
        encodings=settings.encodings,
        results_folder=cache or settings.evaluation,
        jobs=jobs,
        progress=progress,
        models={name: partial(_made, name, model, history.users, vectors=vectors) for name, model in named.items()},
        baselines=baselines,
        kinds=kinds,
    )


@dataclass(eq=False)
class OwnMethod:
    """A model of the user's own as :class:`newaisle.gnn.evaluation.contracts.Method`.

    Outside it has rows and positions, inside own ids.

    Attributes:
        name: what errors call it.
        model: not fitted; every fit takes a copy.
        users: own ids of the rows.
        vectors: what a recommender is given besides.
    """

    name: str
    model: OwnModel
    users: Ids
    vectors: Vectors | None = None

    _fitted: OwnModel | None = None

    @property
    def config(self) -> None:
        """What the model depends on is not known, so its figures are not kept."""

    def fit(self, split: Split) -> None:
        """Fit a copy to what the split leaves, by own ids."""
        known = np.unique(split.train.indices)
        entries = split.train.tocoo()
        history = Interactions(
            self.users,
            Ids(tuple(split.graph.ids.values[i] for i in known.tolist()), "target"),
            entries.row.astype(np.int64),
            np.searchsorted(known, entries.col),
            entries.data.astype(np.float64),
        )
        model = copy.deepcopy(self.model)
        if isinstance(model, Recommender):
            model.fit(split.graph, history, vectors=self.vectors)
        else:
            model.fit(split.graph, history)
        self._fitted = model

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Its scores, float64 (users, targets).

        Raises:
            ModelError: they are no numbers.
        """
        batch = ([self.users.values[i] for i in users.tolist()], [split.graph.ids.values[i] for i in targets.tolist()])
        scores = fitted(self._fitted).score(*batch)
        try:
            return np.asarray(scores, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"The method {self.name!r} gave scores that are no table of numbers ({error}); "
                "return an array of the shape (users, targets)."
            ) from None


def _made(name: str, model: OwnModel, users: Ids, _seed: int, *, vectors: Vectors | None = None) -> OwnMethod:
    # no lambda: other processes find it by its name
    return OwnMethod(name, model, users, vectors)


def _named(models: Sequence[OwnModel] | Mapping[str, OwnModel]) -> dict[str, OwnModel]:
    """The models by name."""
    if isinstance(models, Mapping):
        pairs = [(str(name), model) for name, model in models.items()]
    else:
        pairs = [(_called(model), model) for model in models]
    named = dict(pairs)
    if len(named) < len(pairs):
        twice = next(name for name in named if [own for own, _ in pairs].count(name) > 1)
        raise InputError(f"Several models are called {twice!r}; give them as a mapping from names to models.")
    for name, model in named.items():
        for ability in ("fit", "score"):
            if isinstance(model, type) or not callable(getattr(model, ability, None)):
                raise InputError(
                    f"The model {name!r} cannot be evaluated (it has no {ability}, or is a class); "
                    "give an object with fit(graph, history) and score(users, targets)."
                )
    return {name: _without_fit(model) for name, model in named.items()}


def _called(model: OwnModel) -> str:
    name = getattr(model, "name", None)
    return name if isinstance(name, str) else type(model).__name__


def _without_fit(model: OwnModel) -> OwnModel:
    """A recommender with what it was given alone: what it has learned is large, and no copy needs it."""
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
