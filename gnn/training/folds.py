"""Validation folds: sold targets whose sales are hidden from the factors and predicted back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.linalg as la
import scipy.sparse as sp

from ...arrays import BoolArray, FloatArray, IntArray
from ...display import short_repr
from ...errors import InputError
from ...graph import CatalogGraph
from ..factors.als import Factors, fit_factors, fit_users
from ..factors.settings import FactorSettings
from ..factors.solve import solve_targets
from ..model.cosine_softmax import augment_users
from ..model.model import popularity_regressor, with_popularity
from ..model.settings import ModelSettings
from ..prior.informed_factors import inform_factors
from ..prior.kernel import KernelRegressor, KernelSettings, Prior
from ..prior.nearest import nearest_places, weight_matrix
from ..prior.stacked import StackedFeatures
from ..propagation.features import FeatureBlocks, FeatureKind
from ..utils import sample
from ..validation.mixed_ranking import MixedRanking, hold_out_purchases
from ..validation.splits import PROTOCOLS, Split, binary, pseudo_split

START_WIDTH = 0.05
START_RIDGE = 0.1
"""Where the search begins, from other splits than the reported ones."""
FOLDS = 3
"""Least folds per fit."""
MOST_FOLDS = 8
ENOUGH = 400
"""Judged pseudo-new targets of all folds together, up to which further folds are added (at most ``MOST_FOLDS``)."""
HELD_OUT_FOLDS = 2
FIT_USERS = 5000
"""Most users per fold."""
MAX_TARGETS = 2000
"""Most seen and most pseudo-new targets per fold."""
MAX_USERS = 1000
"""Most judged users per fold."""
MAX_RANKED = 500
"""Most judged users of a mixed ranking."""
MANY = 10_000
"""Seen targets beyond which a fold takes each candidate's nearest ones, as a random part would miss them."""
FEW, NEAREST = 500, 50
"""Pseudo-new targets per fold of very many seen ones, and nearest seen targets of each."""
_STREAM = 0x6F
KIND_WEIGHTS: Mapping[FeatureKind, Sequence[float]] = {
    FeatureKind.COUNT: (0.0, 1.0),
    FeatureKind.MIX: (0.0, 1.0),
    FeatureKind.PLACE: (0.0, 0.3, 1.0),
    FeatureKind.NAME: (1.0, 0.0, 3.0),
    FeatureKind.TEXT: (1.0, 1 / 3, 3.0),
    FeatureKind.MODALITY: (1.0, 0.0, 3.0),
}
"""Kind of blocks -> weights tried, from the starting one on; 1 for other kinds."""


