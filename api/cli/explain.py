"""The command ``newaisle explain``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, Model, TargetId
from .output import print_command, print_json, print_line, print_table

if TYPE_CHECKING:
    from ..answers.explain.explanation import Explanation
    from ..answers.explain.sentences import Because, Reason

_ROUNDING = 1e-9


def explain(
    model: Model,
    user: Annotated[str, typer.Option("--user", metavar="ID", help="Id of the user.", show_default=False)],
    target: TargetId,
    k: Annotated[int, typer.Option("-k", metavar="N", help="Reasons per table; JSON contains all.")] = 10,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Name of the source in the store, where it was refreshed under another one.",
            show_default="the name it had at fit",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Explain why a target is recommended to a user.

    First come the main reasons in words, each with the paths through the catalog that connect it to the target and
    the query that finds them in a store. Two tables follow, each an exact sum of the score: over the purchases of the
    user, and over the seen targets from which the target's vector is predicted. The summands are shares of the score,
    not causes.

    The queries name nodes by keys such as tables:jam, which begin with the name of the source in the store: --name
    gives the one of refresh.

    For example:

        newaisle explain groceries-model --user 1 --target "COFFEE / GROUND COFFEE"

        newaisle explain groceries-model --user 1 --target "COFFEE / GROUND COFFEE" --json
    """
    from ...graph.reading.verb import Verb
    from ...graph.store.queries.named import named_queries
    from ..answers.table import check_k
    from ..recommender import Recommender

    check_k(k)
    recommender = Recommender.load(model)
    fitted = recommender.fitted
    why = recommender.explain(fitted.users.parse(user), fitted.graph.ids.parse(target), source=name)
    if json:
        queries = sorted({path.query for because in why.because for path in because.paths})
        print_json(asdict(why) | {"queries": {query: named_queries()[query].cypher for query in queries}})
        return
    verb = fitted.verb
    called = fitted.graph.names[fitted.graph.ids.position(why.target)]
    print_line(f"User {why.user} and {called} ({why.target}): score {why.score:.4f}")
    _print_because(why.because)
    history = "the user's purchases" if verb == Verb() else f"what the user has {verb.bought}"
    _print_reasons(f"The score as a sum over {history}", why, why.history, k)
    _print_reasons(
        "The score as a sum over seen targets", why, why.sources, k, (f"the target's own {verb.sales}", why.own_sales)
    )


def _print_because(reasons: Sequence[Because]) -> None:
    """Every main reason, its paths through the catalog, and the commands that find these in a store."""
    for because in reasons:
        print_line()
        print_line(because.sentence)
        for path in because.paths:
            print_line(f"  {path.path}")
        commands = dict.fromkeys(
            (path.query, path.parameters["key"], path.parameters["other"]) for path in because.paths
        )
        for query, key, other in commands:
            print_command("newaisle", "cypher", query, "--param", f"key={key}", "--param", f"other={other}")


def _print_reasons(title: str, why: Explanation, reasons: Sequence[Reason], k: int, *more: tuple[str, float]) -> None:
    """The strongest reasons and the sum of the others, so that the shares add up to the score."""
    print_line()
    print_line(f"{title}:")
    order = sorted(reasons, key=lambda reason: -abs(reason.share))
    rows: list[tuple[str, float]] = [(f"{reason.name} ({reason.target})", reason.share) for reason in order[:k]]
    if rest := order[k:]:
        rows.append((f"{len(rest):,} others", sum(reason.share for reason in rest)))
    if not rows:
        rows.append(("no history: a user without one has the mean user vector", why.score - why.offset))
    rows += [
        (name, share)
        for name, share in (*more, ("offset, the same for all users", why.offset))
        if abs(share) > _ROUNDING
    ]
    parts = [(name, share, f"{share / why.score:.1%}" if why.score else "") for name, share in rows]
    print_table(("reason", "adds", "of the score"), parts)
