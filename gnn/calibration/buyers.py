"""Who bought targets that are treated as new: users with another purchase, and new customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from ...arrays import IntArray


@dataclass(frozen=True, eq=False)
class TrueBuyers:
    """The true buyers of some targets, apart by what else they bought."""

    known: IntArray  # with a history without these targets, int64 (targets,)
    new: IntArray  # new customers, who bought nothing else, int64 (targets,)
    users: int  # users with a history without these targets
    per_sold: float  # mean number of buyers of the other targets that are sold

    @property
    def total(self) -> IntArray:
        """All buyers, int64 (targets,)."""
        return self.known + self.new

    @property
    def per_target(self) -> float:
        """Mean number of buyers of those of the targets that have any."""
        total = self.total
        return float(total.sum()) / max(int((total > 0).sum()), 1)

    @classmethod
    def of_hidden(cls, bought: sp.csr_array, hidden: IntArray, targets: IntArray) -> Self:
        """Buyers of ``targets`` where all of ``hidden``, which include them, are new; ``bought`` is CSR (users, n)."""
        is_hidden = np.zeros(bought.shape[1], dtype=np.bool_)
        is_hidden[hidden] = True
        of_hidden = is_hidden[bought.indices]
        rows = np.repeat(np.arange(bought.shape[0]), np.diff(bought.indptr))
        has_history = np.bincount(rows[~of_hidden], minlength=bought.shape[0]) > 0
        known = of_hidden & has_history[rows]
        sold = np.unique(bought.indices[~of_hidden])
        return cls(
            _count(bought, known)[targets],
            _count(bought, of_hidden & ~known)[targets],
            int(has_history.sum()),
            float((~of_hidden).sum()) / max(len(sold), 1),
        )

    @classmethod
    def of_each(cls, bought: sp.csr_array, targets: IntArray) -> Self:
        """Buyers of ``targets`` where each is new by itself; ``bought`` is CSR (users, n)."""
        sizes = np.diff(bought.indptr)
        alone = np.repeat(sizes == 1, sizes)
        return cls(
            _count(bought, ~alone)[targets], _count(bought, alone)[targets], int((sizes > 0).sum()), per_sold(bought)
        )


def per_sold(bought: sp.csr_array) -> float:
    """Mean number of buyers of the targets that are sold; ``bought`` is CSR (users, n)."""
    return bought.nnz / max(len(np.unique(bought.indices)), 1)


def _count(bought: sp.csr_array, which: np.ndarray) -> IntArray:
    return np.bincount(bought.indices[which], minlength=bought.shape[1]).astype(np.int64)
