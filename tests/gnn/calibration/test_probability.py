"""The chance of a purchase: monotone, honest on data it has not seen, and aware of activity."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit

from newaisle.gnn.calibration.buyers import TrueBuyers
from newaisle.gnn.calibration.confidence import expected_errors
from newaisle.gnn.calibration.held_out import HeldOutTargets
from newaisle.gnn.calibration.probability import (
    PurchaseCalibration,
    ScoredPairs,
    brier_score,
    expected_calibration_error,
    fit_calibration,
)
from newaisle.gnn.evaluation.methods.newaisle import Newaisle
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, make_split


def pairs_of(seed, users=300, targets=200):
    random = np.random.default_rng(seed)
    scores = random.normal(0.2, 0.3, (users, targets))
    activity = random.integers(1, 300, users)
    logit = 3 * np.minimum(scores, 0.3) + np.maximum(scores - 0.3, 0) + 0.5 * np.log1p(activity)[:, None] - 5
    bought = random.random(scores.shape) < expit(logit)
    return ScoredPairs(scores.ravel(), np.repeat(activity, targets), bought.ravel()), expit(logit).ravel()


def predicted(calibration, pairs):
    """Probabilities of pairs, float64 (pairs,)."""
    return calibration.probability(pairs.scores[:, None], pairs.activity)[:, 0]


def test_the_true_chances_are_found_again():
    learned, _ = pairs_of(0)
    fresh, truth = pairs_of(1)
    found = predicted(fit_calibration([learned], 0), fresh)
    assert np.abs(found - truth).mean() < 0.1 * truth.mean()
    assert expected_calibration_error(found, fresh.bought) < 0.01
    assert brier_score(found, fresh.bought) < brier_score(np.full(found.shape, truth.mean()), fresh.bought)


def test_a_higher_score_is_always_a_better_chance():
    learned, _ = pairs_of(0)
    against = ScoredPairs(learned.scores, learned.activity, learned.scores < 0)  # the data say the contrary
    for pairs in (learned, against):
        calibration = fit_calibration([pairs], 0)
        assert min(calibration.slopes) > 0
        rising = calibration.probability(np.linspace(-3, 3, 200)[None, :], np.array([10]))
        assert (np.diff(rising) > 0).all()


def test_the_formula():
    calibration = PurchaseCalibration(knots=(0.0, 1.0), slopes=(1.0, 2.0, 3.0), activity=0.5, intercept=-1.0)
    found = calibration.probability(np.array([[-1.0, 0.5, 2.0]]), np.array([3]))
    rest = 0.5 * np.log(4) - 1
    assert found[0] == pytest.approx(expit(np.array([-1, 2 * 0.5, 2 + 3]) + rest))


def test_nobody_buying_gives_small_chances_and_no_nan():
    nothing = ScoredPairs(np.zeros(15), np.ones(15, dtype=int), np.zeros(15, dtype=bool))
    found = predicted(fit_calibration([nothing], 0), nothing)
    assert np.isfinite(found).all()
    assert (found < 0.01).all()


def test_calibration_error_by_hand():
    chance = np.array([[0.1, 0.1, 0.9, 0.9]])
    bought = np.array([[False, True, True, True]])
    assert expected_calibration_error(chance, bought, bins=2) == pytest.approx((0.4 + 0.1) / 2)
    assert brier_score(chance, bought) == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)


@pytest.mark.slow
def test_on_hidden_targets_it_is_far_better_than_the_articles_softmax(journey, phi):
    split = make_split(LEAVE_TARGETS_OUT, journey.graph, journey.interactions.matrix(journey.graph), 0)
    method = Newaisle(0, phi)
    method.fit(split)
    users = np.flatnonzero(np.diff(split.train.indptr))
    bought = split.test[users][:, split.listed].toarray() > 0
    chances = method.purchase_probability(split, users, split.listed)
    assert expected_calibration_error(chances[""], bought) < 0.5 * expected_calibration_error(
        chances[":softmax"], bought
    )
    assert brier_score(chances[""], bought) < brier_score(chances[":softmax"], bought)
    assert brier_score(chances[""], bought) < brier_score(np.full(bought.shape, bought.mean()), bought)


def test_pairs_take_users_with_a_history_only():
    history = sp.csr_array(np.array([[1.0, 0, 0], [0, 0, 0], [1, 1, 0]]))
    sales = sp.csr_array(np.array([[0.0, 0, 1], [0, 0, 1], [0, 0, 0]]))
    target = np.array([2])
    buyers = TrueBuyers.of_hidden(history + sales, target, target)
    found = HeldOutTargets(np.eye(3), history, sales, np.array([[1.0, 2, 3]]), target, np.zeros(1), buyers, 0).pairs()
    assert found.scores.tolist() == [1.0, 3.0]
    assert found.activity.tolist() == [1, 2]
    assert found.bought.tolist() == [True, False]
    assert (buyers.known.tolist(), buyers.new.tolist(), buyers.users) == ([1], [1], 2)


def test_expected_errors_are_those_of_the_neighbours(latent_model):
    seen = latent_model.regressor.seen
    errors, everything = np.zeros(len(seen)), np.arange(len(latent_model.vectors))
    errors[0] = 1.0
    found = expected_errors(latent_model.regressor, errors, everything)
    assert ((found >= 0) & (found <= 1)).all()
    alone = np.delete(np.arange(len(seen)), 0)
    assert found[seen[0]] < found[seen[alone]].max()  # its own error does not count for itself
    assert expected_errors(latent_model.regressor, np.ones(len(seen)), everything) == pytest.approx(1.0)


def test_confidence_lies_between_0_and_1_and_sales_raise_it(latent_model):
    assert ((latent_model.confidence > 0) & (latent_model.confidence <= 1)).all()
    seen = latent_model.regressor.seen
    assert (latent_model.confidence[seen] >= np.exp(-latent_model.popularity_error[seen])).all()
