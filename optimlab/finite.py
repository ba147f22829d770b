"""Sums of squares in blocks: the norm of arrays, and whether all their numbers are finite."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from optimlab.typing import Array, Floats, Mark, Number

__all__ = ["FACTOR", "LARGE", "TAME", "all_finite", "any_bad", "norm", "rows", "tame"]

_BLOCK = 8192
"""Numbers in one dot product: BLAS starts threads, whose number would change bits, above about 10 000."""
_SAFE = {np.dtype(np.float32): 1e-28, np.dtype(np.float64): 1e-290}
"""Sums of squares below these have lost digits to underflow."""
LARGE = 1e16
"""A norm below this has a square that a float32 can hold, and a sum of a million such squares too."""
TAME = {4: LARGE**2, 8: 1e300}
"""Sums of squares up to these, of numbers of so many bytes, are as far from overflow."""
FACTOR = 100.0
"""Tame numbers are still tame times this, and times what a rule multiplies gradients by, such as 3 in Grokfast."""


def rows(leaf: Array, replicas: int | None) -> Array:
    """Return a leaf as rows (S, n) without gaps, without replicas (1, n): strides would change bits of sums."""
    return leaf.ravel(order="K")[np.newaxis] if replicas is None else np.ascontiguousarray(leaf.reshape(replicas, -1))


def all_finite(x: Array) -> bool:
    """Whether all numbers of a flat array are finite; to be called where NumPy does not warn of overflow.

    Σx² is finite only if all x are, and takes one fast read; where it has overflowed the numbers are looked at.
    """
    return math.isfinite(_square(x)) or bool(np.isfinite(x).all())


def tame(x: Array) -> bool:
    """Whether all numbers of a flat array are finite, and so small that sums of their squares are, too.

    To be called where NumPy does not warn of overflow.
    """
    return _square(x) <= TAME[x.itemsize]


def any_bad(leaves: Sequence[Array], replicas: int | None) -> Mark:
    """Whether a number of the leaves is not finite: a bool, with replicas an array of shape (S,)."""
    with np.errstate(all="ignore"):
        if replicas is None:
            return not all(all_finite(leaf.ravel(order="K")) for leaf in leaves)
        bad = ~np.isfinite(_sum(leaves, replicas))
    if np.any(bad):
        bad &= ~np.all([np.isfinite(rows(leaf, replicas)).all(axis=1) for leaf in leaves], axis=0)
    return bad


def norm(leaves: Sequence[Array], replicas: int | None) -> Number:
    """√Σx² over all leaves, in float64: a float, with replicas an array of shape (S,).

    The blocks do not depend on the number of replicas or of threads, and neither do the bits. What overflows or
    underflows is computed once more, divided by its largest number.
    """
    least = max([_SAFE[leaf.dtype] for leaf in leaves])
    with np.errstate(all="ignore"):
        total = _sum(leaves, replicas)
        if isinstance(total, float):
            return math.sqrt(total) if least <= total < math.inf else float(_scaled_norms(leaves, None)[0])
        safe = (total >= least) & np.isfinite(total)
        return np.sqrt(total) if safe.all() else np.where(safe, np.sqrt(total), _scaled_norms(leaves, replicas))


def _sum(leaves: Sequence[Array], replicas: int | None) -> Number:
    """Return Σx² over all leaves: a float, with replicas an array."""
    if replicas is None:
        return sum([_square(leaf.ravel(order="K")) for leaf in leaves], 0.0)
    return sum([_squares(rows(leaf, replicas)) for leaf in leaves], np.zeros(replicas))


def _square(flat: Array) -> float:
    """Return Σx², of a small array in one call that has the bits of the blocks."""
    return float(np.dot(flat, flat) if flat.size < _BLOCK else _squares(flat[np.newaxis])[0])


def _squares(part: Array) -> Floats:
    """Return Σx² of each row, in blocks: on 10⁷ float32 as fast as ``np.dot``, with 10⁻⁵ of its error (measured)."""
    whole = part.shape[1] // _BLOCK * _BLOCK
    head, tail = part[:, :whole].reshape(len(part), -1, _BLOCK), part[:, whole:]
    sums: Floats = np.vecdot(head, head).astype(np.float64).sum(axis=1) + np.vecdot(tail, tail)
    return sums


def _scaled_norms(leaves: Sequence[Array], replicas: int | None) -> Floats:
    """Return max|x| √Σ(x/max|x|)² of each row over all leaves; what is not finite as it is."""
    parts = [rows(leaf, replicas) for leaf in leaves]
    largest = np.max([np.abs(part).max(axis=1, initial=0.0).astype(np.float64) for part in parts], axis=0)
    divisor = np.where((largest > 0.0) & np.isfinite(largest), largest, 1.0)
    total = np.sum([_squares(part / divisor[:, np.newaxis]) for part in parts], axis=0)
    result: Floats = np.where(np.isfinite(largest), divisor * np.sqrt(total), largest)
    return result
