"""The command check, and what fit and evaluate print of a source before any work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Run = Callable[..., tuple[object, str, str]]
MAIN = "import sys; from newaisle.api.cli.main import main\ntry:\n    main(sys.argv[1:])\nfinally:\n    "


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Eight targets, two of them new; a fifth of the events is on targets that the catalog does not contain."""
    names = ["red lamp", "red chair", "red rug", "red vase", "blue lamp", "blue chair", "blue rug", "blue vase"]
    pd.DataFrame({"id": list("abcdefgh"), "name": names}).to_csv(tmp_path / "categories.csv", index=False)
    users = [i % 12 for i in range(60)]
    targets = ["zz" if i % 5 == 4 else "abcdef"[(i * i + i // 7) % 6] for i in range(60)]
    kinds = ["view" if i % 3 else "purchase" for i in range(60)]
    events = pd.DataFrame({"user": users, "target": targets, "event": kinds}).drop_duplicates()
    events.to_csv(tmp_path / "interactions.csv", index=False)
    return tmp_path


@pytest.fixture
def without_sales(shop: Path) -> Path:
    (shop / "interactions.csv").unlink()
    return shop


def test_a_usable_source_is_described(run: Run, shop: Path) -> None:
    code, out, err = run("check", f"tables:{shop}")
    assert code == 0
    assert out.startswith("tables: 8 targets (6 sold, 2 new), 0 groups")
    for expected in ("Files", "Rows", "unknown target", "Kinds of events", "Look at first", "events (2"):
        assert expected in out
    assert "Loading" in err


def test_json_is_the_whole_output(run: Run, shop: Path) -> None:
    code, out, _ = run("check", f"tables:{shop}", "--json", "--kinds", "view=0.3")
    found = json.loads(out)
    assert code == 0
    assert found["usable"] is True
    assert {kind["kind"]: kind["weight"] for kind in found["sales"]["kinds"]} == {"view": 0.3, "purchase": 1.0}
    assert found["findings"][0]["code"] == "unknown-targets"


def test_a_source_without_sales_can_be_read_but_not_fitted(run: Run, without_sales: Path) -> None:
    code, out, _ = run("check", f"tables:{without_sales}")
    assert code == 3
    assert "--sales FILE" in out


def test_a_missing_source_is_an_error(run: Run, tmp_path: Path) -> None:
    code, out, err = run("check", f"tables:{tmp_path / 'none'}")
    assert (code, out) == (1, "")
    assert "is not a folder" in err.splitlines()[-1]


@pytest.mark.parametrize("command", ["fit", "evaluate"])
def test_what_cannot_be_fitted_is_refused_before_pytorch_is_imported(command: str, without_sales: Path) -> None:
    code = f"{MAIN}print([name for name in ('torch', 'sentence_transformers') if name in sys.modules])"
    arguments = [
        command,
        f"tables:{without_sales}",
        *(["--out", str(without_sales / "model")] if command == "fit" else []),
    ]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "[]\n"
    assert "no interactions, so no model can be fitted" in done.stderr.splitlines()[-1]
    assert "--sales FILE" in done.stderr
    assert not (without_sales / "model").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_home", "hasty_search")
def test_fit_prints_what_it_read_and_what_it_learned_from(run: Run, shop: Path) -> None:
    code, out, err = run("fit", f"tables:{shop}", "--out", str(shop / "model"))
    assert (code, out) == (0, "")
    events = pd.read_csv(shop / "interactions.csv")
    lost = int((events["target"] == "zz").sum())
    assert f"{len(events)} rows read, {len(events) - lost} kept; dropped: {lost} unknown target" in err
    assert "Kinds of events: view" in err
    warned = [line for line in err.splitlines() if line.startswith("Warning: ")]
    assert (
        len(warned) == len(set(warned)) == sum("targets that the catalog does not contain" in line for line in warned)
    )
    assert "6 sold targets; predicted: 2 new targets" in err
    assert "Settings: rank" in err
