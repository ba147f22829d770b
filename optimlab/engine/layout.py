"""Leaves ↔ flat memory: small leaves share one packed buffer, large ones are swept where they lie."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_, itemgetter
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.engine.numbers import Numbers
from optimlab.trees import Tree, checked_apart, checked_parameter, complaint

__all__ = ["Layout", "Segment"]

Array = NDArray[Any]

_ARRAY = {np.ndarray}
PACKED = 8192
"""Numbers up to which a leaf is copied into the packed buffer: there, three copies cost less than one more sweep."""


@dataclass
class Segment:
    """A stretch of memory that is swept at once: one large leaf, or all the small ones of a dtype.

    Attributes
    ----------
    weights, gradient : ndarray, shape (n,), with replicas (S, n) or (n, S)
        The numbers; of a packed segment its buffers, of a large leaf views.
    state, average : tuple of ndarray, each of the shape of weights
        Slots of the rule and of the average: rows of one block.
    leaves : tuple of int
        Which leaves lie in it.
    axis : int or None
        The axis of the replicas.
    kept : dict
        What an engine keeps for the next step.
    """

    weights: Array
    gradient: Array
    state: tuple[Array, ...]
    average: tuple[Array, ...]
    leaves: tuple[int, ...]
    axis: int | None
    packed: bool
    into: list[Array] = field(default_factory=list)
    grads: list[Array] = field(default_factory=list)
    params: list[Array] = field(default_factory=list)
    pairs: list[tuple[Array, Array]] = field(default_factory=list)
    transposed: bool = False
    kept: dict[Any, Any] = field(default_factory=dict)

    @property
    def fixed(self) -> bool:
        """Whether the arrays are the same ones at each step, and the numbers are scalars."""
        return self.packed and self.axis is None

    def bind(self, leaves: Sequence[Array]) -> None:
        """Take the arrays that the weights are read from and written to."""
        self.params = [leaves[i] for i in self.leaves]
        if not self.packed:
            self.weights = self._flat(self.params[0])
            return
        if not self.grads:
            self.into, self.grads = self.views(self.weights), self.views(self.gradient)
        self.pairs = list(zip(self.into, self.params, strict=True))

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes its own views: copied ones would no longer show the buffers."""
        return vars(self) | {"into": [], "grads": [], "pairs": [], "kept": {}}

    def gather(self, gradients: Sequence[Array]) -> None:
        """Read the weights and the gradients; where they are swept in place, only look at them."""
        if not self.packed:
            gradient, leaf = gradients[self.leaves[0]], self.params[0]
            if gradient.shape != leaf.shape or not leaf.flags.writeable:
                raise ValueError("the arrays are not what they were when they were checked")
            self.gradient = self._flat(gradient)
            return
        for view, leaf in self.pairs:
            view[...] = leaf
        for view, i in zip(self.grads, self.leaves, strict=True):
            view[...] = gradients[i]

    def scatter(self) -> None:
        """Write the weights back."""
        for view, leaf in self.pairs:
            leaf[...] = view

    def views(self, block: Array) -> list[Array]:
        """Return the part of each leaf in a block that is laid out as the weights, in the leaf's shape."""
        if self.packed:
            return _views(block, [leaf.shape for leaf in self.params], self.axis)
        leaf = self.params[0]
        return [block.reshape(leaf.shape[::-1]).T if self.transposed else block.reshape(leaf.shape)]

    def _flat(self, leaf: Array) -> Array:
        """Return the numbers in the order of the weights, as a view where it can be one."""
        whole = np.ascontiguousarray(leaf.T if self.transposed else leaf)
        return whole.reshape(-1) if self.axis is None else whole.reshape(len(leaf), -1)


def _views(buffer: Array, shapes: Sequence[tuple[int, ...]], axis: int | None) -> list[Array]:
    """Cut a packed buffer, (n,) or (n, S), into views of these shapes."""
    views = []
    start = 0
    for shape in shapes:
        inner = shape if axis is None else shape[1:]
        stop = start + int(np.prod(inner, dtype=np.int64))
        part = buffer[start:stop].reshape(inner + buffer.shape[1:])
        views.append(part if axis is None else np.moveaxis(part, -1, 0))
        start = stop
    return views


