"""Features and predictions of targets that were not there, or not so, when the model was fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ...arrays import BoolArray, Float32Array, FloatArray, IntArray
from ...errors import ModelError
from ...gnn.model.model import LatentFactorModel
from ...gnn.online.grow import grow
from ...gnn.propagation.features import Block, FeatureBlocks, FeatureKind, extend_blocks
from ...gnn.propagation.propagate import transform
from ...gnn.propagation.schema import FeatureSchema
from ...gnn.propagation.subgraph import Subgraph
from ...gnn.serving.state import ModelState
from ...graph import CatalogGraph
from .encoding import encoder_of


def predict_targets(
    state: ModelState,
    graph: CatalogGraph,
    targets: IntArray,
    places: IntArray,
    schema: FeatureSchema,
    old: IntArray,
    cache: Path | None,
    vectors: Mapping[str, FloatArray] | None = None,
) -> LatentFactorModel:
    """The model with features and priors of some targets of a graph that has changed since the fit.

    Args:
        state: the fitted model.
        graph: the catalog as it is now, n targets and groups.
        targets: positions in it, ascending.
        places: their positions in the returned model: those of known targets are replaced, the others follow.
        schema: what the columns mean in this graph.
        old: position in the model's graph, -1 for new ones, int64 (n,).
        cache: file that keeps text embeddings.
        vectors: name -> vectors of new targets, float64 (n, d); zeros where not given.
    """
    rows = _features(state, graph, targets, schema, old, cache, vectors or {})
    blocks = extend_blocks(state.model.regressor.blocks, rows, places)
    return grow(state.model, blocks, places, state.level_errors)


def modalities(blocks: FeatureBlocks) -> dict[str, FloatArray]:
    """The given vectors among the features: name -> float64 (n, d)."""
    return {name: np.asarray(block) for name, block in blocks.of({FeatureKind.MODALITY}).matrices.items()}


def _features(
    state: ModelState,
    graph: CatalogGraph,
    targets: IntArray,
    schema: FeatureSchema,
    old: IntArray,
    cache: Path | None,
    vectors: Mapping[str, FloatArray],
) -> dict[str, Block]:
    known = np.flatnonzero(old >= 0)
    same_text, same_name = (
        _unchanged(before, now, known, old)
        for before, now in ((state.graph.texts, graph.texts), (state.graph.names, graph.names))
    )
    texts = names = None
    if schema.texts:
        nodes = Subgraph.above(graph, targets).nodes
        texts = _encode(state, "text", graph.texts.__getitem__, nodes, np.where(same_text, old, -1), cache)
        if "name" in state.model.regressor.blocks.names:
            at = np.where(same_name, old, -1)
            names = _encode(state, "name", lambda node: graph.names[node].lower(), nodes, at, cache)
    rows = transform(graph, targets, schema, texts, names, counted=same_name & (old < schema.size))
    stayed = old[targets] >= 0
    for name, held in modalities(state.model.regressor.blocks).items():
        own = vectors[name][targets] if name in vectors else np.zeros((len(targets), held.shape[1]))
        own[stayed] = held[old[targets[stayed]]]
        rows[name] = own
    return rows


def _unchanged(before: tuple[str, ...], now: tuple[str, ...], known: IntArray, old: IntArray) -> BoolArray:
    """Which targets were known and have the same text or name as then, bool (n,)."""
    same = np.zeros(len(old), dtype=np.bool_)
    same[known] = [before[i] == now[j] for i, j in zip(old[known].tolist(), known.tolist(), strict=True)]
    return same


def _encode(
    state: ModelState, block: str, words: Callable[[int], str], nodes: IntArray, known: IntArray, cache: Path | None
) -> Float32Array:
    """Embeddings of the texts of some nodes, float32 (n, d), else zeros; ``known`` is the row in the block or -1."""
    held = state.model.regressor.blocks.matrices.get(block)
    fresh = nodes if held is None else nodes[known[nodes] < 0]
    rows = None
    if len(fresh):
        encoder = encoder_of(state, cache)
        if encoder is None:
            raise ModelError("The model has texts but no encoder; fit it again.")
        rows = encoder.encode([words(node) for node in fresh.tolist()])
    width = held.shape[1] if held is not None else rows.shape[1] if rows is not None else 0
    found = np.zeros((len(known), width), dtype=np.float32)
    if rows is not None:
        found[fresh] = rows
    if held is not None:
        there = nodes[known[nodes] >= 0]
        found[there] = np.asarray(held)[known[there]]
    return found
