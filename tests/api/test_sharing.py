"""One recommender for many threads, forked children and other processes; and nothing left in the temporary folder."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.encoders import small_encoder

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.sharing import Lock

PLACES = [f"place {i}" for i in range(4)]
GOODS = [f"good {i:02d}" for i in range(24)]
"""The last four were never sold."""
SETTINGS = ModelSettings(FactorSettings(rank=4), KernelSettings({"colour": 1.0, "ancestors": 1.0}))


def catalog():
    return CatalogGraph.from_tables(
        pd.DataFrame(
            {
                "id": PLACES + GOODS,
                "name": [f"a {name}" for name in PLACES + GOODS],
                "parent_id": [None] * 4 + [PLACES[i % 4] for i in range(24)],
                "group": [True] * 4 + [False] * 24,
                "colour": [None] * 4 + [f"colour {i % 5}" for i in range(24)],
            }
        )
    )


def sales(library=pd):
    rows = np.random.default_rng(0)
    pairs = [(f"user {user:02d}", GOODS[good]) for user in range(40) for good in rows.choice(20, 5, replace=False)]
    columns = {"user": [user for user, _ in pairs], "target": [target for _, target in pairs]}
    return pa.table(columns) if library is pa else library.DataFrame(columns)


@pytest.fixture
def model():
    return Recommender(encoder=None, settings=SETTINGS).fit(catalog(), Interactions.from_table(sales()))


# threads


def test_no_event_of_fifty_threads_is_lost_while_others_read(model):
    newcomers = [f"newcomer {i:04d}" for i in range(500)]
    end = Event()

    def read():
        answers = 0
        while not end.is_set():
            table = model.recommend(["user 01", "user 02"], 3, among="all")
            assert len(table) == 6
            model.audience(GOODS[-1], 5)
            model.similar(GOODS[0], 2)
            pickle.dumps(model)
            answers += 1
        return answers

    def write(user):
        return model.observe(pa.table({"user": [user], "target": [GOODS[20]]})).learned

    with ThreadPoolExecutor(53) as threads:
        readers = [threads.submit(read) for _ in range(3)]
        learned = sum(threads.map(write, newcomers))
        end.set()
        assert all(reader.result() for reader in readers)
    assert learned == 500
    assert set(model.fitted.newcomers) == set(newcomers)
    assert set(model.audience(GOODS[20], 1000, exclude_bought=True)["user"]).isdisjoint(newcomers)


def test_all_ways_to_change_a_model_wait_for_each_other(model):
    def change(i):
        if i % 3 == 0:
            model.add(pd.DataFrame({"id": [f"added {i:02d}"], "name": [f"an added {i}"], "parent_id": [PLACES[0]]}))
        elif i % 3 == 1:
            model.forget(f"user {i:02d}")
        else:
            model.observe(pd.DataFrame({"user": [f"newcomer {i:02d}"], "target": [GOODS[0]]}))

    with ThreadPoolExecutor(30) as threads:
        list(threads.map(change, range(30)))
    assert len(model.fitted.graph) == 28 + 10
    assert len(model.fitted.users) == 40 - 10
    assert len(model.fitted.newcomers) == 10


def test_an_answer_comes_from_one_state_though_the_model_is_fitted_anew_meanwhile(model, monkeypatch):
    other = Recommender(encoder=None, settings=SETTINGS).fit(
        catalog(), Interactions.from_table(pd.DataFrame({"user": ["user 01"] * 2 + ["somebody"], "target": GOODS[:3]}))
    )
    expected = model.score(["user 07"], GOODS)
    states = [model.fitted, other.fitted]
    monkeypatch.setattr(Recommender, "fitted", property(lambda _model: states.pop(0)))
    assert np.array_equal(model.score(["user 07"], GOODS), expected)


def test_a_forgotten_user_is_nowhere_in_a_recommender_that_searched(model):
    model.search("good", 2, user="user 01")
    model.forget("user 01")
    assert b"user 01" not in pickle.dumps(vars(model))


# copies and pickles


@pytest.mark.parametrize("library", [pd, pl, pa])
def test_a_history_goes_to_other_processes_with_its_library(library):
    history = Interactions.from_table(sales(library))
    for same in (pickle.loads(pickle.dumps(history)), copy.deepcopy(history)):  # noqa: S301 - our own bytes
        assert same.users.values == history.users.values
        assert np.array_equal(same.target, history.target)
        assert same.backend == library.__name__
    assert isinstance(
        copy.deepcopy(Recommender(encoder=None, settings=SETTINGS).fit(catalog(), history)).recommend("user 01"),
        {pd: pd.DataFrame, pl: pl.DataFrame, pa: pa.Table}[library],
    )


@pytest.mark.parametrize("of", ["fitted", "loaded"])
def test_copies_and_pickles_of_a_model_answer_alike_and_change_apart(model, of, tmp_path):
    if of == "loaded":
        model.save(tmp_path / "model")
        model = Recommender.load(tmp_path / "model")
    graph, before = model.fitted.graph, model.score(["user 01"], GOODS)
    for same in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):  # noqa: S301 - our own bytes
        assert same.fitted.graph == graph
        assert np.array_equal(same.score(["user 01"], GOODS), before)
        assert same.config == model.config
        same.observe(pd.DataFrame({"user": ["user 01"], "target": [GOODS[20]]}))
        same.add(pd.DataFrame({"id": ["extra"], "name": ["an extra"], "parent_id": [PLACES[1]]}))
        assert not np.array_equal(same.score(["user 01"], GOODS), before)
        same.save(tmp_path / "copy")
        assert len(Recommender.load(tmp_path / "copy").fitted.graph) == len(graph) + 1
    assert np.array_equal(model.score(["user 01"], GOODS), before)


def best(model):
    return Recommender.table_columns(model.recommend("user 01", 3))["target"]


@pytest.mark.slow
def test_a_model_works_in_a_spawned_process(model):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        assert processes.submit(best, model).result() == best(model)


def test_a_lock_is_free_in_copies_and_pickles():
    lock = Lock()
    with lock, lock:  # re-entrant
        for other in (copy.deepcopy(lock), pickle.loads(pickle.dumps(lock))):  # noqa: S301 - our own bytes
            with ThreadPoolExecutor(1) as threads:
                threads.submit(enter, other).result(timeout=10)


def enter(lock):
    with lock:
        return True


# forks

FORK = """
import os, signal, sys, threading
from pathlib import Path
import pandas as pd
import torch
sys.path[:0] = [sys.argv[1], f"{sys.argv[1]}/api"]
from newaisle import Recommender, CatalogGraph, Interactions
from test_sharing import GOODS, PLACES, SETTINGS, catalog, sales
torch.set_num_threads(2)
model = Recommender(encoder=sys.argv[2], settings=SETTINGS, cache=Path(sys.argv[3]))
model.fit(catalog(), Interactions.from_table(sales()))
model.search("a good thing to have", k=1)
torch.randn(600, 600) @ torch.randn(600, 600)  # the threads of OpenMP exist now
torch.nn.LayerNorm(600)(torch.randn(600, 600))
holding, end = threading.Event(), threading.Event()
def hold():
    with model._writing:
        holding.set()
        end.wait()
