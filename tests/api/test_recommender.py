"""The front door: own ids in and out, one user as many, clear errors, and shops of every odd shape."""

import math
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest

from newaisle.api.answers.recommend import RESULT_COLUMNS
from newaisle.api.recommender import Recommender
from newaisle.errors import (
    DataWarning,
    InputError,
    InteractionsError,
    ModelError,
    NewaisleError,
    NotFittedError,
    UnknownIdError,
)
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.graph import CatalogGraph, Interactions


def columns_of(table):
    """column -> list, whatever the library."""
    return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}


def rows_of(table):
    columns = columns_of(table)
    return list(zip(*columns.values(), strict=True))


@pytest.fixture(scope="module")
def households(fitted):
    """Own ids of all users with a history."""
    has = np.diff(fitted.fitted.bought.indptr) > 0
    return [user for user, known in zip(fitted.fitted.users, has.tolist(), strict=True) if known]


@pytest.fixture(scope="module")
def bought(journey):
    """household -> own ids of what it bought."""
    events = journey.interactions
    found = {user: set() for user in events.users}
    for user, target in zip(events.user.tolist(), events.target.tolist(), strict=True):
        found[events.users.values[user]].add(events.targets.values[target])
    return found


def test_recommendations_are_rows_of_own_ids_best_first(fitted, journey, households, bought):
    found = columns_of(fitted.recommend(households[:5], 7))
    assert tuple(found) == RESULT_COLUMNS
    assert found["user"] == [user for user in households[:5] for _ in range(7)]
    assert all(type(user) is int for user in found["user"])
    sold = set.union(*bought.values())
    for row in zip(*found.values(), strict=True):
        user, target, name, score, probability, confidence = row
        position = journey.graph.ids.position(target)
        assert name == journey.graph.names[position]
        assert target not in sold
        assert not journey.graph.is_group[position]
        assert -1 <= score <= 1
        assert 0 < probability < 1
        assert 0 <= confidence <= 1
        assert score == pytest.approx(fitted.score([user], [target])[0, 0], abs=1e-12)
    for start in range(0, 35, 7):
        assert found["score"][start : start + 7] == sorted(found["score"][start : start + 7], reverse=True)


def test_users_of_different_taste_get_different_lists(fitted, households):
    lists = {tuple(columns_of(fitted.recommend(user, 10))["target"]) for user in households[:50]}
    assert len(lists) > 25


def test_one_user_is_a_batch_of_one(fitted, households):
    together = rows_of(fitted.recommend(households[:6], 4, among="all"))
    for place, user in enumerate(households[:6]):
        alone = rows_of(fitted.recommend(user, 4, among="all"))
        assert (
            alone
            == rows_of(fitted.recommend([user], 4, among="all"))
            == rows_of(fitted.recommend((user,), 4, among="all"))
        )
        expected = together[4 * place : 4 * place + 4]
        assert [row[:3] for row in alone] == [row[:3] for row in expected]
        np.testing.assert_allclose([row[3:] for row in alone], [row[3:] for row in expected], rtol=1e-10)


def test_the_same_question_has_the_same_answer(fitted, households):
    assert fitted.recommend(households[:9]) == fitted.recommend(households[:9])


def test_scores_are_those_of_the_list(fitted, households, journey):
    found = columns_of(fitted.recommend(households[0], 1000, among="all", exclude_bought=False))
    assert len(found["target"]) == int((~journey.graph.is_group).sum())
    scores = fitted.score([households[0], None], found["target"])
    assert scores.shape == (2, len(found["target"]))
    assert found["score"] == pytest.approx(scores[0].tolist(), abs=1e-12)


def test_k_larger_than_the_number_of_targets_gives_them_all(fitted, journey, households, bought):
    new = {own for own, group in zip(journey.graph.ids, journey.graph.is_group, strict=True) if not group}
    new -= set.union(*bought.values())
    for k in (len(new), len(new) + 1, 10**6):
        assert set(columns_of(fitted.recommend(households[0], k))["target"]) == new
    assert len(columns_of(fitted.recommend(households[0], 1))["target"]) == 1


