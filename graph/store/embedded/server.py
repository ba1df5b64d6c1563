"""The child process of an embedded store: ArcadeDB serving Bolt on the loopback interface.

A script that imports nothing of newaisle. It reads the two passwords as one line of JSON from standard input, writes
the Bolt port as one to standard output when ready (all else to standard error), and ends when its input closes or on
SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

DATABASE = "newaisle"
ROOT = "root"
READER = "reader"
STOP_SECONDS = 60

_READER_GROUP = {"types": {"*": {"access": ["readRecord"]}}, "access": [], "resultSetLimit": -1, "readTimeout": -1}


def main(folder: Path, heap: str) -> None:
    """Serve the database in ``folder`` until it is stopped."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever Java prints goes where the log goes
    passwords = json.loads(sys.stdin.readline())
    stop = threading.Event()
    threading.Thread(target=_wait_for_end_of_input, args=(stop,), daemon=True).start()
    server = _build(folder, heap, passwords["root"])
    # the JVM has put its own handler in place by now, which would crash it while the server runs
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server.start()
    try:
        server.create_database(DATABASE)
        _add_reader(server, passwords["reader"])
        with answer:
            answer.write(json.dumps({"port": _bolt_port(server)}) + "\n")
        stop.wait()
    finally:
        server.stop()


def _build(folder: Path, heap: str, password: str) -> Any:
    logs = folder / "log"
    os.environ["ARCADEDB_JVM_ERROR_FILE"] = str(logs / "hs_err_pid%p.log")
    from arcadedb_embedded.server import ArcadeDBServer

    # ArcadeDB takes the root password at its first start only; accounts are created anew at every start
    for name in ("server-users.jsonl", "server-groups.json"):
        (folder / "config" / name).unlink(missing_ok=True)
    config = {
        "host": "127.0.0.1",
        "http_port": 0,
        "bolt_port": 0,
        "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
    }
    properties = {
        "arcadedb.server.logsDirectory": logs,
        "arcadedb.opencypher.loadCsv.allowFileUrls": "false",
        "arcadedb.opencypher.loadCsv.allowRemoteUrls": "false",
    }
    jvm = {"heap_size": heap, "jvm_args": [f"-D{name}={value}" for name, value in properties.items()]}
    return ArcadeDBServer(str(folder), password, config, jvm_kwargs=jvm)


def _add_reader(server: Any, password: str) -> None:
    """Create an account that may only read: ArcadeDB ignores Bolt's read access mode."""
    import jpype  # type: ignore[import-untyped]  # it publishes no types

    to_json = jpype.JClass("com.arcadedb.serializer.json.JSONObject")
    security = server._java_server.getSecurity()
    security.saveGroup(DATABASE, READER, to_json(json.dumps(_READER_GROUP)))
    user = {"name": READER, "password": str(security.encodePassword(password)), "databases": {DATABASE: [READER]}}
    security.createUser(to_json(json.dumps(user)))


def _bolt_port(server: Any) -> int:
    for plugin in server._java_server.getPlugins():
        if str(plugin.getName()) == "Neo4j-Bolt":
            return int(plugin.getPort())
    raise RuntimeError("ArcadeDB did not start its Bolt plugin.")


def _wait_for_end_of_input(stop: threading.Event) -> None:
    """Stop when the parent closes the pipe or dies, by force if the orderly way takes too long."""
    sys.stdin.read()
    stop.set()
    time.sleep(STOP_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
