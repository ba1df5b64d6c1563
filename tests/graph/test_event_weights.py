"""Events of several kinds: what a pair of user and target weighs, and that fit, update and folding go by it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from support.fixed_settings import FixedNewaisle

from newaisle.api.config import Config, read_config, read_kinds
from newaisle.api.recommender import Recommender
from newaisle.api.updates.observe import ObserveReport
from newaisle.errors import GraphError, InputError, InteractionsError
from newaisle.gnn.evaluation.protocols.few_shot import Halves
from newaisle.gnn.evaluation.protocols.generalised import generalised_split
from newaisle.gnn.evaluation.protocols.names import LEVELS
from newaisle.gnn.evaluation.protocols.temporal import temporal_split
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.factors.solve import solve_users
from newaisle.gnn.factors.update import update_targets
from newaisle.gnn.model.model import prior_strength
from newaisle.gnn.online.fold_in import fold_in
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, make_split
from newaisle.graph import CatalogGraph, Interactions
from newaisle.graph.event_weights import EventWeights, WeightedHistory, stronger

LATER = 987_654_321
"""A user who was not there at fit."""

MIXED = ("purchase", "view", "basket", "purchase", "purchase", "dislike", "view", "purchase", "like", "purchase")


def history_of(interactions, kind):
    """The same events with the kinds that ``kind`` gives from the number of a pair."""
    new = np.r_[True, (np.diff(interactions.user) != 0) | (np.diff(interactions.target) != 0)]
    return replace(interactions, event=np.array([kind(pair) for pair in (np.cumsum(new) - 1).tolist()]))


def table(*rows):
    return pa.table(dict(zip(("user", "target", "event"), map(list, zip(*rows, strict=True)), strict=True)))


@pytest.fixture(scope="module")
def mixed(journey):
    return history_of(journey.interactions, lambda pair: MIXED[pair % len(MIXED)])


@pytest.fixture(scope="module")
def model(journey, mixed, encodings, given):
    """A recommender fitted to views, baskets, purchases and dislikes."""
    return Recommender(settings=given, cache=encodings).fit(journey.graph, mixed)


def copied(model):
    made = Recommender(encoder=model.encoder, settings=model.settings, cache=model.cache, kinds=model.kinds)
    made._state = model.fitted
    return made


def everything(model, users):
    return np.concatenate(
        [
            model.score(users, list(model.fitted.graph.ids)).ravel(),
            model.fitted.confidence,
            model.fitted.model.prior_share,
        ]
    )


# what a pair weighs


@pytest.mark.parametrize(
    ("events", "given", "expected"),
    [
        (["view"], {}, 1.0),  # the strongest there is
        (["view", "purchase"], {}, 1.0),
        (["purchase", "dislike"], {}, -1.0),
        (["dislike", "view"], {"dislike": -0.3}, -0.3),
        (["Basket ", "view"], {}, 0.5),
        (["zoom"], {}, 1.0),  # nobody knows that kind
        (["zoom", ""], {"Zoom": 0.2, "": 0.4}, 0.4),
        (["share"], {"share": 0.25}, 0.25),
        (["view"], {"purchase": 2.0}, 0.05),
        (["dislike"], {"dislike": -7.0}, -1.0),
    ],
)
def test_a_pair_weighs_what_its_weightiest_event_does(events, given, expected):
    graph = CatalogGraph.from_tables(pa.table({"id": ["a", "b"], "name": ["A", "B"]}))
    beside = [] if events == ["view"] and not given else [(2, "b", "purchase")]
    sales = WeightedHistory.of(
        Interactions.from_table(table(*((1, "a", event) for event in events), *beside), event="event"), graph, given
    )
    assert sales.signed[[0], [0]][0] == pytest.approx(expected)
    assert (sales.bought.toarray() > 0).tolist() == (sales.signed.toarray() > 0).tolist()


def test_a_kind_that_weighs_nothing_is_left_out(journey, mixed):
    without = WeightedHistory.of(mixed, journey.graph, {"view": 0})
    assert set(without.events.event.tolist()) == set(MIXED) - {"view"}
    views, every = np.array(MIXED) == "view", WeightedHistory.of(mixed, journey.graph).signed
    assert without.signed.nnz == every.nnz - np.resize(views, every.nnz).sum()
    assert set(np.abs(every.data).tolist()) == {0.1, 0.5, 1.0}
    assert without.kinds.weights(mixed).tolist().count(0.0) == (mixed.event == "view").sum()


def test_the_order_in_which_weights_meet_does_not_matter():
    weights = np.array([0.0, 0.1, 1.0, -0.2, -1.0])
    one, other = (side.ravel() for side in np.meshgrid(weights, weights))
    both = stronger(one, other)
    assert (both == stronger(other, one)).all()
    assert (stronger(both, other) == both).all()
    assert stronger(np.array([0.1, -0.2, 1.0, 0.0]), np.array([1.0, -1.0, -0.2, 0.1])).tolist() == [1, -1, -0.2, 0.1]


# the formulas


def least_squares(signed, basis, settings):
    """Hu et al. 2008, equation 4, every cell one equation: confidence ``1 + (alpha - 1) |w|``, preference ``w > 0``."""
    found = []
    for row in signed.toarray():
        root = np.sqrt(1 + (settings.alpha - 1) * np.abs(row))
        left = np.vstack([root[:, None] * basis, np.sqrt(settings.regularization) * np.eye(basis.shape[1])])
        found.append(np.linalg.lstsq(left, np.r_[root * (row > 0), np.zeros(basis.shape[1])], rcond=None)[0])
    return np.array(found)


@pytest.fixture(scope="module")
def signed():
    random = np.random.default_rng(0)
    weights = random.choice([0.1, 0.5, 1.0, -1.0, -0.4], size=(60, 30), p=[0.2, 0.2, 0.4, 0.1, 0.1])
    weights[random.random(weights.shape) > 0.3] = 0
    weights[3], weights[:, 4] = np.minimum(weights[3], 0), np.minimum(weights[:, 4], 0)  # dislikes alone
    return sp.csr_array(weights)


def test_factors_have_the_confidences_of_the_weights(signed):
    settings = FactorSettings(rank=4, alpha=7.0, regularization=2.0, iterations=200)
    factors = fit_factors(signed, settings, seed=0)
    assert factors.users == pytest.approx(least_squares(signed, factors.basis, settings), rel=1e-8, abs=1e-10)
    transposed = sp.csr_array(signed.T)
    assert factors.targets == pytest.approx(least_squares(transposed, factors.users, settings), rel=1e-8, abs=1e-10)
    assert not factors.users[3].any()
    assert not factors.basis[4].any()
    # after many steps the library stands still: it minimises the same loss
    assert factors.basis == pytest.approx(factors.targets, abs=2e-3)
    full = sp.csr_array((np.sign(signed.data), signed.indices, signed.indptr), shape=signed.shape)
    assert np.abs(solve_users(full, factors.basis, settings) - factors.users).max() > 0.05


def test_the_update_has_the_confidences_of_the_weights(signed):
    settings, random = FactorSettings(rank=4, alpha=7.0), np.random.default_rng(1)
    users, mean, exposure = random.normal(size=(60, 4)), random.normal(size=(30, 4)), random.random(60)
    found, _ = update_targets(users, sp.csc_array(signed), mean, np.full(30, 3.0), settings, exposure)
    for target, weights in enumerate(signed.toarray().T):
        confidence = np.where(weights == 0, exposure, 1 + 6 * np.abs(weights))
        system = users.T @ (users * confidence[:, None]) + 3 * np.eye(4)
        right = users.T @ (confidence * (weights > 0)) + 3 * mean[target]
        assert found[target] == pytest.approx(np.linalg.solve(system, right))


# the recommender


@pytest.mark.slow
def test_one_kind_alone_is_a_full_history_to_the_bit(journey, fitted, encodings, given):
    users = [*fitted.fitted.users.values[:9], None]
    for kind in ("purchase", "view"):
        history = history_of(journey.interactions, lambda _pair, kind=kind: kind)
        other = Recommender(settings=given, cache=encodings).fit(journey.graph, history)
        assert (everything(other, users) == everything(fitted, users)).all()
        assert (other.fitted.signed != fitted.fitted.signed).nnz == 0
        assert other.fitted.kinds.strongest == EventWeights().weight(kind)


def test_what_is_disliked_is_not_bought_and_not_recommended(journey, mixed, model):
    known, graph = model.fitted, journey.graph
    assert known.signed.shape == known.bought.shape
    row = int(np.flatnonzero((known.signed.toarray() < 0).sum(axis=1) > 2)[0])
    user, unwanted = known.users.values[row], {graph.ids.values[i] for i in known.histories.disliked_by(row).tolist()}
    pairs = zip(mixed.user.tolist(), mixed.target.tolist(), mixed.event.tolist(), strict=True)
    assert unwanted == {mixed.targets.values[t] for u, t, kind in pairs if u == row and kind == "dislike"}
    listed = model.table_columns(model.recommend(user, 2000, among="all"))["target"]
    assert not unwanted & set(listed)
    own = {graph.ids.values[i] for i in known.histories.bought_by(row).tolist()}
    assert len(listed) + len(unwanted) + len(own) == len(known.choose("all").targets)
    assert not unwanted & {reason.target for reason in model.explain(user, listed[0]).history}
    target = next(iter(unwanted))
    told = model.table_columns(model.audience(target, 10_000))["user"]
    assert user not in told
    position = graph.ids.position(target)
    assert model.table_columns(model.route(target))["buyers"] == [int((known.signed[:, [position]] > 0).sum())]


def test_a_users_vector_is_the_one_of_the_fit_as_long_as_nothing_happened(model):
    known = model.fitted
    rows = np.arange(0, 200, 20)
    vectors = known.model.factors.user_vectors(rows)
    for row, vector in zip(rows.tolist(), vectors, strict=True):
        assert fold_in(known.model, known.histories.until_now(row)) == pytest.approx(vector, abs=1e-9)


def test_reasons_add_up_with_weights(model):
    after, users, ids = copied(model), model.fitted.users.values[:40:8], list(model.fitted.graph.ids)
    kinds = ("view", "purchase", "dislike")
    after.observe(table(*((user, ids[7 + 5 * at], kinds[at % 3]) for at, user in enumerate([*users, LATER] * 3))))
    for told in (model, after):
        for user in (*users, *([LATER] if told is after else [])):
            for target in ids[5::60]:
                found = told.explain(user, target)
                shares = np.array([reason.share for reason in found.history])
                assert np.abs(shares.sum() + found.offset - found.score) <= 1e-6 * np.abs(shares).sum() or not len(
                    shares
                )


def test_weak_kinds_after_the_fit_follow_the_formula(journey, model):
    """Against a general minimiser: liked and disliked by each kind's confidence, at fit and since."""
    known, latent_model = model.fitted, model.fitted.model
    for target in latent_model.regressor.seen[
        np.argsort(-np.bincount(known.bought.indices)[latent_model.regressor.seen])
    ][40:]:
        before = known.signed[:, [int(target)]].toarray()[:, 0]
        if {0.1, 1.0, -1.0} <= set(before.tolist()):
            break
    nobody = np.flatnonzero((before == 0) & latent_model.factors.users.any(axis=1))[:4]
    viewer, buyer = (int(np.flatnonzero(before == weight)[0]) for weight in (0.1, 1.0))
    after = copied(model)
    own, named = known.users.values, journey.graph.ids.values[int(target)]
    report = after.observe(
        table(
            *(
                (own[row], named, kind)
                for row, kind in zip(nobody, ("view", "basket", "purchase", "dislike"), strict=True)
            ),
            (own[viewer], named, "basket"),
            (own[buyer], named, "view"),
        )
    )
    assert report == ObserveReport(5, 1, 0)
    weight = before.copy()
    weight[nobody], weight[viewer] = [0.1, 0.5, 1.0, -1.0], 0.5
    hinged = weight > before
    users, mean = latent_model.factors.users, latent_model.prior.mean[target]
    confidence = 1 + (latent_model.settings.factors.alpha - 1) * np.abs(weight)
    strength = prior_strength(
        latent_model.prior.variance[target], latent_model.settings.seen_strength, latent_model.settings
    )

    def loss(q):
        miss = (weight > 0) - users @ q
        miss[hinged] = np.maximum(miss[hinged], 0)
        return confidence @ np.square(miss) + strength * np.square(q - mean).sum()

    found = minimize(loss, mean, method="BFGS", options={"gtol": 1e-9}).x
    assert after.fitted.model.vectors[target] == pytest.approx(found, abs=1e-5)