def test_among_chooses_the_targets(fitted, journey, households, bought):
    asked = {"k": 10**6, "exclude_bought": False}
    groups = {own for own, group in zip(journey.graph.ids, journey.graph.is_group, strict=True) if group}
    sold = set.union(*bought.values()) - groups
    everything = set(journey.graph.ids) - groups
    for among, expected in (("seen", sold), ("new", everything - sold), ("all", everything)):
        assert set(columns_of(fitted.recommend(households[0], among=among, **asked))["target"]) == expected
    some = [*sorted(sold)[:3], *sorted(everything - sold)[:3]]
    for given in (some, tuple(some), [*some, *some]):
        assert sorted(columns_of(fitted.recommend(households[0], among=given, **asked))["target"]) == sorted(some)


def test_groups_come_only_where_they_are_named(fitted, journey, households):
    group = next(own for own, is_group in zip(journey.graph.ids, journey.graph.is_group, strict=True) if is_group)
    leaf = next(own for own, is_group in zip(journey.graph.ids, journey.graph.is_group, strict=True) if not is_group)
    found = columns_of(fitted.recommend(households[0], among=[group, leaf], exclude_bought=False))
    assert set(found["target"]) == {group, leaf}


def test_what_was_bought_is_left_out_unless_wanted(fitted, households, bought):
    for user in households[:10]:
        left = set(columns_of(fitted.recommend(user, 10**6, among="seen"))["target"])
        whole = set(columns_of(fitted.recommend(user, 10**6, among="seen", exclude_bought=False))["target"])
        assert whole - left == bought[user]
    user = max(households, key=lambda user: len(bought[user]))
    best = columns_of(fitted.recommend(user, 10, among="seen", exclude_bought=False))["target"]
    assert len(bought[user] & set(best)) >= 8  # what it buys is what it likes


def test_who_bought_everything_meant_gets_an_empty_list(fitted, households, bought):
    user = households[0]
    some = sorted(bought[user])[:2]
    assert rows_of(fitted.recommend(user, among=some)) == []
    assert (
        columns_of(fitted.recommend([user, households[1]], among=some, exclude_bought=False))["user"].count(user) == 2
    )


def test_probabilities_rise_with_the_score_and_are_those_of_the_method(fitted, households, journey):
    for among in ("new", "seen", "all", list(journey.graph.ids)[:5]):
        found = columns_of(fitted.recommend([*households[:3], None], 10**6, among=among, exclude_bought=False))
        per_user = len(found["user"]) // 4
        for start in range(0, len(found["user"]), per_user):
            part = slice(start, start + per_user)
            probability = np.array(found["probability"][part])
            assert ((probability > 0) & (probability < 1)).all()
            assert (np.diff(probability) <= 1e-12).all()  # best first
            asked = fitted.probabilities(found["user"][start : start + 1], found["target"][part])
            np.testing.assert_allclose(probability, asked[0], rtol=1e-9)


def test_the_articles_rule_is_the_softmax_over_the_targets_of_the_call(fitted, households, journey):
    some = list(journey.graph.ids)[:5]
    for given in (some, some[:3]):
        found = fitted.probabilities([*households[:3], None], given, rule="article")
        weights = np.exp(fitted.score([*households[:3], None], given))
        np.testing.assert_allclose(found, weights / weights.sum(axis=1, keepdims=True), rtol=1e-12)
    with pytest.raises(InputError, match="'calibrated' or 'article'"):
        fitted.probabilities(households[:1], some, rule="softmax")


def test_the_length_of_the_list_changes_no_probability(fitted, households):
    short = columns_of(fitted.recommend(households[0], 3, exclude_bought=False))
    longer = columns_of(fitted.recommend(households[0], 10, exclude_bought=False))
    assert short["probability"] == longer["probability"][:3]


