"""A source's graph written into a store, guarded against a source that has lost most of its targets."""

from __future__ import annotations

from ...progress import CountProgress
from ..catalog.graph import CatalogGraph
from .report import RefreshReport
from .store import Store
from .write import WAIT_SECONDS, RefreshOptions, WriteBack

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
    """Make a source in the store equal a graph, as :meth:`Store.write` does, but with a guard.

    Args:
        store: the store.
        graph: the source as it is now.
        name: name of the source in the store; None for the graph's own.
        max_delete: largest share of the stored categories and products that may be removed, 0 to 1.
        wait: seconds to wait for another refresh of the same source.
        run_id: an id for this run; None generates one.
        progress: called with the rows written so far and the rows to write.
        write_back: writes more in the same transaction; what it raises is raised here.

    Raises:
        InputError: a name with other characters than ``a-z 0-9 _ -``, or a graph that no store can hold.
        GuardError: more would be deleted than ``max_delete``.
        StoreLockedError: the other refresh did not end in time.
        StoreError: the store went away, or refused. Nothing is changed in any of these cases.
    """
    return store.write(graph.with_source(name), run_id, options=RefreshOptions(max_delete, wait, progress, write_back))
