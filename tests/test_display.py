"""Foreign text as terminals, shells and notebooks get it, and the repr of what is large."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.display import command_line, printable, short_repr, summary_html
from newaisle.loaders import LoadedSource


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Café naïve 日本 \U0001f9c0", None),
        ("a\u00a0b\u200dc", None),  # a space that does not break, a joiner inside emoji
        ("a\x1b]0;b\x07 é\n", r"a\x1b]0;b\x07 é\n"),
        ("\r\t\x7f\x85\x9b31m", r"\r\t\x7f\x85\x9b31m"),
        ("\u202egnp.exe\u2066\u200f", r"\u202egnp.exe\u2066\u200f"),
        ("one\u2028two\udc80", r"one\u2028two\udc80"),
    ],
)
def test_characters_that_act_are_shown(text: str, shown: str | None) -> None:
    assert printable(text) == (text if shown is None else shown)


@pytest.mark.parametrize(
    "word",
    ["plain", "", "two words", "!\x1b[31m;$(id)", "it's \\x\n", "=cmd|' /C calc'!A0", "\u202e'a\\'", "`id`", "~", "é"],
)
def test_a_command_is_read_by_a_shell_as_it_was_meant(word: str) -> None:
    command = command_line("printf", "%s|", word, 7)
    assert printable(command) == command
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stdout.decode() == f"{word}|7|"


@dataclass(frozen=True)
class _Large:
    matrix: Any
    names: tuple[str, ...]
    text: str
    nested: Any = None
    number: float = 0.5

    __repr__ = short_repr


def test_a_repr_shows_shapes_and_the_first_members() -> None:
    large = _Large(np.zeros((1000, 8)), tuple(map(str, range(10_000))), "x" * 10_000, Interactions)
    text = repr(_Large(large.matrix, large.names, large.text, large))
    assert len(text) < 250
    assert "matrix=<ndarray of float64, 1000 x 8>, names=('0', '1', ...)" in text
    assert "nested=<_Large>, number=0.5" in text


def test_graph_and_history_have_a_repr_of_a_line() -> None:
    history = Interactions.from_table(pd.DataFrame({"user": range(100_000), "target": 1}))
    assert repr(history) == "Interactions(100,000 users, 1 target, 100,000 events)"
    assert repr(history.users) == "Ids(100,000 user: 0, 1, 2, …)"
    dated = pd.DataFrame({"user": [1, 1], "target": [1, 2], "day": ["2024-02-29T10:00:00", "2023-12-31T10:00:00"]})
    assert "days 2023-12-31 to 2024-02-29" in repr(Interactions.from_table(dated, timestamp="day"))
    graph = CatalogGraph.from_tables(pd.DataFrame({"id": range(10_000), "name": "x"}), source="shop")
    assert repr(graph) == "CatalogGraph(source shop, 10,000 categories, 0 products, 0 groups, 0 attributes, 0 edges)"
    assert "<th style='text-align:left'>categories</th><td style='text-align:left'>10,000</td>" in graph._repr_html_()


def test_a_recommender_has_a_repr_of_a_line_whatever_it_is_called() -> None:
    model = Recommender(encoder="<script>\x1b[2J")
    assert repr(model) == r"Recommender(state not fitted, encoder <script>\x1b[2J, seed 0)"
    assert "<script>" not in model._repr_html_()
    assert r"&lt;script&gt;\x1b[2J" in model._repr_html_()
    assert summary_html("<i>", {"a&b": 1000}).count("&lt;i&gt;") == 1


def test_nothing_in_a_model_or_an_answer_has_a_long_repr(fitted: Recommender, journey: LoadedSource) -> None:
    user, target = journey.interactions.users.values[0], journey.graph.ids.values[0]
    fitted.audience(target), fitted.route(target), fitted.search("bread")
    found = [fitted, fitted.explain(user, target), journey, journey.interactions, fitted._finder]
    lengths = {type(value).__name__: len(repr(value)) for root in found for value in _parts(root)}
    assert len(lengths) > 25
    assert {name: length for name, length in lengths.items() if length > 1000} == {}
    assert max(len(repr(value)) for value in (fitted, fitted.fitted, journey.graph, journey.interactions)) < 200


def _parts(root: object) -> Iterator[object]:
    """Every dataclass below a value, and the value."""
    todo, met = [root], set()
    while todo:
        value = todo.pop()
        if id(value) in met:
            continue
        met.add(id(value))
        if is_dataclass(value) or isinstance(value, Recommender):
            yield value
            names = [each.name for each in fields(value)] if is_dataclass(value) else vars(value)  # type: ignore[arg-type]  # not a class
            todo += [getattr(value, name) for name in names]
        elif isinstance(value, dict | list | tuple):
            todo += [*(value.values() if isinstance(value, dict) else value)][:50]
