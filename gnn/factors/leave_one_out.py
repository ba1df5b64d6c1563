"""A user's vector without one of the purchases, for each of them at once."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray
from .als import Factors
from .solve import weighted_sum


def leave_one_out_vectors(factors: Factors, signed: sp.csr_array) -> FloatArray:
    """Vectors p of one user without each of the h purchases in turn, as if nobody had ever sold that target; (h, rank).

    With ``A`` the user's system (:func:`newaisle.gnn.factors.solve.solve_one`) it is ``p + conf_i (b_i . p - 1) / (1 -
    conf_i b_i' A^-1 b_i) A^-1 b_i``, each set of factors by itself. ``signed`` are the user's weights, CSR (1, n);
    dislikes stay. The only purchase left out gives zero, but for rounding.
    """
    settings, sets = factors.settings, len(factors.settings.parts)
    vectors, certainty = factors.basis[signed.indices].astype(np.float64), settings.certainty(signed.data)
    weight = settings.alpha * certainty[certainty > 0]
    found = np.empty((len(weight), vectors.shape[1]))
    for part in settings.parts:
        rows = vectors[:, part]
        system = factors.gram[part, part] + (settings.alpha * np.abs(certainty) - 1) * rows.T @ rows
        system[np.diag_indices_from(system)] += settings.regularization / sets
        bought = rows[certainty > 0]
        solved = np.linalg.solve(system, np.column_stack([settings.alpha * weighted_sum(rows, certainty), bought.T]))
        whole, carried = solved[:, 0], solved[:, 1:]
        leverage = weight * np.einsum("hr,rh->h", bought, carried)
        found[:, part] = (whole + (weight * (bought @ whole - 1.0) / (1.0 - leverage) * carried).T) / sets
    return found
