"""Noise on released vectors: as much as the exact formula asks for, and never the same twice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, norm

from newaisle.errors import InputError, UnknownIdError
from newaisle.gnn.retrieval.privacy import gaussian_delta, gaussian_sigma, release_vectors


@pytest.mark.parametrize("epsilon", [0.01, 0.5, 1.0, 4.0, 8.0, 30.0])
@pytest.mark.parametrize("delta", [1e-10, 1e-5, 0.2])
@pytest.mark.parametrize("sensitivity", [0.3, 2.0])
def test_the_noise_spends_delta_exactly(epsilon: float, delta: float, sensitivity: float) -> None:
    sigma = gaussian_sigma(epsilon, delta, sensitivity)
    assert gaussian_delta(sigma, epsilon, sensitivity) == pytest.approx(delta, rel=1e-8)
    assert gaussian_delta(0.99 * sigma, epsilon, sensitivity) > delta


@pytest.mark.parametrize(("sigma", "epsilon", "sensitivity"), [(1.0, 0.5, 1.0), (3.0, 1.0, 2.0), (0.4, 4.0, 1.0)])
def test_the_exact_delta_is_what_the_definition_says(sigma: float, epsilon: float, sensitivity: float) -> None:
    """The integral of the part by which one density is above exp(epsilon) times the other."""
    at = np.linspace(-20 * sigma, sensitivity + 20 * sigma, 2_000_001)
    above = norm.pdf(at, sensitivity, sigma) - math.exp(epsilon) * norm.pdf(at, 0.0, sigma)
    integral = np.trapezoid(np.maximum(above, 0.0), at)
    assert gaussian_delta(sigma, epsilon, sensitivity) == pytest.approx(integral, rel=1e-6)


def test_less_noise_than_the_classical_mechanism_asks_for() -> None:
    """sqrt(2 ln(1.25 / delta)) / epsilon (Dwork and Roth 2014, theorem A.1), which holds for epsilon below 1 only."""
    for epsilon in (0.1, 0.5, 0.99):
        assert gaussian_sigma(epsilon, 1e-5, 1.0) < math.sqrt(2 * math.log(1.25e5)) / epsilon


def test_the_noise_is_gaussian_of_that_scale_and_long_vectors_are_clipped() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(2000, 12)) * np.linspace(0.01, 3, 2000)[:, None]
    clip = 1.5
    noisy = release_vectors(vectors, 4.0, 1e-6, np.random.default_rng(1), clip)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    clipped = np.where(length > clip, vectors * clip / length, vectors)
    noise = (noisy - clipped) / gaussian_sigma(4.0, 1e-6, 2 * clip)
    assert kstest(noise.ravel(), "norm").pvalue > 0.01
    assert (release_vectors(np.zeros((1, 3)), 1.0, 1e-5, np.random.default_rng(0)) != 0).all()


@pytest.mark.parametrize(
    ("epsilon", "delta", "sentence"),
    [
        (0.0, 1e-5, "epsilon is 0.0; give a finite number above 0"),
        (math.inf, 1e-5, "epsilon is inf"),
        (math.nan, 1e-5, "epsilon is nan"),
        (1.0, 0.0, "delta is 0.0; give a number between 0 and 1"),
        (1.0, 1.0, "delta is 1.0"),
    ],
)
def test_budgets_out_of_range_are_refused(fitted: Any, epsilon: float, delta: float, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        fitted.release(fitted.fitted.users.values[0], epsilon, delta=delta)


def test_no_release_repeats_unless_it_is_seeded(fitted: Any) -> None:
    users = list(fitted.fitted.users.values[:3])
    first, second = fitted.release(users, 4.0), fitted.release(users, 4.0)
    assert (first[:, :-1] != second[:, :-1]).all()
    seeded = fitted.release(users, 4.0, seed=5)
    np.testing.assert_array_equal(seeded, fitted.release(users, 4.0, seed=5))
    assert (seeded[:, :-1] != first[:, :-1]).all()
    with pytest.raises(InputError, match="several times"):
        fitted.release([users[0], users[0]], 4.0)
    with pytest.raises(UnknownIdError, match="Unknown user id"):
        fitted.release(-5, 4.0)


def test_with_next_to_no_noise_a_released_vector_ranks_as_the_model(fitted: Any) -> None:
    users = list(fitted.fitted.users.values[:20])
    released = fitted.release(users, 1e9, seed=0)
    targets = fitted.fitted.choose("new").targets
    assert released.shape == (20, fitted.fitted.vectors.shape[1])
    scores = released @ fitted.fitted.vectors[targets].T
    own = [fitted.fitted.graph.ids.values[i] for i in targets]
    np.testing.assert_allclose(scores, fitted.score(users, own), atol=1e-3)
