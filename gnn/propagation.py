"""Message passing over the typed relations: what a target's texts, numbers, ancestors and attributes say of it.

Every general node (an attribute, a category with others below it) carries a fixed identity vector. Identity vectors
travel down the typed edges with PyTorch Geometric, one hop at a time, weakened by every further hop, and meet at the
targets: two targets resemble each other in a relation as far as they received the same messages.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

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

from ..graph import CatalogGraph, Relation
from ..graph.catalog import Edges, FloatArray, IntArray

DECAY = 0.5
"""What is left of a message after each hop beyond the first."""

_CHUNK = 1024
"""Identity vectors that travel together; bounds the memory to nodes x chunk x 4 bytes."""

Block = sp.csr_array | FloatArray
Texts = npt.NDArray[np.float32]


class Kind(StrEnum):
    """What a block says of a target: what it is (the first four) or how it stands in the graph (the others)."""

    TEXT = "text"
    NAME = "name"
    RELATION = "relation"
    FEATURE = "feature"
    COUNT = "count"
    MIX = "mix"
    PLACE = "place"


@dataclass(frozen=True, eq=False)
class Blocks:
    """phi: one block of columns per kind of knowledge, over all n targets and groups.

    Attributes:
        matrices: name of the block -> float64 (n, d), dense or CSR. Rows of relations have length 1 (or 0 where a
            target has no such edge), numbers are standardised, texts are unit vectors.
        kinds: name of the block -> what it says.
    """

    matrices: Mapping[str, Block]
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of names and numbers."""
        digest = hashlib.sha256()
        for name, block in self.matrices.items():
            parts = (block,) if isinstance(block, np.ndarray) else (block.data, block.indices, block.indptr)
            digest.update(repr((name, block.shape)).encode())
            for part in parts:
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the blocks, in order."""
        return tuple(self.matrices)

    def of(self, kinds: Collection[Kind]) -> Blocks:
        """The blocks of some kinds alone."""
        matrices = {name: block for name, block in self.matrices.items() if self.kinds[name] in kinds}
        return Blocks(matrices, {name: self.kinds[name] for name in matrices})

    def squared_distances(self, name: str, rows: IntArray, columns: IntArray) -> npt.NDArray[np.float32]:
        """|phi(r) - phi(c)|^2 in one block, float32 (rows, columns)."""
        matrix = self.matrices[name]
        product: FloatArray
        if isinstance(matrix, np.ndarray):
            if matrix.shape[1] == 1:  # exact where a difference is zero
                return np.square(matrix[rows] - matrix[columns].T).astype(np.float32)
            product, lengths = matrix[rows] @ matrix[columns].T, np.square(matrix).sum(axis=1)
        else:
            product, lengths = (matrix[rows] @ matrix[columns].T).toarray(), matrix.power(2).sum(axis=1)
        product *= -2.0
        product += lengths[rows][:, None]
        product += lengths[columns][None, :]
        return np.maximum(product, 0.0).astype(np.float32)


class Hop(MessagePassing):  # type: ignore[misc]  # PyTorch Geometric publishes no types
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


def propagate(graph: CatalogGraph, texts: Texts | None, names: Texts | None = None) -> Blocks:
    """Compute phi for all targets and groups of a catalog.

    Args:
        graph: the catalog, n targets and groups.
        texts: text embeddings, float32 (n, d), zero rows where there is no text; None without texts.
        names: embeddings of the names alone, float32 (n, d); None where the texts say no more than the names.

    Returns:
        The blocks ``text``, ``name``, ``parent text``, ``ancestors`` and ``place``, for every attribute name the
        identities of its values, their number (``NAME count``) and how evenly they share the target (``NAME mix``),
        and one per feature; blocks in which all targets are alike are left out.
    """
    hop = Hop()
    found: dict[str, Block] = {}
    kinds: dict[str, Kind] = {}

    def add(name: str, kind: Kind, block: Block) -> None:
        if _varies(block):
            found[name], kinds[name] = block, kind

    parents = graph.parents
    if texts is not None and np.any(texts):
        add("text", Kind.TEXT, texts.astype(np.float64))
        if names is not None:
            add("name", Kind.NAME, names.astype(np.float64))
        above = _parent_texts(hop, parents, texts) if parents.nnz else None
        if above is not None:
            add("parent text", Kind.RELATION, above)
        add("place", Kind.PLACE, _place(graph, texts, above))
    if parents.nnz:
        add("ancestors", Kind.RELATION, _unit(_ancestors(hop, parents)))
    taken = {"text", "name", "parent text", "ancestors", "place"}
    for name in sorted({attribute.name for attribute in graph.attributes}):
        own = f"{name} (attribute)" if name in taken else name
        taken |= {own, f"{own} count", f"{own} mix"}
        add(own, Kind.RELATION, _unit(_attribute(hop, graph, name)))
        add(f"{own} count", Kind.COUNT, _standardised(_number_of_values(graph, name)))
        add(f"{own} mix", Kind.MIX, _mix(graph, name))
    for name, column in graph.features.items():
        add(f"{name} (feature)" if name in taken else name, Kind.FEATURE, _standardised(column))
    return Blocks(found, kinds)


def _parent_texts(hop: Hop, parents: sp.csr_array, texts: Texts) -> FloatArray:
    """Mean of the parents' embeddings, as unit vectors."""
    return _unit_dense(_receive(hop, _tensor(parents), torch.from_numpy(texts)).astype(np.float64))


