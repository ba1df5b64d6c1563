"""The regressor through the nearest targets: the exact one where all are near, and close to it where few are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from newaisle.gnn.model.model import build_model
from newaisle.gnn.prior import kernel as kernel_module
from newaisle.gnn.prior import nearest as nearest_module
from newaisle.gnn.prior.kernel import KernelRegressor, KernelSettings
from newaisle.gnn.prior.nearest import NEAREST, NearestNeighborRegressor, make_regressor
from newaisle.gnn.propagation.features import FeatureBlocks, FeatureKind
from newaisle.gnn.validation.splits import binary
from newaisle.loaders import LoadedSource

if TYPE_CHECKING:
    from newaisle.api.recommender import Recommender

SETTINGS = KernelSettings({"numbers": 0.1, "texts": 0.5}, ridge=0.1)


@pytest.fixture(scope="module")
def full() -> KernelRegressor:
    """600 targets in 15 clumps, 400 of them seen, with factors that vary smoothly over them."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(15, 4))[random.integers(0, 15, 600)] + random.normal(size=(600, 4)) / 10
    texts = random.normal(size=(600, 12))
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    seen = np.sort(random.choice(600, 400, replace=False))
    blocks = FeatureBlocks(
        {"numbers": numbers, "texts": texts}, {"numbers": FeatureKind.FEATURE, "texts": FeatureKind.TEXT}
    )
    return KernelRegressor(blocks, SETTINGS, seen, np.sin(numbers[seen] @ random.normal(size=(4, 3))))


def nearest(full: KernelRegressor) -> NearestNeighborRegressor:
    return NearestNeighborRegressor(full.blocks, full.settings, full.seen, full.factors)


@pytest.mark.slow
def test_with_all_others_near_it_is_the_exact_regressor(full: KernelRegressor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest_module, "NEAREST", 400)
    every, new = nearest(full), np.setdiff1d(np.arange(600), full.seen)
    np.testing.assert_allclose(every.leave_one_out().mean, full.leave_one_out().mean, atol=1e-5)
    np.testing.assert_allclose(every.leave_one_out().variance, full.leave_one_out().variance, atol=1e-5)
    np.testing.assert_allclose(every.sources(int(full.seen[5])), full.sources(int(full.seen[5])), atol=1e-5)
    np.testing.assert_allclose(every.prior(new).mean, full.prior(new).mean, atol=0.02)  # the farthest is left out
    np.testing.assert_allclose(every.prior(new).variance, full.prior(new).variance, atol=0.02)


def test_few_neighbours_predict_nearly_what_all_do(full: KernelRegressor, monkeypatch: pytest.MonkeyPatch) -> None:
    new = np.setdiff1d(np.arange(600), full.seen)
    exact = full.prior(new).mean

    def error(count: int) -> float:
        monkeypatch.setattr(nearest_module, "NEAREST", count)
        return float(np.abs(nearest(full).prior(new).mean - exact).mean() / exact.std())

    assert error(200) < 0.05 < error(20) < 0.5


def test_sources_are_few_and_add_up_to_the_mean(full: KernelRegressor) -> None:
    near = nearest(full)
    new = np.setdiff1d(np.arange(600), full.seen)[:3]
    weights = np.stack([near.sources(int(target)) for target in new])
    np.testing.assert_allclose(weights @ full.factors, near.prior(new).mean)
    assert (np.count_nonzero(weights, axis=1) == NEAREST).all()
    own = near.sources(int(full.seen[7]))
    assert own[7] == 0.0
    np.testing.assert_allclose(own @ full.factors, near.leave_one_out().mean[7])


def test_leaving_one_out_is_fitting_without_it(full: KernelRegressor) -> None:
    rest = np.delete(np.arange(400), 7)
    without = NearestNeighborRegressor(full.blocks, full.settings, full.seen[rest], full.factors[rest])
    expected, found = without.prior(full.seen[[7]]), nearest(full).leave_one_out()
    np.testing.assert_allclose(found.mean[7], expected.mean[0])
    np.testing.assert_allclose(found.variance[7], expected.variance[0])


def test_other_factors_are_predicted_the_same_way(full: KernelRegressor) -> None:
    near = nearest(full)
    near.leave_one_out()
    twice = near.with_factors(2 * full.factors)
    np.testing.assert_allclose(twice.leave_one_out().mean, 2 * near.leave_one_out().mean)


def test_nothing_to_predict_is_no_error(full: KernelRegressor) -> None:
    prior = nearest(full).prior(np.empty(0, dtype=np.int64))
    assert prior.mean.shape == (0, 3)
    assert prior.variance.shape == (0,)


@pytest.mark.slow
def test_a_fit_beyond_the_limit_goes_through_the_nearest_and_hardly_differs(
    journey: LoadedSource, fitted: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = fitted.fitted.model
    monkeypatch.setattr(nearest_module, "EXACT", 10)
    bought = binary(journey.interactions.matrix(journey.graph))
    found = build_model(bought, exact.factors, exact.regressor.blocks, exact.settings)
    assert isinstance(found.regressor, NearestNeighborRegressor)
    new = np.setdiff1d(np.arange(len(journey.graph)), exact.regressor.seen)
    scores = [exact.factors.users @ made.vectors[new].T for made in (exact, found)]
    assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.98


def test_up_to_the_limit_the_regressor_is_exact(full: KernelRegressor) -> None:
    assert type(make_regressor(full.blocks, full.settings, full.seen, full.factors)) is KernelRegressor


def test_the_kernel_is_solved_once_for_all_factors_of_a_regressor(
    full: KernelRegressor, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = KernelRegressor(full.blocks, full.settings, full.seen, full.factors)
    for each, module in ((nearest(full), nearest_module), (exact, kernel_module)):
        first = each.with_factors(2 * full.factors)
        monkeypatch.setattr(module, "solve", _refused)
        np.testing.assert_allclose(first.leave_one_out().mean, 2 * each.leave_one_out().mean)
        second = each.with_factors(3 * full.factors)
        np.testing.assert_allclose(second.leave_one_out().variance, first.leave_one_out().variance)
        monkeypatch.undo()


def _refused(*_: object) -> None:
    raise AssertionError("solved again")
