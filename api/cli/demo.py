"""The command ``newaisle demo``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_command, print_line, print_table, step

if TYPE_CHECKING:
    from ..answers.explain.explanation import Explanation
    from ..demo import Shown

_REASONS = 3


def demo(
    households: Annotated[
        int | None,
        typer.Option("--households", min=20, metavar="N", help="Use a random sample of N of the 2,469 households."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for the model, the plot and the store.",
            show_default="NEWAISLE_HOME/demo",
        ),
    ] = None,
) -> None:
    """Run the whole workflow on real purchases: hide sales, fit, evaluate, recommend, explain.

    It loads Complete Journey, hides the sales of 20 % of its categories, writes the catalog graph to an embedded store,
    fits a model, compares it with the baselines on the hidden sales, explains the recommendations of three households,
    saves the model and plots one new category. It takes a few minutes and needs the extras demo and embedded.

    For example:

        newaisle demo

        newaisle demo --households 300 --out demo
    """
    from ...gnn.evaluation.comparison import differences, summary_table
    from ...paths import home_folder
    from ..demo import run_demo
    from ..reports.tables import figures, paired

    result = run_demo(step, out or home_folder() / "demo", households)
    for protocol, (columns, lines) in figures(summary_table(result.rows)).items():
        print_line()
        print_line(f"Ranking the hidden categories ({protocol}, 1 seed)")
        print_table(columns, lines)
    print_line()
    print_line("newaisle minus the others, NDCG@20 (ceiling: on its own held-out households)")
    print_table(["protocol", "against", "difference"], paired(differences(result.rows, "newaisle")))
    for shown in result.households:
        _print_household(shown)
    print_line()
    print_line(f"Saved model: {result.model}")
    print_line(f"Plot of a new category: {result.picture}")
    print_line()
    print_line("Next:")
    print_command("newaisle", "recommend", result.model, "--user", result.households[0].user, "-k", 10)
    counts = "MATCH (c:Newaisle:Category) RETURN c.state, count(c)"
    print_command("newaisle", "cypher", counts, "--store", f"embedded:{result.store}")
    print_command("newaisle", "evaluate", "complete-journey", "--protocol", "leave-branches-out")
    print_command("newaisle", "fit", "tables:YOUR-FOLDER", "--out", "your-model")


def _print_household(shown: Shown) -> None:
    bought = ", ".join(shown.history)
    print_line()
    print_line(f"Household {shown.user} buys most: {bought}")
    print_table(
        ["new category", "score", "probability", "confidence", "really bought", "because it buys (share of the score)"],
        [
            [
                line["target"],
                f"{line['score']:.3f}",
                f"{line['probability']:.4f}",
                f"{line['confidence']:.2f}",
                "yes" if line["target"] in shown.bought else "no",
                _because(why),
            ]
            for line, why in zip(shown.recommended, shown.reasons, strict=True)
        ],
    )


def _because(why: Explanation) -> str:
    best: Sequence[str] = [f"{reason.name} ({reason.share / why.score:.1%})" for reason in why.history[:_REASONS]]
    return ", ".join(best)
