"""The command ``newaisle inspect``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ..sync.inspection import Inspection, Row, inspect_target
from .options import Json, StoreUrl
from .output import print_json, print_line, step

_ROWS = 10
_BASIC = frozenset({"labels", "key", "id", "source", "name", "text", "level", "state", "content_hash", "run_id"})
"""Properties that the first lines show, or nobody reads."""


def inspect(
    category: Annotated[
        str, typer.Argument(metavar="CATEGORY", help="Its id, key or unique name.", show_default=False)
    ],
    store: StoreUrl = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Search this source only.")] = None,
    json: Json = False,
) -> None:
    """Show everything the store contains about one category or product.

    Use it when a recommendation looks odd: it prints the place in the taxonomy, the attributes with the number of
    others that have them, the nearest targets, what a model has written, and warnings. Each section is a named query
    that newaisle cypher runs on its own.

    For example:

        newaisle inspect "Drinking chocolate"

        newaisle inspect gid://shopify/TaxonomyCategory/fb-2-3-2 --source shopify --json
    """
    from ...graph import open_store
    from ..settings import Settings

    settings = Settings()
    with (
        step("Querying the store", brief=True),
        open_store(store or settings.store, settings.credentials, home=settings.newaisle_home) as opened,
    ):
        inspection = inspect_target(opened, category, source)
    if json:
        print_json(asdict(inspection))
    else:
        for line in _page(inspection):
            print_line(line.rstrip())


def _page(inspection: Inspection) -> Iterable[str]:
    """The lines of the page for people."""
    target = inspection.target
    kind = " ".join(target["labels"]).lower()
    level = f" on level {target['level']}" if "level" in target else ""
    yield target["name"]
    yield f"  {kind}{level}, state {target['state']}, key {target['key']}"
    if target["text"] != target["name"]:
        yield f"  text: {target['text']}"
    for name, value in sorted(target.items()):
        if name not in _BASIC:
            yield f"  {name}: {_cell(value)}"
    yield f"  last written by run {target['run_id']}"
    yield from _section("Place", [(row["path"],) for row in inspection.ancestors] or [("a root",)])
    if inspection.branch and inspection.branch[0]["within"] > 1:
        yield from _section(
            "Within it",
            *_columns(inspection.branch, ("name", "within", "products", "seen", "new", "attributes", "bare")),
        )
    yield from _section(
        "Attributes, the most informative first",
        *_columns(inspection.attributes, ("attribute", "value", "weight", "others", "information")),
    )
    yield from _section(
        "Nearest by the graph alone",
        *_columns(inspection.nearest_by_graph, ("name", "state", "score", "steps", "shared", "key")),
    )
    if inspection.nearest_seen:
        yield from _section(
            "Nearest seen targets by the model",
            *_columns(inspection.nearest_seen, ("rank", "name", "score", "shared", "key")),
        )
    if inspection.notes:
        yield from _section("Not written yet", [(note,) for note in inspection.notes])
    yield from _section("Warnings", [(warning,) for warning in inspection.warnings] or [("none",)])


def _columns(rows: list[Row], names: tuple[str, ...]) -> tuple[list[tuple[Any, ...]], tuple[str, ...], int]:
    """These columns of the first rows, their names, and the number of rows left out."""
    return [tuple(row[name] for name in names) for row in rows[:_ROWS]], names, max(len(rows) - _ROWS, 0)


def _section(
    title: str, rows: Sequence[tuple[Any, ...]], header: tuple[str, ...] = (), left_out: int = 0
) -> Iterable[str]:
    yield ""
    yield title
    cells = [[_cell(value) for value in row] for row in rows]
    if header and cells:
        cells.insert(0, list(header))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells or [["none"]]:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths or [0], strict=True))
    if left_out:
        yield f"  … and {left_out} more"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return "" if value is None else str(value)
