"""Message passing against explicit formulas, and a signal that lies two hops away."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newaisle.gnn.evaluation.methods.kernel_baselines import TextCosine
from newaisle.gnn.evaluation.methods.newaisle import Newaisle
from newaisle.gnn.propagation.features import FeatureBlocks, FeatureKind, extend_blocks
from newaisle.gnn.propagation.message_passing import propagate_dense, propagate_sparse
from newaisle.gnn.propagation.propagate import fit_transform, propagate, transform
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.gnn.validation.metrics import ndcg
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, make_split
from newaisle.graph import CatalogGraph, Relation
from newaisle.graph.catalog.derive import shuffled, without

IDS = ["root", "left", "right", "a", "b", "c", "lone"]


@pytest.fixture(scope="module")
def graph():
    """root above left and right; a below left, b below both, c below right; lone hangs on nothing.

    Materials: oak and pine are wood; a is oak (weight 4) and steel (1), b pine, c steel; wood itself nobody carries.
    """
    categories = {
        "id": IDS,
        "name": IDS,
        "parent_id": pa.array(
            [[], ["root"], ["root"], ["left"], ["left", "right"], ["right"], []], pa.list_(pa.string())
        ),
        "group": [True, True, True, False, False, False, False],
        "size": pa.array([None, None, None, 1, 9, 99, None], pa.float64()),
        "balance": pa.array([None, None, None, -1, 0, 1, None], pa.float64()),
        "alike": [5.0] * 7,
        "unknown": pa.array([None] * 7, pa.float64()),
    }
    attributes = {
        "id": ["a", "a", "b", "c"],
        "name": ["material"] * 4,
        "value": ["oak", "steel", "pine", "steel"],
        "weight": [4.0, 1.0, 1.0, 1.0],
    }
    hierarchy = {"name": ["material"] * 2, "value": ["oak", "pine"], "parent_value": ["wood", "wood"]}
    return CatalogGraph.from_tables(pa.table(categories), pa.table(attributes), attribute_parents=pa.table(hierarchy))


@pytest.fixture(scope="module")
def vectors(graph):
    """Text embeddings; lone has no text."""
    found = np.random.default_rng(0).normal(size=(len(graph), 6))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    found[graph.ids.position("lone")] = 0
    return found.astype(np.float32)


def unit(vector):
    vector = np.asarray(vector, dtype=float)
    return vector / np.linalg.norm(vector)


def rows_of(graph, blocks, name):
    """own id -> row of a block, dense."""
    matrix = blocks.matrices[name]
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return dict(zip(graph.ids, dense, strict=True))


def test_ancestors_are_weakened_by_half_per_further_hop(graph):
    found = rows_of(graph, propagate(graph, None), "ancestors")
    left, right, root = np.eye(3)  # left, right, root: ascending, as positions are
    assert found["a"] == pytest.approx(unit(left + root / 2))
    assert found["c"] == pytest.approx(unit(right + root / 2))
    assert found["b"] == pytest.approx(unit(left + right + root / 2 + root / 2))  # two ways lead to the root
    assert found["left"] == pytest.approx(unit(left + root / 2))  # a general node knows itself
    assert found["root"] == pytest.approx(root)
    assert not found["lone"].any()


def test_attributes_travel_up_their_hierarchy_and_rare_ones_count_more(graph):
    found = rows_of(graph, propagate(graph, None), "material")
    oak, pine, steel, wood = np.eye(4)
    rarity = {"oak": np.log(8 / 1), "pine": np.log(8 / 1), "steel": np.log(8 / 2), "wood": np.log(8 / 2)}
    # edge weights go in by their square root, as a share of the target's own
    share = unit(np.sqrt([4.0, 1.0]))
    expected = share[0] * (oak * rarity["oak"] + wood / 2 * rarity["wood"]) + share[1] * steel * rarity["steel"]
    assert found["a"] == pytest.approx(unit(expected))
    assert found["b"] == pytest.approx(unit(pine * rarity["pine"] + wood / 2 * rarity["wood"]))
    assert found["c"] == pytest.approx(steel)
    assert not found["lone"].any()
    assert found["a"] @ found["b"] > 0  # both are of wood, two hops away


def test_the_explicit_formula_holds_for_the_whole_real_slice(journey, phi):
    graph = journey.graph
    parents = graph.parents.toarray()
    general = parents.any(axis=0)
    reach, step = np.eye(len(graph)), np.eye(len(graph))
    while step.any():
        step = 0.5 * step @ parents
        reach += step
    expected = reach[:, general]
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-300)
    np.testing.assert_allclose(phi.matrices["ancestors"].toarray(), expected, atol=1e-6)
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    for name in ("manufacturer", "brand", "department"):
        own = [i for i, attribute in enumerate(graph.attributes) if attribute.name == name]
        weights = np.zeros((len(graph), len(graph.attributes)))
        weights[has.tail, has.head] = has.weight
        weights = weights[:, own]
        share = np.sqrt(weights) / np.maximum(np.sqrt(weights.sum(axis=1, keepdims=True)), 1e-300)
        rare = share * np.log((len(graph) + 1) / np.maximum((weights > 0).sum(axis=0), 1))
        rare /= np.maximum(np.linalg.norm(rare, axis=1, keepdims=True), 1e-300)
        np.testing.assert_allclose(phi.matrices[name].toarray(), rare, atol=1e-5)
        count = np.log1p((weights > 0).sum(axis=1))
        assert phi.matrices[f"{name} count"][:, 0] == pytest.approx((count - count.mean()) / count.std())


def test_texts_of_parents_reach_their_children(graph, vectors):
    found = propagate(graph, vectors)
    assert (found.matrices["text"] == vectors).all()
    above, own = rows_of(graph, found, "parent text"), dict(zip(graph.ids, vectors, strict=True))
    assert above["a"] == pytest.approx(own["left"], abs=1e-6)
    assert above["b"] == pytest.approx(unit(own["left"] + own["right"]), abs=1e-6)
    assert not above["lone"].any()
    assert not above["root"].any()


def test_features_are_standardised_and_unknown_ones_are_average(graph):
    found = propagate(graph, None)
    logs = np.log1p([1, 9, 99])
    size = rows_of(graph, found, "size")
    assert [size[own][0] for own in "abc"] == pytest.approx(list((logs - logs.mean()) / logs.std()))
    assert size["lone"][0] == 0
    balance = rows_of(graph, found, "balance")  # negative numbers have no logarithm
    assert [balance[own][0] for own in "abc"] == pytest.approx([-np.sqrt(1.5), 0, np.sqrt(1.5)])


def test_the_number_of_values_is_a_number(graph):
    found = rows_of(graph, propagate(graph, None), "material count")
    assert found["a"][0] > found["b"][0] == found["c"][0] > found["lone"][0] == found["root"][0]


def test_blocks_in_which_all_are_alike_are_left_out(graph, vectors):
    found = propagate(graph, vectors)
    numbers = {"material", "material count", "material mix", "size", "balance"}
    assert set(found.names) == {"text", "parent text", "ancestors", "place"} | numbers
    assert set(propagate(graph, None).names) == numbers | {"ancestors"}
    assert propagate(graph, np.zeros_like(vectors)).names == propagate(graph, None).names
    assert "text" not in propagate(graph, np.tile(vectors[:1], (len(graph), 1))).names


def test_a_relation_without_edges_is_left_out(graph, vectors):
    found = propagate(without(graph, ["child_of"]), vectors)
    assert "ancestors" not in found.names
    assert "parent text" not in found.names
    flat = CatalogGraph.from_tables(pa.table({"id": ["a", "b"], "name": ["a", "b"]}))
    assert propagate(flat, None).names == ()


def test_a_feature_and_an_attribute_of_one_name_stay_apart():
    graph = CatalogGraph.from_tables(
        pa.table({"id": ["a", "b"], "name": ["a", "b"], "width": [1.0, 2.0]}),
        pa.table({"id": ["a", "b"], "name": ["width", "width"], "value": ["narrow", "wide"]}),
    )
    assert set(propagate(graph, None).names) == {"width", "width (feature)"}


def test_attributes_named_like_other_blocks_stay_apart():
    values = ["x", "y", "x", "y"]
    names = ["a", "b", "c", "p"]
    columns = {"id": names, "name": names, "parent_id": ["p", "p", None, None], "ancestors": values, "kind": values}
    graph = CatalogGraph.from_tables(
        pa.table(columns), pa.table({"id": ["a", "a"], "name": ["kind", "kind count"], "value": ["z", "z"]})
    )
    found = propagate(graph, None)
    expected = {"ancestors", "ancestors (attribute)", "kind", "kind count", "kind mix", "kind count (attribute)"}
    assert set(found.names) == expected | {"kind count (attribute) count"}
    assert [name for name, kind in found.kinds.items() if kind is FeatureKind.COUNT] == [
        "kind count",
        "kind count (attribute) count",
    ]


def test_relations_have_unit_rows_and_everything_is_finite(phi):
    for name, block in phi.matrices.items():
        dense = block if isinstance(block, np.ndarray) else block.toarray()
        assert np.isfinite(dense).all()
        if not isinstance(block, np.ndarray) or name in ("text", "name", "parent text"):
            length = np.linalg.norm(dense, axis=1)
            assert ((np.abs(length - 1) < 1e-5) | (length == 0)).all()


def test_sparse_messages_are_the_dense_ones_to_the_bit():
    random = np.random.default_rng(0)
    adjacency = sp.random_array((40, 30), density=0.2, rng=random, format="csr")
    vectors = sp.random_array((30, 20), density=0.3, rng=random, format="csr")
    dense = propagate_dense(adjacency, vectors.toarray().astype(np.float32))
    found = propagate_sparse(adjacency, vectors)
    assert found.has_canonical_format
    assert (found.toarray() == dense).all()


def test_using_blocks_does_not_change_them(journey, texts, names):
    first, second = propagate(journey.graph, texts, names), propagate(journey.graph, texts, names)
    some = np.arange(20)
    for name in first.names:
        first.squared_distances(name, some, some)
    assert first.fingerprint == second.fingerprint


def test_squared_distances_are_their_formula(phi):
    random = np.random.default_rng(0)
    size = phi.matrices["text"].shape[0]
    rows, columns = random.choice(size, 30), random.choice(size, 40)
    for name, block in phi.matrices.items():
        dense = block if isinstance(block, np.ndarray) else block.toarray()
        expected = np.square(dense[rows][:, None, :] - dense[columns][None, :, :]).sum(axis=2)
        found = phi.squared_distances(name, rows, columns)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert (found >= 0).all()


@pytest.mark.parametrize("size", [1, 7, 300])
def test_some_targets_are_described_as_all_were_to_the_bit(journey, phi, texts, names, size):
    found, schema = fit_transform(journey.graph, texts, names)
    assert found.fingerprint == phi.fingerprint
    targets = np.sort(np.random.default_rng(size).choice(len(journey.graph), size, replace=False))
    blank = [np.full_like(part, np.nan) for part in (texts, names)]  # nothing else is read than they and what is above
    for part, known in zip(blank, (texts, names), strict=True):
        above = targets
        while len(above):
            part[above] = known[above]
            above = np.unique(journey.graph.parents[above].indices)
    rows = transform(journey.graph, targets, schema, *blank)
    for name, block in phi.matrices.items():
        same, expected = (FeatureBlocks({name: part}).fingerprint for part in (rows[name], block[targets]))
        assert same == expected, name
    assert extend_blocks(phi, rows, targets).fingerprint == phi.fingerprint


def test_rows_are_replaced_and_added(phi):
    size = phi.size
    targets = np.array([3, 10, size, size + 1])
    rows = {name: block[np.array([7, 3, 10, 7])] for name, block in phi.matrices.items()}
    found = extend_blocks(phi, rows, targets)
    order = np.concatenate([np.arange(size), [10, 7]])
    order[[3, 10]] = [7, 3]
    expected = {name: block[order] for name, block in phi.matrices.items()}
    assert found.fingerprint == FeatureBlocks(expected).fingerprint
    assert found.size == size + 2


def test_two_that_grow_from_one_do_not_share_rows(phi):
    size, some, all_but_two = phi.size, np.array([5]), np.arange(2, phi.size)

    def grown(blocks, like, at):
        return extend_blocks(
            blocks, {name: block[np.array([like])] for name, block in phi.matrices.items()}, np.array([at])
        )

    def expected(*rows):
        order = np.concatenate([np.arange(size), rows]).astype(int)
        return FeatureBlocks({name: block[order] for name, block in phi.matrices.items()})

    first = grown(phi, 3, size)
    first.squared_distances("text", some, all_but_two)  # from here on what is compared with is kept
    left, right = grown(first, 4, size + 1), grown(first, 6, size + 1)
    further, replaced = grown(left, 8, size + 2), grown(right, 9, 2)
    assert first.fingerprint == expected(3).fingerprint
    assert left.fingerprint == expected(3, 4).fingerprint
    assert right.fingerprint == expected(3, 6).fingerprint
    assert further.fingerprint == expected(3, 4, 8).fingerprint
    order = np.concatenate([np.arange(size), [3, 6]])
    order[2] = 9
    for name, block in phi.matrices.items():
        for blocks, rows in ((further, [*range(size), 3, 4, 8]), (replaced, order)):
            plain = FeatureBlocks({name: block[np.array(rows)]})
            found = blocks.squared_distances(name, some, all_but_two)
            assert (found == plain.squared_distances(name, some, all_but_two)).all()


def test_what_is_new_gets_an_identity_of_its_own_as_rare_as_can_be(graph, vectors):
    """The graph with a new target d below c, which was a leaf, with a material that nobody had."""
    blocks, schema = fit_transform(graph, vectors)
    categories = {
        "id": [*IDS, "d"],
        "name": [*IDS[:-1], "d", "lone"],  # d is called like lone, lone is not any more
        "parent_id": pa.array(
            [[], ["root"], ["root"], ["left"], ["left", "right"], ["right"], [], ["c"]], pa.list_(pa.string())
        ),
        "size": pa.array([None, None, None, 1, 9, 99, None, -5], pa.float64()),
        "balance": pa.array([None, None, None, -1, 0, 1, None, 2], pa.float64()),
    }
    attributes = {
        "id": ["a", "a", "b", "c", "d", "d"],
        "name": ["material"] * 6,
        "value": ["oak", "steel", "pine", "steel", "steel", "brass"],
        "weight": [4.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    }
    hierarchy = {"name": ["material"] * 2, "value": ["oak", "pine"], "parent_value": ["wood", "wood"]}
    later = CatalogGraph.from_tables(pa.table(categories), pa.table(attributes), attribute_parents=pa.table(hierarchy))
    moved = schema.moved(graph, later).grown(later)
    before = later.ids.find(graph.ids)
    texts = np.zeros((len(later), vectors.shape[1]), dtype=np.float32)
    texts[before] = vectors
    texts[later.ids.position("d")] = vectors[0]
    counted = np.isin(np.arange(len(later)), before)
    rows = transform(later, np.arange(len(later)), moved, texts, counted=counted)

    def row(name, own):
        block = rows[name]
        return (block if isinstance(block, np.ndarray) else block.toarray())[later.ids.position(own)]

    for name, block in blocks.matrices.items():  # who was there before is as before, but for c, which is general now
        dense = block if isinstance(block, np.ndarray) else block.toarray()
        for own in ("a", "b", "left", "root"):
            found = row(name, own)
            assert (found[: dense.shape[1]] == dense[graph.ids.position(own)]).all()
            assert not found[dense.shape[1] :].any()
    left, right, root, c = np.eye(4)  # right and left in the order of fit, c behind them
    assert row("ancestors", "d") == pytest.approx(unit(c + right / 2 + root / 4))
    assert row("ancestors", "c") == pytest.approx(unit(c + right / 2 + root / 4))  # a general node knows itself
    steel, brass = np.log(8 / 2), np.log(8 / 1)
    assert row("material", "d") == pytest.approx(unit([0, 0, steel, 0, brass]))
    assert row("size", "d") == pytest.approx((0 - np.log1p([1, 9, 99]).mean()) / np.log1p([1, 9, 99]).std())
    assert row("balance", "d") == pytest.approx(2 / np.std([-1, 0, 1]))
    assert left @ row("ancestors", "d") == 0


def test_a_namesake_counts_itself_and_those_of_fit():
    names = ["accessories", "accessories", "shoes", "hats"]
    graph = CatalogGraph.from_tables(pa.table({"id": ["a", "b", "c", "d"], "name": names}))
    later = CatalogGraph.from_tables(
        pa.table({"id": ["a", "b", "c", "d", "e", "f", "g"], "name": [*names, "accessories", "shoes", "socks"]})
    )
    random = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    _, schema = fit_transform(graph, random[:4])
    place = transform(later, np.arange(7), schema, random)["place"][:, 0]
    counts = np.log1p([2, 2, 1, 1])
    assert place == pytest.approx((np.log1p([2, 2, 1, 1, 3, 2, 1]) - counts.mean()) / counts.std())


def test_the_fingerprint_knows_names_and_numbers(phi, journey, texts, names):
    assert propagate(journey.graph, texts, names).fingerprint == phi.fingerprint
    moved = dict(phi.matrices)
    moved["text"] = moved["text"] + 1e-12 * (np.arange(len(texts)) == 3)[:, None]
    renamed = {("words" if name == "text" else name): block for name, block in phi.matrices.items()}
    other = dict(phi.matrices)
    other["ancestors"] = sp.csr_array(other["ancestors"] * 2)
    prints = {FeatureBlocks(matrices).fingerprint for matrices in (phi.matrices, moved, renamed, other)}
    assert len(prints) == 4


# A shop whose only signal lies two hops away: target - attribute - its parent - the attribute of a seen target.

KINDS, OF_A_KIND, TASTES = 6, 20, 40
WORDS = (
    "amber river copper lantern winter meadow signal harbor velvet orbit pepper canyon ribbon thunder glacier anchor"
)


@pytest.fixture(scope="module")
def workshop():
    """120 targets, each of a material of its own; 6 kinds of materials; 240 users, each fond of one kind.

    Texts are random words: they say nothing.
    """
    random = np.random.default_rng(0)
    kind = np.repeat(np.arange(KINDS), OF_A_KIND)
    ids = [f"t{i:03}" for i in random.permutation(len(kind))]
    categories = {
        "id": ids,
        "name": ids,
        "text": [" ".join(random.choice(WORDS.split(), 4)) for _ in ids],
        "material": [f"material {own}" for own in ids],
    }
    hierarchy = {
        "name": ["material"] * len(ids),
        "value": categories["material"],
        "parent_value": [f"kind {k}" for k in kind],
    }
    graph = CatalogGraph.from_tables(pa.table(categories), attribute_parents=pa.table(hierarchy))
    fond = np.repeat(np.arange(KINDS), TASTES)
    chance = np.where(fond[:, None] == kind[None, :], 0.4, 0.04)
    bought = np.zeros((len(fond), len(graph)))
    bought[:, graph.ids.positions(ids)] = random.random(chance.shape) < chance
    return graph, sp.csr_array(bought)


@pytest.fixture(scope="module")
def hidden(workshop):
    """A fifth of the targets without their sales."""
    return make_split(LEAVE_TARGETS_OUT, *workshop, seed=0)


def judged(method, split):
    """NDCG@5 of a zero-shot ranking of the hidden targets."""
    method.fit(split)
    scores = method.score(split, split.users, split.candidates)
    return ndcg(scores, split.test[split.users][:, split.candidates].toarray() > 0, 5)


def by_chance(split, draws=400):
    """NDCG@5 of lists drawn at random: mean and standard deviation over whole shops.

    All users of one taste share a list here, as they nearly do in a model without signal, so that the deviation is that
    of a method that guesses one list per taste.
    """
    random = np.random.default_rng(1)
    hits = split.test[split.users][:, split.candidates].toarray() > 0
    taste = split.users // TASTES
    found = [ndcg(random.random((KINDS, hits.shape[1]))[taste], hits, 5) for _ in range(draws)]
    return np.mean(found), np.std(found)


def test_one_hop_carries_nothing_in_the_workshop(workshop):
    graph, _ = workshop
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    assert (np.bincount(has.tail) == 1).all()
    assert np.bincount(has.head).max() == 1
    assert not graph.parents.nnz


@pytest.mark.slow
def test_a_signal_two_hops_away_is_found_and_gone_without_its_edges(workshop, hidden, encodings):
    graph, _ = workshop
    words = TextEncoder(cache=encodings).encode(graph.texts)
    chance, deviation = by_chance(hidden)
    found = judged(Newaisle(0, propagate(graph, words)), hidden)
    text = judged(TextCosine(0, propagate(graph, words)), hidden)
    assert text == pytest.approx(chance, abs=3 * deviation)  # the texts carry no signal
    assert found > 2 * text
    assert found > chance + 8 * deviation
    # the same edges, every leaf with those of another one: no better than chance over six shuffles (if anything worse:
    # a kind that the shuffle gave to many seen targets of one taste has few of that taste left for hidden ones)
    blind = [judged(Newaisle(0, propagate(shuffled(graph, seed), words)), hidden) for seed in range(6)]
    error = np.std(blind, ddof=1) / np.sqrt(len(blind))
    assert np.mean(blind) < chance + 3 * error
    assert np.mean(blind) == pytest.approx(chance, abs=deviation)
    assert max(blind) < chance + 0.5 * (found - chance)
    # one hop alone: the materials without the kinds above them
    one_hop = CatalogGraph.from_tables(
        pa.table({"id": list(graph.ids), "name": list(graph.names), "material": list(graph.ids)})
    )
    assert judged(Newaisle(0, propagate(one_hop, words)), hidden) == pytest.approx(chance, abs=3 * deviation)
