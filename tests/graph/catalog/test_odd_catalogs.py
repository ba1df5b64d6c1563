"""Catalogs and histories of every odd shape: each trains, or ends with one clear sentence; none gives NaN scores.

``test_recommender.py`` asks the Recommender without texts; here are texts, every method of an evaluation, and vectors
that are broken.
"""

import math
import shutil
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file, save_file
from support.encoders import small_encoder

from newaisle.api.recommender import Recommender
from newaisle.api.reports.evaluation import evaluate_source
from newaisle.api.reports.options import EvaluationOptions
from newaisle.errors import InputError, InteractionsError, ModelError
from newaisle.gnn.evaluation.methods.registry import compared_methods
from newaisle.gnn.propagation.features import FeatureKind
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.text.cache import EncodingCache
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, make_split
from newaisle.graph import CatalogGraph, Interactions

TARGETS = [f"t{i:02}" for i in range(24)]
GROUPS = [f"g{i}" for i in range(6)]
SCRIPTS = ["新鲜的苹果", "яблоко", "تفاح", "🍎🍏", "μήλο", "सेब"]


def catalog(**more):
    """24 targets below 6 groups with an attribute and two features, or whatever else is given; None drops a column."""
    columns = {
        "id": [*TARGETS, *GROUPS],
        "name": [f"thing {i}" for i in range(24)] + GROUPS,
        "parent_id": [GROUPS[i % 6] for i in range(24)] + [None] * 6,
        "group": [False] * 24 + [True] * 6,
        "kind": ["x", "y", "z"] * 8 + [None] * 6,
        "price": [float(i) for i in range(24)] + [math.nan] * 6,
        "catalog_size": [1.0 + i for i in range(24)] + [math.nan] * 6,
    } | more
    return CatalogGraph.from_tables(pa.table({name: column for name, column in columns.items() if column is not None}))


def half(column, nothing=None):
    """Every second cell is empty."""
    return [nothing if place % 2 else cell for place, cell in enumerate(column)]


def events(pairs):
    users, targets = zip(*pairs, strict=True)
    return Interactions.from_table(pa.table({"user": list(users), "target": list(targets)}))


def history(sold=18, users=40, each=5):
    random = np.random.default_rng(0)
    return events(sorted({(user, TARGETS[random.integers(sold)]) for user in range(users) for _ in range(each)}))


ALIKE = {"name": ["same"] * 30, "kind": None, "price": None, "catalog_size": None}
CATALOGS = {
    "texts of some targets": lambda: catalog(text=half(["a story of apples", "pears"] * 15)),
    "attributes of some targets": lambda: catalog(kind=half(["x", "y", "z"] * 10)),
    "half of the targets without anything": lambda: catalog(
        text=half(["a story of apples", "pears"] * 15),
        kind=half(["x", "y", "z"] * 10),
        parent_id=[*half([GROUPS[i % 6] for i in range(24)]), *[None] * 6],
        price=half([float(i) for i in range(30)], math.nan),
        catalog_size=half([1.0 + i for i in range(30)], math.nan),
    ),
    "one branch": lambda: catalog(parent_id=["g0"] * 24 + [None] * 6),
    "one chain": lambda: catalog(parent_id=["g0", *TARGETS[:-1], *[None] * 6]),
    "constant features": lambda: catalog(price=[1.0] * 30, catalog_size=[2.0] * 30),
    "nothing but a tree": lambda: catalog(**ALIKE),
    "other scripts": lambda: catalog(name=SCRIPTS * 5, text=[text * 2 for text in SCRIPTS[::-1]] * 5),
}


