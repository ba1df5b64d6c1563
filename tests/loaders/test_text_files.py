"""Text files of tables: what is recognised, and that no row vanishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newaisle import load
from newaisle.errors import SourceError
from newaisle.graph.reading.table_schema import CellFormat, TableReading
from newaisle.loaders.files import FileReading, read_table


def read(path: Path, content: str | bytes, **cells: Any) -> tuple[list[dict[str, Any]], FileReading]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table, how = read_table(path, TableReading(cells=CellFormat(**cells)))
    assert how.rows == len(table)
    return table.to_pylist(), how


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_recognised(tmp_path: Path, delimiter: str) -> None:
    lines = ["user,target,note", "u1,t1,a", "u2,t2,b"]
    text = "\n".join(line.replace(",", delimiter) for line in lines)
    rows, how = read(tmp_path / "interactions.txt", text)
    assert rows == [{"user": "u1", "target": "t1", "note": "a"}, {"user": "u2", "target": "t2", "note": "b"}]
    assert (how.delimiter, how.encoding, how.format, how.table) == (delimiter, "utf-8", "text", "interactions")


def test_known_names_decide_between_delimiters(tmp_path: Path) -> None:
    rows, how = read(tmp_path / "categories.csv", "id,name,tags;kinds;more\n1,A,x;y;z\n")
    assert how.delimiter == ","
    assert rows[0]["tags;kinds;more"] == "x;y;z"
    assert read(tmp_path / "categories.csv", "id;name;price\n1;A;0,5\n2;B;1,5\n")[1].delimiter == ";"
    assert read(tmp_path / "categories.csv", "sep=|\nid|a,b,c,d\n1|x\n")[0] == [{"id": "1", "a,b,c,d": "x"}]


def test_the_given_delimiter_is_taken(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "categories.csv", "id:name\n1:A,B\n", delimiter=":")
    assert rows == [{"id": "1", "name": "A,B"}]
    with pytest.raises(SourceError, match="one character such as ';'"):
        read(tmp_path / "categories.csv", "id:name\n1:A,B\n", delimiter="::")


@pytest.mark.parametrize(
    ("encoding", "given", "known"),
    [
        ("utf-8-sig", None, "utf-8"),
        ("utf-16", None, "utf-16"),
        ("utf-32", None, "utf-32"),
        ("cp1252", "cp1252", "cp1252"),
        ("utf-16-le", "utf-16-le", "utf-16-le"),
        ("gb18030", "gb18030", "gb18030"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, given: str | None, known: str) -> None:
    rows, how = read(tmp_path / "categories.csv", "id,name\r\n1,Käse\r\n".encode(encoding), encoding=given)
    assert rows == [{"id": "1", "name": "Käse"}]
    assert how.encoding == known


def test_line_ends_of_old_macs(tmp_path: Path) -> None:
    assert read(tmp_path / "categories.csv", "id,name\r1,A\r2,B\r")[1].rows == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "id,name\n1,Öl\n2,Käse\n".encode("cp1252"),
            r"line 2, byte 10 \(0xD6\) is not UTF-8; in cp1252 it belongs to 'Öl'",
        ),
        ("id,name\n1,Käse\n".encode("utf-16-le"), "UTF-16 without a byte order mark; give encoding = 'utf-16-le'"),
        (b"id,name\n1,a\n2,b\0c\n", "line 3 has a NUL byte"),
    ],
)
def test_other_bytes_are_located(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(SourceError, match=rf"categories\.csv: .*{sentence}"):
        read(tmp_path / "categories.csv", content)


def test_a_wrong_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not written in cp1252"):
        read(tmp_path / "categories.csv", b"id,name\n1,K\x81se\n", encoding="cp1252")
    with pytest.raises(SourceError, match="there is no encoding 'latin-0'"):
        read(tmp_path / "categories.csv", "id,name\n1,Käse\n", encoding="latin-0")


# quotes and rows


def _events(rows: int = 240) -> list[str]:
    return ["user,target,timestamp", *(f"u{i % 40},t{i % 9},2024-01-{1 + i % 28:02d}" for i in range(rows))]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ('u4,"t4,2024-01-05', r"row 5 \(line 6\) opens a quote that is never closed"),
        ('u4,"t4,"2024-01-05', r"row 5 \(line 6\) opens a quote that closes inside a cell"),
        ('u4,"t4,2024-01-05\nu5,t5,2024-01-06\nu6,t6",2024-01-07', r"row 5 \(line 6\) .*'target' .* only in line 8"),
        ("u4,t4", r"row 5 \(line 6\) has 2 cells, the header 3"),
        ("u4,t4,2024-01-05,1", r"row 5 \(line 6\) has 4 cells, the header 3; .*',' needs quotes"),
        ("u4,t\r4,2024-01-05", r"row 5 \(line 6\) has a carriage return inside a cell"),
    ],
)
def test_a_damaged_row_is_located(tmp_path: Path, row: str, sentence: str) -> None:
    lines = _events()
    lines[5] = row
    with pytest.raises(SourceError, match=sentence):
        read(tmp_path / "interactions.csv", "\n".join(lines) + "\n")


def test_a_stray_quote_is_no_silent_loss(tmp_path: Path) -> None:
    lines = _events()
    lines[5] = lines[5].replace(",", ',"')
    (tmp_path / "interactions.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "categories.csv").write_text("id,name\n" + "".join(f"t{i},Target {i}\n" for i in range(9)))
    with pytest.raises(SourceError, match=r"interactions\.csv: row 5 \(line 6\) opens a quote"):
        load(f"tables:{tmp_path}")


def test_rows_that_vanish_in_a_name_are_noticed(tmp_path: Path) -> None:
    text = 'id,name,text\n1,Ab,x\n2,"cd,y\n3,ef,z\n4,gh",u\n5,ij,v\n'
    with pytest.raises(
        SourceError, match=r"row 2 \(line 3\) opens a quote in the column 'name' that closes only in line 5"
    ):
        read(tmp_path / "categories.csv", text)


def test_quotes_and_line_breaks_that_belong_there(tmp_path: Path) -> None:
    text = (
        "id,name,text\n"
        '1,5" pipe,"Soft, warm\nred,blue\n\nand so on"\n'
        '2,"a ""good"" one",""\n'
        "\n"
        "  \n"
        '3,"x;y","one\r\ntwo"\n'
    )
    rows, _ = read(tmp_path / "categories.csv", text)
    assert [row["name"] for row in rows] == ['5" pipe', 'a "good" one', "x;y"]
    assert [row["text"] for row in rows] == ["Soft, warm\nred,blue\n\nand so on", None, "one\r\ntwo"]


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    long = "word " * 100_000
    rows, _ = read(tmp_path / "categories.csv", f'id,name,text\n1,"a"" b","{long}\n{long}"\n2,5" x,y\n')
    assert len(rows[0]["text"]) == 2 * len(long) + 1


def test_many_quoted_rows_in_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newaisle.loaders.files.quotes._BLOCK", 1000)
    lines = [f'"u{i}","t{i % 7}, ""x"""' for i in range(500)]
    rows, _ = read(tmp_path / "interactions.csv", "\r\n".join(["user,target", *lines, ""]))
    assert [row["user"] for row in rows] == [f"u{i}" for i in range(500)]
    lines[321] = '"u321",t""0"'
    with pytest.raises(SourceError, match="row"):
        read(tmp_path / "interactions.csv", "\r\n".join(["user,target", *lines[:321], '"u321","t0', *lines[322:], ""]))


