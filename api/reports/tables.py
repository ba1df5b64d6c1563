"""The tables of an evaluation that people read."""

from __future__ import annotations

from collections.abc import Sequence

from ...gnn.evaluation.comparison import CEILING, Summary, comparable, compare, summary_table
from ...gnn.evaluation.methods.newaisle import Newaisle
from ...gnn.evaluation.protocols.names import FEW_SHOT, family, revealed_share
from ...gnn.evaluation.runner import ResultRow

SHOWN = (
    "ndcg@20",
    "h",
    "ndcg@20:seen",
    "ndcg@20:new",
    "recall@20",
    "precision@20",
    "mrr",
    "auc",
    "taste_auc",
    "coverage@20",
    "diversity",
    "novelty",
)
"""Metrics of the printed table, in order."""
NDCG = "ndcg@20"
FEW_SHOT_TITLE = f"{FEW_SHOT}: NDCG@20 by how many per cent of one half revealed their purchases"


def figures(rows: Sequence[ResultRow]) -> dict[str, tuple[list[str], list[list[object]]]]:
    """Tables by title, one method per row (best NDCG first), as mean ± standard error.

    The title is the protocol, and each metric has a column; all levels of few-shot are one table of NDCG@20.
    """
    tables: dict[str, tuple[list[str], list[list[object]]]] = {}
    summaries = summary_table(rows)
    for protocol in dict.fromkeys(summary.protocol for summary in summaries):
        if family(protocol) == FEW_SHOT:
            tables.setdefault(FEW_SHOT_TITLE, _levels(summaries))
        else:
            tables[protocol] = _metrics([summary for summary in summaries if summary.protocol == protocol])
    return tables


def _metrics(own: Sequence[Summary]) -> tuple[list[str], list[list[object]]]:
    means = {(summary.method, summary.metric): summary for summary in own}
    metrics = [metric for metric in SHOWN if any(m == metric for _, m in means)]
    held_out = [f"{metric}@held-out" for metric in SHOWN[:1] if any(m == f"{metric}@held-out" for _, m in means)]
    leading = "h" if "h" in metrics else NDCG
    methods = sorted(dict.fromkeys(summary.method for summary in own), key=lambda method: -means[method, leading].mean)
    shown = (*metrics, *held_out)
    lines: list[list[object]] = [[m, *(_cell(means.get((m, metric))) for metric in shown)] for m in methods]
    return ["method", *shown], lines


def _levels(summaries: Sequence[Summary]) -> tuple[list[str], list[list[object]]]:
    own = {(s.method, s.protocol): s for s in summaries if family(s.protocol) == FEW_SHOT and s.metric == NDCG}
    protocols = sorted({protocol for _, protocol in own}, key=revealed_share)
    methods = sorted(dict.fromkeys(method for method, _ in own), key=lambda method: -own[method, protocols[-1]].mean)
    lines: list[list[object]] = [[m, *(_cell(own.get((m, protocol))) for protocol in protocols)] for m in methods]
    return ["method", *(f"{revealed_share(protocol)} %" for protocol in protocols)], lines


def paired(rows: Sequence[ResultRow], method: str = Newaisle.name) -> list[list[object]]:
    """NDCG@20 of one method minus that of every other on the same splits: protocol, other method, difference."""
    found: list[list[object]] = []
    for other in dict.fromkeys(row.method for row in rows):
        if other != method:
            found += [
                [c.protocol, other, f"{c.difference:+.4f}{_error(c.standard_error)}"]
                for c in compare(rows, other)
                if c.method == method and c.metric == (comparable(NDCG, c.protocol) if other == CEILING else NDCG)
            ]
    return sorted(found, key=lambda line: str(line[0]), reverse=True)


def _cell(summary: Summary | None) -> str:
    return "" if summary is None else f"{summary.mean:.4f}{_error(summary.standard_error)}"


def _error(value: float | None) -> str:
    return "" if value is None or value != value else f" ± {value:.4f}"
