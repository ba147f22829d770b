"""What hooks ask of leaves: norms of each replica, numbers that meet them, and which leaves are meant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from optimlab.optimizer import Step

__all__ = [
    "Buffers", "any_bad", "check_held", "chosen", "idle", "live", "moving", "norm", "patterns",
    "restored", "rows", "skip", "spread", "unscaled",
]  # fmt: skip

Array = NDArray[Any]
Floats = NDArray[np.float64]

_BLOCK = 8192
"""Numbers in one dot product: BLAS starts threads, whose number would change bits, above about 10 000."""
_SAFE = {np.dtype(np.float32): 1e-28, np.dtype(np.float64): 1e-290}
"""Sums of squares below these have lost digits to underflow."""


def rows(leaf: Array, replicas: int | None) -> Array:
    """Return a leaf as (S, n), without replicas as (1, n): a view wherever one exists."""
    return leaf.ravel(order="K")[np.newaxis] if replicas is None else leaf.reshape(replicas, -1)


def spread(number: Any, leaf: Array) -> Any:
    """Return a number, or one for each replica, in the dtype of a leaf and shaped to meet it."""
    numbers = np.asarray(number, leaf.dtype)
    return numbers.reshape(-1, *(1,) * (leaf.ndim - 1)) if numbers.ndim else numbers


def moving(skip: Any, leaf: Array) -> NDArray[np.bool_]:
    """Return which replicas of a leaf move, as a mask that meets it."""
    marks = ~np.asarray(skip, bool)
    return marks.reshape(-1, *(1,) * (leaf.ndim - 1)) if marks.ndim else marks


def idle(step: Step) -> bool:
    """Whether the step is skipped, with replicas by all of them."""
    return step.skip is not False and bool(np.all(step.skip))


def check_held(owner: str, held: Mapping[str, Array], names: Sequence[str], leaves: Sequence[Array]) -> None:
    """Refuse what a hook has loaded for other leaves."""
    ours = {name: (leaf.shape, str(leaf.dtype)) for name, leaf in zip(names, leaves, strict=True)}
    theirs = {name: (array.shape, str(array.dtype)) for name, array in held.items()}
    if ours != theirs:
        raise ValueError(f"{owner} holds arrays for the leaves {theirs}; it was given {ours}; use a new hook")


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


def live(step: Step) -> Any:
    """Which replicas are not skipped, shape (S,); without replicas True or False."""
    return not step.skip if step.replicas is None else np.broadcast_to(~np.asarray(step.skip, bool), (step.replicas,))


def skip(step: Step, marks: Any) -> None:
    """Skip these replicas too, without replicas the step."""
    step.skip = bool(step.skip or marks) if step.replicas is None else np.asarray(step.skip) | marks


def restored(array: Array) -> Any:
    """Return a number or an array as a hook held it before a checkpoint."""
    return array.item() if array.ndim == 0 else np.array(array)


def unscaled(step: Step) -> bool:
    """Whether the factor on the gradients is 1."""
    return step.scale == 1.0 if isinstance(step.scale, float) else bool(np.all(step.scale == 1.0))


def patterns(only: Any) -> tuple[str, ...] | None:
    """Return the patterns that choose leaves as a tuple; None means all."""
    given = (only,) if isinstance(only, str) else only
    if given is None:
        return None
    if not isinstance(given, Sequence) or not given or not all(isinstance(pattern, str) for pattern in given):
        raise TypeError(f"only must be a name, or a sequence of names, with * for any letters; got {only!r}")
    return tuple(given)


@lru_cache(maxsize=256)
def chosen(names: tuple[str, ...], only: tuple[str, ...] | None) -> tuple[bool, ...]:
    """Return which leaves the patterns mean."""
    if only is None:
        return (True,) * len(names)
    from fnmatch import fnmatchcase

    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"only must name leaves; {pattern!r} is none of {', '.join(names)}")
    return tuple(any(fnmatchcase(name, pattern) for pattern in only) for name in names)


class Buffers:
    """Arrays of the leaves' shapes that are made once: new ones at each step cost more than the arithmetic."""

    def __init__(self) -> None:
        self._held: tuple[Array, ...] = ()

    def like(self, leaves: Sequence[Array]) -> tuple[Array, ...]:
        """Return one array for each leaf, of its shape and dtype; what is in it is of no use."""
        now = [(leaf.shape, leaf.dtype) for leaf in leaves]
        if now != [(held.shape, held.dtype) for held in self._held]:
            self._held = tuple(np.empty(shape, dtype) for shape, dtype in now)
        return self._held
