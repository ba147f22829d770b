"""What hooks have in common that keep numbers and arrays, and those that estimate the learning rate from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optimlab.finite import rows
from optimlab.hooks.memory import Kept
from optimlab.recurrence.gain import Gain
from optimlab.settings import Checked
from optimlab.typing import Array, Mark

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Estimating", "Keeping", "checked_gain", "multiply", "over", "total"]


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


def checked_gain(given: Any, *, such: str) -> Gain:
    """Return a gain."""
    if not isinstance(given, Gain):
        raise TypeError(f"gain must be a Gain such as {such}; got {given!r}")
    return given


@dataclass(eq=False)
class Keeping(Checked):
    """A hook that keeps numbers, one for each replica, and arrays for each leaf."""

    _numbers: dict[str, Array] = field(default_factory=dict, init=False, repr=False)
    _kept: dict[str, Kept] = field(default_factory=dict, init=False, repr=False)
    whole_leaves: ClassVar[bool] = True
    kept_numbers: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self._numbers = {name: np.zeros(()) for name in self.kept_numbers}

    @property
    @abstractmethod
    def starts(self) -> dict[str, Callable[[Array], Array]]:
        """How the arrays of a leaf start, by name."""

    @property
    def leafwise(self) -> tuple[str, ...]:
        """Prefixes of the arrays of leaves."""
        return tuple([f"{name}/" for name in self.starts])

    def bind(self, step: Step) -> None:
        """Have arrays for each leaf of a step."""
        for name, start in self.starts.items():
            self._kept.setdefault(name, Kept(type(self).__name__)).bind(step.names, step.params, start)

    def arrays(self, leaf: str, *names: str) -> list[Array]:
        """Return what is kept of a leaf under these names."""
        return [self._kept[name].arrays[leaf] for name in names]

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


@dataclass(eq=False)
class Estimating(Keeping):
    """A hook that estimates in ``before`` what the rate should be; if the step is refused it takes that back.

    Nothing that it keeps is changed in place.
    """

    _old: Any = field(default=None, init=False, repr=False)

    def before(self, step: Step) -> None:
        """Take in the gradients of the replicas where they are finite, and set what follows from them."""
        if not step.idle:
            self.bind(step)
        self._old = self._numbers, {name: dict(kept.arrays) for name, kept in self._kept.items()}
        good = False if step.idle else step.live & self.usable(step) & np.isfinite(step.norm(step.gradients))
        if np.any(good):
            try:
                with np.errstate(all="ignore"):
                    self.adapt(step, good)
            except BaseException:
                self.take_back()
                raise

    def usable(self, step: Step) -> Mark:
        """Return whether what is needed beside the gradients is there."""
        return True

    @abstractmethod
    def adapt(self, step: Step, good: Mark) -> None:
        """Set the learning rate, and perhaps the gradients, of the replicas that are good."""

    def take_back(self) -> None:
        """Have what there was before the latest gradients: the step was refused."""
        self._numbers, held = self._old
        for name, arrays in held.items():
            self._kept[name].arrays = arrays

    def keep_number(self, name: str, new: Any, good: Mark) -> None:
        """Keep a number of the replicas that are good."""
        self._numbers = self._numbers | {name: np.where(good, new, self._numbers[name])}

    def keep(self, step: Step, leaf: str, new: Mapping[str, Array], moves: Mark) -> None:
        """Keep arrays of a leaf, of the replicas that move."""
        for name, array in new.items():
            arrays = self._kept[name].arrays
            arrays[leaf] = np.where(step.spread(moves, array), array, arrays[leaf])
