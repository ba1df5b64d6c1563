"""Texts that are numbers: under which decimal sign, and which cells are none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .cells import MISSING_MARKS

ENOUGH = 0.95
"""Share of the filled cells that must be numbers."""

_FORMS = {
    sign: re.compile(
        rf"[+-]?(?:\d{{1,3}}(?:[{thousands} ]\d{{3}})+|\d+)(?:{re.escape(sign)}\d*)?(?:[eE][+-]?\d{{1,3}})?"
        rf"|[+-]?{re.escape(sign)}\d+(?:[eE][+-]?\d{{1,3}})?"
    )
    for sign, thousands in ((".", ","), (",", r"\."))
}
_CODE = re.compile(r"[+-]?0\d+")


@dataclass(frozen=True)
class NumberTexts:
    """Texts of a column read as numbers.

    Attributes:
        numbers: text -> number.
        decimal: the sign under which they were read; None where no text has one.
        strays: texts that are no number, read as missing; the most frequent first.
        share: of the filled cells that are numbers.
    """

    numbers: Mapping[str, float]
    decimal: str | None
    strays: tuple[str, ...]
    share: float


def parse_number(text: str, decimal: str = ".") -> float | None:
    """A text as a number under one decimal sign, thousands separated or not; None where it is none."""
    if not _FORMS[decimal].fullmatch(text):
        return None
    other = "," if decimal == "." else "."
    return float(text.replace(" ", "").replace(other, "").replace(decimal, "."))


def read_numbers(texts: Mapping[str, int], decimal: str | None = None, *, codes: bool = False) -> NumberTexts | str:
    """Texts (text -> cells, none empty) as numbers, or why they are none, as a part of a sentence.

    Whole numbers alone, without any other cell, are codes, since whoever reads a column of them as texts means to, and
    so are those with zeros in front; with ``codes`` they are numbers, too.
    """
    filled = {text: count for text, count in texts.items() if text.lower() not in MISSING_MARKS}
    total = sum(filled.values())
    if not total:
        return "no cell is a number"
    read = {sign: {text: parse_number(text, sign) for text in filled} for sign in ([decimal] if decimal else _FORMS)}
    counts = {
        sign: sum(filled[text] for text, number in parsed.items() if number is not None)
        for sign, parsed in read.items()
    }
    sign = max(counts, key=lambda each: counts[each])  # of equal ones the point
    share = counts[sign] / total
    if share < ENOUGH:
        first = next((text for text in filled if read[sign][text] is None), "")
        return f"numbers in only {share:.0%} of its cells, {first!r} is none" if share >= 0.5 else "texts"
    numbers = {text: number for text, number in read[sign].items() if number is not None}
    if not codes and any(_CODE.fullmatch(text) for text in numbers):
        return "codes with zeros in front"
    signed = [text for text in numbers if not text.lstrip("+-").isdecimal()]
    if not decimal and counts["."] == counts[","] and (both := [text for text in signed if "," in text]):
        return f"{both[0]!r} may have a decimal or a thousands comma: give decimal in the schema"
    if not codes and not decimal and not signed and len(numbers) == len(texts):
        return "whole numbers given as texts, thus codes"
    strays = sorted((text for text in texts if text not in numbers), key=lambda text: -texts[text])
    return NumberTexts(numbers, sign if signed else None, tuple(strays), share)
