"""The generalised protocol: new targets and seen ones in one list, as a shop shows them.

Targets are hidden at random, and a fifth of every user's purchases of the others too. The list holds all seen targets
and the hidden ones with at least 5 buyers; what a user bought in the training data is left out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy.sparse as sp

from ..graph import CatalogGraph
from ..graph.catalog import BoolArray, FloatArray, IntArray
from ..graph.errors import InputError
from .baselines import LinMap, Popularity, fitted
from .cells import Cell
from .judging import K, Method, OwnUsers, Scorer, checked_scores
from .methods import Newaisle
from .metrics import Numbers, ndcg, ranking_metrics
from .propagation import Blocks
from .space import SpaceSettings, fit_space
from .splits import LEAVE_TARGETS_OUT, Split, buyers, entries, make_split, pseudo_split
from .trial import Judge, Make, Trial, counts
from .tuning import EPISODES

HELD_SHARE = 0.2
"""Share of every user's purchases of seen targets that is hidden."""

OFFSETS = (-0.1, -0.05, 0.0, 0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4)
"""What is tried on pseudo-new targets; a purchase is 1 on the scale of the scores."""

UNCORRECTED = "newaisle-uncorrected"
_MOST_USERS = 500
_BELOW = -1e9
_NOBODY: IntArray = np.empty(0, dtype=np.int64)
_STREAM = 0x6E
"""Tells the draw of purchases from the draw of targets."""


def generalised_split(graph: CatalogGraph, matrix: sp.csr_array, seed: int) -> Split:
    """Hide targets as leave-targets-out does, and a part of every user's other purchases.

    Returns:
        A split whose ``train`` lacks these purchases, while ``test`` holds them too; judged are users who bought a
        candidate and have a hidden purchase of a seen target.

    Raises:
        InputError: as :func:`newaisle.gnn.splits.make_split`, or nobody has purchases of both kinds.
    """
    split = part_purchases(make_split(LEAVE_TARGETS_OUT, graph, matrix, seed), (_STREAM, seed))
    if not len(split.users):
        raise InputError(
            f"Nobody has hidden purchases of seen and of new targets (generalised, seed {seed}); use more interactions."
        )
    return split


def part_purchases(whole: Split, stream: Sequence[int]) -> Split:
    """Hide a part of every user's training purchases too; judged are users with hidden purchases of both kinds."""
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
    split = replace(whole, train=train, test=test, seen=np.flatnonzero(buyers(train)), users_without_history=_NOBODY)
    has_new, has_seen = (np.diff(test[:, t].indptr) > 0 for t in (split.candidates, _seen_targets(split)))
    return replace(split, users=np.flatnonzero(has_new & has_seen & (np.diff(train.indptr) > 0)))


@dataclass(frozen=True, eq=False)
class List:
    """One list of seen and new targets, without what each user has already.

    Attributes:
        targets: positions, ascending.
        is_new: which of them are new, (targets,).
        users: rows that are judged.
        had: what they bought in the training data, (users, targets).
        hits: their hidden purchases, (users, targets).
    """

    targets: IntArray
    is_new: BoolArray
    users: IntArray
    had: BoolArray
    hits: BoolArray

    @classmethod
    def of(cls, split: Split, users: IntArray) -> List:
        """The list of a split, for some of its judged users."""
        targets = np.union1d(_seen_targets(split), split.candidates)
        had, hits = (part[users][:, targets].toarray() > 0 for part in (split.train, split.test))
        return cls(targets, np.isin(targets, split.candidates), users, had, hits)

    def without_had(self, scores: FloatArray) -> FloatArray:
        """Scores (users, targets) with what a user has below all others, without new ties."""
        return np.where(self.had, 2 * _BELOW - np.arange(len(self.targets)), np.maximum(scores, _BELOW))

    def ndcgs(self, scores: FloatArray) -> tuple[float, float]:
        """NDCG@20 over the hidden purchases of seen and of new targets, both ranked in the one list."""
        ranked = self.without_had(scores)
        return ndcg(ranked, self.hits & ~self.is_new, K), ndcg(ranked, self.hits & self.is_new, K)


