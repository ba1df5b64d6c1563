"""Damaged files of every kind of source: read rightly, refused in one sentence, or rows dropped and counted."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.mutations import SOURCES, damage

from newaisle import load
from newaisle.errors import NewaisleError
from newaisle.graph import Ids
from newaisle.loaders.vectors import read_vectors

Read = TypeVar("Read")


def _sentence_or(read: Callable[[], Read]) -> Read | str:
    """What is read, or the sentence of the error."""
    try:
        return read()
    except NewaisleError as error:
        return str(error)


def _outcome(source: str) -> str:
    loaded = _sentence_or(lambda: load(source))
    if isinstance(loaded, str):
        assert loaded.strip()
        assert "\n" not in loaded
        return "refused"
    graph, events = loaded.graph, loaded.interactions
    assert len(graph) > 0
    assert graph.report.rows_kept + sum(graph.report.dropped.values()) == graph.report.rows_read
    if events is None:
        return "read"
    added_up = events.report.changed.get("lines of one purchase added up", 0)
    assert events.report.rows_kept + sum(events.report.dropped.values()) + added_up == events.report.rows_read
    for file in loaded.files:
        if file.table == "interactions":
            assert events.report.rows_read == file.rows
    return "dropped" if graph.report.dropped or events.report.dropped else "read"


def _run(folder: Path, kind: str, seed: int) -> str:
    rng = random.Random(f"{kind} {seed}")  # noqa: S311
    source = SOURCES[kind](folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    damage(rng.choice(files), rng)
    return _outcome(source)


def _run_vectors(folder: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    path = folder / "image.parquet"
    pq.write_table(pa.table({"id": ["a", "b"], "vector": [[0.0, 1.0], [1.0, 0.5]]}), path)
    damage(path, rng)
    found = _sentence_or(lambda: read_vectors({"image": path}, Ids(("a", "b"))))
    assert "\n" not in found if isinstance(found, str) else len(found["image"]) == 2


def _many(tmp_path: Path, seeds: range) -> None:
    outcomes = set()
    for kind in SOURCES:
        for seed in seeds:
            folder = tmp_path / f"{kind}-{seed}"
            folder.mkdir()
            try:
                outcomes.add(_run(folder, kind, seed))
            except Exception as error:
                error.add_note(f"kind {kind!r}, seed {seed}")
                raise
    assert outcomes == {"read", "dropped", "refused"}
    for seed in seeds:
        folder = tmp_path / f"vectors-{seed}"
        folder.mkdir()
        _run_vectors(folder, seed)


def test_a_few_hundred_damaged_files(tmp_path: Path) -> None:
    _many(tmp_path, range(35))


@pytest.mark.slow
def test_two_thousand_damaged_files(tmp_path: Path) -> None:
    _many(tmp_path, range(35, 260))
