"""Whether the quotes of a text file leave no doubt about its rows."""

from __future__ import annotations

import numpy as np

_QUOTE, _BREAK, _RETURN = b'"\n\r'
_BLOCK = 1 << 24
_ODD = (b'"', b"\n\n", b"\n\r\n")


def count_rows(body: bytes, delimiter: str) -> int | None:
    """The number of rows, blank lines not counted; None where only a parser can tell.

    It is certain where every quote is at the border of a cell or doubled inside one, and no line break is inside
    quotes. Works in blocks of whole lines, as numbers of NumPy: 100 MB full of quotes take a second.
    """
    if not (any(odd in body for odd in _ODD) or body.startswith((b"\n", b"\r\n"))):
        return body.count(b"\n") + (not body.endswith(b"\n"))
    rows, start = 0, 0
    while start < len(body):
        end = body.find(b"\n", start + _BLOCK) + 1 or len(body)
        counted = _count(np.frombuffer(body, np.uint8, end - start, start), ord(delimiter))
        if counted is None:
            return None
        rows, start = rows + counted, end
    return rows


def _count(block: np.ndarray[tuple[int], np.dtype[np.uint8]], delimiter: int) -> int | None:
    breaks = np.flatnonzero(block == _BREAK)
    quotes = np.flatnonzero(block == _QUOTE)
    if len(quotes):
        if len(quotes) % 2:
            return None
        opening, closing = quotes[::2], quotes[1::2]
        before = np.where(opening > 0, block[opening - 1], _BREAK)
        after = np.where(closing + 1 < len(block), block[np.minimum(closing + 1, len(block) - 1)], _BREAK)
        begins = (before == delimiter) | (before == _BREAK) | (before == _QUOTE)
        ends = (after == delimiter) | (after == _BREAK) | (after == _RETURN) | (after == _QUOTE)
        if not (begins.all() and ends.all()) or (np.searchsorted(quotes, breaks) % 2).any():
            return None
    if len(block) and block[-1] != _BREAK:
        breaks = np.append(breaks, len(block))
    lengths = np.diff(breaks, prepend=-1) - 1
    returns = (lengths == 1) & (block[np.maximum(breaks - 1, 0)] == _RETURN)
    return int(len(breaks) - (lengths == 0).sum() - returns.sum())
