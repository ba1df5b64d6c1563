"""What a model writes into the store: its vectors and order, nothing of users; an older one restores its state."""

import copy

import numpy as np
import pyarrow as pa
import pytest

from newaisle.api.recommender import Recommender
from newaisle.api.sync.write_back import LEAST_BUYERS, StoreView, model_hash
from newaisle.errors import ModelError, StoreError
from newaisle.gnn.retrieval.similarity import similarities
from newaisle.graph import CatalogGraph, Store, refresh
from newaisle.graph.catalog.affected import with_descendants
from newaisle.graph.catalog.nodes import nodes_of
from newaisle.graph.store.queries.named import named_queries

SOURCE = "pushed"
PROPERTIES = ("state", "embedding", "confidence", "buyers", "embedding_shift", "embedding_run_id")


@pytest.fixture
def model(fitted):
    """A model to add to; the shared one stays as it is."""
    return copy.copy(fitted)


@pytest.fixture
def filled(any_store: Store, journey):
    """A store that holds the catalog, what a model wrote gone."""
    refresh(any_store, journey.graph, SOURCE, max_delete=1.0)
    any_store.query(
        "MATCH (n:Newaisle {source: $s}) SET n += $none",
        {"s": SOURCE, "none": dict.fromkeys((*PROPERTIES[1:], "model_hash"))},
        write=True,
    )
    any_store.query("MATCH (:Newaisle)-[r:SIMILAR_TO]->(:Newaisle) DELETE r", write=True)
    return any_store


def written(store):
    """key -> what a model wrote onto the node; and all edges of similarity."""
    rows = store.query(
        "MATCH (n:Newaisle {source: $s}) WHERE NOT n:Attribute AND NOT n:Refresh "
        "RETURN n.key, [p IN $p | n[p]] ORDER BY n.key",
        {"s": SOURCE, "p": list(PROPERTIES)},
    ).rows
    edges = store.query(
        "MATCH (a:Newaisle {source: $s})-[r:SIMILAR_TO]->(b:Newaisle) RETURN a.key, b.key, r.score, r.rank "
        "ORDER BY a.key, r.rank",
        {"s": SOURCE},
    ).rows
    return {key: dict(zip(PROPERTIES, values, strict=True)) for key, values in rows}, edges


def test_a_push_writes_what_the_model_says_and_nothing_of_users(filled, model, journey):
    fitted, graph = model.fitted, journey.graph
    assert model.push(filled, SOURCE) is model
    found, edges = written(filled)
    assert filled.source_state(SOURCE).model_hash == model_hash(fitted)
    buyers = np.bincount(fitted.bought.indices, minlength=len(graph))
    few = 0
    for position, own in enumerate(graph.ids):
        node = found[f"{SOURCE}:{own}"]
        if graph.is_group[position]:
            assert node == dict.fromkeys(PROPERTIES) | {"state": "group"}
            continue
        assert node["state"] == ("seen" if buyers[position] else "new")
        assert node["embedding_shift"] is node["embedding_run_id"] is None
        vector = fitted.model.vectors[position]
        if buyers[position] < LEAST_BUYERS:
            few += buyers[position] > 0
            assert node["buyers"] is None
            vector = fitted.model.prior.mean[position]
            assert node["confidence"] == np.exp(-fitted.model.popularity_error[position])
        else:
            assert node["buyers"] == buyers[position]
            assert node["confidence"] == fitted.confidence[position]
        answer = np.append(vector, fitted.model.offset[position])
        assert (np.array(node["embedding"][:-1]) == answer / fitted.model.longest).all()
        assert np.linalg.norm(node["embedding"]) == pytest.approx(1)
    assert few > 10
    assert all(str(user) not in found for user in fitted.users)
    assert filled.query("MATCH (n:Newaisle {source: $s}) WHERE n:User RETURN n", {"s": SOURCE}).rows == ()
    target = int(np.flatnonzero(~graph.is_group & (buyers == 0))[0])
    own = [edge for edge in edges if edge[0] == f"{SOURCE}:{graph.ids.values[target]}"]
    assert [rank for *_, rank in own] == [1, 2, 3, 4, 5]
    seen = fitted.model.regressor.seen
    alike = similarities(fitted.model.regressor, np.array([target]), seen)[0]
    assert [score for _, _, score, _ in own] == pytest.approx(sorted(alike, reverse=True)[:5])
    assert not [1 for tail, head, *_ in edges if tail == head]
    assert filled.snapshot(SOURCE).content_hash == filled.source_state(SOURCE).graph_hash


