"""A folder of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError, name_some
from ..graph import CatalogGraph, Interactions
from ..graph.catalog.availability import AVAILABILITY
from ..graph.cleaning import ends_in_entity
from ..graph.frames import Table
from ..graph.groups import with_groups
from ..graph.reading.schema_file import GivenSchema, read_schema
from ..graph.reading.table_schema import TableReading
from .base import LoadedSource, located
from .files import FileReading, find_table, read_table

_TABLES = ("categories", "products", "attributes", "attribute_parents", "interactions")
_TARGETS = {
    "categories": ("id", "parent_id"),
    "products": ("id", "category_id"),
    "attributes": ("id",),
    "interactions": ("target",),
}
"""Table -> columns with ids of targets."""

_PARENT = {"categories": "parent_id", "products": "category_id"}
_WHOLE = frozenset({"id", "name", "text", "group", *AVAILABILITY})
"""Columns of one value."""


def load_tables(folder: Path, schema: GivenSchema | None = None) -> LoadedSource:
    """Read ``categories``, ``interactions``, ``products``, ``attributes`` and ``attribute_parents`` from a folder.

    Each is a file such as ``categories.csv``, ``.tsv``, ``.txt``, ``.csv.gz``, ``.zip``, ``.xlsx`` or ``.parquet``, or
    a folder with its parts, as :func:`newaisle.loaders.files.read_table` reads them; only ``categories`` is required.
    The columns are those of :meth:`CatalogGraph.from_tables` and :meth:`Interactions.from_table`. A ``schema.toml``
    beside them says what is written otherwise; a ``schema`` given here comes in its place. In text and Excel files the
    cells of ``parent_id``, ``category_id`` and of attributes are divided at ``;``, but for an id that contains one.
    Where one table has integers as ids of targets and another texts, all are texts. Without a column ``group``,
    :func:`newaisle.graph.groups.with_groups` finds the groups.

    Raises:
        SourceError: a file is missing, exists twice, or cannot be read.
        InputError: the tables do not make a valid graph or interactions, or the schema is none; the message names the
            files.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder; give one with a file categories.csv or categories.parquet.")
    beside = folder / "schema.toml"
    how = read_schema(beside if schema is None and beside.is_file() else schema)
    tables: dict[str, Table] = {}
    files: list[FileReading] = []
    for name in _TABLES:
        reading = how.table(name)
        if path := find_table(folder, name, reading.file):
            table, file = read_table(path, reading, name=name)
            tables[name] = table
            files.append(file)
    if "categories" not in tables:
        found = name_some([path.name for path in sorted(folder.iterdir())])
        raise SourceError(
            f"{folder} has neither categories.csv nor categories.parquet (it has {found or 'no file'}); add one, or "
            "name the file of the categories in a schema.toml there."
        )
    readings = {name: how.table(name) for name in tables}
    tables = _with_lists(_with_alike_ids(tables, readings), readings, files)
    sales = tables.pop("interactions", None)
    paths = {file.table: file.path for file in files}
    names = [paths[name].name for name in tables]
    with located(paths["categories"] if len(names) == 1 else f"{folder} ({', '.join(names)})"):
        graph = CatalogGraph.from_tables(**tables, schema=how)
    interactions = None
    if sales is not None:
        with located(paths["interactions"]):
            interactions = Interactions.from_table(sales, schema=how).restrict(graph)
    return LoadedSource(with_groups(graph, interactions), interactions, files=tuple(files))


def _with_alike_ids(tables: Mapping[str, Table], readings: Mapping[str, TableReading]) -> dict[str, Table]:
    """All ids of targets as texts where some are."""
    places = [
        (table, own)
        for table, names in _TARGETS.items()
        if table in tables
        for name in names
        if (own := readings[table].columns.get(name, name)) in tables[table].column_names
    ]
    kinds = {_kind_of(tables[table].schema.field(own).type) for table, own in places}
    alike = dict(tables)
    if {"text", "number"} <= kinds:
        for table, own in places:
            column = alike[table].column(own)
            if (texts := _as_texts(column)) is not column:
                alike[table] = alike[table].set_column(alike[table].column_names.index(own), own, texts)
    return alike


def _kind_of(kind: Any) -> str:
    """What the cells of an Arrow type are, or the members of its lists."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _kind_of(kind.value_type)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else str(kind)


def _as_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers, or lists of them, as texts; other columns as they are."""
    kind: Any = column.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if pa.types.is_floating(kind):  # whole numbers beside missing cells in pandas
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid:
            return column
    if pa.types.is_integer(column.type):
        return column.cast(pa.string())
    return column.cast(pa.list_(pa.string())) if lists and pa.types.is_integer(kind.value_type) else column


def _with_lists(
    tables: Mapping[str, Table], readings: Mapping[str, TableReading], files: Sequence[FileReading]
) -> dict[str, Table]:
    """The texts of text and Excel files as lists where cells have a ``;``."""
    divided = dict(tables)
    own = readings["categories"].columns.get("id", "id")
    place = tables["categories"].schema.get_field_index(own)
    texts = place >= 0 and pa.types.is_string(tables["categories"].schema.types[place])
    ids = frozenset[str](tables["categories"].column(place).to_pylist() if texts else ())
    for file in files:
        if file.table in _PARENT and file.format != "Parquet":
            divided[file.table] = _divided(divided[file.table], file.table, readings[file.table], ids)
    return divided


def _divided(table: Table, what: str, reading: TableReading, ids: frozenset[str]) -> Table:
    standard = {own: name for name, own in reading.columns.items()}
    for place, own in enumerate(table.column_names):
        name, column = standard.get(own, own), table.column(own)
        if pa.types.is_temporal(column.type) and name not in AVAILABILITY:
            column = pc.cast(column, pa.string())  # a date is one more text here
        elif (
            pa.types.is_string(column.type)
            and name not in _WHOLE
            and reading.roles.get(own, "attribute") == "attribute"
            and pc.any(pc.match_substring(column, ";")).as_py()
        ):
            known = ids if name == _PARENT[what] else frozenset[str]()
            column = pa.array([_pieces(cell, known) for cell in column.to_pylist()], pa.list_(pa.string()))
        table = table.set_column(place, own, column)
    return table


def _pieces(cell: str | None, known: frozenset[str]) -> Sequence[str]:
    """The parts of a cell between ``;`` other than those of HTML entities such as ``&amp;``."""
    if cell is None or cell in known or ";" not in cell:
        return [cell] if cell else []
    pieces = [""]
    for part in cell.split(";"):
        pieces[-1] += part
        if ends_in_entity(f"{part};"):
            pieces[-1] += ";"
        else:
            pieces.append("")
    return [piece.strip() for piece in pieces if piece.strip()]