class Layout:
    """The leaves of the parameters in segments.

    Parameters
    ----------
    tree : Tree
        Structure of the parameters.
    params : container of arrays
        The parameters.
    slots : tuple of two tuples of float
        Start values of the rule's and of the average's state.
    replicas : int or None
        Length of the first axis of every leaf, if that is one of replicas.
    pack : int
        Size up to which a leaf is packed.
    """

    def __init__(
        self,
        tree: Tree,
        params: Any,
        slots: tuple[tuple[float, ...], tuple[float, ...]],
        *,
        replicas: int | None = None,
        pack: int = PACKED,
    ) -> None:
        leaves = tree.leaves(params)
        for leaf, name in zip(leaves, tree.names, strict=True):
            checked_parameter(leaf, name, replicas)
        checked_apart(leaves, tree.names)
        self.tree = tree
        self.names = tree.names
        self.replicas = replicas
        self.shapes = [leaf.shape for leaf in leaves]
        self.dtypes = [leaf.dtype for leaf in leaves]
        self.latest: tuple[Array, ...] = ()
        self.segments = self._segments(leaves, slots, pack)
        self._rebind(leaves)

    def _segments(self, leaves: list[Array], slots: Any, pack: int) -> list[Segment]:
        small: dict[Any, list[int]] = {}
        segments = []
        for i, leaf in enumerate(leaves):
            if self._is_small(leaf, pack):
                small.setdefault(leaf.dtype, []).append(i)
            else:
                segments.append(_large(leaf, i, slots, self.replicas))
        packed = [_packed(leaves, indices, slots, self.replicas) for indices in small.values()]
        return [*packed, *segments]

    def _is_small(self, leaf: Array, pack: int) -> bool:
        if self.replicas is None:
            return leaf.size <= pack or not (leaf.flags.c_contiguous or leaf.flags.f_contiguous)
        return leaf.size <= max(pack, self.replicas**2) or not leaf.flags.c_contiguous

    def bind(self, params: Any) -> None:
        """Take the parameters, checked if they are not the arrays of the last step."""
        leaves = self.tree.leaves(params)
        if self.leaves and all(map(is_, leaves, self.leaves)):
            return
        self._check_parameters(leaves)
        checked_apart(leaves, self.names)
        self._rebind(leaves)

    def _check_parameters(self, leaves: Sequence[Array]) -> None:
        self._check("parameter", leaves)
        for leaf, name in zip(leaves, self.names, strict=True):
            checked_parameter(leaf, name, self.replicas)

    def __getstate__(self) -> dict[str, Any]:
        """A copy knows no arrays of the user's, so that it binds those that it is given."""
        return vars(self) | {"leaves": (), "latest": (), "spans": []}

    def _rebind(self, leaves: list[Array]) -> None:
        for segment in self.segments:
            if not segment.packed:
                leaf = leaves[segment.leaves[0]]
                order = leaf.T if segment.transposed else leaf
                if not order.flags.c_contiguous:
                    name = self.names[segment.leaves[0]]
                    raise ValueError(f"parameter {name!r} must keep its memory order; got strides {leaf.strides}")
            segment.bind(leaves)
        self.leaves = tuple(leaves)
        large = [segment.weights for segment in self.segments if not segment.packed]
        self.spans = sorted(map(np.lib.array_utils.byte_bounds, large))

    def gather(self, gradients: Sequence[Array]) -> None:
        """Read weights and gradients into the segments; copy a gradient that lies in memory which the sweep changes."""
        for segment in self.segments:
            try:
                segment.gather(gradients)
            except ValueError:  # the same arrays as in the last step, but changed in place since
                self._check_parameters(self.leaves)
                self._check("gradient", gradients)
                raise
            if not segment.packed and self._swept(segment.gradient):
                segment.gradient = segment.gradient.copy()

    def _swept(self, x: Array) -> bool:
        """Whether a flat array shares memory with leaves that are swept in place."""
        low, high = np.lib.array_utils.byte_bounds(x)
        first = bisect_right(self.spans, low, key=itemgetter(1))
        return first < len(self.spans) and self.spans[first][0] < high

    def gradients(self, gradients: Any) -> tuple[Array, ...]:
        """Return the leaves of the gradients, checked if they are not the arrays of the last step."""
        leaves = self.tree.leaves(gradients)
        if len(leaves) == len(self.latest) and all(map(is_, leaves, self.latest)):
            return self.latest
        self.latest = self.checked_gradients(tuple(leaves))
        return self.latest

    def checked_gradients(self, leaves: tuple[Any, ...]) -> tuple[Array, ...]:
        """Return these leaves, if they can be gradients."""
        if len(leaves) != len(self.names):
            raise ValueError(f"there must be {len(self.names)} gradients, as parameters; a hook gave {len(leaves)}")
        if set(map(type, leaves)) != _ARRAY:  # arithmetic on 0-d arrays makes NumPy scalars; np.matrix is never 1-D
            arrays = (np.generic, np.ndarray)
            leaves = tuple([np.asarray(leaf) if isinstance(leaf, arrays) else leaf for leaf in leaves])
        self._check("gradient", leaves)
        return leaves

    def slots(self, block: str, names: tuple[str, ...]) -> dict[str, Mapping[str, Array]]:
        """Return the slots of "state" or "average" by leaf and name, in the leaf's shape, read-only."""
        found: dict[str, dict[str, Array]] = {name: {} for name in self.names}
        for slot, leaf, view in self.writable(block, names):
            view.flags.writeable = False
            found[leaf][slot] = view
        return {leaf: MappingProxyType(slots) for leaf, slots in found.items()}

    def writable(self, block: str, names: tuple[str, ...]) -> Iterator[tuple[str, str, Array]]:
        """Yield slot, leaf and the slot's memory in the leaf's shape."""
        for segment in self.segments:
            for name, row in zip(names, getattr(segment, block), strict=True):
                for i, view in zip(segment.leaves, segment.views(row), strict=True):
                    yield name, self.names[i], view

    def averages(self, read: Callable[[Any, Any], Any], numbers: Numbers) -> list[Array]:
        """Return the value of the average of each leaf, in order."""
        found: list[Any] = [None] * len(self.names)
        for segment in self.segments:
            c = numbers.cast(segment.weights.dtype, segment.axis).average
            values = segment.views(np.asarray(read(segment.average, c)))
            for i, view in zip(segment.leaves, values, strict=True):
                found[i] = view
        return found

    def _check(self, kind: str, leaves: Sequence[Any]) -> None:
        arrays = set(map(type, leaves)) == _ARRAY and [leaf.shape for leaf in leaves] == self.shapes
        if arrays and [leaf.dtype for leaf in leaves] == self.dtypes:
            return
        for leaf, name, shape, dtype in zip(leaves, self.names, self.shapes, self.dtypes, strict=True):
            if not isinstance(leaf, np.ndarray) or leaf.shape != shape or leaf.dtype != dtype:
                raise complaint(kind, leaf, name, shape, dtype)


