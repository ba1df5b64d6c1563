"""A two-way map between own ids and positions 0..n-1."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..display import short
from ..errors import InputError, UnknownIdError, name_some
from ..sharing import FieldsOnly
from .cleaning import normalise_text

Id = str | int
"""An own id. One collection holds either texts or integers, never both."""

EXACT = 2**53
"""Integers below it are exact as decimal numbers (float64)."""
_BEYOND = 2**63


@dataclass(frozen=True, eq=False)
class Ids(FieldsOnly):
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

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.values[:3])) + (", …" if len(self) > 3 else "")
        return f"Ids({len(self):,} {self.what}: {shown})"

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Id]:
        return iter(self.values)

    def __contains__(self, value: object) -> bool:
        return self._find(value) >= 0

    def _find(self, value: object) -> int:
        """The position of an id as it stands here or, for a text, as it is once cleaned; -1 where it is unknown."""
        if isinstance(value, bool | np.bool_):  # True equals 1, and is no id
            return -1
        try:
            at = self._positions.get(value, -1)
        except TypeError:
            raise InputError(
                f"The {self.what} id {value!r} is a {type(value).__name__}; ids are texts or integers."
            ) from None
        if at < 0 and isinstance(value, str):
            at = self._positions.get(normalise_text(value), -1)
        return at

    @cached_property
    def _positions(self) -> dict[object, int]:
        return {value: position for position, value in enumerate(self.values)}

    def position(self, value: Id) -> int:
        """The position of one id; see :meth:`positions`."""
        return int(self.positions([value])[0])

    def positions(self, values: Iterable[Id]) -> npt.NDArray[np.int64]:
        """Positions of several ids, int64 (n,); :class:`UnknownIdError` (up to five named) where some are unknown."""
        wanted = id_list(values)
        places = [self._find(value) for value in wanted]
        unknown: list[object] = [value for value, place in zip(wanted, places, strict=True) if place < 0]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            hint = ""
            if self.values and isinstance(unknown[0], str) is not isinstance(self.values[0], str):
                hint = f" (they are {type(self.values[0]).__name__}, not {type(unknown[0]).__name__})"
            raise UnknownIdError(
                f"Unknown {self.what} id{plural} {name_some(unknown)}: use one of the {len(self):,} known ids{hint}."
            )
        return np.array(places, dtype=np.int64)

    def find(self, values: Iterable[Id | None]) -> npt.NDArray[np.int64]:
        """Positions, int64 (n,), with -1 for ids that are not among these."""
        return np.fromiter((-1 if value is None else self._find(value) for value in id_list(values)), dtype=np.int64)

    def parse(self, text: str) -> Id:
        """A text (from a command line) as an id of this collection's type."""
        if self.values and isinstance(self.values[0], int):
            try:
                return int(text)
            except ValueError:
                raise UnknownIdError(f"Unknown {self.what} id {text!r}: {self.what} ids are integers here.") from None
        return text


def own_id(value: object) -> Id | None:
    """A cell as an own id, texts normalised; None where it is missing, :class:`InputError` where it is not exact."""
    if value is None:
        return None
    if isinstance(value, str):
        return normalise_text(value) or None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(f"The id {value!r} is a {type(value).__name__}; ids are texts or integers.")
    if value != value:  # NaN
        return None
    if isinstance(value, int | np.integer):
        whole = int(value)
        if not -_BEYOND <= whole < _BEYOND:
            raise InputError(f"The id {whole} has more than 64 bits; give such ids as texts.")
        return whole
    number = float(value)
    if not number.is_integer():
        raise InputError(f"The id {number!r} is no whole number; ids are texts or integers.")
    if abs(number) >= EXACT:
        raise InputError(
            f"The id {number!r} is a decimal number beyond 2^53, where integers are no longer exact (pandas turns "
            "integers beside a missing cell into decimal numbers); read the column as Int64 or as texts."
        )
    return int(number)


def id_list(ids: Any) -> list[Any]:
    """One id or several as a list of plain values.

    Several are any iterable: also an Arrow, numpy, pandas or polars column or index. Scalars of these libraries become
    texts and integers, missing cells None; what is no id (a profile of a user) stays as it is.
    """
    if ids is None or isinstance(ids, str | int | float | np.generic | pa.Scalar):
        return [_plain(ids)]
    if type(ids).__module__.startswith("pandas") and hasattr(ids, "to_series"):  # an index
        ids = ids.to_series()
    if isinstance(ids, pa.Array | pa.ChunkedArray):
        return list(map(_plain, ids.to_pylist()))
    series = nw.from_native(ids, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        try:
            return list(map(_plain, series.to_arrow().to_pylist()))
        except (pa.ArrowException, TypeError):  # objects that are no ids
            ids = series.to_list()
    if not isinstance(ids, Iterable) or getattr(ids, "shape", None) == ():
        raise InputError(f"{short(ids)} is neither an id nor several; give texts or integers.")
    return list(map(_plain, ids))


def _plain(value: Any) -> Any:
    """A scalar of any library as a plain one, a whole decimal number as an integer, None where it is missing."""
    if isinstance(value, pa.Scalar):
        value = value.as_py()
    elif isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, str | int | Hashable):
        raise InputError(f"{short(value)} is no id; ids are texts or integers.")
    return own_id(value) if isinstance(value, float) else value
