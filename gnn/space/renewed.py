"""Frozen objects with other fields, what was derived from the rest kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _D = TypeVar("_D", bound=DataclassInstance)


def renewed(known: _D, derived: Collection[str] | None = None, **changes: object) -> _D:
    """The same with other fields and all, or the named ones, of its cached properties.

    Whoever calls knows that these do not depend on what changes.
    """
    made = replace(known, **changes)
    own = {each.name for each in fields(known)}
    kept = {name: value for name, value in vars(known).items() if name not in own}
    made.__dict__.update({name: value for name, value in kept.items() if derived is None or name in derived})
    return made
