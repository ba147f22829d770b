"""What keeps a step from doing harm: what is not finite or overflows is refused; with replicas one is frozen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from optimlab.engine.layout import Layout
from optimlab.finite import FACTOR, all_finite, tame
from optimlab.step import Step
from optimlab.typing import Array, Marks

__all__ = ["Replicas", "Swept", "check_gradients", "check_swept", "memory_of"]


class Swept(Protocol):
    """What a gradient is swept over."""

    @property
    def gradient(self) -> Array:
        """Its numbers, flat."""


def check_gradients(parts: Sequence[Swept], step: Step) -> bool:
    """Raise FloatingPointError, with the leaf and the index, for the first gradient that is not finite.

    Gradients that a hook knows to be finite are not looked at, only the factor on them. Return whether they are so
    small that a state of their squares cannot overflow.
    """
    if not math.isfinite(step.scale):
        raise FloatingPointError(
            f"the factor that hooks put on the gradients at step {step.t} is {step.scale}; it must be finite"
        )
    if step.checked is step.gradients or False not in [tame(part.gradient.reshape(-1)) for part in parts]:
        return abs(float(step.scale)) <= FACTOR
    if not all(all_finite(part.gradient.reshape(-1)) for part in parts):
        step.refuse_bad()
    return False


def memory_of(layout: Layout) -> list[Array]:
    """Return all memory that a sweep writes to."""
    return [row for s in layout.active for row in (s.weights, *s.state, *s.average)]


def check_swept(memory: Iterable[tuple[str, str, Array]], step: Step) -> None:
    """Raise FloatingPointError, with leaf and slot, for a state that has overflowed."""
    for leaf, slot, array in memory:
        if not np.isfinite(array).all():
            raise FloatingPointError(
                f"state {slot!r} of {leaf!r} would be infinite after step {step.t}, whose gradients are too large; "
                "parameters and state are as before; to skip such steps use the hook SkipLarge, to shorten them "
                "ClipNorm"
            )


class Replicas:
    """Which replicas have diverged; they keep their last finite weights.

    Parameters
    ----------
    replicas : int
        S.
    """

    def __init__(self, replicas: int) -> None:
        self.diverged: Marks = np.zeros(replicas, bool)
        self.calm = True

    def frozen(self, layout: Layout, step: Step, *, check: bool) -> Marks | None:
        """Return the replicas that do not move in this step, None if all do; mark those that have diverged."""
        if check:
            bad = ~np.broadcast_to(np.isfinite(step.scale), self.diverged.shape)
            wild = [segment for segment in layout.active if not tame(segment.gradient.reshape(-1))]
            for segment in wild:
                bad |= _bad(segment.gradient, segment.axis)
            self.calm = not wild and bool(np.all(np.abs(step.scale) <= FACTOR))
            self.diverged |= bad & ~np.asarray(step.skip)
        frozen: Marks = self.diverged | step.skip
        return frozen if frozen.any() else None

    def saved(self, layout: Layout) -> list[tuple[Array, list[Array]]]:
        """Return copies of what must not become infinite."""
        return [(s.weights.copy(), [row.copy() for row in s.average]) for s in layout.active]

    def restore(self, layout: Layout, saved: list[tuple[Array, list[Array]]]) -> None:
        """Mark the replicas whose weights or state are no longer finite, and give them their last weights back."""
        if not saved:
            return
        bad = np.zeros_like(self.diverged)
        for segment in layout.active:
            for row in (segment.weights, *(() if self.calm else segment.state)):
                bad |= _bad(row, segment.axis)
        if bad.any():
            self.diverged |= bad
            for segment, (weights, average) in zip(layout.active, saved, strict=True):
                where = bad.reshape(-1, *(1,) * (segment.weights.ndim - 1)) if segment.axis == 0 else bad
                for row, old in zip((segment.weights, *segment.average), (weights, *average), strict=True):
                    np.copyto(row, old, where=where)


def _bad(x: Array, axis: int | None) -> Marks:
    """Return which replicas hold a number that is not finite.

    Of many replicas with a few numbers each this takes a tenth of the time of ``any_bad``, which wants long rows.
    """
    finite = np.isfinite(x)
    return np.logical_not(finite.reshape(len(x), -1).all(axis=1) if axis == 0 else finite.all(axis=0))
