"""Message passing over the typed relations: what a target's texts, numbers, ancestors and attributes say of it.

Every general node (an attribute, a category with others below it) carries a fixed identity vector. Identity vectors
travel down the typed edges with PyTorch Geometric, one hop at a time, weakened by every further hop, and meet at the
targets: two targets resemble each other in a relation as far as they received the same messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, Float32Array, FloatArray, IntArray
from ...errors import InputError
from ...graph import CatalogGraph
from .features import Block, FeatureBlocks, FeatureKind
from .relations import ancestors, attribute, likeness_to_parents, mix, named, number_of_values, parent_texts
from .schema import AttributeVocabulary, FeatureSchema, StandardScaler
from .subgraph import Subgraph

_OWN = frozenset({"text", "name", "parent text", "ancestors", "place"})
"""Blocks that are called the same in every catalog."""


def propagate(
    graph: CatalogGraph,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    vectors: Mapping[str, FloatArray] | None = None,
) -> FeatureBlocks:
    """Compute phi for all targets and groups of a catalog.

    Args:
        graph: the catalog, n targets and groups.
        texts: text embeddings, float32 (n, d), zero rows where there is no text; None without texts.
        names: embeddings of the names alone, float32 (n, d); None where the texts say no more than the names.
        vectors: further modalities: name -> unit vectors, float64 (n, d), zero rows where there is none.

    Returns:
        The blocks ``text``, ``name``, ``parent text``, ``ancestors`` and ``place``, for every attribute name the
        identities of its values, their number (``NAME count``) and how evenly they share the target (``NAME mix``),
        one per feature and
        one per modality; blocks in which all targets are alike are left out.

    Raises:
        InputError: embeddings of another shape, or not all finite; a modality with the name of another block.
    """
    return fit_transform(graph, texts, names, vectors)[0]


def fit_transform(
    graph: CatalogGraph,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    vectors: Mapping[str, FloatArray] | None = None,
) -> tuple[FeatureBlocks, FeatureSchema]:
    """Compute phi as :func:`propagate` does, and keep what describes targets that come later alike."""
    given = vectors or {}
    for what, rows in (("texts", texts), ("names", names), *given.items()):
        if rows is not None:
            _check(graph, what, rows)
    schema = _plan(graph, texts)
    found, schema = _describe(Subgraph.whole(graph), texts, names, schema)
    if taken := sorted(given.keys() & (found.keys() | _OWN)):
        raise InputError(
            f"The vectors {taken[0]!r} are called as a block of the catalog {graph.source!r} is already; give them "
            "another name."
        )
    found |= {name: (FeatureKind.MODALITY, rows) for name, rows in given.items()}
    blocks = {name: block for name, (_, block) in found.items() if _varies(block)}
    return FeatureBlocks(blocks, {name: found[name][0] for name in blocks}), schema


def transform(
    graph: CatalogGraph,
    targets: IntArray,
    schema: FeatureSchema,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    *,
    counted: BoolArray | None = None,
) -> dict[str, Block]:
    """Compute phi for some targets with everything frozen that :func:`fit_transform` took from all.

    Args:
        graph: the catalog as it is now, n targets and groups.
        targets: positions of t of them, ascending.
        schema: from the fit, with columns for what is new (:meth:`FeatureSchema.grown`).
        texts: text embeddings, float32 (n, d); only the rows of the targets and of their ancestors are read.
        names: embeddings of the names, likewise.
        counted: who was there at fit under the name it has, bool (n,); None for the first ``schema.size``.

    Returns:
        name of the block -> (t, d), those in which all targets were alike at fit included, modalities not.
    """
    view = Subgraph.above(graph, targets)
    texts, names = (part if part is None else part[view.nodes] for part in (texts, names))
    there = np.arange(len(graph)) < schema.size if counted is None else counted
    found, _ = _describe(view, texts, names, schema, there[view.nodes])
    rows = view.place[targets]
    return {name: block[rows] for name, (_, block) in found.items()}


def _plan(graph: CatalogGraph, texts: Float32Array | None) -> FeatureSchema:
    """The columns of phi, before anything is computed."""
    taken = set(_OWN)
    relations: dict[str, str] = {}
    values: dict[str, list[int]] = {}
    for position, own in enumerate(graph.attributes):
        values.setdefault(own.name, []).append(position)
    for name in sorted(values):
        block = f"{name} (attribute)" if name in taken else name
        taken |= {block, f"{block} count", f"{block} mix"}
        relations[name] = block
    return FeatureSchema(
        size=len(graph),
        shared=FeatureSchema.shared_names(graph, len(graph)),
        texts=texts is not None and bool(np.any(texts)),
        general=np.unique(graph.parents.indices).astype(np.int64) if graph.parents.nnz else None,
        values={name: AttributeVocabulary(np.array(own), np.empty(0)) for name, own in values.items()},
        relations=relations,
        features={name: f"{name} (feature)" if name in taken else name for name in graph.features},
    )


def _describe(
    view: Subgraph,
    texts: Float32Array | None,
    names: Float32Array | None,
    schema: FeatureSchema,
    counted: BoolArray | None = None,
) -> tuple[dict[str, tuple[FeatureKind, Block]], FeatureSchema]:
    """All blocks of a view, and what they take from it: where ``counted`` is None, scales and rarities are its own."""
    found: dict[str, tuple[FeatureKind, Block]] = {}
    scales, values = dict(schema.scales), dict(schema.values)

    def standardised(name: str, *columns: FloatArray, logarithm: bool = True) -> FloatArray:
        if counted is None:
            scales[name] = tuple(StandardScaler.of(column, logarithm=logarithm) for column in columns)
        return np.hstack([scale.apply(column) for scale, column in zip(scales[name], columns, strict=True)])

    if schema.texts and texts is not None:
        found["text"] = FeatureKind.TEXT, texts.astype(np.float64)
        if names is not None:
            found["name"] = FeatureKind.NAME, names.astype(np.float64)
        own = np.zeros(len(view)) if counted is None else 1.0 - counted
        place = [np.array([schema.shared.get(name, 0) for name in view.names], dtype=np.float64) + own]
        scaled = [standardised("namesakes", *place)]
        if schema.general is not None:
            above = parent_texts(view, texts)
            found["parent text"] = FeatureKind.RELATION, above
            scaled.append(standardised("likeness", likeness_to_parents(view, texts, above), logarithm=False))
        found["place"] = FeatureKind.PLACE, np.hstack(scaled)
    if schema.general is not None:
        found["ancestors"] = FeatureKind.RELATION, ancestors(view, schema.general)
    for name, block in schema.relations.items():
        carried, rarity = attribute(view, values[name].positions, None if counted is None else values[name].rarity)
        values[name] = replace(values[name], rarity=rarity)
        edges = named(view, values[name].positions)
        found[block] = FeatureKind.RELATION, carried
        found[f"{block} count"] = FeatureKind.COUNT, standardised(f"{block} count", number_of_values(view, edges))
        found[f"{block} mix"] = FeatureKind.MIX, standardised(f"{block} mix", *mix(view, edges), logarithm=False)
    for name, block in schema.features.items():
        unknown = np.full(len(view), np.nan)
        found[block] = FeatureKind.FEATURE, standardised(block, view.features.get(name, unknown))
    return found, replace(schema, scales=scales, values=values)


def _check(graph: CatalogGraph, what: str, vectors: Float32Array | FloatArray) -> None:
    """Refuse embeddings that do not belong to a catalog's targets."""
    if vectors.ndim != 2 or len(vectors) != len(graph):
        raise InputError(
            f"The embeddings of the {what} have the shape {vectors.shape}; the catalog {graph.source!r} wants one row "
            f"for each of its {len(graph):,} targets and groups."
        )
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        own = graph.ids.values[int(np.argmin(finite))]
        raise InputError(f"The embedding of the {what} of {own!r} is not finite; encode it again or leave {what} out.")


def _varies(block: Block) -> bool:
    if isinstance(block, np.ndarray):
        return bool(np.any(block != block[0]))
    alike = sp.csr_array(np.ones((block.shape[0], 1))) @ block[[0]]
    return bool(np.any(abs(block - alike).data > 0))
