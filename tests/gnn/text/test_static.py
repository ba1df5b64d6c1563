"""The static encoder: what distilling takes from a sentence encoder, and where it is kept."""

import re

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from support.encoders import small_encoder

from newaisle.errors import ModelError
from newaisle.gnn.text import static
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.gnn.text.static import DIMENSIONS, distil, distilled, principal, weights
from newaisle.gnn.text.weights import PACKAGED, STATIC


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return SentenceTransformer(str(small_encoder(tmp_path_factory.mktemp("encoders") / "small", 0)), device="cpu")


@pytest.fixture(scope="module")
def made(small, tmp_path_factory):
    """The tiny encoder, distilled."""
    folder = tmp_path_factory.mktemp("static") / "small"
    distil(small, folder)
    return folder


def test_rare_tokens_weigh_more():
    found = weights(1000)
    assert (np.diff(found) > 0).all()
    probability = (1 / 2) / sum(1 / rank for rank in range(2, 1002))
    assert found[0] == pytest.approx(1e-4 / (1e-4 + probability))


def test_principal_components_keep_distances_and_their_signs():
    vectors = np.random.default_rng(0).normal(size=(500, 20)).astype(np.float32)
    found = principal(vectors)
    assert found.shape == (500, DIMENSIONS)
    apart = np.linalg.norm(vectors[:50, None] - vectors[None, :50], axis=2)
    assert np.linalg.norm(found[:50, None] - found[None, :50], axis=2) == pytest.approx(apart, rel=1e-4, abs=1e-5)
    assert (np.diff(found.var(axis=0)) <= 1e-12).all()
    assert np.abs(found - principal(vectors[::-1])[::-1]).max() < 1e-9  # the order of the vectors turns nothing round


def test_a_text_is_the_weighted_mean_of_its_tokens(small, made):
    vocabulary = small.tokenizer.get_vocab()
    words = sorted((w for w in vocabulary if not re.fullmatch(r"\[.+\]", w)), key=vocabulary.get)
    place = {word: i for i, word in enumerate(words)}
    alone = small.encode(["juice", "apple", "of"])
    everything = static._encode_tokens(small, np.array([vocabulary[word] for word in words]))
    assert everything[[place["juice"], place["apple"], place["of"]]] == pytest.approx(alone, abs=1e-5)
    table = principal(everything) * weights(len(words))[:, None]
    expected = table[[place["apple"], place["of"], place["juice"]]].mean(axis=0)
    expected /= np.linalg.norm(expected)
    found = TextEncoder(str(made)).encode(["apple of juice"])[0]
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=2e-3)  # the table is kept in half precision


def test_what_no_token_knows_is_a_zero_vector(made):
    found = TextEncoder(str(made)).encode(["apple", "🍎"])
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-5)
    assert not found[1].any()


def test_real_weights_keep_their_meaning(tmp_path, monkeypatch):
    """The packaged encoder distilled over a small vocabulary: all 30,000 tokens would take half a minute."""
    kept = "apple|apples|juice|fresh|fruit|drink|drinks|wrench|tools|hammer|nail|milk|cheese"
    monkeypatch.setattr(static, "_NO_WORD", re.compile(rf"(?!(?:{kept})$).*", re.DOTALL))
    distil(TextEncoder(PACKAGED)._model, tmp_path / "made")
    found = TextEncoder(str(tmp_path / "made")).encode(["fresh apples, fruit", "apple juice, drinks", "wrench, tools"])
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2


def test_it_is_made_once_and_whole_or_not_at_all(small, made, tmp_path, monkeypatch):
    folder = tmp_path / "home" / "static" / "one"
    assert distilled(folder, lambda: small) == folder
    assert (folder / "model.safetensors").read_bytes() == (made / "model.safetensors").read_bytes()
    assert [file.name for file in folder.parent.iterdir()] == ["one"]
    assert distilled(folder, lambda: pytest.fail("it was made again")) == folder

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(static, "distil", full)
    with pytest.raises(ModelError, match=r"cannot be written to .*two \(No space left on device\); set NEWAISLE_HOME"):
        distilled(tmp_path / "home" / "static" / "two", lambda: small)
    assert [file.name for file in folder.parent.iterdir()] == ["one"]


def test_the_name_finds_it_in_newaisle_home(made, tmp_path, monkeypatch):
    monkeypatch.setenv("NEWAISLE_HOME", str(tmp_path))
    folder = tmp_path / "static" / TextEncoder(PACKAGED).identity[:16]
    folder.parent.mkdir()
    folder.symlink_to(made, target_is_directory=True)
    encoder = TextEncoder(STATIC, tmp_path / "cache.sqlite")
    assert encoder.identity == TextEncoder(str(made)).identity
    assert (encoder.encode(["apple juice"]) == TextEncoder(str(made)).encode(["apple juice"])).all()
