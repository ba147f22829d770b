"""Sums of squares in blocks: the norm of arrays, and whether all their numbers are finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from optimlab.typing import Array, Floats

__all__ = ["any_bad", "norm", "rows"]

_BLOCK = 8192
"""Numbers in one dot product: BLAS starts threads, whose number would change bits, above about 10 000."""
_SAFE = {np.dtype(np.float32): 1e-28, np.dtype(np.float64): 1e-290}
"""Sums of squares below these have lost digits to underflow."""


def rows(leaf: Array, replicas: int | None) -> Array:
    """Return a leaf as (S, n), without replicas as (1, n): a view wherever one exists."""
    return leaf.ravel(order="K")[np.newaxis] if replicas is None else leaf.reshape(replicas, -1)


def norm(leaves: Sequence[Array], replicas: int | None) -> Any:
    """√Σx² over all leaves, in float64: a float, with replicas an array of shape (S,).

    The blocks do not depend on the number of replicas or of threads, and neither do the bits. What overflows or
    underflows is computed once more, divided by its largest number.
    """
    total = _sum(leaves, replicas)
    least = max([_SAFE[leaf.dtype] for leaf in leaves])
    if replicas is None:
        return math.sqrt(total) if least <= total < math.inf else float(_scaled_norms(leaves, None)[0])
    safe = (total >= least) & np.isfinite(total)
    return np.sqrt(total) if safe.all() else np.where(safe, np.sqrt(total), _scaled_norms(leaves, replicas))


def _sum(leaves: Sequence[Array], replicas: int | None) -> Any:
    """Return Σx² over all leaves: a float, with replicas an array."""
    if replicas is None:
        return sum([_square(leaf) for leaf in leaves])
    return sum([_squares(rows(leaf, replicas)) for leaf in leaves], np.zeros(replicas))


def _square(leaf: Array) -> float:
    """Return Σx², of a small array in one call that has the bits of the blocks."""
    flat = leaf.ravel(order="K")
    with np.errstate(all="ignore"):
        return float(np.dot(flat, flat) if flat.size < _BLOCK else _squares(flat[np.newaxis])[0])


def _squares(part: Array) -> Floats:
    """Return Σx² of each row, in blocks: on 10⁷ float32 as fast as ``np.dot``, with 10⁻⁵ of its error (measured)."""
    whole = part.shape[1] // _BLOCK * _BLOCK
    head, tail = part[:, :whole].reshape(len(part), -1, _BLOCK), part[:, whole:]
    with np.errstate(all="ignore"):
        sums: Floats = np.vecdot(head, head).astype(np.float64).sum(axis=1) + np.vecdot(tail, tail)
    return sums


def _scaled_norms(leaves: Sequence[Array], replicas: int | None) -> Floats:
    parts = [rows(leaf, replicas) for leaf in leaves]
    largest = np.max([np.abs(part).max(axis=1, initial=0.0).astype(np.float64) for part in parts], axis=0)
    with np.errstate(all="ignore"):
        divisor = np.where((largest > 0.0) & np.isfinite(largest), largest, 1.0)
        total = np.sum([_squares(part / divisor[:, np.newaxis]) for part in parts], axis=0)
        result: Floats = np.where(np.isfinite(largest), divisor * np.sqrt(total), largest)
    return result


def any_bad(leaves: Sequence[Array], replicas: int | None) -> Any:
    """Whether a number is not finite: a bool, with replicas an array of shape (S,).

    Σx² takes one fast read; only where it is not finite the numbers are looked at.
    """
    total = _sum(leaves, replicas)
    if replicas is None:
        return not math.isfinite(total) and not all(bool(np.isfinite(leaf).all()) for leaf in leaves)
    bad = ~np.isfinite(total)
    return (
        bad & ~np.all([np.isfinite(rows(leaf, replicas)).all(axis=1) for leaf in leaves], axis=0) if bad.any() else bad
    )
