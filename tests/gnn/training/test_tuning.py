"""Settings are chosen on pseudo-new targets: what these are, and what the search promises."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.prior import nearest
from newaisle.gnn.prior.kernel import KernelRegressor, KernelSettings, kernel
from newaisle.gnn.propagation.features import FeatureBlocks, FeatureKind
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.training import folds as folds_module
from newaisle.gnn.training.fit import choose_settings, fit_model
from newaisle.gnn.training.folds import ENOUGH, FOLDS, MOST_FOLDS, START_RIDGE, START_WIDTH, make_folds, start_kernel
from newaisle.gnn.training.search import MARGIN, coordinate_search
from newaisle.gnn.training.tuning import LEAST_SHOWN, START_FACTORS, choose_factors, choose_kernel, judge_factors
from newaisle.gnn.validation.metrics import ndcg
from newaisle.gnn.validation.splits import LEAVE_BRANCHES_OUT, LEAVE_TARGETS_OUT, binary, make_split
from newaisle.graph import CatalogGraph

pytestmark = pytest.mark.usefixtures("thorough_search")


@pytest.fixture(scope="module")
def train(journey):
    return journey.interactions.matrix(journey.graph)


@pytest.fixture(scope="module")
def folds(journey, train, phi):
    return make_folds(journey.graph, train, phi, 0)


def test_folds_hide_sold_targets_and_protocols_take_turns(folds, train, journey):
    protocols = [fold.split.protocol for fold in folds]
    assert protocols == [(LEAVE_TARGETS_OUT, LEAVE_BRANCHES_OUT)[turn % 2] for turn in range(len(folds))]
    sold = np.flatnonzero(np.bincount(train.indices, minlength=train.shape[1]))
    for fold in folds:
        assert np.isin(fold.split.candidates, sold).all()
        assert not fold.split.train[:, fold.split.hidden].nnz
        assert not np.isin(fold.split.candidates, fold.seen).any()
        assert np.isin(fold.users, fold.split.users).all()
        assert fold.hits.shape == (len(fold.users), len(fold.split.candidates))
        assert fold.hits.any(axis=1).all()
    hidden = [tuple(fold.split.hidden) for fold in folds]
    assert len(set(hidden)) == len(folds)
    again = make_folds(journey.graph, train, folds[0].blocks, 0)
    assert [tuple(fold.split.hidden) for fold in again] == hidden
    other = make_folds(journey.graph, train, folds[0].blocks, 1)
    assert [tuple(fold.split.hidden) for fold in other] != hidden


def test_one_protocol_alone_serves_all_folds(journey, train, phi):
    for protocol in (LEAVE_TARGETS_OUT, LEAVE_BRANCHES_OUT):
        found = make_folds(journey.graph, train, phi, 0, (protocol,))
        assert {fold.split.protocol for fold in found} == {protocol}


def test_small_catalogs_have_more_folds(folds, journey, train, phi, monkeypatch):
    judged = [len(fold.split.candidates) for fold in folds]
    assert FOLDS < len(folds) < MOST_FOLDS
    assert sum(judged[:-1]) < ENOUGH <= sum(judged)
    monkeypatch.setattr(folds_module, "ENOUGH", 1)
    assert len(make_folds(journey.graph, train, phi, 0)) == FOLDS
    monkeypatch.setattr(folds_module, "ENOUGH", 10**6)
    assert len(make_folds(journey.graph, train, phi, 0)) == MOST_FOLDS


def test_of_many_users_a_part_serves(journey, train, phi, monkeypatch):
    monkeypatch.setattr(folds_module, "FIT_USERS", 200)
    assert {fold.split.train.shape[0] for fold in make_folds(journey.graph, train, phi, 0)} == {200}


def test_a_catalog_without_parents_hides_single_targets_only():
    ids = [f"t{i:02}" for i in range(30)]
    graph = CatalogGraph.from_tables(pa.table({"id": ids, "name": ids, "kind": ["x", "y", "z"] * 10}))
    bought = sp.csr_array((np.random.default_rng(0).random((40, 30)) < 0.4).astype(float))
    found = make_folds(graph, bought, propagate(graph, None), 0)
    assert {fold.split.protocol for fold in found} == {LEAVE_TARGETS_OUT}


def test_a_catalog_too_small_to_hide_anything_has_no_folds():
    graph = CatalogGraph.from_tables(pa.table({"id": ["a", "b"], "name": ["a", "b"], "kind": ["x", "y"]}))
    blocks = propagate(graph, None)
    assert make_folds(graph, sp.csr_array(np.array([[1.0, 1], [1, 0]])), blocks, 0) == []
    assert choose_settings([], blocks, np.empty(0, dtype=np.int64), print).factors == START_FACTORS


def test_the_factors_of_a_fold_know_nothing_of_the_pseudo_new_targets(folds):
    settings = FactorSettings(rank=4)
    for fold in folds:
        factors = fold.factors(settings)
        assert not factors.targets[fold.split.hidden].any()
        expected = fit_factors(binary(fold.split.train), settings, fold.seed)
        assert factors.users.tobytes() == expected.users.tobytes()
        users, targets = fold.judged_factors(settings)
        assert (users == factors.users[fold.users]).all()
        assert (targets == factors.targets[fold.seen]).all()
        assert fold.judged_factors(settings)[0] is users


def test_a_fold_predicts_what_the_regressor_predicts(folds, phi):
    settings = KernelSettings({name: 0.05 * (1 + place) for place, name in enumerate(phi.names)}, 0.3)
    factor_settings = FactorSettings(rank=4)
    for fold in folds:
        factors = fold.factors(factor_settings)
        seen, candidates = fold.seen, fold.split.candidates
        expected = KernelRegressor(phi, settings, seen, factors.targets[seen]).prior(candidates).mean
        found = fold.carry(settings, factors.targets[seen])
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
        judged = ndcg(factors.users[fold.users] @ expected.T, fold.hits)
        assert judge_factors(fold, factor_settings, settings) == pytest.approx(judged, abs=2e-3)


def test_more_targets_than_the_search_can_bear_are_sampled(journey, train, phi, monkeypatch):
    monkeypatch.setattr(folds_module, "MAX_TARGETS", 50)
    monkeypatch.setattr(folds_module, "MAX_USERS", 40)
    for fold in make_folds(journey.graph, train, phi, 0):
        assert len(fold.seen) == 50
        assert len(fold.users) == 40
        assert fold.hits.any(axis=1).all()
        assert (np.diff(fold.seen) > 0).all()
        assert np.isin(fold.seen, fold.split.seen).all()
        assert np.isfinite(judge_factors(fold, FactorSettings(rank=4), KernelSettings({"ancestors": 0.1}, 0.3)))


@pytest.mark.slow
def test_of_very_many_targets_the_nearest_are_kept(journey, train, phi, monkeypatch):
    monkeypatch.setattr(folds_module, "MANY", 100)
    monkeypatch.setattr(folds_module, "FEW", 30)
    monkeypatch.setattr(folds_module, "NEAREST", 5)
    folds = make_folds(journey.graph, train, phi, 0)
    for fold in folds:
        assert fold.many
        assert len(fold.candidates) == min(30, len(fold.split.candidates))
        assert np.isin(fold.seen, fold.split.seen).all()
        assert len(fold.seen) < len(fold.split.seen)
        assert (np.diff(fold.seen) > 0).all()
        alike = kernel(phi, start_kernel(phi, START_WIDTH, START_RIDGE), fold.candidates, fold.split.seen)
        nearest = fold.split.seen[np.argsort(-alike, axis=1)[:, : folds_module.NEAREST]]
        assert np.isin(nearest, fold.seen).mean() > 0.99  # ties aside
    unsold = np.setdiff1d(np.flatnonzero(~journey.graph.is_group), folds[0].split.train.nonzero()[1])
    assert any(choose_settings(folds, phi, unsold, lambda _line: None).kernel.weights.values())


def test_of_very_many_targets_the_search_carries_as_the_model_will(journey, train, phi, monkeypatch):
    monkeypatch.setattr(folds_module, "MANY", 100)
    monkeypatch.setattr(folds_module, "NEAREST", 20)
    monkeypatch.setattr(nearest, "NEAREST", 20)
    start = start_kernel(phi, START_WIDTH, START_RIDGE)
    fold = make_folds(journey.graph, train, phi, 0)[0]
    _, targets = fold.judged_factors(FactorSettings(rank=4))
    regressor = nearest.NearestNeighborRegressor(phi, start, fold.seen, targets)
    expected = regressor.prior(fold.candidates).mean
    close = np.isclose(fold.carry(start, targets), expected, rtol=1e-3, atol=1e-5).all(axis=1)
    assert close.mean() > 0.9  # where a twentieth and a twenty-first are alike either may serve


def test_collapsed_factors_are_no_candidates(folds):
    """Regularised to nothing they may rank by chance, but their scores say nothing."""
    kernel = KernelSettings({"ancestors": 0.1}, 0.3)
    figures = [
        judge_factors(folds[0], FactorSettings(rank=8, alpha=5.0, regularization=weight), kernel)
        for weight in (30.0, 1e3, 1e5)
    ]
    assert figures[0] > 0
    assert figures[1] < 0.01  # the nearer to a model, the better, so that the search finds back
    assert -LEAST_SHOWN <= figures[2] < 0


def hill(**peak):
    """A smooth hill over the logarithms of its numbers, highest (1) at ``peak``; remembers where it was judged."""
    judged = []

    def judge(values):
        judged.append(dict(values))
        return 1 / (1 + sum(np.log2(values[name] / top) ** 2 for name, top in peak.items()))

    return judge, judged


STEPS = {"a": (2.0, 0.5), "b": (2.0, 0.5)}


@pytest.mark.parametrize("peak", [{"a": 1, "b": 1}, {"a": 8, "b": 0.25}, {"a": 1 / 16, "b": 32}])
def test_the_search_reaches_the_top_of_a_hill(peak):
    judge, _ = hill(**peak)
    assert coordinate_search(judge, {"a": 1.0, "b": 1.0}, STEPS, rounds=4) == pytest.approx(peak)


def test_the_search_never_ends_below_its_start():
    for seed in range(20):
        random = np.random.default_rng(seed)
        known = {}

        def judge(values, random=random, known=known):
            return known.setdefault(tuple(values.values()), random.random())

        start = {"a": 1.0, "b": 1.0}
        found = coordinate_search(judge, start, STEPS, rounds=2)
        assert judge(found) >= judge(start)


def test_gains_within_the_margin_are_chance():
    def judge(values):
        return 0.5 + 0.9 * MARGIN * (values["a"] > 1)

    assert coordinate_search(judge, {"a": 1.0}, {"a": (2.0, 0.5)}) == {"a": 1.0}


def test_the_search_stops_when_a_round_changes_nothing():
    judge, judged = hill(a=1, b=1)
    coordinate_search(judge, {"a": 1.0, "b": 1.0}, STEPS, rounds=50)
    assert len(judged) == 1 + 4


@pytest.mark.slow
def test_chosen_factors_are_no_worse_than_the_start(folds, phi):
    kernel = KernelSettings(dict.fromkeys(phi.names, 0.1), 0.1)
    start = FactorSettings(rank=4, alpha=40.0, regularization=0.1)

    def figure(settings):
        return np.mean([judge_factors(fold, settings, kernel) for fold in folds])

    chosen = choose_factors(folds, start, kernel)
    assert figure(chosen) > figure(start) + MARGIN
    assert 4 <= chosen.rank <= 256
    assert chosen.iterations == start.iterations


def test_chosen_weights_are_no_worse_than_the_start_and_leave_noisy_counts_out(folds, phi):
    noise = np.random.default_rng(0).normal(size=(phi.matrices["text"].shape[0], 1))
    matrices = {"text": phi.matrices["text"], "ancestors": phi.matrices["ancestors"], "noise": noise}
    blocks = FeatureBlocks(
        matrices, {"text": FeatureKind.TEXT, "ancestors": FeatureKind.RELATION, "noise": FeatureKind.COUNT}
    )
    noisy = [folds_module.ValidationFold(fold.split, blocks, 0) for fold in folds]
    factors = FactorSettings(rank=8, regularization=30.0)

    def figure(settings):
        return np.mean([judge_factors(fold, factors, settings) for fold in noisy])

    chosen = choose_kernel(noisy, factors, 3.0, 0.1)
    assert figure(chosen) > figure(start_kernel(blocks, 3.0, 0.1)) + MARGIN
    assert chosen.weights.keys() == set(blocks.names)
    assert chosen.weights["noise"] == 0 < chosen.weights["ancestors"]
    assert chosen.ridge > 0


def test_counts_that_predict_popularity_are_switched_on(folds, journey, train):
    """Counts begin switched off; where they alone say how popular a target is, the search finds them."""
    buyers = np.log1p(np.bincount(train.indices, minlength=len(journey.graph)))[:, None]
    noise = np.random.default_rng(0).normal(size=buyers.shape)
    blocks = FeatureBlocks(
        {"noise": noise, "count": buyers}, {"noise": FeatureKind.RELATION, "count": FeatureKind.COUNT}
    )
    oracle = [folds_module.ValidationFold(fold.split, blocks, 0) for fold in folds]
    assert start_kernel(blocks, 0.05, 0.1).weights["count"] == 0
    assert choose_kernel(oracle, FactorSettings(rank=8, regularization=30.0), 0.05, 0.1).weights["count"] > 0


def test_a_catalog_of_counts_alone_begins_with_them():
    blocks = FeatureBlocks({"count": np.arange(3.0)[:, None]}, {"count": FeatureKind.COUNT})
    assert start_kernel(blocks, 0.05, 0.1).weights == {"count": 0.05}


@pytest.mark.slow
def test_the_whole_search_gives_usable_numbers_of_the_catalogs_own_blocks(searched, phi):
    settings = searched.fitted.model.settings
    assert set(settings.kernel.weights) == set(phi.names)
    assert all(np.isfinite(weight) and weight >= 0 for weight in settings.kernel.weights.values())
    assert any(settings.kernel.weights.values())
    for number in (settings.kernel.ridge, settings.tau, settings.strength, settings.factors.alpha):
        assert np.isfinite(number)
        assert number > 0


def test_the_temperature_makes_the_softmax_fit_better_than_the_articles_rule(journey, train, searched, phi):
    """On a split that the search did not see: cross-entropy of purchases of hidden targets, fitted tau against 1."""
    split = make_split(LEAVE_TARGETS_OUT, journey.graph, train, 5)
    latent_model = fit_model(journey.graph, split.train, phi, settings=searched.fitted.model.settings)
    scores = latent_model.score(latent_model.factors.user_vectors(split.users), split.candidates)
    hits = split.test[split.users][:, split.candidates].toarray() > 0

    def loss(tau):
        return -np.mean(np.log(latent_model.probabilities(scores, tau))[hits])

    assert loss(None) < loss(1.0)


def test_binary_forgets_weights():
    matrix = sp.csr_array(np.array([[0.0, 2.5], [7, 0]]))
    assert binary(matrix).toarray().tolist() == [[0, 1], [1, 0]]
    assert matrix.toarray().tolist() == [[0, 2.5], [7, 0]]
