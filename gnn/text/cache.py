"""Embeddings kept on disk between runs: a help that may fail without harm."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...arrays import Float32Array

_PATIENCE = 5.0
"""Seconds to wait for another process that writes."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS encoding (model TEXT, text BLOB, vector BLOB, PRIMARY KEY (model, text)) WITHOUT ROWID"
)
_log = logging.getLogger(__name__)
_reported: set[Path] = set()


@dataclass(frozen=True)
class EncodingCache:
    """A SQLite file of vectors by encoder and hash of the text, made when something is first kept.

    A file that cannot be used is left alone: nothing is found in it and nothing kept, and a log line says so, once per
    file and process.
    """

    path: Path

    def read(self, encoder: str, texts: Iterable[str]) -> dict[str, Float32Array]:
        """The vectors that are known: text -> float32 (d,), all of one length."""
        found: dict[str, Float32Array] = {}
        if not self.path.exists():
            return found
        try:
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", _PATIENCE, uri=True)) as database:
                for text in texts:
                    row = database.execute(
                        "SELECT vector FROM encoding WHERE model = ? AND text = ?", (encoder, _digest(text))
                    ).fetchone()
                    if row:
                        found[text] = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
        except (OSError, sqlite3.Error, TypeError, ValueError) as error:
            self.report(error)
            return {}
        if len({len(vector) for vector in found.values()}) > 1:
            self.report("it holds vectors of several lengths")
            return {}
        return found

    def keep(self, encoder: str, vectors: Mapping[str, Float32Array]) -> None:
        """Add vectors, text -> float32 (d,); all of them or none."""
        rows = [(encoder, _digest(text), vector.astype("<f4").tobytes()) for text, vector in vectors.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, _PATIENCE)) as database, database:
                database.execute(_TABLE)
                database.executemany("INSERT OR REPLACE INTO encoding VALUES (?, ?, ?)", rows)
        except (OSError, sqlite3.Error) as error:
            self.report(error)

    def report(self, reason: object) -> None:
        """Log that the file cannot be used."""
        if self.path not in _reported:
            _reported.add(self.path)
            _log.warning(
                "The encoding cache %s cannot be used (%s), so texts are encoded anew each time; delete it or make it "
                "writable, or set NEWAISLE_HOME to another folder.",
                self.path,
                reason,
            )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
