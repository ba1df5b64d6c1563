"""Exit codes that a scheduler can tell apart."""

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
    """An error for which the command has an exit code of its own.

    Attributes:
        error: what went wrong.
        code: the exit code.
    """

    def __init__(self, error: NewaisleError, code: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.code = code


@contextmanager
def refresh_codes() -> Iterator[None]:
    """Give errors the exit codes of ``newaisle refresh``: 2 bad source, 3 guard, 4 store unreachable, 5 locked."""
    try:
        yield
    except NewaisleError as error:
        for kind, code in REFRESH_CODES:
            if isinstance(error, kind):
                raise CodedError(error, code) from error
        raise
