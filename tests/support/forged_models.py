"""Models that somebody forged: arrays and tables that no program of ours wrote, under hashes that are right.

Run as a program, ``python -m support.forged_models MODEL FIRST LAST``, it loads the forged models FIRST to LAST of a
saved one, uses what it could load, and prints one line each, so that a crash of the process is seen by who started it.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file

from newaisle import Recommender
from newaisle.errors import ModelFormatError
from newaisle.gnn.serving.folder import MOST_CONFIG

from .models import data_of, seal

Forgery = tuple[str, Callable[[Path], None]]
"""What is wrong, and what makes it so in a copy of a model."""
BYTES = 200
"""Forged models with some bytes of one file changed at random."""


def forgeries(model: Path) -> list[Forgery]:
    """Every forged model in which something is wrong for certain."""
    data = data_of(model)
    found: list[Forgery] = []
    for file in ("space.safetensors", "blocks.safetensors"):
        for name, array in load_file(data / file).items():
            found += [(f"{file}: {name} {what}", _array(file, name, bad)) for what, bad in wrong_arrays(name, array)]
            found.append((f"{file}: without {name}", _array(file, name, None)))
    for file in sorted(each.name for each in data.glob("*.parquet")):
        found += [(f"{file}: {what}", _table(file, bad)) for what, bad in wrong_tables(pq.read_table(data / file))]
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    return found + [(f"config: {what}", _config(changes)) for what, changes in wrong_configs(config)] + raw_configs()


def wrong_arrays(name: str, array: np.ndarray[Any, Any]) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Arrays in place of one, each impossible."""
    yield "is one too long", np.concatenate([array, array[-1:]])
    yield "is empty", array[:0]
    yield "has one dimension more", array[:, None]
    yield "is of bytes", np.zeros(array.shape, dtype=np.uint8)
    if array.dtype.kind == "f":
        for what, number in (("NaN", np.nan), ("infinite", np.inf)):
            bad = array.copy()
            bad.flat[bad.size // 2] = number
            yield f"is {what} somewhere", bad
        yield "is of integers", array.astype(np.int64)
    else:
        for what, number in (("far beyond", 10**6), ("far below", -(10**6)), ("extreme", np.iinfo(array.dtype).max)):
            bad = array.copy()
            bad.flat[bad.size // 2] = number
            yield f"is {what} somewhere", bad
        yield "is of floats", array.astype(np.float64)
        if name.endswith("indptr") or name == "seen":
            yield "descends", array[::-1].copy()


def wrong_tables(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Tables in place of one, each impossible."""
    yield "one column more", table.append_column("more", pa.array(["x"] * len(table), pa.string()))
    for place, field in enumerate(table.schema):
        column = table.column(place)

        def changed(values: Any, place: int = place, name: str = field.name) -> pa.Table:
            return table.set_column(place, name, values)

        yield f"no {field.name}", table.remove_column(place)
        yield f"{field.name} of lists", changed(pa.array([[1]] * len(table), pa.list_(pa.int64())))
        if not len(table):
            continue
        middle = len(table) // 2
        with_null = [None if row == middle else value for row, value in enumerate(column.to_pylist())]
        yield f"{field.name} with an empty cell", changed(pa.array(with_null, field.type))
        if pa.types.is_integer(field.type) and field.name != "id":
            for number in (10**9, -1, 2**63 - 1):
                values = column.to_numpy().copy()
                values[middle] = number
                if field.name not in ("first", "last") or number == 2**63 - 1:
                    yield f"{field.name} of {number}", changed(pa.array(values))
            yield f"{field.name} as text", changed(pa.array([str(value) for value in column.to_pylist()]))
        if pa.types.is_floating(field.type):
            for number in (np.inf, -np.inf):
                values = column.to_numpy().copy()
                values[middle] = number
                yield f"{field.name} of {number}", changed(pa.array(values))
        if field.name == "id" and len(table) > 1:
            yield "repeated ids", changed(pa.array([column[0].as_py()] * len(table), field.type))
        if field.name == "relation":
            yield "an unknown relation", changed(pa.array(["LIKES"] * len(table)))
    if "relation" in table.column_names:  # a cycle
        relation = pa.array(["CHILD_OF", "CHILD_OF"])
        ends = [pa.array(pair, pa.int64()) for pair in ((0, 1), (1, 0))]
        circle = pa.table({"relation": relation, "tail": ends[0], "head": ends[1], "weight": pa.array([1.0, 1.0])})
        yield "a cycle", pa.concat_tables([table, circle])
    if "user" in table.column_names and len(table) > 1:
        yield "a repeated row", pa.concat_tables([table, table.slice(0, 1)])
        yield "reversed rows", table.take(np.arange(len(table))[::-1].copy())
    if len(table) and len(table.column_names) > 1:
        big = table.slice(0, 1).take(np.zeros(20_000_000, dtype=np.int64))
        yield "20 million times one row", big


def wrong_configs(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Changes of a config, each impossible."""
    for key, value in config.items():
        if key in ("format", "hash", "files"):
            continue
        for bad in (None, [], {}, "x", -1, 1e300, True, [[["x"]]]):
            same = bad == value or (bad is None and key in ("encoder", "clusters", "new_customers", "unknown"))
            other = bad == "x" and key in ("encoder", "newaisle", "library")
            large = key in ("longest", "longest_at_fit") and bad == 1e300
            if not same and not other and not large and (key, bad) != ("event_kinds", {}):
                yield f"{key} = {bad!r}", {key: bad}
    settings = config["settings"]
    for part, key, bad in (
        *(("factors", key, bad) for key in settings["factors"] for bad in (None, "x", -1, 10**12)),
        *(("kernel", "weights", bad) for bad in ({"nothing": 1.0}, {"a": -1}, 3)),
    ):
        if (key, bad) not in (("alpha", 10**12), ("regularization", 10**12)):
            yield f"settings.{part}.{key} = {bad!r}", {"settings": settings | {part: settings[part] | {key: bad}}}
    for name, (rows, columns) in config["blocks"].items():
        for shape in ([rows + 1, columns], [rows, 10**12], [rows], [-1, -1], [0, 0], "xy"):
            yield f"blocks.{name} = {shape}", {"blocks": config["blocks"] | {name: shape}}
    yield "a generation outside", {"generation": "../generation-0123456789abcdef"}
    yield "another source", {"source": "Not a name"}
    yield "clusters without centres", {"clusters": {"names": ["x"], "min_similarity": 0.5}}
    for key, bad in (("size", 10**9), ("size", 0), ("values", ["x"]), ("scales", {}), ("relations", {"x": "y"})):
        yield f"frozen.{key} = {bad!r}", {"frozen": config["frozen"] | {key: bad}}


def raw_configs() -> list[Forgery]:
    """Files in place of config.json that no hash can be right for."""
    contents = {
        "deep": b"[" * 100_000,
        "deep objects": b'{"files":' * 100_000,
        "huge": b" " * (MOST_CONFIG + 1),
        "a huge number": b'{"format": ' + b"9" * 10_000 + b"}",
        "NaN": b'{"format": NaN}',
        "no text": bytes(range(256)),
    }
    return [
        (f"config.json: {what}", lambda model, content=content: (model / "config.json").write_bytes(content))
        for what, content in contents.items()
    ]


def damaged(model: Path, number: int) -> str:
    """Change some bytes of one file at random, and make the hashes right again; returns which file."""
    chosen = random.Random(number)  # noqa: S311 - the same for the same number
    file = chosen.choice(sorted(data_of(model).iterdir()))
    content = bytearray(file.read_bytes())
    for _ in range(chosen.choice((1, 1, 2, 8, 64))):
        kind, place = chosen.randrange(4), chosen.randrange(max(len(content), 1))
        place = place if chosen.random() < 0.5 else min(place, 300)  # headers are at the start, or at the end
        place = place if chosen.random() < 0.7 else max(len(content) - 1 - chosen.randrange(600), 0)
        if kind == 0:
            content[place : place + 1] = bytes([chosen.randrange(256)])
        elif kind == 1:
            del content[place : place + chosen.randrange(1, 9)]
        elif kind == 2:
            content[place:place] = chosen.randbytes(chosen.randrange(1, 9))
        else:
            content[place : place + 4] = b"\xff\xff\xff\x7f"
    file.write_bytes(content)
    seal(model)
    return file.name


def use(model: Path) -> str:
    """Load a model and read everything in it: "refused", or "used" where nothing was found wrong."""
    try:
        loaded = Recommender.load(model)
        state = loaded.fitted
        loaded.recommend([*list(state.users)[:3], None], 5, among="all")
        loaded.explain(next(iter(state.users)), state.graph.ids.values[-1])
        for block in state.model.regressor.blocks.matrices.values():
            block @ np.ones(block.shape[1])
    except ModelFormatError as error:
        if "\n" in str(error):
            raise AssertionError("the message has several lines") from error
        return "refused"
    return "used"


def _array(file: str, name: str, array: np.ndarray[Any, Any] | None) -> Callable[[Path], None]:
    def forge(model: Path) -> None:
        path = data_of(model) / file
        arrays = load_file(path)
        rest = {key: value for key, value in arrays.items() if key != name}
        save_file(rest if array is None else {**rest, name: np.ascontiguousarray(array)}, path)
        seal(model)

    return forge


def _table(file: str, table: pa.Table) -> Callable[[Path], None]:
    def forge(model: Path) -> None:
        pq.write_table(table, data_of(model) / file)
        seal(model)

    return forge


def _config(changes: dict[str, Any]) -> Callable[[Path], None]:
    return lambda model: seal(model, **changes)


def main() -> None:
    model, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    certain = forgeries(model)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, min(last, len(certain) + BYTES)):
            copy = Path(shutil.copytree(model, Path(folder) / str(number)))
            is_certain = number < len(certain)
            name = certain[number][0] if is_certain else f"bytes {number - len(certain)}"
            print(number, name, end=": ", flush=True)
            if is_certain:
                certain[number][1](copy)
            else:
                damaged(copy, number)
            print(use(copy), flush=True)
            shutil.rmtree(copy)
    print(len(certain), "certain", flush=True)


if __name__ == "__main__":
    main()
