"""Descent of a quadratic at its best: learning rate, β and rate of each method, and how many steps a rate takes.

μ and L are the smallest and the largest curvature, κ = L/μ. What a single mode does at any lr and β is in ``modes``,
up to which lr it is stable in ``stability``, and how the heavy ball moves away at first in ``transients``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import positive
from optimlab.typing import Floats

__all__ = [
    "Tuning",
    "acceleration",
    "bare_steps",
    "gradient_descent_optimum",
    "heavy_ball_optimum",
    "nesterov_optimum",
    "nesterov_textbook",
]


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
    rho = numbers("rate", rate, Range("in (0, 1)"))
    wanted = numbers("tolerance", tolerance, Range("in (0, 1]"))
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
    kappa = numbers("condition", condition, Range("greater than 1 and finite"))
    return (np.arctanh(1.0 / np.sqrt(kappa)) / np.arctanh(1.0 / kappa))[()]


def _spectrum(mu: ArrayLike, L: ArrayLike) -> tuple[Floats, Floats]:
    """Return curvatures that make sense."""
    low, high = positive("mu", mu), positive("L", L)
    if not (low <= high).all():
        raise ValueError(f"mu must be at most L; got mu={mu!r}, L={L!r}")
    return low, high
