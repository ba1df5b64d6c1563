"""The one space: a vector per user and a vector per target, from which everything is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize_scalar

from ..graph import CatalogGraph
from ..graph.catalog import FloatArray, IntArray
from ..graph.errors import ModelError
from .calibration import Calibration, Pairs, expected_shares, fit_calibration
from .confidence import expected_errors, level_errors
from .factors import Factors, FactorSettings, fit_factors
from .forecast import Outcomes, Spread, fit_spread
from .kernel import Head, KernelSettings, Prior
from .landmarks import make_head
from .metrics import ndcg
from .propagation import Blocks
from .scoring import HEADROOM, cosine, softmax, target_embeddings, user_embeddings
from .splits import PROTOCOLS
from .tuning import Episode, binary, choose_factors, choose_kernel, make_episodes, start_kernel
from .update import update_targets

START_FACTORS = FactorSettings(rank=32, alpha=5.0, regularization=30.0)
START_WIDTH = 0.05
START_RIDGE = 0.1
"""Where the search on pseudo-new targets begins: settings that did well on other splits than the reported ones."""

_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_REVEALED = 0.1
_LEAST_RANK, _MOST_RANK = 4, 256

Tell = Callable[[str], None]


@dataclass(frozen=True)
class SpaceSettings:
    """All numbers that the space depends on besides data and seed.

    Attributes:
        factors: rank, confidence, regularisation.
        kernel: weights of the blocks and the ridge.
        strength: gamma, how strongly the prior holds against sales.
        tau: temperature of the cosine-softmax.
        calibration: from a score to the chance of a purchase; None fits it to the seen targets, each predicted from the
            others.
        spread: how far numbers of buyers are from the expected ones; None reads it off the seen targets likewise.
    """

    factors: FactorSettings = field(default_factory=FactorSettings)
    kernel: KernelSettings = field(default_factory=KernelSettings)
    strength: float = 30.0
    tau: float = 1.0
    calibration: Calibration | None = None
    spread: Spread | None = None


@dataclass(frozen=True, eq=False)
class Space:
    """The fitted model.

    Attributes:
        settings: the numbers it was fitted with.
        factors: of users and targets; rows of targets without sales are zero.
        head: carries the seen targets' factors to all others.
        prior: of all n targets and groups; that of a seen target leaves its own sales out.
        vectors: q after the update, float64 (n, rank).
        share: how much of each vector is prior, 1 (zero-shot) down to 0, float64 (n,).
        longest: M, longer than every vector.
        calibration: from ``p . q`` to the chance of a purchase.
        error: how far the level that the prior predicts is likely to be off, as a logarithm, float64 (n,).
        spread: how far the number of buyers is likely to be from the expected one.
    """

    settings: SpaceSettings
    factors: Factors
    head: Head
    prior: Prior
    vectors: FloatArray
    share: FloatArray
    longest: float
    calibration: Calibration
    error: FloatArray
    spread: Spread

    def embeddings(self, targets: IntArray) -> FloatArray:
        """z, the unit vectors of targets, float64 (targets, rank + 1)."""
        return target_embeddings(self.vectors[targets], self.longest)

    def score(self, users: FloatArray, targets: IntArray) -> FloatArray:
        """``cos(f_u, z_c) = p_u . q_c / (|p_u| M)`` for user vectors p (users, rank), float64 (users, targets)."""
        return cosine(user_embeddings(users), self.embeddings(targets))

    def probabilities(self, scores: FloatArray, tau: float | None = None) -> FloatArray:
        """The softmax of scores over their last axis; ``tau = 1`` is the articles' rule, None the fitted one."""
        return softmax(scores, self.settings.tau if tau is None else tau)

    def chance(self, users: FloatArray, activity: IntArray, targets: IntArray) -> FloatArray:
        """How likely users are to buy targets within a time as long as that of the sales, float64 (users, targets).

        It holds for targets on sale, shown as the seen ones were, and was fitted on pseudo-new ones, those that hardly
        anybody bought included. A user's order by it is the order by score.

        Args:
            users: p, float64 (users, rank).
            activity: number of distinct targets in each user's history, int (users,).
            targets: positions.
        """
        return self.calibration.chance(users @ self.vectors[targets].T, activity)

    @property
    def confidence(self) -> FloatArray:
        """How sure the level of every target is, between 0 and 1, float64 (n,).

        ``exp(-error)``, where the error is the expected ``|log(predicted / true share of buyers)|`` as far as the
        vector still is prior: with 0.5 it is typically wrong by a factor of 2.
        """
        return np.asarray(np.exp(-self.error * self.share))


