"""The tape: what was computed, in order, and one sweep back over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from optimlab.lab.autodiff.primitive import Primitive

__all__ = ["Entry", "Tape", "hollow", "quiet"]

_NAN = b"\xff" * 32  # NaN in every floating-point format


def quiet() -> np.errstate:
    """Leave inf and NaN to speak for themselves: values outside a domain are data."""
    return np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore")


def hollow(value: Any) -> Any:
    """Return an array of the same shape and dtype that takes no memory; a number stays."""
    if isinstance(value, np.ndarray) and value.ndim:
        return np.ndarray(value.shape, value.dtype, _NAN, 0, (0,) * value.ndim)
    return value


class Entry(NamedTuple):
    """One line of a tape: y = primitive(*arguments, **options); ``parents[i]`` is the line of argument i, or -1.

    Arrays that no pull reads have given way to hollow ones, of their shape and dtype.
    """

    primitive: Primitive | None
    parents: tuple[int, ...]
    y: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def pull(self, place: int, g: Any) -> Any:
        """Return the gradient of an argument, from the gradient g of y; not yet summed to its shape."""
        return self.primitive.pulls[place](g, self.y, *self.arguments, **self.options)  # type: ignore[union-attr]


class Tape:
    """Lines in the order of their computation, which is a topological order: the sweep needs no other.

    Lines refer to each other by number, never by object, so that no depth of a graph is a depth of recursion: not in
    the sweep, not when the tape is freed.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> int:
        """Write a line and return its number."""
        self.entries.append(entry)
        return len(self.entries) - 1

    def sweep(self, last: int, seed: Any, leaves: int) -> tuple[list[Any], int]:
        """Return the gradients of the first ``leaves`` lines (None: no path), and the number of edges crossed.

        Where NaN arrives, it may be 0 · ∞ from what a selection did not take: a second sweep follows the paths.
        """
        gradients, crossed = self._swept(last, seed, leaves, _part)
        if any(g is not None and np.isnan(g).any() for g in gradients):
            flows, crossed = self._swept(last, np.stack([seed, np.ones_like(seed)]), leaves, _flow)
            gradients = [None if flow is None else flow[0] for flow in flows]
        return gradients, crossed

    def _swept(self, last: int, seed: Any, leaves: int, across: Callable[..., Any]) -> tuple[list[Any], int]:
        """Cross each edge once, where a recursion over the graph crosses it once for each path to it.

        The gradient of an intermediate value is dropped as soon as it is used.
        """
        gradients: list[Any] = [None] * (last + 1)
        gradients[last] = seed
        crossed = 0
        for line in range(last, leaves - 1, -1):
            g = gradients.pop()
            if g is None:
                continue
            entry = self.entries[line]
            for place, parent in enumerate(entry.parents):
                if parent >= 0:
                    crossed += 1
                    part = across(entry, place, g)
                    earlier = gradients[parent]
                    gradients[parent] = part if earlier is None else earlier + part
        return gradients[:leaves] + [None] * (leaves - len(gradients)), crossed


def _part(entry: Entry, place: int, g: Any) -> Any:
    primitive, _, y, arguments, options = entry
    return _fitted(primitive.pulls[place](g, y, *arguments, **options), arguments[place], primitive)  # type: ignore[union-attr]


def _flow(entry: Entry, place: int, flow: Any) -> Any:
    """Cross an edge with a gradient and its paths: 0 where none leads on, which no slope upstream, be it ∞, changes."""
    x, (g, live), paths = entry.arguments[place], flow, entry.primitive.paths  # type: ignore[union-attr]
    live = entry.pull(place, live) if paths == "chosen" else live
    live = np.full(x.shape, np.any(live)) if paths == "all" else np.not_equal(live, 0)
    part = np.where(live, entry.pull(place, g), 0)
    return np.stack([_fitted(part, x, entry.primitive), _fitted(live, x, entry.primitive)])


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
