"""Metrics against worked examples, brute force and scikit-learn."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import ndcg_score, roc_auc_score

from newaisle.errors import InputError
from newaisle.gnn.validation.metrics import ndcg, ranking_metrics, target_taste_aucs, taste_auc, tie_breaks


def relevance_of(rows):
    return sp.csr_array(np.array(rows, dtype=float))


def random_case(seed=0, users=60, candidates=35, levels=None):
    """Scores and hits; with ``levels`` the scores take only so many values, so that many are equal."""
    random = np.random.default_rng(seed)
    hits = random.random((users, candidates)) < random.random((users, 1)) * 0.6
    hits[np.arange(users), random.integers(0, candidates, users)] = True
    scores = random.normal(size=hits.shape) if levels is None else random.integers(0, levels, hits.shape).astype(float)
    return scores + 0.5 * hits * (levels is None), hits


def test_worked_example():
    # user 0 sees C A D B and bought A, B; user 1 sees A B C D and bought A
    scores = np.array([[0.6, 0.1, 0.9, 0.5], [0.9, 0.8, 0.7, 0.6]])
    found = ranking_metrics(scores, relevance_of([[1, 1, 0, 0], [1, 0, 0, 0]]), k=3)
    ideal = 1 + 1 / math.log2(3)
    assert found == pytest.approx(
        {
            "ndcg@3": ((1 / math.log2(3)) / ideal + 1) / 2,
            "recall@3": (1 / 2 + 1) / 2,
            "precision@3": (1 / 3 + 1 / 3) / 2,
            "mrr": (1 / 2 + 1) / 2,
            "auc": (1 / 4 + 1) / 2,  # user 0: of A>C, A>D, B>C, B>D only A>D holds
            "coverage@3": 4 / 4,
        }
    )


def test_ideal_and_recall_stop_at_k():
    found = ranking_metrics(np.array([[4.0, 3.0, 2.0, 1.0]]), relevance_of([[1, 1, 1, 0]]), k=2)
    assert (found["ndcg@2"], found["recall@2"], found["precision@2"]) == (1.0, 1.0, 1.0)


def test_list_longer_than_the_candidates():
    found = ranking_metrics(np.array([[1.0, 2.0]]), relevance_of([[1, 0]]), k=20)
    assert found["ndcg@20"] == pytest.approx(1 / math.log2(3))
    assert found["recall@20"] == 1.0
    assert found["precision@20"] == 1 / 20
    assert found["coverage@20"] == 1.0


def test_equal_scores_are_ranked_at_random_for_every_user():
    hits = np.zeros((4000, 8), dtype=bool)
    hits[:, 2] = True
    found = ranking_metrics(np.zeros(hits.shape), sp.csr_array(hits.astype(float)), k=1)
    assert found["precision@1"] == pytest.approx(1 / 8, abs=0.02)
    assert found["mrr"] == pytest.approx(np.mean(1 / np.arange(1, 9)), abs=0.02)
    assert (found["auc"], found["coverage@1"]) == (0.5, 1.0)


def test_who_knows_nothing_gains_nothing_by_a_table_sorted_by_sales():
    share = np.linspace(0.9, 0.01, 200) ** 3
    hits = np.random.default_rng(0).random((300, 200)) < share
    hits[:, 0] = True
    relevance = sp.csr_array(hits.astype(float))
    nothing, known = np.zeros(hits.shape), np.tile(share, (300, 1))
    assert ranking_metrics(known, relevance)["precision@20"] > 0.6
    assert ranking_metrics(nothing, relevance)["precision@20"] == pytest.approx(share.mean(), abs=0.02)
    assert ndcg(nothing, hits) == ranking_metrics(nothing, relevance)["ndcg@20"]


def test_minus_infinity_is_a_score():
    found = ranking_metrics(np.array([[-np.inf, 1.0, -np.inf]]), relevance_of([[0, 1, 0]]), k=2)
    assert (found["ndcg@2"], found["auc"]) == (1.0, 1.0)


def test_auc_leaves_out_users_without_a_pair():
    scores, hits = np.array([[2.0, 1.0], [1.0, 2.0]]), relevance_of([[1, 0], [1, 1]])
    assert ranking_metrics(scores, hits)["auc"] == 1.0
    assert "auc" not in ranking_metrics(scores[1:], hits[1:])


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_against_loops(k, levels):
    scores, hits = random_case(levels=levels)
    ndcg, recall, precision, mrr, shown = [], [], [], [], set()
    for row, bought, breaks in zip(scores, hits, tie_breaks(*scores.shape), strict=True):
        ranked = sorted(range(len(row)), key=lambda c: (-row[c], breaks[c]))
        gains = [1 / math.log2(rank + 2) for rank, c in enumerate(ranked[:k]) if bought[c]]
        ndcg.append(sum(gains) / sum(1 / math.log2(rank + 2) for rank in range(min(k, bought.sum()))))
        recall.append(len(gains) / min(k, bought.sum()))
        precision.append(len(gains) / k)
        mrr.append(next(1 / (rank + 1) for rank, c in enumerate(ranked) if bought[c]))
        shown |= set(ranked[:k])
    found = ranking_metrics(scores, sp.csr_array(hits.astype(float)), k)
    expected = {f"ndcg@{k}": ndcg, f"recall@{k}": recall, f"precision@{k}": precision, "mrr": mrr}
    for name, values in expected.items():
        assert found[name] == pytest.approx(np.mean(values)), name
    assert found[f"coverage@{k}"] == len(shown) / scores.shape[1]


@pytest.mark.parametrize("levels", [None, 4])
def test_against_scikit_learn(levels):
    scores, hits = random_case(seed=1, levels=levels)
    found = ranking_metrics(scores, sp.csr_array(hits.astype(float)), k=10)
    each = [roc_auc_score(bought, row) for bought, row in zip(hits, scores, strict=True) if not bought.all()]
    assert found["auc"] == pytest.approx(np.mean(each))
    if levels is None:  # scikit-learn averages over equal scores
        assert found["ndcg@10"] == pytest.approx(ndcg_score(hits, scores, k=10))


def test_novelty_is_the_self_information_of_what_is_shown():
    scores, hits = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), relevance_of([[1, 0, 0], [1, 0, 0]])
    found = ranking_metrics(scores, hits, k=2, buyer_share=np.array([0.5, 0.25, 0.125]))
    assert found["novelty"] == pytest.approx((1 + 2 + 3 + 2) / 4)


def test_diversity_of_equal_orthogonal_and_opposite_lists():
    scores, hits = np.array([[3.0, 2.0, 1.0, 0.0]]), relevance_of([[1, 0, 0, 0]])

    def diversity(k, *embeddings):
        return ranking_metrics(scores, hits, k, embeddings=np.array(embeddings, dtype=np.float32)).get("diversity")

    assert diversity(2, [1, 1], [2, 2], [1, 0], [0, 1]) == pytest.approx(0.0)
    assert diversity(2, [1, 0], [0, 3], [1, 0], [1, 0]) == pytest.approx(1.0)
    assert diversity(2, [1, 0], [-2, 0], [1, 0], [1, 0]) == pytest.approx(2.0)
    assert diversity(3, [1, 0], [1, 0], [0, 0], [1, 0]) == pytest.approx(1 - (1 + 0 + 0) / 3)
    assert diversity(1, [1, 0], [1, 0], [0, 0], [1, 0]) is None


def test_diversity_against_loops():
    scores, hits = random_case(seed=2)
    embeddings = np.random.default_rng(3).normal(size=(scores.shape[1], 7)) + 0.5
    each = []
    for row in scores:
        shown = embeddings[np.argsort(-row)[:5]]
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for i, a in enumerate(shown) for b in shown[:i]]
        each.append(1 - np.mean(cosines))
    found = ranking_metrics(scores, sp.csr_array(hits.astype(float)), 5, embeddings=embeddings)
    assert found["diversity"] == pytest.approx(np.mean(each))


def brute_taste_auc(scores, hits, activity):
    edges = [np.percentile(activity, p) for p in range(10, 100, 10)]
    decile = [sum(a > edge for edge in edges) for a in activity]
    each = []
    for c in range(hits.shape[1]):
        right, pairs = 0.0, 0
        for buyer in np.flatnonzero(hits[:, c]):
            for other in np.flatnonzero(~hits[:, c]):
                if decile[buyer] == decile[other]:
                    right += (scores[buyer, c] > scores[other, c]) + 0.5 * (scores[buyer, c] == scores[other, c])
                    pairs += 1
        if pairs:
            each.append(right / pairs)
    return np.mean(each)


@pytest.mark.parametrize("levels", [None, 3])
def test_taste_auc_against_loops(levels):
    scores, hits = random_case(seed=4, users=90, candidates=12, levels=levels)
    activity = np.random.default_rng(5).integers(1, 25, len(scores))
    expected = brute_taste_auc(scores, hits, activity)
    found = ranking_metrics(scores, sp.csr_array(hits.astype(float)), activity=activity)
    assert found["taste_auc"] == pytest.approx(expected)


def test_one_list_for_everybody_has_no_taste():
    _, hits = random_case(seed=6, users=200)
    popular = np.tile(hits.sum(axis=0).astype(float), (len(hits), 1))  # even an oracle of popularity
    activity = np.random.default_rng(7).integers(1, 100, len(hits))
    assert taste_auc(popular, sp.csr_array(hits.astype(float)), activity) == 0.5


def test_taste_auc_compares_users_of_like_activity_only():
    activity = np.repeat(np.arange(1, 11), 4)
    hits = np.tile([True, True, False, False], 10)[:, None]
    by_activity = activity[:, None].astype(float)
    assert taste_auc(by_activity, sp.csr_array(hits.astype(float)), activity) == 0.5
    by_taste = by_activity * -10 + hits
    assert taste_auc(by_taste, sp.csr_array(hits.astype(float)), activity) == 1.0


def test_taste_auc_of_every_target():
    scores, hits = random_case(seed=8, users=90, candidates=12)
    hits[:, 3] = True  # nobody to tell its buyers from
    activity = np.random.default_rng(9).integers(1, 25, len(scores))
    relevance = sp.csr_array(hits.astype(float))
    each = target_taste_aucs(scores, relevance, activity)
    assert math.isnan(each[3])
    expected = [brute_taste_auc(scores[:, [c]], hits[:, [c]], activity) for c in range(12) if c != 3]
    assert np.delete(each, 3) == pytest.approx(expected)
    assert taste_auc(scores, relevance, activity) == pytest.approx(np.mean(expected))


def test_taste_auc_without_any_pair_is_undefined():
    everybody = relevance_of([[1], [1]])
    assert math.isnan(taste_auc(np.array([[1.0], [2.0]]), everybody, np.array([1, 1])))
    assert "taste_auc" not in ranking_metrics(np.array([[1.0], [2.0]]), everybody, activity=np.array([1, 1]))


@pytest.mark.parametrize(
    ("scores", "hits", "k", "message"),
    [
        ([[1.0, 2.0]], [[1, 0, 0]], 20, r"shape \(1, 2\)"),
        ([[1.0, math.nan]], [[1, 0]], 20, "row 0, column 1 is NaN"),
        ([[1.0, 2.0], [1.0, 2.0]], [[1, 0], [0, 0]], 20, "row 1 of the relevance has no hit"),
        ([[1.0, 2.0]], [[1, 0]], 0, "k is 0"),
    ],
)
def test_what_cannot_be_judged_is_refused(scores, hits, k, message):
    with pytest.raises(InputError, match=message):
        ranking_metrics(np.array(scores), relevance_of(hits), k)
