"""Hooks that change, skip or collect gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from optimlab.finite import any_bad, norm
from optimlab.hooks.leaves import Buffers, check_held, idle, live, moving, restored, skip, spread, unscaled
from optimlab.rules.hyperparameter import Hyperparameter, hyperparameter, value
from optimlab.trees import chosen, patterns

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Accumulate", "SkipLarge", "SkipNonFinite", "WeightDecay"]

Array = NDArray[Any]


@dataclass(eq=False)
class WeightDecay:
    """g ← g + rate · w: coupled (L2) weight decay, the gradient of ½ rate ‖w‖² added before the rule.

    The rule sees the sum: in Adam the decay is divided by √v like any gradient. Decoupled decay is in the algebra,
    ``adam() + rate * Weights()`` (AdamW, tied to lr); decay that is not multiplied by lr is ``IndependentDecay``.

    Parameters
    ----------
    rate : float, at least 0, sequence of float, shape (S,), or schedule
        λ.
    only : str or sequence of str, optional
        Names of the leaves that decay, with ``*`` for any letters; default all.

    Notes
    -----
    After a clipping hook in the list the decay is not clipped, before it, it is. torch: ``weight_decay`` of ``SGD``
    and ``Adam``; optax: ``add_decayed_weights`` before the rule; keras has only the decoupled kind.

    Examples
    --------
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> params = {"weight": np.array([2.0]), "bias": np.array([2.0])}
    >>> zeros = {"weight": np.zeros(1), "bias": np.zeros(1)}
    >>> Optimizer(sgd(), lr=0.5, hooks=[WeightDecay(0.1, only="weight")]).step(params, zeros)
    >>> params
    {'weight': array([1.9]), 'bias': array([2.])}
    """

    rate: Hyperparameter
    only: Any = None
    _buffers: Buffers = field(default_factory=Buffers, init=False, repr=False)

    def __post_init__(self) -> None:
        hyperparameter(self, "rate", "at least 0 and finite", lambda x: 0.0 <= x < math.inf)
        self.only = patterns(self.only)

    def before(self, step: Step) -> None:
        """Replace the gradients by the sums; the factor that earlier hooks have put on them goes in first."""
        if idle(step):
            return
        rate, room = value(self, "rate", step.t), self._buffers.like(step.gradients)
        sums = []
        for g, w, out, meant in zip(step.gradients, step.params, room, chosen(step.names, self.only), strict=True):
            scaled = g if unscaled(step) else g * spread(step.scale, g)
            sums.append(np.add(np.multiply(w, spread(rate, w), out=out), scaled, out=out) if meant else scaled)
        step.gradients = tuple(sums)
        step.scale = 1.0


@dataclass(eq=False)
class SkipNonFinite:
    """Skip steps whose gradients are not finite, up to ``max_in_a_row`` of them in a row.

    The next one in the row is let through: the optimizer's check raises FloatingPointError, or freezes the replica.
    Put it before hooks that collect (``Accumulate``). With replicas each is skipped and counted by itself.

    Parameters
    ----------
    max_in_a_row : int, at least 0, or sequence of int, shape (S,)
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
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> skip = SkipNonFinite(2)
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[skip])
    >>> w = np.zeros(1)
    >>> for g in (1.0, np.nan, np.inf, 1.0):
    ...     opt.step(w, np.array([g]))
    >>> w, opt.t, skip.total
    (array([-2.]), 2, 2)
    """

    max_in_a_row: Hyperparameter = 5
    in_a_row: Any = field(default=0, init=False, repr=False)
    total: Any = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        allowed = "a whole number of at least 0 (infinite: no limit)"
        hyperparameter(self, "max_in_a_row", allowed, lambda x: x == math.inf or (x >= 0.0 and x == x // 1))

    def before(self, step: Step) -> None:
        """Look at the gradients that are not skipped already."""
        if idle(step):
            return
        looked_at = live(step)
        found = any_bad(step.gradients, step.replicas)
        if not np.any(found):
            step.checked = step.gradients
        bad = looked_at & (found | np.logical_not(np.isfinite(step.scale)))
        bad = bool(bad) if step.replicas is None else bad
        row = (self.in_a_row + 1) * bad
        self.in_a_row = row if step.replicas is None else np.where(looked_at, row, self.in_a_row)
        self.total = self.total + bad
        skip(step, bad & (self.in_a_row <= value(self, "max_in_a_row", step.t)))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the counts, for a checkpoint."""
        return {"in_a_row": np.array(self.in_a_row), "total": np.array(self.total)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back what ``state`` returned."""
        self.in_a_row, self.total = restored(state["in_a_row"]), restored(state["total"])


@dataclass(eq=False)
class SkipLarge:
    """Skip steps whose gradients have a norm over all leaves above ``max_norm``, or one that is not finite.

    Parameters
    ----------
    max_norm : float, greater than 0, sequence of float, shape (S,), or schedule
        The largest norm that is taken.

    Notes
    -----
    optax: ``skip_large_updates(max_squared_norm)``, there the square, and the limit itself is skipped.

    Examples
    --------
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> w = np.zeros(1)
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[SkipLarge(10.0)])
    >>> for g in (11.0, 10.0, np.inf):
    ...     opt.step(w, np.array([g]))
    >>> w, opt.t
    (array([-10.]), 1)
    """

    max_norm: Hyperparameter

    def __post_init__(self) -> None:
        hyperparameter(self, "max_norm", "greater than 0", lambda x: x > 0.0)

    def before(self, step: Step) -> None:
        """Compare the norm."""
        if idle(step):
            return
        found = norm(step.gradients, step.replicas) * abs(step.scale)
        skip(step, np.logical_not((found <= value(self, "max_norm", step.t)) & np.isfinite(found)))


@dataclass(eq=False)
class Accumulate:
    """Collect k gradients, then do one step with their mean or sum.

    The steps between are skipped: parameters, state, average, t and schedules move only on real steps. Hooks before it
    in the list see each gradient, hooks after it should be those that are meant for the mean: on skipped steps they
    are called with ``step.skip`` set. Gradients that were skipped by a hook before it do not count.

    Parameters
    ----------
    k : int, at least 1, sequence of int, shape (S,), or schedule
        Gradients to a step, or their number as a function of the update's index.
    reduction : {"mean", "sum"}
        Which of the two.

    Notes
    -----
    optax: ``MultiSteps(every_k_schedule=k)``, the mean; torch: k calls of ``backward`` before ``step``, the sum.

    Examples
    --------
    >>> from optimlab.optimizer import Optimizer
    >>> from optimlab import sgd
    >>> w = np.zeros(1)
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[Accumulate(2)])
    >>> for g in (1.0, 3.0, 5.0, 7.0):
    ...     opt.step(w, np.array([g]))
    ...     print(w, opt.t)
    [0.] 0
    [-2.] 1
    [-2.] 1
    [-8.] 2
    """

    k: Hyperparameter
    reduction: Literal["mean", "sum"] = "mean"
    _count: Any = field(default=0, init=False, repr=False)
    _sums: dict[str, Array] = field(default_factory=dict, init=False, repr=False)
    _names: tuple[str, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        hyperparameter(self, "k", "a whole number of at least 1", lambda x: x >= 1.0 and x == x // 1)
        if self.reduction not in ("mean", "sum"):
            raise ValueError(f"reduction must be 'mean' or 'sum'; got {self.reduction!r}")

    def before(self, step: Step) -> None:
        """Add the gradients; hand out what was collected, or skip."""
        if idle(step):
            return
        self._add(step)
        self._count = self._count + live(step)
        ready = live(step) & (self._count >= value(self, "k", step.t))
        step.gradients = tuple(self._sums.values())
        step.scale = 1.0
        if self.reduction == "mean":
            step.scale = 1.0 / self._count if step.replicas is None else 1.0 / np.maximum(self._count, 1)
        skip(step, np.logical_not(ready))
        self._count = self._count - self._count * ready

    def _add(self, step: Step) -> None:
        """Add to the sums; what was handed out is overwritten, not added to."""
        self._bind(step)
        for total, g in zip(self._sums.values(), step.gradients, strict=True):
            added = g if unscaled(step) else g * spread(step.scale, g)
            if step.replicas is not None:
                _add_replicas(total, added, moving(self._count, g), moving(step.skip, g))
            elif self._count == 0:
                np.copyto(total, added)
            else:
                np.add(total, added, out=total)

    def _bind(self, step: Step) -> None:
        """Make the sums in the first step, and check those of a checkpoint."""
        if step.names is not self._names:
            if not self._sums:
                self._sums = {name: np.zeros_like(g) for name, g in zip(step.names, step.gradients, strict=True)}
            check_held("Accumulate", self._sums, step.names, step.gradients)
            self._names = step.names

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the count and the sums, for a checkpoint."""
        return {"count": np.array(self._count)} | {f"sum/{name}": total.copy() for name, total in self._sums.items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back what ``state`` returned."""
        self._sums = {key.removeprefix("sum/"): np.array(array) for key, array in state.items() if key != "count"}
        self._count, self._names = restored(state["count"]), ()


def _add_replicas(total: Array, added: Array, first: NDArray[np.bool_], moves: NDArray[np.bool_]) -> None:
    """Put ``added`` in place of totals that are handed out, else add it where the replica moves."""
    np.copyto(total, added, where=first)
    np.add(total, added, out=total, where=moves & ~first)
