"""Gradients that are not finite: refused, or with replicas the replica is frozen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.engine import Engine
from optimlab.engine.layout import Layout, Segment

__all__ = ["Replicas", "check_gradients"]

Array = NDArray[Any]
Marks = NDArray[np.bool_]


def check_gradients(engine: Engine, layout: Layout, scale: Any, t: Any, *, known: bool = False) -> None:
    """Raise FloatingPointError, with the leaf and the index, for the first gradient that is not finite.

    If the gradients are ``known`` to be finite, only the factor on them is looked at.
    """
    if not math.isfinite(scale):
        raise FloatingPointError(
            f"the factor that hooks put on the gradients at step {t} is {scale}; it must be finite"
        )
    for segment in () if known else layout.segments:
        if not engine.finite(segment.gradient):
            raise FloatingPointError(_where(layout, segment, t))


def _where(layout: Layout, segment: Segment, t: Any) -> str:
    for leaf, view in zip(segment.leaves, segment.views(segment.gradient), strict=True):
        bad = np.argwhere(~np.isfinite(view))
        if len(bad):
            index = tuple(bad[0].tolist())
            found = f"gradient {layout.names[leaf]!r} is {view[index]} at index {index} in step {t}"
            return f"{found}; parameters and state are as before; to skip such steps use the hook SkipNonFinite"
    raise AssertionError("unreachable: a number was not finite")


class Replicas:
    """Which replicas have diverged; they keep their last finite weights.

    Parameters
    ----------
    replicas : int
        S.
    check : bool
        Whether gradients and weights are looked at.
    """

    def __init__(self, replicas: int, check: bool) -> None:
        self.diverged: Marks = np.zeros(replicas, bool)
        self.check = check

    def frozen(self, layout: Layout, scale: Any, skip: Any) -> Marks | None:
        """Return the replicas that do not move in this step, None if all do; mark those that have diverged."""
        if self.check:
            bad = ~np.broadcast_to(np.isfinite(scale), self.diverged.shape)
            for segment in layout.segments:
                bad |= _bad(segment.gradient, segment.axis)
            self.diverged |= bad & ~np.asarray(skip)
        frozen = self.diverged | skip
        return frozen if frozen.any() else None

    def saved(self, layout: Layout) -> list[tuple[Array, list[Array]]]:
        """Return copies of what must not become infinite."""
        return [(s.weights.copy(), [row.copy() for row in s.average]) for s in layout.segments] if self.check else []

    def restore(self, layout: Layout, saved: list[tuple[Array, list[Array]]]) -> None:
        """Mark the replicas whose weights are no longer finite, and give them their last weights back."""
        if not saved:
            return
        bad = np.zeros_like(self.diverged)
        for segment in layout.segments:
            bad |= _bad(segment.weights, segment.axis)
        bad &= ~self.diverged
        if bad.any():
            self.diverged |= bad
            for segment, (weights, average) in zip(layout.segments, saved, strict=True):
                where = bad[:, None] if segment.axis == 0 else bad
                np.copyto(segment.weights, weights, where=where)
                for row, old in zip(segment.average, average, strict=True):
                    np.copyto(row, old, where=where)


def _bad(x: Array, axis: int | None) -> Marks:
    """Return which replicas hold a number that is not finite."""
    return np.logical_not(np.isfinite(x).all(axis=1 if axis == 0 else 0))
