"""Category paths from one column or several."""

import pyarrow as pa
import pytest

from newaisle.loaders.orders.columns import OrderColumns
from newaisle.loaders.orders.paths import Path, read_paths


def paths(table: dict[str, list[object]], separator: str | None = None, ordered: bool = False) -> list[Path | None]:
    """The path of each row."""
    found, _ = read_paths(pa.table(table), OrderColumns({}, tuple(table), ordered), separator)
    return [None if at < 0 else found.values[at] for at in found.code.tolist()]


@pytest.mark.parametrize("sign", [" > ", ">", " >> ", "|", " | ", "/", " / ", "."])
def test_separators_are_recognised(sign: str) -> None:
    cells = [sign.join(["Home", "Kitchen", "Pans"]), sign.join(["Home", "Garden"]), None, "Home"]
    assert paths({"category": cells}) == [("Home", "Kitchen", "Pans"), ("Home", "Garden"), None, ("Home",)]


def test_signs_inside_names_separate_nothing() -> None:
    single = ["Salt/Pepper", "Bread", "Milk", "No. 5", "Dr. Best", "St. Ives"]
    assert paths({"category": single}) == [(name,) for name in single]
    assert paths({"category": ["Bath & Body / Soap", "Tea/Coffee"]}, "none") == [
        ("Bath & Body / Soap",),
        ("Tea/Coffee",),
    ]
    assert paths({"category": ["a:b", "a"]}, ":") == [("a", "b"), ("a",)]
    assert paths({"category": ["a/b > c", "a/b"]}, ">") == [("a/b", "c"), ("a/b",)]


def test_a_column_of_lists() -> None:
    assert paths({"category": [["Home", "A/B"], [], None]}) == [("Home", "A/B"), None, None]


def test_levels_are_ordered_by_what_determines_what() -> None:
    table = {
        "aisle": ["milk", "cheese", "bread", "rolls"] * 3,
        "department": ["dairy", "dairy", "bakery", "bakery"] * 3,
    }
    assert paths(table)[:3] == [("dairy", "milk"), ("dairy", "cheese"), ("bakery", "bread")]
    assert paths(table, ordered=True)[0] == ("milk", "dairy")


def test_levels_that_cross_are_not_one_above_the_other() -> None:
    kinds = ["shirt", "trousers", "dress", "socks"]
    table = {"class": kinds * 6, "department": [name for name in ["women", "men", "kids"] for _ in range(8)]}
    found, columns = read_paths(pa.table(table), OrderColumns({}, tuple(table), False))
    assert columns.category == ("class",)
    assert found.values == tuple((name,) for name in sorted(kinds))


def test_missing_levels_are_left_out() -> None:
    table = {"class": ["a", None, "a", None], "subclass": ["x", "y", None, None]}
    assert paths(table, ordered=True) == [("a", "x"), ("y",), ("a",), None]
