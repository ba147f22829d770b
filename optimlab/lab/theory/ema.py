"""Closed forms of the EMA: its answer to an impulse, a level and a ramp, and what each start costs.

``t`` counts the samples seen, and ``start`` says what the EMA starts from. The response to a steady wave, its lag and
the noise that is left are methods of ``Decay``: ``response``, ``group_delay``, ``lag``, ``noise_gain``.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from optimlab import Decay, bias_correction
from optimlab.checks import Range, choice
from optimlab.lab.theory.domain import formula

__all__ = ["impulse_response", "start_lag", "start_mean", "start_variance"]

Samples = Annotated[Any, Range("at least 1")]
Ages = Annotated[Any, Range("at least 0")]


@formula
def start_mean(decay: Decay, t: Samples, start: str) -> Any:
    """1 - βᵗ for the zero start, where it is the step response, 1 for "first" and "debiased": EMA of a level of 1.

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


@formula
def start_variance(decay: Decay, t: Samples, start: str) -> Any:
    """Variance of the EMA of white noise, over the noise's: g (1+βᵗ)/(1-βᵗ) if debiased, with g = (1-β)/(1+β).

    For the zero start it is g (1-β²ᵗ), for "first" g (1-β²⁽ᵗ⁻¹⁾) + β²⁽ᵗ⁻¹⁾.

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
    left = (1.0 - bias_correction(decay, t - 1.0)) ** 2
    return gain * (1.0 - left) + left


@formula
def start_lag(decay: Decay, t: Samples, start: str) -> Any:
    """How far the EMA is behind the ramp 1, 2, 3, ...: l (1-βᵗ) for the zero start, with l = β/(1-β).

    Debiased it is l - t βᵗ/(1-βᵗ), the mean age of the weights; for "first" l (1-βᵗ⁻¹). The ramp response is t minus
    this; the zero start is where the ramp was at t = 0.

    Source
    ------
    Brown 1963, "Smoothing, Forecasting and Prediction of Discrete Time Series"; the starts follow from the weights.

    Examples
    --------
    >>> [round(float(start_lag(Decay(0.9), 2, start)), 4) for start in ("debiased", "zero", "first")]
    [0.4737, 1.71, 0.9]
    """
    fresh = _fresh(decay, t, start)
    if start == "debiased":
        return _without_pole(-decay.log_beta) - t * _without_pole(-decay.log_beta * t)
    if decay.alpha == 0.0:  # l (1-βᵗ) → t
        return t - (start == "first")
    return decay.lag * (fresh if start == "zero" else bias_correction(decay, t - 1.0))


@formula
def impulse_response(decay: Decay, age: Ages) -> Any:
    """(1-β) βᵏ: weight of the value seen k = ``age`` samples ago, once the start is forgotten.

    Examples
    --------
    >>> impulse_response(Decay(0.5), [0, 1, 2])
    array([0.5  , 0.25 , 0.125])
    """
    with np.errstate(invalid="ignore"):
        weight = decay.alpha * np.exp(age * decay.log_beta)
    return np.where(age == 0.0, decay.alpha, weight)


def _without_pole(x: Any) -> Any:
    """1/(eˣ-1) - 1/x, from -½ at x = 0 up to 0; by its series where the difference would lose digits."""
    x = np.asarray(x, dtype=np.float64)
    small = np.minimum(x, 0.05)
    series = -0.5 + small / 12.0 - small**3 / 720.0 + small**5 / 30240.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(x < 0.05, series, 1.0 / np.expm1(x) - 1.0 / x)


def _fresh(decay: Decay, t: Any, start: str) -> Any:
    """1 - βᵗ, once the start is known."""
    choice("start", start, ("debiased", "zero", "first"))
    return bias_correction(decay, t)
