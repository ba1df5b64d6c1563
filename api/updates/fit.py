"""Fit and refit: a catalog and its sales become the state of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...gnn.propagation.propagate import fit_transform
from ...gnn.serving.state import ModelState
from ...gnn.text.catalog import encode_catalog
from ...gnn.text.clusters import cluster_catalog
from ...gnn.training.fit import fit_model
from ...graph import CatalogGraph, Interactions
from ...graph.event_weights import WeightedHistory
from ...graph.groups import with_groups
from ...loaders.vectors import Vectors, read_vectors
from ...progress import Progress
from ..config import Config
from .report import warn_of_history


def fit(
    graph: CatalogGraph,
    history: Interactions,
    config: Config,
    cache: Path | None,
    vectors: Vectors | None,
    progress: Progress | None,
) -> ModelState:
    """Learn everything from a catalog and its sales (:meth:`Recommender.fit`)."""
    graph = with_groups(graph, history)
    given = read_vectors(vectors, graph.ids)
    sales = WeightedHistory.of(history, graph, config.kinds)
    warn_of_history(graph, sales)
    encoded = encode_catalog(graph, config.encoder, cache, progress)
    graph, clusters = cluster_catalog(graph, encoded, config.relations, config.min_similarity)
    blocks, schema = fit_transform(graph, encoded.texts, encoded.names, given)
    model = fit_model(
        graph, sales.bought, blocks, seed=config.seed, settings=config.settings, progress=progress, signed=sales.signed
    )
    return ModelState.from_fit(sales, graph, model, schema, encoder=config.encoder, seed=config.seed, clusters=clusters)


def refit(state: ModelState, history: Interactions, config: Config, progress: Progress | None) -> ModelState:
    """Learn from a new history with the same features and settings (:meth:`Recommender.refit`)."""
    sales = WeightedHistory.of(history, state.graph, config.kinds)
    warn_of_history(state.graph, sales)
    model = fit_model(
        state.graph,
        sales.bought,
        state.model.regressor.blocks,
        seed=config.seed,
        settings=state.model.settings,
        progress=progress,
        signed=sales.signed,
    )
    fitted = ModelState.from_fit(
        sales, state.graph, model, state.schema, encoder=state.encoder, seed=state.seed, clusters=state.clusters
    )
    return replace(fitted, encoder_confirmed=state.encoder_confirmed)
