"""phi as blocks of columns: what they are called, how far apart two targets are in one, and how they grow."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray

Block = sp.csr_array | FloatArray


_FEW = 64
"""So many rows at most are compared again and again, and added one after another."""


class FeatureKind(StrEnum):
    """What a block says of a target: what it is (the first five) or how it stands in the graph (the others)."""

    TEXT = "text"
    NAME = "name"
    RELATION = "relation"
    FEATURE = "feature"
    MODALITY = "modality"
    COUNT = "count"
    MIX = "mix"
    PLACE = "place"


@dataclass(frozen=True, eq=False)
class FeatureBlocks:
    """phi: one block of columns per kind of knowledge, over all n targets and groups.

    Attributes:
        matrices: name of the block -> float64 (n, d), dense or CSR. Rows of relations have length 1 (or 0 where a
            target has no such edge), numbers are standardised, texts and other given vectors are unit vectors.
        kinds: name of the block -> what it says.
    """

    matrices: Mapping[str, Block]
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict)

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
        """The blocks of some kinds alone."""
        matrices = {name: block for name, block in self.matrices.items() if self.kinds[name] in kinds}
        return FeatureBlocks(matrices, {name: self.kinds[name] for name in matrices})

    def squared_distances(self, name: str, rows: IntArray, columns: IntArray) -> npt.NDArray[np.float32]:
        """|phi(r) - phi(c)|^2 in one block, float32 (rows, columns)."""
        matrix = self.matrices[name]
        product: FloatArray
        if isinstance(matrix, np.ndarray) and matrix.shape[1] == 1:  # exact where a difference is zero
            return np.square(matrix[rows] - matrix[columns].T).astype(np.float32)
        part, of_columns = self._compared(name, columns, keep=len(rows) <= _FEW)
        own: Block = matrix[rows]
        product = own @ part.T if isinstance(own, np.ndarray) else sp.csr_array(own @ part.T).toarray()
        product *= -2.0
        product += _squares(own)[:, None]
        product += of_columns[None, :]
        return np.maximum(product, 0.0).astype(np.float32)

    def _compared(self, name: str, columns: IntArray, *, keep: bool) -> tuple[Block, FloatArray]:
        """Rows of a block that others are compared with and their squared lengths, those of the last time if kept."""
        known = self._kept.get(name)
        if known is not None and np.array_equal(known[0], columns):
            return known[1], known[2]
        part = self.matrices[name][columns]
        found = columns, part, _squares(part)
        if keep:
            self._kept[name] = found
        return found[1:]

    @cached_property
    def _kept(self) -> dict[str, tuple[IntArray, Block, FloatArray]]:
        """Name of the block -> what few targets were last compared with: all seen ones, most of the time."""
        return {}

    @cached_property
    def _rooms(self) -> dict[str, _Room]:
        """Name of the block -> where its next rows go."""
        return {}


def _squares(block: Block) -> FloatArray:
    """Squared lengths of the rows."""
    return np.asarray(np.square(block).sum(axis=1) if isinstance(block, np.ndarray) else block.power(2).sum(axis=1))


def extend_blocks(blocks: FeatureBlocks, rows: Mapping[str, Block], targets: IntArray) -> FeatureBlocks:
    """Put rows of :func:`describe` into phi.

    Args:
        blocks: phi of n targets and groups.
        rows: their new rows; blocks that phi does not have are left out.
        targets: their positions, ascending: below n the row is replaced, from n on all are there.
    """
    added = targets >= blocks.size
    matrices: dict[str, Block] = {}
    rooms: dict[str, _Room] = {}
    for name, block in blocks.matrices.items():
        new = rows[name]
        if not isinstance(block, np.ndarray):
            matrices[name] = _put(block, sp.csr_array(new), targets)
            continue
        dense = np.asarray(new)
        grown, rooms[name] = _grown(block, dense[added], None if not added.all() else blocks._rooms.get(name))
        grown[targets[~added]] = dense[~added]
        matrices[name] = grown
    made = FeatureBlocks(matrices, blocks.kinds)
    made._rooms.update(rooms)
    for name, (columns, part, squares) in blocks._kept.items():
        if not np.isin(columns, targets).any():
            made._kept[name] = columns, _wider(part, matrices[name].shape[1]), squares
    return made


@dataclass(eq=False)
class _Room:
    """Rows of a dense block with free ones behind them: to add a few costs no copy of all.

    Attributes:
        rows: float64 (capacity, d).
        used: how many are taken, by whichever of the blocks that share them was extended first.
    """

    rows: FloatArray
    used: int


_turn = Lock()


def _grown(block: FloatArray, new: FloatArray, room: _Room | None) -> tuple[FloatArray, _Room]:
    """A dense block with rows behind it, and where the next ones go; with a room the old rows are shared."""
    before, size = len(block), len(block) + len(new)
    if room is not None:
        with _turn:
            if room.used == before and size <= len(room.rows):
                room.rows[before:size] = new
                room.used = size
                return room.rows[:size], room
    rows = np.empty((size + size // 8 + _FEW, block.shape[1]))
    rows[:before], rows[before:size] = block, new
    return rows[:size], _Room(rows, size)


def _put(block: sp.csr_array, rows: sp.csr_array, targets: IntArray) -> sp.csr_array:
    """A sparse block with some rows replaced and some behind it; columns that are new are zero in old rows."""
    before = block.shape[0]
    stacked = sp.csr_array(sp.vstack([sp.csr_array(_wider(block, rows.shape[1])), rows]))
    kept = targets < before
    if not kept.any():
        return stacked
    order = np.arange(stacked.shape[0] - np.count_nonzero(kept))
    order[targets] = before + np.arange(len(targets))
    return sp.csr_array(stacked[order])


def _wider(block: Block, width: int) -> Block:
    """The same with zero columns behind."""
    if isinstance(block, np.ndarray) or block.shape[1] == width:
        return block
    return sp.csr_array((block.data, block.indices, block.indptr), shape=(block.shape[0], width))
