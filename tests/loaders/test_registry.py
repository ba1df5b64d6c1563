"""A loader from outside the package: one file and one call make its kind known everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import newaisle
from newaisle.errors import InputError, SourceError
from newaisle.graph import CatalogGraph, Interactions, Store
from newaisle.loaders import LoadedSource, load, register, registry, source_usage

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def load_toy(path: Path, *, sales: bool = False, prefix: str = "toy") -> LoadedSource:
    """Every line is a category with the one before it as its parent."""
    try:
        names = path.read_text().split()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    table = pd.DataFrame(
        {"id": names, "name": [f"{prefix} {name}" for name in names], "parent_id": [None, *names[:-1]]}
    )
    graph = CatalogGraph.from_tables(table, source="toy")
    events = pd.DataFrame({"user": [1, 2], "target": names[-2:]})
    return LoadedSource(graph, Interactions.from_table(events) if sales else None)


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy loader, registered for one test."""
    monkeypatch.setattr(registry, "_KINDS", dict(registry._KINDS))
    register("toy", load_toy, "toy:FILE[?sales][&prefix=…]")


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    path = tmp_path / "what?toys.txt"
    path.write_text("bricks castles towers")
    return path


def test_a_registered_kind_loads(toys: Path) -> None:
    loaded = newaisle.load(f"toy:{toys}")
    assert loaded.graph.names == ("toy bricks", "toy castles", "toy towers")
    assert loaded.interactions is None


def test_parameters_with_defaults_are_options(toys: Path) -> None:
    assert load(f"toy:{toys}?sales").interactions is not None
    both = load(f"toy:{toys}?sales&prefix=wooden")
    assert both.graph.names[0] == "wooden bricks"
    assert both.interactions is not None
    assert load(f"toy:{toys}?prefix=").graph.names[0] == "toy bricks"
    with pytest.raises(SourceError, match=r"\?colour=red: cannot be read"):  # no option: part of the path
        load(f"toy:{toys}?colour=red")


def test_a_loader_without_a_place(toys: Path) -> None:
    register("fixed", lambda: load_toy(toys), "fixed")
    assert len(load("fixed").graph) == 3
    with pytest.raises(SourceError, match="is not a source"):
        load("fixed:place")


def test_messages_and_docs_list_every_kind() -> None:
    with pytest.raises(SourceError, match=r"google:FILE, orders:FILE\[\?targets=…\], toy:FILE\[\?sales\]"):
        load("lego:x")
    with pytest.raises(InputError, match="rename it"):
        register("Toy:", load_toy)
    register("shelf", load_toy)
    assert source_usage().endswith("shelf:PLACE")
    for usage in source_usage().split(", ")[:5]:
        assert f"`{usage.partition('[')[0]}" in DOCS.read_text(encoding="utf-8")


def test_refresh_accepts_it(run: Callable[..., tuple[object, str, str]], toys: Path, store: Store) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("newaisle.graph.open_store", lambda *_, **__: store)
        patch.setattr(store, "close", lambda: None)
        code, out, _ = run("refresh", "--source", f"toy:{toys}", "--json")
    assert (code, json.loads(out)["added"]) == (0, 3)
    assert store.snapshot("toy") == load_toy(toys).graph


def test_fit_accepts_it(run: Callable[..., tuple[object, str, str]], toys: Path, tmp_path: Path) -> None:
    code, _, err = run("fit", f"toy:{toys}", "--out", str(tmp_path / "model"))
    assert code == 1
    assert "toy" in err
    assert "interactions" in err
