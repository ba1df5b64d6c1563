"""The server that the environment gives to the tests: used when it is empty, else refused, since tests wipe it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.neo4j_server import (
    DATABASE,
    GIVEN,
    PASSWORD,
    URI,
    USERNAME,
    NoServerError,
    given_endpoint,
    versions_to_test,
)

from newaisle.graph.store.embedded import server as embedded_server
from newaisle.graph.store.embedded.process import start_embedded


def test_a_given_server_is_used_alone_and_only_when_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_embedded(tmp_path, "256m")
    try:
        given = {
            URI: server.url,
            USERNAME: embedded_server.ROOT,
            PASSWORD: server.password,
            DATABASE: embedded_server.DATABASE,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        assert versions_to_test() == [GIVEN]
        with given_endpoint().open() as store:
            store.query("CREATE (:Letter {to: 'aunt'})", write=True)
            with pytest.raises(NoServerError, match=rf"{server.url} \({URI}\) is not empty \(nodes: 1\); give another"):
                given_endpoint()
            assert store.query("MATCH (n) RETURN n.to").rows == (["aunt"],)
        monkeypatch.setenv(PASSWORD, "wrong")
        with pytest.raises(NoServerError, match=f"refused the user name or password .* the one that {URI} names"):
            given_endpoint()
    finally:
        server.stop()
    monkeypatch.setenv(URI, "bolt://127.0.0.1:1")
    with pytest.raises(NoServerError, match=f"cannot be reached .* the one that {URI} names"):
        given_endpoint()
