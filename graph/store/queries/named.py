"""Named queries: commented Cypher files that the package ships, and files of the same form that users write.

The comment at the head is read too: its first line describes the query, ``$name  meaning`` describes a parameter,
``(optional)`` behind it means that the value in ``:param name => value`` is the default, and ``A model writes: NAME;
ADVICE`` names what a model must have written.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ....errors import InputError, name_some

if TYPE_CHECKING:
    from ..query import QueryResult
    from ..store import Store

_PARAMETER = re.compile(r"\$(\w+)\s+(.+?)(\s+\(optional\))?")
_VALUE = re.compile(r":param\s+(\w+)\s*=>\s*(.+)")
_NAME = re.compile(r"[A-Za-z][\w-]*")
_KEYS: Final = ("key", "other")
_WRITTEN: Final[Mapping[str, str]] = {
    "SIMILAR_TO": "MATCH (:Newaisle)-[r:SIMILAR_TO]->(:Newaisle) RETURN r.rank LIMIT 1",
    "embedding": "MATCH (n:Newaisle) WHERE n.embedding IS NOT NULL RETURN n.key LIMIT 1",
    "confidence": "MATCH (n:Newaisle) WHERE n.confidence IS NOT NULL RETURN n.key LIMIT 1",
    "embedding_shift": "MATCH (n:Newaisle) WHERE n.embedding_shift IS NOT NULL RETURN n.key LIMIT 1",
}
_MODEL = re.compile(rf"A model writes: ({'|'.join(_WRITTEN)}); (.+)")


@dataclass(frozen=True)
class Parameter:
    """A parameter ``$name`` of a query: whether a value is required, or else its default."""

    name: str
    meaning: str
    required: bool
    default: Any = None

    def __str__(self) -> str:
        """As a line of help shows it, in brackets where it may be left out."""
        if self.required:
            return self.name
        return f"[{self.name}]" if self.default is None else f"[{self.name}={json.dumps(self.default)}]"


@dataclass(frozen=True)
class NamedQuery:
    """A Cypher query and its description in the comment at its head; free Cypher has no name.

    ``model`` is what a model must have written (None: nothing), ``instead`` what to do until then.
    """

    name: str
    description: str
    cypher: str
    parameters: tuple[Parameter, ...] = ()
    model: str | None = None
    instead: str = ""

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all parameters; :class:`InputError` where a required one is missing or one is unknown."""
        if not self.parameters:
            return dict(given)
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise InputError(f"The query {self.name} has no parameter {name}; it has {', '.join(known)}.")
        for name, parameter in known.items():
            if parameter.required and given.get(name) is None:
                raise InputError(
                    f"The query {self.name} needs the parameter {name} ({parameter.meaning}); "
                    f"give it as --param {name}=VALUE."
                )
        return {name: given.get(name, parameter.default) for name, parameter in known.items()}

    def run(self, store: Store, given: Mapping[str, Any], *, write: bool = False) -> QueryResult:
        """Run the query; InputError for a missing or unknown parameter, StoreError where the store refuses."""
        return store.query(self.cypher, self.bind(given), write=write)

    def explain_empty(self, store: Store, given: Mapping[str, Any]) -> str | None:
        """One sentence on why a named query found nothing; None where there is just nothing to find."""
        if not self.description:
            return None
        sources = store.sources()
        if not sources:
            return "There is no graph in this store yet."
        for name in _KEYS:
            key = given.get(name)
            if key is not None and not _known(store, [key]):
                return _no_such_key(store, str(key), sources)
        if self.model is not None and not store.query(_WRITTEN[self.model]).rows:
            return f"No model has written {self.model} into this store yet; {self.instead}"
        return None


def _known(store: Store, keys: list[Any]) -> list[str]:
    """Which of some keys the store has."""
    return [key for (key,) in store.query("MATCH (n:Newaisle) WHERE n.key IN $keys RETURN n.key", {"keys": keys}).rows]


def _no_such_key(store: Store, key: str, sources: list[str]) -> str:
    """Why nothing has a key: another source of the store may have it."""
    source, _, rest = key.partition(":")
    advice = "newaisle cypher find --param word=NAME lists keys."
    if source in sources:
        return f"Nothing in this store has the key {key}; {advice}"
    others = _known(store, [f"{other}:{rest}" for other in sources])
    same = f"did you mean {' or '.join(sorted(others))}? " if others else ""
    return f"Nothing in this store has the key {key} (its sources: {', '.join(sources)}); {same}{advice}"


@cache
def named_queries() -> Mapping[str, NamedQuery]:
    """The queries that the package ships, by name, ascending."""
    folder = files(__package__)
    found = sorted(file.name.removesuffix(".cypher") for file in folder.iterdir() if file.name.endswith(".cypher"))
    return {name: read_query(name, (folder / f"{name}.cypher").read_text(encoding="utf-8")) for name in found}


def query_of(text: str) -> NamedQuery:
    """The query of a shipped name, of a ``.cypher`` file or Cypher itself; :class:`InputError` for an unknown word."""
    known = named_queries()
    if text in known:
        return known[text]
    if text.endswith(".cypher") and (Path(text).is_file() or not re.search(r"\s", text)):
        try:
            return read_query(text, Path(text).read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise InputError(f"{text}: cannot be read ({error.strerror}); check the path.") from error
        except UnicodeDecodeError:
            raise InputError(f"{text}: is not UTF-8; save it as UTF-8.") from None
    if _NAME.fullmatch(text):
        near = difflib.get_close_matches(text, known, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise InputError(
            f"{name_some([text])} is neither a named query nor Cypher; {hint}newaisle cypher --list shows the names."
        )
    return NamedQuery("", "", text)


def read_query(name: str, text: str) -> NamedQuery:
    """Read the whole text of a query file with the comment at its head."""
    head: list[str] = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        head.append(line.removeprefix("//").strip())
    values = {found[1]: _literal(found[2]) for line in head if (found := _VALUE.fullmatch(line))}
    parameters = tuple(
        Parameter(found[1], found[2], required=not found[3], default=values.get(found[1]) if found[3] else None)
        for line in head
        if (found := _PARAMETER.fullmatch(line))
    )
    model = next((found for line in head if (found := _MODEL.fullmatch(line))), None)
    description = head[0] if head else ""
    return NamedQuery(name, description, text, parameters, model and model[1], model[2] if model else "")


def _literal(text: str) -> Any:
    """The value of a Cypher literal: null, a truth value, a number, a text in single quotes; else its text."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text
