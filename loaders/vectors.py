"""Precomputed vectors of targets (images, sounds, anything): tables or Parquet files with the columns id and vector."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arguments import expect
from ..arrays import FloatArray, IntArray
from ..display import short_repr
from ..errors import InputError
from ..graph import Id, Ids
from ..graph.frames import Table, read_frame
from ..graph.ids import own_id
from .base import located
from .files.parquet import read_parquet

Vectors = Mapping[str, Table | str | Path]
"""Name of a kind of vectors, such as "image" -> a table, or the path of a Parquet file."""

_ALIKE = 1e-9


@dataclass(frozen=True, eq=False)
class Given:
    """Vectors of one kind as given: own ids (m), row numbers in the table from 1 (m,), finite float64 (m, d)."""

    ids: tuple[Id, ...]
    rows: IntArray
    matrix: FloatArray

    __repr__ = short_repr


def read_vectors(given: Vectors | None, ids: Ids) -> dict[str, FloatArray]:
    """Vectors of a catalog's n targets and groups by name, float64 (n, d), of length 1, or zeros where there are none.

    Raises:
        SourceError: a file cannot be read.
        InputError: a table or a file is not of this form, vectors differ in length or are not finite, an id is unknown
            or occurs twice, or all vectors point the same way.
    """
    found: dict[str, FloatArray] = {}
    for name, table in _named(given).items():
        opened = _opened(table)
        with _naming(table):
            own = _read(name, opened)
            if unknown := [i for i, at in enumerate(ids.find(own.ids).tolist()) if at < 0]:
                first = own.ids[unknown[0]]
                other = ids.values and isinstance(first, str) is not isinstance(ids.values[0], str)
                hint = f" (its ids are {type(ids.values[0]).__name__}, not {type(first).__name__})" if other else ""
                raise InputError(
                    f"The {name} vectors name the target {first!r} (row {own.rows[unknown[0]]}), which the catalog "
                    f"does not have{hint}; correct the id or leave the row out."
                )
            found[name] = _unit_rows(own, ids)
            vectors = found[name][found[name].any(axis=1)]
            if not len(vectors) or np.ptp(vectors, axis=0).max() < _ALIKE:
                what = "are all zero" if not len(vectors) else "all point the same way"
                raise InputError(f"The {name} vectors {what}, so they distinguish no targets; leave them out.")
    return found


def read_more_vectors(
    given: Vectors | None, ids: Ids, before: int, known: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """As :func:`read_vectors`, given kinds alone, for targets added behind the first ``before``, which get zeros.

    ``known``: name -> float64 (before, d); InputError also for other kinds or lengths, and for targets not added.
    """
    found: dict[str, FloatArray] = {}
    for name, table in _named(given).items():
        if name not in known:
            raise InputError(
                f"The model knows no {name} vectors (it knows: {', '.join(known) or 'none'}); leave them out, or fit "
                "again with them."
            )
        opened = _opened(table)
        with _naming(table):
            own = _read(name, opened)
            if not own.ids:
                continue
            if len(other := np.flatnonzero(ids.find(own.ids) < before)):
                first = other[0]
                raise InputError(
                    f"The {name} vectors name the target {own.ids[first]!r} (row {own.rows[first]}), which is not "
                    "among those added; leave the row out, or fit again with it."
                )
            if own.matrix.shape[1] != (width := known[name].shape[1]):
                raise InputError(
                    f"The {name} vector of {own.ids[0]!r} (row {own.rows[0]}) has {own.matrix.shape[1]} numbers, those "
                    f"of the model have {width}; give vectors of the same encoder."
                )
            found[name] = _unit_rows(own, ids)
    return found


def _opened(table: Table | str | Path) -> Table:
    return read_parquet(Path(table), "vectors").table if isinstance(table, str | Path) else table


def _named(given: Vectors | None) -> Vectors:
    given = {} if given is None else given
    expect(given, Mapping, "vectors", "give a mapping of names to tables or files")
    return given


def _naming(table: Any) -> AbstractContextManager[None]:
    return located(table) if isinstance(table, str | Path) else nullcontext()


def _unit_rows(own: Given, ids: Ids) -> FloatArray:
    largest = np.abs(own.matrix).max(axis=1, keepdims=True, initial=0.0)
    scaled = np.divide(own.matrix, largest, out=np.zeros_like(own.matrix), where=largest > 0)  # no square overflows
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    found = np.zeros((len(ids), own.matrix.shape[1]))
    found[ids.find(own.ids)] = np.divide(scaled, length, out=np.zeros_like(scaled), where=length > 0)
    return found


def _read(name: str, table: Table) -> Given:
    frame = read_frame(table, f"{name} vectors", ("id", "vector"), rest=False)
    arrow: pa.Table = frame.to_native()
    column = arrow.column("vector").combine_chunks()
    kind = column.type
    numbers = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not numbers or not (pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type)):
        raise InputError(
            f"The column 'vector' of the {name} vectors holds {kind}; give a list of numbers in each cell."
        )
    there = np.flatnonzero(pc.is_valid(column).to_numpy(zero_copy_only=False))
    cells = arrow.column("id").to_pylist()
    own = [own_id(cells[i]) for i in there.tolist()]
    held: dict[Id, int] = {}
    for row, value in zip((there + 1).tolist(), own, strict=True):
        if value is None:
            raise InputError(f"The {name} vectors have no id in row {row}; add it or leave the row out.")
        if value in held:
            raise InputError(
                f"The {name} vectors have two rows for the target {value!r} (rows {held[value]} and {row}); keep one."
            )
        held[value] = row
    return Given(tuple(held), there + 1, _matrix(name, column.take(pa.array(there)), tuple(held), there + 1))


def _matrix(name: str, column: Any, ids: tuple[Id, ...], rows: IntArray) -> FloatArray:
    """Lists of numbers as one matrix, float64 (m, d)."""
    if not len(ids):
        return np.zeros((0, 1))
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    if len(other := np.flatnonzero((lengths != lengths[0]) | (lengths == 0))):
        at = other[0]
        raise InputError(
            f"The {name} vector of {ids[at]!r} (row {rows[at]}) has {lengths[at]} numbers, that of {ids[0]!r} (row "
            f"{rows[0]}) {lengths[0]}; give all of them the same number, 1 or more."
        )
    flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    matrix: FloatArray = flat.reshape(len(ids), int(lengths[0]))
    if not (finite := np.isfinite(matrix).all(axis=1)).all():
        at = int(np.argmin(finite))
        raise InputError(
            f"The {name} vector of {ids[at]!r} (row {rows[at]}) has a number that is missing or not finite; correct it "
            "or leave the row out."
        )
    return matrix
