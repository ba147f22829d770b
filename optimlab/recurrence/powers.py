"""1 - βᵗ, 1 - e⁻ˣ and x⁻ᵖ from + - × ÷ alone: the same bits on every machine, and no digit lost however small they are.

A ``Double`` is a number of 106 bits, the sum of two floats or of two arrays; of float32 arrays one of 48.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from optimlab.typing import Floats

__all__ = [
    "Double", "artanh", "complement", "divided", "inverse_power", "joined", "quotient", "spent", "table_of",
    "two_product", "two_sum",
]  # fmt: skip

Double = tuple[Any, Any]


def two_sum(a: Any, b: Any) -> Double:
    """a + b without an error."""
    total = a + b
    late = total - a
    return total, (a - (total - late)) + (b - late)


def two_product(a: Any, b: Any) -> Double:
    """a × b without an error: each is split in two halves of its digits."""
    split = 4097.0 if getattr(b, "dtype", None) == "float32" else 134217729.0
    product, a1, b1 = a * b, split * a, split * b
    a1, b1 = a1 - (a1 - a), b1 - (b1 - b)
    a2, b2 = a - a1, b - b1
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def divided(x: Double, y: Double) -> Double:
    """X / y."""
    first = x[0] / y[0]
    high, low = two_product(first, y[0])
    return first, ((x[0] - high) - low - first * y[1] + x[1]) / y[0]


def quotient(x: Double, y: Double) -> Any:
    """x / y as a float."""
    first, rest = divided(x, y)
    return first + rest


def joined(x: Double, y: Double) -> Double:
    """1 - βˢ⁺ᵗ = x + y (1 - x) from x = 1 - βˢ and y = 1 - βᵗ: positive terms, no digit lost."""
    rest, late = two_sum(1.0, -x[0])
    product, small = two_product(y[0], rest)
    high, low = two_sum(x[0], product)
    return two_sum(high, low + (x[1] + (small + y[0] * (late - x[1]) + y[1] * rest)))


def spent(alpha: Double, t: int) -> Double:
    """1 - βᵗ by squaring, from 1 - β."""
    result: Double = (0.0, 0.0)
    while t:
        if t & 1:
            result = joined(result, alpha)
        alpha, t = joined(alpha, alpha), t >> 1
    return result


@lru_cache(maxsize=64)
def table_of(high: Any, low: Any, steps: int) -> Double:
    """1 - βᵗ for t = 1, 2, ..., one block."""
    table: Double = np.array([np.atleast_1d(high)]), np.array([np.atleast_1d(low)])
    while len(table[0]) < steps:
        later = joined((table[0][-1], table[1][-1]), table)
        table = np.concatenate([table[0], later[0]]), np.concatenate([table[1], later[1]])
    return table[0][:steps], table[1][:steps]


def complement(x: Any) -> Floats:
    """1 - e⁻ˣ for x from 0 to 1e4: the series of 1/4 or less, doubled by c(2x) = c (2 - c)."""
    halvings = np.maximum(np.frexp(x)[1] + 2, 0)
    y, c = np.ldexp(x, -halvings), np.zeros_like(x)
    for j in range(13, 1, -1):
        c = y / j * (1.0 - c)
    c = y * (1.0 - c)
    for left in range(int(halvings.max(initial=0)), 0, -1):
        c = np.where(halvings >= left, c * (2.0 - c), c)
    return np.asarray(c)


def artanh(z: Any) -> Any:
    """½ ln((1+z)/(1-z)) for z from -1/3 to 1/3, and for 1, which nobody reads, a number."""
    odd = np.zeros_like(z)
    for j in range(55, 1, -2):
        odd = z * z * (1.0 / j + odd)
    return z + z * odd


def inverse_power(x: Any, p: Any) -> Floats:
    """x⁻ᵖ for x > 0: of p log₂ x the whole part is exact, the rest is below 1."""
    m, e = np.frexp(x)
    low = m < 0.7071067811865476
    m, e = np.where(low, 2.0 * m, m), e - low
    high, late = two_product(p, e.astype(np.float64))
    near = p * (2.8853900817779268 * artanh((m - 1.0) / (m + 1.0)))
    n = np.rint(high + near)
    y, c = 0.6931471805599453 * ((high - n) + (late + near)), np.ones_like(n)
    for j in range(16, 0, -1):
        c = 1.0 - y / j * c
    return np.asarray(np.ldexp(c, -n.astype(np.int64)))
