"""The runner on real purchases: rows, cache, users of a method's own, and the comparison of methods."""

import json
import math
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from support.baselines import simple_baselines
from support.fixed_settings import FixedNewaisle, FixedPopularity

from newaisle.errors import InputError, ModelError
from newaisle.gnn.evaluation.comparison import compare, corrected_standard_error, summary_table
from newaisle.gnn.evaluation.methods.ceiling import Ceiling
from newaisle.gnn.evaluation.methods.registry import compared_methods
from newaisle.gnn.evaluation.methods.simple_baselines import CatalogSize, RandomScores
from newaisle.gnn.evaluation.runner import ResultRow, evaluate_splits
from newaisle.gnn.validation.metrics import ranking_metrics, target_taste_aucs
from newaisle.gnn.validation.splits import PROTOCOLS, make_split

TARGETS, BRANCHES = "leave-targets-out", "leave-branches-out"


@pytest.fixture(scope="module")
def shop(complete_journey):
    """Complete Journey with 150 of its households."""
    return complete_journey.graph, complete_journey.interactions.sample_users(150)


class HalfOracle:
    """The true popularity of the hidden targets among the users it is not judged on."""

    def __init__(self, seed):
        self.seed = seed

    def judged(self, split):
        return np.sort(np.random.default_rng(self.seed).permutation(split.users)[::2])

    def fit(self, split):
        self.buyers = np.delete(split.test.toarray(), self.judged(split), axis=0).sum(axis=0)

    def score(self, split, users, targets):  # noqa: ARG002  # one list
        return np.tile(self.buyers[targets], (len(users), 1))


class Counting(RandomScores):
    """Random scores that count how often they are fitted, and can break down."""

    fitted: list[tuple[str, int]]
    breaks_at: int | None = None

    def __init__(self, seed, config=""):
        super().__init__(seed)
        self.config = config

    def fit(self, split):
        if split.seed == self.breaks_at:
            raise KeyboardInterrupt
        self.fitted.append((split.protocol, split.seed))


@pytest.fixture
def counting():
    """A fresh class, so that counts begin at 0."""
    return type("Counting", (Counting,), {"fitted": []})


def evaluate(*args, **options):
    return [row for result in evaluate_splits(*args, **options) for row in result.rows]


def values_of(rows, protocol, seed, method):
    return {row.metric: row.value for row in rows if (row.protocol, row.seed, row.method) == (protocol, seed, method)}


def test_rows_are_what_the_metrics_say_of_each_split(shop):
    graph, interactions = shop
    embeddings = np.random.default_rng(0).normal(size=(len(graph), 8))
    rows = evaluate(graph, interactions, simple_baselines(graph), [TARGETS, BRANCHES], [0, 1], embeddings=embeddings)
    order = [(row.protocol, row.seed, row.method) for row in rows]
    methods = ["random", "catalog-size"]
    assert list(dict.fromkeys(order)) == [(p, s, m) for p in (TARGETS, BRANCHES) for s in (0, 1) for m in methods]
    matrix = interactions.matrix(graph)
    for protocol in (TARGETS, BRANCHES):
        split = make_split(protocol, graph, matrix, 1)
        bought = split.test.toarray()
        expected = ranking_metrics(
            CatalogSize().score(split, split.users, split.candidates),
            sp.csr_array(bought[np.ix_(split.users, split.candidates)]),
            activity=(split.train.toarray()[split.users] > 0).sum(axis=1),
            buyer_share=bought[:, split.candidates].mean(axis=0),
            embeddings=embeddings[split.candidates],
        )
        found = {row.metric: row.value for row in rows if row.method == "catalog-size" and row.seed == 1}
        assert {"ndcg@20", "recall@20", "precision@20", "mrr", "auc", "coverage@20", "taste_auc"} < set(expected)
        assert expected.items() <= values_of(rows, protocol, 1, "catalog-size").items()
        assert {"novelty", "diversity"} < set(found)


def test_baselines_do_what_their_names_say(shop):
    rows = evaluate(*shop, simple_baselines(shop[0]), [TARGETS], [0])
    chance, size = (values_of(rows, TARGETS, 0, method) for method in ("random", "catalog-size"))
    assert chance["auc"] == pytest.approx(0.5, abs=0.02)
    assert chance["taste_auc"] == pytest.approx(0.5, abs=0.02)
    assert chance["coverage@20"] == 1.0
    assert size["ndcg@20"] > 2 * chance["ndcg@20"]
    assert size["taste_auc"] == 0.5


