"""The catalog graph: targets, groups and attributes with their typed edges, immutable and array-backed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..errors import InputError
from .availability import Moment, available
from .cleaning import CleaningReport
from .frames import Table
from .hashing import attribute_key, edge_hash, graph_hash, node_hash, target_key
from .ids import Id, Ids

if TYPE_CHECKING:
    import networkx as nx
from ..arrays import BoolArray, FloatArray, IntArray


class Relation(StrEnum):
    """The typed edges of the graph; every edge points from the more special to the more general node."""

    CHILD_OF = "CHILD_OF"
    IN_CATEGORY = "IN_CATEGORY"
    HAS_ATTRIBUTE = "HAS_ATTRIBUTE"
    ATTRIBUTE_CHILD_OF = "ATTRIBUTE_CHILD_OF"


class Attribute(NamedTuple):
    """A (name, value) pair that several targets share, such as ``("department", "GROCERY")``."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


def frozen(values: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A read-only copy of ``values`` as an array."""
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of one relation as index arrays.

    Attributes:
        tail: positions of the special ends, int64, shape (e,).
        head: positions of the general ends, int64, shape (e,).
        weight: positive finite weights, float64, shape (e,).
    """

    tail: IntArray
    head: IntArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.tail)


@dataclass(frozen=True, eq=False)
class CatalogGraph:
    """The knowledge graph of a catalog, without any user in it; :meth:`from_tables` and :meth:`from_store` make one.

    Positions 0..n-1 stand for targets and groups in the order of ``ids`` (ascending, so that nothing depends on the
    order of the input). Attributes have positions of their own, 0..m-1, in ascending order.

    Attributes:
        source: name of the source, ``[a-z0-9_-]+``; owns its nodes in the store.
        ids: own ids of the n targets and groups.
        names: display names, n.
        texts: what the text encoder reads, n; the name where the source gives no text, so the model never needs names.
        is_product: True for products, False for categories, shape (n,).
        is_group: True for categories that only hold others, shape (n,).
        features: name -> float64 (n,), NaN where unknown.
        attributes: the m attributes.
        edges: the edges by relation; ends are target positions, but the head of ``HAS_ATTRIBUTE`` and both ends of
            ``ATTRIBUTE_CHILD_OF`` are attribute positions.
        report: what cleaning did to the tables.
        availability: ``available_from`` and ``available_to`` where the source gives them -> float64 (n,), NaN for no
            limit; see :func:`newaisle.graph.availability.as_number`. The model does not read them.
    """

    source: str
    ids: Ids
    names: tuple[str, ...]
    texts: tuple[str, ...]
    is_product: BoolArray
    is_group: BoolArray
    features: Mapping[str, FloatArray]
    attributes: tuple[Attribute, ...]
    edges: Mapping[Relation, Edges]
    report: CleaningReport = field(default_factory=CleaningReport)
    availability: Mapping[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def from_tables(
        cls,
        categories: Table,
        attributes: Table | None = None,
        *,
        products: Table | None = None,
        attribute_parents: Table | None = None,
        source: str = "tables",
    ) -> CatalogGraph:
        """Build and validate a graph from tables; see :func:`newaisle.graph.build.build_graph` for the columns."""
        from .build import build_graph  # build imports this module

        return build_graph(
            categories, attributes, products=products, attribute_parents=attribute_parents, source=source
        )

    @classmethod
    def from_store(cls, url: str = "embedded", source: str | None = None) -> CatalogGraph:
        """Read a graph from a store; ``Store.snapshot`` reads it from one that is open.

        Args:
            url: ``embedded``, ``embedded:DIR``, ``bolt://…``, ``neo4j://…``; who asks a server stands in the
                environment.
            source: name of the source; None for the only one in the store.

        Raises:
            InputError: no source is named and the store holds several.
            StoreError: the URL is wrong, the store cannot be reached, or there is no such source.
        """
        from .store import open_store  # the driver would more than double the time that importing newaisle takes

        with open_store(url) as store:
            return store.snapshot(source)

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CatalogGraph) and self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        """Features and availability: all numbers that a target's node carries."""
        return {**self.features, **self.availability}

    def available(self, at: Moment) -> BoolArray:
        """Which targets and groups can be had at a moment, bool (n,); all where the source says nothing of it.

        Raises:
            InputError: ``at`` is neither a date nor a number.
        """
        return available(self.availability, at, len(self))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The store keys of targets and groups, n."""
        return tuple(target_key(self.source, own) for own in self.ids)

    @cached_property
    def attribute_keys(self) -> tuple[str, ...]:
        """The store keys of attributes, m."""
        return tuple(attribute_key(self.source, a.name, a.value) for a in self.attributes)

    @cached_property
    def node_hashes(self) -> tuple[str, ...]:
        """SHA-256 (hex) of what the source says of each target or group itself, n."""
        numbers = self.numbers
        names = sorted(numbers)
        columns = [numbers[name].tolist() for name in names]
        rows = zip(self.keys, self.is_product.tolist(), self.names, self.texts, strict=True)
        return tuple(
            node_hash(
                key,
                "product" if product else "category",
                name,
                text,
                {f: column[i] for f, column in zip(names, columns, strict=True) if column[i] == column[i]},
            )
            for i, (key, product, name, text) in enumerate(rows)
        )

    @cached_property
    def attribute_hashes(self) -> tuple[str, ...]:
        """SHA-256 (hex) of each attribute, m."""
        return tuple(
            node_hash(key, "attribute", attribute.name, attribute.value, {})
            for key, attribute in zip(self.attribute_keys, self.attributes, strict=True)
        )

    def edge_keys(self, relation: Relation) -> tuple[tuple[str, str], ...]:
        """The edges of one relation as pairs of store keys (tail, head), in the order of its arrays."""
        edges = self.edges[relation]
        tails = self.attribute_keys if relation is Relation.ATTRIBUTE_CHILD_OF else self.keys
        heads = self.attribute_keys if relation in _TO_ATTRIBUTE else self.keys
        return tuple((tails[t], heads[h]) for t, h in zip(edges.tail.tolist(), edges.head.tolist(), strict=True))

    @cached_property
    def content_hash(self) -> str:
        """The sum of all row hashes modulo 2^256, in hex: independent of order, and small changes update it."""
        edges = (
            edge_hash(relation.value, tail, head, weight)
            for relation in Relation
            for (tail, head), weight in zip(self.edge_keys(relation), self.edges[relation].weight.tolist(), strict=True)
        )
        return graph_hash([*self.node_hashes, *self.attribute_hashes, *edges])

    @cached_property
    def parents(self) -> sp.csr_array:
        """``CHILD_OF`` and ``IN_CATEGORY`` as one 0/1 matrix, shape (n, n), row = child, column = parent."""
        pairs = [self.edges[Relation.CHILD_OF], self.edges[Relation.IN_CATEGORY]]
        tail = np.concatenate([e.tail for e in pairs])
        head = np.concatenate([e.head for e in pairs])
        return sp.csr_array((np.ones(len(tail)), (tail, head)), shape=(len(self), len(self)))

    @cached_property
    def levels(self) -> IntArray:
        """Distance of every target or group to its nearest root, int64 (n,); roots are 0."""
        level = np.full(len(self), -1, dtype=np.int64)
        frontier: npt.NDArray[Any] = np.flatnonzero(np.diff(self.parents.indptr) == 0)
        children = self.parents.T.tocsr()
        depth = 0
        while len(frontier):
            level[frontier] = depth
            below = np.unique(children[frontier].indices)
            frontier = below[level[below] < 0]
            depth += 1
        return level

    def below(self, position: int) -> IntArray:
        """Positions of all descendants of one target or group, ascending, without itself."""
        children = self.parents.T.tocsr()
        found = np.zeros(len(self), dtype=np.bool_)
        frontier = np.array([position])
        while len(frontier):
            reached = np.unique(children[frontier].indices)
            frontier = reached[~found[reached]]
            found[frontier] = True
        return np.flatnonzero(found)

    def to_networkx(self) -> nx.MultiDiGraph:
        """The whole graph for networkx; see :meth:`neighbourhood` for the node and edge attributes."""
        return self._networkx(np.ones(len(self) + len(self.attributes), dtype=np.bool_))

    def neighbourhood(self, target: Id, hops: int = 1) -> nx.MultiDiGraph:
        """Everything within some hops of a target, edges taken in both directions.

        Args:
            target: own id of a target or group.
            hops: largest distance, 0 or more.

        Returns:
            A networkx ``MultiDiGraph``. Targets and groups are nodes under their own id, attributes under their
            :class:`Attribute`; nodes carry ``kind`` ("category", "product", "attribute"), ``name`` and, but for
            attributes, ``group``; edges carry ``relation`` and ``weight``, the relation being the edge key too.

        Raises:
            UnknownIdError: no such target.
            InputError: negative hops.
        """
        if hops < 0:
            raise InputError(f"hops is {hops}; give 0 or more.")
        reached = np.zeros(len(self) + len(self.attributes), dtype=np.bool_)
        reached[self.ids.position(target)] = True
        for _ in range(hops):
            reached |= self._adjacency @ reached.astype(np.float64) > 0
        return self._networkx(reached)

    @cached_property
    def upward(self) -> sp.csr_array:
        """All edges as one 0/1 matrix over targets and groups, then attributes, shape (n + m, n + m), row = special."""
        size = len(self) + len(self.attributes)
        ends = [self._global_ends(relation) for relation in Relation]
        tail = np.concatenate([t for t, _ in ends])
        head = np.concatenate([h for _, h in ends])
        return sp.csr_array((np.ones(len(tail)), (tail, head)), shape=(size, size))

    @cached_property
    def _adjacency(self) -> sp.csr_array:
        """Undirected adjacency over targets, then attributes, shape (n + m, n + m)."""
        return sp.csr_array(self.upward + self.upward.T)

    def _global_ends(self, relation: Relation) -> tuple[IntArray, IntArray]:
        edges, n = self.edges[relation], len(self)
        tail = edges.tail + n if relation is Relation.ATTRIBUTE_CHILD_OF else edges.tail
        head = edges.head + n if relation in _TO_ATTRIBUTE else edges.head
        return tail, head

    def _networkx(self, wanted: BoolArray) -> nx.MultiDiGraph:
        import networkx as nx  # here, since it takes long to import and few need it

        n, made = len(self), nx.MultiDiGraph()
        label: dict[int, Id | Attribute] = {}
        for i in np.flatnonzero(wanted).tolist():
            if i < n:
                label[i] = self.ids.values[i]
                kind = "product" if self.is_product[i] else "category"
                made.add_node(label[i], kind=kind, name=self.names[i], group=bool(self.is_group[i]))
            else:
                label[i] = self.attributes[i - n]
                made.add_node(label[i], kind="attribute", name=str(self.attributes[i - n]))
        for relation in Relation:
            tail, head = self._global_ends(relation)
            for e in np.flatnonzero(wanted[tail] & wanted[head]).tolist():
                made.add_edge(
                    label[int(tail[e])],
                    label[int(head[e])],
                    key=relation.value,
                    relation=relation.value,
                    weight=float(self.edges[relation].weight[e]),
                )
        return made


_TO_ATTRIBUTE = frozenset({Relation.HAS_ATTRIBUTE, Relation.ATTRIBUTE_CHILD_OF})
