"""Shifted GOE matrices of finite size: probability of a minimum, mean index, density of the eigenvalues.

The scale is that of ``random_matrices``; inside, x = λ √(n/2), for which the weight of an eigenvalue is exp(-x²/2).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import whole
from optimlab.extras import needed
from optimlab.lab.theory.domain import finite
from optimlab.typing import Floats

__all__ = ["goe_density", "goe_index", "goe_minimum_probability"]


_NODES = 400
"""Gauss-Legendre nodes: 350 give 12 digits at n = 100 (measured)."""
_MARGIN = 7.0
"""How far beyond its edge √(2n) the spectrum is integrated."""


def goe_minimum_probability(n: int, shift: ArrayLike) -> Any:
    """P(all λᵢ + s > 0) = Pf A(-s)/Pf A(-∞): that a shifted GOE matrix of finite size has no negative eigenvalue.

    A(a)[j, k] = ∫∫ sgn(y-x) ψⱼ(x) ψₖ(y) dx dy over x, y > a, with Hermite functions ψ, and a border ∫ψⱼ for odd n.

    Parameters
    ----------
    n : int, 1 to 100
        Number of eigenvalues.
    shift : array_like of float, finite
        s; the edge of the spectrum is at 2.

    Returns
    -------
    float or ndarray
        The probability, with an error of up to 10⁻¹²; see ``minimum_log_probability`` for smaller ones.

    Raises
    ------
    ValueError, TypeError
        If n or the shift is outside its range.

    Source
    ------
    de Bruijn, J. Indian Math. Soc. 19 (1955).

    Examples
    --------
    >>> bool(abs(goe_minimum_probability(2, 0.0) - (2 - 2**0.5) / 4) < 1e-12)
    True
    >>> goe_minimum_probability(20, [1.4, 1.6]).round(4)
    array([0.005, 0.11 ])
    """
    shifts = finite("shift", shift)
    edge = math.sqrt(2.0 * whole("n", n, 1, 100)) + _MARGIN
    _, total = np.linalg.slogdet(_skew(n, -edge))
    found = [_root(np.linalg.slogdet(_skew(n, max(a, -edge))), total) for a in -shifts.ravel() * math.sqrt(n / 2.0)]
    return np.reshape(found, shifts.shape)[()]


def goe_density(n: int, x: ArrayLike) -> Any:
    """ρ(x) = R₁(x)/n: density of the eigenvalues of a GOE matrix of finite size.

    R₁ = Σ ψⱼ² (j < n) + √(n/2) ψₙ₋₁(x) ∫ ½ sgn(x-t) ψₙ(t) dt, for odd n with ψₙ₋₁(x)/∫ψₙ₋₁ added.

    Parameters
    ----------
    n : int, 1 to 100
        Number of eigenvalues.
    x : array_like of float, finite
        Where; the edge of the spectrum is at 2.

    Returns
    -------
    float or ndarray
        The density, of integral 1.

    Raises
    ------
    ValueError, TypeError
        If n or x is outside its range.

    Source
    ------
    Mehta, Random Matrices, 2004, chapter 7, the level density of the orthogonal ensemble.

    Examples
    --------
    >>> bool(abs(goe_density(1, 0.0) - 1 / (4 * np.pi) ** 0.5) < 1e-12)
    True
    """
    scale, edge = math.sqrt(whole("n", n, 1, 100) / 2.0), math.sqrt(2.0 * n) + _MARGIN
    points = finite("x", x)
    psi, integral = _hermite(n, np.clip(points.ravel() * scale, -edge, edge), -edge)
    totals = _hermite(n, np.array([edge]), -edge)[1][:, 0]
    density = (psi[:n] ** 2).sum(axis=0) + scale * psi[n - 1] * (integral[n] - totals[n] / 2.0)
    if n % 2:
        density += psi[n - 1] / totals[n - 1]
    return (density * scale / n).reshape(points.shape)[()]


def goe_index(n: int, shift: ArrayLike) -> Any:
    """α(s) = ∫ ρ(x) dx over x < -s: mean share of negative eigenvalues of a shifted GOE matrix of finite size.

    Parameters
    ----------
    n : int, 1 to 100
        Number of eigenvalues.
    shift : array_like of float, finite
        s; the edge of the spectrum is at 2.

    Returns
    -------
    float or ndarray
        The share; for large n it is ``semicircle_index``.

    Raises
    ------
    ValueError, TypeError
        If n or the shift is outside its range.

    Source
    ------
    The integral of ``goe_density``, by Gauss-Legendre quadrature.

    Examples
    --------
    >>> goe_index(20, [0.0, 1.4, 1.6]).round(4)
    array([0.5   , 0.1   , 0.0589])
    """
    edge = 2.0 + _MARGIN / math.sqrt(whole("n", n, 1, 100) / 2.0)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (np.clip(-finite("shift", shift), -edge, edge) + edge) / 2.0
    return (goe_density(n, (nodes + 1.0) * half[..., np.newaxis] - edge) @ weights) * half


def _root(determinant: Any, total: float) -> float:
    """Return √(det A(a)/det A(-∞)), where rounding may have made a tiny determinant negative."""
    sign, log = determinant
    return float(np.exp((log - total) / 2.0)) if sign > 0.0 else 0.0


def _skew(n: int, a: float) -> Floats:
    """Return A(a), of even size."""
    edge = math.sqrt(2.0 * n) + _MARGIN
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = max(edge - a, 0.0) / 2.0
    psi, integral = _hermite(n, a + (nodes + 1.0) * half, a)
    totals = _hermite(n, np.array([max(a, edge)]), a)[1][:n]
    matrix = (psi[:n] * weights * half) @ (totals - 2.0 * integral[:n]).T
    if n % 2:
        matrix = np.block([[matrix, totals], [-totals.T, np.zeros((1, 1))]])
    skew: Floats = (matrix - matrix.T) / 2.0
    return skew


def _hermite(n: int, x: Floats, a: float) -> tuple[Floats, Floats]:
    """Return the Hermite functions ψ₀ ... ψₙ at x and their integrals from a to x, by recurrence."""
    needed("scipy", "lab", "the law of finite matrices")
    from scipy.special import erf

    points = np.append(x, a)
    psi, integral = np.zeros((2, n + 1, len(points)))
    psi[0] = math.pi**-0.25 * np.exp(-(points**2) / 2.0)
    integral[0] = math.pi**0.25 / math.sqrt(2.0) * (erf(points / math.sqrt(2.0)) - erf(a / math.sqrt(2.0)))
    for k in range(n):
        up, down = math.sqrt(2.0 / (k + 1)), math.sqrt(k / (k + 1))
        psi[k + 1] = up * points * psi[k] - down * psi[k - 1]
        integral[k + 1] = down * integral[k - 1] - up * (psi[k] - psi[k, -1])
    return psi[:, :-1], integral[:, :-1]
