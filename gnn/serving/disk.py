"""Locks, modes and durability of files on a POSIX system."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def held(lock: int) -> Iterator[None]:
    """Unlock and close a file at the end; closing alone would leave the lock to a forked process."""
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def is_at(opened: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(opened), path.lstat())
    except FileNotFoundError:
        return False


def resemble(path: Path, before: tuple[Path, ...], mode: int) -> None:
    """Give a file or folder the mode and the owner of the first of some that exists, else the mode alone."""
    for known in before:
        with suppress(FileNotFoundError):
            like = known.stat()
            mode = like.st_mode & 0o777
            own = path.stat()
            if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
                try:
                    os.chown(path, like.st_uid if os.geteuid() == 0 else -1, like.st_gid)
                except PermissionError:
                    mode &= ~0o070  # what that group may do, another one may not
            break
    path.chmod(mode)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk; some file systems cannot for folders."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(opened)
