"""Text encoding by sentence-transformers, the same bits for a text whatever is encoded with it or was before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import Float32Array
from ...errors import InputError, ModelError
from ...progress import CountProgress
from ...sharing import Lock
from ..threads import surviving_threads
from ..utils import chunks
from .cache import EncodingCache
from .weights import PACKAGED, encoder_folder, encoder_identity, load_encoder

_ROWS = 8
"""Texts that go through the network together, always: fewer make some libraries add in another order."""
_BATCH = 64
"""Texts between two reports of progress."""
_TOKENIZED = 1024
"""Texts whose tokens are counted together."""

_using = Lock()
"""Tokenizers refuse to work for two threads at once."""


@dataclass(frozen=True)
class TextEncoder:
    """A sentence encoder by name: ``PACKAGED``, ``STATIC``, a local folder (also of model2vec), or a hub name."""

    name: str = PACKAGED
    cache: Path | None = None  # SQLite file of vectors, reused between runs; None for none

    def encode(self, texts: Sequence[str], progress: CountProgress | None = None) -> Float32Array:
        """Encode n texts as unit vectors, float32 (n, d); an empty text gives a zero vector.

        ``progress`` is called with (texts encoded, texts to encode) after every batch. A MissingExtraError if the
        packaged weights are not installed, a ModelError if the weights cannot be used, an InputError if all texts are
        empty. A cache that cannot be used is done without.
        """
        distinct = sorted({text for text in texts if text})
        if not distinct:
            raise InputError("There is no text to encode; give at least one target a text or drop the texts.")
        cache = None if self.cache is None else EncodingCache(self.cache)
        known = {} if cache is None else cache.read(self.identity, distinct)
        fresh = self._encode([text for text in distinct if text not in known], progress)
        if cache is not None and len({len(vector) for vector in (*known.values(), *fresh.values())}) > 1:
            cache.report("it holds vectors of another length than the encoder's")
            known, fresh = {}, self._encode(distinct, progress)
        elif cache is not None and fresh:
            cache.keep(self.identity, fresh)
        known |= fresh
        zero = np.zeros_like(known[distinct[0]])
        return np.stack([known[text] if text else zero for text in texts])

    @cached_property
    def identity(self) -> str:
        """What tells this encoder from others, in a cache: :func:`newaisle.gnn.text.weights.encoder_identity`."""
        return encoder_identity(self.name, self._folder)

    @cached_property
    def _folder(self) -> Path:
        return encoder_folder(self.name)

    @cached_property
    def _model(self) -> Any:
        return load_encoder(self.name, self._folder, self.identity)

    def _encode(self, texts: list[str], progress: CountProgress | None) -> dict[str, Float32Array]:
        """The vectors of different texts by text, each float32 (d,)."""
        found: dict[str, Float32Array] = {}
        if not texts:
            return found
        with _using, surviving_threads():
            for batch in _batches(self._model, texts):
                filled = [*batch, *batch[:1] * (-len(batch) % _ROWS)]
                vectors = self._model.encode(
                    filled, batch_size=_ROWS, normalize_embeddings=True, show_progress_bar=False
                )[: len(batch)]
                if not np.isfinite(vectors).all():
                    raise ModelError(
                        f"The encoder {self.name!r} gives numbers that are not finite: its weights are broken; use "
                        "another."
                    )
                found.update(zip(batch, np.asarray(vectors, dtype=np.float32), strict=True))
                if progress is not None:
                    progress(len(found), len(texts))
        return found


def _batches(model: Any, texts: list[str]) -> Iterator[list[str]]:
    """Texts of equally many tokens together: they need no padding, which would change bits and take time."""
    prompt = model.prompts.get(model.default_prompt_name)
    lengths: dict[str, int] = {}
    for part in chunks(len(texts), _TOKENIZED):
        mask = model.preprocess(texts[part], prompt=prompt).get("attention_mask")
        # without a mask, as of static encoders, nothing is padded
        counts = [0] * len(texts[part]) if mask is None else mask.sum(dim=1).tolist()
        lengths.update(zip(texts[part], counts, strict=True))
    for _, alike in groupby(sorted(texts, key=lambda text: (lengths[text], text)), lengths.__getitem__):
        group = list(alike)
        for part in chunks(len(group), _BATCH):
            yield group[part]
