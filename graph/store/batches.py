"""Rows for ``UNWIND $rows``, cut into batches that a server takes in one message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .records import EdgeKey, NodeRecord

Row = Mapping[str, Any]

BATCH_ROWS = 5_000
BATCH_CHARACTERS = 2_000_000
"""At most four times as many bytes on the wire; servers refuse a message beyond 16 MB."""


def node_rows(records: Mapping[str, NodeRecord]) -> Iterator[Row]:
    """Nodes as rows with ``key``, ``properties`` and ``state``."""
    return ({"key": key, **record._asdict()} for key, record in records.items())


def edge_rows(edges: Mapping[EdgeKey, float]) -> Iterator[Row]:
    """Edges as rows with ``tail``, ``head`` and ``weight``."""
    return ({"tail": tail, "head": head, "weight": weight} for (tail, head), weight in edges.items())


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows into lists of at most ``BATCH_ROWS`` rows and, beyond a single row, ``BATCH_CHARACTERS`` of text."""
    batch: list[Row] = []
    characters = 0
    for row in rows:
        size = _characters(row)
        if batch and (len(batch) >= BATCH_ROWS or characters + size > BATCH_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(row)
        characters += size
    if batch:
        yield batch


def _characters(row: Row) -> int:
    return sum(
        len(value) if isinstance(value, str) else _characters(value) if isinstance(value, dict) else 10
        for value in row.values()
    )
