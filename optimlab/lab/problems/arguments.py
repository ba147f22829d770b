"""Checks of what problems are given."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, SupportsIndex

import numpy as np


def real(name: str, value: Any, allowed: str, contains: Callable[[float], bool] = math.isfinite) -> float:
    """Return a real scalar as a float, or say what is allowed."""
    if isinstance(value, (bool, np.bool_, str, bytes, list, tuple)) or np.ndim(value) != 0 or np.iscomplexobj(value):
        raise TypeError(f"{name} must be {allowed}; got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be {allowed}; got {value!r}") from None
    if not (math.isfinite(number) and contains(number)):
        raise ValueError(f"{name} must be {allowed}; got {value!r}")
    return number


def whole(name: str, value: SupportsIndex, low: int, high: float = math.inf) -> int:
    """Return a whole number in [low, high], or say what is allowed."""
    allowed = f"a whole number of at least {low}" if high == math.inf else f"a whole number from {low} to {high}"
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be {allowed}; got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be {allowed}; got {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} must be {allowed}; got {value!r}")
    return number


def generator(rng: np.random.Generator) -> np.random.Generator:
    """Return a random generator, or say how to make one."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy.random.Generator; got {rng!r}; make one with numpy.random.default_rng(seed)"
        )
    return rng
