"""The command that ranks targets for users."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import Out, UserFile, check_out, give, read_users
from .options import AmongWord, Csv, Json, Model, check_output, checked_among, number_or_date


def recommend(
    model: Model,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="ID", help="Own id of a user; may be repeated.", show_default=False),
    ] = None,
    users: UserFile = None,
    k: Annotated[int, typer.Option("-k", help="Targets per user.")] = 20,
    among: AmongWord = "new",
    diversity: Annotated[
        float, typer.Option("--diversity", help="0 ranks by score; up to 1, unlike targets come first.")
    ] = 0.0,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", help="Leave out targets of which the model is less sure (0 to 1).")
    ] = 0.0,
    min_probability: Annotated[
        float, typer.Option("--min-probability", help="Leave out targets that the user is less likely to buy (0 to 1).")
    ] = 0.0,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE", help="Leave out what is not available then.", show_default=False),
    ] = None,
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Rank targets for users, those that nobody has bought yet by default.

    Without --user and --users the list is that of a user without history. Columns: score is the cosine of user and
    target, probability the chance of a purchase within a time as long as that of the history, confidence how sure the
    model is of the target (0 to 1).

    For example:

        newaisle recommend groceries-model --user 1 -k 5

        newaisle recommend groceries-model --user 1 --user 7 --among all --json

        newaisle recommend groceries-model --user 1 --diversity 0.5 --min-confidence 0.6

        newaisle recommend groceries-model --users newsletter.csv -k 5 --min-probability 0.1 --out lists.parquet
    """
    from ..answers.recommend import RESULT_COLUMNS
    from ..recommender import Recommender

    check_output(json, csv)
    check_out(out)
    meant = checked_among(among)
    fitted = Recommender.load(model)
    known = fitted.fitted.users
    wanted = [known.parse(text) for text in user or []] + ([] if users is None else read_users(users, known))
    found = fitted.recommend(
        wanted or None,
        k,
        among=meant,
        diversity=diversity,
        min_confidence=min_confidence,
        min_probability=min_probability,
        at=number_or_date(at),
    )
    columns = fitted.table_columns(found)
    give({name: columns[name] for name in RESULT_COLUMNS}, out=out, json=json, csv=csv)
