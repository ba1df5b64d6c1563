"""Coordinate search over a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

MARGIN = 0.005
"""Least gain of a step in NDCG; smaller ones are mostly chance."""
Criterion = Callable[[Mapping[str, float]], float]


def coordinate_search(
    judge: Criterion,
    start: Mapping[str, float],
    steps: Mapping[str, Sequence[float]],
    *,
    choices: Mapping[str, Sequence[float]] | None = None,
    rounds: int = 1,
) -> dict[str, float]:
    """Raise ``judge`` from ``start``: change one number at a time and keep what gains ``MARGIN``.

    ``choices`` replace a number, ``steps`` multiply it for as long as it gains, all at most ``rounds`` times.
    """
    names = tuple(start)

    @cache
    def figure_of(*numbers: float) -> float:
        return judge(dict(zip(names, numbers, strict=True)))

    def judged(values: Mapping[str, float]) -> float:
        return figure_of(*values.values())

    best, figure = dict(start), judged(start)
    for _ in range(rounds):
        before = figure
        for name, values in (choices or {}).items():
            for value in values:
                if (gained := judged(changed := {**best, name: value})) > figure + MARGIN:
                    best, figure = changed, gained
        for name, factors in steps.items():
            for factor in factors:
                improved = False
                while (gained := judged(changed := {**best, name: best[name] * factor})) > figure + MARGIN:
                    best, figure, improved = changed, gained, True
                if improved:
                    break
        if figure <= before:
            break
    return best
