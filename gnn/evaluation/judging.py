"""How one fitted method is judged on one split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...arrays import AnyFloatArray, FloatArray, IntArray
from ...errors import InputError, ModelError
from ..calibration.probability import brier_score, expected_calibration_error
from ..validation.metrics import K, ranking_metrics, target_taste_aucs
from ..validation.splits import Split, buyers
from .cache import MethodResult, column
from .contracts import Method, OwnUsers, PerTarget, Probable, Scorer

HELD_OUT = "@held-out"
"""Suffix of a metric taken over the users that a method of the run with users of its own is judged on."""
WITHOUT_HISTORY = "@without-history"
"""Suffix of a metric taken over the users without any training purchase left."""


def held_out(methods: Mapping[str, Method], split: Split) -> tuple[str | None, IntArray]:
    """The method with users of its own and these users; None and no users if there is no such method.

    Raises:
        InputError: there are several such methods.
        ModelError: it wants users that are not judged.
    """
    owners = {name: method for name, method in methods.items() if isinstance(method, OwnUsers)}
    if not owners:
        return None, np.empty(0, dtype=np.int64)
    if len(owners) > 1:
        raise InputError(f"The methods {', '.join(owners)} have users of their own; evaluate one of them per run.")
    name, method = owners.popitem()
    users = method.judged(split)
    if not len(users) or not np.isin(users, split.users).all():
        raise ModelError(f"The method {name!r} wants to be judged on other users than those with a hit and a history.")
    return name, users


def user_groups(split: Split, held: IntArray) -> dict[str, IntArray]:
    """Metric suffix -> the users it is taken over, of a method without users of its own."""
    groups = {"": split.users, HELD_OUT: held, WITHOUT_HISTORY: split.users_without_history}
    return {suffix: users for suffix, users in groups.items() if len(users)}


def judge(
    name: str, method: Method, split: Split, groups: Mapping[str, IntArray], embeddings: AnyFloatArray | None
) -> MethodResult:
    """Judge one fitted method: its rankings, its probabilities and its predictions of single targets.

    Args:
        name: what errors call it.
        method: fitted to the split.
        split: what is hidden.
        groups: metric suffix -> the users it is taken over; single targets are judged over those of the suffix "".
        embeddings: text embeddings of all targets, float (n, d), for the metric ``diversity``.

    Raises:
        ModelError: scores or predictions of a wrong shape or NaN.
    """
    everyone = all_of(groups)
    scores = checked_scores(name, method, split, everyone, split.candidates)
    metrics = judge_rankings(scores, split, groups, embeddings)
    if isinstance(method, Probable):
        metrics |= judge_chances(method, split, np.flatnonzero(np.diff(split.train.indptr)))
    if not isinstance(method, PerTarget):
        return MethodResult(metrics)
    users, relevance = groups[""], split.test[:, split.candidates]
    activity = np.diff(split.train.indptr)[users]
    tastes = target_taste_aucs(scores[np.searchsorted(everyone, users)], relevance[users], activity)
    count = buyers(relevance)
    share = count / relevance.shape[0]
    truth = {"position": split.candidates, "buyers": count, "share": share, "taste_auc": tastes}
    expected = _expected(name, method, split)
    return MethodResult(metrics, {what: column(values) for what, values in (truth | expected).items()})


def judge_rankings(
    scores: FloatArray, split: Split, groups: Mapping[str, IntArray], embeddings: AnyFloatArray | None
) -> dict[str, float]:
    """Metrics of the candidates' ranking by group of users, from scores (all users of the groups, candidates)."""
    everyone = all_of(groups)
    relevance = split.test[:, split.candidates]
    activity = np.diff(split.train.indptr)
    share = buyers(relevance) / relevance.shape[0]
    metrics: dict[str, float] = {}
    for suffix, users in groups.items():
        figures = ranking_metrics(
            scores[np.searchsorted(everyone, users)],
            relevance[users],
            K,
            activity=activity[users],
            buyer_share=share,
            embeddings=None if embeddings is None else embeddings[split.candidates],
        )
        metrics |= {metric + suffix: value for metric, value in figures.items()}
    return metrics


def all_of(groups: Mapping[str, IntArray]) -> IntArray:
    """The users of all groups, each once, ascending."""
    return np.unique(np.concatenate(list(groups.values())))


def checked_scores(name: str, method: Scorer, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
    """The scores of one fitted method, float (users, targets).

    Raises:
        ModelError: a wrong shape or NaN.
    """
    scores = method.score(split, users, targets)
    shape = (len(users), len(targets))
    if scores.shape != shape or np.isnan(scores).any():
        raise ModelError(
            f"The method {name!r} gave scores of the shape {scores.shape} with {int(np.isnan(scores).sum()):,} NaN for "
            f"{shape[0]:,} users and {shape[1]:,} candidates ({split.protocol}, seed {split.seed})."
        )
    return scores


def judge_chances(method: Probable, split: Split, users: IntArray) -> dict[str, float]:
    """Brier score and calibration error over some users and all hidden targets, unsold ones included."""
    bought = split.test[users][:, split.listed].toarray() > 0
    metrics: dict[str, float] = {}
    for suffix, chance in method.chance(split, users, split.listed).items():
        metrics[f"brier{suffix}"] = brier_score(chance, bought)
        metrics[f"ece{suffix}"] = expected_calibration_error(chance, bought)
    return metrics


def _expected(name: str, method: PerTarget, split: Split) -> dict[str, FloatArray]:
    expected = dict(method.expected(split, split.candidates))
    for what, values in expected.items():
        if values.shape != split.candidates.shape or not np.isfinite(values).all():
            raise ModelError(
                f"The method {name!r} expects a {what} of the shape {values.shape} with "
                f"{int((~np.isfinite(values)).sum()):,} numbers that are not finite for {len(split.candidates):,} "
                f"candidates ({split.protocol}, seed {split.seed})."
            )
    return expected
