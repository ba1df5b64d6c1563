"""The named queries, on a graph small enough to know every answer, against every kind of store; and what asks them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from newaisle import CatalogGraph
from newaisle.api.sync.inspection import inspect_target
from newaisle.errors import InputError, UnknownIdError
from newaisle.graph import Credentials, Store, open_store
from newaisle.graph.store.embedded.process import start_embedded
from newaisle.graph.store.embedded.server import DATABASE, ROOT
from newaisle.graph.store.queries.named import named_queries, query_of, read_query

SOURCE = "aisles"
N = 12
"""Categories and products of the graph."""
MODEL = {
    "nearest-seen": "SIMILAR_TO",
    "least-confident": "confidence",
    "moved-embeddings": "embedding_shift",
    "rank-by-vector": "embedding",
    "rank-by-index": "embedding",
}
NEO4J_ONLY = {"rank-by-index"}
"""Asks a vector index; tests/api/sync/test_write_back.py does where a store has one."""
Run = Callable[..., tuple[object, str, str]]


def aisles() -> CatalogGraph:
    """Two shelves below one root; Beets on both; sweet and sour are edible; Eggs and Ghee hang loose."""
    rows: list[tuple[str, str, list[str], str, bool]] = [
        ("top", "All", [], "Everything", True),
        ("left", "Left", ["top"], "The left shelf", True),
        ("right", "Right", ["top"], "The right shelf", True),
        ("a", "Apples", ["left"], "Red apples", False),
        ("b", "Beets", ["left", "right"], "Red beets", False),
        ("c", "Corn", ["right"], "Sweet corn", False),
        ("d", "corn", ["right"], "Sweet corn", False),
        ("e", "Eggs", [], "", False),
        ("f", "Figs", ["left"], "Fresh figs", False),
        ("g", "Ghee", [], "Clear butter", False),
    ]
    names = ("id", "name", "parent_id", "text", "group")
    categories = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    juices = {"id": ["p1", "p2"], "name": ["Apple juice", "Beet juice"], "category_id": ["a", "b"], "brand": ["O", "O"]}
    has = [("a", "taste", "sweet"), ("a", "hue", "red"), ("b", "taste", "sweet"), ("b", "hue", "red")]
    has += [("c", "taste", "sweet"), ("d", "taste", "sour"), ("g", "taste", "sweet")]
    wider = {"name": ["taste", "taste"], "value": ["sweet", "sour"], "parent_value": ["edible", "edible"]}
    return CatalogGraph.from_tables(
        categories,
        pa.table(dict(zip(("id", "name", "value"), map(list, zip(*has, strict=True)), strict=True))),
        products=pa.table(juices),
        attribute_parents=pa.table(wider),
        source=SOURCE,
    )


def information(carriers: int) -> float:
    return math.log((N + 1) / carriers)


@pytest.fixture(scope="module")
def filled(any_store: Store) -> Store:
    any_store.write(aisles())
    return any_store


@pytest.fixture
def modelled(filled: Store) -> Iterator[Store]:
    """The store after a model has written into it, for as long as a test lasts."""
    written = [
        {"key": f"{SOURCE}:{own}", "properties": {"state": state, "confidence": confidence, "embedding": [1.0, 0.0]}}
        for own, state, confidence in [("a", "new", 0.7), ("b", "seen", 1.0), ("c", "seen", 0.9), ("e", "new", 0.2)]
    ]
    near = [("a", "b", 0.5, 2), ("a", "c", 0.75, 1), ("a", "e", 0.9, 3)]
    setting = "UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) SET n += row.properties"
    filled.query(setting, {"rows": written}, write=True)
    filled.query(
        "UNWIND $rows AS row MATCH (n:Newaisle {key: row[0]}) MATCH (m:Newaisle {key: row[1]}) "
        "CREATE (n)-[:SIMILAR_TO {score: row[2], rank: row[3]}]->(m)",
        {"rows": [(f"{SOURCE}:{a}", f"{SOURCE}:{b}", score, rank) for a, b, score, rank in near]},
        write=True,
    )
    filled.query(
        "MATCH (h:Newaisle:Refresh {source: $source}) UNWIND $rows AS row MATCH (n:Newaisle {key: row[0]}) "
        "SET n.embedding_shift = row[1], n.embedding_run_id = CASE WHEN row[2] THEN h.run_id ELSE 'before' END",
        {
            "source": SOURCE,
            "rows": [(f"{SOURCE}:a", 0.1, True), (f"{SOURCE}:e", 0.4, True), (f"{SOURCE}:b", 0.9, False)],
        },
        write=True,
    )
    yield filled
    filled.query("MATCH (:Newaisle {source: $s})-[r:SIMILAR_TO]->(:Newaisle) DELETE r", {"s": SOURCE}, write=True)
    filled.query(
        "MATCH (n:Newaisle {source: $s}) WHERE n.embedding IS NOT NULL "
        "SET n.state = 'new' REMOVE n.confidence, n.embedding, n.embedding_shift, n.embedding_run_id",
        {"s": SOURCE},
        write=True,
    )


def ask(store: Store, name: str, **given: Any) -> list[dict[str, Any]]:
    answer = named_queries()[name].run(store, given)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def column(rows: list[dict[str, Any]], *names: str) -> list[Any]:
    return [row[names[0]] if len(names) == 1 else tuple(row[name] for name in names) for row in rows]


def key(own: str) -> str:
    return f"{SOURCE}:{own}"


# --- every query, on every store ---


def test_all_that_ties_two(filled: Store) -> None:
    rows = ask(filled, "why-near", key=key("a"), other=key("b"))
    assert column(rows, "tie", "via", "carriers") == [
        ("attribute", "hue=red", 2),
        ("attribute", "taste=sweet", 4),
        ("attribute", "taste=edible", 5),
        ("ancestor", "Left", 5),
        ("ancestor", "All", 9),
    ]
    # two ways lead from All to Beets, of two steps each
    weights = [information(2), information(4), information(5), 0.5**2, 2 * 0.5**4]
    assert column(rows, "weight") == pytest.approx(weights)
    assert rows[0]["path"] == "Apples > red < Beets"
    assert rows[3]["path"] == "Apples > Left < Beets"


def test_a_tie_over_wider_values_and_longer_ways(filled: Store) -> None:
    rows = ask(filled, "why-near", key=key("p1"), other=key("d"))
    assert column(rows, "via", "weight", "path") == [
        ("All", 0.5**5, "Apple juice > Apples > Left > All < Right < corn")
    ]
    (attribute, _) = ask(filled, "why-near", key=key("a"), other=key("d"))
    assert (attribute["via"], attribute["carriers"]) == ("taste=edible", 5)
    below = ask(filled, "why-near", key=key("left"), other=key("a"))
    assert column(below, "via", "weight", "path") == [
        ("Left", 0.5, "Left < Apples"),
        ("All", 0.125, "Left > All < Left < Apples"),
    ]
    assert ask(filled, "why-near", key=key("e"), other=key("a")) == []


def test_a_score_of_the_graph_is_the_sum_of_its_ties(filled: Store) -> None:
    rows = ask(filled, "nearest-by-graph", key=key("a"))
    assert column(rows, "key", "steps") == [(key("b"), 2), (key("c"), 4), (key("g"), None), (key("d"), 4)]
    assert rows[0]["shared"] == ["red", "sweet", "edible"]
    assert rows[0]["state"] == "new"
    for row in rows:
        ties = ask(filled, "why-near", key=key("a"), other=row["key"])
        assert row["score"] == pytest.approx(sum(tie["weight"] for tie in ties if tie["tie"] == "attribute"))
    assert len(ask(filled, "nearest-by-graph", key=key("a"), limit=1)) == 1


def test_ancestors(filled: Store) -> None:
    assert column(ask(filled, "ancestors", key=key("b")), "path", "steps") == [
        ("All > Left > Beets", 2),
        ("All > Right > Beets", 2),
    ]
    assert column(ask(filled, "ancestors", key=key("p1")), "path") == ["All > Left > Apples > Apple juice"]


def test_attributes(filled: Store) -> None:
    rows = ask(filled, "attributes", key=key("a"))
    assert column(rows, "attribute", "value", "weight", "others") == [
        ("hue", "red", 1.0, 1),
        ("taste", "sweet", 1.0, 3),
    ]
    assert column(rows, "information") == pytest.approx([information(2), information(4)])


def test_a_branch(filled: Store) -> None:
    rows = ask(filled, "branch", key=key("top"))
    assert column(rows, "name", "within", "products", "seen", "new", "bare") == [
        ("All", 10, 2, 0, 7, 4),
        ("Left", 6, 2, 0, 5, 2),
        ("Right", 5, 1, 0, 4, 1),
    ]
    assert column(rows, "attributes") == pytest.approx([0.8, 1.0, 1.0])
    roots = column(ask(filled, "branch"), "key")
    assert {key("top"), key("e"), key("g")} <= set(roots)
    assert key("left") not in roots


def test_duplicate_names(filled: Store) -> None:
    (row,) = ask(filled, "duplicate-names", source=SOURCE)
    assert row == {"source": SOURCE, "name": "Corn", "copies": 2, "same_text": True, "keys": [key("c"), key("d")]}
    assert ask(filled, "duplicate-names", key=key("d")) == [row]
    assert ask(filled, "duplicate-names", key=key("a")) == []


def test_find(filled: Store) -> None:
    assert column(ask(filled, "find", word="CORN", source=SOURCE), "key", "hit") == [
        (key("c"), "name"),
        (key("d"), "name"),
    ]
    assert column(ask(filled, "find", word=key("b")), "name", "parents", "hit") == [("Beets", ["Left", "Right"], "key")]
    found = ask(filled, "find", word="e", source=SOURCE)
    assert (found[0]["key"], found[0]["hit"]) == (key("e"), "id")
    assert column(found[1:], "name", "hit") == [
        (name, "part of the name") for name in ("Ghee", "Left", "Beets", "Apples", "Beet juice", "Apple juice")
    ]
    assert ask(filled, "find", word="none such", source=SOURCE) == []


def test_orphans(filled: Store) -> None:
    assert column(ask(filled, "orphans", source=SOURCE), "key", "missing") == [
        (key("e"), "attributes and place"),
        (key("g"), "place"),
        (key("f"), "attributes"),
    ]


def test_statistics(filled: Store) -> None:
    assert dict(column(ask(filled, "statistics", source=SOURCE), "what", "value")) == {
        "attributes": 5,
        "categories, group": 3,
        "categories, new": 7,
        "products, new": 2,
        "CHILD_OF": 8,
        "CHILD_OF (attributes)": 2,
        "HAS_ATTRIBUTE": 9,
        "IN_CATEGORY": 2,
        "deepest level": 2,
        "roots": 3,
    }


def test_uninformative_attributes(filled: Store) -> None:
    rows = ask(filled, "uninformative-attributes", source=SOURCE, common=0.4)
    assert column(rows, "verdict", "value", "carriers") == [("too common", "edible", 5), ("too rare", "sour", 1)]
    assert column(rows, "share", "information")[0] == pytest.approx((5 / N, information(5)))
    rows = ask(filled, "uninformative-attributes", source=SOURCE, common=0.4, rare=2)
    assert column(rows, "verdict", "value")[1:] == [("too rare", v) for v in ("sour", "O", "red")]


def test_what_a_refresh_changed(filled: Store) -> None:
    def write(texts: dict[int, str]) -> str:
        table = pa.table({"id": list(texts), "name": [f"N{i}" for i in texts], "text": list(texts.values())})
        return filled.write(CatalogGraph.from_tables(table, source="turning")).run_id

    write({1: "one", 2: "two", 3: "three"})
    run = write({1: "one", 2: "second", 4: "four"})
    head, *nodes = ask(filled, "refresh-changes", source="turning")
    assert head["key"] == run
    assert head["name"] == "added 1, changed 1, moved 0, removed 1, edges added 0, edges removed 0"
    assert column(nodes, "what", "key") == [("category", "turning:2"), ("category", "turning:4")]
    assert column(ask(filled, "find", word=4, source="turning"), "hit") == ["id"]
    assert column(ask(filled, "find", word="4", source="turning"), "hit") == ["id"]


# --- what a model writes ---


@pytest.mark.parametrize("name", sorted(MODEL.keys() - NEO4J_ONLY))
def test_what_no_model_has_written_is_told(filled: Store, name: str) -> None:
    query = named_queries()[name]
    given: dict[str, Any] = {"key": key("a")} if name == "nearest-seen" else {"source": SOURCE}
    if name == "rank-by-vector":
        given["vector"] = [1.0, 0.0]
    assert query.run(filled, given).rows == ()
    told = query.explain_empty(filled, given)
    assert told is not None
    assert told.startswith(f"No model has written {MODEL[name]} into this store yet; ")


def test_only_those_queries_need_a_model() -> None:
    assert {name: query.model for name, query in named_queries().items() if query.model} == MODEL


def test_nearest_seen(modelled: Store) -> None:
    rows = ask(modelled, "nearest-seen", key=key("a"))
    assert column(rows, "rank", "name", "score", "shared") == [
        (1, "Corn", 0.75, ["sweet"]),
        (2, "Beets", 0.5, ["red", "sweet"]),
    ]
    assert named_queries()["nearest-seen"].explain_empty(modelled, {"key": key("g")}) is None
    ties = ask(modelled, "why-near", key=key("b"), other=key("a"))
    assert (ties[-1]["tie"], ties[-1]["weight"], ties[-1]["path"]) == ("model", 0.5, "Apples > Beets")


def test_least_confident(modelled: Store) -> None:
    rows = ask(modelled, "least-confident", source=SOURCE)
    assert column(rows, "name", "confidence", "attributes", "parents", "name_only") == [
        ("Eggs", 0.2, 0, 0, True),
        ("Apples", 0.7, 2, 1, False),
    ]
    assert column(ask(modelled, "least-confident", source=SOURCE, limit=1), "name") == ["Eggs"]


def test_moved_embeddings(modelled: Store) -> None:
    rows = ask(modelled, "moved-embeddings", source=SOURCE)
    assert column(rows, "name", "shift") == [("Eggs", 0.4), ("Apples", 0.1)]


def test_an_inspection_tells_what_a_model_wrote(modelled: Store) -> None:
    found = inspect_target(modelled, "Apples", SOURCE)
    assert found.notes == []
    assert found.target["confidence"] == 0.7
    assert "embedding" not in found.target
    assert column(found.nearest_seen, "name") == ["Corn", "Beets"]


# --- the files ---


@pytest.mark.parametrize("name", named_queries())
def test_every_query_is_described(name: str) -> None:
    query = named_queries()[name]
    code = "\n".join(line for line in query.cypher.splitlines() if not line.startswith("//"))
    assert re.fullmatch(r"[A-Z].{20,}\.", query.description)
    assert {parameter.name for parameter in query.parameters} == set(re.findall(r"\$(\w+)", code))
    assert set(re.findall(r"^// :param (\w+) => ", query.cypher, re.MULTILINE)) == set(re.findall(r"\$(\w+)", code))
    assert name in NEO4J_ONLY or not re.search(r"\b(apoc|db\.index|SHORTEST)\b", code)
    clauses = re.split(r"\b(?=(?:OPTIONAL )?MATCH|WHERE|WITH|UNWIND|RETURN|UNION)", code)
    assert all(":Newaisle" in clause for clause in clauses if clause.startswith(("MATCH", "OPTIONAL MATCH")))


def test_the_documentation_lists_every_query() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cypher.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([a-z-]+)` \| [^|]+ \|$", page, re.MULTILINE)) == list(named_queries())


def test_defaults_come_from_the_comment() -> None:
    query = read_query(
        "mine",
        "// Mine.\n//\n// $a  first\n// $b  second (optional)\n// $c  third (optional)\n// $d  last (optional)\n"
        "// :param a => 1\n// :param b => 'x'\n// :param c => [1.5, true]\n// :param d => date()\nRETURN $a",
    )
    assert query.bind({"a": 2}) == {"a": 2, "b": "x", "c": [1.5, True], "d": "date()"}
    assert [str(parameter) for parameter in query.parameters] == ["a", '[b="x"]', "[c=[1.5, true]]", '[d="date()"]']
    with pytest.raises(InputError, match=r"needs the parameter a \(first\)"):
        query.bind({"b": 1})
    with pytest.raises(InputError, match="has no parameter e; it has a, b, c, d"):
        query.bind({"a": 1, "e": 1})


def test_a_query_without_comments_takes_any_parameter() -> None:
    assert query_of("RETURN $x AS x").bind({"x": 1}) == {"x": 1}


# --- inspect ---


def test_an_inspection(filled: Store) -> None:
    found = inspect_target(filled, "beets", SOURCE)
    assert (found.target["key"], found.target["labels"]) == (key("b"), ["Category"])
    assert column(found.ancestors, "path") == ["All > Left > Beets", "All > Right > Beets"]
    assert column(found.branch, "within") == [2]
    assert column(found.attributes, "value") == ["red", "sweet"]
    assert column(found.nearest_by_graph, "key") == [key(own) for own in "acgd"]
    assert len(found.notes) == 2
    assert found.warnings == []


@pytest.mark.parametrize(
    ("word", "warnings"),
    [
        ("Eggs", ["An orphan of the taxonomy", "It has no attribute", "nothing to read but its name"]),
        ("Ghee", ["An orphan of the taxonomy", "common: more than 20% of the source have them"]),
        (f"{SOURCE}:d", ["Nothing else has any of its attributes", f"The same name as {SOURCE}:c, some with the same"]),
        ("left", ["It has no attribute"]),
        ("p1", ["nothing to read but its name"]),
    ],
)
def test_warnings_of_an_inspection(filled: Store, word: str, warnings: list[str]) -> None:
    found = inspect_target(filled, word, SOURCE)
    assert len(found.warnings) == len(warnings)
    assert all(part in told for part, told in zip(warnings, found.warnings, strict=True))


def test_attributes_that_all_are_common_are_warned_of(filled: Store) -> None:
    ids = list(range(10))
    table = pa.table({"id": ids, "name": list("abcdefghij"), "text": ["t"] * 10, "kind": ["same"] * 10})
    filled.write(CatalogGraph.from_tables(table, source="common"))
    assert "common: more than 20%" in inspect_target(filled, "common:3").warnings[1]


def test_what_cannot_be_inspected_is_told(filled: Store) -> None:
    with pytest.raises(InputError, match=rf"Several have the name 'CORN': {SOURCE}:c, {SOURCE}:d; give one of"):
        inspect_target(filled, "CORN", SOURCE)
    with pytest.raises(UnknownIdError, match=rf"in the source {SOURCE} of this store has .+ similar: Figs"):
        inspect_target(filled, "fig", SOURCE)
    with pytest.raises(UnknownIdError, match="in this store has the id or name 'nope!'; newaisle cypher find"):
        inspect_target(filled, "nope!")


# --- the command line ---


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL and password of a Bolt server that holds the graph; what an empty one says is tried first."""
    started = start_embedded(tmp_path_factory.mktemp("queries"), "512m")
    with open_store(started.url, Credentials(ROOT, started.password, DATABASE)) as store:
        assert named_queries()["statistics"].explain_empty(store, {}) == "There is no graph in this store yet."
        store.write(aisles())
    yield started.url, started.password
    started.stop()


