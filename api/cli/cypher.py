"""Commands on the graph store."""

from __future__ import annotations

import json as json_format
import sys
from typing import Annotated, Any

import typer

from ...graph.store.queries.named import named_queries, query_of
from .output import print_table, printable, step

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="embedded, embedded:DIR, bolt://…, bolt+s://…, neo4j://… or neo4j+s://…",
        show_default="NEO4J_URI, or else embedded",
    ),
]


def cypher(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY",
            help="The name of a query (see --list), a .cypher file, or Cypher; values in it as $name.",
            show_default=False,
        ),
    ] = None,
    store: StoreUrl = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="NAME=VALUE", help="The value of $NAME: JSON, or else a text. May be repeated."
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Let the query change the store.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list with one object per row.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Print what queries there are by name, and stop.")] = False,
) -> None:
    """Ask the graph store a query: one by name, one from a file, or any Cypher.

    Without --write a query that would change anything is refused. The user name, password and database of a server
    come from NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE.

    For example:

        newaisle cypher --list

        newaisle cypher why-near --param key=tables:jam --param other=tables:cocoa

        newaisle cypher "MATCH (c:Newaisle:Category) RETURN c.id, c.name, c.state LIMIT 5"

        newaisle cypher 'MATCH (c:Newaisle {key: $key}) RETURN c.name' --param key=tables:shoes --json
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other.")
    if list_:
        rows = [(q.name, q.tells, ", ".join(map(str, q.parameters))) for q in named_queries().values()]
        print_table(("query", "tells", "parameters"), rows, json=json, csv=csv)
        return
    if query is None:
        raise typer.BadParameter("Missing argument 'QUERY'.")
    asked = query_of(query)
    parameters = asked.bind(_parameters(param or []))
    # imported late: the driver takes longer than most commands' --help should
    from ...graph import open_store
    from ..settings import Settings

    settings = Settings()
    with (
        step("Asking the store", brief=True),
        open_store(store or settings.store, settings.credentials, home=settings.newaisle_home) as opened,
    ):
        answer = opened.query(asked.cypher, parameters, write=write)
        reason = None if answer.rows else asked.why_nothing(opened, parameters)
    print_table(answer.columns, answer.rows, json=json, csv=csv)
    if reason is not None:
        sys.stderr.write(printable(reason) + "\n")


def _parameters(given: list[str]) -> dict[str, Any]:
    """Turn ``NAME=VALUE`` texts into values."""
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
        except json_format.JSONDecodeError:
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
    """NaN and Infinity are texts: Python's reader takes them for numbers, JSON does not know them."""
    raise json_format.JSONDecodeError("not JSON", word, 0)