def _blocks(shape: tuple[int, ...], dtype: Any, slots: Any) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Return the state of the rule and of the average at their start values."""
    return _filled(slots[0], shape, dtype), _filled(slots[1], shape, dtype)


def _filled(starts: tuple[float, ...], shape: tuple[int, ...], dtype: Any) -> tuple[Array, ...]:
    block = np.zeros((len(starts), *shape), dtype)
    for row, start in zip(block, starts, strict=True):
        if start != 0.0:
            row[...] = start
    return tuple(block)


def _large(leaf: Array, index: int, slots: Any, replicas: int | None) -> Segment:
    shape = (leaf.size,) if replicas is None else (replicas, leaf.size // replicas)
    transposed = not leaf.flags.c_contiguous
    axis = None if replicas is None else 0
    empty = np.empty(0, leaf.dtype)
    return Segment(
        empty, empty, *_blocks(shape, leaf.dtype, slots), (index,), axis, packed=False, transposed=transposed
    )


def _packed(leaves: list[Array], indices: list[int], slots: Any, replicas: int | None) -> Segment:
    """Replicas lie along the last axis here, so that NumPy's inner loop runs over them."""
    count = sum(leaves[i].size for i in indices)
    shape = (count,) if replicas is None else (count // replicas, replicas)
    dtype = leaves[indices[0]].dtype
    axis = None if replicas is None else 1
    weights, gradient = np.empty(shape, dtype), np.empty(shape, dtype)
    return Segment(weights, gradient, *_blocks(shape, dtype, slots), tuple(indices), axis, packed=True)
