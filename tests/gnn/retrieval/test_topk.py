"""The best targets of many users: the same as by sorting all scores, whatever is left out and however many tie."""

import numpy as np
import pytest

from newaisle.gnn.retrieval.topk import TargetIndex


def unit(seed, count, dimensions):
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sorted_out(users, targets, k, out=None):
    """Places and scores by sorting everything; equal scores by place."""
    scores = np.einsum("ud,td->ut", users, targets)
    if out is not None:
        scores[out] = -np.inf
    places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(scores, places, axis=1)
    return np.where(np.isfinite(found), places, -1), found


@pytest.mark.parametrize(
    ("users", "targets", "k"),
    [
        (1, 1, 1),
        (1, 1, 5),
        (3, 63, 5),
        (5, 64, 64),
        (7, 65, 1),
        (600, 700, 20),
        (2, 5000, 20),
        (1, 5000, 4000),
        (300, 130, 3),
    ],
)
@pytest.mark.parametrize("dimensions", [2, 33])
def test_it_finds_what_sorting_finds(users, targets, k, dimensions):
    own, all_of = unit(0, users, dimensions), unit(1, targets, dimensions)
    best = TargetIndex(all_of).top(own, k)
    places, scores = sorted_out(own, all_of, k)
    assert best.places.shape == (users, min(k, targets))
    np.testing.assert_allclose(best.scores, scores, atol=1e-12)
    np.testing.assert_array_equal(best.places, places)


def test_scores_in_single_precision_find_the_same_up_to_their_rounding():
    own, all_of = unit(0, 300, 64), unit(1, 3000, 64)
    index = TargetIndex(all_of)
    exact, single = index.top(own, 20), index.top(own, 20, exact=False)
    np.testing.assert_allclose(single.scores, exact.scores, atol=1e-6)
    reached = np.take_along_axis(own @ all_of.T, single.places, axis=1)
    np.testing.assert_allclose(np.sort(reached), np.sort(exact.scores), atol=1e-6)


def test_equal_targets_come_in_their_order_for_one_user_and_for_many():
    some = unit(1, 7, 16)
    all_of = np.tile(some, (200, 1))  # every vector 200 times
    index, own = TargetIndex(all_of), unit(0, 300, 16)
    together = index.top(own, 30)
    for row in (0, 1, 299):
        favourite = int(np.argmax(some @ own[row]))
        assert together.places[row].tolist() == list(range(favourite, 7 * 30, 7))
        alone = index.top(own[[row]], 30)
        assert (alone.places[0] == together.places[row]).all()
        assert alone.scores.tobytes() == together.scores[[row]].tobytes()


def test_near_ties_are_told_apart():
    base = unit(1, 1, 8)
    steps = np.linspace(0, 1e-6, 500)[:, None] * np.eye(8)[:1]  # far below the rounding of single precision
    all_of = base + steps
    all_of /= np.linalg.norm(all_of, axis=1, keepdims=True)
    own = unit(0, 5, 8)
    best = TargetIndex(all_of).top(own, 10)
    places, scores = sorted_out(own, all_of, 10)
    np.testing.assert_array_equal(best.places, places)
    np.testing.assert_allclose(best.scores, scores, atol=1e-15)


def test_what_is_left_out_never_comes():
    own, all_of = unit(0, 400, 12), unit(1, 500, 12)
    random = np.random.default_rng(2)
    closed = random.random(500) < 0.3
    barred = random.random((400, 500)) < 0.2
    barred[7] = True  # nothing is left for this user
    barred[300, 3:] = True
    best = TargetIndex(all_of).top(own, 20, barred=np.nonzero(barred), closed=closed)
    places, scores = sorted_out(own, all_of, 20, barred | closed)
    np.testing.assert_array_equal(best.places, places)
    np.testing.assert_allclose(best.scores, scores, atol=1e-12)
    assert (best.places[7] == -1).all()
    assert (best.places[300] >= 0).sum() <= 3


def test_everything_may_be_left_out():
    best = TargetIndex(unit(1, 100, 4)).top(unit(0, 3, 4), 5, closed=np.ones(100, dtype=np.bool_))
    assert (best.places == -1).all()
    assert np.isneginf(best.scores).all()
