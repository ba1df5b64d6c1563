"""The few-shot protocols: some users reveal what they bought of the hidden targets, and others are judged.

One half of the users is judged at every level. Of the other half the first 0, 1, 3, 10, 30 or 100 per cent of one
random order reveal their purchases of all hidden targets, and thereby what they did not buy. One fit serves all levels:
only what a method learns from these sales is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse as sp

from ....arrays import AnyFloatArray, FloatArray, IntArray
from ....errors import ModelError
from ...factors.als import Factors
from ...factors.solve import solve_users
from ...validation.splits import Split
from ..cache import MethodResult
from ..contracts import Learning, Method, OwnUsers, Probable, Scorer, fitted
from ..judging import checked_scores, judge_chances, judge_rankings
from ..methods.kernel_baselines import LinMap
from .names import revealed_share
from .zero_shot import Judge, Make, ProtocolRun, counts

_ORDER = 2
"""Tells the order in which users reveal from the draw of the halves."""


@dataclass(frozen=True, eq=False)
class Halves:
    """Who reveals and who is judged.

    Attributes:
        order: rows of the half that reveals, those of the lowest level first.
        judged: rows that are judged at every level, ascending: a candidate bought, a training purchase left.
        rest: rows of the whole other half, ascending.
    """

    order: IntArray
    judged: IntArray
    rest: IntArray

    @classmethod
    def of(cls, split: Split, seed: int) -> Halves:
        """Draw them as the ceiling does, so that both are judged on the same users."""
        reveals = np.random.default_rng([seed, 0]).random(split.train.shape[0]) < 0.5
        order = np.random.default_rng([seed, _ORDER]).permutation(np.flatnonzero(reveals))
        return cls(order, split.users[~reveals[split.users]], np.flatnonzero(~reveals))

    def revealing(self, share: int) -> IntArray:
        """The rows that have revealed at a level (in per cent of their half), ascending; one at least above 0."""
        return np.sort(self.order[: -(-share * len(self.order) // 100)])


class PopularityRevealed:
    """One list for everybody: how many of those who revealed bought the target."""

    name = "popularity-revealed"

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._counts: IntArray | None = None

    def fit(self, split: Split) -> None:
        """Nobody has revealed anything yet."""
        self._counts = np.zeros(split.test.shape[1], dtype=np.int64)

    def revealed(self, split: Split, users: IntArray) -> PopularityRevealed:
        """Itself, with their purchases counted."""
        told = PopularityRevealed(self.seed)
        told._counts = np.bincount(split.test[users].indices, minlength=split.test.shape[1])
        return told

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Counts, float64 (users, targets), equal in all rows."""
        return np.tile(fitted(self._counts)[targets].astype(np.float64), (len(users), 1))


@dataclass(frozen=True, eq=False)
class AlsRevealed:
    """A conventional recommender: the factors of hidden targets solved from what was revealed alone.

    Attributes:
        factors: of users and seen targets.
        targets: q of the hidden targets, float64 (n, rank); zero where nobody revealed a purchase.
    """

    factors: Factors
    targets: FloatArray

    name = "als-revealed"

    @classmethod
    def of(cls, linmap: LinMap, split: Split, users: IntArray) -> AlsRevealed:
        """The ALS step of every hidden target over the users who revealed (Hu, Koren and Volinsky 2008, equation 5)."""
        factors, _ = linmap.parts
        shown = sp.csr_array(split.test[users].T)
        return cls(factors, solve_users(shown, factors.users[users], factors.settings))

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """``p_u . q_c``, float64 (users, targets); users without history get the mean user."""
        return np.asarray(self.factors.user_vectors(users) @ self.targets[targets].T)


def few_shot_run(
    protocols: Sequence[str], split: Split, methods: Mapping[str, Make], seed: int, embeddings: AnyFloatArray | None
) -> ProtocolRun:
    """All methods at some levels of revealing.

    A method that does not learn from first sales keeps its scores. Beside the given methods stand
    ``popularity-revealed``, and ``als-revealed`` where ``linmap`` is among them, from whose fit it comes.

    Raises:
        ModelError: nobody to judge is left, or a method with users of its own wants others.
    """
    halves = Halves.of(split, seed)
    if not len(halves.judged):
        raise ModelError(f"Nobody of the half to judge bought a hidden target (few-shot, seed {seed}); add users.")

    def judgements(name: str, method: Method) -> dict[tuple[str, str], Judge]:
        if isinstance(method, OwnUsers) and not np.isin(halves.judged, method.judged(split)).all():
            raise ModelError(f"The method {name!r} wants to be judged on other users than few-shot judges.")
        return {
            (protocol, answer): partial(
                _judge, answer, after, split, halves, halves.revealing(revealed_share(protocol)), embeddings
            )
            for protocol in protocols
            for answer, after in _answers(name, method, split).items()
        }

    joined = {**methods, PopularityRevealed.name: PopularityRevealed}
    told = counts(split) | {"users": len(halves.judged), "users_without_history": 0}
    return ProtocolRun(split, joined, judgements, dict.fromkeys(protocols, told), halves.judged)


After = Callable[[IntArray], Scorer]
"""Gives what a method ranks by after some users revealed their purchases."""


def _answers(name: str, method: Method, split: Split) -> Mapping[str, After]:
    """What one fit answers as, by name in the rows."""
    if isinstance(method, LinMap) and name == LinMap.name:
        return {name: lambda _users: method, AlsRevealed.name: partial(AlsRevealed.of, method, split)}
    return {name: partial(method.revealed, split) if isinstance(method, Learning) else lambda _users: method}


def _judge(
    name: str, after: After, split: Split, halves: Halves, revealing: IntArray, embeddings: AnyFloatArray | None
) -> MethodResult:
    scorer = after(revealing)
    scores = checked_scores(name, scorer, split, halves.judged, split.candidates)
    metrics = judge_rankings(scores, split, {"": halves.judged}, embeddings)
    if isinstance(scorer, Probable):
        metrics |= judge_chances(scorer, split, halves.rest[np.diff(split.train.indptr)[halves.rest] > 0])
    return MethodResult(metrics)
