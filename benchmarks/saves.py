"""Whether a whole model is at its path at every moment: saves killed at random, two savers at once, readers all along.

    python benchmarks/saves.py [--kills 300] [--loads 1000] [--seed 0] [--json]

Kills: a process saves over a model again and again and is killed (SIGKILL) after a random time, while two others load
it all along. After every kill the model must load and answer as one of the two that are saved in turn; after one more
save nothing may be left of the killed ones. Loads: the same two readers while two processes save at the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import NewaisleError
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings

READERS = 2


def main() -> None:
    """Print what was counted; exit code 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--loads", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the times of kills (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    models = [made(40), made(60)]
    folder = Path(tempfile.mkdtemp(prefix="saves-"))
    try:
        found = kills(models, folder / "killed", given.kills, given.seed) | loads(models, folder / "both", given.loads)
    finally:
        shutil.rmtree(folder)
    if given.json:
        print(json.dumps(found))
    else:
        for name, count in found.items():
            print(f"{name.replace('_', ' ')}: {count:,}")
    bad = ("lost_models", "failed_loads_during_kills", "leftovers", "failed_saves", "failed_loads", "leftovers_of_two")
    raise SystemExit(any(found[name] for name in bad))


def made(users: int) -> Recommender:
    """A small shop's model; those of different numbers of users answer differently."""
    random_numbers = np.random.default_rng(users)
    kinds = ["tea", "bread", "lamp", "boot"]
    catalog = pd.DataFrame({"id": [f"t{i:02d}" for i in range(40)], "name": [f"{kinds[i % 4]} {i}" for i in range(40)]})
    catalog["kind"] = [kinds[i % 4] for i in range(40)]
    sales = [
        (f"u{user:03d}", f"t{target:02d}") for user in range(users) for target in random_numbers.choice(32, 5, False)
    ]
    settings = ModelSettings(FactorSettings(rank=8), KernelSettings({"kind": 1.0}))
    history = Interactions.from_table(pd.DataFrame(sales, columns=["user", "target"]))
    return Recommender(encoder=None, settings=settings).fit(CatalogGraph.from_tables(catalog), history)


def answer(model: Recommender) -> str:
    """What tells models apart and reads every file."""
    return repr(model.score("u001", list(model.fitted.graph.ids)).round(9).tolist()) + str(model.similar("t39", 3))


def kills(models: list[Recommender], path: Path, count: int, seed: int) -> dict[str, int]:
    """Kill saves."""
    known = {answer(model) for model in models}
    started = time.perf_counter()
    for model in models:
        model.save(path)
    longest = 1.5 * (time.perf_counter() - started)
    readers = [Child(lambda: loads_whole(path, known)) for _ in range(READERS)]
    draws, lost = random.Random(seed), 0  # noqa: S311 - times, not secrets
    for number in range(count):
        saver = Child(partial(save, models, path, number))
        time.sleep(draws.uniform(0.0, longest))
        os.kill(saver.pid, signal.SIGKILL)
        os.waitpid(saver.pid, 0)
        lost += not loads_whole(path, known)
    read_by = [reader.stop() for reader in readers]
    between = len(list(path.iterdir()))
    models[0].save(path)
    return {
        "kills": count,
        "lost_models": lost,
        "loads_during_kills": sum(good for good, _ in read_by),
        "failed_loads_during_kills": sum(bad for _, bad in read_by),
        "entries_after_the_last_kill": between,
        "leftovers": leftovers(path),
    }


def loads(models: list[Recommender], path: Path, count: int) -> dict[str, int]:
    """Load during the saves of two processes."""
    known = {answer(model) for model in models}
    models[0].save(path)
    savers = [Child(partial(save, models, path, first)) for first in (0, 1)]
    good = sum(loads_whole(path, known) for _ in range(count))
    saved_by = [saver.stop() for saver in savers]
    return {
        "saves": sum(done for done, _ in saved_by),
        "failed_saves": sum(bad for _, bad in saved_by),
        "loads": count,
        "failed_loads": count - good,
        "leftovers_of_two": leftovers(path),
    }


def leftovers(path: Path) -> int:
    """What is in and beside a model's folder besides it: the lock, the config and the current generation."""
    return len(list(path.iterdir())) - 3 + len([each for each in path.parent.iterdir() if each.name.startswith(".")])


def loads_whole(path: Path, known: set[str]) -> bool:
    """Whether a model loads and is one of those saved."""
    try:
        return answer(Recommender.load(path)) in known
    except NewaisleError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return False


class Child:
    """A forked process that repeats something and reports, when stopped, how often it went well and not."""

    def __init__(self, step: Callable[[], bool]) -> None:
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            self._report = reading
            return
        stopped: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
        good = bad = 0
        while not stopped:
            if step():
                good += 1
            else:
                bad += 1
        os.write(writing, f"{good} {bad}".encode())
        os._exit(0)

    def stop(self) -> tuple[int, int]:
        """End it after the step that it is in."""
        os.kill(self.pid, signal.SIGTERM)
        with os.fdopen(self._report, encoding="ascii") as report:
            good, bad = report.read().split()
        os.waitpid(self.pid, 0)
        return int(good), int(bad)


_turn: list[int] = []


def save(models: list[Recommender], path: Path, first: int) -> bool:
    """One save of the models in turn."""
    _turn.append(first)
    try:
        models[(first + len(_turn)) % 2].save(path)
    except NewaisleError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return False
    return True


if __name__ == "__main__":
    main()
