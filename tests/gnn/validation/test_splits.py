"""Splits hide what they say they hide, and nothing of it gets into the training data."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newaisle.errors import InputError
from newaisle.gnn.validation.splits import PROTOCOLS, hide, make_split, obstacle, pseudo_split
from newaisle.graph import CatalogGraph

GROUPS, PER_GROUP, USERS = 10, 6, 120


def inner_split(split, seed):
    return pseudo_split(split.protocol, split.graph, split.train, seed, split.seed, split.signed)


@pytest.fixture(scope="module")
def graph():
    """Two departments over ten groups of six categories each; group 9 has a group of its own in between."""
    ids, parents, groups = ["d0", "d1"], [None, None], [True, True]
    for g in range(GROUPS):
        ids.append(f"g{g}")
        parents.append(f"d{g % 2}")
        groups.append(True)
        for c in range(PER_GROUP):
            ids.append(f"g{g}c{c}")
            parents.append(f"g{g}")
            groups.append(False)
    ids += ["inner", "deep"]
    parents += ["g9", "inner"]
    groups += [True, False]
    return CatalogGraph.from_tables(pa.table({"id": ids, "name": ids, "parent_id": parents, "group": groups}))


@pytest.fixture(scope="module")
def matrix(graph):
    """Purchases of all categories but the last one of every group, which nobody buys; no group is ever bought."""
    random = np.random.default_rng(0)
    weights = random.integers(1, 9, (USERS, len(graph))) * (random.random((USERS, len(graph))) < 0.25)
    weights[:, graph.is_group] = 0
    weights[:, [graph.ids.position(f"g{g}c{PER_GROUP - 1}") for g in range(GROUPS)]] = 0
    return sp.csr_array(weights.astype(float))


def buyers(matrix):
    return (matrix.toarray() > 0).sum(axis=0)


def same(a, b):
    """Are two sparse matrices bit-identical?"""
    return all(getattr(a, part).tobytes() == getattr(b, part).tobytes() for part in ("data", "indices", "indptr"))


def noise_in(matrix, columns, seed=1):
    """The matrix with these columns replaced by random purchases, at least one buyer each."""
    random = np.random.default_rng(seed)
    dense = matrix.toarray()
    dense[:, columns] = random.integers(1, 99, (dense.shape[0], len(columns))) * (
        random.random((dense.shape[0], len(columns))) < 0.5
    )
    dense[random.integers(0, dense.shape[0], len(columns)), columns] = 7
    return sp.csr_array(dense)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_train_and_test_share_out_the_purchases(protocol, graph, matrix):
    split = make_split(protocol, graph, matrix, 0)
    whole, train, test = matrix.toarray(), split.train.toarray(), split.test.toarray()
    visible = np.setdiff1d(np.arange(len(graph)), split.hidden)
    assert not train[:, split.hidden].any()
    assert (train[:, visible] == whole[:, visible]).all()
    assert (test[:, split.hidden] == (whole[:, split.hidden] > 0)).all()
    assert not test[:, visible].any()
    assert split.train.dtype == split.test.dtype == np.float64
    assert split.train.shape == split.test.shape == matrix.shape


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_lists_follow_from_train_and_test(protocol, graph, matrix):
    split = make_split(protocol, graph, matrix, 1)
    assert split.seen.tolist() == np.flatnonzero(buyers(split.train)).tolist()
    assert split.candidates.tolist() == [c for c in split.hidden if buyers(matrix)[c] >= 5]
    hit = split.test.toarray()[:, split.candidates].any(axis=1)
    history = split.train.toarray().any(axis=1)
    assert split.users.tolist() == np.flatnonzero(hit & history).tolist()
    assert split.users_without_history.tolist() == np.flatnonzero(hit & ~history).tolist()


def test_leave_targets_out_hides_a_fifth_of_the_sold_targets(graph, matrix):
    split = make_split("leave-targets-out", graph, matrix, 0)
    sold = np.flatnonzero(buyers(matrix))
    assert len(split.hidden) == len(np.unique(split.hidden)) == round(0.2 * len(sold))
    assert np.isin(split.hidden, sold).all()
    assert not graph.is_group[split.hidden].any()
    assert len(make_split("leave-targets-out", graph, matrix, 0, share=0.5).hidden) == round(0.5 * len(sold))


def test_purchases_of_a_group_never_make_it_a_hidden_target(graph, matrix):
    dense = matrix.toarray()
    dense[:, graph.is_group] = 1.0
    for seed in range(5):
        split = make_split("leave-targets-out", graph, sp.csr_array(dense), seed)
        assert not graph.is_group[split.hidden].any()


def test_leave_branches_out_hides_whole_parents(graph, matrix):
    hidden_parents = set()
    for seed in range(8):
        split = make_split("leave-branches-out", graph, matrix, seed)
        names = {graph.ids.values[i] for i in split.hidden}
        # the parents that directly hold a sold target: ten groups and "inner"; a fifth of eleven is two
        drawn = [g for g in range(GROUPS) if f"g{g}c0" in names]
        hidden_parents |= set(drawn)
        expected = {f"g{g}c{c}" for g in drawn for c in range(PER_GROUP)}
        if 9 in drawn:
            expected |= {"inner", "deep"}
            assert len(drawn) in (1, 2)
        elif "deep" in names:
            expected |= {"deep"}
            assert len(drawn) == 1
        else:
            assert len(drawn) == 2
        assert names == expected  # never bought categories too
        assert not graph.is_group[split.candidates].any()
        assert (buyers(matrix)[split.candidates] >= 5).all()
    assert len(hidden_parents) > 4


def test_a_category_of_two_parents_is_hidden_with_either():
    table = pa.table(
        {
            "id": [*"ABCDE", "x", *"abcde"],
            "name": ["n"] * 11,
            "parent_id": [[]] * 5 + [["A", "B"], ["A"], ["B"], ["C"], ["D"], ["E"]],
            "group": [True] * 5 + [False] * 6,
        }
    )
    graph = CatalogGraph.from_tables(table)
    matrix = sp.csr_array(np.where(graph.is_group, 0.0, 1.0) * np.ones((6, 1)))
    for seed in range(12):
        hidden = {graph.ids.values[i] for i in make_split("leave-branches-out", graph, matrix, seed).hidden}
        assert ("x" in hidden) == bool(hidden & {"a", "b"})
        assert len(hidden - {"x"}) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_seeds_repeat_and_differ(protocol, graph, matrix):
    one, again = make_split(protocol, graph, matrix, 3), make_split(protocol, graph, matrix, 3)
    assert one.hidden.tolist() == again.hidden.tolist()
    assert same(one.train, again.train)
    drawn = {tuple(make_split(protocol, graph, matrix, seed).hidden) for seed in range(6)}
    assert len(drawn) > 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_leak_from_hidden_purchases_into_training_data(protocol, graph, matrix):
    true = make_split(protocol, graph, matrix, 0)
    for seed in range(3):
        noisy = hide(protocol, 0, graph, noise_in(matrix, true.hidden, seed), true.hidden)
        assert not same(noisy.test, true.test)
        assert same(noisy.train, true.train)
        assert noisy.seen.tobytes() == true.seen.tobytes()
        assert noisy.hidden.tobytes() == true.hidden.tobytes()
        inner, noisy_inner = inner_split(true, 0), inner_split(noisy, 0)
        assert same(inner.train, noisy_inner.train)
        assert same(inner.test, noisy_inner.test)
        for part in ("seen", "hidden", "candidates", "users", "users_without_history"):
            assert getattr(inner, part).tobytes() == getattr(noisy_inner, part).tobytes()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_draw_sees_only_which_targets_are_sold(protocol, graph, matrix):
    true = make_split(protocol, graph, matrix, 2)
    sold = np.intersect1d(true.hidden, np.flatnonzero(buyers(matrix)))
    noisy = make_split(protocol, graph, noise_in(matrix, sold), 2)
    assert noisy.hidden.tobytes() == true.hidden.tobytes()
    assert same(noisy.train, true.train)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_inner_split_hides_seen_targets_the_same_way(protocol, graph, matrix):
    outer = make_split(protocol, graph, matrix, 0)
    inner = inner_split(outer, 0)
    assert inner.protocol == protocol
    assert not np.isin(inner.candidates, outer.hidden).any()
    assert not inner.train.toarray()[:, np.union1d(inner.hidden, outer.hidden)].any()
    assert np.isin(inner.candidates, outer.seen).all()
    assert (inner.train.toarray() + inner.test.toarray() > 0).sum() == (outer.train.toarray() > 0).sum()
    if protocol == "leave-targets-out":
        assert len(inner.hidden) == round(0.2 * len(outer.seen))
    assert len({tuple(inner_split(outer, seed).hidden) for seed in range(6)}) > 3


def test_inner_and_outer_seeds_are_streams_of_their_own(graph, matrix):
    # both drawn from the very same pool, so that only the stream can differ
    whole = replace(make_split("leave-targets-out", graph, matrix, 1), train=matrix)
    inner = {tuple(inner_split(whole, seed).hidden) for seed in range(10)}
    outer_draws = {tuple(make_split("leave-targets-out", graph, matrix, seed).hidden) for seed in range(10)}
    assert len(inner) == len(outer_draws) == 10
    assert not inner & outer_draws


def test_users_whose_whole_history_is_hidden_are_kept_apart(graph, matrix):
    split = make_split("leave-targets-out", graph, matrix, 0)
    dense = matrix.toarray()
    dense[0] = 0
    dense[0, split.candidates[0]] = 2
    dense[1, split.candidates] = 0
    changed = hide("leave-targets-out", 0, graph, sp.csr_array(dense), split.hidden)
    assert changed.users_without_history.tolist() == [0]
    assert 0 not in changed.users
    assert 1 not in changed.users


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "leave-nothing-out"}, "Unknown protocol 'leave-nothing-out': use one of leave-targets-out"),
        ({"seed": -1}, "seed is -1"),
        ({"share": 1.0}, "share to hide is 1.0"),
    ],
)
def test_bad_arguments_are_refused(arguments, message, graph, matrix):
    with pytest.raises(InputError, match=message):
        make_split(**{"protocol": "leave-targets-out", "graph": graph, "matrix": matrix, "seed": 0} | arguments)


def test_a_matrix_of_another_graph_is_refused(graph, matrix):
    with pytest.raises(InputError, match="73 columns and the graph 74"):
        make_split("leave-targets-out", graph, matrix[:, :-1], 0)


@pytest.mark.parametrize("parents", [0, 4])
def test_branches_need_parents(parents):
    ids = [f"p{p}" for p in range(parents)] + [f"c{c}" for c in range(12)]
    above = [None] * parents + [f"p{c % parents}" if parents else None for c in range(12)]
    table = pa.table(
        {"id": ids, "name": ids, "parent_id": pa.array(above, pa.string()), "group": [i[0] == "p" for i in ids]}
    )
    graph = CatalogGraph.from_tables(table)
    matrix = sp.csr_array(np.where(graph.is_group, 0.0, 1.0) * np.ones((9, 1)))
    with pytest.raises(InputError, match=f"has {parents} parents .* needs at least 5") as refused:
        make_split("leave-branches-out", graph, matrix, 0)
    assert obstacle("leave-branches-out", graph, matrix) == str(refused.value)
    assert obstacle("leave-targets-out", graph, matrix) is None


def test_an_obstacle_is_reported_only_where_there_is_one(graph, matrix):
    assert obstacle("leave-branches-out", graph, matrix) is None
    unsold = sp.csr_array(matrix.shape)
    assert (
        obstacle("leave-targets-out", graph, unsold)
        == "Only 0 targets have buyers; leave-targets-out needs at least 2."
    )
    with pytest.raises(InputError, match="Unknown protocol"):
        obstacle("leave-nothing-out", graph, matrix)


def test_five_parents_are_enough_for_inner_splits_too():
    ids = [f"p{p}" for p in range(5)] + [f"c{c}" for c in range(20)]
    above = [None] * 5 + [f"p{c % 5}" for c in range(20)]
    graph = CatalogGraph.from_tables(
        pa.table({"id": ids, "name": ids, "parent_id": above, "group": [i[0] == "p" for i in ids]})
    )
    matrix = sp.csr_array(np.where(graph.is_group, 0.0, 1.0) * np.ones((9, 1)))
    outer = make_split("leave-branches-out", graph, matrix, 0)
    inner = inner_split(outer, 0)
    assert len(outer.candidates) == len(inner.candidates) == 4


def test_without_a_candidate_there_is_nothing_to_judge(graph, matrix):
    with pytest.raises(InputError, match="has 5 buyers"):
        make_split("leave-targets-out", graph, matrix[:4], 0)


def test_without_history_there_is_nobody_to_judge(graph, matrix):
    bought = graph.ids.position("g0c0")
    dense = np.zeros(matrix.shape)
    dense[:30, bought] = 1
    with pytest.raises(InputError, match="another purchase left"):
        hide("leave-targets-out", 0, graph, sp.csr_array(dense), np.array([bought]))
