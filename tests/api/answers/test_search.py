"""What a target is like, free text to targets, and users described by a text."""

from dataclasses import replace

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from newaisle.api.answers.search import PERSONAL, SEARCH_COLUMNS
from newaisle.api.answers.similar import SIMILAR_COLUMNS
from newaisle.api.answers.users import Profile
from newaisle.api.recommender import Recommender
from newaisle.errors import InputError, UnknownIdError
from newaisle.gnn.prior.kernel import KernelSettings, kernel
from newaisle.gnn.propagation.features import FeatureKind
from newaisle.gnn.retrieval.profile import profile_vector
from newaisle.gnn.retrieval.similarity import similarities
from newaisle.gnn.retrieval.text_search import DECAY, TextSearch
from newaisle.graph import CatalogGraph, Relation


def columns_of(table):
    return {name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()}


@pytest.fixture(scope="module")
def new(fitted):
    """Own ids of new targets."""
    return [fitted.fitted.graph.ids.values[i] for i in fitted.fitted.choose("new").targets]


def below(graph, name):
    """Own ids of all targets below the group of that name."""
    group = graph.names.index(name)
    return {graph.ids.values[i] for i in graph.below(group) if not graph.is_group[i]}


# what it is like


def test_similar_targets_come_nearest_first_without_the_target_itself(fitted, new):
    for among, fewest in (("seen", 100), ("new", 50), ("all", 200), (new[:4], 3)):
        found = columns_of(fitted.similar(new[0], 10**6, among=among))
        assert tuple(found) == SIMILAR_COLUMNS
        assert len(found["target"]) >= fewest
        assert new[0] not in found["target"]
        assert found["similarity"] == sorted(found["similarity"], reverse=True)
        assert all(0 <= similarity <= 1 for similarity in found["similarity"])
        graph = fitted.fitted.graph
        assert found["name"] == [graph.names[graph.ids.position(target)] for target in found["target"]]
    assert len(columns_of(fitted.similar(new[0]))["target"]) == 10


def test_likeness_goes_both_ways_and_siblings_are_near(fitted, new):
    one, other = new[0], columns_of(fitted.similar(new[0], 1))["target"][0]
    there = columns_of(fitted.similar(one, 1, among=[other]))["similarity"]
    assert columns_of(fitted.similar(other, 1, among=[one]))["similarity"] == pytest.approx(there, rel=1e-6)
    graph, shared = fitted.fitted.graph, 0
    for target in new[:40]:
        near = columns_of(fitted.similar(target, 5))["target"]
        own = set(graph.parents[[graph.ids.position(target)]].indices)
        shared += any(own & set(graph.parents[[graph.ids.position(other)]].indices) for other in near)
    assert shared > 30


def test_likeness_goes_by_what_a_target_is_not_by_how_it_stands(latent_model):
    names = latent_model.regressor.blocks.names
    head = replace(latent_model.regressor, settings=KernelSettings(dict.fromkeys(names, 0.1), 0.1))
    place = [
        name
        for name, kind in head.blocks.kinds.items()
        if kind in (FeatureKind.PLACE, FeatureKind.COUNT, FeatureKind.MIX)
    ]
    assert 0 < len(place) < len(names)
    what = KernelSettings({name: 0.1 for name in names if name not in place}, 0.1)
    expected = kernel(head.blocks, what, np.array([3]), latent_model.regressor.seen)[0]
    np.testing.assert_array_equal(similarities(head, np.array([3]), latent_model.regressor.seen)[0], expected)
    alone = replace(head, settings=KernelSettings(dict.fromkeys(place, 0.1), 0.1))  # no weight on anything else
    expected = kernel(head.blocks, alone.settings, np.array([3]), latent_model.regressor.seen)[0]
    np.testing.assert_array_equal(similarities(alone, np.array([3]), latent_model.regressor.seen)[0], expected)


# search


def test_the_name_of_a_category_finds_what_stands_below_it(fitted, journey):
    graph = journey.graph
    for text in ("citrus", "CITRUS", " Citrus "):
        found = columns_of(fitted.search(text, 5))
        assert tuple(found) == SEARCH_COLUMNS
        assert set(found["target"]) <= below(graph, "CITRUS")
        assert found["match"] == found["relevance"] == sorted(found["match"], reverse=True)
        assert all(0 < match <= 1 for match in found["match"])
    assert found["name"] == [graph.names[graph.ids.position(target)] for target in found["target"]]
    assert "CITRUS" in found["because"]
    assert len(below(graph, "TROPICAL FRUIT") & set(columns_of(fitted.search("tropcial fruit", 5))["target"])) >= 3


