"""What the owner of a source should look at first, each as a sentence that says what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...errors import name_some
from ...graph import CatalogGraph, CleaningReport
from ...graph.cleaning import ColumnReading
from ...graph.reading.likely_names import likely_standard
from .language import TextLanguage

UNKNOWN_TARGET = "unknown target"
"""The reason under which :meth:`Interactions.restrict` counts events."""
MANY_UNKNOWN = 0.05
"""Above this share of the events, unknown targets are worth a warning at fit."""
_MANY_DROPPED = 0.05
_MANY_ONE_TIME = 0.8
PACKAGED = "packaged:all-MiniLM-L6-v2"
"""The default encoder, by the name that the model's room knows it by."""
_ENGLISH_ENCODERS = (PACKAGED, "static:packaged")
_FEW_FURTHER, _SMALL_SHARE = 100, 0.05
_OPTIONAL = {
    "interactions": ("weight", "timestamp", "event"),
    "categories": ("name", "parent_id", "text"),
    "products": ("name", "text"),
}
"""Table -> standard columns that it may lack."""
_ROLES = {"parent_id": "parent"}
"""Standard name -> role, where they differ."""
_RATINGS = ("rating", "ratings", "stars", "score", "overall", "review_score")
_CODE = re.compile(r"(?:[_ .-](?:id|no|nr|code|num|number)|[a-z](?:Id|ID|No|Nr|Code))$")
_FURTHER = ("ignored", "attribute", "text", "number")
"""Roles of columns without a standard name."""


@dataclass(frozen=True)
class Finding:
    """Something to look at.

    Attributes:
        code: what it is, for programs, such as ``unknown-targets``.
        sentence: what it is, where, and what to do.
        share: of the rows, targets or users that it concerns, 0 to 1; the larger, the earlier it is listed.
        blocks: whether no model can be fitted because of it.
    """

    code: str
    sentence: str
    share: float = 0.0
    blocks: bool = False


def percent(share: float) -> str:
    """A share for people: 0.754 is ``75 %``, 0.004 ``0.4 %``."""
    return f"{100 * share:.0f} %" if share >= 0.0995 or share == 0 else f"{100 * share:.1f} %"


def no_sales() -> Finding:
    """For a source without interactions."""
    return Finding(
        "no-sales",
        "The source has no interactions, so no model can be fitted to it; give your own sales with --sales FILE, a "
        "table with the columns user and target, or add a table interactions to a folder of tables.",
        1.0,
        blocks=True,
    )


def unknown_targets(report: CleaningReport) -> Finding | None:
    """For events on targets that the catalog lacks, which are left out; the report is that after ``restrict``."""
    lost = report.dropped.get(UNKNOWN_TARGET, 0)
    if not lost:
        return None
    total = lost + report.rows_kept
    examples = "; ".join(report.examples.get(UNKNOWN_TARGET, ()))
    return Finding(
        "unknown-targets",
        f"{lost:,} of {total:,} events ({percent(lost / total)}) are on targets that the catalog does not contain"
        f"{f' ({examples})' if examples else ''} and are left out: correct these ids, or add the targets to the "
        "catalog.",
        lost / total,
    )


def no_new_targets(graph: CatalogGraph, bought: sp.csr_array) -> Finding | None:
    """For a catalog whose targets all have sales; ``bought`` holds the positive pairs, CSR (users, n)."""
    sold = np.bincount(bought.indices, minlength=len(graph)) > 0
    if (~sold & ~graph.is_group).any():
        return None
    return Finding(
        "no-new-targets",
        f"All {int((~graph.is_group).sum()):,} targets have sales, so none is new: add what nobody has bought yet to "
        "the catalog, or choose among 'seen' or 'all' for recommendations; newaisle evaluate hides the sales of some "
        "to test the model.",
        0.5,
    )


def dropped_rows(report: CleaningReport, what: str) -> list[Finding]:
    """For reasons other than unknown targets for which many rows of a table were left out."""
    found = []
    for reason, count in report.dropped.items():
        share = count / max(report.rows_read, 1)
        if reason != UNKNOWN_TARGET and share > _MANY_DROPPED:
            examples = "; ".join(report.examples.get(reason, ()))
            found.append(
                Finding(
                    "dropped-rows",
                    f"{count:,} of {report.rows_read:,} rows of the {what} ({percent(share)}) were left out: {reason}"
                    f"{f' ({examples})' if examples else ''}; correct them if they should count.",
                    share,
                )
            )
    return found


