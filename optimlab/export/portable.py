"""Functions of t that texts in Python hold as they are here: (1-β)/(1-βᵗ) and tables, also of a t that JAX traces."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from optimlab.recurrence.powers import Double, joined, quotient, spent, table_of

__all__ = ["debiased", "debiased_in", "digits", "entry_in", "within"]


def within(alpha: Double, s: int) -> Double:
    """1 - βˢ for s from 1 to 256, by halves."""
    if s == 1:
        return alpha
    n = 1 << (s - 1).bit_length() - 1
    first = within(alpha, n)
    return joined(first, first if s == 2 * n else within(alpha, s - n))


def debiased(high: float, low: float, t: float) -> Any:
    """(1 - β)/(1 - βᵗ) from 1 - β = high + low."""
    alpha, (block, place) = (high, low), divmod(int(t) - 1, 256)
    return quotient(alpha, joined(spent(alpha, 256 * block), within(alpha, place + 1)))


def debiased_in(xp: Any, high: float, low: float, t: Any) -> Any:
    """(1 - β)/(1 - βᵗ) in NumPy, or in ``jax.numpy`` where t is traced: within a unit or two of the last place."""
    if xp is np:
        return debiased(high, low, t)
    count, (alpha, *tables) = xp.asarray(t, int) - 1, digits(high, low, xp.result_type(float) == np.float32)
    places = [(count >> shift) & 1023 for shift in (20, 10, 0)]
    first, second, third = [(xp.asarray(x)[i], xp.asarray(y)[i]) for (x, y), i in zip(tables, places, strict=True)]
    return quotient(alpha, joined(joined(first, second), third))


@lru_cache(maxsize=64)
def digits(high: float, low: float, single: bool) -> list[Any]:
    """Return 1 - β, and 1 - βˢ for what ten bits of t - 1 stand for, of the lowest one more; each in two numbers."""
    found = [(np.array(high), np.array(low))]
    for shift in (20, 10, 0):
        x, y = (part.ravel() for part in table_of(*spent((high, low), 1 << shift), 1024))
        found.append((np.append(0.0, x[:-1]), np.append(0.0, y[:-1])) if shift else (x, y))
    kind = np.float32 if single else np.float64
    return [(x.astype(kind), (x - x.astype(kind) + y).astype(kind)) for x, y in found]


def entry_in(xp: Any, table: Any, t: Any) -> Any:
    """Entry t = 1, 2, ... of a table; where t is traced NaN after its end."""
    if xp is not np:
        return xp.asarray(table, float).at[xp.asarray(t, int) - 1].get(mode="fill", fill_value=xp.nan)
    if not 1 <= t <= len(table):
        raise ValueError(f"t must be from 1 to {len(table)}, where the tables end; got {t}; write them with more steps")
    return table[t - 1]