def test_the_value_of_an_attribute_finds_what_has_it(fitted, journey):
    graph = journey.graph
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    for name in ("SEAFOOD", "DELI"):
        attribute = [str(known) for known in graph.attributes].index(f"department={name}")
        carriers = {graph.ids.values[i] for i in has.tail[has.head == attribute].tolist()}
        assert set(columns_of(fitted.search(name.lower(), 10))["target"]) <= carriers
    private = columns_of(fitted.search("private brand", 10))
    assert set(private["because"]) == {"brand=Private"}


def test_meaning_finds_what_no_letter_does(fitted, journey):
    citrus = below(journey.graph, "CITRUS")
    found = columns_of(fitted.search("tangy juicy yellow or orange fruit", 10))
    assert len(citrus & set(found["target"])) >= 3


def test_search_takes_new_targets_along_and_only_those_meant(fitted, new):
    everything = columns_of(fitted.search("fruit", 10**6))["target"]
    assert set(everything) & set(new)
    only = columns_of(fitted.search("fruit", 10**6, among="new"))["target"]
    assert only == [target for target in everything if target in set(new)]
    some = columns_of(fitted.search("fruit", 10, among=everything[5:8]))["target"]
    assert some == everything[5:8]
    groups = {
        own for own, is_group in zip(fitted.fitted.graph.ids, fitted.fitted.graph.is_group, strict=True) if is_group
    }
    assert not groups & set(everything)


def test_taste_moves_the_match_by_its_share_at_most(fitted):
    users = list(fitted.fitted.users)[:30]
    plain = columns_of(fitted.search("fruit", 10**6))
    match = dict(zip(plain["target"], plain["match"], strict=True))
    lists = set()
    for user in users:
        found = columns_of(fitted.search("fruit", 10**6, user=user))
        assert set(found["target"]) == set(plain["target"])
        assert found["relevance"] == sorted(found["relevance"], reverse=True)
        for target, relevance, own in zip(found["target"], found["relevance"], found["match"], strict=True):
            assert own == match[target]
            assert (1 - PERSONAL) * own - 1e-12 <= relevance <= own + 1e-12
        lists.add(tuple(found["target"][:10]))
    assert len(lists) > 10
    two = columns_of(fitted.recommend(users[0], 10**6, among=plain["target"], exclude_bought=False))["target"]
    found = columns_of(fitted.search("fruit", 10**6, user=users[0], among=plain["target"]))
    factor = {t: r / m for t, r, m in zip(found["target"], found["relevance"], found["match"], strict=True)}
    by_factor = sorted(factor, key=factor.__getitem__, reverse=True)
    assert by_factor == two  # the factor ranks as the user's scores do
    assert factor[two[0]] == pytest.approx(1)
    assert factor[two[-1]] == pytest.approx(1 - PERSONAL)


def test_without_an_encoder_letters_alone_are_compared(journey, given):
    settings = replace(given, kernel=KernelSettings({"ancestors": 0.1}, 0.1))
    model = Recommender(encoder=None, settings=settings).fit(journey.graph, journey.interactions)
    assert set(columns_of(model.search("citrus", 5))["target"]) <= below(journey.graph, "CITRUS")
    assert model.profile("citrus and bacon").targets
    assert columns_of(model.search("qqq xyzzy", 5))["target"] == []  # what does not match at all is left out
    with pytest.raises(InputError, match="Nothing sold resembles 'qqq xyzzy'"):
        model.profile("qqq xyzzy")


FAMILY = pa.table(
    {
        "id": ["zoo", "bird", "owl", "emu", "rock"],
        "name": ["Zoological", "Bird", "Owl", "Emu", "Stone"],
        "parent_id": [None, "zoo", "bird", "bird", None],
        "hue": [None, None, "navy", "green", "grey"],
    }
)


def test_a_match_is_what_its_formula_says():
    shades = pa.table({"name": ["hue"], "value": ["navy"], "parent_value": ["blue"]})
    search = TextSearch(CatalogGraph.from_tables(FAMILY, attribute_parents=shades))
    place = {own: i for i, own in enumerate(search.graph.ids)}
    everything = 0.999  # an exact match leaves a little doubt
    for text, expected in {
        "owl": {"owl": [everything]},
        "zoological": {
            "zoo": [everything],
            "bird": [DECAY * everything],
            "owl": [DECAY**2 * everything],
            "emu": [DECAY**2 * everything],
        },
        "navy": {"owl": [DECAY * everything]},
        "blue": {"owl": [DECAY**2 * everything]},
    }.items():
        match = search.matches(text).match
        for own, i in place.items():
            assert match[i] == pytest.approx(expected.get(own, [0.0])[0], abs=1e-9), (text, own)
    both = search.matches("bird navy")  # each is part of the text only
    own = both.own
    bird, navy = own[place["bird"]], own[len(place) + search.graph.attributes.index(("hue", "navy"))]
    assert 0 < bird < 1
    assert both.match[place["owl"]] == pytest.approx(1 - (1 - DECAY * bird) * (1 - DECAY * navy))
    assert search.reason(search.matches("navy"), place["owl"]) == "hue=navy"
    assert search.reason(search.matches("zoological"), place["owl"]) == "Zoological"
    assert search.reason(search.matches("owl"), place["owl"]) == "Owl"


