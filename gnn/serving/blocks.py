"""Feature blocks and their schema in one safetensors file; a block is read when an answer first needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from safetensors import safe_open

from ...errors import ModelFormatError
from ...graph import CatalogGraph
from ...sharing import Lock
from ..propagation.features import Block, FeatureBlocks
from ..propagation.schema import ANCESTORS, AttributeVocabulary, FeatureSchema
from .saved_config import SavedSchema

Array = np.ndarray[Any, Any]
_CSR = ("data", "indices", "indptr")


_FLOATS, _INTEGERS = ("F16", "F32", "F64"), ("I32", "I64")


class ArrayFile:
    """The arrays of a safetensors file, each read anew and checked whenever it is wanted; float16 ones as float64.

    The file stays open, so what is read later is what was there at first, even if another model takes its place.
    """

    def __init__(self, path: Path) -> None:
        self._file = cast("Any", safe_open(path, "numpy"))  # its methods publish no types
        self._names = frozenset(self._file.keys())
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def check(self, name: str, shape: tuple[int | None, ...], *, integers: bool = False) -> None:
        """Check an array's type and shape (None is any size) without reading it; else a ModelFormatError."""
        if name not in self._names:
            raise ModelFormatError(f"{self.path} lacks the array {name!r}.")
        header = self._file.get_slice(name)
        found, kind = tuple(header.get_shape()), header.get_dtype()
        fits = len(found) == len(shape) and all(size in (None, own) for own, size in zip(found, shape, strict=True))
        if not fits or kind not in (_INTEGERS if integers else _FLOATS):
            wanted = ", ".join("any" if size is None else f"{size:,}" for size in shape)
            raise ModelFormatError(
                f"The array {name!r} of {self.path} has the type {kind} and the shape {found}; a model has "
                f"{'integers' if integers else 'floats'} of the shape ({wanted})."
            )

    def numbers(self, name: str, *shape: int | None) -> Array:
        """An array of finite numbers of a shape (None is any size), float64, or float32 where it is stored so."""
        self.check(name, shape)
        array: Array = self._file.get_tensor(name)
        if not np.isfinite(array).all():
            raise self.error(name, "is not finite everywhere")
        return array.astype(np.float64) if array.dtype == np.float16 else array

    def integers(self, name: str, *shape: int | None, least: int, end: int) -> Array:
        """An array of integers from ``least`` to below ``end``, of a shape (None is any size)."""
        self.check(name, shape, integers=True)
        array: Array = self._file.get_tensor(name)
        if array.size and not least <= int(array.min()) <= int(array.max()) < end:
            raise self.error(name, f"has numbers outside {least:,} to {end - 1:,}")
        return array

    def error(self, name: str, problem: str) -> ModelFormatError:
        """The error for an array whose numbers cannot be those of a model."""
        return ModelFormatError(f"The array {name!r} of {self.path} {problem}.")


