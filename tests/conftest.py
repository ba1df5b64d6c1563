"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.catalogs import part_of
from support.neo4j_server import (
    GIVEN,
    QUICK,
    RELEASES,
    Endpoint,
    NoServerError,
    given_endpoint,
    running,
    versions_to_test,
)

from newaisle.graph import Store, open_store
from newaisle.loaders import LoadedSource, load

if TYPE_CHECKING:
    from newaisle.api.recommender import Recommender
    from newaisle.gnn.evaluation.contracts import Method
    from newaisle.gnn.model.model import LatentFactorModel
    from newaisle.gnn.model.settings import ModelSettings
    from newaisle.gnn.propagation.features import FeatureBlocks
    from newaisle.gnn.validation.splits import Split

TESTS = Path(__file__).parent
SLICE = ("PRODUCE", "DELI", "PASTRY", "MEAT-PCKGD", "SEAFOOD")
"""Departments of the real catalog that most tests share."""
SMALL_SLICE = ("PRODUCE", "DELI", "SEAFOOD")
"""Departments of a smaller one, for what searches settings many times."""

os.environ.setdefault("JAVA_TOOL_OPTIONS", " ".join(QUICK))  # for embedded stores too


STORE_FILES = (
    "api/cli/test_main.py",
    "graph/store",
    "test_docs.py",
    "test_front_door.py",
)
"""Tests that start stores of their own, or whose half is done sooner with them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what talks to a store: the Makefile runs these tests beside the others."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        place = item.path.relative_to(TESTS).as_posix()
        if place.startswith(STORE_FILES) or {"store", "any_store", "neo4j_of"} & fixtures:
            item.add_marker("store")


@contextmanager
def few_folds() -> Iterator[None]:
    """Search settings on 3 validation folds, the fewest of a fit, where small data would have 8."""
    from newaisle.gnn.training import folds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folds, "MOST_FOLDS", folds.FOLDS)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_search() -> Iterator[int]:
    """Every search of settings is quick, but for tests of the search itself; gives the number of folds it has else."""
    from newaisle.gnn.training import folds

    most = folds.MOST_FOLDS
    with few_folds():
        yield most


@pytest.fixture
def hasty_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 validation folds, one of each protocol, for tests that fit a whole shop."""
    monkeypatch.setattr("newaisle.gnn.training.folds.FOLDS", 2)
    monkeypatch.setattr("newaisle.gnn.training.folds.MOST_FOLDS", 2)


@pytest.fixture(scope="module")
def thorough_search(quick_search: int) -> Iterator[None]:
    """As many validation folds as a fit has outside of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("newaisle.gnn.training.folds.MOST_FOLDS", quick_search)
        yield


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One embedded store for the whole run; every test writes sources of its own names."""
    with open_store(f"embedded:{tmp_path_factory.mktemp('store')}", heap="512m") as opened:
        yield opened


_NOT_TESTED: dict[str, str] = {}
"""Versions of Neo4j that could not be had, and why."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for version, reason in _NOT_TESTED.items():
        terminalreporter.write_line(f"Not tested against Neo4j ({version}): {reason}", yellow=True)


@pytest.fixture(scope="session")
def neo4j_of() -> Iterator[Callable[[str], Endpoint]]:
    """Gives the Neo4j of a version, started once; where none can be had the test skips, or fails if ``CI=true``."""
    with ExitStack() as servers:
        found: dict[str, Endpoint] = {}

        def endpoint(version: str) -> Endpoint:
            if version not in found and version not in _NOT_TESTED:
                try:
                    if version == GIVEN:
                        found[version] = given_endpoint()
                    else:
                        found[version] = servers.enter_context(running(RELEASES[version])).endpoint
                except NoServerError as error:
                    _NOT_TESTED[version] = str(error)
            if version in _NOT_TESTED:
                (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(_NOT_TESTED[version])
            return found[version]

        yield endpoint


@pytest.fixture(scope="module", params=versions_to_test())
def neo4j_server(request: pytest.FixtureRequest, neo4j_of: Callable[[str], Endpoint]) -> Iterator[Endpoint]:
    """Every Neo4j in turn, empty before and after a module."""
    endpoint = neo4j_of(request.param)
    endpoint.wipe()
    yield endpoint
    endpoint.wipe()


@pytest.fixture(scope="module", params=["embedded", *versions_to_test()])
def any_store(request: pytest.FixtureRequest, neo4j_of: Callable[[str], Endpoint]) -> Iterator[Store]:
    """Every kind of store in turn, empty before and after a module."""
    if request.param == "embedded":
        embedded: Store = request.getfixturevalue("store")
        embedded.query("MATCH (n) DETACH DELETE n", write=True)
        yield embedded
        return
    endpoint = neo4j_of(request.param)
    endpoint.wipe()
    with endpoint.open() as opened:
        yield opened
    endpoint.wipe()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """Run a command in this process: exit code, standard output, standard error."""
    from newaisle.api.cli.main import main

    def run_command(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run_command


@pytest.fixture(scope="session")
def complete_journey() -> LoadedSource:
    """All of Complete Journey."""
    return load("complete-journey")


@pytest.fixture(scope="session")
def journey(complete_journey: LoadedSource) -> LoadedSource:
    """Five departments of Complete Journey and what 300 of its households bought there."""
    return _departments(complete_journey, SLICE, users=300)


@pytest.fixture(scope="session")
def small_journey(complete_journey: LoadedSource) -> LoadedSource:
    """Three of these departments and what 120 households bought there."""
    return _departments(complete_journey, SMALL_SLICE, users=120)


def _departments(whole: LoadedSource, names: Sequence[str], users: int) -> LoadedSource:
    graph = whole.graph
    keep = np.zeros(len(graph), dtype=np.bool_)
    for name in names:
        department = graph.ids.position(f"department:{name}")
        keep[[department, *graph.below(department)]] = True
    part = part_of(graph, keep)
    return LoadedSource(part, whole.interactions.sample_users(users).restrict(part))


@pytest.fixture(scope="session")
def encodings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of text embeddings for the whole run, and for a run beside it that is given the same file."""
    return Path(os.environ.get("TEST_ENCODINGS") or tmp_path_factory.mktemp("encodings") / "cache.sqlite")


