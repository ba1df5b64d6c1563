"""Reasons add up: shares of the history to the score, sources and own sales to the score and to the embedding."""

import numpy as np
import pytest

from newaisle.gnn.reasons import history_shares, source_shares

RELATIVE = 1e-5


def adds_up(summands, total):
    """Is the sum right, relative to the sum of absolute terms?"""
    return np.abs(np.sum(summands) - total) <= RELATIVE * np.abs(summands).sum()


@pytest.fixture(scope="module")
def some(journey, space):
    """Four new and four seen targets, among them the best and the least sold."""
    new = np.setdiff1d(np.flatnonzero(~journey.graph.is_group), space.head.seen)
    sold = space.head.seen[np.argsort(space.share[space.head.seen])]
    return [*new[[0, 40, 80, -1]], *sold[[0, 1, -2, -1]]]


def test_the_history_of_every_user_adds_up_to_the_score(fitted, space, some):
    bought = fitted.fitted.bought
    users = np.arange(bought.shape[0])
    scores = space.score(space.factors.user_vectors(users), np.array(some))
    for user in users:
        history = bought.indices[bought.indptr[user] : bought.indptr[user + 1]]
        for place, target in enumerate(some):
            shares = history_shares(space, history, target)
            assert shares.shape == history.shape
            assert adds_up(shares, scores[user, place]) or not len(history)


def test_every_embedding_is_its_sources_and_its_own_sales(space):
    factors = space.head.factors
    for target in range(len(space.vectors)):
        weights, own = source_shares(space, target)
        terms = np.vstack([weights[:, None] * factors, own])
        for dimension in range(factors.shape[1]):
            assert adds_up(terms[:, dimension], space.vectors[target, dimension])


def test_new_targets_have_no_sales_of_their_own_and_seen_ones_do_not_speak_for_themselves(space):
    seen = set(space.head.seen.tolist())
    for target in range(len(space.vectors)):
        weights, own = source_shares(space, target)
        scale = np.abs(weights[:, None] * space.head.factors).sum(axis=0)
        if target in seen:
            assert weights[np.searchsorted(space.head.seen, target)] == 0
        else:
            assert (np.abs(own) <= RELATIVE * scale).all()
    sold = [source_shares(space, target)[1] for target in seen]
    assert (np.abs(sold).max(axis=1) > 1e-3).mean() > 0.5


def test_explanations_add_up_for_every_user(fitted, journey, some):
    own = journey.graph.ids.values
    for place, user in enumerate(fitted.fitted.users):
        for target in (own[some[place % 4]], own[some[4 + place % 4]]):
            found = fitted.explain(user, target)
            assert found.score == fitted.score([user], [target])[0, 0]
            history = np.array([reason.share for reason in found.history])
            assert adds_up(history, found.score) or not len(history)
            through = np.array([*(reason.share for reason in found.sources), found.own_sales])
            assert adds_up(through, found.score)


def test_explanations_name_what_was_bought_what_speaks_for_it_first(fitted, journey, some):
    graph, interactions = journey.graph, journey.interactions
    user = fitted.fitted.users.values[5]
    found = fitted.explain(user, graph.ids.values[some[0]])
    assert (found.user, found.target) == (user, graph.ids.values[some[0]])
    bought = interactions.target[interactions.user == interactions.users.position(user)]
    assert {reason.target for reason in found.history} == {interactions.targets.values[i] for i in np.unique(bought)}
    assert len(found.sources) == len(fitted.fitted.space.head.seen)
    for reasons in (found.history, found.sources):
        shares = [reason.share for reason in reasons]
        assert shares == sorted(shares, reverse=True)
        assert all(reason.name == graph.names[graph.ids.position(reason.target)] for reason in reasons)


def test_users_without_history_have_sources_but_no_history(fitted, some, journey):
    empty = np.flatnonzero(np.diff(fitted.fitted.bought.indptr) == 0)
    user = fitted.fitted.users.values[empty[0]]
    found = fitted.explain(user, journey.graph.ids.values[some[0]])
    assert found.history == ()
    assert adds_up(np.array([*(r.share for r in found.sources), found.own_sales]), found.score)
    assert found.score == fitted.score([None], [found.target])[0, 0]
