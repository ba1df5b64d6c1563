"""The command refresh: its report, its exit codes, and bad input, which leaves the store as it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from newaisle import load
from newaisle.graph import Store, open_store
from newaisle.graph.store.embedded.process import EmbeddedServer, start_embedded
from newaisle.graph.store.embedded.server import DATABASE, ROOT

SHOP = Path(__file__).parents[2] / "data" / "shop"
Run = Callable[..., tuple[object, str, str]]
KEYS = {"added", "changed", "moved", "removed", "edges_added", "edges_removed", "graph_hash", "run_id", "seconds"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    started = start_embedded(tmp_path_factory.mktemp("commanded"), "512m")
    yield started
    started.stop()


@pytest.fixture
def url(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server, while the environment holds the credentials."""
    monkeypatch.setenv("NEO4J_USERNAME", ROOT)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    monkeypatch.setenv("NEO4J_DATABASE", DATABASE)
    monkeypatch.setenv("NEO4J_URI", server.url)
    return server.url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        opened.query("MATCH (n) DETACH DELETE n", write=True)
        yield opened


@pytest.fixture
def run(run: Run) -> Run:
    return partial(run, "refresh")


def test_the_report_for_programs_and_for_people(run: Run, store: Store) -> None:
    graph = load(f"tables:{SHOP}").graph
    source = ("--source", f"tables:{SHOP}")
    code, out, _ = run(*source, "--dry-run", "--json")
    planned = json.loads(out)
    assert (code, planned["added"], planned["run_id"], store.sources()) == (0, len(graph), None, [])
    code, out, err = run(*source, "--json")
    report = json.loads(out)
    assert code == 0
    assert report.keys() >= KEYS
    assert (report["added"], report["graph_hash"]) == (len(graph), graph.content_hash)
    assert report["seconds"] == pytest.approx(sum(report["phases"].values()))
    assert "Refreshing tables" in err
    assert store.snapshot("tables") == graph
    code, out, _ = run(*source)
    assert code == 0
    assert "Nothing to do." in out
    assert "slowest: " in out


