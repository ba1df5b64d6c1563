"""The options that say how tables are written: one schema of them and a file, for every command that reads a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from newaisle.api.cli.main import app
from newaisle.api.cli.options import Reading
from newaisle.graph.reading.table_schema import CellFormat, TableSchema

Run = Callable[..., tuple[object, str, str]]
NONE = dict.fromkeys(
    ("sales", "schema", "columns", "roles", "delimiter", "decimal", "encoding", "missing", "time_format", "time_unit")
)


def schema_of(source: str = "tables:shop", **given: Any) -> TableSchema:
    found = Reading(source, {**NONE, **given}).schema
    assert found is not None
    return found


def test_without_options_there_is_no_schema() -> None:
    assert Reading("tables:shop", NONE).schema is None


def test_a_name_of_a_column_belongs_to_the_first_table_that_has_it() -> None:
    found = schema_of(columns="user=CustomerID, target=StockCode,id=StockCode,products.id=SKU,parent_id=above=all")
    assert found.table("interactions").columns == {"user": "CustomerID", "target": "StockCode"}
    assert found.table("categories").columns == {"id": "StockCode", "parent_id": "above=all"}
    assert found.table("products").columns == {"id": "SKU"}


def test_roles_are_of_the_categories_where_no_table_is_named() -> None:
    found = schema_of(roles="colour_code=attribute,image.url=ignore,products.size=number,interactions.note=ignore")
    assert found.table("categories").roles == {"colour_code": "attribute", "image.url": "ignore"}
    assert found.table("products").roles == {"size": "number"}
    assert found.table("interactions").roles == {"note": "ignore"}


def test_of_order_lines_all_belong_to_their_one_table() -> None:
    found = schema_of(
        "orders:lines.csv", columns="item=StockCode,user=CustomerID", roles="Country=ignore", time_format="%d/%m/%Y"
    )
    assert set(found.tables) == {"orders"}
    assert found.table("orders").time_format == "%d/%m/%Y"


def test_cells_are_of_all_tables_and_times_of_the_interactions() -> None:
    found = schema_of(delimiter="tab", decimal=",", encoding="cp1252", missing="-,n/a", time_unit="ms")
    assert found.cells == CellFormat("\t", ",", "cp1252", ("-", "n/a"))
    assert found.table("interactions").time_unit == "ms"


def test_options_come_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        'decimal = ","\ndelimiter = ";"\nverb = "read"\n[kinds]\nview = 0.2\n'
        '[interactions]\nuser = "Customer"\ntarget = "Item"\ntime_unit = "s"\n[categories.roles]\nsize = "number"\n'
    )
    found = schema_of(schema=file, columns="user=CustomerID", delimiter="|", roles="colour=attribute")
    assert found.table("interactions").columns == {"user": "CustomerID", "target": "Item"}
    assert found.table("interactions").time_unit == "s"
    assert found.table("categories").roles == {"size": "number", "colour": "attribute"}
    assert (found.cells.delimiter, found.cells.decimal) == ("|", ",")
    assert (found.kinds, found.verb) == ({"view": 0.2}, "read")


@pytest.mark.parametrize("command", ["check", "fit", "evaluate", "refresh"])
def test_every_command_that_reads_a_source_has_them(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).stdout
    for name in NONE:
        assert f"--{name.replace('_', '-')} " in shown


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--columns", "user"), "--columns has the part 'user'; give it as user=CustomerID,target=StockCode"),
        (
            ("--columns", "buyer=Kunde"),
            "--columns names 'buyer', which is no standard column; give one of user, target",
        ),
        (("--columns", "products.colour=x"), "colour"),
        (("--roles", "colour"), "--roles has the part 'colour'; give it as colour_code=attribute"),
        (("--roles", "colour=atribute"), "the role of 'colour' is 'atribute'; give attribute, number, text or ignore"),
        (("--columns", "user=A,target=A"), "the column 'A' has two roles, user and target"),
        (("--columns", "id=A", "--roles", "A=number"), "the column 'A' has two roles, id and number"),
        (("--delimiter", "tabs"), "delimiter is 'tabs'; give one character"),
        (("--decimal", ";"), "decimal is ';'"),
        (("--encoding", "utf-9"), "the encoding 'utf-9' does not exist"),
        (("--time-unit", "min"), "time_unit is 'min'; give one of s, ms, us, ns or D"),
        (("--time-format", "dd/mm"), "time_format is 'dd/mm'; give one such as %d/%m/%Y"),
        (("--schema", "nowhere.toml"), "nowhere.toml"),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("fit", "--out", "model"), ("evaluate",)], ids=lambda words: words[0])
def test_bad_options_are_one_sentence(
    run: Run, tmp_path: Path, command: tuple[str, ...], options: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "categories.csv").write_text("id,name\na,Tea\n")
    code, out, err = run(*command, f"tables:{tmp_path}", *options)
    assert code in (1, 2)
    assert out == ""
    assert sentence in err.splitlines()[-1]


def test_refresh_ends_with_2_for_a_bad_schema(run: Run, tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text("id,name\na,Tea\n")
    code, _, err = run("refresh", "--source", f"tables:{tmp_path}", "--decimal", ";")
    assert code == 2
    assert "decimal is ';'" in err.splitlines()[-1]
    config = tmp_path / "refresh.toml"
    config.write_text(f'[[source]]\nsource = "tables:{tmp_path}"\nschema = "{tmp_path / "none.toml"}"\n')
    code, _, err = run("refresh", "--config", str(config))
    assert code == 2
    assert "none.toml" in err.splitlines()[-1]
    code, _, err = run("refresh", "--config", str(config), "--delimiter", ";")
    assert code == 2
    assert "its key schema names" in err.splitlines()[-1]