def test_no_user_is_the_mean_user_and_so_is_one_without_history(fitted, journey):
    latent_model = fitted.fitted.model
    known = latent_model.factors.users[latent_model.factors.users.any(axis=1)]
    targets = list(journey.graph.ids)[:20]
    expected = latent_model.score(known.mean(axis=0)[None, :], np.arange(20))
    np.testing.assert_allclose(fitted.score([None], targets), expected, rtol=1e-10)
    empty = int(np.flatnonzero(np.diff(fitted.fitted.bought.indptr) == 0)[0])
    user = fitted.fitted.users.values[empty]
    assert (fitted.score([user], targets) == fitted.score([None], targets)).all()
    nobody = columns_of(fitted.recommend(None, 5))
    assert nobody["user"] == [None] * 5
    assert nobody["target"] == columns_of(fitted.recommend(user, 5))["target"]
    both = columns_of(fitted.recommend([user, None], 5))
    assert both["user"] == [user] * 5 + [None] * 5


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda r: r.recommend(-1), UnknownIdError, "Unknown user id -1"),
        (lambda r: r.recommend("1"), UnknownIdError, r"Unknown user id '1': .* \(they are int, not str\)"),
        (lambda r: r.recommend([r.fitted.users.values[0], -1, -2]), UnknownIdError, "Unknown user ids -1, -2"),
        (lambda r: r.recommend(None, 0), InputError, "k is 0"),
        (lambda r: r.recommend(None, -3), InputError, "k is -3"),
        (lambda r: r.recommend([]), InputError, "no user to answer for"),
        (lambda r: r.recommend(None, among=[]), InputError, "list of targets to choose from is empty"),
        (lambda r: r.recommend(None, among="old"), InputError, "'new', 'seen', 'all' or a list"),
        (lambda r: r.recommend(None, among=["APPLES", "no such thing"]), UnknownIdError, "Unknown target ids 'APPLES'"),
        (lambda r: r.score([None], ["no such thing"]), UnknownIdError, "Unknown target id 'no such thing'"),
        (lambda r: r.score([-1], []), UnknownIdError, "Unknown user id -1"),
        (
            lambda r: r.explain(r.fitted.users.values[0], "no such thing"),
            UnknownIdError,
            "Unknown target id 'no such thing'",
        ),
        (lambda r: r.explain(-1, r.fitted.graph.ids.values[0]), UnknownIdError, "Unknown user id -1"),
    ],
)
def test_wrong_questions_get_one_clear_sentence(ask, error, told, fitted):
    with pytest.raises(error, match=told) as raised:
        ask(fitted)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.fitted,
        lambda r: r.recommend(None),
        lambda r: r.score([None], []),
        lambda r: r.explain(1, "a"),
    ],
)
def test_questions_before_fit_are_refused(ask):
    with pytest.raises(NotFittedError, match=r"is not fitted; call fit\(graph, history\)"):
        ask(Recommender())


@pytest.mark.slow
def test_two_fits_with_the_same_seed_are_equal_to_the_bit(searched, journey, encodings, households):
    again = Recommender(cache=encodings).fit(journey.graph, journey.interactions)
    one, other = searched.fitted.model, again.fitted.model
    assert one.settings == other.settings
    assert one.vectors.tobytes() == other.vectors.tobytes()
    assert one.confidence.tobytes() == other.confidence.tobytes()
    targets = list(journey.graph.ids)
    assert searched.score(households, targets).tobytes() == again.score(households, targets).tobytes()
    assert searched.recommend(households[:20], among="all") == again.recommend(households[:20], among="all")


def test_fit_tells_what_it_does(journey, encodings, given):
    told = []
    Recommender(settings=given, cache=encodings).fit(journey.graph, journey.interactions, progress=told.append)
    distinct = {*journey.graph.texts, *(name.lower() for name in journey.graph.names)}
    assert f"encoding {len(distinct):,} texts and names" in told
    assert any("factors" in line for line in told)


# Shops of every odd shape. Small ones: a dozen targets, some users.

TARGETS = [f"t{i}" for i in range(12)]


