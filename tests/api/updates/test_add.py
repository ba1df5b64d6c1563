"""Adding to a fitted model: the same as fitting with what is added, without fitting; refused whole or done whole."""

import copy

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from support.catalogs import part_of

from newaisle.api.recommender import Recommender
from newaisle.errors import CycleError, DanglingParentError, DuplicateIdError, GraphError, InputError
from newaisle.gnn.factors.als import Factors
from newaisle.gnn.model.model import build_model
from newaisle.gnn.propagation.propagate import propagate, transform
from newaisle.graph import CatalogGraph, Interactions, Relation

HIDDEN = 40


@pytest.fixture
def model(fitted):
    """A model to add to; the shared one stays as it is."""
    return copy.copy(fitted)


@pytest.fixture(scope="module")
def withheld(journey):
    """Positions of some targets that a catalog lacks."""
    leaves = np.flatnonzero(~journey.graph.is_group)
    return np.sort(np.random.default_rng(0).choice(leaves, HIDDEN, replace=False))


@pytest.fixture(scope="module")
def before(journey, encodings, given, withheld):
    """A model of the catalog without them."""
    keep = np.ones(len(journey.graph), dtype=np.bool_)
    keep[withheld] = False
    part = part_of(journey.graph, keep)
    return Recommender(settings=given, cache=encodings).fit(part, journey.interactions)


@pytest.fixture(scope="module")
def after(before, journey):
    """The same model after the rest of the catalog was added."""
    return copy.copy(before).add(journey.graph)


def dense(block):
    return block if isinstance(block, np.ndarray) else block.toarray()


@pytest.mark.slow
def test_what_is_added_is_what_a_fit_with_it_there_gives(before, after, journey, withheld, given, texts, names):
    whole, own = journey.graph, before.fitted
    place = whole.ids.positions(own.graph.ids)
    factors = own.model.factors

    def spread(rows):
        there = np.zeros((len(whole), rows.shape[1]))
        there[place] = rows
        return there

    history = own.bought.tocoo()
    bought = sp.csr_array((np.ones(history.nnz), (history.row, place[history.col])), (len(own.users), len(whole)))
    together = Factors(factors.users, spread(factors.targets), spread(factors.basis), factors.settings)
    fit = build_model(bought, together, propagate(whole, texts, names), given)
    added = after.fitted.graph.ids.positions([whole.ids.values[i] for i in withheld])
    found, expected = after.fitted.model, fit
    for mine, theirs in zip(found.vectors[added], expected.vectors[withheld], strict=True):
        assert mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs) > 0.995
    assert np.corrcoef(found.popularity_error[added], expected.popularity_error[withheld])[0, 1] > 0.95
    scores = factors.users @ found.vectors[added].T, factors.users @ expected.vectors[withheld].T
    assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.999
    assert (found.prior_share[added] == 1).all()


def test_nothing_else_changes(before, after, journey):
    old, new = before.fitted, after.fitted
    size = len(old.graph)
    assert new.graph == journey.graph
    assert new.graph.ids.values[:size] == old.graph.ids.values
    for name, block in old.model.regressor.blocks.matrices.items():
        rows = dense(new.model.regressor.blocks.matrices[name][:size])
        assert (rows[:, : block.shape[1]] == dense(block)).all()
        assert not rows[:, block.shape[1] :].any()
    for part in ("vectors", "prior_share", "popularity_error"):
        assert (getattr(new.model, part)[:size] == getattr(old.model, part)).all()
    assert (new.model.prior.mean[:size] == old.model.prior.mean).all()
    users = list(old.users)[:20]
    targets = list(old.graph.ids)
    assert (after.score(users, targets) == before.score(users, targets)).all()


def test_it_is_exactly_the_frozen_statistics_from_scratch(before, after, journey, texts, names):
    graph, frozen = after.fitted.graph, before.fitted.schema.grown(after.fitted.graph)
    order = journey.graph.ids.positions(graph.ids)
    scratch = transform(graph, np.arange(len(graph)), frozen, texts[order], names[order])
    for name, block in after.fitted.model.regressor.blocks.matrices.items():
        assert (dense(block) == dense(scratch[name])).all(), name
    new = np.arange(len(before.fitted.graph), len(graph))
    prior = after.fitted.model.regressor.prior(new)
    assert (after.fitted.model.prior.mean[new] == prior.mean[:, :-1]).all()
    assert (after.fitted.model.popularity[new] == prior.mean[:, -1]).all()
    assert (after.fitted.model.prior.variance[new] == prior.variance).all()


