"""How many buyers a target will find: sums of chances, intervals that hold, the table and what is refused."""

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from newaisle.api.answers.forecast import FORECAST_COLUMNS
from newaisle.api.recommender import Recommender
from newaisle.errors import InputError, NotFittedError, UnknownIdError
from newaisle.gnn.calibration.buyers import TrueBuyers
from newaisle.gnn.calibration.forecast import (
    COVERAGE,
    BuyerCounts,
    ConformalInterval,
    expected_buyers,
    fit_interval,
    repeat_interval,
)
from newaisle.gnn.calibration.held_out import HeldOutTargets
from newaisle.gnn.model.cosine_softmax import augment_users
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, buyers, make_split


def columns_of(table):
    return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}


@pytest.fixture(scope="module")
def new(fitted):
    return columns_of(fitted.forecast("new"))


def test_the_chances_of_everybody_add_up_to_the_forecast(fitted, new):
    assert tuple(new) == FORECAST_COLUMNS
    assert new["expected_buyers"] == sorted(new["expected_buyers"], reverse=True)
    fits = fitted.fitted
    positions = fits.graph.ids.positions(new["target"])
    assert sorted(positions) == fits.choose("new").targets.tolist()
    for place in (0, len(positions) // 2, -1):
        audience = columns_of(fitted.audience(new["target"][place], 10**6))
        assert new["known_buyers"][place] == pytest.approx(audience["expected_buyers"][-1], rel=1e-9)
    assert new["expected_buyers"] == np.add(new["known_buyers"], new["new_buyers"]).tolist()
    assert min(new["new_buyers"]) > 0
    assert new["name"] == [fits.graph.names[position] for position in positions]
    np.testing.assert_array_equal(new["confidence"], fits.confidence[positions])
    assert all(isinstance(end, int) for end in new["low"] + new["high"])
    for low, expected, high in zip(new["low"], new["expected_buyers"], new["high"], strict=True):
        assert 0 <= low <= expected <= high


def test_sold_targets_are_expected_to_sell_as_they_did(fitted):
    bought = fitted.fitted.bought
    buyers = dict(zip(fitted.fitted.graph.ids, np.bincount(bought.indices, minlength=bought.shape[1]), strict=True))
    seen = columns_of(fitted.forecast("seen"))
    assert seen["expected_buyers"] == [buyers[target] for target in seen["target"]]
    for low, expected, high in zip(seen["low"], seen["expected_buyers"], seen["high"], strict=True):
        assert low < expected < high
    sizes = dict(zip(fitted.fitted.graph.ids, _only_purchases(bought), strict=True))
    assert seen["new_buyers"] == [sizes[target] for target in seen["target"]]
    assert np.add(seen["known_buyers"], seen["new_buyers"]).tolist() == seen["expected_buyers"]
    everything = columns_of(fitted.forecast("all"))
    assert len(everything["target"]) == len(seen["target"]) + len(columns_of(fitted.forecast())["target"])


def _only_purchases(bought):
    """How many users bought each target and nothing else."""
    one = np.diff(bought.indptr) == 1
    return np.bincount(bought[one].indices, minlength=bought.shape[1])


def test_targets_may_be_given(fitted, new):
    order = (2, 5, 9)
    found = columns_of(fitted.forecast([new["target"][place] for place in (9, 2, 5)]))
    for name in FORECAST_COLUMNS:
        if name in ("expected_buyers", "known_buyers", "new_buyers"):
            np.testing.assert_allclose(found[name], [new[name][place] for place in order], rtol=1e-9)
        else:
            assert found[name] == [new[name][place] for place in order]
    assert columns_of(fitted.forecast(new["target"][9]))["target"] == [new["target"][9]]


@pytest.mark.parametrize(("library", "kind"), [(pd, pd.DataFrame), (pl, pl.DataFrame)])
def test_the_table_comes_in_the_library_of_the_history(fitted, new, library, kind):
    other = Recommender()
    other._state = replace(fitted.fitted, backend=library.__name__)
    table = other.forecast("new")
    assert isinstance(table, kind)
    assert columns_of(table) == new


@pytest.mark.slow
def test_a_saved_model_forecasts_the_same(fitted, searched, tmp_path):
    for number, model in enumerate((fitted, searched)):
        model.save(tmp_path / str(number))
        loaded = Recommender.load(tmp_path / str(number))
        assert columns_of(loaded.forecast("all")) == columns_of(model.forecast("all"))
        assert loaded.settings.spread == model.fitted.model.settings.spread
    assert searched.fitted.model.spread is searched.fitted.model.settings.spread  # read off pseudo-new targets
    assert fitted.fitted.model.settings.spread is None  # given settings say nothing of it: off the seen targets


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda r: r.forecast("melons"), UnknownIdError, "Unknown target id 'melons'"),
        (lambda r: r.forecast(3), UnknownIdError, "Unknown target id 3: .* str, not int"),
        (lambda r: r.forecast([]), InputError, "list of targets to choose from is empty"),
        (lambda _: Recommender().forecast("new"), NotFittedError, "is not fitted"),
    ],
)
def test_wrong_questions_get_one_clear_sentence(ask, error, message, fitted):
    with pytest.raises(error, match=message):
        ask(fitted)


def hidden_targets(latent_model, split):
    """What a split hides, with the model's predictions."""
    return HeldOutTargets(
        augment_users(latent_model.factors.users),
        split.train,
        split.test,
        latent_model.augmented_targets[split.listed],
        split.listed,
        latent_model.popularity[split.listed],
        TrueBuyers.of_hidden(split.train + split.test, split.hidden, split.listed),
        split.seed,
    )


