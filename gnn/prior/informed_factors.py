"""Factors informed by the graph: users are solved again on targets that their neighbours have a say in."""

from __future__ import annotations

import scipy.sparse as sp

from ..factors.als import Factors
from ..factors.solve import solve_targets, solve_users
from ..factors.update import update_targets
from .kernel import KernelRegressor

_STRENGTH = 30.0
"""How strongly the prior of a sold target holds; ten times as much gained less."""


def inform_factors(factors: Factors, regressor: KernelRegressor, signed: sp.csr_array) -> Factors:
    """Further alternating steps, in which the mean of a target is what the others predict of it, not zero.

    Plain factors know a target by its own sales alone, so a user's vector learns little from what few others bought.
    Each round updates every seen target with its prior, solves all users from these targets, which become the basis,
    and all targets from those users. It is alternating least squares for factors with a Gaussian process over the
    targets as their prior (Zhou, Shan, Banerjee and Sapiro 2012, Kernelized Probabilistic Matrix Factorization), in
    which every target's prior leaves its own sales out.

    Args:
        factors: fitted without the graph; trials gained most in the first round, a little in the second, and each costs
            as much as the factors themselves.
        regressor: of the targets with sales that take part; the others stay what their own sales make them.
        signed: weights of the pairs, CSR (users, n), as :func:`newaisle.gnn.factors.als.fit_factors` takes them.
    """
    settings, seen = factors.settings, regressor.seen
    of_seen, by_target = sp.csc_array(signed[:, seen]), sp.csr_array(signed.T)
    users, targets, basis = factors.users, factors.targets.copy(), factors.basis
    for _ in range(settings.rounds):
        regressor = regressor.carrying(targets[seen])
        prior = regressor.leave_one_out()
        basis, strength = targets, _STRENGTH / (prior.variance + regressor.settings.ridge)
        basis[seen], _ = update_targets(users, of_seen, prior.mean, strength, settings)
        users = solve_users(signed, basis, settings)
        targets = solve_targets(by_target, users, settings)
    return Factors(users, targets, basis, settings)
