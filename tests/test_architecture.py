"""The shape of the house: imports are relative, run one way between rooms, down within them, and never in a circle."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("api", "gnn", "graph", "loaders")
MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__"): path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
}
SHARED = {"arguments", "arrays", "display", "errors", "lazy", "paths", "progress", "sharing", "toml_file"}
BELOW = {
    "graph": set(),
    "loaders": {"graph"},
    "gnn": {"graph"},
    "api": {"graph", "loaders", "gnn"},
}
"""Room -> rooms that it may import."""

OTHERS = "*"
FLOORS = {
    "graph": ("cleaning", "ids", "frames", "reading", "catalog", "interactions", "groups", "event_weights", "store"),
    "loaders": ("files", "summary", "base", "vectors", OTHERS, "registry"),
    "gnn": (
        "compile_cache",
        "threads",
        "utils",
        "parallel",
        "propagation",
        "text",
        "factors",
        "prior",
        "calibration",
        "model",
        "validation",
        "training",
        "online",
        "retrieval",
        "serving",
        "evaluation",
    ),
    "api": ("settings", "config", "updates", "answers", "sync", "recommender", "reports", "demo", "cli"),
}
"""What stands in each room, from the bottom up: each may import what comes before it. OTHERS is every loader."""

FLOORS_OF_CATALOG = (
    "schema",
    "availability",
    "hashing",
    "traversal",
    "long_tables",
    "tables",
    "build",
    "graph",
    "nodes",
    "arrow",
    "derive",
    "connections",
    "affected",
    "extend",
)

HEAVY = {"torch", "torch_geometric", "sentence_transformers"}


def imported(name: str) -> list[tuple[str, int, set[str]]]:
    """What a module imports: absolute name below the package or top-level library, line, names."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition("/")[0]
    found: list[tuple[str, int, set[str]]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(f"!{alias.name.partition('.')[0]}", node.lineno, set()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append((f"!{(node.module or '').partition('.')[0]}", node.lineno, set()))
        elif isinstance(node, ast.ImportFrom):
            above = package.split("/")[: len(package.split("/")) - node.level + 1]
            inside = "/".join([*above, *(node.module.split(".") if node.module else ())])
            found.append((inside, node.lineno, {alias.name for alias in node.names}))
    return found


def arrows(name: str) -> set[str]:
    """The modules that a module imports; a face (an ``__init__`` that hands names on) has no arrow of its own."""
    if MODULES[name].name == "__init__.py":
        return set()
    found = set()
    for inside, _, names in imported(name):
        for target in (inside, *(f"{inside}/{each}" for each in names)):
            if target in MODULES:
                found.add(target)
    return found - {name}


@pytest.mark.parametrize("name", MODULES)
def test_imports_are_relative_and_run_one_way(name: str) -> None:
    room = name.partition("/")[0]
    allowed = BELOW[room] | SHARED | {room}
    for inside, line, names in imported(name):
        if inside.startswith("!"):
            library = inside[1:]
            assert library not in {"newaisle", *ROOMS}, f"line {line}: use a relative import"
            if room in ("graph", "loaders"):
                assert library not in HEAVY, f"line {line}: {room}/ does not know {library}"
            if room == "gnn":
                assert library != "neo4j", f"line {line}: gnn/ does not know the store"
            continue
        tops = {inside.partition("/")[0]} if inside else names
        assert tops <= allowed, f"line {line}: {room} may import {', '.join(sorted(allowed))} alone"


@pytest.mark.parametrize("name", [name for name in MODULES if name.count("/")])
def test_imports_run_down(name: str) -> None:
    room, place, *inner = name.split("/")
    floors = FLOORS[room]
    assert place in floors or OTHERS in floors, f"say in FLOORS where {name} stands"
    for target in arrows(name):
        if not target.startswith(f"{room}/"):
            continue
        _, below, *deeper = target.split("/")
        at, place_of_target = (floors.index(each if each in floors else OTHERS) for each in (place, below))
        assert place_of_target <= at, f"{name} imports {target}, which stands above it"
        if (room, place, below) == ("graph", "catalog", "catalog") and inner and deeper:
            assert FLOORS_OF_CATALOG.index(deeper[0]) < FLOORS_OF_CATALOG.index(inner[0]), f"{name} imports {target}"


def test_no_import_runs_in_a_circle() -> None:
    try:
        graphlib.TopologicalSorter({name: arrows(name) for name in MODULES}).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_no_room_has_too_many_modules_side_by_side() -> None:
    for folder in sorted({path.parent for path in MODULES.values()}):
        modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        limit = 20 if folder == ROOT / "graph" / "store" else 15
        assert len(modules) <= limit, f"{folder.relative_to(ROOT)} holds {len(modules)} modules; divide it"
