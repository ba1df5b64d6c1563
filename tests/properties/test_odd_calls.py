"""Odd arguments, one at a time, to every public call: an answer, or one sentence of ours."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.shops import Shop, copy_of, event_table, fitted_to

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import NewaisleError

CATEGORIES = (
    ("g", "all things", None, None, None, True),
    *((f"t{i}", f"thing {i}", "g", ("red", "blue")[i % 2], float(i), False) for i in range(8)),
)
EVENTS = tuple((f"u{i % 4}", f"t{(i * i) % 5}", "purchase", 1.0, i) for i in range(16))

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    2**70,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    1j,
    "",
    " ",
    "t1 ",
    "T1",
    "\x00",
    "\ud800",
    "a" * 100_000,
    b"t1",
    [],
    (),
    {},
    set(),
    [[]],
    [None],
    [None, None],
    ["t1", 1],
    ["t1", "t1"],
    [float("nan")],
    {"t1": 1},
    object(),
    len,
    int,
    decimal.Decimal("NaN"),
    datetime.date(2020, 1, 1),
    datetime.datetime(1, 1, 1),
    np.array([]),
    np.array([["t1"]]),
    np.array(3),
    np.datetime64("NaT"),
    pd.NA,
    pd.NaT,
    pd.DataFrame(),
    pd.DataFrame({"user": [None], "target": [None]}),
    pd.DataFrame({"id": [[1]], "name": [{}]}),
    pd.DataFrame({"user": ["u1"], "target": ["t1"], "weight": ["much"], "timestamp": ["never"]}),
    pd.Series(["t1", None]),
    pl.DataFrame({"user": [], "target": []}),
    pa.table({}),
    pa.table({"user": pa.array([1.5]), "target": pa.array([{"a": 1}])}),
    pa.array([None, "t1"]),
)


def table_of(columns: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


@pytest.fixture(scope="module")
def model() -> Recommender:
    return fitted_to(Shop(CATEGORIES, EVENTS))


CALLS: dict[str, Callable[[Recommender, Any, Any], object]] = {
    "recommend users": lambda m, odd, _: m.recommend(odd, k=2),
    "recommend k": lambda m, odd, _: m.recommend("u1", k=odd),
    "recommend among": lambda m, odd, _: m.recommend("u1", among=odd),
    "recommend diversity": lambda m, odd, _: m.recommend("u1", diversity=odd),
    "recommend min_confidence": lambda m, odd, _: m.recommend("u1", min_confidence=odd),
    "recommend min_probability": lambda m, odd, _: m.recommend("u1", min_probability=odd),
    "recommend at": lambda m, odd, _: m.recommend("u1", at=odd),
    "audience target": lambda m, odd, _: m.audience(odd),
    "audience k": lambda m, odd, _: m.audience("t6", k=odd),
    "audience users": lambda m, odd, _: m.audience("t6", users=odd),
    "forecast": lambda m, odd, _: m.forecast(odd),
    "route": lambda m, odd, _: m.route(odd),
    "route limits": lambda m, odd, _: m.route("t6", zero_shot=odd),
    "probabilities": lambda m, odd, _: m.probabilities("u1", odd),
    "score users": lambda m, odd, _: m.score(odd, ["t1"]),
    "score targets": lambda m, odd, _: m.score("u1", odd),
    "user_vector": lambda m, odd, _: m.user_vector(odd),
    "release": lambda m, odd, _: m.release("u1", odd),
    "explain user": lambda m, odd, _: m.explain(odd, "t6"),
    "explain target": lambda m, odd, _: m.explain("u1", odd),
    "similar": lambda m, odd, _: m.similar(odd),
    "similar k": lambda m, odd, _: m.similar("t6", k=odd),
    "search": lambda m, odd, _: m.search(odd),
    "profile": lambda m, odd, _: m.profile(odd),
    "observe": lambda m, odd, _: m.observe(odd),
    "observe user": lambda m, odd, _: m.observe(table_of({"user": [odd], "target": ["t6"]})),
    "observe target": lambda m, odd, _: m.observe(table_of({"user": ["u1"], "target": [odd]})),
    "observe weight": lambda m, odd, _: m.observe(table_of({"user": ["u1"], "target": ["t6"], "weight": [odd]})),
    "observe time": lambda m, odd, _: m.observe(table_of({"user": ["u1"], "target": ["t6"], "timestamp": [odd]})),
    "observe event": lambda m, odd, _: m.observe(table_of({"user": ["u1"], "target": ["t6"], "event": [odd]})),
    "forget": lambda m, odd, _: m.forget(odd),
    "add": lambda m, odd, _: m.add(odd),
    "add edges": lambda m, odd, _: m.add(edges=odd),
    "add id": lambda m, odd, _: m.add(table_of({"id": [odd], "name": ["thing"]})),
    "add name": lambda m, odd, _: m.add(table_of({"id": ["z"], "name": [odd]})),
    "add parent": lambda m, odd, _: m.add(table_of({"id": ["z"], "name": ["z"], "parent_id": [odd]})),
    "add vectors": lambda m, odd, _: m.add(table_of({"id": ["z"], "name": ["z"]}), vectors=odd),
    "save": lambda m, odd, folder: m.save(folder / "model", precision=odd),
    "fit seed": lambda m, odd, _: Recommender(encoder=None, seed=odd, settings=m.settings).fit(m.fitted.graph, HISTORY),
    "fit kinds": lambda _, odd, __: Recommender(encoder=None, kinds={"purchase": odd}),
    "fit relations": lambda _, odd, __: Recommender(encoder=None, relations=odd),
    "fit similarity": lambda _, odd, __: Recommender(encoder=None, relations="clusters", min_similarity=odd),
    "fit graph": lambda m, odd, _: Recommender(encoder=None, settings=m.settings).fit(odd, HISTORY),
    "fit history": lambda m, odd, _: Recommender(encoder=None, settings=m.settings).fit(m.fitted.graph, odd),
    "config": lambda _, odd, __: Recommender.from_config({"seed": odd}),
    "catalog": lambda _, odd, __: CatalogGraph.from_tables(odd),
    "catalog attributes": lambda _, odd, __: CatalogGraph.from_tables(TABLE, odd),
    "catalog source": lambda _, odd, __: CatalogGraph.from_tables(TABLE, source=odd),
    "catalog cell": lambda _, odd, __: CatalogGraph.from_tables(
        table_of({"id": ["a", "b"], "name": ["a", "b"], "colour": ["red", odd]})
    ),
    "catalog flag": lambda _, odd, __: CatalogGraph.from_tables(
        table_of({"id": ["a", "b"], "name": ["a", "b"], "group": [True, odd]})
    ),
    "history": lambda _, odd, __: Interactions.from_table(odd),
    "history column": lambda _, odd, __: Interactions.from_table(event_table(EVENTS), weight=odd),
}
HISTORY = Interactions.from_table(event_table(EVENTS), weight="weight", timestamp="timestamp", event="event")
TABLE = pa.table({"id": ["a", "b"], "name": ["a", "b"], "colour": ["red", "blue"]})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments_end_in_an_answer_or_one_sentence(name, model, tmp_path):
    raw, before = [], model.score(["u0", "u1"], list(model.fitted.graph.ids))
    for odd in ODD:
        try:
            CALLS[name](copy_of(model), odd, tmp_path)
        except NewaisleError as error:
            sentence = str(error)
            if "\n" in sentence.strip() or len(sentence) > 1000 or len(sentence.split()) < 4:
                raw.append(f"{odd!r:.60}: the message {sentence[:200]!r}")
        except Exception as error:  # what this test is about
            raw.append(f"{odd!r:.60}: {type(error).__name__} {str(error)[:120]!r}")
    assert not raw, "\n".join(raw)
    assert np.array_equal(model.score(["u0", "u1"], list(model.fitted.graph.ids)), before)