def test_one_by_one_or_together_is_the_same(before, after, journey, withheld):
    whole = journey.graph
    model = copy.copy(before)
    for position in withheld[::-1][:3].tolist():
        keep = np.ones(len(whole), dtype=np.bool_)
        keep[np.setdiff1d(withheld, position)] = False
        keep[[i for i in withheld.tolist() if whole.ids.values[i] in model.fitted.graph.ids]] = True
        model.add(part_of(whole, keep))
    added = [whole.ids.values[i] for i in withheld[::-1][:3].tolist()]
    users = list(before.fitted.users)
    assert model.score(users, added) == pytest.approx(after.score(users, added), abs=1e-6)


def test_a_table_is_ranked_at_once_and_survives_saving(model, tmp_path):
    group = "FRZN / FRZN NEW"
    table = pa.table(
        {
            "id": [group, "oat ice", "pea ice"],
            "name": ["Frozen novelties", "Oat ice cream", "Pea ice cream"],
            "parent_id": [None, group, group],
            "group": [True, False, False],
            "department": ["DELI", "DELI", "ICE"],
            "catalog_size": [None, 3.0, 1e6],
        }
    )
    user = next(iter(model.fitted.users))
    model.add(table)
    graph = model.fitted.graph
    assert graph.levels[graph.ids.position("oat ice")] == 1
    columns = model.table_columns(model.recommend(user, 500))
    assert {"oat ice", "pea ice"} < set(columns["target"])
    assert group not in columns["target"]
    why = model.explain(user, "oat ice")
    assert sum(reason.share for reason in why.sources) + why.own_sales + why.offset == pytest.approx(why.score)
    assert model.similar("oat ice").num_rows == 10
    assert model.table_columns(model.search("oat ice"))["target"][0] == "oat ice"
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    loaded.cache = model.cache
    assert loaded.recommend(user, 500) == model.recommend(user, 500)
    more = pa.table({"id": ["rye ice"], "name": ["Rye ice cream"], "parent_id": [group], "department": ["ICE"]})
    assert loaded.add(more).recommend(user, 500) == model.add(more).recommend(user, 500)


def test_edges_move_what_nobody_bought_and_all_below_it(model):
    model.add(
        pa.table(
            {
                "id": ["top", "aisle", "shelf"],
                "name": ["Top", "Aisle", "Shelf"],
                "parent_id": [None, None, "aisle"],
                "department": ["DELI", None, None],
            }
        )
    )
    first = model.fitted
    others = np.arange(len(first.graph) - 3)
    group = int(first.graph.parents[[int(first.model.regressor.seen[0])]].indices[0])  # what stands below it is sold
    up = {"id": ["aisle", "aisle"], "name": ["CHILD_OF"] * 2, "value": ["top", first.graph.ids.values[group]]}
    model.add(edges=pa.table(up))
    moved, graph = model.fitted, model.fitted.graph
    top, aisle, shelf = graph.ids.positions(["top", "aisle", "shelf"])
    assert sorted(graph.parents[[aisle]].indices.tolist()) == [group, top]
    for row in (aisle, shelf, top):  # top became general, and knows itself
        assert dense(moved.model.regressor.blocks.matrices["ancestors"])[row].any()
        assert (moved.model.vectors[row] != first.model.vectors[row]).any()
    assert (moved.model.vectors[others] == first.model.vectors[others]).all()
    model.add(edges=pa.table({"id": ["shelf", "shelf"], "name": ["department"] * 2, "value": ["DELI", "ICE"]}))
    blocks = model.fitted.model.regressor.blocks.matrices
    assert (
        dense(blocks["department count"])[shelf]
        > dense(moved.model.regressor.blocks.matrices["department count"])[shelf]
    )
    assert (model.fitted.model.vectors[aisle] == moved.model.vectors[aisle]).all()
    # in one step it is the same
    again = copy.copy(model)
    again._state = first
    edges = {"id": [*up["id"], "shelf", "shelf"], "name": [*up["name"], "department", "department"]}
    again.add(edges=pa.table({**edges, "value": [*up["value"], "DELI", "ICE"]}))
    assert again.fitted.model.vectors == pytest.approx(model.fitted.model.vectors, abs=1e-6)


def test_seen_targets_keep_their_description(model):
    before = model.fitted
    seen = before.graph.ids.values[int(before.model.regressor.seen[0])]
    model.add(edges=pa.table({"id": [seen], "name": ["department"], "value": ["ICE"], "weight": [2.0]}))
    after = model.fitted
    assert (after.model.vectors == before.model.vectors).all()
    assert after.graph != before.graph
    has = after.graph.edges[Relation.HAS_ATTRIBUTE]
    assert 2.0 in has.weight[has.tail == after.graph.ids.position(seen)]


