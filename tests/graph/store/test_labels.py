"""Labels that somebody has edited: a refresh puts them right and loses nothing; against every kind of store."""

from __future__ import annotations

import pandas as pd
import pytest

from newaisle import CatalogGraph
from newaisle.graph import GraphChanges, Store
from newaisle.graph.store.queries.named import query_of


@pytest.fixture(scope="module", name="store")
def every_store(any_store: Store) -> Store:
    return any_store


def graph_of(source: str, name: str = "B") -> CatalogGraph:
    return CatalogGraph.from_tables(
        pd.DataFrame({"id": ["a", "b", "c"], "name": ["A", name, "C"], "parent_id": [None, "a", "b"], "colour": "red"}),
        products=pd.DataFrame({"id": ["p"], "name": ["P"], "category_id": ["b"]}),
        attribute_parents=pd.DataFrame({"name": ["colour"], "value": ["red"], "parent_value": ["warm"]}),
        source=source,
    )


def labels_of(store: Store, key: str) -> list[str]:
    ((labels,),) = store.query("MATCH (n:Newaisle {key: $key}) RETURN labels(n)", {"key": key}).rows
    return sorted(labels)


def edit(store: Store, source: str, change: str) -> None:
    """Change every node of a source that has an id or a value."""
    where = "MATCH (n:Newaisle {source: $source}) WHERE n.id IS NOT NULL OR n.value IS NOT NULL"
    store.query(f"{where} SET n.note = 'mine' {change}", {"source": source}, write=True)


@pytest.mark.parametrize("label", ["Category", "Product", "Attribute", "Refresh", "Other"])
def test_a_label_that_somebody_adds_costs_no_node(store: Store, label: str) -> None:
    source = f"added-{label.lower()}"
    graph = graph_of(source)
    store.write(graph)
    edit(store, source, f"SET n:{label}")
    assert not any(store.plan(graph).counts.values())
    report = store.write(graph)
    assert not any(report.counts.values())
    assert store.snapshot(source) == graph
    assert store.query("MATCH (n {source: $s, note: 'mine'}) RETURN count(n)", {"s": source}).rows == ([6],)
    for own, kind in (("a", "Category"), ("b", "Category"), ("p", "Product")):
        foreign = {label} & {"Refresh", "Other"}
        assert labels_of(store, f"{source}:{own}") == sorted({"Newaisle", kind, *foreign})
    listed = query_of("refresh-changes").run(store, {"source": source}).rows
    assert [row[1] for row in listed] == ["refresh done"]
    other = graph_of(f"{source}-2")  # a source of its own is written all the same
    assert store.write(other).added == 4
    assert store.sources().count(source) == 1


@pytest.mark.parametrize("label", ["Category", "Product", "Attribute"])
def test_a_small_change_is_made_whatever_labels_were_added(store: Store, label: str) -> None:
    source = f"applied-{label.lower()}"
    store.write(graph_of(source))
    edit(store, source, f"SET n:{label}")
    change = GraphChanges.from_tables(
        pd.DataFrame({"id": ["b"], "name": ["B2"], "parent_id": ["a"], "colour": "red"}), source=source
    )
    report = store.apply(change)
    assert (report.added, report.changed, report.removed) == (0, 1, 0)
    assert not any(store.write(graph_of(source, "B2")).counts.values())
    assert labels_of(store, f"{source}:b") == ["Category", "Newaisle"]


@pytest.mark.parametrize("label", ["Category", "Product", "Attribute"])
def test_a_node_without_its_label_is_written_again(store: Store, label: str) -> None:
    source = f"removed-{label.lower()}"
    graph = graph_of(source)
    store.write(graph)
    edit(store, source, f"REMOVE n:{label}")
    report = store.write(graph)
    assert report.removed == 0
    assert store.snapshot(source) == graph
    assert not any(store.write(graph).counts.values())
