"""Small sources of every kind, and ways to damage their files."""

from __future__ import annotations

import gzip
import json
import math
import random
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from .workbooks import write_workbook

_PARENTS = (None, "a", "b;a", "b", "a")
_CATEGORIES = {
    "id": ["a", "b", "c", "d", "e"],
    "name": ["Food", "Fruit &amp; more", "Jam, red", 'Nut "butter"', "Käse"],
    "parent_id": list(_PARENTS),
    "text": ["", "Fresh\nfruit", "sweet", "smooth", "old"],
    "material": ["x", "sugar;fruit", "fruit", None, "milk"],
    "margin": [0.25, None, 0.5, 1.0, 2.0],
    "organic": [True, False, True, True, None],
}
_INTERACTIONS = {
    "user": [str(i % 7) for i in range(40)],
    "target": ["abcde"[(i * i) % 5] for i in range(40)],
    "weight": [1 + i % 3 for i in range(40)],
    "timestamp": [f"2024-01-{1 + i % 28:02d}" for i in range(40)],
    "event": ["view" if i % 3 else "buy" for i in range(40)],
}
_SCHEMA = """
verb = "buy"
missing = ["-"]
[categories]
id = "id"
[categories.roles]
material = "attribute"
margin = "number"
[interactions]
time_format = "%Y-%m-%d"
[kinds]
view = 0.3
"""
_PATHS = ["Pets", "Pets > Fish", "Pets > Fish > Cold", "Garden", "Garden > Tools"]


def _csv(delimiter: str = ",") -> dict[str, bytes]:
    found = {}
    for name, columns in (("categories", _CATEGORIES), ("interactions", _INTERACTIONS)):
        sink = pa.BufferOutputStream()
        table = pa.table(columns).select(list(columns))
        pa.csv.write_csv(table, sink, pa.csv.WriteOptions(delimiter=delimiter))
        found[name] = sink.getvalue().to_pybytes()
    return found


def _write_csv(folder: Path) -> str:
    for name, data in _csv().items():
        (folder / f"{name}.csv").write_bytes(data)
    return f"tables:{folder}"


def _write_schema(folder: Path) -> str:
    (folder / "schema.toml").write_text(_SCHEMA)
    return _write_csv(folder)


def _write_gzip(folder: Path) -> str:
    for name, data in _csv("\t").items():
        (folder / f"{name}.tsv.gz").write_bytes(gzip.compress(data, mtime=0))
    return f"tables:{folder}"


def _write_zip(folder: Path) -> str:
    for name, data in _csv(";").items():
        with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(f"{name}.csv"), data)
    return f"tables:{folder}"


def _write_parquet(folder: Path) -> str:
    parents = [None if cell is None else cell.split(";") for cell in _PARENTS]
    pq.write_table(pa.table(_CATEGORIES | {"parent_id": parents}), folder / "categories.parquet")
    pq.write_table(pa.table(_INTERACTIONS), folder / "interactions.parquet")
    return f"tables:{folder}"


def _write_excel(folder: Path) -> str:
    for name, columns in (("categories", _CATEGORIES), ("interactions", _INTERACTIONS)):
        write_workbook(folder / f"{name}.xlsx", {"s": [list(columns), *map(list, zip(*columns.values(), strict=True))]})
    return f"tables:{folder}"


def _write_google(folder: Path) -> str:
    lines = [f"{i} - {path}" for i, path in enumerate(_PATHS, start=1)]
    (folder / "google.txt").write_text("# Version\n" + "\n".join(lines) + "\n")
    return f"google:{folder / 'google.txt'}"


def _write_shopify(folder: Path) -> str:
    rows = [
        {
            "id": f"gid://shopify/TaxonomyCategory/{path}",
            "name": path.rpartition(" > ")[2],
            "full_name": path,
            "parent_id": f"gid://shopify/TaxonomyCategory/{path.rpartition(' > ')[0]}" if " > " in path else None,
            "attributes": [{"id": "1", "name": "Color", "handle": "color"}],
        }
        for path in _PATHS
    ]
    (folder / "en").mkdir()
    content = {"version": "1", "verticals": [{"name": "Pets", "prefix": "p", "categories": rows}]}
    (folder / "en" / "categories.json").write_text(json.dumps(content))
    handles = {"version": "1", "attributes": [{"handle": "color", "name": "Color"}]}
    (folder / "en" / "attributes.json").write_text(json.dumps(handles))
    return f"shopify:{folder}"


def _write_orders(folder: Path) -> str:
    lines = ["order,user,item,description,category,price,quantity,date"]
    for i in range(40):
        item, day = (i * i) % 6, 1 + i % 28
        about = f"i{item},Item {item},Food > Kind {item % 2},{item}.5"
        lines.append(f"{i // 2},u{i % 7},{about},{1 + i % 3},2024-01-{day:02d}")
    (folder / "orders.csv").write_text("\n".join(lines) + "\n")
    return f"orders:{folder / 'orders.csv'}"


