"""The plot of a new target: every name whole and readable, no label on another, whatever the names and their number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newaisle.api.recommender import Recommender
from newaisle.api.reports.plots.target import plot_target, target_figure
from newaisle.api.reports.plots.ties import MOST_SHARED, MOST_SOLD, Names, Shared, Sold, Ties, ties_of
from newaisle.display import printable
from newaisle.errors import UnknownIdError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

KINDS = ("ancestor", "attribute", "text")


def ties(sold: Sequence[str], shared: Sequence[str], name: str = "Soft drinks") -> Ties:
    """Ties in which every sold target shares something, the last ones with everything."""
    weights = [(-1) ** (i % 4 == 3) / (i + 1) for i in range(len(sold))]
    common = [
        Shared(word, KINDS[i % 3], tuple(range(i % max(len(sold), 1), len(sold)))) for i, word in enumerate(shared)
    ]
    return Ties(name, "category", False, list(map(Sold, sold, weights)), [s for s in common if s.sold], 1234, 5)


LONG = "refrigerated ready to serve vegetable and fruit juices with extra vitamins, calcium and no sugar at all"
HARD = {
    "one": ties(["Cola"], ["in Drinks"]),
    "thirty": ties([f"Sort {i}" for i in range(30)], [f"maker: {i}" for i in range(9)]),
    "thirty long": ties([f"{i} {LONG}" for i in range(30)], [f"{i}: {LONG}" for i in range(9)], LONG),
    "one word": ties(["x" * 300, "a"], ["y" * 120], "z" * 200),
    "same names": ties(["Cola"] * 12, ["maker: 7"] * 9, "Cola"),
    "no ties": ties(["Cola", "Tea"], []),
    "nothing": ties([], []),
    "odd": ties(
        ["$5 shirts $10", "a_b^{2}", "Ünï\n\tçode", "\x1b[31m\u202ered", "日本茶", "%s {0} \\frac"], ["price: $\\$"]
    ),
}


def boxes(figure: Figure) -> Iterator[tuple[str, Bbox]]:
    """Every text of a figure, those of the legend included, with its place in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts: list[Text] = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    axes = figure.axes[0]
    hidden = {*axes.get_xticklabels(), *axes.get_yticklabels()}
    yield from ((t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in texts if t not in hidden)


@pytest.mark.parametrize("name", HARD)
def test_no_label_lies_on_another_or_beyond_the_edge(name: str) -> None:
    figure = target_figure(HARD[name])
    found = list(boxes(figure))
    assert len(found) >= 6
    for (one, first), (other, second) in itertools.combinations(found, 2):
        assert not first.overlaps(second), f"{one!r} and {other!r}"
    width, height = figure.get_size_inches() * figure.dpi
    for text, box in found:
        assert box.x0 >= 0 <= box.y0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text


@pytest.mark.parametrize("name", ["thirty long", "one word", "odd"])
def test_no_name_is_cut(name: str) -> None:
    written = ["".join(text.split()) for text, _ in boxes(target_figure(HARD[name]))]
    for whole in (HARD[name].name, *(each.name for each in (*HARD[name].sold, *HARD[name].shared))):
        assert any("".join(printable(whole).split()) in text for text in written)
    assert not any("…" in text for text in written)
    assert not any("\x1b" in text or "\u202e" in text for text in written)


def test_texts_lie_within_their_boxes() -> None:
    figure = target_figure(HARD["thirty long"])
    from matplotlib.patches import FancyBboxPatch

    places = dict(boxes(figure))
    frames = [patch.get_window_extent() for patch in figure.findobj(FancyBboxPatch)]
    for text, box in places.items():
        if "vitamins" in text.replace("\n", " ") and "nobody" not in text:
            assert any(f.x0 <= box.x0 and box.x1 <= f.x1 and f.y0 <= box.y0 and box.y1 <= f.y1 for f in frames), text


def test_names_in_capitals_become_readable_where_the_catalog_shouts() -> None:
    loud = Names(["SOFT DRINKS", "HAM", "Tea"])
    assert [loud.readable(name) for name in ("SOFT DRINKS", "HAM", "Tea", "12/18", "日本")] == [
        "Soft drinks",
        "Ham",
        "Tea",
        "12/18",
        "日本",
    ]
    assert Names(["TV", "Radio", "Hi-fi"]).readable("TV") == "TV"


def test_the_strongest_ties_of_a_real_target(fitted: Recommender, tmp_path: Path) -> None:
    new = fitted.fitted.graph.ids.values[int(fitted.fitted.choose("new").targets[0])]
    found = ties_of(fitted.fitted, new)
    assert not found.has_sales
    assert len(found.sold) == MOST_SOLD
    assert found.more_sold + MOST_SOLD <= len(fitted.fitted.model.regressor.seen)
    assert len(found.shared) <= MOST_SHARED
    weights = [abs(each.weight) for each in found.sold]
    assert weights == sorted(weights, reverse=True)
    assert not any(each.name.isupper() for each in found.sold)
    for format_ in ("png", "svg"):
        plot_target(fitted, new, tmp_path / f"plot.{format_}")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    sold = fitted.fitted.graph.ids.values[int(fitted.fitted.choose("seen").targets[0])]
    assert ties_of(fitted.fitted, sold).has_sales
    with pytest.raises(UnknownIdError):
        plot_target(fitted, "nothing", tmp_path / "none.png")
