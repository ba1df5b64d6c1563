"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newaisle.graph import Store, open_store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One embedded store for the whole run; every test writes sources of its own names."""
    with open_store(f"embedded:{tmp_path_factory.mktemp('store')}", heap="512m") as opened:
        yield opened