def fit_offset(split: Split, blocks: Blocks, settings: SpaceSettings, seed: int) -> float:
    """What to add to the scores of new targets, so that neither side crowds out the other.

    It has the greatest mean H on pseudo-new targets and hidden purchases inside ``split.train``. As a constant it is
    one more coordinate of both vectors: the offset in a new target's, 0 in a seen one's, 1 in every user's.

    Args:
        split: the outer split; its ``test`` is not read.
        blocks: phi.
        settings: of the space, chosen before.
        seed: of the factors.

    Returns:
        One of ``OFFSETS``; 0 where the training data are too few to hide anything.
    """
    found: list[list[float]] = []
    for episode in range(EPISODES):
        try:
            whole = pseudo_split(split.protocol, split.graph, split.train, episode, split.seed)
        except InputError:  # too few targets or buyers
            break
        inner = part_purchases(whole, (_STREAM, split.seed, episode + 1))
        users = inner.users[:: -(-len(inner.users) // _MOST_USERS)] if len(inner.users) else _NOBODY
        if not len(users):
            break
        space = fit_space(split.graph, inner.train, blocks, seed=seed, settings=settings)
        shown = List.of(inner, users)
        scores = space.factors.user_vectors(users) @ space.vectors[shown.targets].T
        found.append([harmonic_mean(*shown.ndcgs(scores + offset * shown.is_new)) for offset in OFFSETS])
    return OFFSETS[int(np.argmax(np.mean(found, axis=0)))] if found else 0.0


def generalised_trial(
    protocol: str, split: Split, methods: Mapping[str, Make], seed: int, embeddings: Numbers | None
) -> Trial:
    """All methods on one list of seen and new targets.

    newaisle's scores of new targets are raised by :func:`fit_offset`, ``newaisle-uncorrected`` is without it;
    ``als-only`` (new targets last) comes from the fit of ``linmap``. A method that learns from hidden sales (the
    ceiling) is left out: it would know the hidden purchases of seen targets too.
    """
    without = {name: make for name, make in methods.items() if not isinstance(make(seed), OwnUsers)}

    def judgements(name: str, method: Method) -> dict[tuple[str, str], Judge]:
        answers = _answers(name, method, split)
        return {
            (protocol, answer): partial(_judge, answer, view, split, embeddings) for answer, view in answers.items()
        }

    return Trial(split, without, judgements, {protocol: counts(split)}, _NOBODY)


@dataclass(frozen=True, eq=False)
class OneList:
    """Scores by vectors of all targets, those of users without history by the mean user.

    Attributes:
        users: rows of users -> their vectors, float64 (users, rank).
        targets: q, float64 (n, rank).
        bottom: targets that stand below all others.
    """

    users: Callable[[IntArray], FloatArray]
    targets: FloatArray
    bottom: IntArray

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """``p_u . q_c``, float64 (users, targets); minus infinity at the bottom."""
        scores = np.asarray(self.users(users) @ self.targets[targets].T)
        scores[:, np.isin(targets, self.bottom)] = -np.inf
        return scores


@dataclass(frozen=True, eq=False)
class Raised:
    """A method with something added to the scores of new targets.

    Attributes:
        method: the method.
        offset: what is added.
    """

    method: Scorer
    offset: float

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """The method's scores, those of hidden targets raised."""
        scores = self.method.score(split, users, targets)
        return np.asarray(scores + self.offset * np.isin(targets, split.hidden))


@dataclass(frozen=True, eq=False)
class KnownLevels:
    """One list for everybody: the true popularity of seen targets, the predicted one of the others.

    Attributes:
        levels: logits of shares of buyers, float64 (n,).
    """

    levels: FloatArray

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Levels, float64 (users, targets), equal in all rows."""
        return np.tile(self.levels[targets], (len(users), 1))


def _linmap(method: LinMap, split: Split) -> Scorer:
    """ALS factors of seen targets, mapped ones of the others."""
    factors, head = fitted(method._fit)
    targets = factors.targets.copy()
    targets[split.hidden] = head.prior(split.hidden).mean
    return OneList(factors.user_vectors, targets, _NOBODY)


def _als(method: LinMap, split: Split) -> Scorer:
    factors, _ = fitted(method._fit)
    return OneList(factors.user_vectors, factors.targets, split.hidden)


def _popularity(method: Popularity, split: Split) -> Scorer:
    head = fitted(method._head)
    levels = np.zeros(len(split.graph))
    levels[split.hidden] = head.prior(split.hidden).mean[:, 0]
    levels[head.seen] = head.factors[:, 0]
    return KnownLevels(levels)


def _raised(method: Newaisle, split: Split) -> Scorer:
    offset = fit_offset(split, method.blocks, method.space.settings, method.seed)
    return Raised(method, offset)


def _answers(name: str, method: Method, split: Split) -> Mapping[str, Callable[[], Scorer]]:
    """What one fit answers as, by name in the rows."""
    if isinstance(method, Newaisle):
        raised = {name: partial(_raised, method, split)}
        return raised | {UNCORRECTED: lambda: method} if name == Newaisle.name else raised
    if isinstance(method, LinMap):
        found = {name: partial(_linmap, method, split)}
        return found | {"als-only": partial(_als, method, split)} if name == LinMap.name else found
    if isinstance(method, Popularity):
        return {name: partial(_popularity, method, split)}
    return {name: lambda: method}


def _judge(name: str, view: Callable[[], Scorer], split: Split, embeddings: Numbers | None) -> Cell:
    shown = List.of(split, split.users)
    scores = checked_scores(name, view(), split, split.users, shown.targets)
    chosen = None if embeddings is None else embeddings[shown.targets]
    relevance = split.test[:, shown.targets]
    metrics = ranking_metrics(shown.without_had(scores), relevance[split.users], K, embeddings=chosen)
    del metrics["auc"]  # pairs with what the user has already would all be right
    seen, new = shown.ndcgs(scores)
    return Cell(metrics | {f"ndcg@{K}:seen": seen, f"ndcg@{K}:new": new, "h": harmonic_mean(seen, new)})


def harmonic_mean(a: float, b: float) -> float:
    """``2 a b / (a + b)``, 0 if both are (Xian et al. 2019, "Zero-shot learning: a comprehensive evaluation")."""
    return 2.0 * a * b / (a + b) if a + b > 0 else 0.0


def _seen_targets(split: Split) -> IntArray:
    """The seen targets without the groups."""
    return split.seen[~split.graph.is_group[split.seen]]
