"""Rows: a step that moves some rows of large tables, such as the words of an embedding that a batch has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from optimlab.engine.given import check, check_writable, plain
from optimlab.engine.layout import Layout
from optimlab.engine.segment import Segment
from optimlab.rules.algebra import Rule
from optimlab.typing import Array

__all__ = ["Rows", "check_rows", "checked_blocks", "keep", "settle", "taken"]


@final
class Rows:
    """Some rows of one leaf, taken out: what an engine sweeps in the place of a segment.

    Parameters
    ----------
    leaf : int
        Index of the leaf.
    layout : Layout
        Where it lies.
    rows, gradient : ndarray
        Which rows, and their gradients; those of a row that is there more than once are summed.

    Attributes
    ----------
    index : ndarray of int, shape (n,)
        The different rows.
    weights, gradient : ndarray, shape (n·k,)
        Their numbers.
    state : list of ndarray, shape (n·k,)
        Their slots.
    """

    axis = None
    fixed = False
    whole = False
    average: tuple[Array, ...] = ()

    def __init__(self, leaf: int, layout: Layout, rows: Any, gradient: Any) -> None:
        name, table = layout.names[leaf], layout.leaves[leaf]
        check_writable([table], (name,))
        self.leaf = leaf
        self.name = name
        self.kept: dict[Any, Any] = {}
        index = _checked(name, rows, len(table) if table.ndim else 0)
        gradient = plain(f"gradient {name!r}", gradient)
        check(f"gradient {name!r}, one row for each of rows,", gradient, (len(index), *table.shape[1:]), table.dtype)
        self.index, block = _summed(index, gradient)
        self.shape = block.shape
        self.table = table
        self.gradient = block.reshape(-1)
        self.segment = next(segment for segment in layout.segments if leaf in segment.leaves)
        self.slots = [self.segment.views(row)[self.segment.leaves.index(leaf)] for row in self.segment.state]
        self.weights, *self.state = [x.take(self.index, axis=0).reshape(-1) for x in (table, *self.slots)]

    def fade(self, t: int) -> None:
        """Let the state of the rows fade from the steps when they were swept to step t."""
        last = self.segment.swept.get(self.leaf)
        if last is not None:
            for x, fade in zip(self.state, self.segment.job.fades, strict=True):
                block = x.reshape(self.shape)
                block *= _factor(fade(last[self.index], self.segment.own(t)), block)

    def arrays(self, rule: Rule | None, average: Rule | None) -> tuple[Array, ...]:
        """Return what a step reads and writes."""
        return (self.gradient, self.weights, *self.state)

    def memory(self) -> list[tuple[str, str, Array]]:
        """Return leaf, slot and numbers of the state."""
        return [(self.name, slot, x) for slot, x in zip(self.segment.job.rule.slots, self.state, strict=True)]

    def keep(self) -> None:
        """Write the state back."""
        for slot, x in zip(self.slots, self.state, strict=True):
            slot[self.index] = x.reshape(self.shape)

    def scatter(self) -> None:
        """Write the weights back."""
        self.table[self.index] = self.weights.reshape(self.shape)


def check_rows(layout: Layout, hooks: Sequence[Any], *, decay: bool) -> None:
    """Refuse what needs whole leaves."""
    remedy = "use opt.step with gradients of zeros elsewhere"
    if layout.replicas is not None:
        raise ValueError(f"rows of replicas cannot be stepped; {remedy}")
    if any(job.average is not None for job in layout.jobs):
        raise ValueError(f"an average is of all weights; {remedy}")
    for job in layout.jobs:
        if job.whole:
            raise ValueError(f"{job.rule!r} looks at whole leaves; {remedy}")
    for hook in hooks:
        if getattr(hook, "whole_leaves", False):
            raise ValueError(f"{hook!r} needs whole leaves; {remedy}")
    for job in layout.jobs if decay else ():
        _ = job.fades


def _checked(name: str, rows: Any, count: int) -> Array:
    """Return which rows of a leaf are meant."""
    index = np.asarray(plain(f"rows of {name!r}", rows))
    if index.ndim != 1 or index.dtype.kind not in "iu":
        remedy = "np.flatnonzero(mask) makes them of a mask" if index.dtype == bool else "such as np.array([3, 7])"
        raise TypeError(f"rows of {name!r} must be a 1-D array of integers; got {index.dtype} {index.shape}; {remedy}")
    if index.size and not count:
        raise ValueError(f"parameter {name!r} has no rows; give None for its rows and its gradient")
    if index.size and not (index.min() >= 0 and index.max() < count):
        raise ValueError(f"rows of {name!r} must be from 0 to {count - 1}; got {index.min()} to {index.max()}")
    return index


def _summed(index: Array, gradient: Array) -> tuple[Array, Array]:
    """Return the different rows and their gradients, in order, those of equal rows summed."""
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    new = np.empty(len(index), bool)
    new[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    if new.all():
        return ordered, gradient[order]
    starts = np.flatnonzero(new)
    return ordered[starts], np.add.reduceat(gradient[order], starts, axis=0)


def _factor(factor: Any, block: Array) -> Array:
    """Return a number for each row, in the dtype of the rows and shaped to meet them."""
    return np.asarray(factor, block.dtype).reshape(-1, *(1,) * (block.ndim - 1))


def taken(layout: Layout, rows: Any, gradients: Any) -> list[Rows]:
    """Return the rows of all leaves that have some, and are not frozen."""
    pairs = list(zip(layout.tree.leaves(rows), layout.tree.leaves(gradients), strict=True))
    for name, (index, gradient) in zip(layout.names, pairs, strict=True):
        if (index is None) != (gradient is None):
            lacks, has = ("rows", "a gradient") if index is None else ("a gradient", "rows")
            raise ValueError(f"leaf {name!r} has {has} but not {lacks}; give both, or None for both")
    there = [i for i, (index, _) in enumerate(pairs) if index is not None and not layout.frozen[i]]
    return [Rows(i, layout, *pairs[i]) for i in there]


def checked_blocks(parts: Sequence[Rows], given: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the gradients of rows that a hook has set, checked."""
    if len(given) != len(parts):
        raise ValueError(f"there must be {len(parts)} gradients, as leaves with rows; a hook gave {len(given)}")
    for part, g in zip(parts, given, strict=True):
        check(f"gradient {part.name!r}", g, part.shape, part.weights.dtype)
    return given


def keep(layout: Layout, parts: Sequence[Rows], t: int, *, decay: bool) -> None:
    """Write the state of rows back after update t + 1; if others fade, note when each row was swept."""
    for segment in layout.segments if decay else ():
        for leaf in segment.leaves:
            if leaf not in segment.swept:  # until now all its rows were, or have faded to t
                segment.swept[leaf] = np.full((layout.shapes[leaf] or (1,))[0], segment.own(t))
    for part in parts:
        part.keep()
        if decay:
            part.segment.swept[part.leaf][part.index] = part.segment.own(t + 1)


def settle(segments: list[Segment], t: int) -> None:
    """Let the state of all rows fade to step t, and forget when each was swept."""
    for segment in segments:
        for leaf, last in segment.swept.items():
            for row, fade in zip(segment.state, segment.job.fades, strict=True):
                view = segment.views(row)[segment.leaves.index(leaf)]
                view *= _factor(fade(last, segment.own(t)), view)
        segment.swept.clear()