def test_the_stronger_the_kind_the_more_its_user_learns(model):
    known = model.fitted
    user = known.users.values[7]
    named, scores = model.table_columns(model.recommend(user, 1))["target"][0], {}
    for kind in ("dislike", None, "view", "basket", "purchase", "zoom"):
        after = copied(model)
        if kind:
            assert after.observe(table((user, named, kind))) == ObserveReport(1, 0, 0)
        scores[kind] = after.score([user], [named])[0, 0]
    assert scores["dislike"] < scores[None] < scores["view"] < scores["basket"] < scores["purchase"] == scores["zoom"]


def test_kinds_in_any_order_and_one_by_one_are_the_same(model):
    random, known = np.random.default_rng(5), model.fitted
    users, targets = [*known.users.values[:15], LATER], known.graph.ids.values[40:52]
    rows = [(users[random.integers(16)], targets[random.integers(12)], MIXED[random.integers(10)]) for _ in range(120)]
    together, single = copied(model), copied(model)
    report = together.observe(table(*rows))
    for place in random.permutation(len(rows)):
        single.observe(table(rows[place]))
    assert np.abs(everything(single, users) - everything(together, users)).max() < 1e-9
    assert single.fitted.event_log.weight.tolist() == together.fitted.event_log.weight.tolist()
    assert together.observe(table(*rows)) == ObserveReport(0, len(rows), 0)
    assert report.learned + report.repeated == len(rows)


