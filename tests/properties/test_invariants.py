"""What holds of every shop and every history: random ones through load, fit, observe, add, forget, save and load."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import settings as property_of
from hypothesis import strategies as st
from support.shops import Shop, copy_of, event_table, fitted_to, later_events, shops

from newaisle import Interactions, Recommender
from newaisle.errors import InteractionsError, UnknownIdError

property_of.register_profile(
    "same every time",
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # the shops are small already, and shrinking them takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
property_of.load_profile("same every time")
some = property_of(max_examples=15)


@st.composite
def fitted(draw: st.DrawFn) -> tuple[Shop, Recommender]:
    """A random shop and its model."""
    shop = draw(shops())
    try:
        return shop, fitted_to(shop)
    except InteractionsError:  # dislikes alone
        assume(False)
        raise


def everything(model: Recommender, users: list) -> np.ndarray:
    """All that a model says of some users and all targets."""
    ids = list(model.fitted.graph.ids)
    forecast = model.table_columns(model.forecast("all"))
    return np.concatenate(
        [
            model.score(users, ids).ravel(),
            model.fitted.confidence,
            model.fitted.model.prior_share,
            np.array(forecast["expected_buyers"])[np.argsort(np.argsort(forecast["target"]))],
        ]
    )


def rows(model: Recommender, **options) -> list[tuple]:
    columns = model.table_columns(model.recommend(**options))
    return list(zip(*columns.values(), strict=True))


@some
@given(fitted(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(own, random):
    shop, model = own
    categories, events = list(shop.categories), list(shop.events)
    random.shuffle(categories)
    random.shuffle(events)
    other = fitted_to(Shop(tuple(categories), tuple(events)))
    assert np.array_equal(everything(other, shop.users), everything(model, shop.users))
    assert other.fitted.graph == model.fitted.graph


@some
@given(fitted())
def test_other_ids_of_the_same_order_change_nothing(own):
    shop, model = own
    targets = {row[0]: row[0] * 7 - 3 if isinstance(row[0], int) else f"Δ {row[0]}!" for row in shop.categories}
    users = {user: user + 10**12 if isinstance(user, int) else f"né {user}" for user in shop.users}
    other = fitted_to(shop.renamed(targets, users))
    assert np.array_equal(everything(other, [users[user] for user in shop.users]), everything(model, shop.users))


@some
@given(fitted(), st.data())
def test_an_event_twice_is_an_event_once(own, data):
    shop, model = own
    again = data.draw(st.lists(st.sampled_from(shop.events), max_size=10))
    other = fitted_to(Shop(shop.categories, (*shop.events, *again)))
    assert np.array_equal(everything(other, shop.users), everything(model, shop.users))


@some
@given(fitted(), st.data())
def test_a_first_purchase_never_lowers_its_buyers_score(own, data):
    """Of a new target; and no target moves away from where its buyer was at fit."""
    shop, model = own
    user, target = data.draw(st.sampled_from(shop.users)), data.draw(st.sampled_from(shop.targets))
    assume(not any(event[0] == user and event[1] == target for event in shop.events))
    assume(
        (target, "dislike") not in {event[1:3] for event in shop.events}
    )  # with its first sale a target learns these
    learned = copy_of(model)
    learned.observe(event_table([(user, target, "purchase", 1.0, 400)]))
    if target not in {event[1] for event in shop.events}:
        before, after = (own.score(user, [target])[0, 0] * own.fitted.model.longest for own in (model, learned))
        assert after >= before - 1e-12  # of cosines with one M: a longer vector makes it grow, and all cosines smaller
    place = model.fitted.graph.ids.position(target)
    vector = model.fitted.model.factors.user_vectors(model.fitted.histories.rows([user]))[0]
    assert vector @ learned.fitted.model.vectors[place] >= vector @ model.fitted.model.vectors[place] - 1e-12


@some
@given(fitted())
def test_probabilities_lie_between_0_and_1_and_rise_with_the_score(own):
    shop, model = own
    for user, chosen in ((None, "all"), *((user, "new") for user in shop.users)):
        columns = model.table_columns(model.recommend(user, k=50, among=chosen))
        probability, score = np.array(columns["probability"]), np.array(columns["score"])
        assert ((probability >= 0) & (probability <= 1)).all()
        assert (np.diff(score) <= 0).all()
        if chosen == "new":
            assert (np.diff(probability) <= 0).all()
    for target in shop.targets:
        columns = model.table_columns(model.audience(target, k=50))
        assert ((np.array(columns["probability"]) >= 0) & (np.array(columns["probability"]) <= 1)).all()


@some
@given(fitted())
def test_one_user_is_a_batch_of_one(own):
    shop, model = own
    together = rows(model, users=shop.users, k=5, among="all")
    assert [row for user in shop.users for row in rows(model, users=user, k=5, among="all")] == together
    ids = list(model.fitted.graph.ids)
    alone = np.vstack([[model.score(user, [own])[0, 0] for own in ids] for user in shop.users])
    assert alone == pytest.approx(model.score(shop.users, ids), abs=1e-12)  # products of other shapes round otherwise


@some
@given(fitted(), st.data())
def test_no_group_and_nothing_bought_is_recommended(own, data):
    shop, model = own
    later = data.draw(later_events(shop))
    model = copy_of(model)
    model.observe(event_table(later))
    for user in sorted({*shop.users, *(event[0] for event in later)}):
        had = {event[1] for event in (*shop.events, *later) if event[0] == user and event[2] == "purchase"}
        found = {row[1] for row in rows(model, users=user, k=50, among="all")}
        assert not found & set(shop.groups)
        assert not found & had
        assert found <= set(shop.targets)


@some
@given(fitted(), st.data(), st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter_nor_whether_they_come_one_by_one(own, data, random):
    shop, model = own
    later = data.draw(later_events(shop))
    users = sorted({*shop.users, *(event[0] for event in later)})
    together, apart = copy_of(model), copy_of(model)
    together.observe(event_table(later))
    random.shuffle(later)
    for event in later:
        apart.observe(event_table([event]))
    assert np.array_equal(everything(apart, users), everything(together, users))


@some
@given(fitted(), st.data())
def test_a_user_who_came_and_was_forgotten_was_never_there(own, data):
    shop, model = own
    later = data.draw(later_events(shop))
    strangers = sorted({event[0] for event in later} - set(shop.users))
    assume(strangers)
    rest = [event for event in later if event[0] not in strangers]
    learned, without = copy_of(model), copy_of(model)
    learned.observe(event_table(later))
    learned.forget(strangers)
    if rest:
        without.observe(event_table(rest))
    assert np.array_equal(everything(learned, shop.users), everything(without, shop.users))
    with pytest.raises(UnknownIdError):
        learned.score(strangers, shop.targets)


@some
@given(fitted(), st.data())
def test_reasons_add_up_for_every_user(own, data):
    """Also for users who only dislike."""
    shop, model = own
    later = data.draw(later_events(shop))
    stranger = 777 if isinstance(shop.targets[0], int) else "x9"
    model = copy_of(model)
    model.observe(event_table([*later, (stranger, data.draw(st.sampled_from(shop.targets)), "dislike", 1.0, 500)]))
    for user in [*sorted({*shop.users, *(event[0] for event in later)}), stranger]:
        target = data.draw(st.sampled_from(shop.targets))
        reasons = model.explain(user, target)
        scale = 1.0 + sum(abs(reason.share) for reason in (*reasons.history, *reasons.sources))
        by_sources = sum(reason.share for reason in reasons.sources) + reasons.own_sales + reasons.offset
        assert by_sources == pytest.approx(reasons.score, abs=1e-9 * scale)
        if reasons.history:
            by_history = sum(reason.share for reason in reasons.history) + reasons.offset
            assert by_history == pytest.approx(reasons.score, abs=1e-9 * scale)


@property_of(max_examples=12)
@given(fitted(), st.data())
def test_a_saved_model_is_the_model(own, data):
    shop, model = own
    later = data.draw(later_events(shop))
    model = copy_of(model)
    model.observe(event_table(later))
    users = sorted({*shop.users, *(event[0] for event in later)})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        loaded = Recommender.load(path)
        assert np.array_equal(everything(loaded, users), everything(model, users))
        assert rows(loaded, users=users, k=5, among="all") == rows(model, users=users, k=5, among="all")
        assert loaded.fitted.graph == model.fitted.graph
        more = data.draw(later_events(shop))
        loaded.observe(event_table(more))
        model.observe(event_table(more))
        assert np.array_equal(everything(loaded, users), everything(model, users))


@some
@given(fitted(), st.data())
def test_what_is_added_is_ranked_and_moves_nobody_else(own, data):
    shop, model = own
    colour = data.draw(st.sampled_from(("red", "blue", "violet")))
    parent = data.draw(st.sampled_from([*shop.groups, None]))
    fresh: list = [7001, 7002] if isinstance(shop.targets[0], int) else ["z1", "z2"]
    assume(any(row[3] for row in shop.categories) and any(row[2] for row in shop.categories))
    table = pa.table({"id": fresh, "name": ["zinc", "zirkon"], "parent_id": [parent, None], "colour": [colour, None]})
    grown = copy_of(model)
    before = model.score(shop.users, shop.targets)
    grown.add(table)
    assert np.array_equal(grown.score(shop.users, shop.targets), before)
    found = {row[1] for row in rows(grown, users=shop.users[0], k=50)}
    assert set(fresh) <= found


@some
@given(shops())
def test_every_row_of_a_history_is_kept_or_counted(shop):
    history = Interactions.from_table(event_table(shop.events), event="event", weight="weight", timestamp="timestamp")
    report = history.report
    assert report.rows_read == len(shop.events)
    assert report.rows_kept == len(history)
    assert report.rows_kept + sum(report.dropped.values()) == report.rows_read
