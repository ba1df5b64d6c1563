"""A source's graph brought into a store, guarded against a source that has lost most of itself."""

from __future__ import annotations

from dataclasses import replace

from ...progress import CountProgress
from ..catalog.graph import CatalogGraph
from ..catalog.schema import check_source_name
from .report import RefreshReport
from .store import WAIT_SECONDS, Store
from .write import WriteBack

MAX_DELETE = 0.05


def refresh(
    store: Store,
    graph: CatalogGraph,
    name: str | None = None,
    *,
    max_delete: float = MAX_DELETE,
    wait: float = WAIT_SECONDS,
    run_id: str | None = None,
    progress: CountProgress | None = None,
    write_back: WriteBack | None = None,
) -> RefreshReport:
    """Make a source in the store equal a graph; see :meth:`Store.write`.

    Args:
        store: the store.
        graph: what the source says now.
        name: name of the source in the store; None for the graph's own.
        max_delete: largest share of the stored categories and products that may go, 0 to 1.
        wait: seconds to wait for somebody else's refresh of the same source.
        run_id: an id for this run; None makes one up.
        progress: called with the rows written so far and the rows to write.
        write_back: writes more in the same transaction; what it raises is raised here.

    Raises:
        InputError: a name with other characters than ``a-z 0-9 _ -``, or a graph that no store can hold.
        GuardError: more would be deleted than ``max_delete``.
        StoreLockedError: the other refresh did not end in time.
        StoreError: the store went away, or refused. Nothing is changed in any of these cases.
    """
    return store.write(
        named(graph, name), run_id, max_delete=max_delete, wait=wait, progress=progress, write_back=write_back
    )


def named(graph: CatalogGraph, name: str | None) -> CatalogGraph:
    """The same graph as another source.

    Raises:
        InputError: a name with other characters than ``a-z 0-9 _ -``.
    """
    if name is None or name == graph.source:
        return graph
    check_source_name(name)
    return replace(graph, source=name)