def catalog(**more):
    """Twelve targets in two parents with an attribute and a feature, or whatever else is given."""
    columns = {
        "id": [*TARGETS, "left", "right"],
        "name": [*TARGETS, "left", "right"],
        "parent_id": ["left", "right"] * 6 + [None, None],
        "group": [False] * 12 + [True] * 2,
        "kind": ["x", "y", "z"] * 4 + ["", ""],
        "price": [float(i) for i in range(12)] + [math.nan, math.nan],
    } | more
    return CatalogGraph.from_tables(pa.table({name: column for name, column in columns.items() if column is not None}))


def history(users=20, sold=range(8), seed=0):
    """Every user buys one sold target at least."""
    random = np.random.default_rng(seed)
    pairs = {(user, int(random.choice(list(sold)))) for user in range(users) for _ in range(4)}
    return events([(user, TARGETS[target]) for user, target in sorted(pairs)])


def events(pairs, library=None):
    table = pa.table({"user": [user for user, _ in pairs], "target": [target for _, target in pairs]})
    return Interactions.from_table(
        {None: table, "pandas": table.to_pandas(), "polars": polars.from_arrow(table)}[library]
    )


def healthy(recommender):
    """Every answer is finite and adds up."""
    fitted = recommender.fitted
    targets, users = list(fitted.graph.ids), list(fitted.users)
    scores = recommender.score([*users, None], targets)
    assert np.isfinite(scores).all()
    assert np.abs(scores).max() <= 1
    assert np.isfinite(fitted.model.embeddings(np.arange(len(targets)))).all()
    assert np.isfinite(fitted.model.confidence).all()
    assert math.isfinite(fitted.model.settings.tau)
    found = columns_of(recommender.recommend([*users, None], 5, among="all", exclude_bought=False))
    for name in ("score", "probability", "confidence"):
        assert all(math.isfinite(value) for value in found[name])
    for target in targets:
        reasons = recommender.explain(users[0], target)
        assert math.fsum(r.share for r in reasons.history) + reasons.offset == pytest.approx(reasons.score, abs=1e-8)
        assert math.fsum(r.share for r in reasons.sources) + reasons.own_sales + reasons.offset == pytest.approx(
            reasons.score, abs=1e-8
        )


BARE = {"parent_id": None, "group": None, "kind": None, "price": None}
SHOPS = {
    "an ordinary one": (catalog, history),
    "a single seen target": (catalog, lambda: history(sold=[3])),
    "users with one event each": (catalog, lambda: events([(user, TARGETS[user % 8]) for user in range(30)])),
    "all by one user": (catalog, lambda: events([(7, target) for target in TARGETS[:8]])),
    "a single event": (catalog, lambda: events([(7, "t0")])),
    "everything sold": (catalog, lambda: history(sold=range(12))),
    "everybody bought everything": (
        catalog,
        lambda: events([(user, target) for user in range(9) for target in TARGETS]),
    ),
    "no attributes": (lambda: catalog(kind=None), history),
    "no parents": (lambda: catalog(parent_id=None, group=[False] * 14), history),
    "no features": (lambda: catalog(price=None), history),
    "constant features": (lambda: catalog(price=[5.0] * 14), history),
    "one feature alone": (lambda: catalog(**BARE | {"price": [float(i) for i in range(14)]}), history),
    "one attribute alone": (lambda: catalog(**BARE | {"kind": ["x", "y"] * 7}), history),
    "huge and negative features": (lambda: catalog(price=[(-10.0) ** (i * 20) for i in range(14)]), history),
    "groups bought too": (catalog, lambda: events([(user, ["left", "t1", "t2"][user % 3]) for user in range(30)])),
    "events on strangers": (catalog, lambda: events([(1, "t1"), (1, "t2"), (2, "gone"), (2, "t1"), (3, "gone")])),
}
GIVEN = ModelSettings(FactorSettings(rank=4, regularization=1.0), KernelSettings({}, 0.1))


@pytest.mark.parametrize("shop", SHOPS)
def test_odd_shops_train_and_answer(shop):
    graph, interactions = (make() for make in SHOPS[shop])
    healthy(Recommender(encoder=None).fit(graph, interactions))


