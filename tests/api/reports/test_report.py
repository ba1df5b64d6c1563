"""The report folder of an evaluation of the real slice: figures for programs, text and pictures for people."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from support.fixed_settings import FixedLinMap, FixedNewaisle

from newaisle.api.reports.evaluation import Evaluation, evaluate_source
from newaisle.api.reports.markdown import report_text, table
from newaisle.api.reports.options import EvaluationOptions
from newaisle.api.reports.plots.registry import PLOTS, plotted
from newaisle.api.reports.report import open_report, report_data, write_report
from newaisle.errors import InputError, MissingExtraError
from newaisle.gnn.evaluation.comparison import compare, summary_table
from newaisle.gnn.evaluation.judging import HELD_OUT
from newaisle.gnn.evaluation.methods.ceiling import Ceiling
from newaisle.gnn.evaluation.methods.simple_baselines import RandomScores
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.propagation.features import FeatureBlocks
from newaisle.graph import Relation
from newaisle.graph.catalog.schema import Edges, frozen
from newaisle.loaders import LoadedSource

pytestmark = pytest.mark.slow

ZERO_SHOT = ("ndcg", "level", "confidence", "distance", "variety")
FILES = {"report.json", "report.md", *(f"{name}.png" for name in ZERO_SHOT)}


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cached")


@pytest.fixture(scope="module")
def evaluated(journey: LoadedSource, encodings: Path, cached: Path) -> Evaluation:
    """Both protocols and two seeds, all methods; numbers of manufacturers left out of it, so that it is quicker."""
    assert journey.interactions is not None
    return evaluate_source(
        journey.graph,
        journey.interactions,
        EvaluationOptions(seeds=[0, 1], drop=["manufacturer"], encodings=encodings, results_folder=cached),
        source="a slice | of a shop",
    )


@pytest.fixture(scope="module")
def known(evaluated: Evaluation, phi: FeatureBlocks, given: ModelSettings) -> Evaluation:
    """The protocols in which something is known of the new targets, with few methods."""
    methods = {
        "newaisle": partial(FixedNewaisle, blocks=phi, settings=given),
        "linmap": partial(FixedLinMap, blocks=phi, settings=given),
        "random": RandomScores,
        "ceiling": Ceiling,
    }
    results = evaluate_splits(evaluated.graph, evaluated.history, methods, ["few-shot", "generalised"], [0, 1])
    return replace(evaluated, results=results)


@pytest.fixture(scope="module")
def folder(evaluated: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "deeper" / "report"
    write_report(evaluated, folder)
    return folder


def test_the_folder_holds_the_report_and_nothing_else(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == FILES
    for name in ZERO_SHOT:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_figures_are_those_of_the_evaluation(folder: Path, evaluated: Evaluation) -> None:
    data = json.loads((folder / "report.json").read_text())
    rows = evaluated.rows
    assert data["rows"] == [asdict(row) for row in rows]
    assert data["summary"] == [asdict(summary) for summary in summary_table(rows)]
    linmap = [asdict(found) for found in compare(rows, "linmap") if found.method == "newaisle"]
    assert [line for line in data["differences"] if line["baseline"] == "linmap"] == linmap
    assert {line["method"] for line in data["differences"]} == {"newaisle"}
    baselines = {row.method for row in rows} - {"newaisle"}
    assert {line["baseline"] for line in data["differences"]} == baselines
    assert "ceiling" in baselines
    held_out = {line["metric"] for line in data["differences"] if line["baseline"] == "ceiling"}
    assert all(metric.endswith(HELD_OUT) for metric in held_out)


def test_the_settings_say_how_to_run_it_again(folder: Path, evaluated: Evaluation, journey: LoadedSource) -> None:
    data = json.loads((folder / "report.json").read_text())
    assert data["settings"] == {
        "source": "a slice | of a shop",
        "protocols": ["leave-targets-out", "leave-branches-out"],
        "seeds": [0, 1],
        "users": None,
        "without": ["manufacturer"],
        "ablate": False,
        "encoder": "packaged:all-MiniLM-L6-v2",
        "options": [],
    }
    assert data["left_out"] == {}
    assert data["data"]["catalog_hash"] == journey.graph.content_hash
    assert data["data"]["users"] == 300
    assert data["versions"]["newaisle"]
    assert [(split["protocol"], split["seed"]) for split in data["splits"]] == [
        (result.protocol, result.seed) for result in evaluated.results
    ]


def test_single_targets_have_their_ids(folder: Path, journey: LoadedSource) -> None:
    data = json.loads((folder / "report.json").read_text())
    assert journey.interactions is not None
    buyers = dict(
        zip(journey.graph.ids.values, (journey.interactions.matrix(journey.graph) > 0).sum(axis=0), strict=True)
    )
    assert len(data["targets"]) == 4
    for found, split in zip(data["targets"], data["splits"], strict=True):
        assert found["method"] == "newaisle"
        assert len(found["id"]) == split["candidates"]
        assert found["buyers"] == [buyers[target] for target in found["id"]]
        assert found["share"] == pytest.approx([buyers[target] / 300 for target in found["id"]])
        for name in ("level", "confidence", "distance", "taste_auc"):
            assert len(found[name]) == len(found["id"])
        assert all(0 <= value <= 1 for value in found["confidence"])


def test_the_text_shows_every_method_and_plot(folder: Path, evaluated: Evaluation) -> None:
    text = (folder / "report.md").read_text()
    pictures = set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text))
    assert pictures == FILES - {"report.json", "report.md"}
    for summary in summary_table(evaluated.rows):
        if summary.metric == "ndcg@20":
            assert f"| {summary.method} | {summary.mean:.4f} ± {summary.standard_error:.4f} |" in text
    for found in compare(evaluated.rows, "linmap"):
        if (found.method, found.metric) == ("newaisle", "ndcg@20"):
            assert f"| linmap | {found.difference:+.4f} ± {found.standard_error:.4f} |" in text
    assert "of its NDCG@20" in text
    assert "No method knew: manufacturer." in text
    assert evaluated.graph.content_hash in text
    assert "nan" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_every_plot_is_legible(evaluated: Evaluation, known: Evaluation) -> None:
    """Axes are labelled, no text is drawn outside of the picture, and methods and targets are in it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    assert set(plotted(evaluated)) == set(ZERO_SHOT)
    for name, part in [*plotted(evaluated).items(), *plotted(known).items()]:
        figure = PLOTS[name](part)
        FigureCanvasAgg(figure).draw()
        width, height = figure.get_size_inches() * figure.dpi
        for axes in figure.axes:
            box = axes.get_tightbbox()
            assert box is not None
            assert box.x0 >= -1, name
            assert box.y0 >= -1, name
            assert box.x1 <= width + 1, name
            assert box.y1 <= height + 1, name
        assert any(axes.get_xlabel() for axes in figure.axes), name
        assert any(axes.get_title() or axes.get_title(loc="left") for axes in figure.axes), name
    ndcg = PLOTS["ndcg"](evaluated)
    names = {label.get_text() for label in ndcg.axes[0].get_yticklabels()}
    assert names == {row.method for row in evaluated.rows}
    level = PLOTS["level"](evaluated)
    drawn = sum(len(points.get_offsets()) for points in level.axes[0].collections)
    assert drawn == sum(r.counts["candidates"] for r in evaluated.results if r.protocol == "leave-targets-out")


