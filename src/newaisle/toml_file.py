"""TOML files read with errors that name file, line and key; a mapping will do in place of a file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .errors import InputError, SourceError
from .paths import read_utf8


class Place(NamedTuple):
    """A file with its text, or a mapping without; ``name`` starts the sentence of an error."""

    name: str
    text: str = ""

    def error(self, keys: tuple[str, ...], sentence: str) -> InputError:
        """An error about a key, named by the tables that lead to it."""
        line = _line_of(self.text, keys)
        return InputError(f"{self.name}{f', line {line}' if line else ''}: {sentence}")

    def check_keys(self, keys: tuple[str, ...], given: Mapping[str, Any], known: Collection[str], whose: str) -> None:
        """Refuse keys other than the ``known`` ones with the nearest spelling."""
        for key in given:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                meant = f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}."
                raise self.error((*keys, str(key)), f"{whose} has no key {key!r}; {meant}")


def read_toml(path: Path) -> tuple[Place, dict[str, Any]]:
    """The contents of a TOML file; :class:`InputError` where it cannot be read."""
    try:
        text = read_utf8(path)
        return Place(str(path), text), tomllib.loads(text)
    except SourceError as error:
        raise InputError(str(error)) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not TOML ({error}); correct it there.") from None


def _line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """The line that sets a key, or else the header of its table; None where neither is found."""
    table: tuple[str, ...] = ()
    found: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        is_header = line.lstrip().startswith("[")
        start = line if is_header else f"{line.partition('=')[0]} = 0"
        try:
            own = _only_path(tomllib.loads(start))
        except (tomllib.TOMLDecodeError, RecursionError):  # inside a value of several lines
            continue
        table = own if is_header else table
        found.setdefault(own if is_header else (*table, *own), number)
    prefixes = [keys[:length] for length in range(len(keys), 0, -1)]
    return next((found[prefix] for prefix in prefixes if prefix in found), None)


def _only_path(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that lead to the only value of nested tables."""
    for key, value in table.items():
        return (key, *(_only_path(value) if isinstance(value, Mapping) else ()))
    return ()
