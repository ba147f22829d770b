"""1 - βᵗ from + - × ÷ alone: the same bits on every machine, and no digit lost however small it is.

A ``Double`` is a number of 106 bits, the sum of two floats or of two arrays; of float32 arrays one of 48.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["Double", "divided", "joined", "quotient", "spent", "table_of", "times", "two_product", "two_sum"]

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


def times(x: Double, y: Double) -> Double:
    """X y."""
    high, low = two_product(x[0], y[0])
    return high, low + (x[0] * y[1] + x[1] * y[0])


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
