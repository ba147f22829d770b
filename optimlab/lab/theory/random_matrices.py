"""Random symmetric matrices (GOE) as Hessians: the probability of a minimum, the index, the density of eigenvalues.

Matrices are scaled so that the spectrum fills [-2, 2] for large n: variance 1/n off the diagonal, 2/n on it. A shift s
adds s to every eigenvalue. In Gaussian random landscapes s grows in proportion to how far the value of a critical point
lies below the mean (Bray & Dean 2007); the probabilities are those of the matrix and leave out the weight |det H| that
a count of critical points has. n is the number of eigenvalues; ``goe_...`` are of finite size, n up to 100. Inside
them x = λ √(n/2), for which the weight of an eigenvalue is exp(-x²/2).
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from optimlab.checks import Range, whole
from optimlab.extras import needed
from optimlab.lab.theory.domain import Finite, formula
from optimlab.lab.theory.pfaffian import log_positive
from optimlab.typing import Floats

__all__ = [
    "goe_density", "goe_index", "goe_minimum_probability", "minimum_log_probability", "minimum_log_probability_large",
    "minimum_log_probability_signs", "semicircle_density", "semicircle_index",
]  # fmt: skip

Sizes = Annotated[Any, Range("whole numbers from 1 to 9e15")]

_NODES = 400
"""Gauss-Legendre nodes: 350 give 12 digits at n = 100 (measured)."""
_MARGIN = 7.0
"""How far beyond its edge √(2n) the spectrum is integrated."""


@formula
def minimum_log_probability(n: Sizes) -> Any:
    """Ln P, P = 2^(n(n-5)/4) Pf(S): that all n eigenvalues of a GOE matrix are positive, for finite n.

    S[j, k] = P(χₖ > χⱼ) - P(χₖ < χⱼ), for j, k = 1 ... n degrees of freedom, with a border of ones for odd n. The first
    three P are 1/2, (2-√2)/4 and (π-2√2)/(4π). It is right to the last digit, also from n = 51 on, where P is below the
    normal numbers of float64. Measured: 0.3 s for n = 100, 7 s for n = 200.

    Source
    ------
    The integral of |Δ| is de Bruijn's Pfaffian (J. Indian Math. Soc. 19, 1955) over Mehta's constant (Random Matrices,
    2004, chapter 3); the powers of 2 are what remains of the gamma functions.

    Examples
    --------
    >>> np.exp(minimum_log_probability([1, 2, 3])).round(6)
    array([0.5     , 0.146447, 0.024921])
    >>> round(minimum_log_probability(100).item() / math.log(10.0), 2)
    -1209.56
    """
    sizes = n.astype(np.int64)
    return np.array(log_positive(int(sizes.max(initial=1))))[sizes - 1]


@formula
def minimum_log_probability_large(n: Sizes) -> Any:
    """-(ln 3 / 4) n²: ln P that all n eigenvalues of a GOE matrix are positive, leading order for large n.

    What is left out grows as n, to a factor of 10⁻¹⁷ at n = 100.

    Source
    ------
    Dean & Majumdar 2006 (Phys. Rev. Lett. 97, 160201): exp(-β θ n²) with θ = ln 3 / 4, here β = 1.

    Examples
    --------
    >>> round(minimum_log_probability_large(100).item() / math.log(10.0))
    -1193
    """
    return -math.log(3.0) / 4.0 * n**2


@formula
def minimum_log_probability_signs(n: Sizes) -> Any:
    """-n ln 2: ln P that n independent fair signs are all positive.

    Source
    ------
    The argument of article 003; eigenvalues of a random matrix repel each other and are not independent.

    Examples
    --------
    >>> round(minimum_log_probability_signs(100).item() / math.log(10.0), 1)
    -30.1
    """
    return -math.log(2.0) * n


@formula
def semicircle_density(x: Finite) -> Any:
    """ρ(x) = √(4 - x²)/(2π) for |x| ≤ 2, else 0: density of the eigenvalues of a large GOE matrix.

    Source
    ------
    Wigner 1958 (Annals of Mathematics 67).

    Examples
    --------
    >>> semicircle_density([0.0, 2.0, 3.0]).round(6)
    array([0.31831, 0.     , 0.     ])
    """
    return np.sqrt(4.0 - np.clip(x, -2.0, 2.0) ** 2) / (2.0 * math.pi)


@formula
def semicircle_index(shift: Finite) -> Any:
    """α(s) = [arccos(s/2) - (s/2) √(1 - s²/4)] / π: share of negative eigenvalues of a large shifted GOE matrix.

    It is 1/2 without a shift, 0 from s = 2 on, and 1 below -2.

    Source
    ------
    Bray & Dean 2007 (Phys. Rev. Lett. 98, 150201): index of critical points against their energy.

    Examples
    --------
    >>> semicircle_index([0.0, 1.4, 2.0]).round(4)
    array([0.5   , 0.0941, 0.    ])
    """
    half = np.clip(shift / 2.0, -1.0, 1.0)
    return (np.arccos(half) - half * np.sqrt(1.0 - half**2)) / math.pi


@formula
def goe_minimum_probability(n: int, shift: Finite) -> Any:
    """P(all λᵢ + s > 0) = Pf A(-s)/Pf A(-∞): that a shifted GOE matrix of finite size has no negative eigenvalue.

    A(a)[j, k] = ∫∫ sgn(y-x) ψⱼ(x) ψₖ(y) dx dy over x, y > a, with Hermite functions ψ, and a border ∫ψⱼ for odd n. The
    error is up to 10⁻¹²; see ``minimum_log_probability`` for smaller ones.

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
    edge = math.sqrt(2.0 * whole("n", n, 1, 100)) + _MARGIN
    _, total = np.linalg.slogdet(_skew(n, -edge))
    found = [_root(np.linalg.slogdet(_skew(n, max(a, -edge))), total) for a in -shift.ravel() * math.sqrt(n / 2.0)]
    return np.reshape(found, shift.shape)


