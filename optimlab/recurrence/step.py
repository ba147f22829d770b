"""The one step of every EMA, m ← m + k (x - m), as pure functions on numbers.

A row lets the past fade by q. A value of weight v takes the share s of a row (1-β, or the time that it stands for):

    W ← q W + s v,    k = s v / W,    a = 1 - k,    m ← m + k (x - m)
    B ← a (B + k (x - m)(y - n)),    u ← a (a u + 2 k)

m is the mean, W the mass, B the spread (the biased variance or covariance) and u = 1 - Σw²/(Σw)² what an unbiased one
is divided by. A start that is a value (every one but the debiased) leaves the past the mass of one whole row after each
value: with N ← q N + s, the same mass of equal weights, W ← W/N and N ← 1. So weights have no unit: the mean is that
of v x divided by that of v.

Streams call these functions with Python's floats, the loops over series are these functions compiled, to the same
bits; the scans of whole arrays are tested against them.
"""

from __future__ import annotations

import math

__all__ = ["far", "move", "spread", "weigh"]


def weigh(mass: float, fade: float, new: float) -> tuple[float, float, float]:
    """W ← q W + w: return k = w/W and a = q W/W, both to the last digit, and W."""
    old = fade * mass
    total = old + new
    return new / total, old / total, total


def move(mean: float, rest: float, x: float, k: float, a: float) -> tuple[float, float, float]:
    """m ← m + k (x - m), from the nearer of the two: return m, what rounding took from it, and x - m_before.

    A mean of equal values stays that value. Where x - m is not finite, neither is the result: see ``far``.
    """
    d = x - mean
    near, c, left = (mean, k, rest) if k <= a else (x, -a, 0.0)
    change = c * d + left
    moved = near + change
    return moved, change - (moved - near), d


def far(mean: float, x: float, k: float, a: float) -> float:
    """m ← a m + k x, where x - m is not finite: an infinite mean stays so, however long a gap."""
    if abs(x) < math.inf and abs(mean) < math.inf:
        return a * mean + k * x
    return mean + x


def spread(moment: float, freedom: float, product: float, k: float, a: float) -> tuple[float, float, float, float]:
    """B ← a (B + k d e), u ← a (a u + 2 k): return both, and both without their common factor a.

    Their ratio does without it: however long a gap, two values have the variance (x₁ - x₂)²/2.
    """
    both, free = moment + k * product, a * freedom + 2.0 * k
    return a * both, a * free, both, free
