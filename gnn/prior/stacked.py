"""Features as one kernel weighs them, all blocks side by side: for comparing many targets with very many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...arrays import Float32Array, FloatArray, IntArray
from ...display import short_repr
from ..propagation.features import FeatureBlocks
from ..utils import chunks
from .kernel import KernelSettings, check_weights

_CHUNK = 64
"""Targets compared with all others at once."""


@dataclass(frozen=True, eq=False)
class StackedFeatures:
    """Rows of features, every block times the root of its weight, so that ``k(a, b) = exp(-|a - b|^2)``."""

    distinct: Float32Array  # columns of the dense blocks, each distinct row once (products share texts), (d, c)
    place: IntArray  # row of every target in ``distinct``, int64 (t,)
    sparse: sp.csr_array  # columns of the relations, float32 CSR (t, r)
    squares: Float32Array  # squared lengths of whole rows, float32 (t,)
    widths: tuple[int, ...]  # number of columns of each relation here

    __repr__ = short_repr

    @classmethod
    def of(
        cls, blocks: FeatureBlocks, settings: KernelSettings, targets: IntArray, widths: Sequence[int] | None = None
    ) -> StackedFeatures:
        """The rows of some targets; ``widths`` are the columns of every relation to compare in, None for all.

        Columns beyond, which the other side does not have, count for the length alone.
        """
        check_weights(blocks, settings)
        roots = {name: np.sqrt(weight) for name, weight in settings.weights.items() if weight}
        dense = {name: rows for name in roots if isinstance(rows := blocks.matrices[name], np.ndarray)}
        relations = [sp.csr_array(blocks.matrices[name][targets] * roots[name]) for name in roots if name not in dense]
        widths = tuple(relation.shape[1] for relation in relations) if widths is None else tuple(widths)
        codes = [_codes(rows[targets]) for rows in dense.values()]
        _, first, place = np.unique(
            np.stack([*codes, np.zeros(len(targets), dtype=np.int64)]), axis=1, return_index=True, return_inverse=True
        )
        parts = [np.float32(roots[name]) * rows[targets[first]].astype(np.float32) for name, rows in dense.items()]
        distinct = np.concatenate([np.empty((len(first), 0), dtype=np.float32), *parts], axis=1)
        cut = [relation[:, :width] for relation, width in zip(relations, widths, strict=True)]
        sparse = sp.csr_array(sp.hstack([sp.csr_array(np.empty((len(targets), 0))), *cut]).astype(np.float32))
        squares = np.square(distinct).sum(axis=1)[place]
        squares = squares + sum(np.asarray(relation.power(2).sum(axis=1)) for relation in relations)
        return cls(distinct, place, sparse, squares.astype(np.float32), widths)

    def __len__(self) -> int:
        return len(self.place)

    def kernel(self, rows: IntArray, other: StackedFeatures, columns: IntArray) -> FloatArray:
        """The kernel of some of these targets and some of others, float64 (rows, columns)."""
        product = self.distinct[self.place[rows]] @ other.distinct[other.place[columns]].T
        product += sp.csr_array(self.sparse[rows] @ other.sparse[columns].T).toarray()
        exponent = 2.0 * product - self.squares[rows][:, None] - other.squares[columns]
        return np.exp(np.minimum(exponent.astype(np.float64), 0.0))

    def nearest(self, other: StackedFeatures, count: int, themselves: IntArray) -> IntArray:
        """Indices of the ``count`` others nearest to each of these targets, int64 (t, count), ascending.

        ``themselves`` is the index of each target among the others, which is left out; -1 where it is none of them.
        """
        found = np.empty((len(self), count), dtype=np.int64)
        halves = other.squares[:, None] / 2
        for part in chunks(len(self), _CHUNK):
            near = (other.distinct @ self.distinct[self.place[part]].T)[other.place]
            near += other.sparse @ self.sparse[part].toarray().T
            near -= halves  # |a - b|^2 = |a|^2 - 2 (a . b - |b|^2 / 2), and |a| is the same for all others
            itself = themselves[part]
            near[itself[itself >= 0], np.flatnonzero(itself >= 0)] = -np.inf
            near = np.ascontiguousarray(-near.T)
            found[part] = np.sort(np.argpartition(near, count - 1, axis=1)[:, :count], axis=1)
        return found


def _codes(rows: FloatArray) -> IntArray:
    """The same number for equal rows, int64 (rows,)."""
    known: dict[bytes, int] = {}
    return np.fromiter((known.setdefault(row.tobytes(), len(known)) for row in rows), np.int64, len(rows))
