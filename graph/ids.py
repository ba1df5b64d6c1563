"""A two-way map between own ids and positions 0..n-1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import InputError, UnknownIdError, name_some

Id = str | int
"""An own id. One collection holds either texts or integers, never both."""


@dataclass(frozen=True, eq=False)
class Ids:
    """An immutable two-way map between own ids (sorted, unique) and positions; ``what`` they are, for messages."""

    values: tuple[Id, ...]
    what: str = "id"

    @classmethod
    def of(cls, values: Iterable[Id], what: str = "id") -> Ids:
        """Collect the distinct ids in ascending order; :class:`InputError` where texts and integers are mixed."""
        distinct = set(values)
        kinds = {type(value) for value in distinct}
        if not kinds <= {str} and not kinds <= {int}:
            names = " and ".join(sorted(kind.__name__ for kind in kinds))
            raise InputError(f"The {what} ids mix types ({names}); give them all as texts or all as integers.")
        return cls(tuple(sorted(distinct)), what)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Id]:
        return iter(self.values)

    def __contains__(self, value: object) -> bool:
        return value in self._positions

    @cached_property
    def _positions(self) -> dict[Id, int]:
        return {value: position for position, value in enumerate(self.values)}

    def position(self, value: Id) -> int:
        """The position of one id; see :meth:`positions`."""
        return int(self.positions([value])[0])

    def positions(self, values: Iterable[Id]) -> npt.NDArray[np.int64]:
        """Positions of several ids, int64 (n,); :class:`UnknownIdError` (up to five named) where some are unknown."""
        wanted = list(values)
        known = self._positions
        unknown: list[object] = [value for value in wanted if value not in known]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            hint = ""
            if self.values and isinstance(unknown[0], str) is not isinstance(self.values[0], str):
                hint = f" (they are {type(self.values[0]).__name__}, not {type(unknown[0]).__name__})"
            raise UnknownIdError(
                f"Unknown {self.what} id{plural} {name_some(unknown)}: use one of the {len(self):,} known ids{hint}."
            )
        return np.fromiter((known[value] for value in wanted), dtype=np.int64, count=len(wanted))

    def find(self, values: Iterable[Id | None]) -> npt.NDArray[np.int64]:
        """Positions, int64 (n,), with -1 for ids that are not among these."""
        known = self._positions
        return np.fromiter((-1 if v is None else known.get(v, -1) for v in values), dtype=np.int64)

    def parse(self, text: str) -> Id:
        """A text (from a command line) as an id of this collection's type."""
        if self.values and isinstance(self.values[0], int):
            try:
                return int(text)
            except ValueError:
                raise UnknownIdError(f"Unknown {self.what} id {text!r}: {self.what} ids are integers here.") from None
        return text


def own_id(value: object) -> Id | None:
    """A cell as an own id; None where it is missing."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal | np.integer | np.floating) and math.isfinite(value):
        return int(value) if int(value) == value else str(value)
    raise InputError(f"The id {value!r} is a {type(value).__name__}; ids are texts or integers.")
