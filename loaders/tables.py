"""A folder of CSV or Parquet tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError
from ..graph import CatalogGraph, Interactions
from ..graph.catalog.availability import AVAILABILITY
from ..graph.frames import Table
from ..graph.reading.table_schema import TableSchema
from .base import LoadedSource, located
from .files import read_table
from .groups import with_groups

_NEVER_SPLIT = frozenset({"id", "name", "text"})


def load_tables(folder: Path, schema: TableSchema | None = None) -> LoadedSource:
    """Read ``categories``, ``interactions``, ``products``, ``attributes`` and ``attribute_parents`` from a folder.

    Each is a ``.csv`` (UTF-8) or a ``.parquet`` file; only ``categories`` is required. The columns are those of
    :meth:`CatalogGraph.from_tables` and :meth:`Interactions.from_table` (``user``, ``target``, and if there ``weight``,
    ``timestamp``, ``event``; others are ignored). In CSV the cells of ``parent_id``, ``category_id`` and of attributes
    are split at ``;``, but for an id that contains one. Without a column ``group``, :func:`with_groups` finds the
    groups.

    Raises:
        SourceError: a file is missing, exists twice, or cannot be read.
        InputError: the tables do not make a valid graph or interactions; the message names the files.
    """
    schema = schema or TableSchema()
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder; give one with a file categories.csv or categories.parquet.")
    paths = {
        name: path
        for name in ("categories", "products", "attributes", "attribute_parents")
        if (path := _find(folder, name))
    }
    if "categories" not in paths:
        raise SourceError(f"{folder} has neither categories.csv nor categories.parquet; add one of them.")
    opened = {name: read_table(path, schema.table(name), schema.cells, name=name) for name, path in paths.items()}
    tables = {name: table for name, (table, _) in opened.items()}
    files = [how for _, how in opened.values()]
    ids = frozenset(tables["categories"].column("id").to_pylist()) if "id" in tables["categories"].column_names else ()
    for name, parent in (("categories", "parent_id"), ("products", "category_id")):
        if name in paths and paths[name].suffix == ".csv":
            tables[name] = _split(tables[name], parent, frozenset(ids))
    names = [path.name for path in paths.values()]
    with located(paths["categories"] if len(names) == 1 else f"{folder} ({', '.join(names)})"):
        graph = CatalogGraph.from_tables(**tables)
    interactions = None
    if (path := _find(folder, "interactions")) is not None:
        table, how = read_table(path, schema.table("interactions"), schema.cells, name="interactions")
        files.append(how)
        extra = {name: name for name in ("weight", "timestamp", "event") if name in table.column_names}
        with located(path):
            interactions = Interactions.from_table(table, **extra).restrict(graph)
    if "group" not in tables["categories"].column_names:
        graph = with_groups(graph, interactions)
    return LoadedSource(graph, interactions, files=tuple(files))


def _find(folder: Path, name: str) -> Path | None:
    found = [path for suffix in (".csv", ".parquet") if (path := folder / f"{name}{suffix}").is_file()]
    if len(found) > 1:
        raise SourceError(f"{folder} has both {found[0].name} and {found[1].name}; keep one of them.")
    return found[0] if found else None


def _split(table: Table, parent: str, ids: frozenset[str]) -> Table:
    for place, name in enumerate(table.column_names):
        if name in AVAILABILITY:
            continue
        column = table.column(name)
        if pa.types.is_temporal(column.type):  # a date is one more text here
            column = pc.cast(column, pa.string())
        if pa.types.is_string(column.type) and name not in _NEVER_SPLIT:
            known = ids if name == parent else frozenset[str]()
            column = pa.array([_parts(cell, known) for cell in column.to_pylist()], pa.list_(pa.string()))
        table = table.set_column(place, name, column)
    return table


def _parts(cell: str | None, known: frozenset[str]) -> Sequence[str]:
    if cell is None or cell in known or ";" not in cell:
        return [cell] if cell else []
    return [part for piece in cell.split(";") if (part := piece.strip())]