def test_disliked_at_fit_stays_disliked(model):
    known, after = model.fitted, copied(model)
    row = int(np.flatnonzero((known.signed.toarray() < 0).any(axis=1))[0])
    user, target = known.users.values[row], known.graph.ids.values[int(known.histories.disliked_by(row)[0])]
    before = everything(model, [user])
    assert after.observe(table((user, target, "purchase"))) == ObserveReport(0, 1, 0)
    assert everything(after, [user]) == pytest.approx(before, abs=1e-9)
    assert target not in after.table_columns(after.recommend(user, 2000, among="all"))["target"]


def test_kinds_are_saved_loaded_and_used_again(journey, mixed, model, given, encodings, tmp_path):
    made = Recommender(settings=given, cache=encodings, kinds={"view": 0.3, "zoom": 0}).fit(journey.graph, mixed)
    users = made.fitted.users.values[:9]
    assert np.abs(everything(made, users) - everything(model, users)).max() > 1e-3
    assert made.observe(table((users[0], journey.graph.ids.values[60], "view"))).learned == 1
    made.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    again.cache = encodings
    assert again.config == made.config == Config(0, made.encoder, given, {"view": 0.3, "zoom": 0})
    assert again.fitted.kinds == made.fitted.kinds
    assert (again.fitted.signed != made.fitted.signed).nnz == 0
    for told in (made, again):
        told.observe(table((users[1], journey.graph.ids.values[60], "view"), (users[2], "", "zoom"))[:1])
    assert (everything(again, users) == everything(made, users)).all()
    fresh = Recommender(settings=given, cache=encodings, kinds=again.kinds).fit(journey.graph, mixed)
    again.refit(mixed)
    assert (everything(again, users) == everything(fresh, users)).all()
    again.forget(users[0])
    assert again.fitted.signed.shape == again.fitted.bought.shape == (len(fresh.fitted.users) - 1, len(journey.graph))