def test_the_purchases_of_few_users_leave_no_trace(filled, model, journey):
    """A target that 4 users bought since the fit is written as if nobody had; from the fifth on it shows."""
    new = next(own for own in model.table_columns(model.recommend(None, 1))["target"])
    users = list(model.fitted.users)
    model.push(filled, SOURCE)
    before = written(filled)[0][f"{SOURCE}:{new}"]
    model.observe(pa.table({"user": users[:4], "target": [new] * 4}))
    model.push(filled, SOURCE)
    assert written(filled)[0][f"{SOURCE}:{new}"] == before
    model.observe(pa.table({"user": users[:5], "target": [new] * 5}))
    model.push(filled, SOURCE)
    after = written(filled)[0][f"{SOURCE}:{new}"]
    assert after["buyers"] == 5
    assert after["embedding"] != before["embedding"]
    assert journey.graph == model.fitted.graph


def test_an_older_model_restores_its_state(filled, model):
    model.push(filled, SOURCE)
    before = written(filled)
    other = copy.copy(model)
    users = list(model.fitted.users)
    other.observe(pa.table({"user": users, "target": [model.fitted.graph.ids.values[5]] * len(users)}))
    other.push(filled, SOURCE)
    assert written(filled) != before
    assert filled.source_state(SOURCE).model_hash == model_hash(other.fitted) != model_hash(model.fitted)
    model.push(filled, SOURCE)
    assert written(filled) == before
    assert filled.source_state(SOURCE).model_hash == model_hash(model.fitted)


def test_other_sources_and_foreign_nodes_stay(filled, model):
    other = CatalogGraph.from_tables(pa.table({"id": ["a", "b"], "name": ["A", "B"]}), source="beside")
    filled.write(other)
    filled.query("CREATE (:Shop {name: 'foreign', embedding: [1.0]})", write=True)
    model.push(filled, SOURCE)
    beside = filled.query("MATCH (n:Newaisle {source: 'beside'}) WHERE NOT n:Refresh RETURN n.state, n.embedding").rows
    assert [list(row) for row in beside] == [["new", None]] * 2
    assert filled.query("MATCH (n:Shop) RETURN n.embedding").rows == ([[1.0]],)
    assert not filled.source_state("beside").model_hash
    filled.query("MATCH (n:Shop) DELETE n", write=True)


def test_a_model_of_another_graph_is_refused(filled, model):
    before = written(filled)
    model.add(pa.table({"id": ["one more"], "name": ["One more"]}))
    with pytest.raises(ModelError, match="is not the one that the model knows; refresh it"):
        model.push(filled, SOURCE)
    with pytest.raises(StoreError, match="holds no source 'nowhere'"):
        model.push(filled, "nowhere")
    assert written(filled) == before
    assert filled.sources() == sorted(filled.sources())
    assert "nowhere" not in filled.sources()


# --- a refresh with a model ---