def test_catalog_size_ranks_by_size_and_puts_unknown_last(shop):
    graph, interactions = shop
    split = make_split(TARGETS, graph, interactions.matrix(graph), 0)
    sizes = graph.features["catalog_size"].copy()
    sizes[split.candidates[0]] = math.nan
    changed = replace(split, graph=replace(graph, features={"catalog_size": sizes}))
    scores = CatalogSize().score(changed, split.users[:2], split.candidates)
    assert scores.shape == (2, len(split.candidates))
    assert (scores[0] == scores[1]).all()
    assert scores[0, 0] == -np.inf
    assert (scores[0, 1:] == sizes[split.candidates[1:]]).all()


def test_without_catalog_sizes_there_is_no_such_baseline(shop):
    graph, interactions = shop
    bare = replace(graph, features={})
    assert {"random", "catalog-size"} & set(compared_methods(bare, None)) == {"random"}
    with pytest.raises(InputError, match="no feature 'catalog_size'"):
        evaluate(bare, interactions, {"catalog-size": lambda _seed: CatalogSize()}, [TARGETS], [0])


def test_users_without_history_are_reported_apart(shop):
    graph, interactions = shop
    matrix = interactions.matrix(graph)
    split = make_split(TARGETS, graph, matrix, 0)
    # a user without whom every target keeps a buyer, so that the draw stays the same
    rare = np.bincount(matrix.indices, minlength=len(graph)) == 1
    lone = next(user for user in split.users if not rare[matrix[[user]].indices].any())
    place = graph.ids.find(interactions.targets)[interactions.target]
    kept = interactions.where((interactions.user != lone) | np.isin(place, split.candidates))
    lines = []
    rows = evaluate(graph, kept, {"catalog-size": lambda _seed: CatalogSize()}, [TARGETS], [0], progress=lines.append)
    found = values_of(rows, TARGETS, 0, "catalog-size")
    bought = split.test[[lone]][:, split.candidates]
    scores = CatalogSize().score(split, np.array([lone]), split.candidates)
    assert found["ndcg@20@without-history"] == ranking_metrics(scores, bought)["ndcg@20"]
    assert "1 without history" in lines[0]
    assert not any("without-history" in row.metric for row in evaluate(*shop, {"random": RandomScores}, [TARGETS], [0]))


def test_a_method_with_users_of_its_own_is_matched_by_the_others(shop):
    graph, interactions = shop
    methods = {**simple_baselines(graph), "ceiling": HalfOracle}
    rows = evaluate(graph, interactions, methods, [TARGETS], [0, 1])
    split = make_split(TARGETS, graph, interactions.matrix(graph), 1)
    own = HalfOracle(1).judged(split)
    relevance = split.test[own][:, split.candidates]
    ceiling, size = (values_of(rows, TARGETS, 1, method) for method in ("ceiling", "catalog-size"))
    oracle = HalfOracle(1)
    oracle.fit(split)
    scores = oracle.score(split, own, split.candidates)
    assert ceiling["ndcg@20"] == ranking_metrics(scores, relevance)["ndcg@20"]
    assert not any("@held-out" in metric for metric in ceiling)
    scores = CatalogSize().score(split, own, split.candidates)
    assert size["ndcg@20@held-out"] == ranking_metrics(scores, relevance)["ndcg@20"]
    assert size["ndcg@20@held-out"] != size["ndcg@20"]
    compared = {(c.method, c.metric): c for c in compare(rows, "ceiling")}
    assert ("catalog-size", "ndcg@20") not in compared
    both = [values_of(rows, TARGETS, seed, "catalog-size")["ndcg@20@held-out"] for seed in (0, 1)]
    top = [values_of(rows, TARGETS, seed, "ceiling")["ndcg@20"] for seed in (0, 1)]
    assert compared["catalog-size", "ndcg@20@held-out"].difference == pytest.approx(np.mean(both) - np.mean(top))


