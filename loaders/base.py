"""The result of a loader, and helpers that loaders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..graph import CatalogGraph, Interactions, NewaisleError
from .files.reading import FileReading


@dataclass(frozen=True)
class LoadedSource:
    """A loaded source; ``interactions`` are on its targets, None where the source has none.

    ``as_of``, if any, returns the catalog as it was before a date (ISO 8601), its features computed from nothing later.
    ``files`` says how its files of tables were read.
    """

    graph: CatalogGraph
    interactions: Interactions | None = None
    as_of: Callable[[str], CatalogGraph] | None = None
    files: tuple[FileReading, ...] = ()

    def describe(self) -> str:
        """One line of counts for people."""
        graph, events = self.graph, self.interactions
        groups = int(graph.is_group.sum())
        counts = {
            "targets": len(graph) - groups,
            "groups": groups,
            "attributes": len(graph.attributes),
            "edges": sum(map(len, graph.edges.values())),
        }
        if events is not None:
            counts |= {"users": len(events.users), "events": len(events)}
        return ", ".join(f"{count:,} {what}" for what, count in counts.items())


@contextmanager
def located(where: object) -> Iterator[None]:
    """Put a file or folder in front of the message of any newaisle error raised inside."""
    try:
        yield
    except NewaisleError as error:
        raise type(error)(f"{where}: {error}") from error
