"""What hooks ask of leaves: numbers that meet them, which replicas move, buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Buffers", "check_held", "idle", "live", "moving", "restored", "skip", "spread", "unscaled"]

Array = NDArray[Any]
Floats = NDArray[np.float64]


def spread(number: Any, leaf: Array) -> Any:
    """Return a number, or one for each replica, in the dtype of a leaf and shaped to meet it."""
    numbers = np.asarray(number, leaf.dtype)
    return numbers.reshape(-1, *(1,) * (leaf.ndim - 1)) if numbers.ndim else numbers


def moving(skip: Any, leaf: Array) -> NDArray[np.bool_]:
    """Return which replicas of a leaf move, as a mask that meets it."""
    marks = ~np.asarray(skip, bool)
    return marks.reshape(-1, *(1,) * (leaf.ndim - 1)) if marks.ndim else marks


def idle(step: Step) -> bool:
    """Whether the step is skipped, with replicas by all of them."""
    return step.skip is not False and bool(np.all(step.skip))


def check_held(owner: str, held: Mapping[str, Array], names: Sequence[str], leaves: Sequence[Array]) -> None:
    """Refuse what a hook has loaded for other leaves."""
    ours = {name: (leaf.shape, str(leaf.dtype)) for name, leaf in zip(names, leaves, strict=True)}
    theirs = {name: (array.shape, str(array.dtype)) for name, array in held.items()}
    if ours != theirs:
        raise ValueError(f"{owner} holds arrays for the leaves {theirs}; it was given {ours}; use a new hook")


def live(step: Step) -> Any:
    """Which replicas are not skipped, shape (S,); without replicas True or False."""
    return not step.skip if step.replicas is None else np.broadcast_to(~np.asarray(step.skip, bool), (step.replicas,))


def skip(step: Step, marks: Any) -> None:
    """Skip these replicas too, without replicas the step."""
    step.skip = bool(step.skip or marks) if step.replicas is None else np.asarray(step.skip) | marks


def restored(array: Array) -> Any:
    """Return a number or an array as a hook held it before a checkpoint."""
    return array.item() if array.ndim == 0 else np.array(array)


def unscaled(step: Step) -> bool:
    """Whether the factor on the gradients is 1."""
    return step.scale == 1.0 if isinstance(step.scale, float) else bool(np.all(step.scale == 1.0))


class Buffers:
    """Arrays of the leaves' shapes that are made once: new ones at each step cost more than the arithmetic."""

    def __init__(self) -> None:
        self._held: tuple[Array, ...] = ()

    def like(self, leaves: Sequence[Array]) -> tuple[Array, ...]:
        """Return one array for each leaf, of its shape and dtype; what is in it is of no use."""
        now = [(leaf.shape, leaf.dtype) for leaf in leaves]
        if now != [(held.shape, held.dtype) for held in self._held]:
            self._held = tuple(np.empty(shape, dtype) for shape, dtype in now)
        return self._held
