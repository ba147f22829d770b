"""Run: what an optimizer has done so far, and how it does the next step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import Any, final

import numpy as np

from optimlab.engine.given import check_writable, checked_loss, checked_lr, checked_scale
from optimlab.engine.groups import Groups
from optimlab.engine.hooked import Hooks
from optimlab.engine.layout import Layout
from optimlab.engine.passes import Passes
from optimlab.engine.pending import Pending
from optimlab.engine.rows import check_rows, checked_blocks, keep, settle, taken
from optimlab.signals import Deferred
from optimlab.step import Step
from optimlab.trees import ByName
from optimlab.typing import Array, Count, Mark, Number

__all__ = ["Run"]


@final
class Run:
    """The mutable half of an optimizer.

    Parameters
    ----------
    groups : Groups
        Rules, learning rates and averages.
    engine : str
        Name of the engine.

    Attributes
    ----------
    t : int, or ndarray of int, shape (S,)
        Updates so far.
    latest_lr : float, ndarray, ByName[Number] or None
        Learning rate of the latest update.
    layout : Layout or None
        The leaves, once parameters have been seen.
    pending : Pending or None
        A checkpoint that waits for the parameters.
    swapped : bool
        Whether the averaged weights are in the parameters.
    """

    def __init__(self, groups: Groups, engine: str, *, check_finite: bool) -> None:
        self.groups = groups
        self.check_finite = check_finite
        self.passes = Passes(engine, groups.replicas)
        self.t: Count = 0
        self.latest_lr: Number | ByName[Number] | None = None
        self.layout: Layout | None = None
        self.pending: Pending | None = None
        self.swapped = False
        self._called: list[Callable[[], None]] = []
        self.hooks = ()

    def __getstate__(self) -> dict[str, Any]:
        """A copy does not have the averaged weights in its parameters: it has none."""
        return vars(self) | {"swapped": False, "_called": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.layout is not None:
            self._hooks.own(self)

    @property
    def hooks(self) -> tuple[Any, ...]:
        """The hooks; others may be set."""
        return self._hooks.all

    @hooks.setter
    def hooks(self, hooks: Sequence[Any]) -> None:
        new = Hooks(hooks, self.groups.replicas)
        if self.layout is not None:
            new.own(self)
        self._hooks = new
        self.passes.early = not new.moves_weights
        if self.layout is not None:
            self.passes.choose(self.layout)

    def check_own_weights(self) -> None:
        """Refuse while the averaged weights are in the place of the parameters."""
        if self.swapped:
            raise RuntimeError("the averaged weights are swapped in; leave `with opt.averaged(params)` first")

    def bound(self, params: Any) -> Layout:
        """Return the layout with these parameters in it; the first time, make it."""
        self.check_own_weights()
        if self.layout is not None:
            self.layout.bind(params)
            return self.layout
        layout = Layout(params, self.groups)
        if self.pending is not None:
            self.pending.fill(layout)
        return self._started(layout)

    def _started(self, layout: Layout) -> Layout:
        """Take the first layout, or one that goes on from a checkpoint."""
        self.passes.choose(layout)
        self._hooks.own(self, begins=True)
        self.layout, self.pending = layout, None
        return layout

    def adopt(self, params: Any) -> None:
        """Go on with other arrays, leaves that are new, and without those that are gone."""
        if self.layout is None or self.swapped:
            self.bound(params)
            return
        self.settle()
        layout = Layout(params, self.groups)
        layout.inherit(self.layout, self.t)
        self.passes.choose(layout)
        gone = set(self.layout.names) - set(layout.names)
        for hook in self.hooks if gone else ():
            if hasattr(hook, "forget"):
                hook.forget(gone)
        self.layout = layout

    def load(self, saved: Pending, params: Any) -> None:
        """Take a checkpoint, which waits for the parameters unless they are here."""
        self.check_own_weights()
        new = Layout(params, self.groups) if saved.writes else None
        layout = new or self.layout
        held = None if layout is None else saved.check(layout)
        self._hooks.own(self)
        if new is not None:
            self.passes.choose(new)
        saved.load_hooks()  # the last that can fail
        self.layout, self.pending = None, saved
        self.t, self.latest_lr = saved.t, None
        if self.passes.guard is not None:
            self.passes.guard.diverged[...] = saved.diverged
        if new is not None:
            saved.write(new, held)
            self._started(new)

    def swap(self, params: Any) -> list[tuple[Array, Array]]:
        """Put the averaged weights into the parameters; return these, and what was in them."""
        layout = self.bound(params)
        check_writable(layout.leaves, layout.names)
        averages = self._averages(layout)
        saved = [(leaf, leaf.copy()) for leaf in layout.leaves]
        self.swapped = True
        for leaf, average in zip(layout.leaves, averages, strict=True):
            leaf[...] = average
        return saved

    def _averages(self, layout: Layout) -> list[Array]:
        """Return what ``average=`` has of each leaf, or if there is none the first hook that has averages."""
        if any(average is not None for average in self.groups.averages):
            return self.passes.averages(layout, self.t)
        held = next(hook.averaged for hook in self.hooks if hasattr(hook, "averaged"))
        rows = zip(layout.names, layout.leaves, strict=True)
        return [np.broadcast_to(held.get(name, leaf), leaf.shape) for name, leaf in rows]

    def swap_back(self, saved: list[tuple[Array, Array]]) -> None:
        """Put back what ``swap`` has returned, and empty it."""
        while saved:
            leaf, before = saved[-1]
            locked = not leaf.flags.writeable  # which it was not when they were swapped
            if locked:
                leaf.flags.writeable = True
            leaf[...] = before
            if locked:
                leaf.flags.writeable = False
            saved.pop()
            self.swapped = bool(saved)

    def release(self) -> None:
        """Forget the arrays: the next ones may be others."""
        if self.layout is not None:
            self.layout.release()

    def regroup(self, lr: Any, turn: Lock) -> None:
        """Take other learning rates; if their patterns are others, leaves change their groups, in a turn of its own."""
        before, patterns = self.groups.lr, self.groups.patterns
        self.groups.lr = lr
        if self.layout is not None and self.groups.patterns != patterns:
            try:
                with Deferred(turn):
                    self.settle()
                    self.layout.group(self.groups)
                    self.passes.choose(self.layout)
            except BaseException:
                self.groups.lr = before
                raise
        self.latest_lr = None

    def step(self, params: Any, gradients: Any, loss: Number | None) -> None:
        """Do one step with gradients."""
        layout = self.bound(params)
        self.settle()
        self._step(layout, layout.gradients(gradients), loss, closing=False)

    def settle(self) -> None:
        """Let the state of rows that were left out fade to now."""
        if self.layout is not None and isinstance(self.t, int):
            settle(self.layout.segments, self.t)

    def step_rows(self, params: Any, rows: Any, gradients: Any, loss: Number | None, *, decay: bool) -> None:
        """Do one step with gradients of some rows; the state of the others fades, or waits."""
        layout = self.bound(params)
        check_rows(layout, self.hooks, decay=decay)
        if not decay:
            self.settle()
        parts = taken(layout, rows, gradients)
        for part in parts:
            part.fade(int(self.t))
        step = self._begin(layout, loss)
        step.params = tuple([part.weights.reshape(part.shape) for part in parts])
        step.gradients = tuple([part.gradient.reshape(part.shape) for part in parts])
        step.known, step.names = layout.names, tuple([part.name for part in parts])
        step.places = tuple([layout.rates[part.leaf] for part in parts])
        try:
            if not self._hooked(step, partial(checked_blocks, parts)):
                return
            for part, g in zip(parts, step.gradients, strict=True):
                part.gradient = g.reshape(-1)
            self.passes.update_rows(layout, parts, step, check=self.check_finite)
        except BaseException:
            self._take_back()
            raise
        keep(layout, parts, int(self.t), decay=decay)
        try:
            self._after_all(step, False)
        finally:
            for part in parts:
                part.scatter()
            if not decay:
                self._let_wait(layout, {part.leaf for part in parts})

    def _let_wait(self, layout: Layout, there: set[int]) -> None:
        """Count a step that the leaves without rows were left out of."""
        for segment in self.passes.activate(layout, [i not in there for i in range(len(layout.names))]):
            segment.waited = segment.waited + 1

    def flush(self, params: Any) -> bool:
        """Do one step with what a hook has collected; whether there was anything."""
        if not any(getattr(hook, "collects", False) for hook in self.hooks):
            return False
        self.check_own_weights()
        layout, t = self.layout if params is None else self.bound(params), self.t
        if layout is None or not layout.leaves:
            raise ValueError("flush needs the parameters here: opt.flush(params)")
        layout.waiting = layout.still
        self._step(layout, tuple(map(layout.zeros, range(len(layout.names)))), None, closing=True)
        return bool(np.any(self.t != t))

    def _begin(self, layout: Layout, loss: Number | None) -> Step:
        """Return the step as the first hook sees it, but for the gradients."""
        lr = self.groups.lr_at(self.t)
        loss = None if loss is None else checked_loss(loss, layout.replicas)
        self._check_schedules(layout)
        step = Step(self.t + 1, lr, 1.0, False, layout.leaves, (), layout.names, loss, layout.replicas)
        step.check_finite, step.places, step.clocks = self.check_finite, layout.rates, lambda: layout.clocks
        return step

    def _step(self, layout: Layout, given: tuple[Array, ...], loss: Number | None, *, closing: bool) -> None:
        step = self._begin(layout, loss)
        step.gradients, step.waiting, step.closing = given, layout.waiting, closing
        try:
            if self._hooked(step, layout.checked_gradients):
                if layout.replicas is not None and step.skip is not False:
                    step.skip = np.broadcast_to(np.asarray(step.skip, bool), (layout.replicas,))
                self._move(layout, step)
        except BaseException:
            self._take_back()
            raise

    def _take_back(self) -> None:
        """If a step was refused, let the hooks that have counted it take that back."""
        for take_back in reversed(self._called):
            take_back()

    def _hooked(self, step: Step, checked: Callable[[tuple[Array, ...]], tuple[Array, ...]]) -> bool:
        """Call the hooks, and check what they have set; whether there is anything to do."""
        lr, given = step.lr, step.gradients
        self._called.clear()
        for before, take_back in self._hooks.before:
            before(step)
            if take_back is not None:
                self._called.append(take_back)
        if step.skip is not False and np.all(step.skip):
            return False
        if step.gradients is not given:
            step.gradients = checked(tuple(step.gradients))
        if step.lr is not lr:
            _check_set(step)
        if not isinstance(step.scale, float):
            step.scale = checked_scale(step.scale)
        return True

    def _check_schedules(self, layout: Layout) -> None:
        """See that what depends on t is in its range, before a hook changes what it keeps."""
        t = self.t + 1
        self._hooks.check_schedules(t)
        if self._hooks.keep_state:
            for job in layout.jobs:
                job.rule.coefficients(t), job.averaging(t)

    def _move(self, layout: Layout, step: Step) -> None:
        """Sweep, and let the hooks and the average follow."""
        skip = step.skip
        late = self.passes.update(layout, step, check=self.check_finite)
        try:
            self._after_all(step, skip)
        finally:  # the weights have moved, whatever happens to a hook
            if late:
                self.passes.follow(late, step)

    def _after_all(self, step: Step, skip: Mark) -> None:
        """Count the step, and call the hooks."""
        self._called.clear()  # the weights have moved
        self.latest_lr = step.lr
        self.t = np.where(skip, self.t, step.t) if isinstance(skip, np.ndarray) and skip.any() else step.t
        for after in self._hooks.after:
            after(step)


def _check_set(step: Step) -> None:
    """Check the learning rate that a hook has set."""
    lr = step.lr
    if isinstance(lr, ByName):
        step.lr = ByName(lr.patterns, tuple([checked_lr("set by a hook", rate) for rate in lr.parts]))
    else:
        step.lr = checked_lr("set by a hook", lr)
