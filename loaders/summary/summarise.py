"""The summary of a source, from its graph and interactions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...errors import InteractionsError
from ...graph import CatalogGraph, CleaningReport, Interactions
from ...graph.catalog.schema import Relation
from ...graph.cleaning import ColumnReading
from ...graph.event_weights import EventWeights, WeightedHistory
from ..files.reading import FileReading
from .findings import (
    UNKNOWN_TARGET,
    Finding,
    codes_as_numbers,
    dropped_rows,
    foreign_language,
    joined_values,
    misnamed_columns,
    no_new_targets,
    no_sales,
    noted,
    one_time_buyers,
    sorted_findings,
    unknown_targets,
)
from .language import language_of
from .summary import CatalogSummary, GraphAttribute, KindOfEvent, SalesSummary, SourceSummary


def summarise(
    graph: CatalogGraph,
    interactions: Interactions | None,
    *,
    files: tuple[FileReading, ...] = (),
    kinds: Mapping[str, float] | None = None,
    encoder: str | None = None,
) -> SourceSummary:
    """Summarise a catalog and its interactions, None where there are none; ``kinds`` and ``encoder`` as for a fit."""
    found: list[Finding | None] = []
    weighted, sales = None, None
    events = CleaningReport() if interactions is None else interactions.report
    if interactions is None:
        found.append(no_sales())
    else:
        try:
            interactions = interactions.restrict(graph)
            events = interactions.report
            weighted = WeightedHistory.of(interactions, graph, kinds)
            found.append(no_new_targets(graph, weighted.bought))
        except InteractionsError as error:
            found.append(Finding("no-positive-event", str(error), 1.0, blocks=True))
        sales = _sales(interactions, events, weighted, EventWeights({**interactions.kinds, **(kinds or {})}))
        found += [unknown_targets(events), one_time_buyers(sales.one_time_share)]
    found += [*joined_values(graph), codes_as_numbers(graph.report)]
    language = language_of(graph.texts)
    found.append(foreign_language(language, encoder))
    for report, what in ((graph.report, "catalog"), (events, "interactions")):
        found += [*dropped_rows(report, what), *misnamed_columns(report), *noted(report)]
    return SourceSummary(
        source=graph.source,
        files=files,
        columns=_columns(graph.report, events, files),
        catalog_rows=graph.report,
        interaction_rows=events,
        catalog=_catalog(graph, weighted),
        sales=sales,
        language=language,
        findings=sorted_findings(found),
    )


def _columns(
    catalog: CleaningReport, events: CleaningReport, files: tuple[FileReading, ...]
) -> tuple[ColumnReading, ...]:
    """All columns, those of one table together."""
    found = (*catalog.columns, *events.columns, *(column for file in files for column in file.ignored))
    tables = list(dict.fromkeys(column.table for column in found))
    return tuple(sorted(found, key=lambda column: tables.index(column.table)))


def _catalog(graph: CatalogGraph, weighted: WeightedHistory | None) -> CatalogSummary:
    targets = ~graph.is_group
    sold = np.zeros(len(graph), dtype=np.bool_)
    if weighted is not None:
        sold[weighted.bought.indices] = True
    edges = graph.edges[Relation.HAS_ATTRIBUTE]
    names = np.array([attribute.name for attribute in graph.attributes] or [""], dtype=object)
    attributes = []
    for name in sorted({attribute.name for attribute in graph.attributes}):
        own = names[edges.head] == name
        values = sum(attribute.name == name for attribute in graph.attributes)
        attributes.append(GraphAttribute(name, values, len(np.unique(edges.tail[own]))))
    return CatalogSummary(
        targets=int(targets.sum()),
        sold=int((sold & targets).sum()),
        new=int((~sold & targets).sum()),
        groups=int(graph.is_group.sum()),
        products=int(graph.is_product.sum()),
        edges=sum(map(len, graph.edges.values())),
        attributes=tuple(attributes),
        numbers={name: int(np.isfinite(column).sum()) for name, column in graph.features.items()},
    )


def _sales(
    interactions: Interactions, report: CleaningReport, weighted: WeightedHistory | None, kinds: EventWeights
) -> SalesSummary:
    sizes = np.zeros(0, dtype=np.int64)
    if weighted is not None:
        sizes = np.diff(weighted.bought.indptr)
        sizes = sizes[sizes > 0]
    times = interactions.timestamp
    unknown = report.dropped.get(UNKNOWN_TARGET, 0)
    return SalesSummary(
        users=int((np.bincount(interactions.user) > 0).sum()),
        events=len(interactions),
        kinds=_kinds(interactions, kinds),
        one_time_share=float((sizes == 1).mean()) if len(sizes) else 0.0,
        median_targets=float(np.median(sizes)) if len(sizes) else 0.0,
        mean_targets=float(sizes.mean()) if len(sizes) else 0.0,
        first=None if times is None or not len(times) else str(times.min().astype("datetime64[s]")),
        last=None if times is None or not len(times) else str(times.max().astype("datetime64[s]")),
        unknown_events=unknown,
        unknown_share=unknown / max(unknown + report.rows_kept, 1),
    )


def _kinds(interactions: Interactions, kinds: EventWeights) -> tuple[KindOfEvent, ...]:
    if interactions.event is None:
        return ()
    names, counts = np.unique(interactions.event, return_counts=True)
    found = [
        KindOfEvent(name, count, kinds.weight(name))
        for name, count in zip(names.tolist(), counts.tolist(), strict=True)
    ]
    return tuple(sorted(found, key=lambda kind: (-kind.events, kind.kind)))
