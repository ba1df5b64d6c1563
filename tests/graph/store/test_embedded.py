from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from newaisle import CatalogGraph
from newaisle.errors import MissingExtraError, StoreError, StoreLockedError, StoreUnavailableError
from newaisle.graph import Credentials, Store, open_store
from newaisle.graph.store.embedded import process as embedded
from newaisle.graph.store.embedded.process import LOCK_FILE, LOG_FILE, start_embedded

GRAPH = CatalogGraph.from_tables(pd.DataFrame({"id": ["a", "b"], "name": ["A", "B"], "parent_id": [None, "a"]}))

# another process that opens a store, says so, and keeps it
HOLDER = """
import sys, time
from newaisle.graph.store.embedded.process import start_embedded
from pathlib import Path
server = start_embedded(Path(sys.argv[1]), "256m")
print(server.process.pid, flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def holder(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds the store in ``folder``; gives it and the number of its server process."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def server_of(folder: Path) -> int:
    """The number of the process that serves a folder."""
    told = subprocess.run(["pgrep", "-f", f"server.py {folder}"], capture_output=True, text=True, check=True)
    return int(told.stdout)


def open_small(folder: Path) -> Store:
    return open_store(f"embedded:{folder}", heap="256m")


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        store.write(GRAPH)
        os.kill(server_of(tmp_path), signal.SIGKILL)
        with pytest.raises(StoreUnavailableError, match=r"cannot be reached"):
            store.snapshot("tables")
    with open_small(tmp_path) as store:
        assert store.snapshot("tables") == GRAPH


def test_a_store_is_held_by_one_process_and_outlives_it(tmp_path: Path) -> None:
    with holder(tmp_path) as (other, server_pid):
        with pytest.raises(StoreLockedError) as caught:
            open_small(tmp_path)
        assert str(tmp_path) in str(caught.value)
        assert f"process {other.pid};" in str(caught.value)
        assert is_running(server_pid)

        other.kill()
        other.wait()
        started = time.monotonic()
        with open_small(tmp_path) as store:  # which waits for the orphaned server to end
            assert not is_running(server_pid)
            assert store.sources() == []
        assert time.monotonic() - started < 30


def test_a_server_ends_with_its_parent(tmp_path: Path) -> None:
    with holder(tmp_path) as (other, server_pid):
        other.kill()
        assert wait_until(lambda: not is_running(server_pid))
    assert "ArcadeDB Server is down" in (tmp_path / LOG_FILE).read_text()


def test_sigterm_ends_a_server_in_order(tmp_path: Path) -> None:
    server = start_embedded(tmp_path, "256m")
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(timeout=20) == 0
    assert "ArcadeDB Server is down" in (tmp_path / LOG_FILE).read_text()
    assert not list(tmp_path.rglob("hs_err*"))
    server.stop()


def test_one_process_cannot_open_a_folder_twice(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_small(tmp_path) as store:
        with pytest.raises(StoreLockedError, match=f"process {os.getpid()};"):
            open_small(tmp_path)
        store.write(GRAPH)
        store.close()
        store.close()
    assert capfd.readouterr() == ("", "")  # what ArcadeDB says goes to its log


def test_secrets_and_addresses(tmp_path: Path) -> None:
    server = start_embedded(tmp_path, "256m")
    try:
        secrets = (server.password, server.reader_password)
        process = Path(f"/proc/{server.process.pid}")
        for place in (repr(server), (process / "cmdline").read_text(), (process / "environ").read_text()):
            assert not any(secret in place for secret in secrets)
        listening = _listening(process)
        assert int(server.url.rsplit(":", 1)[1]) in {port for _, port in listening}
        assert {address for address, _ in listening} <= {"0100007F", "0000000000000000FFFF00000100007F"}
        with pytest.raises(StoreUnavailableError, match="refused the user name or password") as caught:
            open_store(server.url, Credentials("root", "wrong password"))
        assert "wrong password" not in str(caught.value)
        with pytest.raises(StoreUnavailableError, match="refused the user name or password"):
            open_store(server.url, Credentials("root", None))
    finally:
        server.stop()
    assert not any(
        secret in path.read_text(errors="replace")
        for path in tmp_path.rglob("*")
        if path.is_file()
        for secret in secrets
    )


def _listening(process: Path) -> set[tuple[str, int]]:
    """Addresses (hexadecimal) and ports at which a process listens."""
    sockets = {str(fd.readlink()) for fd in (process / "fd").iterdir() if fd.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (process / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


def test_the_embedded_server_reads_no_local_files(store: Store) -> None:
    for write in (False, True):
        with pytest.raises(StoreError):
            store.query("LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line", write=write)


def test_a_wrong_heap_is_told_with_the_log(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"did not start: its server ended with code 1") as caught:
        open_store(f"embedded:{tmp_path}", heap="plenty")
    assert str(tmp_path / LOG_FILE) in str(caught.value)
    assert "plenty" in str(caught.value)


def test_a_ruined_database_is_told(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).touch()
    (tmp_path / "databases").mkdir()
    (tmp_path / "databases" / "newaisle").write_text("garbage")
    with pytest.raises(StoreUnavailableError, match="did not start") as caught:
        open_small(tmp_path)
    assert str(tmp_path / LOG_FILE) in str(caught.value)
    assert "Not a directory" in str(caught.value)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear aunt")
    with pytest.raises(StoreError, match="neither empty nor an embedded store"):
        open_small(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(StoreUnavailableError, match="cannot hold an embedded store"):
        open_small(path)


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "START_SECONDS", 0.01)
    with pytest.raises(StoreUnavailableError, match="did not answer within"):
        start_embedded(tmp_path, "256m")
    monkeypatch.undo()
    with open_small(tmp_path):
        pass  # the server that was given up has let go of the folder


def test_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "site-packages" not in entry])
    monkeypatch.delitem(sys.modules, "arcadedb_embedded", raising=False)
    sys.path_importer_cache.clear()
    with pytest.raises(MissingExtraError, match=r'pip install "newaisle\[embedded\]"'):
        open_small(tmp_path / "new")
    assert not (tmp_path / "new").exists()