def test_all_of_few_shot_is_one_table_and_one_plot(known: Evaluation, tmp_path: Path) -> None:
    few_shot = known.where(lambda result: result.protocol.startswith("few-shot"))
    write_report(few_shot, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"report.json", "report.md", "few-shot.png"}
    text = (tmp_path / "report.md").read_text()
    assert "| method | 0 % | 1 % | 3 % | 10 % | 30 % | 100 % |" in text
    means = {(s.protocol, s.method): s for s in summary_table(known.rows) if s.metric == "ndcg@20"}
    for method in ("newaisle", "linmap", "als-revealed", "popularity-revealed", "random", "ceiling"):
        line = [means[f"few-shot:{level}", method] for level in (0, 1, 3, 10, 30, 100)]
        means_text = " | ".join(f"{summary.mean:.4f} ± {summary.standard_error:.4f}" for summary in line)
        assert f"| {method} | {means_text} |" in text
    share = means["few-shot:100", "newaisle"].mean / means["few-shot:100", "ceiling"].mean
    assert f"few-shot:100: on the ceiling's held-out users newaisle reaches {share:.1%} of its NDCG@20." in text
    assert "### few-shot:10: paired differences" in text
    assert "confidence.png" not in text
    assert "nan" not in text
    found = compare(known.rows, "ceiling")
    assert {c.metric for c in found if c.method == "newaisle"} >= {"ndcg@20", "taste_auc"}


