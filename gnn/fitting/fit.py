"""Fitting the space: the factors, and before them all settings, chosen on pseudo-new targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize_scalar

from ...arrays import BoolArray, FloatArray, IntArray
from ...errors import ModelError
from ...graph import CatalogGraph
from ...progress import Progress
from ..phi.blocks import Blocks
from ..space.calibration import Calibration, Pairs, fit_calibration
from ..space.factors import Factors, fit_factors
from ..space.forecast import Outcomes, fit_spread
from ..space.informed import inform_factors
from ..space.kernel import Head, Prior
from ..space.nearest import make_head
from ..space.scoring import asking, cosine, target_embeddings, user_embeddings
from ..space.space import Space, SpaceSettings, build_space, longest_of, make_level_head, prior_strength, with_levels
from ..space.update import update_targets
from .balance import choose_balance
from .metrics import ndcg, taste_auc
from .splits import PROTOCOLS, binary, buyers
from .tuning import (
    LEAST_RANK,
    MOST_RANK,
    START_FACTORS,
    START_RIDGE,
    START_WIDTH,
    Episode,
    choose_factors,
    choose_kernel,
    make_episodes,
    start_kernel,
    without_strange_numbers,
)

_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_LEVELS = (0.0, 0.02, 0.05)
_SHORT_HISTORY = 30
"""Purchases of the median user up to which the level joins the scores; beyond, trials gained nothing by it."""
_REVEALED = 0.1


def fit_space(
    graph: CatalogGraph,
    train: sp.csr_array,
    blocks: Blocks,
    *,
    seed: int = 0,
    settings: SpaceSettings | None = None,
    protocols: Sequence[str] = PROTOCOLS,
    tell: Progress | None = None,
    signed: sp.csr_array | None = None,
) -> Space:
    """Fit the space to a catalog and its sales.

    Args:
        graph: the catalog, n targets and groups.
        train: summed weights of purchases, CSR (users, n).
        blocks: phi of the catalog.
        seed: of factors and pseudo-new targets.
        settings: given numbers; None chooses them on pseudo-new targets.
        protocols: how pseudo-new targets are hidden when settings are chosen.
        tell: is told one line per step.
        signed: weights of the pairs in ``train``, above 0, and of disliked ones, below 0, CSR (users, n), as
            :class:`newaisle.graph.event_weights.Sales` has them; None where each pair is a full purchase.

    Raises:
        ModelError: no purchases, blocks that say nothing, or given settings that weigh nothing.
    """
    if not blocks.names:
        raise ModelError(
            f"The catalog {graph.source!r} has no texts, parents, attributes or features that differ between "
            "targets, so nothing leads to new ones; add some of them."
        )
    if settings is not None and not any(settings.kernel.weights.values()):
        raise ModelError("The given settings weigh no block of the catalog, so all new targets would be alike.")
    say = tell or (lambda _line: None)
    bought = binary(train)
    count = buyers(bought)
    if settings is None:
        unsold = np.flatnonzero(~graph.is_group & (count == 0))
        settings = choose_settings(make_episodes(graph, train, blocks, seed, protocols, signed), blocks, unsold, say)
    say("fitting factors of users and sold targets")
    weights = bought if signed is None else signed
    factors = fit_factors(weights, settings.factors, seed)
    seen = np.flatnonzero(count)
    head = make_head(blocks, settings.kernel, seen, factors.targets[seen])
    factors = inform_factors(factors, head, weights)
    return build_space(bought, factors, blocks, settings, seed, signed, head)


def choose_settings(episodes: Sequence[Episode], blocks: Blocks, unsold: IntArray, say: Progress) -> SpaceSettings:
    """Choose all numbers on pseudo-new targets; without any episode the starting ones stay.

    Args:
        episodes: sets of pseudo-new targets.
        blocks: phi.
        unsold: positions of the targets that are new in earnest.
        say: is told one line per step.
    """
    kernel = start_kernel(blocks, START_WIDTH, START_RIDGE)
    if not episodes:
        return SpaceSettings(START_FACTORS, kernel)
    say(f"choosing rank, confidence and regularisation on {len(episodes)} sets of pseudo-new targets")
    factors = choose_factors(episodes, START_FACTORS, kernel)
    say("choosing the weights of texts, numbers and relations")
    kernel = choose_kernel(episodes, factors, START_WIDTH, START_RIDGE)
    sold = np.union1d(episodes[0].split.seen, episodes[0].split.listed)
    kernel = without_strange_numbers(kernel, blocks, np.setdiff1d(sold, unsold), unsold)
    for episode in episodes:
        episode.forget_search()
    many = episodes[0].many
    if not many:  # a short and a long set are wrong about different users; the search itself takes one, for speed
        factors = replace(factors, rank=max(factors.rank // 2, LEAST_RANK), second=min(2 * factors.rank, MOST_RANK))
    say("weighing what all users have in common, what is sold against what is new")
    settings = SpaceSettings(factors, kernel)
    # of very many targets one set holds thousands of pseudo-new ones
    worlds = [_World.of(episode, settings) for episode in episodes[: 1 if many else None]]
    settings, worlds = _choose_rounds(worlds, settings)
    settings = replace(settings, level=_choose_level(worlds))
    settings = choose_balance(episodes, settings)
    say("fitting the temperature, the strength of the prior, the chances and how far forecasts are off")
    tau = _fit_tau(worlds, settings)
    strength = max(_STRENGTHS, key=lambda gamma: _mean_revealed(worlds, replace(settings, strength=gamma)))
    calibration = fit_calibration([world.pairs(settings) for world in worlds], episodes[0].seed)
    spread = fit_spread([world.outcomes(calibration, settings) for world in worlds])
    return replace(settings, strength=strength, tau=tau, calibration=calibration, spread=spread)


@dataclass(frozen=True, eq=False)
class _World:
    """One episode with chosen factors and kernel: what is predicted for its pseudo-new targets."""

    episode: Episode
    factors: Factors
    head: Head

    @classmethod
    def of(cls, episode: Episode, settings: SpaceSettings) -> _World:
        """Without the graph's say in the factors."""
        split, factors = episode.split, episode.factors(settings.factors)
        return cls(episode, factors, make_level_head(episode.blocks, settings.kernel, split.seen, factors, split.train))

    def informed(self) -> _World:
        """The same with factors informed by the graph."""
        split = self.episode.split
        factors = inform_factors(self.factors, self.head, split.weights)
        return replace(self, factors=factors, head=self.head.carrying(with_levels(factors, split.train, split.seen)))

    @cached_property
    def users(self) -> FloatArray:
        """``[p, |p|]`` of the judged users, float64 (users, rank + 1)."""
        return asking(self.factors.users[self.episode.users])

    @cached_property
    def prior(self) -> Prior:
        """Of the judged pseudo-new targets, the level in its last column."""
        return self.head.prior(self.episode.candidates)

    def taste(self) -> float:
        """How well the zero-shot scores tell buyers of a pseudo-new target from others (taste AUC)."""
        train, hits = self.episode.split.train[self.episode.users], sp.csr_array(self.episode.hits)
        return taste_auc(self.users[:, :-1] @ self.prior.mean[:, :-1].T, hits, np.diff(train.indptr))

    def zero_shot_ndcg(self, weight: float) -> float:
        """NDCG@20 with so much of the predicted level in the scores."""
        settings = SpaceSettings(level=weight)
        return ndcg(self.users @ _as_new(self.prior.mean, settings).T, self.episode.hits)

    def pairs(self, settings: SpaceSettings) -> Pairs:
        """Users with all pseudo-new targets, those that nobody or hardly anybody bought included."""
        split, seed = self.episode.split, self.episode.seed
        users, foreseen = asking(self.factors.users), _as_new(self._foreseen, settings)
        return Pairs.of(users, split.train, split.test, foreseen, split.listed, seed)

    def outcomes(self, calibration: Calibration, settings: SpaceSettings) -> Outcomes:
        """Expected and true buyers of the same pseudo-new targets."""
        split, seed = self.episode.split, self.episode.seed
        users, foreseen = asking(self.factors.users), _as_new(self._foreseen, settings)
        return Outcomes.of(calibration, users, split.train, split.test, foreseen, split.listed, seed)

    @cached_property
    def _foreseen(self) -> FloatArray:
        """Predicted q and level of all pseudo-new targets, float64 (listed, rank + 1)."""
        return self.head.prior(self.episode.split.listed).mean

    def similarities(self, settings: SpaceSettings) -> FloatArray:
        """Cosines of judged users and pseudo-new targets, float64 (users, candidates)."""
        answers = _as_new(self.prior.mean, settings)
        longest = max(longest_of(self.factors.targets), longest_of(answers))
        embeddings = target_embeddings(answers, longest)
        return cosine(user_embeddings(self.factors.users[self.episode.users]), embeddings)

    def revealed_ndcg(self, settings: SpaceSettings) -> float:
        """NDCG@20 after a tenth of the users revealed what they bought of the pseudo-new targets, on the others."""
        split, random = self.episode.split, np.random.default_rng(self.episode.seed)
        revealing = random.random(split.train.shape[0]) < _REVEALED
        judged = ~revealing[self.episode.users]
        if not judged.any():
            return 0.0
        strength = prior_strength(self.prior.variance, settings.gamma(revealing.mean()), settings)
        shown = sp.csc_array(split.test[:, self.episode.candidates].multiply(revealing[:, None]))
        shown.eliminate_zeros()
        mean, level = self.prior.mean[:, :-1], self.prior.mean[:, -1]
        vectors, _ = update_targets(
            self.factors.users, shown, mean, strength, settings.factors, revealing.astype(np.float64)
        )
        return ndcg(self.users[judged] @ settings.as_new(vectors, level).T, self.episode.hits[judged])


