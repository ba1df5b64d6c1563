"""The parts of a catalog graph: relations, attributes, edges, and one node as its source describes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...arrays import FloatArray, IntArray
from ...display import short, short_repr
from ...errors import InputError
from ..ids import Id

RESERVED = frozenset(
    [
        "key",
        "id",
        "source",
        "name",
        "text",
        "level",
        "state",
        "buyers",
        "content_hash",
        "run_id",
        "embedding",
        "confidence",
        "group",
    ]
)
"""Property names of the store schema; no feature or attribute may take one of them."""
_SOURCE_NAME = re.compile(r"[a-z0-9_-]+")


@dataclass
class Node:
    """One target or group as its source describes it; see :class:`CatalogGraph` for the fields."""

    name: str
    text: str
    product: bool
    group: bool
    parents: list[Id]
    attributes: dict[Attribute, float]
    features: dict[str, float]  # availability too, as numbers


def check_source_name(source: str) -> None:
    """Raise :class:`InputError` for a name with other characters than ``a-z 0-9 _ -``."""
    if not isinstance(source, str) or not _SOURCE_NAME.fullmatch(source):
        raise InputError(f"The source name {short(source)} has other characters than a-z, 0-9, '_' and '-'.")


class Relation(StrEnum):
    """The typed edges of the graph; every edge points from the more specific to the more general node."""

    CHILD_OF = "CHILD_OF"
    IN_CATEGORY = "IN_CATEGORY"
    HAS_ATTRIBUTE = "HAS_ATTRIBUTE"
    ATTRIBUTE_CHILD_OF = "ATTRIBUTE_CHILD_OF"


class Attribute(NamedTuple):
    """A (name, value) pair that several targets share, such as ``("department", "GROCERY")``."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


def frozen(values: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A read-only copy of ``values`` as an array."""
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of one relation: tail (specific) and head positions int64 (e,), weights above 0, float64 (e,)."""

    tail: IntArray
    head: IntArray
    weight: FloatArray

    __repr__ = short_repr

    @classmethod
    def of(cls, tail: npt.ArrayLike, head: npt.ArrayLike, weight: npt.ArrayLike) -> Edges:
        """Edges from read-only copies of these columns, in their order."""
        return cls(frozen(tail, np.int64), frozen(head, np.int64), frozen(weight, np.float64))

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[int, int, float]]) -> Edges:
        """Edges from rows (tail, head, weight), sorted."""
        ordered = sorted(rows)
        tail, head, weight = zip(*ordered, strict=True) if ordered else ((), (), ())
        return cls.of(tail, head, weight)

    @property
    def rows(self) -> Iterator[tuple[int, int, float]]:
        """Rows (tail, head, weight)."""
        return zip(self.tail.tolist(), self.head.tolist(), self.weight.tolist(), strict=True)

    def sorted(self) -> Edges:
        """The same edges by tail, then by head."""
        order = np.lexsort((self.head, self.tail))
        return Edges.of(self.tail[order], self.head[order], self.weight[order])

    def __len__(self) -> int:
        return len(self.tail)


TO_ATTRIBUTE = frozenset({Relation.HAS_ATTRIBUTE, Relation.ATTRIBUTE_CHILD_OF})
