"""The commands explain, similar, search and the options of recommend on a saved model, as a user runs them."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from newaisle.api.recommender import Recommender

pytestmark = pytest.mark.usefixtures("fresh_home")

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture(scope="module")
def model(fitted: Recommender, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved model in which the first half of the new targets opens on 2024-05-01."""
    graph = fitted.fitted.graph
    opening = np.full(len(graph), np.nan)
    opening[_opening(fitted)] = 19_844.0
    dated = Recommender()
    dated._state = replace(fitted.fitted, graph=replace(graph, availability={"available_from": opening}))
    path = tmp_path_factory.mktemp("models") / "model"
    dated.save(path)
    return str(path)


def _opening(fitted: Recommender) -> np.ndarray:
    new = fitted.fitted.choose("new").targets
    return new[: len(new) // 2]


def user_of(fitted: Recommender) -> str:
    """The own id of a user with some history, as it is typed."""
    sizes = np.diff(fitted.fitted.bought.indptr)
    return str(fitted.fitted.users.values[int(np.argmax(sizes))])


def test_similar_says_what_the_model_says(run: Run, model: str, fitted: Recommender) -> None:
    code, out, _ = run("similar", model, "--target", "CITRUS / LEMONS", "-k", "3", "--json")
    assert code == 0
    columns = fitted.table_columns(fitted.similar("CITRUS / LEMONS", 3))
    assert json.loads(out) == [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    code, out, _ = run("similar", model, "--target", "CITRUS / LEMONS", "--among", "new", "--csv")
    assert out.startswith("target,name,similarity\n")
    assert len(out.splitlines()) == 11


def test_search_finds_and_says_why(run: Run, model: str, fitted: Recommender) -> None:
    code, out, err = run("search", model, "citrus fruit", "-k", "4", "--json")
    assert code == 0
    rows = json.loads(out)
    assert [list(row) for row in rows] == [["target", "name", "relevance", "match", "because"]] * 4
    assert all(row["target"].startswith("CITRUS /") for row in rows)
    assert err == ""
    _, personal, _ = run("search", model, "citrus fruit", "-k", "4", "--user", user_of(fitted), "--json")
    for row in json.loads(personal):
        assert row["relevance"] <= row["match"]
    code, table, _ = run("search", model, "citrus fruit", "--among", "new")
    assert code == 0
    assert "because" in table


def test_explain_adds_up_for_programs_and_for_people(run: Run, model: str, fitted: Recommender) -> None:
    command = ("explain", model, "--user", user_of(fitted), "--target", "CITRUS / LEMONS")
    code, out, _ = run(*command, "--json")
    assert code == 0
    found = json.loads(out)
    assert set(found) == {"user", "target", "score", "history", "sources", "own_sales", "offset", "because", "queries"}
    assert found["because"][0]["sentence"].startswith(f"User {found['user']} ")
    paths = [path for because in found["because"] for path in because["paths"]]
    assert {path["query"] for path in paths} == set(found["queries"])
    assert all("$key" in cypher for cypher in found["queries"].values())
    bought = math.fsum(reason["share"] for reason in found["history"]) + found["offset"]
    assert bought == pytest.approx(found["score"], abs=1e-9)
    through = math.fsum(reason["share"] for reason in found["sources"]) + found["own_sales"] + found["offset"]
    assert through == pytest.approx(found["score"], abs=1e-9)
    code, out, _ = run(*command, "-k", "2")
    assert code == 0
    assert f"LEMONS (CITRUS / LEMONS): score {found['score']:.4f}" in out
    assert f"{len(found['history']) - 2:,} others" in out
    for because in found["because"]:
        assert because["sentence"] in out
        for path in because["paths"]:
            assert f"  {path['path']}\n" in out
            parameter = shlex.quote(f"key={path['parameters']['key']}")
            assert f"  newaisle cypher {path['query']} --param {parameter} --param other=" in out.replace(
                "'other=", "other="
            )
    assert "the target's own sales" in out  # somebody buys lemons
    parts = [line.rsplit(maxsplit=1)[-1] for line in out.splitlines() if line.rstrip().endswith("%")]
    assert math.fsum(float(part.rstrip("%")) for part in parts) == pytest.approx(200, abs=0.5)


def test_a_user_without_history_is_explained_too(run: Run, model: str, fitted: Recommender) -> None:
    empty = int(np.flatnonzero(np.diff(fitted.fitted.bought.indptr) == 0)[0])
    user = str(fitted.fitted.users.values[empty])
    code, out, _ = run("explain", model, "--user", user, "--target", "CITRUS / LEMONS")
    assert code == 0
    assert "no history: a user without one has the mean user vector" in out


def test_recommend_is_diverse_sure_and_in_time(run: Run, model: str, fitted: Recommender) -> None:
    command = ("recommend", model, "--user", user_of(fitted), "-k", "500", "--json")
    everything = json.loads(run(*command)[1])
    varied = json.loads(run(*command, "--diversity", "0.8")[1])
    assert [row["target"] for row in varied] != [row["target"] for row in everything]
    assert {row["target"] for row in varied} == {row["target"] for row in everything}
    least = sorted(row["confidence"] for row in everything)[len(everything) // 2]
    sure = json.loads(run(*command, "--min-confidence", str(least))[1])
    assert sure == [row for row in everything if row["confidence"] >= least]
    later = {fitted.fitted.graph.ids.values[i] for i in _opening(fitted)}
    for at in ("2024-04-30", "2024-04-30T12:00", "19843"):
        early = json.loads(run(*command, "--at", at)[1])
        assert early == [row for row in everything if row["target"] not in later]
    assert json.loads(run(*command, "--at", "2024-05-01")[1]) == everything


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("similar", "--target", "LEMON"), "Unknown target id 'LEMON'"),
        (("similar", "--target", "CITRUS / LEMONS", "--among", "sold"), "--among is 'sold'"),
        (("similar", "--target", "CITRUS / LEMONS", "--json", "--csv"), "exclude each other"),
        (("similar", "--target", "CITRUS / LEMONS", "-k", "0"), "k is 0"),
        (("similar",), "Missing option '--target'"),
        (("search", ""), "The text is empty"),
        (("search", "fruit", "--user", "nobody"), "user ids are integers here"),
        (("search", "fruit", "--among", "groups"), "--among is 'groups'"),
        (("explain", "--user", "-5", "--target", "CITRUS / LEMONS"), "Unknown user id -5"),
        (("explain", "--user", "1", "--target", "x", "-k", "0"), "k is 0"),
        (("recommend", "--diversity", "2"), "diversity is 2.0; give a number from 0 to 1"),
        (("recommend", "--min-confidence", "-1"), "min_confidence is -1.0"),
        (("recommend", "--at", "soon"), "'soon' is neither a date nor a number"),
    ],
)
def test_bad_requests_fail_with_one_sentence(run: Run, model: str, arguments: tuple[str, ...], sentence: str) -> None:
    command, *rest = arguments
    code, out, err = run(command, model, *rest)
    assert code in (1, 2)
    assert out == ""
    assert sentence in err
    assert len(err.splitlines()) == 1
