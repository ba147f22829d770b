"""The best next step on the noisy quadratic: the learning rates that no others beat, and the batch that pays.

The model is that of ``noisy_quadratic``: curvature h, and gradients h w + e with E e² = noise = c / B.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optimlab.lab.theory.domain import counts, nonnegative, overflowing, positive
from optimlab.typing import Floats

__all__ = ["InverseTime", "best_decay", "best_decay_variance", "critical_batch_size"]


class InverseTime(NamedTuple):
    """lr(k) = initial / (1 + rate k), the arguments of ``inverse_time_decay``.

    Examples
    --------
    >>> InverseTime(initial=0.5, rate=0.5)
    InverseTime(initial=0.5, rate=0.5)
    """

    initial: Any
    rate: Any


@overflowing
def best_decay(curvature: ArrayLike, *, noise: ArrayLike = 1.0, start: ArrayLike = 1.0) -> InverseTime:
    """lr(k) = 1 / (h (k + 1 + noise/(h² x₀))): the learning rates that no others beat, at any step.

    From x = E w² the step lr = h x / (h² x + noise) leaves the least, and less before is less after.

    Parameters
    ----------
    curvature : array_like of float, greater than 0
        h.
    noise : array_like of float, at least 0
        Variance of the gradient's noise, c / B.
    start : array_like of float, greater than 0
        x₀ = E w₀².

    Returns
    -------
    InverseTime
        ``initial`` and ``rate`` of lr(k) = initial / (1 + rate k).

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    The minimum over lr of (1 - lr h)² x + lr² noise; Schaul, Zhang & LeCun 2013, "No More Pesky Learning Rates",
    take the same step; here it is solved for all steps.

    Examples
    --------
    >>> best_decay(2.0, noise=4.0, start=1.0)
    InverseTime(initial=np.float64(0.25), rate=np.float64(0.5))
    """
    h, noise, start = _situation(curvature, noise, start=start)
    delay = 1.0 + noise / (h * h * start)
    return InverseTime(1.0 / (h * delay), 1.0 / delay)


@overflowing
def best_decay_variance(t: ArrayLike, curvature: ArrayLike, *, noise: ArrayLike = 1.0, start: ArrayLike = 1.0) -> Any:
    """E w² = 1 / (1/x₀ + t h²/noise): what ``best_decay`` has reached after t updates, the law of 1/t.

    Parameters
    ----------
    t : array_like of int, at least 0
        Updates done.
    curvature, noise, start : array_like of float
        As for ``best_decay``.

    Returns
    -------
    float or ndarray
        E w².

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    As ``best_decay``: each step adds h²/noise to 1/x. The limit noise/(h² t) is that of Robbins & Monro 1951 with the
    best gain, Chung 1954.

    Examples
    --------
    >>> best_decay_variance([0, 1, 3], 1.0)
    array([1.  , 0.5 , 0.25])
    """
    h, noise, start = _situation(curvature, noise, start=start)
    t = counts(t)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.where(t == 0.0, 0.0, t * h * h / noise)
    return 1.0 / (1.0 / start + information)


@overflowing
def critical_batch_size(curvature: ArrayLike, squares: ArrayLike, *, noise: ArrayLike) -> Any:
    """B = Σ hᵢ cᵢ / Σ hᵢ³ E wᵢ²: the batch at which a step brings half of what a step without noise brings.

    With its best learning rate a step lowers the loss by ΔL(∞) / (1 + B_crit/B): below B_crit twice the batch is
    nearly twice the progress, above it nearly the same.

    Parameters
    ----------
    curvature : array_like of float, greater than 0, shape (..., n)
        h.
    squares : array_like of float, greater than 0, shape (..., n)
        E w² of each coordinate, here and now.
    noise : array_like of float, at least 0, shape (..., n)
        c, the variance of one example's gradient.

    Returns
    -------
    float or ndarray, shape (...)
        The critical batch size.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", section 2: tr(HΣ) / (Gᵀ H G).

    Examples
    --------
    >>> critical_batch_size([1.0, 0.5], [1.0, 1.0], noise=[1.0, 0.5])
    np.float64(1.1111111111111112)
    """
    h, c, squares = _situation(curvature, noise, squares=squares)
    signal, noisy = np.broadcast_arrays(h**3 * squares, h * c)
    return noisy.sum(axis=-1) / signal.sum(axis=-1)


def _situation(curvature: ArrayLike, noise: ArrayLike, **square: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return curvature, noise and E w², which is checked under the name it is given here."""
    ((name, given),) = square.items()
    return positive("curvature", curvature), nonnegative("noise", noise), positive(name, given)
