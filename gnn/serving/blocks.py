"""Feature blocks and their schema in one safetensors file; a block is read when an answer first needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from safetensors import safe_open

from ...graph import CatalogGraph
from ..propagation.features import Block, FeatureBlocks
from ..propagation.schema import AttributeVocabulary, FeatureSchema, StandardScaler

Array = np.ndarray[Any, Any]
_CSR = ("data", "indices", "indptr")


class ArrayFile(Mapping[str, Array]):
    """The arrays of a safetensors file, each read anew whenever it is wanted; float16 ones as float64.

    The file stays open, so what is read later is what was there at first, even if another model takes its place.
    """

    def __init__(self, path: Path) -> None:
        self._file = cast("Any", safe_open(path, "numpy"))  # its methods publish no types
        self._names = frozenset(self._file.keys())

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        array: Array = self._file.get_tensor(name)
        return array.astype(np.float64) if array.dtype == np.float16 else array

    def __contains__(self, name: object) -> bool:
        return name in self._names  # a mapping would read the array to find out

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class StoredBlocks(Mapping[str, Block]):
    """The blocks of a saved model by name, each kept once it was read."""

    def __init__(self, arrays: ArrayFile, shapes: Mapping[str, list[int]]) -> None:
        self._arrays = arrays
        self._shapes = shapes
        self._place = {name: place for place, name in enumerate(shapes)}
        self._read: dict[str, Block] = {}

    def __getitem__(self, name: str) -> Block:
        if name not in self._read:
            place, (rows, columns) = self._place[name], self._shapes[name]
            if f"{place}.dense" in self._arrays:
                self._read[name] = self._arrays[f"{place}.dense"]
            else:
                parts = tuple(self._arrays[f"{place}.{part}"] for part in _CSR)
                self._read[name] = sp.csr_array(parts, shape=(rows, columns))
        return self._read[name]

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


def read_schema(config: Mapping[str, Any], arrays: Mapping[str, Array], graph: CatalogGraph) -> FeatureSchema:
    """A schema from :func:`schema_config` and :func:`schema_arrays`."""
    return FeatureSchema(
        size=config["size"],
        shared=FeatureSchema.shared_names(graph, config["size"]),
        texts=config["texts"],
        general=arrays.get("frozen.general"),
        values={
            name: AttributeVocabulary(arrays[f"frozen.{place}.positions"], arrays[f"frozen.{place}.rarity"])
            for place, name in enumerate(config["values"])
        },
        relations=config["relations"],
        features=config["features"],
        scales={name: tuple(StandardScaler(**scale) for scale in scales) for name, scales in config["scales"].items()},
    )
