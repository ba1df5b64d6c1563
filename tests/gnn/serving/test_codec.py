"""Saved recommenders: equal when read back, refused when touched, replaced whole."""

import hashlib
import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.models import data_of, sealed, without_generations

from newaisle.api.recommender import Recommender
from newaisle.errors import ModelError, ModelFormatError, NotFittedError
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.serving import codec
from newaisle.graph import CatalogGraph, Interactions

DATA = ["space.safetensors", "blocks.safetensors"]
DATA += [f"{table}.parquet" for table in ("targets", "features", "attributes", "edges")]
DATA += [f"{table}.parquet" for table in ("users", "history", "newcomers", "observed")]


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "journey"
    fitted.save(path)
    return path


@pytest.fixture
def copy(saved, tmp_path):
    """A copy to do damage to."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def small(backend=None):
    """A tiny recommender without texts and features, with text ids."""
    graph = CatalogGraph.from_tables(
        pa.table({"id": ["a", "b", "c", "d"], "name": ["A", "B", "C", "D"], "kind": ["x", "x", "y", "y"]})
    )
    events = pa.table({"user": ["u", "u", "v"], "target": ["a", "c", "c"]})
    if backend == "pandas":
        events = events.to_pandas()
    elif backend == "polars":
        import polars

        events = polars.from_arrow(events)
    settings = ModelSettings(FactorSettings(rank=2, regularization=0.1), KernelSettings({"kind": 1.0}, 0.1))
    return Recommender(encoder=None, settings=settings).fit(graph, Interactions.from_table(events))


def listing(folder):
    """Every file below a folder with its content's hash."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_what_is_read_back_answers_alike_to_the_bit(fitted, saved, journey):
    loaded = Recommender.load(str(saved))
    users, targets = list(fitted.fitted.users), list(journey.graph.ids)
    assert loaded.score([*users, None], targets).tobytes() == fitted.score([*users, None], targets).tobytes()
    for among in ("new", "seen", "all", targets[:9]):
        for exclude in (True, False):
            asked = {"k": 30, "among": among, "exclude_bought": exclude}
            assert loaded.recommend([*users[:20], None], **asked) == fitted.recommend([*users[:20], None], **asked)
    for target in (targets[3], loaded.recommend(users[0], 1)["target"][0].as_py()):
        assert loaded.explain(users[0], target) == fitted.explain(users[0], target)
        assert loaded.similar(target) == fitted.similar(target)


def test_everything_about_it_is_kept(fitted, saved, journey):
    loaded, before = Recommender.load(saved).fitted, fitted.fitted
    assert loaded.graph == journey.graph
    assert loaded.graph.is_group.tolist() == journey.graph.is_group.tolist()
    assert loaded.users.values == before.users.values
    assert (loaded.bought != before.bought).nnz == 0
    assert (loaded.encoder, loaded.seed, loaded.backend) == (before.encoder, before.seed, before.backend)
    assert loaded.model.settings == before.model.settings
    assert loaded.model.regressor.blocks.fingerprint == before.model.regressor.blocks.fingerprint
    assert loaded.model.confidence.tobytes() == before.model.confidence.tobytes()
    again = Recommender.load(saved)
    assert (again.seed, again.encoder, again.settings) == (fitted.seed, fitted.encoder, fitted.settings)


def test_saving_what_was_read_gives_the_same_files(saved, tmp_path):
    Recommender.load(saved).save(tmp_path / "again")
    assert listing(data_of(tmp_path / "again")) == listing(data_of(saved))
    before, after = (json.loads((path / "config.json").read_text()) for path in (saved, tmp_path / "again"))
    assert before.pop("generation") != after.pop("generation")
    assert sealed(before) == sealed(after)


def test_files_are_safetensors_parquet_and_json(saved, monkeypatch):
    data = data_of(saved)
    assert sorted(file.name for file in saved.iterdir()) == [".lock", "config.json", data.name]
    assert sorted(file.name for file in data.iterdir()) == sorted(DATA)
    for file in [saved / "config.json", *data.iterdir()]:
        start = file.read_bytes()[:9]
        expected = {".parquet": start[:4] == b"PAR1", ".json": start[:1] == b"{", ".safetensors": start[8:] == b"{"}
        assert expected[file.suffix]

    def refuse(*_arguments, **_named):
        raise AssertionError("a pickle was read")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    Recommender.load(saved)


