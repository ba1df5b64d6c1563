"""The baselines that learn: each tuned on the same pseudo-new targets as newaisle, hidden the same way.

They share one fixed kernel over phi, every block with the same weight; its width, its ridge and whether numbers of
attribute values take part are tuned per baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ....arrays import FloatArray, IntArray
from ....errors import InputError
from ...factors.als import Factors, fit_factors
from ...factors.popularity import popularity_logits
from ...prior.kernel import KernelRegressor, KernelSettings, kernel
from ...prior.nearest import make_regressor
from ...propagation.features import FeatureBlocks, FeatureKind
from ...training.folds import START_RIDGE, START_WIDTH, ValidationFold, make_folds
from ...training.search import coordinate_search
from ...training.tuning import START_FACTORS, choose_factors, judge_factors
from ...validation.metrics import ndcg
from ...validation.splits import Split, binary
from ..contracts import fitted

_KERNEL_STEPS: Mapping[str, Sequence[float]] = {"counts": (0.0,), "width": (2.0, 0.5), "ridge": (3.0, 1 / 3)}
_NEIGHBOURS = (5, 10, 20, 50, 100, 200)
_CHUNK = 500
"""Targets whose neighbours are looked for at once."""
BASELINE_KINDS = frozenset(
    {FeatureKind.TEXT, FeatureKind.RELATION, FeatureKind.FEATURE, FeatureKind.MODALITY, FeatureKind.COUNT}
)
"""What the baselines know of a target: all that the catalog says of it, and how many attribute values it has."""


class OnBlocks:
    """What the methods on blocks share: how they are made and what their results depend on."""

    def __init__(self, seed: int, blocks: FeatureBlocks) -> None:
        self.seed = seed
        self.blocks = blocks

    @property
    def config(self) -> str:
        """What tells its results from those with other texts or edges."""
        return self.blocks.fingerprint


class LinMap(OnBlocks):
    """ALS factors mapped to new targets by kernel ridge with the fixed kernel (Gantner et al. 2010), all tuned."""

    name = "linmap"

    _fit: tuple[Factors, KernelRegressor] | None = None

    def fit(self, split: Split) -> None:
        """Choose rank, confidence, regularisation, width and ridge, then fit."""
        folds = _folds(split, self.blocks, self.seed)
        chosen = choose_factors(folds, START_FACTORS, _kernel(self.blocks))
        settings = _tuned(folds, self.blocks, lambda fold, fixed: judge_factors(fold, chosen, fixed))
        factors = fit_factors(split.weights, chosen, self.seed)
        self._fit = factors, make_regressor(self.blocks, settings, split.seen, factors.targets[split.seen])

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """``p_u . mu_c``, float64 (users, targets); users without history get the mean user."""
        factors, regressor = self.parts
        return np.asarray(factors.user_vectors(users) @ regressor.prior(targets).mean.T)

    @property
    def parts(self) -> tuple[Factors, KernelRegressor]:
        """The factors, and what maps them.

        Raises:
            ModelError: it was not fitted.
        """
        return fitted(self._fit)


class KernelRidge(OnBlocks):
    """Raw purchases of seen targets carried to new ones by kernel ridge with the fixed kernel."""

    name = "kernel-ridge"

    _regressor: KernelRegressor | None = None

    def fit(self, split: Split) -> None:
        """Choose width and ridge, then fit one regression per user."""

        def judge(fold: ValidationFold, fixed: KernelSettings) -> float:
            sold = _purchases(fold.split, fold.seen)[fold.users]
            return ndcg(fold.carry(fixed, sold.T).T, fold.hits)

        settings = _tuned(_folds(split, self.blocks, self.seed), self.blocks, judge)
        self._regressor = make_regressor(self.blocks, settings, split.seen, _purchases(split, split.seen).T)

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Predicted purchases, float64 (users, targets)."""
        return fitted(self._regressor).prior(targets).mean.T[users]


