"""A schema.toml read whole, and every mistake in it named with file, line and key."""

from pathlib import Path

import pytest

from newaisle.errors import InputError
from newaisle.graph.reading.schema_file import read_schema
from newaisle.graph.reading.table_schema import CellFormat, Ratings, TableSchema

SCHEMA = """
delimiter = ";"
missing = ["-", "n/a"]
verb = "read"

[kinds]
view = 0.1
refund = -1

[ratings]
column = "stars"
liked = 4
disliked = 2

[categories]
file = "items.csv"
id = "StockCode"
name = "Description"
decimal = ","

[categories.roles]
colour_code = "attribute"
image_url = "ignore"

[interactions]
user = "CustomerID"
target = "StockCode"
timestamp = "InvoiceDate"
time_format = "%m/%d/%Y %H:%M"
missing = ["0"]
"""


def test_a_schema_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "schema.toml"
    path.write_text(SCHEMA, encoding="utf-8")
    schema = read_schema(path)
    assert schema.verb == "read"
    assert schema.kinds == {"view": 0.1, "refund": -1.0}
    assert schema.ratings == Ratings("stars", 4.0, 2.0)
    categories = schema.table("categories")
    assert categories.file == "items.csv"
    assert categories.columns == {"id": "StockCode", "name": "Description"}
    assert categories.roles == {"colour_code": "attribute", "image_url": "ignore"}
    assert categories.cells == CellFormat(";", ",", None, ("-", "n/a"))
    interactions = schema.table("interactions")
    assert interactions.columns == {"user": "CustomerID", "target": "StockCode", "timestamp": "InvoiceDate"}
    assert interactions.time_format == "%m/%d/%Y %H:%M"
    assert interactions.cells.missing == ("0",)
    assert schema.table("products").cells == schema.cells


def test_a_mapping_or_nothing_will_do() -> None:
    assert read_schema(None) == TableSchema()
    given = {"interactions": {"user": "who", "time_unit": "ms"}}
    assert read_schema(given).table("interactions").columns == {"user": "who"}
    assert read_schema(read_schema(given)) == read_schema(given)


WRONG = {
    "a key of no table": (
        '[categorys]\nid = "x"\n',
        "line 1: .*no key 'categorys'; did you mean categories",
    ),
    "a key of a table": (
        '[interactions]\nuser = "u"\nusr = "x"\n',
        "line 3: .*table has no key 'usr'; did",
    ),
    "two standard names for one column": (
        '[categories]\nid = "x"\nname = "x"\n',
        "line 3: .*two roles, id and",
    ),
    "a name and a role for one column": (
        '[categories]\nid = "x"\n[categories.roles]\nx = "ignore"\n',
        "line 4: the column 'x' has two roles, id and ignore",
    ),
    "no role": ('[categories.roles]\nx = "colour"\n', "line 2: the role of 'x' is 'colour'; give attribute, number"),
    "a role in the interactions": ('[interactions.roles]\nx = "number"\n', "line 2: .*'number'; give ignore"),
    "a weight that is no number": ('[kinds]\nview = "much"\n', "line 2: kinds.view is 'much'; give a finite number"),
    "an infinite weight": ("[kinds]\nview = inf\n", "line 2: kinds.view is inf; give a finite number"),
    "ratings without a column": ("[ratings]\nliked = 4\n", "line 1: ratings lacks column"),
    "ratings upside down": ('[ratings]\ncolumn = "s"\nliked = 2\ndisliked = 4\n', "line 4: disliked is 4, not below"),
    "no time format": ('[interactions]\ntime_format = "d/m/y"\n', "line 2: time_format is 'd/m/y'; give one such as"),
    "no time unit": ('[interactions]\ntime_unit = "h"\n', "line 2: time_unit is 'h'; give one of s, ms, us, ns or D"),
    "no decimal sign": ('decimal = "x"\n', 'line 1: decimal is \'x\'; give "." or ","'),
    "two characters": ('delimiter = ";;"\n', "line 1: delimiter is ';;'; give one character"),
    "no encoding": ('encoding = "utf-99"\n', "line 1: the encoding 'utf-99' does not exist"),
    "missing is no list": ('missing = "-"\n', "line 1: missing is '-'; give a list of texts"),
    "a table is a text": ('categories = "x"\n', "line 1: categories is 'x'; give a table"),
    "a column is a number": ("[categories]\nid = 3\n", "line 2: categories.id is 3; give a text"),
    "no TOML": ("[categories\n", "is not TOML"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_with_its_line(case: str, tmp_path: Path) -> None:
    text, message = WRONG[case]
    path = tmp_path / "schema.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read_schema(path)
    assert str(error.value).startswith(str(path))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml: cannot be read"):
        read_schema("nowhere.toml")
