"""Run: what an optimizer has done so far, and how it does the next step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, final
from weakref import WeakKeyDictionary, ref

import numpy as np

from optimlab.checks import value
from optimlab.engine.given import (
    check,
    check_shapes,
    checked_hooks,
    checked_loss,
    checked_lr,
    checked_scale,
    hyperparameters,
)
from optimlab.engine.groups import Groups
from optimlab.engine.layout import Layout
from optimlab.engine.passes import Passes
from optimlab.engine.rows import Rows, settle, taken, track
from optimlab.settings import Checked
from optimlab.step import Step
from optimlab.trees import ByName
from optimlab.typing import Array, Count, Mark, Number

__all__ = ["Pending", "Run"]

_OWNERS: WeakKeyDictionary[Any, ref[Run]] = WeakKeyDictionary()
"""Which run a hook with state belongs to."""


class Pending(Protocol):
    """What waits for the parameters: a checkpoint."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the leaves."""

    @property
    def held(self) -> Any:
        """What is saved of them."""

    def memory(self, block: str) -> Iterator[tuple[str, str, Array]]:
        """Yield leaf, slot and what is saved of it, as ``Layout.memory`` does."""

    def fill(self, layout: Layout) -> None:
        """Write into the layout of them, or refuse them."""


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

    def __enter__(self) -> None:
        self._called.clear()

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """If a step was refused, let the hooks that have counted it take that back."""
        for take_back in reversed(self._called) if error is not None else ():
            take_back()

    def __getstate__(self) -> dict[str, Any]:
        """A copy does not have the averaged weights in its parameters: it has none."""
        return vars(self) | {"swapped": False, "_called": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.layout is not None:
            self._own(self.hooks)

    @property
    def hooks(self) -> tuple[Any, ...]:
        """The hooks; others may be set."""
        return self._hooks

    @hooks.setter
    def hooks(self, hooks: Sequence[Any]) -> None:
        given = checked_hooks(hooks)
        check_shapes(self.groups.replicas, hyperparameters(given))
        if self.layout is not None:
            self._own(given)
        self._hooks = given
        self._before = [(hook.before, getattr(hook, "take_back", None)) for hook in given if hasattr(hook, "before")]
        self._after = [hook.after for hook in given if hasattr(hook, "after")]
        self._ranged = [hook for hook in given if getattr(hook, "ranges", None)]
        self._stateful = any(hasattr(hook, "load_state") for hook in given)
        self.passes.early = not any(getattr(hook, "moves_weights", True) for hook in given if hasattr(hook, "after"))
        if self.layout is not None:
            self.passes.choose(self.layout)

    def check_hooks(self) -> None:
        """Refuse hooks that belong to another optimizer, before what they keep is loaded."""
        self._own(self.hooks, loads=True)

    def _own(self, hooks: Sequence[Any], *, loads: bool = False) -> None:
        """Refuse a hook with state of another optimizer, and of one that is gone before the first step."""
        remedy = "construct it anew; copy.deepcopy(hook) goes on from what it keeps"
        kept = [hook for hook in hooks if hasattr(hook, "load_state") and _has_identity(hook)]
        for place, hook in enumerate(kept):
            owner = _OWNERS.get(hook, lambda: None)()
            if owner not in (None, self) or any(hook is other for other in kept[:place]):
                where = "twice in this list" if owner in (None, self) else "in another optimizer, too"
                raise ValueError(f"{hook!r} keeps state, and is {where}; {remedy}")
            if self.layout is None and not loads and hook in _OWNERS and owner is None and not _is_new(hook):
                raise ValueError(f"{hook!r} keeps the state of an optimizer that is gone; {remedy}")
        for hook in kept:
            _OWNERS[hook] = ref(self)

    def bound(self, params: Any) -> Layout:
        """Return the layout with these parameters in it; the first time, make it."""
        if self.swapped:
            raise RuntimeError("the averaged weights are swapped in; leave `with opt.averaged(params)` first")
        if self.layout is not None:
            self.layout.bind(params)
            return self.layout
        layout = Layout(params, self.groups)
        if self.pending is not None:
            self.pending.fill(layout)
        return self.started(layout)

    def started(self, layout: Layout) -> Layout:
        """Take the first layout, or one that goes on from a checkpoint."""
        self.passes.choose(layout)
        self._own(self.hooks)
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
        self.layout = layout

    def release(self) -> None:
        """Forget the arrays: the next ones may be others."""
        if self.layout is not None:
            self.layout.release()

    def regroup(self, lr: Any) -> None:
        """Take other learning rates."""
        before, self.groups.lr = self.groups.lr, lr
        try:
            if self.layout is not None:
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
        self._check_rows(layout, decay=decay)
        t = int(self.t)
        parts = taken(layout, rows, gradients)
        if decay:
            track(layout, t)
            for part in parts:
                part.fade(t - part.segment.since - part.segment.waited)
        step = self._begin(layout, loss)
        step.params = tuple([part.weights.reshape(part.shape) for part in parts])
        step.gradients = tuple([part.gradient.reshape(part.shape) for part in parts])
        step.known, step.names = layout.names, tuple([part.name for part in parts])
        step.places = tuple([layout.rates[part.leaf] for part in parts])
        if not self._hooked(step, lambda given: _block(parts, given)):
            return
        for part, g in zip(parts, step.gradients, strict=True):
            part.gradient = g.reshape(-1)
        self.passes.update_rows(parts, step, check=self.check_finite)
        try:
            self._after_all(step, False)
        finally:
            self._finish_rows(layout, parts, decay=decay)

    def _finish_rows(self, layout: Layout, parts: Sequence[Rows], *, decay: bool) -> None:
        """Write the rows back, and count for the others."""
        for part in parts:
            part.scatter()
            if decay:
                swept = part.segment.swept[part.leaf]
                swept[part.index] = int(self.t) - part.segment.since - part.segment.waited
        if not decay:
            there = {part.leaf for part in parts}
            waiting = layout.activate([i not in there for i in range(len(layout.names))])
            for segment in waiting:
                segment.waited = segment.waited + 1
            if waiting:
                self.passes.choose(layout)

    def _check_rows(self, layout: Layout, *, decay: bool) -> None:
        """Refuse what needs whole leaves."""
        if layout.replicas is not None:
            raise ValueError("rows of replicas cannot be stepped; use opt.step with gradients of zeros elsewhere")
        if any(job.average is not None for job in layout.jobs):
            raise ValueError("an average is of all weights; use opt.step with gradients of zeros elsewhere")
        for hook in self.hooks:
            if getattr(hook, "whole_leaves", False):
                raise ValueError(f"{hook!r} needs whole leaves; use opt.step with gradients of zeros elsewhere")
        for job in layout.jobs if decay else ():
            _ = job.fades
        if not decay:
            self.settle()

    def flush(self, params: Any) -> bool:
        """Do one step with what a hook has collected; whether there was anything."""
        if not any(getattr(hook, "collects", False) for hook in self.hooks):
            return False
        if self.swapped or params is not None:
            self.bound(params)
        layout, t = self.layout, self.t
        if layout is None or not layout.leaves:
            raise ValueError("flush needs the parameters here: opt.flush(params)")
        zeros = [
            np.broadcast_to(dtype.type(0), shape) for shape, dtype in zip(layout.shapes, layout.dtypes, strict=True)
        ]
        layout.waiting = layout.still
        self._step(layout, tuple(zeros), None, closing=True)
        return bool(np.any(self.t != t))

    def _begin(self, layout: Layout, loss: Number | None) -> Step:
        """Return the step as the first hook sees it, but for the gradients."""
        lr = self.groups.lr_at(self.t)
        loss = None if loss is None else checked_loss(loss, layout.replicas)
        self._check_schedules(layout)
        step = Step(self.t + 1, lr, 1.0, False, layout.leaves, (), layout.names, loss, layout.replicas)
        step.check_finite, step.places = self.check_finite, layout.rates
        return step

    def _step(self, layout: Layout, given: tuple[Array, ...], loss: Number | None, *, closing: bool) -> None:
        step = self._begin(layout, loss)
        step.gradients, step.waiting, step.closing = given, layout.waiting, closing
        if self._hooked(step, layout.checked_gradients):
            if layout.replicas is not None and step.skip is not False:
                step.skip = np.broadcast_to(np.asarray(step.skip, bool), (layout.replicas,))
            self._move(layout, step)

    def _hooked(self, step: Step, checked: Callable[[tuple[Array, ...]], tuple[Array, ...]]) -> bool:
        """Call the hooks, and check what they have set; whether there is anything to do."""
        lr, given = step.lr, step.gradients
        for before, take_back in self._before:
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
        for hook in self._ranged:
            for name in hook.ranges:
                if callable(getattr(hook, name)):
                    what = f"{type(hook).__name__}.{name}, from its schedule at k = {t - 1},"
                    check_shapes(layout.replicas, {what: (value(hook, name, t),)})
        if self._stateful:
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
        for after in self._after:
            after(step)


def _has_identity(hook: Any) -> bool:
    """Whether a hook is equal to itself alone, and can be looked after without being kept alive."""
    hashed: Any = type(hook).__hash__
    return hashed is object.__hash__ and hasattr(hook, "__weakref__")


def _is_new(hook: Any) -> bool:
    """Whether a hook keeps what it kept when it was made; of one of the user's own that is not known."""
    if not isinstance(hook, Checked):
        return True
    now, then = hook.state(), replace(hook).state()  # type: ignore[type-var, attr-defined]
    return now.keys() == then.keys() and all(np.array_equal(now[key], then[key]) for key in now)


def _block(parts: Sequence[Rows], given: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the gradients of rows that a hook has set, checked."""
    if len(given) != len(parts):
        raise ValueError(f"there must be {len(parts)} gradients, as leaves with rows; a hook gave {len(given)}")
    for part, g in zip(parts, given, strict=True):
        check(f"gradient {part.name!r}", g, part.shape, part.weights.dtype)
    return given


def _check_set(step: Step) -> None:
    """Check the learning rate that a hook has set."""
    lr = step.lr
    if isinstance(lr, ByName):
        step.lr = ByName(lr.patterns, tuple([checked_lr("set by a hook", rate) for rate in lr.parts]))
    else:
        step.lr = checked_lr("set by a hook", lr)
