"""Leaves ↔ flat memory: small leaves share one packed buffer, large ones are swept where they lie."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import is_, itemgetter
from typing import Any

import numpy as np

from optimlab.engine.given import check, check_apart, check_first, check_same, check_writable, plain
from optimlab.engine.numbers import Numbers
from optimlab.rules.algebra import Rule
from optimlab.trees import tree_of
from optimlab.typing import Array, Count

__all__ = ["Layout", "Segment"]

_ARRAY = {np.ndarray}
PACKED = 8192
"""Numbers up to which a leaf is copied into the packed buffer: there, three copies cost less than one more sweep."""


class Segment:
    """A stretch of memory that is swept at once: one large leaf, or all the small ones of a dtype and a rule.

    Parameters
    ----------
    leaves : dict of ndarray
        What lies in it, by the leaf's index.
    rule : int
        Index of the rule that sweeps it.
    starts : two tuples of float
        What the slots of the rule and of the average hold before the first step.
    replicas : int or None
        S.
    packed : bool
        Whether the leaves are copied into a buffer: with replicas along its last axis, so that NumPy's inner loop runs
        over them. A large leaf is swept in the order of its memory.

    Attributes
    ----------
    weights, gradient : ndarray, shape (n,), with replicas (n, S) if packed, else (S, n)
        The numbers.
    state, average : tuple of ndarray, each of the shape of weights
        Slots of the rule and of the average: rows of one block.
    axis : int or None
        The axis of the replicas.
    kept : dict
        What an engine keeps for the next step.
    waited : int or ndarray of int, shape (S,)
        Steps in which its leaves had no gradient.
    """

    weights: Array
    gradient: Array

    def __init__(
        self,
        leaves: Mapping[int, Array],
        rule: int,
        *,
        starts: Sequence[tuple[float, ...]],
        replicas: int | None,
        packed: bool,
    ) -> None:
        first, size = next(iter(leaves.values())), sum(leaf.size for leaf in leaves.values())
        self.leaves = tuple(leaves)
        self.rule = rule
        self.packed = packed
        self.axis = None if replicas is None else int(packed)
        self.kept: dict[Any, Any] = {}
        self.waited: Count = 0
        self._shapes = [leaf.shape for leaf in leaves.values()]
        self._transposed = not packed and not first.flags.c_contiguous
        shape: tuple[int, ...] = (size,)
        if replicas is not None:
            shape = (size // replicas, replicas) if packed else (replicas, size // replicas)
        self.state, self.average = (_filled(slots, shape, first.dtype) for slots in starts)
        if packed:
            self.weights, self.gradient = np.empty(shape, first.dtype), np.empty(shape, first.dtype)

    @property
    def fixed(self) -> bool:
        """Whether the arrays are the same ones at each step, and the numbers are scalars."""
        return self.packed and self.axis is None

    def arrays(self, rule: Rule | None, average: Rule | None) -> tuple[Array, ...]:
        """Return what a step reads and writes: of the rule, of the average, or of both."""
        updated = (self.weights,) if rule is None else (self.gradient, self.weights, *self.state)
        return updated if average is None else (*updated, *self.average)

    def ordered(self, leaves: Sequence[Array]) -> bool:
        """Whether a large leaf lies in memory as it did in the first step."""
        return self.packed or self._turned(leaves[self.leaves[0]]).flags.c_contiguous

    def bind(self, leaves: Sequence[Array]) -> None:
        """Take the arrays that the weights are read from and written to."""
        if self.packed:
            self._pairs = list(zip(self.views(self.weights), [leaves[i] for i in self.leaves], strict=True))
            self._grads = self.views(self.gradient)
        else:
            self._leaf = leaves[self.leaves[0]]
            self.weights = self._flat(self._leaf)

    def __getstate__(self) -> dict[str, Any]:
        """A copy binds arrays of its own: its views would no longer show the buffers."""
        bound = ("_pairs", "_grads") if self.packed else ("_leaf", "weights", "gradient")
        return {name: held for name, held in vars(self).items() if name not in bound} | {"kept": {}}

    def gather(self, gradients: Sequence[Array]) -> None:
        """Read the weights and the gradients; where they are swept in place, only look at them."""
        if self.packed:
            self.reread()
            for view, i in zip(self._grads, self.leaves, strict=True):
                view[...] = gradients[i]
            return
        gradient = gradients[self.leaves[0]]
        if gradient.shape != self._leaf.shape or not self._leaf.flags.writeable:
            raise ValueError("the arrays are not what they were when they were checked")
        self.gradient = self._flat(gradient)

    def reread(self) -> None:
        """Read the weights alone; what is swept in place need not be read."""
        if self.packed:
            for view, leaf in self._pairs:
                view[...] = leaf

    def scatter(self) -> None:
        """Write the weights back."""
        if self.packed:
            for view, leaf in self._pairs:
                leaf[...] = view

    def views(self, block: Array) -> list[Array]:
        """Return the part of each leaf in a block that is laid out as the weights, in the leaf's shape."""
        if not self.packed:
            return [self._turned(block.reshape(self._shapes[0][:: -1 if self._transposed else 1]))]
        views = []
        start = 0
        for shape in self._shapes:
            inner = shape if self.axis is None else shape[1:]
            stop = start + int(np.prod(inner, dtype=np.int64))
            part = block[start:stop].reshape(inner + block.shape[1:])
            views.append(part if self.axis is None else np.moveaxis(part, -1, 0))
            start = stop
        return views

    def _turned(self, leaf: Array) -> Array:
        return leaf.T if self._transposed else leaf

    def _flat(self, leaf: Array) -> Array:
        """Return the numbers in the order of the weights, as a view where it can be one."""
        whole = np.ascontiguousarray(self._turned(leaf))
        return whole.reshape(-1) if self.axis is None else whole.reshape(len(leaf), -1)


