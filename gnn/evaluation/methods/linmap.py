"""The strongest baseline: ALS factors mapped to new targets by kernel ridge, and plain ALS beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ....arrays import FloatArray, IntArray
from ....display import short_repr
from ...factors.als import Factors, fit_factors
from ...factors.solve import solve_users
from ...prior.kernel import KernelRegressor
from ...prior.nearest import make_regressor
from ...training.folds import held_out_folds
from ...training.tuning import START_FACTORS, choose_factors, judge_factors
from ...validation.mixed_ranking import best_offset, seen_targets
from ...validation.splits import Split
from ..contracts import Learning, MixedScorer, fitted
from .kernel_baselines import OnBlocks, fixed_kernel


@dataclass(frozen=True, eq=False)
class VectorScorer:
    """Scores by p of ``users`` (float64 (users, rank)), q of ``targets`` (float64 (n, rank)) and ``offset`` o (n,)."""

    users: Callable[[IntArray], FloatArray]
    targets: FloatArray
    offset: FloatArray

    __repr__ = short_repr

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """``p_u . q_c + o_c``, float64 (users, targets)."""
        return np.asarray(self.users(users) @ self.targets[targets].T + self.offset[targets])


class LinMap(OnBlocks):
    """ALS factors mapped to new targets by kernel ridge with the fixed kernel (Gantner et al. 2010), all tuned."""

    name = "linmap"

    _parts: tuple[Factors, KernelRegressor] | None = None

    def fit(self, split: Split) -> None:
        """Choose rank, confidence, regularisation, width and ridge, then fit."""
        folds = self.folds(split)
        chosen = choose_factors(folds, START_FACTORS, fixed_kernel(self.blocks))
        settings = self.tune(folds, lambda fold, fixed: judge_factors(fold, chosen, fixed))
        factors = fit_factors(split.weights, chosen, self.seed)
        self._parts = factors, make_regressor(self.blocks, settings, split.seen, factors.targets[split.seen])

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """``p_u . mu_c``, float64 (users, targets)."""
        factors, regressor = self.parts
        return np.asarray(factors.user_vectors(users) @ regressor.prior(targets).mean.T)

    @property
    def parts(self) -> tuple[Factors, KernelRegressor]:
        """The factors, and what maps them."""
        return fitted(self._parts)

    def mixed(self, split: Split) -> VectorScorer:
        """ALS factors of seen targets, mapped ones of the others with the best offset on validation folds."""
        factors, regressor = self.parts
        scored = []
        for fold in held_out_folds(self.folds(split)):
            inner, learned = fold.split, fold.factors(factors.settings)
            mapped = make_regressor(self.blocks, regressor.settings, inner.seen, learned.targets[inner.seen])
            ranking = fold.mixed_ranking(seen_targets(inner))
            scores = _mapped(learned, mapped, inner, 0.0).score(inner, ranking.users, ranking.targets)
            scored.append((ranking, scores))
        return _mapped(factors, regressor, split, best_offset(scored))

    @property
    def companions(self) -> dict[str, Learning | MixedScorer]:
        """ALS without any map to new targets: from first sales alone, or with new targets last."""
        return {"als-revealed": AlsRevealed(self), "als-only": AlsOnly(self)}


def _mapped(factors: Factors, regressor: KernelRegressor, split: Split, offset: float) -> VectorScorer:
    targets, offsets = factors.targets.copy(), np.zeros(len(factors.targets))
    targets[split.hidden] = regressor.prior(split.hidden).mean
    offsets[split.hidden] = offset
    return VectorScorer(factors.user_vectors, targets, offsets)


@dataclass(frozen=True, eq=False)
class AlsRevealed:
    """ALS in few-shot: the factors of hidden targets solved from what was revealed alone."""

    linmap: LinMap

    def revealed(self, split: Split, users: IntArray) -> VectorScorer:
        """ALS step of hidden targets over some users (Hu, Koren and Volinsky 2008, equation 5), zero without buyers."""
        factors, _ = self.linmap.parts
        sales = sp.csr_array(split.test[users].T)
        targets = solve_users(sales, factors.users[users], factors.settings)
        return VectorScorer(factors.user_vectors, targets, np.zeros(len(targets)))


@dataclass(frozen=True, eq=False)
class AlsOnly:
    """ALS in a mixed ranking, with new targets last."""

    linmap: LinMap

    def mixed(self, split: Split) -> VectorScorer:
        """The plain factors of seen targets."""
        factors, _ = self.linmap.parts
        last = np.zeros(len(factors.targets))
        last[split.hidden] = -np.inf
        return VectorScorer(factors.user_vectors, factors.targets, last)
