"""Learning after the fit: first sales, dislikes, new users, forgetting, a warm start, and the route of a target."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from support.models import data_of

from newaisle.api.recommender import Recommender
from newaisle.api.updates.observe import ObserveReport
from newaisle.errors import InputError, InteractionsError, ModelError, NewaisleError, UnknownIdError
from newaisle.gnn.factors.update import update_targets
from newaisle.gnn.model.cosine_softmax import HEADROOM
from newaisle.gnn.model.model import prior_strength
from newaisle.gnn.online.events import NO_FIRST, NO_LAST, log_events
from newaisle.gnn.online.fold_in import UserHistory, fold_in, no_targets
from newaisle.gnn.online.relearn import update_targets_online
from newaisle.graph import Ids, Interactions

WINDOW = 10**9
LATER = 987_654_321
"""A user who was not there at fit."""


def copied(model):
    """The same model, to learn by itself."""
    made = Recommender(encoder=model.encoder, settings=model.settings, cache=model.cache)
    made._state = model.fitted
    return made


@pytest.fixture
def model(fitted):
    return copied(fitted)


@pytest.fixture(scope="module")
def new(fitted):
    """Own ids of the new targets, those with the highest expected sales first."""
    targets = fitted.fitted.choose("new").targets
    order = np.argsort(-np.linalg.norm(fitted.fitted.model.prior.mean[targets], axis=1))
    return [fitted.fitted.graph.ids.values[i] for i in targets[order]]


@pytest.fixture(scope="module")
def sold(fitted):
    """Own ids of the seen targets, those with the most buyers first."""
    counts = np.bincount(fitted.fitted.bought.indices, minlength=len(fitted.fitted.graph))
    return [fitted.fitted.graph.ids.values[i] for i in np.argsort(-counts)[: np.count_nonzero(counts)]]


def table(*rows):
    """Events as a table; each row is user, target and perhaps the kind and the time."""
    columns = {"user": [row[0] for row in rows], "target": [row[1] for row in rows]}
    if any(len(row) > 2 for row in rows):
        columns["event"] = [row[2] if len(row) > 2 else "purchase" for row in rows]
    if any(len(row) > 3 for row in rows):
        columns["timestamp"] = [datetime.fromisoformat(row[3]) for row in rows]
    return pa.table(columns)


def everything(model, users):
    """All scores of some users, and what else is known of all targets."""
    ids = list(model.fitted.graph.ids)
    return np.concatenate([model.score(users, ids).ravel(), model.fitted.confidence, model.fitted.model.prior_share])


def rows_of(model, **named):
    return model.table_columns(model.recommend(**named))


@pytest.fixture(scope="module")
def events(fitted, new, sold):
    """Events of every sort in a random order: known and new users, new and seen targets, dislikes, repeats, times."""
    random = np.random.default_rng(3)
    users = [*fitted.fitted.users.values[:40], LATER, LATER + 1, LATER + 2]
    targets = [*new[:12], *sold[:12]]
    rows = []
    for _ in range(160):
        day = datetime(2017, 9, 1) + timedelta(hours=int(random.integers(0, 24 * 200)))
        kind = "dislike" if random.random() < 0.15 else "purchase"
        rows.append((users[random.integers(len(users))], targets[random.integers(24)], kind, day.isoformat()))
    return [*rows, *rows[:10]]


def test_a_first_sale_moves_its_target_alone_and_its_buyer_alone(fitted, model, new):
    users, ids = list(fitted.fitted.users)[:50], list(fitted.fitted.graph.ids)
    before = fitted.score(users, ids)
    assert model.observe(table((users[3], new[0]))) == ObserveReport(1, 0, 0)
    after, place = model.score(users, ids), ids.index(new[0])
    moved = after != before
    assert moved[:, place].sum() > 40
    assert moved[3].sum() > 600
    others = np.delete(np.delete(moved, 3, axis=0), place, axis=1)
    assert not others.any()
    assert after[3, place] > before[3, place]


def test_new_targets_follow_the_formula(fitted, model, new, journey):
    """Against a general minimiser of the loss as the docstring states it."""
    known, latent_model = fitted.fitted, fitted.fitted.model
    events = [(known.users.values[row], new[0], kind) for row, kind in ((3, "buy"), (50, "buy"), (80, "dislike"))]
    model.observe(table(*events, (LATER, new[0], "buy")))
    place = journey.graph.ids.position(new[0])
    liked = np.vstack([latent_model.factors.user_vectors(np.array([3, 50])), latent_model.factors.mean_user])
    disliked, alpha = latent_model.factors.user_vectors(np.array([80])), latent_model.settings.factors.alpha
    mean, weight = (
        latent_model.prior.mean[place],
        latent_model.settings.strength / (latent_model.prior.variance[place] + latent_model.settings.kernel.ridge),
    )

    def loss(q):
        short = np.maximum(1 - liked @ q, 0)
        return alpha * (short @ short + np.square(disliked @ q).sum()) + weight * np.square(q - mean).sum()

    found = minimize(loss, mean, method="BFGS", options={"gtol": 1e-9}).x
    assert model.fitted.model.vectors[place] == pytest.approx(found, abs=1e-5)


def test_the_order_of_events_does_not_matter_nor_whether_they_come_one_by_one(fitted, model, events):
    report = model.observe(table(*events))
    assert report.learned + report.repeated == len(events)
    assert report.repeated >= 10
    assert report.new_users == 3
    users = [*list(fitted.fitted.users)[::7], LATER, LATER + 1, LATER + 2, None]
    together = everything(model, users)
    single = copied(fitted)
    for place in np.random.default_rng(0).permutation(len(events)):
        single.observe(table(events[place]))
    assert np.abs(everything(single, users) - together).max() < 1e-9
    assert rows_of(single, users=users[:9])["target"] == rows_of(model, users=users[:9])["target"]
    assert single.fitted.event_log.user.tolist() == model.fitted.event_log.user.tolist()
    assert single.fitted.event_log.liked.tolist() == model.fitted.event_log.liked.tolist()
    assert single.fitted.model.longest == model.fitted.model.longest
    again = model.observe(table(*events))
    assert again == ObserveReport(0, len(events), 0)
    assert (everything(model, users) == together).all()


def test_what_was_bought_at_fit_and_is_told_again_changes_nothing(fitted, model):
    user = fitted.fitted.users.values[5]
    target = fitted.fitted.graph.ids.values[fitted.fitted.histories.bought_by(5)[0]]
    users = [user, *fitted.fitted.users.values[:20]]
    before = everything(model, users)
    assert model.observe(table((user, target))) == ObserveReport(0, 1, 0)
    assert everything(model, users) == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize("order", [("purchase", "dislike"), ("dislike", "purchase")])
def test_a_dislike_counts_whatever_else_happened(fitted, model, new, order):
    user, other = fitted.fitted.users.values[3], copied(fitted)
    for kind in order:
        model.observe(table((user, new[0], kind)))
    other.observe(table((user, new[0], "dislike")))
    assert (everything(model, [user]) == everything(other, [user])).all()
    assert model.score([user], [new[0]]) < fitted.score([user], [new[0]])
    bought = fitted.fitted.graph.ids.values[fitted.fitted.histories.bought_by(3)[0]]
    before = model.score([user], [bought])
    model.observe(table((user, bought, "dislike")))
    assert model.score([user], [bought]) < before
    assert bought not in {reason.target for reason in model.explain(user, new[1]).history}
    listed = rows_of(model, users=user, k=1000, among="all")["target"]
    assert not {bought, new[0]} & set(listed)
    assert {bought, new[0]} <= set(rows_of(model, users=user, k=1000, among="all", exclude_bought=False)["target"])


def sales(users, target, latent_model):
    rows = log_events(users, np.full(len(users), target), np.ones(len(users)), None)
    return replace(rows, longest=latent_model.longest)


def cosine(user, latent_model, target):
    return (
        (user @ latent_model.vectors[target] / np.linalg.norm(user) + latent_model.offset[target])
        / np.sqrt(2)
        / latent_model.longest
    )


@pytest.mark.parametrize("exposed", [0.0, 0.3, 1.0])
def test_a_first_purchase_never_lowers_its_buyers_score(fitted, sold, new, exposed):
    """The cosine that users are shown, with the buyer's own vector folded in; other purchases may stand before it."""
    known, latent_model = fitted.fitted, fitted.fitted.model
    size, random = len(known.graph), np.random.default_rng(1)
    exposure, factors = np.full(size, exposed), latent_model.factors
    order = np.argsort(np.diff(known.bought.indptr))
    some = order[np.linspace(0, len(order) - 1, 8).astype(int)]  # without any history to the longest one
    targets = known.graph.ids.positions([*new[:8], *new[50:54], *sold[:8], *sold[200:204]])
    fond = np.argsort(-(factors.users @ latent_model.vectors[targets].T).max(axis=1))[:6]
    above = pairs = 0
    for target in targets.tolist():
        others = random.choice(len(known.users), 4, replace=False)
        for user in np.setdiff1d([*some, *fond], others).tolist():
            if target in known.histories.bought_by(user):
                continue
            # others bought it, and it has been on sale for a while: then this user did not buy it, or did
            without, bought = (
                update_targets_online(
                    latent_model, known.buyers, sales(buyers, target, latent_model), exposure, np.array([target])
                )
                for buyers in (others, np.append(others, user))
            )
            before, history = factors.user_vectors(np.array([user]))[0], known.histories.bought_by(user)
            known_user = len(history) > 0
            past = UserHistory(
                history, np.array([target]), no_targets(), np.ones(len(history) + 1), known_user, float(known_user)
            )
            folded = fold_in(latent_model, past)
            assert before @ bought.vectors[target] >= before @ without.vectors[target] - 1e-12
            assert cosine(folded, bought, target) >= cosine(before, without, target) - 1e-12
            above += before @ without.vectors[target] > 1
            pairs += 1
    assert pairs > 180
    assert above >= 3


