"""Evaluation of a source: what may be known, which methods, and the tables people read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..gnn.comparison import CEILING, Summary, compare, summary_table
from ..gnn.encoder import PACKAGED
from ..gnn.evaluation import ResultRow, SplitResult, evaluate_splits
from ..gnn.methods import Newaisle, compared_methods
from ..gnn.splits import PROTOCOLS, obstacle
from ..graph import CatalogGraph, Interactions
from ..graph.errors import InputError
from ..graph.reduce import without
from .encoding import Encoded, encode_catalog

SHOWN = ("ndcg@20", "recall@20", "precision@20", "mrr", "auc", "taste_auc", "coverage@20", "diversity", "novelty")
"""Metrics of the printed table, in order."""

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """An evaluation: what was asked for, of what, and what came out.

    Attributes:
        source: what the data are called.
        graph: the whole catalog.
        history: the interactions that were judged.
        users: size of the random part of the users that was asked for; None for all.
        dropped: what no method knew.
        ablate: whether newaisle ran without parts of itself too.
        encoder: name of the text encoder, None for none.
        left_out: protocols that the catalog does not allow -> why.
        results: one per protocol and seed.
    """

    source: str
    graph: CatalogGraph
    history: Interactions
    users: int | None
    dropped: Sequence[str]
    ablate: bool
    encoder: str | None
    left_out: Mapping[str, str]
    results: Sequence[SplitResult]

    @property
    def rows(self) -> list[ResultRow]:
        """All figures in tidy form."""
        return [row for result in self.results for row in result.rows]

    @property
    def protocols(self) -> list[str]:
        """The protocols that ran, in order."""
        return list(dict.fromkeys(result.protocol for result in self.results))

    @property
    def seeds(self) -> list[int]:
        """The seeds of the splits, in order."""
        return list(dict.fromkeys(result.seed for result in self.results))


def evaluate_source(
    graph: CatalogGraph,
    history: Interactions,
    *,
    source: str | None = None,
    protocols: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    users: int | None = None,
    drop: Sequence[str] = (),
    ablate: bool = False,
    encoder: str | None = PACKAGED,
    encodings: Path | None = None,
    cells: Path | None = None,
    jobs: int = 1,
    tell: Tell | None = None,
) -> Evaluation:
    """Compare newaisle with all baselines on one catalog.

    Args:
        graph: the whole catalog; targets are hidden by it even where methods may not know all of it.
        history: all interactions.
        source: what to call the data; None for the source that the graph names.
        protocols: ways of hiding targets; None for all that the catalog allows.
        seeds: one split per protocol and seed.
        users: judge a random part of so many users only.
        drop: features, attributes, relations or ``text`` that no method may know.
        ablate: add newaisle with shuffled edges and without propagation.
        encoder: text encoder, None for none.
        encodings: file that keeps text embeddings.
        cells: folder that keeps finished cells, so that a stopped run resumes.
        jobs: number of processes; the figures do not depend on it. A script that asks for more than one needs the
            usual ``if __name__ == "__main__":``.
        tell: is told one line per cell.

    Raises:
        InputError: an unknown protocol or one that the catalog does not allow, a name that cannot be dropped, or no
            split can be made.
    """
    if users is not None:
        history = history.sample_users(users)
    say = tell or (lambda _line: None)
    chosen, left_out = _applicable(graph, history, protocols, say)
    known = without(graph, drop) if drop else graph
    encoded = encode_catalog(graph, encoder, encodings, tell)
    told = Encoded() if "text" in drop else encoded
    methods = compared_methods(known, told.texts, told.names, ablate=ablate)
    results = evaluate_splits(
        graph, history, methods, chosen, seeds, embeddings=encoded.texts, cache=cells, jobs=jobs, progress=tell
    )
    called = graph.source if source is None else source
    return Evaluation(called, graph, history, users, tuple(drop), ablate, encoder, left_out, results)


def _applicable(
    graph: CatalogGraph, history: Interactions, protocols: Sequence[str] | None, say: Tell
) -> tuple[list[str], dict[str, str]]:
    """The protocols to run, and those that were not asked for by name and do not apply, with the reason."""
    matrix = history.matrix(graph)
    reasons = {protocol: obstacle(protocol, graph, matrix) for protocol in protocols or PROTOCOLS}
    left_out = {protocol: reason for protocol, reason in reasons.items() if reason is not None}
    if left_out and (protocols or len(left_out) == len(reasons)):
        raise InputError(next(iter(left_out.values())))
    for protocol, reason in left_out.items():
        say(f"{protocol} does not apply and is left out. {reason}")
    return [protocol for protocol in reasons if protocol not in left_out], left_out


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


def paired(rows: Sequence[ResultRow], method: str = Newaisle.name) -> list[list[object]]:
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
