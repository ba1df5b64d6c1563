"""Predictions of a model for targets, as properties and edges of a source's nodes; no user is part of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import neo4j

from ...display import short_repr
from .connection import Database
from .cypher import (
    AWAIT_VECTOR_INDEX,
    CAN_INDEX_VECTORS,
    CREATE_SIMILAR,
    CREATE_VECTOR_INDEX,
    DELETE_SIMILAR,
    DROP_VECTOR_INDEX,
    FIND_VECTOR_INDEX,
    READ_EMBEDDINGS,
    VECTOR_INDEX,
    WRITE_PREDICTIONS,
)

_BATCH_NUMBERS: Final = 500_000
"""Numbers in one message, 9 bytes each; servers refuse a message beyond 16 MB."""
_BATCH_KEYS: Final = 5_000
_INDEX_SECONDS: Final = 600


@dataclass(frozen=True)
class TargetPrediction:
    """Predictions for one target or group; ``state`` is ``seen``, ``new`` or ``group``.

    ``embedding`` (unit vector) and ``confidence`` (0 to 1) are None for groups, ``buyers`` below 5; ``similar`` holds
    (key, score) of the nearest seen targets, the nearest first.
    """

    key: str
    state: str
    embedding: list[float] | None
    confidence: float | None
    buyers: int | None
    similar: Sequence[tuple[str, float]]

    __repr__ = short_repr


def write_predictions(tx: neo4j.Transaction, source: str, rows: Sequence[TargetPrediction], run_id: str | None) -> None:
    """Write predictions for some targets in place of earlier ones, with the source locked.

    A refresh (``run_id``, else None) is noted on the targets, with how far their embeddings moved.
    """
    before = {} if run_id is None else _embeddings(tx, [row.key for row in rows if row.embedding])
    width = 10 + max((len(row.embedding) for row in rows if row.embedding), default=0)
    for batch in _cut(rows, max(1, _BATCH_NUMBERS // width)):
        properties = [
            {
                "key": row.key,
                "properties": {
                    "state": row.state,
                    "embedding": row.embedding,
                    "confidence": row.confidence,
                    "buyers": row.buyers,
                    "embedding_run_id": run_id if row.embedding else None,
                    "embedding_shift": _shift(before.get(row.key), row.embedding),
                },
            }
            for row in batch
        ]
        tx.run(WRITE_PREDICTIONS, rows=properties).consume()
    for batch in _cut(rows, _BATCH_KEYS):
        tx.run(DELETE_SIMILAR, keys=[row.key for row in batch], source=source).consume()
    edges = [
        {"tail": row.key, "head": head, "score": score, "rank": rank}
        for row in rows
        for rank, (head, score) in enumerate(row.similar, start=1)
    ]
    for part in _cut(edges, _BATCH_KEYS):
        tx.run(CREATE_SIMILAR, rows=part).consume()


def _embeddings(tx: neo4j.Transaction, keys: Sequence[str]) -> Mapping[str, list[float]]:
    return {key: vector for part in _cut(keys, _BATCH_KEYS) for key, vector in tx.run(READ_EMBEDDINGS, keys=list(part))}


def _shift(before: list[float] | None, now: list[float] | None) -> float | None:
    """1 - cosine of two unit vectors; None where one is missing or they are of different models."""
    if before is None or now is None or len(before) != len(now):
        return None
    return max(0.0, 1.0 - sum(old * new for old, new in zip(before, now, strict=True)))


def _cut(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (rows[first : first + size] for first in range(0, len(rows), size))


def index_vectors(database: Database, dimensions: int) -> bool:
    """See :meth:`newaisle.graph.store.store.Store.index_vectors`."""
    if not database.execute(CAN_INDEX_VECTORS):
        return False
    found = database.execute(FIND_VECTOR_INDEX, name=VECTOR_INDEX)
    if found and found[0]["dimensions"] != dimensions:
        database.execute(DROP_VECTOR_INDEX)
    settings = {
        "vector.dimensions": dimensions,
        "vector.similarity_function": "cosine",
        "vector.quantization.enabled": False,
    }
    database.execute(CREATE_VECTOR_INDEX, options={"indexConfig": settings})
    database.execute(AWAIT_VECTOR_INDEX, name=VECTOR_INDEX, seconds=_INDEX_SECONDS)
    return True
