"""Serving starts fast: what commands and answers import in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.graph import open_store

pytestmark = pytest.mark.slow

HEAVY = {"torch", "torch_geometric", "sentence_transformers", "transformers", "sklearn", "matplotlib", "implicit"}
"""What fitting, encoding and reports need."""
NUMBERS = {"numpy", "scipy", "pyarrow", "narwhals", "neo4j"}
"""What answers need, but no help text."""

COMMAND = """
import json, sys
from newaisle.api.cli.main import main
try:
    main(json.loads(sys.argv[1]))
except SystemExit as end:
    if end.code:
        raise
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
ANSWERS = """
import json, sys
from newaisle import Recommender
model = Recommender.load(sys.argv[1])
model.recommend("u")
model.recommend(None, among="all", diversity=0.5)
model.audience("milk")
model.forecast()
model.explain("u", "milk")
model.similar("milk")
model.route("milk")
model.score("u", ["milk"])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def catalog() -> CatalogGraph:
    return CatalogGraph.from_tables(
        pd.DataFrame(
            {
                "id": ["drinks", "tea", "coffee", "milk", "bread"],
                "name": ["Drinks", "Tea", "Coffee", "Milk", "Bread"],
                "text": ["", "black leaves", "roasted beans", "from cows", "from wheat"],
                "parent_id": [None, "drinks", "drinks", "drinks", None],
                "group": [True, False, False, False, False],
                "shelf": [None, "dry", "dry", "cold", "dry"],
            }
        )
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    sales = pd.DataFrame({"user": list("uuvvw"), "target": ["tea", "coffee", "coffee", "bread", "tea"]})
    settings = ModelSettings(FactorSettings(rank=2), KernelSettings({"shelf": 1.0}))
    fitted = Recommender(encoder=None, settings=settings).fit(catalog(), Interactions.from_table(sales))
    folder = tmp_path_factory.mktemp("start") / "model"
    fitted.save(folder)
    return str(folder)


def imported(program: str, argument: str) -> set[str]:
    """Top-level names of all modules that a fresh process has imported at its end."""
    done = subprocess.run([sys.executable, "-c", program, argument], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend", "MODEL", "--user", "u"],
        ["audience", "MODEL", "milk"],
        ["forecast", "MODEL"],
        ["explain", "MODEL", "--user", "u", "--target", "milk"],
        ["similar", "MODEL", "--target", "milk"],
        ["route", "MODEL", "milk"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_imports_what_its_answer_needs(model: str, arguments: list[str]) -> None:
    given = [model if each == "MODEL" else each for each in arguments]
    assert not imported(COMMAND, json.dumps(given)) & HEAVY


def test_all_answers_from_python_import_no_more(model: str) -> None:
    assert not imported(ANSWERS, model) & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["--version"]], ids=" ".join)
def test_help_imports_no_numbers(arguments: list[str]) -> None:
    assert not imported(COMMAND, json.dumps(arguments)) & (HEAVY | NUMBERS)


@pytest.mark.parametrize("arguments", [["cypher", "orphans"], ["inspect", "tea"]], ids=lambda arguments: arguments[0])
def test_commands_on_a_store_import_no_model(tmp_path: Path, arguments: list[str]) -> None:
    url = f"embedded:{tmp_path / 'store'}"
    with open_store(url, heap="512m") as store:
        store.write(catalog())
    assert not imported(COMMAND, json.dumps([*arguments, "--store", url])) & HEAVY