def test_users_who_come_later_have_an_id_a_vector_and_a_voice(fitted, model, new, sold):
    with pytest.raises(UnknownIdError, match=str(LATER)):
        model.recommend(LATER)
    model.observe(table((LATER, sold[3])))
    assert model.score([LATER], [sold[3]]) > fitted.score([None], [sold[3]])
    model.observe(table((LATER, new[4])))
    listed = rows_of(model, users=[LATER, None], k=700, among="all")
    own = {target for user, target in zip(listed["user"], listed["target"], strict=True) if user == LATER}
    assert not {sold[3], new[4]} & own
    assert own != set(listed["target"])
    found = model.explain(LATER, new[0])
    assert {reason.target for reason in found.history} == {sold[3], new[4]}
    # they count as the mean user: two of them are the same event twice over
    place = fitted.fitted.graph.ids.position(new[4])
    assert model.fitted.model.prior_share[place] < 1
    first = model.fitted.model.vectors[place]
    other = copied(fitted)
    other.observe(table((LATER + 5, new[4])))
    assert (other.fitted.model.vectors[place] == first).all()


def test_reasons_add_up_with_all_that_was_observed(fitted, model, events, new, sold):
    model.observe(table(*events))
    users = [*fitted.fitted.users.values[:40:8], LATER, LATER + 1, LATER + 2]
    checked = 0
    for user in users:
        for target in (new[0], new[30], sold[0]):
            found = model.explain(user, target)
            assert found.score == model.score([user], [target])[0, 0]
            history = np.array([reason.share for reason in found.history])
            through = np.array([*(reason.share for reason in found.sources), found.own_sales, found.offset])
            assert np.abs(history.sum() + found.offset - found.score) <= 1e-5 * np.abs(history).sum()
            assert np.abs(through.sum() - found.score) <= 1e-5 * np.abs(through).sum()
            checked += 1
    assert checked == 24
    row = int(model.fitted.histories.rows([users[0]])[0])
    told = {target for user, target, kind, _ in events if user == users[0] and kind != "dislike"}
    unwanted = {target for user, target, kind, _ in events if user == users[0] and kind == "dislike"}
    before = {fitted.fitted.graph.ids.values[i] for i in fitted.fitted.histories.bought_by(row)}
    assert {reason.target for reason in model.explain(users[0], new[0]).history} == (before | told) - unwanted


