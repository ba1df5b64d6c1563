"""Order lines as a source: a catalog of what they contain, and the purchases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from ...arrays import IntArray
from ...errors import InputError
from ...graph import CatalogGraph
from ...graph.cleaning import EXAMPLES, MISSING_ID, ColumnReading, Tally
from ...graph.frames import Table, library_of, read_frame
from ...graph.groups import with_groups
from ...graph.ids import Id
from ...graph.reading.schema_file import GivenSchema, read_schema
from ..base import LoadedSource, located
from ..files import read_table
from .catalog import ENOUGH, category_catalog, item_catalog
from .columns import CATEGORY, OrderColumns, recognise
from .distinct import Distinct
from .items import Items, read_items
from .lines import read_lines
from .paths import Path, join_path, read_paths
from .purchases import purchases

CATEGORIES, ITEMS = "categories", "items"


def load_orders(
    path: FilePath, schema: GivenSchema | None = None, targets: str | None = None, separator: str | None = None
) -> LoadedSource:
    """Read a file of order lines, or a folder of its parts; see :func:`from_orders`.

    A ``schema.toml`` in the same folder says what is written otherwise; a ``schema`` given here comes in its place.

    Raises:
        SourceError: the file cannot be read.
        InputError: as of :func:`from_orders`, with the file in front.
    """
    beside = path.parent / "schema.toml"
    schema = read_schema(beside if schema is None and beside.is_file() else schema)
    rows, how = read_table(path, schema.table("orders"), name="orders")
    with located(path):
        loaded = from_orders(rows, schema=schema, targets=targets, separator=separator)
    return replace(loaded, files=(how,))


def from_orders(
    frame: Table,
    *,
    schema: GivenSchema | None = None,
    targets: str | None = None,
    separator: str | None = None,
    source: str = "orders",
) -> LoadedSource:
    """Read one table of order lines (pandas, polars or Arrow) as a catalog and its purchases.

    Columns are recognised by well-known names, regardless of case, blanks and punctuation, or named in the table
    ``orders`` of the schema: ``user`` (a customer; without one the orders count as users), ``order``, ``item``,
    ``name``, ``text``, ``category`` (paths, or one column for each level), ``price``, ``quantity``, ``timestamp``,
    ``event``. Further texts that are the same in all lines of an item are attributes. Where the lines of an item
    differ, the most frequent cell counts. Returns and cancelled orders (a negative quantity, an order such as C536379,
    a kind of event such as refund) are no purchases, and what was returned in full was not bought.

    Args:
        frame: the lines.
        schema: how they are written.
        targets: ``categories`` or ``items``; by default the categories where there are 50 or more, else the items.
        separator: between the names of a category path; by default the one of ``>``, ``|``, ``/`` and ``.`` that most
            cells contain, ``none`` for no separator.
        source: name of the source, ``[a-z0-9_-]+``.

    Raises:
        InputError: no column of users or orders, or of items or categories; two columns that may be the same; an
            unknown column or option.
        InteractionsError: no line is a purchase, or a time cannot be read.
        GraphError: the items do not make a valid graph.
    """
    schema = read_schema(schema)
    reading, tally, sales = schema.table("orders"), Tally(), Tally()
    rows = read_frame(frame, "orders").to_native()
    columns = recognise(rows.column_names, reading.columns, reading.roles)
    paths, columns = read_paths(rows, columns, separator)
    items = None if columns.get("item") is None else read_items(rows, columns, paths, reading, tally)
    if items is None or _chosen(targets, items, paths) == CATEGORIES:
        place, used = _categories_of_lines(items, paths)
        graph, missing = category_catalog(used, items, source), "no category"
        ids: list[Id] = [join_path(path) for path in used]
    else:
        place, missing = items.ids.code, MISSING_ID
        graph, ids = item_catalog(items, source)
    item = place if items is None else items.ids.code
    lines = read_lines(rows, columns, reading, sales, item=item, target=place, left_out={missing: place < 0})
    interactions = replace(purchases(lines, ids, sales), backend=library_of(frame), kinds=schema.kinds)
    graph = with_groups(graph, interactions)
    return LoadedSource(_reported(graph, rows, columns, tally), interactions)


def _chosen(targets: str | None, items: Items, paths: Distinct[Path]) -> str:
    """What the targets are: as the owner says, or by what there is."""
    if targets not in (None, CATEGORIES, ITEMS):
        raise InputError(f"targets is {targets!r}; give {CATEGORIES} or {ITEMS}.")
    if (targets == CATEGORIES and not len(paths)) or (targets == ITEMS and items is None):
        raise InputError(f"The order lines have no column of {targets}, so that these cannot be the targets.")
    if targets is None:
        return CATEGORIES if items is None or len(paths) >= ENOUGH else ITEMS
    return targets


def _categories_of_lines(items: Items | None, paths: Distinct[Path]) -> tuple[IntArray, list[Path]]:
    """Of every line the place of its item's category, or of its own one, among those that occur so; and these."""
    place = paths.code
    if items is not None:
        place = np.where(items.ids.code >= 0, np.append(items.path, -1)[items.ids.code], place)
    used, code = np.unique(place, return_inverse=True)
    missing = int((used < 0).sum())  # -1 comes first
    return code.reshape(-1) - missing, [paths.values[at] for at in used[missing:].tolist()]


def _reported(graph: CatalogGraph, rows: Any, columns: OrderColumns, tally: Tally) -> CatalogGraph:
    """The catalog with a report of the columns of the lines in place of those of the tables made of them."""
    roles = {own: role for role, own in columns.named.items()} | dict.fromkeys(columns.category, CATEGORY)
    readings = []
    for own, role in roles.items():
        cells = rows[own]
        some = tuple(str(cell) for cell in cells.drop_null().slice(0, EXAMPLES).to_pylist())
        readings.append(ColumnReading("orders", own, role, columns.reasons[own], None, cells.null_count, some))
    if columns.get("user") is None:
        tally.notes.append(
            f"There is no column of customers, so each order ({columns.users}) counts as one user: name the customers "
            'in the schema, [orders] user = "COLUMN", where the table has them.'
        )
    made, found = graph.report, tally.report
    report = replace(
        made,
        changed={**made.changed, **found.changed},
        examples={**made.examples, **found.examples},
        columns=(*readings, *found.columns),
        notes=(*made.notes, *found.notes),
    )
    return replace(graph, report=report)
