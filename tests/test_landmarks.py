"""The head through landmarks: the exact one where every seen target is a landmark, and near it where few are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from newaisle.gnn import landmarks, space
from newaisle.gnn.kernel import Head, KernelSettings
from newaisle.gnn.landmarks import LandmarkHead, choose_landmarks, make_head
from newaisle.gnn.propagation import Blocks, Kind
from newaisle.gnn.splits import binary
from newaisle.loaders import Loaded

if TYPE_CHECKING:
    from newaisle.api.recommender import Recommender

SETTINGS = KernelSettings({"numbers": 0.1, "texts": 0.5}, ridge=0.1)


@pytest.fixture(scope="module")
def head() -> Head:
    """600 targets in 15 clumps, 400 of them seen, with factors that vary smoothly over them."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(15, 4))[random.integers(0, 15, 600)] + random.normal(size=(600, 4)) / 10
    texts = random.normal(size=(600, 12))
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    seen = np.sort(random.choice(600, 400, replace=False))
    blocks = Blocks({"numbers": numbers, "texts": texts}, {"numbers": Kind.FEATURE, "texts": Kind.TEXT})
    return Head(blocks, SETTINGS, seen, np.sin(numbers[seen] @ random.normal(size=(4, 3))))


def through(head: Head, places: np.ndarray) -> LandmarkHead:
    return LandmarkHead(head.blocks, head.settings, head.seen, head.factors, places)


def test_with_every_seen_target_as_landmark_it_is_the_exact_head(head: Head) -> None:
    every, new = through(head, head.seen), np.setdiff1d(np.arange(600), head.seen)
    for exact, found in ((head.prior(new), every.prior(new)), (head.leave_one_out(), every.leave_one_out())):
        np.testing.assert_allclose(found.mean, exact.mean, atol=1e-4)
        np.testing.assert_allclose(found.variance, exact.variance, atol=1e-4)
    for target in (int(new[0]), int(head.seen[5])):
        np.testing.assert_allclose(every.sources(target), head.sources(target), atol=1e-4)


def test_sources_add_up_to_the_mean_with_few_landmarks(head: Head) -> None:
    few = through(head, choose_landmarks(head.blocks, head.settings, head.seen, 40))
    new = np.setdiff1d(np.arange(600), head.seen)[:3]
    np.testing.assert_allclose([few.sources(int(target)) @ head.factors for target in new], few.prior(new).mean)
    own = few.sources(int(head.seen[7]))
    assert own[7] == 0.0
    np.testing.assert_allclose(own @ head.factors, few.leave_one_out().mean[7])


def test_leaving_one_out_is_fitting_without_it(head: Head) -> None:
    places = choose_landmarks(head.blocks, head.settings, head.seen, 40)
    few, place = through(head, places), int(np.flatnonzero(~np.isin(head.seen, places))[0])
    rest = np.delete(np.arange(400), place)
    without = LandmarkHead(head.blocks, head.settings, head.seen[rest], head.factors[rest], places)
    expected, found = without.prior(head.seen[[place]]), few.leave_one_out()
    np.testing.assert_allclose(found.mean[place], expected.mean[0])
    np.testing.assert_allclose(found.variance[place], expected.variance[0])


def test_drawn_landmarks_reach_the_rare_ones() -> None:
    random = np.random.default_rng(0)
    numbers = np.concatenate([random.normal(size=380) / 100, np.arange(20.0) + 10])[:, None]  # a crowd and 20 loners
    blocks, seen = Blocks({"numbers": numbers}, {"numbers": Kind.FEATURE}), np.arange(400)
    drawn = choose_landmarks(blocks, KernelSettings({"numbers": 1.0}, 0.1), seen, 60)
    assert np.isin(np.arange(380, 400), drawn).all()  # 60 at random would hold 3 of them


def test_landmarks_are_seen_targets_each_once_and_the_same_again(head: Head) -> None:
    places = choose_landmarks(head.blocks, head.settings, head.seen, 50)
    assert len(places) == 50 == len(np.unique(places))
    assert np.isin(places, head.seen).all()
    np.testing.assert_array_equal(places, choose_landmarks(head.blocks, head.settings, head.seen, 50))


def test_twins_need_few_landmarks() -> None:
    numbers = np.repeat(np.arange(5.0), 80)[:, None] * 10
    blocks = Blocks({"numbers": numbers}, {"numbers": Kind.FEATURE})
    places = choose_landmarks(blocks, KernelSettings({"numbers": 1.0}, 0.1), np.arange(400), 200)
    assert len(np.unique(numbers[places])) == 5
    assert len(places) <= 60


def test_a_fit_beyond_the_limit_goes_through_landmarks_and_hardly_differs(
    journey: Loaded, fitted: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = fitted.fitted.space
    monkeypatch.setattr(landmarks, "EXACT", 10)
    monkeypatch.setattr(landmarks, "LANDMARKS", len(exact.head.seen) // 2)
    bought = binary(journey.interactions.matrix(journey.graph))
    found = space.build_space(bought, exact.factors, exact.head.blocks, exact.settings)
    assert isinstance(found.head, LandmarkHead)
    new = np.setdiff1d(np.arange(len(journey.graph)), exact.head.seen)
    scores = [exact.factors.users @ made.vectors[new].T for made in (exact, found)]
    assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.98


def test_up_to_the_limit_the_head_is_exact(head: Head) -> None:
    assert type(make_head(head.blocks, head.settings, head.seen, head.factors)) is Head
