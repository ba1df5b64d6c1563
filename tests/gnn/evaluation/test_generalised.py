"""Generalised: seen and new targets stand in one list, and what the user has already stands in none."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from support.fixed_settings import FixedLinMap, FixedNewaisle, FixedPopularity, levels

from newaisle.errors import InputError
from newaisle.gnn.evaluation.methods.ceiling import Ceiling
from newaisle.gnn.evaluation.methods.simple_baselines import RandomScores
from newaisle.gnn.evaluation.protocols.generalised import generalised_split
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.training.balance import choose_balance
from newaisle.gnn.training.folds import make_folds
from newaisle.gnn.validation.mixed_ranking import MixedRanking, harmonic_mean
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, make_split

SEED = 2


@pytest.fixture(scope="module")
def matrix(journey):
    return journey.interactions.matrix(journey.graph)


@pytest.fixture(scope="module")
def split(journey, matrix):
    return generalised_split(journey.graph, matrix, SEED)


def test_a_fifth_of_every_users_purchases_is_hidden_beside_the_targets(split, journey, matrix):
    plain = make_split(LEAVE_TARGETS_OUT, journey.graph, matrix, SEED)
    assert split.hidden.tolist() == plain.hidden.tolist()
    assert split.candidates.tolist() == plain.candidates.tolist()
    before, after = plain.train.toarray(), split.train.toarray()
    test = split.test.toarray()
    assert (test[:, split.hidden] == plain.test.toarray()[:, split.hidden]).all()
    visible = np.setdiff1d(np.arange(len(journey.graph)), split.hidden)
    assert ((test[:, visible] > 0) == ((before > 0) & (after == 0))[:, visible]).all()
    assert (after[after > 0] == before[after > 0]).all()
    taken = (test[:, visible] > 0).sum(axis=1)
    assert taken.tolist() == [int(0.2 * had + 0.5) for had in (before > 0).sum(axis=1)]
    assert split.seen.tolist() == np.flatnonzero(after.any(axis=0)).tolist()
    again = generalised_split(journey.graph, matrix, SEED)
    assert again.train.toarray().tolist() == after.tolist()
    assert generalised_split(journey.graph, matrix, SEED + 1).hidden.tolist() != split.hidden.tolist()


def test_judged_are_users_with_hidden_purchases_of_both_kinds(split):
    test = split.test.toarray()
    both = test[:, split.candidates].any(axis=1) & test[:, split.seen].any(axis=1)
    assert split.users.tolist() == np.flatnonzero(both & split.train.toarray().any(axis=1)).tolist()
    assert len(split.users) > 100


def test_noise_in_what_is_hidden_leaves_the_training_data_alone(split, journey, matrix):
    """The draw of a user's purchases knows how many there are, so only hidden targets are replaced."""
    dense = matrix.toarray()
    dense[:, split.hidden] = np.random.default_rng(0).random((len(dense), len(split.hidden))) < 0.3
    dense[0, split.hidden] = 1  # so that every hidden target stays a sold one
    noisy = generalised_split(journey.graph, sp.csr_array(dense), SEED)
    assert noisy.hidden.tolist() == split.hidden.tolist()
    for part in ("data", "indices", "indptr"):
        assert getattr(noisy.train, part).tobytes() == getattr(split.train, part).tobytes()


def brute(scores, split, kind):
    """NDCG@20 over one kind of purchases, user by user, in one list without what the user has."""
    found = []
    new = set(split.candidates.tolist())
    listed = sorted(new | set(split.seen[~split.graph.is_group[split.seen]].tolist()))
    for user in split.users:
        has = set(split.train.indices[split.train.indptr[user] : split.train.indptr[user + 1]].tolist())
        order = sorted((target for target in listed if target not in has), key=lambda target: -scores[user, target])
        bought = set(split.test.indices[split.test.indptr[user] : split.test.indptr[user + 1]].tolist())
        hits = {target for target in bought & set(listed) if kind in ("all", ("new" if target in new else "seen"))}
        gain = sum(1 / np.log2(rank + 2) for rank, target in enumerate(order[:20]) if target in hits)
        found.append(gain / sum(1 / np.log2(rank + 2) for rank in range(min(20, len(hits)))))
    return np.mean(found)


class Fixed:
    """Given scores."""

    def __init__(self, seed, scores):  # noqa: ARG002
        self.scores = scores

    def fit(self, split):
        pass

    def score(self, split, users, targets):  # noqa: ARG002
        return self.scores[np.ix_(users, targets)]


@pytest.fixture(scope="module")
def found(journey, phi, given, split):
    scores = np.random.default_rng(5).normal(size=split.train.shape)
    methods = {
        "fixed": partial(Fixed, scores=scores),
        "linmap": partial(FixedLinMap, blocks=phi, settings=given),
        "popularity": partial(FixedPopularity, blocks=phi, settings=given),
        "random": RandomScores,
        "ceiling": Ceiling,
    }
    (result,) = evaluate_splits(journey.graph, journey.interactions, methods, ["generalised"], [SEED])
    return result, scores


