"""Random symmetric matrices (GOE) as Hessians: the probability of a minimum, and the index.

Matrices are scaled so that the spectrum fills [-2, 2] for large n: variance 1/n off the diagonal, 2/n on it. A shift s
adds s to every eigenvalue. In Gaussian random landscapes s grows in proportion to how far the value of a critical point
lies below the mean (Bray & Dean 2007); the probabilities are those of the matrix and leave out the weight |det H| that
a count of critical points has.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import finite
from optimlab.lab.theory.pfaffian import log_positive

__all__ = [
    "minimum_log_probability",
    "minimum_log_probability_large",
    "minimum_log_probability_signs",
    "semicircle_density",
    "semicircle_index",
]


def minimum_log_probability(n: ArrayLike) -> Any:
    """Ln P, P = 2^(n(n-5)/4) Pf(S): that all n eigenvalues of a GOE matrix are positive, for finite n.

    S[j, k] = P(χₖ > χⱼ) - P(χₖ < χⱼ), for j, k = 1 ... n degrees of freedom, with a border of ones for odd n. The first
    three P are 1/2, (2-√2)/4 and (π-2√2)/(4π).

    Parameters
    ----------
    n : array_like of int, at least 1
        Number of eigenvalues.

    Returns
    -------
    float or ndarray
        The natural logarithm, to the last digit; from n = 51 on P is below the normal numbers of float64.

    Raises
    ------
    ValueError, TypeError
        If n is not a whole number of at least 1.

    Notes
    -----
    Measured: 0.3 s for n = 100, 7 s for n = 200.

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
    sizes = _sizes(n)
    return np.array(log_positive(int(sizes.max(initial=1))))[sizes - 1]


def minimum_log_probability_large(n: ArrayLike) -> Any:
    """-(ln 3 / 4) n²: ln P that all n eigenvalues of a GOE matrix are positive, leading order for large n.

    Parameters
    ----------
    n : array_like of int, at least 1
        Number of eigenvalues.

    Returns
    -------
    float or ndarray
        The natural logarithm; what is left out grows as n, to a factor of 10⁻¹⁷ at n = 100.

    Raises
    ------
    ValueError, TypeError
        If n is not a whole number of at least 1.

    Source
    ------
    Dean & Majumdar 2006 (Phys. Rev. Lett. 97, 160201): exp(-β θ n²) with θ = ln 3 / 4, here β = 1.

    Examples
    --------
    >>> round(minimum_log_probability_large(100).item() / math.log(10.0))
    -1193
    """
    return -math.log(3.0) / 4.0 * _sizes(n).astype(np.float64) ** 2


def minimum_log_probability_signs(n: ArrayLike) -> Any:
    """-n ln 2: ln P that n independent fair signs are all positive.

    Parameters
    ----------
    n : array_like of int, at least 1
        Number of signs.

    Returns
    -------
    float or ndarray
        The natural logarithm.

    Raises
    ------
    ValueError, TypeError
        If n is not a whole number of at least 1.

    Source
    ------
    The argument of article 003; eigenvalues of a random matrix repel each other and are not independent.

    Examples
    --------
    >>> round(minimum_log_probability_signs(100).item() / math.log(10.0), 1)
    -30.1
    """
    return -math.log(2.0) * _sizes(n)


def semicircle_density(x: ArrayLike) -> Any:
    """ρ(x) = √(4 - x²)/(2π) for |x| ≤ 2, else 0: density of the eigenvalues of a large GOE matrix.

    Parameters
    ----------
    x : array_like of float, finite
        Where; the edge is at 2.

    Returns
    -------
    float or ndarray
        The density, of integral 1.

    Raises
    ------
    ValueError, TypeError
        If ``x`` is not finite.

    Source
    ------
    Wigner 1958 (Annals of Mathematics 67).

    Examples
    --------
    >>> semicircle_density([0.0, 2.0, 3.0]).round(6)
    array([0.31831, 0.     , 0.     ])
    """
    inside = np.clip(finite("x", x), -2.0, 2.0)
    return (np.sqrt(4.0 - inside**2) / (2.0 * math.pi))[()]


def semicircle_index(shift: ArrayLike) -> Any:
    """α(s) = [arccos(s/2) - (s/2) √(1 - s²/4)] / π: share of negative eigenvalues of a large shifted GOE matrix.

    It is 1/2 without a shift, 0 from s = 2 on, and 1 below -2.

    Parameters
    ----------
    shift : array_like of float, finite
        s, added to every eigenvalue; the edge is at 2.

    Returns
    -------
    float or ndarray
        The share.

    Raises
    ------
    ValueError, TypeError
        If the shift is not finite.

    Source
    ------
    Bray & Dean 2007 (Phys. Rev. Lett. 98, 150201): index of critical points against their energy.

    Examples
    --------
    >>> semicircle_index([0.0, 1.4, 2.0]).round(4)
    array([0.5   , 0.0941, 0.    ])
    """
    half = np.clip(finite("shift", shift) / 2.0, -1.0, 1.0)
    return ((np.arccos(half) - half * np.sqrt(1.0 - half**2)) / math.pi)[()]


def _sizes(n: ArrayLike) -> NDArray[np.int64]:
    return numbers("n", n, Range("whole numbers from 1 to 9e15")).astype(np.int64)