def test_confidence_and_route_follow_the_sales(fitted, model, new, sold, journey):
    route = model.table_columns(model.route([new[0], sold[0]]))
    assert route["route"] == ["zero-shot", "conventional"]
    assert route["prior_share"][0] == 1
    assert route["buyers"] == [0, np.bincount(fitted.fitted.bought.indices).max()]
    users, place, shares = fitted.fitted.users.values, journey.graph.ids.position(new[0]), []
    for first in range(0, 200, 20):
        model.observe(table(*((user, new[0]) for user in users[first : first + 20])))
        shares.append(model.fitted.model.prior_share[place])
    assert (np.diff([1.0, *shares]) < 0).all()
    assert model.fitted.confidence[place] > fitted.fitted.confidence[place]
    route = model.table_columns(model.route(new[0]))
    assert (route["route"], route["buyers"]) == (["conventional"], [200])
    assert route["name"] == [journey.graph.names[place]]
    one = copied(fitted)
    one.observe(table((users[0], new[0]), (users[1], new[0], "dislike")))
    assert one.table_columns(one.route(new[0]))["route"] == ["few-shot"]
    assert one.table_columns(one.route(new[0]))["buyers"] == [1]
    assert one.table_columns(one.route(new[0], zero_shot=0.5, conventional=0.1))["route"] == ["zero-shot"]
    assert one.table_columns(one.route(new[0], conventional=0.999))["route"] == ["conventional"]


