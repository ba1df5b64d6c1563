"""Vectors of further modalities: read, unit length, one more block, and told plainly where they cannot be used.

The "modality" is real: embeddings of the names, in models without an encoder.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.catalogs import part_of

from newaisle import Recommender
from newaisle.api.reports.custom_models import CustomMethod
from newaisle.api.reports.evaluation import evaluate_source
from newaisle.api.reports.options import EvaluationOptions
from newaisle.api.sync.write_back import StoreView
from newaisle.errors import InputError, SourceError
from newaisle.gnn.evaluation.methods.registry import compared_methods
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.propagation.features import FeatureBlocks, FeatureKind
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.retrieval.similarity import similarities
from newaisle.gnn.training.folds import FOLDS, make_folds, start_kernel
from newaisle.gnn.training.tuning import START_FACTORS, choose_kernel
from newaisle.gnn.validation.splits import Split
from newaisle.graph import Ids
from newaisle.loaders import LoadedSource
from newaisle.loaders.vectors import read_vectors

IDS = Ids(("a", "b", "c", "d"), "target")
FORMS: dict[str, Callable[[list[str], list[Any]], Any]] = {
    "pandas": lambda ids, vectors: pd.DataFrame({"id": ids, "vector": vectors}),
    "pandas-arrays": lambda ids, vectors: pd.DataFrame({"id": ids, "vector": list(map(np.float32, vectors))}),
    "polars": lambda ids, vectors: pl.DataFrame({"id": ids, "vector": vectors}),
    "polars-array": lambda ids, vectors: pl.DataFrame({"id": ids, "vector": vectors}).cast(
        {"vector": pl.Array(pl.Float32, 2)}
    ),
    "arrow": lambda ids, vectors: pa.table({"id": ids, "vector": vectors}),
    "arrow-half": lambda ids, vectors: pa.table(
        {"id": ids, "vector": pa.array([np.float16(v) for v in vectors], pa.list_(pa.float16(), 2))}
    ),
}


def table(ids: list[Any], vectors: list[Any]) -> pa.Table:
    return pa.table({"id": ids, "vector": pa.array(vectors, pa.list_(pa.float64()))})


@pytest.fixture(scope="module")
def named(journey: LoadedSource, names: np.ndarray) -> pa.Table:
    """Embeddings of all names but every tenth."""
    rows = [i for i in range(len(journey.graph)) if i % 10]
    return table([journey.graph.ids.values[i] for i in rows], (3.0 * names[rows]).tolist())


@pytest.fixture(scope="module")
def settings(journey: LoadedSource, given: ModelSettings, names: np.ndarray) -> ModelSettings:
    """Given settings that weigh the vectors."""
    blocks = propagate(journey.graph, None, None, {"pictures": names.astype(np.float64)})
    return replace(given, kernel=start_kernel(blocks, 0.1, 0.1))


@pytest.fixture(scope="module")
def model(journey: LoadedSource, settings: ModelSettings, named: pa.Table, encodings: Path) -> Recommender:
    """A model without texts that knows the vectors."""
    made = Recommender(encoder=None, settings=settings, cache=encodings)
    return made.fit(journey.graph, journey.interactions, vectors={"pictures": named})


def block(model: Recommender) -> np.ndarray:
    return np.asarray(model.fitted.model.regressor.blocks.matrices["pictures"])


@pytest.mark.parametrize("form", FORMS)
def test_tables_of_all_libraries_are_read(form: str) -> None:
    found = read_vectors({"image": FORMS[form](["c", "a"], [[3, 4], [0, 2]])}, IDS)["image"]
    assert found.tolist() == pytest.approx(np.array([[0, 1], [0, 0], [0.6, 0.8], [0, 0]]))


def test_a_missing_vector_is_none_and_so_are_zeros() -> None:
    found = read_vectors({"image": table(["a", "b", "c", "d"], [[1, 1e200], None, [0, 0], [-2, 0]])}, IDS)
    assert read_vectors({}, IDS) == read_vectors(None, IDS) == {}
    assert found["image"].tolist() == [[pytest.approx(0.0), 1.0], [0, 0], [0, 0], [-1, 0]]


BAD = {
    "dimension": (
        table(["a", "b"], [[1, 2], [1, 2, 3]]),
        "The image vector of 'b' (row 2) has 3 numbers, that of 'a' ",
    ),
    "nothing": (table(["a", "b"], [[], []]), "The image vector of 'a' (row 1) has 0 numbers"),
    "nan": (table(["a", "b"], [[1, 2], [1, np.nan]]), "The image vector of 'b' (row 2) has a number that is missing"),
    "inf": (table(["a", "b"], [[np.inf, 2], [1, 2]]), "The image vector of 'a' (row 1) has a number that is missing"),
    "null": (table(["c", "b"], [None, [1, None]]), "The image vector of 'b' (row 2) has a number that is missing"),
    "unknown": (table(["a", "x"], [[1, 2], [2, 1]]), "name the target 'x' (row 2), which the catalog does not have;"),
    "type": (
        table([1, 2], [[1, 2], [2, 1]]),
        "name the target 1 (row 1), which the catalog does not have (its ids are",
    ),
    "twice": (table(["a", "b", "a"], [[1, 2], [2, 1], [1, 1]]), "two rows for the target 'a' (rows 1 and 3)"),
    "no id": (table(["a", None], [[1, 2], [2, 1]]), "The image vectors have no id in row 2"),
    "zero": (table(["a", "b"], [[0, 0], [0, 0]]), "The image vectors are all zero"),
    "none": (table(["a", "b"], [None, None]), "The image vectors are all zero"),
    "alike": (table(["a", "b"], [[1, 2], [3, 6]]), "The image vectors all point the same way"),
    "texts": (pa.table({"id": ["a"], "vector": [["1", "2"]]}), "The column 'vector' of the image vectors holds list<"),
    "numbers": (pa.table({"id": ["a"], "vector": [1.0]}), "The column 'vector' of the image vectors holds double"),
    "columns": (pa.table({"id": ["a"], "image": [[1.0]]}), "The image vectors table has no column 'vector'"),
    "no table": ([[1, 2]], "The image vectors table is a list"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_told_in_one_sentence(case: str, tmp_path: Path) -> None:
    given, sentence = BAD[case]
    with pytest.raises(InputError) as told:
        read_vectors({"image": given}, IDS)
    assert sentence in str(told.value)
    if isinstance(given, pa.Table):
        pq.write_table(given, tmp_path / "image.parquet")
        with pytest.raises(InputError) as told:
            read_vectors({"image": tmp_path / "image.parquet"}, IDS)
        assert str(told.value).startswith(f"{tmp_path / 'image.parquet'}: ")
        assert sentence in str(told.value)


def test_a_file_that_is_no_parquet_is_told(tmp_path: Path) -> None:
    (tmp_path / "image.parquet").write_text("id,vector")
    for name in ("image.parquet", "none.parquet"):
        with pytest.raises(SourceError, match=f"{name}: is no Parquet file that can be read"):
            read_vectors({"image": str(tmp_path / name)}, IDS)


@pytest.mark.parametrize("name", ["text", "place", "manufacturer", "manufacturer count", "catalog_size"])
def test_a_name_that_is_taken_is_refused(name: str, journey: LoadedSource, names: np.ndarray) -> None:
    with pytest.raises(InputError, match=f"The vectors {name!r} have the name of a block"):
        propagate(journey.graph, None, None, {name: names.astype(np.float64)})


@pytest.mark.slow
def test_vectors_are_one_more_block_and_change_no_other(
    journey: LoadedSource, model: Recommender, names: np.ndarray
) -> None:
    blocks, plain = model.fitted.model.regressor.blocks, propagate(journey.graph, None)
    assert blocks.names == (*plain.names, "pictures")
    assert blocks.of(set(FeatureKind) - {FeatureKind.MODALITY}).fingerprint == plain.fingerprint
    has = np.arange(len(journey.graph)) % 10 > 0
    assert block(model)[has] == pytest.approx(names[has], abs=1e-6)
    assert not block(model)[~has].any()


def test_what_looks_alike_is_alike(model: Recommender) -> None:
    head = model.fitted.model.regressor
    alone = replace(head, settings=replace(head.settings, weights={"pictures": 1.0}))
    rows = np.flatnonzero(block(model).any(axis=1))[:50]
    cosine = block(model)[rows] @ block(model)[rows].T
    assert similarities(alone, rows, rows) == pytest.approx(np.exp(2 * cosine - 2), abs=1e-5)
    blind = replace(head, settings=replace(head.settings, weights={**head.settings.weights, "pictures": 0.0}))
    weight = head.settings.weights["pictures"]
    assert similarities(head, rows, rows) == pytest.approx(
        similarities(blind, rows, rows) * np.exp(weight * (2 * cosine - 2)), abs=1e-5
    )


def test_the_search_may_switch_them_off_or_raise_them(journey: LoadedSource, split: Split) -> None:
    def chosen(vectors: np.ndarray) -> float:
        kinds = {"number": FeatureKind.FEATURE, "pictures": FeatureKind.MODALITY}
        blocks = FeatureBlocks({"number": number, "pictures": vectors}, kinds)
        found = choose_kernel(make_folds(journey.graph, split.train, blocks, 0)[:FOLDS], START_FACTORS, 0.05, 0.1)
        return found.weights["pictures"] / found.weights["number"]

    random = np.random.default_rng(0)
    number = 3.0 * random.standard_normal((len(journey.graph), 1))
    buyers = np.log1p(np.bincount(split.train.indices, minlength=len(journey.graph)))
    angle = buyers / buyers.max() * np.pi / 16
    assert chosen(np.column_stack([np.cos(angle), np.sin(angle)])) == pytest.approx(3.0)  # the very level
    noise = random.standard_normal((len(journey.graph), 2))
    number = (buyers / buyers.max())[:, None] / 5.0
    assert chosen(noise / np.linalg.norm(noise, axis=1, keepdims=True)) == 0.0


def test_they_are_saved_and_refitted(model: Recommender, journey: LoadedSource, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    assert again.fitted.model.regressor.blocks.fingerprint == model.fitted.model.regressor.blocks.fingerprint
    assert again.fitted.model.regressor.blocks.kinds == model.fitted.model.regressor.blocks.kinds
    user = model.fitted.users.values[0]
    assert again.recommend(user).equals(model.recommend(user))
    assert (block(again.refit(journey.interactions)) == block(model)).all()


@pytest.fixture(scope="module")
def smaller(journey: LoadedSource, settings: ModelSettings, named: pa.Table, encodings: Path) -> Recommender:
    """A model of the catalog without its last ten leaves."""
    keep = np.ones(len(journey.graph), dtype=np.bool_)
    keep[np.flatnonzero(~journey.graph.is_group)[-10:]] = False
    part = part_of(journey.graph, keep)
    known = named.filter(pa.array([own in part.ids for own in named["id"].to_pylist()]))
    made = Recommender(encoder=None, settings=settings, cache=encodings)
    return made.fit(part, journey.interactions, vectors={"pictures": known})


def test_added_targets_bring_theirs(
    smaller: Recommender, journey: LoadedSource, named: pa.Table, tmp_path: Path
) -> None:
    old = smaller.fitted.graph.ids
    fresh = named.filter(pa.array([own not in old for own in named["id"].to_pylist()]))
    with_them, without = copy.copy(smaller), copy.copy(smaller)
    pq.write_table(fresh, tmp_path / "new.parquet")
    with_them.add(journey.graph, vectors={"pictures": tmp_path / "new.parquet"})
    without.add(journey.graph)
    given = dict(zip(named["id"].to_pylist(), named["vector"].to_pylist(), strict=True))
    size, added = len(old), with_them.fitted.graph.ids.values[len(old) :]
    assert len(added) == 10
    for own, row in zip(added, block(with_them)[size:], strict=True):
        assert row == pytest.approx(np.array(given.get(own, np.zeros(len(row)))) / 3.0, abs=1e-6)
    assert not block(without)[size:].any()
    assert (block(with_them)[:size] == block(smaller)).all()
    ours, theirs = (each.score(smaller.fitted.users.values[0], list(added)) for each in (with_them, without))
    assert (ours != theirs).any()


def test_an_old_target_that_is_described_anew_keeps_its_vector(smaller: Recommender) -> None:
    seen, size = smaller.fitted.model.regressor.seen, len(smaller.fitted.graph)
    has = np.flatnonzero(block(smaller).any(axis=1) & ~smaller.fitted.graph.is_group)
    new = smaller.fitted.graph.ids.values[np.setdiff1d(has, seen)[0]]
    moved = copy.copy(smaller).add(edges=pa.table({"id": [new], "name": ["CHILD_OF"], "value": ["department:DELI"]}))
    assert (block(moved) == block(smaller)[:size]).all()


def test_vectors_that_do_not_fit_the_model_are_refused(smaller: Recommender, journey: LoadedSource) -> None:
    added = next(own for own in journey.graph.ids if own not in smaller.fitted.graph.ids)
    old, width = smaller.fitted.graph.ids.values[0], block(smaller).shape[1]
    for given, sentence in (
        ({"sound": table([added], [[1, 2]])}, "The model knows no sound vectors \\(it knows: pictures\\)"),
        ({"pictures": table([added], [[1, 2]])}, f"\\(row 1\\) has 2 numbers, those of the model have {width}"),
        ({"pictures": table([old], [[1.0] * width])}, "which is not among those added"),
        ({"pictures": table(["nobody"], [[1.0] * width])}, "which is not among those added"),
    ):
        before = copy.copy(smaller)
        with pytest.raises(InputError, match=sentence):
            before.add(journey.graph, vectors=given)
        assert before.fitted is smaller.fitted


def test_what_a_refresh_brings_has_none_and_the_others_keep_theirs(smaller: Recommender, journey: LoadedSource) -> None:
    outlook = StoreView.of(smaller.fitted, journey.graph, smaller.cache)
    rows = np.asarray(outlook.model.regressor.blocks.matrices["pictures"])[outlook.place]
    old = smaller.fitted.graph.ids.find(journey.graph.ids)
    assert (old < 0).sum() == 10
    assert not rows[old < 0].any()
    assert (rows[old >= 0] == block(smaller)[old[old >= 0]]).all()


def test_all_methods_on_blocks_know_them(journey: LoadedSource, names: np.ndarray) -> None:
    made = compared_methods(journey.graph, None, None, {"pictures": names.astype(np.float64)}, ablate=True)
    know = {
        name
        for name, make in made.items()
        if "pictures" in getattr(make(0), "blocks", propagate(journey.graph, None)).names
    }
    assert know == made.keys() - {"random", "catalog-size", "ceiling", "newaisle-no-modality"}


def test_own_recommenders_are_given_them(
    journey: LoadedSource, split: Split, named: pa.Table, settings: ModelSettings
) -> None:
    mine = Recommender(encoder=None, settings=settings)
    made = CustomMethod("mine", mine, journey.interactions.users, {"pictures": named})
    made.fit(split)
    assert isinstance(made._fitted, Recommender)
    assert "pictures" in made._fitted.fitted.model.regressor.blocks.names


class Constant:
    """A model of the user's own that fits at once."""

    config = None

    def fit(self, split: Split) -> None:
        pass

    def score(self, _split: Split, users: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.zeros((len(users), len(targets)))


def test_an_evaluation_takes_them_and_may_leave_them_out(journey: LoadedSource, named: pa.Table) -> None:
    def ask(drop: list[str], vectors: Any) -> Any:
        options = EvaluationOptions(
            protocols=["leave-targets-out"], seeds=[0], encoder=None, drop=drop, vectors=vectors, baselines=False
        )
        methods = {"constant": lambda _seed: Constant()}
        return evaluate_source(journey.graph, journey.interactions, options, models=methods)

    assert ask(["pictures"], {"pictures": named}).options.flags == ["--vectors", "pictures=FILE.parquet"]
    with pytest.raises(InputError, match="Cannot drop 'pictures'"):
        ask(["pictures"], None)


def test_the_command_line_takes_files(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWAISLE_HOME", str(tmp_path / "home"))
    shop = tmp_path / "shop"
    shop.mkdir()
    shelf = [f"t{i}" for i in range(40)]
    pd.DataFrame({"id": shelf, "name": [f"thing {i}" for i in range(40)]}).to_csv(shop / "categories.csv", index=False)
    events = [(f"u{u}", t) for u in range(30) for i, t in enumerate(shelf[:36]) if (u + i) % 3 == 0]
    pd.DataFrame(events, columns=["user", "target"]).to_csv(shop / "interactions.csv", index=False)
    own = np.random.default_rng(0).standard_normal((40, 4))
    pq.write_table(table(shelf, own.tolist()), tmp_path / "image.parquet")
    toml = tmp_path / "own.toml"
    toml.write_text("encoder = false\n[settings.factors]\nrank = 4\n[settings.kernel.weights]\nimage = 0.5\n")
    fit = ("fit", f"tables:{shop}", "--out", str(tmp_path / "model"), "--config", str(toml))
    code, _, err = run(*fit, "--vectors", f"image={tmp_path / 'image.parquet'}")
    assert code == 0, err
    assert Recommender.load(tmp_path / "model").fitted.model.regressor.blocks.names == ("image",)
    for given, sentence in (
        (("image",), "--vectors is 'image'; give a name and a file"),
        (("image=a", "image=b"), "--vectors names 'image' twice"),
        ((f"image={shop / 'categories.csv'}",), "is no Parquet file that can be read"),
    ):
        wanted = [part for each in given for part in ("--vectors", each)]
        for command in (fit, ("evaluate", f"tables:{shop}", "--json")):
            code, out, err = run(*command, *wanted)
            assert (code in (1, 2), out) == (True, "")
            assert sentence in err.splitlines()[-1]
