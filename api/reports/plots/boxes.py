"""Boxes of text whose size is measured, stacked in columns, so that no label is cut and none lies on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ....display import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAD = 0.08
GAP = 0.13
"""Inches around the text of a box, and between two boxes."""
_LEADING = 1.25


@dataclass(frozen=True)
class Style:
    """The look of a box: colours of face, edge and text, size of the text in points."""

    face: str
    edge: str
    text: str = "#1a1a1a"
    size: float = 10.0
    bold: bool = False

    @property
    def line(self) -> float:
        """The height of a line in inches."""
        return self.size * _LEADING / 72


@dataclass(frozen=True)
class Box:
    """A text wrapped to the width of its column, and the place of its middle, all in inches."""

    lines: tuple[str, ...]
    style: Style
    left: float
    width: float
    middle: float = 0.0

    @property
    def height(self) -> float:
        """Of the text and the space around it."""
        return len(self.lines) * self.style.line + 2 * PAD

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width


class Ruler:
    """Measures and wraps texts as a figure will show them."""

    def __init__(self, figure: Figure) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self._renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # as matplotlib has it
        self._dpi = figure.dpi

    def wrapped(self, text: str, width: float, style: Style) -> tuple[str, ...]:
        """The text in lines of at most a width in inches; a word that is too long is broken, nothing is left out."""
        lines = [""]
        for word in printable(text).split():
            line = f"{lines[-1]} {word}".lstrip()
            if self._fits(line, width, style):
                lines[-1] = line
                continue
            lines += [""] if lines[-1] else []
            for character in word:
                if not self._fits(lines[-1] + character, width, style) and lines[-1]:
                    lines.append("")
                lines[-1] += character
        return tuple(lines)

    def box(self, text: str, left: float, width: float, style: Style) -> Box:
        """A box in the column between ``left`` and ``left + width``."""
        return Box(self.wrapped(text, width - 2 * PAD, style), style, left, width)

    def _fits(self, line: str, width: float, style: Style) -> bool:
        from matplotlib.font_manager import FontProperties

        font = FontProperties(size=style.size, weight="bold" if style.bold else "normal")
        return bool(self._renderer.get_text_width_height_descent(line, font, ismath=False)[0] <= width * self._dpi)


def height_of(boxes: Sequence[Box]) -> float:
    """The height of a column of boxes."""
    return sum(box.height for box in boxes) + GAP * max(0, len(boxes) - 1)


def stacked(boxes: Sequence[Box], middle: float) -> list[Box]:
    """A column of boxes from top to bottom around a middle."""
    top, placed = middle + height_of(boxes) / 2, []
    for box in boxes:
        placed.append(replace(box, middle=top - box.height / 2))
        top -= box.height + GAP
    return placed


def draw_box(axes: Axes, box: Box) -> None:
    """Draw a box with its text."""
    from matplotlib.patches import FancyBboxPatch

    style, corner = box.style, (box.left, box.middle - box.height / 2)
    axes.add_patch(
        FancyBboxPatch(
            corner,
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=style.face,
            edgecolor=style.edge,
            linewidth=1.1,
            zorder=3,
        )
    )
    write(axes, box.left + box.width / 2, box.middle, "\n".join(box.lines), style, center=True)


def write(axes: Axes, x: float, y: float, text: str, style: Style, *, center: bool = False, base: bool = False) -> None:
    """Write a text, of which no character is read as a formula."""
    axes.text(
        x,
        y,
        text,
        ha="center" if center else "left",
        va="baseline" if base else "center",
        fontsize=style.size,
        color=style.text,
        weight="bold" if style.bold else "normal",
        linespacing=_LEADING,
        parse_math=False,
        zorder=4,
    )


def connect(axes: Axes, start: Box, end: Box, colour: str, width: float = 1.3) -> None:
    """A curve from the right edge of a box to the left edge of another."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    bend = (end.left - start.right) / 2
    points = [
        (start.right, start.middle),
        (start.right + bend, start.middle),
        (end.left - bend, end.middle),
        (end.left, end.middle),
    ]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    axes.add_patch(PathPatch(Path(points, codes), fill=False, edgecolor=colour, linewidth=width, alpha=0.55, zorder=1))
