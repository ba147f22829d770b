"""Why Adam can drift uphill: the losses of Reddi, Kale & Kumar, fₜ(x) = C x once in three steps, otherwise -x.

The gradients of a period sum to C - 2 > 0, so on [-1, 1] the best point is x = -1. With a short memory β of squares the
large gradient raises its own divisor √v, while v has forgotten it when the two small ones come: they win.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import decays, finite, overflowing, positive
from optimlab.typing import Floats

__all__ = [
    "adam_drift", "adam_regret", "amsgrad_distance", "amsgrad_drift", "amsgrad_regret", "crossing_steps",
    "period_squares", "worst_regret",
]  # fmt: skip


@overflowing
def period_squares(C: ArrayLike, beta: ArrayLike) -> Any:
    """v₁ = (1-β)(C² + β + β²)/(1-β³), v₂ = (1-β)(1 + βC² + β²)/(1-β³), v₃ = (1-β)(1 + β + β²C²)/(1-β³).

    Parameters
    ----------
    C : array_like of float, greater than 2
        The large gradient.
    beta : array_like of float, in [0, 1)
        β₂, the memory of the squares.

    Returns
    -------
    ndarray, shape (..., 3)
        v after the large gradient and after each small one, once it repeats itself.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", theorem 1: the fixed point of its recursion.

    Examples
    --------
    >>> period_squares(3.0, 0.1).round(4)
    array([8.2072, 1.7207, 1.0721])
    """
    c, b = np.broadcast_arrays(_large(C), decays("beta", beta))
    sums = [c * c + b + b * b, 1.0 + b * c * c + b * b, 1.0 + b + b * b * c * c]
    return np.stack(sums, axis=-1) / (1.0 + b + b * b)[..., np.newaxis]


def adam_drift(C: ArrayLike, beta: ArrayLike) -> Any:
    """1/√v₂ + 1/√v₃ - C/√v₁: how far Adam with β₁ = 0 moves in a period, in units of the learning rate.

    Parameters
    ----------
    C : array_like of float, greater than 2
        The large gradient.
    beta : array_like of float, in [0, 1)
        β₂.

    Returns
    -------
    float or ndarray
        The drift; where it is positive, Adam goes to x = +1, the worst point.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Reddi et al. 2018, theorem 1, with the v of `period_squares`.

    Examples
    --------
    >>> adam_drift(3.0, [0.1, 0.999]).round(4)
    array([ 0.6809, -0.5215])
    """
    down, first, second = _moves(C, beta)
    return first + second - down


def amsgrad_drift(C: ArrayLike, beta: ArrayLike) -> Any:
    """-(C - 2)/√v₁: the drift with the largest v so far as the divisor, the same for all three gradients.

    Parameters
    ----------
    C : array_like of float, greater than 2
        The large gradient.
    beta : array_like of float, in [0, 1)
        β₂.

    Returns
    -------
    float or ndarray
        The drift, always negative.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Reddi et al. 2018, algorithm 2 (AMSGrad), which has no bias correction; the largest v is v₁ of `period_squares`.

    Examples
    --------
    >>> print(f"{amsgrad_drift(3.0, 0.1):.4f}")
    -0.3491
    """
    return -(_large(C) - 2.0) / np.sqrt(period_squares(C, beta)[..., 0])


@overflowing
def crossing_steps(drift: ArrayLike, lr: ArrayLike) -> Any:
    """(3 / (2 lr |drift|))²: steps that it takes to cross a distance of 1 with the learning rate lr/√t.

    For a small lr: the steps of one period, which are not yet equal at small t, must not matter.

    Parameters
    ----------
    drift : array_like of float, not 0
        Move in a period of 3 steps, in units of the learning rate.
    lr : array_like of float, greater than 0
        Learning rate of the first step.

    Returns
    -------
    float or ndarray
        The steps.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Σ lr/√t over t ≤ T is 2 lr √T, a third of it for each gradient of the period.

    Examples
    --------
    >>> print(f"{crossing_steps(adam_drift(3.0, 0.1), 0.5):.1f}")
    19.4
    """
    speed = np.abs(finite("drift", drift))
    if not speed.all():
        raise ValueError(f"drift must be a finite number other than 0; got {drift!r}")
    return (1.5 / (positive("lr", lr) * speed)) ** 2


def worst_regret(C: ArrayLike) -> Any:
    """2 (C - 2)/3: average regret of staying at x = +1, where the best point x = -1 costs -(C - 2)/3 a step.

    Parameters
    ----------
    C : array_like of float, greater than 2
        The large gradient.

    Returns
    -------
    float or ndarray
        The regret for each step.

    Raises
    ------
    ValueError, TypeError
        If C is outside its range.

    Source
    ------
    Reddi et al. 2018, section 3.

    Examples
    --------
    >>> print(f"{worst_regret(3.0):.4f}")
    0.6667
    """
    return 2.0 * (_large(C) - 2.0) / 3.0


def adam_regret(steps: ArrayLike, lr: ArrayLike, *, C: ArrayLike, beta: ArrayLike) -> Any:
    """2(C-2)/3 + (2 lr/(3√T)) (d + max(d - u, 0)), d = C/√v₁, u = 1/√v₂: Adam's average regret once it is at +1.

    Parameters
    ----------
    steps : array_like of int, at least 1
        T; the way to x = +1 adds a term of the order of 1/T.
    lr : array_like of float, greater than 0
        Learning rate of the first step, falling as lr/√t.
    C : array_like of float, greater than 2
        The large gradient.
    beta : array_like of float, in [0, 1)
        β₂, such that `adam_drift` is positive.

    Returns
    -------
    float or ndarray
        The regret for each step.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    Each period the large gradient throws x down by d lr/√t; the losses at the two points on the way back, summed.

    Examples
    --------
    >>> print(f"{adam_regret(300_000, 0.5, C=3.0, beta=0.1):.5f}")
    0.66748
    """
    down, first, second = _moves(C, beta)
    numbers("beta", first + second - down, Range("such that adam_drift is greater than 0"))
    return worst_regret(C) + _mean_rate(steps, lr) * (down + np.maximum(down - first, 0.0))


@overflowing
def amsgrad_distance(steps: ArrayLike, lr: ArrayLike, *, C: ArrayLike, beta: ArrayLike) -> Any:
    """2 lr/√(T v₁): how far from the best point x = -1 AMSGrad is after T steps, at the end of a period.

    Parameters
    ----------
    steps : array_like of int, at least 1
        T, a multiple of 3, well above `crossing_steps`.
    lr : array_like of float, greater than 0
        Learning rate of the first step, falling as lr/√t.
    C : array_like of float, greater than 2
        The large gradient.
    beta : array_like of float, in [0, 1)
        β₂.

    Returns
    -------
    float or ndarray
        x + 1.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    The large gradient takes x to the wall, the two small ones back by lr/√(t v₁) each.

    Examples
    --------
    >>> print(f"{amsgrad_distance(300_000, 0.5, C=3.0, beta=0.1) - 1:.5f}")
    -0.99936
    """
    return 2.0 * positive("lr", lr) / np.sqrt(_whole(steps) * period_squares(C, beta)[..., 0])


def amsgrad_regret(steps: ArrayLike, lr: ArrayLike, *, C: ArrayLike, beta: ArrayLike) -> Any:
    """(2 lr/(3√T)) (2C - 1)/√v₁: AMSGrad's average regret once it is at the best point; it goes to 0.

    Parameters
    ----------
    steps : array_like of int, at least 1
        T; the way to x = -1 adds a term of the order of 1/T.
    lr : array_like of float, greater than 0
        Learning rate of the first step, falling as lr/√t.
    C : array_like of float, greater than 2
        The large gradient.
    beta : array_like of float, in [0, 1)
        β₂.

    Returns
    -------
    float or ndarray
        The regret for each step.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    With a = lr/√(t v₁), x + 1 is 2a, 0 and a when the losses C x, -x and -x come.

    Examples
    --------
    >>> print(f"{amsgrad_regret(300_000, 0.5, C=3.0, beta=0.1):.5f}")
    0.00106
    """
    root = np.sqrt(period_squares(C, beta)[..., 0])
    return _mean_rate(steps, lr) * (2.0 * _large(C) - 1.0) / root


def _moves(C: ArrayLike, beta: ArrayLike) -> tuple[Any, Any, Any]:
    """Return C/√v₁, 1/√v₂ and 1/√v₃."""
    roots = np.sqrt(period_squares(C, beta))
    return _large(C) / roots[..., 0], 1.0 / roots[..., 1], 1.0 / roots[..., 2]


def _mean_rate(steps: ArrayLike, lr: ArrayLike) -> Any:
    """Return the mean over T steps of lr/√t, counted once in each period of 3."""
    return 2.0 * positive("lr", lr) / (3.0 * np.sqrt(_whole(steps)))


def _large(C: ArrayLike) -> Floats:
    return numbers("C", C, Range("greater than 2 and finite"))


def _whole(steps: ArrayLike) -> Floats:
    return numbers("steps", steps, Range("whole numbers of at least 1"))
