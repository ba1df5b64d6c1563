"""Output of the commands: results to standard output, progress to standard error."""

from __future__ import annotations

import csv as csv_format
import json as json_format
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import typer

from ...display import command_line, guarded, printable
from ...errors import DataWarning


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    json: bool = False,
    csv: bool = False,
    count: bool = True,
    raw: bool = False,
) -> None:
    """Print rows as a table for people, as a JSON list of objects, or as CSV with a header line.

    Args:
        columns: their names.
        rows: one value per column each: texts, numbers, booleans, None, and lists and dicts of these.
        json: print JSON; numbers that are not finite become null.
        csv: print CSV; lists and dicts become JSON, None an empty cell.
        count: print the number of rows below a table for people.
        raw: do not guard the texts of CSV against spreadsheets.
    """
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif csv:
        write_csv(sys.stdout, columns, rows, raw=raw)
    else:
        _print_rich(columns, list(rows), count)


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines of text, each as :func:`print_line` does, to standard output or standard error."""
    for line in lines:
        print_line(line, err=err)


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line, escaped as :func:`newaisle.display.printable` does, to standard output or standard error."""
    typer.echo(printable(text), err=err)


def print_command(*words: object, title: str = " ", err: bool = False) -> None:
    """Print a command that a shell reads as these words, behind a title."""
    print_line(f"{title} {command_line(*words)}", err=err)


def print_json(value: Any) -> None:
    """Print one JSON document; numbers that are not finite become null."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json_format.dumps(_finite(value), ensure_ascii=not utf8, indent=2, allow_nan=False) + "\n")


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, raw: bool = False) -> None:
    """Write CSV with a header line; lists and dicts become JSON, None an empty cell.

    Texts that a spreadsheet would run get an apostrophe in front, unless ``raw``.
    """
    writer = csv_format.writer(file, lineterminator="\n")
    cell = _plain if raw else _safe
    if columns:  # a query on an empty store may have none
        writer.writerow([cell(name) for name in columns])
    writer.writerows([cell(value) for value in row] for row in rows)


@contextmanager
def step(title: str, *, brief: bool = False) -> Iterator[Callable[[str], None]]:
    """Show on standard error that a step of the work is running and, at the end, how long it took.

    A terminal gets a spinner, anything else plain lines.

    Args:
        title: the step, such as ``Fitting``.
        brief: print nothing that stays: no lines, and the spinner disappears.

    Yields:
        A function that reports progress within the step, such as ``3 of 12``.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    title = printable(title)
    started = time.perf_counter()
    if console.is_terminal:
        with console.status(Text(f"{title} …")) as status:
            yield lambda line: status.update(Text(f"{title}: {printable(line)}"))
    elif brief:
        yield lambda _: None
    else:
        console.print(f"{title} …")
        yield lambda line: console.print(f"{title}: {printable(line)}")
    if not brief:
        console.print(f"{title} done in {time.perf_counter() - started:.1f} s")


@contextmanager
def data_warnings() -> Iterator[None]:
    """Print each different :class:`DataWarning` as one line on standard error, other warnings as ever."""
    printed: set[str] = set()

    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_once(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, DataWarning):
                show(message, category, *where, **more)
            elif str(message) not in printed:
                printed.add(str(message))
                print_lines([f"Warning: {message}"], err=True)

        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = show_once
        yield


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[Any]], count: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, name in enumerate(columns):
        numbers = all(isinstance(row[place], int | float | None) for row in rows)
        table.add_column(Text(printable(name)), justify="right" if rows and numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(_rounded(value))) for value in row))
    if not console.is_terminal:  # a file or a pipe gets whole lines
        console.width = max(80, console.measure(table, options=console.options.update(max_width=1_000_000)).maximum)
    if columns:
        console.print(table)
    if count:
        console.print(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}")


def _rounded(value: Any) -> str:
    """A cell for people: numbers to six significant digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(_plain(value))


def _plain(value: Any) -> str | int | float:
    """A CSV cell: a text or number as it is, empty for None, JSON for anything else."""
    if value is None:
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return json_format.dumps(_finite(value), ensure_ascii=False)


def _safe(value: Any) -> str | int | float:
    """The same, safe for spreadsheets."""
    plain = _plain(value)
    return guarded(plain) if isinstance(plain, str) else plain


def _finite(value: Any) -> Any:
    """The value with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(member) for member in value]
    return value
