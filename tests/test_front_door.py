"""The names that newaisle hands out, how light they are, and the ways to a graph and a history."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import newaisle
from newaisle import CatalogGraph, Interactions
from newaisle.errors import InputError, StoreError
from newaisle.graph import open_store

HEAVY = ("torch", "torch_geometric", "sentence_transformers", "implicit", "neo4j", "matplotlib", "pandas", "polars")


def test_importing_newaisle_is_light() -> None:
    code = (
        "import sys, time\n"
        "import newaisle\n"
        "from newaisle import CatalogGraph, Interactions, load\n"
        "print(time.process_time())\n"  # not the clock: others may be at work on the same cores
        f"print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    seconds, heavy = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert heavy == "[]"
    assert float(seconds) < 1


def test_every_name_of_the_front_door_is_there() -> None:
    for name in newaisle.__all__:
        assert getattr(newaisle, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        newaisle.nothing  # noqa: B018


def shelf(source: str) -> CatalogGraph:
    return CatalogGraph.from_tables(pd.DataFrame({"id": [1, 2], "name": ["Tea", "Jam"]}), source=source)


def test_a_graph_comes_from_a_store(tmp_path: Path) -> None:
    url = f"embedded:{tmp_path / 'store'}"
    with open_store(url, heap="512m") as store:
        with pytest.raises(StoreError, match="holds no source; refresh one"):
            store.snapshot()
        store.write(shelf("one"))
        assert store.snapshot() == shelf("one")
        store.write(shelf("other"))
        with pytest.raises(StoreError, match="no source 'third'"):
            store.snapshot("third")
    assert newaisle.load_graph(url, "one") == shelf("one")
    with pytest.raises(InputError, match="several sources: 'one', 'other'; name one"):
        newaisle.load_graph(url)


def test_a_history_comes_from_a_table_under_its_own_names() -> None:
    sales = pd.DataFrame(
        {
            "household_id": [7, 7, 8],
            "category": ["Tea", "Jam", "Tea"],
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
            "quantity": [1, 2, 3],
        }
    )
    history = Interactions.from_table(sales, user="household_id", target="category", timestamp="day", weight="quantity")
    assert history.users.values == (7, 8)
    assert history.weight.tolist() == [2, 1, 3]
