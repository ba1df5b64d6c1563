"""Open a graph store by its URL, and read a graph from one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ..catalog.graph import CatalogGraph
from .connection import connect
from .embedded.process import start_embedded
from .embedded.server import DATABASE, READER, ROOT
from .store import Store
from .url import Credentials, parse_store_url


def open_store(
    url: str = "embedded",
    credentials: Credentials | None = None,
    *,
    home: Path | None = None,
    heap: str = "1g",
) -> Store:
    """Open a graph store.

    Args:
        url: ``embedded`` (a folder below ``home``), ``embedded:DIR``, or the URL of a server: ``bolt://``,
            ``bolt+s://``, ``neo4j://``, ``neo4j+s://``.
        credentials: for a server; None reads them from the environment. An embedded store generates its own.
        home: folder for ``embedded``; None means ``NEWAISLE_HOME``, or else the user's data directory.
        heap: memory for an embedded server, as Java writes it (``"1g"``).

    Raises:
        StoreError: the URL is wrong.
        StoreUnavailableError: the server cannot be reached or started, or refuses the credentials.
        StoreLockedError: another process holds the embedded store.
        MissingExtraError: the embedded store is not installed.
    """
    address = parse_store_url(url, home)
    with ExitStack() as opened:
        if isinstance(address, Path):
            server = start_embedded(address, heap)
            opened.callback(server.stop)
            accounts = ((ROOT, server.password), (READER, server.reader_password))
            database, reader = (
                connect(opened, str(address), server.url, account, DATABASE, embedded=True) for account in accounts
            )
        else:
            given = credentials or Credentials.from_environment()
            account = None if given.password is None else (given.username, given.password)
            database = reader = connect(opened, address, address, account, given.database, embedded=False)
        return Store(database, reader, opened.pop_all())


def load_graph(url: str = "embedded", source: str | None = None) -> CatalogGraph:
    """Read a catalog graph from a store (``url`` as for :func:`open_store`); no ``source`` means the only one.

    Raises:
        InputError: no source is named and the store holds several.
        StoreError: the URL is wrong, the store cannot be reached, or there is no such source.
    """
    with open_store(url) as store:
        return store.snapshot(source)
