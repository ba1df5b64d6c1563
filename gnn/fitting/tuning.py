"""Settings are chosen on pseudo-new targets: seen ones whose sales are hidden from the factors and predicted back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.linalg as la
import scipy.sparse as sp

from ...arrays import BoolArray, FloatArray, IntArray
from ...errors import InputError
from ...graph import CatalogGraph
from ..phi.blocks import Blocks, Kind
from ..space.factors import Factors, FactorSettings, fit_factors, fit_users, solve_targets
from ..space.kernel import KernelSettings
from ..space.nearest import nearest_places
from ..space.sampling import sample
from ..space.weighed import Weighed
from .metrics import ndcg
from .splits import PROTOCOLS, Split, binary, pseudo_split

START_FACTORS = FactorSettings(rank=32, alpha=5.0, regularization=30.0)
START_WIDTH = 0.05
START_RIDGE = 0.1
"""Where the search on pseudo-new targets begins: settings that did well on other splits than the reported ones."""

EPISODES = 3
"""Pseudo-new splits per fit, more of them where the catalog is small:"""

MOST_EPISODES = 8
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

LEAST_RANK, MOST_RANK, MOST_RANK_OF_MANY = 4, 256, 512
"""Bounds of the rank. Of very many targets each has few buyers, and the nearest tell nearly all of it: trials gained
with every further rank, up to what memory allows."""

LEAST_SHOWN = 0.1
"""Mean score of known purchases (1 in a perfect fit) below which factors have collapsed: regularised so strongly that
they hardly show a purchase, they may still rank by chance, but no score of one fit says anything of another's."""

MARGIN = 0.005
"""What a step must gain in NDCG: gains below it are more often chance than not."""

_KIND_WEIGHTS: Mapping[Kind, Sequence[float]] = {
    Kind.COUNT: (0.0, 1.0),
    Kind.MIX: (0.0, 1.0),
    Kind.PLACE: (0.0, 0.3, 1.0),
    Kind.NAME: (1.0, 0.0, 3.0),
    Kind.TEXT: (1.0, 1 / 3, 3.0),
    Kind.MODALITY: (1.0, 0.0, 3.0),
}
"""Where the weight of a kind of blocks begins and what else is tried, in this order; that of all others is 1."""

_NUMBERS = (Kind.FEATURE, Kind.COUNT)

STRANGE = 0.5
"""Share of the unsold targets outside the range of the sold ones from which on a number is left out."""

Judge = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True, eq=False)
class Episode:
    """Pseudo-new targets, the factors without them, and the distances between them and the seen ones.

    Attributes:
        split: which targets play new.
        blocks: phi of all targets.
        seed: of the factors and the samples.
    """

    split: Split
    blocks: Blocks
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
        asking, of_seen = (Weighed.of(self.blocks, start, targets) for targets in (self.candidates, seen))
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

        Of very many it goes from the nearest of each candidate alone (:class:`newaisle.gnn.space.nearest.NearestHead`).
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


