"""Judging a fitted scorer on one split, as all protocols do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...arrays import AnyFloatArray, FloatArray, IntArray
from ...errors import ModelError
from ..calibration.probability import brier_score, expected_calibration_error
from ..validation.metrics import K, ranking_metrics
from ..validation.splits import Split, buyers
from .contracts import Probable, Scorer

HELD_OUT = "@held-out"
"""Suffix of a metric over the users that a method with users of its own is judged on."""


def checked_scores(name: str, scorer: Scorer, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
    """Scores, float (users, targets); a ModelError for a wrong shape or NaN."""
    scores = scorer.score(split, users, targets)
    shape = (len(users), len(targets))
    if scores.shape != shape or np.isnan(scores).any():
        raise ModelError(
            f"The method {name!r} gave scores of the shape {scores.shape} with {int(np.isnan(scores).sum()):,} NaN for "
            f"{shape[0]:,} users and {shape[1]:,} candidates ({split.protocol}, seed {split.seed})."
        )
    return scores


def judge_candidates(
    name: str,
    scorer: Scorer,
    split: Split,
    groups: Mapping[str, IntArray],
    everyone: IntArray,
    embeddings: AnyFloatArray | None,
) -> tuple[FloatArray, dict[str, float]]:
    """Scores of the group "", float (users, candidates), and all metrics, those of probabilities included.

    ``groups`` maps metric suffixes to users; ``everyone`` are the users whose probabilities of all hidden targets are
    judged.
    """
    users = np.unique(np.concatenate(list(groups.values())))
    scores = checked_scores(name, scorer, split, users, split.candidates)
    relevance, activity = split.test[:, split.candidates], np.diff(split.train.indptr)
    metrics: dict[str, float] = {}
    for suffix, group in groups.items():
        figures = ranking_metrics(
            scores[np.searchsorted(users, group)],
            relevance[group],
            K,
            activity=activity[group],
            buyer_share=buyers(relevance) / relevance.shape[0],
            embeddings=None if embeddings is None else embeddings[split.candidates],
        )
        metrics |= {metric + suffix: value for metric, value in figures.items()}
    if isinstance(scorer, Probable):
        bought = split.test[everyone][:, split.listed].toarray() > 0
        for suffix, probability in scorer.purchase_probability(split, everyone, split.listed).items():
            metrics[f"brier{suffix}"] = brier_score(probability, bought)
            metrics[f"ece{suffix}"] = expected_calibration_error(probability, bought)
    return scores[np.searchsorted(users, groups[""])], metrics
