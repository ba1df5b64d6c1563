"""Shopify's product taxonomy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..graph import CatalogGraph
from ..graph.errors import SourceError
from .source import Loaded, blaming, read_utf8


def load_shopify(folder: Path, locale: str = "en") -> Loaded:
    """Read ``LOCALE/categories.json`` from the taxonomy's ``dist`` folder.

    Ids are Shopify's (``gid://shopify/TaxonomyCategory/…``); the text of a category is its full name; the attributes
    that it lists become ``(attribute, handle)`` nodes; no category is a group.

    Raises:
        SourceError: no such folder or locale, or a file of another shape.
        GraphError: the categories do not make a valid graph.
    """
    path = folder / locale / "categories.json"
    if not path.is_file():
        known = sorted(found.parent.name for found in folder.glob("*/categories.json"))
        raise SourceError(
            f"{path} does not exist; "
            + (f"give one of the locales {', '.join(known)}." if known else "give the taxonomy's dist folder.")
        )
    try:
        rows = [row for vertical in json.loads(read_utf8(path))["verticals"] for row in vertical["categories"]]
        columns = {
            "id": [row["id"] for row in rows],
            "name": [row["name"] for row in rows],
            "parent_id": [row["parent_id"] for row in rows],
            "text": [row["full_name"] for row in rows],
            "attribute": [sorted(attribute["handle"] for attribute in row["attributes"]) for row in rows],
        }
        table = pa.table(columns, schema=_SCHEMA)
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}: is not JSON ({error}); download it again.") from None
    except (KeyError, TypeError, pa.ArrowException) as error:
        raise SourceError(f"{path}: is not a list of Shopify categories ({error!r}); download it again.") from None
    with blaming(path):
        return Loaded(CatalogGraph.from_tables(table, source="shopify"))


_SCHEMA: Any = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "name", "parent_id", "text")),
        ("attribute", pa.list_(pa.string())),
    ]
)
