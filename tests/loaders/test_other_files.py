"""Packed files, Parquet, Excel and folders of parts."""

from __future__ import annotations

import gzip
import sys
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.workbooks import write_workbook

from newaisle import load
from newaisle.errors import InputError, MissingExtraError, SourceError
from newaisle.loaders.files import memory, read_table

TEXT = b"id;name\n1;A\n2;B\n"
ROWS = [{"id": "1", "name": "A"}, {"id": "2", "name": "B"}]


# packed


def test_gzip_and_zip(tmp_path: Path) -> None:
    (tmp_path / "categories.csv.gz").write_bytes(gzip.compress(TEXT))
    table, how = read_table(tmp_path / "categories.csv.gz")
    assert table.to_pylist() == ROWS
    assert (how.table, how.compression, how.delimiter) == ("categories", "gzip", ";")
    with zipfile.ZipFile(tmp_path / "categories.zip", "w") as archive:
        archive.writestr("export/", "")
        archive.writestr("__MACOSX/export/._categories.csv", "x")
        archive.writestr("export/categories.csv", TEXT)
    table, how = read_table(tmp_path / "categories.zip")
    assert table.to_pylist() == ROWS
    assert how.compression == "zip"


def test_a_zip_file_contains_one_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "categories.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(SourceError, match=r"contains 2 files \('a.csv', 'b.csv'\)"):
        read_table(tmp_path / "categories.zip")


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_damaged_packed_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"categories.csv.{kind}"
    if kind == "gz":
        path.write_bytes(gzip.compress(TEXT * 100))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", TEXT * 100)
    whole = path.read_bytes()
    for length in range(4, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceError, match="damaged or incomplete"):
            read_table(path)
    path.write_bytes(gzip.compress(gzip.compress(TEXT)))
    with pytest.raises(SourceError, match="packed twice"):
        read_table(path)


@pytest.mark.parametrize("kind", ["gz", "zip", "parquet", "xlsx"])
def test_small_files_with_huge_contents_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(memory, "_SMALL", 1 << 20)
    path = tmp_path / f"categories.{kind}"
    many = b"id,name\n" + b"1,A\n" * 1_000_000
    if kind == "gz":
        path.write_bytes(gzip.compress(many))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", many)
    elif kind == "parquet":
        pq.write_table(pa.table({"id": ["x" * 100_000] * 1000}), path)
    else:
        write_workbook(path, {"s": [["id"], *([None] for _ in range(1000)), [None, None, "x"]]})
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(b'r="C1002"', b'r="XFD1048576"')
        with zipfile.ZipFile(path, "w") as archive:
            for name, part in parts.items():
                archive.writestr(name, part)
    with pytest.raises(SourceError, match=r"categories\.\w+: is [\d,]+ bytes, but its contents take more"):
        read_table(path)


# Parquet


def test_parquet_of_many_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([Decimal(1), Decimal(2)], pa.decimal128(20, 0)),
            "name": pa.array(["A", "A"]).dictionary_encode(),
            "text": pa.array([b"warm", "süß".encode()], pa.binary()),
            "price": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
            "tags": pa.array([["x", "y"], None], pa.large_list(pa.large_string())),
            "size": pa.array([[1], [2, 3]], pa.list_(pa.int32())),
            "since": pa.array([datetime(2024, 1, 1), None], pa.timestamp("ns")),
            "open": pa.array([b"\xff", b"\x00"], pa.binary()),
            "shape": pa.array([{"a": 1}, None]),
            "__index_level_0__": pa.array([4, 7]),
        }
    )
    pq.write_table(table, tmp_path / "categories.parquet")
    read, how = read_table(tmp_path / "categories.parquet")
    assert how.format == "Parquet"
    assert read.to_pylist()[0] == {
        "id": 1,
        "name": "A",
        "text": "warm",
        "price": 1.5,
        "tags": ["x", "y"],
        "size": [1],
        "since": pd.Timestamp("2024-01-01"),
    }
    assert pa.types.is_int64(read.schema.field("id").type)
    assert [column.column for column in how.ignored] == ["open", "shape", "__index_level_0__"]