@pytest.mark.slow
def test_an_evaluation_judges_by_what_weighs_more_than_nothing(journey, phi, given, mixed):
    sales = WeightedHistory.of(mixed, journey.graph)
    split = make_split(LEAVE_TARGETS_OUT, journey.graph, sales.bought, 0, signed=sales.signed)
    assert split.test.nnz + split.train.nnz == (sales.signed.data > 0).sum()
    assert (split.weights.data > 0).sum() == split.train.nnz
    assert (split.weights.data < 0).any()
    assert not np.isin(split.weights.indices, split.hidden).any()
    dated = temporal_split(journey.graph, mixed, "2017-07-01", 0)
    for other in (generalised_split(journey.graph, sales.bought, 0, sales.signed), dated):
        wanted = other.weights.data > 0
        assert other.weights.indices[wanted].tolist() == other.train.indices.tolist()
        assert 0 < (~wanted).sum() < (sales.signed.data < 0).sum()
    made = {"newaisle": lambda seed: FixedNewaisle(seed, phi, given)}
    for protocol in (LEAVE_TARGETS_OUT, "few-shot:10"):
        (one,), (other,) = (
            evaluate_splits(journey.graph, mixed, made, [protocol], [0], kinds=kinds) for kinds in (None, {"view": 0})
        )
        assert one.counts != other.counts
        assert 0 < one.by_method["newaisle"].metrics["ndcg@20"] < 1


