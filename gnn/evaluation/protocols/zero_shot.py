"""The run of a protocol on one split, and the zero-shot run: no sale of a hidden target is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ....arrays import AnyFloatArray, IntArray
from ...validation.splits import Split
from ..cache import MethodResult
from ..contracts import Make, Method
from ..judging import held_out, judge, user_groups

Judge = Callable[[], MethodResult]
"""Judges a method that has been fitted by then."""


@dataclass(frozen=True, eq=False)
class ProtocolRun:
    """How all methods are judged on one split.

    Attributes:
        split: what they are fitted to.
        methods: name -> what makes it from the seed.
        judgements: name and method (not fitted yet) -> by protocol and name in the rows, what judges it once it is
            fitted. One fit may serve several protocols and several rows.
        counts: protocol in the rows -> number of seen and hidden targets, candidates and users.
        held: users that a method with users of its own is judged on; a cached result depends on them.
    """

    split: Split
    methods: Mapping[str, Make]
    judgements: Callable[[str, Method], Mapping[tuple[str, str], Judge]]
    counts: Mapping[str, Mapping[str, int]]
    held: IntArray


def counts(split: Split) -> dict[str, int]:
    """How many targets and users a split has of each kind."""
    names = ("seen", "hidden", "candidates", "users", "users_without_history")
    return {name: len(getattr(split, name)) for name in names}


def zero_shot_run(
    protocol: str, split: Split, methods: Mapping[str, Make], seed: int, embeddings: AnyFloatArray | None
) -> ProtocolRun:
    """All methods without any sale of the hidden targets.

    Raises:
        InputError: several methods have users of their own.
        ModelError: one wants users that nobody judges.
    """
    owner, held = held_out({name: make(seed) for name, make in methods.items()}, split)

    def judgements(name: str, method: Method) -> dict[tuple[str, str], Judge]:
        groups = {"": held} if name == owner else user_groups(split, held)
        return {(protocol, name): partial(judge, name, method, split, groups, embeddings)}

    return ProtocolRun(split, methods, judgements, {protocol: counts(split)}, held)
