"""Fitting the space: the factors, and before them all settings, chosen on pseudo-new targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from ...arrays import IntArray
from ...errors import ModelError
from ...graph import CatalogGraph
from ...progress import Progress
from ..calibration.forecast import fit_interval
from ..calibration.probability import fit_calibration
from ..factors.als import fit_factors
from ..model.model import LatentFactorModel, build_model
from ..model.settings import ModelSettings
from ..prior.informed_factors import inform_factors
from ..prior.nearest import make_regressor
from ..propagation.features import FeatureBlocks
from ..validation.splits import PROTOCOLS, binary, buyers
from .balance import choose_balance
from .criteria import STRENGTHS, FittedFold, choose_level, choose_rounds, fit_tau, mean_revealed
from .folds import START_RIDGE, START_WIDTH, ValidationFold, make_folds, start_kernel
from .tuning import LEAST_RANK, MOST_RANK, START_FACTORS, choose_factors, choose_kernel, without_strange_numbers


def fit_model(
    graph: CatalogGraph,
    train: sp.csr_array,
    blocks: FeatureBlocks,
    *,
    seed: int = 0,
    settings: ModelSettings | None = None,
    protocols: Sequence[str] = PROTOCOLS,
    tell: Progress | None = None,
    signed: sp.csr_array | None = None,
) -> LatentFactorModel:
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
            :class:`newaisle.graph.event_weights.WeightedHistory` has them; None where each pair is a full purchase.

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
        settings = choose_settings(make_folds(graph, train, blocks, seed, protocols, signed), blocks, unsold, say)
    say("fitting factors of users and sold targets")
    weights = bought if signed is None else signed
    factors = fit_factors(weights, settings.factors, seed)
    seen = np.flatnonzero(count)
    head = make_regressor(blocks, settings.kernel, seen, factors.targets[seen])
    factors = inform_factors(factors, head, weights)
    return build_model(bought, factors, blocks, settings, seed, signed, head)


def choose_settings(
    episodes: Sequence[ValidationFold], blocks: FeatureBlocks, unsold: IntArray, say: Progress
) -> ModelSettings:
    """Choose all numbers on pseudo-new targets; without any episode the starting ones stay.

    Args:
        episodes: sets of pseudo-new targets.
        blocks: phi.
        unsold: positions of the targets that are new in earnest.
        say: is told one line per step.
    """
    kernel = start_kernel(blocks, START_WIDTH, START_RIDGE)
    if not episodes:
        return ModelSettings(START_FACTORS, kernel)
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
    settings = ModelSettings(factors, kernel)
    # of very many targets one set holds thousands of pseudo-new ones
    worlds = [FittedFold.of(episode, settings) for episode in episodes[: 1 if many else None]]
    settings, worlds = choose_rounds(worlds, settings)
    settings = replace(settings, level=choose_level(worlds))
    settings = choose_balance(episodes, settings)
    say("fitting the temperature, the strength of the prior, the chances and how far forecasts are off")
    tau = fit_tau(worlds, settings)
    strength = max(STRENGTHS, key=lambda gamma: mean_revealed(worlds, replace(settings, strength=gamma)))
    calibration = fit_calibration([world.pairs(settings) for world in worlds], episodes[0].seed)
    spread = fit_interval([world.outcomes(calibration, settings) for world in worlds])
    return replace(settings, strength=strength, tau=tau, calibration=calibration, spread=spread)
