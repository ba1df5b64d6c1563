"""How seen targets and new ones stand in one list: chosen on hidden purchases of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ..factors.als import fit_factors
from ..factors.settings import FactorSettings
from ..factors.update import update_targets
from ..model.cosine_softmax import user_embeddings
from ..model.model import popularity_regressor, prior_strength, with_popularity
from ..model.settings import ModelSettings
from ..prior.informed_factors import inform_factors
from ..prior.kernel import Prior
from ..utils import sample
from ..validation.mixed_list import MixedRanking, best_offset, part_purchases, seen_targets
from ..validation.splits import Split
from .folds import MAX_TARGETS, ValidationFold

REHEARSALS = 2
"""Sets of pseudo-new targets that serve."""

_STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0)
_MOST_USERS = 500
_STREAM = 0x6F
"""Tells the draw of purchases from all others."""


def choose_balance(folds: Sequence[ValidationFold], settings: ModelSettings) -> ModelSettings:
    """Choose how strongly the prior of seen targets holds, and what is taken from their scores beside new ones.

    A fifth of the purchases is hidden beside the pseudo-new targets. The strength has the greatest NDCG@20 over those
    of seen targets ranked alone, the offset the greatest harmonic mean H of both sides in one list. The search takes a
    single set of factors, for speed.
    """
    factors = settings.factors
    single = replace(factors, rank=2 * factors.rank, second=0) if factors.second else factors
    splits = rehearsals([fold.split for fold in folds])
    found = [_Rehearsal.of(split, folds[0], single, settings) for split in splits]
    if not found:
        return settings
    ranked = {gamma: [rehearsal.scores(gamma, settings) for rehearsal in found] for gamma in _STRENGTHS}
    strength = max(_STRENGTHS, key=lambda gamma: _seen_ndcg(found, ranked[gamma]))
    offset = best_offset([(each.shown, scores) for each, scores in zip(found, ranked[strength], strict=True)])
    return replace(settings, seen_strength=strength, offset=offset)


def rehearsals(splits: Sequence[Split]) -> list[Split]:
    """Splits of pseudo-new targets with a part of the other purchases hidden too, where anybody bought of both."""
    parted = [part_purchases(split, (_STREAM, split.seed, place)) for place, split in enumerate(splits[:REHEARSALS])]
    return [split for split in parted if len(split.users)]


def rehearsal_list(split: Split, seen: IntArray) -> MixedRanking:
    """The list of (at most 500) judged users of a rehearsal."""
    users = split.users[:: -(-len(split.users) // _MOST_USERS)]
    return MixedRanking.of(split, users, np.union1d(seen, split.candidates))


@dataclass(frozen=True, eq=False)
class _Rehearsal:
    """Hidden purchases of both kinds, and what is predicted of their targets.

    Attributes:
        shown: the list of seen and pseudo-new targets.
        users: p of all users, from what is not hidden, float64 (users, rank).
        asking: the judged users of the list over ``|p|``, and 1, float64 (judged, rank + 1).
        settings: of the factors.
        signed: weights of the pairs with the seen targets of the list, CSC (users, seen).
        seen: prior of these targets, each from the others, the level in its last column.
        new: prior of the pseudo-new ones likewise.
    """

    shown: MixedRanking
    users: FloatArray
    asking: FloatArray
    settings: FactorSettings
    signed: sp.csc_array
    seen: Prior
    new: Prior

    @classmethod
    def of(cls, split: Split, fold: ValidationFold, single: FactorSettings, settings: ModelSettings) -> _Rehearsal:
        seen = sample(seen_targets(split), MAX_TARGETS, split.seed)
        shown = rehearsal_list(split, seen)
        factors = fit_factors(split.weights, single, fold.seed)
        regressor = popularity_regressor(fold.blocks, settings.kernel, seen, factors, split.train)
        factors = inform_factors(factors, regressor, split.weights)
        regressor = regressor.carrying(with_popularity(factors, split.train, seen))
        new = regressor.prior(shown.targets[shown.is_new])
        users, signed = factors.users, sp.csc_array(split.weights[:, seen])
        asking = user_embeddings(factors.user_vectors(shown.users))[:, :-1] * np.sqrt(2)
        return cls(shown, users, asking, single, signed, regressor.leave_one_out(), new)

    def scores(self, gamma: float, settings: ModelSettings) -> FloatArray:
        """Of the list over ``|p|``, with so strong a prior of seen targets and no offset, float64 (users, targets)."""
        strength = prior_strength(self.seen.variance, gamma, settings)
        vectors, _ = update_targets(self.users, self.signed, self.seen.mean[:, :-1], strength, self.settings)
        answers = np.empty((len(self.shown.targets), vectors.shape[1] + 1))
        answers[~self.shown.is_new] = settings.as_new(vectors, self.seen.mean[:, -1])
        answers[self.shown.is_new] = settings.as_new(self.new.mean[:, :-1], self.new.mean[:, -1])
        return np.asarray(self.asking @ answers.T)


def _seen_ndcg(found: Sequence[_Rehearsal], ranked: Sequence[FloatArray]) -> float:
    return float(np.mean([each.shown.seen_ndcg(scores) for each, scores in zip(found, ranked, strict=True)]))