@pytest.fixture(scope="module")
def real_methods(journey, phi, given):
    """newaisle, a baseline on its blocks, one without any, and the ceiling."""
    on_blocks = {kind.name: partial(kind, blocks=phi, settings=given) for kind in (FixedNewaisle, FixedPopularity)}
    return {**on_blocks, **simple_baselines(journey.graph), "ceiling": Ceiling}


@pytest.fixture(scope="module")
def real_results(journey, texts, real_methods, tmp_path_factory):
    """Their results by both protocols, judged in one process, and the folder of cached results."""
    results_folder = tmp_path_factory.mktemp("results_folder")
    options = {"embeddings": texts, "cache": results_folder}
    return evaluate_splits(journey.graph, journey.interactions, real_methods, PROTOCOLS, [0], **options), results_folder


@pytest.mark.slow
def test_several_jobs_give_the_same_bits(journey, texts, real_methods, real_results, tmp_path):
    one, results_folder = real_results
    lines = []
    options = {"embeddings": texts, "cache": tmp_path, "jobs": 2, "progress": lines.append}
    two = evaluate_splits(journey.graph, journey.interactions, real_methods, PROTOCOLS, [0], **options)
    assert two == one
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        file.name: file.read_bytes() for file in results_folder.iterdir()
    }
    assert len(lines) == 2 * (1 + len(real_methods))
    assert {line.partition(",")[0] for line in lines} == set(PROTOCOLS)


def test_single_targets_are_predicted_beside_the_truth(journey, phi, given, real_results):
    results, _ = real_results
    for result in results:
        assert set(result.by_method["newaisle"].targets) > {"level", "confidence", "distance"}
        assert not result.by_method["popularity"].targets
        split = make_split(result.protocol, journey.graph, journey.interactions.matrix(journey.graph), 0)
        assert result.counts["candidates"] == len(split.candidates)
        assert result.counts["users"] == len(split.users)
        targets = result.by_method["newaisle"].targets
        bought = split.test.toarray()[:, split.candidates]
        assert targets["position"] == split.candidates.tolist()
        assert targets["buyers"] == bought.sum(axis=0).tolist()
        assert targets["share"] == bought.mean(axis=0).tolist()
        method = FixedNewaisle(0, phi, given)
        method.fit(split)
        scores = method.score(split, split.users, split.candidates)
        activity = (split.train.toarray()[split.users] > 0).sum(axis=1)
        tastes = target_taste_aucs(scores, split.test[split.users][:, split.candidates], activity)
        assert np.array(targets["taste_auc"], dtype=float) == pytest.approx(tastes, nan_ok=True)
        assert np.nanmean(tastes) == pytest.approx(result.by_method["newaisle"].metrics["taste_auc"])
        everybody = np.flatnonzero(split.train.toarray().any(axis=1))
        chances = method.purchase_probability(split, everybody, split.candidates)[""]
        assert targets["level"] == pytest.approx(chances.mean(axis=0))
        assert targets["confidence"] == pytest.approx(method._model.confidence[split.candidates])
        assert targets["distance"] == pytest.approx(brute_distances(phi, split))


def brute_distances(phi, split):
    dense = [block if isinstance(block, np.ndarray) else block.toarray() for block in phi.matrices.values()]
    return [
        np.sqrt(np.mean([np.sum((block[a] - block[split.seen]) ** 2, axis=1) for block in dense], axis=0)).min()
        for a in split.candidates
    ]


def test_a_cached_result_keeps_its_single_targets(journey, texts, real_methods, real_results, tmp_path):
    results, results_folder = real_results
    shutil.copytree(results_folder, tmp_path, dirs_exist_ok=True)
    kept = next(file for file in tmp_path.iterdir() if '"level"' in file.read_text())
    content = json.loads(kept.read_text())
    content["targets"]["level"][0] = 7.5  # so that a result computed again would show
    kept.write_text(json.dumps(content))
    options = {"embeddings": texts, "cache": tmp_path}
    again = evaluate_splits(journey.graph, journey.interactions, real_methods, PROTOCOLS, [0], **options)
    changed = next(result for result in again if result.protocol == content["protocol"])
    assert changed.by_method["newaisle"].targets == content["targets"]
    assert [result.rows for result in again] == [result.rows for result in results]


