"""The main reasons for a score in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ....display import short_repr
from ....gnn.serving.state import ModelState
from ....graph import Id
from .paths import GraphPath, GraphPaths

STRONGEST = 5
"""Summands of each sum that are put into words."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Reason:
    """One summand of a score, possibly negative, and the target that it comes from."""

    target: Id
    name: str
    share: float


@dataclass(frozen=True)
class Because:
    """A main reason for people.

    Attributes:
        kind: "bought" covers summands of ``Explanation.history``, "resembles" of ``sources``, "sales" ``own_sales``.
        share: what it adds to the score, the sum of its ``reasons`` where it has any.
        reasons: its summands; those that the catalog connects to the target alike share a sentence.
        paths: how the catalog connects them to the target; empty where it does not.
    """

    kind: Literal["bought", "resembles", "sales"]
    sentence: str
    share: float
    reasons: tuple[Reason, ...]
    paths: tuple[GraphPath, ...]

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class ReasonWriter:
    """Writes reasons for a score; ``bought`` is position -> summed quantity, ``target`` a position.

    ``source`` is the name of the catalog in the store; None for its own.
    """

    state: ModelState
    user: Id
    bought: Mapping[int, float]
    target: int
    score: float
    source: str | None = None

    __repr__ = short_repr

    def write(self, history: Sequence[Reason], sources: Sequence[Reason], own_sales: float) -> tuple[Because, ...]:
        """The strongest summands of both sums that speak for the target, those of the history first."""
        self_called, verb = self._called(self.target), self.state.verb
        usual = float(np.median([*self.bought.values()])) if self.bought else 0.0
        written = []
        for fact, group in self._groups(history, lambda at: self.bought.get(at, 0.0) > usual):
            often = "often " if fact else ""
            itself = self_called == (listed := self._listed(group))
            tied = (
                ""
                if itself
                else _which(group, self_called) or f", whose {verb.buyers} like what {self_called} resembles"
            )
            text = f"User {self.user} {often}{verb.buys} {listed}{tied}"
            written.append(self._because("bought", text, group))
        for fact, group in self._groups(sources, lambda at: at in self.bought):
            one = len(group) == 1
            taste = f"{'suits' if one else 'suit'} {f'user {self.user}' if self.bought else 'the mean user'}"
            them, they = ("it", "it") if one else ("them", "they")
            theirs = f"user {self.user} {verb.buys} {them}" if fact else f"{they} {taste}"
            tied = _which(group, "it") or ", though they share no telling attribute, category or wording"
            text = f"{self_called} is expected to {verb.sell} like {self._listed(group)}{tied}; {theirs}"
            written.append(self._because("resembles", text, group))
        if own_sales > _ROUNDING:
            text = f"{self_called} has {verb.sales} of its own, which speak for it"
            written.append(Because("sales", self._with_share(text, own_sales), own_sales, (), ()))
        return tuple(written)

    def _groups(self, reasons: Sequence[Reason], fact: Callable[[int], bool]) -> list[tuple[bool, _Group]]:
        """The strongest reasons, grouped by what connects them to the target and by a fact."""
        found: dict[object, tuple[bool, _Group]] = {}
        ids = self.state.graph.ids
        for reason in sorted(reasons, key=lambda reason: -reason.share)[:STRONGEST]:
            if reason.share > 0:
                position = ids.position(reason.target)
                tied, holds = self._paths.of(position), fact(position)
                alike = (position == self.target, holds, *((path.kind, _what(path)) for path in tied))
                found.setdefault(alike, (holds, []))[1].append((reason, tied))
        return sorted(found.values(), key=lambda item: -sum(reason.share for reason, _ in item[1]))

    @cached_property
    def _paths(self) -> GraphPaths:
        return GraphPaths(self.state, self.target, self.source)

    def _because(self, kind: Literal["bought", "resembles"], text: str, group: _Group) -> Because:
        share = float(sum(reason.share for reason, _ in group))
        paths = tuple(path for _, tied in group for path in tied)
        return Because(kind, self._with_share(text, share), share, tuple(reason for reason, _ in group), paths)

    def _with_share(self, text: str, share: float) -> str:
        return f"{text} ({share:.4f} of the score {self.score:.4f})."

    def _called(self, position: int) -> str:
        """The name, with the id where others are called the same."""
        graph = self.state.graph
        name = graph.names[position]
        return name if graph.names.count(name) == 1 else f"{name} ({graph.ids.values[position]})"

    def _listed(self, group: _Group) -> str:
        ids = self.state.graph.ids
        return _listing([self._called(ids.position(reason.target)) for reason, _ in group])


_Group = list[tuple[Reason, tuple[GraphPath, ...]]]


def _what(path: GraphPath) -> str:
    """What groups reasons: the name of an attribute, one and the same category."""
    return path.via.partition("=")[0] if path.kind == "attribute" else path.parameters.get("via", "")


def _which(group: _Group, called: str) -> str:
    """What connects some targets to the explained one, as a relative clause; empty where nothing does."""
    one, paths = len(group) == 1, [path for _, tied in group for path in tied]
    if not paths:
        return ""
    names: dict[str, set[str]] = {}
    for path in paths:
        if path.kind == "attribute":
            name, _, value = path.via.partition("=")
            names.setdefault(name, set()).add(value)
    parts = []
    if names:
        shared = [f"{name} ({next(iter(values))})" if len(values) == 1 else name for name, values in names.items()]
        parts.append(f"{'shares' if one else 'share'} {_listing(shared)} with {called}")
    for path in group[0][1]:
        it = "it" if parts else called
        if path.kind == "ancestor":
            parts.append(f"{'stands' if one else 'stand'} {_place(path, it)}")
        elif path.kind == "text":
            parts.append(f"{'is' if one else 'are'} described much like {it}")
    return f", which {_listing(parts)}"


def _place(path: GraphPath, it: str) -> str:
    first, last, over = path.parameters["key"], path.parameters["other"], path.parameters["via"]
    if over == last:
        return f"below {it}"
    return f"above {it}" if over == first else f"with {it} below {path.via}"


def _listing(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
