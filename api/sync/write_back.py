"""A model's predictions of a graph's targets, written into the store: embeddings, confidence, nearest seen targets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...errors import ModelError
from ...gnn.model.cosine_softmax import target_embeddings
from ...gnn.model.model import LatentFactorModel
from ...gnn.online.relearn import TrainingBuyers, update_targets_online
from ...gnn.retrieval.similarity import similarities
from ...gnn.serving.state import ModelState
from ...gnn.utils import chunks
from ...graph import CatalogGraph, RefreshContext, Relation, Store
from ...graph.catalog.affected import changed_between, touched_by, with_descendants
from ...graph.store.predictions import TargetPrediction, write_predictions
from ...graph.store.source_state import SourceState
from ..updates.clusters import cluster_again
from ..updates.predict import predict_targets

LEAST_BUYERS = 5
"""A target with fewer buyers is written as if it had none: neither their number nor its update leaves the model."""

_NEAREST = 5
_CHUNK = 500


@dataclass(frozen=True, eq=False)
class StoreView:
    """A model's view of a graph of n targets and groups, which may have changed since the fit.

    Attributes:
        graph: with the clusters of the model where it has any.
        model: with what the graph has more or otherwise behind its own targets.
        place: position in the model of every target and group of the graph, int64 (n,).
    """

    state: ModelState
    graph: CatalogGraph
    model: LatentFactorModel
    place: IntArray

    __repr__ = short_repr

    @classmethod
    def of(cls, state: ModelState, graph: CatalogGraph, cache: Path | None) -> StoreView:
        """Predict what differs from the model's graph, with everything frozen at fit; seen targets stay as they are."""
        known, size = state.graph, len(state.graph)
        graph = cluster_again(state, graph, cache)
        old = known.ids.find(graph.ids)
        if not np.isin(state.model.regressor.seen, old).any():
            raise ModelError(
                f"The model was fitted to another catalog ({known.source!r}): none of its sold targets is in "
                f"{graph.source!r}; fit one to this catalog."
            )
        if known.with_source(graph.source).content_hash == graph.content_hash:
            return cls(state, graph, state.model, old)
        other = with_descendants(graph, changed_between(known, graph))
        other = other[~np.isin(old[other], state.model.regressor.seen)]
        model, behind = state.model, size + np.arange(len(other))
        if len(other):
            schema = state.schema.moved(known, graph).grown(graph)
            model = predict_targets(state, graph, other, behind, schema, old, cache)
            model = _learned(state, model, old[other], behind)
        place = old.copy()
        place[other] = behind
        return cls(state, graph, model, place)

    @cached_property
    def buyers(self) -> IntArray:
        """How many users bought each target, int64 (n,); 0 for what the model does not know."""
        own, signed, size = self.state.event_log, self.state.signed, len(self.state.graph)
        held = np.repeat(np.arange(signed.shape[0]), np.diff(signed.indptr)) * size + signed.indices
        pairs = np.union1d(held[signed.data > 0], (own.user * size + own.target)[own.liked])
        pairs = np.setdiff1d(pairs, held[signed.data < 0], assume_unique=True)
        count = np.bincount(pairs % size, minlength=size)
        old = self.state.graph.ids.find(self.graph.ids)
        return np.where(old >= 0, count[old], 0)

    def rows(self, targets: IntArray) -> list[TargetPrediction]:
        """The predictions of some targets and groups of the graph."""
        model, place, graph = self.model, self.place[targets], self.graph
        few = self.buyers[targets] < LEAST_BUYERS
        vectors = np.where(few[:, None], model.prior.mean[place], model.vectors[place])
        embeddings = target_embeddings(np.column_stack([vectors, model.offset[place]]), model.longest)
        confidence = np.exp(-model.popularity_error[place] * np.where(few, 1.0, model.prior_share[place]))
        seen = np.isin(place, model.regressor.seen)
        found: list[TargetPrediction] = []
        for part in chunks(len(targets), _CHUNK):
            for row, similar in zip(range(part.start, part.stop), self._nearest(place[part]), strict=True):
                target, group = int(targets[row]), bool(graph.is_group[targets[row]])
                found.append(
                    TargetPrediction(
                        key=graph.keys[target],
                        state="group" if group else "seen" if seen[row] else "new",
                        embedding=None if group else embeddings[row].tolist(),
                        confidence=None if group else float(confidence[row]),
                        buyers=None if few[row] or group else int(self.buyers[target]),
                        similar=() if group else similar,
                    )
                )
        return found

    @cached_property
    def _seen(self) -> tuple[IntArray, tuple[str, ...]]:
        """Seen targets that the graph has: positions in the model, ascending, and store keys."""
        where = np.flatnonzero(np.isin(self.place, self.model.regressor.seen) & ~self.graph.is_group)
        where = where[np.argsort(self.place[where])]
        return self.place[where], tuple(self.graph.keys[i] for i in where.tolist())

    def _nearest(self, place: IntArray) -> list[list[tuple[str, float]]]:
        """The nearest seen targets of some positions in the model, as (key, score)."""
        seen, keys = self._seen
        near: FloatArray = similarities(self.model.regressor, place, seen)
        near[place[:, None] == seen[None, :]] = -1.0
        order = np.argsort(-near, axis=1, kind="stable")[:, :_NEAREST]
        return [
            [(keys[at], float(near[row, at])) for at in own if near[row, at] >= 0.0]
            for row, own in enumerate(order.tolist())
        ]

    def write_back(self, tx: neo4j.Transaction, written: RefreshContext) -> Mapping[str, Any]:
        """Write within a refresh what it changed, or everything where another model has written before."""
        own = model_hash(self.state)
        targets = self._touched(written) if written.model_hash == own else np.arange(len(self.graph))
        write_predictions(tx, written.source, self.rows(targets), written.run_id)
        return {"model_hash": own}

    def _touched(self, written: RefreshContext) -> IntArray:
        """What a refresh changed, and what has other features for it."""
        changes, graph = written.changes, self.graph
        keys = {*changes.added, *changes.changed, *changes.moved}
        for edges in (changes.new_edges, changes.old_edges):
            for relation, pairs in edges.items():
                if relation is not Relation.ATTRIBUTE_CHILD_OF:
                    keys |= {end for pair in pairs for end in pair}
        inside = [*changes.new_edges[Relation.ATTRIBUTE_CHILD_OF], *changes.old_edges[Relation.ATTRIBUTE_CHILD_OF]]
        return with_descendants(graph, touched_by(graph, keys, {tail for tail, _ in inside}))


