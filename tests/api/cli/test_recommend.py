"""The commands audience and forecast, and table files in and out, on a saved model, as a user runs them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newaisle.api.recommender import Recommender

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture(scope="module")
def model(fitted: Recommender, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "model"
    fitted.save(path)
    return str(path)


@pytest.fixture(scope="module")
def new(fitted: Recommender) -> str:
    return str(fitted.table_columns(fitted.forecast("new"))["target"][0])


@pytest.fixture(scope="module")
def active(fitted: Recommender) -> list[int]:
    return [int(fitted.fitted.users.values[row]) for row in np.flatnonzero(np.diff(fitted.fitted.bought.indptr))]


def rows_of(fitted: Recommender, table: object) -> list[dict[str, object]]:
    columns = fitted.table_columns(table)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_audience_says_what_the_model_says(run: Run, model: str, fitted: Recommender, new: str) -> None:
    code, out, err = run("audience", model, new, "-k", "30", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == rows_of(fitted, fitted.audience(new, 30))
    code, out, _ = run("audience", model, "CITRUS / LEMONS", "--keep-bought", "-k", "3", "--json")
    assert json.loads(out) == rows_of(fitted, fitted.audience("CITRUS / LEMONS", 3, exclude_bought=False))
    _, out, _ = run("audience", model, new, "-k", "2", "--csv")
    assert out.splitlines()[0] == "user,target,name,score,probability,expected_buyers"
    assert len(out.splitlines()) == 3


def test_people_see_the_first_rows_and_the_sum(run: Run, model: str, fitted: Recommender, new: str) -> None:
    code, out, _ = run("audience", model, new, "-k", "50")
    assert code == 0
    assert "20 rows\nand 30 more;" in out
    total = fitted.table_columns(fitted.audience(new, 50))["expected_buyers"][-1]
    assert out.endswith(f"Expect {total:,.1f} buyers of {new} among 50 users\n")
    _, out, _ = run("audience", model, new, "-k", "5")
    assert "5 rows\nExpect " in out


def test_forecast_says_what_the_model_says(run: Run, model: str, fitted: Recommender, new: str) -> None:
    code, out, err = run("forecast", model, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == rows_of(fitted, fitted.forecast("new"))
    _, out, _ = run("forecast", model, "--among", "seen", "--json")
    assert json.loads(out) == rows_of(fitted, fitted.forecast("seen"))
    _, out, _ = run("forecast", model, new, "CITRUS / LEMONS", "--json")
    assert {row["target"] for row in json.loads(out)} == {new, "CITRUS / LEMONS"}
    code, out, _ = run("forecast", model, "--among", "all")
    assert code == 0
    assert "expected_buyers" in out
    assert f"and {len(fitted.fitted.choose('all').targets) - 20:,} more;" in out


def test_files_hold_what_is_printed(run: Run, model: str, new: str, tmp_path: Path) -> None:
    for command in (("audience", model, new), ("forecast", model), ("recommend", model, "-k", "4")):
        rows = json.loads(run(*command, "--json")[1])
        for name in ("rows.csv", "rows.parquet"):
            code, out, err = run(*command, "--out", str(tmp_path / name))
            assert (code, out) == (0, "")
            assert f"Wrote {tmp_path / name}: {len(rows):,} rows" in err
        assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == rows
        with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert [line["target"] for line in lines] == [row["target"] for row in rows]
        number = "probability" if "probability" in rows[0] else "expected_buyers"
        assert [float(line[number]) for line in lines] == [row[number] for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "rows.parquet"]  # no temporary file remains
    _, out, err = run("forecast", model, "--out", str(tmp_path / "rows.csv"), "--json")
    assert "Wrote" in err
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        assert [line["target"] for line in csv.DictReader(file)] == [row["target"] for row in json.loads(out)]


def test_users_come_from_a_file(run: Run, model: str, active: list[int], new: str, tmp_path: Path) -> None:
    some = [active[4], active[1], active[4]]
    (tmp_path / "users.csv").write_text("name,user\n" + "".join(f"x,{user}\n" for user in some), encoding="utf-8")
    pq.write_table(pa.table({"user": some}), tmp_path / "users.parquet")
    expected = json.loads(run("recommend", model, "--user", str(active[4]), "--user", str(active[1]), "--json")[1])
    for name in ("users.csv", "users.parquet"):
        file = str(tmp_path / name)
        assert json.loads(run("recommend", model, "--users", file, "--json")[1]) == expected
        rows = json.loads(run("audience", model, new, "--users", file, "--json")[1])
        assert sorted(row["user"] for row in rows) == sorted(set(some))
    code, _, err = run("recommend", model, "--users", str(tmp_path / "users.csv"), "--user", str(active[1]))
    assert code == 1
    assert f"User {active[1]} is in the list several times" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("audience", "melons"), "Unknown target id 'melons'"),
        (("audience", "CITRUS / LEMONS", "-k", "0"), "k is 0; ask for 1 user or more"),
        (("audience",), "Missing argument 'TARGET'"),
        (("audience", "CITRUS / LEMONS", "--at", "soon"), "'soon' is neither a date nor a number"),
        (("audience", "CITRUS / LEMONS", "--json", "--csv"), "exclude each other"),
        (("audience", "CITRUS / LEMONS", "--out", "letters.xlsx"), "--out is 'letters.xlsx'; give a file that ends in"),
        (("audience", "CITRUS / LEMONS", "--out", "no/such/folder.csv"), "its folder does not exist"),
        (("audience", "CITRUS / LEMONS", "--users", "nobody.csv"), "There is no file nobody.csv"),
        (("forecast", "melons"), "Unknown target id 'melons'"),
        (("forecast", "--among", "sold"), "--among is 'sold'"),
        (("forecast", "--out", "forecast"), "give a file that ends in .csv or .parquet"),
        (("recommend", "--users", "empty.csv"), "empty.csv: there is no user in it"),
        (("recommend", "--users", "gap.csv"), "gap.csv: row 2 has no user"),
        (("recommend", "--users", "names.csv"), "names.csv: there is no column 'user' (its columns: 'name')"),
        (("recommend", "--users", "words.csv"), "Unknown user id 'one': user ids are integers here"),
        (("recommend", "--min-probability", "1.5"), "min_probability is 1.5; give a number from 0 to 1"),
    ],
)
def test_bad_requests_fail_with_one_sentence(
    run: Run, model: str, arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "empty": "user\n",
        "gap": "user,x\n1,a\n,b\n",
        "names": "name\na\n",
        "words": "user\none\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    command, *rest = arguments
    code, out, err = run(command, model, *rest)
    assert code in (1, 2)
    assert out == ""
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before
