"""The sources that ``newaisle refresh`` brings into the store, and its config file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import SourceError
from ...graph.reading.schema_file import read_schema
from ...graph.reading.table_schema import TableSchema
from ...graph.store.refresh import MAX_DELETE
from ...graph.store.write import WAIT_SECONDS
from ...paths import read_utf8

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_SOURCE_KEYS = frozenset({"source", "name", "model", "max_delete", "wait", "schema", "encoder", "sales"})
_EXAMPLE = (
    '[[source]] with source = "shopify:DIR" and, where wanted, name, model = "DIR", max_delete = "5%", wait = "30s", '
    'schema = "FILE", encoder = "NAME" (of the model), sales = "FILE"'
)


@dataclass(frozen=True)
class Job:
    """One source to refresh, such as ``tables:DIR``.

    Attributes:
        name: its name in the store; None for its kind.
        model: folder of a model that writes its predictions; None for none.
        max_delete: largest share of the stored targets that may go, 0 to 1.
        wait: seconds to wait for another refresh of it.
        schema: how its tables are written, where they do not say it themselves.
        encoder: confirms the model's text encoder (:meth:`Recommender.load`).
        sales: file of own sales, by which the groups of a source without sales are found; None for none.
    """

    source: str
    name: str | None = None
    model: Path | None = None
    max_delete: float = MAX_DELETE
    wait: float = WAIT_SECONDS
    schema: TableSchema | None = None
    encoder: str | None = None
    sales: Path | None = None


@dataclass(frozen=True)
class RefreshConfig:
    """The sources of a config file in order, and the URL of the store; None where the file names none."""

    jobs: tuple[Job, ...]
    store: str | None = None


def read_refresh_config(path: Path) -> RefreshConfig:
    """Read a config file; relative folders in it count from the current folder, as on the command line."""
    try:
        table = tomllib.loads(read_utf8(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SourceError(f"{path}: is not TOML ({error}); correct it.") from None
    entries, store = table.get("source"), table.get("store")
    if table.keys() - {"source", "store"} or not isinstance(entries, list) or not isinstance(store, str | None):
        raise SourceError(f"{path}: give {_EXAMPLE}; above them, where wanted, store = URL; and nothing else.")
    return RefreshConfig(tuple(_job(path, number, entry) for number, entry in enumerate(entries, start=1)), store)


def _job(path: Path, number: int, entry: Any) -> Job:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise SourceError(f"{path}: source {number} is not a table of texts; give {_EXAMPLE}.")
    if "source" not in entry or entry.keys() - _SOURCE_KEYS:
        raise SourceError(f"{path}: source {number} has other keys than it can; give {_EXAMPLE}.")
    try:
        return Job(
            entry["source"],
            entry.get("name"),
            Path(entry["model"]) if "model" in entry else None,
            share(entry["max_delete"]) if "max_delete" in entry else MAX_DELETE,
            seconds(entry["wait"]) if "wait" in entry else WAIT_SECONDS,
            read_schema(Path(entry["schema"])) if "schema" in entry else None,
            entry.get("encoder"),
            Path(entry["sales"]) if "sales" in entry else None,
        )
    except ValueError as error:
        raise SourceError(f"{path}: source {number}: {error}") from None


def share(text: str) -> float:
    """A percentage such as ``5%`` as a share of 1; ValueError outside 0 % to 100 %."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", text.strip())
    if number is None or float(number[1]) > 100:
        raise ValueError(f"{text!r} is not a percentage from 0% to 100%.")
    return float(number[1]) / 100


def seconds(text: str) -> float:
    """A duration such as ``30s``, ``5m`` or ``1h`` in seconds; ValueError for another text."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smh]?)", text.strip())
    if number is None:
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h.")
    return float(number[1]) * _UNITS[number[2]]
