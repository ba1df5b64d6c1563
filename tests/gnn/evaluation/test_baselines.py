"""The baselines: which are offered, what each has to beat, what it knows. All keep the contract in test_contract.py."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from newaisle.errors import InputError, ModelError
from newaisle.gnn.evaluation.methods.ceiling import Ceiling
from newaisle.gnn.evaluation.methods.kernel_baselines import TextCosine
from newaisle.gnn.evaluation.methods.registry import compared_methods
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.validation.metrics import ndcg, taste_auc
from newaisle.gnn.validation.splits import hide
from newaisle.graph.catalog.derive import bare, without

pytestmark = pytest.mark.slow

LEARNING = ("popularity", "text-cosine", "knn", "kernel-ridge", "linmap", "ceiling")
SIMPLE = ("random", "catalog-size")
WITHOUT = [f"newaisle-no-{what}" for what in ("text", "name", "relation", "count", "mix", "place", "feature")]
OWN = ("newaisle", "newaisle-shuffled", "newaisle-no-propagation", "newaisle-uninformed", *WITHOUT, "linmap-on-phi")
ONE_LIST = ("popularity", "catalog-size")


def figure(method, split):
    """NDCG@20 on the users that the method is judged on."""
    users = method.judged(split) if hasattr(method, "judged") else split.users
    hits = split.test[users][:, split.candidates].toarray() > 0
    return ndcg(method.score(split, users, split.candidates), hits)


def test_every_method_of_the_contract_is_offered(methods):
    assert set(methods) == {*LEARNING, *SIMPLE, *OWN}
    assert all(make(0).name == name for name, make in methods.items() if name not in OWN)


@pytest.mark.parametrize("name", ["popularity", "kernel-ridge", "linmap", "ceiling", *OWN])
def test_score_before_fit_is_refused(name, methods, split):
    with pytest.raises(ModelError, match="before fit"):
        methods[name](0).score(split, split.users, split.candidates)


@pytest.mark.parametrize("name", ["popularity", "knn", "kernel-ridge", "linmap", "ceiling", "catalog-size", "newaisle"])
def test_it_beats_chance(name, fitted_methods, split):
    """By three standard errors of the difference over users."""
    method = fitted_methods[name]
    users = method.judged(split) if hasattr(method, "judged") else split.users
    hits = split.test[users][:, split.candidates].toarray() > 0
    scores = method.score(split, users, split.candidates)
    random = np.random.default_rng(1).random(scores.shape)
    gain = [ndcg(scores[[u]], hits[[u]]) - ndcg(random[[u]], hits[[u]]) for u in range(len(users))]
    assert np.mean(gain) > 3 * np.std(gain, ddof=1) / np.sqrt(len(users))


def test_random_is_chance(fitted_methods, split):
    """The mean of a random order over users lies within its standard error of that of many random orders."""
    hits = split.test[split.users][:, split.candidates].toarray() > 0
    random = np.random.default_rng(2)
    draws = [ndcg(random.random(hits.shape), hits) for _ in range(50)]
    assert figure(fitted_methods["random"], split) == pytest.approx(np.mean(draws), abs=4 * np.std(draws, ddof=1))


def test_newaisle_beats_the_articles_method_and_stays_below_the_ceiling(fitted_methods, split):
    newaisle, text = (figure(fitted_methods[name], split) for name in ("newaisle", "text-cosine"))
    assert newaisle > 1.5 * text
    own = fitted_methods["ceiling"].judged(split)
    hits = split.test[own][:, split.candidates].toarray() > 0
    matched = ndcg(fitted_methods["newaisle"].score(split, own, split.candidates), hits)
    assert figure(fitted_methods["ceiling"], split) > matched


def test_the_graph_earns_its_place(fitted_methods, split):
    whole = figure(fitted_methods["newaisle"], split)
    assert whole > figure(fitted_methods["newaisle-shuffled"], split)
    assert whole > figure(fitted_methods["newaisle-no-propagation"], split)


def test_an_ablation_lacks_just_its_part(methods, fitted_methods):
    whole, without = fitted_methods["newaisle"], fitted_methods["newaisle-uninformed"]
    settings = whole.model.settings
    assert without.model.settings == replace(settings, factors=replace(settings.factors, rounds=0))
    assert not np.array_equal(without.model.factors.users, whole.model.factors.users)
    left = methods["newaisle-no-text"](0).blocks
    assert set(whole.blocks.names) - set(left.names) == {"text"}


def test_one_list_for_everybody_knows_no_taste(fitted_methods, split):
    hits = split.test[split.users][:, split.candidates]
    activity = np.diff(split.train.indptr)[split.users]
    for name in ONE_LIST:
        scores = fitted_methods[name].score(split, split.users, split.candidates)
        assert (scores == scores[0]).all()
        assert taste_auc(scores, hits, activity) == 0.5
    taste = fitted_methods["newaisle"].score(split, split.users, split.candidates)
    assert taste_auc(taste, hits, activity) > 0.5


def test_the_ceiling_never_learns_from_those_it_is_judged_on(fitted_methods, split):
    ceiling = fitted_methods["ceiling"]
    judged = ceiling.judged(split)
    assert set(judged) < set(split.users)
    assert 0.3 < len(judged) / len(split.users) < 0.7
    noisy = split.test.toarray()
    noisy[judged] = np.random.default_rng(3).random(noisy[judged].shape) < 0.5
    noisy[:, np.setdiff1d(np.arange(noisy.shape[1]), split.hidden)] = 0
    whole = (split.train + split.test).toarray()
    changed = np.where(np.isin(np.arange(len(whole)), judged)[:, None], split.train.toarray() + noisy, whole)
    other = hide(split.protocol, split.seed, split.graph, sp.csr_array(changed), split.hidden)
    again = Ceiling(0)
    again.fit(other)
    expected = ceiling.score(split, judged, split.candidates)
    assert again.score(other, judged, split.candidates).tobytes() == expected.tobytes()


def test_what_a_catalog_lacks_is_left_out(journey):
    offered = compared_methods(without(journey.graph, ["catalog_size"]), None)
    assert "catalog-size" not in offered
    assert "text-cosine" not in offered
    assert {"newaisle", "linmap", "popularity", "knn", "kernel-ridge", "ceiling", "random"} == set(offered)


def test_text_cosine_needs_texts(journey, split):
    with pytest.raises(InputError, match="has no texts"):
        TextCosine(0, propagate(journey.graph, None)).fit(split)


def test_text_cosine_knows_taste_but_no_popularity(fitted_methods, split):
    """Its lists are hardly better than chance; within a target it does tell buyers from others."""
    hits = split.test[split.users][:, split.candidates]
    activity = np.diff(split.train.indptr)[split.users]
    scores = fitted_methods["text-cosine"].score(split, split.users, split.candidates)
    assert taste_auc(scores, hits, activity) > 0.55


def test_text_cosine_is_the_cosine_with_the_mean_of_the_history(fitted_methods, split, texts):
    scores = fitted_methods["text-cosine"].score(split, split.users[:3], split.candidates)
    for place, user in enumerate(split.users[:3]):
        profile = texts[split.train[[user]].indices].astype(float).mean(axis=0)
        expected = texts[split.candidates].astype(float) @ profile / np.linalg.norm(profile)
        np.testing.assert_allclose(scores[place], expected, atol=1e-6)


def test_results_differ_by_what_was_known(journey, texts, methods):
    other = compared_methods(bare(journey.graph), texts)
    for name in ("newaisle", "linmap", "knn", "kernel-ridge", "popularity"):
        assert methods[name](0).config == methods[name](1).config != other[name](0).config
    assert methods["newaisle"](0).config != methods["newaisle-shuffled"](0).config
