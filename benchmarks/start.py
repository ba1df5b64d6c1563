"""How fast a process starts: processor seconds and memory of commands and answers, each in a process of its own.

    python benchmarks/start.py [MODEL] [--store URL] [--runs 5]

Without MODEL a small one is fitted. Commands on a store are measured where --store names one. Medians of several runs;
sizes are read from /proc, so it takes Linux.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings

REPORT = """
import atexit, json, sys, time

def report():
    sizes = dict(line.split()[:2] for line in open("/proc/self/status") if "kB" in line)
    sizes = [int(sizes[name]) / 1024 for name in ("VmRSS:", "VmHWM:")]
    print(json.dumps([time.process_time(), *sizes]), file=sys.stderr)

atexit.register(report)
"""
COMMAND = f"""{REPORT}
from newaisle.api.cli.main import main
main(json.loads(sys.argv[1]))
"""
LOAD = f"""{REPORT}
from newaisle import Recommender
model = Recommender.load(*json.loads(sys.argv[1]))
"""


def main() -> None:
    """Measure every command and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, help="folder of a saved model; default: a small one is fitted")
    parser.add_argument("--store", help="URL of a store with a catalog, for cypher and inspect")
    parser.add_argument("--runs", type=int, default=5, help="default: %(default)s")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.model or fit_small(Path(folder) / "model")
        state = Recommender.load(path).fitted
        user, target = str(state.users.values[0]), str(state.graph.ids.values[int(state.choose("new").targets[0])])
        model = str(path)
        commands = {
            "newaisle --help": ["--help"],
            "newaisle recommend": ["recommend", model, "--user", user],
            "newaisle audience": ["audience", model, target],
            "newaisle forecast": ["forecast", model],
            "newaisle explain": ["explain", model, "--user", user, "--target", target],
            "newaisle similar": ["similar", model, "--target", target],
            "newaisle route": ["route", model, target],
        }
        if given.store:
            commands["newaisle cypher"] = ["cypher", "orphans", "--store", given.store]
            commands["newaisle inspect"] = ["inspect", target, "--store", given.store]
        print(f"{len(state.users):,} users, {len(state.graph):,} targets and groups; medians of {given.runs} runs\n")
        print(f"{'':20}{'processor':>12}{'resident':>12}{'at most':>12}")
        show("Recommender.load", LOAD, [model], given.runs)
        for name, arguments in commands.items():
            show(name, COMMAND, arguments, given.runs)


def show(name: str, program: str, arguments: list[str], runs: int) -> None:
    """Print one row: processor seconds, resident memory at the end and at most."""
    measured = [measure(program, arguments) for _ in range(runs)]
    seconds, resident, peak = (statistics.median(column) for column in zip(*measured, strict=True))
    print(f"{name:20}{seconds:10.2f} s{resident:9.0f} MB{peak:9.0f} MB")


def measure(program: str, arguments: list[str]) -> list[float]:
    """Processor seconds and the two sizes in MB of one process."""
    done = subprocess.run([sys.executable, "-c", program, json.dumps(arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: list[float] = json.loads(done.stderr.splitlines()[-1])
    return figures


def fit_small(folder: Path, users: int = 200, targets: int = 120) -> Path:
    """A model of random sales, without texts; every fifth target is new."""
    random = np.random.default_rng(0)
    ids = np.arange(targets)
    catalog = {"id": ids, "name": [f"target {i}" for i in ids], "shelf": [f"shelf {i % 12}" for i in ids]}
    sales = {"user": random.integers(0, users, 4_000), "target": random.integers(0, targets, 4_000)}
    sold = sales["target"] % 5 > 0
    history = Interactions.from_table(pa.table({name: column[sold] for name, column in sales.items()}))
    settings = ModelSettings(FactorSettings(rank=8), KernelSettings({"shelf": 1.0}))
    Recommender(encoder=None, settings=settings).fit(CatalogGraph.from_tables(pa.table(catalog)), history).save(folder)
    return folder


if __name__ == "__main__":
    main()