# headers and columns


def test_blanks_around_names_are_stripped(tmp_path: Path) -> None:
    assert read(tmp_path / "categories.csv", "\n id , name\n1,A\n")[0] == [{"id": "1", "name": "A"}]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_nameless_column_that_numbers_the_rows_is_left_out(tmp_path: Path, name: str, first: int) -> None:
    text = f"{name},id,name,\n{first},x,A,\n{first + 1},y,B,\n"
    rows, how = read(tmp_path / "categories.csv", text)
    assert rows == [{"id": "x", "name": "A"}, {"id": "y", "name": "B"}]
    assert [(column.column, column.role, column.reason) for column in how.ignored] == [
        (name or "column 1", "ignored", "it has no name and numbers the rows"),
        ("column 4", "ignored", "it has no name and no cells"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (",id\n7,x\n1,y\n", "column 1 has no name"),
        ("id,name,id\n1,A,2\n", r"'id' occurs twice \(columns 1 and 3\)"),
        ("17,Apple,2.5\n18,Pear,3\n", r"its first row \(line 1: 17, Apple, 2.5\) looks like data"),
        ("", "is empty"),
        (" \n\n", "is empty"),
        ('id,"name\n1,A\n', r"the header \(line 1\) cannot be read"),
    ],
)
def test_a_header_that_is_none(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        read(tmp_path / "categories.csv", text)


def test_ids_and_codes_stay_texts_and_numbers_become_numbers(tmp_path: Path) -> None:
    text = (
        "id,name,code,size,price,organic,grade,empty\n"
        "001,1e5,007,1,1.5,true,a,\n"
        "12345678901234567890123,2,010,NA, 2 ,FALSE,7,\n"
    )
    rows, _ = read(tmp_path / "categories.csv", text)
    assert [row["id"] for row in rows] == ["001", "12345678901234567890123"]
    assert [row["name"] for row in rows] == ["1e5", "2"]
    assert [row["code"] for row in rows] == ["007", "010"]
    assert [row["size"] for row in rows] == [1, None]
    assert [row["price"] for row in rows] == [1.5, 2.0]
    assert [row["organic"] for row in rows] == [True, False]
    assert [row["grade"] for row in rows] == ["a", "7"]
    assert [row["empty"] for row in rows] == [None, None]


def test_decimal_commas(tmp_path: Path) -> None:
    text = "id;price;other\n1;1.234,5;1,5\n2;-3;1.5\n"
    rows, _ = read(tmp_path / "categories.csv", text, decimal=",")
    assert [row["price"] for row in rows] == [1234.5, -3.0]
    assert [row["other"] for row in rows] == ["1,5", "1.5"]


def test_cells_that_mean_missing(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "categories.csv", "id,name,size\n?,A,?\n2,?,3\n", missing=("?",))
    assert rows == [{"id": None, "name": "A", "size": None}, {"id": "2", "name": None, "size": 3}]


def test_own_names_and_roles_decide_what_stays_text(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text("StockCode,id,colour_code,size\n1,2,3,4\n")
    reading = TableReading(columns={"id": "StockCode"}, roles={"colour_code": "attribute"})
    table, _ = read_table(tmp_path / "categories.csv", reading)
    assert table.to_pylist() == [{"StockCode": "1", "id": 2, "colour_code": "3", "size": 4}]
