"""Own ids on the way in, from columns and scalars of any library, and on the way out, as they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import InputError, UnknownIdError
from newaisle.graph.ids import id_list

LARGE = 2**53 + 1
"""No float has this value."""


def shop(ids: Callable[[int], Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A shop of 12 categories, two without sales, and 12 users, whose ids are made from numbers."""
    catalog = pd.DataFrame({"id": [ids(i) for i in range(12)], "name": [f"n{i}" for i in range(12)]})
    catalog["colour"] = ["red", "blue", "green"] * 4
    draw = np.random.default_rng(0)
    rows = [(ids(user), ids(i)) for user in range(12) for i in draw.choice(10, 5, replace=False)]
    return catalog, pd.DataFrame(rows, columns=["user", "target"])


@pytest.fixture(scope="module")
def models() -> dict[str, Recommender]:
    """A model with integers as ids for pandas, one for polars, one for Arrow, and one with texts."""
    catalog, sales = shop(lambda number: LARGE + number)
    model = Recommender(encoder=None).fit(CatalogGraph.from_tables(catalog), Interactions.from_table(sales))
    found = {"pandas": model}
    for library, table in (("polars", pl.from_pandas(sales)), ("arrow", pa.Table.from_pandas(sales))):
        found[library] = Recommender(encoder=None, settings=model.config.settings)
        found[library].fit(CatalogGraph.from_tables(catalog), Interactions.from_table(table))
    catalog, sales = shop("id {}".format)
    found["texts"] = Recommender(encoder=None, settings=model.config.settings)
    found["texts"].fit(CatalogGraph.from_tables(catalog), Interactions.from_table(sales))
    return found


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_integers_come_out_as_integers_also_beside_none(models: dict[str, Recommender], library: str) -> None:
    model = models[library]
    table = model.recommend([LARGE, None], k=1)
    assert model.table_columns(table)["user"] == [LARGE, None]
    kind = {"pandas": lambda: table["user"].dtype, "polars": lambda: table.schema["user"]}
    assert str(kind.get(library, lambda: table.schema.field("user").type)()).lower() == "int64"
    assert model.table_columns(model.recommend(None, k=1))["user"] == [None]
    targets = model.table_columns(table)["target"]
    assert all(type(target) is int and LARGE <= target < LARGE + 12 for target in targets)
    again = model.table_columns(model.recommend(table["user"], k=1))
    assert again["user"] == [LARGE, None]


def test_integers_of_an_answer_for_nobody_known_are_integers_too(models: dict[str, Recommender]) -> None:
    assert str(models["pandas"].recommend([None, None], k=2)["user"].dtype) == "Int64"
    assert models["polars"].recommend(None, k=2).schema["user"] == pl.Int64


COLUMNS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "numpy": np.array,
    "objects": lambda ids: np.array(ids, dtype=object),
    "pandas": pd.Series,
    "index": pd.Index,
    "nullable": lambda ids: pd.Series(ids).convert_dtypes(),
    "categorical": lambda ids: pd.Series(ids, dtype="category"),
    "polars": pl.Series,
    "arrow": pa.array,
    "chunked": lambda ids: pa.chunked_array([pa.array(ids)]),
    "dictionary": lambda ids: pa.array(ids).dictionary_encode(),
    "a column": lambda ids: pa.table({"user": ids})["user"],
    "generator": iter,
}
SCALARS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda own: own,
    "numpy": lambda own: np.array([own])[0],
    "arrow": pa.scalar,
    "a cell": lambda own: pa.table({"user": [own]})["user"][0],
}


@pytest.mark.parametrize("form", COLUMNS)
@pytest.mark.parametrize("kind", ["texts", "pandas"])
def test_any_column_of_ids_will_do(models: dict[str, Recommender], kind: str, form: str) -> None:
    model, column = models[kind], COLUMNS[form]
    own: list[Any] = [f"id {i}" if kind == "texts" else LARGE + i for i in (3, 1)]
    assert id_list(column(own)) == own
    assert list(dict.fromkeys(model.table_columns(model.recommend(column(own), k=2))["user"])) == own
    expected = model.score(own, own)
    np.testing.assert_array_equal(model.score(column(own), column(own)), expected)
    np.testing.assert_array_equal(model.probabilities(column(own), column(own)), model.probabilities(own, own))
    assert model.table_columns(model.route(column(own)))["target"] == own
    assert set(model.table_columns(model.forecast(column(own)))["target"]) == set(own)
    assert set(model.table_columns(model.recommend(own[0], among=column(own), exclude_bought=False))["target"]) == set(
        own
    )
    audience = model.table_columns(model.audience(own[0], users=column(own), exclude_bought=False))
    assert set(audience["user"]) == set(own)
    assert model.release(column(own), epsilon=5.0, seed=0).shape[0] == 2
    left = Recommender()
    left._state = model.fitted
    assert set(left.fitted.users) - set(left.forget(column(own)).fitted.users) == set(own)


@pytest.mark.parametrize("form", SCALARS)
@pytest.mark.parametrize("kind", ["texts", "pandas"])
def test_any_scalar_of_a_library_will_do(models: dict[str, Recommender], kind: str, form: str) -> None:
    model = models[kind]
    own: Any = "id 3" if kind == "texts" else LARGE + 3
    one = SCALARS[form](own)
    assert model.table_columns(model.recommend(one, k=1))["user"] == [own]
    assert model.table_columns(model.audience(one, k=1))["target"] == [own]
    assert own not in model.table_columns(model.similar(one, k=3))["target"]
    assert model.table_columns(model.forecast(one))["target"] == [own]
    why = model.explain(one, one)
    assert (why.user, why.target) == (own, own)
    assert type(why.user) is type(own)
    np.testing.assert_array_equal(model.user_vector(one), model.user_vector(own))


def test_a_float_is_an_id_only_where_it_is_exact(models: dict[str, Recommender]) -> None:
    assert id_list(pd.Series([1, None, 3])) == [1, None, 3]
    assert id_list(pd.Series([1, None, 3], dtype="Int64")) == [1, None, 3]
    with pytest.raises(InputError, match="integers are no longer exact"):
        models["pandas"].recommend(pd.Series([float(LARGE), None]))
    with pytest.raises(UnknownIdError, match="Unknown user id 7"):
        models["pandas"].recommend(pd.Series([7.0]))
