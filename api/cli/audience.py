"""The command ``newaisle audience``."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import read_users, write_rows
from .options import At, Csv, Json, Model, Out, UserFile, number_or_date
from .output import step

ROWS = 20
"""Rows in the table for people."""


def audience(
    model: Model,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Id of the target.", show_default=False)],
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of users.")] = 1000,
    keep_bought: Annotated[bool, typer.Option("--keep-bought", help="Keep users who have bought the target.")] = False,
    users: UserFile = None,
    at: At = None,
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """List the users most likely to buy a target.

    Use it to decide who gets a letter, a coupon or a push message about a new target, and how many are worth sending.
    --users restricts the choice to the users in a file.

    Columns: user, target, name, score, and

    - probability: calibrated probability of a purchase within a period as long as the history; the rows are sorted by
      it

    - expected_buyers: running total of probability, the number of buyers to expect among the users down to this row

    The terminal shows the first 20 rows; files, JSON and CSV contain all.

    For example:

        newaisle audience groceries-model "COFFEE / GROUND COFFEE" -k 500 --out letters.csv

        newaisle audience groceries-model "COFFEE / GROUND COFFEE" --users newsletter.csv --json
    """
    from ..recommender import Recommender

    with step("Ranking users", brief=True):
        recommender = Recommender.load(model)
        fitted = recommender.fitted
        table = recommender.audience(
            fitted.graph.ids.parse(target),
            k,
            exclude_bought=not keep_bought,
            at=number_or_date(at),
            users=None if users is None else read_users(users, fitted.users),
        )
    columns = recommender.table_columns(table)
    write_rows(columns, out=out, json=json, csv=csv, limit=ROWS)
    if not json and not csv:
        running = columns["expected_buyers"]
        total = running[-1] if running else 0.0
        typer.echo(f"Expect {total:,.1f} buyers of {target} among {len(running):,} users", err=out is not None)
