"""What can be evaluated: a method fits a split and scores, and may have further abilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from ...arrays import FloatArray, IntArray
from ...errors import ModelError
from ...graph import CatalogGraph
from ..calibration.forecast import Forecast
from ..propagation.features import FeatureBlocks
from ..validation.splits import Split

_T = TypeVar("_T")


def fitted(part: _T | None) -> _T:
    """Return what ``fit`` learned; a ModelError if it was not called."""
    if part is None:
        raise ModelError("score was called before fit; fit the method first.")
    return part


class Scorer(Protocol):
    """Ranks targets for users."""

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Scores, float (users, targets), higher is better, no NaN; users are rows (some empty), targets positions."""


class Method(Scorer, Protocol):
    """A method that can be evaluated; the protocols below are optional abilities."""

    def fit(self, split: Split) -> None:
        """Learn from ``split.train`` and ``split.graph``; choose settings on targets hidden inside them."""


@runtime_checkable
class Configured(Protocol):
    """A method with settings, so that its results can be cached."""

    @property
    def config(self) -> str | None:
        """All that changes results but data, seed and newaisle's code, before ``fit``; None (unknown) is not cached."""


@runtime_checkable
class OwnUsers(Protocol):
    """A method that learns from the hidden sales of some users and is judged on others (the ceiling)."""

    def judged(self, split: Split) -> IntArray:
        """The rows it is judged on, among ``split.users``; known before ``fit``."""


@runtime_checkable
class PerTarget(Protocol):
    """A method that predicts numbers of each new target."""

    def expected(self, split: Split, targets: IntArray) -> Mapping[str, FloatArray]:
        """Name -> one finite number per target, float (targets,), from what ``fit`` learned alone.

        Reports plot ``level`` (share of buyers), ``confidence`` (0 to 1), ``distance`` (from the nearest seen).
        """


@runtime_checkable
class Probable(Protocol):
    """A method that predicts the probability of a purchase."""

    def purchase_probability(self, split: Split, users: IntArray, targets: IntArray) -> Mapping[str, FloatArray]:
        """Suffix of the metric ("" for the method's own rule) -> probabilities, float (users, targets)."""


@runtime_checkable
class Forecasting(Protocol):
    """A method that predicts how many will buy each new target."""

    def forecast(self, split: Split, targets: IntArray) -> Forecast:
        """Expected buyers of some targets, users without a history included, and an 80 % interval."""


@runtime_checkable
class Learning(Protocol):
    """A method that learns from the first sales of new targets without another fit (few-shot)."""

    def revealed(self, split: Split, users: IntArray) -> Scorer:
        """A new scorer that knows which hidden targets some users bought."""


@runtime_checkable
class MixedScorer(Protocol):
    """A method with a rule of its own for seen and new targets in one ranking (generalised)."""

    def mixed(self, split: Split) -> Scorer:
        """Scorer that ranks seen targets and ``split.hidden`` together."""


@runtime_checkable
class Accompanied(Protocol):
    """A method whose fit serves further scorers with rows of their own."""

    name: str
    """Only the method under this name is accompanied, not its variants."""

    @property
    def companions(self) -> Mapping[str, Learning | MixedScorer]:
        """Name in the rows -> scorer, known before ``fit``; its ability decides on few-shot or generalised."""


def companions(name: str, method: Method) -> Mapping[str, Learning | MixedScorer]:
    """Companions of a method that runs under some name."""
    return method.companions if isinstance(method, Accompanied) and method.name == name else {}


@dataclass(frozen=True, eq=False)
class MethodCatalog:
    """What methods may know: the catalog, newaisle's feature ``blocks``, and ``plain`` ones for the baselines."""

    graph: CatalogGraph
    blocks: FeatureBlocks
    plain: FeatureBlocks


Make = Callable[[int], Method]
"""Make a method from a seed; picklable (no lambda) for several processes."""
Offer = Callable[[MethodCatalog], Make | None]
"""Offer a method for a catalog; None where the catalog does not allow it."""
