"""The commands fit, recommend and evaluate on a real slice, as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.models import data_of, digest

from newaisle.api.cli.main import main
from newaisle.api.recommender import Recommender
from newaisle.graph import Relation
from newaisle.loaders import LoadedSource

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[object, str, str]]
PROTOCOL = "leave-targets-out"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, encodings: Path) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "encodings.sqlite").symlink_to(encodings)
    return folder


@pytest.fixture
def run(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, with the files of this module's home."""
    monkeypatch.setenv("NEWAISLE_HOME", str(home))
    return run


@pytest.fixture(scope="module")
def shop(small_journey: LoadedSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slice as a ``tables:`` folder; one fifth of its categories has no sales."""
    graph, events = small_journey.graph, small_journey.interactions
    up = graph.edges[Relation.CHILD_OF]
    parent = dict(zip(up.tail.tolist(), up.head.tolist(), strict=True))
    ids = graph.ids.values
    folder = tmp_path_factory.mktemp("shop")
    pd.DataFrame(
        {
            "id": ids,
            "name": graph.names,
            "parent_id": [ids[parent[i]] if i in parent else None for i in range(len(graph))],
            "text": graph.texts,
            "catalog_size": graph.features["catalog_size"],
            "group": graph.is_group,
        }
    ).to_csv(folder / "categories.csv", index=False)
    sold = np.random.default_rng(0).random(len(events.targets)) < 0.8
    kept = sold[events.target]
    pd.DataFrame(
        {
            "user": [events.users.values[i] for i in events.user[kept]],
            "target": [events.targets.values[i] for i in events.target[kept]],
            "weight": events.weight[kept],
            "timestamp": events.timestamp[kept],
        }
    ).to_csv(folder / "interactions.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def model(shop: Path, home: Path) -> Path:
    """A model that the command fitted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWAISLE_HOME", str(home))
        with pytest.raises(SystemExit) as ended:
            main(["fit", f"tables:{shop}", "--out", str(home / "model")])
    assert not ended.value.code
    return home / "model"


def test_a_configuration_makes_the_same_model(run: Run, model: Path, shop: Path, tmp_path: Path) -> None:
    file = tmp_path / "again.toml"
    file.write_text(Recommender.load(model).config.to_toml(), encoding="utf-8")
    code, _, err = run("fit", f"tables:{shop}", "--config", str(file), "--out", str(tmp_path / "again"))
    assert code == 0, err
    assert digest(data_of(tmp_path / "again") / "space.safetensors") == digest(data_of(model) / "space.safetensors")
    file.write_text("seed = 'x'")
    code, out, err = run("fit", f"tables:{shop}", "--config", str(file), "--out", str(tmp_path / "none"))
    assert (code, out, err) == (1, "", f"{file}, line 1: seed is 'x'; give a whole number.\n")
    assert not (tmp_path / "none").exists()


def test_a_fitted_model_recommends_what_nobody_bought(run: Run, model: Path, shop: Path) -> None:
    events = pd.read_csv(shop / "interactions.csv", dtype=str)
    user = events["user"].iloc[0]
    code, out, _ = run("recommend", str(model), "--user", user, "-k", "4", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [set(row) for row in rows] == [{"user", "target", "name", "score", "probability", "confidence"}] * 4
    assert not {row["target"] for row in rows} & set(events["target"])
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert {row["user"] for row in rows} == {user}


def test_seen_targets_are_among_all(run: Run, model: Path, shop: Path) -> None:
    user = pd.read_csv(shop / "interactions.csv", dtype=str)["user"].iloc[0]
    _, seen, _ = run("recommend", str(model), "--user", user, "--among", "seen", "-k", "5000", "--json")
    _, both, _ = run("recommend", str(model), "--user", user, "--among", "all", "-k", "5000", "--json")
    assert {row["target"] for row in json.loads(seen)} < {row["target"] for row in json.loads(both)}


def test_without_a_user_the_mean_user_is_used(run: Run, model: Path) -> None:
    code, out, _ = run("recommend", str(model), "-k", "2", "--csv")
    assert code == 0
    assert len(out.splitlines()) == 3
    assert out.startswith("user,target,name,score,probability,confidence\n,")


def test_people_get_a_table(run: Run, model: Path) -> None:
    code, out, _ = run("recommend", str(model), "-k", "3")
    assert code == 0
    assert "confidence" in out
    assert "3 rows" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--user", "nobody"), "Unknown user id 'nobody'"),
        (("-k", "0"), "k is 0"),
        (("--among", "sold"), "--among is 'sold'"),
        (("--json", "--csv"), "exclude each other"),
    ],
)
def test_bad_requests_fail_with_one_sentence(run: Run, model: Path, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = run("recommend", str(model), *arguments)
    assert code in (1, 2)
    assert out == ""
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_a_missing_model_is_an_error(run: Run, tmp_path: Path) -> None:
    code, _, err = run("recommend", str(tmp_path / "none"))
    assert code == 1
    assert "There is no model folder" in err


def test_evaluation_prints_tidy_rows_and_resumes(run: Run, shop: Path) -> None:
    arguments = ("evaluate", f"tables:{shop}", "--protocol", PROTOCOL, "--seeds", "0", "--users", "100", "--ablate")
    code, out, err = run(*arguments, "--json")
    rows = json.loads(out)
    assert code == 0
    assert all(set(row) == {"protocol", "seed", "method", "metric", "value"} for row in rows)
    methods = "newaisle random catalog-size popularity text-cosine knn kernel-ridge linmap ceiling"
    ablations = {"newaisle-shuffled", "newaisle-no-propagation", "newaisle-uninformed", "linmap-on-phi"}
    every = {row["method"] for row in rows}
    assert every >= set(methods.split()) | ablations
    assert {"newaisle-no-text", "newaisle-no-relation"} <= every
    assert {"ndcg@20", "recall@20", "precision@20", "mrr", "auc", "taste_auc", "coverage@20"} <= {
        row["metric"] for row in rows
    }
    value = {row["method"]: row["value"] for row in rows if row["metric"] == "ndcg@20"}
    assert value["newaisle"] > value["random"]
    assert "linmap" in err
    code, table, _ = run(*arguments)
    assert code == 0
    assert f"{value['newaisle']:.4f}" in table
    assert "newaisle minus the others" in table


def test_an_evaluation_in_several_processes_leaves_a_report(run: Run, shop: Path, tmp_path: Path) -> None:
    arguments = ("evaluate", f"tables:{shop}", "--protocol", PROTOCOL, "--seeds", "0,1", "--users", "100", "--json")
    code, out, err = run(*arguments, "--jobs", "2", "--out", str(tmp_path / "report"))
    assert code == 0, err
    assert f"Wrote {tmp_path / 'report' / 'report.md'}" in err
    for seed in (0, 1):
        assert f"{PROTOCOL}, seed {seed}, newaisle: NDCG@20" in err
    data = json.loads((tmp_path / "report" / "report.json").read_text())
    assert data["rows"] == json.loads(out)
    assert data["settings"]["source"] == f"tables:{shop}"
    assert data["settings"]["users"] == 100
    assert "--users 100 --encoder packaged:all-MiniLM-L6-v2" in (tmp_path / "report" / "report.md").read_text()


def test_a_catalog_without_parents_is_judged_by_the_other_protocol(run: Run, shop: Path, tmp_path: Path) -> None:
    flat = pd.read_csv(shop / "categories.csv").drop(columns="parent_id")
    flat[~flat["group"]].to_csv(tmp_path / "categories.csv", index=False)
    (tmp_path / "interactions.csv").write_bytes((shop / "interactions.csv").read_bytes())
    arguments = ("evaluate", f"tables:{tmp_path}", "--seeds", "0", "--users", "100")
    code, out, err = run(*arguments)
    assert code == 0, err
    assert "leave-branches-out does not apply" in err
    assert "leave-branches-out was left out. The catalog has 0 parents" in out
    assert "leave-targets-out, mean" in out
    code, _, err = run(*arguments, "--protocol", "leave-branches-out")
    assert code == 1
    assert "The catalog has 0 parents" in err.splitlines()[-1]


def test_what_is_left_out_is_known_to_nobody(run: Run, shop: Path) -> None:
    command = ("evaluate", f"tables:{shop}", "--protocol", PROTOCOL, "--seeds", "0", "--without", "catalog_size")
    _, out, _ = run(*command, "--json")
    assert "catalog-size" not in {row["method"] for row in json.loads(out)}
    code, _, err = run(*command[:-1], "colour")
    assert code == 1
    assert "Cannot drop 'colour'" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--seeds", "a"), "--seeds is 'a'"),
        (("--protocol", "leave-nothing-out"), "Unknown protocol"),
        (("--out", "categories.csv"), "cannot be written to categories.csv"),
    ],
)
def test_bad_evaluations_fail(
    run: Run, shop: Path, arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    code, _, err = run("evaluate", f"tables:{shop}", *arguments)
    assert code == 1
    assert sentence in err.splitlines()[-1]


def test_a_catalog_without_sales_cannot_be_fitted(run: Run, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_bytes((shop / "categories.csv").read_bytes())
    code, _, err = run("fit", f"tables:{tmp_path}", "--out", str(tmp_path / "model"))
    assert code == 1
    assert "has no interactions, so no model can be fitted to it" in err.splitlines()[-1]
    assert not (tmp_path / "model").exists()
