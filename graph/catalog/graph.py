"""The catalog graph: targets, groups and attributes with their typed edges, immutable and array-backed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from ...arguments import is_whole
from ...arrays import BoolArray, FloatArray, IntArray
from ...display import short, summary_html, summary_repr
from ...errors import GraphError, InputError
from ...sharing import FieldsOnly
from ..cleaning import CleaningReport, Tally
from ..frames import Table, column_names
from ..ids import Id, Ids
from ..reading.schema_file import GivenSchema, read_schema
from .availability import Moment, available
from .build import assemble
from .hashing import attribute_key, edge_hash, graph_hash, node_hash, target_key
from .long_tables import read_attribute_parents
from .schema import TO_ATTRIBUTE, Attribute, Edges, Node, Relation, check_source_name
from .tables import read_nodes
from .traversal import distances, reached

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, eq=False)
class CatalogGraph(FieldsOnly):
    """The knowledge graph of a catalog, without any user in it; build one with :meth:`from_tables`.

    Positions 0..n-1 stand for targets and groups in ascending order of ``ids``, whatever the order of the input;
    attributes have positions of their own, 0..m-1, in ascending order.

    Attributes:
        source: name of the source, ``[a-z0-9_-]+``; owns its nodes in the store.
        texts: what the text encoder reads, n; the name where the source gives no text, so the model never needs names.
        is_product: True for products, False for categories, shape (n,).
        is_group: True for categories that only hold others, shape (n,).
        features: name -> float64 (n,), NaN where unknown.
        edges: the edges by relation; ends are target positions, but the head of ``HAS_ATTRIBUTE`` and both ends of
            ``ATTRIBUTE_CHILD_OF`` are attribute positions.
        groups_known: whether ``is_group`` is settled; else a fit takes categories with others below them and without
            sales of their own for groups.
        availability: ``available_from`` and ``available_to`` where the source gives them -> float64 (n,), NaN for no
            limit; see :func:`newaisle.graph.catalog.availability.as_number`. The model does not read them.
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
    groups_known: bool = False

    @classmethod
    def from_tables(
        cls,
        categories: Table,
        attributes: Table | None = None,
        *,
        products: Table | None = None,
        attribute_parents: Table | None = None,
        source: str = "tables",
        schema: GivenSchema | None = None,
    ) -> CatalogGraph:
        """Build and validate a graph from tables (pandas, polars or Arrow).

        Args:
            categories: column ``id``; optional ``name`` (the id where empty), ``parent_id`` (one id or a list of ids),
                ``text`` (the name where empty), ``group`` (True for categories that only hold others; without the
                column a fit finds them),
                ``available_from`` and ``available_to`` (dates, times or numbers). Further columns of numbers are
                features, also of texts where 95 % of the filled cells are numbers under one decimal sign; further
                columns of texts, lists of texts or booleans are attributes, unless nearly every value is another one.
                How each was read is in ``report.columns``.
            attributes: further attribute edges, columns ``id``, ``name``, ``value`` and optional ``weight``.
            products: columns ``id``, ``category_id`` (one or a list), ``name``, ``text`` and more as for categories.
            attribute_parents: wider values of attributes, columns ``name``, ``value``, ``parent_value``.
            source: name of the source, ``[a-z0-9_-]+``.
            schema: how the tables are written where they have other names or need other roles: a
                :class:`~newaisle.graph.reading.table_schema.TableSchema`, a mapping, or the path of a ``schema.toml``.

        Raises:
            GraphError: a cycle (:class:`CycleError`), a parent that does not exist (:class:`DanglingParentError`), one
                id with two contents (:class:`DuplicateIdError`), a reserved column name.
            InputError: missing columns, an empty table, ids that are not exact, infinite features, weights that are not
                positive and finite, a schema that does not fit.
        """
        check_source_name(source)
        tally, how = Tally(), read_schema(schema)
        parents_of = (
            {}
            if attribute_parents is None
            else read_attribute_parents(attribute_parents, tally, how.table("attribute_parents"))
        )
        wider = {attribute.name for attribute in parents_of}
        for what, table in (("categories", categories), ("products", products)):
            if wider and table is not None:
                how = how.with_attributes(what, sorted(wider.intersection(column_names(table, what))))
        nodes = read_nodes(categories, attributes, products=products, tally=tally, schema=how)
        if not nodes:
            raise GraphError("The categories table has no row with an id; give at least one.")
        known = any(column.role == "group" for column in tally.columns)
        return cls.from_nodes(source, nodes, parents_of, report=tally.report, groups_known=known)

    @classmethod
    def from_nodes(
        cls,
        source: str,
        nodes: Mapping[Id, Node],
        attribute_parents: Mapping[Attribute, list[Attribute]],
        *,
        attributes: Iterable[Attribute] = (),
        report: CleaningReport | None = None,
        groups_known: bool = False,
    ) -> CatalogGraph:
        """Build a graph from nodes by own id, checked by :func:`newaisle.graph.catalog.build.assemble`."""
        fields = assemble(Ids.of(nodes, "target"), nodes, attribute_parents, attributes)
        return cls(source=source, report=report or CleaningReport(), groups_known=groups_known, **fields)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return summary_repr(self, self._summary)

    def _repr_html_(self) -> str:
        return summary_html("Catalog graph", self._summary)

    @property
    def _summary(self) -> Mapping[str, object]:
        groups, products = int(self.is_group.sum()), int(self.is_product.sum())
        return {
            "source": self.source,
            "categories": len(self) - groups - products,
            "products": products,
            "groups": groups,
            "attributes": len(self.attributes),
            "edges": sum(map(len, self.edges.values())),
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CatalogGraph) and self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def with_source(self, name: str | None) -> CatalogGraph:
        """The same graph as the source ``name`` (``[a-z0-9_-]+``, else :class:`InputError`); None keeps the name."""
        if name is None or name == self.source:
            return self
        check_source_name(name)
        return replace(self, source=name)

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        """Features and availability: all numbers of a target's node."""
        return {**self.features, **self.availability}

    def available(self, at: Moment) -> BoolArray:
        """Which targets and groups are available at a moment, bool (n,); all where the source has no availability."""
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
        """SHA-256 (hex) of the content of each target or group itself, n."""
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
        tails = self.attribute_keys if relation is Relation.ATTRIBUTE_CHILD_OF else self.keys
        heads = self.attribute_keys if relation in TO_ATTRIBUTE else self.keys
        return tuple((tails[t], heads[h]) for t, h, _ in self.edges[relation].rows)

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
        up = [self.edges[Relation.CHILD_OF], self.edges[Relation.IN_CATEGORY]]
        tail, head = np.hstack([(edges.tail, edges.head) for edges in up])
        return sp.csr_array((np.ones(len(tail)), (tail, head)), shape=(len(self), len(self)))

    @cached_property
    def attribute_parents(self) -> sp.csr_array:
        """``ATTRIBUTE_CHILD_OF`` as a 0/1 matrix, shape (m, m), row = value, column = wider value."""
        up, size = self.edges[Relation.ATTRIBUTE_CHILD_OF], len(self.attributes)
        return sp.csr_array((np.ones(len(up)), (up.tail, up.head)), shape=(size, size))

    @cached_property
    def levels(self) -> IntArray:
        """Distance of every target or group to its nearest root, int64 (n,); roots have 0."""
        return distances(self.children, np.flatnonzero(np.diff(self.parents.indptr) == 0))

    @cached_property
    def children(self) -> sp.csr_array:
        """The transpose of ``parents``, shape (n, n), row = parent, column = child."""
        return sp.csr_array(self.parents.T)

    def below(self, position: int) -> IntArray:
        """Positions of all descendants of one target or group, ascending, without itself."""
        found = reached(self.children, np.array([position]))
        return np.asarray(found[found != position])

    def to_networkx(self) -> nx.MultiDiGraph:
        """The whole graph for networkx; see :meth:`neighbourhood` for the node and edge attributes."""
        return self._networkx(np.ones(len(self) + len(self.attributes), dtype=np.bool_))

    def neighbourhood(self, target: Id, hops: int = 1) -> nx.MultiDiGraph:
        """Everything within some hops (0 or more) of a target or group, edges taken in both directions.

        Targets and groups are nodes under their own id, attributes under their :class:`Attribute`, with ``kind``
        ("category", "product", "attribute"), ``name`` and, but for attributes, ``group``; edges carry ``relation``
        (also the edge key) and ``weight``.

        Raises:
            UnknownIdError: no such target.
            InputError: negative hops.
        """
        if not is_whole(hops) or hops < 0:
            raise InputError(f"hops is {short(hops)}; give 0 or more.")
        distance = distances(self._adjacency, np.array([self.ids.position(target)]), hops)
        return self._networkx(distance >= 0)

    @cached_property
    def upward(self) -> sp.csr_array:
        """All edges as one 0/1 matrix over targets and groups, then attributes, shape (n + m, n + m), row = tail."""
        size = len(self) + len(self.attributes)
        tail, head = np.hstack([self._global_ends(relation) for relation in Relation])
        return sp.csr_array((np.ones(len(tail)), (tail, head)), shape=(size, size))

    @cached_property
    def _adjacency(self) -> sp.csr_array:
        """Undirected adjacency over targets, then attributes, shape (n + m, n + m)."""
        return sp.csr_array(self.upward + self.upward.T)

    def _global_ends(self, relation: Relation) -> tuple[IntArray, IntArray]:
        edges, n = self.edges[relation], len(self)
        tail = edges.tail + n if relation is Relation.ATTRIBUTE_CHILD_OF else edges.tail
        head = edges.head + n if relation in TO_ATTRIBUTE else edges.head
        return tail, head

    def _networkx(self, wanted: BoolArray) -> nx.MultiDiGraph:
        import networkx as nx  # here, since it takes long to import and few need it

        exported = nx.MultiDiGraph()
        labels = (*self.ids, *self.attributes)
        for i in np.flatnonzero(wanted).tolist():
            if i < len(self):
                kind = "product" if self.is_product[i] else "category"
                exported.add_node(labels[i], kind=kind, name=self.names[i], group=bool(self.is_group[i]))
            else:
                exported.add_node(labels[i], kind="attribute", name=str(labels[i]))
        for relation in Relation:
            tail, head = self._global_ends(relation)
            for t, h, weight in Edges.of(tail, head, self.edges[relation].weight).rows:
                if wanted[t] and wanted[h]:
                    exported.add_edge(labels[t], labels[h], key=relation.value, relation=relation.value, weight=weight)
        return exported
