"""Closed forms of the EMA at finite t: what each start costs in bias and in variance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.ema import Decay, bias_correction

__all__ = ["start_mean", "start_variance"]

STARTS = ("debiased", "zero", "first")


def start_mean(decay: Decay, t: ArrayLike, start: str) -> Any:
    """1 - βᵗ for the zero start, 1 for the others: expected EMA of a constant level, in units of the level.

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


def _fresh(decay: Decay, t: ArrayLike, start: str) -> Any:
    """1 - βᵗ, the arguments checked."""
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(map(repr, STARTS))}; got {start!r}")
    if not (np.asarray(t) >= 1).all():
        raise ValueError(f"t must be at least 1; got {t!r}")
    return bias_correction(decay, t)
