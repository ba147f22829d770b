"""Passes: what a step does to memory, the sweep with its guard and the pass of the average after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from optimlab.engine.given import check_shapes
from optimlab.engine.guard import Replicas, check_gradients, check_swept, memory_of
from optimlab.engine.layout import Layout
from optimlab.engine.numbers import Numbers
from optimlab.engine.rows import Rows
from optimlab.engine.segment import Segment
from optimlab.step import Step
from optimlab.trees import ByName
from optimlab.typing import Array, Count, Number

__all__ = ["Passes"]

_FLOAT = {float}


@final
class Passes:
    """The sweeps of one optimizer.

    Parameters
    ----------
    engine : str
        Name of the engine.
    replicas : int or None
        S.

    Attributes
    ----------
    guard : Replicas or None
        Which replicas have diverged.
    early : bool
        Whether the average is part of the sweep: no hook moves the weights afterwards.
    """

    def __init__(self, engine: str, replicas: int | None) -> None:
        self.engine = engine
        self.guard = None if replicas is None else Replicas(replicas)
        self.early = True

    def choose(self, layout: Layout) -> None:
        """Choose the engines, and let them prepare what may fail, before anything moves."""
        for job in layout.jobs:
            job.choose(self.engine, early=self.early)
        for segment in layout.segments:
            segment.kept.clear()
        layout.sure = min([segment.job.prepare(segment) for segment in layout.segments], default=True)
        kinds = {(id(segment.job), segment.weights.dtype): segment.job for segment in layout.segments}
        layout.holds = all(job.holds(dtype) for (_, dtype), job in kinds.items())

    def activate(self, layout: Layout, waiting: Sequence[bool]) -> list[Segment]:
        """Choose what is swept: all but the leaves that wait, whose segments are returned."""
        known = layout.segments
        left_out = layout.activate(waiting)
        if layout.segments is not known:
            self.choose(layout)
        return left_out

    def update(self, layout: Layout, step: Step, *, check: bool) -> list[tuple[Segment, Numbers]]:
        """Sweep all leaves that have a gradient; return whose average comes after the hooks, and its numbers."""
        waiting = self.activate(layout, step.waiting)
        late = waiting if self.early else layout.segments
        follows = [(x, self._late(x, step)) for x in late if x.job.follower is not None]  # before anything moves
        layout.gather(step.gradients)
        with np.errstate(all="ignore"):
            self._guarded(layout, step, self._numbers(layout, step), check=check)
        for segment in waiting:
            segment.waited = segment.waited + (1 if self.guard is None else np.asarray(step.live, np.int64))
        if self.guard is not None:
            step.skip = step.skip | self.guard.diverged  # hooks leave a frozen replica alone, too
        return follows

    def update_rows(self, layout: Layout, parts: Sequence[Rows], step: Step, *, check: bool) -> None:
        """Sweep rows, which are copies until they are written back."""
        with np.errstate(all="ignore"):
            calm = not check or (check_gradients(parts, step) and layout.holds)
            for part in parts:
                part.segment.job.engine.sweep(part, self._of(part.segment, step))  # type: ignore[union-attr, arg-type]
            if not calm:
                check_swept([found for part in parts for found in part.memory()], step)

    def follow(self, late: Sequence[tuple[Segment, Numbers]], step: Step) -> None:
        """Feed the average what the weights are after the hooks."""
        frozen = step.skip if isinstance(step.skip, np.ndarray) and step.skip.any() else None
        with np.errstate(all="ignore"):
            for segment, numbers in late:
                numbers.frozen = frozen
                segment.reread()
                segment.job.follower.sweep(segment, numbers)  # type: ignore[union-attr]

    def _late(self, segment: Segment, step: Step) -> Numbers:
        return _checked(Numbers(1.0, 0.0, None, segment.job.averaging(step.t - segment.since)), step)

    def averages(self, layout: Layout, t: Count) -> list[Array]:
        """Return the value of the average of each leaf after update t, in order; what is not averaged as it is."""
        found = dict(enumerate(layout.leaves))
        for segment in layout.segments:
            if segment.job.average is not None:
                numbers = Numbers(1.0, 0.0, None, segment.job.averaging(np.maximum(t - segment.since, 1)))
                c = tuple(numbers.along(segment.weights, segment.axis))
                value = np.asarray(segment.job.average.read(segment.average, c))  # type: ignore[attr-defined]
                found |= zip(segment.leaves, segment.views(value), strict=True)
        return [found[i] for i in range(len(layout.names))]

    def _numbers(self, layout: Layout, step: Step) -> list[Numbers]:
        """Return the numbers for each segment, at its own t."""
        return [self._of(segment, step) for segment in layout.active]

    def _of(self, segment: Segment, step: Step) -> Numbers:
        job = segment.job
        lr = step.lr.parts[job.rate] if isinstance(step.lr, ByName) else step.lr
        average: tuple[Number, ...] = job.averaging(step.t - segment.since) if job.early else ()
        rule = job.rule.coefficients(segment.own(step.t))
        if job.rates:
            rule = tuple([lr if i in job.rates else number for i, number in enumerate(rule)])
        return _checked(Numbers(step.scale, lr, rule, average), step)

    def _guarded(self, layout: Layout, step: Step, each: Sequence[Numbers], *, check: bool) -> None:
        """Sweep, and let nothing through that is not finite: an error, with replicas those that are frozen."""
        if self.guard is not None:
            frozen = self.guard.frozen(layout, step, check=check)
            self.guard.calm &= layout.holds
            for own in each:
                own.frozen = frozen
            saved = self.guard.saved(layout) if check else []
            self._careful(layout, each)
            self.guard.restore(layout, saved)
        elif not check or (check_gradients(layout.active, step) and layout.holds):
            self._careful(layout, each)
        else:
            self._undone(layout, each, lambda: check_swept(layout.memory("state"), step))
        for segment in layout.active:
            segment.scatter()

    def _careful(self, layout: Layout, each: Sequence[Numbers]) -> None:
        """Sweep; where a formula may raise, so that all is as it was then."""
        if layout.sure:
            self._sweep(layout, each)
        else:
            self._undone(layout, each, lambda: None)

    def _undone(self, layout: Layout, each: Sequence[Numbers], check: Callable[[], None]) -> None:
        """Sweep and check; if one of them raises, take everything back."""
        kept = [(row, row.copy()) for row in memory_of(layout)]
        try:
            self._sweep(layout, each)
            check()
        except BaseException:
            for row, before in kept:
                row[...] = before
            raise

    def _sweep(self, layout: Layout, each: Sequence[Numbers]) -> None:
        for segment, numbers in zip(layout.active, each, strict=True):
            segment.job.engine.sweep(segment, numbers)  # type: ignore[union-attr]


def _checked(numbers: Numbers, step: Step) -> Numbers:
    """Return numbers, if each is one, or one for each replica."""
    if set(map(type, numbers.row())) != _FLOAT:  # 0.3 µs in place of the looks at their shapes
        check_shapes(step.replicas, numbers.groups())
    return numbers