@pytest.mark.parametrize("seed", [30, 31])
def test_four_of_five_hidden_targets_end_inside(journey, phi, given, seed):
    """On a small catalog, with intervals read off the seen targets; docs/model.md has the figures of a large one."""
    split = make_split(LEAVE_TARGETS_OUT, journey.graph, journey.interactions.matrix(journey.graph), seed)
    latent_model = fit_model(split.graph, split.train, phi, seed=seed, settings=given)
    found = hidden_targets(latent_model, split).buyer_counts(latent_model.calibration, latent_model.new_customers)
    low, high = latent_model.spread.interval(found.expected, latent_model.prior_share[split.listed])
    inside = (low <= found.buyers) & (found.buyers <= high)
    narrow = latent_model.spread.interval(found.expected, np.full(len(inside), 0.2))
    assert len(inside) > 40
    assert 0.65 <= inside.mean() <= 0.95
    assert np.median((high + 1) / (low + 1)) < 12  # not by being wide
    assert ((narrow[0] <= found.buyers) & (found.buyers <= narrow[1])).mean() < 0.5  # a fifth of it does not hold


def test_chunks_change_nothing(latent_model, fitted):
    rows = np.flatnonzero(activity := np.diff(fitted.fitted.bought.indptr))[:120]
    known, activity = latent_model.factors.users[rows], activity[rows]
    users, vectors = augment_users(known), latent_model.augmented_targets[:50]
    whole = expected_buyers(latent_model.calibration, users, activity, vectors)
    np.testing.assert_allclose(
        whole, latent_model.purchase_probability(known, activity, np.arange(50)).sum(axis=0), rtol=1e-12
    )
    for cells in (1, 333):
        np.testing.assert_allclose(
            expected_buyers(latent_model.calibration, users, activity, vectors, cells), whole, rtol=1e-9
        )


def draw(random, size):
    """Targets whose buyers are known to spread around the expected number, wider where it is small."""
    expected = np.exp(random.uniform(0, 7, size))
    sold = random.poisson(expected * np.exp(random.normal(0, 0.2 + 2 / (1 + np.log1p(expected)), size)))
    return BuyerCounts(expected, np.where(random.random(size) < 0.3 * (expected < 20), 0, sold))


def test_the_intervals_hold_at_every_level_and_no_wider_than_needed():
    random = np.random.default_rng(0)
    spread = fit_interval([draw(random, 1500), draw(random, 1500)])
    fresh = draw(random, 20_000)
    low, high = spread.interval(fresh.expected, np.ones(len(fresh.expected)))
    inside = (low <= fresh.buyers) & (fresh.buyers <= high)
    order = np.argsort(fresh.expected)
    for part in np.array_split(order, 5):
        assert COVERAGE - 0.05 < inside[part].mean() < COVERAGE + 0.08  # whole buyers hold a little more
    ratio = (high + 1) / (low + 1)
    assert ratio[order[-4000:]].mean() < ratio[order[4000:8000]].mean()
    assert (low[order[:4000]] == 0).all()
    halved = spread.interval(fresh.expected, np.full(len(fresh.expected), 0.5))
    assert (halved[0] >= low).all()
    assert (halved[1] <= high).all()


def test_targets_that_nobody_buys_are_among_them():
    never = BuyerCounts(np.linspace(1, 9, 250), np.zeros(250, dtype=np.int64))
    low, high = fit_interval([never]).interval(np.array([0.2, 4.0, 8.0]), np.ones(3))
    assert low.tolist() == [0, 0, 0]
    assert high.tolist() == [1, 4, 8]  # what is expected lies inside all the same


def test_one_known_target_is_enough_to_answer():
    spread = fit_interval([BuyerCounts(np.array([5.0]), np.array([8]))])
    assert spread == ConformalInterval((np.log(6),), (0.0,), (pytest.approx(np.log(9 / 6)),))
    assert [end.tolist() for end in spread.interval(np.array([5.0, 11.0]), np.ones(2))] == [[5, 11], [8, 17]]


def test_a_random_part_of_many_targets_serves(latent_model, journey, monkeypatch):
    split = make_split(LEAVE_TARGETS_OUT, journey.graph, journey.interactions.matrix(journey.graph), 3)
    held_out, known, new = hidden_targets(latent_model, split), latent_model.calibration, latent_model.new_customers
    every = held_out.buyer_counts(known, new)
    np.testing.assert_array_equal(every.buyers, buyers(split.test)[split.listed])
    monkeypatch.setattr("newaisle.gnn.calibration.held_out.MOST_COUNTED", 30)
    some = held_out.buyer_counts(known, new)
    assert len(some.expected) == len(some.buyers) == 30
    matches = [np.flatnonzero(np.isclose(every.expected, value, rtol=1e-9)) for value in some.expected]
    assert [int(every.buyers[found[0]]) for found in matches] == some.buyers.tolist()


def test_two_windows_differ_as_counted_sales_do():
    low, high = repeat_interval(np.array([0, 1, 4, 100]))
    assert (low <= [0, 0, 1, 76]).all()
    assert low.tolist() == [0, 0, 0, 76]
    assert high.tolist() == [2, 5, 11, 128]


def test_without_sales_nothing_is_expected_but_chances(latent_model, fitted):
    history, targets = fitted.fitted.bought, np.arange(9)
    nobody = sp.csr_array(history.shape)
    found = HeldOutTargets(
        augment_users(latent_model.factors.users),
        history,
        nobody,
        latent_model.augmented_targets[:9],
        targets,
        latent_model.popularity[:9],
        TrueBuyers.of_hidden(nobody, targets, targets),
        0,
    ).buyer_counts(latent_model.calibration, latent_model.new_customers)
    assert not found.buyers.any()
    assert (found.expected >= 0).all()
