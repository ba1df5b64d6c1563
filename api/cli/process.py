"""The process around a command: closed or full streams, signals, and the exit codes that shells expect for them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TextIO, cast

from ...errors import GuardError, InputError, NewaisleError, SourceError, StoreLockedError, StoreUnavailableError

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM: ends the work as Ctrl-C does, so that what was begun is put away and child processes end."""


class OutputError(Exception):
    """Standard output cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"Standard output cannot be written ({error.strerror}); redirect it to somewhere else.")


class _Closed(io.TextIOBase):
    """Standard output of a process that was started without one."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


@contextlib.contextmanager
def command_process() -> Iterator[None]:
    """Run a command inside: SIGTERM raises Terminated, and what was printed is written before the end.

    Raises:
        OutputError: standard output is closed or full.
        BrokenPipeError: whoever read it has ended.
    """
    _fill_streams()
    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _terminate) if here else None
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        _drop(sys.stdout)
        raise OutputError(error) from error
    finally:
        if here:
            signal.signal(signal.SIGTERM, before)


def say(line: str) -> None:
    """Print a line to standard error, where it can be written."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        _drop(sys.stderr)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _fill_streams() -> None:
    """Let no file that is opened later take the place of a closed stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    if sys.stdout is None:
        sys.stdout = cast(TextIO, _Closed())
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for the rest of the process


def _drop(stream: TextIO) -> None:
    """Write what is left to nowhere, or Python would try again at its end and print a traceback."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


REFRESH_CODES = (
    (SourceError, 2),
    (InputError, 2),
    (GuardError, 3),
    (StoreUnavailableError, 4),
    (StoreLockedError, 5),
)


class CodedError(Exception):
    """An error together with the exit code of the command for it."""

    def __init__(self, error: NewaisleError, code: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.code = code


@contextlib.contextmanager
def refresh_codes() -> Iterator[None]:
    """Map errors to the exit codes of ``newaisle refresh``: 2 bad source, 3 guard, 4 store unavailable, 5 locked."""
    try:
        yield
    except NewaisleError as error:
        for kind, code in REFRESH_CODES:
            if isinstance(error, kind):
                raise CodedError(error, code) from error
        raise
