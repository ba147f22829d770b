"""Descent of a quadratic at its best: learning rate, β and rate of each method, and how the heavy ball gets there.

μ and L are the smallest and the largest curvature, μ at most L; κ = L/μ, the ``condition``. What a single mode does at
any lr and β, and up to which lr it is stable, is in ``modes``.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np

from optimlab.checks import Range
from optimlab.lab.theory.domain import Counts, Positive, formula

__all__ = [
    "Tuning", "bare_steps", "gradient_descent_optimum", "heavy_ball_error", "heavy_ball_optimum",
    "heavy_ball_transient", "nesterov_optimum", "nesterov_textbook",
]  # fmt: skip

Conditions = Annotated[Any, Range("at least 1 and finite")]


class Tuning(NamedTuple):
    """lr, β, and the rate ρ that they reach: the error falls like ρᵗ.

    Examples
    --------
    >>> lr, beta, rate = heavy_ball_optimum(1.0, 9.0)
    """

    lr: Any
    beta: Any
    rate: Any


@formula
def gradient_descent_optimum(mu: Positive, L: Positive) -> Tuning:
    """lr = 2/(L+μ), ρ = (κ-1)/(κ+1): the best constant rate of gradient descent, where β = 0.

    Source
    ------
    Polyak 1987, "Introduction to Optimization", section 1.4.

    Examples
    --------
    >>> gradient_descent_optimum(1.0, 9.0)
    Tuning(lr=np.float64(0.2), beta=np.float64(0.0), rate=np.float64(0.8))
    """
    _ordered(mu, L)
    return Tuning(2.0 / (L + mu), 0.0 * (L + mu), (L - mu) / (L + mu))


@formula
def heavy_ball_optimum(mu: Positive, L: Positive) -> Tuning:
    """lr = (2/(√L+√μ))², β = ρ², ρ = (√κ-1)/(√κ+1): the best lr and β of the heavy ball.

    Both ends of the spectrum have a double root, so the error is t ρᵗ; see ``heavy_ball_error``. With the gradient's
    EMA it is lr/(1-β). Off quadratics this tuning may cycle for ever (Lessard et al. 2016, section 4.6).

    Source
    ------
    Polyak 1964, theorem 9.

    Examples
    --------
    >>> heavy_ball_optimum(1.0, 9.0)
    Tuning(lr=np.float64(0.25), beta=np.float64(0.25), rate=np.float64(0.5))
    """
    _ordered(mu, L)
    both = np.sqrt(L) + np.sqrt(mu)
    rate = (np.sqrt(L) - np.sqrt(mu)) / both
    return Tuning((2.0 / both) ** 2, rate**2, rate)


@formula
def nesterov_textbook(mu: Positive, L: Positive) -> Tuning:
    """lr = 1/L, β = (√κ-1)/(√κ+1), ρ = 1 - 1/√κ: Nesterov's method as it is proved for every convex function.

    Source
    ------
    Nesterov 2004, "Introductory Lectures on Convex Optimization", section 2.2; ρ: Lessard, Recht & Packard 2016,
    "Analysis and Design of Optimization Algorithms via Integral Quadratic Constraints", proposition 1.

    Examples
    --------
    >>> nesterov_textbook(1.0, 16.0)
    Tuning(lr=np.float64(0.0625), beta=np.float64(0.6), rate=np.float64(0.75))
    """
    _ordered(mu, L)
    root = np.sqrt(L / mu)
    return Tuning(1.0 / L, (root - 1.0) / (root + 1.0), 1.0 - 1.0 / root)


@formula
def nesterov_optimum(mu: Positive, L: Positive) -> Tuning:
    """lr = 4/(3L+μ), β = (√(3κ+1)-2)/(√(3κ+1)+2), ρ = 1 - 2/√(3κ+1): the best lr and β of Nesterov on a quadratic.

    Source
    ------
    Lessard, Recht & Packard 2016, proposition 1.

    Examples
    --------
    >>> nesterov_optimum(1.0, 5.0)
    Tuning(lr=np.float64(0.25), beta=np.float64(0.3333333333333333), rate=np.float64(0.5))
    """
    _ordered(mu, L)
    root = np.sqrt(3.0 * L / mu + 1.0)
    return Tuning(4.0 / (3.0 * L + mu), (root - 2.0) / (root + 2.0), 1.0 - 2.0 / root)


@formula
def bare_steps(rate: Annotated[Any, Range("in (0, 1)")], tolerance: Annotated[Any, Range("in (0, 1]")]) -> Any:
    """ln(1/tolerance) / -ln ρ: steps to an error of ``tolerance`` times the start's if it fell like ρᵗ from the first.

    Double roots and transients come on top. The steps are not rounded.

    Examples
    --------
    >>> bare_steps(gradient_descent_optimum(1.0, 100.0).rate, 1e-6).round(1)
    np.float64(690.8)
    """
    return np.log(tolerance) / np.log(rate)


@formula
def heavy_ball_error(condition: Conditions, t: Counts) -> Any:
    """‖wₜ‖/‖w₀‖ = ρᵗ √(1 + 2t + (1+ρ²) t²): the heavy ball at its optimum, from (1, 1) on ½(μx² + Ly²).

    Its modes, those of ``LinearRule(ρ²)`` at ``heavy_ball_optimum``, are ρᵗ (1 + t(1-ρ)) and (-ρ)ᵗ (1 + t(1+ρ)).

    Examples
    --------
    >>> heavy_ball_error(9.0, [0, 1, 2]).round(4)
    array([1.    , 1.0308, 0.7906])
    """
    rho = _rate(condition)
    size = np.hypot(1.0 + t * (1.0 - rho), 1.0 + t * (1.0 + rho)) / np.sqrt(2.0)
    return rho**t * size


@formula
def heavy_ball_transient(condition: Conditions) -> tuple[Any, Any]:
    """Max over t of ``heavy_ball_error``, and that t: how far the best-tuned heavy ball first moves away, and when.

    The peak is about √κ/(e√2) ≈ √κ/4. With c = 1+ρ² and l = ln ρ the derivative vanishes where
    c l t² + (2l + c) t + l + 1 = 0. Below κ = 8.35 the error never grows: 1 and 0.

    Examples
    --------
    >>> peak, step = heavy_ball_transient([4.0, 100.0, 10_000.0])
    >>> peak.round(3), step
    (array([ 1.   ,  2.678, 26.02 ]), array([ 0.,  4., 49.]))
    """
    rho = _rate(condition)
    c = 1.0 + rho**2
    with np.errstate(invalid="ignore"):  # κ = 1: one step, no transient
        log = np.log(rho)
        top = (2.0 * log + c + np.sqrt(c**2 - (2.0 * rho * log) ** 2)) / (-2.0 * c * log)
    before = np.floor(np.maximum(np.where(rho > 0.0, top, 0.0), 0.0))
    step = np.where(heavy_ball_error(condition, before + 1.0) > heavy_ball_error(condition, before), before + 1, before)
    return heavy_ball_error(condition, step), step[()]


def _rate(condition: Any) -> Any:
    """Return the best rate of the heavy ball."""
    root = np.sqrt(condition)
    return (root - 1.0) / (root + 1.0)


def _ordered(mu: Any, L: Any) -> None:
    """Refuse a smallest curvature that is not the smallest."""
    if not (mu <= L).all():
        raise ValueError(f"mu must be at most L; got mu={mu}, L={L}")