def test_products_and_first_sales_of_what_was_added(model):
    category = model.fitted.graph.ids.values[int(np.flatnonzero(~model.fitted.graph.is_group)[0])]
    model.add(pa.table({"id": ["p1"], "name": ["New apple"], "category_id": [category]}))
    position = model.fitted.graph.ids.position("p1")
    assert model.fitted.graph.is_product[position]
    zero = model.fitted.model.vectors[position]
    users = list(model.fitted.users)[:30]
    events = pa.table({"user": users, "target": ["p1"] * len(users)})
    early = copy.copy(model)
    model.observe(events)
    learned = model.fitted.model.vectors[position]
    assert (learned != zero).any()
    edges = pa.table({"id": ["p1"], "name": ["department"], "value": ["DELI"]})
    model.add(edges=edges)
    assert model.fitted.model.prior_share[position] < 1
    assert (model.fitted.model.vectors[position] != learned).any()
    early.add(edges=edges).observe(events)
    assert (early.fitted.model.vectors == model.fitted.model.vectors).all()


WRONG = [
    (lambda own: pa.table({"id": [own], "name": ["x"]}), None, DuplicateIdError, "is there already"),
    (
        lambda _: pa.table({"id": ["x"], "name": ["x"], "parent_id": ["nowhere"]}),
        None,
        DanglingParentError,
        "'nowhere'",
    ),
    (
        lambda _: pa.table({"id": ["x", "y"], "name": ["x", "y"], "parent_id": ["y", "x"]}),
        None,
        CycleError,
        "in a cycle",
    ),
    (lambda _: pa.table({"id": ["x"], "name": ["x"], "weight_g": [1.0]}), None, InputError, "no feature 'weight_g'"),
    (lambda _: pa.table({"id": ["x"], "name": ["x"], "colour": ["red"]}), None, InputError, "no attribute 'colour'"),
    (lambda _: pa.table({"name": ["x"]}), None, InputError, "no column 'id'"),
    (lambda _: pa.table({"id": [7], "name": ["x"]}), None, InputError, "mix types"),
    (lambda _: "x", None, InputError, "give a pandas, polars or Arrow table"),
    (lambda _: None, None, InputError, "nothing to add"),
    (lambda _: None, lambda _: {"id": ["x"], "name": ["department"], "value": ["y"]}, GraphError, "unknown id"),
    (lambda _: None, lambda own: {"id": [own], "name": ["CHILD_OF"], "value": [own]}, CycleError, "in a cycle"),
    (lambda _: None, lambda own: {"id": [own], "name": ["colour"], "value": ["red"]}, InputError, "'colour'"),
]


@pytest.mark.parametrize(("targets", "edges", "error", "said"), WRONG)
def test_what_cannot_be_added_leaves_everything_as_it_was(model, targets, edges, error, said):
    before, own = model.fitted, model.fitted.graph.ids.values[0]
    with pytest.raises(error, match=said) as told:
        model.add(targets(own), None if edges is None else pa.table(edges(own)))
    assert model.fitted is before
    assert "\n" not in str(told.value)


def test_a_graph_that_says_something_else_of_an_old_target_is_refused(model, journey):
    before = model.fitted
    renamed = CatalogGraph.from_tables(pa.table({"id": [journey.graph.ids.values[3]], "name": ["Something else"]}))
    with pytest.raises(DuplicateIdError, match="is known with other content"):
        model.add(renamed)
    with pytest.raises(InputError, match="nothing to add"):
        model.add(journey.graph)
    assert model.fitted is before


def test_without_texts_and_parents():
    """Values of an attribute are all there is."""
    graph = CatalogGraph.from_tables(pa.table({"id": [1, 2, 3, 4], "name": list("abcd"), "kind": ["x", "x", "y", "y"]}))
    events = Interactions.from_table(pa.table({"user": ["u", "u", "v"], "target": [1, 3, 3]}))
    from newaisle.gnn.factors.settings import FactorSettings
    from newaisle.gnn.model.settings import ModelSettings
    from newaisle.gnn.prior.kernel import KernelSettings

    settings = ModelSettings(FactorSettings(rank=2, regularization=0.1), KernelSettings({"kind": 1.0}, 0.1))
    model = Recommender(encoder=None, settings=settings).fit(graph, events)
    model.add(pa.table({"id": [9, 8], "name": ["i", "h"], "kind": ["y", "z"], "parent_id": [None, 4]}))
    fitted = model.fitted
    assert fitted.graph.ids.values == (1, 2, 3, 4, 8, 9)
    four, eight, nine = fitted.graph.ids.positions([4, 8, 9])
    assert fitted.model.vectors[nine] == pytest.approx(fitted.model.vectors[four])  # the same kind
    assert np.linalg.norm(fitted.model.vectors[eight]) < np.linalg.norm(fitted.model.vectors[nine])  # like nothing
