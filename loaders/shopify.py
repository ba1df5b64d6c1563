"""Shopify's product taxonomy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import SourceError, name_some
from ..graph import CatalogGraph
from ..paths import read_utf8
from .base import LoadedSource, located
from .path_lists import read_path_list

_LINE = re.compile(r"(gid://shopify/TaxonomyCategory/\S+)\s+:\s+(.+)")


def load_shopify(place: Path, locale: str = "en") -> LoadedSource:
    """Read ``LOCALE/categories.json`` from the taxonomy's ``dist`` folder, or else ``LOCALE/categories.txt``.

    ``place`` is that folder, or one ``categories.txt``. Ids are Shopify's (``gid://shopify/TaxonomyCategory/…``); the
    text of a category is its full name; its attributes become ``(attribute, handle)`` nodes, which the text file does
    not list; no category is a group. A file ``attributes.json`` of the locale must fit: every handle known, the same
    release, the same names.

    Raises:
        SourceError: no such file, folder or locale, a file of another shape, or two files that do not fit.
        GraphError: the categories do not make a valid graph.
    """
    if place.is_file():
        return _load_text(place) if place.suffix == ".txt" else _load_json(place)
    path = place / locale / "categories.json"
    if path.is_file():
        return _load_json(path)
    if path.with_suffix(".txt").is_file():
        return _load_text(path.with_suffix(".txt"))
    known = sorted({found.parent.name for found in place.glob("*/categories.*") if found.suffix in (".json", ".txt")})
    raise SourceError(
        f"{path} does not exist; "
        + (f"give one of the locales {', '.join(known)}." if known else "give the taxonomy's dist folder.")
    )


def _load_text(path: Path) -> LoadedSource:
    table = read_path_list(path, _LINE, "'gid://shopify/TaxonomyCategory/ID : Category > Category'")
    with located(path):
        return LoadedSource(CatalogGraph.from_tables(table, source="shopify"))


def _load_json(path: Path) -> LoadedSource:
    known_handles = path.with_name("attributes.json")
    document = _read(path)
    try:
        rows = [row for vertical in document["verticals"] for row in vertical["categories"]]
        columns = {
            "id": [row["id"] for row in rows],
            "name": [row["name"] for row in rows],
            "parent_id": [row["parent_id"] for row in rows],
            "text": [row["full_name"] for row in rows],
            "attribute": [sorted(attribute["handle"] for attribute in row["attributes"]) for row in rows],
        }
        table = pa.table(columns, schema=_SCHEMA)
        if known_handles.is_file():
            _check_handles(path, document.get("version"), rows, known_handles)
    except (KeyError, TypeError, pa.ArrowException) as error:
        raise SourceError(f"{path}: is not a list of Shopify categories ({error!r}); download it again.") from None
    with located(path):
        return LoadedSource(CatalogGraph.from_tables(table, source="shopify"))


def _read(path: Path) -> Any:
    try:
        return json.loads(read_utf8(path))
    except (json.JSONDecodeError, RecursionError) as error:  # the latter of brackets in brackets
        raise SourceError(f"{path}: is not JSON ({error}); download it again.") from None


def _check_handles(path: Path, version: object, rows: list[Any], attributes: Path) -> None:
    document = _read(attributes)
    try:
        names = {
            entry["handle"]: entry["name"]
            for attribute in document["attributes"]
            for entry in (*attribute.get("extended_attributes", ()), attribute)
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{attributes}: is not a list of Shopify attributes ({error!r}); download it again."
        ) from None
    if document.get("version") != version:
        raise SourceError(
            f"{attributes}: is of release {document.get('version')!r}, {path.name} of {version!r}; use one release."
        )
    listed = {attribute["handle"]: attribute.get("name") for row in rows for attribute in row["attributes"]}
    unknown: list[object] = sorted(listed.keys() - names.keys())
    if unknown:
        raise SourceError(
            f"{path}: categories list the attributes {name_some(unknown)}, which {attributes.name} does not have; "
            "use two files of one release."
        )
    # single names differ within a release too, most of them only between languages
    others = [handle for handle, name in listed.items() if name not in (None, names[handle])]
    if 2 * len(others) > len(listed):
        handle = others[0]
        raise SourceError(
            f"{path}: the attribute {handle!r} is called {listed[handle]!r}, but {names[handle]!r} in "
            f"{attributes.name}, and so are most; use two files of one locale."
        )


_SCHEMA: Any = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "name", "parent_id", "text")),
        ("attribute", pa.list_(pa.string())),
    ]
)
