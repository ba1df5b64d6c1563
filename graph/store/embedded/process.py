"""The embedded store as its parent sees it: a folder, a lock, and a child process that serves Bolt."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import secrets
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ....errors import MissingExtraError, StoreError, StoreLockedError, StoreUnavailableError
from . import server as embedded_server

START_SECONDS = 60.0
STOP_SECONDS = 30.0
ORPHAN_SECONDS = 20.0
"""How long to wait for a folder whose holder was killed: its server ends by itself within seconds."""

LOCK_FILE = "newaisle.lock"
LOG_FILE = Path("log") / "server.log"


@dataclass(frozen=True)
class EmbeddedServer:
    """A running child process that serves one folder; its account ``root`` may do everything, ``reader`` only read."""

    folder: Path
    url: str
    password: str = field(repr=False)
    reader_password: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> None:
        """End the child in order, by force if it does not respond; the folder is free then."""
        _end(self.process)


def start_embedded(folder: Path, heap: str = "1g") -> EmbeddedServer:
    """Start a server for the store in a folder, created if need be; ``heap`` limits its memory (``"512m"``).

    Raises MissingExtraError, StoreLockedError (held by another process), StoreError (the folder holds something else)
    or StoreUnavailableError.
    """
    if importlib.util.find_spec("arcadedb_embedded") is None:
        raise MissingExtraError('The embedded store needs a further package: pip install "newaisle[embedded]".')
    try:
        _make_folder(folder)
        with _lock(folder) as lock:
            return _start(folder, heap, lock)  # the child has inherited the lock and keeps it
    except OSError as error:
        raise StoreUnavailableError(
            f"The folder {folder} cannot hold an embedded store ({error.strerror or error}); name another one."
        ) from error


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / LOCK_FILE).exists() and any(folder.iterdir()):
        raise StoreError(
            f"The folder {folder} is neither empty nor an embedded store; name a new or empty folder for the store."
        )
    (folder / LOG_FILE).parent.mkdir(exist_ok=True)


def _lock(folder: Path) -> IO[str]:
    """Take the folder's lock; the operating system lets go of it when the last process that holds it ends."""
    lock = (folder / LOCK_FILE).open("a+", encoding="ascii")
    deadline = time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            if not _is_alive(holder) and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            lock.close()
            raise StoreLockedError(
                f"The embedded store in {folder} is in use by process {holder or 'unknown'}; "
                "close it there, or name another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock


def _is_alive(pid: str) -> bool:
    if not pid.isdigit():  # the holder is about to write its number
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start(folder: Path, heap: str, lock: IO[str]) -> EmbeddedServer:
    password, reader_password = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    with (folder / LOG_FILE).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own file, no shell
            # -P: nothing in the current folder may shadow a module
            [sys.executable, "-P", embedded_server.__file__, str(folder.resolve()), heap],
            cwd=folder,  # Java writes its log into the current folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(lock.fileno(),),
            start_new_session=True,  # Ctrl-C is for the parent, which then closes the child
        )
    try:
        port = _hand_over(process, folder, {"root": password, "reader": reader_password})
    except BaseException:
        _end(process, patience=0)
        raise
    return EmbeddedServer(folder, f"bolt://127.0.0.1:{port}", password, reader_password, process)


def _hand_over(process: subprocess.Popen[bytes], folder: Path, passwords: dict[str, str]) -> int:
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):  # it ended at once; its output then ends too
        process.stdin.write(json.dumps(passwords).encode() + b"\n")
        process.stdin.flush()
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    if not ready:
        raise _not_started(folder, f"did not answer within {START_SECONDS:g} s")
    with process.stdout:
        line = process.stdout.readline()
    if not line:
        raise _not_started(folder, f"ended with code {process.wait(STOP_SECONDS)}")
    return int(json.loads(line)["port"])


def _not_started(folder: Path, what: str) -> StoreUnavailableError:
    log = folder / LOG_FILE
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    # indented lines are the steps of stack traces: they are for the log, the messages between them for people
    tail = "\n".join([line for line in lines if line.strip() and not line[0].isspace()][-8:])
    return StoreUnavailableError(
        f"The embedded store in {folder} did not start: its server {what}; see {log}, which ends:\n{tail}"
    )


def _end(process: subprocess.Popen[bytes], patience: float = STOP_SECONDS) -> None:
    """Close the child's input, which stops it; then SIGTERM, then SIGKILL."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with contextlib.suppress(BrokenPipeError):  # it ended before
        process.stdin.close()
    for last_resort in (process.terminate, process.kill):
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            last_resort()
            continue
        return
    process.wait()
