"""Checks of what closed forms are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def numbers(name: str, value: ArrayLike, allowed: str, contains: Callable[[Floats], Any]) -> Floats:
    """Return real numbers as float64 of any shape, or say what is allowed; NaN never is."""
    given = np.asarray(value)
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


def finite(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers."""
    return numbers(name, value, "finite", np.isfinite)


def positive(name: str, value: ArrayLike) -> Floats:
    """Return finite numbers above 0."""
    return numbers(name, value, "greater than 0 and finite", lambda x: (x > 0.0) & np.isfinite(x))


def variances(noise: ArrayLike) -> Floats:
    """Return variances of the gradient's noise, finite and at least 0."""
    return numbers("noise", noise, "finite and at least 0", lambda x: (x >= 0.0) & np.isfinite(x))