class StoredBlocks(Mapping[str, Block]):
    """The blocks of a saved model by name, each kept once it was read; ``shapes`` are their (rows, columns).

    Types and shapes are checked at once, numbers when a block is read: a ModelFormatError.
    """

    def __init__(self, arrays: ArrayFile, shapes: Mapping[str, tuple[int, ...]], graph: CatalogGraph) -> None:
        self._arrays = arrays
        self._shapes = shapes
        self._place = {name: place for place, name in enumerate(shapes)}
        self._read: dict[str, Block] = {}
        self._reading = Lock()
        for place, (rows, columns) in enumerate(shapes.values()):
            if rows != len(graph):
                raise arrays.error(f"{place}", f"has {rows:,} rows, the graph {len(graph):,}")
            if f"{place}.dense" in arrays:
                arrays.check(f"{place}.dense", (rows, columns))
            else:
                if columns > len(graph) + len(graph.attributes):  # of no file's size: a row may be empty
                    raise arrays.error(f"{place}.indices", f"has {columns:,} columns, more than the graph has nodes")
                arrays.check(f"{place}.data", (None,))
                arrays.check(f"{place}.indices", (None,), integers=True)
                arrays.check(f"{place}.indptr", (rows + 1,), integers=True)

    def __getitem__(self, name: str) -> Block:
        with self._reading:
            if name not in self._read:
                place, (rows, columns) = self._place[name], self._shapes[name]
                if f"{place}.dense" in self._arrays:
                    self._read[name] = self._arrays.numbers(f"{place}.dense", rows, columns)
                else:
                    self._read[name] = self._sparse(place, rows, columns)
            return self._read[name]

    def _sparse(self, place: int, rows: int, columns: int) -> sp.csr_array:
        arrays = self._arrays
        data = arrays.numbers(f"{place}.data", None)
        starts = arrays.integers(f"{place}.indptr", rows + 1, least=0, end=len(data) + 1)
        if starts[0] != 0 or starts[-1] != len(data) or (np.diff(starts) < 0).any():
            raise arrays.error(f"{place}.indptr", "does not ascend from 0 to the number of entries")
        indices = arrays.integers(f"{place}.indices", len(data), least=0, end=columns)
        return sp.csr_array((data, indices, starts), shape=(rows, columns))

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return dict, (dict(self),)  # an open file cannot be copied


def block_arrays(blocks: FeatureBlocks) -> dict[str, Array]:
    """The arrays of :class:`StoredBlocks`: ``PLACE.dense``, or the three of a CSR matrix."""
    arrays: dict[str, Array] = {}
    for place, block in enumerate(blocks.matrices.values()):
        if isinstance(block, np.ndarray):
            arrays[f"{place}.dense"] = np.ascontiguousarray(block)
        else:
            arrays |= {f"{place}.{part}": np.ascontiguousarray(getattr(block, part)) for part in _CSR}
    return arrays


def schema_arrays(schema: FeatureSchema) -> dict[str, Array]:
    """What of a schema is an array."""
    arrays: dict[str, Array] = {}
    if schema.general is not None:
        arrays["frozen.general"] = np.ascontiguousarray(schema.general)
    for place, values in enumerate(schema.values.values()):
        arrays |= {f"frozen.{place}.positions": values.positions, f"frozen.{place}.rarity": values.rarity}
    return arrays


def schema_config(schema: FeatureSchema) -> dict[str, Any]:
    """The rest of a schema, for JSON."""
    return {
        "size": schema.size,
        "texts": schema.texts,
        "values": list(schema.values),
        "relations": dict(schema.relations),
        "features": dict(schema.features),
        "scales": {name: [asdict(scale) for scale in scales] for name, scales in schema.scales.items()},
    }


def read_schema(
    config: SavedSchema, arrays: ArrayFile, graph: CatalogGraph, blocks: Mapping[str, tuple[int, ...]]
) -> FeatureSchema:
    """A schema from :func:`schema_config` and :func:`schema_arrays`; ModelFormatError where these do not fit.

    ``blocks`` are the (rows, columns) of all feature blocks.
    """
    if config.size > len(graph):
        raise ModelFormatError(f"The schema of the features has {config.size:,} targets, the graph {len(graph):,}.")

    def positions(name: str, end: int, block: str) -> Array:
        width = blocks[block][1] if block in blocks else None  # blocks that were constant at fit are left out
        return arrays.integers(name, width, least=-1, end=end)

    vocabularies = {}
    for place, name in enumerate(config.values):
        values = positions(f"frozen.{place}.positions", len(graph.attributes), config.relations[name])
        vocabularies[name] = AttributeVocabulary(values, arrays.numbers(f"frozen.{place}.rarity", len(values)))
    return FeatureSchema(
        size=config.size,
        shared=FeatureSchema.shared_names(graph, config.size),
        texts=config.texts,
        general=positions("frozen.general", len(graph), ANCESTORS)
        if "frozen.general" in arrays or ANCESTORS in blocks
        else None,
        values=vocabularies,
        relations=config.relations,
        features=config.features,
        scales=config.scales,
    )
