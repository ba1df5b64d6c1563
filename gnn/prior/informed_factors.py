"""Factors informed by the graph: further alternating steps in which every target's mean is its prior."""

from __future__ import annotations

import scipy.sparse as sp

from ..factors.als import Factors
from ..factors.solve import solve_targets, solve_users
from ..factors.update import update_targets
from .kernel import KernelRegressor

_STRENGTH = 30.0
"""Strength of the prior of a seen target; ten times as much gained less."""


def inform_factors(factors: Factors, regressor: KernelRegressor, signed: sp.csr_array) -> Factors:
    """Alternate further, the mean of every target being its prediction from the others (the ``regressor``), not zero.

    Each round updates every seen target with its prior, solves all users from these targets, the new basis, and all
    targets from those users: ALS with a Gaussian process over the targets (Zhou, Shan, Banerjee and Sapiro 2012,
    Kernelized Probabilistic Matrix Factorization) in which a prior leaves its own sales out. Seen targets outside the
    regressor keep their own factors. ``signed`` is CSR (users, n).
    """
    settings, seen = factors.settings, regressor.seen
    of_seen, by_target = sp.csc_array(signed[:, seen]), sp.csr_array(signed.T)
    users, targets, basis = factors.users, factors.targets.copy(), factors.basis
    for _ in range(settings.rounds):
        regressor = regressor.with_factors(targets[seen])
        prior = regressor.leave_one_out()
        basis, strength = targets, _STRENGTH / (prior.variance + regressor.settings.ridge)
        basis[seen], _ = update_targets(users, of_seen, prior.mean, strength, settings)
        users = solve_users(signed, basis, settings)
        targets = solve_targets(by_target, users, settings)
    return Factors(users, targets, basis, settings)