@pytest.mark.usefixtures("store")
def test_a_terminal_gets_a_progress_bar(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    code, out, err = run("--source", f"tables:{SHOP}", "--json")
    graph = load(f"tables:{SHOP}").graph
    rows = len(graph) + len(graph.attributes) + sum(map(len, graph.edges.values()))
    assert (code, json.loads(out)["added"]) == (0, len(graph))
    assert "Refreshing tables" in err
    assert f"{rows}/{rows}" in err


def test_the_program_graph_refresh_keeps_releases_apart_by_name(store: Store) -> None:
    program = str(Path(sys.executable).with_name("graph-refresh"))
    command = [program, "--source", f"tables:{SHOP}", "--name", "spring", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["source"] == "spring"
    assert store.sources() == ["spring"]


def test_exit_codes(run: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--source", f"tables:{SHOP}")[0] == 0
    (tmp_path / "categories.csv").write_text("id,name\n1,One\n")
    before = store.snapshot("tables")
    for extra in ((), ("--dry-run",)):
        code, _, err = run("--source", f"tables:{tmp_path}", *extra)
        assert code == 3
        assert "more than the limit of 5.0%" in err
    assert store.snapshot("tables") == before
    assert run("--source", f"tables:{tmp_path}", "--max-delete", "100%")[0] == 0
    assert run("--source", f"tables:{tmp_path}", "--store", "bolt://127.0.0.1:1")[0] == 4
    with open_store(f"embedded:{tmp_path / 'store'}", heap="256m"):
        assert run("--source", f"tables:{tmp_path}", "--store", f"embedded:{tmp_path / 'store'}")[0] == 5
    monkeypatch.setenv("NEO4J_PASSWORD", "wrong")
    code, _, err = run("--source", f"tables:{tmp_path}")
    assert code == 4
    assert "refused the user name or password" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --source or --config"),
        (["--source", "nonsense"], "is not a source"),
        (["--source", "tables:x", "--max-delete", "5"], "'5' is not a percentage"),
        (["--source", "tables:x", "--max-delete", "101%"], "is not a percentage"),
        (["--source", "tables:x", "--wait", "soon"], "'soon' is not a duration"),
        (["--source", f"tables:{SHOP}", "--name", "A b"], "has other characters"),
    ],
)
def test_wrong_usage(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_a_config_file_names_sources(run: Run, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "refresh.toml"
    path.write_text(
        f'[[source]]\nsource = "tables:{SHOP}"\nname = "one"\nmax_delete = "10%"\nwait = "1m"\n'
        f'[[source]]\nsource = "tables:{SHOP}"\nname = "two"\n'
    )
    code, out, _ = run("--config", str(path), "--json")
    assert code == 0
    assert [report["source"] for report in json.loads(out)] == store.sources() == ["one", "two"]


@pytest.mark.parametrize(
    "text",
    [
        "[[source",
        "source = 1",
        "other = 1",
        '[[source]]\nname = "x"',
        '[[source]]\nsource = "tables:x"\nmax_deletes = "5%"',
        '[[source]]\nsource = "tables:x"\nmax_delete = 5',
        '[[source]]\nsource = "tables:x"\nmax_delete = "5"',
    ],
)
def test_a_wrong_config_file_is_an_error(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "refresh.toml"
    path.write_text(text)
    code, _, err = run("--config", str(path))
    assert code == 2
    assert str(path) in err
    assert err.count("\n") == 1


def shopify(folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> str:
    """A small Shopify taxonomy with something wrong."""
    rows = [
        {
            "id": f"gid://shopify/TaxonomyCategory/{own}",
            "name": own,
            "full_name": own,
            "parent_id": f"gid://shopify/TaxonomyCategory/{parent}" if parent else None,
            "attributes": [{"name": "Color", "handle": "color"}, {"name": "Rim color", "handle": "rim-color"}],
        }
        for own, parent in (("aa", None), ("aa-1", "aa"), ("aa-1-1", "aa-1"))
    ]
    categories = {"version": "2024-05", "verticals": [{"categories": rows}]}
    extended = [{"name": "Rim color", "handle": "rim-color"}]
    attributes = {
        "version": "2024-05",
        "attributes": [{"name": "Color", "handle": "color", "extended_attributes": extended}],
    }
    change(categories, attributes)
    (folder / "en").mkdir()
    (folder / "en" / "categories.json").write_text(json.dumps(categories))
    (folder / "en" / "attributes.json").write_text(json.dumps(attributes))
    return f"shopify:{folder}"


def rows_of(categories: dict[str, Any]) -> list[dict[str, Any]]:
    return categories["verticals"][0]["categories"]  # type: ignore[no-any-return]  # it is JSON


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, _: rows_of(c)[0].update(parent_id=rows_of(c)[2]["id"]), "run in a cycle"),
        (lambda c, _: rows_of(c)[1].update(parent_id="gid://nowhere"), "'gid://nowhere', which does not exist"),
        (lambda c, _: rows_of(c).append({**rows_of(c)[1], "name": "Other"}), "occurs twice with different content"),
        (lambda c, _: rows_of(c)[1]["attributes"].append({"handle": "taste"}), "'taste', which attributes.json"),
        (
            lambda _, a: a["attributes"][0].update(
                name="颜色", extended_attributes=[{"name": "轮辋", "handle": "rim-color"}]
            ),
            "use two files of one locale",
        ),
        (lambda _, a: a.update(version="2023-01"), "use one release"),
        (lambda _, a: a.pop("attributes"), "is not a list of Shopify attributes"),
    ],
)
def test_a_wrong_taxonomy_changes_nothing(
    run: Run, store: Store, tmp_path: Path, change: Callable[[Any, Any], None], message: str
) -> None:
    (tmp_path / "right").mkdir()
    assert run("--source", shopify(tmp_path / "right", lambda _c, _a: None))[0] == 0
    before = store.snapshot("shopify")
    assert len(before.attributes) == 2
    code, out, err = run("--source", shopify(tmp_path, change))
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert store.snapshot("shopify") == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("shopify", "naïve".encode("latin-1"), "is not UTF-8; save the file in UTF-8"),
        ("shopify", b'{"version": "2024-05", "verticals": [{"cat', "is not JSON"),
        ("tables", "id,name\n1,naïve\n".encode("latin-1"), "is not UTF-8; in cp1252 it belongs to 'naïve'"),
        ("tables", b"id,name,parent_id\n1,a,2\n2,b,1\n", "run in a cycle"),
        ("tables", b"id,name,parent_id\n1,a,\n2,b,7\n", "'7', which does not exist"),
        ("tables", b"id,name\n1,a\n1,b\n", "occurs twice with different content"),
        ("tables", b"id,name,colour\n1,a," + b"x" * 9_000, "has 9,014 bytes, and a store takes 8,000 at most"),
        ("google", "1 - Pets & naïve".encode("utf-16"), "is not UTF-8; save the file in UTF-8"),
        ("google", b"1 - Pets\n2 - Pet > Birds\n", "is below 'Pet', which has no line"),
    ],
)
def test_a_damaged_file_changes_nothing(
    run: Run, store: Store, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    source = {
        "shopify": partial(shopify, tmp_path, lambda _c, _a: None),
        "tables": lambda: f"tables:{tmp_path}",
        "google": lambda: f"google:{tmp_path / 'taxonomy.txt'}",
    }[name]()
    assert run("--source", f"tables:{SHOP}", "--name", name)[0] == 0
    before = store.snapshot(name)
    files = {"shopify": "en/categories.json", "tables": "categories.csv", "google": "taxonomy.txt"}
    (tmp_path / files[name]).write_bytes(content)
    code, out, err = run("--source", source)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert store.snapshot(name) == before
    assert store.sources() == [name]


HOSTILE = "'\"`}) DETACH DELETE n // $rows \\u0041 \0\x1b[31m\u202e\x7f\x9b"
NUL = "\0"


def test_hostile_texts_in_every_field_and_a_name_of_a_megabyte(run: Run, store: Store, tmp_path: Path) -> None:
    store.query("CREATE (:Foreign {key: 'bystander'})", write=True)
    feature = HOSTILE.replace(NUL, "")  # a null character in a property's name is refused
    tables = {
        "categories": {
            "id": [HOSTILE, f"{HOSTILE}2"],
            "name": [HOSTILE, "n" * 1_000_000],
            "text": [HOSTILE, HOSTILE],
            "parent_id": [None, HOSTILE],
            HOSTILE: [HOSTILE, "plain"],
            feature: [1.5, 2.5],
        },
        "products": {"id": [f"{HOSTILE}3"], "name": [HOSTILE], "category_id": [f"{HOSTILE}2"]},
        "attributes": {"id": [HOSTILE], "name": [f"{HOSTILE}4"], "value": [HOSTILE], "weight": [0.25]},
        "attribute_parents": {"name": [HOSTILE], "value": [HOSTILE], "parent_value": [f"{HOSTILE}5"]},
    }
    for name, table in tables.items():
        pd.DataFrame(table).to_parquet(tmp_path / f"{name}.parquet")
    source = ("--source", f"tables:{tmp_path}")
    code, out, err = run(*source)
    assert (code, {"\x1b", "\x9b", "\u202e"} & set(out + err)) == (0, set())
    graph = load(f"tables:{tmp_path}").graph
    assert store.snapshot("tables") == graph
    assert graph.ids.values[0] == HOSTILE
    assert {len(name) for name in graph.names} >= {1_000_000}
    assert feature in graph.features
    assert "Nothing to do." in run(*source)[1]
    assert store.query("MATCH (n:Foreign) RETURN n.key").rows == (["bystander"],)

    tables["categories"]["parent_id"] = [f"{HOSTILE}2", HOSTILE]
    pd.DataFrame(tables["categories"]).to_parquet(tmp_path / "categories.parquet")
    code, _, err = run(*source)
    assert (code, err.count("\n")) == (2, 2)  # what is being loaded, and the error on a line of its own
    assert not {"\x1b", "\x9b", "\u202e"} & set(err)
    assert store.snapshot("tables") == graph


def test_docs_name_every_exit_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "refresh.md").read_text()
    for code in (0, 2, 3, 4, 5):
        assert f"| {code} |" in page
    toml = page.split("```toml\n")[1].split("```")[0]
    assert tomllib.loads(toml)["source"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the small shop, without texts."""
    from newaisle.api.recommender import Recommender
    from newaisle.gnn.factors.settings import FactorSettings
    from newaisle.gnn.model.settings import ModelSettings
    from newaisle.gnn.prior.kernel import KernelSettings

    shop = load(f"tables:{SHOP}")
    assert shop.interactions is not None
    settings = ModelSettings(FactorSettings(rank=3, regularization=0.1), KernelSettings({"ancestors": 1.0}, 0.1))
    folder = tmp_path_factory.mktemp("models") / "shop"
    Recommender(encoder=None, settings=settings).fit(shop.graph, shop.interactions).save(folder)
    return folder


FORESEEN = (
    "MATCH (n:Newaisle {source: $s}) WHERE n.embedding IS NOT NULL "
    "RETURN n.key, n.embedding, n.confidence, n.embedding_run_id ORDER BY n.key"
)


def test_a_model_writes_in_the_same_transaction(run: Run, store: Store, model: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(SHOP, shop)
    given = ("--source", f"tables:{shop}", "--model", str(model), "--json")
    code, out, err = run(*given)
    report = json.loads(out)
    assert code == 0
    assert {"load", "foresee", "write back"} <= report["phases"].keys()
    assert "Predicting with the model" in err
    first = store.query(FORESEEN, {"s": "tables"}).rows
    graph = store.snapshot("tables")
    assert len(first) == (~graph.is_group).sum()
    model_hash = store.source_state("tables").model_hash
    assert len(model_hash) == 64
    with (shop / "categories.csv").open("a", encoding="utf-8") as file:
        columns = (shop / "categories.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
        row = {
            "id": "brand-new",
            "name": "Brand new",
            "parent_id": str(graph.ids.values[int(graph.parents.indices[0])]),
        }
        file.write(",".join(row.get(column, "") for column in columns) + "\n")
    dry = run(*given, "--dry-run")
    assert json.loads(dry[1])["added"] == 1
    assert store.query(FORESEEN, {"s": "tables"}).rows == first
    code, out, _ = run(*given)
    second = {row[0]: row for row in store.query(FORESEEN, {"s": "tables"}).rows}
    assert (code, json.loads(out)["added"]) == (0, 1)
    assert second["tables:brand-new"][3] == json.loads(out)["run_id"]
    assert all(second[row[0]] == row for row in first if row[3] == second[row[0]][3])
    assert [row[1] for row in first] == [second[row[0]][1] for row in first]
    assert store.source_state("tables").model_hash == model_hash
    near = store.query("MATCH (:Newaisle {key: 'tables:brand-new'})-[r:SIMILAR_TO]->(n:Newaisle) RETURN n.state").rows
    assert {state for (state,) in near} == {"seen"}


def test_a_model_in_a_config_file_and_one_that_cannot_be_used(
    run: Run, store: Store, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "refresh.toml"
    path.write_text(f'[[source]]\nsource = "tables:{SHOP}"\nname = "one"\nmodel = "{model}"\n')
    assert run("--config", str(path))[0] == 0
    before = store.query(FORESEEN, {"s": "one"}).rows
    assert before
    code, _, err = run("--config", str(path), "--model", str(model))
    assert code == 2
    assert "belong in the config file" in err
    (tmp_path / "categories.csv").write_text("id,name\n1,One\n")
    for source, folder, message in (
        (SHOP, tmp_path / "nothing", "There is no model folder"),
        (tmp_path, model, "fitted to another catalog"),
    ):
        code, _, err = run("--source", f"tables:{source}", "--name", "one", "--model", str(folder))
        assert (code, err.splitlines()[-1].count(message)) == (1, 1)
    assert store.query(FORESEEN, {"s": "one"}).rows == before
