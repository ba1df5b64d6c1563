"""Targets and edges added to a fitted model: described and foreseen with everything as it was at fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ...arrays import Float32Array, FloatArray, IntArray
from ...errors import ModelError
from ...gnn.online.grow import grow
from ...gnn.online.relearn import update_targets_online
from ...gnn.propagation.features import Block, FeatureBlocks, FeatureKind, extend_blocks
from ...gnn.propagation.propagate import transform
from ...gnn.propagation.schema import FeatureSchema
from ...gnn.propagation.subgraph import Subgraph
from ...gnn.serving.state import ModelState
from ...gnn.text.encoder import TextEncoder
from ...gnn.utils import replace_keeping_cache
from ...graph import CatalogGraph
from ...graph.catalog.affected import with_descendants
from ...graph.catalog.extend import extend_graph, read_addition
from ...graph.frames import Table
from ...loaders.vectors import Vectors, read_more_vectors
from .clusters import cluster_addition


def add(
    state: ModelState,
    targets: Table | CatalogGraph | None,
    edges: Table | None,
    cache: Path | None,
    vectors: Vectors | None = None,
) -> ModelState:
    """Add to what was fitted; ``Recommender.add`` says more.

    Raises:
        InputError: a table cannot be used, there is nothing to add, or what is added does not fit the graph.
    """
    addition = cluster_addition(state, read_addition(state.graph, targets, edges), cache)
    extended = extend_graph(state.graph, addition)
    graph, before, touched = extended.graph, len(state.graph), extended.touched
    given = read_more_vectors(vectors, graph.ids, before, modalities(state.model.regressor.blocks))
    if touched[0] < before:  # else all is new, and what is below it is new too
        touched = with_descendants(graph, touched)
    wanted = np.setdiff1d(touched, state.model.regressor.seen)
    every = np.arange(len(graph))
    schema = state.schema.grown(graph)
    rows = described(state, graph, wanted, schema, np.where(every < before, every, -1), cache, given)
    model = grow(state.model, extend_blocks(state.model.regressor.blocks, rows, wanted), wanted, state.level_errors)
    bought, signed = (
        sp.csr_array((own.data, own.indices, own.indptr), shape=(own.shape[0], len(graph)))
        for own in (state.bought, state.signed)
    )
    same = ("typical_activity", "level_errors")  # nothing that is added changes them
    made = replace_keeping_cache(state, same, graph=graph, bought=bought, signed=signed, model=model, schema=schema)
    sold = np.intersect1d(wanted, state.event_log.target)
    if len(sold):  # since the fit, and learned again from the new prior
        exposure = state.event_log.exposure(state.window, len(graph))
        made = replace_keeping_cache(
            made, same, model=update_targets_online(model, made.buyers, state.event_log, exposure, sold)
        )
    return made


def modalities(blocks: FeatureBlocks) -> dict[str, FloatArray]:
    """The given vectors in phi: name -> float64 (n, d)."""
    return {name: np.asarray(block) for name, block in blocks.of({FeatureKind.MODALITY}).matrices.items()}


def described(
    state: ModelState,
    graph: CatalogGraph,
    targets: IntArray,
    schema: FeatureSchema,
    old: IntArray,
    cache: Path | None,
    vectors: Mapping[str, FloatArray] | None = None,
) -> dict[str, Block]:
    """Rows of phi for some targets of a graph that has become another one since the fit.

    Args:
        state: the model.
        graph: the catalog as it is now.
        targets: positions in it, ascending.
        schema: what the columns mean there.
        old: position in the model's graph of every target and group, -1 for new ones, int64 (n,).
        cache: file that keeps text embeddings.
        vectors: name -> vectors of new targets, float64 (n, d); those that are not given are zeros.

    Raises:
        ModelError: the encoder cannot be loaded or the cache cannot be used.
    """
    there = np.flatnonzero(old >= 0)
    same = [  # texts and names that are as they were, bool (n,)
        np.array(
            [before[i] == now[j] for i, j in zip(old[there].tolist(), there.tolist(), strict=True)], dtype=np.bool_
        )
        for before, now in ((state.graph.texts, graph.texts), (state.graph.names, graph.names))
    ]
    counted = np.zeros(len(graph), dtype=np.bool_)
    counted[there] = same[1] & (old[there] < schema.size)
    texts = names = None
    if schema.texts:
        nodes = Subgraph.above(graph, targets).nodes
        known = []
        for equal in same:
            known.append(np.full(len(graph), -1))
            known[-1][there[equal]] = old[there[equal]]
        texts = _encoded(state, "text", graph.texts.__getitem__, nodes, known[0], cache)
        if "name" in state.model.regressor.blocks.names:
            names = _encoded(state, "name", lambda node: graph.names[node].lower(), nodes, known[1], cache)
    rows = transform(graph, targets, schema, texts, names, counted=counted)
    stayed = old[targets] >= 0
    for name, held in modalities(state.model.regressor.blocks).items():
        fresh = (vectors or {}).get(name)
        own = np.zeros((len(targets), held.shape[1])) if fresh is None else fresh[targets]
        own[stayed] = held[old[targets[stayed]]]
        rows[name] = own
    return rows


def _encoded(
    state: ModelState, block: str, words: Callable[[int], str], nodes: IntArray, known: IntArray, cache: Path | None
) -> Float32Array:
    """Embeddings of some texts, those that the model holds read off it, float32 (n, d) with zeros in other rows."""
    held = state.model.regressor.blocks.matrices.get(block)
    fresh = nodes if held is None else nodes[known[nodes] < 0]
    rows = None
    if len(fresh):
        if state.encoder is None:
            raise ModelError("The model has texts but no encoder; fit it again.")
        rows = TextEncoder(state.encoder, cache).encode([words(node) for node in fresh.tolist()])
    width = held.shape[1] if held is not None else rows.shape[1] if rows is not None else 0
    found = np.zeros((len(known), width), dtype=np.float32)
    if rows is not None:
        found[fresh] = rows
    if held is not None:
        there = nodes[known[nodes] >= 0]
        found[there] = np.asarray(held)[known[there]]
    return found
