"""The text encoder of a model: one that the model's user named or confirmed, never one that a folder names alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...display import command_line
from ...errors import InputError, ModelError
from ...gnn.serving.state import ModelState
from ...gnn.text.encoder import TextEncoder
from ...gnn.text.weights import OWN_ENCODERS

_SAME = 0.99
"""Least cosine of a text's embedding with the one that it had at fit: another version of a library changes little."""


def confirm_encoder(state: ModelState, path: Path, given: str | None) -> ModelState:
    """The state of a model loaded from ``path`` whose user gave an encoder (None: none); InputError for a wrong one."""
    if given is None or (state.encoder_confirmed and given == state.encoder):
        return state
    if state.encoder_confirmed or given in OWN_ENCODERS:
        fitted = "without texts" if state.encoder is None else f"with the encoder {state.encoder!r}"
        raise InputError(f"The model {path} was fitted {fitted}, not with {given!r}; give that, or none.")
    if Path(given).resolve().is_relative_to(path.resolve()):
        raise InputError(
            f"The encoder {given!r} is inside the folder of the model {path}, and a model brings no code; copy it to a "
            "place of its own if you trust it."
        )
    return replace(state, encoder=given, encoder_confirmed=True)


def check_confirmed(state: ModelState) -> None:
    """Raise a ModelError where a model's encoder is named by its folder alone."""
    if not state.encoder_confirmed:
        name, quoted = repr(state.encoder), command_line(str(state.encoder))
        raise ModelError(
            f"The model names the text encoder {name}, which is not loaded before you confirm it: if you trust it, "
            f"give encoder={name} to Recommender.load, or --encoder {quoted} on the command line."
        )


def encoder_of(state: ModelState, cache: Path | None = None) -> TextEncoder | None:
    """The text encoder of a model, None without texts; ``cache`` is a file that keeps embeddings.

    Raises:
        ModelError: it is not confirmed, cannot be loaded, or is not the one that the model was fitted with.
    """
    if state.encoder is None:
        return None
    check_confirmed(state)
    encoder = TextEncoder(state.encoder, cache)
    if state.encoder not in OWN_ENCODERS:
        _check_same(state, encoder)
    return encoder


def _check_same(state: ModelState, encoder: TextEncoder) -> None:
    """Compare the embedding of one text with the one of fit time."""
    held = state.model.regressor.blocks.matrices.get("text")
    place = next((place for place, text in enumerate(state.graph.texts) if text), None)
    if not isinstance(held, np.ndarray) or place is None:
        return
    (found,) = encoder.encode([state.graph.texts[place]])
    if len(found) != held.shape[1] or float(found @ held[place]) < _SAME:
        raise ModelError(
            f"The encoder {encoder.name!r} is not the one that the model was fitted with: it gives other embeddings; "
            "load the model with that one."
        )
