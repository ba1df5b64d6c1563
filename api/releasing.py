"""User vectors for others to keep, with noise that bounds what they tell of the user."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import FloatArray
from ..gnn.model.cosine_softmax import user_embeddings
from ..gnn.retrieval.privacy import release_vectors
from ..gnn.serving.state import Fitted
from ..graph import Id
from .users import ask


def release(fitted: Fitted, users: Id | Sequence[Id], epsilon: float, delta: float, seed: int | None) -> FloatArray:
    """Noisy unit vectors of users; ``Recommender.release`` says more.

    Raises:
        InputError: no or a repeated user, or epsilon or delta out of its range.
        UnknownIdError: a user whom the model does not know.
    """
    known = user_embeddings(ask(fitted, users, once=True).vectors)[:, :-1]  # the last coordinate is 0 for everybody
    noisy = release_vectors(known, epsilon, delta, np.random.default_rng(seed))
    return np.column_stack([noisy, np.zeros(len(noisy))])
