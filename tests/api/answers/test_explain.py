"""Reasons add up: shares of the history to the score, sources and own sales to the score and to the embedding."""

import numpy as np
import pytest

from newaisle.gnn.retrieval.attribution import history_shares, offset_share, source_shares

RELATIVE = 1e-5


def adds_up(summands, total):
    """Is the sum right, relative to the sum of absolute terms?"""
    return np.abs(np.sum(summands) - total) <= RELATIVE * np.abs(summands).sum()


@pytest.fixture(scope="module")
def some(journey, latent_model):
    """Four new and four seen targets, among them the best and the least sold."""
    new = np.setdiff1d(np.flatnonzero(~journey.graph.is_group), latent_model.regressor.seen)
    sold = latent_model.regressor.seen[np.argsort(latent_model.prior_share[latent_model.regressor.seen])]
    return [*new[[0, 40, 80, -1]], *sold[[0, 1, -2, -1]]]


def test_the_history_of_every_user_adds_up_to_the_score(fitted, latent_model, some):
    bought = fitted.fitted.bought
    users = np.arange(bought.shape[0])
    scores = latent_model.score(latent_model.factors.user_vectors(users), np.array(some))
    for user in users:
        history = bought.indices[bought.indptr[user] : bought.indptr[user + 1]]
        for place, target in enumerate(some):
            shares = history_shares(latent_model, history, np.ones(len(history)), target)
            assert shares.shape == history.shape
            offset = offset_share(latent_model, target) if len(history) else 0.0
            assert adds_up(np.append(shares, offset), scores[user, place]) or not len(history)


def test_every_embedding_is_its_sources_and_its_own_sales(latent_model):
    factors = latent_model.regressor.factors[:, :-1]
    for target in range(len(latent_model.vectors)):
        weights, own = source_shares(latent_model, target)
        terms = np.vstack([weights[:, None] * factors, own])
        for dimension in range(factors.shape[1]):
            assert adds_up(terms[:, dimension], latent_model.vectors[target, dimension])


def test_new_targets_have_no_sales_of_their_own_and_seen_ones_do_not_speak_for_themselves(latent_model):
    seen = set(latent_model.regressor.seen.tolist())
    for target in range(len(latent_model.vectors)):
        weights, own = source_shares(latent_model, target)
        scale = np.abs(weights[:, None] * latent_model.regressor.factors[:, :-1]).sum(axis=0)
        if target in seen:
            assert weights[np.searchsorted(latent_model.regressor.seen, target)] == 0
        else:
            assert (np.abs(own) <= RELATIVE * scale).all()
    sold = [source_shares(latent_model, target)[1] for target in seen]
    assert (np.abs(sold).max(axis=1) > 1e-3).mean() > 0.5


@pytest.mark.slow
def test_explanations_add_up_for_every_user(fitted, journey, some):
    own = journey.graph.ids.values
    for place, user in enumerate(fitted.fitted.users):
        for target in (own[some[place % 4]], own[some[4 + place % 4]]):
            found = fitted.explain(user, target)
            assert found.score == fitted.score([user], [target])[0, 0]
            history = np.array([reason.share for reason in found.history])
            assert adds_up(np.append(history, found.offset), found.score) or not len(history)
            through = np.array([*(reason.share for reason in found.sources), found.own_sales, found.offset])
            assert adds_up(through, found.score)


def test_explanations_name_what_was_bought_what_speaks_for_it_first(fitted, journey, some):
    graph, interactions = journey.graph, journey.interactions
    user = fitted.fitted.users.values[5]
    found = fitted.explain(user, graph.ids.values[some[0]])
    assert (found.user, found.target) == (user, graph.ids.values[some[0]])
    bought = interactions.target[interactions.user == interactions.users.position(user)]
    assert {reason.target for reason in found.history} == {interactions.targets.values[i] for i in np.unique(bought)}
    assert len(found.sources) == len(fitted.fitted.model.regressor.seen)
    for reasons in (found.history, found.sources):
        shares = [reason.share for reason in reasons]
        assert shares == sorted(shares, reverse=True)
        assert all(reason.name == graph.names[graph.ids.position(reason.target)] for reason in reasons)


