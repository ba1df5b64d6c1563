"""What report.md says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...gnn.evaluation.comparison import CEILING, comparable, summary_table
from ...gnn.evaluation.judging import HELD_OUT
from ...gnn.evaluation.methods.newaisle import Newaisle
from .evaluation import Evaluation
from .plots.by_protocol import span
from .plots.registry import pictured
from .tables import NDCG, SHOWN, figures

_COMPARED = tuple(metric for metric in SHOWN if metric != "novelty")

_METRICS = """\
- **NDCG@20**: how good the order of the first 20 is, 1 being the best possible; **recall**, **precision**: how much of
  what was bought is among them, and how much of them was bought; **MRR**: 1 / rank of the first hit; **AUC**: share of
  pairs of a bought and another target in the right order.
- **taste AUC**: for one target, does the score tell its buyers from other users who are as active? One list for
  everybody gives 0.5, however well it knows what sells.
- **coverage**: share of the candidates that anybody is shown; **diversity**: 1 - mean cosine of the texts within a
  list; **novelty**: mean self-information of what is shown, in bits.
- In `generalised`, seen and new targets stand in one list: **h** is the harmonic mean of its NDCG@20 for the hidden
  purchases of seen targets and of new ones.
- The **ceiling** is a conventional recommender that does have the sales of the hidden targets, of half of the users. It
  is judged on the other half; figures ending in `@held-out` are those of the others on the same users.
