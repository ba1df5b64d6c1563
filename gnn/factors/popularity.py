"""The popularity of targets: the logit of the share of buyers."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray


def popularity_logits(bought: sp.csr_array, targets: IntArray) -> FloatArray:
    """The logit of the share of buyers of some targets, less its mean over them, float64 (targets,).

    Half a buyer and half a non-buyer are added, so that it is finite where nobody or everybody buys.
    """
    users, size = bought.shape
    share = (np.bincount(bought.indices, minlength=size)[targets] + 0.5) / (users + 1.0)
    logit = np.log(share / (1.0 - share))
    return np.asarray(logit - logit.mean())