# what cannot be used, and what is odd


@pytest.mark.parametrize("weight", [np.nan, np.inf, -np.inf, "0.5", None, True])
def test_weights_of_kinds_are_finite_numbers(weight, tmp_path):
    with pytest.raises(InputError, match=r"The weight of events of the kind 'view' is .*; give a finite number\.$"):
        Recommender(kinds={"view": weight})
    if isinstance(weight, float):
        (tmp_path / "model.toml").write_text(f"seed = 1\n[kinds]\nview = {weight}\n")
        with pytest.raises(InputError, match=rf"line 3: kinds.view is {weight}; give a finite number"):
            read_config(tmp_path / "model.toml")
        with pytest.raises(InputError, match="give a finite number"):
            read_kinds(f"view={weight}")


def test_kinds_in_words_and_in_a_file(tmp_path):
    assert read_kinds("view=0.1, add to cart=.5,dislike=-1") == {"view": 0.1, "add to cart": 0.5, "dislike": -1.0}
    assert read_kinds("") == {}
    for text in ("view", "view=much", "=1", "view:0.1"):
        with pytest.raises(InputError, match=r"is no weight of a kind; give them as view=0\.1,basket=0\.5"):
            read_kinds(text)
    config = Config(kinds={"view": 0.2, "add to cart": 0.5})
    (tmp_path / "model.toml").write_text(config.to_toml())
    assert read_config(tmp_path / "model.toml") == config
    assert Recommender.from_config(tmp_path / "model.toml").kinds == config.kinds


def test_the_commands_take_kinds(run, tmp_path):
    shop, random = tmp_path / "shop", np.random.default_rng(0)
    shop.mkdir()
    lines = [f"t{i:02},Thing {i},{'abc'[i % 3]},{i % 5}" for i in range(24)]
    (shop / "categories.csv").write_text("\n".join(["id,name,sort,price", *lines]) + "\n")
    pairs = [f"u{u},t{t:02},{MIXED[t % 10]}" for u in range(30) for t in random.choice(18, 5, replace=False)]
    (shop / "interactions.csv").write_text("\n".join(["user,target,event", *pairs]) + "\n")
    (tmp_path / "model.toml").write_text("encoder = false\n[kinds]\nview = 0.9\nlike = 0.6\n")
    given = ("--config", str(tmp_path / "model.toml"), "--out", str(tmp_path / "model"))
    code, _, err = run("fit", f"tables:{shop}", *given, "--kinds", "view=0.2,dislike=-0.5")
    assert code == 0, err
    made = Recommender.load(tmp_path / "model")
    assert made.kinds == {"view": 0.2, "like": 0.6, "dislike": -0.5}
    assert set(made.fitted.signed.data.tolist()) == {0.2, 0.5, 0.6, 1.0, -0.5}
    for command in (("fit", f"tables:{shop}", *given), ("evaluate", f"tables:{shop}")):
        code, _, err = run(*command, "--kinds", "view=nan")
        assert code == 1
        assert "the kind 'view' is nan; give a finite number." in err
    assert Recommender.load(tmp_path / "model").kinds == made.kinds


