"""The command ``newaisle search``."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import write_rows
from .options import Among, Csv, Json, Model
from .output import step


def search(
    model: Model,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The search text.", show_default=False)],
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID", help="Personalize the result for this user.")
    ] = None,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of targets.")] = 10,
    among: Among = "all",
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Find targets by free text, for one user if wanted.

    The text is matched, by spelling and by meaning, against targets and against the categories and attributes above
    them. Targets that do not match at all are left out.

    Columns: target, name, and

    - relevance: the match, lowered by up to 30 % for targets that do not fit the taste of --user; the rows are sorted
      by it

    - match: 0 to 1, how well the text matches

    - because: what matches best: the target itself, a category above it, or an attribute

    For example:

        newaisle search groceries-model "something for breakfast"

        newaisle search groceries-model "private brand cheese" --user 1 --among new --json
    """
    from ..recommender import Recommender

    with step("Searching", brief=True):
        recommender = Recommender.load(model)
        user_id = None if user is None else recommender.fitted.users.parse(user)
        table = recommender.search(text, k, user=user_id, among=among)
    write_rows(recommender.table_columns(table), json=json, csv=csv)