@formula
def goe_density(n: int, x: Finite) -> Any:
    """ρ(x) = R₁(x)/n: density of the eigenvalues of a GOE matrix of finite size.

    R₁ = Σ ψⱼ² (j < n) + √(n/2) ψₙ₋₁(x) ∫ ½ sgn(x-t) ψₙ(t) dt, for odd n with ψₙ₋₁(x)/∫ψₙ₋₁ added.

    Source
    ------
    Mehta, Random Matrices, 2004, chapter 7, the level density of the orthogonal ensemble.

    Examples
    --------
    >>> bool(abs(goe_density(1, 0.0) - 1 / (4 * np.pi) ** 0.5) < 1e-12)
    True
    """
    scale, edge = math.sqrt(whole("n", n, 1, 100) / 2.0), math.sqrt(2.0 * n) + _MARGIN
    psi, integral = _hermite(n, np.clip(x.ravel() * scale, -edge, edge), -edge)
    totals = _hermite(n, np.array([edge]), -edge)[1][:, 0]
    density = (psi[:n] ** 2).sum(axis=0) + scale * psi[n - 1] * (integral[n] - totals[n] / 2.0)
    if n % 2:
        density += psi[n - 1] / totals[n - 1]
    return (density * scale / n).reshape(x.shape)


@formula
def goe_index(n: int, shift: Finite) -> Any:
    """α(s) = ∫ ρ(x) dx over x < -s: mean share of negative eigenvalues; for large n it is ``semicircle_index``.

    The integral of ``goe_density``, by Gauss-Legendre quadrature.

    Examples
    --------
    >>> goe_index(20, [0.0, 1.4, 1.6]).round(4)
    array([0.5   , 0.1   , 0.0589])
    """
    edge = 2.0 + _MARGIN / math.sqrt(whole("n", n, 1, 100) / 2.0)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (np.clip(-shift, -edge, edge) + edge) / 2.0
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