def _learned(state: ModelState, model: LatentFactorModel, old: IntArray, behind: IntArray) -> LatentFactorModel:
    """The model with what was observed of targets since the fit learned from their new priors."""
    known = old >= 0
    where = np.arange(len(state.graph))
    where[old[known]] = behind[known]
    own = state.event_log.where(np.isin(state.event_log.target, old[known]))
    if not len(own):
        return model
    own = replace(own, target=where[own.target])
    exposure = np.zeros(len(model.vectors))
    exposure[where] = state.event_log.exposure(state.window, len(where))
    at_fit = state.signed.tocoo()
    here = np.isin(at_fit.col, old[known])  # none of these had a buyer at fit, but dislikes perhaps
    pairs = (at_fit.data[here], (at_fit.row[here], where[at_fit.col[here]]))
    disliked = sp.csc_array(pairs, shape=(len(state.users), len(model.vectors)))
    return update_targets_online(model, TrainingBuyers(disliked, model.factors), own, exposure, np.unique(own.target))


def model_hash(state: ModelState) -> str:
    """SHA-256 (hex) of everything that predictions of targets depend on; no user is part of it."""
    model = state.model
    digest = hashlib.sha256(repr((state.graph.content_hash, state.encoder, model.longest)).encode())
    digest.update(repr(model.settings).encode())
    digest.update(model.regressor.blocks.fingerprint.encode())
    for array in (
        model.prior.mean,
        model.prior.variance,
        model.popularity,
        model.vectors,
        model.prior_share,
        model.popularity_error,
        model.regressor.seen,
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def push(state: ModelState, store: Store, name: str | None, cache: Path | None) -> None:
    """Write the predictions of all targets into a store (:meth:`Recommender.push`)."""
    source, own = name or state.graph.source, model_hash(state)
    graph = state.graph.with_source(source)
    head = store.source_state(source)
    if head.graph_hash != graph.content_hash and head.model_hash == own:
        graph = store.snapshot(source)  # refreshed with this model since
    rows = StoreView.of(state, graph, cache).rows(np.arange(len(graph)))

    def work(tx: neo4j.Transaction, head: SourceState) -> dict[str, Any]:
        if head.graph_hash != graph.content_hash:
            raise ModelError(
                f"The graph of source {source!r} in the store is not the one that the model knows; refresh it with "
                "newaisle refresh --model, or fit a model to it."
            )
        write_predictions(tx, source, rows, None)
        return {"model_hash": own}

    store.annotate(source, work)
