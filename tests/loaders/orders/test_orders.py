"""Order lines in the forms in which shops have them, read as a catalog and its purchases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import newaisle
from newaisle.errors import InputError, InteractionsError
from newaisle.graph import Attribute, Interactions, Relation
from newaisle.loaders import LoadedSource, from_orders, load


def bought(interactions: Interactions | None) -> set[tuple[object, object]]:
    """The pairs of user and target."""
    assert interactions is not None
    users, targets = interactions.users.values, interactions.targets.values
    return {
        (users[u], targets[t]) for u, t in zip(interactions.user.tolist(), interactions.target.tolist(), strict=True)
    }


def roles(loaded: LoadedSource) -> dict[str, str]:
    return {column.column: column.role for column in loaded.graph.report.columns}


def online_shop() -> pd.DataFrame:
    """Invoices of a gift shop: a guest, a cancelled invoice, an item with two descriptions, a country of customers."""
    lines = [
        ("536365", "0085A", "WHITE HEART", 6, "2010-12-01 08:26", 2.55, 17850, "United Kingdom"),
        ("536365", "71053", "LANTERN", 6, "2010-12-01 08:26", 3.0, 17850, "United Kingdom"),
        ("536365", "71053", "LANTERN", 2, "2010-12-01 08:26", 5.0, 17850, "United Kingdom"),
        ("536366", "0085A", "white heart damaged", 1, "2010-12-02 09:00", 2.55, 13047, "France"),
        ("536367", "0085A", "WHITE HEART", 4, "2010-12-03 09:00", 2.95, 13047, "France"),
        ("536368", "71053", "LANTERN", 3, "2010-12-04 09:00", 3.5, None, "France"),
        ("C536379", "71053", "LANTERN", -3, "2010-12-05 09:00", 3.5, 12583, "France"),
        ("536370", "22728", "CLOCK", 24, "2010-12-05 10:00", 3.75, 12583, "France"),
        ("C536380", "22728", "CLOCK", -24, "2010-12-06 10:00", 3.75, 12583, "France"),
        ("536371", "POST", "POSTAGE", 1, "2010-12-06 11:00", 0.0, 12583, "France"),
        ("536372", "71053", "LANTERN", 5, "2010-12-07 10:00", 3.0, 12583, "United Kingdom"),
        ("C536381", "71053", "LANTERN", -2, "2010-12-08 10:00", 3.0, 12583, "United Kingdom"),
    ]
    names = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    return pd.DataFrame(lines, columns=names)


def test_an_online_shop() -> None:
    loaded = from_orders(online_shop())
    graph, sales = loaded.graph, loaded.interactions
    assert graph.source == "orders"
    assert graph.ids.values == ("0085A", "22728", "71053", "POST")
    assert graph.names == ("WHITE HEART", "CLOCK", "LANTERN", "POSTAGE")
    assert graph.features["price"].tolist() == [2.55, 3.75, 3.25, 0.0]
    assert not graph.attributes  # countries are of customers
    assert roles(loaded)["Country"] == "ignored"
    assert roles(loaded)["CustomerID"] == "user"
    assert bought(sales) == {
        (17850, "0085A"),
        (17850, "71053"),
        (13047, "0085A"),
        (12583, "POST"),
        (12583, "71053"),
    }
    assert sales is not None
    assert sales.weight[(sales.user == sales.users.position(17850))].tolist() == [6, 8]
    assert sales.timestamp is not None
    assert sales.timestamp.min() == np.datetime64("2010-12-01T08:26")
    assert sales.report.rows_read == 12
    assert sales.report.dropped == {"return or cancellation": 3, "missing id": 1, "purchase returned in full": 1}
    assert sales.report.changed == {"lines of one purchase added up": 1}
    assert sales.report.rows_kept == len(sales) == 12 - 5 - 1
    assert sales.report.examples["return or cancellation"][0] == "row 7 (order 'C536379')"
    changed = "items with more than one name, the most frequent taken"
    assert graph.report.changed[changed] == 1
    assert graph.report.examples[changed] == ("0085A: 'WHITE HEART' in 2 of 3 rows",)


def test_the_order_of_lines_and_the_library_do_not_matter() -> None:
    lines = online_shop()
    one, other = from_orders(lines), from_orders(pl.from_pandas(lines.sample(frac=1, random_state=0)))
    assert other.graph == one.graph
    assert bought(other.interactions) == bought(one.interactions)
    assert one.interactions is not None
    assert one.interactions.backend == "pandas"
    assert other.interactions is not None
    assert other.interactions.backend == "polars"


def test_a_purchase_after_a_return_stays() -> None:
    """What is returned before the first purchase in the file was bought before it."""
    lines = pd.DataFrame(
        {
            "user": ["u", "u", "v", "v"],
            "sku": ["a"] * 4,
            "quantity": [-1, 1, 1, -1],
            "date": ["2024-01-01", "2024-02-01", "2024-01-01", "2024-02-01"],
        }
    )
    sales = from_orders(lines).interactions
    assert bought(sales) == {("u", "a")}


def visits() -> pd.DataFrame:
    """Events of visitors, times in milliseconds, with an order at purchases alone."""
    return pd.DataFrame(
        {
            "timestamp": [1433221332117, 1433224214164, 1433221999827, 1433223236124],
            "visitorid": [257597, 992329, 257597, 257597],
            "event": ["view", "view", "transaction", "refund"],
            "itemid": [355908, 248676, 355908, 248676],
            "transactionid": [None, None, 4000, None],
        }
    )


def test_a_log_of_visits() -> None:
    loaded = from_orders(visits())
    assert loaded.graph.ids.values == (248676, 355908)
    sales = loaded.interactions
    assert sales is not None
    assert sales.users.values == (257597, 992329)
    assert sales.timestamp is not None
    assert sales.timestamp.min() == np.datetime64(1433221332117, "ms")
    assert sales.event is not None
    assert sales.event.tolist() == ["view", "transaction", "view"]
    assert sales.report.dropped == {"return or cancellation": 1}


def groceries(aisles: int) -> pd.DataFrame:
    """Orders of 40 customers of a grocery with some aisles, three in each department, and ten products in each."""
    rng = np.random.default_rng(0)
    aisle = np.r_[np.arange(aisles), rng.integers(aisles, size=1500)]
    product = 10 * aisle + rng.integers(10, size=len(aisle))
    order = np.arange(len(aisle)) // 5
    return pd.DataFrame(
        {
            "order_id": order,
            "product_id": product,
            "user_id": order % 40,
            "product_name": [f"product {number}" for number in product],
            "aisle_id": aisle,
            "aisle": [f"aisle {number:03}" for number in aisle],
            "department": [f"department {number // 3:02}" for number in aisle],
            "brand": [f"brand {number % 7}" for number in product],
            "store": [f"store {number % 3}" for number in order],
        }
    )


def test_many_categories_are_the_targets() -> None:
    loaded = from_orders(groceries(60))
    graph = loaded.graph
    own = "department 00 > aisle 002"
    assert loaded.describe().startswith("60 targets, 20 groups")
    assert graph.names[graph.ids.position(own)] == "aisle 002"
    assert graph.texts[graph.ids.position(own)] == own
    assert graph.edge_keys(Relation.CHILD_OF)[0] == ("orders:department 00 > aisle 000", "orders:department 00")
    assert "catalog_size" not in graph.features  # how many products were sold is no news to a new aisle
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    assert {attribute.name for attribute in graph.attributes} == {"brand"}
    weights = has.weight[has.tail == graph.ids.position(own)]
    assert weights.max() <= 1.0
    assert roles(loaded) == {
        "order_id": "order",
        "product_id": "item",
        "user_id": "user",
        "product_name": "name",
        "aisle": "category",
        "department": "category",
        "aisle_id": "ignored",
        "brand": "attribute",
        "store": "ignored",
    }
    assert len(bought(loaded.interactions)) > 500


def test_few_categories_are_groups_of_the_items() -> None:
    lines = groceries(12)
    loaded = from_orders(lines)
    graph = loaded.graph
    assert graph.is_product.sum() == lines["product_id"].nunique()
    assert graph.is_group.sum() == 12 + 4
    item = graph.ids.position("25")
    assert graph.texts[item] == "product 25, aisle 002, department 00"
    assert ("orders:25", "orders:category:department 00 > aisle 002") in graph.edge_keys(Relation.IN_CATEGORY)
    assert Attribute("brand", "brand 4") in graph.attributes
    assert ("0", "0") not in bought(loaded.interactions)
    assert {type(user) for user, _ in bought(loaded.interactions)} == {int}
    assert from_orders(lines, targets="categories").graph.ids.values[0] == "department 00"
    assert from_orders(groceries(60), targets="items").graph.is_product.any()


def test_lines_without_customers_are_baskets() -> None:
    lines = pd.DataFrame({"Transaction": [1, 1, 2], "Item": ["Bread", "Tea", "Tea"]})
    loaded = from_orders(lines)
    assert bought(loaded.interactions) == {(1, "Bread"), (1, "Tea"), (2, "Tea")}
    assert "each order (Transaction) counts as one user" in loaded.graph.report.notes[0]


def test_lines_without_items_have_categories() -> None:
    lines = pd.DataFrame({"user_id": [1, 1, 2, 2], "category": ["Home > Pans", "Home", "Home > Pots", None]})
    loaded = from_orders(lines)
    assert loaded.graph.ids.values == ("Home", "Home > Pans", "Home > Pots")
    assert not loaded.graph.is_group.any()  # Home is bought itself
    assert loaded.interactions is not None
    assert loaded.interactions.report.dropped == {"no category": 1}


def test_a_schema_names_columns_and_roles() -> None:
    lines = groceries(12).rename(columns={"user_id": "who", "product_id": "what"})
    lines["size"] = lines["what"] % 5
    schema = {
        "orders": {
            "user": "who",
            "item": "what",
            "category": ["department", "aisle"],
            "roles": {"size": "number", "brand": "ignore", "store": "attribute"},
        }
    }
    loaded = from_orders(lines, schema=schema)
    assert loaded.graph.features["size"][loaded.graph.ids.position("23")] == 3
    assert {attribute.name for attribute in loaded.graph.attributes} == {"store"}
    assert loaded.graph.is_group.sum() == 16


def test_prices_and_quantities_as_texts() -> None:
    lines = pd.DataFrame(
        {"user": ["u", "v", "w"], "sku": list("aab"), "price": ["1,50", "2,50", "1.000,25"], "qty": ["2", "", "1"]}
    )
    loaded = from_orders(lines)
    assert loaded.graph.features["price"].tolist() == [2.0, 1000.25]
    assert loaded.interactions is not None
    assert loaded.interactions.weight.tolist() == [2.0, 1.0, 1.0]
    assert loaded.interactions.report.changed == {"missing quantity taken as 1": 1}
    with pytest.raises(InputError, match="Column 'price' of the orders table should hold numbers"):
        from_orders(lines.assign(price=["cheap", "dear", "dear"]))


def test_a_file_and_a_folder_of_parts(tmp_path: Path) -> None:
    lines = online_shop()
    lines.to_csv(tmp_path / "orders.csv", index=False, sep=";")
    parts = tmp_path / "parts"
    parts.mkdir()
    lines[:5].to_csv(parts / "1.csv", index=False)
    lines[5:].to_csv(parts / "2.csv", index=False)
    whole = from_orders(lines)
    for place in ("orders.csv", "parts"):
        loaded = load(f"orders:{tmp_path / place}")
        assert loaded.graph == whole.graph
        assert bought(loaded.interactions) == bought(whole.interactions)
        assert loaded.files[0].rows == 12
    groceries(60).to_csv(tmp_path / "groceries.csv", index=False)
    assert load(f"orders:{tmp_path / 'groceries.csv'}?targets=items").graph.is_product.any()
    with pytest.raises(InputError, match=r"groceries\.csv: targets is 'aisles'; give categories or items"):
        load(f"orders:{tmp_path / 'groceries.csv'}?targets=aisles")


def test_leading_zeros_of_a_file_stay(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("customer_id,article_id\n0012,0108775015\n0013,0108775044\n")
    assert bought(load(f"orders:{tmp_path / 'o.csv'}").interactions) == {("0012", "0108775015"), ("0013", "0108775044")}


def test_what_cannot_be_a_purchase_is_one_sentence() -> None:
    lines = online_shop()
    with pytest.raises(
        InteractionsError, match=r"No order line is a purchase \(12 rows read, 0 kept; dropped: 12 return"
    ):
        from_orders(lines.assign(Quantity=-1))
    with pytest.raises(InputError, match="no column of categories"):
        from_orders(lines, targets="categories")


def test_it_is_at_the_front_door() -> None:
    assert newaisle.from_orders is from_orders