def test_wrong_bytes_in_texts_of_parquet(tmp_path: Path) -> None:
    wrong = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    pq.write_table(pa.table({"id": wrong}), tmp_path / "categories.parquet")
    with pytest.raises(SourceError, match=r"is no Parquet file that can be read .*UTF8"):
        read_table(tmp_path / "categories.parquet")


# parts


def test_parts_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "interactions"
    for year, rows in (("2023", [("u1", "a")]), ("2024", [("u2", "b"), ("u3", "a")])):
        (folder / f"year={year}").mkdir(parents=True)
        users, targets = zip(*rows, strict=True)
        table = pa.table({"user": users, "target": targets, "weight": [int(year)] * len(rows)})
        pq.write_table(table, folder / f"year={year}" / "part-0000.parquet")
    (folder / "_SUCCESS").touch()
    table, how = read_table(folder)
    assert table["user"].to_pylist() == ["u1", "u2", "u3"]
    assert table["year"].to_pylist() == ["2023", "2024", "2024"]
    assert (how.parts, how.rows) == (2, 3)
    (tmp_path / "categories.csv").write_text("id,name\na,A\nb,B\n")
    events = load(f"tables:{tmp_path}").interactions
    assert events is not None
    assert len(events) == 3


def test_parts_are_typed_together(tmp_path: Path) -> None:
    for i, rows in enumerate(("u1,a,1\n", "u2,b,0.5\n")):
        (tmp_path / f"part-{i}.csv").write_text(f"user,target,weight\n{rows}")
    assert read_table(tmp_path, name="interactions")[0]["weight"].to_pylist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ("user,item,weight\nu2,b,1\n", "has other columns than part-0.csv .*'item'"),
        ("u2,b,1\nu3,b,1\n", r"its first row .* looks like data"),
    ],
)
def test_parts_that_do_not_fit(tmp_path: Path, second: str, sentence: str) -> None:
    (tmp_path / "part-0.csv").write_text("user,target,weight\nu1,a,1\n")
    (tmp_path / "part-1.csv").write_text(second)
    with pytest.raises(SourceError, match=rf"part-1\.csv: {sentence}"):
        read_table(tmp_path)


def test_parts_of_other_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": ["u"], "target": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"user": ["u"], "target": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"b\.parquet: its column 'target' is string, but int64 in a\.parquet"):
        read_table(tmp_path)
    (tmp_path / "b.parquet").write_text("user,target\nu,1\n")
    with pytest.raises(SourceError, match=r"b\.parquet: is no Parquet file"):
        read_table(tmp_path)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="without any file"):
        read_table(tmp_path)


# Excel


def test_excel(tmp_path: Path) -> None:
    header = ["id", "name", "price", "since", "kind", "open", None]
    rows = [
        ["=1.0", "A", 2, "date=45292", "x;y", True, None],
        [None, None, None, None, None, None, None],
        ["=2", " B ", 2.5, None, 7, False, None],
    ]
    write_workbook(tmp_path / "categories.xlsx", {"Data": [header, *rows], "Empty": []})
    table, how = read_table(tmp_path / "categories.xlsx")
    assert table.to_pylist() == [
        {"id": 1, "name": "A", "price": 2.0, "since": datetime(2024, 1, 1).date(), "kind": "x;y", "open": True},
        {"id": 2, "name": "B", "price": 2.5, "since": None, "kind": "7", "open": False},
    ]
    assert (how.format, how.parts) == ("Excel", 1)
    graph = load(f"tables:{tmp_path}").graph
    assert graph.ids.values == (1, 2)
    assert {(each.name, each.value) for each in graph.attributes} >= {("kind", "x"), ("kind", "y"), ("kind", "7")}


