"""The command ``newaisle forecast``."""

from __future__ import annotations

from typing import Annotated

import typer

from .audience import ROWS
from .files import write_rows
from .options import Among, Csv, Json, Model, Out
from .output import step


def forecast(
    model: Model,
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="Ids of targets; else --among.", show_default=False)
    ] = None,
    among: Among = "new",
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Forecast how many users will buy each target, with an 80 % interval.

    Use it to plan stock and shelf space before the first sale. The forecast covers a period as long as the history.

    Columns: target, name, and

    - expected_buyers: the forecast; the rows are sorted by it

    - low, high: an interval that contains the true number for 80 % of the targets

    - confidence: 0 to 1, how reliable the predicted popularity of the target is

    The terminal shows the first 20 rows; files, JSON and CSV contain all.

    For example:

        newaisle forecast groceries-model "COFFEE / GROUND COFFEE" "COFFEE / INSTANT COFFEE"

        newaisle forecast groceries-model --among all --out forecast.parquet
    """
    from ..recommender import Recommender

    with step("Forecasting", brief=True):
        recommender = Recommender.load(model)
        ids = recommender.fitted.graph.ids
        table = recommender.forecast([ids.parse(text) for text in targets] if targets else among)
    write_rows(recommender.table_columns(table), out=out, json=json, csv=csv, limit=ROWS)
