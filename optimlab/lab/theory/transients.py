"""The way of the best-tuned heavy ball: its error at each step, and how far it moves away at first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import counts
from optimlab.typing import Floats

__all__ = ["heavy_ball_error", "heavy_ball_transient"]


def heavy_ball_error(condition: ArrayLike, t: ArrayLike) -> Any:
    """‖wₜ‖/‖w₀‖ = ρᵗ √(1 + 2t + (1+ρ²) t²): the heavy ball at its optimum, from (1, 1) on ½(μx² + Ly²).

    Its modes are ρᵗ (1 + t(1-ρ)) and (-ρ)ᵗ (1 + t(1+ρ)).

    Parameters
    ----------
    condition : array_like of float, at least 1
        κ.
    t : array_like of int, at least 0
        Steps.

    Returns
    -------
    float or ndarray
        The error over that of the start.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    ``heavy_ball_mode`` at ``heavy_ball_optimum``, where each discriminant is 0.

    Examples
    --------
    >>> heavy_ball_error(9.0, [0, 1, 2]).round(4)
    array([1.    , 1.0308, 0.7906])
    """
    rho, steps = _rate(condition), counts(t)
    size = np.hypot(1.0 + steps * (1.0 - rho), 1.0 + steps * (1.0 + rho)) / np.sqrt(2.0)
    return (rho**steps * size)[()]


def heavy_ball_transient(condition: ArrayLike) -> tuple[Any, Any]:
    """max over t of ``heavy_ball_error``: how far the best-tuned heavy ball first moves away; about √κ/(e√2) ≈ √κ/4.

    With c = 1+ρ² and l = ln ρ the derivative vanishes where c l t² + (2l + c) t + l + 1 = 0. Below κ = 8.35 the error
    never grows.

    Parameters
    ----------
    condition : array_like of float, at least 1
        κ.

    Returns
    -------
    peak, step : float or ndarray
        The largest error over that of the start, and when; 1 and 0 if it never grows.

    Raises
    ------
    ValueError, TypeError
        If ``condition`` is outside its range.

    Source
    ------
    ``heavy_ball_error``.

    Examples
    --------
    >>> peak, step = heavy_ball_transient([4.0, 100.0, 10_000.0])
    >>> peak.round(3), step
    (array([ 1.   ,  2.678, 26.02 ]), array([ 0.,  4., 49.]))
    """
    rho = _rate(condition)
    c = 1.0 + rho**2
    with np.errstate(divide="ignore", invalid="ignore"):  # κ = 1: one step, no transient
        log = np.log(rho)
        top = (2.0 * log + c + np.sqrt(c**2 - (2.0 * rho * log) ** 2)) / (-2.0 * c * log)
    before = np.floor(np.maximum(np.where(rho > 0.0, top, 0.0), 0.0))
    step = np.where(heavy_ball_error(condition, before + 1.0) > heavy_ball_error(condition, before), before + 1, before)
    return heavy_ball_error(condition, step), step[()]


def _rate(condition: ArrayLike) -> Floats:
    """Return the best rate of the heavy ball."""
    kappa = numbers("condition", condition, Range("at least 1 and finite"))
    root = np.sqrt(kappa)
    return (root - 1.0) / (root + 1.0)
