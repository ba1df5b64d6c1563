"""Work spread over processes, one thread each, with the same results as in a single process.

joblib's processes outlive a parent that is killed, and cannot report progress.
"""

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

from ...arguments import is_whole
from ...display import short
from ...errors import InputError, ModelError
from ...progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")
_OFTEN = 0.2
"""Seconds between two polls of the reported lines."""


def run_parallel(
    work: Callable[[Item, Progress], Result], items: Sequence[Item], jobs: int, progress: Progress
) -> list[Result]:
    """Process every item, up to ``jobs`` of them at the same time; results in the order of the items.

    One thread works on one item, as sums of floats depend on how threads divide them. With one job it works in this
    process; with more, ``work`` must be a function of a module or a method, and a script that calls this needs ``if
    __name__ == "__main__":``. ``progress`` is called in the calling thread. The first exception of the work stops all
    other work; a killed process raises a ModelError.
    """
    if not is_whole(jobs) or jobs < 1:
        raise InputError(f"jobs is {short(jobs)}; give 1 or more.")
    if min(jobs, len(items)) < 2:
        return [_single_threaded(work, item, progress) for item in items]
    context = get_context("spawn")  # a fork of a process with threads may hang
    lines: SimpleQueue[str] = context.SimpleQueue()
    parent_end, lifeline = context.Pipe(duplex=False)
    with lifeline, ProcessPoolExecutor(min(jobs, len(items)), context, _start, (work, lines, parent_end)) as pool:
        try:
            futures = [pool.submit(_do, item) for item in items]
            left = set(futures)
            while left:
                done, left = wait(left, _OFTEN, FIRST_COMPLETED)
                while not lines.empty():
                    progress(lines.get())
                for future in done:
                    future.result()
            return [future.result() for future in futures]
        except BaseException as error:
            lifeline.close()  # ends the processes now rather than after their items
            if isinstance(error, BrokenProcessPool):
                raise ModelError(
                    "A process ended before its work was done, most likely for want of memory; give fewer jobs."
                ) from None
            raise


def _single_threaded(work: Callable[[Item, Progress], Result], item: Item, progress: Progress) -> Result:
    with threadpool_limits(1):
        return work(item, progress)


_task: tuple[Callable[[Any, Progress], Any], SimpleQueue[str]]
"""In a process of the pool: the work, and the queue of reported lines."""


def _start(work: Callable[[Any, Progress], Any], lines: SimpleQueue[str], parent: Connection) -> None:
    global _task
    _task = work, lines
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    """End this process when the parent closed its end, by itself or by being killed."""
    parent.poll(None)
    os._exit(1)


def _do(item: Any) -> Any:
    work, lines = _task
    return _single_threaded(work, item, lines.put)