@pytest.mark.parametrize("shop", ["an ordinary one", "a single seen target", "all by one user"])
def test_odd_shops_train_with_given_settings(shop):
    graph, interactions = (make() for make in SHOPS[shop])
    weights = {"ancestors": 0.5, "kind": 0.5, "price": 0.1}
    healthy(
        Recommender(encoder=None, settings=replace(GIVEN, kernel=KernelSettings(weights, 0.1))).fit(graph, interactions)
    )


def test_a_user_whose_only_events_are_on_strangers_gets_the_mean_user():
    graph, interactions = (make() for make in SHOPS["events on strangers"])
    fitted = Recommender(encoder=None).fit(graph, interactions)
    if 3 in fitted.fitted.users:
        assert (fitted.score([3], TARGETS) == fitted.score([None], TARGETS)).all()
    else:
        with pytest.raises(UnknownIdError):
            fitted.score([3], TARGETS)


SCRIPTS = [
    "新鲜的苹果",
    "りんごジュース",
    "사과",
    "تفاح",
    "תפוח",
    "яблоко",
    "μήλο",
    "सेब",
    "แอปเปิล",
    "🍎🍏",
    "pomme d'été",
    "Äpfel",
]


@pytest.mark.slow
def test_texts_in_other_scripts_train(encodings):
    graph = catalog(**BARE | {"text": [*SCRIPTS, "left", "right"]})
    fitted = Recommender(cache=encodings).fit(graph, history())
    assert "text" in fitted.fitted.model.regressor.blocks.names
    healthy(fitted)


def test_ids_in_other_scripts_come_back_as_they_were(tmp_path):
    names = dict(zip(TARGETS, SCRIPTS, strict=True))
    graph = CatalogGraph.from_tables(pa.table({"id": SCRIPTS, "name": SCRIPTS, "kind": ["x", "y", "z"] * 4}))
    pairs = [("用户", names["t0"]), ("пользователь", names["t1"]), ("用户", names["t3"])]
    fitted = Recommender(encoder=None).fit(graph, events(pairs))
    fitted.save(tmp_path / "модель")
    found = columns_of(Recommender.load(tmp_path / "модель").recommend("用户", 20, among="all", exclude_bought=False))
    assert set(found["target"]) == set(SCRIPTS)
    assert set(found["user"]) == {"用户"}


def test_a_catalog_that_says_nothing_is_refused():
    for graph in (catalog(**BARE), catalog(**BARE | {"price": [1.0] * 14}), catalog(**BARE | {"kind": ["x"] * 14})):
        with pytest.raises(ModelError, match="nothing leads to new ones; add some of them") as told:
            Recommender(encoder=None).fit(graph, history())
        assert "\n" not in str(told.value)


def test_texts_that_are_all_alike_say_nothing(encodings):
    graph = catalog(**BARE | {"name": ["the same"] * 14})
    with pytest.raises(ModelError, match="nothing leads to new ones"):
        Recommender(cache=encodings).fit(graph, history())


def test_events_on_strangers_alone_are_refused():
    with pytest.raises(InteractionsError, match="No interaction is on a known target"):
        Recommender(encoder=None).fit(catalog(), events([(1, "gone"), (2, "away")]))


def test_settings_of_another_catalog_are_refused():
    settings = replace(GIVEN, kernel=KernelSettings({"kind": 1.0, "colour": 0.5}, 0.1))
    with pytest.raises(NewaisleError, match="'colour'"):
        Recommender(encoder=None, settings=settings).fit(catalog(), history())


def test_a_fit_that_fails_leaves_the_earlier_one():
    recommender = Recommender(encoder=None).fit(catalog(), history())
    before = recommender.recommend(0, among="all")
    with pytest.raises(ModelError):
        recommender.fit(catalog(**BARE), history())
    assert recommender.recommend(0, among="all") == before


