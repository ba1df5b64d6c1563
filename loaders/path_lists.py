"""Text files with one category a line: its id and its whole path, as Google and Shopify publish their taxonomies."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from ..errors import SourceError
from ..graph.frames import Table
from ..paths import read_utf8

JOINED = " > "


def read_path_list(path: Path, form: re.Pattern[str], example: str) -> Table:
    """Read such a file as a table of categories: ``id`` (a text), ``name``, ``parent_id`` and ``text``, the path.

    Args:
        path: the file; empty lines and those that start with ``#`` are skipped.
        form: of a line, its groups the id and the path.
        example: how a line looks, for messages.

    Raises:
        SourceError: the file cannot be read, or a line has another form, or a path twice, or a parent that no line has.
    """
    ids: dict[str, str] = {}
    for number, line in enumerate(read_utf8(path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = form.fullmatch(line.strip())
        if match is None:
            raise SourceError(f"{path}: line {number} is not of the form {example}.")
        own, full = match.groups()
        if ids.setdefault(full, own) != own:
            raise SourceError(f"{path}: line {number} gives {full!r} a second id; keep one of them.")
    parents: list[str | None] = []
    for full in ids:
        above = full.rpartition(JOINED)[0]
        if above and above not in ids:
            raise SourceError(f"{path}: {full!r} is below {above!r}, which has no line; complete the file.")
        parents.append(ids[above] if above else None)
    if not ids:
        raise SourceError(f"{path}: there is no category in it; give a file with lines of the form {example}.")
    names = [full.rpartition(JOINED)[2] for full in ids]
    return pa.table(
        {"id": list(ids.values()), "name": names, "parent_id": pa.array(parents, pa.string()), "text": list(ids)}
    )
