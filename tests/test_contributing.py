"""The recipes of CONTRIBUTING.md work, and the files that it names exist.

Recipes run in a copy of the tree: a block with ``title="FILE"`` is written there, a ``diff`` block changes the one
place that it matches; ``$ …`` lines of ``console`` blocks, and ``python`` blocks without a title, are run and must
print what stands below them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TREE = ("api", "gnn", "graph", "loaders", "docs/shop", "pyproject.toml", "src", "tests/test_architecture.py")
"""What a recipe needs of the tree."""
RECIPES = dict(re.findall(r"^### (Add .+?)\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL))
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: title=\"(?P<file>.+?)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, which every recipe adds to."""
    folder = tmp_path_factory.mktemp("recipes") / "tree"
    for name in TREE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_works(recipe: str, tree: Path, fresh_home: Path) -> None:
    ran = False
    printed = ""
    for kind, file, text in (block.group("kind", "file", "text") for block in BLOCK.finditer(RECIPES[recipe])):
        if kind == "console":
            ran = True
            for command, _, shown in (part.partition("\n") for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]):
                printed = run(tree, fresh_home, *shlex.split(command))
                assert not shown or printed == shown, f"$ {command}\n{printed}"
        elif kind == "diff":
            change(tree / file, text)
        elif kind == "text":
            assert printed == text
        elif file:
            assert not (tree / file).exists(), f"{file} exists; the recipe needs another name"
            (tree / file).write_text(text, encoding="utf-8")
        else:
            ran = True
            printed = run(tree, fresh_home, "python", "-c", text)
    assert ran


def test_what_the_recipes_add_keeps_the_rules(tree: Path, fresh_home: Path) -> None:
    run(tree, fresh_home, "python", "-m", "ruff", "check", *TREE[:4])
    run(tree, fresh_home, "python", "-m", "ruff", "format", "--check", *TREE[:4])
    run(tree, fresh_home, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_architecture.py")


def change(file: Path, diff: str) -> None:
    """Replace the one place where the context and the removed lines of a diff stand."""
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] != other) for other in "+-")
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} holds this {text.count(old)} times, not once:\n{old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def run(tree: Path, home: Path, program: str, *arguments: str) -> str:
    """What a program prints, run in the copied tree; ``newaisle`` and ``python`` are those of the copy."""
    start = {
        "newaisle": (sys.executable, "-c", "from newaisle.api.cli.main import main; main()"),
        "python": (sys.executable,),
    }
    environment = {**os.environ, "NEWAISLE_HOME": str(home), "PYTHONPATH": str(tree / "src")}
    for name in [name for name in environment if name.startswith("NEO4J_")]:
        del environment[name]
    done = subprocess.run(
        [*start[program], *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{program} {shlex.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_files_that_it_names_exist() -> None:
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    named = {name for name in re.findall(r"`([\w./-]+/[\w./-]*)`", prose) if not name.startswith(".venv")}
    assert len(named) > 20
    assert [name for name in sorted(named) if name != "site/" and not (ROOT / name).exists()] == []
