"""How long work reports its progress: callbacks that a caller may pass."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Called with one line of text per step."""

CountProgress = Callable[[int, int], None]
"""Called with how many of how many are done."""


def silent(_line: str) -> None:
    """Report nothing."""
