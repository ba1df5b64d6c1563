"""Coordinate search over a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

MARGIN = 0.005
"""What a step must gain in NDCG: gains below it are more often chance than not."""
Criterion = Callable[[Mapping[str, float]], float]


def coordinate_search(
    judge: Criterion,
    start: Mapping[str, float],
    steps: Mapping[str, Sequence[float]],
    *,
    choices: Mapping[str, Sequence[float]] | None = None,
    rounds: int = 1,
) -> dict[str, float]:
    """Coordinate search: change one number at a time and keep what gains ``MARGIN``.

    Args:
        judge: figure to raise; called once for equal numbers.
        start: numbers to begin with.
        steps: name -> factors to try on it, in this order, each for as long as it gains.
        choices: name -> other values to try in its place, before the steps.
        rounds: how often all names take their turn; ends early when a round changes nothing.
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
