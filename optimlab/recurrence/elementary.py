"""Powers, logarithm, exponential and waves from + - × ÷ and powers of two alone: the same bits on every machine.

They hold for numbers and arrays of any shape, without a warning. The waves, ``tangent_h`` and ``complement`` keep the
dtype of float32 and complex numbers, and are analytic where an imaginary part is small. Measured errors in units of the
last place: ``power``, ``logarithm`` and ``exponential`` .6, ``complement`` .7, the waves 1.7, ``tangent_h`` 2.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from optimlab.recurrence.powers import Double, divided, times, two_sum

__all__ = ["complement", "cos_pi", "exponential", "log_of", "logarithm", "power", "sin_pi", "tangent_h"]

_LN2 = 0.6931471803691238, 1.9082149292705877e-10  # the first has 32 bits: its product with a whole number is exact
_THIRD = 0.3333333333333333, 1.850371707708594e-17
_INVERSE = [1.0 / math.factorial(j) for j in range(20)]


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function without warnings, since its result says it; other kinds of arrays have NumPy's protocol."""

    @wraps(function)
    def quiet(*given: Any) -> Any:
        for x in given:
            if not isinstance(x, np.ndarray) and hasattr(x, "__array_function__"):
                return x.__array_function__(quiet, (type(x),), given, {})
        with np.errstate(all="ignore"):
            return np.asarray(function(*given))[()]

    return quiet


def log_of(x: Double) -> Double:
    """Ln x of a number of 106 bits that is greater than 0 and finite, right to 64 bits or more."""
    m, e = np.frexp(x[0])
    small = m < 0.7071067811865476
    m, e = np.where(small, 2.0 * m, m), e - small
    low, whole, (high, rest) = np.ldexp(x[1], -e), e.astype(np.float64), two_sum(1.0, m)
    s = divided(two_sum(m - 1.0, low), (high, rest + low))
    z = times(s, s)  # ln m = 2 artanh s = 2 s (1 + z (1/3 + z/5 + z²/7 + ...))
    odd: Any = 0.0
    for j in range(27, 3, -2):
        odd = z[0] * (1.0 / j + odd)
    third, late = two_sum(_THIRD[0], odd)
    cubic = times(s, times(z, (third, late + _THIRD[1])))
    high, rest = two_sum(s[0], cubic[0])
    total, late = two_sum(whole * _LN2[0], 2.0 * high)
    return total, late + (2.0 * (rest + (s[1] + cubic[1])) + whole * _LN2[1])


def _grown(high: Any, low: Any) -> tuple[Any, Any, Any]:
    """Return n, y and r of e^(high + low) = 2ⁿ (1 + y + r) with whole n and small r."""
    n = np.rint(np.real(high) * 1.4426950408889634)
    y, late = two_sum(high - n * _LN2[0], low - n * _LN2[1])
    c: Any = _INVERSE[15]
    for j in range(14, 1, -1):
        c = c * y + _INVERSE[j]
    return n, y, late + y * late + y * y * c


def _raised(high: Any, low: Any) -> Any:
    """e^(high + low)."""
    low = np.where(np.abs(high) < 800.0, low, 0.0)
    n, y, late = _grown(np.minimum(np.maximum(high, -800.0), 800.0), low)
    high, low = two_sum(1.0, y)
    return np.ldexp(high + (low + late), n.astype(np.int64))


@_quiet
def exponential(x: Any) -> Any:
    """eˣ.

    Examples
    --------
    >>> float(exponential(1.0)), float(exponential(-np.inf))
    (2.718281828459045, 0.0)
    """
    return _raised(np.asarray(x, np.float64), 0.0)


@_quiet
def logarithm(x: Any) -> Any:
    """Ln x; -inf at 0, NaN below.

    Examples
    --------
    >>> logarithm(np.array([1.0, 10.0, 0.0]))
    array([0.        , 2.30258509,       -inf])
    """
    x = np.asarray(x, np.float64)
    inside = (x > 0.0) & (x < np.inf)
    high, low = log_of((np.where(inside, x, 1.0), 0.0))
    return np.where(inside, high + low, np.where(x == 0.0, -np.inf, np.where(x > 0.0, x, np.nan)))


