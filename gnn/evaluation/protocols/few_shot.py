"""The few-shot protocols: some users reveal what they bought of the hidden targets, and others are judged.

One half of the users is judged. Of the other half the first 0, 1, 3, 10, 30 or 100 per cent of one random order reveal
their purchases of all hidden targets, and thereby what they did not buy. One fit serves all shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ....arrays import AnyFloatArray, IntArray
from ....display import short_repr
from ....errors import ModelError
from ...validation.splits import Split, revealing_half
from ..cache import MethodResult
from ..contracts import Learning, Make, Method, OwnUsers, Scorer, companions
from ..judging import judge_candidates
from ..methods.simple_baselines import PopularityRevealed
from .names import revealed_share
from .zero_shot import Judge, ProtocolRun, counts

_ORDER = 2


@dataclass(frozen=True, eq=False)
class Halves:
    """Rows that reveal, in this ``order``, those ``judged`` and the whole other half (``rest``), both ascending."""

    order: IntArray
    judged: IntArray
    rest: IntArray

    __repr__ = short_repr

    @classmethod
    def of(cls, split: Split, seed: int) -> Halves:
        """The halves of the ceiling, so that both are judged on the same users."""
        reveals = revealing_half(split, seed)
        order = np.random.default_rng([seed, _ORDER]).permutation(np.flatnonzero(reveals))
        return cls(order, split.users[~reveals[split.users]], np.flatnonzero(~reveals))

    def revealing(self, share: int) -> IntArray:
        """The rows of a share (in per cent of their half), ascending; above 0 at least one."""
        return np.sort(self.order[: -(-share * len(self.order) // 100)])


def few_shot_run(
    protocols: Sequence[str], split: Split, methods: Mapping[str, Make], seed: int, embeddings: AnyFloatArray | None
) -> ProtocolRun:
    """All methods and their learning companions at some shares of revealing users."""
    halves = Halves.of(split, seed)
    if not len(halves.judged):
        raise ModelError(f"Nobody of the half to judge bought a hidden target (few-shot, seed {seed}); add users.")

    def judgements(name: str, method: Method) -> dict[tuple[str, str], Judge]:
        if isinstance(method, OwnUsers) and not np.isin(halves.judged, method.judged(split)).all():
            raise ModelError(f"The method {name!r} wants to be judged on other users than few-shot judges.")
        learners = {row: each for row, each in companions(name, method).items() if isinstance(each, Learning)}
        return {
            (protocol, row): partial(
                _judge, row, each, split, halves, halves.revealing(revealed_share(protocol)), embeddings
            )
            for protocol in protocols
            for row, each in ({name: method} | learners).items()
        }

    joined = {**methods, PopularityRevealed.name: PopularityRevealed}
    judged = counts(split) | {"users": len(halves.judged), "users_without_history": 0}
    return ProtocolRun(split, joined, judgements, dict.fromkeys(protocols, judged), halves.judged)


def _judge(
    name: str,
    learner: Scorer | Learning,
    split: Split,
    halves: Halves,
    revealing: IntArray,
    embeddings: AnyFloatArray | None,
) -> MethodResult:
    scorer = learner.revealed(split, revealing) if isinstance(learner, Learning) else learner
    everyone = halves.rest[np.diff(split.train.indptr)[halves.rest] > 0]
    _, metrics = judge_candidates(name, scorer, split, {"": halves.judged}, everyone, embeddings)
    return MethodResult(metrics)