def fit_space(
    graph: CatalogGraph,
    train: sp.csr_array,
    blocks: Blocks,
    *,
    seed: int = 0,
    settings: SpaceSettings | None = None,
    protocols: Sequence[str] = PROTOCOLS,
    tell: Tell | None = None,
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
    if settings is None:
        settings = choose_settings(make_episodes(graph, train, blocks, seed, protocols), blocks, say)
    say("fitting factors of users and sold targets")
    factors = fit_factors(bought, settings.factors, seed)
    return build_space(bought, factors, blocks, settings, seed)


def build_space(
    bought: sp.csr_array, factors: Factors, blocks: Blocks, settings: SpaceSettings, seed: int = 0
) -> Space:
    """Put the space together from fitted factors: prior by propagation, then the update of all seen targets."""
    seen = np.flatnonzero(np.bincount(bought.indices, minlength=bought.shape[1]))
    new = np.setdiff1d(np.arange(bought.shape[1]), seen)
    head = make_head(blocks, settings.kernel, seen, factors.targets[seen])
    mean, variance = np.empty_like(factors.targets), np.empty(bought.shape[1])
    for targets, prior in ((seen, head.leave_one_out()), (new, head.prior(new))):
        mean[targets], variance[targets] = prior.mean, prior.variance
    strength = prior_strength(variance, settings)
    vectors, share = mean.copy(), np.ones(len(mean))
    vectors[seen], share[seen] = update_targets(
        factors.users, sp.csc_array(bought[:, seen]), mean[seen], strength[seen], settings.factors
    )
    longest = max(_longest(factors.targets), _longest(vectors))
    pairs = Pairs.of(factors.users, bought, bought, mean[seen], seen, seed)
    calibration = settings.calibration or fit_calibration([pairs], seed)
    foreseen, true = expected_shares(calibration, factors.users, bought, mean[seen], seen, seed)
    error = expected_errors(head, level_errors(foreseen, true), len(mean))
    spread = settings.spread or fit_spread(
        [Outcomes.of(calibration, factors.users, bought, bought, mean[seen], seen, seed)]
    )
    return Space(settings, factors, head, Prior(mean, variance), vectors, share, longest, calibration, error, spread)


def _longest(vectors: FloatArray) -> float:
    return HEADROOM * float(np.linalg.norm(vectors, axis=1).max())


def prior_strength(variance: FloatArray, settings: SpaceSettings) -> FloatArray:
    """``lambda_c = gamma / (s_c + lambda)``: a prior that is sure of itself gives way to sales more slowly."""
    return settings.strength / (variance + settings.kernel.ridge)


def choose_settings(episodes: Sequence[Episode], blocks: Blocks, say: Tell) -> SpaceSettings:
    """Choose all numbers on pseudo-new targets; without any episode the starting ones stay."""
    kernel = start_kernel(blocks, START_WIDTH, START_RIDGE)
    if not episodes:
        return SpaceSettings(START_FACTORS, kernel)
    say(f"choosing rank, confidence and regularisation on {len(episodes)} sets of pseudo-new targets")
    factors = choose_factors(episodes, START_FACTORS, kernel)
    say("choosing the weights of texts, numbers and relations")
    kernel = choose_kernel(episodes, factors, START_WIDTH, START_RIDGE)
    # a short and a long set of factors are wrong about different users; the search itself takes one, for speed
    factors = replace(factors, rank=max(factors.rank // 2, _LEAST_RANK), second=min(2 * factors.rank, _MOST_RANK))
    say("fitting the temperature, the strength of the prior, the chances and how far forecasts are off")
    settings = SpaceSettings(factors, kernel)
    worlds = [_World.of(episode, settings) for episode in episodes]
    tau = _fit_tau(worlds)
    strength = max(_STRENGTHS, key=lambda gamma: float(np.mean([w.revealed_ndcg(gamma, settings) for w in worlds])))
    calibration = fit_calibration([world.pairs() for world in worlds], episodes[0].seed)
    spread = fit_spread([world.outcomes(calibration) for world in worlds])
    return SpaceSettings(factors, kernel, strength, tau, calibration, spread)


@dataclass(frozen=True, eq=False)
class _World:
    """One episode with chosen factors and kernel: what is predicted for its pseudo-new targets."""

    episode: Episode
    factors: Factors
    head: Head
    prior: Prior

    @classmethod
    def of(cls, episode: Episode, settings: SpaceSettings) -> _World:
        factors, split = episode.factors(settings.factors), episode.split
        head = make_head(episode.blocks, settings.kernel, split.seen, factors.targets[split.seen])
        return cls(episode, factors, head, head.prior(episode.candidates))

    def pairs(self) -> Pairs:
        """Users with all pseudo-new targets, those that nobody or hardly anybody bought included."""
        split, seed = self.episode.split, self.episode.seed
        return Pairs.of(self.factors.users, split.train, split.test, self._foreseen, split.listed, seed)

    def outcomes(self, calibration: Calibration) -> Outcomes:
        """Expected and true buyers of the same pseudo-new targets."""
        split, seed = self.episode.split, self.episode.seed
        return Outcomes.of(calibration, self.factors.users, split.train, split.test, self._foreseen, split.listed, seed)

    @cached_property
    def _foreseen(self) -> FloatArray:
        """Predicted q of all pseudo-new targets, float64 (listed, rank)."""
        return self.head.prior(self.episode.split.listed).mean

    def cross_entropy(self, tau: float) -> float:
        """Mean over judged users of the cross-entropy of the softmax at their purchases of pseudo-new targets."""
        hits = self.episode.hits
        embeddings = target_embeddings(self.prior.mean, _longest(self.factors.targets))
        logits = cosine(user_embeddings(self.factors.users[self.episode.users]), embeddings) / tau
        log_sum = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
        return float(np.mean(log_sum - (logits * hits).sum(axis=1) / hits.sum(axis=1)))

    def revealed_ndcg(self, gamma: float, settings: SpaceSettings) -> float:
        """NDCG@20 after a tenth of the users revealed what they bought of the pseudo-new targets, on the others."""
        split, random = self.episode.split, np.random.default_rng(self.episode.seed)
        revealing = random.random(split.train.shape[0]) < _REVEALED
        judged = ~revealing[self.episode.users]
        if not judged.any():
            return 0.0
        strength = gamma / (self.prior.variance + settings.kernel.ridge)
        shown = sp.csc_array(split.test[:, self.episode.candidates].multiply(revealing[:, None]))
        shown.eliminate_zeros()
        vectors, _ = update_targets(
            self.factors.users, shown, self.prior.mean, strength, settings.factors, revealing.astype(np.float64)
        )
        users = self.factors.users[self.episode.users[judged]]
        return ndcg(users @ vectors.T, self.episode.hits[judged])


def _fit_tau(worlds: Sequence[_World]) -> float:
    """The temperature with the least cross-entropy, searched on a logarithmic scale."""
    found = minimize_scalar(
        lambda log_tau: float(np.mean([world.cross_entropy(float(np.exp(log_tau))) for world in worlds])),
        bounds=(np.log(1e-3), np.log(10.0)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))
