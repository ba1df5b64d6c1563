"""The command that tells all about one category or product: its place, attributes, what it is near, warnings."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cypher import StoreUrl
from .output import print_json, printable, step

if TYPE_CHECKING:
    pass
from ..sync.inspection import Inspection, Row, inspect_target

_SHOWN = 10


def inspect(
    category: Annotated[str, typer.Argument(metavar="CATEGORY", help="Its id, key or name.", show_default=False)],
    store: StoreUrl = None,
    source: Annotated[str | None, typer.Option("--source", help="Look in this source only.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell all that the store holds of one category or product, on one page.

    Its place in the taxonomy, its attributes and how many others have them, what it is near, what a model says of it,
    and warnings. Each part is a named query, so newaisle cypher can ask for more of it.

    For example:

        newaisle inspect "Drinking chocolate"

        newaisle inspect gid://shopify/TaxonomyCategory/fb-2-3-2 --source shopify --json
    """
    from ...graph import open_store
    from ..settings import Settings

    settings = Settings()
    with (
        step("Asking the store", brief=True),
        open_store(store or settings.store, settings.credentials, home=settings.newaisle_home) as opened,
    ):
        found = inspect_target(opened, category, source)
    if json:
        print_json(asdict(found))
    else:
        sys.stdout.write("\n".join(printable(line).rstrip() for line in _page(found)) + "\n")


_OWN = frozenset({"labels", "key", "id", "source", "name", "text", "level", "state", "content_hash", "run_id"})


def _page(found: Inspection) -> Iterable[str]:
    """The page for people, line by line."""
    target = found.target
    kind = " ".join(target["labels"]).lower()
    level = f" on level {target['level']}" if "level" in target else ""
    yield target["name"]
    yield f"  {kind}{level}, state {target['state']}, key {target['key']}"
    if target["text"] != target["name"]:
        yield f"  text: {target['text']}"
    for name, value in sorted(target.items()):
        if name not in _OWN:
            yield f"  {name}: {_shown(value)}"
    yield f"  last written by run {target['run_id']}"
    yield from _section("Place", [(row["path"],) for row in found.ancestors] or [("a root",)])
    if found.branch and found.branch[0]["within"] > 1:
        yield from _section(
            "Within it", *_columns(found.branch, ("name", "within", "products", "seen", "new", "attributes", "bare"))
        )
    yield from _section(
        "Attributes, the most telling first",
        *_columns(found.attributes, ("attribute", "value", "weight", "others", "information")),
    )
    yield from _section(
        "Nearest by the graph alone",
        *_columns(found.nearest_by_graph, ("name", "state", "score", "steps", "shared", "key")),
    )
    if found.nearest_seen:
        yield from _section(
            "Nearest seen targets, by the model",
            *_columns(found.nearest_seen, ("rank", "name", "score", "shared", "key")),
        )
    if found.notes:
        yield from _section("Not written yet", [(note,) for note in found.notes])
    yield from _section("Warnings", [(warning,) for warning in found.warnings] or [("none",)])


def _columns(rows: list[Row], names: tuple[str, ...]) -> tuple[list[tuple[Any, ...]], tuple[str, ...], int]:
    """These columns of the first rows, their names, and how many rows are left out."""
    return [tuple(row[name] for name in names) for row in rows[:_SHOWN]], names, max(len(rows) - _SHOWN, 0)


def _section(
    title: str, rows: Sequence[tuple[Any, ...]], header: tuple[str, ...] = (), left_out: int = 0
) -> Iterable[str]:
    yield ""
    yield title
    cells = [[_shown(value) for value in row] for row in rows]
    if header and cells:
        cells.insert(0, list(header))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells or [["none"]]:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths or [0], strict=True))
    if left_out:
        yield f"  … and {left_out} more"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "" if value is None else str(value)
