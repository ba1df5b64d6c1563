"""Rows in order by several keys, equal to a sort by all of them."""

import numpy as np
import pytest

from newaisle.graph.reading.rows import repeated_rows, sorted_rows


@pytest.mark.parametrize("size", [0, 1, 2, 100, 3000])
@pytest.mark.parametrize("keys", [2, 3, 5])
def test_the_order_is_that_of_a_sort_by_all_keys(size: int, keys: int) -> None:
    random = np.random.default_rng(size)
    columns = [
        random.integers(0, 20, size),
        random.integers(0, 30, size),
        random.integers(0, 3, size).astype("datetime64[us]"),
        random.integers(0, 2, size),
        random.random(size).round(1),
    ][:keys]
    order = sorted_rows(columns)
    assert order.tolist() == np.lexsort(columns[::-1]).tolist()
    repeated = repeated_rows([column[order] for column in columns])
    rows = list(zip(*(column[order].tolist() for column in columns), strict=True))
    assert repeated.tolist() == [at > 0 and row == rows[at - 1] for at, row in enumerate(rows)]