def test_an_empty_set_of_features_and_text_ids_survive(tmp_path):
    before = small()
    before.save(tmp_path / "deep" / "down" / "model")
    loaded = Recommender.load(tmp_path / "deep" / "down" / "model")
    assert loaded.recommend(["u", "v", None]) == before.recommend(["u", "v", None])
    assert loaded.fitted.graph == before.fitted.graph
    assert loaded.encoder is None


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_table_library_is_kept_and_arrow_stands_in_for_a_missing_one(library, tmp_path, monkeypatch):
    before = small(library)
    before.save(tmp_path / "model")
    table = Recommender.load(tmp_path / "model").recommend(["u", "v"])
    assert type(table).__module__.split(".")[0] == library
    assert table.equals(before.recommend(["u", "v"]))
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == library else object())
    assert isinstance(Recommender.load(tmp_path / "model").recommend(["u", "v"]), pa.Table)


@pytest.mark.parametrize("name", ["config.json", *DATA])
def test_a_missing_file_is_reported(name, copy):
    (copy / name if name == "config.json" else data_of(copy) / name).unlink()
    with pytest.raises(
        ModelFormatError, match=r"no config\.json" if name == "config.json" else f"lacks its file {name}"
    ):
        Recommender.load(copy)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("damage", ["flipped", "truncated", "emptied", "appended"])
def test_a_touched_file_is_reported(name, damage, copy):
    file = data_of(copy) / name
    whole = file.read_bytes()
    middle = len(whole) // 2
    changed = {
        "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "truncated": whole[:middle],
        "emptied": b"",
        "appended": whole + b"\0",
    }
    file.write_bytes(changed[damage])
    with pytest.raises(ModelFormatError, match=f"{name} was changed after it was saved"):
        Recommender.load(copy)


def without(*keys):
    return lambda config: {key: value for key, value in config.items() if key not in keys}


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (lambda config: {**config, "format": 99}, "has the format 99 .* this is format 7; fit it again"),
        (lambda config: {**config, "longest": config["longest"] * 2}, "config.json was changed"),
        (lambda config: {**config, "files": {}}, "config.json was changed"),
        (without("settings"), "config.json was changed"),
        (without("hash"), "config.json was changed"),
        (without("format"), "not written by newaisle"),
        (without("files"), "not written by newaisle"),
        (lambda _config: [1, 2], "not written by newaisle"),
        (lambda _config: {"architectures": ["BertModel"]}, "not written by newaisle"),
    ],
)
def test_another_config_is_reported(change, reported, copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(change(config)))
    with pytest.raises(ModelFormatError, match=reported) as error:
        Recommender.load(copy)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (lambda config: config | {"graph_hash": "0" * 64}, "is not the one it was fitted to"),
        (lambda config: config | {"settings": {"factors": {"rank": 0}}}, "settings.factors.rank is 0; give 1 or more"),
        (without("longest"), "cannot be read .*lacks longest"),
    ],
)
def test_a_config_that_does_not_fit_the_files_is_reported(change, reported, copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(sealed(config)))
    Recommender.load(copy)
    (copy / "config.json").write_text(json.dumps(sealed(change(config))))
    with pytest.raises(ModelFormatError, match=reported):
        Recommender.load(copy)


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "fil', b"\xff\xfe"])
def test_a_broken_config_is_reported(content, copy):
    (copy / "config.json").write_bytes(content)
    with pytest.raises(ModelFormatError, match="is broken"):
        Recommender.load(copy)


def test_a_missing_or_foreign_folder_is_reported(tmp_path):
    with pytest.raises(ModelFormatError, match=r"There is no model folder .*nowhere; fit one with"):
        Recommender.load(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelFormatError, match=r"is no newaisle model: it has no config\.json"):
        Recommender.load(tmp_path)
    with pytest.raises(ModelFormatError, match="There is no model folder"):
        Recommender.load(tmp_path / "notes.txt")


def test_nothing_fitted_is_nothing_to_save(tmp_path):
    with pytest.raises(NotFittedError, match="not fitted"):
        Recommender().save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", [{"notes.txt": "mine"}, {"config.json": '{"model_type": "bert"}'}, {"config.json": "no"}]
)
def test_a_foreign_folder_is_left_alone(content, tmp_path):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ModelFormatError, match="exists and is no newaisle model"):
        small().save(tmp_path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == content


@pytest.mark.parametrize("newaisle", [{"store": "bolt://db"}, 1, None])
def test_a_config_of_another_program_that_mentions_newaisle_is_left_alone(newaisle, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"newaisle": newaisle, "format": 6, "files": {}}))
    (tmp_path / "precious.txt").write_text("mine")
    before = listing(tmp_path)
    with pytest.raises(ModelFormatError, match="exists and is no newaisle model"):
        small().save(tmp_path)
    assert listing(tmp_path) == before


