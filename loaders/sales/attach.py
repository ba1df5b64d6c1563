"""Sales from a table of their own, put on the targets of a catalog that has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, InteractionsError
from ...graph import CatalogGraph, Interactions
from ...graph.cleaning import EXAMPLES, MISSING_ID, Tally
from ...graph.frames import Table, column_names, library_of, read_frame
from ...graph.groups import with_groups
from ...graph.ids import Id, Ids
from ...graph.reading.schema_file import GivenSchema, read_schema
from ...graph.reading.table_schema import TableSchema
from ..base import LoadedSource, located
from ..files import read_table
from ..orders.columns import OrderColumns, recognise
from ..orders.distinct import Distinct, texts_of
from ..orders.lines import read_lines
from ..orders.paths import join_path, read_paths
from ..orders.purchases import purchases
from ..path_lists import JOINED
from ..summary.findings import UNKNOWN_TARGET
from .spellings import Spellings


def with_sales(
    loaded: LoadedSource, sales: Table | str | Path, schema: GivenSchema | None = None, source: str = "The source"
) -> LoadedSource:
    """Put sales on a source without any.

    ``sales`` is a table, or the file of one, either of interactions (``user``, ``target``, and more as for
    :meth:`Interactions.from_table`) or of order lines (as for :func:`newaisle.from_orders`). Targets may be written as
    in :class:`Spellings`; of the columns of order lines the one that names most targets is read. Where the source marks
    no groups,
    :func:`newaisle.graph.groups.with_groups` finds them. ``source`` starts the sentence of an error.

    Raises:
        InputError: the source has sales, a column is missing, or a cell cannot be read.
        InteractionsError: no sale is on a target; the message gives the nearest spellings.
        SourceError: the file cannot be read.
    """
    if loaded.interactions is not None:
        raise InputError(f"{source} has sales of its own; leave the sales out, or give a source without any.")
    schema, files = read_schema(schema), loaded.files
    if isinstance(sales, str | Path):
        table, how = read_table(Path(sales).expanduser(), schema.table("interactions"), name="sales")
        with located(sales):
            interactions = _read(table, loaded.graph, schema)
        files = (*files, how)
    else:
        interactions = _read(sales, loaded.graph, schema)
    return replace(loaded, graph=with_groups(loaded.graph, interactions), interactions=interactions, files=files)


def _read(table: Table, graph: CatalogGraph, schema: TableSchema) -> Interactions:
    names = column_names(table, "sales")
    named = {name: schema.table("interactions").columns.get(name, name) for name in ("user", "target")}
    spellings = Spellings.of(graph)
    if all(own in names for own in named.values()):
        events: Interactions = Interactions.from_table(table, schema=schema)
        return _on_targets(events, spellings, f"the column {named['target']!r}")
    rows = read_frame(table, "sales").to_native()
    return replace(_from_lines(rows, spellings, schema), backend=library_of(table), kinds=schema.kinds)


def _on_targets(events: Interactions, spellings: Spellings, where: str) -> Interactions:
    """The events on known targets, under the catalog's own ids."""
    named = [spellings.find(cell) for cell in events.targets]
    _check_any(events.targets.values, named, spellings, where)
    targets = Ids.of((own for own in named if own is not None), "target")
    target = targets.find(named)[events.target]
    known = np.flatnonzero(target >= 0)
    time = np.zeros(len(events)) if events.timestamp is None else events.timestamp
    order = known[np.lexsort((time[known], target[known], events.user[known]))]
    report = events.report
    if lost := len(events) - len(known):
        report = replace(
            report,
            rows_kept=len(known),
            dropped={**report.dropped, UNKNOWN_TARGET: lost},
            examples={**report.examples, UNKNOWN_TARGET: _unknown(events.targets.values, named, spellings)},
        )
    return replace(events.where(order), target=target[order], targets=targets, report=report)


def _from_lines(rows: Any, spellings: Spellings, schema: TableSchema) -> Interactions:
    """The purchases in order lines, their targets in that column of items, categories or names that names most."""
    reading, tally = schema.table("orders"), Tally()
    columns = recognise(rows.column_names, reading.columns, reading.roles)
    found = []
    for where, cells in _columns_of_targets(rows, columns):
        ids = [spellings.find(cell) for cell in cells.values]
        known = np.array([*(own is not None for own in ids), False])[cells.code]
        found.append((int(known.sum()), where, cells, ids))
    _, where, cells, ids = max(found, key=lambda each: each[0])
    _check_any(cells.values, ids, spellings, " and ".join(each[1] for each in found) if len(found) > 1 else where)
    targets = Ids.of((own for own in ids if own is not None), "target")
    target = np.append(targets.find(ids), -1)[cells.code]
    left_out = {UNKNOWN_TARGET: (target < 0) & (cells.code >= 0), MISSING_ID: cells.code < 0}
    lines = read_lines(rows, columns, reading, tally, item=cells.code, target=target, left_out=left_out)
    tally.notes.append(f"The targets of the sales are read from {where}.")
    sales = purchases(lines, targets.values, tally)
    report = sales.report
    if UNKNOWN_TARGET in report.dropped:
        shown = _unknown(cells.values, ids, spellings)
        report = replace(report, examples={**report.examples, UNKNOWN_TARGET: shown})
    return replace(sales, report=report)


def _columns_of_targets(rows: Any, columns: OrderColumns) -> list[tuple[str, Distinct[str]]]:
    """The columns that may name targets, as messages call them, and their cells as texts."""
    found = {}
    for standard in ("item", "name"):
        if (own := columns.get(standard)) is not None:
            found[f"the column {own!r}"] = texts_of(rows[own])
    paths, columns = read_paths(rows, columns)
    if columns.category:
        where = "the column" + ("s " if len(columns.category) > 1 else " ") + ", ".join(map(repr, columns.category))
        found[where] = Distinct(tuple(map(join_path, paths.values)), paths.code)
    return list(found.items())


def _check_any(cells: Sequence[object], named: Sequence[Id | None], spellings: Spellings, where: str) -> None:
    if any(own is not None for own in named):
        return
    path = next((each for each in spellings.ids if JOINED in each), None)
    raise InteractionsError(
        f"None of the {len(cells):,} targets in {where} of the sales is in the catalog "
        f"({', '.join(_unknown(cells, named, spellings))}); write them as its ids, such as {next(iter(spellings.ids))}"
        + (f", or as paths, such as {path!r}." if path else ".")
    )


def _unknown(cells: Sequence[object], named: Sequence[Id | None], spellings: Spellings) -> tuple[str, ...]:
    """Some unknown targets, each with the spelling nearest to it."""
    unknown = islice((cell for cell, own in zip(cells, named, strict=True) if own is None), EXAMPLES)
    near = [(cell, spellings.nearest(cell)) for cell in unknown]
    return tuple(f"{cell!r}" + (f", nearest {spelled!r}" if spelled else "") for cell, spelled in near)
