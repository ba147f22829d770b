"""Skipping of steps: whose gradients are not finite, or large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from optimlab.checks import Hyperparameter, Range, value
from optimlab.finite import any_bad, tame
from optimlab.hooks.memory import restored
from optimlab.settings import Checked
from optimlab.typing import Array, Count

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["SkipLarge", "SkipNonFinite"]


@final
@dataclass(eq=False)
class SkipNonFinite(Checked):
    """Skip steps whose gradients are not finite, up to ``max_in_a_row`` of them in a row.

    The next one in the row is let through: the optimizer's check raises FloatingPointError, or freezes the replica.
    Put it before hooks that collect (``Accumulate``). With replicas each is skipped and counted by itself.

    Parameters
    ----------
    max_in_a_row : int, at least 0, sequence of int, shape (S,), or schedule of such
        Steps that may be skipped one after the other.

    Attributes
    ----------
    in_a_row, total : int or ndarray of int, shape (S,)
        Bad gradients since the last good one, and since the start.

    Notes
    -----
    optax: ``apply_if_finite(max_consecutive_errors)``, which hands the next one to the weights; here that takes
    ``check_finite=False``.

    Examples
    --------
    >>> from optimlab import Optimizer, SkipNonFinite, sgd
    >>> skip = SkipNonFinite(2)
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[skip])
    >>> w = np.zeros(1)
    >>> for g in (1.0, np.nan, np.inf, 1.0):
    ...     _ = opt.step(w, np.array([g]))
    >>> w, opt.t, skip.total
    (array([-2.]), 2, 2)
    """

    max_in_a_row: Hyperparameter = 5
    in_a_row: Count = field(default=0, init=False, repr=False)
    total: Count = field(default=0, init=False, repr=False)
    ranges: ClassVar[dict[str, Range]] = {"max_in_a_row": Range("a whole number of at least 0 (infinite: no limit)")}

    def before(self, step: Step) -> None:
        """Look at the gradients that are not skipped already."""
        if step.idle:
            return
        most = value(self, "max_in_a_row", step.t)
        with np.errstate(all="ignore"):
            calm = all(tame(g.ravel(order="K")) for g in step.gradients)
        looked_at, found = step.live, False if calm else any_bad(step.gradients, step.replicas)
        if calm:
            step.checked = step.gradients
        marks = looked_at & (found | np.logical_not(np.isfinite(step.scale)))
        bad: Count = int(marks) if step.replicas is None else np.asarray(marks, np.int64)
        row = (self.in_a_row + 1) * bad
        self.in_a_row = row if step.replicas is None else np.where(looked_at, row, self.in_a_row)
        self.total = self.total + bad
        step.leave_out(marks & (self.in_a_row <= most))

    def state(self) -> dict[str, Array]:
        """Return the counts, for a checkpoint."""
        return {"in_a_row": np.array(self.in_a_row), "total": np.array(self.total)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` returned."""
        self.in_a_row, self.total = restored(state["in_a_row"]), restored(state["total"])


@final
@dataclass(eq=False)
class SkipLarge(Checked):
    """Skip steps whose gradients have a norm over all leaves above ``max_norm``, or one that is not finite.

    Parameters
    ----------
    max_norm : float, greater than 0, sequence of float, shape (S,), or schedule of such
        The largest norm that is taken.

    Notes
    -----
    optax: ``skip_large_updates(max_squared_norm)``, there the square, and the limit itself is skipped.

    Examples
    --------
    >>> from optimlab import Optimizer, SkipLarge, sgd
    >>> w = np.zeros(1)
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[SkipLarge(10.0)])
    >>> for g in (11.0, 10.0, np.inf):
    ...     _ = opt.step(w, np.array([g]))
    >>> w, opt.t
    (array([-10.]), 1)
    """

    max_norm: Hyperparameter
    ranges: ClassVar[dict[str, Range]] = {"max_norm": Range("greater than 0")}

    def before(self, step: Step) -> None:
        """Compare the norm."""
        if step.idle:
            return
        found = step.norm(step.gradients)
        step.leave_out(np.logical_not((found <= value(self, "max_norm", step.t)) & np.isfinite(found)))
