"""The texts of a catalog as embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...arrays import Float32Array
from ...display import short_repr
from ...graph import CatalogGraph
from ...progress import Progress, silent
from .encoder import TextEncoder

_PROGRESS = 512


@dataclass(frozen=True, eq=False)
class Encoded:
    """Embeddings of a catalog of n targets and groups."""

    texts: Float32Array | None = None  # (n, d), zero rows where there is none; None without an encoder or texts
    names: Float32Array | None = None  # (n, d); None where the texts are the names

    __repr__ = short_repr


def encode_catalog(
    graph: CatalogGraph, encoder: str | None, cache: Path | None, progress: Progress | None = None
) -> Encoded:
    """Encode the texts, and the names where the texts contain more; an ``encoder`` of None leaves texts out."""
    if encoder is None or not any(graph.texts):
        return Encoded()
    texts, names = graph.texts, [name.lower() for name in graph.names]
    further = any(text.lower() != name for text, name in zip(texts, names, strict=True))
    words: Sequence[str] = (*texts, *names) if further else texts
    report = progress or silent
    report(f"encoding {len(set(words)):,} texts and names" if further else f"encoding {len(set(words)):,} texts")

    reported = 0

    def count(done: int, of: int) -> None:
        nonlocal reported
        if done >= reported + _PROGRESS or done == of:
            reported = done
            report(f"encoded {done:,} of {of:,}")

    vectors = TextEncoder(encoder, cache).encode(words, count)
    return Encoded(vectors[: len(texts)], vectors[len(texts) :] if further else None)
