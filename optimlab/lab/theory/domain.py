"""Checks of what closed forms are given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.typing import Floats

# Decorates closed forms that may leave the range of float64: they return inf, without a warning.
overflowing = np.errstate(over="ignore", divide="ignore")


def numbers(name: str, value: ArrayLike, allowed: str, contains: Callable[[Floats], Any]) -> Floats:
    """Return real numbers as float64 of any shape, or say what is allowed; NaN never is."""
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} must be {allowed}; got {value!r}") from None
    if given.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be {allowed}; got {value!r}")
    array = given.astype(np.float64)
    outside = ~np.asarray(contains(array))
    if outside.any():
        raise ValueError(f"{name} must be {allowed}; got {float(array[outside].flat[0])!r}")
    return array


def decays(beta: ArrayLike) -> Floats:
    """Return β in [0, 1)."""
    return numbers("beta", beta, "in [0, 1)", lambda b: (b >= 0.0) & (b < 1.0))


def counts(t: ArrayLike) -> Floats:
    """Return whole numbers of at least 0."""
    return numbers("t", t, "whole numbers of at least 0", lambda k: (k >= 0.0) & (k == np.floor(k)) & np.isfinite(k))


def distances(eps: ArrayLike) -> Floats:
    """Return distances of a start from its saddle, in (0, 1]."""
    return numbers("eps", eps, "in (0, 1]; at 0 nothing escapes", lambda x: (x > 0.0) & (x <= 1.0))


def finite(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers."""
    return numbers(name, value, "finite", np.isfinite)


def positive(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers above 0."""
    return numbers(name, value, "greater than 0 and finite", lambda x: (x > 0.0) & np.isfinite(x))


def nonnegative(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers of at least 0."""
    return numbers(name, value, "finite and at least 0", lambda x: (x >= 0.0) & np.isfinite(x))


def scalar(name: str, value: ArrayLike, allowed: str, contains: Callable[[Floats], Any]) -> float:
    """Return a single number, or say what is allowed."""
    number = numbers(name, value, allowed, contains)
    if number.ndim:
        raise TypeError(f"{name} must be {allowed}, a single number; got {value!r}")
    return float(number)


def whole(name: str, value: int, low: int, high: float = math.inf) -> int:
    """Return a whole number in [low, high], or say what is allowed."""
    allowed = f"a whole number of at least {low}" if high == math.inf else f"a whole number from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be {allowed}; got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be {allowed}; got {value!r}")
    return int(value)
