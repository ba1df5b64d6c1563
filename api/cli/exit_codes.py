"""Exit codes by which a scheduler can tell errors apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import GuardError, InputError, NewaisleError, SourceError, StoreLockedError, StoreUnavailableError

REFRESH_CODES = (
    (SourceError, 2),
    (InputError, 2),
    (GuardError, 3),
    (StoreUnavailableError, 4),
    (StoreLockedError, 5),
)


class CodedError(Exception):
    """An error together with the exit code of the command for it."""

    def __init__(self, error: NewaisleError, code: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.code = code


@contextmanager
def refresh_codes() -> Iterator[None]:
    """Map errors to the exit codes of ``newaisle refresh``: 2 bad source, 3 guard, 4 store unavailable, 5 locked."""
    try:
        yield
    except NewaisleError as error:
        for kind, code in REFRESH_CODES:
            if isinstance(error, kind):
                raise CodedError(error, code) from error
        raise
