"""The command ``newaisle route``."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import write_rows
from .options import Csv, Json, Model


def route(
    model: Model,
    targets: Annotated[list[str], typer.Argument(metavar="TARGET", help="Ids of targets.", show_default=False)],
    json: Json = False,
    csv: Csv = False,
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
    table = recommender.route([recommender.fitted.graph.ids.parse(target) for target in targets])
    write_rows(recommender.table_columns(table), json=json, csv=csv)
