"""The names of the columns of a file: checked, and what has none left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError
from ...graph.cleaning import ColumnReading
from ...graph.reading.table_schema import STANDARD, TableReading

_DATUM = re.compile(r"[+-]?[\d.,]*\d([eE][+-]?\d+)?|\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*")
_IDS = frozenset({"id", "parent_id", "category_id", "user", "target", "order", "item"})
_TEXTS = _IDS | {"name", "text", "value", "parent_value", "event", "category"}
_LONG = frozenset({"name", "text", "category"})


@dataclass(frozen=True)
class Names:
    """What the columns of one table are called.

    Attributes:
        table: its name, such as ``interactions``.
        standard: own name of a column -> standard name.
        reading: how it is read.
    """

    table: str
    standard: Mapping[str, str]
    reading: TableReading

    @classmethod
    def of(cls, table: str, reading: TableReading) -> Names:
        """Those of a table, or of any where its name is not a standard one."""
        names = STANDARD.get(table) or tuple(dict.fromkeys(name for names in STANDARD.values() for name in names))
        # several levels of a category are one text with commas
        own = {each: name for name in names for each in reading.columns.get(name, name).split(",")}
        return cls(table, own | {reading.columns[name]: name for name in names if name in reading.columns}, reading)

    def knows(self, name: str) -> bool:
        """Whether a column is a standard one, or has a role."""
        return name in self.standard or name in self.reading.roles

    def is_text(self, name: str) -> bool:
        """Whether the cells of a column are texts, whatever they look like."""
        meaning = self.standard.get(name)
        if meaning == "timestamp":
            return self.reading.time_format is not None
        return meaning in _TEXTS or self.reading.roles.get(name) in ("attribute", "text", "ignore")

    def is_single(self, name: str) -> bool:
        """Whether the cells of a column never contain a line break."""
        return self.standard.get(name) not in (None, *_LONG) or self.reading.roles.get(name) == "number"

    def check(self, names: Sequence[str], path: Path, line: int) -> None:
        """Refuse a first row (in some line) that is none of names, and names that occur twice.

        Raises:
            SourceError: it is so.
        """
        if not any(map(self.knows, names)) and any(_DATUM.fullmatch(name) for name in names):
            row = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise SourceError(
                f"{path}: its first row (line {line}: {row}) looks like data; put a row with the names of the columns "
                "above it."
            )
        for name in dict.fromkeys(names):
            if name and names.count(name) > 1:
                places = " and ".join(str(i) for i, each in enumerate(names, start=1) if each == name)
                raise SourceError(f"{path}: the column {name!r} occurs twice (columns {places}); rename one of them.")

    def table_of(
        self, names: Sequence[str], columns: Sequence[pa.ChunkedArray], path: Path
    ) -> tuple[pa.Table, tuple[ColumnReading, ...]]:
        """The columns by name, but for those without one (or called ``Unnamed: 0``) that are empty or number the rows.

        Raises:
            SourceError: a column with other cells has no name.
        """
        kept: dict[str, pa.ChunkedArray] = {}
        ignored = []
        for place, (name, column) in enumerate(zip(names, columns, strict=True), start=1):
            nameless = not self.knows(name) and (name == "" or name.startswith("Unnamed: "))
            if nameless and (reason := _needless(column)):
                own = name or f"column {place}"
                ignored.append(ColumnReading(self.table, own, "ignored", reason, missing=column.null_count))
            elif name:
                kept[name] = column
            else:
                raise SourceError(f"{path}: column {place} has no name in the header; name it, or remove the column.")
        return pa.table(kept), tuple(ignored)


def _needless(column: pa.ChunkedArray) -> str | None:
    """Why a column without name is not needed."""
    if column.null_count == len(column):
        return "it has no name and no cells"
    first = str(column[0].as_py())
    if first not in ("0", "1"):
        return None
    counted = pa.array(range(int(first), int(first) + len(column)), pa.int64()).cast(column.type)
    counts = pc.all(pc.equal(column, counted), skip_nulls=False).as_py()
    return "it has no name and numbers the rows" if counts else None
