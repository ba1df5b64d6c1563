"""Commands for those who plan an aisle: whom to tell about a target, and how many will buy it."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import Out, UserFile, check_out, give, read_users
from .options import AmongWord, Csv, Json, Model, check_output, checked_among, number_or_date
from .output import step

_SHOWN = 20
"""Rows for people; programs and files get them all."""


def audience(
    model: Model,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Own id of a target.", show_default=False)],
    k: Annotated[int, typer.Option("-k", help="How many users.")] = 1000,
    keep_bought: Annotated[bool, typer.Option("--keep-bought", help="Keep users who bought it.")] = False,
    users: UserFile = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE", help="Nobody is told where it is not available then.", show_default=False),
    ] = None,
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Tell whom to tell about a target: the users who are most likely to buy it.

    Columns: probability is the chance of a purchase within a time as long as that of the history, and the order goes by
    it; expected_buyers is their sum down to the row, that is how many buyers to expect from so many letters. People are
    shown the first 20 rows.

    For example:

        newaisle audience groceries-model "COFFEE / GROUND COFFEE" -k 500 --out letters.csv

        newaisle audience groceries-model "COFFEE / GROUND COFFEE" --users newsletter.csv --json
    """
    from ..answers.audience import AUDIENCE_COLUMNS
    from ..recommender import Recommender

    check_output(json, csv)
    check_out(out)
    with step("Choosing", brief=True):
        asked = Recommender.load(model)
        fitted = asked.fitted
        found = asked.audience(
            fitted.graph.ids.parse(target),
            k,
            exclude_bought=not keep_bought,
            at=number_or_date(at),
            users=None if users is None else read_users(users, fitted.users),
        )
    columns = asked.table_columns(found)
    give({name: columns[name] for name in AUDIENCE_COLUMNS}, out=out, json=json, csv=csv, most=_SHOWN)
    if not json and not csv:
        told = columns["expected_buyers"]
        buyers = f"{told[-1]:,.1f} of them" if told else "nobody"
        typer.echo(f"Of {len(told):,} users told, expect {buyers} to buy {target}", err=out is not None)


def forecast(
    model: Model,
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]...", help="Own ids of targets.", show_default=False)
    ] = None,
    among: AmongWord = "new",
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Tell how many users will buy targets within a time as long as that of the history.

    Without TARGET all that --among says are told of. Columns: expected_buyers; low and high, between which the number
    lies for four targets of five; confidence, how sure the model is of the target (0 to 1). People are shown the first
    20 rows, most buyers first.

    For example:

        newaisle forecast groceries-model "COFFEE / GROUND COFFEE" "COFFEE / INSTANT COFFEE"

        newaisle forecast groceries-model --among all --out forecast.parquet
    """
    from ..answers.forecast import FORECAST_COLUMNS
    from ..recommender import Recommender

    check_output(json, csv)
    check_out(out)
    meant = checked_among(among)
    with step("Forecasting", brief=True):
        asked = Recommender.load(model)
        ids = asked.fitted.graph.ids
        columns = asked.table_columns(asked.forecast([ids.parse(text) for text in targets] if targets else meant))
    give({name: columns[name] for name in FORECAST_COLUMNS}, out=out, json=json, csv=csv, most=_SHOWN)