SOURCES: dict[str, Callable[[Path], str]] = {
    "csv": _write_csv,
    "schema": _write_schema,
    "gzip": _write_gzip,
    "zip": _write_zip,
    "parquet": _write_parquet,
    "excel": _write_excel,
    "google": _write_google,
    "shopify": _write_shopify,
    "orders": _write_orders,
}
"""Kind -> writes a whole source into an empty folder and returns how it is written."""

_ODD = (
    *(
        b'"',
        b'""',
        b"\n",
        b"\r",
        b"\0",
        b",",
        b";",
        b"\t",
        b"|",
        b"\xff",
        b"\xfe",
        "ü".encode(),
        b"\xef\xbb\xbf",
        b"&#",
    ),
    *(b"nan", b"NULL", b"-1", b"1e400", b"9" * 30, b"-" + b"9" * 25, b"0.1", b"1,5", b"true", b"=1+1", b" ", b"$(id)"),
    *(b"2024-13-45", b"9999-12-31", b"0000-00-00", b"{", b"[" * 3000, b"]", b"[[", b"a;b;c", b"\xed\xa0\x80", b"%s"),
    *(b"x" * 5000, b"1\n" * 500, b" > ", b"\xe2\x80\xa8"),
)


_CELLS = (
    *(1, 2**62, -1, 1.0, 1.5, math.nan, math.inf, 1e300, True, "a", "b;a", "nan", "", b"a", b"\xff", None),
    *(Decimal("1.0"), Decimal("1.5"), Decimal(10**30), date(2024, 1, 1), date(9999, 12, 31), datetime(1, 1, 1)),
    *(datetime(2024, 1, 1, tzinfo=UTC), time(12), timedelta(days=1), ["a", "b"], [None], [1.5], [], {"a": 1}, [["a"]]),
    *([{"a": 1}], [b"\xff"], [date(2024, 1, 1)], "x" * 5000, "\u202e"),
)


def damage(path: Path, rng: random.Random) -> None:
    """Change some bytes of a file, a piece, its end, lines, columns or encoding; packed ones inside or outside."""
    data = path.read_bytes()
    if path.suffix == ".parquet" and rng.random() < 0.6:
        _retype(path, rng)
    elif path.suffix in (".gz", ".zip", ".xlsx") and rng.random() < 0.6:
        path.write_bytes(_inside(path, rng))
    else:
        path.write_bytes(_damaged(data, rng))


def _retype(path: Path, rng: random.Random) -> None:
    """Give columns cells of any type."""
    table = pq.read_table(path)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(table.num_columns)
        cell = rng.choice(_CELLS)
        cells = [cell if rng.random() < 0.8 else None for _ in range(len(table))]
        column = pa.array(cells, pa.array([cell]).type)
        table = table.set_column(at, rng.choice((table.column_names[at], "other", "id", "target")), column)
    if len(set(table.column_names)) == table.num_columns or rng.random() < 0.2:
        pq.write_table(table, path)


def _inside(path: Path, rng: random.Random) -> bytes:
    if path.suffix == ".gz":
        return gzip.compress(_damaged(gzip.decompress(path.read_bytes()), rng), mtime=0)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = rng.choice(sorted(members))
    members[chosen] = _damaged(members[chosen], rng)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path.read_bytes()


def _damaged(data: bytes, rng: random.Random) -> bytes:
    rare = (_flip, _insert, _cut, _drop, _repeat, _lines, _columns, _encode)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = (_replace_cell if rng.random() < 0.6 else rng.choice(rare))(data, rng)
    return data


def _place(data: bytes, rng: random.Random) -> int:
    return rng.randrange(len(data) + 1)


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8)) if data else 0):
        changed[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(changed)


def _insert(data: bytes, rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.choice(_ODD) + data[at:]


def _replace_cell(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    delimiter = max((b",", b";", b"\t"), key=data.count)
    cells = lines[at].split(delimiter)
    cells[rng.randrange(len(cells))] = rng.choice(_ODD)
    lines[at] = delimiter.join(cells)
    return b"\n".join(lines)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: _place(data, rng)]


def _drop(data: bytes, rng: random.Random) -> bytes:
    first, last = sorted((_place(data, rng), _place(data, rng)))
    return data[:first] + data[last:]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    first, last = sorted((_place(data, rng), _place(data, rng)))
    return data[:last] + data[first:]


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines)


def _columns(data: bytes, rng: random.Random) -> bytes:
    lines = [line.split(b",") for line in data.split(b"\n")]
    one, other = rng.randrange(7), rng.randrange(7)
    for cells in lines:
        if max(one, other) < len(cells):
            cells[one], cells[other] = cells[other], cells[one]
    return b"\n".join(b",".join(cells) for cells in lines)


def _encode(data: bytes, rng: random.Random) -> bytes:
    return data.decode("utf-8", "replace").encode(
        rng.choice(("utf-16", "utf-16-le", "cp1252", "utf-32", "cp500")), "replace"
    )