class Popularity(OnBlocks):
    """One list for everybody: the logit of the share of buyers, predicted by kernel ridge with the fixed kernel."""

    name = "popularity"

    _regressor: KernelRegressor | None = None

    def fit(self, split: Split) -> None:
        """Choose width and ridge, then fit."""

        def judge(fold: ValidationFold, fixed: KernelSettings) -> float:
            level = fold.carry(fixed, popularity_logits(fold.split.train, fold.seen)[:, None])
            return ndcg(np.broadcast_to(level.T, fold.hits.shape), fold.hits)

        settings = _tuned(_folds(split, self.blocks, self.seed), self.blocks, judge)
        self._regressor = make_regressor(
            self.blocks, settings, split.seen, popularity_logits(split.train, split.seen)[:, None]
        )

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Predicted centred logits, float64 (users, targets), equal in all rows."""
        return np.tile(fitted(self._regressor).prior(targets).mean.T, (len(users), 1))


class TextCosine(OnBlocks):
    """The articles' method as written: the cosine of a target's text with the mean text of the history."""

    name = "text-cosine"

    def fit(self, split: Split) -> None:
        """Check that there are texts.

        Raises:
            InputError: the catalog has none, or all are alike.
        """
        if _texts(self.blocks) is None:
            raise InputError(f"The catalog of {split.graph.source!r} has no texts; leave text-cosine out.")

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Cosines, float64 (users, targets); 0 for users without history."""
        texts = fitted(_texts(self.blocks))
        history = binary(split.train)[users] @ texts
        length = np.linalg.norm(history, axis=1, keepdims=True)
        profile = np.divide(history, length, out=np.zeros_like(history), where=length > 0)
        return np.asarray(profile @ np.asarray(texts[targets]).T)


class Knn(OnBlocks):
    """Nearest neighbours: how many of the k seen targets most like the new one (fixed kernel) the user bought."""

    name = "knn"

    _count = 20

    def fit(self, split: Split) -> None:
        """Choose the number of neighbours."""
        folds = _folds(split, self.blocks, self.seed)

        def judge(count: int) -> float:
            found = [ndcg(self._votes(e.split, e.users, e.candidates, count), e.hits) for e in folds]
            return float(np.mean(found))

        self._count = max(_NEIGHBOURS, key=judge) if folds else self._count

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Summed kernel of the bought neighbours, float64 (users, targets)."""
        return self._votes(split, users, targets, self._count)

    def _votes(self, split: Split, users: IntArray, targets: IntArray, count: int) -> FloatArray:
        votes, bought = np.empty((len(users), len(targets))), binary(split.train)[users][:, split.seen]
        count = min(count, len(split.seen))
        for first in range(0, len(targets), _CHUNK):
            part = slice(first, first + _CHUNK)
            alike = kernel(self.blocks, _kernel(self.blocks), targets[part], split.seen)
            floor = np.partition(alike, -count, axis=1)[:, -count, None]
            votes[:, part] = bought @ np.where(alike >= floor, alike, 0.0).T
        return votes


def _texts(blocks: FeatureBlocks) -> FloatArray | None:
    texts = blocks.matrices.get("text")
    return texts if isinstance(texts, np.ndarray) else None


def _folds(split: Split, blocks: FeatureBlocks, seed: int) -> list[ValidationFold]:
    return make_folds(split.graph, split.train, blocks, seed, (split.protocol,), split.signed)


def _kernel(
    blocks: FeatureBlocks, width: float = START_WIDTH, ridge: float = START_RIDGE, counts: float = 1.0
) -> KernelSettings:
    return KernelSettings(
        {name: width * (counts if blocks.kinds[name] is FeatureKind.COUNT else 1.0) for name in blocks.names}, ridge
    )


def _tuned(
    folds: Sequence[ValidationFold], blocks: FeatureBlocks, judge: Callable[[ValidationFold, KernelSettings], float]
) -> KernelSettings:
    """The fixed kernel with width and ridge chosen on pseudo-new targets."""
    start = {"counts": 1.0, "width": START_WIDTH, "ridge": START_RIDGE}
    if not folds:
        return _kernel(blocks, **start)

    def mean(values: Mapping[str, float]) -> float:
        return float(np.mean([judge(fold, _kernel(blocks, **values)) for fold in folds]))

    return _kernel(blocks, **coordinate_search(mean, start, _KERNEL_STEPS, rounds=2))


def _purchases(split: Split, targets: IntArray) -> FloatArray:
    return binary(split.train)[:, targets].toarray()