def test_users_without_history_have_sources_but_no_history(fitted, some, journey):
    empty = np.flatnonzero(np.diff(fitted.fitted.bought.indptr) == 0)
    user = fitted.fitted.users.values[empty[0]]
    found = fitted.explain(user, journey.graph.ids.values[some[0]])
    assert found.history == ()
    assert adds_up(np.array([*(r.share for r in found.sources), found.own_sales, found.offset]), found.score)
    assert found.score == fitted.score([None], [found.target])[0, 0]


# --- reasons in words ---


@pytest.fixture(scope="module")
def told(fitted, some):
    """Explanations of new, of sold and of own targets for users with much, some and no history."""
    sizes = np.diff(fitted.fitted.bought.indptr)
    users = [
        fitted.fitted.users.values[i] for i in (np.argmax(sizes), np.argsort(sizes)[len(sizes) // 2], np.argmin(sizes))
    ]
    ids = fitted.fitted.graph.ids.values
    own = int(fitted.fitted.histories.bought_by(int(np.argmax(sizes)))[0])
    return [fitted.explain(user, ids[target]) for user in users for target in (*some, own)]


def test_the_strongest_reasons_of_both_sums_are_told_once_each(told):
    for found in told:
        for kind, summands in (("bought", found.history), ("resembles", found.sources)):
            strongest = {reason.target for reason in summands[:5] if reason.share > 0}
            spoken = [reason for because in found.because if because.kind == kind for reason in because.reasons]
            assert sorted(reason.target for reason in spoken) == sorted(strongest)
            assert set(spoken) <= set(summands)
        for because in found.because:
            expected = found.own_sales if because.kind == "sales" else sum(r.share for r in because.reasons)
            assert because.share == pytest.approx(expected, rel=RELATIVE)
            assert f"({because.share:.4f} of the score {found.score:.4f})" in because.sentence
    assert {because.kind for found in told for because in found.because} == {"bought", "resembles", "sales"}


def test_sentences_name_what_the_user_bought_and_what_ties_it(told, journey):
    graph = journey.graph
    for found in told:
        name = graph.names[graph.ids.position(found.target)]
        for because in found.because:
            assert all(reason.name in because.sentence for reason in because.reasons)
            assert name in because.sentence
            if because.kind == "bought":
                assert because.sentence.startswith((f"User {found.user} buys ", f"User {found.user} often buys "))
            for path in because.paths:
                shown = {"attribute": path.via.partition("=")[0], "ancestor": "stand", "text": "described much like"}
                assert shown[path.kind] in because.sentence
    sentences = [because.sentence for found in told for because in found.because]
    for part in ("share department (", "shares ", " with it below ", "is described much like", "the mean user"):
        assert any(part in sentence for sentence in sentences), part


def test_one_is_told_apart_from_others_of_the_same_name(told, journey):
    named = [because for found in told for because in found.because for reason in because.reasons]
    for because in named:
        for reason in because.reasons:
            if journey.graph.names.count(reason.name) > 1:
                assert f"{reason.name} ({reason.target})" in because.sentence


def test_paths_lead_from_the_reason_to_the_target(told, journey):
    graph = journey.graph
    for found in told:
        for because in found.because:
            assert {path.target for path in because.paths} <= {reason.target for reason in because.reasons}
            for path in because.paths:
                ends = graph.keys[graph.ids.position(path.target)], graph.keys[graph.ids.position(found.target)]
                assert (path.keys[0], path.keys[-1]) == ends
                assert path.weight > 0
                assert not any(value in path.cypher.replace("tables:", "") for value in path.parameters.values())


def test_the_store_finds_the_paths_that_are_told(told, journey, any_store):
    any_store.write(journey.graph)
    graph = journey.graph
    paths = {path.keys: path for found in told for because in found.because for path in because.paths}
    by_kind = {
        kind: [path for path in paths.values() if path.kind == kind] for kind in ("attribute", "ancestor", "text")
    }
    for kind, some_paths in by_kind.items():
        assert len(some_paths) > 5
        for path in some_paths[:12]:
            answer = any_store.query(path.cypher, path.parameters)
            (row,) = (dict(zip(answer.columns, values, strict=True)) for values in answer.rows)
            if kind == "text":
                one, other = (graph.keys.index(key) for key in path.keys)
                read = [graph.names[one], graph.texts[one], graph.names[other], graph.texts[other]]
                assert list(row.values()) == read
            else:
                assert (row["tie"], row["via"], tuple(row["keys"]), row["path"]) == (
                    kind,
                    path.via,
                    path.keys,
                    path.path,
                )
