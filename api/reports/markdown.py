"""The text of report.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...display import command_line, printable
from ...gnn.evaluation.comparison import CEILING, Comparison, comparable
from ...gnn.evaluation.methods.newaisle import Newaisle
from .evaluation import Evaluation
from .plots.by_protocol import span
from .plots.registry import plotted
from .tables import NDCG, SHOWN, figures, forecasts, with_error

_MARKS = re.compile(r"[\\`*_\[\]~$]")
_COMPARED = tuple(metric for metric in SHOWN if metric != "novelty")

_METRICS = """\
- **NDCG@20**: how good the order of the first 20 is, 1 being the best possible; **recall**, **precision**: how much of
  what was bought is among them, and how much of them was bought; **MRR**: 1 / rank of the first hit; **AUC**: share of
  pairs of a bought and another target in the right order.
- **taste AUC**: for one target, does the score separate its buyers from other users who are as active? The same ranking
  for all users gives 0.5, however well it predicts popularity.
- **coverage**: share of the candidates in at least one top 20; **diversity**: 1 - mean cosine of the texts within a
  top 20; **novelty**: mean self-information of what is recommended, in bits.
- In `generalised`, seen and new targets are ranked together: **h** is the harmonic mean of the NDCG@20 for the hidden
  purchases of seen targets and of new ones.
- The **ceiling** is a conventional recommender that does have the sales of the hidden targets, of half of the users. It
  is judged on the other half; figures ending in `@held-out` are those of the others on the same users.
