"""Messages along sparse edges: PyTorch Geometric carries vectors from general nodes down to special ones."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

with warnings.catch_warnings():  # PyTorch Geometric still scripts itself, which newer versions of torch lament
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import MessagePassing
    from torch_geometric.utils import spmm

from ...arrays import FloatArray

DECAY = 0.5
"""What is left of a message after each hop beyond the first."""

_CHUNK, _LEAST_CHUNK = 1024, 32
"""Most and fewest identity vectors that travel together,"""

_CELLS = 2**24
"""so many numbers at once where that leaves more than the fewest: 64 MB."""


class SumConv(MessagePassing):  # type: ignore[misc]  # PyTorch Geometric publishes no types
    """One hop: every node receives the weighted sum of its neighbours' vectors."""

    def __init__(self) -> None:
        super().__init__(aggr="sum")

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Pass messages along a sparse adjacency (receivers, senders); x is float32 (senders, d)."""
        received: Tensor = self.propagate(adjacency, x=x)
        return received

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor) -> Tensor:
        """Send and sum in one sparse product."""
        summed: Tensor = spmm(adj_t, x, reduce="sum")
        return summed


_CONV = SumConv()


def propagate_hops(parents: sp.csr_array, start: sp.csr_array) -> sp.csr_array:
    """Sum of ``DECAY^h parents^h start`` over all hops h; ends because the parents have no cycle."""
    total, frontier, weight = start, start, 1.0
    while frontier.nnz:
        frontier = propagate_sparse(parents, frontier)
        weight *= DECAY
        total = total + weight * frontier
    return sp.csr_array(total)


def propagate_sparse(adjacency: sp.csr_array, vectors: sp.csr_array) -> sp.csr_array:
    """One hop of sparse vectors, a chunk of dense columns at a time."""
    if not vectors.shape[1]:
        return sp.csr_array((adjacency.shape[0], 0))
    receivers = _tensor(adjacency)
    parts, width = [], int(np.clip(_CELLS // max(vectors.shape[0], 1), _LEAST_CHUNK, _CHUNK))
    for first in range(0, vectors.shape[1], width):
        chunk = vectors[:, first : first + width].astype(np.float32).toarray()
        parts.append(sp.csr_array(_convolved(receivers, chunk)))
    received: sp.csr_array = sp.hstack(parts, format="csr", dtype=np.float64)
    return received


def propagate_dense(adjacency: sp.csr_array, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One hop of dense vectors, float32 (senders, d) to (receivers, d)."""
    return _convolved(_tensor(adjacency), vectors)


def _convolved(receivers: Tensor, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with torch.no_grad():
        received: npt.NDArray[np.float32] = _CONV(torch.from_numpy(vectors), receivers).numpy()
    return received


def _tensor(matrix: sp.csr_array) -> Tensor:
    starts, columns = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    values = torch.from_numpy(matrix.data.astype(np.float32))
    with warnings.catch_warnings():  # that such tensors are "in beta state" is nothing to tell users
        warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
        return torch.sparse_csr_tensor(starts, columns, values, size=matrix.shape, check_invariants=False)


def unit_rows(block: sp.csr_array) -> sp.csr_array:
    """Rows of length 1; zero rows stay zero."""
    length = np.sqrt(block.power(2).sum(axis=1))
    scaled = sp.csr_array(sp.diags_array(1.0 / np.where(length > 0, length, 1.0)) @ block)
    scaled.sort_indices()  # else the first product would, in place: other bits and another fingerprint than before
    return scaled


def unit_rows_dense(block: FloatArray) -> FloatArray:
    """Rows of length 1; zero rows stay zero."""
    length = np.linalg.norm(block, axis=1, keepdims=True)
    scaled: FloatArray = np.divide(block, length, out=np.zeros_like(block), where=length > 0)
    return scaled
