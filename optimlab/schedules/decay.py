"""Schedules that go from one number to another: linear, polynomial, cosine, exponential, inverse time."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.checks import FINITE, NOT_NEGATIVE, POSITIVE
from optimlab.recurrence import elementary
from optimlab.schedules.schedule import Schedule, Value, part, schedule, updates
from optimlab.typing import Floats

__all__ = [
    "cosine_decay", "exponential_decay", "half_wave", "inverse_time_decay",
    "linear", "mixed", "polynomial_decay", "staircase", "step_decay",
]  # fmt: skip


def mixed(initial: Any, final: Any, share: Any) -> Any:
    """Return share · initial + (1 - share) · final: at both ends exact."""
    return initial * share + final * (1.0 - share)


def linear(initial: Value, *, steps: Value, final: Value = 0.0) -> Schedule:
    """s(k) = initial + (final - initial) min(k/steps, 1): a straight line, ``polynomial_decay`` of power 1.

    Parameters
    ----------
    initial, final : float or sequence of float, shape (S,)
        s(0) and s(steps).
    steps : float or sequence of float, shape (S,), greater than 0
        Updates from one to the other.

    Notes
    -----
    torch: ``LinearLR(start_factor, end_factor, total_iters=steps)``, as factors of the base rate.

    Examples
    --------
    >>> linear(0.25, steps=4, final=1.0)(np.arange(6))
    array([0.25  , 0.4375, 0.625 , 0.8125, 1.    , 1.    ])
    """
    return polynomial_decay(initial, steps=steps, final=final)


@schedule(initial=FINITE, steps=updates, power=POSITIVE, final=FINITE)
def polynomial_decay(k: Floats, initial: Value, *, steps: Value, power: Value = 1.0, final: Value = 0.0) -> Any:
    """s(k) = final + (initial - final) (1 - min(k/steps, 1))^power.

    Parameters
    ----------
    initial, final : float or sequence of float, shape (S,)
        s(0), and s(k) for k of at least ``steps``.
    steps : float or sequence of float, shape (S,), greater than 0
        Updates from one to the other.
    power : float or sequence of float, shape (S,), greater than 0
        1 is linear.

    Notes
    -----
    The ``cycle=True`` of keras (each later lap a longer line from ``initial``) is not here.

    Examples
    --------
    >>> polynomial_decay(1.0, steps=4, power=2)(np.arange(6))
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    , 0.    ])
    """
    return mixed(initial, final, elementary.power(1.0 - np.minimum(k / steps, 1.0), power))


@schedule(initial=FINITE, steps=updates, exponent=POSITIVE, final=FINITE)
def cosine_decay(k: Floats, initial: Value, *, steps: Value, exponent: Value = 1.0, final: Value = 0.0) -> Any:
    """s(k) = final + (initial - final) [(1 + cos(π min(k/steps, 1))) / 2]^exponent.

    Parameters
    ----------
    initial, final : float or sequence of float, shape (S,)
        s(0), and s(k) for k of at least ``steps``.
    steps : float or sequence of float, shape (S,), greater than 0
        Updates from one to the other.
    exponent : float or sequence of float, shape (S,), greater than 0
        Exponent of the cosine.

    Source
    ------
    Loshchilov & Hutter 2017, "SGDR", equation 5.

    Notes
    -----
    optax and keras give the floor as a fraction of ``initial``: alpha = final / initial. torch's
    ``CosineAnnealingLR`` rises again after ``steps``, as ``cosine_wave`` does; this one stays at ``final``.

    Examples
    --------
    >>> cosine_decay(1.0, steps=4, final=0.1)(np.arange(6)).round(6)
    array([1.      , 0.868198, 0.55    , 0.231802, 0.1     , 0.1     ])
    """
    return mixed(initial, final, elementary.power(half_wave(np.minimum(k / steps, 1.0)), exponent))


def half_wave(x: Any) -> Any:
    """(1 + cos πx)/2: from 1 at x = 0 down to 0 at x = 1."""
    return 0.5 * (1.0 + elementary.cos_pi(x))


@schedule(initial=FINITE, rate=NOT_NEGATIVE, steps=updates)
def exponential_decay(k: Floats, initial: Value, rate: Value, *, steps: Value = 1) -> Any:
    """s(k) = initial · rate^(k/steps).

    Parameters
    ----------
    initial : float or sequence of float, shape (S,)
        s(0).
    rate : float or sequence of float, shape (S,), at least 0
        Factor that ``steps`` updates bring.
    steps : float or sequence of float, shape (S,), greater than 0
        Number of updates in which the factor is ``rate``.

    Notes
    -----
    In stairs it is ``step_decay``, torch's ``StepLR`` and the ``staircase=True`` of optax and keras.

    Examples
    --------
    >>> exponential_decay(1.0, 0.5, steps=2)(np.arange(4)).round(6)
    array([1.      , 0.707107, 0.5     , 0.353553])
    """
    return initial * elementary.power(rate, k / steps)


@schedule(initial=FINITE, rate=NOT_NEGATIVE, steps=updates, power=POSITIVE)
def inverse_time_decay(k: Floats, initial: Value, rate: Value, *, steps: Value = 1, power: Value = 1.0) -> Any:
    """s(k) = initial / (1 + rate · k/steps)^power.

    Parameters
    ----------
    initial : float or sequence of float, shape (S,)
        s(0).
    rate : float or sequence of float, shape (S,), at least 0
        Growth of the divisor in ``steps`` updates.
    steps : float or sequence of float, shape (S,), greater than 0
        Unit of time.
    power : float or sequence of float, shape (S,), greater than 0
        1 is the plain fraction, ½ an inverse square root.

    Source
    ------
    Robbins & Monro 1951: powers above ½, up to 1, are slow enough to arrive and fast enough for noise to average out.

    Examples
    --------
    >>> inverse_time_decay(1.0, 0.5, steps=2)(np.arange(5)).round(6)
    array([1.      , 0.8     , 0.666667, 0.571429, 0.5     ])
    """
    return initial / elementary.power(1.0 + rate * (k / steps), power)


@schedule(of=part, steps=updates)
def staircase(k: Floats, of: Any, *, steps: Value) -> Any:
    """s(k) = of(steps · floor(k/steps)): any schedule in stairs.

    Parameters
    ----------
    of : schedule or function of k
        What is held for ``steps`` updates.
    steps : float, greater than 0
        Updates on one stair.

    Examples
    --------
    >>> staircase(linear(1.0, steps=4), steps=2)(np.arange(6))
    array([1. , 1. , 0.5, 0.5, 0. , 0. ])
    """
    return of(np.floor(k / steps) * steps)


def step_decay(initial: Value, rate: Value, *, steps: Value) -> Schedule:
    """s(k) = initial · rate^floor(k/steps): ``exponential_decay`` in a ``staircase``.

    Parameters
    ----------
    initial : float or sequence of float, shape (S,)
        s(0).
    rate : float or sequence of float, shape (S,), at least 0
        Factor at each stair.
    steps : float, greater than 0
        Updates on one stair.

    Notes
    -----
    torch: ``StepLR``; optax and keras: exponential decay with ``staircase=True``.

    Examples
    --------
    >>> step_decay(1.0, 0.5, steps=2)(np.arange(6))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25, 0.25])
    """
    return staircase(exponential_decay(initial, rate, steps=steps), steps=steps)
