"""Accumulate: one step for several gradients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from optimlab.checks import Hyperparameter, Range, choice, value
from optimlab.finite import any_bad
from optimlab.hooks.memory import Kept, restored
from optimlab.settings import Checked
from optimlab.typing import Array, Count, Mark, Number

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Accumulate"]


@final
@dataclass(eq=False)
class Accumulate(Checked):
    """Collect k gradients, then do one step with their mean or sum.

    The steps between are skipped: parameters, state, average, t and schedules move only on real steps. Hooks before it
    in the list see each gradient, hooks after it should be those that are meant for the mean: on skipped steps they
    are called with ``step.skip`` set. Gradients that were skipped by a hook before it do not count; one that is not
    finite is refused when it comes, and what was collected is kept. ``Optimizer.flush`` does the step at the end of an
    epoch, with the mean or sum of what there is.

    Parameters
    ----------
    k : int, at least 1, sequence of int, shape (S,), or schedule of such
        Gradients to a step.
    reduction : {"mean", "sum"}
        Which of the two.

    Notes
    -----
    optax: ``MultiSteps(every_k_schedule=k)``, the mean; torch: k calls of ``backward`` before ``step``, the sum.

    Examples
    --------
    >>> from optimlab import Accumulate, Optimizer, sgd
    >>> w = np.zeros(1)
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[Accumulate(2)])
    >>> for g in (1.0, 3.0, 5.0, 7.0):
    ...     _ = opt.step(w, np.array([g]))
    ...     print(w, opt.t)
    [0.] 0
    [-2.] 1
    [-2.] 1
    [-8.] 2
    """

    k: Hyperparameter
    reduction: Literal["mean", "sum"] = "mean"
    _count: Count = field(default=0, init=False, repr=False)
    _waiting: tuple[bool, ...] = field(default=(), init=False, repr=False)
    _old: tuple[Any, ...] = field(default=(), init=False, repr=False)
    _sums: Kept = field(default_factory=lambda: Kept("Accumulate"), init=False, repr=False)
    whole_leaves: ClassVar[bool] = True
    leafwise: ClassVar[tuple[str, ...]] = ("sum/",)
    collects: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {"k": Range("a whole number of at least 1 and finite")}
    checks: ClassVar[dict[str, Any]] = {"reduction": partial(choice, "reduction", allowed=("mean", "sum"))}

    def before(self, step: Step) -> None:
        """Add the gradients; hand out what was collected, or skip."""
        self._old = ()
        if step.idle:
            return
        if step.closing:
            self._old = self._count, self._waiting, None
            step.waiting = self._without(step.names)
            ready = step.live & (self._count > 0)
        else:
            ready = self._collect(step, value(self, "k", step.t))
        step.gradients = tuple(self._sums.arrays.values())
        if self.reduction == "mean":
            step.scale = 1.0 / np.maximum(self._count, 1)
        step.leave_out(np.logical_not(ready))
        self._count = self._count * np.logical_not(ready)

    def _collect(self, step: Step, k: Number) -> Mark:
        """Take in the gradients, unless one is not finite; return whether that is enough."""
        if step.check_finite and np.any(step.live & any_bad(step.gradients, step.replicas)) and step.replicas is None:
            step.refuse_bad()
        if np.any(self._count) and step.waiting:  # a leaf waits if it has had no gradient at all
            step.waiting = tuple(map(all, zip(step.waiting, self._without(step.names), strict=True)))
        count = self._count + np.asarray(step.live, np.int64)
        ready: Mark = step.live & (count >= k)
        if np.any(ready):
            self._old = self._count, self._waiting, self._sums.copies() if np.any(self._count) else None
        self._add(step)
        self._count, self._waiting = count, step.waiting
        return ready

    def _without(self, names: tuple[str, ...]) -> tuple[bool, ...]:
        """Return which of the leaves have had no gradient, those that are new among them."""
        marks = dict.fromkeys(self._sums.arrays, False) | dict(zip(self._sums.arrays, self._waiting, strict=False))
        return tuple([marks.get(name, True) for name in names])

    def take_back(self) -> None:
        """Have what there was before the latest gradient, if it was to be a step: that was refused."""
        if self._old:
            self._count, self._waiting, sums = self._old
            for name, total in (sums or {}).items():
                self._sums.arrays[name][...] = total

    def _add(self, step: Step) -> None:
        """Add to the sums; what was handed out is overwritten, not added to."""
        self._sums.bind(step.names, step.gradients, np.zeros_like)
        with np.errstate(over="ignore"):  # which the optimizer refuses
            self._add_each(step)

    def _add_each(self, step: Step) -> None:
        for total, g in zip(self._sums.arrays.values(), step.fold_scale(), strict=True):
            if step.replicas is not None:
                first = step.spread(np.equal(self._count, 0), g)
                np.copyto(total, g, where=first)
                np.add(total, g, out=total, where=step.spread(step.live, g) & ~first)
            elif self._count == 0:
                np.copyto(total, g)
            else:
                np.add(total, g, out=total)

    def forget(self, names: Collection[str]) -> None:
        """Drop what belongs to leaves that are gone."""
        marks = dict(zip(self._sums.arrays, self._waiting, strict=False))
        self._sums.forget(names)
        self._waiting = tuple([marks.get(name, False) for name in self._sums.arrays]) if self._waiting else ()

    def state(self) -> dict[str, Array]:
        """Return the count, which leaves have had no gradient, and the sums, for a checkpoint."""
        sums = {f"sum/{name}": total for name, total in self._sums.copies().items()}
        waiting = {"waiting": np.array(self._waiting)} if self._waiting else {}
        return {"count": np.array(self._count)} | waiting | sums

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` returned."""
        sums = {key.removeprefix("sum/"): x for key, x in state.items() if key.startswith("sum/")}
        waiting = state.get("waiting", np.zeros(0, bool))
        if waiting.dtype != bool or waiting.shape not in ((0,), (len(sums),)):
            raise ValueError("which leaves have had no gradient must be one mark for each of them")
        if np.any(state["count"] < 0):
            raise ValueError("the count of gradients must be at least 0")
        self._sums.load(sums)
        self._count, self._waiting = restored(state["count"]), tuple(waiting.tolist())
