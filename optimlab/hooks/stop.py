"""EarlyStop: when to stop, and the best weights until then."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import Hyperparameter, Range, choice, value
from optimlab.hooks.memory import Kept
from optimlab.settings import Checked
from optimlab.typing import Array, Mark, Number

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["EarlyStop", "is_better"]


def is_better(loss: Array, best: Array, rtol: Any, mode: str) -> Mark:
    """Whether a loss is below best - rtol · |best|, in mode "max" above best + rtol · |best|; NaN never is."""
    best = np.where(np.isinf(best), np.inf if mode == "min" else -np.inf, best)  # none yet, whatever the mode was then
    margin = rtol * np.where(np.isfinite(best), np.abs(best), 0.0)
    better: Mark = loss < best - margin if mode == "min" else loss > best + margin
    return better


@final
@dataclass(eq=False)
class EarlyStop(Checked):
    """``stopped`` once ``patience`` losses in a row were no better than the best; the weights of the best are kept.

    It does not stop anything: whoever owns the loop looks at ``stopped``, as ``descend`` and ``minimize`` do. The loss
    that is given to a step is that of the weights before it, and these are the weights that are kept:
    ``Optimizer.best`` gives them. Steps that are skipped, or have no loss, do not count. With replicas each has its own
    best, and all have to stop.

    Parameters
    ----------
    patience : int, at least 1 or infinite, sequence of int, shape (S,), or schedule of such
        Losses without progress that lead to a stop.
    rtol : float, in [0, 1), sequence of float, shape (S,), or schedule of such
        Least relative progress.
    mode : {"min", "max"}
        Whether a loss is better if it is smaller, or (an accuracy) if it is larger.

    Attributes
    ----------
    loss : float or ndarray, shape (S,)
        The best loss; before the first infinite.
    t : int or ndarray of int, shape (S,)
        Updates done when it was found.
    stopped : bool
        Whether it is time.

    Notes
    -----
    keras: ``EarlyStopping(restore_best_weights=True)``.

    Examples
    --------
    >>> from optimlab import EarlyStop, Optimizer, sgd
    >>> stop = EarlyStop(2)
    >>> w, opt = np.array([3.0]), Optimizer(sgd(), lr=1.0, hooks=[stop])
    >>> for k in range(100):  # |w| falls to 0, then rises
    ...     _ = opt.step(w, np.array([1.0]), loss=abs(w[0]))
    ...     if stop.stopped:
    ...         break
    >>> k, w, opt.best, stop.t
    (5, array([-3.]), array([0.]), 3)
    """

    patience: Hyperparameter = 10
    rtol: Hyperparameter = 0.0
    mode: str = "min"
    _state: dict[str, Array] = field(init=False, repr=False)
    _old: dict[str, Array] = field(init=False, repr=False)
    _weights: Kept = field(default_factory=lambda: Kept("EarlyStop"), init=False, repr=False)
    whole_leaves: ClassVar[bool] = True
    leafwise: ClassVar[tuple[str, ...]] = ("best/",)
    needs_loss: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {
        "patience": Range("a whole number of at least 1 (infinite: never)"),
        "rtol": Range("in [0, 1)"),
    }
    checks: ClassVar[dict[str, Any]] = {"mode": partial(choice, "mode", allowed=("min", "max"))}

    def __post_init__(self) -> None:
        best = np.array(np.inf if self.mode == "min" else -np.inf)
        self._old = self._state = {"loss": best, "t": np.array(0), "bad": np.array(0), "over": np.array(False)}

    @property
    def loss(self) -> Number:
        """The best loss."""
        return self._state["loss"][()]

    @property
    def t(self) -> Any:
        """Updates done when it was found."""
        return self._state["t"].copy() if self._state["t"].ndim else int(self._state["t"])

    @property
    def stopped(self) -> bool:
        """Whether the losses have been no better for long enough."""
        return bool(np.all(self._state["over"]))

    @property
    def best(self) -> dict[str, Array]:
        """The weights of the best loss by the leaf's name, copied; none before the first."""
        return self._weights.copies()

    def before(self, step: Step) -> None:
        """Look at the loss, which is that of the weights as they are now."""
        self._old = self._state
        self._weights.bind(step.names, step.params, np.copy)
        if step.loss is None or step.idle:
            return
        patience, rtol = value(self, "patience", step.t), value(self, "rtol", step.t)
        loss, old = np.asarray(step.loss, np.float64), self._state
        better = step.live & is_better(loss, old["loss"], rtol, self.mode)
        bad = np.where(better, 0, old["bad"] + 1)
        new = {
            "loss": np.where(better, loss, old["loss"]),
            "t": np.where(better, step.t - 1, old["t"]),
            "bad": bad,
            "over": old["over"] | (bad >= patience),
        }
        self._state = {key: np.where(step.live, new[key], old[key]) for key in old}
        for kept, w in zip(self._weights.arrays.values(), step.params, strict=True):
            np.copyto(kept, w, where=step.spread(np.asarray(better), w))

    def take_back(self) -> None:
        """Count the latest loss no more, unless it is the best: the step was refused."""
        if np.array_equal(self._state["t"], self._old["t"]) and np.array_equal(self._state["loss"], self._old["loss"]):
            self._state = self._old

    def forget(self, names: Collection[str]) -> None:
        """Drop what belongs to leaves that are gone."""
        self._weights.forget(names)

    def state(self) -> dict[str, Array]:
        """Return best loss, counts and weights, for a checkpoint."""
        weights = {f"best/{name}": array for name, array in self._weights.copies().items()}
        return {key: array.copy() for key, array in self._state.items()} | weights

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` returned."""
        self._state = {key: np.array(state[key]) for key in self._state}
        self._weights.load({key.removeprefix("best/"): x for key, x in state.items() if key.startswith("best/")})