- **±** is the corrected standard error for overlapping splits (Nadeau and Bengio 2003). Splits differ from seed to seed
  much more than methods do on the same split: look at the paired differences."""

_CONFIDENCE = """\
The hidden targets of every split in ten parts by confidence. The error of the level is the logarithm of
the factor by which the expected share of buyers is wrong: 0.69 is a factor of 2. Shares below 1 % count as 1 %."""


def report_text(evaluation: Evaluation, data: Mapping[str, Any]) -> str:
    """The report in Markdown.

    Args:
        evaluation: what it is of.
        data: as :func:`newaisle.api.reports.report.report_data` gives it.
    """
    pictures = pictured(evaluation)
    parts = [f"# newaisle on {evaluation.source}", _asked(evaluation), "## What was judged", _judged(evaluation, data)]
    parts.append("## Who ranks the hidden targets best")
    if "ndcg" in pictures:
        parts.append("![NDCG@20 by protocol, and newaisle minus every method](ndcg.png)")
    if "few-shot" in pictures:
        parts.append("![NDCG@20 by how many reveal their purchases of the hidden targets](few-shot.png)")
    if "generalised" in pictures:
        parts.append("![NDCG@20 of seen and of new targets in one list, and their harmonic mean](generalised.png)")
    parts += _rankings(evaluation)
    parts.append("## newaisle minus the others")
    parts.append(f"Paired on the same splits; against the {CEILING} on the users that it is judged on.")
    parts += _differences(evaluation, data)
    if "level" in pictures:
        parts += _targets(data)
    if "variety" in pictures:
        parts.append("## How varied are the lists?")
        parts.append("![Coverage and diversity against NDCG@20 by method](variety.png)")
    parts += ["## What the figures mean", _METRICS, "## How to get the same figures", _settings(data)]
    return "\n\n".join(parts) + "\n"


def _targets(data: Mapping[str, Any]) -> Iterable[str]:
    yield "## Does it know what will sell?"
    yield "![Expected level of hidden targets against the share of users who bought them](level.png)"
    yield "## Does it know how sure it is?"
    yield _CONFIDENCE
    yield "![Error of the level and taste AUC by decile of confidence](confidence.png)"
    yield from _deciles(data)
    yield "## How far from what is sold does taste carry?"
    yield "![Taste AUC of hidden targets by distance from the nearest sold target](distance.png)"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; a bar in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(str(method_result).replace("|", "\\|") for method_result in line) + " |" for line in lines
    )


def _asked(evaluation: Evaluation) -> str:
    seeds = ", ".join(map(str, evaluation.seeds))
    told = [
        "Targets whose sales are known had them hidden; every method ranked them for every user without these sales.",
        f"Protocols: {', '.join(evaluation.protocols)}. Seeds: {seeds}.",
    ]
    told += [f"{protocol} was left out. {reason}" for protocol, reason in evaluation.left_out.items()]
    if evaluation.users is not None:
        told.append(f"Only a random part of {len(evaluation.history.users):,} users was judged.")
    if evaluation.dropped:
        told.append(f"No method knew: {', '.join(evaluation.dropped)}.")
    return " ".join(told)


def _judged(evaluation: Evaluation, data: Mapping[str, Any]) -> str:
    counts = data["data"]
    names = ("targets", "groups", "attributes", "edges", "users", "events")
    told = ", ".join(f"{counts[name]:,} {name}" for name in names)
    shown = ("seen", "hidden", "candidates", "users", "users_without_history")
    lines = []
    for protocol in evaluation.protocols:
        own = [result.counts for result in evaluation.results if result.protocol == protocol]
        lines.append([protocol, *(span([split[name] for split in own]) for name in shown)])
    columns = ["protocol", "sold targets", "hidden", "candidates (5 buyers or more)", "users judged", "without history"]
    return f"{told}. Over the seeds:\n\n{table(columns, lines)}"


def _rankings(evaluation: Evaluation) -> Iterable[str]:
    for title, (columns, lines) in figures(evaluation.rows).items():
        yield f"### {title}"
        yield table(columns, lines)
    means = {(s.protocol, s.method, s.metric): s.mean for s in summary_table(evaluation.rows)}
    for protocol in evaluation.protocols:
        ours = means.get((protocol, Newaisle.name, comparable(NDCG, protocol)))
        ceiling = means.get((protocol, CEILING, NDCG))
        if ours and ceiling:
            yield f"{protocol}: on the ceiling's held-out users newaisle reaches {ours / ceiling:.1%} of its NDCG@20."


def _differences(evaluation: Evaluation, data: Mapping[str, Any]) -> Iterable[str]:
    for protocol in evaluation.protocols:
        found = {
            (line["baseline"], line["metric"].removesuffix(HELD_OUT)): line
            for line in data["differences"]
            if line["protocol"] == protocol and line["metric"] == _metric_of(line)
        }
        metrics = [metric for metric in _COMPARED if any(metric == known for _, known in found)]
        others = sorted({other for other, _ in found}, key=lambda other: float(found[other, NDCG]["difference"]))
        lines = [[other, *(_difference(found.get((other, metric))) for metric in metrics)] for other in others]
        yield f"### {protocol}: paired differences"
        yield table(["newaisle minus", *metrics], lines)


def _metric_of(line: Mapping[str, Any]) -> str:
    """The metric of a difference, over the users that it should be read over."""
    plain = str(line["metric"]).removesuffix(HELD_OUT)
    return comparable(plain, line["protocol"]) if line["baseline"] == CEILING else plain


def _difference(line: Mapping[str, Any] | None) -> str:
    return "" if line is None else f"{line['difference']:+.4f}{_error(line['standard_error'])}"


def _deciles(data: Mapping[str, Any]) -> Iterable[str]:
    for known in data["correlations"]:
        rank = known["confidence_error"]
        if rank is not None:
            yield (
                f"{known['protocol']}: rank correlation of confidence and error {rank['value']:+.3f}"
                f"{_error(rank['standard_error'])} (the farther below 0, the better it knows)."
            )
    lines = [
        [
            line["protocol"],
            line["decile"],
            line["targets"],
            f"{line['middle']:.3f}",
            _mean(line["level_error"]),
            _mean(line["taste_auc"]),
        ]
        for line in data["deciles"]["confidence"]
    ]
    yield table(["protocol", "decile", "targets", "mean confidence", "error of the level", "taste AUC"], lines)


def _mean(mean: Mapping[str, Any] | None) -> str:
    return "" if mean is None else f"{mean['value']:.3f}{_error(mean['standard_error'])}"


def _error(value: float | None) -> str:
    return "" if value is None else f" ± {value:.4f}"


def _settings(data: Mapping[str, Any]) -> str:
    batch, versions = data["settings"], data["versions"]
    command = ["newaisle evaluate", batch["source"]]
    command += [f"--protocol {protocol}" for protocol in batch["protocols"]]
    command.append("--seeds " + ",".join(map(str, batch["seeds"])))
    if batch["without"]:
        command.append("--without " + ",".join(batch["without"]))
    if batch["ablate"]:
        command.append("--ablate")
    if batch["users"] is not None:
        command.append(f"--users {batch['users']}")
    if batch["encoder"] is not None:
        command.append(f"--encoder {batch['encoder']}")
    command += batch["options"]
    lines = [
        ("catalog", data["data"]["catalog"]),
        ("interactions", data["data"]["interactions"]),
        ("hash of the catalog", f"`{data['data']['catalog_hash']}`"),
        ("hash of all data", f"`{data['data']['data_hash']}`"),
        ("hash of newaisle's code", f"`{versions['code']}`"),
        ("versions", ", ".join(f"{name} {number}" for name, number in versions.items() if name != "code")),
    ]
    return f"```console norun\n$ {' '.join(command)}\n```\n\n{table(['what', 'value'], lines)}"
