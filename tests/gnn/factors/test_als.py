"""The factors against a dense weighted least squares, and how both sides agree."""

import numpy as np
import pytest
import scipy.sparse as sp

from newaisle.errors import ModelError
from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.factors.solve import solve_one, solve_users
from newaisle.gnn.validation.splits import binary


def least_squares(bought, basis, settings):
    """Hu et al. 2008, equation 4, as one stacked least-squares problem per row: every cell is one equation.

    ``min_p sum_c conf_c (r_c - p . b_c)^2 + reg |p|^2`` with ``conf = alpha`` for a purchase and 1 for none.
    """
    rank = basis.shape[1]
    found = []
    for row in bought.toarray():
        root = np.sqrt(np.where(row > 0, settings.alpha, 1.0))
        left = np.vstack([root[:, None] * basis, np.sqrt(settings.regularization) * np.eye(rank)])
        right = np.concatenate([root * (row > 0), np.zeros(rank)])
        found.append(np.linalg.lstsq(left, right, rcond=None)[0])
    return np.array(found)


@pytest.fixture(scope="module")
def bought(journey):
    return binary(journey.interactions.matrix(journey.graph))


@pytest.mark.parametrize("alpha", [1.0, 10.0, 40.0])
@pytest.mark.parametrize("regularization", [0.01, 5.0, 300.0])
def test_one_side_is_the_least_squares_solution(alpha, regularization):
    random = np.random.default_rng(0)
    bought = sp.csr_array((random.random((15, 40)) < 0.2).astype(float))
    basis = random.normal(size=(40, 5))
    settings = FactorSettings(5, alpha, regularization)
    found = solve_users(bought, basis, settings)
    assert found == pytest.approx(least_squares(bought, basis, settings), rel=1e-8, abs=1e-10)


def test_one_user_alone_is_the_same_user():
    random = np.random.default_rng(1)
    bought = sp.csr_array((random.random((6, 30)) < 0.3).astype(float))
    basis, settings = random.normal(size=(30, 4)), FactorSettings(4)
    together = solve_users(bought, basis, settings)
    for row in range(6):
        own = basis[bought[[row]].indices]
        alone = solve_one(own, np.ones(len(own)), basis.T @ basis, settings.alpha * own.sum(axis=0), settings)
        assert (alone == together[row]).all()


def test_rows_without_purchases_are_zero():
    bought = sp.csr_array(np.array([[0.0, 1, 1], [0, 0, 0], [1, 0, 0]]))
    found = solve_users(bought, np.random.default_rng(2).normal(size=(3, 2)), FactorSettings(2))
    assert not found[1].any()
    assert found[[0, 2]].all()


def test_both_sides_agree_on_real_purchases(bought):
    settings = FactorSettings(rank=8, regularization=20.0)
    factors = fit_factors(bought, settings, seed=0)
    assert factors.users == pytest.approx(least_squares(bought, factors.basis, settings), rel=1e-6, abs=1e-9)
    sold = np.flatnonzero(np.bincount(bought.indices, minlength=bought.shape[1]))
    exact = least_squares(sp.csr_array(bought.T)[sold], factors.users, settings)
    assert factors.targets[sold] == pytest.approx(exact, rel=1e-6, abs=1e-9)
    assert not np.delete(factors.targets, sold, axis=0).any()
    assert factors.gram == pytest.approx(factors.basis.T @ factors.basis)


def test_factors_tell_bought_from_not_bought(bought):
    factors = fit_factors(bought, FactorSettings(rank=16, regularization=10.0), seed=0)
    predicted = factors.users @ factors.targets.T
    dense = bought.toarray() > 0
    assert predicted[dense].mean() > 5 * np.abs(predicted[~dense]).mean()


def test_the_same_seed_gives_the_same_bits(bought):
    settings = FactorSettings(rank=8)
    first, second, other = (fit_factors(bought, settings, seed) for seed in (3, 3, 4))
    for side in ("users", "targets", "basis"):
        assert getattr(first, side).tobytes() == getattr(second, side).tobytes()
        assert getattr(first, side).tobytes() != getattr(other, side).tobytes()


def test_weights_of_the_matrix_make_no_difference_once_binary(bought):
    heavy = sp.csr_array((bought.data * 7.0, bought.indices, bought.indptr), shape=bought.shape)
    assert (binary(heavy).data == 1).all()
    assert (binary(heavy) != bought).nnz == 0


def test_nothing_bought_is_refused():
    with pytest.raises(ModelError, match="no purchase to learn from"):
        fit_factors(sp.csr_array((4, 6)), FactorSettings(), seed=0)


def test_two_sets_of_factors_give_the_mean_of_their_scores():
    random = np.random.default_rng(4)
    bought = sp.csr_array((random.random((40, 25)) < 0.2).astype(float))
    both = FactorSettings(rank=3, second=8, regularization=2.0)
    together = fit_factors(bought, both, seed=0)
    apart = [fit_factors(bought, FactorSettings(rank, both.alpha, 2.0), seed=0) for rank in (3, 8)]
    assert together.users.shape == (40, 11)
    expected = np.mean([factors.users @ factors.targets.T for factors in apart], axis=0)
    np.testing.assert_allclose(together.users @ together.targets.T, expected, rtol=1e-9, atol=1e-12)
