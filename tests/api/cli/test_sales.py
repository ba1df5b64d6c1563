"""Order lines and own sales from the command line: check, fit with given settings, recommend, refresh."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from newaisle import Recommender
from newaisle.api.config import Config
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.graph import Store

Run = Callable[..., tuple[object, str, str]]
AISLES = [f"Aisle {letter} > {kind}" for letter in "ABCDEFGH" for kind in ("red", "green", "blue", "white")]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """What 60 customers of a shop bought in the first six of eight aisles, each mostly in two of them."""
    rng = np.random.default_rng(0)
    rows = []
    for customer in range(60):
        near = (customer % 6 + np.arange(2)) % 6
        for order in range(4):
            for _ in range(3):
                aisle = rng.choice(near) if rng.random() < 0.8 else rng.integers(6)
                path = AISLES[4 * aisle + rng.integers(4)]
                rows.append((f"{customer}-{order}", 1000 + customer, path, f"2024-0{order + 1}-01"))
    path = tmp_path / "lines.csv"
    pd.DataFrame(rows, columns=["InvoiceNo", "CustomerID", "category", "InvoiceDate"]).to_csv(path, index=False)
    return path


@pytest.fixture
def taxonomy(tmp_path: Path) -> str:
    path = tmp_path / "taxonomy.txt"
    every = sorted({aisle.partition(" > ")[0] for aisle in AISLES} | set(AISLES))
    path.write_text("".join(f"{number} - {name}\n" for number, name in enumerate(every, start=1)))
    return f"google:{path}"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A configuration, so that no search is needed and no text encoder."""
    path = tmp_path / "settings.toml"
    given = ModelSettings(FactorSettings(rank=4), KernelSettings({"ancestors": 1.0}))
    path.write_text(Config(encoder=None, settings=given).to_toml())
    return path


def test_sales_on_a_taxonomy_up_to_the_store(
    run: Run, taxonomy: str, lines: Path, settings: Path, tmp_path: Path, store: Store
) -> None:
    code, out, _ = run("check", taxonomy)
    assert (code, "--sales FILE" in out) == (3, True)
    code, out, _ = run("check", taxonomy, "--sales", str(lines), "--json")
    assert code == 0
    summary = json.loads(out)
    assert {key: summary["catalog"][key] for key in ("sold", "new", "groups")} == {"sold": 24, "new": 8, "groups": 8}
    model = tmp_path / "model"
    code, _, err = run("fit", taxonomy, "--sales", str(lines), "--config", str(settings), "--out", str(model))
    assert code == 0, err
    assert {type(own) for own in Recommender.load(model).fitted.graph.ids} == {int}
    code, out, _ = run("recommend", str(model), "--user", "1003", "-k", "3", "--json")
    assert code == 0
    assert len(json.loads(out)) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("newaisle.graph.open_store", lambda *_, **__: store)
        patch.setattr(store, "close", lambda: None)
        code, out, err = run(
            *("refresh", "--source", taxonomy, "--sales", str(lines), "--model", str(model)),
            *("--name", "own-sales", "--json"),
        )
        assert (code, json.loads(out)["added"]) == (0, 40)
        states = "MATCH (c:Newaisle:Category {source: 'own-sales'}) RETURN c.state, count(c) ORDER BY c.state"
        assert dict(store.query(states).rows) == {"group": 8, "new": 8, "seen": 24}
        config = tmp_path / "refresh.toml"
        config.write_text(
            f'[[source]]\nsource = "{taxonomy}"\nname = "own-sales"\nsales = "{lines}"\nmodel = "{model}"\n'
        )
        code, out, _ = run("refresh", "--config", str(config), "--json")
        assert (code, json.loads(out)[0]["changed"], json.loads(out)[0]["added"]) == (0, 0, 0)


def test_order_lines_up_to_the_store(run: Run, lines: Path, settings: Path, tmp_path: Path, store: Store) -> None:
    source, model = f"orders:{lines}", tmp_path / "model"
    code, out, _ = run("check", source)
    assert code == 0
    assert out.startswith("orders: 24 targets (24 sold, 0 new), 6 groups")
    for column in ("CustomerID", "InvoiceDate"):
        assert column in out
    code, _, err = run("fit", source, "--config", str(settings), "--out", str(model))
    assert code == 0, err
    code, out, _ = run("recommend", str(model), "--user", "1003", "-k", "3", "--among", "seen", "--json")
    assert [row["target"] in AISLES for row in json.loads(out)] == [True] * 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("newaisle.graph.open_store", lambda *_, **__: store)
        patch.setattr(store, "close", lambda: None)
        code, out, _ = run("refresh", "--source", source, "--model", str(model), "--json")
    assert (code, json.loads(out)["added"]) == (0, 30)


def test_sales_that_do_not_fit_are_one_sentence(run: Run, taxonomy: str, lines: Path, tmp_path: Path) -> None:
    code, out, err = run("check", f"orders:{lines}", "--sales", str(lines))
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].endswith("has sales of its own; leave the sales out, or give a source without any.")
    sales = tmp_path / "sales.csv"
    sales.write_text("user,target\n1,AISLE A > RED\n")
    code, _, err = run("fit", taxonomy, "--sales", str(sales), "--out", str(tmp_path / "model"))
    assert code == 1
    assert "'AISLE A > RED', nearest 'Aisle A > red'" in err.splitlines()[-1]
    code, _, err = run("check", taxonomy, "--sales", str(tmp_path / "none.csv"))
    assert code == 1
    assert "none.csv" in err.splitlines()[-1]
    code, _, err = run("check", f"orders:{lines}", "--columns", "user=Kunde")
    assert code == 1
    assert "The schema names the column 'Kunde' as user of the order lines" in err.splitlines()[-1]