def test_sheets_with_one_header_are_one_table(tmp_path: Path) -> None:
    path = tmp_path / "interactions.xlsx"
    write_workbook(path, {"2023": [["user", "target"], [1, "a"]], "2024": [["user", "target"], ["2x", "b"]]})
    table, how = read_table(path)
    assert table.to_pylist() == [{"user": "1", "target": "a"}, {"user": "2x", "target": "b"}]
    assert how.parts == 2


def test_sheets_with_several_tables(tmp_path: Path) -> None:
    path = tmp_path / "shop.xlsx"
    sheets = {"Categories": [["id", "name"], [1, "a"]], "Notes": [["made by", "Ann"]]}
    write_workbook(path, sheets)
    assert read_table(path, name="categories")[0].to_pylist() == [{"id": 1, "name": "a"}]
    with pytest.raises(SourceError, match="its sheets 'Categories', 'Notes' have other columns"):
        read_table(path)


def test_excel_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_workbook(tmp_path / "categories.xlsx", {"s": [["id"], [1]]})
    monkeypatch.setitem(sys.modules, "python_calamine", None)  # hides the package from the import system
    with pytest.raises(MissingExtraError, match=r'pip install "newaisle\[excel\]"'):
        read_table(tmp_path / "categories.xlsx")


# a folder of tables


def test_ids_of_several_files_are_alike(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2], "name": ["A", "B"], "parent_id": [None, 1.0]})
    pq.write_table(table, tmp_path / "categories.parquet")
    (tmp_path / "interactions.csv").write_text("user,target\nu,2\n")
    loaded = load(f"tables:{tmp_path}")
    assert loaded.graph.ids.values == ("1", "2")
    assert loaded.interactions is not None
    assert len(loaded.interactions) == 1
    assert [(file.table, file.format) for file in loaded.files] == [("categories", "Parquet"), ("interactions", "text")]


def test_a_schema_beside_the_tables_or_given(tmp_path: Path) -> None:
    (tmp_path / "articles.csv").write_text("StockCode;Description\nx;A\ny;B\n")
    with pytest.raises(SourceError, match=r"neither categories\.csv .*'articles\.csv'.*schema\.toml"):
        load(f"tables:{tmp_path}")
    text = '[categories]\nfile = "articles.csv"\nid = "StockCode"\nname = "Description"\n'
    (tmp_path / "schema.toml").write_text(text)
    assert load(f"tables:{tmp_path}").graph.names == ("A", "B")
    other = tmp_path / "other.toml"
    other.write_text(text.replace("Description", "StockCode").replace('id = "StockCode"', 'id = "Description"'))
    for loaded in (
        load(f"tables:{tmp_path}?schema={other}"),
        load(f"tables:{tmp_path}", schema=other),
        load(f"tables:{tmp_path}", schema={"categories": {"file": "articles.csv", "id": "Description"}}),
    ):
        assert loaded.graph.ids.values == ("A", "B")
    other.write_text(text.replace("articles", "nothing"))
    with pytest.raises(SourceError, match=r"nothing\.csv does not exist, the file of the categories table"):
        load(f"tables:{tmp_path}", schema=other)
    with pytest.raises(InputError, match="have no tables of your own"):
        load("google:x", schema=other)


def test_html_entities_are_unfolded_once(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text(
        "id,name,kind\n"
        "a&amp;b,Salt &amp; Pepper,R&amp;B;Rock&#39;n&#x27;Roll\n"
        "x,5 &lt; 6 &amp;amp; R&B; &copy,a;&nosuch;b\n"
    )
    graph = load(f"tables:{tmp_path}").graph
    assert graph.ids.values == ("a&amp;b", "x")
    assert graph.names == ("Salt & Pepper", "5 < 6 &amp; R&B; &copy")
    assert {each.value for each in graph.attributes} == {"R&B", "Rock'n'Roll", "a", "&nosuch", "b"}
    assert graph.report.changed["texts with HTML entities"] == 4
