"""Which standard column another name probably means: ``InvoiceDate`` a timestamp, ``CustomerID`` a user."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_WORDS = {
    "user": "customer client visitor member shopper buyer household account person reader subscriber",
    "target": "item product article sku stockcode asin movie book song track category",
    "weight": "quantity qty count amount units number plays strength",
    "timestamp": "time date datetime ts dat day created purchased",
    "event": "action behavior behaviour kind type activity interaction",
    "id": "key number sku stockcode asin identifier",
    "name": "title label product_name description",
    "parent_id": "parent above",
    "category_id": "category class subclass group department section",
    "text": "description detail details summary desc about",
    "group": "is_group folder",
    "value": "attribute_value",
    "parent_value": "wider broader",
}
"""Standard name -> words that other tables call such a column by, or that occur in its name."""
_GENERIC = frozenset({"id", "name", "code", "no", "nr", "number", "event", "order", "invoice", "purchase", "prod"})
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def likely_standard(column: str, wanted: Iterable[str]) -> str | None:
    """The one of some standard names that a column of another name probably is; None where none is likely."""
    candidates = list(wanted)
    plain = re.sub(r"[^a-z0-9]", "", column.lower())
    if near := difflib.get_close_matches(plain, candidates, 1, cutoff=0.8):
        return near[0]
    parts = [part.lower() for part in _PART.findall(column)]
    telling = [part for part in parts if part not in _GENERIC] or parts
    for name in candidates:
        words = {name, *_WORDS.get(name, "").split()}
        if plain in {re.sub(r"[^a-z0-9]", "", word) for word in words} or words & set(telling):
            return name
        if plain.removesuffix("id") in words or (name == "id" and parts[-1:] in (["id"], ["code"])):
            return name
    return None


def likely_column(standard: str, columns: Iterable[str]) -> str | None:
    """The first of some columns that is probably the standard one; None where none is likely."""
    return next((column for column in columns if likely_standard(column, [standard])), None)
