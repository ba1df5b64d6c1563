"""Commands that ask a saved model about targets: what one is like, what matches a text, why it is shown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AmongWord, Csv, Json, Model, check_output, checked_among
from .output import print_json, print_table, printable, step

if TYPE_CHECKING:
    from ..answers.explain.explanation import Explanation
    from ..answers.explain.sentences import Because, Reason

_ROUNDING = 1e-9
Target = Annotated[str, typer.Option("--target", metavar="ID", help="Own id of a target.", show_default=False)]


def similar(
    model: Model,
    target: Target,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    among: AmongWord = "seen",
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Tell what a target is like: the sold targets nearest to it, or others.

    Similarity is 0 to 1 and goes by texts, place in the graph, attributes and numbers, as the model weighs them.

    For example:

        newaisle similar groceries-model --target "COFFEE / GROUND COFFEE"

        newaisle similar groceries-model --target "COFFEE / GROUND COFFEE" --among all -k 3 --json
    """
    from ..answers.similar import SIMILAR_COLUMNS
    from ..recommender import Recommender

    check_output(json, csv)
    meant = checked_among(among)
    asked = Recommender.load(model)
    columns = asked.table_columns(asked.similar(asked.fitted.graph.ids.parse(target), k, among=meant))
    print_table(SIMILAR_COLUMNS, zip(*(columns[name] for name in SIMILAR_COLUMNS), strict=True), json=json, csv=csv)


def search(
    model: Model,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Some words.", show_default=False)],
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID", help="Whose taste counts too.", show_default=False)
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    among: AmongWord = "all",
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Find targets by free text: by their own words and by those of the categories and attributes above them.

    Columns: match is 0 to 1, relevance the same moved by the taste of --user (by 30 % at most), because names what
    matches best: the target itself, a category above it, or an attribute. What does not match at all is left out.

    For example:

        newaisle search groceries-model "something for breakfast"

        newaisle search groceries-model "private brand cheese" --user 1 --among new --json
    """
    from ..answers.search import SEARCH_COLUMNS
    from ..recommender import Recommender

    check_output(json, csv)
    meant = checked_among(among)
    with step("Searching", brief=True):
        asked = Recommender.load(model)
        who = None if user is None else asked.fitted.users.parse(user)
        columns = asked.table_columns(asked.search(text, k, user=who, among=meant))
    print_table(SEARCH_COLUMNS, zip(*(columns[name] for name in SEARCH_COLUMNS), strict=True), json=json, csv=csv)


def route(
    model: Model,
    targets: Annotated[list[str], typer.Argument(metavar="TARGET...", help="Own ids of targets.", show_default=False)],
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Tell how far what the model knows of targets comes from the graph, and how far from their own sales.

    Columns: prior_share is 1 for a target without any sales (zero-shot) and falls with them; where it is no higher than
    that of the median sold target, the route is conventional, and few-shot in between. buyers counts users.

    For example:

        newaisle route groceries-model "COFFEE / GROUND COFFEE" "COFFEE / INSTANT COFFEE"

        newaisle route groceries-model "COFFEE / GROUND COFFEE" --json
    """
    from ..answers.route import ROUTE_COLUMNS
    from ..recommender import Recommender

    check_output(json, csv)
    asked = Recommender.load(model)
    columns = asked.table_columns(asked.route([asked.fitted.graph.ids.parse(target) for target in targets]))
    print_table(ROUTE_COLUMNS, zip(*(columns[name] for name in ROUTE_COLUMNS), strict=True), json=json, csv=csv)


def explain(
    model: Model,
    user: Annotated[str, typer.Option("--user", metavar="ID", help="Own id of a user.", show_default=False)],
    target: Target,
    k: Annotated[int, typer.Option("-k", help="Reasons in each table for people; JSON has them all.")] = 10,
    json: Json = False,
) -> None:
    """Tell why a user is shown a target: the main reasons in words, and two sums that are exact.

    What each purchase of the user adds to the score, and what each sold target adds to it through the target's
    embedding. They are shares of the score, not causes. Below a reason stands how the catalog ties what it names to
    the target, and the query that finds it in a store that holds the catalog.

    For example:

        newaisle explain groceries-model --user 1 --target "COFFEE / GROUND COFFEE"

        newaisle explain groceries-model --user 1 --target "COFFEE / GROUND COFFEE" --json
    """
    from ...graph.store.queries.named import named_queries
    from ..answers.recommend import check_k
    from ..recommender import Recommender

    check_k(k)
    asked = Recommender.load(model)
    fitted = asked.fitted
    found = asked.explain(fitted.users.parse(user), fitted.graph.ids.parse(target))
    if json:
        queries = sorted({path.query for because in found.because for path in because.paths})
        print_json(asdict(found) | {"queries": {query: named_queries()[query].cypher for query in queries}})
        return
    name = fitted.graph.names[fitted.graph.ids.position(found.target)]
    typer.echo(f"User {found.user} and {name} ({found.target}): score {found.score:.4f}")
    _print_because(found.because)
    _print_reasons("What the user bought adds up to the score", found, found.history, k)
    _print_reasons(
        "So does what the target's embedding came from", found, found.sources, k, ("its own sales", found.own_sales)
    )


def _print_because(told: Sequence[Because]) -> None:
    """Every main reason, and below it the ways through the catalog and the command that finds them in a store."""
    for because in told:
        typer.echo(f"\n{printable(because.sentence)}")
        for path in because.paths:
            typer.echo(f"  {printable(path.path)}")
        asked = {(path.query, path.parameters["key"], path.parameters["other"]): None for path in because.paths}
        for query, key, other in asked:
            given = " ".join(
                f"--param {shlex.quote(f'{name}={value}')}" for name, value in (("key", key), ("other", other))
            )
            typer.echo(f"  newaisle cypher {query} {printable(given)}")


def _print_reasons(title: str, found: Explanation, reasons: Sequence[Reason], k: int, *more: tuple[str, float]) -> None:
    """The strongest reasons and the sum of the others, so that the shares add up."""
    typer.echo(f"\n{title}:")
    order = sorted(reasons, key=lambda reason: -abs(reason.share))
    rows: list[tuple[str, float]] = [(f"{reason.name} ({reason.target})", reason.share) for reason in order[:k]]
    if rest := order[k:]:
        rows.append((f"{len(rest):,} others", sum(reason.share for reason in rest)))
    if not rows:
        rows.append(("nothing: a user without history has the vector of the mean user", found.score - found.offset))
    rows += [
        (name, share)
        for name, share in (*more, ("what is the same for all users", found.offset))
        if abs(share) > _ROUNDING
    ]
    parts = [(name, share, f"{share / found.score:.1%}" if found.score else "") for name, share in rows]
    print_table(("reason", "adds", "of the score"), parts)