@_quiet
def power(base: Any, exponent: Any) -> Any:
    """Return base^exponent for a base of at least 0, exact where a float is; x⁰ = 1.

    Examples
    --------
    >>> power(np.array([0.75, 2.0, 0.0, 0.0]), np.array([2.0, -1.0, 0.0, 0.5]))
    array([0.5625, 0.5   , 1.    , 0.    ])
    """
    x = np.asarray(base, np.float64) + 0.0
    p = np.minimum(np.maximum(np.asarray(exponent, np.float64), -1e20), 1e20)  # 1e20 is beyond all but 1^p
    if np.all(p == 1.0):  # as of most schedules: a third of the time of a cosine's
        return np.where(x >= 0.0, x, np.nan)
    inside = (x > 0.0) & (x < np.inf)
    high, low = times(log_of((np.where(inside, x, 1.0), 0.0)), (p, 0.0))
    edge = np.where(x >= 0.0, np.where(p > 0.0, x, 1.0 / x), np.nan) + 0.0 * p
    return np.where(p == 0.0, 1.0, np.where(inside, _raised(high, low), edge))


@_quiet
def complement(x: Any) -> Any:
    """1 - e⁻ˣ for x of at least 0, no digit lost however small it is.

    Examples
    --------
    >>> complement(np.array([1e-20, 0.6931471805599453, np.inf]))
    array([1.e-20, 5.e-01, 1.e+00])
    """
    n, y, late = _grown(-np.minimum(x, 800.0), 0.0)
    scale = np.ldexp(np.ones_like(n), n.astype(np.int64))
    high, low = two_sum(1.0 - scale, -scale * y)
    return high + (low - scale * late)


@_quiet
def tangent_h(x: Any) -> Any:
    """Tanh x.

    Examples
    --------
    >>> tangent_h(np.array([-np.inf, 0.0, 0.5]))
    array([-1.        ,  0.        ,  0.46211716])
    """
    below = np.real(x) < 0.0
    c = complement(2.0 * np.where(below, -x, x))
    return np.where(below, -c, c) / (2.0 - c)


def _wave(x: Any, quarters: float) -> Any:
    """Sin π(x + quarters/2): of what is left of x beyond whole quarters of a turn, sine or cosine."""
    turn = x - 2.0 * np.rint(0.5 * np.real(x))
    n = np.rint(2.0 * np.real(turn))
    y = np.pi * (turn - 0.5 * n)
    z = y * y
    sine, cosine = 0.0 * z, 0.0 * z
    for j in range(19, 2, -2):
        sign = 2 - j % 4
        sine, cosine = z * (sign * _INVERSE[j] + sine), z * (sign * _INVERSE[j - 1] + cosine)
    quarter = (n + quarters) % 4.0
    wave = np.where(quarter % 2.0 == 1.0, 1.0 + cosine, y + y * sine)
    return np.where(quarter >= 2.0, -wave, wave) + 0.0  # so that no zero is -0


@_quiet
def cos_pi(x: Any) -> Any:
    """Cos πx, exact at multiples of ½.

    Examples
    --------
    >>> cos_pi(np.array([0.0, 0.25, 0.5, 1.0, 1e300]))
    array([ 1.        ,  0.70710678,  0.        , -1.        ,  1.        ])
    """
    return _wave(x, 1.0)


@_quiet
def sin_pi(x: Any) -> Any:
    """Sin πx, exact at multiples of ½.

    Examples
    --------
    >>> sin_pi(np.array([0.25, 0.5, -0.5, 1.0]))
    array([ 0.70710678,  1.        , -1.        ,  0.        ])
    """
    return _wave(x, 0.0)