- **±** is the corrected standard error for overlapping splits (Nadeau and Bengio 2003). Splits differ from seed to seed
  much more than methods do on the same split: look at the paired differences."""

_FORECASTS = """\
`forecast_coverage` is the share of all hidden targets whose true number of buyers, users without a history included,
lies inside the 80 % interval; `forecast_ratio` the mean forecast over the mean true number. `:tail` leaves out the 60
best sold targets of the catalog, hidden ones by their forecast."""
_CONFIDENCE = """\
The hidden targets of every split in ten parts by confidence. The error of the popularity is the logarithm of
the factor by which the predicted share of buyers is wrong: 0.69 is a factor of 2. Shares below 1 % count as 1 %."""
_PLOTS = {
    "ndcg": "NDCG@20 by protocol, and newaisle minus every method",
    "few-shot": "NDCG@20 by how many reveal their purchases of the hidden targets",
    "generalised": "NDCG@20 of seen and of new targets in one ranking, and their harmonic mean",
    "level": "Predicted popularity of hidden targets against the share of users who bought them",
    "confidence": "Error of the popularity and taste AUC by decile of confidence",
    "distance": "Taste AUC of hidden targets by distance from the nearest sold target",
    "variety": "Coverage and diversity against NDCG@20 by method",
}


def report_text(evaluation: Evaluation, data: Mapping[str, Any]) -> str:
    """The report in Markdown; ``data`` as :func:`newaisle.api.reports.report.report_data` returns it."""
    plots = plotted(evaluation)
    parts = [f"# newaisle on {foreign(evaluation.source)}", _question(evaluation), "## What was judged"]
    parts += [_judged(evaluation, data), "## Which method ranks the hidden targets best?"]
    parts += [_plot(name) for name in ("ndcg", "few-shot", "generalised") if name in plots]
    parts += _rankings(evaluation)
    if evaluation.differences:
        parts.append("## newaisle minus the others")
        parts.append(f"Paired on the same splits; against the {CEILING} on the users that it is judged on.")
        parts += _differences(evaluation)
    if (found := forecasts(evaluation.summary)) is not None:
        parts += ["## Do forecasts of the number of buyers hold?", _FORECASTS, table(*found)]
    if "level" in plots:
        parts += ["## Does it predict what will sell?", _plot("level")]
        parts += ["## Does its confidence predict its error?", _CONFIDENCE, _plot("confidence"), *_deciles(data)]
        parts += ["## How far from sold targets does taste carry?", _plot("distance")]
    if "variety" in plots:
        parts += ["## How varied are the recommendations?", _plot("variety")]
    parts += ["## What the figures mean", _METRICS, "## How to get the same figures", _settings(data)]
    return "\n\n".join(parts) + "\n"


def _plot(name: str) -> str:
    return f"![{_PLOTS[name]}]({name}.png)"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; a bar in a cell is escaped, and so is what a terminal would act on."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(printable(str(cell)).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def foreign(text: str) -> str:
    """A text from outside that Markdown and HTML show as it is, on one line."""
    return _MARKS.sub(r"\\\g<0>", printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _question(evaluation: Evaluation) -> str:
    options, seeds = evaluation.options, ", ".join(map(str, evaluation.seeds))
    sentences = [
        "Targets whose sales are known had them hidden; every method ranked them for every user without these sales.",
        f"Protocols: {', '.join(evaluation.protocols)}. Seeds: {seeds}.",
    ]
    sentences += [f"{protocol} was left out. {foreign(reason)}" for protocol, reason in evaluation.left_out.items()]
    if options.users is not None:
        sentences.append(f"Only a random part of {len(evaluation.history.users):,} users was judged.")
    if options.drop:
        sentences.append(f"No method knew: {', '.join(map(foreign, options.drop))}.")
    return " ".join(sentences)


def _judged(evaluation: Evaluation, data: Mapping[str, Any]) -> str:
    counts = data["data"]
    names = ("targets", "groups", "attributes", "edges", "users", "events")
    totals = ", ".join(f"{counts[name]:,} {name}" for name in names)
    shown = ("seen", "hidden", "candidates", "users", "users_without_history")
    lines = []
    for protocol in evaluation.protocols:
        splits = [result.counts for result in evaluation.results if result.protocol == protocol]
        lines.append([protocol, *(span([split[name] for split in splits]) for name in shown)])
    columns = ["protocol", "sold targets", "hidden", "candidates (5 buyers or more)", "users judged", "without history"]
    return f"{totals}. Over the seeds:\n\n{table(columns, lines)}"


def _rankings(evaluation: Evaluation) -> Iterable[str]:
    for title, (columns, lines) in figures(evaluation.summary).items():
        yield f"### {title}"
        yield table(columns, lines)
    means = {(s.protocol, s.method, s.metric): s.mean for s in evaluation.summary}
    for protocol in evaluation.protocols:
        ours = means.get((protocol, Newaisle.name, comparable(NDCG, protocol)))
        ceiling = means.get((protocol, CEILING, NDCG))
        if ours and ceiling:
            yield f"{protocol}: on the ceiling's held-out users newaisle reaches {ours / ceiling:.1%} of its NDCG@20."


def _differences(evaluation: Evaluation) -> Iterable[str]:
    for protocol in evaluation.protocols:
        found = {
            (each.baseline, each.main_metric): each
            for each in evaluation.differences
            if each.protocol == protocol and each.main_metric
        }
        metrics = [metric for metric in _COMPARED if any(metric == known for _, known in found)]
        others = sorted(dict.fromkeys(other for other, _ in found), key=lambda other: found[other, NDCG].difference)
        lines = [[other, *(_difference(found.get((other, metric))) for metric in metrics)] for other in others]
        yield f"### {protocol}: paired differences"
        yield table(["newaisle minus", *metrics], lines)


def _difference(found: Comparison | None) -> str:
    return "" if found is None else with_error(found.difference, found.standard_error, "+.4f")


def _deciles(data: Mapping[str, Any]) -> Iterable[str]:
    for known in data["correlations"]:
        if rank := known["confidence_error"]:
            yield (
                f"{known['protocol']}: rank correlation of confidence and error "
                f"{with_error(rank['value'], rank['standard_error'], '+.3f')} (the farther below 0, the better)."
            )
    columns = ["protocol", "decile", "targets", "mean confidence", "error of the popularity", "taste AUC"]
    lines = [
        [
            *(line[name] for name in ("protocol", "decile", "targets")),
            f"{line['middle']:.3f}",
            *(_mean(line[name]) for name in ("level_error", "taste_auc")),
        ]
        for line in data["deciles"]["confidence"]
    ]
    yield table(columns, lines)


def _mean(mean: Mapping[str, Any] | None) -> str:
    return "" if mean is None else with_error(mean["value"], mean["standard_error"], ".3f")


def _settings(data: Mapping[str, Any]) -> str:
    settings, versions = data["settings"], data["versions"]
    command = ["newaisle", "evaluate", settings["source"]]
    command += [word for protocol in settings["protocols"] for word in ("--protocol", protocol)]
    command += ["--seeds", ",".join(map(str, settings["seeds"]))]
    if settings["without"]:
        command += ["--without", ",".join(settings["without"])]
    if settings["ablate"]:
        command.append("--ablate")
    if settings["users"] is not None:
        command += ["--users", settings["users"]]
    if settings["encoder"] is not None:
        command += ["--encoder", settings["encoder"]]
    command += settings["options"]
    lines = [
        ("catalog", foreign(data["data"]["catalog"])),
        ("interactions", foreign(data["data"]["interactions"])),
        ("hash of the catalog", f"`{data['data']['catalog_hash']}`"),
        ("hash of all data", f"`{data['data']['data_hash']}`"),
        ("hash of newaisle's code", f"`{versions['code']}`"),
        ("versions", ", ".join(f"{name} {number}" for name, number in versions.items() if name != "code")),
    ]
    return f"```console norun\n$ {command_line(*command)}\n```\n\n{table(['what', 'value'], lines)}"
