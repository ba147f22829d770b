"""What clipping by value does to noise: the mean it moves, the variance it takes, the direction it changes.

A number X of mean μ is clipped to X̂ = min(max(X, -c), c) with c = ``limit``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from optimlab.checks import Range, number
from optimlab.extras import needed
from optimlab.lab.theory.domain import Finite, Positive, formula
from optimlab.typing import Floats

__all__ = ["ClippedMoments", "clipped_exponential", "clipped_normal", "clipped_normal_cosine", "clipped_student"]


class ClippedMoments(NamedTuple):
    """Mean and variance of a clipped number, E[X̂] and Var[X̂]; the bias of clipping is E[X̂] - E[X].

    Examples
    --------
    >>> moments = clipped_normal(0.5, 1.0, 1.0)
    >>> round(float(moments.mean), 4), round(float(moments.variance), 4)
    (0.3315, 0.4534)
    """

    mean: Any
    variance: Any


class _Partial(NamedTuple):
    """∫ xᵏ f(x) dx from -∞ to a bound, k = 0, 1, 2, the last up to a constant; and 1 - ∫ f, all of its digits."""

    mass: Any
    tail: Any
    mean: Any
    square: Any


@formula
def clipped_normal(mean: Finite, sd: Positive, limit: Positive) -> ClippedMoments:
    """E[X̂] and Var[X̂] for X ~ N(μ, σ²), of standard deviation ``sd``.

    Source
    ------
    E[X̂ᵏ] = (-c)ᵏ F(-c) + ∫ xᵏ f(x) dx + cᵏ (1 - F(c)), with ∫ x φ = -φ and ∫ x² φ = Φ - x φ.

    Examples
    --------
    >>> clipped_normal(0.0, 1.0, [0.5, 1.0, 2.0]).variance.round(3)
    array([0.185, 0.516, 0.921])
    """
    needed("scipy", "lab", "clipped_normal")
    from scipy.special import ndtr

    def partial(z: Floats) -> _Partial:
        density = np.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)
        return _Partial(ndtr(z), ndtr(-z), -density, ndtr(z) - z * density)

    return _moments(partial, mean, sd, limit)


@formula
def clipped_student(mean: Finite, scale: Positive, df: float, limit: Positive) -> ClippedMoments:
    """E[X̂] and Var[X̂] for X = μ + s t(ν): finite also where the variance of X is not.

    s is the ``scale``, not the standard deviation; ν is ``df``, above 1 so that the mean of X exists.

    Source
    ------
    As ``clipped_normal``, with ∫ x f = -(ν + x²) f/(ν - 1), and ∫ x² f = x³ f(0)/3 · ₂F₁(3/2, (ν+1)/2; 5/2; -x²/ν),
    which for ν > 2 is an incomplete beta function.

    Examples
    --------
    >>> [round(float(x), 4) for x in clipped_student(0.0, 1.0, 1.5, 2.0)]
    [0.0, 1.5241]
    """
    needed("scipy", "lab", "clipped_student")
    from scipy.special import stdtr

    nu = number("df", df, Range("in (1, 1e12], beyond which clipped_normal is the same"))

    def partial(z: Floats) -> _Partial:
        first = -nu / (nu - 1.0) * _student_peak(nu) * np.exp((1.0 - nu) / 2.0 * np.log1p(z**2 / nu))
        return _Partial(stdtr(nu, z), stdtr(nu, -z), first, _student_square(z, nu))

    return _moments(partial, mean, scale, limit)


@formula
def clipped_exponential(mean: Finite, scale: Positive, limit: Positive) -> ClippedMoments:
    """E[X̂] and Var[X̂] for X = μ + s (E - 1), E ~ Exp(1): noise that is skewed, of standard deviation s, the ``scale``.

    Source
    ------
    As ``clipped_normal``, with ∫ (x - 1) e⁻ˣ = -x e⁻ˣ and ∫ (x - 1)² e⁻ˣ = 1 - (1 + x²) e⁻ˣ from 0 to x.

    Examples
    --------
    >>> clipped_exponential(0.0, 1.0, [0.5, 1.0, 4.0]).mean.round(4)
    array([-0.1166, -0.1353, -0.0067])
    """

    def partial(z: Floats) -> _Partial:
        e = np.maximum(z + 1.0, 0.0)
        return _Partial(-np.expm1(-e), np.exp(-e), -e * np.exp(-e), -np.expm1(-e) - e * (e * np.exp(-e)))

    return _moments(partial, mean, scale, limit)


@formula
def clipped_normal_cosine(limit: Positive) -> Any:
    """Cos θ = P(|z| < c)/√E[ẑ²], z ~ N(0, 1): between a long Gaussian gradient and the same clipped by value.

    c is in units of the gradient's standard deviation. For c → 0, where only the signs are left, it is √(2/π), 37°.

    Source
    ------
    E[z ẑ] = E[dẑ/dz] (Stein), for a gradient of so many elements that sums are expectations.

    Examples
    --------
    >>> clipped_normal_cosine([1e-6, 1.0, 5.0]).round(4)
    array([0.7979, 0.9503, 1.    ])
    """
    needed("scipy", "lab", "clipped_normal_cosine")
    from scipy.special import erf

    return erf(limit / math.sqrt(2.0)) / np.sqrt(clipped_normal(0.0, 1.0, limit).variance)


def _moments(partial: Any, mean: Floats, scale: Floats, limit: Floats) -> ClippedMoments:
    """Return the moments of what is kept inside the limits, and of what is moved onto them."""
    low, high = partial((-limit - mean) / scale), partial((limit - mean) / scale)
    kept, first, second = high.mass - low.mass, high.mean - low.mean, high.square - low.square
    clipped = limit * (high.tail - low.mass) + mean * kept + scale * first
    moved = limit * (limit * (high.tail + low.mass))  # never the square first, which may overflow
    square = moved + mean * (mean * kept) + 2.0 * mean * (scale * first) + scale * (scale * second)
    return ClippedMoments(clipped, square - clipped**2)


def _student_peak(nu: float) -> float:
    """f(0) = 1/(√ν B(1/2, ν/2))."""
    from scipy.special import betaln

    return float(np.exp(-betaln(0.5, nu / 2.0))) / math.sqrt(nu)


def _student_square(z: Floats, nu: float) -> Any:
    """∫ x² f dx from 0 to z, of Student's density."""
    from scipy.special import betainc, hyp2f1

    if nu == 2.0:  # elementary, where ₂F₁ overflows for large z
        y = np.arcsinh(z / math.sqrt(2.0))
        return y - np.tanh(y)
    if nu > 4.0:  # ₂F₁ overflows for large ν
        return np.sign(z) * nu / (nu - 2.0) / 2.0 * betainc(1.5, nu / 2.0 - 1.0, z**2 / (nu + z**2))
    return _student_peak(nu) / 3.0 * z**3 * hyp2f1(1.5, (nu + 1.0) / 2.0, 2.5, -(z**2) / nu)
