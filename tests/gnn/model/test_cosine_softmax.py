"""The cosine-softmax: the articles' rule, and unit vectors that rank as the factors do."""

import numpy as np
import pytest

from newaisle.gnn.model.cosine_softmax import (
    HEADROOM,
    augment_users,
    cosine,
    softmax,
    target_embeddings,
    user_embeddings,
)


@pytest.fixture
def factors():
    """User and target vectors of very different lengths."""
    random = np.random.default_rng(0)
    users = random.normal(size=(30, 6)) * random.uniform(0.01, 50, (30, 1))
    targets = random.normal(size=(80, 6)) * random.uniform(0.01, 3, (80, 1))
    return users, targets


def test_the_worked_example_by_the_articles_rule():
    found = softmax(np.array([0.5, 0.2, 0.2]))
    assert found[0] == pytest.approx(np.exp(0.5) / (np.exp(0.5) + 2 * np.exp(0.2)))
    assert f"{found[0]:.4f}" == "0.4030"  # the first article states 0.605
    assert found[1] == found[2] == pytest.approx((1 - found[0]) / 2)


def test_the_worked_example_from_vectors():
    user = np.array([[2.0, 0.0, 0.0]])
    targets = np.array([[0.5, np.sqrt(0.75), 0], [1, 0, np.sqrt(24)], [0.02, np.sqrt(0.0096), 0]])
    similarities = cosine(user, targets)
    assert similarities == pytest.approx(np.array([[0.5, 0.2, 0.2]]))
    assert f"{softmax(similarities)[0, 0]:.4f}" == "0.4030"


def test_softmax_is_a_distribution_in_every_row_and_keeps_the_order():
    scores = np.random.default_rng(1).uniform(-1, 1, (5, 9))
    for tau in (0.01, 0.2, 1.0, 7.0):
        found = softmax(scores, tau)
        assert found.sum(axis=1) == pytest.approx(np.ones(5))
        assert (np.argsort(found, axis=1) == np.argsort(scores, axis=1)).all()
        for row in range(5):
            assert found[row] == pytest.approx(np.exp(scores[row] / tau) / np.exp(scores[row] / tau).sum())


def test_softmax_does_not_overflow():
    assert softmax(np.array([1.0, -1.0]), 1e-5).tolist() == [1.0, 0.0]
    assert softmax(np.array([1e6, 1e6])).tolist() == [0.5, 0.5]


def test_embeddings_are_unit_vectors(factors):
    users, targets = factors
    longest = np.linalg.norm(targets, axis=1).max()
    for bound in (longest, HEADROOM * longest):
        assert np.linalg.norm(target_embeddings(targets, bound), axis=1) == pytest.approx(np.ones(80), abs=1e-12)
    assert np.linalg.norm(user_embeddings(users), axis=1) == pytest.approx(np.ones(30), abs=1e-12)
    assert (user_embeddings(users)[:, -1] == 0).all()
    assert augment_users(users) == pytest.approx(np.array([[*user, np.linalg.norm(user)] for user in users]))


def test_the_cosine_ranks_as_the_factors_do(factors):
    users, targets = factors
    longest = HEADROOM * np.linalg.norm(targets, axis=1).max()
    vectors, offset = targets[:, :-1], targets[:, -1]
    users = users[:, :-1]
    found = cosine(user_embeddings(users), target_embeddings(targets, longest))
    length = np.linalg.norm(users, axis=1)[:, None]
    product = users @ vectors.T / length + offset
    assert found == pytest.approx(product / (np.sqrt(2) * longest))
    assert (np.argsort(found, axis=1) == np.argsort(product, axis=1)).all()
    assert np.abs(found).max() <= 1 / HEADROOM + 1e-12
    # a plain cosine of the factors would throw the lengths away and rank otherwise
    assert (np.argsort(cosine(augment_users(users), targets), axis=1) != np.argsort(product, axis=1)).any(axis=1).all()


def test_a_zero_user_scores_nothing_and_likes_all_alike(factors):
    _, targets = factors
    embedded = user_embeddings(np.zeros((1, targets.shape[1] - 1)))
    assert not embedded.any()
    scores = cosine(embedded, target_embeddings(targets, 100.0))
    assert (scores == 0).all()
    assert softmax(scores) == pytest.approx(np.full((1, 80), 1 / 80))


def test_the_fitted_space_holds_unit_vectors_that_rank_as_the_factors(latent_model):
    everything = np.arange(len(latent_model.vectors))
    embeddings = latent_model.embeddings(everything)
    assert embeddings.shape == (len(everything), latent_model.factors.users.shape[1] + 2)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(len(everything)), abs=1e-12)
    users = latent_model.factors.user_vectors(np.arange(len(latent_model.factors.users)))
    length = np.linalg.norm(users, axis=1)[:, None]
    product = users @ latent_model.vectors.T + length * latent_model.offset
    found = latent_model.score(users, everything)
    assert found == pytest.approx(product / length / np.sqrt(2) / latent_model.longest, abs=1e-12)
    assert (np.take_along_axis(product, np.argsort(-found, axis=1), axis=1)[:, :20] == -np.sort(-product)[:, :20]).all()


def test_the_softmax_of_the_space_takes_the_fitted_temperature_unless_told(latent_model):
    scores = np.array([[0.5, 0.2, 0.2]])
    assert latent_model.probabilities(scores)[0, 0] == softmax(scores, latent_model.settings.tau)[0, 0] > 0.5
    assert f"{latent_model.probabilities(scores, tau=1.0)[0, 0]:.4f}" == "0.4030"
