"""The mixed ranking: seen and new targets in one list, and how well it ranks either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, FloatArray, IntArray
from ...display import short_repr
from .metrics import K, ndcg
from .splits import Split, buyers, entries

HELD_SHARE = 0.2
"""Share of every user's purchases of seen targets that is hidden."""

GAPS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.5)
"""Offsets tried, in mean gaps between a user's fifth best seen target and fifth best new one."""

_FIFTH = 5
_DAMPING = 0.6
"""Added share of the chosen offset, as folds shrink new scores more (Complete Journey: best .55, .32 to .9)."""

_BELOW = -1e9
_NOBODY: IntArray = np.empty(0, dtype=np.int64)


def hold_out_purchases(whole: Split, stream: Sequence[int]) -> Split:
    """Hide a part of every user's training purchases too (seed ``stream``); judge users with both kinds hidden."""
    random = np.random.default_rng(stream)
    sizes = np.diff(whole.train.indptr)
    user = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort([random.random(whole.train.nnz), user])  # every user's purchases in a random order
    place = np.arange(whole.train.nnz) - whole.train.indptr[user]
    held = np.zeros(whole.train.nnz, dtype=np.bool_)
    held[order] = place < np.floor(HELD_SHARE * sizes + 0.5)[user]
    train, more = entries(whole.train, ~held), entries(whole.train, held)
    more.data = np.ones_like(more.data)
    test = sp.csr_array(whole.test + more)
    signed = whole.signed
    if signed is not None:
        kept = np.ones(signed.nnz, dtype=np.bool_)
        kept[signed.data > 0] = ~held  # the same pairs in the same order
        whole = replace(whole, signed=entries(signed, kept))
    split = replace(whole, train=train, test=test, seen=np.flatnonzero(buyers(train)), users_without_history=_NOBODY)
    has_new, has_seen = (np.diff(test[:, t].indptr) > 0 for t in (split.candidates, seen_targets(split)))
    return replace(split, users=np.flatnonzero(has_new & has_seen & (np.diff(train.indptr) > 0)))


def seen_targets(split: Split) -> IntArray:
    """Positions of the seen targets without groups."""
    return split.seen[~split.graph.is_group[split.seen]]


@dataclass(frozen=True, eq=False)
class MixedRanking:
    """Seen and new targets (positions, ascending) in one ranking, without what each judged user has already.

    Attributes:
        is_new: bool (targets,).
        had: training purchases, bool (users, targets).
        hits: hidden purchases, bool (users, targets).
    """

    targets: IntArray
    is_new: BoolArray
    users: IntArray
    had: BoolArray
    hits: BoolArray

    __repr__ = short_repr

    @classmethod
    def of(cls, split: Split, users: IntArray, targets: IntArray | None = None) -> MixedRanking:
        """Rank all seen targets and candidates, or ``targets``, for some judged users of a split."""
        if targets is None:
            targets = np.union1d(seen_targets(split), split.candidates)
        had, hits = (part[users][:, targets].toarray() > 0 for part in (split.train, split.test))
        return cls(targets, np.isin(targets, split.candidates), users, had, hits)

    def without_had(self, scores: FloatArray) -> FloatArray:
        """Scores (users, targets) with what a user has below all others, without new ties."""
        return np.where(self.had, 2 * _BELOW - np.arange(len(self.targets)), np.maximum(scores, _BELOW))

    def ndcgs(self, scores: FloatArray) -> tuple[float, float]:
        """NDCG@20 over the hidden purchases of seen and of new targets, both in the mixed ranking."""
        ranked = self.without_had(scores)
        return ndcg(ranked, self.hits & ~self.is_new, K), ndcg(ranked, self.hits & self.is_new, K)

    def seen_ndcg(self, scores: FloatArray) -> float:
        """NDCG@20 over the hidden purchases of seen targets, ranked without the new ones."""
        ranked, seen = self.without_had(scores), ~self.is_new
        return ndcg(ranked[:, seen], self.hits[:, seen], K)


def best_offset(scored: Sequence[tuple[MixedRanking, FloatArray]]) -> float:
    """Offset of new targets in scores (users, targets): ``_DAMPING`` times the best of ``GAPS`` by H, 0 without any."""
    if not scored:
        return 0.0
    gap = float(np.mean([_gap(ranking, scores) for ranking, scores in scored]))
    tried = [share * gap for share in GAPS]
    means = [
        [harmonic_mean(*ranking.ndcgs(scores + offset * ranking.is_new)) for offset in tried]
        for ranking, scores in scored
    ]
    return _DAMPING * tried[int(np.argmax(np.mean(means, axis=0)))]


def _gap(ranking: MixedRanking, scores: FloatArray) -> float:
    """Mean difference of a user's fifth best seen and fifth best new score."""
    ranked = ranking.without_had(scores)
    seen, new = (
        np.sort(ranked[:, side], axis=1)[:, -min(_FIFTH, int(side.sum()))] for side in (~ranking.is_new, ranking.is_new)
    )
    both = np.minimum(seen, new) > _BELOW
    return float(np.mean((seen - new)[both])) if both.any() else 0.0


def harmonic_mean(a: float, b: float) -> float:
    """``2 a b / (a + b)``, 0 if both are (Xian et al. 2019, "Zero-shot learning: a comprehensive evaluation")."""
    return 2.0 * a * b / (a + b) if a + b > 0 else 0.0
