"""Target features as blocks of columns: their kinds, squared distances between targets, and new rows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import Float32Array, FloatArray, IntArray
from ...display import short_repr
from ...sharing import FieldsOnly, Lock

Block = sp.csr_array | FloatArray

_FEW = 64
"""Up to this many rows, the other side of a comparison is cached; so many rows are reserved for later ones."""


class FeatureKind(StrEnum):
    """What a block describes: the target itself (the first five) or its position in the graph (the others)."""

    TEXT = "text"
    NAME = "name"
    RELATION = "relation"
    FEATURE = "feature"
    MODALITY = "modality"
    COUNT = "count"
    MIX = "mix"
    PLACE = "place"


@dataclass(frozen=True, eq=False)
class FeatureBlocks(FieldsOnly):
    """The features of all n targets and groups, one block of columns per source of knowledge.

    Rows of relations have length 1 (0 without such an edge), numbers are standardised, texts and other given vectors
    are unit vectors.
    """

    matrices: Mapping[str, Block]  # float64 (n, d), dense or CSR
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict)

    __repr__ = short_repr

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
    def size(self) -> int:
        """Number n of targets and groups."""
        return next((int(block.shape[0]) for block in self.matrices.values()), 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the blocks, in order."""
        return tuple(self.matrices)

    def of(self, kinds: Collection[FeatureKind]) -> FeatureBlocks:
        """Only the blocks of some kinds."""
        matrices = {name: self.matrices[name] for name in self.matrices if self.kinds[name] in kinds}
        return FeatureBlocks(matrices, {name: self.kinds[name] for name in matrices})

    def squared_distances(self, name: str, rows: IntArray, columns: IntArray) -> Float32Array:
        """Squared Euclidean distances between targets in one block, float32 (rows, columns)."""
        matrix = self.matrices[name]
        product: FloatArray
        if isinstance(matrix, np.ndarray) and matrix.shape[1] == 1:  # exact where a difference is zero
            return np.square(matrix[rows] - matrix[columns].T).astype(np.float32)
        others, squares = self._rows_and_squares(name, columns, keep=len(rows) <= _FEW)
        block: Block = matrix[rows]
        product = block @ others.T if isinstance(block, np.ndarray) else sp.csr_array(block @ others.T).toarray()
        product *= -2.0
        product += _squares(block)[:, None]
        product += squares[None, :]
        return np.maximum(product, 0.0).astype(np.float32)

    def _rows_and_squares(self, name: str, targets: IntArray, *, keep: bool) -> tuple[Block, FloatArray]:
        cached = self._compared.get(name)
        if cached is not None and np.array_equal(cached[0], targets):
            return cached[1], cached[2]
        rows = self.matrices[name][targets]
        squares = _squares(rows)
        if keep:
            self._compared[name] = targets, rows, squares
        return rows, squares

    @cached_property
    def _compared(self) -> dict[str, tuple[IntArray, Block, FloatArray]]:
        """Name of the block -> the few targets last compared with: mostly all seen ones."""
        return {}

    @cached_property
    def _buffers(self) -> dict[str, _RowBuffer]:
        return {}


def _squares(block: Block) -> FloatArray:
    return np.asarray(np.square(block).sum(axis=1) if isinstance(block, np.ndarray) else block.power(2).sum(axis=1))


def extend_blocks(blocks: FeatureBlocks, rows: Mapping[str, Block], targets: IntArray) -> FeatureBlocks:
    """Replace rows of the features of n targets and groups, and append those from n on; ``targets`` are ascending.

    Blocks of ``rows`` that ``blocks`` lacks are ignored.
    """
    added = targets >= blocks.size
    matrices: dict[str, Block] = {}
    buffers: dict[str, _RowBuffer] = {}
    for name, block in blocks.matrices.items():
        if not isinstance(block, np.ndarray):
            matrices[name] = _replace_rows(block, sp.csr_array(rows[name]), targets)
            continue
        new = np.asarray(rows[name])
        grown, buffers[name] = _append_rows(block, new[added], blocks._buffers.get(name) if added.all() else None)
        grown[targets[~added]] = new[~added]
        matrices[name] = grown
    extended = FeatureBlocks(matrices, blocks.kinds)
    extended._buffers.update(buffers)
    for name, (columns, part, squares) in dict(blocks._compared).items():  # others may add to it
        if not np.isin(columns, targets).any():
            extended._compared[name] = columns, _pad_columns(part, matrices[name].shape[1]), squares
    return extended


@dataclass(eq=False)
class _RowBuffer:
    """Rows of a dense block, float64 (capacity, d), with free ones behind the ``used``: appending copies nothing."""

    rows: FloatArray
    used: int


_buffer_lock = Lock()


def _append_rows(block: FloatArray, new: FloatArray, buffer: _RowBuffer | None) -> tuple[FloatArray, _RowBuffer]:
    """A dense block with more rows, and the buffer for the next ones; a given buffer with room is shared."""
    before, size = len(block), len(block) + len(new)
    if buffer is not None:
        with _buffer_lock:
            if buffer.used == before and size <= len(buffer.rows):
                buffer.rows[before:size] = new
                buffer.used = size
                return buffer.rows[:size], buffer
    rows = np.empty((size + size // 8 + _FEW, block.shape[1]))
    rows[:before], rows[before:size] = block, new
    return rows[:size], _RowBuffer(rows, size)


def _replace_rows(block: sp.csr_array, rows: sp.csr_array, targets: IntArray) -> sp.csr_array:
    """Replace and append rows of a sparse block; new columns are zero in old rows."""
    before = block.shape[0]
    stacked = sp.csr_array(sp.vstack([sp.csr_array(_pad_columns(block, rows.shape[1])), rows]))
    replaced = targets < before
    if not replaced.any():
        return stacked
    order = np.arange(stacked.shape[0] - np.count_nonzero(replaced))
    order[targets] = before + np.arange(len(targets))
    return sp.csr_array(stacked[order])


def _pad_columns(block: Block, width: int) -> Block:
    if isinstance(block, np.ndarray) or block.shape[1] == width:
        return block
    return sp.csr_array((block.data, block.indices, block.indptr), shape=(block.shape[0], width))
