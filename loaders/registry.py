"""The kinds of sources and the one grammar in which they are written: ``KIND[:PLACE][?OPTION=VALUE]``."""

from __future__ import annotations

import inspect
import pkgutil
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from ..errors import InputError, SourceError

if TYPE_CHECKING:
    from ..graph.frames import Table
    from ..graph.reading.schema_file import GivenSchema
    from .base import LoadedSource


class Loader(Protocol):
    """Reads one kind of source; its signature is the grammar of the kind.

    A positional parameter without default takes PLACE as a path, ``~`` expanded; those with a default are options:
    ``True`` where the default is a bool, else texts. It raises :class:`SourceError` where a file cannot be read.
    """

    def __call__(self, *place: Any, **options: Any) -> LoadedSource:
        """The source, read."""


@dataclass(frozen=True)
class SourceKind:
    """A registered kind: how it is written, and its loader or, to import on first use, ``module:function``."""

    usage: str
    function: Loader | str

    @cached_property
    def loader(self) -> Loader:
        """Reads a source of this kind."""
        loader: Loader = pkgutil.resolve_name(self.function) if isinstance(self.function, str) else self.function
        return loader

    @cached_property
    def parameters(self) -> list[inspect.Parameter]:
        """Those of the loader."""
        return list(inspect.signature(self.loader).parameters.values())

    @cached_property
    def takes_place(self) -> bool:
        """Whether a place follows the kind."""
        return any(own.default is own.empty and own.kind is not own.VAR_KEYWORD for own in self.parameters)

    @cached_property
    def options(self) -> dict[str, Any]:
        """Name -> default."""
        return {own.name: own.default for own in self.parameters if own.default is not own.empty}

    def load(self, place: str | None, given: dict[str, str], schema: GivenSchema | None = None) -> LoadedSource:
        """Read a source; an option without a value is a flag where its default is a bool, else not given."""
        options: dict[str, Any] = {} if schema is None else {"schema": schema}
        for name, value in given.items():
            if isinstance(self.options[name], bool):
                options[name] = True
            elif value:
                options[name] = value
        return self.loader(*([] if place is None else [Path(place).expanduser()]), **options)


_KINDS = {
    kind: SourceKind(usage, f"{__package__}.{function}")
    for kind, usage, function in (
        ("complete-journey", "complete-journey[?products]", "complete_journey:load_complete_journey"),
        ("tables", "tables:DIR[?schema=FILE]", "tables:load_tables"),
        ("shopify", "shopify:DIR[?locale=en]", "shopify:load_shopify"),
        ("google", "google:FILE", "google:load_google"),
        ("orders", "orders:FILE[?targets=…]", "orders.source:load_orders"),
    )
}


def register(kind: str, loader: Loader, usage: str | None = None) -> None:
    """Make a kind of source known to :func:`load`, the command line and their messages.

    ``kind`` is ``[a-z0-9-]+`` (else :class:`InputError`), replaced where it exists; no ``usage`` means ``KIND:PLACE``.
    """
    if not re.fullmatch(r"[a-z0-9-]+", kind):
        raise InputError(f"The source kind {kind!r} has other characters than a-z, 0-9 and '-'; rename it.")
    _KINDS[kind] = SourceKind(usage or f"{kind}:PLACE", loader)


def source_usage() -> str:
    """How every known kind of source is written, for help texts and messages."""
    return ", ".join(kind.usage for kind in _KINDS.values())


def load(
    source: str,
    *,
    products: bool = False,
    schema: GivenSchema | None = None,
    sales: Table | str | Path | None = None,
) -> LoadedSource:
    """Read a source; ``products`` is the option of ``complete-journey``, other sources have the products they have.

    ``schema`` says how the tables of a source, or of its sales, are written, in place of a ``schema.toml`` beside them:
    the path of such a file, a mapping of its form, or a :class:`~newaisle.graph.reading.table_schema.TableSchema`.
    ``sales`` are a shop's own, for a source without any: a table, or the file of one, of interactions or order lines,
    with targets by id, path or unique name (:func:`newaisle.loaders.with_sales`).

    ``source`` is ``complete-journey`` (the packaged purchases; with ``?products`` its products are the targets),
    ``tables:DIR`` (files of tables; ``?schema=FILE`` is as ``schema``), ``shopify:DIR`` with an optional ``?locale=…``
    (a Shopify taxonomy), ``google:FILE`` (a Google product taxonomy), ``orders:FILE`` (order lines,
    :func:`newaisle.from_orders`), or a kind added by :func:`register`.

    Raises:
        SourceError: an unknown kind, or a file that is missing or cannot be read.
        InputError: the files do not make a valid graph or table of interactions; the message names them.
        MissingExtraError: the package with the packaged purchases is not installed.
    """
    name, place, options = _parse(source)
    kind = _KINDS.get(name)
    if kind is None or not (place if kind.takes_place else place is None):
        raise SourceError(f"{source!r} is not a source; give one of {source_usage()}.")
    if products and "products" in kind.options:
        options["products"] = ""
    takes_schema = "schema" in kind.options
    if schema is not None and not takes_schema and sales is None:
        raise InputError(f"{name} sources have no tables of your own; leave the schema out.")
    loaded = kind.load(place, options, schema if takes_schema else None)
    if sales is None:
        return loaded
    from .sales.attach import with_sales

    return with_sales(loaded, sales, schema, f"The source {source}")


def _parse(source: str) -> tuple[str, str | None, dict[str, str]]:
    """Kind, place (None without a colon) and options; a ``?`` before anything but an option belongs to the place."""
    body, _, query = source.rpartition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    kind = _KINDS.get(body.partition(":")[0])
    if kind is None or not options.keys() <= kind.options.keys():
        body, options = source, {}
    name, colon, place = body.partition(":")
    return name, place if colon else None, options
