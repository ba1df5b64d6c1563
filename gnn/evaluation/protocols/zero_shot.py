"""The run of a protocol on one split, and the zero-shot run: no sale of a hidden target is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from ....arrays import AnyFloatArray, FloatArray, IntArray
from ....display import short_repr
from ....errors import InputError, ModelError
from ...validation.metrics import target_taste_aucs
from ...validation.splits import Split, buyers
from ..cache import MethodResult, column
from ..contracts import Forecasting, Make, Method, OwnUsers, PerTarget
from ..forecasts import forecast_metrics
from ..judging import HELD_OUT, judge_candidates
from .names import TEMPORAL, family

WITHOUT_HISTORY = "@without-history"
"""Suffix of a metric over the users without any training purchase left."""

Judge = Callable[[], MethodResult]
"""Judge a method that is fitted by then."""


@dataclass(frozen=True, eq=False)
class ProtocolRun:
    """How all methods are judged on one split.

    Attributes:
        judgements: name and unfitted method -> judges by protocol and name in the rows; one fit may serve several.
        counts: protocol -> number of seen and hidden targets, candidates and users.
        held: users that a method with users of its own is judged on; a cached result depends on them.
    """

    split: Split
    methods: Mapping[str, Make]
    judgements: Callable[[str, Method], Mapping[tuple[str, str], Judge]]
    counts: Mapping[str, Mapping[str, int]]
    held: IntArray

    __repr__ = short_repr


def counts(split: Split) -> dict[str, int]:
    """Number of targets and users of each kind in a split."""
    names = ("seen", "hidden", "candidates", "users", "users_without_history")
    return {name: len(getattr(split, name)) for name in names}


def zero_shot_run(
    protocol: str, split: Split, methods: Mapping[str, Make], seed: int, embeddings: AnyFloatArray | None
) -> ProtocolRun:
    """All methods without any sale of the hidden targets; at most one may have users of its own."""
    owner, held = _held_out({name: make(seed) for name, make in methods.items()}, split)
    groups = {"": split.users, HELD_OUT: held, WITHOUT_HISTORY: split.users_without_history}
    groups = {suffix: users for suffix, users in groups.items() if len(users)}

    same_period = family(protocol) != TEMPORAL  # else hidden sales are of another one than forecasts are for

    def judgements(name: str, method: Method) -> dict[tuple[str, str], Judge]:
        of_method = {"": held} if name == owner else groups
        return {(protocol, name): partial(_judge, name, method, split, of_method, embeddings, same_period)}

    return ProtocolRun(split, methods, judgements, {protocol: counts(split)}, held)


def _held_out(methods: Mapping[str, Method], split: Split) -> tuple[str | None, IntArray]:
    """The method with users of its own and these users; None and no users without such a method."""
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


def _judge(
    name: str,
    method: Method,
    split: Split,
    groups: Mapping[str, IntArray],
    embeddings: AnyFloatArray | None,
    same_period: bool,
) -> MethodResult:
    activity = np.diff(split.train.indptr)
    scores, metrics = judge_candidates(name, method, split, groups, np.flatnonzero(activity), embeddings)
    if same_period and isinstance(method, Forecasting):
        metrics |= forecast_metrics(method.forecast(split, split.listed), split)
    if not isinstance(method, PerTarget):
        return MethodResult(metrics)
    users, relevance = groups[""], split.test[:, split.candidates]
    count = buyers(relevance)
    columns = {
        "position": split.candidates,
        "buyers": count,
        "share": count / relevance.shape[0],
        "taste_auc": target_taste_aucs(scores, relevance[users], activity[users]),
        **_expected(name, method, split),
    }
    return MethodResult(metrics, {what: column(values) for what, values in columns.items()})


def _expected(name: str, method: PerTarget, split: Split) -> Mapping[str, FloatArray]:
    expected = method.expected(split, split.candidates)
    for what, values in expected.items():
        if values.shape != split.candidates.shape or not np.isfinite(values).all():
            raise ModelError(
                f"The method {name!r} expects a {what} of the shape {values.shape} with "
                f"{int((~np.isfinite(values)).sum()):,} numbers that are not finite for {len(split.candidates):,} "
                f"candidates ({split.protocol}, seed {split.seed})."
            )
    return expected
