"""The result of a refresh: its figures, the guard against losing targets, seconds by phase."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ...errors import GuardError
from .diff import Changes


@dataclass(frozen=True)
class RefreshReport:
    """What a refresh has changed, or would change; a plan has an empty ``run_id``.

    Attributes:
        added: categories (groups included) and products that are new.
        changed: those whose content is another one than before.
        moved: those of which only the parents are others.
        edges_added: edges that are new, or have a new weight.
        edges_removed: edges that are gone, those of removed nodes included, or had another weight.
        stored: how many categories and products the store had before.
        phases: name of a phase -> seconds, in the order they ran.
    """

    source: str
    run_id: str
    graph_hash: str
    added: int
    changed: int
    moved: int
    removed: int
    edges_added: int
    edges_removed: int
    stored: int
    phases: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The sum of all phases."""
        return sum(self.phases.values())

    @property
    def counts(self) -> dict[str, int]:
        """The six counts by name."""
        return {name: getattr(self, name) for name in COUNTS}


COUNTS = ("added", "changed", "moved", "removed", "edges_added", "edges_removed")


def report_of(
    source: str, run_id: str, changes: Changes, graph_hash: str, phases: Mapping[str, float]
) -> RefreshReport:
    """Count changes."""
    return RefreshReport(
        source=source,
        run_id=run_id,
        graph_hash=graph_hash,
        **{name: len(getattr(changes, name)) for name in COUNTS[:4]},
        edges_added=sum(map(len, changes.new_edges.values())),
        edges_removed=sum(map(len, changes.old_edges.values())),
        stored=changes.stored,
        phases=phases,
    )


def check_removals(report: RefreshReport, limit: float) -> None:
    """Raise :class:`GuardError` where more than a share of the stored targets would be removed."""
    if report.removed > limit * report.stored:
        raise GuardError(
            f"Source {report.source!r} would lose {report.removed:,} of its {report.stored:,} categories and products "
            f"in the store ({report.removed / report.stored:.1%}), more than the limit of {limit:.1%}; nothing was "
            "changed: check the source, or raise the limit (--max-delete 100% allows everything)."
        )


class Clock:
    """Measures ``seconds`` by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Time what runs inside."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - started
