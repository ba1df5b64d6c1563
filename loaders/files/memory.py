"""How much memory a table may take, so that a small file cannot fill the machine."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import SourceError

_SMALL = 1 << 29
"""Bytes that any file may unpack to."""

_RATIO = 100
"""Times its own size that a larger one may."""

_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def check_size(path: Path, size: int, stored: int) -> None:
    """Refuse contents of ``size`` bytes in memory that a file stores in ``stored`` bytes.

    Raises:
        SourceError: they are more than half of the memory, or absurdly many for the file.
    """
    if size > limit(stored):
        raise SourceError(
            f"{path}: is {stored:,} bytes, but its contents take more than {limit(stored):,} bytes of memory; "
            "unpack it yourself or divide it into parts if they are really that large."
        )


def limit(stored: int) -> int:
    """Bytes of memory that the contents of a file of ``stored`` bytes may take."""
    return min(max(_SMALL, _RATIO * stored), _memory() // 2)


def _memory() -> int:
    """Bytes that this process can have: those of the machine or, if fewer, of the container."""
    try:
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):  # not on every system
        found = [1 << 34]
    for path in _CONTAINER_LIMITS:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # no container, or "max"
            continue
    return min(found)
