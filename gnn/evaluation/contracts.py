"""What can be evaluated: the protocols that a compared method may implement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar, runtime_checkable

from ...arrays import FloatArray, IntArray
from ...errors import ModelError
from ..validation.splits import Split

_T = TypeVar("_T")


def fitted(part: _T | None) -> _T:
    """What ``fit`` left behind.

    Raises:
        ModelError: ``fit`` was not called.
    """
    if part is None:
        raise ModelError("score was called before fit.")
    return part


class Scorer(Protocol):
    """What ranks targets for users."""

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Scores, float (users, targets), higher is better, without NaN.

        Args:
            split: the one it was fitted on.
            users: row numbers of ``split.train``; some of the rows may be empty.
            targets: positions in the graph.
        """


class Method(Scorer, Protocol):
    """What can be evaluated.

    It may also be :class:`Configured`, :class:`OwnUsers`, :class:`PerTarget`, :class:`Probable` or :class:`Learning`.
    """

    def fit(self, split: Split) -> None:
        """Learn from ``split.train`` and ``split.graph``; settings are chosen on ``inner_split(split, …)`` only."""


@runtime_checkable
class Configured(Protocol):
    """A method with settings: ``config`` spells out all that changes its results but data, seed and newaisle's code."""

    @property
    def config(self) -> str | None:
        """The settings, known before ``fit``; None where nobody can tell, so that no cell is kept."""


@runtime_checkable
class OwnUsers(Protocol):
    """A method that learns from the hidden sales of some users and so is judged on others only (the ceiling)."""

    def judged(self, split: Split) -> IntArray:
        """The rows it is judged on, among ``split.users``; known before ``fit``."""


@runtime_checkable
class PerTarget(Protocol):
    """A method that says what it expects of each new target, beyond a score for every user."""

    def expected(self, split: Split, targets: IntArray) -> Mapping[str, FloatArray]:
        """Name -> one finite number per target, float (targets,), from what ``fit`` learned alone.

        A report draws ``level`` (the expected share of buyers), ``confidence`` (0 to 1) and ``distance`` (from the
        nearest seen target).
        """


@runtime_checkable
class Probable(Protocol):
    """A method that says how likely a purchase is."""

    def chance(self, split: Split, users: IntArray, targets: IntArray) -> Mapping[str, FloatArray]:
        """Suffix of the metric ("" for the method's own rule) -> probabilities, float (users, targets)."""


@runtime_checkable
class Learning(Protocol):
    """A method that learns from the first sales of new targets without being fitted again."""

    def revealed(self, split: Split, users: IntArray) -> Scorer:
        """Itself, after some users revealed which of the hidden targets they bought and which not; the rest stays."""
