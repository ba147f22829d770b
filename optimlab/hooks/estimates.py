"""Hooks that estimate something of all leaves: what they keep, how it is taken back, and sums over leaves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optimlab.finite import rows
from optimlab.hooks.memory import Kept
from optimlab.settings import Checked
from optimlab.typing import Array, Mark

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Estimating", "multiply", "over", "total"]


def over(a: Any, b: Any) -> Any:
    """a/b, 0 where b is 0."""
    return np.where(np.equal(b, 0.0), 0.0, a / np.where(np.equal(b, 0.0), 1.0, b))


def total(x: Array, replicas: int | None) -> Any:
    """Σx over a leaf in float64, with replicas of each."""
    sums = rows(x, replicas).sum(axis=1, dtype=np.float64)
    return sums if replicas is not None else sums[0]


def multiply(step: Step, factor: Any, good: Mark) -> None:
    """lr ← lr · factor, of the replicas that are good."""
    step.lr = step.lr * (float(factor) if step.replicas is None else np.where(good, factor, 1.0))


@dataclass(eq=False)
class Estimating(Checked):
    """A hook that keeps numbers, one for each replica, and arrays for each leaf, which it renews in ``before``.

    Nothing is changed in place, so that a step that is refused can be taken back.
    """

    _numbers: dict[str, Array] = field(default_factory=dict, init=False, repr=False)
    _kept: dict[str, Kept] = field(default_factory=dict, init=False, repr=False)
    _old: Any = field(default=None, init=False, repr=False)
    whole_leaves: ClassVar[bool] = True

    @property
    def starts(self) -> dict[str, Callable[[Array], Array]]:
        """How the arrays of a leaf start, by name."""
        return {"first": np.copy}

    @property
    def leafwise(self) -> tuple[str, ...]:
        """Prefixes of the arrays of leaves."""
        return tuple([f"{name}/" for name in self.starts])

    def before(self, step: Step) -> None:
        """Take in the gradients of the replicas where they are finite, and set what follows from them."""
        for name, start in {} if step.idle else self.starts.items():
            self._kept.setdefault(name, Kept(type(self).__name__)).bind(step.names, step.params, start)
        self._old = self._numbers, {name: dict(kept.arrays) for name, kept in self._kept.items()}
        if step.idle:
            return
        good = step.live & self._usable(step) & np.isfinite(step.norm(step.gradients))
        if np.any(good):
            with np.errstate(all="ignore"):
                self.adapt(step, good)

    def _usable(self, step: Step) -> Mark:
        """Whether what is needed beside the gradients is there."""
        return True

    @abstractmethod
    def adapt(self, step: Step, good: Mark) -> None:
        """Set the learning rate, and perhaps the gradients, of the replicas that are good."""

    def take_back(self) -> None:
        """Have what there was before the latest gradients: the step was refused."""
        self._numbers, held = self._old
        for name, arrays in held.items():
            self._kept[name].arrays = arrays

    def _number(self, name: str, new: Any, good: Mark) -> None:
        """Keep a number of the replicas that are good."""
        self._numbers = self._numbers | {name: np.where(good, new, self._numbers[name])}

    def _keep(self, step: Step, leaf: str, new: Mapping[str, Array], moves: Mark) -> None:
        """Keep arrays of a leaf, of the replicas that move."""
        for name, array in new.items():
            arrays = self._kept[name].arrays
            arrays[leaf] = np.where(step.spread(moves, array), array, arrays[leaf])

    def forget(self, names: Collection[str]) -> None:
        """Drop what belongs to leaves that are gone."""
        for kept in self._kept.values():
            kept.forget(names)

    def state(self) -> dict[str, Array]:
        """Return numbers and arrays, for a checkpoint."""
        arrays = {f"{name}/{leaf}": x for name, kept in self._kept.items() for leaf, x in kept.copies().items()}
        return {name: number.copy() for name, number in self._numbers.items()} | arrays

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` returned."""
        self._numbers = {name: np.array(state[name]) for name in self._numbers}
        for name in self.starts:
            mine = {key.removeprefix(f"{name}/"): x for key, x in state.items() if key.startswith(f"{name}/")}
            self._kept.setdefault(name, Kept(type(self).__name__)).load(mine)
