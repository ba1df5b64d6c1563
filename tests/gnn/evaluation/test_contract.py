"""One contract for everything that scores: every method of an evaluation, the Recommender, and one that was saved.

A new method of ``compared_methods`` is held to it without a word here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from newaisle.api.answers.recommend import RESULT_COLUMNS
from newaisle.api.recommender import Recommender
from newaisle.errors import InputError, UnknownIdError
from newaisle.gnn.evaluation.methods.registry import compared_methods
from newaisle.gnn.propagation.features import FeatureKind
from newaisle.gnn.validation.metrics import K, ranking_metrics
from newaisle.graph import CatalogGraph

pytestmark = pytest.mark.slow


def offered(*, ablate):
    """Names of all methods that a catalog which lacks nothing allows."""
    ids = ["a", "b", "c", "d"]
    columns = {"id": ids, "name": ids, "kind": ["x", "x", "y", "y"], "catalog_size": [1.0, 2.0, 3.0, 4.0]}
    return tuple(
        compared_methods(CatalogGraph.from_tables(pa.table(columns)), np.eye(4, dtype=np.float32), ablate=ablate)
    )


METHODS = tuple(name for name in offered(ablate=True) if name not in {f"newaisle-no-{kind}" for kind in FeatureKind})
"""Without those that are newaisle with fewer blocks and nothing else."""
RECOMMENDERS = ("fitted", "loaded", "half")
OF_THE_HISTORY = ("text-cosine", "knn", "kernel-ridge", "ceiling")
"""What these say is a sum over purchases: of a user without any they say 0 of every target."""


@dataclass(frozen=True)
class Scorer:
    """Anything that scores, seen from one side.

    Attributes:
        name: what it is called here.
        score: users and targets -> float64 (users, targets).
        again: makes and fits another one with the same seed, and gives its ``score``.
        users: some with a history, as ``score`` takes them.
        strangers: some without.
        targets: some that nobody bought before.
    """

    name: str
    score: Callable
    again: Callable
    users: np.ndarray
    strangers: list
    targets: np.ndarray


def as_scorer(name, request):
    """A method by its rows and positions, or a recommender by own ids."""
    if name in RECOMMENDERS:
        return recommender_scorer(name, request)
    methods, fitted, split = (request.getfixturevalue(what) for what in ("methods", "fitted_methods", "split"))

    def again():
        method = methods[name](0)
        method.fit(split)
        return lambda users, targets: method.score(split, np.asarray(users), targets)

    def score(users, targets):
        return fitted[name].score(split, np.asarray(users, dtype=np.int64), targets)

    strangers = np.flatnonzero(np.diff(split.train.indptr) == 0)
    return Scorer(name, score, again, split.users[:40], strangers.tolist(), split.candidates)


def recommender_scorer(name, request):
    recommender, journey = request.getfixturevalue(name), request.getfixturevalue("journey")
    given, encodings = request.getfixturevalue("given"), request.getfixturevalue("encodings")

    def again():
        return Recommender(settings=given, cache=encodings).fit(journey.graph, journey.interactions).score

    ids, has = np.array(recommender.fitted.users.values), np.diff(recommender.fitted.bought.indptr) > 0
    targets = np.array(journey.graph.ids.values, dtype=object)[recommender.fitted.choose("new").targets]
    return Scorer(name, recommender.score, again, ids[has][:40], [*ids[~has].tolist(), None], targets)


@pytest.fixture(scope="session")
def loaded(fitted, tmp_path_factory):
    """``fitted``, saved and read back."""
    path = tmp_path_factory.mktemp("contract") / "model"
    fitted.save(path)
    return Recommender.load(path)


@pytest.fixture(scope="session")
def half(fitted, tmp_path_factory):
    """``fitted``, saved in half precision and read back."""
    path = tmp_path_factory.mktemp("contract") / "half"
    fitted.save(path, precision="float16")
    return Recommender.load(path)


@pytest.fixture(params=[*METHODS, *RECOMMENDERS])
def scorer(request):
    return as_scorer(request.param, request)


@pytest.fixture(params=RECOMMENDERS)
def recommender(request):
    return request.getfixturevalue(request.param)


def test_scores_are_finite_numbers_of_the_right_shape(scorer):
    users = np.concatenate([scorer.users, scorer.users[:1]])
    scores = scorer.score(users, scorer.targets)
    assert scores.shape == (len(users), len(scorer.targets))
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert (scores[0] == scores[-1]).all()
    assert np.ptp(scores) > 0


def test_one_user_alone_has_the_same_scores(scorer):
    together = scorer.score(scorer.users[:10], scorer.targets)
    for place in range(10):
        alone = scorer.score(scorer.users[[place]], scorer.targets)
        np.testing.assert_allclose(alone[0], together[place], rtol=1e-9, atol=1e-12)


def test_a_target_has_the_same_scores_whatever_else_is_scored(scorer):
    together = scorer.score(scorer.users, scorer.targets)
    some = np.array([5, 0, 3])
    np.testing.assert_allclose(
        scorer.score(scorer.users, scorer.targets[some]), together[:, some], rtol=1e-9, atol=1e-12
    )


def test_scoring_changes_nothing(scorer):
    before = scorer.score(scorer.users, scorer.targets)
    scorer.score(scorer.users[::-1], scorer.targets[:3])
    assert scorer.score(scorer.users, scorer.targets).tobytes() == before.tobytes()


def test_users_without_history_get_scores_too(scorer):
    assert scorer.strangers
    scores = scorer.score(scorer.strangers, scorer.targets)
    assert scores.shape == (len(scorer.strangers), len(scorer.targets))
    assert np.isfinite(scores).all()
    if scorer.name in OF_THE_HISTORY:
        assert not scores.any()
    else:  # what it says of everybody else, if not at random, it says of them
        assert np.ptp(scores, axis=1).min() > 0
        if scorer.name != "random":
            np.testing.assert_allclose(scores, np.broadcast_to(scores[0], scores.shape), rtol=1e-9)


@pytest.mark.parametrize("name", [*offered(ablate=False), "fitted"])
def test_the_same_seed_gives_the_same_bits(name, request):
    scorer = as_scorer(name, request)
    again = scorer.again()
    expected = scorer.score(scorer.users, scorer.targets)
    assert again(scorer.users, scorer.targets).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_answers_for_nobody_and_for_fewer_targets_than_a_list_holds(name, fitted_methods, split):
    nobody = fitted_methods[name].score(split, split.users[:0], split.candidates)
    assert nobody.shape == (0, len(split.candidates))
    few = split.candidates[: K // 4]
    users = split.users[np.diff(split.test[split.users][:, few].indptr) > 0]
    figures = ranking_metrics(fitted_methods[name].score(split, users, few), split.test[users][:, few], K)
    assert figures[f"recall@{K}"] == 1  # a list that holds every target misses none
    assert 0 < figures[f"ndcg@{K}"] <= 1


def columns_of(table):
    """column -> list, whatever the library."""
    return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}


@pytest.fixture
def households(recommender):
    """Own ids of six users with a history."""
    has = np.diff(recommender.fitted.bought.indptr) > 0
    return [user for user, known in zip(recommender.fitted.users, has.tolist(), strict=True) if known][:6]


@pytest.mark.parametrize("among", ["new", "seen", "all"])
def test_own_ids_go_in_and_come_out_with_the_scores_of_score(among, recommender, households, journey):
    found = columns_of(recommender.recommend([*households, None], 5, among=among))
    assert tuple(found) == RESULT_COLUMNS
    assert found["user"] == [user for user in [*households, None] for _ in range(5)]
    assert [type(user) for user in found["user"][:30]] == [type(user) for user in households for _ in range(5)]
    assert set(found["target"]) <= set(journey.graph.ids)
    names = dict(zip(journey.graph.ids, journey.graph.names, strict=True))
    assert found["name"] == [names[target] for target in found["target"]]
    for user, target, score in zip(found["user"], found["target"], found["score"], strict=True):
        assert score == pytest.approx(recommender.score(user, [target])[0, 0], abs=1e-12)


def test_a_list_longer_than_the_targets_holds_each_once(recommender, households):
    targets = recommender.fitted.choose("new").targets
    for k in (len(targets), len(targets) + 1, 10**6):
        found = columns_of(recommender.recommend(households[:2], k))
        for start in (0, len(targets)):
            assert len(set(found["target"][start : start + len(targets)])) == len(targets)
            assert found["score"][start : start + len(targets)] == sorted(
                found["score"][start : start + len(targets)], reverse=True
            )
        assert len(found["user"]) == 2 * len(targets)


def test_one_user_is_a_batch_of_one(recommender, households):
    together = recommender.recommend(households, 4, among="all")
    for place, user in enumerate(households):
        alone, batch = (columns_of(recommender.recommend(given, 4, among="all")) for given in (user, [user]))
        assert alone == batch
        expected = columns_of(together[4 * place : 4 * place + 4])
        for name in ("user", "target", "name"):
            assert alone[name] == expected[name]
        for name in ("score", "probability", "confidence"):
            np.testing.assert_allclose(alone[name], expected[name], rtol=1e-10)


def test_numbers_are_in_their_ranges(recommender, households):
    found = columns_of(recommender.recommend([*households, None], 10**6, among="all", exclude_bought=False))
    for name, least, most in (("score", -1, 1), ("probability", 0, 1), ("confidence", 0, 1)):
        assert np.isfinite(found[name]).all()
        assert least <= min(found[name]) < max(found[name]) <= most


def test_unknown_ids_and_nobody_are_refused(recommender, households):
    for call in (lambda: recommender.score([-1], ["x"]), lambda: recommender.recommend(["nobody"])):
        with pytest.raises(UnknownIdError):
            call()
    with pytest.raises(UnknownIdError):
        recommender.recommend(households[0], among=["no such target"])
    with pytest.raises(InputError):
        recommender.recommend([])


def test_what_was_saved_answers_alike_to_the_bit(fitted, loaded, journey):
    users, targets = [*fitted.fitted.users, None], list(journey.graph.ids)
    assert loaded.score(users, targets).tobytes() == fitted.score(users, targets).tobytes()
    assert loaded.probabilities(users, targets).tobytes() == fitted.probabilities(users, targets).tobytes()
    assert loaded.recommend(users[:20], 30, among="all") == fitted.recommend(users[:20], 30, among="all")
