"""The command ``newaisle similar``."""

from __future__ import annotations

from typing import Annotated

import typer

from .files import write_rows
from .options import Among, Csv, Json, Model, TargetId


def similar(
    model: Model,
    target: TargetId,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Number of targets.")] = 10,
    among: Among = "seen",
    json: Json = False,
    csv: Csv = False,
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
    write_rows(recommender.table_columns(table), json=json, csv=csv)
