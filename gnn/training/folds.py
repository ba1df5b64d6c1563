"""Validation folds: sold targets whose sales are hidden from the factors and predicted back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.linalg as la
import scipy.sparse as sp

from ...arrays import BoolArray, FloatArray, IntArray
from ...errors import InputError
from ...graph import CatalogGraph
from ..factors.als import Factors, fit_factors, fit_users
from ..factors.settings import FactorSettings
from ..factors.solve import solve_targets
from ..prior.kernel import KernelSettings
from ..prior.nearest import nearest_places
from ..prior.stacked import StackedFeatures
from ..propagation.features import FeatureBlocks, FeatureKind
from ..utils import sample
from ..validation.splits import PROTOCOLS, Split, binary, pseudo_split

START_WIDTH = 0.05
START_RIDGE = 0.1
"""Where the search on pseudo-new targets begins: settings that did well on other splits than the reported ones."""
FOLDS = 3
"""Pseudo-new splits per fit, more of them where the catalog is small:"""
MOST_FOLDS = 8
ENOUGH = 400
"""so many at most, until they hold this many judged pseudo-new targets together."""
FIT_USERS = 5000
"""Users per episode; of more, a random part serves for choosing settings."""
MAX_TARGETS = 2000
"""Seen and pseudo-new targets per episode; of more, a random part serves for choosing settings."""
MAX_USERS = 1000
"""Judged users per episode."""
MANY = 10_000
"""Seen targets from which on a random part would leave pseudo-new ones without their nearest neighbours, and the search
blind to what is told by these alone. There"""
FEW, NEAREST = 500, 50
"""so many pseudo-new targets are judged per episode, each told from so many of its nearest seen ones."""
KIND_WEIGHTS: Mapping[FeatureKind, Sequence[float]] = {
    FeatureKind.COUNT: (0.0, 1.0),
    FeatureKind.MIX: (0.0, 1.0),
    FeatureKind.PLACE: (0.0, 0.3, 1.0),
    FeatureKind.NAME: (1.0, 0.0, 3.0),
    FeatureKind.TEXT: (1.0, 1 / 3, 3.0),
    FeatureKind.MODALITY: (1.0, 0.0, 3.0),
}
"""Where the weight of a kind of blocks begins and what else is tried, in this order; that of all others is 1."""


@dataclass(frozen=True, eq=False)
class ValidationFold:
    """Pseudo-new targets, the factors without them, and the distances between them and the seen ones.

    Attributes:
        split: which targets play new.
        blocks: phi of all targets.
        seed: of the factors and the samples.
    """

    split: Split
    blocks: FeatureBlocks
    seed: int
    _known: dict[FactorSettings, tuple[FloatArray, FloatArray]] = field(default_factory=dict)

    @property
    def many(self) -> bool:
        """Whether there are so many seen targets that a random part of them would not do."""
        return len(self.split.seen) > MANY

    @cached_property
    def seen(self) -> IntArray:
        """Positions of (at most ``MAX_TARGETS``) seen targets; of very many, those most like the candidates."""
        return np.unique(self._nearest) if self.many else sample(self.split.seen, MAX_TARGETS, self.seed)

    @cached_property
    def _nearest(self) -> IntArray:
        """Positions of the seen targets that each candidate is most like where the search starts, (candidates, k)."""
        start, seen = start_kernel(self.blocks, START_WIDTH, START_RIDGE), self.split.seen
        asking, of_seen = (StackedFeatures.of(self.blocks, start, targets) for targets in (self.candidates, seen))
        return seen[nearest_places(asking, self.candidates, of_seen, seen, NEAREST)]

    @cached_property
    def candidates(self) -> IntArray:
        """Positions of (at most ``MAX_TARGETS``, beside very many seen ones ``FEW``) judged pseudo-new targets."""
        return sample(self.split.candidates, FEW if self.many else MAX_TARGETS, self.seed)

    @cached_property
    def users(self) -> IntArray:
        """Rows of (at most ``MAX_USERS``) judged users, who bought one of the candidates."""
        users = self.split.users
        return sample(users[np.diff(self.split.test[users][:, self.candidates].indptr) > 0], MAX_USERS, self.seed)

    @cached_property
    def hits(self) -> BoolArray:
        """What the judged users bought of the candidates, (users, candidates)."""
        bought: BoolArray = self.split.test[self.users][:, self.candidates].toarray() > 0
        return bought

    @cached_property
    def known(self) -> sp.csr_array:
        """What the judged users bought of the seen targets, 0/1 CSR (users, seen)."""
        return binary(self.split.train)[self.users][:, self.seen]

    @cached_property
    def near(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Squared distances between candidates and seen targets, of very many their nearest ones, by block."""
        between = self.blocks.squared_distances
        if not self.many:
            return {name: between(name, self.candidates, self.seen) for name in self.blocks.names}
        pairs = list(zip(self.candidates[:, None], self._nearest, strict=True))
        return {name: np.concatenate([between(name, *pair) for pair in pairs]) for name in self.blocks.names}

    @cached_property
    def among(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Squared distances among seen targets, of very many among the nearest of each candidate, by block."""
        between = self.blocks.squared_distances
        if not self.many:
            return {name: between(name, self.seen, self.seen) for name in self.blocks.names}
        return {name: np.stack([between(name, near, near) for near in self._nearest]) for name in self.blocks.names}

    def factors(self, settings: FactorSettings) -> Factors:
        """The factors of everything but the pseudo-new targets."""
        return fit_factors(self.split.weights, settings, self.seed)

    def judged_factors(self, settings: FactorSettings) -> tuple[FloatArray, FloatArray]:
        """Of the judged users (users, rank) and the seen targets (seen, rank) alone, fitted once per setting."""
        if settings not in self._known:
            weights = self.split.weights
            _, users = fit_users(weights, settings, self.seed)
            targets = solve_targets(sp.csr_array(weights[:, self.seen].T), users, settings)
            if self.many:  # those of all settings together would be the most that a fit holds
                self._known.clear()
            self._known[settings] = users[self.users], targets
        return self._known[settings]

    def forget_search(self) -> None:
        """Free what only the search needs: squared distances, and factors of all settings that were tried."""
        self._known.clear()
        for name in ("near", "among"):
            self.__dict__.pop(name, None)

    def carry(self, settings: KernelSettings, values: FloatArray) -> FloatArray:
        """Kernel ridge from ``values`` of the seen targets (s, d) to the candidates, float64 (c, d).

        Of very many it goes from the nearest of each candidate alone
        (:class:`newaisle.gnn.prior.nearest.NearestNeighborRegressor`).
        """
        system = _exp(self.among, settings.weights)
        if self.many:
            system += np.float32(settings.ridge) * np.eye(NEAREST, dtype=np.float32)
            drawn = np.linalg.solve(system, _exp(self.near, settings.weights)[:, :, None])[:, :, 0]
            starts, places = np.arange(len(drawn) + 1) * NEAREST, np.searchsorted(self.seen, self._nearest)
            carried = sp.csr_array((drawn.ravel(), places.ravel(), starts), shape=(len(drawn), len(values)))
            return np.asarray(carried @ values, dtype=np.float64)
        system[np.diag_indices_from(system)] += np.float32(settings.ridge)
        solved = la.cho_solve(la.cho_factor(system, lower=True, overwrite_a=True), values.astype(np.float32))
        return np.asarray(_exp(self.near, settings.weights) @ solved, dtype=np.float64)


def make_folds(
    graph: CatalogGraph,
    train: sp.csr_array,
    blocks: FeatureBlocks,
    seed: int,
    protocols: Sequence[str] = PROTOCOLS,
    signed: sp.csr_array | None = None,
) -> list[ValidationFold]:
    """Hide pseudo-new targets ``FOLDS`` times or more, the protocols taking turns.

    Args:
        graph: the catalog.
        train: all purchases that may be learned from, CSR (users, n).
        blocks: phi.
        seed: of the fit.
        protocols: ways of hiding; one that this catalog does not allow is passed over.
        signed: weights of the pairs, below 0 of disliked ones, CSR (users, n); None where each is a full purchase.

    Returns:
        The episodes; none if the catalog is too small to hide anything.
    """
    found: list[ValidationFold] = []
    usable = list(protocols)
    if train.shape[0] > FIT_USERS:
        rows = sample(np.flatnonzero(np.diff(train.indptr)), FIT_USERS, seed)
        train, signed = train[rows], None if signed is None else signed[rows]
    while usable and (len(found) < FOLDS or (len(found) < MOST_FOLDS and _judged(found) < ENOUGH)):
        protocol = usable[len(found) % len(usable)]
        try:
            split = pseudo_split(protocol, graph, train, len(found), seed, signed=signed)
        except InputError:  # too few targets, parents or buyers to hide any this way
            usable.remove(protocol)
            continue
        found.append(ValidationFold(split, blocks, seed))
    return found


def _judged(folds: Sequence[ValidationFold]) -> int:
    return sum(len(fold.split.candidates) for fold in folds)


def start_kernel(blocks: FeatureBlocks, width: float, ridge: float) -> KernelSettings:
    """Where the search begins: what a target is counts, how it stands in the graph not yet."""
    return weigh(blocks, {kind: tried[0] for kind, tried in KIND_WEIGHTS.items()}, width, ridge)


def weigh(blocks: FeatureBlocks, scale: Mapping[FeatureKind, float], width: float, ridge: float) -> KernelSettings:
    """A kernel of some width in which blocks weigh by their kind, 1 where ``scale`` says nothing."""
    weights = {name: width * scale.get(kind, 1.0) for name, kind in blocks.kinds.items()}
    return KernelSettings(weights if any(weights.values()) else dict.fromkeys(blocks.names, width), ridge)


def _exp(distances: Mapping[str, npt.NDArray[np.float32]], weights: Mapping[str, float]) -> npt.NDArray[np.float32]:
    total = np.zeros_like(next(iter(distances.values())))
    for name, weight in weights.items():
        if weight:
            total -= np.float32(weight) * distances[name]
    return np.exp(total, out=total)
