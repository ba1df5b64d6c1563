"""The baselines on target features, tuned on validation folds, with one fixed kernel of equal weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from ....arrays import FloatArray, IntArray
from ....errors import InputError
from ...factors.popularity import popularity_logits
from ...prior.kernel import KernelRegressor, KernelSettings, kernel
from ...prior.nearest import make_regressor
from ...propagation.features import FeatureBlocks, FeatureKind
from ...training.folds import START_RIDGE, START_WIDTH, ValidationFold, make_folds
from ...training.search import coordinate_search
from ...utils import chunks, unit_rows
from ...validation.metrics import ndcg
from ...validation.splits import Split, binary
from ..contracts import Make, MethodCatalog, fitted
from .simple_baselines import SameForAll

_KERNEL_STEPS: Mapping[str, Sequence[float]] = {"counts": (0.0,), "width": (2.0, 0.5), "ridge": (3.0, 1 / 3)}
_NEIGHBOURS = (5, 10, 20, 50, 100, 200)
_CHUNK = 500


class OnBlocks(ABC):
    """Base of the methods on feature blocks."""

    def __init__(self, seed: int, blocks: FeatureBlocks) -> None:
        self.seed = seed
        self.blocks = blocks

    @classmethod
    def offer(cls, catalog: MethodCatalog) -> Make | None:
        """The method on the baselines' blocks; None without any."""
        return partial(cls, blocks=catalog.plain) if catalog.plain.names else None

    @abstractmethod
    def fit(self, split: Split) -> None:
        """Learn from a split."""

    @abstractmethod
    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Scores, float64 (users, targets)."""

    @property
    def config(self) -> str:
        """The hash of the blocks."""
        return self.blocks.fingerprint

    def folds(self, split: Split) -> list[ValidationFold]:
        """Validation folds inside a split, hidden as it hides."""
        return make_folds(split.graph, split.train, self.blocks, self.seed, (split.protocol,), split.signed)

    def tune(
        self, folds: Sequence[ValidationFold], judge: Callable[[ValidationFold, KernelSettings], float]
    ) -> KernelSettings:
        """Tune width, ridge and the weight of attribute counts of the fixed kernel by the mean figure."""
        start = {"counts": 1.0, "width": START_WIDTH, "ridge": START_RIDGE}
        if not folds:
            return fixed_kernel(self.blocks, **start)

        def mean(values: Mapping[str, float]) -> float:
            return float(np.mean([judge(fold, fixed_kernel(self.blocks, **values)) for fold in folds]))

        return fixed_kernel(self.blocks, **coordinate_search(mean, start, _KERNEL_STEPS, rounds=2))


class KernelRidge(OnBlocks):
    """Raw purchases of seen targets carried to new ones by kernel ridge with the fixed kernel."""

    name = "kernel-ridge"

    _regressor: KernelRegressor | None = None

    def fit(self, split: Split) -> None:
        """Choose width and ridge, then fit one regression per user."""

        def judge(fold: ValidationFold, fixed: KernelSettings) -> float:
            bought = _purchases(fold.split, fold.seen)[fold.users]
            return ndcg(fold.carry(fixed, bought.T).T, fold.hits)

        settings = self.tune(self.folds(split), judge)
        self._regressor = make_regressor(self.blocks, settings, split.seen, _purchases(split, split.seen).T)

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Predicted purchases, float64 (users, targets)."""
        return fitted(self._regressor).prior(targets).mean.T[users]


class Popularity(OnBlocks):
    """One ranking for all: the logit of the share of buyers, predicted by kernel ridge with the fixed kernel."""

    name = "popularity"

    _regressor: KernelRegressor | None = None

    def fit(self, split: Split) -> None:
        """Choose width and ridge, then fit."""

        def judge(fold: ValidationFold, fixed: KernelSettings) -> float:
            logits = fold.carry(fixed, popularity_logits(fold.split.train, fold.seen)[:, None])
            return ndcg(np.broadcast_to(logits.T, fold.hits.shape), fold.hits)

        settings = self.tune(self.folds(split), judge)
        logits = popularity_logits(split.train, split.seen)[:, None]
        self._regressor = make_regressor(self.blocks, settings, split.seen, logits)

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Predicted centred logits, float64 (users, targets), equal in all rows."""
        return np.tile(fitted(self._regressor).prior(targets).mean.T, (len(users), 1))

    def mixed(self, split: Split) -> SameForAll:
        """The true popularity of seen targets, the predicted one of the others."""
        regressor = fitted(self._regressor)
        logits = np.zeros(len(split.graph))
        logits[split.hidden] = regressor.prior(split.hidden).mean[:, 0]
        logits[regressor.seen] = regressor.factors[:, 0]
        return SameForAll(logits)


class TextCosine(OnBlocks):
    """The articles' method: the cosine of a target's text with the mean text of the history."""

    name = "text-cosine"

    @classmethod
    def offer(cls, catalog: MethodCatalog) -> Make | None:
        """None where there are no texts."""
        return super().offer(catalog) if "text" in catalog.plain.names else None

    @property
    def _texts(self) -> FloatArray | None:
        texts = self.blocks.matrices.get("text")
        return texts if isinstance(texts, np.ndarray) else None

    def fit(self, split: Split) -> None:
        """Check that there are texts, else an InputError."""
        if self._texts is None:
            raise InputError(f"The catalog of {split.graph.source!r} has no texts; leave text-cosine out.")

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Cosines, float64 (users, targets); 0 for users without history."""
        texts = fitted(self._texts)
        profile = unit_rows(binary(split.train)[users] @ texts)
        return np.asarray(profile @ np.asarray(texts[targets]).T)


class Knn(OnBlocks):
    """Nearest neighbours: summed fixed kernel of those of the k most similar seen targets that the user bought."""

    name = "knn"

    _count = 20

    def fit(self, split: Split) -> None:
        """Choose the number of neighbours."""
        folds = self.folds(split)

        def judge(count: int) -> float:
            return float(np.mean([ndcg(self._votes(f.split, f.users, f.candidates, count), f.hits) for f in folds]))

        self._count = max(_NEIGHBOURS, key=judge) if folds else self._count

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Summed kernel of the bought neighbours, float64 (users, targets)."""
        return self._votes(split, users, targets, self._count)

    def _votes(self, split: Split, users: IntArray, targets: IntArray, count: int) -> FloatArray:
        votes, bought = np.empty((len(users), len(targets))), binary(split.train)[users][:, split.seen]
        count = min(count, len(split.seen))
        for part in chunks(len(targets), _CHUNK):
            similar = kernel(self.blocks, fixed_kernel(self.blocks), targets[part], split.seen)
            floor = np.partition(similar, -count, axis=1)[:, -count, None]
            votes[:, part] = bought @ np.where(similar >= floor, similar, 0.0).T
        return votes


def fixed_kernel(
    blocks: FeatureBlocks, width: float = START_WIDTH, ridge: float = START_RIDGE, counts: float = 1.0
) -> KernelSettings:
    """Every block with the same weight, but numbers of attribute values weigh ``counts`` as much."""
    return KernelSettings(
        {name: width * (counts if blocks.kinds[name] is FeatureKind.COUNT else 1.0) for name in blocks.names}, ridge
    )


def _purchases(split: Split, targets: IntArray) -> FloatArray:
    return binary(split.train)[:, targets].toarray()
