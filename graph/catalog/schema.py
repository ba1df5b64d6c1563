"""What a catalog graph is made of: relations, attributes, edges, and one node as a source describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...arrays import FloatArray, IntArray
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
    """What a source says of one target or group; see :class:`CatalogGraph` for the meaning of the fields."""

    name: str
    text: str
    product: bool
    group: bool
    parents: list[Id]
    attributes: dict[Attribute, float]
    features: dict[str, float]  # availability too, as numbers


def check_source_name(source: str) -> None:
    """Refuse a name of a source with other characters than ``a-z 0-9 _ -``.

    Raises:
        InputError: it has some.
    """
    if not _SOURCE_NAME.fullmatch(source):
        raise InputError(f"The source name {source!r} has other characters than a-z, 0-9, '_' and '-'.")


class Relation(StrEnum):
    """The typed edges of the graph; every edge points from the more special to the more general node."""

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
    """The edges of one relation as index arrays.

    Attributes:
        tail: positions of the special ends, int64, shape (e,).
        head: positions of the general ends, int64, shape (e,).
        weight: positive finite weights, float64, shape (e,).
    """

    tail: IntArray
    head: IntArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.tail)


TO_ATTRIBUTE = frozenset({Relation.HAS_ATTRIBUTE, Relation.ATTRIBUTE_CHILD_OF})