@pytest.fixture
def fresh_home(tmp_path: Path, encodings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new NEWAISLE_HOME with nothing in it but the cache of text embeddings: what is encoded need not be again."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "encodings.sqlite").symlink_to(encodings)
    monkeypatch.setenv("NEWAISLE_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def texts(journey: LoadedSource, encodings: Path) -> np.ndarray:
    """Embeddings of the texts of ``journey``, float32 (n, 384)."""
    from newaisle.gnn.text.encoder import TextEncoder

    return TextEncoder(cache=encodings).encode(journey.graph.texts)


@pytest.fixture(scope="session")
def names(journey: LoadedSource, encodings: Path) -> np.ndarray:
    """Embeddings of the names of ``journey``, float32 (n, 384)."""
    from newaisle.gnn.text.encoder import TextEncoder

    return TextEncoder(cache=encodings).encode([name.lower() for name in journey.graph.names])


@pytest.fixture(scope="session")
def phi(journey: LoadedSource, texts: np.ndarray, names: np.ndarray) -> FeatureBlocks:
    """The target features of ``journey``."""
    from newaisle.gnn.propagation.propagate import propagate

    return propagate(journey.graph, texts, names)


@pytest.fixture(scope="session")
def given(phi: FeatureBlocks) -> ModelSettings:
    """Settings for ``journey``, so that no search is needed."""
    from newaisle.gnn.factors.settings import FactorSettings
    from newaisle.gnn.model.settings import ModelSettings
    from newaisle.gnn.training.folds import start_kernel

    kernel = start_kernel(phi, 0.1, 0.1)
    factors = FactorSettings(rank=12, regularization=30.0)
    return ModelSettings(factors, kernel, strength=10.0, seen_strength=20.0, level=0.03, offset=0.05, tau=0.15)


@pytest.fixture(scope="session")
def fitted(journey: LoadedSource, encodings: Path, given: ModelSettings) -> Recommender:
    """A recommender fitted to ``journey`` with the given settings."""
    from newaisle.api.recommender import Recommender

    return Recommender(settings=given, cache=encodings).fit(journey.graph, journey.interactions)


@pytest.fixture(scope="session")
def latent_model(fitted: Recommender) -> LatentFactorModel:
    """The model inside ``fitted``."""
    return fitted.fitted.model


@pytest.fixture(scope="session")
def searched(journey: LoadedSource, encodings: Path) -> Recommender:
    """A recommender fitted to ``journey`` that chose its settings itself."""
    from newaisle.api.recommender import Recommender

    with few_folds():  # whoever asks for it first
        return Recommender(cache=encodings).fit(journey.graph, journey.interactions)


@pytest.fixture(scope="session")
def split(journey: LoadedSource) -> Split:
    """A fifth of the sold targets of ``journey``, hidden."""
    from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, make_split

    return make_split(LEAVE_TARGETS_OUT, journey.graph, journey.interactions.matrix(journey.graph), 0)


@pytest.fixture(scope="session")
def methods(journey: LoadedSource, texts: np.ndarray, names: np.ndarray) -> Mapping[str, Callable[[int], Method]]:
    """Everything that an evaluation compares, by name, each made from a seed."""
    from newaisle.gnn.evaluation.methods.registry import compared_methods

    return compared_methods(journey.graph, texts, names, ablate=True)


@pytest.fixture(scope="session")
def fitted_methods(methods: Mapping[str, Callable[[int], Method]], split: Split) -> Mapping[str, Method]:
    """Every method, fitted to ``split`` when it is first asked for."""

    class Fitted(dict[str, "Method"]):
        def __missing__(self, name: str) -> Method:
            self[name] = methods[name](0)
            self[name].fit(split)
            return self[name]

    return Fitted()
