"""The report folder of an evaluation: report.json for programs, report.md and plots for people."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...gnn.evaluation.cache import code_hash, data_hash
from ...gnn.evaluation.diagnostics import correlations, deciles
from ...gnn.evaluation.methods.newaisle import Newaisle
from .evaluation import Evaluation
from .markdown import report_text
from .plots.canvas import canvas
from .plots.registry import PLOTS, plotted, predicts_targets

_PACKAGES = ("newaisle", "numpy", "scipy", "torch", "torch-geometric", "implicit", "sentence-transformers")
_DPI = 110


def open_report(folder: str | Path) -> Path:
    """Make the folder and check that a report can be written there, before a long evaluation."""
    canvas(1, 1)
    folder = Path(folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=folder).cleanup()
    return folder


def write_report(evaluation: Evaluation, folder: str | Path) -> None:
    """Write ``report.json``, ``report.md`` and the plots; older ones in the folder are replaced, whole files only.

    Raises:
        InputError: the folder cannot be made or written to.
        MissingExtraError: matplotlib is not installed.
    """
    folder = open_report(folder)
    data = report_data(evaluation)
    with _writing(folder), tempfile.TemporaryDirectory(dir=folder) as drafts:
        for name, part in plotted(evaluation).items():
            PLOTS[name](part).savefig(Path(drafts) / f"{name}.png", dpi=_DPI)
        text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)
        (Path(drafts) / "report.json").write_text(text + "\n", encoding="utf-8")
        (Path(drafts) / "report.md").write_text(report_text(evaluation, data), encoding="utf-8")
        for draft in Path(drafts).iterdir():
            draft.replace(folder / draft.name)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"The report cannot be written to {folder} ({error.strerror}); give another folder.") from None


def report_data(evaluation: Evaluation) -> dict[str, Any]:
    """All that ``report.json`` holds.

    - ``settings``: the options; ``left_out``: protocols that do not apply, and why.
    - ``data``: counts and hashes of the data; ``versions``: of newaisle, its code and its libraries.
    - ``splits``: counts per protocol and seed; ``rows``: all figures; ``summary``: their means with corrected errors.
    - ``differences``: newaisle minus every other method, paired.
    - ``correlations``, ``deciles``: see :mod:`newaisle.gnn.evaluation.diagnostics`.
    - ``targets``: per protocol, seed and method that predicts single targets, columns with one number per candidate.
    """
    ids = evaluation.graph.ids.values
    options = evaluation.options
    per_target = evaluation.where(predicts_targets).results
    return {
        "settings": {
            "source": evaluation.source,
            "protocols": evaluation.protocols,
            "seeds": evaluation.seeds,
            "users": options.users,
            "without": list(options.drop),
            "ablate": options.ablate,
            "encoder": options.encoder,
            "options": options.flags,
        },
        "left_out": dict(evaluation.left_out),
        "data": _data(evaluation),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
            "code": code_hash(),
        },
        "splits": [{"protocol": r.protocol, "seed": r.seed, **r.counts} for r in evaluation.results],
        "rows": [asdict(row) for row in evaluation.rows],
        "summary": [asdict(summary) for summary in evaluation.summary],
        "differences": [asdict(found) for found in evaluation.differences],
        "correlations": [asdict(found) for found in correlations(per_target, Newaisle.name)],
        "deciles": {
            by: [asdict(found) for found in deciles(per_target, by, Newaisle.name)] for by in ("confidence", "distance")
        },
        "targets": [
            {
                "protocol": result.protocol,
                "seed": result.seed,
                "method": method,
                "id": [ids[int(position)] for position in found.targets["position"] if position is not None],
                **{name: list(values) for name, values in found.targets.items() if name != "position"},
            }
            for result in evaluation.results
            for method, found in result.by_method.items()
            if found.targets
        ],
    }


def _data(evaluation: Evaluation) -> dict[str, Any]:
    graph, history = evaluation.graph, evaluation.history
    groups = int(graph.is_group.sum())
    return {
        "targets": len(graph) - groups,
        "groups": groups,
        "attributes": len(graph.attributes),
        "edges": sum(map(len, graph.edges.values())),
        "users": len(history.users),
        "events": len(history),
        "catalog": graph.report.describe(),
        "interactions": history.report.describe(),
        "catalog_hash": graph.content_hash,
        "data_hash": data_hash(graph, history),
    }