@pytest.mark.parametrize(
    ("library", "kind"), [(None, pa.Table), ("pandas", pandas.DataFrame), ("polars", polars.DataFrame)]
)
def test_results_come_in_the_library_of_the_history(library, kind):
    pairs = [(user, TARGETS[(user * k) % 8]) for user in range(20) for k in (1, 3)]
    fitted = Recommender(encoder=None).fit(catalog(), events(pairs, library))
    table = fitted.recommend([3, 4], 2)
    assert isinstance(table, kind)
    found = columns_of(table)
    assert found["user"] == [3, 3, 4, 4]
    assert found == Recommender.table_columns(table)
    arrow = Recommender(encoder=None).fit(catalog(), events(pairs)).recommend([3, 4], 2)
    assert found == columns_of(arrow)


@pytest.mark.parametrize("library", [None, "pandas", "polars"])
def test_users_may_come_as_a_column(library):
    pairs = [(user, TARGETS[(user * k) % 8]) for user in range(20) for k in (1, 3)]
    fitted = Recommender(encoder=None).fit(catalog(), events(pairs, library))
    expected = columns_of(fitted.recommend([3, 5]))
    for users in (np.array([3, 5]), pandas.Series([3, 5]), polars.Series([3, 5]), range(3, 6, 2)):
        found = columns_of(fitted.recommend(users))
        assert found == expected
    for targets in (np.array(TARGETS[8:10]), pandas.Series(TARGETS[8:10]), polars.Series(TARGETS[8:10])):
        assert set(columns_of(fitted.recommend(3, among=targets))["target"]) == set(TARGETS[8:10])
    assert columns_of(fitted.recommend(np.int64(3))) == columns_of(fitted.recommend(3))
    assert (fitted.score(np.array([3, 5]), np.array(TARGETS)) == fitted.score([3, 5], TARGETS)).all()


def shop_of(sales):
    catalog = pandas.DataFrame(
        {"id": list("abcdef"), "name": ["red lamp", "red rug", "red vase", "blue lamp", "oak", "elm"]}
    )
    return CatalogGraph.from_tables(catalog), Interactions.from_table(pandas.DataFrame(sales))


FEW = ModelSettings(FactorSettings(rank=2), KernelSettings({"text": 1.0}))


def test_many_events_on_unknown_targets_are_warned_of_and_reported(encodings):
    graph, history = shop_of({"user": list("uuvvwwww"), "target": ["a", "b", "b", "c", "x1", "x2", "x3", "a"]})
    with pytest.warns(
        DataWarning, match=r"3 of 8 events \(38 %\) are on targets that the catalog does not contain"
    ) as found:
        model = Recommender(settings=FEW, cache=encodings).fit(graph, history)
    assert [warning.filename for warning in found] == [__file__]
    report = model.report
    assert (report.users, report.pairs, report.sold, report.new, report.groups) == (3, 5, 3, 3, 0)
    assert report.history.dropped == {"unknown target": 3}
    assert "3 sold targets; predicted: 3 new targets" in str(report)


def test_few_unknown_targets_are_reported_without_a_warning(encodings, recwarn):
    users = [f"u{i}" for i in range(60)]
    graph, history = shop_of({"user": users, "target": ["x1", *(["a", "b", "c"] * 20)[1:]]})
    model = Recommender(settings=FEW, cache=encodings).fit(graph, history)
    assert not [warning for warning in recwarn if "does not contain" in str(warning.message)]
    assert model.report.history.dropped == {"unknown target": 1}


def test_a_catalog_without_new_targets_is_warned_of_and_answers_among_seen(encodings):
    graph, history = shop_of({"user": list("uuuvvvw"), "target": list("abcdefa")})
    with pytest.warns(DataWarning, match="All 6 targets have sales, so none is new"):
        model = Recommender(settings=FEW, cache=encodings).fit(graph, history)
    with pytest.raises(InputError, match="all of its targets have sales; choose among 'seen' or 'all'"):
        model.recommend("u")
    assert columns_of(model.recommend("u", k=2, among="seen"))["target"]


def test_a_saved_model_reports_what_it_holds(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded, own = Recommender.load(tmp_path / "model").report, fitted.report
    assert replace(loaded, history=own.history) == own
    assert "sold targets" in str(loaded)
