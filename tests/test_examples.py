"""The examples run, and the notebook shows what it gives now."""

import json
import re
import runpy
from pathlib import Path

import pytest
from support.notebooks import run_notebook

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hasty_search")]

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOK = EXAMPLES / "new_aisle.ipynb"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch, encodings):
    """A fresh home with the texts that other tests have encoded."""
    monkeypatch.setenv("NEWAISLE_HOME", str(tmp_path))
    (tmp_path / "encodings.sqlite").symlink_to(encodings)


def kinds(cell):
    """The types of the outputs of a cell, in order."""
    return [(output["output_type"], sorted(output.get("data", {}))) for output in cell["outputs"]]


def test_the_notebook_runs_and_holds_the_outputs_of_this_version():
    stored = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    shown = [cell for cell in run_notebook(NOTEBOOK) if cell["cell_type"] == "code"]
    stored = [cell for cell in stored if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in stored] == list(range(1, len(stored) + 1))
    assert [kinds(cell) for cell in stored] == [kinds(cell) for cell in shown]
    assert sum("image/png" in output.get("data", {}) for cell in shown for output in cell["outputs"]) == 4
    assert stored[0]["outputs"] == shown[0]["outputs"]  # it depends on the data alone


def test_the_content_site_ranks_visitors_better_than_activity(capsys):
    runpy.run_path(str(EXAMPLES / "content_site.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "3,000 people, 294 areas, of which 6 on servers open today." in printed
    mean = next(line for line in printed.splitlines() if "on average" in line)
    newaisle, busiest = (int(share) for share in re.findall(r"(\d+)%", mean))
    assert newaisle > busiest > 10


def test_what_the_examples_ship_is_small_and_its_source_named():
    folders = [folder for folder in (EXAMPLES / "data").iterdir() if folder.is_dir()]
    assert folders
    for folder in folders:
        assert sum(file.stat().st_size for file in folder.iterdir()) < 200_000
        readme = (folder / "README.md").read_text(encoding="utf-8")
        assert "Source:" in readme
        assert "licence" in readme
    assert NOTEBOOK.stat().st_size < 300_000