@dataclass(frozen=True, eq=False)
class ValidationFold:
    """Pseudo-new targets and all that is known without their sales; ``seed`` is of the factors and the samples."""

    split: Split
    blocks: FeatureBlocks
    seed: int
    everybody: sp.csr_array | None = (
        None  # purchases of all users, CSR (users, n), where the split has a sample of them
    )
    _judged_factors: dict[FactorSettings, tuple[FloatArray, FloatArray]] = field(default_factory=dict, init=False)

    __repr__ = short_repr

    @property
    def many(self) -> bool:
        """Whether there are too many seen targets for a random part of them."""
        return len(self.split.seen) > MANY

    @property
    def purchases(self) -> sp.csr_array:
        """Purchases of all users, those of the pseudo-new targets included, CSR (users, n)."""
        return self.split.train + self.split.test if self.everybody is None else self.everybody

    @cached_property
    def seen(self) -> IntArray:
        """Positions of (at most ``MAX_TARGETS``) seen targets; of very many, those most like the candidates."""
        return np.unique(self._nearest) if self.many else sample(self.split.seen, MAX_TARGETS, self.seed)

    @cached_property
    def _nearest(self) -> IntArray:
        """Positions of the seen targets most similar to each candidate by the starting kernel, (candidates, k)."""
        start, seen = start_kernel(self.blocks, START_WIDTH, START_RIDGE), self.split.seen
        of_candidates, of_seen = (StackedFeatures.of(self.blocks, start, some) for some in (self.candidates, seen))
        return seen[nearest_places(of_candidates, self.candidates, of_seen, seen, NEAREST)]

    @cached_property
    def candidates(self) -> IntArray:
        """Positions of (at most ``MAX_TARGETS``, with very many seen ones ``FEW``) judged pseudo-new targets."""
        return sample(self.split.candidates, FEW if self.many else MAX_TARGETS, self.seed)

    @cached_property
    def users(self) -> IntArray:
        """Rows of (at most ``MAX_USERS``) judged users, who bought a candidate."""
        users = self.split.users
        return sample(users[np.diff(self.split.test[users][:, self.candidates].indptr) > 0], MAX_USERS, self.seed)

    @cached_property
    def hits(self) -> BoolArray:
        """What the judged users bought of the candidates, bool (users, candidates)."""
        bought: BoolArray = self.split.test[self.users][:, self.candidates].toarray() > 0
        return bought

    @cached_property
    def known(self) -> sp.csr_array:
        """What the judged users bought of the seen targets, 0/1 CSR (users, seen)."""
        return binary(self.split.train)[self.users][:, self.seen]

    @cached_property
    def near(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Block -> squared distances of candidates and seen targets (c, s), of very many their nearest ones (c, k)."""
        between = self.blocks.squared_distances
        if not self.many:
            return {name: between(name, self.candidates, self.seen) for name in self.blocks.names}
        pairs = list(zip(self.candidates[:, None], self._nearest, strict=True))
        return {name: np.concatenate([between(name, *pair) for pair in pairs]) for name in self.blocks.names}

    @cached_property
    def among(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Block -> squared distances among seen targets (s, s), of very many each candidate's nearest (c, k, k)."""
        between = self.blocks.squared_distances
        if not self.many:
            return {name: between(name, self.seen, self.seen) for name in self.blocks.names}
        return {name: np.stack([between(name, near, near) for near in self._nearest]) for name in self.blocks.names}

    def factors(self, settings: FactorSettings) -> Factors:
        """Factors of users and seen targets."""
        return fit_factors(self.split.weights, settings, self.seed)

    def judged_factors(self, settings: FactorSettings) -> tuple[FloatArray, FloatArray]:
        """Factors of the judged users (users, rank) and the seen targets (seen, rank), cached by setting."""
        if settings not in self._judged_factors:
            weights = self.split.weights
            _, users = fit_users(weights, settings, self.seed)
            targets = solve_targets(sp.csr_array(weights[:, self.seen].T), users, settings)
            if self.many:  # those of all settings together would be the most that a fit holds
                self._judged_factors.clear()
            self._judged_factors[settings] = users[self.users], targets
        return self._judged_factors[settings]

    def forget_search(self) -> None:
        """Free the squared distances and the factors of the search."""
        self._judged_factors.clear()
        for name in ("near", "among"):
            self.__dict__.pop(name, None)

    def carry(self, settings: KernelSettings, values: FloatArray) -> FloatArray:
        """Kernel ridge from ``values`` (s, d) of seen targets, of many the nearest, to candidates, float64 (c, d)."""
        system = _exp(self.among, settings.weights)
        if self.many:
            system += np.float32(settings.ridge) * np.eye(NEAREST, dtype=np.float32)
            shares = np.linalg.solve(system, _exp(self.near, settings.weights)[:, :, None])[:, :, 0]
            places = np.searchsorted(self.seen, self._nearest)
            return np.asarray(weight_matrix(shares, places, len(values)) @ values, dtype=np.float64)
        system[np.diag_indices_from(system)] += np.float32(settings.ridge)
        solved = la.cho_solve(la.cho_factor(system, lower=True, overwrite_a=True), values.astype(np.float32))
        return np.asarray(_exp(self.near, settings.weights) @ solved, dtype=np.float64)

    def fit(self, settings: ModelSettings, seen: IntArray | None = None) -> FittedFold:
        """Fit factors without the graph, and the regressor from seen targets (None for all) to the pseudo-new ones."""
        seen, factors = self.split.seen if seen is None else seen, self.factors(settings.factors)
        regressor = popularity_regressor(self.blocks, settings.kernel, seen, factors, self.split.train)
        return FittedFold(self, factors, regressor)

    def mixed_ranking(self, seen: IntArray) -> MixedRanking:
        """Rank some seen targets and the candidates for (at most ``MAX_RANKED``) judged users."""
        users = self.split.users[:: -(-len(self.split.users) // MAX_RANKED)]
        return MixedRanking.of(self.split, users, np.union1d(seen, self.split.candidates))


@dataclass(frozen=True, eq=False)
class FittedFold:
    """A fold with its factors and its regressor, which has popularity logits in the last column."""

    fold: ValidationFold
    factors: Factors
    regressor: KernelRegressor

    def informed(self) -> FittedFold:
        """The same with factors informed by the graph."""
        split, seen = self.fold.split, self.regressor.seen
        factors = inform_factors(self.factors, self.regressor, split.weights)
        regressor = self.regressor.with_factors(with_popularity(factors, split.train, seen))
        return replace(self, factors=factors, regressor=regressor)

    @cached_property
    def users(self) -> FloatArray:
        """``[p, |p|]`` of the judged users, float64 (users, rank + 1)."""
        return augment_users(self.factors.users[self.fold.users])

    @cached_property
    def prior(self) -> Prior:
        """Prior of the candidates, the popularity logit in the last column."""
        return self.regressor.prior(self.fold.candidates)


def make_folds(
    graph: CatalogGraph,
    train: sp.csr_array,
    blocks: FeatureBlocks,
    seed: int,
    protocols: Sequence[str] = PROTOCOLS,
    signed: sp.csr_array | None = None,
) -> list[ValidationFold]:
    """Hide pseudo-new targets of ``train``, CSR (users, n), ``FOLDS`` times or more, the protocols taking turns.

    A protocol that the catalog does not allow is passed over; a catalog too small for any gives no folds.
    """
    folds: list[ValidationFold] = []
    usable, everybody = list(protocols), None
    if train.shape[0] > FIT_USERS:
        rows = sample(np.flatnonzero(np.diff(train.indptr)), FIT_USERS, seed)
        everybody, train, signed = train, train[rows], None if signed is None else signed[rows]
    judged = 0
    while usable and (len(folds) < FOLDS or (len(folds) < MOST_FOLDS and judged < ENOUGH)):
        protocol = usable[len(folds) % len(usable)]
        try:
            split = pseudo_split(protocol, graph, train, len(folds), seed, signed=signed)
        except InputError:  # too few targets, parents or buyers to hide any this way
            usable.remove(protocol)
            continue
        folds.append(ValidationFold(split, blocks, seed, everybody))
        judged += len(split.candidates)
    return folds


def held_out_folds(folds: Sequence[ValidationFold]) -> list[ValidationFold]:
    """The first folds with a part of the other purchases hidden too; those where nobody bought of both are left out."""
    made = [
        replace(fold, split=hold_out_purchases(fold.split, (_STREAM, fold.split.seed, place)))
        for place, fold in enumerate(folds[:HELD_OUT_FOLDS])
    ]
    return [fold for fold in made if len(fold.split.users)]


def start_kernel(blocks: FeatureBlocks, width: float, ridge: float) -> KernelSettings:
    """Kernel with the starting weight of every kind of blocks."""
    return weigh(blocks, {kind: tried[0] for kind, tried in KIND_WEIGHTS.items()}, width, ridge)


def weigh(blocks: FeatureBlocks, scale: Mapping[FeatureKind, float], width: float, ridge: float) -> KernelSettings:
    """Kernel whose blocks weigh ``width`` times the scale of their kind, 1 where ``scale`` does not name it."""
    weights = {name: width * scale.get(kind, 1.0) for name, kind in blocks.kinds.items()}
    return KernelSettings(weights if any(weights.values()) else dict.fromkeys(blocks.names, width), ridge)


def _exp(distances: Mapping[str, npt.NDArray[np.float32]], weights: Mapping[str, float]) -> npt.NDArray[np.float32]:
    total = np.zeros_like(next(iter(distances.values())))
    for name, weight in weights.items():
        if weight:
            total -= np.float32(weight) * distances[name]
    return np.exp(total, out=total)
