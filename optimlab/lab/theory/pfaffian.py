"""The probability that a GOE matrix is positive, exactly: a Pfaffian, evaluated with as many digits as it loses."""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np

from optimlab.typing import Array

_ONE = Decimal(1)


@lru_cache(maxsize=4)
def log_positive(n_max: int) -> tuple[float, ...]:
    """Return ln P(all n eigenvalues > 0) for n = 1 ... n_max.

    P = 2^(n(n-5)/4) Pf(S) with S[j, k] = P(χₖ₊₁ > χⱼ₊₁) - P(χₖ₊₁ < χⱼ₊₁), j, k = 0 ... n-1, bordered by ones for odd n:
    de Bruijn's integral of |Δ| over the positive half line, in the basis of powers. The elimination loses about 1.1 n
    digits (measured for n up to 200).
    """
    with localcontext(prec=40 + 3 * n_max // 2):
        pfaffians = _leading_pfaffians(_bordered(_signs(n_max)), n_max)
        powers = (n * (n - 5) * Decimal(2).ln() / 4 for n in range(1, n_max + 1))
        return tuple(float(pf.ln() + power) for pf, power in zip(pfaffians, powers, strict=True))


def _leading_pfaffians(matrix: Array, n_max: int) -> list[Decimal]:
    """Return Pf of the first n rows, for odd n with the border: one skew elimination gives them all.

    None of the pivots is 0, since every leading Pfaffian is a probability.
    """
    pf = _ONE
    found: list[Decimal] = []
    while len(found) < n_max:
        found.append(pf * matrix[0, -1])
        pf *= matrix[0, 1]
        found.append(pf)
        first, second = matrix[0, 2:], matrix[1, 2:] / matrix[0, 1]
        matrix = matrix[2:, 2:] + np.multiply.outer(second, first) - np.multiply.outer(first, second)
    return found[:n_max]


def _bordered(signs: Array) -> Array:
    """Return the skew matrix with a last column of ones."""
    n = len(signs)
    matrix = np.full((n + 1, n + 1), Decimal(0), dtype=object)
    matrix[:n, :n], matrix[:n, n], matrix[n, :n] = signs, _ONE, -_ONE
    return matrix


def _signs(n: int) -> Array:
    """Return S: along each row by the recurrence of the incomplete beta function at 1/2, two columns at a time."""
    gamma, root = _half_gammas(2 * n + 2), Decimal(2).sqrt()

    def growth(j: int, k: int) -> Decimal:  # S[j, k+2] - S[j, k]
        return 2 * gamma[j + k + 2] / (gamma[k + 3] * gamma[j + 1] * root ** (j + k + 2))

    signs = np.full((n, n), Decimal(0), dtype=object)
    for j in range(n - 1):
        signs[j, j + 1] = growth(j, j - 1) - signs[j - 1, j] if j else root - 1
        for k in range(j, n - 2):
            signs[j, k + 2] = signs[j, k] + growth(j, k)
    upper: Array = signs - signs.T
    return upper


def _half_gammas(most: int) -> list[Decimal]:
    """Return Γ(i/2) for i = 0 ... most; the first is of no use."""
    gamma = [Decimal(0), _pi().sqrt(), _ONE]
    for i in range(3, most + 1):
        gamma.append(gamma[i - 2] * (i - 2) / 2)
    return gamma


def _pi() -> Decimal:
    """Return π by the arithmetic-geometric mean of Gauss and Legendre, which doubles its digits at each turn."""
    a, b, t, p = _ONE, 1 / Decimal(2).sqrt(), _ONE / 4, _ONE
    for _ in range(14):  # 10⁴ digits
        a, b, old = (a + b) / 2, (a * b).sqrt(), a
        t, p = t - p * (old - a) ** 2, 2 * p
    return (a + b) ** 2 / (4 * t)
