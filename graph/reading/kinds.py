"""Kinds of events and what is known of their weights."""

from __future__ import annotations

import re
from collections.abc import Mapping

WELL_KNOWN: Mapping[str, float] = {
    "view": 0.1,
    "click": 0.1,
    "basket": 0.5,
    "cart": 0.5,
    "like": 0.5,
    "purchase": 1.0,
    "dislike": -1.0,
    "page_view": 0.1,
    "product_view": 0.1,
    "rated": 0.1,
    "add_to_cart": 0.5,
    "add_to_basket": 0.5,
    "wishlist": 0.5,
    "favorite": 0.5,
    "buy": 1.0,
    "bought": 1.0,
    "order": 1.0,
    "transaction": 1.0,
    "remove_from_cart": 0.0,
    "remove_from_basket": 0.0,
    "return": 0.0,
    "refund": 0.0,
    "cancel": 0.0,
}
"""Default weights of well-known kinds of events, however written (``addToCart``); all other kinds weigh 1."""

LIKED, RATED, DISLIKED = "like", "rated", "dislike"
"""Kinds of events that ratings become."""

_SEPARATORS = re.compile(r"[\s_-]+")


def kind_name(kind: str) -> str:
    """A kind of events regardless of case and of blanks around."""
    return kind.strip().lower()


def _bare(kind: str) -> str:
    """A kind regardless of separators too: ``add_to_cart`` and ``addToCart`` are one."""
    return _SEPARATORS.sub("", kind_name(kind))


_BARE = {_bare(kind): weight for kind, weight in WELL_KNOWN.items()}


def known_weight(kind: str, given: Mapping[str, float]) -> float | None:
    """The weight of a kind: the given one, also by another spelling, or the well-known one; None where neither is."""
    for name in (kind_name, _bare):
        for own, weight in given.items():
            if name(own) == name(kind):
                return float(weight)
    return _BARE.get(_bare(kind))


def kind_notes(counts: Mapping[str, int], given: Mapping[str, float]) -> list[str]:
    """Sentences about kinds that weigh 1 for want of a better weight, and about those that count as nothing."""
    weights = {kind: known_weight(kind, given) for kind in counts if kind}
    notes = []
    if unknown := [kind for kind, weight in weights.items() if weight is None]:
        notes.append(
            f"Events of the kind {_listed(unknown, counts)} weigh 1, like a purchase, as no weight of theirs is known: "
            f"give one as kinds, such as {unknown[0]}=0.5."
        )
    if nothing := [kind for kind, weight in weights.items() if weight == 0 and kind not in given]:
        notes.append(f"Events of the kind {_listed(nothing, counts)} weigh 0 and are left out: they are no purchases.")
    return notes


def _listed(kinds: list[str], counts: Mapping[str, int]) -> str:
    shown = ", ".join(f"{kind!r} ({counts[kind]:,})" for kind in kinds[:5])
    return f"{shown} and {len(kinds) - 5} more" if len(kinds) > 5 else shown
