"""Shops whose customers buy once or twice: chances and forecasts count first purchases of new customers."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import DataWarning
from newaisle.gnn.calibration.buyers import TrueBuyers
from newaisle.gnn.calibration.new_customers import FirstPurchases, NewCustomers, fit_new_customers
from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.factors.leave_one_out import leave_one_out_vectors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.factors.solve import solve_users

KINDS, COLOURS = ("lamp", "chair", "rug", "shelf", "vase", "clock"), ("red", "blue", "green", "grey", "black")


class Shop:
    """A thousand customers with one purchase each; ``twice`` of them have a second one. Every seventh target is new."""

    def __init__(self, twice):
        random = np.random.default_rng(0)
        targets = np.arange(120)
        self.catalog = pd.DataFrame({"id": targets})
        self.catalog["kind"] = [KINDS[i % 6] for i in targets]
        self.catalog["name"] = [f"{KINDS[i % 6]} no {i}" for i in targets]
        self.catalog["colour"] = [COLOURS[i // 6 % 5] for i in targets]
        sold = random.gamma(1.0, 1.0, 120)
        sold /= sold.sum()
        first = pd.DataFrame({"user": np.arange(1000), "target": random.choice(120, 1000, p=sold)})
        second = pd.DataFrame({"user": np.arange(15), "target": random.choice(120, 15, p=sold)})
        self.events = pd.concat([first, second[:twice]]).drop_duplicates()
        self.hidden = list(range(0, 120, 7))
        self.training = self.events[~self.events.target.isin(self.hidden)]
        counts = self.events.target.value_counts()
        self.truth = counts.reindex(self.hidden, fill_value=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            self.model = Recommender(encoder=None).fit(
                CatalogGraph.from_tables(self.catalog), Interactions.from_table(self.training)
            )
        self.forecast = self.model.forecast("new").set_index("target").loc[self.hidden]


@pytest.fixture(scope="module")
def shops():
    """The shop without and with fifteen second purchases."""
    return Shop(0), Shop(15)


def test_a_few_second_purchases_hardly_move_the_forecasts(shops):
    means = [shop.forecast.expected_buyers.mean() for shop in shops]
    assert means[1] == pytest.approx(means[0], rel=0.1)
    for shop, mean in zip(shops, means, strict=True):
        assert shop.truth.mean() / 1.5 < mean < shop.truth.mean() * 1.5
        inside = shop.truth.between(shop.forecast.low, shop.forecast.high).mean()
        assert inside >= 0.6  # of 18 targets
        sold = shop.model.forecast("seen").expected_buyers.mean()
        assert mean == pytest.approx(sold, rel=0.25)


def test_buyers_are_apart_by_what_is_known_of_them(shops):
    once, twice = shops
    for shop in shops:
        found = shop.forecast
        np.testing.assert_array_equal(found.expected_buyers, found.known_buyers + found.new_buyers)
        assert found.new_buyers.sum() > 0.95 * found.expected_buyers.sum()
    assert once.forecast.known_buyers.sum() < 1  # nobody bought a second thing
    assert 0 < twice.forecast.known_buyers.mean() < 1  # 15 second purchases of 120 targets
    audience = twice.model.audience(twice.hidden[0], 10**6)
    assert audience.expected_buyers.iloc[-1] == pytest.approx(twice.forecast.known_buyers.iloc[0], rel=1e-9)
    sold = twice.model.forecast("seen").set_index("target")
    sizes = twice.training.groupby("user").target.transform("size")
    alone = twice.training[sizes == 1].target.value_counts().reindex(sold.index, fill_value=0)
    np.testing.assert_array_equal(sold.new_buyers, alone)


def test_a_customer_of_whom_nothing_is_known_buys_as_customers_do(shops):
    for shop in shops:
        everything = shop.model.recommend(None, k=500, among="all")
        shares = shop.events.target.value_counts().reindex(everything.target, fill_value=0) / 1000
        assert everything.probability.mean() == pytest.approx(shares.mean(), rel=0.5)
        assert (np.diff(everything.probability) <= 0).all()  # ranked as by score
        known = shop.model.probabilities(int(shop.training.user.iloc[0]), shop.hidden)
        assert known.mean() < 0.1 * everything.probability.mean()  # who has bought hardly buys again


def test_hardly_any_second_purchase_is_reported(shops):
    once, twice = shops
    graph = CatalogGraph.from_tables(once.catalog)
    settings = once.model.config.settings
    for shop, sentence in ((once, "None of the 8.. users bought a second"), (twice, "Only 1. of the 8.. users")):
        with pytest.warns(DataWarning, match=sentence):
            Recommender(encoder=None, settings=settings).fit(graph, Interactions.from_table(shop.training))
    many = pd.concat([once.training, once.training.assign(target=np.roll(once.training.target, 1))])
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        Recommender(encoder=None, settings=settings).fit(graph, Interactions.from_table(many.drop_duplicates()))


def test_new_customers_follow_popularity():
    random = np.random.default_rng(0)
    popularity = random.normal(0, 0.8, 400)
    customers = random.poisson(20 * np.exp(0.2 + 0.9 * popularity))
    found = fit_new_customers([FirstPurchases(popularity[:300], customers[:300], 20.0)])
    assert found.slope == pytest.approx(0.9, abs=0.05)
    expected = found.expected(popularity, 20.0)
    assert expected[:300].sum() == pytest.approx(customers[:300].sum(), rel=1e-3)
    assert expected[300:].sum() == pytest.approx(customers[300:].sum(), rel=0.1)
    against = fit_new_customers([FirstPurchases(popularity, customers[::-1], 20.0)])
    assert against.slope >= 0  # never fewer new customers for more popularity
    beyond = found.expected(np.array([found.highest, 99.0]), 20.0)
    assert beyond[0] == beyond[1]
    assert found.expected(popularity, 40.0) == pytest.approx(2 * expected)


def test_no_new_customer_at_all_is_half_a_one():
    none = fit_new_customers([FirstPurchases(np.array([-1.0, 1.0]), np.zeros(2, dtype=int), 5.0)])
    assert none == NewCustomers(pytest.approx(np.log(0.05)), 0.0, -1.0, 1.0)


def test_buyers_with_and_without_another_purchase():
    bought = sp.csr_array(np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]]))
    hidden = TrueBuyers.of_hidden(bought, np.array([0, 1]), np.array([0, 1]))
    assert (hidden.known.tolist(), hidden.new.tolist(), hidden.total.tolist()) == ([0, 1], [2, 1], [2, 2])
    assert (hidden.users, hidden.per_sold, hidden.per_target) == (2, 1.5, 2.0)
    each = TrueBuyers.of_each(bought, np.array([0, 1, 2]))
    assert (each.known.tolist(), each.new.tolist()) == ([1, 2, 2], [1, 0, 0])
    assert (each.users, each.per_sold) == (4, 7 / 4)


@pytest.mark.parametrize("second", [0, 6])
def test_a_vector_without_a_purchase_is_solved_exactly(second):
    random = np.random.default_rng(1)
    weights = np.where(random.random((40, 15)) < 0.3, random.choice([1.0, 0.5, -1.0], (40, 15)), 0.0)
    settings = FactorSettings(rank=4, second=second, alpha=5.0, regularization=3.0, rounds=0)
    signed = sp.csr_array(weights)
    factors = fit_factors(signed, settings, 0)
    user = int(np.argmax((weights > 0).sum(axis=1)))
    found = leave_one_out_vectors(factors, signed[[user]])
    bought = np.flatnonzero(weights[user] > 0)
    assert len(found) == len(bought)
    for vector, target in zip(found, bought, strict=True):
        basis = factors.basis.copy()
        basis[target] = 0.0  # as if nobody had ever sold it
        without = weights[[user]].copy()
        without[0, target] = 0.0
        np.testing.assert_allclose(
            vector, solve_users(sp.csr_array(without), basis, settings)[0], rtol=1e-8, atol=1e-10
        )
