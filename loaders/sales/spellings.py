"""The ways in which a table of sales may name the targets of a catalog."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...graph import CatalogGraph
from ...graph.cleaning import normalise_text
from ...graph.ids import Id
from ..path_lists import JOINED

_MOST_COMPARED = 100_000
"""Spellings up to which the nearest one is searched by its letters, as many in about a second."""
_ABOVE = re.compile(r"\s*>\s*")
_DECIMALS = re.compile(r"(?<=\d)[.,]0+$")


@dataclass(frozen=True, eq=False)
class Spellings:
    """How targets and groups may be written, each way leading to an own id.

    A target is written as its id; as the last part of an id with slashes (``aa-1`` for
    ``gid://shopify/TaxonomyCategory/aa-1``); as its path, the names from the root with ``>`` between them; or as its
    name where no other target has it. The earlier way wins.
    """

    ids: Mapping[str, Id]

    @classmethod
    def of(cls, graph: CatalogGraph) -> Spellings:
        """The spellings of all targets and groups of a graph."""
        own = graph.ids.values
        ways = (
            ((str(each), each) for each in own),
            ((str(each).rpartition("/")[2], each) for each in own),
            _paths(graph),
            zip(graph.names, own, strict=True),
        )
        ids: dict[str, Id] = {}
        for way in ways:
            ids |= {text: own for text, own in _unique(way).items() if text not in ids}
        return cls(ids)

    def find(self, cell: object) -> Id | None:
        """The target that a cell names; None for none."""
        return self.ids.get(_ABOVE.sub(JOINED, normalise_text(str(cell))))

    def nearest(self, cell: object) -> str | None:
        """The spelling most like a cell: but for case, blanks, leading zeros or decimals, or by its letters."""
        text = str(cell)
        if (same := self._folded.get(_folded(text))) is not None:
            return same
        if len(self.ids) > _MOST_COMPARED:
            return None
        near = difflib.get_close_matches(normalise_text(text), self.ids, 1)
        return near[0] if near else None

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {_folded(text): text for text in reversed(list(self.ids))}


def _folded(text: str) -> str:
    """A spelling without what programs change on the way: case, blanks, signs, leading zeros, decimals."""
    plain = "".join(filter(str.isalnum, _DECIMALS.sub("", normalise_text(text).casefold())))
    return plain.lstrip("0") or plain


def _paths(graph: CatalogGraph) -> list[tuple[str, Id]]:
    """The path of every target and group by each of its parents, and above these by the one nearest to a root."""
    level = graph.levels
    path: dict[int, str] = {}
    found: list[tuple[str, Id]] = []
    for at in np.argsort(level, kind="stable").tolist():
        parents = graph.parents[[at]].indices
        parents = parents[np.argsort(level[parents], kind="stable")].tolist()
        own = [f"{path[parent]}{JOINED}{graph.names[at]}" for parent in parents if parent in path]
        path[at] = own[0] if own else graph.names[at]
        found += [(each, graph.ids.values[at]) for each in own or [path[at]]]
    return found


def _unique(spelled: Iterable[tuple[str, Id]]) -> dict[str, Id]:
    """Spelling -> id, without empty ones and those of several ids."""
    ids: dict[str, Id] = {}
    several: set[str] = set()
    for text, own in spelled:
        if ids.setdefault(text, own) != own:
            several.add(text)
    return {text: own for text, own in ids.items() if text and text not in several}
