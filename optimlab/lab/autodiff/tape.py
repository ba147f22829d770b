"""The tape: what was computed, in order, and one sweep back over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from optimlab.lab.autodiff.primitive import Primitive

__all__ = ["Entry", "Tape", "quiet"]


def quiet() -> np.errstate:
    """Leave inf and NaN to speak for themselves: values outside a domain are data."""
    return np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore")


class Entry(NamedTuple):
    """One line of a tape: y = primitive(*arguments, **options); ``parents[i]`` is the line of argument i, or -1."""

    primitive: Primitive | None
    parents: tuple[int, ...]
    y: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Tape:
    """Lines in the order of their computation, which is a topological order: the sweep needs no other.

    Lines refer to each other by number, never by object, so that no depth of a graph is a depth of recursion: not in
    the sweep, not when the tape is freed.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> int:
        """Write a line and return its number; the value can no longer be changed."""
        if isinstance(entry.y, np.ndarray):
            entry.y.setflags(write=False)
        self.entries.append(entry)
        return len(self.entries) - 1

    def sweep(self, last: int, seed: Any, leaves: int) -> tuple[list[Any], int]:
        """Return the gradients of the first ``leaves`` lines (None: no path), and the number of edges crossed.

        Each edge is crossed once, where a recursion over the graph crosses it once for each path to it. The gradient of
        an intermediate value is dropped as soon as it is used.
        """
        gradients: list[Any] = [None] * (last + 1)
        gradients[last] = seed
        crossed = 0
        for line in range(last, leaves - 1, -1):
            g = gradients.pop()
            if g is None:
                continue
            primitive, parents, y, arguments, options = self.entries[line]
            for place, parent in enumerate(parents):
                if parent >= 0:
                    crossed += 1
                    part = primitive.pulls[place](g, y, *arguments, **options)  # type: ignore[union-attr]
                    part = _fitted(part, arguments[place], primitive)
                    earlier = gradients[parent]
                    gradients[parent] = part if earlier is None else earlier + part
        return gradients[:leaves] + [None] * (leaves - len(gradients)), crossed


def _fitted(part: Any, x: Any, primitive: Any) -> Any:
    """Give a gradient the shape and the dtype of x."""
    shape = x.shape
    if getattr(part, "shape", None) != shape:
        part = _summed(np.asarray(part), shape, primitive)
    return part if part.dtype == x.dtype else part.astype(x.dtype)


def _summed(part: Any, shape: tuple[int, ...], primitive: Any) -> Any:
    """Sum a gradient over the axes along which x was broadcast."""
    added = part.ndim - len(shape)
    if added < 0 or any(n not in (1, wide) for n, wide in zip(shape, part.shape[added:], strict=True)):
        raise ValueError(
            f"the gradient of {primitive.name} must have the shape {shape} of its argument, or that of its value; "
            f"got {part.shape}"
        )
    stretched = tuple(axis + added for axis, n in enumerate(shape) if n == 1 and part.shape[axis + added] != 1)
    return part.sum(axis=(*range(added), *stretched)).reshape(shape)
