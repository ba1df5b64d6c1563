"""Models of strangers: whatever their files contain, they are read or refused, and never crash the process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file
from support.forged_models import BYTES
from support.models import data_of, seal, sealed

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import ModelFormatError
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.serving import tables

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with parents, attributes, numbers, a dislike, a newcomer, and an event since the fit."""
    names = ["Drinks", "Tea", "Coffee", "Milk", "Bread", "Cake", "Jam"]
    catalog = pd.DataFrame({"id": [name.lower() for name in names], "name": names})
    catalog["parent_id"] = [None, "drinks", "drinks", "drinks", None, None, None]
    catalog["group"] = [True] + [False] * 6
    catalog["shelf"] = [None, "dry", "dry", "cold", "dry", "dry", "dry"]
    catalog["size"] = [None, 3.0, 4.0, 5.0, 1.0, 2.0, 2.0]
    sales = pd.DataFrame({"user": list("uuvvwwxx"), "timestamp": range(1000, 9000, 1000)})
    sales["target"] = ["tea", "coffee", "coffee", "bread", "tea", "cake", "milk", "tea"]
    sales["event"] = ["purchase"] * 7 + ["dislike"]
    settings = ModelSettings(FactorSettings(rank=2), KernelSettings({"shelf": 1.0}))
    fitted = Recommender(encoder=None, settings=settings).fit(
        CatalogGraph.from_tables(catalog), Interactions.from_table(sales)
    )
    fitted.observe(pd.DataFrame({"user": ["u", "new"], "target": ["jam", "jam"], "timestamp": [9000, 9500]}))
    path = tmp_path_factory.mktemp("forged") / "model"
    fitted.save(path)
    return path


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "model"))


@pytest.mark.slow
def test_every_forged_model_is_refused_in_one_sentence_and_random_bytes_never_crash(model: Path) -> None:
    """In a process of its own: a crash must not end the tests."""
    done = subprocess.run(
        [sys.executable, "-m", "support.forged_models", model, "0", str(10**6)],
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    *lines, last = done.stdout.splitlines()
    assert done.returncode == 0, f"ended with {done.returncode} at {last}: {done.stderr[-2000:]}"
    certain = int(last.split()[0])
    assert len(lines) == certain + BYTES
    assert certain > 400
    assert not [line for line in lines[:certain] if not line.endswith(": refused")]
    assert all(line.endswith((": refused", ": used")) for line in lines[certain:])


def test_positions_of_features_beyond_their_columns_are_refused_when_they_are_read(copy: Path) -> None:
    file = data_of(copy) / "blocks.safetensors"
    arrays = load_file(file)
    save_file({name: a + 10**6 if name.endswith("indices") else a for name, a in arrays.items()}, file)
    seal(copy)
    with pytest.raises(ModelFormatError, match=r"array '\d+.indices' of .* has numbers outside 0 to"):
        Recommender.load(copy).explain("u", "jam")


def test_a_table_that_would_fill_the_memory_is_refused_before_it_is_read(copy: Path) -> None:
    file = data_of(copy) / "history.parquet"
    rows = pq.read_table(file).slice(0, 1).take(np.zeros(20_000_000, dtype=np.int64))
    pq.write_table(rows, file)
    assert file.stat().st_size < 2**20
    seal(copy)
    before = pa.total_allocated_bytes()
    with pytest.raises(ModelFormatError, match=r"has 20,000,000 rows in [\d,]+ bytes, too many to be true"):
        Recommender.load(copy)
    assert pa.total_allocated_bytes() - before < 2**20


@pytest.mark.parametrize("codec", ["zstd", "gzip", "brotli"])
def test_other_compressions_are_refused_as_they_expand_without_limit(codec: str, copy: Path) -> None:
    file = data_of(copy) / "targets.parquet"
    pq.write_table(pq.read_table(file), file, compression=codec)
    seal(copy)
    with pytest.raises(ModelFormatError, match="is compressed in another way"):
        Recommender.load(copy)


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_texts_that_are_written_as_changes_of_one_another_are_refused(encoding: str, copy: Path) -> None:
    """They too expand without limit; newaisle writes none."""
    file = data_of(copy) / "targets.parquet"
    table = pq.read_table(file)
    pq.write_table(table, file, use_dictionary=False, column_encoding={"text": encoding})
    seal(copy)
    with pytest.raises(ModelFormatError, match="cannot be read"):
        Recommender.load(copy)


def test_what_is_written_can_be_read_however_much_it_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "FREE", 0)
    file = tmp_path / "table.parquet"
    table = pa.table({"user": np.zeros(200_000, dtype=np.int64), "weight": np.ones(200_000)})
    kinds = {"user": tables.INTEGER, "weight": tables.NUMBER}
    pq.write_table(table, file)
    with pytest.raises(ModelFormatError, match="too many to be true"):
        tables.read_table(file.read_bytes(), file, kinds)
    tables.write_table(table, file)
    assert tables.read_table(file.read_bytes(), file, kinds) == table


def test_a_config_that_is_nested_too_deeply_or_too_large_is_refused(copy: Path) -> None:
    for content in (b"[" * 100_000, b'{"files":' * 100_000, b" " * 2**24, b'{"format": NaN}'):
        (copy / "config.json").write_bytes(content)
        with pytest.raises(ModelFormatError, match="is broken"):
            Recommender.load(copy)


def test_a_config_that_lists_files_elsewhere_is_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    for files in ({**config["files"], "/etc/passwd": "0"}, {"../x": "0"}, {}):
        (copy / "config.json").write_text(json.dumps(sealed(config | {"files": files})))
        with pytest.raises(ModelFormatError, match="lists other files than a model has"):
            Recommender.load(copy)
