"""The scans as numba loops: every array is read and written once. Imported only where numba is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optimlab.typing import Floats, Marks


@njit(cache=True, nogil=True, error_model="numpy")
def rows(x: NDArray[Any], alpha: float, beta: float, carry: Floats, out: NDArray[Any]) -> None:
    """v ← β v + α x along each row, with look-ahead: v₊₄ = β⁴ v + s₄, so one step in four waits for the one before."""
    b2 = beta * beta
    b3 = b2 * beta
    b4 = b2 * b2
    # What rounding took from β⁴: without it the mean would drift by lost/(1-β⁴), a hundred times the other rounding.
    lost = (1.0 - b4) - alpha * (1.0 + beta) * (1.0 + b2) if b4 > 0.5 else 0.0
    left = (1.0 - beta) - alpha
    steps = x.shape[1]
    whole = steps - steps % 4
    for c in range(x.shape[0]):
        v = carry[c]
        before = v
        for i in range(0, whole, 4):
            s1 = alpha * x[c, i]
            s2 = beta * s1 + alpha * x[c, i + 1]
            s3 = beta * s2 + alpha * x[c, i + 2]
            s4 = beta * s3 + alpha * x[c, i + 3]
            out[c, i] = beta * v + s1
            out[c, i + 1] = b2 * v + s2
            out[c, i + 2] = b3 * v + s3
            new = b4 * v + (s4 + lost * before)
            before = v
            v = new
            out[c, i + 3] = v
        for i in range(whole, steps):
            v = beta * v + (alpha * x[c, i] + left * v)
            out[c, i] = v
        carry[c] = v


@njit(cache=True, nogil=True, error_model="numpy")
def columns(x: NDArray[Any], alpha: float, beta: float, carry: Floats, correction: Floats, out: NDArray[Any]) -> None:
    """v ← β v + α x for all columns of a step, then the next step; the first outputs divided by their corrections."""
    left = (1.0 - beta) - alpha  # what rounding took from β
    for i in range(x.shape[1]):
        divisor = correction[i] if i < correction.size else 1.0
        for c in range(x.shape[0]):
            v = beta * carry[c] + (alpha * x[c, i] + left * carry[c])
            carry[c] = v
            out[c, i] = v / divisor


@njit(cache=True, nogil=True, error_model="numpy")
def gapped(
    x: NDArray[Any],
    alpha: float,
    beta: float,
    fade: float,
    unit_mass: bool,
    started: Marks,
    mass: Floats,
    mean: Floats,
    first: Floats,
    constant: Marks,
    count: NDArray[np.int64],
    out: NDArray[Any],
) -> None:
    """W ← β W + α, m ← m + (α/W) (x - m) over values, W ← fade · W over gaps.

    The arrays of one entry a column carry the state.
    """
    for c in range(x.shape[0]):
        w = mass[c]
        m = mean[c]
        for i in range(x.shape[1]):
            v = x[c, i]
            if v == v:  # not NaN
                w = beta * w + alpha
                k = alpha / w
                a = 1.0 - k
                if not np.isfinite(m):
                    m += v
                elif a > 0.0:
                    lost = (1.0 - a) - k  # what rounding took from 1 - k; without it slow means drift by lost/k
                    m = a * m + (k * v + lost * m)
                else:
                    m = v
                if unit_mass:
                    w = 1.0
                if constant[c]:
                    if first[c] != first[c]:  # NaN: this is the first value
                        first[c] = v
                    if v == first[c]:
                        m = v
                    else:
                        constant[c] = False
                count[c] += 1
                started[c] = True
            else:
                w *= fade
            out[c, i] = m if started[c] else np.nan
        mass[c] = w
        mean[c] = m


@njit(cache=True, nogil=True, error_model="numpy")
def variable(a: Floats, y: Floats, carry: Floats) -> None:
    """y_t ← a_t y_{t-1} + y_t in place."""
    for c in range(y.shape[0]):
        v = carry[c]
        for i in range(y.shape[1]):
            v = a[c, i] * v + y[c, i]
            y[c, i] = v