def vectors(graph, kind):
    """Embeddings of a catalog's texts as an encoder might give them."""
    if kind == "none":
        return None
    made = np.random.default_rng(0).normal(size=(len(graph), 8)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    if kind == "of half":
        made[::2] = 0
    return np.tile(made[:1], (len(graph), 1)) if kind == "alike" else made


@pytest.fixture(autouse=True)
def _strict():
    """A mean of nothing or a division by zero is no warning here but a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGS)
def test_the_recommender_trains_on_odd_catalogs_and_answers(name, encodings):
    recommender = Recommender(cache=encodings).fit(CATALOGS[name](), history())
    targets = list(recommender.fitted.graph.ids)
    users = [*recommender.fitted.users, None]
    scores, chances = recommender.score(users, targets), recommender.probabilities(users, targets)
    for found in (scores, chances):
        assert np.isfinite(found).all()
        assert np.ptp(found, axis=1).min() > 0
    assert np.isfinite(recommender.fitted.confidence).all()
    for text in ("thing 3", *SCRIPTS[:2]):
        found = recommender.search(text, 5, user=users[0])
        assert np.isfinite(found["relevance"].to_pylist()).all()
    alike = recommender.similar(targets[-7], 5)
    assert np.isfinite(alike["similarity"].to_pylist()).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("half of the targets without anything", "of half"),
        ("constant features", "alike"),
        ("nothing but a tree", "none"),
    ],
)
def test_every_method_trains_on_odd_catalogs(name, kind):
    graph = CATALOGS[name]()
    split = make_split(LEAVE_TARGETS_OUT, graph, history().matrix(graph), 0)
    texts = vectors(graph, kind)
    for called, make in compared_methods(graph, texts, texts, ablate=True).items():
        method = make(0)
        method.fit(split)
        scores = method.score(split, np.arange(split.train.shape[0]), split.listed)
        assert not np.isnan(scores).any(), called


@pytest.mark.slow
@pytest.mark.parametrize(
    "sales",
    [
        events([(user, TARGETS[user % 2]) for user in range(24)] + [(user, TARGETS[2]) for user in range(24)]),
        events([(user, target) for user in range(12) for target in TARGETS]),
    ],
    ids=["hardly anything sold", "everybody bought everything"],
)
def test_every_method_trains_on_odd_histories_and_all_figures_are_finite(sales):
    options = EvaluationOptions(protocols=[LEAVE_TARGETS_OUT], seeds=[0], encoder=None)
    done = evaluate_source(catalog(), sales, options)
    assert {row.method for row in done.rows} >= {"newaisle", "linmap", "ceiling", "random"}
    assert [row for row in done.rows if not math.isfinite(row.value)] == []


def test_methods_that_a_bare_catalog_cannot_feed_are_left_out_or_say_so():
    graph = catalog(**ALIKE)
    offered = compared_methods(graph, None, ablate=True)
    assert "newaisle-no-propagation" not in offered  # without its edges nothing is left
    assert {"newaisle", "linmap"} <= set(offered)
    nothing = catalog(**ALIKE, parent_id=None)
    offered = compared_methods(nothing, None)
    assert set(offered) == {"newaisle", "random", "ceiling"}
    split = make_split(LEAVE_TARGETS_OUT, nothing, history().matrix(nothing), 0)
    with pytest.raises(ModelError, match="nothing leads to new ones; add some of them"):
        offered["newaisle"](0).fit(split)


@pytest.mark.parametrize(
    ("sales", "told"),
    [
        (history(sold=1), "Only 1 targets have buyers; leave-targets-out needs at least 2"),
        (events([(u, TARGETS[u % 6]) for u in range(60)]), "No buyer of a hidden target has another purchase left"),
        (events([(1, target) for target in TARGETS[:18]]), r"None of the \d hidden targets has 5 buyers"),
        (events([(1, "elsewhere")]), "No interaction is on a known target"),
    ],
    ids=["a single sold target", "one event per user", "all by one user", "everything new"],
)
def test_what_cannot_be_evaluated_says_so_in_one_sentence(sales, told):
    with pytest.raises(InputError, match=told) as error:
        evaluate_source(catalog(), sales, EvaluationOptions(seeds=[0], encoder=None))
    assert "\n" not in str(error.value)


def test_a_shop_whose_targets_are_all_new_is_refused(encodings):
    with pytest.raises(InteractionsError, match="No interaction is on a known target"):
        Recommender(cache=encodings).fit(catalog(), events([(1, "gone"), (2, "away")]))


def test_a_relation_without_edges_plays_no_part():
    parents = pa.table({"name": ["colour"], "value": ["light blue"], "parent_value": ["blue"]})
    table = {"id": TARGETS, "name": TARGETS, "kind": ["x", "y", "z"] * 8}
    graph = CatalogGraph.from_tables(pa.table(table), attribute_parents=parents)  # nothing has a colour
    fitted = Recommender(encoder=None).fit(graph, history())
    assert not any("colour" in name for name in fitted.fitted.model.regressor.blocks.names)
    assert np.isfinite(fitted.score([*fitted.fitted.users, None], TARGETS)).all()


@pytest.mark.parametrize("what", ["texts", "names"])
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            lambda made: made[:-1],
            r"the {} have the shape \(29, 8\); the catalog 'tables' needs one row for each of its 30",
        ),
        (lambda made: made[0], r"the {} have the shape \(8,\)"),
        (lambda made: np.where(np.arange(30)[:, None] == 7, np.nan, made), r"the {} of 't01' is not finite"),
        (lambda made: np.where(np.arange(30)[:, None] == 29, np.inf, made), r"the {} of 't23' is not finite"),
    ],
    ids=["a row short", "one vector", "NaN", "infinite"],
)
def test_vectors_that_do_not_fit_the_catalog_are_refused(what, damage, told):
    graph = catalog()
    good = vectors(graph, "of all")
    given = {"texts": good, "names": good} | {what: damage(good).astype(np.float32)}
    with pytest.raises(InputError, match=told.format(what)) as error:
        propagate(graph, **given)
    assert "\n" not in str(error.value)


def test_texts_and_names_may_have_vectors_of_different_lengths():
    graph = catalog()
    blocks = propagate(graph, vectors(graph, "of all"), vectors(graph, "of all")[:, :5])
    assert {kind for kind in (FeatureKind.TEXT, FeatureKind.NAME) if kind in blocks.kinds.values()} == {
        FeatureKind.TEXT,
        FeatureKind.NAME,
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_encoder(tmp_path_factory.mktemp("encoders") / "small", 0)


def test_an_encoder_that_gives_nan_is_refused(small, tmp_path):
    broken = Path(shutil.copytree(small, tmp_path / "broken"))
    weights = next(broken.rglob("*.safetensors"))
    arrays = load_file(weights)
    save_file({name: np.full_like(array, np.nan) for name, array in arrays.items()}, weights, {"format": "pt"})
    with pytest.raises(ModelError, match=r"gives numbers that are not finite: its weights are broken; use another"):
        Recommender(encoder=str(broken), cache=tmp_path / "cache.sqlite").fit(catalog(), history())


def test_vectors_of_another_length_in_the_cache_are_not_used(small, tmp_path, caplog):
    cache = tmp_path / "cache.sqlite"
    encoder = TextEncoder(str(small), cache)
    whole = encoder.encode(["apples", "pears"])
    EncodingCache(cache).keep(encoder.identity, {"apples": whole[0, :5]})
    assert np.array_equal(encoder.encode(["apples", "pears"]), whole)
    assert "holds vectors of several lengths" in caplog.text
