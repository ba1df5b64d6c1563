"""Whom to tell about a target: who stands in the table, in which order, and how many buyers that makes."""

from dataclasses import replace
from types import SimpleNamespace

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from newaisle.api.answers.audience import AUDIENCE_COLUMNS, AudienceOptions, audience
from newaisle.api.recommender import Recommender
from newaisle.errors import InputError, NotFittedError, UnknownIdError

EVERYBODY = 10**6


def columns_of(table):
    return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}


@pytest.fixture(scope="module")
def some(fitted):
    """A new and a seen target, and who bought the seen one."""
    fits = fitted.fitted
    new, seen = fits.choose("new").targets[0], fits.choose("seen").targets
    sold = seen[np.argsort(-np.bincount(fits.bought.indices, minlength=len(fits.graph))[seen])[10]]
    own, users = fits.graph.ids.values, np.array(fits.users.values)
    buyers = users[fits.bought[:, [sold]].toarray()[:, 0] > 0].tolist()
    active = users[np.diff(fits.bought.indptr) > 0].tolist()
    return SimpleNamespace(new=own[new], seen=own[sold], buyers=buyers, active=active)


def test_the_likeliest_buyers_come_first_and_their_chances_add_up(fitted, some):
    found = columns_of(fitted.audience(some.new, 25))
    assert tuple(found) == AUDIENCE_COLUMNS
    assert found["target"] == [some.new] * 25
    assert set(found["name"]) == {fitted.fitted.graph.names[fitted.fitted.graph.ids.position(some.new)]}
    chances = fitted.probabilities(some.active, [some.new])[:, 0]
    np.testing.assert_allclose(found["probability"], np.sort(chances)[::-1][:25], rtol=1e-9)
    np.testing.assert_allclose(fitted.probabilities(found["user"], [some.new])[:, 0], found["probability"], rtol=1e-9)
    np.testing.assert_allclose(fitted.score(found["user"], [some.new])[:, 0], found["score"], atol=1e-12)
    np.testing.assert_allclose(found["expected_buyers"], np.cumsum(found["probability"]), rtol=1e-12)
    assert len(set(found["user"])) == 25


def test_the_order_is_by_chance_not_by_score(fitted, some):
    found = columns_of(fitted.audience(some.new, EVERYBODY))
    assert sorted(found["user"]) == sorted(some.active)  # all with a history, nobody else
    assert found["probability"] == sorted(found["probability"], reverse=True)
    assert found["score"] != sorted(found["score"], reverse=True)
    first = columns_of(fitted.audience(some.new, 7))
    assert {name: column[:7] for name, column in found.items()} == first


def test_who_bought_it_is_left_out_or_not(fitted, some):
    told = columns_of(fitted.audience(some.seen, EVERYBODY))["user"]
    assert sorted(told + some.buyers) == sorted(some.active)
    everybody = columns_of(fitted.audience(some.seen, EVERYBODY, exclude_bought=False))
    assert sorted(everybody["user"]) == sorted(some.active)
    first = everybody["user"][: len(some.buyers)]
    assert len(set(first) & set(some.buyers)) > len(some.buyers) / 2  # their own purchases say so


def test_users_may_be_given(fitted, some):
    silent = [user for user in fitted.fitted.users if user not in set(some.active)]
    chosen = [some.active[5], some.active[2], silent[0]]
    found = columns_of(fitted.audience(some.new, users=chosen))
    assert sorted(found["user"]) == sorted(chosen)
    at = found["user"].index(silent[0])
    assert found["probability"][at] == pytest.approx(fitted.probabilities(None, [some.new])[0, 0], rel=1e-9)
    assert columns_of(fitted.audience(some.new, users=chosen[0]))["user"] == [chosen[0]]
    assert columns_of(fitted.audience(some.new, 2, users=np.array(chosen)))["user"] == found["user"][:2]
    assert columns_of(fitted.audience(some.seen, users=some.buyers[:3])) == {name: [] for name in AUDIENCE_COLUMNS}


def test_chunks_change_nothing(fitted, some):
    whole = columns_of(audience(fitted.fitted, some.seen, AudienceOptions(EVERYBODY), chunk=EVERYBODY))
    parts = columns_of(audience(fitted.fitted, some.seen, AudienceOptions(EVERYBODY), chunk=7))
    assert parts["user"] == whole["user"]
    for name in ("score", "probability", "expected_buyers"):
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


def test_nobody_is_told_of_what_is_not_there_yet(fitted, some):
    graph = fitted.fitted.graph
    opening = np.full(len(graph), np.nan)
    opening[graph.ids.position(some.new)] = 20_000.0
    dated = Recommender()
    dated._state = replace(fitted.fitted, graph=replace(graph, availability={"available_from": opening}))
    assert columns_of(dated.audience(some.new, 5, at=19_999)) == {name: [] for name in AUDIENCE_COLUMNS}
    assert dated.audience(some.new, 5, at=20_000) == fitted.audience(some.new, 5)
    assert dated.audience(some.seen, 5, at=19_999) == fitted.audience(some.seen, 5)


@pytest.mark.parametrize(("library", "kind"), [(pd, pd.DataFrame), (pl, pl.DataFrame), (pa, pa.Table)])
def test_the_table_comes_in_the_library_of_the_history(fitted, some, library, kind):
    other = Recommender()
    other._state = replace(fitted.fitted, backend=library.__name__)
    table = other.audience(some.new, 3)
    assert isinstance(table, kind)
    assert columns_of(table) == columns_of(fitted.audience(some.new, 3))


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda r, t: r.audience(t.new, 0), InputError, "k is 0; ask for 1 user or more"),
        (lambda r, t: r.audience(t.new, 1.5), InputError, "k is 1.5; ask for 1 user or more, as a whole number"),
        (lambda r, _: r.audience("melons"), UnknownIdError, "Unknown target id 'melons'"),
        (lambda r, t: r.audience(t.new, users=[-1]), UnknownIdError, "Unknown user id -1"),
        (lambda r, t: r.audience(t.new, users=[]), InputError, "give one or more"),
        (lambda r, t: r.audience(t.new, users=[t.active[0], None]), InputError, "neither None nor profiles"),
        (lambda r, t: r.audience(t.new, users=t.active[:2] * 2), InputError, "are in the list several times"),
        (lambda r, t: r.audience(t.new, at="soon"), InputError, "'soon' is neither a date nor a number"),
        (lambda _, t: Recommender().audience(t.new), NotFittedError, "is not fitted"),
    ],
)
def test_wrong_questions_get_one_clear_sentence(ask, error, told, fitted, some):
    with pytest.raises(error, match=told) as raised:
        ask(fitted, some)
    assert "\n" not in str(raised.value)