# profiles


def test_a_profile_names_seen_targets_and_is_folded_in_from_them(fitted, journey):
    somebody = fitted.profile(text="bought lemons, bacon and fresh shrimp")
    assert isinstance(somebody, Profile)
    graph = journey.graph
    positions = graph.ids.positions(somebody.targets)
    assert set(positions) <= set(fitted.fitted.model.regressor.seen)
    assert 3 <= len(somebody.targets) <= 9
    assert {"CITRUS / LEMONS"} < set(somebody.targets)
    factors = fitted.fitted.model.factors
    np.testing.assert_array_equal(somebody.vector, profile_vector(factors, positions))

    def loss(p):  # the formula, minimised by the vector
        misses = 1 - factors.basis[positions] @ p
        pull = p - factors.mean_user
        return factors.settings.alpha * misses @ misses + factors.settings.regularization * pull @ pull

    random = np.random.default_rng(0)
    for _ in range(50):
        assert loss(somebody.vector) <= loss(somebody.vector + random.normal(scale=1e-3, size=len(somebody.vector)))


def test_a_profile_goes_where_users_go(fitted, new):
    somebody = fitted.profile("bacon, sausage and ham")
    user = fitted.fitted.users.values[0]
    mixed = columns_of(fitted.recommend([user, somebody, None], 4, among="all"))
    assert mixed["user"] == [user] * 4 + [None] * 8
    alone = columns_of(fitted.recommend(somebody, 4, among="all"))
    assert alone["target"] == mixed["target"][4:8]
    scores = fitted.score([somebody, None], new)
    assert scores.shape == (2, len(new))
    assert not np.allclose(scores[0], scores[1])
    assert fitted.probabilities(somebody, new).shape == (1, len(new))
    assert columns_of(fitted.search("food", 3, user=somebody))["target"]
    two = fitted.recommend([somebody, fitted.profile("lemons")], 2)
    assert len(columns_of(two)["user"]) == 4


def test_profiles_follow_what_they_name(fitted, journey):
    graph = journey.graph
    meat, fruit = fitted.profile("bacon and dinner sausage"), fitted.profile("oranges, lemons and grapes")
    leaning = fitted.score([meat, fruit], sorted(below(graph, "CITRUS"))).mean(axis=1)
    assert leaning[1] > leaning[0]
    leaning = fitted.score([meat, fruit], sorted(below(graph, "BACON"))).mean(axis=1)
    assert leaning[0] > leaning[1]
    mean = fitted.fitted.model.factors.mean_user
    np.testing.assert_allclose(profile_vector(fitted.fitted.model.factors, np.empty(0, dtype=np.int64)), mean)


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda r: r.similar("no such thing"), UnknownIdError, "Unknown target id 'no such thing'"),
        (lambda r: r.similar(7), UnknownIdError, r"Unknown target id 7: .* \(they are str, not int\)"),
        (lambda r: r.similar("CITRUS / LEMONS", 0), InputError, "k is 0"),
        (lambda r: r.similar("CITRUS / LEMONS", among=["CITRUS / LEMONS"]), InputError, "nothing to compare"),
        (lambda r: r.similar("CITRUS / LEMONS", among=[]), InputError, "list of targets to choose from is empty"),
        (lambda r: r.similar("CITRUS / LEMONS", among="sold"), InputError, "among is 'sold'"),
        (lambda r: r.search(""), InputError, "text is empty"),
        (lambda r: r.search("  \n"), InputError, "text is empty"),
        (lambda r: r.search(None), InputError, "text is empty"),
        (lambda r: r.search("fruit", 0), InputError, "k is 0"),
        (lambda r: r.search("fruit", user=-1), UnknownIdError, "Unknown user id -1"),
        (lambda r: r.search("fruit", among=["x", "y"]), UnknownIdError, "Unknown target ids 'x', 'y'"),
        (lambda r: r.profile(""), InputError, "text is empty"),
        (lambda r: r.profile(", . and"), InputError, "Nothing sold resembles"),
    ],
)
def test_wrong_questions_get_one_clear_sentence(ask, error, told, fitted):
    with pytest.raises(error, match=told) as raised:
        ask(fitted)
    assert "\n" not in str(raised.value)
