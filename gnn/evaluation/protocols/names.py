"""The protocols of an evaluation by name."""

from __future__ import annotations

from collections.abc import Iterable

from ....errors import InputError
from ...validation.splits import HIDINGS, LEAVE_TARGETS_OUT, NEW_PRODUCTS, PROTOCOLS

FEW_SHOT = "few-shot"
LEVELS = (0, 1, 3, 10, 30, 100)
"""Per cent of one half of the users that reveal their purchases of the hidden targets."""

GENERALISED = "generalised"
TEMPORAL = "temporal"

GRAMMAR = (*PROTOCOLS, "few-shot[:P]", GENERALISED, "temporal:DATE", NEW_PRODUCTS)


def family(protocol: str) -> str:
    """The name without what follows the colon: "few-shot:10" is of the family "few-shot"."""
    return protocol.partition(":")[0]


def expand(protocols: Iterable[str]) -> list[str]:
    """The protocols as rows name them, each once: "few-shot" alone means all its shares."""
    return list(dict.fromkeys(name for protocol in protocols for name in _expanded(protocol)))


def hiding(protocol: str) -> str:
    """How a protocol hides targets and pseudo-new ones."""
    return protocol if protocol in HIDINGS else LEAVE_TARGETS_OUT


def revealed_share(protocol: str) -> int:
    """P of "few-shot:P", in per cent."""
    return int(argument(protocol))


def argument(protocol: str) -> str:
    """What follows the colon."""
    return protocol.partition(":")[2]


def _expanded(protocol: str) -> list[str]:
    if protocol in (*HIDINGS, GENERALISED):
        return [protocol]
    if family(protocol) == TEMPORAL:
        if not argument(protocol):
            raise InputError(f"{TEMPORAL} needs the date from which on targets are new, such as {TEMPORAL}:2017-07-01.")
        return [protocol]
    shares = [f"{FEW_SHOT}:{share}" for share in LEVELS]
    if protocol == FEW_SHOT:
        return shares
    if protocol in shares:
        return [protocol]
    if family(protocol) == FEW_SHOT:
        raise InputError(
            f"{protocol!r} has no such share: give {FEW_SHOT}:P with P one of {', '.join(map(str, LEVELS))} (per cent "
            f"of the users who reveal their purchases), or {FEW_SHOT} alone for all of them."
        )
    raise InputError(f"Unknown protocol {protocol!r}: use one of {', '.join(GRAMMAR)}.")
