"""More targets for a fitted model, predicted from the graph; nothing else is fitted again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...arrays import FloatArray, IntArray
from ..calibration.confidence import expected_errors
from ..model.cosine_softmax import HEADROOM
from ..model.model import LatentFactorModel
from ..prior.kernel import Prior
from ..propagation.features import FeatureBlocks
from ..utils import replace_keeping_cache


def grow(model: LatentFactorModel, blocks: FeatureBlocks, targets: IntArray, errors: FloatArray) -> LatentFactorModel:
    """Predict targets nobody has bought, whose priors are their vectors; ``targets``, ascending, include all from n on.

    ``blocks`` are those of all present targets, unchanged for seen ones; ``errors`` are
    :func:`newaisle.gnn.calibration.confidence.popularity_errors`, float64 (seen,). The share of the prior is 1. Where a
    mean is longer than M, M becomes its norm times ``HEADROOM``.
    """
    more = blocks.size - len(model.vectors)
    regressor = replace_keeping_cache(model.regressor, blocks=blocks)
    prior = regressor.prior(targets)
    predicted, popularity = prior.mean[:, :-1], prior.mean[:, -1]
    augmented = model.settings.as_new(predicted, popularity)
    longest = float(np.sqrt(np.einsum("tr,tr->t", augmented, augmented).max(initial=0.0)))

    def put(rows: FloatArray, values: FloatArray) -> FloatArray:
        grown = _append_zeros(rows, more)
        grown[targets] = values
        return grown

    return replace(
        model,
        factors=replace_keeping_cache(
            model.factors,
            targets=_append_zeros(model.factors.targets, more),
            basis=_append_zeros(model.factors.basis, more),
        ),
        regressor=regressor,
        prior=Prior(put(model.prior.mean, predicted), put(model.prior.variance, prior.variance)),
        popularity=put(model.popularity, popularity),
        vectors=put(model.vectors, predicted),
        prior_share=put(model.prior_share, np.ones(len(targets))),
        popularity_error=put(model.popularity_error, expected_errors(regressor, errors, targets)),
        longest=model.longest if longest < model.longest else HEADROOM * longest,
    )


def _append_zeros(rows: FloatArray, more: int) -> FloatArray:
    return np.concatenate([rows, np.zeros((more, *rows.shape[1:]), dtype=rows.dtype)])
