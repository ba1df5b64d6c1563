"""The report of cleaning a table: every dropped row and changed value is counted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class CleaningReport:
    """How many rows came in and stayed; ``dropped``: reason -> rows, ``changed``: reason -> values."""

    rows_read: int = 0
    rows_kept: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)

    def describe(self) -> str:
        """One line for people, such as ``10 rows read, 8 kept; dropped: 2 missing id``."""
        parts = [f"{self.rows_read:,} rows read, {self.rows_kept:,} kept"]
        for title, counts in (("dropped", self.dropped), ("changed", self.changed)):
            listed = [f"{count:,} {reason}" for reason, count in counts.items() if count]
            if listed:
                parts.append(f"{title}: " + ", ".join(listed))
        return "; ".join(parts)


def normalise_text(text: str) -> str:
    """Unicode NFC, each run of white space as one blank, none at the ends."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
