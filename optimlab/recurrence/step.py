"""The one step of every EMA, m ← m + k (x - m), as pure functions on numbers.

A row lets the past fade by q. A value in it has a share s of the row (1-β, or the time that it stands for) and a
weight v:

    N ← q N + s,    κ = s/N,        α = 1 - κ        the row's share of the rows so far
    V ← α V + κ v,  k = κ v/V,      a = 1 - k        and of their weights, whose mean is V
    m ← m + k (x - m)
    B ← a (B + k (x - m)(y - n)),   u ← a (a u + 2 k)

m is the mean, N V the mass, B the spread (the biased variance or covariance) and u = 1 - Σw²/(Σw)² what an unbiased one
is divided by. A start that is a value (every one but the debiased) leaves the past the mass of one whole row after each
value: N ← 1. Weights have no unit: the mean is that of v x divided by that of v.

Streams call ``step`` with Python's floats, the loops over series are this function compiled, to the same bits; the
scans of whole arrays are tested against it.
"""

from __future__ import annotations

import math

__all__ = ["LEAST", "START", "State", "fade", "move", "spread", "step", "weigh"]

# N, V, m, its rest, number of values, n, its rest, B, u
State = tuple[float, float, float, float, float, float, float, float, float]
LEAST = 1e-300
START: State = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def weigh(mass: float, fade: float, new: float) -> tuple[float, float, float]:
    """W ← q W + w: return k = w/W and a = q W/W, both to the last digit, and W; of nothing k = a = 0."""
    old = fade * mass
    total = old + new
    over = total if total > 0.0 else 1.0
    return new / over, old / over, total


def move(mean: float, rest: float, x: float, k: float, a: float) -> tuple[float, float, float]:
    """m ← m + k (x - m), from the nearer of the two: return m, what rounding took from it, and x - m_before.

    A mean of equal values stays that value. An infinite mean stays so until nothing is left of its weight.
    """
    d = x - mean
    near, c, left = (mean, k, rest) if k <= a else (x, -a, 0.0)
    change = c * d + left
    moved = near + change
    if not abs(moved) < math.inf:
        both = abs(x) < math.inf and abs(mean) < math.inf
        return x if a == 0.0 else a * mean + k * x if both else mean + x, 0.0, d
    return moved, change - (moved - near), d


def spread(moment: float, product: float, k: float, a: float) -> float:
    """B ← a (B + k d e)."""
    return a * (moment + k * product)


def fade(mass: float, by: float) -> float:
    """N ← q N where there is no value; of a weight something is left, however long a gap."""
    return max(by * mass, LEAST) if mass > 0.0 < by else 0.0


def step(
    state: State, x: float, y: float, q: float, share: float, weight: float, floor: float, prior: bool
) -> tuple[State, float, float, float, float]:
    """Take a row with values x and y (or one twice): return the state, k, a, x - m_before and y - n_before.

    ``floor`` is 1 if the start is a value, else 0; ``prior`` says that it is not the first value of the series.
    """
    mass, load, m, rest, n, m2, rest2, b, u = state
    if weight == 0.0:
        x, y = m, m2  # moves nothing, but the row has passed
    elif n == 0.0:
        if prior:
            load = weight  # a number as start has the weight of the first value
        else:
            m, m2 = x, y
            weight *= share > 0.0  # before the first value that stands for some time there is none
    k, a, mass = weigh(mass, q, share)
    mass = max(mass, floor)
    if weight != load:
        k, a, load = weigh(load, a, k * weight)
    m, rest, d = move(m, rest, x, k, a)
    m2, rest2, e = move(m2, rest2, y, k, a)
    b, u = spread(b, d * e, k, a), a * (a * u + 2.0 * k)
    return (mass, load, m, rest, n + (weight > 0.0), m2, rest2, b, u), k, a, d, e