@pytest.fixture(scope="module")
def tomorrow(journey, fitted):
    graph = journey.graph
    seen = np.zeros(len(graph), dtype=np.bool_)
    seen[fitted.fitted.model.regressor.seen] = True
    new = [graph.ids.values[i] for i in np.flatnonzero(~seen & ~graph.is_group)[:4].tolist()]
    sold = [graph.ids.values[i] for i in fitted.fitted.model.regressor.seen[:2].tolist()]
    rows, attributes = [], []
    for own, node in nodes_of(graph).items():
        if own in (new[3], sold[1]):
            continue
        name = "Dragon fruit" if own == new[0] else node.name
        text = "dragon fruit, exotic" if own == new[0] else "changed text" if own == sold[0] else node.text
        parents = ["exotic"] if own == new[1] else node.parents
        rows.append((own, name, text, parents, node.group, node.features.get("catalog_size")))
        has = {**node.attributes}
        attributes += [(own, a.name, a.value, weight) for a, weight in has.items()]
    attributes.append((new[2], "department", "A NEW DEPARTMENT", 1.0))
    rows += [
        ("exotic", "Exotic", "exotic fruit", [], True, None),
        ("kiwano", "Kiwano", "horned melon", ["exotic"], False, 2),
    ]
    columns = ("id", "name", "text", "parent_id", "group", "catalog_size")
    table = pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))
    named = dict(zip(("id", "name", "value", "weight"), map(list, zip(*attributes, strict=True)), strict=True))
    changed = [new[0], new[1], new[2], "exotic", "kiwano"]
    return CatalogGraph.from_tables(table, pa.table(named), source=SOURCE), changed, sold[0]


def test_a_refresh_writes_what_the_model_makes_of_the_changes(filled, model, tomorrow):
    graph, changed, sold = tomorrow
    model.push(filled, SOURCE)
    before, _ = written(filled)
    report = refresh(filled, graph, write_back=model.write_back(graph))
    after, edges = written(filled)
    assert "write back" in report.phases
    assert filled.source_state(SOURCE).model_hash == model_hash(model.fitted)
    assert filled.snapshot(SOURCE) == graph
    moved = {key for key in before.keys() & after.keys() if before[key]["embedding"] != after[key]["embedding"]}
    assert moved <= {f"{SOURCE}:{own}" for own in changed}
    assert f"{SOURCE}:{changed[0]}" in moved
    assert after[f"{SOURCE}:{sold}"]["embedding"] == before[f"{SOURCE}:{sold}"]["embedding"]  # until the next fit
    assert after[f"{SOURCE}:kiwano"]["confidence"] > 0
    assert after[f"{SOURCE}:{changed[0]}"]["embedding_run_id"] == report.run_id
    assert after[f"{SOURCE}:{changed[0]}"]["embedding_shift"] > 0
    top = named_queries()["moved-embeddings"].run(filled, {"source": SOURCE, "limit": 3}).rows
    assert {row[0] for row in top} <= {f"{SOURCE}:{own}" for own in [*changed, sold]} | after.keys()
    assert [rank for tail, _, _, rank in edges if tail == f"{SOURCE}:kiwano"] == [1, 2, 3, 4, 5]
    # what add computes for the same target agrees
    added = model.add(
        pa.table(
            {
                "id": ["exotic", "kiwano"],
                "name": ["Exotic", "Kiwano"],
                "group": [True, False],
                "text": ["exotic fruit", "horned melon"],
                "parent_id": [None, "exotic"],
                "catalog_size": [None, 2.0],
            }
        )
    )
    own = added.fitted.graph.ids.position("kiwano")
    assert after[f"{SOURCE}:kiwano"]["embedding"] == pytest.approx(added.fitted.vectors[own], abs=1e-5)


def test_refreshing_again_or_pushing_says_the_same(filled, model, tomorrow):
    graph, *_ = tomorrow
    refresh(filled, graph, write_back=model.write_back(graph))  # nothing was written before: everything is now
    whole, edges = written(filled)
    assert sum(node["embedding"] is not None for node in whole.values()) == int((~graph.is_group).sum())
    refresh(filled, graph, write_back=model.write_back(graph))
    assert written(filled) == (whole, edges)
    model.push(filled, SOURCE)  # the model of another graph, but the one that this graph was refreshed with
    pushed, same = written(filled)
    assert same == edges
    for key, node in whole.items():
        assert pushed[key]["embedding"] == node["embedding"]
        assert pushed[key]["confidence"] == node["confidence"]


