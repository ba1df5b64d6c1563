"""Message passing over the typed relations: target features from texts, numbers, ancestors and attributes.

Every attribute and every category with children has a fixed identity vector, which travels down the typed edges and is
weakened at each hop. Two targets are similar in a relation as far as they received the same messages.
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
from .relations import ancestors, attribute, edges_to, mix, number_of_values, parent_texts, similarity_to_parents
from .schema import ANCESTORS, AttributeVocabulary, FeatureSchema, StandardScaler
from .subgraph import Subgraph

_RESERVED = frozenset({"text", "name", "parent text", ANCESTORS, "place"})
"""Blocks that have the same name in every catalog."""


def propagate(
    graph: CatalogGraph,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    vectors: Mapping[str, FloatArray] | None = None,
) -> FeatureBlocks:
    """The features of all targets and groups: :func:`fit_transform` without the schema."""
    return fit_transform(graph, texts, names, vectors)[0]


def fit_transform(
    graph: CatalogGraph,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    vectors: Mapping[str, FloatArray] | None = None,
) -> tuple[FeatureBlocks, FeatureSchema]:
    """Compute the features of all n targets and groups, and the schema by which later targets get the same columns.

    The blocks are ``text``, ``name``, ``parent text``, ``ancestors`` and ``place``; for every attribute name the
    identities of its values, their number (``NAME count``) and how evenly edge weights are divided among them (``NAME
    mix``); one per feature and one per modality. Constant blocks are left out.

    ``texts`` and ``names`` are embeddings, float32 (n, d), zero rows where there is none; None without texts, and where
    the texts contain no more than the names. ``vectors`` are further modalities: name -> unit vectors, float64 (n, d),
    zero rows where there is none.
    """
    vectors = vectors or {}
    for what, rows in (("texts", texts), ("names", names), *vectors.items()):
        if rows is not None:
            _check(graph, what, rows)
    blocks, schema = _compute(Subgraph.whole(graph), texts, names, _plan(graph, texts))
    if taken := sorted(vectors.keys() & (blocks.keys() | _RESERVED)):
        raise InputError(
            f"The vectors {taken[0]!r} have the name of a block of the catalog {graph.source!r}; give them another."
        )
    blocks |= {name: (FeatureKind.MODALITY, rows) for name, rows in vectors.items()}
    matrices = {name: block for name, (_, block) in blocks.items() if not _is_constant(block)}
    return FeatureBlocks(matrices, {name: blocks[name][0] for name in matrices}), schema


def transform(
    graph: CatalogGraph,
    targets: IntArray,
    schema: FeatureSchema,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    *,
    counted: BoolArray | None = None,
) -> dict[str, Block]:
    """Compute the features of some targets, ascending, with the fitted scales and columns, by block (targets, d).

    Blocks that were constant at fit are included, modalities are not. ``texts`` and ``names`` are float32 (n, d); only
    the rows of the targets and their ancestors are read. ``counted`` is bool (n,), which existed at fit under their
    present name; None for the first ``schema.size``.
    """
    subgraph = Subgraph.above(graph, targets)
    texts, names = (part if part is None else part[subgraph.nodes] for part in (texts, names))
    if counted is None:
        counted = np.arange(len(graph)) < schema.size
    blocks, _ = _compute(subgraph, texts, names, schema, counted[subgraph.nodes])
    rows = subgraph.place[targets]
    return {name: block[rows] for name, (_, block) in blocks.items()}


def _plan(graph: CatalogGraph, texts: Float32Array | None) -> FeatureSchema:
    """The columns of all blocks, before anything is computed."""
    taken = set(_RESERVED)
    relations: dict[str, str] = {}
    values: dict[str, list[int]] = {}
    for position, each in enumerate(graph.attributes):
        values.setdefault(each.name, []).append(position)
    for name in sorted(values):
        block = f"{name} (attribute)" if name in taken else name
        taken |= {block, f"{block} count", f"{block} mix"}
        relations[name] = block
    return FeatureSchema(
        size=len(graph),
        shared=FeatureSchema.shared_names(graph, len(graph)),
        texts=texts is not None and bool(np.any(texts)),
        general=np.unique(graph.parents.indices).astype(np.int64) if graph.parents.nnz else None,
        values={name: AttributeVocabulary(np.array(part), np.empty(0)) for name, part in values.items()},
        relations=relations,
        features={name: f"{name} (feature)" if name in taken else name for name in graph.features},
    )


def _compute(
    subgraph: Subgraph,
    texts: Float32Array | None,
    names: Float32Array | None,
    schema: FeatureSchema,
    counted: BoolArray | None = None,
) -> tuple[dict[str, tuple[FeatureKind, Block]], FeatureSchema]:
    """All blocks of a subgraph; where ``counted`` is None, scales and rarities are fitted and join the schema."""
    blocks: dict[str, tuple[FeatureKind, Block]] = {}
    scales, values = dict(schema.scales), dict(schema.values)

    def standardised(name: str, *columns: FloatArray, logarithm: bool = True) -> FloatArray:
        if counted is None:
            scales[name] = tuple(StandardScaler.of(column, logarithm=logarithm) for column in columns)
        return np.hstack([scale.apply(column) for scale, column in zip(scales[name], columns, strict=True)])

    if schema.texts and texts is not None:
        blocks["text"] = FeatureKind.TEXT, texts.astype(np.float64)
        if names is not None:
            blocks["name"] = FeatureKind.NAME, names.astype(np.float64)
        itself = np.zeros(len(subgraph)) if counted is None else 1.0 - counted
        namesakes = np.array([schema.shared.get(name, 0) for name in subgraph.names], dtype=np.float64) + itself
        scaled = [standardised("namesakes", namesakes)]
        if schema.general is not None:
            above = parent_texts(subgraph, texts)
            blocks["parent text"] = FeatureKind.RELATION, above
            scaled.append(standardised("likeness", similarity_to_parents(subgraph, texts, above), logarithm=False))
        blocks["place"] = FeatureKind.PLACE, np.hstack(scaled)
    if schema.general is not None:
        blocks[ANCESTORS] = FeatureKind.RELATION, ancestors(subgraph, schema.general)
    for name, block in schema.relations.items():
        identities, rarity = attribute(
            subgraph, values[name].positions, None if counted is None else values[name].rarity
        )
        values[name] = replace(values[name], rarity=rarity)
        edges = edges_to(subgraph, values[name].positions)
        blocks[block] = FeatureKind.RELATION, identities
        blocks[f"{block} count"] = FeatureKind.COUNT, standardised(f"{block} count", number_of_values(subgraph, edges))
        blocks[f"{block} mix"] = FeatureKind.MIX, standardised(f"{block} mix", *mix(subgraph, edges), logarithm=False)
    for name, block in schema.features.items():
        unknown = np.full(len(subgraph), np.nan)
        blocks[block] = FeatureKind.FEATURE, standardised(block, subgraph.features.get(name, unknown))
    return blocks, replace(schema, scales=scales, values=values)


def _check(graph: CatalogGraph, what: str, vectors: Float32Array | FloatArray) -> None:
    if vectors.ndim != 2 or len(vectors) != len(graph):
        raise InputError(
            f"The embeddings of the {what} have the shape {vectors.shape}; the catalog {graph.source!r} needs one row "
            f"for each of its {len(graph):,} targets and groups."
        )
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        target = graph.ids.values[int(np.argmin(finite))]
        raise InputError(
            f"The embedding of the {what} of {target!r} is not finite; encode it again or leave {what} out."
        )


def _is_constant(block: Block) -> bool:
    if isinstance(block, np.ndarray):
        return not np.any(block != block[0])
    first = sp.csr_array(np.ones((block.shape[0], 1))) @ block[[0]]
    return not np.any(abs(block - first).data > 0)
