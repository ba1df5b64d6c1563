"""The closed-form regressor against brute force: kernel, prior, leave-one-out, variance, sources."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from newaisle.errors import ModelError
from newaisle.gnn.prior.kernel import KernelRegressor, KernelSettings, kernel, solve
from newaisle.gnn.propagation.features import FeatureBlocks

N, RANK = 40, 5
WEIGHTS = {"dense": 0.3, "sparse": 1.7, "number": 0.05, "ignored": 0.0}
SETTINGS = KernelSettings(WEIGHTS, 0.2)
SEEN = np.array([1, 2, 3, 5, 8, 13, 21, 34, 35, 36])
NEW = np.setdiff1d(np.arange(N), SEEN)


@pytest.fixture(scope="module")
def blocks():
    random = np.random.default_rng(0)
    relation = random.random((N, 12)) * (random.random((N, 12)) < 0.2)
    relation[7] = 0  # an isolated target
    return FeatureBlocks(
        {
            "dense": random.normal(size=(N, 3)),
            "sparse": sp.csr_array(relation),
            "number": random.normal(size=(N, 1)),
            "ignored": random.normal(size=(N, 2)),
        }
    )


@pytest.fixture(scope="module")
def regressor(blocks):
    return KernelRegressor(blocks, SETTINGS, SEEN, np.random.default_rng(1).normal(size=(len(SEEN), RANK)))


def brute(blocks, rows, columns):
    """The formula, cell by cell."""
    dense = {name: m if isinstance(m, np.ndarray) else m.toarray() for name, m in blocks.matrices.items()}
    return np.array(
        [
            [
                np.exp(-sum(w * np.sum((dense[name][r] - dense[name][c]) ** 2) for name, w in WEIGHTS.items()))
                for c in columns
            ]
            for r in rows
        ]
    )


def test_the_kernel_is_its_formula(blocks):
    everything = np.arange(N)
    found = kernel(blocks, SETTINGS, everything, everything)
    assert found == pytest.approx(brute(blocks, everything, everything), rel=1e-5)
    assert np.diag(found) == pytest.approx(np.ones(N), abs=1e-6)
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert kernel(blocks, SETTINGS, NEW, SEEN) == pytest.approx(found[np.ix_(NEW, SEEN)], rel=1e-5)


def test_the_prior_is_a_gaussian_process(blocks, regressor):
    near = brute(blocks, NEW, SEEN)
    system = brute(blocks, SEEN, SEEN) + SETTINGS.ridge * np.eye(len(SEEN))
    prior = regressor.prior(NEW)
    assert prior.mean == pytest.approx(near @ np.linalg.solve(system, regressor.factors), rel=1e-4, abs=1e-6)
    assert prior.variance == pytest.approx(1 - np.sum(near * np.linalg.solve(system, near.T).T, axis=1), abs=1e-5)


def test_leaving_one_out_is_fitting_without_it(blocks, regressor):
    found = regressor.leave_one_out()
    for place, target in enumerate(SEEN):
        others = np.delete(np.arange(len(SEEN)), place)
        refitted = KernelRegressor(blocks, SETTINGS, SEEN[others], regressor.factors[others]).prior(np.array([target]))
        assert found.mean[place] == pytest.approx(refitted.mean[0], rel=1e-4, abs=1e-6)
        assert found.variance[place] == pytest.approx(refitted.variance[0], abs=1e-5)


def test_its_own_factor_plays_no_part_in_the_prior_of_a_seen_target(regressor):
    changed = regressor.factors.copy()
    changed[4] = 1000.0
    found = replace(regressor, factors=changed).leave_one_out()
    assert found.mean[4] == pytest.approx(regressor.leave_one_out().mean[4], abs=1e-9)
    assert np.abs(found.mean - regressor.leave_one_out().mean).max() > 1


@pytest.mark.parametrize("ridge", [1e-6, 0.1, 100.0])
@pytest.mark.parametrize("width", [0.0, 0.01, 1.0, 1000.0])
def test_the_variance_stays_between_0_and_1(blocks, ridge, width):
    settings = KernelSettings(dict.fromkeys(WEIGHTS, width), ridge)
    regressor = KernelRegressor(blocks, settings, SEEN, np.ones((len(SEEN), RANK)))
    for prior in (regressor.prior(NEW), regressor.leave_one_out()):
        assert (prior.variance >= 0).all()
        assert (prior.variance <= 1).all()
        assert np.isfinite(prior.mean).all()


def test_what_resembles_nothing_is_not_known_at_all(blocks):
    regressor = KernelRegressor(blocks, KernelSettings({"dense": 1e6}, 0.1), SEEN, np.ones((len(SEEN), RANK)))
    prior = regressor.prior(NEW)
    assert prior.variance == pytest.approx(np.ones(len(NEW)))
    assert prior.mean == pytest.approx(np.zeros((len(NEW), RANK)))


def test_sources_add_up_to_the_prior_of_every_target(regressor):
    new, own = regressor.prior(NEW), regressor.leave_one_out()
    for place, target in enumerate(NEW):
        assert regressor.sources(target) @ regressor.factors == pytest.approx(new.mean[place], rel=1e-9, abs=1e-12)
    for place, target in enumerate(SEEN):
        assert regressor.sources(target)[place] == 0
        assert regressor.sources(target) @ regressor.factors == pytest.approx(own.mean[place], rel=1e-9, abs=1e-9)


def test_sources_add_up_on_the_real_slice(latent_model):
    mean = np.stack(
        [
            latent_model.regressor.sources(target) @ latent_model.regressor.factors[:, :-1]
            for target in range(len(latent_model.vectors))
        ]
    )
    assert mean == pytest.approx(latent_model.prior.mean, rel=1e-6, abs=1e-9)


def test_the_inverse_is_one():
    random = np.random.default_rng(2)
    root = random.normal(size=(20, 20))
    system = root @ root.T + 0.5 * np.eye(20)
    assert solve(system, np.eye(20)) @ system == pytest.approx(np.eye(20), abs=1e-8)


@pytest.mark.parametrize("bad", [-5.0, np.nan, np.inf])
def test_a_kernel_that_cannot_be_inverted_is_reported(blocks, bad):
    with pytest.raises(ModelError, match="not positive definite"):
        KernelRegressor(blocks, KernelSettings(WEIGHTS, bad), SEEN, np.ones((len(SEEN), RANK))).leave_one_out()
