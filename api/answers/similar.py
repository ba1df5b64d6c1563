"""What a target is similar to, as a table."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ...gnn.retrieval.similarity import similarities
from ...gnn.serving.state import Among, ModelState
from ...graph import Id
from ...graph.frames import Table, to_frame
from .recommend import check_k
from .search import _named

SIMILAR_COLUMNS = ("target", "name", "similarity")


def similar(state: ModelState, target: Id, k: int, among: Among) -> Table:
    """What a target is like; ``Recommender.similar`` says more.

    Raises:
        InputError: ``k`` is below 1, or nothing else is among the targets meant.
        UnknownIdError: a target that was not there at fit.
    """
    check_k(k)
    position = state.graph.ids.position(target)
    others = state.choose(among).targets
    others = others[others != position]
    if not len(others):
        raise InputError(f"There is nothing to compare {target!r} with among {among!r}; ask among others.")
    alike = similarities(state.model.regressor, np.array([position]), others)[0]
    order = np.argsort(-alike, kind="stable")[:k]
    columns = (*_named(state, others[order]), alike[order])
    return to_frame(dict(zip(SIMILAR_COLUMNS, columns, strict=True)), state.backend)
