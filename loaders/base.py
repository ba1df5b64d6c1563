"""The result of a loader, and helpers that loaders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ..graph import CatalogGraph, Interactions, NewaisleError
from .files.reading import FileReading
from .summary.findings import PACKAGED
from .summary.summarise import summarise
from .summary.summary import SourceSummary


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

    def summary(self, *, kinds: Mapping[str, float] | None = None, encoder: str | None = PACKAGED) -> SourceSummary:
        """What the source contains, how it was read, and what to look at first; ``print`` shows it as text.

        Args:
            kinds: kind of event -> weight, as for a :class:`newaisle.Recommender`.
            encoder: name of the text encoder that the language of the texts is compared with.
        """
        return summarise(self.graph, self.interactions, files=self.files, kinds=kinds, encoder=encoder)


@contextmanager
def located(where: object) -> Iterator[None]:
    """Put a file or folder in front of the message of any newaisle error raised inside."""
    try:
        yield
    except NewaisleError as error:
        raise type(error)(f"{where}: {error}") from error
