"""Every error that newaisle raises on purpose, each message saying what is wrong, where and what to do; one warning."""

from .display import one_line, short


class NewaisleError(Exception):
    """Base of all errors that newaisle raises on purpose; its message is one line, whatever it quotes."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class InputError(NewaisleError, ValueError):
    """A value or a table handed in cannot be used."""


class GraphError(InputError):
    """A catalog graph would not be valid."""


class CycleError(GraphError):
    """Parents lead back to their own child."""


class DanglingParentError(GraphError):
    """A parent is named that does not exist."""


class DuplicateIdError(GraphError):
    """One id stands for two different things."""


class InteractionsError(InputError):
    """An interactions table cannot be used."""


class SourceError(NewaisleError):
    """A source cannot be read: a missing file, wrong columns, an unknown kind."""


class UnknownIdError(NewaisleError, LookupError):
    """An id that the catalog, history or model does not have."""


class MissingExtraError(NewaisleError, ImportError):
    """An optional package is needed and not installed."""


class StoreError(NewaisleError):
    """The graph store refused or failed."""


class StoreUnavailableError(StoreError):
    """The graph store cannot be reached or started."""


class StoreLockedError(StoreError):
    """Another process holds the store."""


class GuardError(StoreError):
    """A refresh would delete more than is allowed."""


class ModelError(NewaisleError):
    """A model cannot be fitted, or a saved one cannot be used."""


class ModelFormatError(ModelError):
    """A model folder is missing, foreign, corrupted, or of another version."""


class NotFittedError(ModelError):
    """A model was used before it was fitted."""


class DataWarning(UserWarning):
    """Data that can be used, but hardly as its owner expects; turn it off or into an error by :mod:`warnings`."""


def name_some(ids: list[object], limit: int = 5) -> str:
    """Up to ``limit`` ids for an error message, such as ``'a', 'b' and 3 more``."""
    shown = ", ".join(short(value) for value in ids[:limit])
    return f"{shown} and {len(ids) - limit} more" if len(ids) > limit else shown