def make_episodes(
    graph: CatalogGraph,
    train: sp.csr_array,
    blocks: Blocks,
    seed: int,
    protocols: Sequence[str] = PROTOCOLS,
    signed: sp.csr_array | None = None,
) -> list[Episode]:
    """Hide pseudo-new targets ``EPISODES`` times or more, the protocols taking turns.

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
    found: list[Episode] = []
    usable = list(protocols)
    if train.shape[0] > FIT_USERS:
        rows = sample(np.flatnonzero(np.diff(train.indptr)), FIT_USERS, seed)
        train, signed = train[rows], None if signed is None else signed[rows]
    while usable and (len(found) < EPISODES or (len(found) < MOST_EPISODES and _judged(found) < ENOUGH)):
        protocol = usable[len(found) % len(usable)]
        try:
            split = pseudo_split(protocol, graph, train, len(found), seed, signed=signed)
        except InputError:  # too few targets, parents or buyers to hide any this way
            usable.remove(protocol)
            continue
        found.append(Episode(split, blocks, seed))
    return found


def _judged(episodes: Sequence[Episode]) -> int:
    return sum(len(episode.split.candidates) for episode in episodes)


def climb(
    judge: Judge,
    start: Mapping[str, float],
    steps: Mapping[str, Sequence[float]],
    *,
    choices: Mapping[str, Sequence[float]] | None = None,
    rounds: int = 1,
) -> dict[str, float]:
    """Coordinate search: change one number at a time and keep what gains ``MARGIN``.

    Args:
        judge: figure to raise.
        start: numbers to begin with.
        steps: name -> factors to try on it, in this order, each for as long as it gains.
        choices: name -> other values to try in its place, before the steps.
        rounds: how often all names take their turn; ends early when a round changes nothing. No trial is judged twice.
    """
    known: dict[tuple[float, ...], float] = {}

    def judged(values: Mapping[str, float]) -> float:
        key = tuple(values.values())
        if key not in known:
            known[key] = judge(values)
        return known[key]

    best, figure = dict(start), judged(start)
    for _ in range(rounds):
        before = figure
        for name, values in (choices or {}).items():
            for value in values:
                if (gained := judged(trial := {**best, name: value})) > figure + MARGIN:
                    best, figure = trial, gained
        for name, factors in steps.items():
            for factor in factors:
                improved = False
                while (gained := judged(trial := {**best, name: best[name] * factor})) > figure + MARGIN:
                    best, figure, improved = trial, gained, True
                if improved:
                    break
        if figure <= before:
            break
    return best


def start_kernel(blocks: Blocks, width: float, ridge: float) -> KernelSettings:
    """Where the search begins: what a target is counts, how it stands in the graph not yet."""
    return _weigh(blocks, {kind: tried[0] for kind, tried in _KIND_WEIGHTS.items()}, width, ridge)


def _weigh(blocks: Blocks, scale: Mapping[Kind, float], width: float, ridge: float) -> KernelSettings:
    weights = {name: width * scale.get(kind, 1.0) for name, kind in blocks.kinds.items()}
    return KernelSettings(weights if any(weights.values()) else dict.fromkeys(blocks.names, width), ridge)


def choose_factors(episodes: Sequence[Episode], start: FactorSettings, kernel: KernelSettings) -> FactorSettings:
    """Choose rank, confidence and regularisation with a given kernel; without any episode the start stays."""
    if not episodes:
        return start
    most = MOST_RANK_OF_MANY if episodes[0].many else MOST_RANK

    def settings(values: Mapping[str, float]) -> FactorSettings:
        rank = int(np.clip(values["rank"], LEAST_RANK, most))
        return replace(start, rank=rank, alpha=values["alpha"], regularization=values["regularization"])

    def judge(values: Mapping[str, float]) -> float:
        chosen = settings(values)
        return float(np.mean([judge_factors(episode, chosen, kernel) for episode in episodes]))

    begin = {"rank": float(start.rank), "alpha": start.alpha, "regularization": start.regularization}
    steps = {"rank": (2.0, 0.5), "regularization": (3.0, 1 / 3), "alpha": (2.0, 0.5)}
    return settings(climb(judge, begin, steps))


def judge_factors(episode: Episode, factors: FactorSettings, kernel: KernelSettings) -> float:
    """NDCG@20 of the zero-shot ranking of an episode's pseudo-new targets; below 0 where the factors have collapsed."""
    users, targets = episode.judged_factors(factors)
    known = episode.known
    shown = float(np.einsum("ur,ur->", users, known @ targets)) / known.nnz if known.nnz else 1.0
    if shown < LEAST_SHOWN:
        return shown - LEAST_SHOWN
    return ndcg(users @ episode.carry(kernel, targets).T, episode.hits)


def choose_kernel(episodes: Sequence[Episode], factors: FactorSettings, width: float, ridge: float) -> KernelSettings:
    """Choose the width, the ridge, and for some kinds of blocks how much they weigh beside the others.

    Weights of the single blocks are not searched: they fitted the pseudo-new targets and lost on whole new branches.
    """
    blocks = episodes[0].blocks
    choices = {str(kind): tried for kind, tried in _KIND_WEIGHTS.items() if kind in blocks.kinds.values()}

    def settings(values: Mapping[str, float]) -> KernelSettings:
        return _weigh(blocks, {Kind(kind): values[kind] for kind in choices}, values["width"], values["ridge"])

    def judge(values: Mapping[str, float]) -> float:
        chosen = settings(values)
        return float(np.mean([judge_factors(episode, factors, chosen) for episode in episodes]))

    begin = {"width": width, "ridge": ridge, **{kind: tried[0] for kind, tried in choices.items()}}
    steps = {"width": (2.0, 0.5), "ridge": (3.0, 1 / 3)}
    return settings(climb(judge, begin, steps, choices=choices, rounds=2))


def without_strange_numbers(
    settings: KernelSettings, blocks: Blocks, sold: IntArray, unsold: IntArray
) -> KernelSettings:
    """Leave out the numbers that set most unsold targets apart from every sold one.

    A number of reviews, of products sold so far: pseudo-new targets have such numbers as sold targets do, so nothing
    can be learned on them of what it means to have none. Trials on dates before the reported one are in docs/model.md.

    Args:
        settings: weights of the blocks, chosen with all numbers: another number put in its place would be as strange.
        blocks: phi.
        sold: positions of the targets with sales.
        unsold: positions of those without.
    """
    numbers = [name for name in settings.weights if blocks.kinds[name] in _NUMBERS] if len(unsold) else []
    strange = {name for name in numbers if _outside(np.asarray(blocks.matrices[name]), sold, unsold) > STRANGE}
    weights = {name: 0.0 if name in strange else weight for name, weight in settings.weights.items()}
    return replace(settings, weights=weights) if any(weights.values()) else settings


def _outside(columns: FloatArray, sold: IntArray, unsold: IntArray) -> float:
    """Share of the unsold targets that are outside the range of the sold ones."""
    low, high = columns[sold].min(axis=0), columns[sold].max(axis=0)
    return float(np.mean(((columns[unsold] < low) | (columns[unsold] > high)).any(axis=1)))


def _exp(distances: Mapping[str, npt.NDArray[np.float32]], weights: Mapping[str, float]) -> npt.NDArray[np.float32]:
    total = np.zeros_like(next(iter(distances.values())))
    for name, weight in weights.items():
        if weight:
            total -= np.float32(weight) * distances[name]
    return np.exp(total, out=total)
