"""More targets for a fitted space, foreseen from the graph; nothing else is fitted again."""

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
    """The space with new rows of phi: priors of some targets, which are their vectors as long as nobody bought them.

    Args:
        model: of n targets and groups.
        blocks: phi of all there are now; rows of seen targets are those that the space was fitted to.
        targets: positions of those to foresee, none of them seen, all from n on included, ascending.
        errors: of the seen targets' levels (:func:`newaisle.gnn.calibration.confidence.popularity_errors`), float64
            (seen,).

    Returns:
        The space with mean, variance, expected error and vector of these targets, and 1 as the share of the prior.
        Where a mean is longer than M, M becomes that with ``HEADROOM``.
    """
    more = blocks.size - len(model.vectors)
    regressor = replace_keeping_cache(model.regressor, blocks=blocks)
    prior = regressor.prior(targets)
    foreseen, level = prior.mean[:, :-1], prior.mean[:, -1]
    mean, vectors = (_put(rows, more, targets, foreseen) for rows in (model.prior.mean, model.vectors))
    answers = model.settings.as_new(foreseen, level)
    longest = float(np.sqrt(np.einsum("tr,tr->t", answers, answers).max(initial=0.0)))
    nothing = np.zeros((more, model.factors.targets.shape[1]), dtype=model.factors.targets.dtype)
    factors = replace_keeping_cache(
        model.factors,
        targets=np.concatenate([model.factors.targets, nothing]),
        basis=np.concatenate([model.factors.basis, nothing]),
    )
    return replace(
        model,
        factors=factors,
        regressor=regressor,
        prior=Prior(mean, _put(model.prior.variance, more, targets, prior.variance)),
        level=_put(model.level, more, targets, level),
        vectors=vectors,
        share=_put(model.share, more, targets, np.ones(len(targets))),
        error=_put(model.error, more, targets, expected_errors(regressor, errors, targets)),
        longest=model.longest if longest < model.longest else HEADROOM * longest,
    )


def _put(rows: FloatArray, more: int, targets: IntArray, values: FloatArray) -> FloatArray:
    grown = np.concatenate([rows, np.zeros((more, *rows.shape[1:]), dtype=rows.dtype)])
    grown[targets] = values
    return grown
