"""Exponentially weighted mean, variance, standard deviation, covariance and correlation of series."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from optimlab.recurrence.decay import Decay
from optimlab.series.arguments import checked_out, like, refuse_other_index, values
from optimlab.series.moments import Biased, Correlation, Unbiased, second_moment
from optimlab.series.options import Options, resolve, write
from optimlab.series.sweep import sweep_mean
from optimlab.typing import Array

__all__ = ["ema", "ema_corr", "ema_cov", "ema_std", "ema_var"]


def ema(
    x: ArrayLike,
    beta: Decay | ArrayLike | None = None,
    *,
    alpha: float | None = None,
    span: float | None = None,
    com: float | None = None,
    halflife: Any = None,
    start: str | float = "debiased",
    gaps: str = "decay",
    axis: int = 0,
    weights: ArrayLike | None = None,
    times: Any = None,
    spacing: str = "event",
    min_count: int = 1,
    out: Array | None = None,
) -> Any:
    """m ← β m + (1-β) x, divided by 1 - βᵗ: exponentially weighted moving average along an axis.

    Every value of the result is a weighted mean of the values so far, with weights that fade by β each row.

    Parameters
    ----------
    x : array_like, Series or DataFrame of float32, float64, integer or Boolean
        Values; NaN is a gap, an infinity is a value (and stays in the mean). To treat infinities as gaps, pass
        ``np.where(np.isfinite(x), x, np.nan)``.
    beta : float in [0, 1), Decay or array_like of float, shape (rows,)
        Decay. An array holds one β for each row, ``m ← β_t m + (1-β_t) x_t``.
    alpha, span, com, halflife : float
        Other names for β, see ``Decay``; exactly one of the five must be given.
    start : {"debiased", "zero", "first"} or float
        What m starts from. "debiased": nothing, each result is divided by the weights so far (pandas
        ``adjust=True``, Adam's bias correction). "zero": 0, so early results are too small by the factor 1 - βᵗ.
        "first": the first value (pandas ``adjust=False``). A number: that number, as a value of full weight
        before the first row.
    gaps : {"decay", "skip", "propagate", "raise"}
        What NaN means. "decay": the row passes without a value, older ones fade (pandas ``ignore_na=False``);
        "skip": the row does not exist (``ignore_na=True``); "propagate": every later result is NaN; "raise": an
        error. In the first two the result on a gap row is the last mean, and NaN before the first value.
    axis : int
        Axis of the rows.
    weights : array_like, shape (rows,) or as x
        Weights of the values, finite and not negative; a row of weight 0 is a gap that decays.
    times : array_like of number or datetime, shape (rows,)
        Times of the rows, not decreasing. β is then the decay of one unit of time; for datetimes give ``halflife``
        as a timedelta or a string that pandas reads as one, and no other. Rows with gaps pass their time on.
    spacing : {"event", "time"}
        What counts with ``times``. "event": each value once, however close they lie (pandas with ``times``).
        "time": each value for the time since the one before, m ← q m + (1-q) x with q = β^Δ; the first value,
        with start="debiased", for as long as the second.
    min_count : int, at least 0
        Values that must have been seen before there is a result (pandas ``min_periods``).
    out : ndarray
        Array of the result's shape and dtype to write into; it may be ``x`` itself.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape of ``x``, with its index and names: float32 for float32 (averaged in float64), else float64.

    Raises
    ------
    ValueError
        If the decay is given twice or not at all or lies outside its range, an option is not one of its words, an
        array has the wrong shape, weights are negative, times decrease or are missing, or gaps="raise" meets one.
    TypeError
        If ``x`` holds anything but real numbers, or a half-life is not of the kind that the times ask for.

    Notes
    -----
    A mean of equal values is that value, exactly. Series of 65 536 values or more are averaged by compiled loops
    where numba is installed; both ways agree to a few units in the last place.

    Source
    ------
    Kingma & Ba 2015, section 3 (correction); the pandas user guide on exponentially weighted windows (gaps).

    Examples
    --------
    >>> ema([1.0, 2.0, 3.0], 0.9).round(6)
    array([1.      , 1.526316, 2.070111])
    >>> ema([1.0, 2.0, 3.0], 0.9, start="zero").round(6)
    array([0.1  , 0.29 , 0.561])
    >>> ema([1.0, np.nan, 5.0], 0.5)
    array([1. , 1. , 4.2])
    >>> ema([0.0, 1.0, 2.0], halflife=4, times=[0, 2, 9]).round(6)
    array([0.      , 0.585786, 1.523889])
    """
    array = values(x)
    for name, other in (("weights", weights), ("times", times), ("beta", beta)):
        refuse_other_index(other, x, name)
    options = resolve(
        array,
        beta,
        alpha=alpha,
        span=span,
        com=com,
        halflife=halflife,
        start=start,
        gaps=gaps,
        axis=axis,
        weights=weights,
        times=times,
        spacing=spacing,
        min_count=min_count,
    )
    result = checked_out(out, array.shape, array.dtype)

    write(sweep_mean, options, [array], result)
    return like(result, x)


def ema_var(
    x: ArrayLike, beta: Decay | ArrayLike | None = None, *, bias: bool = False, **options: Unpack[Options]
) -> Any:
    """Σw (x-m)² / Σw · (Σw)² / ((Σw)² - Σw²): exponentially weighted variance.

    Parameters
    ----------
    x : array_like, Series or DataFrame
        Values, as in ``ema``.
    beta : float in [0, 1), Decay or array_like
        Decay, as in ``ema``.
    bias : bool
        Leave out the second factor, which makes the variance of independent values unbiased (as pandas).
    **options
        The options of ``ema`` but ``out``. A start value counts as one value of weight 1.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape of ``x``. NaN (with ``bias`` 0) at the first value; on gap rows the last variance.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Source
    ------
    pandas ``ewm().var``; Finch 2009, "Incremental calculation of weighted mean and variance".

    Examples
    --------
    >>> ema_var([1.0, 5.0, 7.0], 0.5).round(6)
    array([     nan, 8.      , 7.428571])
    >>> ema_var([10.0, np.nan, np.nan, 12.0], 0.5)[-1]  # two values: (10-12)²/2
    np.float64(2.0)
    """
    return second_moment(x, x, beta, Biased if bias else Unbiased, options)


def ema_std(
    x: ArrayLike, beta: Decay | ArrayLike | None = None, *, bias: bool = False, **options: Unpack[Options]
) -> Any:
    """√ema_var: exponentially weighted standard deviation.

    Parameters
    ----------
    x : array_like, Series or DataFrame
        Values, as in ``ema``.
    beta : float in [0, 1), Decay or array_like
        Decay, as in ``ema``.
    bias : bool
        As in ``ema_var``.
    **options
        The options of ``ema`` but ``out``.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape of ``x``.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Examples
    --------
    >>> ema_std([1.0, 5.0, 7.0], 0.5, bias=True).round(6)
    array([0.      , 1.885618, 2.060315])
    """
    return np.sqrt(ema_var(x, beta, bias=bias, **options))


def ema_cov(
    x: ArrayLike,
    y: ArrayLike,
    beta: Decay | ArrayLike | None = None,
    *,
    bias: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Σw (x-m)(y-n) / Σw · (Σw)² / ((Σw)² - Σw²): exponentially weighted covariance of two series.

    Parameters
    ----------
    x, y : array_like, Series or DataFrame, of one shape
        Values. A row counts where both have one.
    beta : float in [0, 1), Decay or array_like
        Decay, as in ``ema``.
    bias : bool
        As in ``ema_var``.
    **options
        The options of ``ema`` but ``out``.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape and type of ``x``.

    Raises
    ------
    ValueError, TypeError
        As ``ema``, and if the shapes or the indexes of x and y differ.

    Examples
    --------
    >>> ema_cov([1.0, 5.0, 7.0], [2.0, 3.0, 8.0], 0.5).round(6)
    array([     nan, 2.      , 8.285714])
    """
    return second_moment(x, y, beta, Biased if bias else Unbiased, options)


def ema_corr(x: ArrayLike, y: ArrayLike, beta: Decay | ArrayLike | None = None, **options: Unpack[Options]) -> Any:
    """cov(x, y) / √(var(x) var(y)): exponentially weighted correlation of two series.

    Parameters
    ----------
    x, y : array_like, Series or DataFrame, of one shape
        Values. A row counts where both have one.
    beta : float in [0, 1), Decay or array_like
        Decay, as in ``ema``.
    **options
        The options of ``ema`` but ``out``.

    Returns
    -------
    ndarray, Series or DataFrame
        Of the shape and type of ``x``, in [-1, 1]; NaN until both have varied.

    Raises
    ------
    ValueError, TypeError
        As ``ema``, and if the shapes or the indexes of x and y differ.

    Examples
    --------
    >>> ema_corr([1.0, 2.0, 3.0], [1.0, 4.0, 9.0], 0.5).round(6)
    array([    nan, 1.     , 0.99087])
    """
    return second_moment(x, y, beta, Correlation, options)
