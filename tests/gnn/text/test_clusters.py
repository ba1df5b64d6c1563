"""Clusters of texts in place of a taxonomy: one more attribute, made without sales, the same for what comes later."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from newaisle import CatalogGraph, Recommender
from newaisle.api.cli.refresh import _load
from newaisle.api.config import read_config
from newaisle.api.reports.custom_models import without_fit
from newaisle.api.reports.evaluation import evaluate_source
from newaisle.api.reports.options import EvaluationOptions
from newaisle.api.sync.jobs import Job
from newaisle.api.sync.write_back import StoreView
from newaisle.api.updates.clusters import cluster_again
from newaisle.errors import InputError
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.text.catalog import Encoded
from newaisle.gnn.text.clusters import (
    CLUSTER,
    MIN_SIMILARITY,
    Clusters,
    cluster_catalog,
    has_clusters,
    number_of_clusters,
)
from newaisle.gnn.training.folds import start_kernel
from newaisle.graph import Relation, Store
from newaisle.graph.catalog.arrow import graph_from_files, graph_tables
from newaisle.graph.catalog.derive import with_attributes, without
from newaisle.loaders import LoadedSource


@pytest.fixture(scope="module")
def plain(journey: LoadedSource) -> CatalogGraph:
    """The catalog with nothing but names and texts."""
    names = {attribute.name for attribute in journey.graph.attributes}
    return without(journey.graph, ["child_of", *names, *journey.graph.features])


@pytest.fixture(scope="module")
def clusters(plain: CatalogGraph, texts: np.ndarray) -> Clusters:
    return Clusters.of(texts, plain.names)


@pytest.fixture(scope="module")
def settings(plain: CatalogGraph, clusters: Clusters, texts: np.ndarray, given: ModelSettings) -> ModelSettings:
    """Given settings for the catalog with clusters."""
    blocks = propagate(with_attributes(plain, clusters.attributes(texts)), texts)
    return replace(given, kernel=start_kernel(blocks, 0.1, 0.1))


@pytest.fixture(scope="module")
def model(plain: CatalogGraph, journey: LoadedSource, settings: ModelSettings, encodings: Path) -> Recommender:
    """A model of names, texts and clusters."""
    made = Recommender(settings=settings, cache=encodings, relations="clusters")
    return made.fit(plain, journey.interactions)


def clusters_of(graph: CatalogGraph) -> dict[Any, tuple[str, float]]:
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    rows = zip(has.tail.tolist(), has.head.tolist(), has.weight.tolist(), strict=True)
    found = [(graph.ids.values[t], graph.attributes[h], w) for t, h, w in rows]
    return {own: (attribute.value, weight) for own, attribute, weight in found if attribute.name == CLUSTER}


def test_every_text_near_a_centre_has_the_nearest_one(clusters: Clusters, texts: np.ndarray) -> None:
    assert len(clusters.centres) == number_of_clusters(len(np.unique(texts, axis=0)))
    assert np.linalg.norm(clusters.centres, axis=1) == pytest.approx(1.0)
    cosine = texts @ clusters.centres.T
    found = clusters.attributes(texts)
    assert [bool(own) for own in found] == (cosine.max(axis=1) >= MIN_SIMILARITY).tolist()
    assert 0.2 < np.mean(list(map(bool, found))) < 1.0
    for own, row in zip(found, cosine, strict=True):
        for attribute, weight in own.items():
            assert attribute.name == CLUSTER
            assert clusters.names.index(attribute.value) == row.argmax()
            assert weight == pytest.approx(row.max(), abs=1e-5)


def test_clusters_mean_something(clusters: Clusters, texts: np.ndarray, journey: LoadedSource) -> None:
    """Targets of one cluster stand below one parent far more often than by chance."""
    label = (texts @ clusters.centres.T).argmax(axis=1)
    parent = np.array(
        [row.indices[0] if row.nnz else -1 for row in (journey.graph.parents[[i]] for i in range(len(texts)))]
    )
    same = (parent[:, None] == parent[None, :])[np.triu_indices(len(parent), 1)]
    together = (label[:, None] == label[None, :])[np.triu_indices(len(label), 1)]
    assert same[together].mean() > 3 * same.mean()


def test_a_cluster_is_called_by_its_nearest_names(clusters: Clusters, texts: np.ndarray, plain: CatalogGraph) -> None:
    assert len(set(clusters.names)) == len(clusters.names)
    cosine = texts @ clusters.centres.T
    for own in range(len(clusters.names)):
        members = np.flatnonzero(cosine.argmax(axis=1) == own)
        assert clusters.names[own].startswith(plain.names[members[cosine[members, own].argmax()]])


def test_nothing_but_texts_makes_them(clusters: Clusters, texts: np.ndarray, plain: CatalogGraph) -> None:
    again = Clusters.of(texts, plain.names)
    assert again.names == clusters.names
    assert (again.centres == clusters.centres).all()


@pytest.mark.parametrize(("texts", "clusters"), [(4, 2), (8, 2), (294, 12), (10_000, 71)])
def test_their_number_grows_as_a_root(texts: int, clusters: int) -> None:
    assert number_of_clusters(texts) == clusters


def test_two_clusters_of_one_name_are_told_apart() -> None:
    rows = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)
    found = Clusters.of(rows, ("tea",) * 8, 0.1)
    assert sorted(found.names)[0] == "tea"
    assert len(set(found.names)) == len(found.names) == 2


def test_a_graph_with_clusters_is_a_graph_like_any_other(
    plain: CatalogGraph, journey: LoadedSource, texts: np.ndarray
) -> None:
    own = Clusters.of(texts, plain.names).attributes(texts)
    found = with_attributes(journey.graph, own)
    assert list(found.attributes) == sorted(found.attributes)
    assert without(found, [CLUSTER]) == journey.graph
    assert graph_from_files(found.source, graph_tables(found)) == found
    assert len(clusters_of(found)) == sum(map(bool, own))


def test_the_model_knows_them(model: Recommender, plain: CatalogGraph) -> None:
    assert set(model.fitted.model.regressor.blocks.names) >= {"text", "cluster", "cluster count"}
    assert without(model.fitted.graph, [CLUSTER]) == plain
    user = model.fitted.users.values[0]
    best = model.recommend(user, k=1, among="all").to_pylist()[0]["target"]
    why = model.explain(user, best)
    assert any(path.path.count("cluster=") for reason in why.because for path in reason.paths)


def test_they_are_saved_and_kept(model: Recommender, journey: LoadedSource, tmp_path: Path) -> None:
    for precision in ("float64", "float16"):
        model.save(tmp_path / "model", precision=precision)  # type: ignore[arg-type]  # one of the two words
        again = Recommender.load(tmp_path / "model")
        assert again.config == model.config or precision == "float16"
        ours, theirs = model.fitted.clusters, again.fitted.clusters
        assert ours is not None
        assert theirs is not None
        assert (theirs.names, theirs.min_similarity) == (ours.names, MIN_SIMILARITY)
        assert (theirs.centres == ours.centres).all()
    assert again.refit(journey.interactions).fitted.clusters is theirs


def test_what_is_added_gets_the_nearest(model: Recommender, clusters: Clusters) -> None:
    grown = copy.copy(model)
    known = next(own for own in clusters_of(model.fitted.graph).items())
    text = model.fitted.graph.texts[model.fitted.graph.ids.position(known[0])]
    rows = {"id": ["same", "odd", "own"], "name": ["same", "odd", "own"], "text": [text, "zqx 0017", text]}
    grown.add(pa.table(rows), pa.table({"id": ["own"], "name": [CLUSTER], "value": [clusters.names[-1]]}))
    found = clusters_of(grown.fitted.graph)
    assert found["same"] == (known[1][0], pytest.approx(known[1][1], abs=1e-4))
    assert "odd" not in found
    assert found["own"] == (clusters.names[-1], 1.0)
    assert {own: value for own, value in found.items() if own not in rows["id"]} == clusters_of(model.fitted.graph)


@pytest.fixture
def changed(plain: CatalogGraph) -> CatalogGraph:
    """The source with one target more and another text."""
    frame = graph_tables(plain)["targets"].to_pandas()
    frame["group"] = frame.pop("is_group")
    first = frame.index[~frame["group"]][0]
    frame.loc[first, "text"] = "fresh salmon fillet"
    more = {"id": "new", "name": "NEW", "text": frame["text"].iloc[-1], "group": False}
    table = pd.concat([frame.drop(columns="is_product"), pd.DataFrame([more])])
    return CatalogGraph.from_tables(table, source=plain.source)


def test_a_refresh_brings_new_targets_into_the_clusters(
    model: Recommender, plain: CatalogGraph, changed: CatalogGraph
) -> None:
    assert model.related(plain) == model.fitted.graph
    assert model.related(model.fitted.graph) is model.fitted.graph
    found = cluster_again(model.fitted, changed, model.cache)
    assert without(found, [CLUSTER]) == changed
    before, after = clusters_of(model.fitted.graph), clusters_of(found)
    assert after.get("new", ("", 0))[0] == before.get(plain.ids.values[-1], ("", 0))[0]
    assert sum(before.get(own) != after.get(own) for own in plain.ids) <= 1
    outlook = StoreView.of(model.fitted, changed, model.cache)
    assert outlook.graph == found
    block = outlook.model.regressor.blocks.matrices["cluster"]
    rows = block[outlook.place[outlook.graph.ids.positions(["new"])]].toarray()
    assert rows.any() == ("new" in after)


def test_without_clusters_nothing_is_touched(fitted: Recommender, journey: LoadedSource) -> None:
    assert fitted.related(journey.graph) is journey.graph
    assert not has_clusters(fitted.fitted.graph)


def test_the_store_has_them_like_any_attribute(model: Recommender, store: Store) -> None:
    graph = replace(model.fitted.graph, source="clustered")
    store.write(graph)
    assert store.snapshot("clustered") == graph
    answer = store.query(
        "MATCH (n:Newaisle {source: $source})-[:HAS_ATTRIBUTE]->(a:Attribute {name: $name}) RETURN count(n)",
        {"source": "clustered", "name": CLUSTER},
    )
    assert [list(row) for row in answer.rows] == [[len(clusters_of(graph))]]


def test_what_cannot_be_clustered_is_told(
    plain: CatalogGraph, texts: np.ndarray, journey: LoadedSource, encodings: Path, model: Recommender
) -> None:
    for given, sentence in (
        ({"relations": "taxonomy"}, "relations is 'taxonomy'; give 'clusters'"),
        ({"min_similarity": 1.5}, "min_similarity is 1.5; give a number from 0 to 1"),
    ):
        with pytest.raises(InputError, match=sentence):
            Recommender(**given)
        with pytest.raises(InputError, match=sentence):
            EvaluationOptions(**given)
    with pytest.raises(InputError, match="Clusters are made of texts and none is known"):
        Recommender(encoder=None, relations="clusters").fit(plain, journey.interactions)
    with pytest.raises(InputError, match="Clusters are made of texts and none is known"):
        evaluate_source(
            plain,
            journey.interactions,
            EvaluationOptions(
                protocols=["leave-targets-out"], encodings=encodings, drop=["text"], relations="clusters"
            ),
        )
    with pytest.raises(InputError, match="has an attribute 'cluster' already"):
        cluster_catalog(model.fitted.graph, Encoded(texts), "clusters", None)
    with pytest.raises(InputError, match=r"No text is as similar as 0\.999"):
        Clusters.of(texts, plain.names, 0.999)
    with pytest.raises(InputError, match="The catalog has 3 different texts, too few"):
        Clusters.of(np.repeat(np.eye(3, dtype=np.float32), 5, axis=0), ("a",) * 15)


def test_a_configuration_says_it(tmp_path: Path) -> None:
    made = read_config({"relations": "clusters", "min_similarity": 0.25})
    file = tmp_path / "own.toml"
    file.write_text(made.to_toml())
    assert read_config(file) == made == Recommender.from_config(file).config
    own = without_fit(Recommender.from_config(made))
    assert isinstance(own, Recommender)
    assert own.config == made
    for text, sentence in (
        ('seed = 1\nrelations = "trees"\n', "own.toml, line 2: relations is 'trees'; give 'clusters'"),
        ("seed = 1\nmin_similarity = 2\n", "own.toml, line 2: min_similarity is 2.0; give a number"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=sentence):
            read_config(file)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_home")
def test_the_command_line_clusters(
    run: Any,
    plain: CatalogGraph,
    journey: LoadedSource,
    settings: ModelSettings,
    tmp_path: Path,
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    frame = graph_tables(plain)["targets"].to_pandas()
    frame.loc[~frame["is_group"], ["id", "name", "text"]].to_csv(shop / "categories.csv", index=False)
    sales = journey.interactions
    events = {
        "user": [sales.users.values[i] for i in sales.user],
        "target": [sales.targets.values[i] for i in sales.target],
    }
    pd.DataFrame(events).to_csv(shop / "interactions.csv", index=False)
    toml = tmp_path / "own.toml"
    toml.write_text(Recommender(settings=settings).config.to_toml())
    fit = ("fit", f"tables:{shop}", "--out", str(tmp_path / "model"), "--config", str(toml))
    code, _, err = run(*fit, "--relations", "clusters", "--min-similarity", "0.7")
    assert code == 0, err
    found = Recommender.load(tmp_path / "model")
    assert (found.relations, found.min_similarity) == ("clusters", 0.7)
    held = clusters_of(found.fitted.graph)
    assert 0 < len(held) < len(found.fitted.graph)
    assert min(weight for _, weight in held.values()) >= 0.7
    for dry_run in (False, True):
        _, graph, write_back, _ = _load(Job(f"tables:{shop}", model=tmp_path / "model"), dry_run)
        assert graph == found.fitted.graph
        assert (write_back is None) == dry_run
    for command in (fit, ("evaluate", f"tables:{shop}", "--json")):
        code, out, err = run(*command, "--relations", "trees")
        assert (code, out) == (1, "")
        assert err.splitlines()[-1].startswith("relations is 'trees'")
