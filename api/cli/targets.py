"""The commands ``similar``, ``search`` and ``route``: what a model knows of targets."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import write_rows
from .options import Among, Csv, Json, Model, ModelEncoder, Raw, TargetId
from .output import step


def similar(
    model: Model,
    target: TargetId,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of targets.")] = 10,
    among: Among = "seen",
    json: Json = False,
    csv: Csv = False,
    raw: Raw = False,
) -> None:
    """List the targets most similar to a target; by default among those with sales.

    Use it to check what the model takes a new target for.

    Columns: target, name, and

    - similarity: 0 to 1, by texts, place in the taxonomy, attributes and features, with the weights of the fit

    For example:

        newaisle similar groceries-model --target "COFFEE / GROUND COFFEE"

        newaisle similar groceries-model --target "COFFEE / GROUND COFFEE" --among all -k 3 --json
    """
    from ..recommender import Recommender

    recommender = Recommender.load(model)
    table = recommender.similar(recommender.fitted.graph.ids.parse(target), k, among=among)
    write_rows(recommender.table_columns(table), json=json, csv=csv, raw=raw)


def search(
    model: Model,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The search text.", show_default=False)],
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID", help="Personalize the result for this user.")
    ] = None,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of targets.")] = 10,
    among: Among = "all",
    encoder: ModelEncoder = None,
    json: Json = False,
    csv: Csv = False,
    raw: Raw = False,
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
        recommender = Recommender.load(model, encoder=encoder)
        user_id = None if user is None else recommender.fitted.users.parse(user)
        table = recommender.search(text, k, user=user_id, among=among)
    write_rows(recommender.table_columns(table), json=json, csv=csv, raw=raw)


def route(
    model: Model,
    targets: Annotated[list[str], typer.Argument(metavar="TARGET", help="Ids of targets.", show_default=False)],
    json: Json = False,
    csv: Csv = False,
    raw: Raw = False,
) -> None:
    """Report whether targets are predicted from the graph or learned from their sales.

    Use it to see when a new target has enough sales to be recommended like any other.

    Columns: target, name, and

    - route: zero-shot without sales; conventional once prior_share is no higher than that of the median seen target;
      few-shot in between

    - prior_share: the share of the target's vector that the graph predicts, 1 without sales

    - buyers: number of users who have bought it

    For example:

        newaisle route groceries-model "COFFEE / GROUND COFFEE" "COFFEE / INSTANT COFFEE"

        newaisle route groceries-model "COFFEE / GROUND COFFEE" --json
    """
    from ..recommender import Recommender

    recommender = Recommender.load(model)
    fitted = recommender.fitted
    table = recommender.route([fitted.graph.ids.parse(target) for target in targets])
    write_rows(recommender.table_columns(table), json=json, csv=csv, raw=raw, buyers=fitted.verb.buyers)
