"""The command line: what goes to standard output and what to standard error, exit codes, errors in one sentence."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import newaisle
from newaisle.api.cli.main import COMMANDS, app
from newaisle.api.cli.output import print_json, print_table, step
from newaisle.api.settings import Settings
from newaisle.graph import Credentials, Store, open_store
from newaisle.graph.store.embedded.process import EmbeddedServer, start_embedded
from newaisle.graph.store.embedded.server import DATABASE, ROOT

SHOP = Path(__file__).parents[2] / "data" / "shop"
PROGRAM = str(Path(sys.executable).with_name("newaisle"))
Run = Callable[..., tuple[object, str, str]]
HEAVY = ("torch", "sentence_transformers", "implicit", "neo4j")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A Bolt server with the small shop in it."""
    started = start_embedded(tmp_path_factory.mktemp("filled"), "512m")
    with open_store(started.url, Credentials(ROOT, started.password, DATABASE)) as store:
        store.write(newaisle.load(f"tables:{SHOP}").graph)
    yield started
    started.stop()


@pytest.fixture
def filled(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its URL, while the environment holds the credentials."""
    monkeypatch.setenv("NEO4J_USERNAME", ROOT)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    monkeypatch.setenv("NEO4J_DATABASE", DATABASE)
    return server.url


def test_the_installed_program_answers() -> None:
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"newaisle {newaisle.__version__}\n"
    assert done.stderr == ""


def test_help_needs_none_of_the_heavy_packages() -> None:
    code = (
        "import sys\n"
        "from newaisle.api.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as ended:\n    assert not ended.code\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("name", [None, *(command.__name__.replace("_", "-") for command in COMMANDS)])
def test_every_help_has_an_example(name: str | None) -> None:
    shown = CliRunner().invoke(app, [*([name] if name else []), "--help"])
    assert shown.exit_code == 0
    assert "For example" in shown.stdout
    assert re.search(rf"^\s*newaisle {name or ''}", shown.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "No such command 'nope'"),
        (["cypher"], "Missing argument 'QUERY'"),
        (["cypher", "RETURN 1", "--nope"], "No such option: --nope"),
        (["--nope"], "No such option: --nope"),
        (["cypher", "RETURN 1", "--json", "--csv"], "--json and --csv exclude each other"),
        (["cypher", "RETURN $a", "--param", "a"], "'a' is not NAME=VALUE"),
        (["cypher", "RETURN $a", "--param", "=1"], "'=1' is not NAME=VALUE"),
        (["cypher", "RETURN $a", "--param", "a=1", "--param", "$a=2"], "a is given twice"),
        (["cypher", "RETURN $a", "--param", "a=[9223372036854775808]"], "a does not fit into 64 bits"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.endswith("; see --help.\n")
    assert err.count("\n") == 1


def test_no_command_shows_the_help(run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (2, "")
    assert "cypher" in out


def test_an_error_of_the_program_itself_is_one_plain_sentence() -> None:
    command = [PROGRAM, "cypher", "RETURN 1", "--store", "ftp://x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"'ftp://x' is not a store URL; use .+\.\n", done.stderr)


@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_debug_adds_the_traceback_wherever_it_is(run: Run, place: int) -> None:
    arguments = ["cypher", "RETURN 1", "--store", "ftp://x"]
    _, _, sentence = run(*arguments)
    arguments.insert(place, "--debug")
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("\n" + sentence)


def test_debug_after_two_dashes_is_an_argument(run: Run, filled: str) -> None:
    code, _, err = run("cypher", "--store", filled, "--", "--debug")
    assert code == 1
    assert "refused" in err
    assert err.count("\n") == 1


def test_rows_for_people(run: Run, filled: str) -> None:
    query = "MATCH (c:Newaisle:Category) RETURN c.id AS id, c.name AS name, c.margin AS margin ORDER BY id"
    code, out, err = run("cypher", query, "--store", filled)
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0].split() == ["id", "name", "margin"]
    assert lines[3].split() == ["002", "Fruit", "0.25"]
    assert lines[-1] == "6 rows"


def test_json_is_alone_on_standard_output(filled: str) -> None:
    query = "MATCH (c:Newaisle {key: $key}) RETURN c.name AS name, c.level AS level, $several AS several, 0.0 / 0 AS no"
    parameters = ["--param", "key=tables:002", "--param", 'several=[1, "x", null]']
    command = [PROGRAM, "cypher", query, "--store", filled, *parameters, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [{"name": "Fruit", "level": 1, "several": [1, "x", None], "no": None}]
    assert done.stderr == ""


def test_csv_has_a_header_and_quotes(run: Run, filled: str) -> None:
    query = "RETURN 'a, \"b\"\n' AS text, $number AS number, $word AS word, [true, null] AS list, null AS nothing"
    code, out, err = run("cypher", query, "--store", filled, "--csv", "--param", "number=5", "--param", "word=001")
    assert (code, err) == (0, "")
    assert list(csv.reader(io.StringIO(out))) == [
        ["text", "number", "word", "list", "nothing"],
        ['a, "b"\n', "5", "001", "[true, null]", ""],
    ]


def test_only_write_changes_an_embedded_store(run: Run, tmp_path: Path) -> None:
    store = f"embedded:{tmp_path}"
    create = "CREATE (n:Note {text: 'mine'}) RETURN n.text AS text"
    assert run("cypher", create, "--store", store, "--write", "--csv")[:2] == (0, "text\nmine\n")
    code, out, err = run("cypher", create, "--store", store)
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_a_server_too_is_only_changed_by_write(run: Run, filled: str) -> None:
    create, count = "CREATE (n:Note {text: 'mine'}) RETURN n.text AS text", "MATCH (n:Note) RETURN count(n) AS notes"
    code, out, err = run("cypher", create, "--store", filled)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert run("cypher", count, "--store", filled, "--csv")[:2] == (0, "notes\n0\n")
    assert run("cypher", create, "--store", filled, "--write", "--csv")[:2] == (0, "text\nmine\n")
    assert run("cypher", count, "--store", filled, "--csv")[:2] == (0, "notes\n1\n")


def test_a_query_that_the_store_refuses_fails_with_one_line(run: Run, filled: str) -> None:
    code, out, err = run("cypher", "MATCH n", "--store", filled, "--json")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "refused" in err


def test_a_locked_store_is_an_error(run: Run, store: Store) -> None:
    code, out, err = run("cypher", "RETURN 1", "--store", f"embedded:{store.name}")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"in use by process {os.getpid()}" in err


def test_the_store_of_the_environment_is_the_default(run: Run, monkeypatch: pytest.MonkeyPatch, filled: str) -> None:
    monkeypatch.setenv("NEO4J_URI", filled)
    code, out, _ = run("cypher", "MATCH (c:Newaisle:Product) RETURN count(c) AS products", "--json")
    assert (code, json.loads(out)) == (0, [{"products": 2}])


def test_ctrl_c_is_clean() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        command = [PROGRAM, "cypher", "RETURN 1", "--store", f"bolt://127.0.0.1:{silent.getsockname()[1]}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")


def test_a_reader_that_leaves_early_is_no_error(filled: str) -> None:
    command = [PROGRAM, "cypher", "UNWIND range(1, 50000) AS n RETURN n", "--store", filled, "--csv"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "n\n"
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert err == ""


def test_tables_are_neither_cut_nor_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["text"], [["[red]" + "x" * 300], ["\x1b[31mred\n"]])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[2:] == ["[red]" + "x" * 300, r"\x1b[31mred\n", "2 rows"]


def test_no_rows_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    for json_too in (False, True):
        print_table([], [], json=json_too)
    print_table([], [], csv=True)
    assert capsys.readouterr().out == "0 rows\n[]\n"


def test_json_holds_no_nan_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), {"b": float("-inf")}], "é": 1.5})
    assert json.loads(capsys.readouterr().out) == {"a": [None, {"b": None}], "é": 1.5}


def test_json_is_readable_in_any_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    print_json("wider … than Latin")
    stream.flush()
    assert json.loads(written.getvalue()) == "wider … than Latin"


def test_steps_are_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with step("Fitting") as report:
        report("2 of 3")
    with step("Querying", brief=True) as report:
        report("more")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"Fitting …\nFitting: 2 of 3\nFitting done in 0\.\d s\n", captured.err)


def test_steps_turn_a_spinner_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with step("Fitting") as report:
        report("2 of 3")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Fitting done in 0." in captured.err
    assert "\x1b[" in captured.err


def test_a_step_that_fails_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), step("Fitting"):
        raise ValueError("no")
    assert capsys.readouterr().err == "Fitting …\n"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NEWAISLE_HOME", "NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    empty = Settings()
    assert empty.newaisle_home == tmp_path / "newaisle"
    assert (empty.store, empty.credentials) == ("embedded", Credentials())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NEWAISLE_HOME", "~/mine")
    monkeypatch.setenv("NEO4J_URI", "bolt://localhost")
    monkeypatch.setenv("NEO4J_PASSWORD", "geheim")
    full = Settings()
    assert full.encodings == tmp_path / "mine" / "encodings.sqlite"
    assert full.evaluation == tmp_path / "mine" / "evaluation"
    assert full.store == "bolt://localhost"
    assert full.credentials.password == "geheim"
    assert "geheim" not in repr(full) + str(full.credentials)
