"""Small helpers of every package here: chunks, random samples, unit vectors, copies that keep their caches."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..arrays import FloatArray, IntArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _D = TypeVar("_D", bound=DataclassInstance)


def chunks(size: int, step: int) -> Iterator[slice]:
    """Consecutive slices of at most ``step`` that cover ``range(size)``."""
    return (slice(start, min(start + step, size)) for start in range(0, size, step))


def sample(positions: IntArray, most: int, seed: int) -> IntArray:
    """A random sample of at most ``most`` positions without replacement; ascending where it is a real sample."""
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Rows of length 1, float64 (n, d); zero rows stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return scaled


def replace_keeping_cache(known: _D, derived: Collection[str] | None = None, **changes: object) -> _D:
    """Replace fields of a dataclass and keep all, or the named ones, of its cached properties.

    The caller guarantees that these do not depend on what changes.
    """
    changed = replace(known, **changes)
    stored = {each.name for each in fields(known)}
    # a copy, as another thread may add to it meanwhile
    cached = {name: value for name, value in dict(vars(known)).items() if name not in stored}
    changed.__dict__.update({name: value for name, value in cached.items() if derived is None or name in derived})
    return changed
