"""The graph convolution: message passing along sparse edges with PyTorch Geometric.

It has no trainable weights: a fixed propagation, as in simplified graph convolution (Wu et al. 2019). What is learned
are the kernel's weights on its output, and the factors. Serving does not import this module, and so no torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from ...arrays import Float32Array
from ..compile_cache import without_compile_cache
from ..threads import surviving_threads

with without_compile_cache(), warnings.catch_warnings():
    # PyTorch Geometric scripts itself, which newer versions of torch deprecate
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import MessagePassing

DECAY = 0.5
"""Factor by which a message is weakened at each hop beyond the first."""


class SumConv(MessagePassing):  # type: ignore[misc]  # PyTorch Geometric publishes no types
    """One hop: every node receives the weighted sum of its neighbours' vectors."""

    def __init__(self) -> None:
        super().__init__(aggr="sum")

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Pass messages x, float32 (senders, d), along a sparse adjacency (receivers, senders)."""
        received: Tensor = self.propagate(adjacency, x=x)
        return received

    def propagate(self, edge_index: Tensor, size: tuple[int, int] | None = None, **inputs: Tensor) -> Tensor:
        """Propagate as the base class does; a class with a method of its own makes it write no code to a file."""
        received: Tensor = super().propagate(edge_index, size, **inputs)
        return received

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor) -> Tensor:
        """Send and sum in one sparse product."""
        summed: Tensor = torch.sparse.mm(adj_t, x)
        return summed


_CONV = SumConv()


def propagate_hops(parents: sp.csr_array, start: sp.csr_array) -> sp.csr_array:
    """Sum of ``DECAY^h parents^h start`` over all hops h; terminates because the parents have no cycle."""
    total, frontier, weight = start, start, 1.0
    while frontier.nnz:
        frontier = propagate_sparse(parents, frontier)
        weight *= DECAY
        total = total + weight * frontier
    return sp.csr_array(total)


def propagate_sparse(adjacency: sp.csr_array, vectors: sp.csr_array) -> sp.csr_array:
    """One hop of sparse vectors, float64 CSR (senders, d) to (receivers, d); summed in single precision."""
    with _inference():
        received = _CONV(_coo_tensor(vectors), _coo_tensor(adjacency)).coalesce()
    entries = received.values().numpy(), tuple(received.indices().int().numpy())
    matrix: sp.csr_array = sp.csr_array(entries, shape=tuple(received.shape), dtype=np.float64)
    matrix.eliminate_zeros()
    return matrix


def propagate_dense(adjacency: sp.csr_array, vectors: Float32Array) -> Float32Array:
    """One hop of dense vectors, float32 (senders, d) to (receivers, d)."""
    starts, columns = (torch.from_numpy(part.astype(np.int64)) for part in (adjacency.indptr, adjacency.indices))
    values = torch.from_numpy(adjacency.data.astype(np.float32))
    with _inference():
        edges = torch.sparse_csr_tensor(starts, columns, values, size=adjacency.shape, check_invariants=False)
        received: Float32Array = _CONV(torch.from_numpy(vectors), edges).numpy()
    return received


@contextmanager
def _inference() -> Iterator[None]:
    with (
        torch.no_grad(),
        surviving_threads(),
        warnings.catch_warnings(),
    ):  # that CSR tensors are "in beta state" concerns no user
        warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
        yield


def _coo_tensor(matrix: sp.csr_array) -> Tensor:
    """In the layout whose sparse-sparse product needs no MKL."""
    entries = matrix.tocoo()
    indices = torch.from_numpy(np.stack(entries.coords).astype(np.int64))
    values = torch.from_numpy(entries.data.astype(np.float32))
    return torch.sparse_coo_tensor(indices, values, matrix.shape, check_invariants=False)
