"""Metrics of a ranking: one row of scores per user, one column per candidate."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
from scipy.stats import rankdata

from ...arrays import AnyFloatArray, BoolArray, FloatArray, IntArray
from ...errors import InputError

K = 20
"""Length of the judged list."""
_TIES = 0x7E1D


def ranking_metrics(
    scores: AnyFloatArray,
    relevance: sp.csr_array,
    k: int = K,
    *,
    activity: IntArray | None = None,
    buyer_share: FloatArray | None = None,
    embeddings: AnyFloatArray | None = None,
) -> dict[str, float]:
    """Judge a score matrix, equal scores ranked by :func:`tie_breaks`; every metric is a mean over users unless noted.

    - ``ndcg@k``: binary gains, discount 1 / log2(1 + rank), ideal = the first min(hits, k) ranks all hits.
    - ``recall@k``: hits in the top k / min(hits, k). ``precision@k``: hits in the top k / k.
    - ``mrr``: 1 / rank of the first hit. ``auc``: share of (hit, other) pairs in the right order, ties counting half;
      users who bought every candidate are left out.
    - ``coverage@k``: share of the candidates in at least one top k. ``taste_auc`` (with ``activity``, the number of
      distinct training targets of each user, int (u,)): :func:`taste_auc`.
    - ``novelty`` (with ``buyer_share``, the share of all users who really bought the candidate, float (c,), above 0):
      mean -log2(share) in bits over the top k (Zhou et al. 2010).
    - ``diversity`` (with ``embeddings`` of the candidates' texts, float (c, d), of any norm): 1 - mean cosine over the
      pairs in the top k (Ziegler et al. 2005).

    ``scores``, float (u, c), are higher for better and may be minus infinity; ``relevance``, CSR (u, c), is 1 where the
    user bought the candidate. Metrics without any pair to compare are left out.

    Raises:
        InputError: shapes that do not fit, a NaN score, a user without a hit.
    """
    hits = _check(scores, relevance, k)
    order = _ranked(scores)
    sorted_hits = np.take_along_axis(hits, order, axis=1)
    top = order[:, :k]
    gain = sorted_hits[:, :k]
    ideal = np.minimum(hits.sum(axis=1), k)
    found = gain.sum(axis=1)
    metrics = {
        f"ndcg@{k}": _ndcg(gain, ideal),
        f"recall@{k}": np.mean(found / ideal),
        f"precision@{k}": np.mean(found / k),
        "mrr": np.mean(1.0 / (1.0 + np.argmax(sorted_hits, axis=1))),
        "auc": _mean_defined(*_right_pairs(scores.T, hits.T)),
        f"coverage@{k}": len(np.unique(top)) / hits.shape[1],
    }
    if activity is not None:
        metrics["taste_auc"] = taste_auc(scores, relevance, activity)
    if buyer_share is not None:
        metrics["novelty"] = np.mean(-np.log2(buyer_share)[top])
    if embeddings is not None:
        metrics["diversity"] = _diversity(top, embeddings)
    return {name: float(value) for name, value in metrics.items() if not math.isnan(value)}


def ndcg(scores: AnyFloatArray, hits: BoolArray, k: int = K) -> float:
    """Mean NDCG@k as in :func:`ranking_metrics`; every row of ``hits`` (u, c) has at least one."""
    top = _ranked(scores)[:, :k]
    return _ndcg(np.take_along_axis(hits, top, axis=1), np.minimum(hits.sum(axis=1), k))


def tie_breaks(users: int, candidates: int) -> FloatArray:
    """Seeded order of equal scores, least first, float64 (users, candidates); tables may list targets by sales."""
    return np.random.default_rng(_TIES).random((users, candidates))


def _ranked(scores: AnyFloatArray) -> IntArray:
    """Candidates from best to worst, int64 (u, c)."""
    order = np.argsort(-scores, axis=1)
    ordered = np.take_along_axis(scores, order, axis=1)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    if tied.any():
        order[tied] = np.lexsort((tie_breaks(*scores.shape)[tied], -scores[tied]))
    return order


def _ndcg(gain: BoolArray, ideal: IntArray) -> float:
    discount = 1.0 / np.log2(np.arange(2, gain.shape[1] + 2))
    return float(np.mean(gain @ discount / np.cumsum(discount)[ideal - 1]))


def taste_auc(scores: AnyFloatArray, relevance: sp.csr_array, activity: IntArray) -> float:
    """Mean of :func:`target_taste_aucs` over the candidates that have one; NaN if none has."""
    aucs = target_taste_aucs(scores, relevance, activity)
    return _mean(aucs[~np.isnan(aucs)])


def target_taste_aucs(scores: AnyFloatArray, relevance: sp.csr_array, activity: IntArray) -> FloatArray:
    """AUC per target over users of similar activity, float64 (c,), NaN without any pair.

    The share of (buyer, non-buyer) pairs within a decile of ``activity`` in the right order, ties counting half, pooled
    over deciles. One ranking for all users gives exactly 0.5; users of equal activity share a decile.
    """
    hits = relevance.toarray() > 0
    decile = np.searchsorted(np.quantile(activity, np.arange(1, 10) / 10), activity)
    right, pairs = np.zeros(hits.shape[1]), np.zeros(hits.shape[1])
    for d in np.unique(decile):
        inside = decile == d
        more_right, more_pairs = _right_pairs(scores[inside], hits[inside])
        right += more_right
        pairs += more_pairs
    return np.asarray(np.divide(right, pairs, out=np.full(len(pairs), math.nan), where=pairs > 0))


def _right_pairs(scores: AnyFloatArray, hits: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Per column: (hit, other) pairs in the right order (Mann-Whitney U, ties half) and all such pairs."""
    hit = hits.sum(axis=0).astype(np.float64)
    ranks = np.where(hits, rankdata(scores, axis=0), 0.0).sum(axis=0)
    return ranks - hit * (hit + 1) / 2, hit * (len(hits) - hit)


def _mean_defined(right: FloatArray, pairs: FloatArray) -> float:
    defined = pairs > 0
    return _mean(right[defined] / pairs[defined])


def _mean(values: FloatArray) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _diversity(top: IntArray, embeddings: AnyFloatArray) -> float:
    """1 - mean cosine over pairs, by |sum of unit vectors|^2 = number of them + sum over ordered pairs."""
    users, length = top.shape
    if length < 2:
        return math.nan
    exact = embeddings.astype(np.float64)
    norm = np.linalg.norm(exact, axis=1, keepdims=True)
    unit = exact / np.where(norm > 0, norm, 1.0)
    entries = (np.ones(top.size), top.ravel(), np.arange(users + 1) * length)
    lists = sp.csr_array(entries, shape=(users, len(embeddings)))
    total = np.square(lists @ unit).sum(axis=1)
    with_text = lists @ (norm[:, 0] > 0).astype(np.float64)  # a target without text has cosine 0 with everything
    return float(1.0 - np.mean((total - with_text) / (length * (length - 1))))


def _check(scores: AnyFloatArray, relevance: sp.csr_array, k: int) -> BoolArray:
    if k < 1:
        raise InputError(f"k is {k}; give 1 or more.")
    if scores.shape != relevance.shape:
        raise InputError(f"The scores have the shape {scores.shape}, the relevance {relevance.shape}; make them equal.")
    if np.isnan(scores).any():
        row, column = np.argwhere(np.isnan(scores))[0].tolist()
        raise InputError(f"The score in row {row}, column {column} is NaN; give every user and candidate a number.")
    hits: BoolArray = relevance.toarray() > 0
    if not hits.any(axis=1).all():
        row = int(np.argmin(hits.any(axis=1)))
        raise InputError(f"The user in row {row} of the relevance has no hit; judge users with at least one.")
    return hits
