"""The generalised protocol: new targets and seen ones in one mixed ranking, as a shop shows them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import scipy.sparse as sp

from ....arrays import AnyFloatArray, IntArray
from ....errors import InputError
from ....graph import CatalogGraph
from ...validation.metrics import K, ranking_metrics
from ...validation.mixed_ranking import MixedRanking, harmonic_mean, hold_out_purchases
from ...validation.splits import LEAVE_TARGETS_OUT, Split, make_split
from ..cache import MethodResult
from ..contracts import Make, Method, MixedScorer, OwnUsers, Scorer, companions
from ..judging import checked_scores
from .zero_shot import Judge, ProtocolRun, counts

_NOBODY: IntArray = np.empty(0, dtype=np.int64)
_STREAM = 0x6E


def generalised_split(
    graph: CatalogGraph, matrix: sp.csr_array, seed: int, signed: sp.csr_array | None = None
) -> Split:
    """Hide targets as leave-targets-out does, and a fifth of every user's other purchases, which ``test`` has too."""
    split = hold_out_purchases(make_split(LEAVE_TARGETS_OUT, graph, matrix, seed, signed=signed), (_STREAM, seed))
    if not len(split.users):
        raise InputError(
            f"Nobody has hidden purchases of seen and of new targets (generalised, seed {seed}); use more interactions."
        )
    return split


def generalised_run(
    protocol: str, split: Split, methods: Mapping[str, Make], seed: int, embeddings: AnyFloatArray | None
) -> ProtocolRun:
    """All methods and their companions on one mixed ranking, without what a user bought in the training data.

    The ceiling is left out: it would know the hidden purchases of seen targets too.
    """
    without = {name: make for name, make in methods.items() if not isinstance(make(seed), OwnUsers)}

    def judgements(name: str, method: Method) -> dict[tuple[str, str], Judge]:
        mixed = {row: each for row, each in companions(name, method).items() if isinstance(each, MixedScorer)}
        return {
            (protocol, row): partial(_judge, row, each, split, embeddings)
            for row, each in ({name: method} | mixed).items()
        }

    return ProtocolRun(split, without, judgements, {protocol: counts(split)}, _NOBODY)


def _judge(name: str, ranked: Scorer | MixedScorer, split: Split, embeddings: AnyFloatArray | None) -> MethodResult:
    ranking = MixedRanking.of(split, split.users)
    scorer = ranked.mixed(split) if isinstance(ranked, MixedScorer) else ranked
    scores = checked_scores(name, scorer, split, split.users, ranking.targets)
    chosen = None if embeddings is None else embeddings[ranking.targets]
    relevance = split.test[:, ranking.targets]
    metrics = ranking_metrics(ranking.without_had(scores), relevance[split.users], K, embeddings=chosen)
    del metrics["auc"]  # pairs with what the user has already would all be right
    seen, new = ranking.ndcgs(scores)
    return MethodResult(metrics | {f"ndcg@{K}:seen": seen, f"ndcg@{K}:new": new, "h": harmonic_mean(seen, new)})