def _place(graph: CatalogGraph, texts: Texts, above: FloatArray | None) -> FloatArray:
    """How general a target is: how many share its name, and how much its text is its parents'. Float64 (n, 1 or 2).

    A shop that has seven categories called "accessories" sells little in each; one that is called like its parent
    holds the bulk of it.
    """
    shared = Counter(graph.names)
    columns = [_standardised(np.array([shared[name] for name in graph.names], dtype=np.float64))]
    if above is not None:
        likeness = np.einsum("nd,nd->n", texts.astype(np.float64), above)
        likeness[np.diff(graph.parents.indptr) == 0] = np.nan
        columns.append(_standardised(likeness, logarithm=False))
    return np.hstack(columns)


def _ancestors(hop: Hop, parents: sp.csr_array) -> sp.csr_array:
    """Identity of the categories above (and of a category with others below it, itself), weakened by distance."""
    general = np.unique(parents.indices)
    start = sp.csr_array((np.ones(len(general)), (general, np.arange(len(general)))), (parents.shape[0], len(general)))
    return _spread(hop, parents, start)


def _attribute(hop: Hop, graph: CatalogGraph, name: str) -> sp.csr_array:
    """Identity of one attribute's values, rare values counting more, wider ones reached through their hierarchy."""
    own = np.array([i for i, attribute in enumerate(graph.attributes) if attribute.name == name], dtype=np.int64)
    place = np.full(len(graph.attributes), -1, dtype=np.int64)
    place[own] = np.arange(len(own))
    has = _matrix(graph.edges[Relation.HAS_ATTRIBUTE], place, (len(graph), len(own)))
    up = graph.edges[Relation.ATTRIBUTE_CHILD_OF]
    inside = Edges(place[up.tail], up.head, up.weight)
    hierarchy = _matrix(inside, place, (len(own), len(own)))
    identity = sp.csr_array(sp.eye_array(len(own)))
    values = _spread(hop, hierarchy, identity) if hierarchy.nnz else identity
    reach = sp.csr_array(values.T)  # (general value, special value)
    carriers = np.maximum(np.bincount((has @ values).indices, minlength=len(own)), 1)
    rarity = np.log((len(graph) + 1) / carriers)  # inverse document frequency
    strength = _unit(has.sqrt())
    received = _through(hop, strength, sp.csr_array(reach.T))
    return sp.csr_array(received @ sp.diags_array(rarity))


def _number_of_values(graph: CatalogGraph, name: str) -> FloatArray:
    """How many values of one attribute each target has, float64 (n,): its degree in that relation."""
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    named = np.array([attribute.name == name for attribute in graph.attributes])[has.head]
    return np.bincount(has.tail[named], minlength=len(graph)).astype(np.float64)


