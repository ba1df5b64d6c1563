"""The command ``newaisle recommend``."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import read_users, write_rows
from .options import Among, At, Csv, Json, Model, Out, UserFile, number_or_date


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
    write_rows(recommender.table_columns(table), out=out, json=json, csv=csv)
