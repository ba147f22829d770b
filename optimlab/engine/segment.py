"""Segments: memory that is swept at once, a large leaf where it lies, or small leaves in one packed buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, final

import numpy as np

from optimlab.rules.algebra import Rule
from optimlab.typing import Array, Count

if TYPE_CHECKING:
    from optimlab.engine.job import Job

__all__ = ["Segment"]


@final
class Segment:
    """A stretch of memory that is swept at once: one large leaf, or all the small ones of a dtype and a rule.

    Parameters
    ----------
    leaves : dict of ndarray
        What lies in it, by the leaf's index.
    job : Job
        What is done to it.
    replicas : int or None
        S.
    packed : bool
        Whether the leaves are copied into a buffer: with replicas along its last axis, so that NumPy's inner loop runs
        over them. A large leaf is swept in the order of its memory; one that a rule looks at as a whole, in its shape.

    Attributes
    ----------
    weights, gradient : ndarray, shape (n,), with replicas (n, S) if packed, else (S, n)
        The numbers.
    state, average : tuple of ndarray, each of the shape of weights
        Slots of the rule and of the average: rows of one block.
    axis : int or None
        The axis of the replicas.
    waited, since : int, or ndarray of int, shape (S,)
        Updates that its leaves were left out of, and how many there had been when they were added: both are taken off
        t.
    swept : dict of ndarray of int
        By the leaf's index, the step in its own t when each of its rows was swept, if not all were in the last.
    kept : dict
        What an engine keeps for the next step.
    """

    weights: Array
    gradient: Array

    def __init__(
        self,
        leaves: Mapping[int, Array],
        job: Job,
        *,
        replicas: int | None,
        packed: bool,
    ) -> None:
        first, size = next(iter(leaves.values())), sum(leaf.size for leaf in leaves.values())
        self.leaves = tuple(leaves)
        self.job = job
        self.whole = job.whole
        self.packed = packed and not self.whole
        self.axis = None if replicas is None else int(self.packed)
        self.kept: dict[Any, Any] = {}
        self.waited: Count = 0
        self.since: Count = 0
        self.swept: dict[int, Array] = {}
        self._shapes = [leaf.shape for leaf in leaves.values()]
        self._transposed = not (self.packed or self.whole or first.flags.c_contiguous)
        shape: tuple[int, ...] = (size,)
        if self.whole:
            shape = first.shape
        elif replicas is not None:
            shape = (size // replicas, replicas) if packed else (replicas, size // replicas)
        self._kind = shape, first.dtype
        self.state, self.average = (_filled(slots, shape, first.dtype) for slots in job.starts)
        if self.whole:
            lead, inner = (shape[:0], shape) if replicas is None else (shape[:1], shape[1:])
            slots = zip(job.starts[0], job.shapes(inner), strict=True)
            self.state = tuple([np.full(lead + own, start, first.dtype) for start, own in slots])
        self._begin()

    def _begin(self) -> None:
        """Make the buffers, or something of this shape and dtype until the leaf is bound."""
        shape, dtype = self._kind
        if self.packed:
            self.weights, self.gradient = np.empty(shape, dtype), np.empty(shape, dtype)
        else:
            self.weights = np.broadcast_to(dtype.type(0), shape)

    def own(self, t: Count) -> Count:
        """Return how many of t updates its leaves have taken part in."""
        return t - self.since - self.waited

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
        return self.packed or self.whole or self._turned(leaves[self.leaves[0]]).flags.c_contiguous

    def bind(self, leaves: Sequence[Array]) -> None:
        """Take the arrays that the weights are read from and written to."""
        if self.packed:
            self._pairs = list(zip(self.views(self.weights), [leaves[i] for i in self.leaves], strict=True))
            self._grads = self.views(self.gradient)
        else:
            self._leaf = leaves[self.leaves[0]]
            self.weights = self._flat(self._leaf)

    def __getstate__(self) -> dict[str, Any]:
        """A copy binds arrays of its own."""
        bound = ("_pairs", "_grads", "_leaf", "weights", "gradient")
        return {name: held for name, held in vars(self).items() if name not in bound} | {"kept": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def gather(self, gradients: Sequence[Array]) -> None:
        """Read the weights and the gradients; where they are swept in place, only look at them."""
        if self.packed:
            if False in [leaf.flags.writeable for _, leaf in self._pairs]:
                raise ValueError("an array is read-only that was not when it was checked")
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
        if self.whole:
            return [block[...]]
        if not self.packed:
            return [self._turned(block.reshape(self._shapes[0][:: -1 if self._transposed else 1]))]
        views = []
        start = 0
        for shape in self._shapes:
            inner = shape if self.axis is None else shape[1:]
            stop = start + prod(inner)
            part = block[start:stop].reshape(inner + block.shape[1:])
            views.append(part if self.axis is None else np.moveaxis(part, -1, 0))
            start = stop
        return views

    def slots(self) -> dict[int, list[Array]]:
        """Return the state and the average of each leaf, in its shape, by its index."""
        rows = [self.views(row) for row in (*self.state, *self.average)]
        return {i: [views[place] for views in rows] for place, i in enumerate(self.leaves)}

    def _turned(self, leaf: Array) -> Array:
        return leaf.T if self._transposed else leaf

    def _flat(self, leaf: Array) -> Array:
        """Return the numbers in the order of the weights, as a view where it can be one."""
        if self.whole:
            return leaf
        whole = np.ascontiguousarray(self._turned(leaf))
        return whole.reshape(-1) if self.axis is None else whole.reshape(len(leaf), -1)


def _filled(starts: tuple[float, ...], shape: tuple[int, ...], dtype: Any) -> tuple[Array, ...]:
    block = np.zeros((len(starts), *shape), dtype)
    for row, start in zip(block, starts, strict=True):
        if start != 0.0:
            row[...] = start
    return tuple([block[i, ...] for i in range(len(block))])  # of a leaf without axes a number is an array too
