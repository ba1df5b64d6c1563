"""A static text encoder, distilled from a sentence encoder: one vector per token, no network at inference.

As Model2Vec does (Tulkens and van Dongen 2024, "Model2Vec: Fast State-of-the-Art Static Embeddings"): every token is
encoded by itself, reduced to principal components and weighted by its rarity. A text is the mean of its tokens'
vectors.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from ...arrays import Float32Array, FloatArray, IntArray
from ...errors import ModelError
from ..utils import chunks

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DIMENSIONS = 256
"""Principal components."""

_SIF = 1e-4
"""Smooth inverse frequency (Arora, Liang and Ma 2017, section 3): a token of probability p weighs a / (a + p)."""

_MODULES = [{"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}]
"""Makes sentence-transformers load a folder in the format of model2vec."""

_BATCH = 512
_NO_WORD = re.compile(r"\[.+\]")
"""Special and unused tokens of the vocabulary."""


def distilled(folder: Path, load: Callable[[], SentenceTransformer]) -> Path:
    """The folder of a static encoder, distilled first if it does not exist, atomically."""
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder.parent) as temporary:
            distil(load(), whole := Path(temporary) / "encoder")
            whole.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # else another process was faster
            raise ModelError(
                f"The static encoder cannot be written to {folder} ({error.strerror or error}); set NEWAISLE_HOME to a "
                "folder that can be."
            ) from error
    return folder


def distil(model: SentenceTransformer, folder: Path) -> None:
    """Write the static counterpart of an encoder with a WordPiece vocabulary to a new or empty folder."""
    vocabulary = model.tokenizer.get_vocab()
    words = sorted((token for token in vocabulary if not _NO_WORD.fullmatch(token)), key=vocabulary.__getitem__)
    rows = np.array([vocabulary[word] for word in words])
    table = np.zeros((max(vocabulary.values()) + 1, DIMENSIONS), dtype=np.float32)
    table[rows] = principal(_encode_tokens(model, rows)) * weights(len(words))[:, None]
    folder.mkdir(exist_ok=True)
    save_file({"embeddings": table.astype(np.float16)}, folder / "model.safetensors")
    model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "modules.json").write_text(json.dumps(_MODULES), encoding="utf-8")


def weights(count: int) -> FloatArray:
    """Smooth inverse frequency of the tokens of a vocabulary, the most frequent first, float64 (count,).

    Probabilities are taken to fall as 1 / rank (Zipf's law); ranks start at 2, as in Model2Vec.
    """
    inverse = 1.0 / np.arange(2, count + 2)
    return np.asarray(_SIF / (_SIF + inverse / inverse.sum()))


def principal(vectors: Float32Array) -> FloatArray:
    """The first ``DIMENSIONS`` principal components of n vectors, float64 (n, DIMENSIONS); zero where there are fewer.

    The largest entry of each is positive, so that it is the same wherever it is computed.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :DIMENSIONS]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found = np.zeros((len(vectors), DIMENSIONS))
    found[:, : axes.shape[1]] = centred @ axes
    return found


def _encode_tokens(model: SentenceTransformer, tokens: IntArray) -> Float32Array:
    """Embeddings of single tokens between the start and end tokens, float32 (tokens, d)."""
    import torch

    first, last = model.tokenizer.cls_token_id, model.tokenizer.sep_token_id
    parts = []
    with torch.inference_mode():
        for part in chunks(len(tokens), _BATCH):
            ids = torch.tensor([[first, token, last] for token in tokens[part].tolist()])
            parts.append(model({"input_ids": ids, "attention_mask": torch.ones_like(ids)})["sentence_embedding"])
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)