def test_seen_and_new_targets_are_compared(known: Evaluation, tmp_path: Path) -> None:
    one_list = known.where(lambda result: result.protocol == "generalised")
    write_report(one_list, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        "report.json",
        "report.md",
        "generalised.png",
        "ndcg.png",
        "variety.png",
    }
    text = (tmp_path / "report.md").read_text()
    assert "| method | ndcg@20 | h | ndcg@20:seen | ndcg@20:new |" in text
    lines = re.findall(r"^\| ([a-z-]+) \| 0\.", text, flags=re.MULTILINE)
    means = {s.method: s.mean for s in summary_table(one_list.rows) if s.metric == "h"}
    assert lines[: len(means)] == sorted(means, key=lambda method: -means[method])
    assert set(means) == {"newaisle", "newaisle-uncorrected", "linmap", "als-only", "random"}
    (axes,) = PLOTS["generalised"](one_list).axes
    assert {label.get_text() for label in axes.get_yticklabels()} == set(means)
    assert "nan" not in text


def test_one_seed_has_no_errors(evaluated: Evaluation, tmp_path: Path) -> None:
    alone = replace(evaluated, results=[result for result in evaluated.results if result.seed == 1])
    write_report(alone, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "Seeds: 1." in text
    assert re.search(r"\| linmap \| 0\.\d{4} \|", text)
    data = json.loads((tmp_path / "report.json").read_text())
    assert {summary["standard_error"] for summary in data["summary"]} == {None}


def test_an_older_report_is_replaced_and_other_files_stay(evaluated: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("older")
    (tmp_path / "notes.txt").write_text("mine")
    write_report(evaluated, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {*FILES, "notes.txt"}
    assert (tmp_path / "report.md").read_text().startswith("# newaisle on")


def test_a_report_that_cannot_be_written_leaves_the_older_one(
    evaluated: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.md").write_text("older")

    def full(_evaluation: Evaluation) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(PLOTS, "variety", full)  # type: ignore[arg-type]  # the last one to be drawn
    with pytest.raises(InputError, match="No space left"):
        write_report(evaluated, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["report.md"]
    assert (tmp_path / "report.md").read_text() == "older"


def test_a_folder_that_cannot_be_written_to_is_refused_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written to"):
        open_report(tmp_path / "file")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"newaisle\[demo\]"):
        open_report(tmp_path / "report")


def test_protocols_that_do_not_apply_are_left_out_unless_given(
    journey: LoadedSource, encodings: Path, cached: Path
) -> None:
    assert journey.interactions is not None
    none = Edges(frozen([], np.int64), frozen([], np.int64), frozen([], np.float64))
    flat = replace(journey.graph, edges={**journey.graph.edges, Relation.CHILD_OF: none})
    lines: list[str] = []
    options = EvaluationOptions(seeds=[0], users=200, encodings=encodings, results_folder=cached)
    found = evaluate_source(flat, journey.interactions, options, progress=lines.append)
    assert found.protocols == ["leave-targets-out"]
    assert list(found.left_out) == ["leave-branches-out"]
    assert len([line for line in lines if "leave-branches-out does not apply" in line]) == 1
    assert len(found.history.users) == 200
    text = report_text(found, report_data(found))
    assert "leave-branches-out was left out. The catalog has 0 parents" in text
    assert "Only a random part of 200 users was judged." in text
    with pytest.raises(InputError, match="has 0 parents"):
        evaluate_source(
            flat,
            journey.interactions,
            EvaluationOptions(protocols=["leave-targets-out", "leave-branches-out"], seeds=[0]),
        )


def test_tables_escape_their_bars() -> None:
    assert table(["a", "b"], [["x|y", 1]]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 |"
