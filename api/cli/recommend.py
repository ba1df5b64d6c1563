"""The commands ``recommend``, ``audience`` and ``forecast``: ranked tables, to the terminal or a file."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import read_users, write_rows
from .options import Among, At, Csv, Json, Model, Out, Raw, UserFile, number_or_date
from .output import print_line, step

_ROWS = 20
"""Rows in a table for people; programs and files get all."""


def recommend(
    model: Model,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="ID", help="Id of a user; may be repeated.", show_default=False),
    ] = None,
    users: UserFile = None,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of targets per user.")] = 20,
    among: Among = "new",
    diversity: Annotated[
        float, typer.Option("--diversity", metavar="X", help="0 ranks by score; towards 1 the lists get more varied.")
    ] = 0.0,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", metavar="X", help="Leave out targets with less confidence (0 to 1).")
    ] = 0.0,
    min_probability: Annotated[
        float,
        typer.Option("--min-probability", metavar="X", help="Leave out targets with a lower probability (0 to 1)."),
    ] = 0.0,
    at: At = None,
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
    raw: Raw = False,
) -> None:
    """Rank targets for users; by default the new ones, which nobody has bought yet.

    Use it for the list on a page, in a newsletter, or in a file for all users. Without --user and --users it prints
    the list of a user without history.

    Columns: user, target, name, and

    - score: cosine similarity of the user vector and the target vector; the rows are sorted by it

    - probability: calibrated probability of a purchase within a period as long as the history

    - confidence: 0 to 1, how reliable the predicted popularity of the target is

    For example:

        newaisle recommend groceries-model --user 1 -k 5

        newaisle recommend groceries-model --user 1 --user 7 --among all --json

        newaisle recommend groceries-model --user 1 --diversity 0.5 --min-confidence 0.6

        newaisle recommend groceries-model --users newsletter.csv -k 5 --min-probability 0.1 --out lists.parquet
    """
    from ..recommender import Recommender

    recommender = Recommender.load(model)
    known = recommender.fitted.users
    ids = [known.parse(text) for text in user or []] + ([] if users is None else read_users(users, known))
    table = recommender.recommend(
        ids or None,
        k,
        among=among,
        diversity=diversity,
        min_confidence=min_confidence,
        min_probability=min_probability,
        at=number_or_date(at),
    )
    write_rows(recommender.table_columns(table), out=out, json=json, csv=csv, raw=raw)


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
    raw: Raw = False,
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
    verb = fitted.verb
    write_rows(columns, out=out, json=json, csv=csv, raw=raw, limit=_ROWS, buyers=verb.buyers)
    if not json and not csv:
        running = columns["expected_buyers"]
        total = running[-1] if running else 0.0
        print_line(f"Expect {total:,.1f} {verb.buyers} of {target} among {len(running):,} users", err=out is not None)


def forecast(
    model: Model,
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="Ids of targets; else --among.", show_default=False)
    ] = None,
    among: Among = "new",
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
    raw: Raw = False,
) -> None:
    """Forecast how many users will buy each target, with an 80 % interval.

    Use it to plan stock and shelf space before the first sale. The forecast covers a period as long as the history.

    Columns: target, name, and

    - expected_buyers: the forecast; the rows are sorted by it

    - low, high: an interval that contains the true number for 80 % of the targets

    - confidence: 0 to 1, how reliable the predicted popularity of the target is

    - known_buyers, new_buyers: expected_buyers by who they are, users of the history and customers who buy nothing
      else that is sold so far

    The terminal shows the first 20 rows and the share of new customers; files, JSON and CSV contain all.

    For example:

        newaisle forecast groceries-model "COFFEE / GROUND COFFEE" "COFFEE / INSTANT COFFEE"

        newaisle forecast groceries-model --among all --out forecast.parquet
    """
    from ..recommender import Recommender

    with step("Forecasting", brief=True):
        recommender = Recommender.load(model)
        fitted = recommender.fitted
        table = recommender.forecast([fitted.graph.ids.parse(text) for text in targets] if targets else among)
    columns, verb = recommender.table_columns(table), fitted.verb
    write_rows(columns, out=out, json=json, csv=csv, raw=raw, limit=_ROWS, buyers=verb.buyers)
    if not json and not csv:
        new, total = sum(columns["new_buyers"]), sum(columns["expected_buyers"])
        share = new / total if total else 0.0
        print_line(f"New {verb.customers} are {share:.1%} of the expected {verb.buyers}", err=out is not None)
