"""Hooks that set the learning rate: by a schedule, or by the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import NOT_NEGATIVE, Hyperparameter, Range, choice, numbers, value
from optimlab.hooks.stop import is_better
from optimlab.settings import Checked
from optimlab.typing import Array, Number

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["LearningRateDecay", "Plateau"]


@final
@dataclass(frozen=True)
class LearningRateDecay:
    """lr ← lr · schedule(k), k = t - 1: a factor on the learning rate.

    ``Optimizer(rule, lr=schedule)`` is the plain way to a schedule, and ``schedule * schedule`` is one too; this hook
    puts one on top of what other hooks have set.

    Parameters
    ----------
    schedule : schedule
        The factor as a function of k = 0, 1, 2, ...

    Examples
    --------
    >>> from optimlab import LearningRateDecay, Optimizer, sgd, step_decay
    >>> opt = Optimizer(sgd(), lr=0.5, hooks=[LearningRateDecay(step_decay(1.0, 0.5, steps=2))])
    >>> w = np.zeros(1)
    >>> for _ in range(4):
    ...     _ = opt.step(w, np.ones(1))
    ...     print(opt.lr)
    0.5
    0.5
    0.25
    0.25
    """

    schedule: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            raise TypeError(
                f"schedule must be a function of k such as cosine_decay(1.0, steps=100); got {self.schedule!r}"
            )

    def before(self, step: Step) -> None:
        """Multiply the learning rate."""
        k = step.t - 1
        step.lr = step.lr * numbers(f"schedule, at k = {k},", self.schedule(k), NOT_NEGATIVE)[()]


@final
@dataclass(eq=False)
class Plateau(Checked):
    """lr ← lr · scale, scale ← scale · factor once ``patience`` losses in a row were no better than the best.

    A loss is better if it is below best - rtol · |best|, or above best + rtol · |best|. After a fall the next
    ``cooldown`` losses do not count; the counts begin anew. Steps that are skipped, or have no loss, do not count: a
    validation loss may be given once an epoch, as ``opt.step(params, gradients, loss=loss)``.

    Parameters
    ----------
    factor : float, in (0, 1)
        Factor of a fall. Each parameter may also be a sequence of shape (S,), or a schedule of such numbers.
    patience : int, at least 1
        Losses without progress that lead to a fall.
    rtol : float, in [0, 1)
        Least relative progress.
    cooldown : int, at least 0
        Losses after a fall that do not count.
    lowest : float, at least 0
        Limit of ``scale``.
    mode : {"min", "max"}
        Whether a loss is better if it is smaller, or (an accuracy) if it is larger.

    Notes
    -----
    Counted as in optax's ``reduce_on_plateau``: with patience 5 and a loss that never changes the sixth step falls
    (the first sets the best), and with cooldown 5 the 16th and 26th. torch's ``ReduceLROnPlateau`` waits for more than
    ``patience`` bad losses: steps 7, 18 and 29. The step in which it falls is the first with the smaller rate. Of
    losses below 0 both other systems take one that only stays for better.

    Examples
    --------
    >>> from optimlab import Optimizer, Plateau, sgd
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[Plateau(0.5, patience=2)])
    >>> w = np.zeros(1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 1.0):
    ...     _ = opt.step(w, np.ones(1), loss=loss)
    ...     print(opt.lr)
    1.0
    1.0
    1.0
    0.5
    0.5
    """

    factor: Hyperparameter = 0.1
    patience: Hyperparameter = 10
    rtol: Hyperparameter = 1e-4
    cooldown: Hyperparameter = 0
    lowest: Hyperparameter = 0.0
    mode: str = "min"
    _state: dict[str, Array] = field(init=False, repr=False)
    _old: dict[str, Array] = field(init=False, repr=False)
    needs_loss: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {
        "factor": Range("in (0, 1)"),
        "patience": Range("a whole number of at least 1 and finite"),
        "rtol": Range("in [0, 1)"),
        "cooldown": Range("a whole number of at least 0 and finite"),
        "lowest": NOT_NEGATIVE,
    }
    checks: ClassVar[dict[str, Any]] = {"mode": partial(choice, "mode", allowed=("min", "max"))}

    def __post_init__(self) -> None:
        best = np.array(np.inf if self.mode == "min" else -np.inf)
        self._old = self._state = {"best": best, "bad": np.array(0), "rest": np.array(0), "scale": np.array(1.0)}

    @property
    def scale(self) -> Number:
        """The factor on the learning rate: a float, with replicas an array of shape (S,)."""
        scale = self._state["scale"]
        return scale.copy() if scale.ndim else float(scale)

    def before(self, step: Step) -> None:
        """Count the loss and multiply the learning rate."""
        self._old = self._state
        if step.loss is not None and not step.idle:
            self._count(step)
        step.lr = step.lr * self.scale

    def take_back(self) -> None:
        """Count the latest loss no more: the step was refused."""
        self._state = self._old

    def _count(self, step: Step) -> None:
        """One transition of optax's state; NaN is never better."""
        factor, patience, rtol, cooldown, lowest = (value(self, name, step.t) for name in self.ranges)
        loss, old = np.asarray(step.loss, np.float64), self._state
        best = old["best"]
        better = is_better(loss, best, rtol, self.mode)
        bad = np.where(better | (old["rest"] > 0), 0, old["bad"] + 1)
        falls = bad >= patience
        fallen = np.maximum(old["scale"] * factor, lowest)
        new = {
            "best": np.where(better, loss, best),
            "bad": np.where(falls, 0, bad),
            "rest": np.where(falls, np.asarray(cooldown, np.int64), np.maximum(old["rest"] - 1, 0)),
            "scale": np.where(falls, fallen, old["scale"]),
        }
        self._state = {key: np.where(step.skip, old[key], new[key]) for key in old}

    def state(self) -> dict[str, Array]:
        """Return best loss, counts and scale, for a checkpoint."""
        return {key: array.copy() for key, array in self._state.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` returned."""
        self._state = {key: np.array(state[key]) for key in self._state}
