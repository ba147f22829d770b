"""What hooks keep from step to step: arrays to write into, and arrays that belong to the leaves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import is_
from threading import get_ident
from typing import Any, final

import numpy as np

from optimlab.typing import Array

__all__ = ["Buffers", "Kept", "restored"]


@final
class Buffers:
    """Arrays of the leaves' shapes that are made once: new ones at each step cost more than the arithmetic."""

    def __init__(self) -> None:
        self._held: tuple[Any, tuple[Array, ...]] = None, ()

    def like(self, leaves: Sequence[Array], names: tuple[str, ...] = ()) -> tuple[Array, ...]:
        """Return one array for each leaf, of its shape and dtype, and none of them; what is in it is of no use.

        Those that a step of other leaves or another thread was given stay its own: optimizers may have one hook.
        """
        (owner, held), now = self._held, (get_ident(), id(names))
        same = [(x.shape, x.dtype) for x in leaves] == [(x.shape, x.dtype) for x in held]
        if owner != now or not same or any(map(is_, leaves, held)):  # the hook is in the list twice
            held = tuple(np.empty(leaf.shape, leaf.dtype) for leaf in leaves)
            self._held = now, held
        return held


@final
class Kept:
    """One array for each leaf, by name: made in the first step, or loaded from a checkpoint."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.arrays: dict[str, Array] = {}
        self._names: tuple[str, ...] = ()

    def bind(self, names: tuple[str, ...], leaves: Sequence[Array], make: Callable[[Array], Array]) -> None:
        """Make the arrays of leaves that are new, drop those of leaves that are gone; refuse those of other leaves."""
        if names is self._names:
            return
        ours, held = dict(zip(names, leaves, strict=True)), _kinds(self.arrays)
        kinds = _kinds(ours)
        if self.arrays and (not kinds.keys() & held.keys() or any(held.get(name, x) != x for name, x in kinds.items())):
            raise ValueError(f"{self.owner} holds arrays for the leaves {held}; it was given {kinds}; use a new hook")
        self.arrays = {name: self.arrays[name] if name in self.arrays else make(leaf) for name, leaf in ours.items()}
        self._names = names

    def forget(self, names: Collection[str]) -> None:
        """Drop the arrays of leaves that are gone."""
        self.arrays = {name: array for name, array in self.arrays.items() if name not in names}
        self._names = ()

    def copies(self) -> dict[str, Array]:
        """Return copies of the arrays, for a checkpoint."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take copies of arrays, which the next step checks."""
        self.arrays, self._names = {name: np.array(array) for name, array in arrays.items()}, ()


def _kinds(arrays: Mapping[str, Array]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}


def restored(array: Array) -> Any:
    """Return a number or an array as a hook held it before a checkpoint."""
    return array.item() if array.ndim == 0 else np.array(array)
