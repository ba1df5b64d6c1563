"""Factors informed by the graph: what a round is, and that it helps what nobody has bought yet."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.factors.solve import solve_users
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.informed_factors import inform_factors
from newaisle.gnn.prior.kernel import KernelRegressor
from newaisle.gnn.propagation.features import FeatureBlocks
from newaisle.gnn.training.criteria import choose_rounds
from newaisle.gnn.training.folds import START_RIDGE, START_WIDTH, make_folds, start_kernel
from newaisle.gnn.validation.metrics import ndcg
from newaisle.gnn.validation.splits import LEAVE_BRANCHES_OUT, LEAVE_TARGETS_OUT, binary, buyers, make_split

SETTINGS = FactorSettings(rank=6, alpha=5.0, regularization=10.0, second=10)


@pytest.fixture(scope="module")
def bought(journey):
    return binary(journey.interactions.matrix(journey.graph))


@pytest.fixture(scope="module")
def kernel(phi):
    return start_kernel(phi, START_WIDTH, START_RIDGE)


@pytest.fixture(scope="module")
def plain(bought):
    return fit_factors(bought, SETTINGS, 0)


def test_a_round_is_one_alternating_step_towards_what_the_others_predict(bought, plain, phi, kernel):
    plain = replace(plain, settings=replace(SETTINGS, rounds=1))
    seen = np.flatnonzero(buyers(bought))[::2]
    found = inform_factors(plain, KernelRegressor(phi, kernel, seen, plain.targets[seen]), bought)
    prior = KernelRegressor(phi, kernel, seen, plain.targets[seen]).leave_one_out()
    for place in (0, 7, len(seen) - 1):
        strength = 30.0 / (prior.variance[place] + kernel.ridge)
        root = np.sqrt(np.where(bought[:, [seen[place]]].toarray()[:, 0] > 0, SETTINGS.alpha, 1.0))
        left = np.vstack([root[:, None] * plain.users, np.sqrt(strength) * np.eye(plain.users.shape[1])])
        right = np.concatenate([root * (root > 1), np.sqrt(strength) * prior.mean[place]])
        exact = np.linalg.lstsq(left, right, rcond=None)[0]
        assert found.basis[seen[place]] == pytest.approx(exact, rel=1e-6, abs=1e-9)
    others = np.setdiff1d(np.arange(bought.shape[1]), seen)
    assert found.basis[others].tobytes() == plain.targets[others].tobytes()


def test_both_sides_agree_afterwards(bought, plain, phi, kernel):
    seen = np.flatnonzero(buyers(bought))
    found = inform_factors(plain, KernelRegressor(phi, kernel, seen, plain.targets[seen]), bought)
    assert found.users.tobytes() == solve_users(bought, found.basis, SETTINGS).tobytes()
    assert found.targets.tobytes() == solve_users(sp.csr_array(bought.T), found.users, SETTINGS).tobytes()
    assert not np.delete(found.targets, seen, axis=0).any()
    assert np.abs(found.users - plain.users).max() > 0.01


@pytest.mark.slow
def test_new_targets_are_ranked_better(journey, bought, phi, kernel):
    """In the mean of hidden targets and branches: what one set of hidden targets says is chance."""
    gains = []
    for protocol in (LEAVE_TARGETS_OUT, LEAVE_BRANCHES_OUT):
        for seed in range(3):
            split = make_split(protocol, journey.graph, bought, seed)
            hits = split.test[split.users][:, split.candidates].toarray() > 0
            before = fit_factors(split.weights, SETTINGS, 0)
            regressor = KernelRegressor(phi, kernel, split.seen, before.targets[split.seen])
            after = inform_factors(before, regressor, split.weights)
            old, new = (
                ndcg(
                    each.users[split.users]
                    @ regressor.with_factors(each.targets[split.seen]).prior(split.candidates).mean.T,
                    hits,
                )
                for each in (before, after)
            )
            gains.append(new - old)
    assert np.mean(gains) > 0


@pytest.mark.parametrize(("shuffled", "rounds"), [(False, 2), (True, 0)])
def test_factors_are_informed_only_where_the_graph_predicts_taste(journey, bought, phi, shuffled, rounds):
    order = np.random.default_rng(0).permutation(phi.size) if shuffled else np.arange(phi.size)
    blocks = FeatureBlocks({name: block[order] for name, block in phi.matrices.items()}, phi.kinds)
    settings = ModelSettings(SETTINGS, start_kernel(blocks, START_WIDTH, START_RIDGE))
    fits = [fold.fit(settings) for fold in make_folds(journey.graph, bought, blocks, 0)]
    chosen, kept = choose_rounds(fits, settings)
    assert chosen.factors.rounds == rounds
    assert (kept[0] is fits[0]) == shuffled
