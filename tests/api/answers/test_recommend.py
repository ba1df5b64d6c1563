"""Lists for users: diverse ones, sure ones, of what is available, and what is refused."""

from dataclasses import replace

import narwhals as nw
import numpy as np
import pytest

from newaisle.api.answers.recommend import RESULT_COLUMNS
from newaisle.api.recommender import Recommender
from newaisle.errors import InputError, NotFittedError, UnknownIdError
from newaisle.gnn.retrieval.diversity import diversify


def columns_of(table):
    return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}


@pytest.fixture(scope="module")
def users(fitted):
    return list(fitted.fitted.users)[:40]


def likeness_in(fitted, targets):
    """Mean cosine between the embeddings of a list."""
    vectors = fitted.fitted.vectors[fitted.fitted.graph.ids.positions(targets)]
    return ((vectors @ vectors.T).sum() - len(vectors)) / (len(vectors) * (len(vectors) - 1))


def test_no_diversity_leaves_the_ranking_untouched(fitted, users):
    for among in ("new", "seen"):
        assert fitted.recommend(users, 10, among=among, diversity=0.0) == fitted.recommend(users, 10, among=among)
        nearly = columns_of(fitted.recommend(users, 10, among=among, diversity=1e-9))
        assert nearly["target"] == columns_of(fitted.recommend(users, 10, among=among))["target"]


def test_more_diversity_gives_lists_of_targets_less_alike(fitted, users):
    means = []
    for diversity in (0.0, 0.3, 0.6, 1.0):
        found = columns_of(fitted.recommend(users, 8, among="all", diversity=diversity))
        assert tuple(found) == RESULT_COLUMNS
        lists = [found["target"][start : start + 8] for start in range(0, len(users) * 8, 8)]
        assert found["user"] == [user for user in users for _ in range(8)]
        assert all(len(set(one)) == 8 for one in lists)
        means.append(np.mean([likeness_in(fitted, one) for one in lists]))
        scores = fitted.score(users[:1], lists[0])[0]
        np.testing.assert_allclose(found["score"][:8], scores, atol=1e-12)
        best = columns_of(fitted.recommend(users, 1, among="all"))["target"]
        assert [one[0] for one in lists] == best  # the best stands first at any diversity
    assert means == sorted(means, reverse=True)
    assert means[-1] < means[0] - 0.02


def test_every_choice_is_the_best_by_the_formula(fitted, users):
    fits = fitted.fitted
    position, diversity, k = fits.users.position(users[3]), 0.4, 6
    vector = fits.model.factors.user_vectors(np.array([position]))
    new = fits.choose("new").targets
    scores = fits.score(vector, new)[0]
    pool = np.argsort(-scores, kind="stable")[: 10 * k]
    chosen = [pool[0]]
    while len(chosen) < k:  # Carbonell and Goldstein 1998, term by term
        rest = [i for i in pool if i not in chosen]
        near = [max(fits.vectors[new[i]] @ fits.vectors[new[j]] for j in chosen) for i in rest]
        chosen.append(rest[int(np.argmax((1 - diversity) * scores[rest] - diversity * np.array(near)))])
    expected = [fits.graph.ids.values[new[i]] for i in chosen]
    assert columns_of(fitted.recommend(users[3], k, diversity=diversity))["target"] == expected


def test_diverse_lists_end_where_the_targets_do(fitted, users):
    some = [fitted.fitted.graph.ids.values[i] for i in fitted.fitted.choose("new").targets[:3]]
    for diversity in (0.0, 0.7):
        found = columns_of(fitted.recommend(users[:2], 10, among=some, diversity=diversity))
        assert sorted(found["target"][:3]) == sorted(some)
        assert len(found["target"]) == 6
    assert diversify(np.empty(0), np.empty((0, 3)), 5, 0.5).tolist() == []


def test_abstention_gives_fewer_rows_or_none(fitted, users):
    everything = columns_of(fitted.recommend(users[:3], 10**6))
    middle = float(np.median(everything["confidence"]))
    sure = columns_of(fitted.recommend(users[:3], 10**6, min_confidence=middle))
    assert min(sure["confidence"]) >= middle
    kept = [i for i, confidence in enumerate(everything["confidence"]) if confidence >= middle]
    assert sure["target"] == [everything["target"][i] for i in kept]
    assert sure["probability"] == [everything["probability"][i] for i in kept]
    nothing = columns_of(fitted.recommend(users[:3], 10, min_confidence=1.0))
    assert nothing == {name: [] for name in RESULT_COLUMNS}


