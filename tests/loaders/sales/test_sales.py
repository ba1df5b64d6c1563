"""A shop's own sales on catalogs without any."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from newaisle.errors import InputError, InteractionsError, SourceError
from newaisle.graph import CatalogGraph
from newaisle.loaders import LoadedSource, load, with_sales
from newaisle.loaders.sales.spellings import Spellings

TAXONOMY = """# Google_Product_Taxonomy_Version: 2021-09-21
1 - Animals & Pet Supplies
3237 - Animals & Pet Supplies > Live Animals
2 - Animals & Pet Supplies > Pet Supplies
3 - Animals & Pet Supplies > Pet Supplies > Bird Supplies
4 - Animals & Pet Supplies > Pet Supplies > Cat Supplies
166 - Apparel & Accessories
1604 - Apparel & Accessories > Clothing
167 - Apparel & Accessories > Clothing > Accessories
178 - Apparel & Accessories > Accessories
"""


@pytest.fixture
def google(tmp_path: Path) -> str:
    path = tmp_path / "taxonomy.txt"
    path.write_text(TAXONOMY)
    return f"google:{path}"


def sold(loaded: LoadedSource) -> dict[object, set[object]]:
    """The users of each target."""
    events = loaded.interactions
    assert events is not None
    found: dict[object, set[object]] = {}
    for user, target in zip(events.user.tolist(), events.target.tolist(), strict=True):
        found.setdefault(events.targets.values[target], set()).add(events.users.values[user])
    return found


@pytest.mark.parametrize(
    "spelled",
    [
        [3, 4, 3237],
        ["3", " 4", "3237"],
        [
            "Animals & Pet Supplies > Pet Supplies > Bird Supplies",
            "Animals & Pet Supplies>Pet Supplies>Cat Supplies",
            "Animals & Pet Supplies > Live Animals",
        ],
        ["Bird Supplies", "4", "Animals & Pet Supplies > Live Animals"],
    ],
    ids=["integers", "texts", "paths", "mixed"],
)
def test_targets_by_id_path_or_name(google: str, tmp_path: Path, spelled: list[object]) -> None:
    sales = pd.DataFrame({"user": ["u", "u", "v"], "target": spelled})
    loaded = load(google, sales=sales)
    assert sold(loaded) == {3: {"u"}, 4: {"u"}, 3237: {"v"}}
    groups = [own for own, group in zip(loaded.graph.ids, loaded.graph.is_group, strict=True) if group]
    assert groups == [1, 2, 166, 1604]
    sales.to_csv(tmp_path / "sales.csv", index=False)
    from_file = load(google, sales=tmp_path / "sales.csv")
    assert sold(from_file) == sold(loaded)
    assert from_file.files[-1].path == tmp_path / "sales.csv"


def test_an_inner_category_with_sales_is_a_target(google: str) -> None:
    loaded = load(google, sales=pd.DataFrame({"user": [1, 2], "target": [2, 3]}))
    assert not loaded.graph.is_group[loaded.graph.ids.position(2)]


def test_times_kinds_and_weights_stay_in_order(google: str) -> None:
    sales = pd.DataFrame(
        {
            "user": ["u"] * 4,
            "target": ["Cat Supplies", "Bird Supplies", "4", "Cat Supplies"],
            "timestamp": ["2024-03-01", "2024-01-01", "2024-02-01", "2024-01-15"],
            "event": ["view", "view", "purchase", "purchase"],
            "weight": [1, 2, 3, 4],
        }
    )
    schema = {"kinds": {"view": 0.3}}
    events = load(google, sales=sales, schema=schema).interactions
    assert events is not None
    assert [events.targets.values[at] for at in events.target] == [3, 4, 4, 4]
    assert events.weight.tolist() == [2, 4, 3, 1]
    assert events.timestamp is not None
    assert (
        events.timestamp[1:].astype("datetime64[D]").astype(str) == ["2024-01-15", "2024-02-01", "2024-03-01"]
    ).all()
    assert events.kinds == schema["kinds"]


def test_unknown_targets_are_counted_with_the_nearest_spelling(google: str) -> None:
    sales = pd.DataFrame({"user": ["u", "u", "v"], "target": ["cat supplies", "3", "Bird Suplies"]})
    loaded = load(google, sales=sales)
    assert sold(loaded) == {3: {"u"}}
    assert loaded.interactions is not None
    report = loaded.interactions.report
    assert (report.rows_read, report.rows_kept, report.dropped) == (3, 1, {"unknown target": 2})
    assert report.examples["unknown target"] == (
        "'Bird Suplies', nearest 'Bird Supplies'",
        "'cat supplies', nearest 'Cat Supplies'",
    )


def test_no_known_target_is_an_error_with_the_nearest_spellings(google: str, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("user,target\nu,0003\nv,3237.0\nw,LIVE ANIMALS\n")
    with pytest.raises(InteractionsError) as caught:
        load(google, sales=path)
    message = str(caught.value)
    assert message.startswith(f"{path}: None of the 3 targets in the column 'target' of the sales is in the catalog")
    assert "'0003', nearest '3'" in message
    assert "'3237.0', nearest '3237'" in message
    assert "'LIVE ANIMALS', nearest 'Live Animals'" in message
    assert "such as 1, or as paths, such as 'Animals & Pet Supplies > " in message


def test_a_name_of_several_targets_names_none(google: str) -> None:
    spellings = Spellings.of(load(google).graph)
    assert spellings.find("Accessories") is None
    assert spellings.find("Apparel & Accessories > Accessories") == 178
    assert spellings.nearest("Clothing > Accesories") is not None


def test_paths_of_several_parents_and_ids_before_names() -> None:
    table = pd.DataFrame(
        {"id": ["a", "b", "c", "d"], "name": ["A", "c", "C", "D"], "parent_id": [None, None, ["a", "b"], ["c"]]}
    )
    spellings = Spellings.of(CatalogGraph.from_tables(table))
    assert spellings.find("c") == "c"
    assert [spellings.find(path) for path in ("A > C", "c > C", "A > C > D")] == ["c", "c", "d"]


def test_order_lines_by_the_column_that_names_targets(google: str) -> None:
    lines = pd.DataFrame(
        {
            "InvoiceNo": ["1", "2", "C3", "4"],
            "CustomerID": [7, 7, 8, 8],
            "StockCode": ["x1", "x2", "x1", "x3"],
            "Description": ["seed", "litter", "seed", "gift"],
            "category_path": [
                "Animals & Pet Supplies/Pet Supplies/Bird Supplies",
                "Animals & Pet Supplies/Pet Supplies/Cat Supplies",
                "Animals & Pet Supplies/Pet Supplies/Bird Supplies",
                "Gifts/Vouchers",
            ],
            "Quantity": [1, 2, -1, 1],
        }
    )
    loaded = load(google, sales=lines)
    assert sold(loaded) == {3: {7}, 4: {7}}
    assert loaded.interactions is not None
    report = loaded.interactions.report
    assert report.dropped == {"return or cancellation": 1, "unknown target": 1}
    assert "The targets of the sales are read from the column 'category_path'." in report.notes
    by_name = load(google, sales=lines.assign(Description=["Bird Supplies", "Cat Supplies"] * 2, category_path="-"))
    assert sold(by_name)[4] == {7, 8}
    schema = {"orders": {"user": "who"}}
    assert sold(load(google, sales=lines.rename(columns={"CustomerID": "who"}), schema=schema)) == sold(loaded)
    with pytest.raises(InteractionsError, match="in the column 'StockCode' and the column 'Description' of the sales"):
        load(google, sales=lines.drop(columns="category_path"))


def test_sales_on_shopify_by_gid_handle_or_path(tmp_path: Path) -> None:
    path = tmp_path / "categories.txt"
    path.write_text(
        "gid://shopify/TaxonomyCategory/aa      : Apparel\n"
        "gid://shopify/TaxonomyCategory/aa-1    : Apparel > Clothing\n"
        "gid://shopify/TaxonomyCategory/aa-1-2  : Apparel > Clothing > Hats\n"
    )
    spelled = ["gid://shopify/TaxonomyCategory/aa-1-2", "aa-1-2", "Apparel > Clothing > Hats", "Hats"]
    loaded = load(f"shopify:{path}", sales=pd.DataFrame({"user": list("abcd"), "target": spelled}))
    assert sold(loaded) == {"gid://shopify/TaxonomyCategory/aa-1-2": set("abcd")}


def test_sales_on_tables_and_their_own_groups(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "categories.csv").write_text("id,name,parent_id\nfood,Food,\ntea,Tea,food\nmilk,Milk,food\n")
    sales = pd.DataFrame({"user": [1, 2], "target": ["tea", "Milk"]})
    assert load(f"tables:{folder}", sales=sales).graph.is_group.tolist() == [True, False, False]
    (folder / "categories.csv").write_text("id,name,parent_id,group\nfood,Food,,\ntea,Tea,food,\nmilk,Milk,food,\n")
    assert not load(f"tables:{folder}", sales=sales).graph.is_group.any()  # the column has the last word
    (folder / "interactions.csv").write_text("user,target\n1,tea\n")
    with pytest.raises(InputError, match=rf"The source tables:{folder} has sales of its own; leave the sales out"):
        load(f"tables:{folder}", sales=sales)


def test_a_sales_file_that_is_missing_or_has_other_columns(google: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no\.csv"):
        load(google, sales=tmp_path / "no.csv")
    path = tmp_path / "sales.csv"
    path.write_text("who,what\nu,3\n")
    with pytest.raises(InputError, match=r"sales\.csv: No column .* \(columns: 'who', 'what'\)"):
        load(google, sales=path)


def test_a_source_in_python() -> None:
    graph = CatalogGraph.from_tables(pd.DataFrame({"id": ["a", "b"], "name": ["A", "B"]}))
    loaded = with_sales(LoadedSource(graph), pd.DataFrame({"user": [1], "target": ["B"]}))
    assert sold(loaded) == {"b": {1}}
    assert json.dumps(loaded.summary().to_dict())
