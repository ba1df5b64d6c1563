"""What a summary of a source says: rows, users, kinds, targets, language, and what to look at first."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import newaisle
from newaisle import CatalogGraph, Interactions
from newaisle.errors import InputError
from newaisle.graph.reading.likely_names import likely_standard
from newaisle.loaders import LoadedSource, SourceSummary
from newaisle.loaders.summary.findings import percent
from newaisle.loaders.summary.language import language_of

GERMAN = (
    "Herrenhemden aus Baumwolle;Damenschuhe;Kinderspielzeug aus Holz;Küchengeräte;Gartenmöbel;Wandfarbe weiß;"
    "Bettwäsche;Kaffeebohnen;Vollkornbrot;Frische Milch;Haarshampoo;Zahnpasta;Waschmittel flüssig;Tierfutter für Hunde"
)
ENGLISH = "vest top;trousers;sweater;dress;shirt;skirt;jacket;blouse;leggings;hoodie;cardigan;socks;swimwear;jeans"


def catalog(names: str = ENGLISH, **columns: object) -> CatalogGraph:
    words = names.split(";")
    return CatalogGraph.from_tables(
        pd.DataFrame({"id": [f"k{i}" for i in range(len(words))], "name": words, **columns})
    )


def summary(graph: CatalogGraph, **columns: object) -> SourceSummary:
    extra = {name: name for name in ("event", "timestamp", "weight") if name in columns}
    return LoadedSource(graph, Interactions.from_table(pd.DataFrame(columns), **extra)).summary()


def codes(found: SourceSummary) -> list[str]:
    return [finding.code for finding in found.findings]


def test_sold_and_new_targets_and_users_are_counted() -> None:
    found = summary(catalog(), user=list("aabcc"), target=["k0", "k1", "k0", "k2", "k2"], weight=[1, 1, 1, 1, 2])
    assert (found.catalog.targets, found.catalog.sold, found.catalog.new) == (14, 3, 11)
    assert found.sales is not None
    assert (found.sales.users, found.sales.events) == (3, 5)
    assert found.sales.one_time_share == pytest.approx(2 / 3)
    assert (found.sales.median_targets, found.sales.mean_targets) == (1.0, pytest.approx(4 / 3))
    assert found.usable
    assert found.findings == ()


def test_events_on_unknown_targets_are_a_share_of_all() -> None:
    found = summary(catalog(), user=list("abcd"), target=["k0", "k1", "x1", "x2"])
    assert found.sales is not None
    assert (found.sales.unknown_events, found.sales.unknown_share) == (2, 0.5)
    assert codes(found) == ["unknown-targets", "one-time-buyers"]
    assert "2 of 4 events (50 %)" in found.findings[0].sentence


def test_kinds_of_events_have_counts_and_weights() -> None:
    found = summary(
        catalog(), user=list("aabb"), target=["k0", "k1", "k0", "k2"], event=["view", "view", "purchase", "dislike"]
    )
    assert found.sales is not None
    assert [(kind.kind, kind.events, kind.weight) for kind in found.sales.kinds] == [
        ("view", 2, 0.1),
        ("dislike", 1, -1.0),
        ("purchase", 1, 1.0),
    ]
    assert found.catalog.sold == 2
    assert "view 2 (weight 0.1), dislike 1 (weight -1), purchase 1 (weight 1)" in "\n".join(found.brief())


def test_the_time_span_is_that_of_the_events() -> None:
    found = summary(
        catalog(), user=list("aab"), target=["k0", "k1", "k1"], timestamp=["2024-01-05", "2024-03-01", "2024-02-01"]
    )
    assert found.sales is not None
    assert (found.sales.first, found.sales.last) == ("2024-01-05T00:00:00", "2024-03-01T00:00:00")


def test_without_sales_a_source_is_not_usable() -> None:
    found = LoadedSource(catalog()).summary()
    assert not found.usable
    assert codes(found) == ["no-sales"]
    assert "--sales FILE" in found.findings[0].sentence


def test_without_a_positive_event_a_source_is_not_usable() -> None:
    found = summary(catalog(), user=list("ab"), target=["k0", "k1"], event=["dislike", "dislike"])
    assert not found.usable
    assert codes(found)[0] == "no-positive-event"


def test_a_catalog_without_new_targets_is_usable_and_said() -> None:
    found = summary(catalog(), user=["a"] * 14 + ["b"], target=[f"k{i}" for i in range(14)] + ["k0"])
    assert found.usable
    assert codes(found) == ["no-new-targets"]
    assert "'seen' or 'all'" in found.findings[0].sentence


def test_texts_in_another_language_than_the_encoders_are_said() -> None:
    graph = catalog(GERMAN)
    events = Interactions.from_table(pd.DataFrame({"user": list("aabb"), "target": ["k0", "k1", "k1", "k2"]}))
    found = LoadedSource(graph, events)
    assert codes(found.summary()) == ["language"]
    assert "'de'" in found.summary().findings[0].sentence
    assert codes(found.summary(encoder="some/multilingual-encoder")) == []
    assert codes(found.summary(encoder=None)) == []


@pytest.mark.parametrize(
    ("texts", "code"),
    [(GERMAN, "de"), (ENGLISH, "en"), ("Kaffee;Tee", None), (";".join(f"thing {i}" for i in range(500)), None)],
)
def test_the_language_is_judged_where_there_are_words_enough(texts: str, code: str | None) -> None:
    found = language_of(texts.split(";"))
    assert (found and found.code) == code


def test_what_was_dropped_is_listed_by_reason() -> None:
    found = summary(catalog(), user=["a", "a", None, "b", "b", "b"], target=["k0", "k1", "k1", "k1", "k2", "k2"])
    assert codes(found) == ["dropped-rows", "dropped-rows"]
    assert "1 of 6 rows of the interactions (17 %) were left out: missing id" in found.findings[0].sentence
    assert "6 rows read, 4 kept; dropped: 1 missing id, 1 exact duplicate" in "\n".join(found.brief())


def test_a_summary_is_json_and_text(tmp_path: Path) -> None:
    catalog_table = pd.DataFrame(
        {"id": ["a", "b", "c"], "name": ["Tea", "Milk", "Oat"], "shelf": ["dry", "cold", "dry"]}
    )
    catalog_table.to_csv(tmp_path / "categories.csv", index=False)
    sales = pd.DataFrame({"user": ["u", "u", "v"], "target": ["a", "b", "a"]})
    sales.to_csv(tmp_path / "interactions.csv", index=False)
    found = newaisle.load(f"tables:{tmp_path}").summary()
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["usable"] is True
    assert plain["files"][1]["path"] == str(tmp_path / "interactions.csv")
    assert plain["files"][1]["rows"] == 3
    text = str(found)
    assert text.startswith("tables: 3 targets (2 sold, 1 new), 0 groups; 3 events of 2 users\n")
    assert str(tmp_path / "categories.csv") in text


@pytest.mark.parametrize(("share", "text"), [(0.754, "75 %"), (0.0042, "0.4 %"), (0.0, "0 %"), (1.0, "100 %")])
def test_shares_are_percentages(share: float, text: str) -> None:
    assert percent(share) == text


def tables(folder: Path, categories: str, interactions: str) -> LoadedSource:
    (folder / "categories.csv").write_text(categories, encoding="utf-8")
    (folder / "interactions.csv").write_text(interactions, encoding="utf-8")
    return newaisle.load(f"tables:{folder}")


def test_columns_by_another_name_than_the_standard_one_are_named(tmp_path: Path) -> None:
    found = tables(
        tmp_path, "id,title,colour\na,Tea,red\nb,Milk,red\n", "user,target,date,quantity,shop\nu,a,2024-01-05,2,x\n"
    ).summary()
    said = [finding.sentence for finding in found.findings if finding.code == "misnamed-column"]
    assert [sentence.partition("Then")[2] for sentence in said] == [
        " read it so with --columns timestamp=date, or rename it.",
        " read it so with --columns weight=quantity, or rename it.",
        " read it so with --columns name=title, or rename it.",
    ]
    assert "Columns of interactions that were not read: date, quantity, shop" in found.brief()


def test_every_column_has_a_role_and_a_reason(tmp_path: Path) -> None:
    found = tables(tmp_path, ",id,name,colour,price\n0,a,Tea,red,1.5\n1,b,Milk,red,2\n", "user,target\nu,a\n").summary()
    roles = {column.column: column.role for column in found.columns if column.table == "categories"}
    assert {"id": "id", "name": "name", "colour": "attribute", "price": "number"}.items() <= roles.items()
    assert list(roles.values()).count("ignored") == 1  # the nameless one that numbers the rows
    assert all(column.reason for column in found.columns)
    assert [column.table for column in found.columns] == ["categories"] * 5 + ["interactions"] * 2


def test_ratings_that_are_not_read_are_said(tmp_path: Path) -> None:
    found = tables(tmp_path, "id,name\na,Tea\nb,Milk\n", "user,target,rating\nu,a,1\nv,a,5\n").summary()
    assert 'column = "rating" and liked = 4 under [ratings]' in found.findings[1].sentence


def test_several_values_in_one_cell_are_said(tmp_path: Path) -> None:
    genres = "id,name,genres\na,Heat,Action|Crime\nb,Jumanji,Action|Comedy\nc,Nixon,Drama\n"
    found = tables(tmp_path, genres, "user,target\nu,a\nu,b\n").summary()
    assert codes(found) == ["joined-values"]
    assert "2 of 3 values of genres contain '|', such as 'Action|Comedy'" in found.findings[0].sentence


def test_numbers_that_are_named_like_codes_are_said(tmp_path: Path) -> None:
    rows = "".join(f"k{i},thing {i},{i % 3},{i}.5\n" for i in range(12))
    found = tables(tmp_path, f"id,name,section_no,price\n{rows}", "user,target\nu,k1\nu,k2\n").summary()
    assert codes(found) == ["codes-as-numbers"]
    assert "--roles section_no=attribute." in found.findings[0].sentence


def test_unknown_targets_come_with_the_most_frequent_and_their_near_spellings(tmp_path: Path) -> None:
    found = tables(tmp_path, "id,name\nTea,Tea\nb,Milk\n", "user,target\nu,tea\nv,tea\nw,zz\nx,Tea\n").summary()
    sentence = next(finding.sentence for finding in found.findings if finding.code == "unknown-targets")
    assert "3 of 4 events (75 %)" in sentence
    assert "'tea' (2 rows; the catalog has 'Tea')" in sentence


@pytest.mark.parametrize(
    ("column", "standard"),
    [
        ("CustomerID", "user"),
        ("visitorid", "user"),
        ("userId", "user"),
        ("StockCode", "target"),
        ("article_id", "target"),
        ("Quantity", "weight"),
        ("InvoiceDate", "timestamp"),
        ("t_dat", "timestamp"),
        ("timestmap", "timestamp"),
        ("event_type", "event"),
        ("InvoiceNo", None),
        ("UnitPrice", None),
        ("Country", None),
        ("rating", None),
    ],
)
def test_columns_of_public_data_sets_are_recognised(column: str, standard: str | None) -> None:
    assert likely_standard(column, ["user", "target", "weight", "timestamp", "event"]) == standard


@pytest.mark.parametrize(
    ("categories", "interactions", "sentence"),
    [
        (
            "StockCode,Description\na,Tea\n",
            "user,target\nu,a\n",
            "has no column 'id' (its columns: 'StockCode', 'Description'); if it is called 'StockCode', state it by "
            '--columns id=StockCode, or by id = "StockCode" under [categories] in a schema.',
        ),
        (
            "id,name\na,Tea\n",
            "CustomerID,item_id,day\nu,a,1\n",
            "has no column 'user', 'target' (its columns: 'CustomerID', 'item_id', 'day'); if it is called "
            "'CustomerID' and 'item_id', state it by --columns user=CustomerID,target=item_id",
        ),
    ],
)
def test_a_missing_column_is_looked_for_under_other_names(
    tmp_path: Path, categories: str, interactions: str, sentence: str
) -> None:
    with pytest.raises(InputError) as raised:
        tables(tmp_path, categories, interactions)
    assert sentence in str(raised.value)
