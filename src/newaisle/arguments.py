"""Checks of arguments that people and programs give."""

from __future__ import annotations

import math
from typing import TypeGuard

import numpy as np

from .display import short
from .errors import InputError


def expect(value: object, kind: type, what: str, remedy: str) -> None:
    """Raise an :class:`InputError` for a value of another type."""
    if not isinstance(value, kind):
        raise InputError(f"{what} is {short(value)}; {remedy}.")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is one finite number, no text, array or missing value."""
    if isinstance(value, int):
        return abs(value) <= 2**1023
    return isinstance(value, float | np.integer | np.floating) and math.isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is one whole number that fits 64 bits."""
    return isinstance(value, int | np.integer) and abs(int(value)) < 2**63


def check_seed(seed: object) -> int:
    """A seed as it is; :class:`InputError` where it is no whole number of 0 or more."""
    if not is_whole(seed) or seed < 0:
        raise InputError(f"seed is {short(seed)}; give a whole number, 0 or more.")
    return int(seed)
