"""The command ``newaisle cypher``."""

from __future__ import annotations

import json as json_format
from typing import Annotated, Any

import typer

from ...graph.store.queries.named import named_queries, query_of
from .options import Csv, Json, Raw, StoreUrl
from .output import print_line, print_table, step


def cypher(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY",
            help="Name of a query (see --list), a .cypher file, or Cypher with parameters as $name.",
            show_default=False,
        ),
    ] = None,
    store: StoreUrl = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="Value of $NAME, as JSON or else as text; may be repeated."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow the query to change the store.")] = False,
    json: Json = False,
    csv: Csv = False,
    raw: Raw = False,
    list_: Annotated[bool, typer.Option("--list", help="List the named queries and exit.")] = False,
) -> None:
    """Run a Cypher query on the graph store: a named one, one from a file, or your own.

    Use it to look at the graph behind a recommendation. A query that would change the store fails unless --write is
    given. User name, password and database of a server come from NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE.

    For example:

        newaisle cypher --list

        newaisle cypher why-near --param key=tables:jam --param other=tables:cocoa

        newaisle cypher "MATCH (c:Newaisle:Category) RETURN c.id, c.name, c.state LIMIT 5"

        newaisle cypher 'MATCH (c:Newaisle {key: $key}) RETURN c.name' --param key=tables:shoes --json
    """
    if list_:
        rows = [(q.name, q.description, ", ".join(map(str, q.parameters))) for q in named_queries().values()]
        print_table(("query", "tells", "parameters"), rows, json=json, csv=csv, raw=raw)
        return
    if query is None:
        raise typer.BadParameter("Missing argument 'QUERY'.")
    named = query_of(query)
    parameters = named.bind(_parameters(param or []))
    # imported here: --list and --help need no driver
    from ...graph import open_store
    from ..settings import Settings

    settings = Settings()
    with (
        step("Querying the store", brief=True),
        open_store(store or settings.store, settings.credentials, home=settings.newaisle_home) as opened,
    ):
        answer = opened.query(named.cypher, parameters, write=write)
        reason = None if answer.rows else named.explain_empty(opened, parameters)
    print_table(answer.columns, answer.rows, json=json, csv=csv, raw=raw)
    if reason is not None:
        print_line(reason, err=True)


def _parameters(given: list[str]) -> dict[str, Any]:
    """The values of ``--param``: name -> value."""
    parameters: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.removeprefix("$")
        if not (name and equals):
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--param")
        if name in parameters:
            raise typer.BadParameter(f"{name} is given twice.", param_hint="--param")
        try:
            parameters[name] = json_format.loads(value, parse_int=_int64, parse_constant=_no_json)
        except (json_format.JSONDecodeError, RecursionError):
            parameters[name] = value
        except OverflowError:
            raise typer.BadParameter(
                f"{name} does not fit into 64 bits; for a text, quote it as JSON.", param_hint="--param"
            ) from None
    return parameters


def _int64(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise OverflowError(digits)
    return number


def _no_json(word: str) -> float:
    """Read NaN and Infinity as texts: JSON does not have them, although Python's parser does."""
    raise json_format.JSONDecodeError("not JSON", word, 0)
