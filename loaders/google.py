"""Google's product taxonomy."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from ..graph import CatalogGraph
from .base import LoadedSource, located
from .path_lists import read_path_list

_LINE = re.compile(r"(\d+) - (.+)")


def load_google(path: Path) -> LoadedSource:
    """Read a taxonomy file with ids, lines such as ``3237 - Animals & Pet Supplies > Live Animals``.

    Ids are Google's, as integers; the text of a category is its whole path; no category is a group.

    Raises:
        SourceError: the file is missing, or a line has another form or a parent that no line has.
        GraphError: an id occurs twice with different content.
    """
    table = read_path_list(path, _LINE, "'1 - Category > Category' of a taxonomy file with ids")
    for column in ("id", "parent_id"):
        table = table.set_column(table.column_names.index(column), column, table[column].cast(pa.int64()))
    with located(path):
        return LoadedSource(CatalogGraph.from_tables(table, source="google"))