def test_a_file_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(ModelFormatError, match="exists and is no newaisle model"):
        small().save(tmp_path / "model")
    with pytest.raises(ModelError, match=r"cannot be saved to .*; choose another folder"):
        small().save(tmp_path / "model" / "below")
    assert (tmp_path / "model").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_empty_folder_is_filled(tmp_path):
    small().save(tmp_path)
    assert Recommender.load(tmp_path).recommend("u") == small().recommend("u")


def test_files_that_newaisle_did_not_write_stay(copy):
    """A save replaces the model and nothing else, not even in the folder of its data."""
    small().save(copy)
    old = data_of(copy)
    for folder in (copy, old):
        (folder / "notes.parquet").write_bytes(b"mine")
    for _ in range(3):
        small().save(copy)
    assert (copy / "notes.parquet").read_bytes() == b"mine"
    assert listing(old) == {"notes.parquet": hashlib.sha256(b"mine").hexdigest()}
    assert Recommender.load(copy).recommend("u") == small().recommend("u")
    assert [file.name for file in copy.parent.iterdir()] == [copy.name]


def test_a_model_of_format_6_is_read_and_leaves_no_file_when_replaced(copy, fitted):
    before = Recommender.load(copy).recommend(fitted.fitted.users.values[:3])
    without_generations(copy)
    (copy / "notes.txt").write_text("mine")
    assert Recommender.load(copy).recommend(fitted.fitted.users.values[:3]) == before
    small().save(copy)
    assert Recommender.load(copy).recommend("v") == small().recommend("v")
    assert sorted(file.name for file in copy.iterdir()) == [".lock", "config.json", data_of(copy).name, "notes.txt"]


def test_a_file_of_format_6_that_was_changed_is_no_longer_ours_to_remove(copy):
    without_generations(copy)
    (copy / "users.parquet").write_bytes(b"mine")
    small().save(copy)
    assert (copy / "users.parquet").read_bytes() == b"mine"
    assert not (copy / "history.parquet").exists()


def test_a_model_of_another_format_can_be_replaced(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "format": 0}))
    small().save(copy)
    assert Recommender.load(copy).recommend("v") == small().recommend("v")


def test_a_link_to_a_model_keeps_pointing_at_it(copy):
    link = copy.parent / "current"
    link.symlink_to(copy.name)
    small().save(link)
    assert link.is_symlink()
    assert Recommender.load(link).recommend("u") == Recommender.load(copy).recommend("u") == small().recommend("u")


@pytest.mark.parametrize("step", ["write", "switch"])
def test_a_save_that_fails_leaves_the_old_model_and_nothing_else(step, copy, monkeypatch):
    before = listing(copy)

    def full(*_arguments):
        raise OSError(28, os.strerror(28))

    if step == "write":
        monkeypatch.setattr(codec, "write_table", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ModelError, match="No space left on device"):
        small().save(copy)
    assert listing(copy) == before
    assert sorted(file.name for file in copy.iterdir()) == [".lock", "config.json", data_of(copy).name]
    assert [file.name for file in copy.parent.iterdir()] == [copy.name]


@pytest.mark.parametrize("before", ["nothing", "an empty folder"])
def test_a_first_save_that_fails_leaves_what_was_there(before, tmp_path, monkeypatch):
    path = tmp_path / "deep" / "model"
    if before == "an empty folder":
        path.mkdir(parents=True)
    there = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(codec, "write_table", lambda *_arguments: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(ModelError, match="cannot be saved"):
        small().save(path)
    assert sorted(tmp_path.rglob("*")) == there


def test_an_interrupted_save_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(codec, "save_file", stop)
    with pytest.raises(KeyboardInterrupt):
        small().save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_the_config_lists_every_file_with_its_hash(saved):
    config = json.loads((saved / "config.json").read_text())
    assert config["files"] == listing(data_of(saved))
    assert np.isfinite(config["longest"])


def test_a_loaded_model_answers_from_its_own_files_even_after_they_were_replaced(copy, fitted):
    target = fitted.fitted.graph.ids.values[3]
    loaded = Recommender.load(copy)
    small().save(copy)
    assert loaded.similar(target) == fitted.similar(target)


def test_blocks_are_read_when_needed_and_a_copy_has_them_all(saved):
    state = Recommender.load(saved).fitted
    stored = state.model.regressor.blocks.matrices
    assert not stored._read
    copied = pickle.loads(pickle.dumps(stored))  # noqa: S301 - what the test has pickled itself
    assert type(copied) is dict
    assert [*copied] == [*stored] == [*stored._read]
