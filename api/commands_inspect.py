"""The command that tells all about one category or product: its place, attributes, what it is near, warnings."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, UnknownIdError
from ..graph.store.queries.named import NamedQuery, named_queries
from .commands_store import StoreUrl
from .output import print_json, printable, step

if TYPE_CHECKING:
    from ..graph import Store

_SHOWN = 10
_COMMON = 0.2
"""An attribute that more than this share of a source has says little."""
_ROW = dict[str, Any]


@dataclass(frozen=True)
class Inspection:
    """What a store holds of one category or product; rows are those of the named queries.

    Attributes:
        target: its labels and properties, the embedding left out.
        ancestors: all ways up to a root.
        branch: the category as a whole, then its children; empty for a product.
        attributes: its attributes, the most telling first.
        nearest_by_graph: what shares the most telling attributes.
        nearest_seen: the seen targets that the model holds nearest.
        notes: what a model has not written yet.
        warnings: what may be wrong with it.
    """

    target: _ROW
    ancestors: list[_ROW]
    branch: list[_ROW]
    attributes: list[_ROW]
    nearest_by_graph: list[_ROW]
    nearest_seen: list[_ROW]
    notes: list[str]
    warnings: list[str]


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
    from ..graph import open_store
    from .settings import Settings

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


def inspect_target(store: Store, word: str, source: str | None = None) -> Inspection:
    """Ask a store all about one category or product.

    Args:
        store: the store.
        word: its key, id or name.
        source: look in this source only; None for all.

    Raises:
        UnknownIdError: there is no such category or product.
        InputError: several have this id or name.
    """
    key = _key_of(store, word, source)
    ((node,),) = store.query("MATCH (n:Newaisle {key: $key}) RETURN n", {"key": key}).rows
    target: _ROW = {"labels": [label for label in node["labels"] if label != "Newaisle"], **node["properties"]}
    target.pop("embedding", None)
    asked = named_queries()
    ancestors, branch, attributes, by_graph, seen = (
        _ask(store, asked[name], key=key)
        for name in ("ancestors", "branch", "attributes", "nearest-by-graph", "nearest-seen")
    )
    needed = (asked["nearest-seen"], asked["least-confident"])
    notes = [note for query in needed if (note := query.why_nothing(store, {}))]
    warnings = _warnings(target, ancestors, branch, attributes)
    for alike in _ask(store, asked["duplicate-names"], key=key):
        others = ", ".join(other for other in alike["keys"] if other != key)
        warnings.append(f"The same name as {others}" + (", some with the same text." if alike["same_text"] else "."))
    return Inspection(target, ancestors, branch, attributes, by_graph, seen, notes, warnings)


def _key_of(store: Store, word: str, source: str | None) -> str:
    found = _ask(store, named_queries()["find"], word=word, source=source)
    if not found or found[0]["hit"] == "part of the name":
        similar = ", ".join(f"{row['name']} ({row['key']})" for row in found[:5])
        where = "this store" if source is None else f"the source {source} of this store"
        raise UnknownIdError(
            f"No category or product in {where} has the id or name {word!r}"
            + (f"; similar: {similar}." if similar else "; newaisle cypher find --param word=PART looks for parts.")
        )
    fitting = [row["key"] for row in found if row["hit"] == found[0]["hit"]]
    if len(fitting) > 1:
        raise InputError(
            f"Several have the {found[0]['hit']} {word!r}: {', '.join(fitting)}; give one of these keys, or --source."
        )
    return str(fitting[0])


def _ask(store: Store, query: NamedQuery, **given: Any) -> list[_ROW]:
    answer = query.ask(store, given)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _warnings(target: _ROW, ancestors: list[_ROW], branch: list[_ROW], attributes: list[_ROW]) -> list[str]:
    warnings = []
    if not ancestors and (not branch or branch[0]["within"] == 1):
        warnings.append("An orphan of the taxonomy: it has no parent, and nothing stands below it.")
    if not attributes:
        warnings.append("It has no attribute.")
    elif all(row["others"] == 0 for row in attributes):
        warnings.append("Nothing else has any of its attributes.")
    elif attributes[0]["information"] < -math.log(_COMMON):
        warnings.append(f"All of its attributes are common: more than {_COMMON:.0%} of the source have them.")
    if target["text"] == target["name"]:
        warnings.append("The text encoder has nothing to read but its name.")
    return warnings


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


def _columns(rows: list[_ROW], names: tuple[str, ...]) -> tuple[list[tuple[Any, ...]], tuple[str, ...], int]:
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
