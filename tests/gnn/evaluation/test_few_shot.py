"""Few-shot: one half of the users is judged, of the other half more and more reveal what they bought of new targets."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from support.fixed_settings import FixedLinMap, FixedNewaisle

from newaisle.errors import InputError, ModelError
from newaisle.gnn.evaluation.contracts import Learning
from newaisle.gnn.evaluation.methods.ceiling import Ceiling
from newaisle.gnn.evaluation.methods.linmap import AlsRevealed
from newaisle.gnn.evaluation.methods.simple_baselines import PopularityRevealed, RandomScores
from newaisle.gnn.evaluation.protocols.few_shot import Halves
from newaisle.gnn.evaluation.protocols.names import LEVELS, expand
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.validation.metrics import ndcg
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, hide, make_split

SEED = 1


@pytest.fixture(scope="module")
def split(journey):
    return make_split(LEAVE_TARGETS_OUT, journey.graph, journey.interactions.matrix(journey.graph), SEED)


@pytest.fixture(scope="module")
def newaisle(split, phi, given):
    method = FixedNewaisle(SEED, phi, given)
    method.fit(split)
    return method


@pytest.fixture(scope="module")
def linmap(split, phi, given):
    method = FixedLinMap(SEED, phi, given)
    method.fit(split)
    return method


@pytest.fixture
def counted():
    """A fresh class, so that fits count from 0."""
    return type("Counted", (FixedNewaisle,), {"fits": 0})


def test_more_and_more_of_one_half_reveal_and_the_other_is_judged(split):
    halves = Halves.of(split, SEED)
    users = split.train.shape[0]
    assert sorted([*halves.order, *halves.rest]) == list(range(users))
    assert 0.4 < len(halves.order) / users < 0.6
    assert set(halves.judged) == set(halves.rest) & set(split.users)
    revealing = [set(halves.revealing(level)) for level in LEVELS]
    assert [len(some) for some in revealing] == [int(np.ceil(level / 100 * len(halves.order))) for level in LEVELS]
    assert all(fewer < more for fewer, more in pairwise(revealing))
    assert revealing[-1] == set(halves.order)
    assert halves.judged.tolist() == Ceiling(SEED).judged(split).tolist()
    assert Halves.of(split, SEED + 1).order.tolist() != halves.order.tolist()


def test_newaisle_solves_the_update_for_who_revealed(split, newaisle):
    revealing = Halves.of(split, SEED).revealing(30)
    after, before = newaisle.revealed(split, revealing)._model, newaisle._model
    settings, users = before.settings, before.factors.users
    for target in split.candidates[:5]:
        # the normal equations written out: everyone who revealed is exposed, buyers with the weight alpha
        bought = split.test[revealing][:, [target]].toarray()[:, 0] > 0
        own = users[revealing]
        exposure = len(revealing) / len(users)
        strength = settings.gamma(exposure) / (before.prior.variance[target] + settings.kernel.ridge)
        weight = np.where(bought, settings.factors.alpha, 1.0)
        system = own.T @ (own * weight[:, None]) + strength * np.eye(own.shape[1])
        right = settings.factors.alpha * own[bought].sum(axis=0) + strength * before.prior.mean[target]
        assert after.vectors[target] == pytest.approx(np.linalg.solve(system, right))
    assert (after.vectors[split.seen] == before.vectors[split.seen]).all()
    assert (after.prior_share[split.listed] < 1).all()
    assert (before.prior_share[split.listed] == 1).all()
    assert (after.confidence[split.listed] > before.confidence[split.listed]).all()


def test_who_reveals_nothing_learns_nothing(split, newaisle):
    assert newaisle.revealed(split, np.array([], dtype=np.int64)) is newaisle


def test_the_more_is_revealed_the_better_the_ranking(split, newaisle):
    halves = Halves.of(split, SEED)
    hits = split.test[halves.judged][:, split.candidates].toarray() > 0
    found = [
        ndcg(newaisle.revealed(split, halves.revealing(level)).score(split, halves.judged, split.candidates), hits)
        for level in (0, 10, 100)
    ]
    assert found[0] < found[1] < found[2]


def test_popularity_counts_who_revealed(split):
    revealing = Halves.of(split, SEED).revealing(10)
    method = PopularityRevealed(SEED)
    method.fit(split)
    assert not method.score(split, split.users[:2], split.candidates).any()
    scores = method.revealed(split, revealing).score(split, split.users[:2], split.candidates)
    assert (scores == split.test.toarray()[np.ix_(revealing, split.candidates)].sum(axis=0)).all()
    assert isinstance(method, Learning)


def test_als_alone_knows_only_what_was_revealed(split, linmap):
    revealing = Halves.of(split, SEED).revealing(30)
    method = AlsRevealed(linmap).revealed(split, revealing)
    factors, _ = linmap.parts
    own, settings = factors.users[revealing], factors.settings
    target = split.candidates[0]
    bought = split.test[revealing][:, [target]].toarray()[:, 0] > 0
    system = own.T @ (own * np.where(bought, settings.alpha, 1.0)[:, None])
    system += settings.regularization * np.eye(own.shape[1])
    expected = np.linalg.solve(system, settings.alpha * own[bought].sum(axis=0))
    assert method.score(split, split.users, np.array([target]))[:, 0] == pytest.approx(
        factors.users[split.users] @ expected
    )
    nobody = AlsRevealed(linmap).revealed(split, np.array([], dtype=np.int64))
    assert not nobody.score(split, split.users, split.candidates).any()


def test_purchases_of_those_who_did_not_reveal_change_no_bit(split, journey, newaisle, linmap):
    halves = Halves.of(split, SEED)
    revealing = halves.revealing(10)
    dense = journey.interactions.matrix(journey.graph).toarray()
    silent = np.setdiff1d(np.arange(len(dense)), revealing)
    noise = np.random.default_rng(0).random((len(silent), len(split.hidden))) < 0.3
    dense[np.ix_(silent, split.hidden)] = noise
    noisy = hide(split.protocol, split.seed, journey.graph, sp.csr_array(dense), split.hidden)
    assert noisy.test.toarray().tolist() != split.test.toarray().tolist()
    for part in (split, noisy):
        assert part.train.toarray().tolist() == split.train.toarray().tolist()
    popular = PopularityRevealed(SEED)
    for reveal in (newaisle.revealed, popular.revealed, AlsRevealed(linmap).revealed):
        one, two = (reveal(part, revealing).score(part, halves.rest, split.hidden).tobytes() for part in (split, noisy))
        assert one == two


@pytest.fixture(scope="module")
def results_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results_folder")


@pytest.mark.slow
def test_one_fit_serves_all_shares(journey, phi, given, counted, results_folder):
    methods = {"newaisle": partial(counted, blocks=phi, settings=given), "random": RandomScores, "ceiling": Ceiling}
    lines = []
    run = partial(evaluate_splits, journey.graph, journey.interactions, methods, seeds=[SEED], cache=results_folder)
    first = run(protocols=["few-shot:0", LEAVE_TARGETS_OUT, "few-shot:10"], progress=lines.append)
    assert counted.fits == 2  # one of leave-targets-out, one of few-shot
    assert [result.protocol for result in first] == ["few-shot:0", LEAVE_TARGETS_OUT, "few-shot:10"]
    results = run(protocols=["few-shot"])
    assert counted.fits == 3
    assert [result.protocol for result in results] == [f"few-shot:{level}" for level in LEVELS]
    assert (results[0], results[3]) == (first[0], first[2])
    assert run(protocols=["few-shot"]) == results
    assert counted.fits == 3
    names = {"newaisle", "random", "popularity-revealed", "ceiling"}
    assert all(set(result.by_method) == names for result in results)
    assert len({result.counts["users"] for result in results}) == 1
    assert any(line.startswith(f"few-shot:10, seed {SEED}, popularity-revealed: NDCG@20") for line in lines)
    figures = {name: [result.by_method[name].metrics["ndcg@20"] for result in results] for name in names}
    assert len(set(figures["random"])) == len(set(figures["ceiling"])) == 1
    assert figures["newaisle"][-1] > figures["newaisle"][0]
    assert figures["popularity-revealed"][-1] > figures["popularity-revealed"][0]
    assert results[0].by_method["newaisle"].metrics["brier"] > results[-1].by_method["newaisle"].metrics["brier"]


def test_nobody_revealing_is_the_zero_shot_ranking_on_half_the_users(
    journey, phi, split, newaisle, given, counted, results_folder
):
    methods = {"newaisle": partial(counted, blocks=phi, settings=given)}
    (zero,) = evaluate_splits(
        journey.graph, journey.interactions, methods, ["few-shot:0"], [SEED], cache=results_folder
    )
    judged = Halves.of(split, SEED).judged
    scores = newaisle.score(split, judged, split.candidates)
    hits = split.test[judged][:, split.candidates].toarray() > 0
    assert zero.by_method["newaisle"].metrics["ndcg@20"] == pytest.approx(ndcg(scores, hits))


def test_als_has_a_row_beside_linmap(journey, phi, given):
    make = partial(FixedLinMap, blocks=phi, settings=given)
    methods = {"linmap": make, "linmap-on-phi": make}
    (found,) = evaluate_splits(journey.graph, journey.interactions, methods, ["few-shot:100"], [SEED])
    assert set(found.by_method) == {*methods, "als-revealed", "popularity-revealed"}
    assert found.by_method["linmap"] == found.by_method["linmap-on-phi"]
    assert found.by_method["als-revealed"] != found.by_method["linmap"]


class Strangers(RandomScores):
    def judged(self, split):
        return split.users[:1]


def test_other_users_of_its_own_are_refused(journey):
    with pytest.raises(ModelError, match="'strange' wants to be judged on other users"):
        evaluate_splits(journey.graph, journey.interactions, {"strange": Strangers}, ["few-shot:0"], [SEED])


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ("few-shot:7", "no such share: give few-shot:P with P one of 0, 1, 3, 10, 30, 100"),
        ("few-shot:", "no such share"),
        ("few-shot:010", "no such share"),
        ("some-shot", "Unknown protocol 'some-shot': use one of leave-targets-out, leave-branches-out, few-shot"),
    ],
)
def test_bad_protocols_are_refused(protocol, message):
    with pytest.raises(InputError, match=message):
        expand([protocol])


def test_few_shot_alone_means_all_its_shares_once():
    assert expand(["few-shot:3", "few-shot"]) == [f"few-shot:{level}" for level in (3, 0, 1, 10, 30, 100)]