def test_first_sales_stay_learned_when_the_description_changes(fitted, model, tomorrow):
    """The vector of a changed target is its new prior, updated by what was observed of it since the fit."""
    graph, (new, *_), _ = tomorrow
    users = list(model.fitted.users)[:10]
    model.observe(pa.table({"user": users, "target": [new] * len(users)}))
    before, after = (StoreView.of(each.fitted, graph, model.cache) for each in (fitted, model))
    position = graph.ids.position(new)
    places = [view.place[position] for view in (before, after)]
    priors = [view.model.prior.mean[at] for view, at in zip((before, after), places, strict=True)]
    assert (priors[0] == priors[1]).all()
    assert before.model.prior_share[places[0]] == 1 > after.model.prior_share[places[1]]
    buyers = model.fitted.model.factors.users[model.fitted.histories.rows(users)]
    scores = [buyers @ view.model.vectors[at] for view, at in zip((before, after), places, strict=True)]
    assert (scores[1] > scores[0]).all()


def test_a_refresh_that_fails_while_it_writes_back_leaves_everything(filled, model, tomorrow):
    model.push(filled, SOURCE)
    before, head = written(filled), filled.source_state(SOURCE)
    write = model.write_back(tomorrow[0])

    def failing(tx, told):
        write(tx, told)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refresh(filled, tomorrow[0], write_back=failing)
    assert (written(filled), filled.source_state(SOURCE)) == (before, head)


def test_a_model_of_another_catalog_has_nothing_to_say(model):
    graph = CatalogGraph.from_tables(pa.table({"id": ["a"], "name": ["A"]}))
    with pytest.raises(ModelError, match="was fitted to another catalog"):
        model.write_back(graph)


def test_foreseeing_what_did_not_change_changes_nothing(model, journey):
    rows = np.arange(len(journey.graph))
    same = StoreView.of(model.fitted, journey.graph, model.cache)
    assert same.model is model.fitted.model
    assert (same.place == rows).all()
    assert len(with_descendants(journey.graph, rows[:1])) >= 1


# --- Cypher ranks as the model does ---


def test_a_scan_gives_the_order_of_the_model(filled, model):
    model.push(filled, SOURCE)
    users = list(model.fitted.users)[:20]
    for user in [*users, None]:
        vector = model.user_vector(user)
        assert np.linalg.norm(vector) == pytest.approx(1)
        given = {"vector": vector.tolist(), "source": SOURCE, "limit": 20}
        found = [row[0] for row in named_queries()["rank-by-vector"].run(filled, given).rows]
        own = model.recommend(user, 20, exclude_bought=False)
        assert found == [f"{SOURCE}:{target}" for target in model.table_columns(own)["target"]]


def test_a_vector_index_finds_nearly_all_of_it(filled, model):
    model.push(filled, SOURCE)
    if not filled.index_vectors(len(model.user_vector(None))):
        assert (
            filled.query("SHOW PROCEDURES YIELD name WHERE name = 'db.index.vector.queryNodes' RETURN name").rows == ()
        )
        return
    assert filled.index_vectors(len(model.user_vector(None)))  # a second time changes nothing
    hits, asked = 0, 0
    for user in list(model.fitted.users)[:50]:
        given = {"vector": model.user_vector(user).tolist(), "source": SOURCE, "state": None, "limit": 20}
        scan, index = (
            [row[0] for row in named_queries()[name].run(filled, given).rows]
            for name in ("rank-by-vector", "rank-by-index")
        )
        hits, asked = hits + len({*scan} & {*index}), asked + len(scan)
    assert hits >= 0.98 * asked
    assert filled.index_vectors(7)
    filled.query("DROP INDEX newaisle_embedding", write=True)


def test_saving_keeps_the_hash(model, tmp_path):
    model.save(tmp_path / "model")
    assert model_hash(Recommender.load(tmp_path / "model").fitted) == model_hash(model.fitted)
