"""Functions of t that texts in Python hold as they are here: (1-β)/(1-βᵗ) and tables, also of a t that JAX traces."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from optimlab.recurrence.powers import Double, joined, quotient, spent

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
    wide, count = xp.result_type(float), xp.asarray(t, int) - 1
    alpha, *bytes_of = [xp.asarray(rows, wide) for rows in digits(high, low, wide == np.float32)]
    total = 0.0 * alpha
    for i in (3, 2, 1, 0):
        row = bytes_of[i][(count >> 8 * i) & 255]
        total = joined((total[0], total[1]), (row[0], row[1]))
    return quotient((alpha[0], alpha[1]), total)


@lru_cache(maxsize=64)
def digits(high: float, low: float, single: bool) -> list[Any]:
    """Return 1 - β, and 1 - βˢ for each s that a byte of t - 1 stands for, of the lowest one more; in two numbers."""
    alpha = (high, low)
    rows = [[alpha], [within(alpha, s) for s in range(1, 257)]]
    rows += [[spent(alpha, s << 8 * i) for s in range(256)] for i in (1, 2, 3)]
    found = [np.array(row) for row in rows]
    if single:
        firsts = [row[:, :1].astype(np.float32) for row in found]
        found = [np.hstack([x, row[:, :1] - x + row[:, 1:]]) for x, row in zip(firsts, found, strict=True)]
    return [found[0][0], *found[1:]]


def entry_in(xp: Any, table: Any, t: Any) -> Any:
    """Entry t = 1, 2, ... of a table; where t is traced NaN after its end."""
    if xp is not np:
        return xp.asarray(table, float).at[xp.asarray(t, int) - 1].get(mode="fill", fill_value=xp.nan)
    if not 1 <= t <= len(table):
        raise ValueError(f"t must be from 1 to {len(table)}, where the tables end; got {t}; write them with more steps")
    return table[t - 1]
