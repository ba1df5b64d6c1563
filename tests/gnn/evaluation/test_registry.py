"""A baseline from outside: one class and one line, and every protocol and report knows it."""

import numpy as np
import pytest

from newaisle.errors import InputError
from newaisle.gnn.evaluation.methods import registry
from newaisle.gnn.evaluation.methods.registry import compared_methods, register_method
from newaisle.gnn.evaluation.methods.simple_baselines import SameForAll
from newaisle.gnn.evaluation.runner import evaluate_splits
from newaisle.gnn.validation.splits import buyers


class ParentPopularity:
    """One ranking for all users: the mean number of buyers of the seen targets below the same parents."""

    name = "parent-popularity"

    def __init__(self, seed):
        self.seed = seed

    def fit(self, split):
        up, count = split.graph.parents, buyers(split.train).astype(np.float64)
        self.expected_buyers = up @ ((up.T @ count) / np.maximum(up.T @ (count > 0), 1))
        self.known_buyers = np.where(count > 0, count, self.expected_buyers)

    def score(self, split, users, targets):
        return SameForAll(self.expected_buyers).score(split, users, targets)

    def revealed(self, split, users):
        """First sales count beside the prediction."""
        return SameForAll(self.expected_buyers + buyers(split.test[users]))

    def mixed(self, split):  # noqa: ARG002
        """Of seen targets the buyers are known."""
        return SameForAll(self.known_buyers)

    @property
    def companions(self):
        return {"parent-unknown": Unknown(self)}


class Unknown:
    """The same for a mixed ranking that knows no buyers of seen targets either."""

    def __init__(self, method):
        self.method = method

    def mixed(self, split):  # noqa: ARG002
        return SameForAll(self.method.expected_buyers)


def offer(catalog):
    return ParentPopularity if catalog.graph.parents.nnz else None


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(registry, "METHODS", dict(registry.METHODS))
    register_method(ParentPopularity.name, offer)


@pytest.fixture
def made(registered, journey):  # noqa: ARG001
    """The method as an evaluation offers it, and the same under another name."""
    make = compared_methods(journey.graph, None)[ParentPopularity.name]
    return {ParentPopularity.name: make, "variant": make}


def test_a_registered_baseline_runs_in_every_protocol(journey, made, tmp_path):
    protocols = ["leave-targets-out", "few-shot:0", "few-shot:100", "generalised"]
    results = evaluate_splits(journey.graph, journey.interactions, made, protocols, [0], cache=tmp_path)
    rows = {result.protocol: result.by_method for result in results}
    assert set(rows) == set(protocols)
    assert set(rows["leave-targets-out"]) == set(made)
    assert set(rows["few-shot:0"]) == {*made, "popularity-revealed"}
    assert set(rows["generalised"]) == {*made, "parent-unknown"}  # companions of the registered name alone
    name = ParentPopularity.name
    zero, all_revealed = (rows[level][name].metrics["ndcg@20"] for level in ("few-shot:0", "few-shot:100"))
    assert all_revealed > zero
    known, unknown = (rows["generalised"][each].metrics["ndcg@20:seen"] for each in (name, "parent-unknown"))
    assert known > unknown
    assert rows["generalised"]["variant"] == rows["generalised"][name]
    assert {file.name for file in tmp_path.iterdir() if name in file.read_text()} == set()  # its code is not known


def test_a_catalog_may_not_allow_it(registered, journey):  # noqa: ARG001
    from newaisle.graph.catalog.derive import bare

    assert ParentPopularity.name not in compared_methods(bare(journey.graph), None)


def test_a_name_is_registered_once(registered):  # noqa: ARG001
    with pytest.raises(InputError, match="'parent-popularity' is registered already; give yours another name"):
        register_method(ParentPopularity.name, offer)


def test_an_installed_package_adds_its_methods(monkeypatch, journey):
    class Point:
        name = "of-a-package"

        @staticmethod
        def load():
            return offer

    monkeypatch.setattr(registry, "METHODS", dict(registry.METHODS))
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point] if group == "newaisle.methods" else [])
    assert compared_methods(journey.graph, None)["of-a-package"] is ParentPopularity
