"""The printed tables of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...gnn.evaluation.comparison import Comparison, Summary
from ...gnn.evaluation.protocols.names import FEW_SHOT, family, revealed_share

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
FORECAST = ("forecast_coverage", "forecast_ratio", "forecast_coverage:tail", "forecast_ratio:tail")
NDCG = "ndcg@20"
FEW_SHOT_TITLE = f"{FEW_SHOT}: NDCG@20 by the share of one half of the users that revealed their purchases"

TableText = tuple[list[str], list[list[object]]]
"""Columns and rows."""


def figures(summary: Sequence[Summary]) -> dict[str, TableText]:
    """Tables by protocol, few-shot in one of NDCG@20, a method per row (best NDCG first), as mean ± standard error."""
    tables: dict[str, TableText] = {}
    for protocol in dict.fromkeys(each.protocol for each in summary):
        if family(protocol) == FEW_SHOT:
            tables.setdefault(FEW_SHOT_TITLE, _few_shot(summary))
        else:
            tables[protocol] = _metrics([each for each in summary if each.protocol == protocol])
    return tables


def forecasts(summary: Sequence[Summary]) -> TableText | None:
    """Coverage and ratio of forecasts, a protocol and method per row; None where nothing was forecast."""
    cells = {(each.protocol, each.method, each.metric): each for each in summary}
    lines: list[list[object]] = []
    for protocol, method in dict.fromkeys(key[:2] for key in cells if key[2] == FORECAST[0]):
        found = [cells.get((protocol, method, metric)) for metric in FORECAST]
        lines.append([protocol, method, *("" if s is None else with_error(s.mean, s.standard_error) for s in found)])
    return (["protocol", "method", *FORECAST], lines) if lines else None


def _metrics(summary: Sequence[Summary]) -> TableText:
    cells = {(each.method, each.metric): each for each in summary}
    known = {metric for _, metric in cells}
    metrics = [metric for metric in (*SHOWN, f"{NDCG}@held-out") if metric in known]
    return _table(cells, metrics, metrics, "h" if "h" in known else NDCG)


def _few_shot(summary: Sequence[Summary]) -> TableText:
    cells = {(s.method, s.protocol): s for s in summary if family(s.protocol) == FEW_SHOT and s.metric == NDCG}
    protocols = sorted({protocol for _, protocol in cells}, key=revealed_share)
    return _table(cells, protocols, [f"{revealed_share(protocol)} %" for protocol in protocols], protocols[-1])


def _table(
    cells: dict[tuple[str, str], Summary], keys: Sequence[str], columns: Sequence[str], leading: str
) -> TableText:
    methods = sorted(dict.fromkeys(method for method, _ in cells), key=lambda method: -cells[method, leading].mean)
    lines: list[list[object]] = []
    for method in methods:
        found = [cells.get((method, key)) for key in keys]
        lines.append([method, *("" if s is None else with_error(s.mean, s.standard_error) for s in found)])
    return ["method", *columns], lines


def paired(differences: Sequence[Comparison]) -> list[list[object]]:
    """Protocol, other method, NDCG@20 of one method minus that of the other on the same splits."""
    lines: list[list[object]] = [
        [each.protocol, each.baseline, with_error(each.difference, each.standard_error, "+.4f")]
        for each in differences
        if each.main_metric == NDCG
    ]
    return sorted(lines, key=lambda line: str(line[0]), reverse=True)


def with_error(value: float, error: float | None, form: str = ".4f") -> str:
    """A figure with its standard error, if it has one."""
    return f"{value:{form}}" + ("" if error is None or math.isnan(error) else f" ± {error:{form.lstrip('+')}}")
