"""Store URLs and the credentials of a server."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import StoreError
from ...paths import home_folder

_SCHEMES = ("bolt", "bolt+s", "neo4j", "neo4j+s")
_GRAMMAR = "use embedded, embedded:DIR, bolt://HOST[:PORT], bolt+s://…, neo4j://… or neo4j+s://…"


@dataclass(frozen=True)
class Credentials:
    """An account of a database server and one of its databases; password (never shown) None where none is required."""

    username: str = "neo4j"
    password: str | None = field(default=None, repr=False)
    database: str = "neo4j"

    @classmethod
    def from_environment(cls) -> Credentials:
        """Read ``NEO4J_USERNAME``, ``NEO4J_PASSWORD`` and ``NEO4J_DATABASE``; empty ones count as not set."""
        return cls(
            username=os.environ.get("NEO4J_USERNAME") or "neo4j",
            password=os.environ.get("NEO4J_PASSWORD") or None,
            database=os.environ.get("NEO4J_DATABASE") or "neo4j",
        )


def parse_store_url(url: str, home: Path | None = None) -> Path | str:
    """The folder of an embedded store (below ``home`` or else :func:`home_folder`), or the URL of a server."""
    if url == "embedded":
        return ((home or home_folder()) / "store").absolute()
    if url.startswith("embedded:"):
        folder = url.removeprefix("embedded:")
        if not folder:
            raise StoreError("The store URL 'embedded:' names no folder; use embedded or embedded:DIR.")
        return Path(folder).expanduser().absolute()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # port refuses what is not a number
    except ValueError:
        raise StoreError(f"The store URL has a wrong host or port; {_GRAMMAR}.") from None
    if "@" in parts.netloc:
        raise StoreError(
            "The store URL holds a user name or password; leave them out and set NEO4J_USERNAME and NEO4J_PASSWORD."
        )
    if parts.scheme not in _SCHEMES or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise StoreError(f"{url!r} is not a store URL; {_GRAMMAR}.")
    return f"{parts.scheme}://{parts.netloc}"
