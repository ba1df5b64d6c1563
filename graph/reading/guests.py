"""Users that are no customer: what systems write in place of a user who has not signed in."""

from __future__ import annotations

import numpy as np

from ...arrays import BoolArray, IntArray
from ..ids import Id

GUEST = "guest"
"""The reason of dropped rows in a cleaning report."""

_MARKS = frozenset({"nan", "null", "none", "n/a", "#n/a", "<na>", "\\n", "nil", "undefined"})
_ZERO = frozenset[Id]({0, -1, "0", "-1"})
_SHARE, _TIMES, _NOTED, _FEWEST_USERS = 0.05, 10, 3, 10


def find_guests(users: list[Id | None], codes: IntArray) -> tuple[BoolArray, tuple[str, ...]]:
    """Which users are guests, and notes about users that may be.

    Texts such as ``NULL`` and ``nan`` are. 0 and -1 are only where they have over 5 % of the rows and more than ten
    times those of any other user, as ids may begin with 0.

    Args:
        users: distinct ids.
        codes: the user of each row, a position among them, -1 where it is missing, int64 (rows,).

    Returns:
        bool (users,), and sentences.
    """
    guests = np.array([isinstance(own, str) and own.lower() in _MARKS for own in users], dtype=np.bool_)
    suspects = [at for at, own in enumerate(users) if own in _ZERO and not isinstance(own, bool)]
    if not suspects:
        return guests, ()
    rows = np.bincount(codes[codes >= 0], minlength=len(users))
    others = np.delete(rows, suspects)
    notes = []
    for at in suspects:
        far = rows[at] > _SHARE * len(codes) and rows[at] > _TIMES * others.max(initial=0)
        if far and len(others) >= _FEWEST_USERS:
            guests[at] = True
        elif rows[at] > _NOTED * others.max(initial=0) or users[at] in (-1, "-1"):
            notes.append(
                f"The user {users[at]!r} has {rows[at]:,} of {len(codes):,} rows: give it as missing in the schema "
                "where it stands for guests."
            )
    return guests, tuple(notes)
