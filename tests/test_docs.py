"""What the documentation shows runs, and it names every command and option.

In README.md and docs/*.md, in the order in which they stand and per file in one fresh folder: ``python`` blocks are
executed in one namespace, ``$ newaisle …`` lines of ``console`` blocks are run (not of ``console norun``), ``cypher``
blocks must find something in a store that holds docs/shop. ``console exact`` blocks hold the very output, and
``text exact`` blocks that of the python block before; ``...`` in them matches anything.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main

import newaisle
from newaisle.api.cli.main import app
from newaisle.graph import Store, open_store

ROOT = Path(__file__).parents[1]
SHOP = Path("docs") / "shop"
PAGES = sorted(path for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if path.exists())
Run = Callable[..., tuple[object, str, str]]
NEEDS_SHELL = {"|", ">", "<", "&&"}
FENCE = re.compile(r"^```(?P<kind>\w+)(?P<marks>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: ``kind`` and ``marks`` from its first line, ``where`` as FILE:LINE."""

    kind: str
    marks: frozenset[str]
    text: str
    where: str


def blocks(page: Path) -> Iterator[Block]:
    page_text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(page_text):
        line = page_text.count("\n", 0, found.start()) + 1
        yield Block(found["kind"], frozenset(found["marks"].split()), found["text"], f"{page.name}:{line}")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that holds docs/shop."""
    with open_store(f"embedded:{tmp_path_factory.mktemp('shop')}", heap="512m") as store:
        store.write(newaisle.load(f"tables:{ROOT / SHOP}").graph)
        yield store


@pytest.mark.usefixtures("fresh_home", "hasty_search")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_runs(
    page: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for name in [name for name in os.environ if name.startswith("NEO4J_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    work = tmp_path / "work"
    shutil.copytree(ROOT / SHOP, work / SHOP)
    monkeypatch.chdir(work)
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page):
        if "norun" in block.marks:
            continue
        if block.kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(block.text, block.where, "exec"), namespace)  # noqa: S102 - our own documentation
            printed = output.getvalue()
        elif block.kind == "text" and "exact" in block.marks:
            assert_alike(block.where, block.text, printed)
        elif block.kind == "cypher":
            assert request.getfixturevalue("shop").query(block.text).rows, f"{block.where} finds nothing"
        elif block.kind == "console":
            run_console(block, run)


def run_console(block: Block, run: Run) -> None:
    """Run the commands of a block; ``exact`` compares the text below each of them with its output.

    What needs a shell runs in one, all else in this process, where nothing is imported again.
    """
    joined = block.text.replace("\\\n", "")
    for step in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        command, _, shown = step.partition("\n")
        if not command.startswith("newaisle "):
            continue
        code, out, err = (
            run_in_shell(command) if NEEDS_SHELL & set(shlex.split(command)) else run(*shlex.split(command)[1:])
        )
        assert code == 0, f"{block.where}: {command}\n{err}"
        if "exact" in block.marks:
            assert_alike(block.where, shown, out)


def run_in_shell(command: str) -> tuple[object, str, str]:
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def assert_alike(where: str, shown: str, printed: str) -> None:
    """Compare, white space at the ends of lines aside."""
    want, got = ("".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines()) for text in (shown, printed))
    assert doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS), f"{where} shows\n{want}\nbut it is\n{got}"


def test_the_pages_have_something_to_run() -> None:
    kinds = {block.kind for page in PAGES for block in blocks(page) if "norun" not in block.marks}
    assert {"python", "cypher", "console"} <= kinds


def test_every_command_and_option_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    program = typer.main.get_command(app)
    everything = [("", program), *program.commands.items()]  # type: ignore[attr-defined]  # it is a group
    sections = dict(re.findall(r"^## newaisle (\S+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    missing = [
        f"{name} {option}"
        for name, command in everything
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and f"`{option}" not in (sections.get(name, "") if name else page)
    ]
    assert missing == []
    assert set(sections) == {name for name, _ in everything if name}


def test_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            target, _, part = link.partition("#")
            if "://" in target:
                continue
            file = page.parent / target if target else page
            if not file.exists() or (part and part not in anchors(file)):
                broken.append(f"{page.name}: {link}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors that headings get on GitHub."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