@pytest.mark.parametrize(
    "limits", [{"zero_shot": 1.2}, {"conventional": -0.1}, {"zero_shot": 0.2, "conventional": 0.3}]
)
def test_wrong_limits_of_a_route_are_told(model, new, limits):
    with pytest.raises(InputError, match="shares from 0 to 1"):
        model.route(new[:2], **limits)
    with pytest.raises(InputError, match="no target to answer for"):
        model.route([])
    with pytest.raises(UnknownIdError, match="'nowhere'"):
        model.route(["nowhere"])


def test_time_passes_for_those_who_did_not_buy(fitted, new, journey):
    """Half a training window without further buyers speaks against a new target; without times nothing does."""
    user, place = fitted.fitted.users.values[3], journey.graph.ids.position(new[0])
    everybody, times = fitted.fitted.model.factors.users, journey.interactions.timestamp
    assert fitted.fitted.window == int((times.max() - times.min()).astype(int))
    level = {}
    for name, other in {"same day": "2018-01-02", "half a year": "2018-07-01", "two years": "2020-01-02"}.items():
        model = copied(fitted)
        model.observe(table((user, new[0], "buy", "2018-01-02"), (user, new[1], "buy", other)))
        level[name] = (everybody @ model.fitted.model.vectors[place]).mean()
    untimed = copied(fitted)
    untimed.observe(table((user, new[0]), (user, new[1])))
    level["untimed"] = (everybody @ untimed.fitted.model.vectors[place]).mean()
    assert level["untimed"] == pytest.approx(level["same day"], rel=1e-9)
    assert level["same day"] > level["half a year"] > level["two years"]


