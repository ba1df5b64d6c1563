"""The targets most similar to one, as a table."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ...gnn.retrieval.similarity import similarities
from ...gnn.serving.candidates import Among
from ...gnn.serving.state import ModelState
from ...graph import Id
from ...graph.frames import Table
from .table import check_k, target_table

SIMILAR_COLUMNS = ("target", "name", "similarity")


def similar(state: ModelState, target: Id, k: int, among: Among) -> Table:
    """The targets most similar to one as a table with ``SIMILAR_COLUMNS``, the nearest first."""
    check_k(k)
    position = state.graph.ids.position(target)
    others = state.choose(among).targets
    others = others[others != position]
    if not len(others):
        raise InputError(f"There is nothing to compare {target!r} with among {among!r}; choose among others.")
    alike = similarities(state.model.regressor, np.array([position]), others)[0]
    order = np.argsort(-alike, kind="stable")[:k]
    return target_table(state, SIMILAR_COLUMNS, others[order], similarity=alike[order])
