"""The one grammar of sources: ``KIND`` or ``KIND:PLACE``."""

from __future__ import annotations

from pathlib import Path

from ..errors import SourceError
from .base import Loaded
from .complete_journey import load_complete_journey
from .google import load_google
from .shopify import load_shopify
from .tables import load_tables

KINDS = ("complete-journey[?products]", "tables:DIR", "shopify:DIR[?locale=en]", "google:FILE")
"""Every kind of source, as it is written."""


def load(source: str, *, products: bool = False) -> Loaded:
    """Read a source.

    Args:
        source: ``complete-journey`` (the packaged purchases; with ``?products`` its products are the targets),
            ``tables:DIR`` (CSV or Parquet files), ``shopify:DIR`` with an optional ``?locale=…`` (a Shopify taxonomy),
            or ``google:FILE`` (a Google product taxonomy).
        products: make single products the targets of ``complete-journey``; other sources have the products they have.

    Raises:
        SourceError: an unknown kind, or a file that is missing or cannot be read.
        InputError: what the files say does not make a valid graph or table of interactions; the message names them.
        MissingExtraError: the package with the packaged purchases is not installed.
    """
    kind, colon, place = source.partition(":")
    if kind in ("complete-journey", "complete-journey?products") and not colon:
        return load_complete_journey(products=products or kind.endswith("?products"))
    if kind == "tables" and place:
        return load_tables(_path(place))
    if kind == "google" and place:
        return load_google(_path(place))
    if kind == "shopify" and place:
        folder, _, locale = place.partition("?locale=")
        return load_shopify(_path(folder), locale or "en")
    raise SourceError(f"{source!r} is not a source; give one of {', '.join(KINDS)}.")


def _path(place: str) -> Path:
    return Path(place).expanduser()
