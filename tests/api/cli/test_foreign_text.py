"""Ids and names with characters that a terminal, a shell or a spreadsheet would act on."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.display import guarded, unguarded

pytestmark = pytest.mark.usefixtures("fresh_home")

Run = Callable[..., tuple[object, str, str]]
FORMULA = "=cmd|'/C calc'!A0"
USERS = ["!\x1b[31m;$(id)", FORMULA, "'=already", "-7", "+x", "@y", "it's", "plain"]


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A shop of 12 categories, two without sales, and the users above."""
    ids = [f"t{i}" for i in range(11)] + ["=1+1"]
    names = [f"Shelf {i}" for i in range(10)] + ["\u202eeman\x9b31m", "@name"]
    catalog = pd.DataFrame({"id": ids, "name": names, "colour": ["red", "blue"] * 6})
    draw = np.random.default_rng(0)
    rows = [(user, f"t{i}") for user in USERS for i in draw.choice(10, 5, replace=False)]
    return catalog, pd.DataFrame(rows, columns=["user", "target"])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    catalog, sales = tables()
    path = tmp_path_factory.mktemp("odd") / "model"
    graph, history = CatalogGraph.from_tables(catalog), Interactions.from_table(sales)
    Recommender(encoder=None).fit(graph, history).save(path)
    return str(path)


def acts(text: str) -> bool:
    return bool(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text))


@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", "--user", USERS[0]),
        ("audience", "t10"),
        ("forecast",),
        ("explain", "--user", USERS[0], "--target", "t10"),
        ("similar", "--target", "t10", "--among", "all"),
        ("search", "shelf\x1b[2J"),
        ("route", "t10"),
        ("route", "no\x1b[2Jne"),
    ],
)
def test_tables_and_errors_show_what_would_act(run: Run, model: str, arguments: tuple[str, ...]) -> None:
    command, *rest = arguments
    _, out, err = run(command, model, *rest)
    assert out + err
    assert not acts(out + err)


def test_json_has_texts_as_they_are(run: Run, model: str) -> None:
    _, out, _ = run("audience", model, "t10", "--json")
    assert {row["user"] for row in json.loads(out)} == set(USERS)
    assert {row["name"] for row in json.loads(out)} == {"\u202eeman\x9b31m"}


def test_csv_is_safe_to_open_and_can_be_read_again(run: Run, model: str, tmp_path: Path) -> None:
    safe, raw = tmp_path / "safe.csv", tmp_path / "raw.csv"
    _, printed, _ = run("audience", model, "=1+1", "--csv")
    run("audience", model, "=1+1", "--out", str(safe))
    run("audience", model, "=1+1", "--out", str(raw), "--raw")
    assert printed == safe.read_text(encoding="utf-8")
    assert run("audience", model, "=1+1", "--csv", "--raw")[1] == raw.read_text(encoding="utf-8")
    rows = {path: list(csv.DictReader(path.open(encoding="utf-8", newline=""))) for path in (safe, raw)}
    cells = [cell for row in rows[safe] for cell in row.values()]
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r" and not re.fullmatch(r"-?[\d.e-]+", cell)]
    assert {row["user"] for row in rows[raw]} == set(USERS)
    assert {row["target"] for row in rows[safe]} == {"'=1+1"}
    assert all(-1 <= float(row["score"]) <= 1 for row in rows[safe])  # numbers stay numbers, negative ones too
    for file in (safe, raw):
        _, out, _ = run("recommend", model, "--users", str(file), "-k", "1", "--json")
        assert {row["user"] for row in json.loads(out)} == set(USERS)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra", "'=1", "''=1"])
def test_a_guard_can_be_taken_off(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "'", "'a", "a=1", "it's", " =1", "1"])
def test_what_no_spreadsheet_runs_stays(text: str) -> None:
    assert guarded(text) == unguarded(text) == text


def test_explain_names_nodes_as_the_store_does(run: Run, model: str) -> None:
    command = ("explain", model, "--user", "it's", "--target", "t10")
    for name, options in (("tables", ()), ("spring", ("--name", "spring"))):
        _, out, _ = run(*command, *options)
        printed = [shlex.split(line) for line in out.splitlines() if line.startswith("  newaisle cypher ")]
        assert printed
        assert {words[4].partition(":")[0] for words in printed} == {f"key={name}"}
        assert {words[6] for words in printed} == {f"other={name}:t10"}
    code, _, err = run(*command, "--name", "Spring")
    assert (code, err.count("\n")) == (1, 1)
    assert "'Spring' has other characters" in err


@pytest.mark.slow
def test_the_command_that_fit_prints_can_be_pasted(run: Run, tmp_path: Path) -> None:
    catalog, sales = tables()
    shop = tmp_path / "my shop"
    shop.mkdir()
    catalog.to_csv(shop / "categories.csv", index=False)
    sales.to_csv(shop / "interactions.csv", index=False)
    out = str(tmp_path / "a model")
    code, _, err = run("fit", f"tables:{shop}", "--out", out, "--encoder", "static:packaged")
    assert code == 0, err
    assert not acts(err)
    last = err.splitlines()[-1]
    assert last == f"Next: newaisle recommend '{out}' --user " + r"$'!\033[31m;$(id)'"
