"""The threads of numerical libraries: one of a BLAS under threads of our own, one of OpenMP after a fork."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import numpy as np  # noqa: F401 - loads its BLAS
import scipy.linalg  # noqa: F401 - and this another
from threadpoolctl import ThreadpoolController, threadpool_limits

from ..sharing import Lock


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def blas_threads() -> int:
    """How many threads the BLAS may use here."""
    return max((pool["num_threads"] for pool in _pools().info() if pool["user_api"] == "blas"), default=1)


class _OneBlasThread:
    """A limit of the whole process, set by the first who enters and lifted by the last who leaves."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._limit: Any = None

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _pools().limit(limits=1, user_api="blas")
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.restore_original_limits()


_one = _OneBlasThread()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Use one BLAS thread inside, where others would wait for each other; threads of this process may be inside too."""
    _one.enter()
    try:
        yield
    finally:
        _one.leave()


_forked = False


def _note_fork() -> None:
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_note_fork)


def surviving_threads() -> AbstractContextManager[object]:
    """Use one OpenMP thread inside, where this process was forked from one that imported this.

    The other threads of its pools are gone there, and waiting for them would never end.
    """
    if not _forked:
        return nullcontext()
    if "torch" in sys.modules:  # its MKL has a number of threads of its own
        sys.modules["torch"].set_num_threads(1)
    limits: AbstractContextManager[object] = threadpool_limits(1, "openmp")
    return limits