@pytest.fixture
def run(run: Run, server: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against the server: exit code, standard output, standard error."""
    url, password = server
    for name, value in (("URI", url), ("USERNAME", ROOT), ("PASSWORD", password), ("DATABASE", DATABASE)):
        monkeypatch.setenv(f"NEO4J_{name}", value)
    return run


def test_the_list_describes_every_query(run: Run) -> None:
    code, out, err = run("cypher", "--list", "--json")
    assert (code, err) == (0, "")
    listed = {row["query"]: row for row in json.loads(out)}
    assert set(listed) == {
        path.stem for path in (Path(__file__).parents[3] / "graph" / "store" / "queries").glob("*.cypher")
    }
    assert listed["why-near"]["parameters"] == "key, other, [limit=20]"
    assert listed["orphans"]["parameters"] == "[source], [limit=20]"
    assert all(row["tells"] for row in listed.values())
    assert f"{len(listed)} rows" in run("cypher", "--list")[1]


def test_a_query_by_name(run: Run) -> None:
    code, out, err = run("cypher", "orphans", "--param", "limit=2", "--csv")
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == [f"{SOURCE}:e,Eggs,new,attributes and place", f"{SOURCE}:g,Ghee,new,place"]


def test_a_query_from_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "my query.cypher"
    file.write_text("\ufeff// How it is called.\n//\n// $own  its id\nMATCH (n:Newaisle {id: $own}) RETURN n.name;\n")
    assert run("cypher", str(file), "--param", "own=a", "--csv")[:2] == (0, "n.name\nApples\n")
    code, out, err = run("cypher", str(file))
    assert (code, out) == (1, "")
    assert "needs the parameter own (its id)" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["why-naer"], "'why-naer' is neither a named query nor Cypher; did you mean why-near? "),
        (["xyzzy"], "'xyzzy' is neither a named query nor Cypher; newaisle cypher --list shows the names."),
        (["no/such.cypher"], "no/such.cypher: cannot be read (No such file or directory)"),
        (["why-near", "--param", "key=x"], "The query why-near needs the parameter other (the key of the other)"),
        (["find", "--param", "wrod=x"], "The query find has no parameter wrod; it has word, source, limit."),
        (["attributes", "--param", "key=null"], "The query attributes needs the parameter key"),
        (["orphans", "--param", "limit=x"], "refused"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(run: Run, arguments: list[str], said: str) -> None:
    code, out, err = run("cypher", *arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


def test_a_file_that_is_no_text_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "latin.cypher"
    file.write_bytes("RETURN 'é'".encode("latin-1"))
    code, _, err = run("cypher", str(file))
    assert (code, err) == (1, f"{file}: is not UTF-8; save it as UTF-8.\n")


def test_why_there_is_nothing_is_told_beside_the_empty_answer(run: Run) -> None:
    code, out, err = run("cypher", "least-confident", "--json")
    assert (code, out) == (0, "[]\n")
    assert err.startswith("No model has written confidence into this store yet; orphans lists ")
    _, _, err = run("cypher", "attributes", "--param", "key=x\x1b[2J")
    advice = "newaisle cypher find --param word=NAME lists keys.\n"
    assert err == rf"Nothing in this store has the key x\x1b[2J (its sources: {SOURCE}); {advice}"
    _, _, err = run("cypher", "attributes", "--param", "key=spring:b")
    assert (
        err == f"Nothing in this store has the key spring:b (its sources: {SOURCE}); did you mean {SOURCE}:b? {advice}"
    )
    _, _, err = run("cypher", "attributes", "--param", f"key={SOURCE}:none")
    assert err == f"Nothing in this store has the key {SOURCE}:none; {advice}"
    assert run("cypher", "attributes", "--param", f"key={SOURCE}:e", "--json") == (0, "[]\n", "")


def test_a_page_about_one_category(run: Run) -> None:
    code, out, err = run("inspect", "Beets")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == ["Beets", f"  category on level 2, state new, key {SOURCE}:b", "  text: Red beets"]
    sections = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert sections == [
        "Place",
        "Within it",
        "Attributes, the most informative first",
        "Nearest by the graph alone",
        "Not written yet",
        "Warnings",
    ]
    assert "  All > Right > Beets" in lines
    assert lines[-1] == "  none"
    assert "\n  hue        red    1       1       1.872\n" in out


def test_a_page_as_json(run: Run) -> None:
    code, out, err = run("inspect", "p1", "--source", SOURCE, "--json")
    assert (code, err) == (0, "")
    page = json.loads(out)
    assert (page["target"]["name"], page["target"]["labels"], page["branch"]) == ("Apple juice", ["Product"], [])
    assert page["nearest_by_graph"][0]["name"] == "Beet juice"


def test_who_cannot_be_inspected_is_told_in_one_sentence(run: Run) -> None:
    code, out, err = run("inspect", "corn")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "give one of these keys" in err