def test_a_stopped_run_resumes(shop, tmp_path, counting):
    counting.breaks_at = 1
    with pytest.raises(KeyboardInterrupt):
        evaluate(*shop, {"random": counting}, [TARGETS], [0, 1], cache=tmp_path / "results_folder")
    assert counting.fitted == [(TARGETS, 0)]
    counting.breaks_at = None
    rows = evaluate(*shop, {"random": counting}, [TARGETS], [0, 1], cache=tmp_path / "results_folder")
    assert counting.fitted == [(TARGETS, 0), (TARGETS, 1)]
    assert rows == evaluate(*shop, {"random": counting}, [TARGETS], [0, 1])
    files = sorted((tmp_path / "results_folder").iterdir())
    assert len(files) == 2
    assert all(file.suffix == ".json" for file in files)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda _text: "",
        lambda _text: "[1, 2]",
        lambda _text: "\udcff",
        lambda text: json.dumps({**json.loads(text), "metrics": {}}),
        lambda text: json.dumps({**json.loads(text), "metrics": {"ndcg@20": None}}),
        lambda text: text.replace('"ndcg@20": 0', '"ndcg@20": NaN, "x": 0'),
        lambda text: json.dumps({**json.loads(text), "seed": 9}),
        lambda text: json.dumps({**json.loads(text), "targets": {"level": [0.1, "a"]}}),
        lambda text: json.dumps({**json.loads(text), "targets": {"level": [0.1], "share": [0.1, 0.2]}}),
        lambda text: json.dumps({key: value for key, value in json.loads(text).items() if key != "targets"}),
    ],
)
def test_broken_results_are_computed_again(damage, shop, tmp_path, counting):
    rows = evaluate(*shop, {"random": counting}, [TARGETS], [0], cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole.decode()).encode("utf-8", "surrogateescape"))
    assert file.read_bytes() != whole
    assert evaluate(*shop, {"random": counting}, [TARGETS], [0], cache=tmp_path) == rows
    assert len(counting.fitted) == 2
    assert file.read_bytes() == whole


def test_cached_results_depend_on_data_and_settings(shop, tmp_path, counting):
    graph, interactions = shop
    fewer = interactions.where(np.arange(len(interactions)) > 0)
    heavier = replace(interactions, weight=interactions.weight + 1)
    renamed = replace(graph, names=("another name", *graph.names[1:]))
    group = graph.is_group.copy()
    group[np.flatnonzero(~group)[0]] = True
    regrouped = replace(graph, is_group=group)

    def run(graph=graph, interactions=interactions, name="random", make=counting, **more):
        before = len(counting.fitted)
        evaluate(graph, interactions, {name: make}, [TARGETS], [0], cache=tmp_path, **more)
        return len(counting.fitted) - before

    assert run() == 1
    assert run() == 0
    assert run(interactions=fewer) == 1
    assert run(interactions=heavier) == 1
    assert run(graph=renamed) == 1
    assert run(graph=regrouped) == 1
    assert run(name="another") == 1
    assert run(make=lambda seed: counting(seed, "another setting")) == 1
    assert run(embeddings=np.ones((len(graph), 2))) == 1
    assert run() == 0


def test_a_ceiling_that_joins_later_brings_its_match(shop, tmp_path):
    alone = evaluate(*shop, {"random": RandomScores}, [TARGETS], [0], cache=tmp_path)
    joined = evaluate(*shop, {"random": RandomScores, "ceiling": HalfOracle}, [TARGETS], [0], cache=tmp_path)
    assert "ndcg@20@held-out" not in values_of(alone, TARGETS, 0, "random")
    assert "ndcg@20@held-out" in values_of(joined, TARGETS, 0, "random")


def test_progress_has_a_line_per_split_and_result(shop):
    lines = []
    evaluate(*shop, simple_baselines(shop[0]), [TARGETS, TARGETS], [0, 1, 0], progress=lines.append)
    assert len(lines) == 2 * (1 + 2)
    assert "candidates" in lines[0]
    assert lines[1].startswith(f"{TARGETS}, seed 0, random: NDCG@20 0.")


class NotANumber(RandomScores):
    def score(self, split, users, targets):
        return super().score(split, users, targets) * math.nan


