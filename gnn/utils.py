"""Frozen objects with other fields, and random parts of many."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _D = TypeVar("_D", bound=DataclassInstance)
import numpy as np

from ..arrays import IntArray


def replace_keeping_cache(known: _D, derived: Collection[str] | None = None, **changes: object) -> _D:
    """The same with other fields and all, or the named ones, of its cached properties.

    Whoever calls knows that these do not depend on what changes.
    """
    made = replace(known, **changes)
    own = {each.name for each in fields(known)}
    kept = {name: value for name, value in vars(known).items() if name not in own}
    made.__dict__.update({name: value for name, value in kept.items() if derived is None or name in derived})
    return made


def sample(positions: IntArray, most: int, seed: int) -> IntArray:
    """At most ``most`` of some positions, drawn without replacement; ascending where they are drawn."""
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))
