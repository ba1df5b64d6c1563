"""Fitting the model: all settings on validation folds, then the factors and the regressor."""

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
from ..calibration.new_customers import fit_new_customers
from ..calibration.probability import fit_calibration
from ..factors.als import fit_factors
from ..model.model import LatentFactorModel, build_model
from ..model.settings import ModelSettings
from ..prior.informed_factors import inform_factors
from ..prior.nearest import make_regressor
from ..propagation.features import FeatureBlocks
from ..validation.splits import PROTOCOLS, binary, buyers
from .balance import choose_balance
from .criteria import choose_level, choose_rounds, choose_strength, fit_tau, held_out
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
    progress: Progress | None = None,
    signed: sp.csr_array | None = None,
) -> LatentFactorModel:
    """Fit the model to ``train``, summed weights, CSR (users, n); ``settings`` None chooses them on validation folds.

    ``signed`` holds the weights of the pairs in ``train``, above 0, and of disliked ones, below 0, CSR (users, n)
    (:class:`newaisle.graph.event_weights.WeightedHistory`); None where each pair is a full purchase.

    Raises:
        ModelError: no purchases, a catalog without usable features, or given settings that weigh none of them.
    """
    if not blocks.names:
        raise ModelError(
            f"The catalog {graph.source!r} has no texts, parents, attributes or features that differ between "
            "targets, so nothing leads to new ones; add some of them."
        )
    if settings is not None and not any(settings.kernel.weights.values()):
        raise ModelError("The given settings weigh no block of the catalog, so all new targets would be alike.")
    report = progress or (lambda _line: None)
    bought = binary(train)
    count = buyers(bought)
    if settings is None:
        unsold = np.flatnonzero(~graph.is_group & (count == 0))
        settings = choose_settings(make_folds(graph, train, blocks, seed, protocols, signed), blocks, unsold, report)
    report("fitting factors of users and sold targets")
    weights = bought if signed is None else signed
    factors = fit_factors(weights, settings.factors, seed)
    seen = np.flatnonzero(count)
    regressor = make_regressor(blocks, settings.kernel, seen, factors.targets[seen])
    factors = inform_factors(factors, regressor, weights)
    return build_model(bought, factors, blocks, settings, seed, signed, regressor)


def choose_settings(
    folds: Sequence[ValidationFold], blocks: FeatureBlocks, unsold: IntArray, report: Progress
) -> ModelSettings:
    """Choose all settings on validation folds, if there are any; ``unsold`` are the positions of really new targets."""
    kernel = start_kernel(blocks, START_WIDTH, START_RIDGE)
    if not folds:
        return ModelSettings(START_FACTORS, kernel)
    report(f"choosing rank, confidence and regularisation on {len(folds)} sets of pseudo-new targets")
    factors = choose_factors(folds, START_FACTORS, kernel)
    report("choosing the weights of texts, numbers and relations")
    kernel = choose_kernel(folds, factors, START_WIDTH, START_RIDGE)
    sold = np.union1d(folds[0].split.seen, folds[0].split.listed)
    kernel = without_strange_numbers(kernel, blocks, np.setdiff1d(sold, unsold), unsold)
    for fold in folds:
        fold.forget_search()
    many = folds[0].many
    if not many:  # a short and a long set are wrong about different users; the search itself takes one, for speed
        factors = replace(factors, rank=max(factors.rank // 2, LEAST_RANK), second=min(2 * factors.rank, MOST_RANK))
    report("weighing popularity against taste, and sold targets against new ones")
    settings = ModelSettings(factors, kernel)
    # of very many targets one fold holds thousands of pseudo-new ones
    settings, fits = choose_rounds([fold.fit(settings) for fold in folds[: 1 if many else None]], settings)
    settings = replace(settings, level=choose_level(fits))
    settings = choose_balance(folds, settings)
    report("fitting the temperature, the strength of the prior, the probabilities and the forecast intervals")
    tau, strength = fit_tau(fits, settings), choose_strength(fits, settings)
    predicted = [held_out(fit, settings) for fit in fits]
    calibration = fit_calibration([targets.pairs() for targets in predicted], folds[0].seed)
    new_customers = fit_new_customers([targets.first_purchases() for targets in predicted])
    spread = fit_interval([targets.buyer_counts(calibration, new_customers) for targets in predicted])
    return replace(
        settings,
        strength=strength,
        tau=tau,
        calibration=calibration,
        new_customers=new_customers,
        spread=spread,
    )
