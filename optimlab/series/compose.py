"""What is made of EMAs: double and triple EMA, and the way back from an EMA to its series."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import whole
from optimlab.recurrence.decay import Decay, bias_correction
from optimlab.series.ema import ema
from optimlab.series.frames import like, values
from optimlab.series.options import Options, checked_start, refuse
from optimlab.typing import Array

__all__ = ["double_ema", "ema_inverse", "triple_ema"]


def double_ema(x: ArrayLike, beta: Decay | ArrayLike | None = None, **options: Unpack[Options]) -> Any:
    """2 E(x) - E(E(x)): an EMA without lag on a ramp, at the price of more noise and an overshoot after a step.

    Its noise gain is (1-β)(1+4β+5β²)/(1+β)³, up to 2.5 times the EMA's; after a step it overshoots by up to 13.5 %.

    Parameters
    ----------
    x : array_like, Series or DataFrame
        Values, as in ``ema``.
    beta : float in [0, 1), Decay or array_like
        Decay of each of the two averages, as in ``ema``.
    **options
        The options of ``ema`` but ``out`` and ``betas``; they hold for both averages. A gap is a gap in both.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape and type of ``x``.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Source
    ------
    Mulloy 1994 (DEMA); Brown 1963.

    Examples
    --------
    >>> double_ema(np.arange(5.0), 0.5, start="first").round(4)
    array([0.    , 0.75  , 1.75  , 2.8125, 3.875 ])
    """
    first, second = _repeated(x, beta, options, 2)
    with np.errstate(invalid="ignore", over="ignore"):
        return like(2.0 * first - second, x)


def triple_ema(x: ArrayLike, beta: Decay | ArrayLike | None = None, **options: Unpack[Options]) -> Any:
    """3 E - 3 E² + E³ (powers mean repeated averaging): no lag on a parabola, more noise still.

    Parameters
    ----------
    x, beta, **options
        As in ``double_ema``, for all three averages.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape and type of ``x``.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Source
    ------
    Mulloy 1994 (TEMA).

    Examples
    --------
    >>> triple_ema(np.arange(5.0), 0.5, start="first").round(4)
    array([0.    , 0.875 , 1.9375, 3.    , 4.0312])
    """
    first, second, third = _repeated(x, beta, options, 3)
    with np.errstate(invalid="ignore", over="ignore"):
        return like(3.0 * first - 3.0 * second + third, x)


def _repeated(x: ArrayLike, beta: Any, options: Options, times: int) -> list[Array]:
    """E(x), E(E(x)), ...; where x has a gap, so have the averages that are averaged again, and its labels."""
    refuse(options, "betas", by="an average of averages")
    array = values(x)
    averages = [values(ema(x, beta, **options))]
    while len(averages) < times:
        again = np.where(np.isnan(array), np.nan, averages[-1])
        averages.append(values(ema(like(again, x), beta, **options)))
    return averages


def ema_inverse(m: ArrayLike, beta: Decay | float, *, start: str | float = "debiased", axis: int = 0) -> Any:
    """x_t = (W_t m_t - β W_{t-1} m_{t-1}) / (1-β): the series of which m is the EMA.

    W_t = 1 - βᵗ for the debiased start, else 1. Rounding errors of m grow by (1+β)/(1-β): from a float64 EMA with
    β = 0.999 the values come back to about 12 digits.

    Parameters
    ----------
    m : array_like, Series or DataFrame
        An EMA without gaps.
    beta : float in [0, 1) or Decay
        Its decay.
    start : {"debiased", "zero", "first"} or float
        Its start.
    axis : int
        Axis of the rows.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape and type of ``m``.

    Raises
    ------
    ValueError
        If the decay, the start or the axis is not a valid one, or ``m`` contains NaN.
    TypeError
        If ``m`` holds anything but real numbers.

    Examples
    --------
    >>> ema_inverse(ema([1.0, 5.0, 2.0], 0.9), 0.9).round(12)
    array([1., 5., 2.])
    """
    array = values(m, "m")
    decay = beta if isinstance(beta, Decay) else Decay(beta)
    prior = checked_start(start)
    rows = np.moveaxis(array, whole("axis", axis, -array.ndim, array.ndim - 1), 0).astype(np.float64)
    if np.isnan(rows).any():
        raise ValueError("m must not contain NaN: where a gap was, its EMA does not say")
    t = np.arange(1.0, len(rows) + 1.0).reshape((-1,) + (1,) * (rows.ndim - 1))
    endless = decay.alpha == 0.0
    mass = np.ones_like(t) if start != "debiased" else t if endless else bias_correction(decay, t)
    first = rows[:1] if start == "first" else np.full_like(rows[:1], prior or 0.0)
    before = np.concatenate([first, (mass * rows)[:-1]])
    x = (mass * rows - decay.beta * before) / (1.0 if endless else decay.alpha)
    return like(np.moveaxis(x, 0, axis).astype(array.dtype), m)
