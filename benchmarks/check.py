"""Processor time and memory of ``newaisle check`` on a generated shop: by default 5 million rows of interactions.

    python benchmarks/check.py [--rows 5000000] [--users 400000] [--targets 5000] [--format csv|parquet|both]

The rows have a user, a target, a weight, a time as text and a kind; 2 % are on unknown targets and 1 % have no user.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet


def write_shop(folder: Path, rows: int, users: int, targets: int, suffix: str) -> None:
    """A folder of tables with one file of interactions of a format."""
    random = np.random.default_rng(0)
    words = np.array(
        ["red", "blue", "small", "large", "oak", "lamp", "chair", "rug", "vase", "table", "shelf", "clock"]
    )
    names = [" ".join(row) for row in words[random.integers(0, len(words), (targets, 3))]]
    colour = words[random.integers(0, 4, targets)]
    categories = pa.table({"id": [f"t{i:06d}" for i in range(targets)], "name": names, "colour": colour})
    popularity = random.lognormal(0, 1.5, targets)
    popularity[: targets // 10] = 0  # new targets
    bought = random.choice(targets, rows, p=popularity / popularity.sum())
    bought = np.where(random.random(rows) < 0.02, bought + targets, bought)
    who = random.integers(0, users, rows)
    seconds = random.integers(1_672_531_200, 1_704_067_200, rows)
    times = pa.array(seconds.astype("datetime64[s]"))
    kinds = pa.DictionaryArray.from_arrays(random.choice(3, rows, p=[0.7, 0.2, 0.1]), ["view", "basket", "purchase"])
    interactions = pa.table(
        {
            "user": pa.array(who, mask=random.random(rows) < 0.01).cast(pa.string()),
            "target": pc.binary_join_element_wise("t", pc.utf8_lpad(pa.array(bought).cast(pa.string()), 6, "0"), ""),
            "weight": random.integers(1, 5, rows),
            "timestamp": pc.strftime(times, "%Y-%m-%d %H:%M:%S"),
            "event": kinds.cast(pa.string()),
        }
    )
    folder.mkdir()
    if suffix == "csv":
        pyarrow.csv.write_csv(categories, folder / "categories.csv")
        pyarrow.csv.write_csv(interactions, folder / "interactions.csv")
    else:
        pyarrow.parquet.write_table(categories, folder / "categories.parquet")
        pyarrow.parquet.write_table(interactions, folder / "interactions.parquet")


def measure(folder: Path) -> dict[str, float]:
    """Run the command in a process of its own; seconds of processor time and peak memory in MB."""
    code = "from newaisle.api.cli.main import main; main()"
    printed = folder / "understood.json"
    with printed.open("w") as file:
        child = subprocess.Popen([sys.executable, "-c", code, "check", f"tables:{folder}", "--json"], stdout=file)
        _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit("newaisle check failed.")
    found = json.loads(printed.read_text())
    return {
        "rows": found["interaction_rows"]["rows_read"],
        "kept": found["interaction_rows"]["rows_kept"],
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def main() -> None:
    """Generate, measure, print one JSON object per format."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--users", type=int, default=400_000)
    options.add_argument("--targets", type=int, default=5_000)
    options.add_argument("--format", choices=("csv", "parquet", "both"), default="both")
    given = options.parse_args()
    for suffix in ("csv", "parquet") if given.format == "both" else (given.format,):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "shop"
            write_shop(folder, given.rows, given.users, given.targets, suffix)
            print(json.dumps({"format": suffix, **measure(folder)}), flush=True)


if __name__ == "__main__":
    main()
