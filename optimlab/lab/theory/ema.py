"""Closed forms of the EMA: its answer to an impulse, a level, a ramp and a wave, and what each start costs.

The response to a steady wave, its lag and the noise that is left are methods of ``Decay``: ``response``,
``group_delay``, ``lag``, ``noise_gain``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab import Decay, bias_correction
from optimlab.checks import Range, choice, numbers

__all__ = ["impulse_response", "phase_delay", "start_lag", "start_mean", "start_variance"]

STARTS = ("debiased", "zero", "first")


def start_mean(decay: Decay, t: ArrayLike, start: str) -> Any:
    """1 - βᵗ for the zero start, 1 for the others: expected EMA of a constant level, in units of the level.

    With the zero start this is the step response.

    Parameters
    ----------
    decay : Decay
        The decay.
    t : array_like of number, at least 1
        Samples seen.
    start : {"debiased", "zero", "first"}
        What the EMA starts from.

    Returns
    -------
    float or ndarray
        The expected mean over the level.

    Raises
    ------
    ValueError
        If ``start`` is none of the three, or a t is below 1.

    Source
    ------
    Kingma & Ba 2015, section 3.

    Examples
    --------
    >>> round(start_mean(Decay(0.9), 2, "zero"), 12)
    0.19
    """
    fresh = _fresh(decay, t, start)
    return fresh if start == "zero" else fresh * 0.0 + 1.0


def start_variance(decay: Decay, t: ArrayLike, start: str) -> Any:
    """Variance of the EMA of white noise after t samples, in units of the noise variance.

    With g = (1-β)/(1+β): debiased g (1+βᵗ)/(1-βᵗ), zero g (1-β²ᵗ), first g (1-β²⁽ᵗ⁻¹⁾) + β²⁽ᵗ⁻¹⁾.

    Parameters
    ----------
    decay : Decay
        The decay.
    t : array_like of number, at least 1
        Samples seen.
    start : {"debiased", "zero", "first"}
        What the EMA starts from.

    Returns
    -------
    float or ndarray
        The ratio of variances.

    Raises
    ------
    ValueError
        If ``start`` is none of the three, or a t is below 1.

    Source
    ------
    Zero start: the time-varying limits of the EWMA chart, Lucas & Saccucci 1990; the others follow from the weights.

    Examples
    --------
    >>> [round(float(start_variance(Decay(0.9), 1, start)), 12) for start in ("debiased", "zero", "first")]
    [1.0, 0.01, 1.0]
    """
    fresh = _fresh(decay, t, start)
    gain = decay.noise_gain()
    if start == "debiased":
        return gain * (2.0 - fresh) / fresh
    if start == "zero":
        return gain * fresh * (2.0 - fresh)
    old = bias_correction(decay, np.asarray(t, dtype=np.float64) - 1.0)
    left = (1.0 - old) ** 2
    return gain * (1.0 - left) + left


def start_lag(decay: Decay, t: ArrayLike, start: str) -> Any:
    """How far the EMA is behind the ramp 1, 2, 3, ... after t samples: the ramp response is t minus this.

    With l = β/(1-β): debiased l - t βᵗ/(1-βᵗ), the mean age of its weights; zero l (1-βᵗ); first l (1-βᵗ⁻¹).

    Parameters
    ----------
    decay : Decay
        The decay.
    t : array_like of number, at least 1
        Samples seen.
    start : {"debiased", "zero", "first"}
        What the EMA starts from; zero is where the ramp was at t = 0.

    Returns
    -------
    float or ndarray
        The lag in steps; ``decay.lag`` once the start is forgotten.

    Raises
    ------
    ValueError
        If ``start`` is none of the three, or a t is below 1.

    Source
    ------
    Brown 1963, "Smoothing, Forecasting and Prediction of Discrete Time Series"; the starts follow from the weights.

    Examples
    --------
    >>> [round(float(start_lag(Decay(0.9), 2, start)), 4) for start in ("debiased", "zero", "first")]
    [0.4737, 1.71, 0.9]
    """
    fresh, steps = _fresh(decay, t, start), np.asarray(t, dtype=np.float64)
    if start == "debiased":
        return (_without_pole(-decay.log_beta) - steps * _without_pole(-decay.log_beta * steps))[()]
    if decay.alpha == 0.0:  # l (1-βᵗ) → t
        return (steps - (start == "first"))[()]
    return decay.lag * (fresh if start == "zero" else bias_correction(decay, steps - 1.0))


def impulse_response(decay: Decay, age: ArrayLike) -> Any:
    """(1-β) βᵏ: weight of the value seen k samples ago, once the start is forgotten.

    Parameters
    ----------
    decay : Decay
        The decay.
    age : array_like of number, at least 0
        k.

    Returns
    -------
    float or ndarray
        The weight; over all ages they sum to 1.

    Raises
    ------
    ValueError
        If an age is below 0.

    Examples
    --------
    >>> impulse_response(Decay(0.5), [0, 1, 2])
    array([0.5  , 0.25 , 0.125])
    """
    k = numbers("age", age, Range("at least 0"))
    with np.errstate(invalid="ignore"):
        weight = decay.alpha * np.exp(k * decay.log_beta)
    return np.where(k == 0.0, decay.alpha, weight)[()]


def phase_delay(decay: Decay, omega: ArrayLike) -> Any:
    """atan2(β sin ω, 1 - β cos ω) / ω: by how many steps the EMA shifts a wave of frequency ω.

    ``Decay.group_delay`` is the shift of a slow envelope; both are ``decay.lag`` at ω = 0.

    Parameters
    ----------
    decay : Decay
        The decay, of finite memory.
    omega : array_like of float, in [-π, π]
        Angular frequency in radians per sample.

    Returns
    -------
    float or ndarray
        The delay in steps.

    Raises
    ------
    ValueError
        If an ω is outside [-π, π].

    Source
    ------
    The argument of ``Decay.response`` over -ω.

    Examples
    --------
    >>> phase_delay(Decay(0.9), [0.0, 0.1, 1.0]).round(4)
    array([9.    , 7.1018, 0.9748])
    """
    w = numbers("omega", omega, Range(f"in [{-np.pi}, {np.pi}] radians per sample"))
    phase = np.arctan2(decay.beta * np.sin(w), decay.alpha + 2.0 * decay.beta * np.sin(0.5 * w) ** 2)
    return np.where(w == 0.0, decay.lag, phase / np.where(w == 0.0, 1.0, w))[()]


def _without_pole(x: Any) -> Any:
    """1/(eˣ-1) - 1/x, from -½ at x = 0 up to 0; by its series where the difference would lose digits."""
    x = np.asarray(x, dtype=np.float64)
    small = np.minimum(x, 0.05)
    series = -0.5 + small / 12.0 - small**3 / 720.0 + small**5 / 30240.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(x < 0.05, series, 1.0 / np.expm1(x) - 1.0 / x)


def _fresh(decay: Decay, t: ArrayLike, start: str) -> Any:
    """1 - βᵗ, the arguments checked."""
    choice("start", start, STARTS)
    return bias_correction(decay, numbers("t", t, Range("at least 1")))