def test_a_history_that_speaks_for_nothing_is_refused(journey, model, encodings, given):
    user, target = journey.interactions.users.values[0], journey.graph.ids.values[60]
    unwanted = Interactions.from_table(table((user, target, "dislike")), event="event")
    both = Interactions.from_table(table((user, target, "dislike"), (user, target, "view")), event="event")
    after, before = copied(model), model.fitted
    for history, told in (
        (unwanted, r"the kinds of all events \(dislike\) weigh 0 or less"),
        (both, "No pair of user"),
    ):
        with pytest.raises(InteractionsError, match=told):
            Recommender(settings=given, cache=encodings).fit(journey.graph, history)
        with pytest.raises(InteractionsError, match=told):
            after.refit(history)
        assert after.fitted is before
    assert after.observe(table((user, target, "dislike"))).learned == 1


def test_events_of_a_kind_that_is_left_out_teach_nothing(journey, mixed, given, encodings):
    made = Recommender(settings=given, cache=encodings, kinds={"view": 0}).fit(journey.graph, mixed)
    before, target = made.fitted, journey.graph.ids.values[60]
    assert made.observe(table((LATER, target, "view"))) == ObserveReport(0, 1, 0)
    assert made.fitted is before
    assert made.observe(table((LATER, target, "view"), (LATER + 1, target, "like"))) == ObserveReport(1, 1, 1)
    with pytest.raises(LookupError, match=str(LATER)):
        made.recommend(LATER)


def test_more_buyers_than_there_were_users_at_fit(journey, model):
    after, target = copied(model), int(model.fitted.choose("new").targets[3])
    named, many = journey.graph.ids.values[target], 3 * len(model.fitted.users)
    report = after.observe(table(*((LATER + at, named, "purchase") for at in range(many))))
    assert report == ObserveReport(many, 0, many)
    assert after.table_columns(after.route(named))["buyers"] == [many]
    assert np.isfinite(after.score([LATER, model.fitted.users.values[0]], list(journey.graph.ids))).all()
    mean = model.fitted.model.factors.mean_user
    assert mean @ model.fitted.model.vectors[target] < mean @ after.fitted.model.vectors[target] < 1.001
    assert after.fitted.model.prior_share[target] < model.fitted.model.prior_share.max()


@pytest.mark.parametrize("users", [0, 1, 3])
def test_levels_of_few_shot_with_fewer_users_than_levels(users):
    """Some levels are the same then; each above 0 has a user as long as there is one."""
    halves = Halves(np.arange(users)[::-1], np.array([7]), np.array([7]))
    revealing = [set(halves.revealing(level).tolist()) for level in LEVELS]
    assert revealing[0] == set()
    assert revealing[-1] == set(range(users))
    assert all(fewer <= more for fewer, more in pairwise(revealing))
    assert all(len(some) == min(users, 1) for some in revealing[1:4])


def test_products_without_a_category_stand_alone():
    """Loaded without a parent; where nothing else describes a catalog either, its products are alike."""
    categories = pa.table({"id": ["c"], "name": ["Drinks"]})
    products = {"id": ["p", "q"], "name": ["Tea", "Nail"], "category_id": pa.array(["c", None])}
    graph = CatalogGraph.from_tables(categories, products=pa.table(products))
    assert [len(graph.parents[[graph.ids.position(own)]].indices) for own in ("p", "q")] == [1, 0]
    with pytest.raises(GraphError, match="'nowhere'"):
        CatalogGraph.from_tables(categories, products=pa.table({**products, "category_id": ["c", "nowhere"]}))
