"""Descent of a quadratic: optimal learning rate and β, rates, stability limits, and the transient of momentum.

μ and L are the smallest and the largest curvature, κ = L/μ. What a single mode does at any lr and β is in `Mode`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimlab.theory.domain import counts, decays, numbers

__all__ = [
    "Tuning", "acceleration", "bare_steps", "ema_momentum_limit", "gradient_descent_optimum", "heavy_ball_error",
    "heavy_ball_limit", "heavy_ball_optimum", "heavy_ball_plateau", "heavy_ball_transient", "nesterov_limit",
    "nesterov_optimum", "nesterov_textbook",
]  # fmt: skip

Floats = NDArray[np.float64]


class Tuning(NamedTuple):
    """lr, β, and the rate ρ that they reach: the error falls like ρᵗ.

    Examples
    --------
    >>> lr, beta, rate = heavy_ball_optimum(1.0, 9.0)
    """

    lr: Any
    beta: Any
    rate: Any


def gradient_descent_optimum(mu: ArrayLike, L: ArrayLike) -> Tuning:
    """lr = 2/(L+μ), ρ = (κ-1)/(κ+1): the best constant rate of gradient descent.

    Parameters
    ----------
    mu, L : array_like of float, greater than 0, mu at most L
        Smallest and largest curvature.

    Returns
    -------
    Tuning
        With β = 0.

    Raises
    ------
    ValueError, TypeError
        If a curvature is outside its range.

    Source
    ------
    Polyak 1987, "Introduction to Optimization", section 1.4.

    Examples
    --------
    >>> gradient_descent_optimum(1.0, 9.0)
    Tuning(lr=np.float64(0.2), beta=np.float64(0.0), rate=np.float64(0.8))
    """
    mu, L = _spectrum(mu, L)
    return Tuning(2.0 / (L + mu), 0.0 * (L + mu), (L - mu) / (L + mu))


def heavy_ball_optimum(mu: ArrayLike, L: ArrayLike) -> Tuning:
    """lr = (2/(√L+√μ))², β = ρ², ρ = (√κ-1)/(√κ+1): the best lr and β of the heavy ball.

    Both ends of the spectrum have a double root, so the error is t ρᵗ; see ``heavy_ball_error``. With the gradient's
    EMA it is lr/(1-β). Off quadratics this tuning may cycle for ever (Lessard et al. 2016, section 4.6).

    Parameters
    ----------
    mu, L : array_like of float, greater than 0, mu at most L
        Smallest and largest curvature.

    Returns
    -------
    Tuning
        lr, β and ρ.

    Raises
    ------
    ValueError, TypeError
        If a curvature is outside its range.

    Source
    ------
    Polyak 1964, theorem 9.

    Examples
    --------
    >>> heavy_ball_optimum(1.0, 9.0)
    Tuning(lr=np.float64(0.25), beta=np.float64(0.25), rate=np.float64(0.5))
    """
    mu, L = _spectrum(mu, L)
    both = np.sqrt(L) + np.sqrt(mu)
    rate = (np.sqrt(L) - np.sqrt(mu)) / both
    return Tuning((2.0 / both) ** 2, rate**2, rate)


def nesterov_textbook(mu: ArrayLike, L: ArrayLike) -> Tuning:
    """lr = 1/L, β = (√κ-1)/(√κ+1), ρ = 1 - 1/√κ: Nesterov's method as it is proved for every convex function.

    Parameters
    ----------
    mu, L : array_like of float, greater than 0, mu at most L
        Smallest and largest curvature.

    Returns
    -------
    Tuning
        lr, β and ρ on a quadratic.

    Raises
    ------
    ValueError, TypeError
        If a curvature is outside its range.

    Source
    ------
    Nesterov 2004, "Introductory Lectures on Convex Optimization", section 2.2; ρ: Lessard, Recht & Packard 2016,
    "Analysis and Design of Optimization Algorithms via Integral Quadratic Constraints", proposition 1.

    Examples
    --------
    >>> nesterov_textbook(1.0, 16.0)
    Tuning(lr=np.float64(0.0625), beta=np.float64(0.6), rate=np.float64(0.75))
    """
    mu, L = _spectrum(mu, L)
    root = np.sqrt(L / mu)
    return Tuning(1.0 / L, (root - 1.0) / (root + 1.0), 1.0 - 1.0 / root)


def nesterov_optimum(mu: ArrayLike, L: ArrayLike) -> Tuning:
    """lr = 4/(3L+μ), β = (√(3κ+1)-2)/(√(3κ+1)+2), ρ = 1 - 2/√(3κ+1): the best lr and β of Nesterov on a quadratic.

    Parameters
    ----------
    mu, L : array_like of float, greater than 0, mu at most L
        Smallest and largest curvature.

    Returns
    -------
    Tuning
        lr, β and ρ.

    Raises
    ------
    ValueError, TypeError
        If a curvature is outside its range.

    Source
    ------
    Lessard, Recht & Packard 2016, proposition 1.

    Examples
    --------
    >>> nesterov_optimum(1.0, 5.0)
    Tuning(lr=np.float64(0.25), beta=np.float64(0.3333333333333333), rate=np.float64(0.5))
    """
    mu, L = _spectrum(mu, L)
    root = np.sqrt(3.0 * L / mu + 1.0)
    return Tuning(4.0 / (3.0 * L + mu), (root - 2.0) / (root + 2.0), 1.0 - 2.0 / root)


def heavy_ball_limit(beta: ArrayLike) -> Any:
    """2 (1+β): the heavy ball is stable for 0 < lr h < this; β = 0 is gradient descent.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    float or ndarray
        The limit of learning rate times largest curvature.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    Polyak 1964, theorem 9: where a root reaches -1.

    Examples
    --------
    >>> heavy_ball_limit([0.0, 0.9])
    array([2. , 3.8])
    """
    return (2.0 * (1.0 + decays(beta)))[()]


def ema_momentum_limit(beta: ArrayLike) -> Any:
    """2 (1+β)/(1-β): momentum as the gradient's EMA is stable for 0 < lr h < this.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    float or ndarray
        The limit of learning rate times largest curvature.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    ``heavy_ball_limit`` at lr (1-β); Cohen et al. 2022, "Adaptive Gradient Methods at the Edge of Stability", where
    38 is the limit of Adam's preconditioned sharpness.

    Examples
    --------
    >>> ema_momentum_limit(0.9).round(9)
    np.float64(38.0)
    """
    return (heavy_ball_limit(beta) / (1.0 - decays(beta)))[()]


def nesterov_limit(beta: ArrayLike) -> Any:
    """2 (1+β)/(1+2β): Nesterov's momentum is stable for 0 < lr h < this, less than gradient descent.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    float or ndarray
        The limit of learning rate times largest curvature.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    Where a root of ``nesterov_mode`` reaches -1; Cohen et al. 2021, "Gradient Descent on Neural Networks Typically
    Occurs at the Edge of Stability", appendix.

    Examples
    --------
    >>> nesterov_limit([0.0, 0.9]).round(4)
    array([2.    , 1.3571])
    """
    return (heavy_ball_limit(beta) / (1.0 + 2.0 * decays(beta)))[()]


def heavy_ball_plateau(beta: ArrayLike) -> tuple[Any, Any]:
    """(1-√β)² ≤ lr h ≤ (1+√β)²: where the heavy ball's rate is √β, and lr does not matter.

    Parameters
    ----------
    beta : array_like of float, in [0, 1)
        β.

    Returns
    -------
    low, high : float or ndarray
        Both ends, in learning rate times curvature; for the gradient's EMA divide them by 1-β.

    Raises
    ------
    ValueError, TypeError
        If ``beta`` is outside its range.

    Source
    ------
    Goh 2017, "Why Momentum Really Works", Distill.

    Examples
    --------
    >>> heavy_ball_plateau(0.25)
    (np.float64(0.25), np.float64(2.25))
    """
    root = np.sqrt(decays(beta))
    return ((1.0 - root) ** 2)[()], ((1.0 + root) ** 2)[()]


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


def bare_steps(rate: ArrayLike, tolerance: ArrayLike) -> Any:
    """ln(1/tolerance) / -ln ρ: steps to an error of ``tolerance`` times the start's if it fell like ρᵗ from the first.

    Double roots and transients come on top.

    Parameters
    ----------
    rate : array_like of float, in (0, 1)
        ρ.
    tolerance : array_like of float, in (0, 1]
        The error wanted over that of the start.

    Returns
    -------
    float or ndarray
        Number of steps, not rounded.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> bare_steps(gradient_descent_optimum(1.0, 100.0).rate, 1e-6).round(1)
    np.float64(690.8)
    """
    rho = numbers("rate", rate, "in (0, 1)", lambda r: (r > 0.0) & (r < 1.0))
    wanted = numbers("tolerance", tolerance, "in (0, 1]", lambda e: (e > 0.0) & (e <= 1.0))
    return (np.log(wanted) / np.log(rho))[()]


def acceleration(condition: ArrayLike) -> Any:
    """artanh(1/√κ) / artanh(1/κ): steps of gradient descent that one of the heavy ball is worth, each at its best.

    The ratio ln ρ_HB / ln ρ_GD: √κ for large κ, 1 for κ → 1. It is that of the rates alone: on the way to a given
    error the transient takes some of it back.

    Parameters
    ----------
    condition : array_like of float, greater than 1
        κ.

    Returns
    -------
    float or ndarray
        The ratio, at least 1.

    Raises
    ------
    ValueError, TypeError
        If ``condition`` is outside its range.

    Source
    ------
    Polyak 1964; -ln((κ-1)/(κ+1)) = 2 artanh(1/κ).

    Examples
    --------
    >>> acceleration([1.0001, 100.0, 10_000.0]).round(2)
    array([  1.07,  10.03, 100.  ])
    """
    kappa = numbers("condition", condition, "finite and greater than 1", lambda k: (k > 1.0) & np.isfinite(k))
    return (np.arctanh(1.0 / np.sqrt(kappa)) / np.arctanh(1.0 / kappa))[()]


def _spectrum(mu: ArrayLike, L: ArrayLike) -> tuple[Floats, Floats]:
    """Return curvatures that make sense."""
    low = numbers("mu", mu, "greater than 0 and finite", lambda h: (h > 0.0) & np.isfinite(h))
    high = numbers("L", L, "greater than 0 and finite", lambda h: (h > 0.0) & np.isfinite(h))
    if not (low <= high).all():
        raise ValueError(f"mu must be at most L; got mu={mu!r}, L={L!r}")
    return low, high


def _rate(condition: ArrayLike) -> Floats:
    """Return the best rate of the heavy ball."""
    kappa = numbers("condition", condition, "finite and at least 1", lambda k: (k >= 1.0) & np.isfinite(k))
    root = np.sqrt(kappa)
    return (root - 1.0) / (root + 1.0)
