"""A model names its text encoder and brings none: it is loaded after its user has confirmed it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support.encoders import small_encoder
from support.models import seal

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import InputError, ModelError
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.text.weights import PACKAGED

NEW = pd.DataFrame({"id": ["rye"], "name": ["Rye"], "text": ["dark bread"], "shelf": ["b"]})


def catalog() -> CatalogGraph:
    names = ["Tea", "Coffee", "Bread", "Cake"]
    texts = ["black leaves", "roasted beans", "from wheat", "sweet and soft"]
    return CatalogGraph.from_tables(
        pd.DataFrame(
            {"id": [name.lower() for name in names], "name": names, "text": texts, "shelf": ["a", "a", "b", "b"]}
        )
    )


def sales() -> Interactions:
    return Interactions.from_table(pd.DataFrame({"user": list("uuv"), "target": ["tea", "coffee", "bread"]}))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_encoder(tmp_path_factory.mktemp("encoders") / "own", 0)


@pytest.fixture(scope="module")
def saved(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    settings = ModelSettings(FactorSettings(rank=2), KernelSettings({"shelf": 1.0, "text": 1.0}))
    model = Recommender(encoder=str(encoder), settings=settings, cache=folder / "cache.sqlite").fit(catalog(), sales())
    model.save(folder / "model")
    return folder / "model"


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_answers_without_texts_need_no_confirmation_and_those_with_texts_say_how(saved, encoder, tmp_path):
    model = Recommender.load(saved)
    assert model.encoder == str(encoder)
    model.recommend("u", among="all")
    model.audience("cake")
    model.explain("u", "cake")
    model.similar("cake")
    model.observe(pd.DataFrame({"user": ["v"], "target": ["cake"]}))
    model.refit(sales())
    model.save(tmp_path / "again")
    for again in (model, Recommender.load(tmp_path / "again")):
        for encoding in (
            lambda given: given.search("sweet"),
            lambda given: given.profile("tea and bread"),
            lambda given: given.add(NEW),
            lambda given: given.fit(catalog(), sales()),
        ):
            with pytest.raises(
                ModelError, match=rf"text encoder '{encoder}', which is not loaded .* --encoder {encoder}"
            ):
                encoding(again)


def test_a_confirmed_encoder_is_loaded_also_from_the_folder_in_which_it_is_now(saved, encoder, tmp_path):
    moved = shutil.copytree(encoder, tmp_path / "moved")
    for given in (encoder, moved):
        model = Recommender.load(saved, encoder=str(given))
        model.cache = tmp_path / "cache.sqlite"
        assert len(model.search("sweet and soft", 1, among="all")["target"]) == 1
        assert "rye" in model.add(NEW).fitted.graph.ids
        model.save(tmp_path / "model")
        with pytest.raises(ModelError, match="not loaded before you confirm it"):
            Recommender.load(tmp_path / "model").search("sweet")


def test_another_encoder_than_that_of_the_fit_is_refused(saved, tmp_path):
    other = small_encoder(tmp_path / "other", 1)
    model = Recommender.load(saved, encoder=str(other))
    with pytest.raises(ModelError, match="is not the one that the model was fitted with"):
        model.search("sweet")
    with pytest.raises(InputError, match=r"was fitted with the encoder '.*own', not with 'packaged:.*'; give that, or"):
        Recommender.load(saved, encoder=PACKAGED)


def test_an_encoder_for_a_model_that_needs_none_is_refused(copy):
    seal(copy, encoder=PACKAGED)
    Recommender.load(copy, encoder=PACKAGED)
    with pytest.raises(
        InputError, match=r"was fitted with the encoder 'packaged:.*', not with 'mine'; give that, or none"
    ):
        Recommender.load(copy, encoder="mine")
    seal(copy, encoder=None)
    with pytest.raises(InputError, match="was fitted without texts, not with 'mine'; give that, or none"):
        Recommender.load(copy, encoder="mine")


EVIL = """
from pathlib import Path
Path({marker!r}).write_text("code was run")
class Module: pass
"""


def test_an_encoder_that_brings_code_never_runs_it(copy, encoder, tmp_path):
    """Inside the model it is not even looked at; elsewhere sentence-transformers refuses it."""
    marker = tmp_path / "ran"
    for place in (copy / "gift", tmp_path / "elsewhere"):
        shutil.copytree(encoder, place)
        (place / "evil.py").write_text(EVIL.format(marker=str(marker)))
        modules = json.loads((place / "modules.json").read_text())
        modules.append({"idx": len(modules), "name": "evil", "path": "", "type": "evil.Module"})
        (place / "modules.json").write_text(json.dumps(modules))
    for name in ("gift", "model/gift", str(copy / "gift"), str(tmp_path / "elsewhere")):
        seal(copy, encoder=name)
        with pytest.raises(ModelError, match="not loaded before you confirm it"):
            Recommender.load(copy).search("sweet")
    for inside in (copy / "gift", copy / ".." / "model" / "gift"):
        with pytest.raises(InputError, match=r"is inside the folder of the model .*, and a model brings no code"):
            Recommender.load(copy, encoder=str(inside))
    with pytest.raises(ModelError, match=r"The encoder '.*elsewhere' cannot be loaded"):
        Recommender.load(copy, encoder=str(tmp_path / "elsewhere")).search("sweet")
    assert not marker.exists()


def test_the_command_line_confirms_it(run, saved, encoder):
    code, _, err = run("search", str(saved), "sweet")
    assert code == 1
    assert f"--encoder {encoder}" in err
    assert run("search", str(saved), "sweet", "--encoder", str(encoder), "--json")[0] == 0
    code, _, err = run("refresh", "--source", "tables:x", "--encoder", "mine")
    assert code == 2
    assert "--encoder confirms the encoder of a model" in err