def _filled(starts: tuple[float, ...], shape: tuple[int, ...], dtype: Any) -> tuple[Array, ...]:
    block = np.zeros((len(starts), *shape), dtype)
    for row, start in zip(block, starts, strict=True):
        if start != 0.0:
            row[...] = start
    return tuple(block)


class Layout:
    """The leaves of the parameters in segments, and the rules that sweep them.

    Parameters
    ----------
    params : container of arrays
        The parameters.
    rule, average : Rule, Rule or None
        What is swept; it says the rule of each leaf, and what the slots start with.
    replicas : int or None
        Length of the first axis of every leaf, if that is one of replicas.
    pack : int
        Size up to which a leaf is packed.

    Attributes
    ----------
    names, shapes, dtypes, leaves
        Of the leaves, in order.
    last : tuple of ndarray
        The parameters of the last step, after a release too.
    rules : list of Rule
        The different ones.
    segments : list of Segment
        The memory.
    """

    def __init__(
        self, params: Any, rule: Rule, average: Rule | None, *, replicas: int | None = None, pack: int = PACKED
    ) -> None:
        self.tree = tree_of(params)
        self.names = tuple([name or "params" for name in self.tree.names])
        self.replicas = replicas
        leaves = self._plain("parameter", self.tree.leaves(params))
        check_first(leaves, self.names, replicas)
        self.shapes = [leaf.shape for leaf in leaves]
        self.dtypes = [leaf.dtype for leaf in leaves]
        self.leaves: tuple[Array, ...] = ()
        self.last: tuple[Array, ...] = ()
        self._given: tuple[Any, ...] = ()
        self.latest: tuple[Array, ...] = ()
        self.rules: list[Rule] = []
        self._starts = rule.start, () if average is None else average.start
        self.waiting: tuple[bool, ...] = ()
        self.active = self.segments = self._segments(leaves, rule, pack)
        self.bind(params)

    def _segments(self, leaves: list[Array], rule: Rule, pack: int) -> list[Segment]:
        parts: dict[Any, dict[int, Array]] = {}
        for i, (leaf, own) in enumerate(zip(leaves, rule.on(self.names), strict=True)):
            if own not in self.rules:
                self.rules.append(own)
            packed = self._is_small(leaf, pack)
            parts.setdefault((self.rules.index(own), packed, leaf.dtype if packed else i), {})[i] = leaf
        return [
            Segment(held, own, starts=self._starts, replicas=self.replicas, packed=packed)
            for (own, packed, _), held in parts.items()
        ]

    def _is_small(self, leaf: Array, pack: int) -> bool:
        if self.replicas is None:
            return leaf.size <= pack or not (leaf.flags.c_contiguous or leaf.flags.f_contiguous)
        return leaf.size <= max(pack, self.replicas**2) or not leaf.flags.c_contiguous

    def bind(self, params: Any) -> None:
        """Take the parameters; others than those of the last step are checked to be the same memory."""
        given = self.tree.leaves(params)
        if self._given and all(map(is_, given, self._given)):
            return
        leaves = self._plain("parameter", given)
        self._check_parameters(leaves)
        check_apart(leaves, self.names)
        if self.leaves:
            check_same(leaves, self.leaves, self.names)
        for segment in self.segments:
            segment.bind(leaves)
        large = [segment.weights for segment in self.segments if not segment.packed]
        self.leaves = self.last = tuple(leaves)
        self._given = tuple(given)
        self._spans = sorted(map(np.lib.array_utils.byte_bounds, large))

    def release(self) -> None:
        """Forget the arrays: the next ones may be others."""
        self.leaves = self._given = self.latest = ()

    def __getstate__(self) -> dict[str, Any]:
        """A copy knows no arrays of the user's, so that it binds those that it is given."""
        return vars(self) | {"leaves": (), "last": (), "_given": (), "latest": ()}

    def _plain(self, role: str, leaves: Sequence[Any]) -> list[Any]:
        if set(map(type, leaves)) == _ARRAY:
            return list(leaves)
        return [plain(f"{role} {name!r}", leaf) for leaf, name in zip(leaves, self.names, strict=True)]

    def gather(self, gradients: Sequence[Array]) -> None:
        """Read weights and gradients into the segments; copy a gradient that lies in memory which the sweep changes."""
        for segment in self.active:
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
        first = bisect_right(self._spans, low, key=itemgetter(1))
        return first < len(self._spans) and self._spans[first][0] < high

    def gradients(self, gradients: Any) -> tuple[Array, ...]:
        """Return the leaves of the gradients, checked if they are not the arrays of the last step."""
        leaves = self.tree.leaves(gradients)
        if len(leaves) == len(self.latest) and all(map(is_, leaves, self.latest)):
            return self.latest
        self.waiting = ()
        if self.tree.parts is not None and any(leaf is None for leaf in leaves):
            leaves = self._without(leaves, self.tree.lacking(gradients))
        self.latest = self.checked_gradients(tuple(leaves))
        return self.latest

    def _without(self, leaves: Sequence[Any], lacking: Sequence[str]) -> list[Any]:
        """Mark the leaves that have no gradient, and put zeros in their places, but not where a dict lacks them."""
        self.waiting = tuple(
            [leaf is None and name not in lacking for leaf, name in zip(leaves, self.names, strict=True)]
        )
        rows = zip(leaves, self.waiting, self.shapes, self.dtypes, strict=True)
        return [np.broadcast_to(dtype.type(0), shape) if waits else leaf for leaf, waits, shape, dtype in rows]

    def activate(self, waiting: Sequence[bool]) -> list[Segment]:
        """Choose what the next sweep is of: all but the leaves that wait; return the segments of these."""
        if not any(waiting):
            self.active = self.segments
            return []
        self._part(waiting)
        self.active = [segment for segment in self.segments if not waiting[segment.leaves[0]]]
        return [segment for segment in self.segments if waiting[segment.leaves[0]]]

    def wait(self, counts: Mapping[str, Count]) -> None:
        """Take how many steps each leaf has waited, from a checkpoint."""
        held = [np.asarray(counts.get(name, 0)) for name in self.names]
        for count in held:
            marks = [np.array_equal(other, count) for other in held]
            self._part(marks)
            for segment in self.segments:
                if marks[segment.leaves[0]]:
                    segment.waited = int(count) if count.ndim == 0 else count.copy()

    def waited(self) -> dict[str, Count]:
        """Return how many steps each leaf has waited, if it has."""
        waits = [segment for segment in self.segments if np.any(segment.waited)]
        return {self.names[i]: segment.waited for segment in waits for i in segment.leaves}

    def _part(self, marks: Sequence[bool]) -> None:
        """Cut the segments that hold leaves of both kinds in two."""
        parts: list[Segment] = []
        for segment in self.segments:
            kinds = {marks[i] for i in segment.leaves}
            parts += [segment] if len(kinds) == 1 else [self._cut(segment, marks, kind) for kind in kinds]
        self.active = self.segments = parts

    def _cut(self, whole: Segment, marks: Sequence[bool], kind: bool) -> Segment:
        """Return a segment of its own for the leaves of one kind, with their state."""
        mine = [i for i in whole.leaves if marks[i] == kind]
        leaves = {i: np.broadcast_to(self.dtypes[i].type(0), self.shapes[i]) for i in mine}
        part = Segment(leaves, whole.rule, starts=self._starts, replicas=self.replicas, packed=True)
        part.waited = whole.waited
        for new, old in zip((*part.state, *part.average), (*whole.state, *whole.average), strict=True):
            views = dict(zip(whole.leaves, whole.views(old), strict=True))
            for i, view in zip(mine, part.views(new), strict=True):
                view[...] = views[i]
        if self.leaves:
            part.bind(self.leaves)
        return part

    def checked_gradients(self, leaves: tuple[Any, ...]) -> tuple[Array, ...]:
        """Return these leaves, if they can be gradients."""
        if len(leaves) != len(self.names):
            raise ValueError(f"there must be {len(self.names)} gradients, as parameters; a hook gave {len(leaves)}")
        arrays = tuple(self._plain("gradient", leaves))  # arithmetic on 0-d arrays makes NumPy scalars
        self._check("gradient", arrays)
        return arrays

    def memory(self, block: str, slots: tuple[str, ...]) -> Iterator[tuple[str, str, Array]]:
        """Yield leaf, slot and the slot's memory in the leaf's shape, of the block "state" or "average"."""
        for segment in self.segments:
            for slot, row in zip(slots, getattr(segment, block), strict=True):
                for i, view in zip(segment.leaves, segment.views(row), strict=True):
                    yield self.names[i], slot, view

    def averages(self, read: Callable[..., Array], numbers: Numbers) -> list[Array]:
        """Return the value of the average of each leaf, in order."""
        found: dict[int, Array] = {}
        for segment in self.segments:
            c = tuple(numbers.along(segment.weights, segment.axis))
            found |= zip(segment.leaves, segment.views(np.asarray(read(segment.average, c))), strict=True)
        return [found[i] for i in range(len(self.names))]

    def _check_parameters(self, leaves: Sequence[Array]) -> None:
        self._check("parameter", leaves)
        check_writable(leaves, self.names)
        for segment in self.segments:
            if not segment.ordered(leaves):
                name, strides = self.names[segment.leaves[0]], leaves[segment.leaves[0]].strides
                remedy = "make it with the order that it had in the first step"
                raise ValueError(f"parameter {name!r} must keep its memory order; got strides {strides}; {remedy}")

    def _check(self, role: str, leaves: Sequence[Any]) -> None:
        arrays = set(map(type, leaves)) == _ARRAY and [leaf.shape for leaf in leaves] == self.shapes
        if not arrays or [leaf.dtype for leaf in leaves] != self.dtypes:
            for leaf, name, shape, dtype in zip(leaves, self.names, self.shapes, self.dtypes, strict=True):
                check(f"{role} {name!r}", leaf, shape, dtype)
