"""The options that say how the tables of a source are written, the same for every command that reads one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ....graph.reading.table_schema import TableSchema
    from ....loaders import LoadedSource

_PANEL = "How the tables are written (recognised where not given)"
_TABLES = ("interactions", "categories", "products", "attributes", "attribute_parents")
"""Where a standard name of a column belongs if no table is named: to the first that has it."""


def _option(name: str, metavar: str, help_text: str) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=help_text, show_default=False, rich_help_panel=_PANEL)


SchemaFile = Annotated[
    Path | None,
    _option(
        "schema",
        "FILE",
        "TOML file that says all of the below, by table; like schema.toml in a folder of tables.",
    ),
]
Columns = Annotated[
    str | None,
    _option(
        "columns",
        "NAME=COLUMN,…",
        "Own names of standard columns: user=CustomerID,target=StockCode; products.id=SKU for a certain table.",
    ),
]
Roles = Annotated[
    str | None,
    _option(
        "roles",
        "COLUMN=ROLE,…",
        "Roles of further columns, attribute, number, text or ignore: colour_code=attribute,image_url=ignore; "
        "products.size=number for a certain table.",
    ),
]
Delimiter = Annotated[
    str | None, _option("delimiter", "CHAR", "What is between the cells of text files: , ; | or tab.")
]
Decimal = Annotated[str | None, _option("decimal", "CHAR", "The decimal sign of numbers: . or a comma.")]
Encoding = Annotated[str | None, _option("encoding", "NAME", "Encoding of text files, such as utf-8 or cp1252.")]
Missing = Annotated[str | None, _option("missing", "TEXT,…", "Texts that mean an empty cell, such as -,n/a.")]
TimeFormat = Annotated[
    str | None,
    _option("time-format", "FORMAT", "How timestamp is written, such as '%d/%m/%Y %H:%M' for 31/12/2017 08:26."),
]
TimeUnit = Annotated[
    str | None,
    _option("time-unit", "UNIT", "Whole numbers in timestamp are s, ms, us or ns since 1970, or D for days."),
]
Sales = Annotated[
    Path | None,
    typer.Option(
        "--sales",
        metavar="FILE",
        help="Own sales on a source without any: a table with the columns user and target (an id, path or name of a "
        "target), or of order lines.",
        show_default=False,
    ),
]

_OPTIONS = {
    "sales": Sales,
    "schema": SchemaFile,
    "columns": Columns,
    "roles": Roles,
    "delimiter": Delimiter,
    "decimal": Decimal,
    "encoding": Encoding,
    "missing": Missing,
    "time_format": TimeFormat,
    "time_unit": TimeUnit,
}


@dataclass(frozen=True, eq=False)
class Reading:
    """How the tables of ``source`` are read: the options, name -> value, None where not given."""

    source: str
    options: Mapping[str, Any]

    @cached_property
    def schema(self) -> TableSchema | None:
        """The schema of the options, completed by that of ``--schema``; None where no option says anything."""
        table, file = _mapping(self.source.startswith("orders:"), self.options), self.options["schema"]
        if file is None and not table:
            return None
        from ....graph.reading.schema_file import read_schema

        return read_schema(table).over(read_schema(file))

    @property
    def sales(self) -> Path | None:
        """The file of own sales."""
        sales: Path | None = self.options["sales"]
        return sales

    def load(self) -> LoadedSource:
        """The source, read."""
        from ....loaders import load

        return load(self.source, schema=self.schema, sales=self.sales)


def with_reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; in their place it gets ``reading``, a :class:`Reading`."""

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        own = {name: given.pop(name) for name in _OPTIONS}
        command(**given, reading=Reading(given["source"] or "", own))

    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.signature(command, eval_str=True)
    parameters = [each.replace(kind=keyword) for each in signature.parameters.values() if each.name != "reading"]
    parameters += [inspect.Parameter(name, keyword, default=None, annotation=own) for name, own in _OPTIONS.items()]
    vars(with_options)["__signature__"] = signature.replace(parameters=parameters)
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def _mapping(orders: bool, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options in the form of a schema file."""
    found: dict[str, Any] = {}
    for table, name, column in _pairs("columns", given["columns"]):
        found.setdefault(table or _table_of(name, orders), {})[name] = column
    for table, column, role in _pairs("roles", given["roles"]):
        own = found.setdefault(table or ("orders" if orders else "categories"), {})
        own.setdefault("roles", {})[column] = role
    for key in ("time_format", "time_unit"):
        if given[key]:
            found.setdefault("orders" if orders else "interactions", {})[key] = given[key]
    for key in ("delimiter", "decimal", "encoding"):
        if given[key]:
            found[key] = given[key]
    if given["delimiter"] in ("tab", r"\t"):
        found["delimiter"] = "\t"
    if given["missing"]:
        found["missing"] = given["missing"].split(",")
    return found


def _pairs(option: str, text: str | None) -> list[tuple[str | None, str, str]]:
    """``TABLE.NAME=VALUE,…`` as (table or None, name, value)."""
    found: list[tuple[str | None, str, str]] = []
    for part in filter(None, (text or "").split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        table, dot, inner = name.partition(".")
        if not (equals and name and value):
            example = "user=CustomerID,target=StockCode" if option == "columns" else "colour_code=attribute"
            raise typer.BadParameter(f"--{option} has the part {part!r}; give it as {example}.")
        known = dot and table in (*_TABLES, "orders")
        found.append((table, inner, value) if known else (None, name, value))
    return found


def _table_of(name: str, orders: bool) -> str:
    from ....graph.reading.table_schema import STANDARD

    for table in ("orders",) if orders else _TABLES:
        if name in STANDARD[table]:
            return table
    names = dict.fromkeys(each for table in (("orders",) if orders else _TABLES) for each in STANDARD[table])
    raise typer.BadParameter(f"--columns names {name!r}, which is no standard column; give one of {', '.join(names)}.")