def test_both_kinds_are_ranked_together(found, split):
    result, scores = found
    metrics = result.by_method["fixed"].metrics
    for metric, kind in (("ndcg@20", "all"), ("ndcg@20:seen", "seen"), ("ndcg@20:new", "new")):
        assert metrics[metric] == pytest.approx(brute(scores, split, kind))
    seen, new = metrics["ndcg@20:seen"], metrics["ndcg@20:new"]
    assert metrics["h"] == pytest.approx(2 / (1 / seen + 1 / new))
    assert "auc" not in metrics
    assert result.counts["users"] == len(split.users)


def test_the_ceiling_is_left_out_and_als_has_a_row_beside_linmap(found):
    result, _ = found
    assert set(result.by_method) == {"fixed", "linmap", "als-only", "popularity", "random"}
    als, linmap = result.by_method["als-only"].metrics, result.by_method["linmap"].metrics
    assert als["ndcg@20:new"] == als["h"] == 0
    assert als["ndcg@20:seen"] >= linmap["ndcg@20:seen"] > result.by_method["random"].metrics["ndcg@20:seen"]
    assert linmap["ndcg@20:new"] > 0


def test_popularity_knows_the_sales_of_seen_targets(found, split, phi, given):
    result, _ = found
    method = FixedPopularity(SEED, phi, given)
    method.fit(split)
    level = levels(split)
    level[split.hidden] = method.score(split, np.array([0]), split.hidden)[0]
    expected = brute(np.tile(level, (split.train.shape[0], 1)), split, "new")
    # equal levels are ranked at random
    assert result.by_method["popularity"].metrics["ndcg@20:new"] == pytest.approx(expected, abs=0.01)


def test_seen_targets_are_lowered_by_the_offset_of_the_settings(split, journey, phi, given):
    make = partial(FixedNewaisle, blocks=phi, settings=replace(given, offset=0.1))
    (found,) = evaluate_splits(journey.graph, journey.interactions, {"newaisle": make}, ["generalised"], [SEED])
    assert set(found.by_method) == {"newaisle", "newaisle-uncorrected"}
    plain, raised = (found.by_method[name].metrics for name in ("newaisle-uncorrected", "newaisle"))
    everybody, targets = np.arange(split.train.shape[0]), np.arange(len(journey.graph))
    newaisle = FixedNewaisle(SEED, phi, replace(given, offset=0.0))
    newaisle.fit(split)
    scores = newaisle.score(split, everybody, targets)
    assert plain["ndcg@20:new"] == pytest.approx(brute(scores, split, "new"))
    length = np.linalg.norm(newaisle.model.factors.user_vectors(everybody), axis=1)[:, None]
    scores[:, np.setdiff1d(targets, split.hidden)] -= 0.1 * length
    assert raised["ndcg@20:new"] == pytest.approx(brute(scores, split, "new"))
    assert raised["ndcg@20:seen"] == pytest.approx(brute(scores, split, "seen"))
    assert raised["ndcg@20:new"] > plain["ndcg@20:new"]


@pytest.mark.slow
def test_the_balance_is_chosen_on_pseudo_new_targets_and_hidden_purchases_alone(split, phi, given):
    """Noise in place of what is hidden changes nothing, and what is chosen is better than nothing."""
    noise = np.random.default_rng(0).random(split.test.shape) < 0.3
    noisy = replace(split, test=sp.csr_array(noise.astype(float)))
    plain = replace(given, offset=0.0, seen_strength=1.0)
    chosen = [
        choose_balance(make_folds(part.graph, part.train, phi, SEED, (part.protocol,)), plain)
        for part in (split, noisy)
    ]
    assert chosen[0] == chosen[1]
    assert chosen[0].offset > 0
    assert chosen[0].seen_strength > 1
    assert choose_balance([], plain) == plain
    shown, found = MixedRanking.of(split, split.users), []
    for settings in (plain, chosen[0]):
        method = FixedNewaisle(SEED, phi, settings)
        method.fit(split)
        found.append(method.score(split, split.users, shown.targets))
    assert harmonic_mean(*shown.ndcgs(found[1])) > harmonic_mean(*shown.ndcgs(found[0]))
    assert shown.seen_ndcg(found[1]) > shown.seen_ndcg(found[0])


def test_harmonic_mean():
    assert harmonic_mean(0.2, 0.6) == pytest.approx(0.3)
    assert harmonic_mean(0.0, 0.6) == harmonic_mean(0.0, 0.0) == 0


def test_without_purchases_of_both_kinds_nobody_is_judged(journey, matrix):
    few = matrix.toarray()
    for row in few:
        row[np.flatnonzero(row)[2:]] = 0  # of two purchases none is hidden
    with pytest.raises(
        InputError, match=r"hidden purchases of seen and of new targets \(generalised, seed 0\)|5 buyers"
    ):
        generalised_split(journey.graph, sp.csr_array(few), 0)
