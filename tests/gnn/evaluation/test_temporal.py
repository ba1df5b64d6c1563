"""Temporal: what was first sold after a date is new, as on that day."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from support.baselines import simple_baselines

from newaisle.errors import InputError
from newaisle.gnn.evaluation.protocols.temporal import events_before, temporal_split
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.propagation.features import FeatureKind
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.training.folds import START_RIDGE, START_WIDTH, start_kernel
from newaisle.gnn.training.tuning import without_strange_numbers
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, make_split
from newaisle.graph import Interactions

DATE = "2017-03-01"
MOMENT = np.datetime64("2017-03-01T00:00:00")


@pytest.fixture(scope="module")
def split(journey):
    return temporal_split(journey.graph, journey.interactions, DATE, 3)


def bought(journey, known):
    """Who bought what before (or after) the moment, as sets of own ids, event by event."""
    events = journey.interactions
    before = events.timestamp < MOMENT
    pairs = zip(events.user[before == known].tolist(), events.target[before == known].tolist(), strict=True)
    return {(user, events.targets.values[target]) for user, target in pairs}


def pairs_of(matrix, graph):
    rows, columns = matrix.nonzero()
    return {(user, graph.ids.values[column]) for user, column in zip(rows.tolist(), columns.tolist(), strict=True)}


def test_new_is_what_was_first_sold_after_the_date(split, journey):
    early, late = bought(journey, True), bought(journey, False)
    new = {target for _, target in late} - {target for _, target in early}
    assert {journey.graph.ids.values[i] for i in split.hidden} == new
    assert pairs_of(split.train, journey.graph) == early
    assert pairs_of(split.test, journey.graph) == {(user, target) for user, target in late if target in new}
    counts = {target: sum(one == target for _, one in late) for target in new}
    assert {journey.graph.ids.values[i] for i in split.candidates} == {t for t, count in counts.items() if count >= 5}
    assert (split.test.data == 1).all()
    assert split.seed == 3
    history = {user for user, _ in early}
    assert all(user in history for user in split.users.tolist())


def test_later_sales_leave_the_training_data_alone(split, journey):
    events = journey.interactions
    known = events_before(events, DATE)
    later = np.flatnonzero(~known)
    user = events.user.copy()
    user[later] = np.random.default_rng(0).permutation(user[later])
    noisy = temporal_split(journey.graph, replace(events, user=user), DATE, 3)
    assert noisy.test.toarray().tolist() != split.test.toarray().tolist()
    assert noisy.hidden.tolist() == split.hidden.tolist()
    for part in ("data", "indices", "indptr"):
        assert getattr(noisy.train, part).tobytes() == getattr(split.train, part).tobytes()


def test_rows_bear_the_date(journey):
    methods = simple_baselines(journey.graph)
    results = evaluate_splits(journey.graph, journey.interactions, methods, [f"temporal:{DATE}"], [0, 1])
    assert [(result.protocol, result.seed) for result in results] == [(f"temporal:{DATE}", 0), (f"temporal:{DATE}", 1)]
    assert results[0].counts == results[1].counts
    assert results[0].by_method["catalog-size"] == results[1].by_method["catalog-size"]


def test_complete_journey_knows_its_catalog_of_a_day(complete_journey):
    loaded = complete_journey
    graph = loaded.as_of("2017-07-01")
    split = temporal_split(loaded.graph, loaded.interactions, "2017-07-01", 0)
    assert len(split.candidates) == 72
    then, now = graph.features["catalog_size"], loaded.graph.features["catalog_size"]
    assert (then <= now).all()
    assert not then[split.hidden].any()
    assert (then[split.seen] > 0).all()
    assert 0 < then.sum() < now.sum()
    assert replace(graph, features=loaded.graph.features).content_hash == loaded.graph.content_hash


@pytest.mark.slow
def test_numbers_that_only_sold_targets_have_are_left_out(complete_journey):
    """Before anything was sold below a category its size is 0, as no sold one's is: nothing teaches what that means."""
    loaded = complete_journey
    then = loaded.as_of(DATE)
    temporal = temporal_split(then, loaded.interactions, DATE, 0)
    hidden = make_split(LEAVE_TARGETS_OUT, loaded.graph, loaded.interactions.matrix(loaded.graph), 0)
    for split, kept in ((temporal, 0.0), (hidden, START_WIDTH)):
        blocks = propagate(split.graph, None)
        start = start_kernel(blocks, START_WIDTH, START_RIDGE)
        unsold = np.setdiff1d(np.flatnonzero(~split.graph.is_group), split.seen)
        weights = without_strange_numbers(start, blocks, split.seen, unsold).weights
        assert weights == {**start.weights, "catalog_size": kept}


@pytest.mark.slow
def test_a_fit_leaves_such_numbers_out(journey):
    """Even the only number there is, but never the only block."""
    matrix = journey.interactions.matrix(journey.graph)
    sold = np.bincount(matrix.indices, minlength=len(journey.graph)) > 0
    graph = replace(journey.graph, features={"sales so far": sold.astype(np.float64)})
    fitted = fit_model(graph, matrix, propagate(graph, None))
    assert fitted.settings.kernel.weights["sales so far"] == 0.0
    alone = propagate(graph, None).of({FeatureKind.FEATURE})
    start = start_kernel(alone, START_WIDTH, START_RIDGE)
    assert without_strange_numbers(start, alone, np.flatnonzero(sold), np.flatnonzero(~sold)) is start


@pytest.mark.parametrize("moment", ["2017-03-01T00:00:00", "17226"])
def test_dates_may_be_times_or_days(moment, journey):
    assert (events_before(journey.interactions, moment) == events_before(journey.interactions, DATE)).all()


@pytest.mark.parametrize(
    ("date", "sentence"),
    [
        ("soon", "'temporal:soon' has no date: give one such as temporal:2017-07-01"),
        ("", "has no date"),
        ("2016-01-01", "All events are after 2016-01-01; give a date between 2017-"),
        ("2020-01-01", "All events are before 2020-01-01; give a date between 2017-"),
    ],
)
def test_bad_dates_are_refused(date, sentence, journey):
    with pytest.raises(InputError, match=sentence):
        temporal_split(journey.graph, journey.interactions, date, 0)


def test_events_without_times_are_refused(journey):
    events = Interactions.from_table(pa.table({"user": ["u"], "target": ["t"]}))
    with pytest.raises(InputError, match="have no times, which temporal:2017-03-01 needs"):
        temporal_split(journey.graph, events, DATE, 0)