def _mean_revealed(worlds: Sequence[_World], settings: SpaceSettings) -> float:
    return float(np.mean([world.revealed_ndcg(settings) for world in worlds]))


def _as_new(foreseen: FloatArray, settings: SpaceSettings) -> FloatArray:
    return settings.as_new(foreseen[:, :-1], foreseen[:, -1])


def _choose_rounds(worlds: list[_World], settings: SpaceSettings) -> tuple[SpaceSettings, list[_World]]:
    """Informed by the graph, unless the factors of the pseudo-new targets' neighbours then tell less of taste."""
    informed = [world.informed() for world in worlds]
    gain = np.mean([after.taste() - before.taste() for before, after in zip(worlds, informed, strict=True)])
    if gain < 0:  # not so where taste cannot be told (NaN)
        return replace(settings, factors=replace(settings.factors, rounds=0)), worlds
    return settings, informed


def _choose_level(worlds: Sequence[_World]) -> float:
    """How much of the predicted level goes into the scores: nothing where users' own purchases say enough."""
    sizes = np.concatenate([np.diff(world.episode.split.train.indptr) for world in worlds])
    if np.median(sizes[sizes > 0]) > _SHORT_HISTORY:
        return 0.0
    return max(_LEVELS, key=lambda weight: float(np.mean([world.zero_shot_ndcg(weight) for world in worlds])))


def _fit_tau(worlds: Sequence[_World], settings: SpaceSettings) -> float:
    """The temperature with the least cross-entropy at purchases, searched on a logarithmic scale."""
    judged = [(world.similarities(settings), world.episode.hits) for world in worlds]
    found = minimize_scalar(
        lambda log_tau: float(np.mean([_cross_entropy(each / np.exp(log_tau), hits) for each, hits in judged])),
        bounds=(np.log(1e-3), np.log(10.0)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def _cross_entropy(logits: FloatArray, hits: BoolArray) -> float:
    """Mean over users of the cross-entropy of the softmax at their purchases, (users, candidates) both."""
    log_sum = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
    return float(np.mean(log_sum - (logits * hits).sum(axis=1) / hits.sum(axis=1)))
