"""What a source contains and how it was read, as values, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ...graph.cleaning import CleaningReport, ColumnReading
from ..files.reading import FileReading
from .findings import UNKNOWN_TARGET, Finding, percent
from .language import TextLanguage
from .text_table import text_table

_EXAMPLE = 30
"""Letters of an example in a table for people."""


@dataclass(frozen=True)
class KindOfEvent:
    """A kind of events, how many there are, and what one weighs: below 0 is a dislike, 0 is left out."""

    kind: str
    events: int
    weight: float


@dataclass(frozen=True)
class GraphAttribute:
    """An attribute of the catalog: its number of distinct values, and of targets and groups that have one."""

    name: str
    values: int
    targets: int


@dataclass(frozen=True)
class CatalogSummary:
    """What the catalog graph contains.

    Attributes:
        targets: categories and products that can be recommended, groups not counted; sold and new ones together.
        sold: with at least one event of a weight above 0.
        numbers: name of a number -> targets and groups that have it.
    """

    targets: int
    sold: int
    new: int
    groups: int
    products: int
    edges: int
    attributes: tuple[GraphAttribute, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SalesSummary:
    """What the interactions contain, on targets of the catalog alone but for ``unknown_events``.

    Attributes:
        kinds: the most frequent first; empty without a column of kinds.
        one_time_share: of the users with a positive event, those with a single target, 0 to 1.
        median_targets: of different targets with a positive event, by user.
        mean_targets: the same as a mean.
        first: time of the earliest event (ISO 8601); None without times.
        last: time of the latest event.
        unknown_events: on targets that the catalog does not contain.
        unknown_share: of these among all events, 0 to 1.
    """

    users: int
    events: int
    kinds: tuple[KindOfEvent, ...]
    one_time_share: float
    median_targets: float
    mean_targets: float
    first: str | None
    last: str | None
    unknown_events: int
    unknown_share: float


class Section(NamedTuple):
    """A table of the summary for people."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    @classmethod
    def of(cls, title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Section:
        """A table without the columns that are empty in all rows."""
        used = [place for place in range(len(columns)) if any(row[place] not in (None, "") for row in rows)]
        return cls(title, tuple(columns[place] for place in used), [tuple(row[i] for i in used) for row in rows])


@dataclass(frozen=True)
class SourceSummary:
    """A source at one look: ``str()`` for people, :meth:`to_dict` for programs.

    Attributes:
        source: name of the catalog.
        files: how each file of a table was read; empty for sources that are not tables.
        columns: the role of every column and why; empty for sources that are not tables.
        catalog_rows: rows of the catalog's tables read, kept, dropped and changed.
        interaction_rows: the same of the interactions.
        sales: None without interactions.
        language: of the texts; None where there are too few words to judge.
        findings: what to look at, the most important first.
    """

    source: str
    files: tuple[FileReading, ...]
    columns: tuple[ColumnReading, ...]
    catalog_rows: CleaningReport
    interaction_rows: CleaningReport
    catalog: CatalogSummary
    sales: SalesSummary | None
    language: TextLanguage | None
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether a model can be fitted: there are interactions, and some are positive."""
        return not any(finding.blocks for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """All of it as texts, numbers, booleans, lists and dicts, for JSON."""
        return {"usable": self.usable, **_plain(asdict(self))}

    def headline(self) -> str:
        """One line of counts."""
        own, sales = self.catalog, self.sales
        line = f"{self.source}: {own.targets:,} targets ({own.sold:,} sold, {own.new:,} new), {own.groups:,} groups"
        return line if sales is None else f"{line}; {sales.events:,} events of {sales.users:,} users"

    def brief(self) -> list[str]:
        """A few lines: rows, events, users, columns that were not read; ``findings`` follow them."""
        lines = [self.headline()]
        for report, what in ((self.catalog_rows, "Catalog"), (self.interaction_rows, "Interactions")):
            if report.rows_read:
                lines.append(f"{what}: {report.describe()}")
        return [*lines, *self._sales_lines(), *self._ignored_lines()]

    def sections(self) -> list[Section]:
        """The tables for people: files, columns, attributes and numbers, rows, kinds of events."""
        found = [
            Section.of("Files", ("file", "table", "rows", "format"), [_file_row(file) for file in self.files]),
            Section.of(
                "Columns", ("table", "column", "role", "values", "empty", "why", "examples"), self._column_rows()
            ),
            Section.of("Attributes and numbers", ("name", "kind", "values", "targets"), self._attribute_rows()),
            Section.of("Rows", ("table", "rows", "what", "examples"), self._row_rows()),
        ]
        if self.sales is not None:
            kinds = [(kind.kind or "(none)", kind.events, kind.weight) for kind in self.sales.kinds]
            found.append(Section.of("Kinds of events", ("kind", "events", "weight"), kinds))
        return [section for section in found if section.rows]

    def facts(self) -> list[str]:
        """Lines on users, times and language."""
        lines = self._sales_lines(kinds=False)
        if self.language is not None:
            own = self.language
            part = "" if own.share == 1 else f" in {percent(own.share)} of {own.samples} samples of words"
            lines.append(f"Language of the texts: {own.code}{part}")
        return lines

    def lines(self) -> list[str]:
        """All of it for people."""
        lines = [self.headline()]
        for title, columns, rows in self.sections():
            lines += ["", title, *(f"  {line}" for line in text_table(columns, rows))]
        lines += ["", *self.facts()]
        if self.findings:
            lines += ["", "Look at first", *self.numbered_findings()]
        return lines

    def numbered_findings(self) -> list[str]:
        """The sentences of the findings, numbered."""
        return [f"  {number}. {finding.sentence}" for number, finding in enumerate(self.findings, start=1)]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _sales_lines(self, *, kinds: bool = True) -> list[str]:
        sales = self.sales
        if sales is None:
            return []
        lines = []
        if kinds and sales.kinds:
            shown = ", ".join(
                f"{kind.kind or '(none)'} {kind.events:,} (weight {kind.weight:g})" for kind in sales.kinds
            )
            lines.append(f"Kinds of events: {shown}")
        if sales.median_targets:
            lines.append(
                f"Users: {percent(sales.one_time_share)} have a single target; median {sales.median_targets:g}, mean "
                f"{sales.mean_targets:.3g} targets"
            )
        if sales.unknown_events:
            lines.append(f"Events on unknown targets: {sales.unknown_events:,} ({percent(sales.unknown_share)})")
        if sales.first is not None:
            lines.append(f"Time: {sales.first} to {sales.last}")
        return lines

    def _ignored_lines(self) -> list[str]:
        by_table: dict[str, list[str]] = {}
        for column in self.columns:
            if column.role == "ignored":
                by_table.setdefault(column.table, []).append(column.column or "(nameless)")
        return [f"Columns of {table} that were not read: {', '.join(names)}" for table, names in by_table.items()]

    def _column_rows(self) -> list[tuple[Any, ...]]:
        return [
            (
                column.table,
                column.column or "(nameless)",
                column.role,
                column.distinct,
                column.missing or None,
                column.reason,
                ", ".join(map(_short, column.examples[:3])),
            )
            for column in self.columns
        ]

    def _attribute_rows(self) -> list[tuple[Any, ...]]:
        if self.columns:  # they are listed there
            return []
        own = self.catalog
        rows: list[tuple[Any, ...]] = [(each.name, "attribute", each.values, each.targets) for each in own.attributes]
        return [*rows, *((name, "number", None, targets) for name, targets in own.numbers.items())]

    def _row_rows(self) -> list[tuple[Any, ...]]:
        return [
            row
            for report, table in ((self.catalog_rows, "catalog"), (self.interaction_rows, "interactions"))
            if report.rows_read
            for row in _row_counts(report, table)
        ]


def _row_counts(report: CleaningReport, table: str) -> Iterator[tuple[Any, ...]]:
    yield table, report.rows_read, "read", ""
    for title, counts in (("dropped", report.dropped), ("changed", report.changed)):
        for reason, count in counts.items():
            if count:
                share = "" if reason != UNKNOWN_TARGET else f" ({percent(count / max(count + report.rows_kept, 1))})"
                yield table, count, f"{title}: {reason}{share}", "; ".join(report.examples.get(reason, ())[:3])
    yield table, report.rows_kept, "kept", ""


def _file_row(file: FileReading) -> tuple[Any, ...]:
    delimiter = {None: "", "\t": "tab"}.get(file.delimiter, f"delimiter {file.delimiter}")
    parts = f"{file.parts} parts" if file.parts > 1 else ""
    return (
        str(file.path),
        file.table,
        file.rows,
        ", ".join(filter(None, (parts, delimiter, file.encoding, file.compression))),
    )


def _short(example: str) -> str:
    return example if len(example) <= _EXAMPLE else f"{example[: _EXAMPLE - 1]}…"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return str(value) if isinstance(value, Path) else value
