"""The model: prior and update together, and the vectors of users without history."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newaisle.errors import ModelError
from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.factors.update import update_targets
from newaisle.gnn.model.cosine_softmax import HEADROOM
from newaisle.gnn.model.model import build_model, prior_strength
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.informed_factors import inform_factors
from newaisle.gnn.prior.kernel import KernelRegressor
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.validation.splits import binary, buyers
from newaisle.graph import CatalogGraph


@pytest.fixture(scope="module")
def train(journey):
    return journey.interactions.matrix(journey.graph)


def same(first, second):
    """Are two spaces bit-identical in everything that is stored?"""
    pairs = [
        (first.factors.users, second.factors.users),
        (first.factors.targets, second.factors.targets),
        (first.factors.basis, second.factors.basis),
        (first.prior.mean, second.prior.mean),
        (first.prior.variance, second.prior.variance),
        (first.vectors, second.vectors),
        (first.prior_share, second.prior_share),
        (first.confidence, second.confidence),
    ]
    stored = all(a.tobytes() == b.tobytes() for a, b in pairs)
    return stored and first.settings == second.settings and first.longest == second.longest


def test_new_targets_and_groups_are_their_prior(latent_model):
    new = np.setdiff1d(np.arange(len(latent_model.vectors)), latent_model.regressor.seen)
    assert (latent_model.vectors[new] == latent_model.prior.mean[new]).all()
    assert (latent_model.prior_share[new] == 1).all()
    predicted = latent_model.regressor.prior(new).mean
    assert latent_model.prior.mean[new] == pytest.approx(predicted[:, :-1])
    assert latent_model.popularity[new] == pytest.approx(predicted[:, -1])
    assert (latent_model.confidence[new] == np.exp(-latent_model.popularity_error[new])).all()


def test_sold_targets_are_updated_from_the_prior_without_their_own_sales(latent_model, train):
    seen, settings = latent_model.regressor.seen, latent_model.settings
    assert (seen == np.unique(train.indices)).all()
    others = latent_model.regressor.leave_one_out()
    strength = settings.seen_strength / (others.variance + settings.kernel.ridge)
    assert prior_strength(others.variance, settings.seen_strength, settings) == pytest.approx(strength)
    bought = sp.csc_array(binary(train)[:, seen])
    vectors, share = update_targets(latent_model.factors.users, bought, others.mean[:, :-1], strength, settings.factors)
    assert latent_model.vectors[seen] == pytest.approx(vectors, rel=1e-9, abs=1e-12)
    assert latent_model.prior_share[seen] == pytest.approx(share)
    assert (latent_model.prior_share[seen] < 1).all()


def test_the_more_it_sold_the_less_of_it_is_prior(latent_model, train):
    seen = latent_model.regressor.seen
    buyers = np.bincount(train.indices, minlength=train.shape[1])[seen]
    order = np.argsort(buyers, kind="stable")
    tenth = len(order) // 10
    assert latent_model.prior_share[seen[order[-tenth:]]].mean() < latent_model.prior_share[seen[order[:tenth]]].mean()


def test_confidence_is_between_0_and_1(latent_model, searched):
    for some in (latent_model, searched.fitted.model):
        assert (some.confidence >= 0).all()
        assert (some.confidence <= 1).all()
        assert np.ptp(some.confidence) > 0.05


def test_sales_leave_headroom(latent_model):
    lengths = [
        np.linalg.norm(vectors, axis=1).max()
        for vectors in (latent_model.augmented_targets, latent_model.factors.targets)
    ]
    assert latent_model.longest == pytest.approx(HEADROOM * max(lengths))


def test_seen_targets_are_lowered_and_all_are_offset_by_their_level(latent_model, train):
    seen, settings = latent_model.regressor.seen, latent_model.settings
    lowered = np.zeros(len(latent_model.vectors))
    lowered[seen] = settings.offset
    assert latent_model.offset == pytest.approx(settings.level * latent_model.popularity - lowered, abs=1e-15)
    share = np.bincount(train.indices, minlength=train.shape[1])[seen] / train.shape[0]
    assert np.corrcoef(latent_model.popularity[seen], np.log(share))[0, 1] > 0.3  # predicted from the others
    users = latent_model.factors.user_vectors(np.arange(5))
    targets = np.arange(len(latent_model.vectors))
    length = np.linalg.norm(users, axis=1)[:, None]
    assert latent_model.raw_scores(users, targets) == pytest.approx(
        users @ latent_model.vectors.T + length * latent_model.offset, abs=1e-12
    )


def test_users_without_history_get_the_mean_user(latent_model, train):
    without = np.flatnonzero(np.diff(train.indptr) == 0)
    assert len(without)  # the slice has some
    known = np.flatnonzero(np.diff(train.indptr))
    assert latent_model.factors.mean_user == pytest.approx(latent_model.factors.users[known].mean(axis=0))
    assert (latent_model.factors.user_vectors(without) == latent_model.factors.mean_user).all()
    assert (latent_model.factors.user_vectors(known) == latent_model.factors.users[known]).all()
    assert latent_model.factors.user_vectors(np.array([], dtype=np.int64)).shape == (
        0,
        latent_model.factors.users.shape[1],
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(journey, phi, train, searched):
    again = fit_model(journey.graph, train, phi, seed=0)
    assert same(again, searched.fitted.model)
    other = fit_model(journey.graph, train, phi, seed=1, settings=again.settings)
    assert not same(again, other)


def test_chosen_settings_given_back_make_the_same_model(journey, phi, train, searched):
    latent_model = searched.fitted.model
    assert same(fit_model(journey.graph, train, phi, settings=latent_model.settings), latent_model)


def test_what_is_fitted_from_factors_is_what_fit_gives(phi, train, given, latent_model):
    bought = binary(train)
    plain, seen = fit_factors(bought, given.factors, 0), np.flatnonzero(buyers(bought))
    factors = inform_factors(plain, KernelRegressor(phi, given.kernel, seen, plain.targets[seen]), bought)
    assert same(build_model(bought, factors, phi, given), latent_model)


def test_quantities_do_not_count(journey, phi, train, given, latent_model):
    heavy = sp.csr_array((train.data * 3, train.indices, train.indptr), shape=train.shape)
    assert same(fit_model(journey.graph, heavy, phi, settings=given), latent_model)


@pytest.mark.slow
def test_it_reports_progress(journey, phi, train):
    lines = []
    fit_model(journey.graph, train, phi, progress=lines.append)
    assert len(lines) >= 3
    assert all(line and "\n" not in line for line in lines)


def test_a_catalog_too_small_to_hide_anything_takes_the_starting_settings():
    graph = CatalogGraph.from_tables(
        pa.table({"id": ["a", "b", "c"], "name": ["a", "b", "c"], "kind": ["x", "x", "y"]})
    )
    train = sp.csr_array(np.array([[1.0, 0, 0], [1, 0, 0]]))
    latent_model = fit_model(graph, train, propagate(graph, None))
    assert np.isfinite(latent_model.vectors).all()
    assert latent_model.settings.tau == ModelSettings().tau
    scores = latent_model.score(latent_model.factors.user_vectors(np.array([0])), np.array([1, 2]))[0]
    assert scores[0] > scores[1]  # b is of the kind that was bought


def test_nothing_bought_is_refused(journey, phi, given):
    nothing = sp.csr_array((5, len(journey.graph)))
    for settings in (given, None):
        with pytest.raises(ModelError, match="no purchase to learn from"):
            fit_model(journey.graph, nothing, phi, settings=settings)


def test_of_very_many_targets_factors_are_kept_in_half_the_memory_and_rank_alike(
    journey, phi, train, given, latent_model, monkeypatch
):
    monkeypatch.setattr("newaisle.gnn.factors.solve.MOST_DOUBLE", 100)
    monkeypatch.setattr("newaisle.gnn.factors.solve.TOGETHER", 100)
    single = fit_model(journey.graph, train, phi, settings=given)
    kept = (single.factors.targets, single.factors.basis, single.prior.mean, single.vectors, single.augmented_targets)
    assert {array.dtype for array in (*kept, single.regressor.factors)} == {np.dtype(np.float32)}
    targets = np.arange(len(latent_model.vectors))
    assert single.score(single.factors.users, targets) == pytest.approx(
        latent_model.score(latent_model.factors.users, targets), abs=1e-4
    )
