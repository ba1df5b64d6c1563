"""What lets threads share objects, and copies and other processes have them: locks and pickles."""

from __future__ import annotations

import os
from dataclasses import fields
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Lock:
    """A re-entrant lock for ``with``; a copy, a pickle and a forked process have a free one of their own."""

    def __init__(self) -> None:
        self._lock = RLock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Lock], tuple[()]]:
        return Lock, ()


_LOCKS: WeakSet[Lock] = WeakSet()


def _free_locks() -> None:
    """Free all locks in a forked process: the threads that held them do not exist there."""
    for lock in list(_LOCKS):
        lock._lock = RLock()


os.register_at_fork(after_in_child=_free_locks)


class FieldsOnly:
    """A dataclass whose copies and pickles have its fields, not the cached properties computed from them.

    Another thread may be computing one of these meanwhile; and they may be much larger than the fields.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(cast("DataclassInstance", self))}
