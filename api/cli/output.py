"""What commands print: results to standard output, progress to standard error."""

from __future__ import annotations

import csv as csv_format
import json as json_format
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, json: bool = False, csv: bool = False
) -> None:
    """Print rows for people, or for programs.

    Args:
        columns: their names.
        rows: one value per column each: texts, numbers, truth values, None, and lists and dicts of these.
        json: print one JSON list of objects instead, numbers that are not finite as null.
        csv: print CSV with a header line instead, lists and dicts in it as JSON, None as an empty cell.
    """
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif csv:
        writer = csv_format.writer(sys.stdout, lineterminator="\n")
        if columns:  # a query on an empty store may have none
            writer.writerow(columns)
        writer.writerows([plain_cell(value) for value in row] for row in rows)
    else:
        _print_rich(columns, list(rows))


def print_json(value: Any) -> None:
    """Print one JSON document, numbers that are not finite as null."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json_format.dumps(_finite(value), ensure_ascii=not utf8, indent=2, allow_nan=False) + "\n")


@contextmanager
def step(title: str, *, brief: bool = False) -> Iterator[Callable[[str], None]]:
    """Tell on standard error what is going on and, in the end, how long it took.

    In a terminal a spinner turns meanwhile; elsewhere there are plain lines.

    Args:
        title: what is going on, such as ``Fitting``.
        brief: leave nothing behind: the spinner goes, and there are no lines.

    Yields:
        A function that tells how far it has come, such as ``3 of 12``.
    """
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    started = time.perf_counter()
    if console.is_terminal:
        with console.status(Text(f"{title} …")) as status:
            yield lambda told: status.update(Text(f"{title}: {told}"))
    elif brief:
        yield lambda _: None
    else:
        console.print(f"{title} …")
        yield lambda told: console.print(f"{title}: {told}")
    if not brief:
        console.print(f"{title} done in {time.perf_counter() - started:.1f} s")


def printable(text: str) -> str:
    """The text with everything escaped that a terminal would act on, such as line ends and control sequences."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, name in enumerate(columns):
        numbers = all(isinstance(row[place], int | float | None) for row in rows)
        table.add_column(Text(printable(name)), justify="right" if rows and numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(_shown(value))) for value in row))
    if not console.is_terminal:  # whoever reads it, nothing may be cut or wrapped
        console.width = max(80, console.measure(table, options=console.options.update(max_width=1_000_000)).maximum)
    if columns:
        console.print(table)
    console.print(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}")


def _shown(value: Any) -> str:
    """A cell for people: numbers to six significant digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(plain_cell(value))


def plain_cell(value: Any) -> str | int | float:
    """A cell of a CSV file: a text or a number, nothing for None, JSON for all else."""
    if value is None:
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return json_format.dumps(_finite(value), ensure_ascii=False)


def _finite(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(member) for member in value]
    return value
