"""The generalised protocol: new targets and seen ones in one list, as a shop shows them.

Targets are hidden at random, and a fifth of every user's purchases of the others too. The list holds all seen targets
and the hidden ones with at least 5 buyers; what a user bought in the training data is left out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse as sp

from ....arrays import AnyFloatArray, FloatArray, IntArray
from ....errors import InputError
from ....graph import CatalogGraph
from ...factors.als import Factors, fit_factors
from ...prior.kernel import KernelRegressor
from ...prior.nearest import make_regressor
from ...training.balance import rehearsal_list, rehearsals
from ...training.folds import make_folds
from ...validation.metrics import K, ranking_metrics
from ...validation.mixed_list import MixedRanking, best_offset, harmonic_mean, part_purchases, seen_targets
from ...validation.splits import LEAVE_TARGETS_OUT, Split, make_split
from ..cache import MethodResult
from ..contracts import Method, OwnUsers, Scorer, fitted
from ..judging import checked_scores
from ..methods.kernel_baselines import LinMap, Popularity
from ..methods.newaisle import Newaisle
from .zero_shot import Judge, Make, ProtocolRun, counts

UNCORRECTED = "newaisle-uncorrected"
_NOBODY: IntArray = np.empty(0, dtype=np.int64)
_STREAM = 0x6E
"""Tells the draw of purchases from the draw of targets."""


def generalised_split(
    graph: CatalogGraph, matrix: sp.csr_array, seed: int, signed: sp.csr_array | None = None
) -> Split:
    """Hide targets as leave-targets-out does, and a part of every user's other purchases.

    Returns:
        A split whose ``train`` lacks these purchases, while ``test`` holds them too; judged are users who bought a
        candidate and have a hidden purchase of a seen target.

    Raises:
        InputError: as :func:`newaisle.gnn.validation.splits.make_split`, or nobody has purchases of both kinds.
    """
    split = part_purchases(make_split(LEAVE_TARGETS_OUT, graph, matrix, seed, signed=signed), (_STREAM, seed))
    if not len(split.users):
        raise InputError(
            f"Nobody has hidden purchases of seen and of new targets (generalised, seed {seed}); use more interactions."
        )
    return split


def generalised_run(
    protocol: str, split: Split, methods: Mapping[str, Make], seed: int, embeddings: AnyFloatArray | None
) -> ProtocolRun:
    """All methods on one list of seen and new targets.

    newaisle and ``linmap`` raise their scores of new targets by what they chose on hidden purchases inside the training
    data (:mod:`newaisle.gnn.training.balance`); ``newaisle-uncorrected`` is without it, ``als-only`` (new targets last)
    comes from the fit of ``linmap``. A method that learns from hidden sales (the ceiling) is left out: it would know
    the hidden purchases of seen targets too.
    """
    without = {name: make for name, make in methods.items() if not isinstance(make(seed), OwnUsers)}

    def judgements(name: str, method: Method) -> dict[tuple[str, str], Judge]:
        answers = _answers(name, method, split)
        return {
            (protocol, answer): partial(_judge, answer, view, split, embeddings) for answer, view in answers.items()
        }

    return ProtocolRun(split, without, judgements, {protocol: counts(split)}, _NOBODY)


@dataclass(frozen=True, eq=False)
class VectorScorer:
    """Scores by vectors of all targets, those of users without history by the mean user.

    Attributes:
        users: rows of users -> their vectors, float64 (users, rank).
        targets: q, float64 (n, rank).
        offset: what is added for everybody, float64 (n,).
    """

    users: Callable[[IntArray], FloatArray]
    targets: FloatArray
    offset: FloatArray

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """``p_u . q_c + o_c``, float64 (users, targets)."""
        return np.asarray(self.users(users) @ self.targets[targets].T + self.offset[targets])


@dataclass(frozen=True, eq=False)
class PopularityScorer:
    """One list for everybody: the true popularity of seen targets, the predicted one of the others.

    Attributes:
        levels: logits of shares of buyers, float64 (n,).
    """

    levels: FloatArray

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Levels, float64 (users, targets), equal in all rows."""
        return np.tile(self.levels[targets], (len(users), 1))


def _linmap(method: LinMap, split: Split) -> Scorer:
    """ALS factors of seen targets, mapped ones of the others, raised by what rehearsals say."""
    scored: list[tuple[MixedRanking, FloatArray]] = []
    factors, regressor = method.parts
    folds = make_folds(split.graph, split.train, method.blocks, method.seed, (split.protocol,), split.signed)
    for inner in rehearsals([fold.split for fold in folds]):
        shown = rehearsal_list(inner, seen_targets(inner))
        learned = fit_factors(inner.weights, factors.settings, method.seed)
        mapped = make_regressor(method.blocks, regressor.settings, inner.seen, learned.targets[inner.seen])
        scored.append((shown, _mapped(learned, mapped, inner, 0.0).score(inner, shown.users, shown.targets)))
    return _mapped(factors, regressor, split, best_offset(scored))


def _mapped(factors: Factors, regressor: KernelRegressor, split: Split, offset: float) -> VectorScorer:
    targets, raised = factors.targets.copy(), np.zeros(len(factors.targets))
    targets[split.hidden] = regressor.prior(split.hidden).mean
    raised[split.hidden] = offset
    return VectorScorer(factors.user_vectors, targets, raised)


def _als(method: LinMap, split: Split) -> Scorer:
    factors, _ = method.parts
    last = np.zeros(len(factors.targets))
    last[split.hidden] = -np.inf
    return VectorScorer(factors.user_vectors, factors.targets, last)


def _popularity(method: Popularity, split: Split) -> Scorer:
    regressor = fitted(method._regressor)
    known = np.zeros(len(split.graph))
    known[split.hidden] = regressor.prior(split.hidden).mean[:, 0]
    known[regressor.seen] = regressor.factors[:, 0]
    return PopularityScorer(known)


def _answers(name: str, method: Method, split: Split) -> Mapping[str, Callable[[], Scorer]]:
    """What one fit answers as, by name in the rows."""
    if isinstance(method, Newaisle):
        balanced: dict[str, Callable[[], Scorer]] = {name: lambda: method}
        return balanced | {UNCORRECTED: method.without_offset} if name == Newaisle.name else balanced
    if isinstance(method, LinMap):
        found = {name: partial(_linmap, method, split)}
        return found | {"als-only": partial(_als, method, split)} if name == LinMap.name else found
    if isinstance(method, Popularity):
        return {name: partial(_popularity, method, split)}
    return {name: lambda: method}


def _judge(name: str, view: Callable[[], Scorer], split: Split, embeddings: AnyFloatArray | None) -> MethodResult:
    shown = MixedRanking.of(split, split.users)
    scores = checked_scores(name, view(), split, split.users, shown.targets)
    chosen = None if embeddings is None else embeddings[shown.targets]
    relevance = split.test[:, shown.targets]
    metrics = ranking_metrics(shown.without_had(scores), relevance[split.users], K, embeddings=chosen)
    del metrics["auc"]  # pairs with what the user has already would all be right
    seen, new = shown.ndcgs(scores)
    return MethodResult(metrics | {f"ndcg@{K}:seen": seen, f"ndcg@{K}:new": new, "h": harmonic_mean(seen, new)})
