"""The forms of the word for what users do, and where it is used instead of buying."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.api.reports.plots.ties import ties_of
from newaisle.errors import InputError
from newaisle.graph.reading.schema_file import read_schema
from newaisle.graph.reading.verb import Verb

Run = Callable[..., tuple[object, str, str]]


@pytest.mark.parametrize(
    ("base", "buys", "bought"),
    [
        ("buy", "buys", "bought"),
        ("read", "reads", "read"),
        ("watch", "watches", "watched"),
        ("try", "tries", "tried"),
        ("play", "plays", "played"),
        ("rate", "rates", "rated"),
        ("see", "sees", "seen"),
        ("sign up for", "signs up for", "signed up for"),
    ],
)
def test_forms(base: str, buys: str, bought: str) -> None:
    assert (Verb(base).buys, Verb(base).bought) == (buys, bought)
    assert Verb(base, "chosen").bought == "chosen"


@pytest.mark.parametrize("base", ["", "read!", "<b>", "read\x1b[31m", "1"])
def test_what_is_no_word_is_an_error(base: str) -> None:
    with pytest.raises(InputError, match="is not made of words; give its plain form"):
        Verb(base)


@pytest.mark.parametrize("key", ["verb", "verb_past"])
def test_a_schema_with_a_wrong_verb_names_the_line(tmp_path: Path, key: str) -> None:
    file = tmp_path / "schema.toml"
    file.write_text(f'decimal = ","\n{key} = "read 2"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"schema\.toml, line 2: .*'read 2' is not made of words"):
        read_schema(file)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of a library, two of whose twelve shelves are new."""
    draw = np.random.default_rng(0)
    shelves = pd.DataFrame({"id": range(12), "name": [f"Shelf {i}" for i in range(12)], "room": ["a", "b", "c"] * 4})
    rows = [(user, shelf) for user in range(12) for shelf in draw.choice(10, 5, replace=False)]
    reads = pd.DataFrame(rows, columns=["user", "target"])
    history = Interactions.from_table(reads, schema={"verb": "borrow"})
    assert history.restrict(CatalogGraph.from_tables(shelves)).verb == Verb("borrow")
    path = tmp_path_factory.mktemp("library") / "model"
    Recommender(encoder=None).fit(CatalogGraph.from_tables(shelves), history).save(path)
    return path


@pytest.mark.usefixtures("fresh_home")
def test_a_library_has_no_buyers(run: Run, model: Path) -> None:
    loaded = Recommender.load(model)
    assert loaded.fitted.verb == Verb("borrow")
    assert ties_of(loaded.fitted, 11).bought == "borrowed"
    sentences = [because.sentence for target in (0, 11) for because in loaded.explain(1, target).because]
    assert any("borrows Shelf" in sentence for sentence in sentences)
    assert any("is expected to be borrowed like" in sentence for sentence in sentences)
    printed = [
        run("explain", str(model), "--user", "1", "--target", "0")[1],
        run("explain", str(model), "--user", "1", "--target", "11")[1],
        run("audience", str(model), "11")[1],
        run("forecast", str(model))[1],
        run("route", str(model), "0")[1],
    ]
    for text in [*sentences, *printed]:
        assert not any(word in text for word in ("buy", "bought", "purchase", "sell", "sales")), text
    assert "expected_users" in printed[2]
    assert "Expect " in printed[2]
    assert '"expected_buyers"' in run("forecast", str(model), "--json")[1]
