"""Work spread over processes, one thread each, with the same results as in a single process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from ...errors import InputError, ModelError
from ...progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")
_OFTEN = 0.2
"""Seconds between two looks at what the processes tell."""


def run_parallel(
    work: Callable[[Item, Progress], Result], items: Sequence[Item], jobs: int, progress: Progress
) -> list[Result]:
    """Do some work on every item, on up to ``jobs`` of them at the same time.

    One thread works on one item, whatever ``jobs`` is and however many cores there are: sums of floats depend on how
    threads divide them, and so would the results.

    Args:
        work: is given an item and a function to tell of its progress. With more than one job it goes to other
            processes, so it must be a function of a module or a method, and a script that calls this needs the usual
            ``if __name__ == "__main__":``.
        items: what to work on.
        jobs: number of processes; with 1 all is done in this one.
        progress: is told all lines, always in the calling thread.

    Returns:
        The results in the order of the items.

    Raises:
        InputError: ``jobs`` is below 1.
        ModelError: a process was killed.
        Exception: what the work raised first; what else is going on ends at once.
    """
    if jobs < 1:
        raise InputError(f"jobs is {jobs}; give 1 or more.")
    if min(jobs, len(items)) < 2:
        return [_alone(work, item, progress) for item in items]
    context = get_context("spawn")  # a fork of a process with threads may hang
    told: SimpleQueue[str] = context.SimpleQueue()
    ours_gone, ours = context.Pipe(duplex=False)
    with ours, ProcessPoolExecutor(min(jobs, len(items)), context, _begin, (work, told, ours_gone)) as pool:
        try:
            futures = [pool.submit(_do, item) for item in items]
            left = set(futures)
            while left:
                done, left = wait(left, _OFTEN, FIRST_COMPLETED)
                while not told.empty():
                    progress(told.get())
                for future in done:
                    future.result()
            return [future.result() for future in futures]
        except BaseException as error:
            ours.close()  # ends the processes now rather than after their items
            if isinstance(error, BrokenProcessPool):
                raise ModelError(
                    "A process ended before its work was done, most likely for want of memory; give fewer jobs."
                ) from None
            raise


def _alone(work: Callable[[Item, Progress], Result], item: Item, progress: Progress) -> Result:
    with threadpool_limits(1):
        return work(item, progress)


_given: tuple[Callable[[Any, Progress], Any], SimpleQueue[str]]
"""In a process of the pool: what to do, and where to tell of it."""


def _begin(work: Callable[[Any, Progress], Any], told: SimpleQueue[str], parent: Connection) -> None:
    global _given
    _given = work, told
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    """End this process when the parent closed its end, by itself or by being killed."""
    parent.poll(None)
    os._exit(1)


def _do(item: Any) -> Any:
    work, told = _given
    return _alone(work, item, told.put)
