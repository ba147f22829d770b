"""What the closed forms are given: the ranges that many of them share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import FINITE, NOT_NEGATIVE, POSITIVE, Range, numbers
from optimlab.typing import Floats

# Decorates closed forms that may leave the range of float64: they return inf, without a warning.
overflowing = np.errstate(over="ignore", divide="ignore")


def decays(name: str, value: ArrayLike) -> Floats:
    """Return decays, such as β, in [0, 1)."""
    return numbers(name, value, Range("in [0, 1)"))


def counts(t: ArrayLike) -> Floats:
    """Return whole numbers of at least 0."""
    return numbers("t", t, Range("whole numbers of at least 0 and finite"))


def distances(eps: ArrayLike) -> Floats:
    """Return distances of a start from its saddle, in (0, 1]."""
    return numbers("eps", eps, Range("in (0, 1]; at 0 nothing escapes"))


def finite(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers."""
    return numbers(name, value, FINITE)


def positive(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers above 0."""
    return numbers(name, value, POSITIVE)


def nonnegative(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers of at least 0."""
    return numbers(name, value, NOT_NEGATIVE)
