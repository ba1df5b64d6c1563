"""Ids of a catalog that other ids may mean: they differ by blanks, case, leading zeros or a decimal point alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..ids import Id, Ids

_ODD = re.compile(r"[\s_-]+|\.0+$")


def near_ids(known: Ids, unknown: Iterable[Id]) -> dict[Id, Id]:
    """Unknown id -> the known one that it may mean, where there is one."""
    wanted = {own: _bare(own) for own in unknown}
    bare = set(wanted.values())
    found: dict[str, Id] = {}
    for own in known:
        if (plain := _bare(own)) in bare:
            found.setdefault(plain, own)
    return {own: found[plain] for own, plain in wanted.items() if plain in found}


def _bare(own: Id) -> str:
    return _ODD.sub("", str(own).casefold()).lstrip("0")