class Guessing(RandomScores):
    def expected(self, split, targets):  # noqa: ARG002
        return {"level": np.full(len(targets), math.nan)}


class Transposed(RandomScores):
    def score(self, split, users, targets):
        return super().score(split, targets, users)


class Stranger(HalfOracle):
    def judged(self, split):
        return np.setdiff1d(np.arange(split.train.shape[0] + 1), split.users)


@pytest.mark.parametrize(
    ("methods", "error", "message"),
    [
        ({"bad": NotANumber}, ModelError, r"'bad' gave scores .* NaN .*leave-targets-out, seed 0"),
        ({"bad": Transposed}, ModelError, "'bad' gave scores of the shape"),
        ({"bad": Guessing}, ModelError, r"'bad' expects a level .* not finite .*leave-targets-out, seed 0"),
        ({"bad": Stranger}, ModelError, "'bad' wants to be judged on other users"),
        ({"one": HalfOracle, "two": HalfOracle}, InputError, "one, two have users of their own"),
    ],
)
def test_methods_that_break_the_contract_are_refused(methods, error, message, shop):
    with pytest.raises(error, match=message):
        evaluate(*shop, methods, [TARGETS], [0])


def test_an_unknown_protocol_is_refused_before_anything_runs(shop, counting):
    with pytest.raises(InputError, match="Unknown protocol 'leave-it'"):
        evaluate(*shop, {"random": counting}, [TARGETS, "leave-it"], [0])
    assert not counting.fitted


def test_without_a_folder_for_results_they_are_not_kept(shop, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    expected = evaluate(*shop, {"random": RandomScores}, [TARGETS], [0])
    assert evaluate(*shop, {"random": RandomScores}, [TARGETS], [0], cache=tmp_path / "file") == expected
    assert "cannot be made" in caplog.text


def rows_of(method, metric, *figures, protocol=TARGETS):
    return [ResultRow(protocol, seed, method, metric, value) for seed, value in enumerate(figures)]


def test_corrected_standard_error():
    # variance .01; 3 splits; a fifth tested on, four fifths trained on
    assert corrected_standard_error([0.1, 0.2, 0.3]) == pytest.approx(math.sqrt(0.01 * (1 / 3 + 0.25)))
    assert corrected_standard_error([0.1]) is None


def test_summary_has_means_in_the_order_of_the_rows():
    rows = rows_of("b", "mrr", 0.2, 0.4) + rows_of("a", "mrr", 0.5) + rows_of("b", "mrr", 0.7, protocol=BRANCHES)
    found = summary_table(rows)
    assert [(s.protocol, s.method, s.seeds) for s in found] == [
        (TARGETS, "b", 2),
        (TARGETS, "a", 1),
        (BRANCHES, "b", 1),
    ]
    assert found[0].mean == pytest.approx(0.3)
    assert found[0].standard_error == pytest.approx(math.sqrt(0.02 * 0.75))
    assert found[1].standard_error is None


def test_comparison_is_paired_by_seed():
    rows = (
        rows_of("newaisle", "mrr", 0.5, 0.9, 0.7) + rows_of("linmap", "mrr", 0.4, 0.8) + rows_of("linmap", "auc", 0.9)
    )
    (found,) = compare(rows, "linmap")
    assert (found.protocol, found.method, found.baseline, found.metric) == (TARGETS, "newaisle", "linmap", "mrr")
    assert found.seeds == 2
    assert found.difference == pytest.approx(0.1)
    assert found.standard_error == pytest.approx(0.0, abs=1e-12)  # though each varies by .4


def test_the_ceiling_is_never_compared_over_other_users():
    rows = rows_of("newaisle", "mrr", 0.5) + rows_of("newaisle", "mrr@held-out", 0.4) + rows_of("ceiling", "mrr", 0.6)
    (found,) = compare(rows, "newaisle")
    assert (found.method, found.metric, found.difference) == ("ceiling", "mrr@held-out", pytest.approx(0.2))
    assert compare(rows_of("newaisle", "mrr", 0.5) + rows_of("ceiling", "mrr", 0.6), "ceiling") == []


def test_comparison_needs_its_baseline():
    with pytest.raises(InputError, match="no result of the method 'linmap'"):
        compare(rows_of("newaisle", "mrr", 0.5), "linmap")
