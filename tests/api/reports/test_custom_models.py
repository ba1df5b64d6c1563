"""Models of the user's own, by own ids, in the same evaluation as newaisle and the baselines."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import newaisle
from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.api.reports.custom_models import CustomMethod
from newaisle.errors import InputError, ModelError
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.validation.splits import Split, make_split
from newaisle.graph import Id
from newaisle.loaders import LoadedSource

OUT = "leave-targets-out"


class PopularityOfParent:
    """How many buyers what stands below the same parents has on average, to everybody alike."""

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def fit(self, graph: CatalogGraph, history: Interactions) -> None:
        buyers = np.zeros(len(graph))
        buyers[graph.ids.positions(history.targets)] = np.bincount(history.target)
        sold = (buyers > 0).astype(np.float64)
        children = graph.parents.T
        self.level = graph.parents @ ((children @ buyers) / np.maximum(children @ sold, 1.0))
        self.graph, self.history = graph, history

    def score(self, users: Sequence[Id], targets: Sequence[Id]) -> np.ndarray:
        self.batch = users, targets
        return np.tile(self.sign * self.level[self.graph.ids.positions(targets)], (len(users), 1))


class ByPosition:
    """The same as a method of the evaluation itself."""

    def fit(self, split: Split) -> None:
        buyers = np.diff(split.train.tocsc().indptr).astype(np.float64)
        up, children = split.graph.parents, split.graph.parents.T
        self.level = up @ ((children @ buyers) / np.maximum(children @ (buyers > 0).astype(np.float64), 1.0))

    def score(self, _split: Split, users: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.tile(self.level[targets], (len(users), 1))


def run(journey: LoadedSource, models: Any, seeds: Sequence[int] = (0,), **options: Any) -> Any:
    given = {"protocols": [OUT], "baselines": False, "encoder": None} | options
    return newaisle.evaluate(journey.graph, journey.interactions, models, seeds=seeds, **given)


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEWAISLE_HOME", str(tmp_path / "home"))


def test_a_custom_model_has_the_figures_of_the_same_method_inside(journey: LoadedSource) -> None:
    protocols = [OUT, "leave-branches-out"]
    found = run(journey, [PopularityOfParent()], seeds=(0, 1), protocols=protocols)
    inside = evaluate_splits(
        journey.graph, journey.interactions, {"PopularityOfParent": lambda _seed: ByPosition()}, protocols, (0, 1)
    )
    assert found.rows == [row for result in inside for row in result.rows]
    assert (found.protocols, found.seeds) == (protocols, [0, 1])
    table = found.tables[OUT]
    assert isinstance(table, pa.Table)
    assert table["method"].to_pylist() == ["PopularityOfParent"]
    mean = np.mean([row.value for row in found.rows if (row.protocol, row.metric) == (OUT, "ndcg@20")])
    assert table["ndcg@20"].to_pylist()[0].startswith(f"{mean:.4f} ± ")


def test_the_model_is_given_own_ids_and_nothing_of_what_is_hidden(journey: LoadedSource) -> None:
    fitted: list[PopularityOfParent] = []

    class Kept(PopularityOfParent):
        def fit(self, graph: CatalogGraph, history: Interactions) -> None:
            super().fit(graph, history)
            fitted.append(self)

    mine = Kept()
    run(journey, {"mine": mine}, seeds=(3,))
    (model,) = fitted
    assert model is not mine
    split = make_split(OUT, journey.graph, journey.interactions.matrix(journey.graph), 3)
    ids = journey.graph.ids.values
    assert model.graph is journey.graph
    assert model.history.users is journey.interactions.users
    assert list(model.history.targets) == [ids[i] for i in split.seen]
    assert (model.history.matrix(journey.graph) != split.train).nnz == 0
    users, targets = model.batch
    assert targets == [ids[i] for i in split.candidates]
    everyone = np.union1d(split.users, split.users_without_history)
    assert users == [journey.interactions.users.values[i] for i in everyone]


def small() -> LoadedSource:
    """A generated shop: 40 categories below 8 parents, of which every user likes two."""
    random = np.random.default_rng(0)
    ids = [f"c{i:02}" for i in range(40)]
    parents = {"id": [f"p{i}" for i in range(8)], "parent_id": [None] * 8, "group": [True] * 8}
    leaves = {"id": ids, "parent_id": [f"p{i % 8}" for i in range(40)], "group": [False] * 40}
    table = {name: [*parents[name], *leaves[name]] for name in parents}
    graph = CatalogGraph.from_tables(pa.table({**table, "name": table["id"]}), source="small")
    liked = [random.choice(8, 2, replace=False) for _ in range(90)]
    bought = [(u, i) for u in range(90) for i in range(40) if random.random() < (0.7 if i % 8 in liked[u] else 0.1)]
    users, targets = zip(*bought, strict=True)
    events = pa.table({"user": users, "target": [ids[i] for i in targets]})
    return LoadedSource(graph, Interactions.from_table(events))


@pytest.mark.slow
def test_custom_models_run_beside_newaisle_and_the_baselines(tmp_path: Path) -> None:
    shop, mine = small(), {"parents": PopularityOfParent(), "against": PopularityOfParent(-1.0)}
    found = run(shop, mine, baselines=True)
    table = found.tables[OUT].to_pylist()
    assert {"newaisle", "linmap", "random", "ceiling", "parents", "against"} <= {row["method"] for row in table}
    assert all(row["ndcg@20@held-out"] for row in table if row["method"] in ("newaisle", "parents"))
    # the figures of the baselines are kept, but not what is said by a model that may change
    kept = {json.loads(file.read_text())["method"] for file in (tmp_path / "home" / "evaluation").glob("*.json")}
    assert {row.method for row in found.rows} - kept == set(mine)
    with pytest.raises(InputError, match="'newaisle' is the name of a method of newaisle; give your model another"):
        run(shop, {"newaisle": PopularityOfParent()}, baselines=True)


def test_a_recommender_with_other_settings_is_a_model_too(
    journey: LoadedSource, given: ModelSettings, encodings: Path
) -> None:
    mine = Recommender(settings=given, cache=encodings)
    found = run(journey, {"mine": mine, "parents": PopularityOfParent()})
    level = {row.method: row.value for row in found.rows if row.metric == "ndcg@20"}
    assert level["mine"] > level["parents"]
    assert "ndcg@20@without-history" in {row.metric for row in found.rows if row.method == "mine"} or not any(
        "without-history" in row.metric for row in found.rows
    )


class Wrong(PopularityOfParent):
    """Scores that somebody else made of the right ones."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def score(self, users: Sequence[Id], targets: Sequence[Id]) -> Any:
        return self.change(super().score(users, targets))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda scores: scores.T, r"The method 'Wrong' gave scores of the shape \(\d+, \d+\)"),
        (lambda scores: scores[0], r"of the shape \(\d+,\)"),
        (lambda scores: np.where(scores > 0, np.nan, scores), r"with [\d,]+ NaN"),
        (lambda _scores: "high", "The method 'Wrong' gave scores that are no table of numbers"),
        (lambda _scores: [[1.0], [1.0, 2.0]], "that are no table of numbers"),
    ],
)
def test_wrong_scores_are_refused_in_one_sentence(journey: LoadedSource, change: Any, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        run(journey, [Wrong(change)])


def test_a_custom_model_goes_to_other_processes(journey: LoadedSource) -> None:
    make = partial(CustomMethod, "mine", PopularityOfParent(), journey.interactions.users, None)
    method = pickle.loads(ForkingPickler.dumps(make))(0)  # noqa: S301 - as a pool of processes does
    split = make_split(OUT, journey.graph, journey.interactions.matrix(journey.graph), 0)
    here = make(0)
    for each in (method, here):
        each.fit(split)
    scores = (each.score(split, split.users, split.candidates) for each in (method, here))
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(
    ("models", "sentence"),
    [
        ([], "There is no model to evaluate; give models, or leave baselines on"),
        ([PopularityOfParent(), PopularityOfParent()], "Several models are called 'PopularityOfParent'"),
        ([PopularityOfParent], r"The model 'type' cannot be evaluated \(it has no fit, or is a class\)"),
        ({"mine": object()}, r"The model 'mine' cannot be evaluated \(it has no fit"),
        ({"mine": ByPosition().fit}, r"The model 'mine' cannot be evaluated"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_one_sentence(journey: LoadedSource, models: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        run(journey, models)