threading.Thread(target=hold).start()
holding.wait()
WORK = {
    "recommend": lambda: model.recommend("user 01"),
    "search": lambda: model.search("something else entirely " * 9, k=1),
    "observe": lambda: model.observe(pd.DataFrame({"user": ["user 01"], "target": [GOODS[20]]})),
    "add": lambda: model.add(pd.DataFrame({"id": ["z"], "name": ["zinc"], "parent_id": [PLACES[0]], "text": ["new"]})),
    "refit": lambda: model.refit(Interactions.from_table(sales())),
    "fit": lambda: Recommender(encoder=sys.argv[2], settings=SETTINGS, cache=None).fit(
        catalog(), Interactions.from_table(sales())),
}
for name, work in WORK.items():
    child = os.fork()
    if not child:
        signal.alarm(60)  # a hanging child ends
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    print(name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
end.set()
"""


@pytest.mark.slow
def test_forked_children_answer_and_learn(tmp_path):
    encoder = small_encoder(tmp_path / "encoder", 0)
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(Path(__file__).parents[1]), str(encoder), str(tmp_path / "cache.sqlite")],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    names = ("recommend", "search", "observe", "add", "refit", "fit")
    assert done.stdout.splitlines() == [f"{name} 0" for name in names], done.stderr


# the temporary folder

LITTER = """
import sys
sys.path[:0] = [sys.argv[1], f"{sys.argv[1]}/api"]
from newaisle import Recommender, Interactions
from test_sharing import SETTINGS, catalog, sales
model = Recommender(encoder=sys.argv[2], settings=SETTINGS, cache=None)
model.fit(catalog(), Interactions.from_table(sales()))
model.search("good")
model.recommend("user 01")
"""


@pytest.mark.slow
def test_nothing_is_left_in_the_temporary_folder(tmp_path):
    encoder = small_encoder(tmp_path / "encoder", 0)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    subprocess.run(
        [sys.executable, "-c", LITTER, str(Path(__file__).parents[1]), str(encoder)],
        env={**os.environ, "TMPDIR": str(temporary), "NEWAISLE_HOME": str(tmp_path / "home")},
        capture_output=True,
        check=True,
    )
    assert not list(temporary.iterdir())
