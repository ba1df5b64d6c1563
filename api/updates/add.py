"""Targets and edges added to a fitted model, with everything as it was at fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ...gnn.online.relearn import update_targets_online
from ...gnn.serving.state import ModelState
from ...gnn.utils import replace_keeping_cache
from ...graph import CatalogGraph
from ...graph.catalog.affected import with_descendants
from ...graph.catalog.extend import extend_graph, read_addition
from ...graph.frames import Table
from ...loaders.vectors import Vectors, read_more_vectors
from .clusters import cluster_addition
from .predict import modalities, predict_targets

_UNAFFECTED = ("typical_activity", "level_errors")
"""What is derived from a state and no addition changes."""


def add(
    state: ModelState,
    targets: Table | CatalogGraph | None,
    edges: Table | None,
    cache: Path | None,
    vectors: Vectors | None = None,
) -> ModelState:
    """The state with more targets or edges (:meth:`Recommender.add`)."""
    addition = cluster_addition(state, read_addition(state.graph, targets, edges), cache)
    extended = extend_graph(state.graph, addition)
    graph, before, touched = extended.graph, len(state.graph), extended.touched
    given = read_more_vectors(vectors, graph.ids, before, modalities(state.model.regressor.blocks))
    if touched[0] < before:  # else all is new, and what is below it is new too
        touched = with_descendants(graph, touched)
    wanted = np.setdiff1d(touched, state.model.regressor.seen)
    positions = np.arange(len(graph))
    schema, old = state.schema.grown(graph), np.where(positions < before, positions, -1)
    model = predict_targets(state, graph, wanted, wanted, schema, old, cache, given)
    bought, signed = (
        sp.csr_array((own.data, own.indices, own.indptr), shape=(own.shape[0], len(graph)))
        for own in (state.bought, state.signed)
    )
    added = replace_keeping_cache(
        state, _UNAFFECTED, graph=graph, bought=bought, signed=signed, model=model, schema=schema
    )
    sold = np.intersect1d(wanted, state.event_log.target)
    if not len(sold):
        return added
    exposure = state.event_log.exposure(state.window, len(graph))  # learned again from the new prior
    model = update_targets_online(model, added.buyers, state.event_log, exposure, sold)
    return replace_keeping_cache(added, _UNAFFECTED, model=model)
