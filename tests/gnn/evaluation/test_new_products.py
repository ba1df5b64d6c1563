"""new-products hides a tenth of the products that sell, and nothing else."""

import numpy as np
import pyarrow as pa
import pytest

from newaisle.errors import InputError
from newaisle.gnn.evaluation.methods.simple_baselines import RandomScores
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.validation.splits import make_split, obstacle, pseudo_split
from newaisle.graph import CatalogGraph, Interactions

PRODUCTS, USERS = 60, 80


def inner_split(split, seed):
    return pseudo_split(split.protocol, split.graph, split.train, seed, split.seed, split.signed)


@pytest.fixture(scope="module")
def graph():
    """Sixty products in six categories that are sold as such too."""
    kinds = [f"k{i}" for i in range(6)]
    own = [f"p{i:02}" for i in range(PRODUCTS)]
    categories = pa.table({"id": kinds, "name": kinds})
    products = pa.table({"id": own, "name": own, "category_id": [kinds[i % 6] for i in range(PRODUCTS)]})
    return CatalogGraph.from_tables(categories, products=products)


@pytest.fixture(scope="module")
def events(graph):
    """Everybody buys something; ten products have 4 buyers at most."""
    random = np.random.default_rng(0)
    rare = [f"p{i:02}" for i in range(10)]
    bought = [
        (f"u{user:02}", target)
        for user in range(USERS)
        for target in graph.ids.values
        if random.random() < 0.3 and (target not in rare or user < 4)
    ]
    return Interactions.from_table(pa.table({"user": [u for u, _ in bought], "target": [t for _, t in bought]}))


def test_a_tenth_of_the_products_with_five_buyers_is_hidden(graph, events):
    matrix = events.matrix(graph)
    buyers = (matrix.toarray() > 0).sum(axis=0)
    pool = {f"p{i:02}" for i in range(10, PRODUCTS)}
    assert {graph.ids.values[i] for i in np.flatnonzero(graph.is_product & (buyers >= 5))} == pool
    drawn = set()
    for seed in range(6):
        split = make_split("new-products", graph, matrix, seed)
        assert len(split.hidden) == len(split.candidates) == 5
        assert {graph.ids.values[i] for i in split.hidden} <= pool
        drawn |= set(split.hidden.tolist())
        inner = inner_split(split, 0)
        assert len(inner.hidden) == 4  # a tenth of the other 45
        assert graph.is_product[inner.hidden].all()
        assert not set(inner.hidden) & set(split.hidden)
    assert len(drawn) > 15


def test_rows_are_called_new_products(graph, events):
    (found,) = evaluate_splits(graph, events, {"random": RandomScores}, ["new-products"], [0])
    assert found.protocol == "new-products"
    assert found.counts["candidates"] == 5


def test_a_catalog_without_products_is_refused(journey):
    matrix = journey.interactions.matrix(journey.graph)
    sentence = "The catalog has 0 products with 5 buyers; new-products needs at least 2: give a catalog with products"
    assert obstacle("new-products", journey.graph, matrix).startswith(sentence)
    with pytest.raises(InputError, match=sentence):
        make_split("new-products", journey.graph, matrix, 0)


def test_other_draws_are_as_before(journey):
    """The reported figures hang on these draws."""
    matrix = journey.interactions.matrix(journey.graph)
    protocols = ("leave-targets-out", "leave-branches-out")
    hidden = [make_split(protocol, journey.graph, matrix, 0).hidden for protocol in protocols]
    assert [int(found.sum()) for found in hidden] == [30529, 46013]
    assert [len(found) for found in hidden] == [97, 147]
