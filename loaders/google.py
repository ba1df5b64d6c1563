"""Google's product taxonomy."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from ..errors import SourceError
from ..graph import CatalogGraph
from ..paths import read_utf8
from .base import LoadedSource, located

_LINE = re.compile(r"(\d+) - (.+)")


def load_google(path: Path) -> LoadedSource:
    """Read a taxonomy file with ids, lines such as ``3237 - Animals & Pet Supplies > Live Animals``.

    Ids are Google's, as integers; the text of a category is its whole path; no category is a group.

    Raises:
        SourceError: the file is missing, or a line has another form or a parent that no line has.
        GraphError: an id occurs twice with different content.
    """
    ids: dict[str, int] = {}
    for number, line in enumerate(read_utf8(path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise SourceError(
                f"{path}: line {number} is not of the form '1 - Category > Category'; use the taxonomy file with ids."
            )
        if ids.setdefault(match[2], int(match[1])) != int(match[1]):
            raise SourceError(f"{path}: line {number} gives {match[2]!r} a second id; keep one of them.")
    parents: list[int | None] = []
    for full in ids:
        above = full.rpartition(" > ")[0]
        if above and above not in ids:
            raise SourceError(f"{path}: {full!r} is below {above!r}, which has no line; complete the file.")
        parents.append(ids[above] if above else None)
    names = [full.rpartition(" > ")[2] for full in ids]
    table = pa.table({"id": pa.array(ids.values(), pa.int64()), "name": names, "parent_id": parents, "text": list(ids)})
    with located(path):
        return LoadedSource(CatalogGraph.from_tables(table, source="google"))
