"""Evaluation of a source: what may be known, which methods, and the tables people read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..gnn.comparison import CEILING, Summary, compare, summary_table
from ..gnn.encoder import PACKAGED
from ..gnn.evaluation import ResultRow, evaluate
from ..gnn.methods import compared_methods
from ..graph import CatalogGraph, Interactions
from ..graph.reduce import without
from .recommender import encode_texts

SHOWN = ("ndcg@20", "recall@20", "precision@20", "mrr", "auc", "taste_auc", "coverage@20", "diversity", "novelty")
"""Metrics of the printed table, in order."""


def evaluate_source(
    graph: CatalogGraph,
    history: Interactions,
    *,
    protocols: Sequence[str],
    seeds: Sequence[int],
    drop: Sequence[str] = (),
    ablate: bool = False,
    encoder: str | None = PACKAGED,
    encodings: Path | None = None,
    cells: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[ResultRow]:
    """Compare newaisle with all baselines on one catalog.

    Args:
        graph: the whole catalog; targets are hidden by it even where methods may not know all of it.
        history: all interactions.
        protocols: ways of hiding targets.
        seeds: one split per protocol and seed.
        drop: features, attributes, relations or ``text`` that no method may know.
        ablate: add newaisle with shuffled edges and without propagation.
        encoder: text encoder, None for none.
        encodings: file that keeps text embeddings.
        cells: folder that keeps finished cells, so that a stopped run resumes.
        tell: is told one line per cell.

    Raises:
        InputError: an unknown protocol or a name that cannot be dropped, or no split can be made.
    """
    texts = encode_texts(graph, encoder, encodings, tell)
    known = without(graph, drop) if drop else graph
    methods = compared_methods(known, None if "text" in drop else texts, ablate=ablate)
    return evaluate(graph, history, methods, protocols, seeds, embeddings=texts, cache=cells, progress=tell)


def figures(rows: Sequence[ResultRow]) -> dict[str, tuple[list[str], list[list[object]]]]:
    """Per protocol a table: one method per row (best NDCG first), one metric per column, as mean ± standard error."""
    tables: dict[str, tuple[list[str], list[list[object]]]] = {}
    summaries = summary_table(rows)
    for protocol in dict.fromkeys(summary.protocol for summary in summaries):
        own = [summary for summary in summaries if summary.protocol == protocol]
        means = {(summary.method, summary.metric): summary for summary in own}
        metrics = [metric for metric in SHOWN if any(m == metric for _, m in means)]
        held_out = [f"{metric}@held-out" for metric in SHOWN[:1] if any(m == f"{metric}@held-out" for _, m in means)]
        methods = sorted(
            dict.fromkeys(summary.method for summary in own), key=lambda method: -means[method, SHOWN[0]].mean
        )
        shown = (*metrics, *held_out)
        lines: list[list[object]] = [[m, *(_cell(means.get((m, metric))) for metric in shown)] for m in methods]
        tables[protocol] = (["method", *metrics, *held_out], lines)
    return tables


def paired(rows: Sequence[ResultRow], method: str = "newaisle") -> list[list[object]]:
    """NDCG@20 of one method minus that of every other on the same splits: protocol, other method, difference."""
    found: list[list[object]] = []
    for other in dict.fromkeys(row.method for row in rows):
        if other != method:
            found += [
                [c.protocol, other, f"{c.difference:+.4f}{_error(c.standard_error)}"]
                for c in compare(rows, other)
                if c.method == method and c.metric == ("ndcg@20@held-out" if other == CEILING else "ndcg@20")
            ]
    return sorted(found, key=lambda line: str(line[0]), reverse=True)


def _cell(summary: Summary | None) -> str:
    return "" if summary is None else f"{summary.mean:.4f}{_error(summary.standard_error)}"


def _error(value: float | None) -> str:
    return "" if value is None or value != value else f" ± {value:.4f}"
