"""Processor time and peak memory of a fit and of serving by users x targets: the size guide of docs/production.md.

    OMP_NUM_THREADS=1 python benchmarks/size.py [--sizes 1000x1000 10000x2000]

The shop is generated (departments, brands, 20 purchases per user, no texts). Fit, with the search of settings and save,
and serving, a load and the lists of 1,000 users, each run in a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from newaisle import CatalogGraph, Interactions, Recommender

PURCHASES = 20
SIZES = ("1000x1000", "10000x2000")


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="USERSxTARGETS; default: %(default)s")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        (fit if arguments.one[0] != "serve" else serve)(*arguments.one)
        return
    print("| users x targets | fit | memory | serving 1,000 users | memory |\n|---|---|---|---|---|")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            model = str(Path(folder) / "model")
            cells = [measured([size, model]), measured(["serve", model])]
        print("|", size.replace("x", " x "), "|", " | ".join(cells), "|", flush=True)


def measured(one: list[str]) -> str:
    """Run one step in a process of its own: its two cells."""
    command = [sys.executable, __file__, "--one", *one]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]


def fit(size: str, model: str) -> None:
    """Fit a shop of a size, and save the model."""
    users, targets = map(int, size.split("x"))
    random = np.random.default_rng(0)
    names = [f"target {i:06d}" for i in range(targets)]
    department = random.integers(0, max(targets // 50, 4), targets)
    columns = {"department": department, "brand": random.integers(0, max(targets // 20, 4), targets)}
    catalog = CatalogGraph.from_tables(
        pa.table({"id": names, "name": names} | {name: [f"{name} {i}" for i in of] for name, of in columns.items()})
    )
    sold = random.permutation(targets)[: targets * 4 // 5]
    likes = random.integers(0, department.max() + 1, users)
    events = {"user": [], "target": []}
    for user in range(users):
        own = sold[department[sold] == likes[user]]
        other = random.choice(sold, PURCHASES // 2)
        bought = np.unique(np.r_[random.choice(own, PURCHASES // 2), other] if len(own) else other)
        events["user"] += [user] * len(bought)
        events["target"] += [names[i] for i in bought]
    history = Interactions.from_table(pa.table(events))
    started = time.process_time()
    Recommender(encoder=None).fit(catalog, history).save(model)
    print(cells(time.process_time() - started))


def serve(_what: str, model: str) -> None:
    """Load a model, and answer for 1,000 users."""
    started = time.process_time()
    loaded = Recommender.load(model)
    loaded.recommend(list(loaded.fitted.users)[:1000], 20)
    print(cells(time.process_time() - started))


def cells(seconds: float) -> str:
    """Processor time and peak memory of this process."""
    return f"{seconds:.1f} s | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB"


if __name__ == "__main__":
    main()
