"""How an evaluation judges forecasts of the number of buyers."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newaisle.gnn.calibration.forecast import Forecast
from newaisle.gnn.evaluation import forecasts
from newaisle.gnn.evaluation.forecasts import forecast_metrics
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, hide
from newaisle.graph import CatalogGraph


@pytest.fixture
def small():
    """Six targets, the last two hidden; 12 users bought one of these, half of them nothing else."""
    bought = np.zeros((20, 6))
    bought[:14, 0], bought[10:14, 1] = 1, 1
    bought[8:18, 4], bought[18:, 5] = 1, 1
    graph = CatalogGraph.from_tables(pa.table({"id": list("abcdef"), "name": list("abcdef")}))
    return hide(LEAVE_TARGETS_OUT, 0, graph, sp.csr_array(bought), np.array([4, 5]))


def forecast(expected, low, high):
    known, low, high = (np.array(values, dtype=np.float64) for values in (expected, low, high))
    return Forecast(known, np.ones(len(known)), low, high)


def test_buyers_without_history_count(small):
    found = forecast_metrics(forecast([5.0, 2.0], [9, 0], [10, 1]), small)
    assert found == {"forecast_coverage": 0.5, "forecast_ratio": pytest.approx(4.5 / 6)}


def test_the_best_sold_are_left_out_by_what_is_known_of_them(small, monkeypatch):
    monkeypatch.setattr(forecasts, "BEST_SOLD", 2)
    found = forecast_metrics(forecast([5.0, 2.0], [0, 0], [10, 1]), small)  # the best: 14 and 6, not 10 that came true
    assert found["forecast_coverage:tail"] == 0.0
    assert found["forecast_ratio:tail"] == pytest.approx(3 / 2)


@pytest.mark.slow
def test_every_hidden_target_of_a_catalog_is_judged(fitted_methods, split):
    method = fitted_methods["newaisle"]
    found = forecast_metrics(method.forecast(split, split.listed), split)
    assert set(found) == {f"forecast_{name}{part}" for name in ("coverage", "ratio") for part in ("", ":tail")}
    assert 0.6 < found["forecast_coverage"] <= 1
    assert 1 / 1.7 < found["forecast_ratio"] < 1.7