def test_exposure_is_the_share_of_the_window_since_the_first_event():
    user, target, time = np.array([5, 1, 2, 2]), np.array([0, 0, 2, 3]), np.array([300, 100, 600, 0]) * WINDOW // 1000
    seen = log_events(user, target, np.ones(4), time)
    assert seen.user.tolist() == [1, 2, 2, 5]
    assert seen.exposure(WINDOW, 5).tolist() == [0.5, 0, 0, 0.6, 0]
    assert seen.exposure(0, 5).tolist() == [0] * 5
    assert seen.exposure(WINDOW // 10, 5).tolist() == [1, 0, 0, 1, 0]
    untimed = log_events(user, target, np.ones(4), None)
    assert untimed.exposure(WINDOW, 5).tolist() == [0] * 5
    assert (set(untimed.first.tolist()), set(untimed.last.tolist())) == ({NO_FIRST}, {NO_LAST})


def test_a_vector_longer_than_all_before_makes_room_for_all(fitted):
    known = fitted.fitted
    tight = copied(fitted)
    lengths = np.linalg.norm(known.model.vectors, axis=1)
    tight._state = replace(known, model=replace(known.model, longest=float(lengths.max()) * 1.0001))
    base = tight.fitted.model.longest
    best = known.graph.ids.values[int(lengths.argmax())]
    tight.observe(table(*((user, best) for user in known.users)))
    grown = tight.fitted.model.longest
    assert grown == pytest.approx(base * HEADROOM)
    assert np.linalg.norm(tight.fitted.vectors, axis=1) == pytest.approx(np.ones(len(known.graph)))
    assert np.linalg.norm(tight.fitted.model.vectors, axis=1).max() < grown
    other = known.graph.ids.values[:1]
    assert tight.score([None], other) * grown == pytest.approx(fitted.score([None], other) * known.model.longest)


def test_a_new_user_who_is_forgotten_was_never_there(fitted, model, new, sold, tmp_path):
    users = [*fitted.fitted.users.values[:30], None]
    before = everything(model, users)
    model.observe(table((LATER, sold[0]), (LATER, new[0]), (LATER, new[1], "dislike")))
    assert np.abs(everything(model, users) - before).max() > 1e-4
    model.save(tmp_path / "with")
    assert model.forget(LATER) is model
    assert np.abs(everything(model, users) - before).max() < 1e-12
    with pytest.raises(UnknownIdError, match=str(LATER)):
        model.recommend(LATER)
    assert len(model.fitted.event_log) == 0


def test_forgetting_some_leaves_what_others_did(fitted, model, events):
    gone = [LATER + 1, *fitted.fitted.users.values[:40:2]]
    stay = [*fitted.fitted.users.values[1:40:2], LATER, LATER + 2]
    model.observe(table(*events))
    model.forget(gone)
    other = copied(fitted)
    other.forget(gone[1:])
    other.observe(table(*(event for event in events if event[0] not in gone)))
    assert np.abs(everything(model, stay) - everything(other, stay)).max() < 1e-9
    for user in stay[::7]:
        found = model.explain(user, events[0][1])
        assert sum(reason.share for reason in found.history) + found.offset == pytest.approx(found.score, abs=1e-9)
    for user in gone:
        with pytest.raises(UnknownIdError):
            model.score([user], [events[0][1]])


def test_what_a_forgotten_user_bought_and_did_not_buy_no_longer_counts(fitted, model, journey):
    """The targets' vectors are those that the update gives without the user; priors stay until the next fit."""
    row, known, latent_model = 5, fitted.fitted, fitted.fitted.model
    model.forget([known.users.values[row]])
    left = np.delete(np.arange(len(known.users)), row)
    seen = latent_model.regressor.seen
    strength = prior_strength(
        latent_model.prior.variance[seen], latent_model.settings.seen_strength, latent_model.settings
    )
    bought, users = sp.csc_array(known.signed[left][:, seen]), latent_model.factors.users[left]
    expected, _ = update_targets(users, bought, latent_model.prior.mean[seen], strength, latent_model.settings.factors)
    assert model.fitted.model.vectors[seen] == pytest.approx(expected, abs=1e-12)
    assert model.fitted.model.prior is latent_model.prior
    assert len(model.fitted.users) == model.fitted.bought.shape[0] == len(model.fitted.model.factors.users) == len(left)
    assert model.score(known.users.values[:5], list(journey.graph.ids)[:9]).shape == (5, 9)


def test_a_saved_model_has_what_was_observed_and_nothing_of_the_forgotten(fitted, new, sold, tmp_path):
    """Ids that are texts, so that their bytes can be looked for."""
    renamed = [f"household-{user:05d}" for user in fitted.fitted.users]
    model = copied(fitted)
    model._state = replace(fitted.fitted, users=Ids(tuple(renamed), "user"))
    model.observe(table((renamed[3], new[0]), ("somebody-later", new[0]), ("somebody-else", sold[0])))
    model.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    users = [*renamed[:9], "somebody-later", "somebody-else"]
    assert (everything(again, users) == everything(model, users)).all()
    assert rows_of(again, users=users) == rows_of(model, users=users)
    assert b"household-00" in (data_of(tmp_path / "model") / "users.parquet").read_bytes()
    assert names_of(data_of(tmp_path / "model")) >= {renamed[3], "somebody-later", "somebody-else"}
    for gone in (again, model):
        gone.forget([renamed[3], "somebody-later"])
    stay = [*renamed[:3], *renamed[4:9], "somebody-else", None]
    assert (everything(again, stay) == everything(model, stay)).all()
    again.save(tmp_path / "model")
    for file in [path for path in (tmp_path / "model").rglob("*") if path.is_file()]:
        assert renamed[3].encode() not in file.read_bytes()
        assert b"somebody-later" not in file.read_bytes()
    last = Recommender.load(tmp_path / "model")
    assert (everything(last, stay) == everything(model, stay)).all()
    last.forget("somebody-else")
    fresh = copied(fitted)
    fresh._state = replace(fitted.fitted, users=Ids(tuple(renamed), "user"))
    fresh.forget(renamed[3])
    assert everything(last, stay[:8]) == pytest.approx(everything(fresh, stay[:8]), abs=1e-12)


def names_of(folder):
    tables = [pq.read_table(folder / f"{name}.parquet") for name in ("users", "newcomers")]
    return {own for table in tables for own in table["id"].to_pylist()}


@pytest.mark.slow
def test_a_warm_start_learns_the_new_history(fitted, model, new, journey):
    buyers = fitted.fitted.users.values[:30]
    model.observe(table((buyers[0], new[0]), (LATER, new[0])))
    old = journey.interactions
    sales = pa.table(
        {
            "user": [*(old.users.values[i] for i in old.user.tolist()), *buyers, LATER],
            "target": [*(old.targets.values[i] for i in old.target.tolist()), *[new[0]] * 31],
        }
    )
    history, blocks = Interactions.from_table(sales), fitted.fitted.model.regressor.blocks
    assert model.refit(history) is model
    latent_model, place = model.fitted.model, journey.graph.ids.position(new[0])
    assert place in latent_model.regressor.seen
    assert len(model.fitted.event_log) == len(model.fitted.newcomers) == 0
    assert latent_model.settings == fitted.fitted.model.settings
    assert latent_model.regressor.blocks is blocks
    assert model.table_columns(model.route(new[0]))["buyers"] == [31]
    fresh = Recommender(settings=model.settings, cache=model.cache).fit(journey.graph, history)
    users = [*buyers, LATER, None]
    assert everything(model, users) == pytest.approx(everything(fresh, users), abs=1e-9)


def weighted(user, target, weight):
    return pa.table({"user": [user], "target": [target], "weight": [weight]})


YEAR = str(datetime.now(UTC).year + 2)


@pytest.mark.parametrize(
    ("rows", "error", "told"),
    [
        (lambda user, new: table((user, new), (user, "zz"), (user, "yy")), UnknownIdError, "'yy', 'zz': `add` them"),
        (lambda user, _: table(*((user, f"t{i}") for i in range(7))), UnknownIdError, "'t4' and 2 more: `add` them"),
        (
            lambda user, new: table((user, new, "buy", f"{YEAR}-01-02")),
            InteractionsError,
            f"{YEAR}.*lies in the future",
        ),
        (lambda _, new: table(("7", new)), InputError, "'7' is of type str, those of the model int"),
        (lambda user, _: pa.table({"user": [user]}), InputError, "no column 'target'"),
        (lambda user, new: weighted(user, new, np.inf), InteractionsError, "must be finite numbers"),
        (lambda user, new: weighted(user, new, np.nan), InteractionsError, "must be finite numbers"),
        (lambda user, new: weighted(user, new, 0.0), InteractionsError, "No interaction is left"),
        (lambda user, new: [(user, new)], InputError, "is a list; give a pandas, polars or Arrow table"),
    ],
)
def test_what_cannot_be_learned_from_is_told_and_changes_nothing(model, new, rows, error, told):
    user = model.fitted.users.values[3]
    model.observe(table((user, new[3])))
    before = model.fitted
    with pytest.raises(error, match=told) as raised:
        model.observe(rows(user, new[0]))
    assert "\n" not in str(raised.value)
    assert model.fitted is before


def test_older_events_count_like_any_other(fitted, model, new):
    user, other = fitted.fitted.users.values[3], copied(fitted)
    model.observe(table((user, new[0], "buy", "1999-01-02")))
    other.observe(table((user, new[0], "buy", "2018-01-02")))
    assert (everything(model, [user]) == everything(other, [user])).all()


def test_whom_nobody_knows_cannot_be_forgotten(model):
    before, everyone = model.fitted, list(model.fitted.users)
    for users, error, told in (
        ([everyone[0], -1, -2], UnknownIdError, "-1, -2"),
        ([], InputError, "no user to forget"),
        (everyone, ModelError, "Nobody with a history"),
    ):
        with pytest.raises(error, match=told):
            model.forget(users)
        assert model.fitted is before
    with pytest.raises(NewaisleError, match="not fitted"):
        Recommender().observe(table((1, "a")))


def test_interactions_will_do_and_results_come_back_in_the_library_of_the_history(fitted, model, new):
    user = fitted.fitted.users.values[3]
    given = Interactions.from_table(table((user, new[0], "dislike")), event="event")
    model.observe(given)
    other = copied(fitted)
    other.observe(table((user, new[0], "dislike")).to_pandas())
    assert (everything(model, [user]) == everything(other, [user])).all()
    assert type(model.route(new[0])) is type(fitted.recommend(user))


def test_the_command_says_what_the_model_says(model, new, sold, run, tmp_path):
    user = model.fitted.users.values[3]
    model.observe(table((user, new[0])))
    model.save(tmp_path / "model")
    code, out, _ = run("route", str(tmp_path / "model"), new[0], new[1], sold[0], "--json")
    assert code == 0
    columns = model.table_columns(model.route([new[0], new[1], sold[0]]))
    assert json.loads(out) == [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert [row["route"] for row in json.loads(out)] == ["few-shot", "zero-shot", "conventional"]
    code, _, err = run("route", str(tmp_path / "model"), "nowhere")
    assert code == 1
    assert "'nowhere'" in err


def test_audiences_know_who_bought_since_and_who_came_later(fitted, model, new, sold):
    user = fitted.fitted.users.values[3]
    model.observe(table((user, new[0]), (LATER, sold[0]), (LATER + 1, new[0], "dislike")))
    told = model.table_columns(model.audience(new[0], 10_000))["user"]
    assert LATER in told
    assert not {user, LATER + 1} & set(told)
    rows = model.table_columns(model.audience(new[0], users=[user, LATER], exclude_bought=False))
    assert set(rows["user"]) == {user, LATER}
    assert rows["score"] == pytest.approx(model.score(rows["user"], [new[0]])[:, 0])