def misnamed_columns(report: CleaningReport) -> list[Finding]:
    """For columns of a table that are probably a standard one, which the table lacks, by another name."""
    found = []
    for table in dict.fromkeys(column.table for column in report.columns):
        columns = [column for column in report.columns if column.table == table]
        roles = {column.role for column in columns}
        missing = [name for name in _OPTIONAL.get(table, ()) if _ROLES.get(name, name) not in roles]
        for column in columns:
            if table == "interactions" and column.role == "ignored" and column.column.lower() in _RATINGS:
                found.append(_unread_rating(column))
            name = likely_standard(column.column, missing) if column.role in _FURTHER else None
            if name is not None:
                missing.remove(name)
                prefix = "products." if table == "products" else ""
                found.append(_misnamed(column, name, prefix))
    return found


def _unread_rating(column: ColumnReading) -> Finding:
    return Finding(
        "ratings",
        f"The column {column.column!r} of the interactions was not read, so that every row counts as liked; if it "
        f'contains ratings, state them in a schema: column = "{column.column}" and liked = 4 under [ratings].',
        0.4,
    )


def _misnamed(column: ColumnReading, name: str, prefix: str) -> Finding:
    read = "was not read" if column.role == "ignored" else f"was read as {column.role}"
    return Finding(
        "misnamed-column",
        f"The column {column.column!r} of the {column.table} {read}; is it the {name}? Then read it so with --columns "
        f"{prefix}{name}={column.column}, or rename it.",
        0.2 if column.role == "ignored" else 0.1,
    )


def codes_as_numbers(report: CleaningReport) -> Finding | None:
    """For columns of numbers that are named like codes and have few different values."""
    named = [
        column
        for column in report.columns
        if column.role == "number" and _CODE.search(column.column) and (column.distinct or 0) <= report.rows_read / 2
    ]
    if not named:
        return None
    roles = ",".join(f"{'products.' if each.table == 'products' else ''}{each.column}=attribute" for each in named)
    return Finding(
        "codes-as-numbers",
        f"{name_some([each.column for each in named])} {'is' if len(named) == 1 else 'are'} read as numbers, and named "
        f"like codes, whose sizes mean nothing; if so, give --roles {roles}.",
        0.15,
    )


def joined_values(graph: CatalogGraph) -> list[Finding]:
    """For attributes whose values are mostly several with ``|`` between them, such as ``Action|Comedy``."""
    found = []
    for name in dict.fromkeys(attribute.name for attribute in graph.attributes):
        values = [attribute.value for attribute in graph.attributes if attribute.name == name]
        joined = [value for value in values if "|" in value]
        if len(joined) > len(values) / 2:
            found.append(
                Finding(
                    "joined-values",
                    f"{len(joined):,} of {len(values):,} values of {name} contain '|', such as {joined[0]!r}, and each "
                    "counts as one value; write ';' between several values, or give lists, so that targets share them.",
                    0.35,
                )
            )
    return found


def one_time_buyers(share: float) -> Finding | None:
    """For a history in which hardly anybody has a second target."""
    if share <= _MANY_ONE_TIME:
        return None
    return Finding(
        "one-time-buyers",
        f"{percent(share)} of the users have a single target, which says little about their tastes: a longer period, "
        "or further kinds of events such as views and baskets, would say more.",
        share / 2,
    )


def few_further_purchases(bought: sp.csr_array) -> Finding | None:
    """For too few users with a second target; ``bought`` holds the positive pairs, CSR (users, n)."""
    sizes = np.diff(bought.indptr)
    users, further = int((sizes > 0).sum()), int((sizes > 1).sum())
    if further >= min(_FEW_FURTHER, _SMALL_SHARE * users):
        return None
    return Finding(
        "few-further-purchases",
        f"{f'Only {further:,}' if further else 'None'} of the {users:,} users bought a second target, so chances of a "
        "further purchase cannot be judged: probabilities of known users are rough, and forecasts rest on first "
        "purchases of new customers; a longer period would say more.",
        1 - further / users,
    )


def foreign_language(language: TextLanguage | None, encoder: str | None) -> Finding | None:
    """For texts that an English text encoder hardly understands."""
    if language is None or encoder not in _ENGLISH_ENCODERS or language.code == "en":
        return None
    return Finding(
        "language",
        f"The texts are mostly not English (a sample of their words was judged as {language.code!r}), and the encoder "
        f"{encoder} was trained on English: choose a multilingual one with --encoder.",
        0.4,
    )


def noted(report: CleaningReport) -> list[Finding]:
    """For what the reading itself noted."""
    return [Finding("note", note, 0.1) for note in report.notes]


def sorted_findings(found: list[Finding | None]) -> tuple[Finding, ...]:
    """Those that there are: first what blocks, then by share; equal sentences once."""
    distinct = {finding.sentence: finding for finding in found if finding is not None}
    return tuple(sorted(distinct.values(), key=lambda finding: (not finding.blocks, -finding.share)))