@pytest.mark.parametrize("diversity", [0.0, 0.6])
def test_unlikely_targets_are_left_out(fitted, users, diversity):
    everything = columns_of(fitted.recommend(users[:9], 10**6, diversity=diversity))
    least = float(np.quantile(everything["probability"], 0.9))
    found = columns_of(fitted.recommend(users[:9], 10**6, min_probability=least, diversity=diversity))
    pairs = set(zip(everything["user"], everything["target"], everything["probability"], strict=True))
    assert set(zip(found["user"], found["target"], found["probability"], strict=True)) == {
        pair for pair in pairs if pair[2] >= least
    }
    assert 0 < len(set(found["user"])) < 9  # some are likely to buy nothing
    assert columns_of(fitted.recommend(users[:3], 5, min_probability=1.0)) == {name: [] for name in RESULT_COLUMNS}


def test_what_is_not_available_is_left_out(fitted, users):
    graph = fitted.fitted.graph
    opening = np.full(len(graph), np.nan)
    new = fitted.fitted.choose("new").targets
    opening[new[::2]] = 20_000.0
    dated = Recommender()
    dated._state = replace(fitted.fitted, graph=replace(graph, availability={"available_from": opening}))
    everything = columns_of(dated.recommend(users[0], 10**6))["target"]
    later = {graph.ids.values[i] for i in new[::2]}
    before = columns_of(dated.recommend(users[0], 10**6, at=19_999))["target"]
    assert before == [target for target in everything if target not in later]
    assert columns_of(dated.recommend(users[0], 10**6, at="2024-10-04"))["target"] == everything  # day 20,000
    sure = columns_of(dated.recommend(users[0], 10**6, at=19_999, min_confidence=0.01))["target"]
    assert set(sure) <= set(before)
    assert fitted.recommend(users[0], at="2024-01-01") == fitted.recommend(users[0])


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda r, u: r.recommend([u[0], u[1], u[0]]), InputError, r"User \d+ is in the list several times"),
        (lambda r, u: r.recommend(u * 2), InputError, r"Users \d+, \d+, \d+, \d+, \d+ and 35 more are "),
        (
            lambda r, u: r.recommend([u[0], "one"]),
            UnknownIdError,
            r"Unknown user id 'one': .* \(they are int, not str\)",
        ),
        (lambda r, _: r.recommend(list(range(-9, 0))), UnknownIdError, "ids -9, -8, -7, -6, -5 and 4 more"),
        (lambda r, u: r.recommend(u[0], 2.5), InputError, "k is 2.5; .* whole number"),
        (lambda r, u: r.recommend(u[0], diversity=-0.1), InputError, "diversity is -0.1; give a number from 0 to 1"),
        (lambda r, u: r.recommend(u[0], diversity=1.5), InputError, "diversity is 1.5"),
        (lambda r, u: r.recommend(u[0], min_confidence=float("nan")), InputError, "min_confidence is nan"),
        (lambda r, u: r.recommend(u[0], min_probability=2), InputError, "min_probability is 2; give a number from 0"),
        (lambda r, u: r.recommend(u[0], at="soon"), InputError, "'soon' is neither a date nor a number"),
        (lambda r, _: r.score([], ["a"]), InputError, "no user to answer for"),
        (lambda r, u: r.score(u[0], []), InputError, "no target to answer for"),
        (lambda r, u: r.probabilities(u[0], []), InputError, "no target to answer for"),
    ],
)
def test_wrong_questions_get_one_clear_sentence_and_change_nothing(ask, error, told, fitted, users):
    before = fitted.recommend(users[0], 5)
    with pytest.raises(error, match=told) as raised:
        ask(fitted, users)
    assert "\n" not in str(raised.value)
    assert fitted.recommend(users[0], 5) == before


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.recommend([1, 1], 0),
        lambda r: r.probabilities(1, []),
        lambda r: r.similar("a", 0),
        lambda r: r.search(""),
        lambda r: r.profile(""),
    ],
)
def test_before_fit_that_is_what_is_told(ask):
    with pytest.raises(NotFittedError, match="is not fitted"):
        ask(Recommender())


def test_one_user_need_not_stand_in_a_list(fitted, users):
    targets = list(fitted.fitted.graph.ids)[:5]
    assert (fitted.score(users[0], targets) == fitted.score([users[0]], targets)).all()
    twice = fitted.score([users[0], users[0]], targets)
    np.testing.assert_allclose(twice, np.tile(fitted.score(users[0], targets), (2, 1)), rtol=1e-12)
    assert (fitted.probabilities(None, targets) == fitted.probabilities([None], targets)).all()
