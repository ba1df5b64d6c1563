"""One formula from no sales to a full history: the prior, the update, the conventional model."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize

from newaisle.gnn.factors import settings as factor_settings
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.factors.solve import solve_users
from newaisle.gnn.factors.update import Feedback, Sums, update_from_feedback, update_targets
from newaisle.gnn.model.model import prior_strength

USERS, TARGETS, RANK = 60, 12, 4
SETTINGS = FactorSettings(RANK, alpha=8.0, regularization=3.0)


@pytest.fixture(scope="module")
def problem():
    """User factors, purchases (the last target has none), priors and their strengths."""
    random = np.random.default_rng(0)
    bought = (random.random((USERS, TARGETS)) < 0.2).astype(float)
    bought[:, -1] = 0
    users = random.normal(size=(USERS, RANK)) / 3
    return users, sp.csc_array(bought), random.normal(size=(TARGETS, RANK)) / 3, random.uniform(1, 50, TARGETS)


def loss_minimum(users, bought, mean, strength, exposure):
    """``argmin_q sum_u conf_u (r_u - p_u . q)^2 + lambda |q - mu|^2`` as one stacked least-squares problem."""
    root = np.sqrt(np.where(bought > 0, SETTINGS.alpha, exposure))
    left = np.vstack([root[:, None] * users, np.sqrt(strength) * np.eye(users.shape[1])])
    right = np.concatenate([root * (bought > 0), np.sqrt(strength) * mean])
    return np.linalg.lstsq(left, right, rcond=None)[0]


@pytest.mark.parametrize("exposed", [None, "mixed"])
def test_few_sales_are_solved_from_what_all_systems_share(exposed, monkeypatch):
    random = np.random.default_rng(2)
    settings = FactorSettings(rank=24, alpha=5.0, regularization=3.0, second=48)
    signed = sp.random_array((80, 60), density=0.06, rng=random, format="csr")
    signed.data[:] = random.choice([1.0, 0.4, -0.5], len(signed.data))
    users, mean = random.normal(size=(80, 72)) / 3, random.normal(size=(60, 72)) / 3
    strength, exposure = random.uniform(1, 50, 60), random.random(80) if exposed else None
    counts = np.diff(signed.tocsc().indptr)
    assert 0 < np.sum([settings.few(int(count), 72) for count in counts]) < len(counts)

    def solved():
        found, share = update_targets(users, sp.csc_array(signed), mean, strength, settings, exposure)
        return found, share, solve_users(sp.csr_array(signed), mean, settings)

    quick = solved()
    monkeypatch.setattr(factor_settings, "_FEW", 10**6)
    for few, plain in zip(quick, solved(), strict=True):
        assert few == pytest.approx(plain, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("exposed", [None, 0.0, 0.3, "mixed"])
def test_the_update_is_the_minimum_of_its_loss(problem, exposed):
    users, bought, mean, strength = problem
    mixed = np.random.default_rng(1).random(USERS)
    exposure = mixed if exposed == "mixed" else None if exposed is None else np.full(USERS, exposed)
    found, _ = update_targets(users, bought, mean, strength, SETTINGS, exposure)
    weights = np.ones(USERS) if exposure is None else exposure
    for c in range(TARGETS):
        exact = loss_minimum(users, bought[:, [c]].toarray()[:, 0], mean[c], strength[c], weights)
        assert found[c] == pytest.approx(exact, rel=1e-8, abs=1e-10)


def test_without_sales_and_exposure_the_prior_stays_to_the_bit(problem):
    users, _, mean, strength = problem
    nothing = sp.csc_array((USERS, TARGETS))
    found, share = update_targets(users, nothing, mean, np.ones(TARGETS), SETTINGS, np.zeros(USERS))
    assert (found == mean).all()
    assert (share == 1).all()
    found, share = update_targets(users, nothing, mean, strength, SETTINGS, np.zeros(USERS))
    assert found == pytest.approx(mean, rel=1e-14)
    assert share == pytest.approx(np.ones(TARGETS), rel=1e-14)


def test_with_a_prior_of_zero_it_is_the_als_step(problem):
    users, bought, mean, _ = problem
    strength = np.full(TARGETS, SETTINGS.regularization)
    found, _ = update_targets(users, bought, np.zeros_like(mean), strength, SETTINGS)
    assert found == pytest.approx(solve_users(sp.csr_array(bought.T), users, SETTINGS), rel=1e-9, abs=1e-12)


def test_many_sales_against_a_weak_prior_are_the_conventional_model(problem):
    users, bought, mean, _ = problem
    weak = 1e-9
    conventional = solve_users(sp.csr_array(bought.T), users, FactorSettings(RANK, SETTINGS.alpha, weak))
    found, share = update_targets(users, bought, mean, np.full(TARGETS, weak), SETTINGS)
    assert found == pytest.approx(conventional, rel=1e-6, abs=1e-8)
    assert (share < 1e-6).all()


def test_a_strong_prior_does_not_move(problem):
    users, bought, mean, _ = problem
    found, share = update_targets(users, bought, mean, np.full(TARGETS, 1e12), SETTINGS)
    assert found == pytest.approx(mean, rel=1e-6, abs=1e-8)
    assert share == pytest.approx(np.ones(TARGETS), abs=1e-6)


@pytest.mark.parametrize("exposed", [0.0, 0.4, 1.0])
def test_the_share_of_the_prior_is_above_0_at_most_1_and_falls_with_sales(problem, exposed):
    users, bought, mean, strength = problem
    exposure = np.full(USERS, exposed)
    shares = []
    for buyers in range(0, USERS, 5):
        few = sp.csc_array(bought.toarray() * (np.arange(USERS) < buyers)[:, None])
        shares.append(update_targets(users, few, mean, strength, SETTINGS, exposure)[1])
    shares = np.array(shares)
    assert (shares > 0).all()
    assert (shares <= 1 + 1e-12).all()
    assert (np.diff(shares, axis=0) <= 1e-12).all()
    assert (shares[-1][:-1] < shares[0][:-1]).all()


def test_one_by_one_equals_the_batch_in_any_order(problem):
    users, bought, mean, strength = problem
    exposure = np.random.default_rng(2).random(USERS)
    together, share = update_targets(users, bought, mean, strength, SETTINGS, exposure)
    for c in reversed(range(TARGETS)):
        alone, own = update_targets(users, bought[:, [c]], mean[[c]], strength[[c]], SETTINGS, exposure)
        assert (alone[0] == together[c]).all()
        assert own[0] == share[c]


def test_what_exposure_weighs_are_the_non_purchases_alone(problem):
    users, bought, mean, strength = problem
    buyers = np.unique(bought[:, [0]].indices)
    other = np.ones(USERS)
    other[buyers] = 0.123  # of users who bought, it does not matter
    first = update_targets(users, bought[:, [0]], mean[[0]], strength[[0]], SETTINGS, np.ones(USERS))
    second = update_targets(users, bought[:, [0]], mean[[0]], strength[[0]], SETTINGS, other)
    assert first[0] == pytest.approx(second[0], rel=1e-9)
    assert first[1] == pytest.approx(second[1], rel=1e-9)


@pytest.mark.parametrize("exposed", [0.0, 1 / 365, 0.1, 1.0])
def test_a_first_purchase_never_lowers_its_buyers_score(journey, latent_model, exposed):
    """On every new target of the slice: bought or not bought, all else equal; early on also against the prior."""
    new = np.setdiff1d(np.flatnonzero(~journey.graph.is_group), latent_model.regressor.seen)
    users, settings = latent_model.factors.users, latent_model.settings
    strength = prior_strength(latent_model.prior.variance[new], settings.strength, settings)
    exposure = np.full(len(users), exposed)
    kept, _ = update_targets(
        users, sp.csc_array((len(users), len(new))), latent_model.prior.mean[new], strength, settings.factors, exposure
    )
    checked = 0
    for user in np.flatnonzero(users.any(axis=1))[::17]:
        first = (np.ones(len(new)), (np.full(len(new), user), np.arange(len(new))))
        bought = sp.csc_array(first, shape=(len(users), len(new)))
        found, _ = update_targets(users, bought, latent_model.prior.mean[new], strength, settings.factors, exposure)
        assert (found @ users[user] > kept @ users[user]).all()
        if exposed <= 1 / 365:  # later, others who could have bought and did not weigh too
            assert (found @ users[user] > latent_model.prior.mean[new] @ users[user]).all()
        checked += len(new)
    assert checked > 2000


def test_purchases_pull_like_minded_users_along():
    """Two tastes: what one of them buys rises for its likes and not for the others."""
    users = np.repeat([[1.0, 0.0], [0.0, 1.0]], 10, axis=0)
    bought = sp.csc_array((np.ones(3), ([0, 1, 2], [0, 0, 0])), shape=(20, 1))
    prior = np.array([[0.1, 0.1]])
    found, _ = update_targets(users, bought, prior, np.array([5.0]), FactorSettings(2), np.zeros(20))
    scores = users @ found[0]
    assert (scores[:10] > 0.5).all()
    assert scores[10:] == pytest.approx(np.full(10, 0.1))


def feedback_of(problem, target, exposure, liked, disliked):
    """What users did with a target whose buyers of fit time are those of ``problem``."""
    users, bought, _, _ = problem
    own = users[bought[:, [target]].indices]
    return feedback(users, exposure, own, users[liked], users[disliked])


def feedback(users, exposure, own, liked, disliked):
    fixed = Sums.of(own, np.ones(len(own))) + Sums.of(disliked, -np.ones(len(disliked)))
    return Feedback(exposure * users.T @ users, exposure, fixed, liked, np.ones(len(liked)))


@pytest.mark.parametrize("exposure", [0.0, 0.4, 1.0])
def test_feedback_since_the_fit_is_the_same_update(problem, exposure):
    """As long as nobody scores above 1 it makes no difference when a purchase became known."""
    users, bought, mean, strength = problem
    since = np.setdiff1d(np.arange(7), bought[:, [0]].indices)
    found, share = update_from_feedback(feedback_of(problem, 0, exposure, since, []), mean[0], strength[0], SETTINGS)
    assert (users[since] @ found <= 1).all()
    together = bought[:, [0]].toarray()
    together[since] = 1
    expected = update_targets(
        users, sp.csc_array(together), mean[[0]], strength[[0]], SETTINGS, np.full(USERS, exposure)
    )
    assert found == pytest.approx(expected[0][0], rel=1e-9)
    assert share == pytest.approx(expected[1][0], rel=1e-9)


@pytest.mark.parametrize("longer", [1.0, 4.0, 30.0])
@pytest.mark.parametrize("exposure", [0.0, 0.5])
def test_a_purchase_says_that_the_preference_is_at_least_1(problem, exposure, longer):
    """The minimum of the stated loss, found by a general search, with priors so long that many score above 1."""
    users, bought, mean, strength = problem
    liked, disliked = np.arange(0, 20), np.arange(20, 24)
    earlier = np.setdiff1d(bought[:, [1]].indices, np.arange(24))
    own = users[earlier]
    given = feedback(users, exposure, own, users[liked], users[disliked])
    found, share = update_from_feedback(given, longer * mean[1], strength[1], SETTINGS)
    others = np.setdiff1d(np.arange(USERS), np.concatenate([liked, disliked, earlier]))

    def loss(q):
        score = users @ q
        kept = SETTINGS.alpha * np.square(np.maximum(1 - score[liked], 0)).sum()
        kept += SETTINGS.alpha * (np.square(1 - score[earlier]).sum() + np.square(score[disliked]).sum())
        return kept + exposure * np.square(score[others]).sum() + strength[1] * np.square(q - longer * mean[1]).sum()

    steps = np.vstack([np.eye(RANK), -np.eye(RANK)]) * 1e-4
    assert all(loss(found + step) > loss(found) for step in steps)
    assert found == pytest.approx(minimize(loss, found + 0.1, method="BFGS", options={"gtol": 1e-8}).x, abs=1e-5)
    assert 0 < share < 1
    if longer == 30:
        assert (users[liked] @ found > 1).sum() >= 3


@pytest.mark.parametrize("exposure", [0.0, 0.3, 1.0])
def test_no_purchase_lowers_its_buyers_score_whoever_bought_before(problem, exposure):
    users, _, mean, _ = problem
    above = 0
    for user in range(30, 50):
        for target in range(TARGETS):
            for size in (1.0, 10.0, 50.0):
                scores = []
                for liked in (np.arange(5), np.append(np.arange(5), user)):
                    given = feedback(users, exposure, users[:0], users[liked], users[:0])
                    found, _ = update_from_feedback(given, size * mean[target], 20.0, SETTINGS)
                    scores.append(users[user] @ found)
                assert scores[1] >= scores[0] - 1e-12
                above += scores[0] > 1
    assert above > 20