def _mix(graph: CatalogGraph, name: str) -> FloatArray:
    """How evenly the values of one attribute share a target, float64 (n, 2).

    The logarithms of the Hill numbers of order 1 and 2, that is of the effective number of values by entropy and by
    the inverse Simpson index (Hill 1973, equation 1), over each value's share of the edge weights. The number of
    values is the one of order 0.
    """
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    named = np.array([attribute.name == name for attribute in graph.attributes])[has.head]
    tail, weight = has.tail[named], has.weight[named]
    share = weight / np.bincount(tail, weights=weight, minlength=len(graph))[tail]
    entropy = np.bincount(tail, weights=-share * np.log(share), minlength=len(graph))
    simpson = np.bincount(tail, weights=np.square(share), minlength=len(graph))
    logs = (entropy, -np.log(np.where(simpson > 0, simpson, 1.0)))
    return np.hstack([_standardised(np.maximum(column, 0.0), logarithm=False) for column in logs])


def _matrix(edges: Edges, place: IntArray, shape: tuple[int, int]) -> sp.csr_array:
    """The edges whose head (and tail) has a place, as a matrix (tails, heads)."""
    keep = (place[edges.head] >= 0) & (edges.tail >= 0)
    return sp.csr_array((edges.weight[keep], (edges.tail[keep], place[edges.head[keep]])), shape=shape)


def _spread(hop: Hop, parents: sp.csr_array, start: sp.csr_array) -> sp.csr_array:
    """Sum of ``DECAY^h parents^h start`` over all hops h; ends because the parents have no cycle."""
    total, frontier, weight = start, start, 1.0
    while frontier.nnz:
        frontier = _through(hop, parents, frontier)
        weight *= DECAY
        total = total + weight * frontier
    return sp.csr_array(total)


def _through(hop: Hop, adjacency: sp.csr_array, vectors: sp.csr_array) -> sp.csr_array:
    """One hop of sparse vectors, a chunk of dense columns at a time."""
    receivers = _tensor(adjacency)
    parts = []
    for first in range(0, vectors.shape[1], _CHUNK):
        chunk = vectors[:, first : first + _CHUNK].toarray().astype(np.float32)
        parts.append(sp.csr_array(_receive(hop, receivers, torch.from_numpy(chunk))))
    received: sp.csr_array = sp.hstack(parts, format="csr", dtype=np.float64)
    return received


def _receive(hop: Hop, adjacency: Tensor, vectors: Tensor) -> npt.NDArray[np.float32]:
    with torch.no_grad():
        received: npt.NDArray[np.float32] = hop(vectors, adjacency).numpy()
    return received


def _tensor(matrix: sp.csr_array) -> Tensor:
    starts, columns = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    values = torch.from_numpy(matrix.data.astype(np.float32))
    with warnings.catch_warnings():  # that such tensors are "in beta state" is nothing to tell users
        warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
        return torch.sparse_csr_tensor(starts, columns, values, size=matrix.shape, check_invariants=False)


def _unit(block: sp.csr_array) -> sp.csr_array:
    """Rows of length 1; zero rows stay zero."""
    length = np.sqrt(block.power(2).sum(axis=1))
    unit = sp.csr_array(sp.diags_array(1.0 / np.where(length > 0, length, 1.0)) @ block)
    unit.sort_indices()  # else the first product would, in place: other bits and another fingerprint than before
    return unit


def _unit_dense(block: FloatArray) -> FloatArray:
    """Rows of length 1; zero rows stay zero."""
    length = np.linalg.norm(block, axis=1, keepdims=True)
    unit: FloatArray = np.divide(block, length, out=np.zeros_like(block), where=length > 0)
    return unit


def _standardised(column: FloatArray, *, logarithm: bool = True) -> FloatArray:
    """Mean 0 and deviation 1 over the known values, on a logarithmic scale if none is negative; unknown ones are 0."""
    known = ~np.isnan(column)
    if not known.any():
        return np.zeros((len(column), 1))
    scaled = np.log1p(column) if logarithm and column[known].min() >= 0 else column
    deviation = scaled[known].std()
    centred = (scaled - scaled[known].mean()) / (deviation if deviation > 0 else 1.0)
    return np.where(known, centred, 0.0)[:, None]


def _varies(block: Block) -> bool:
    if isinstance(block, np.ndarray):
        return bool(np.any(block != block[0]))
    alike = sp.csr_array(np.ones((block.shape[0], 1))) @ block[[0]]
    return bool(np.any(abs(block - alike).data > 0))
