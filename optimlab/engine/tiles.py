"""The NumPy engine: the composed formula on tiles that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.engine.layout import Segment
from optimlab.engine.numbers import Cast, Numbers
from optimlab.rules.algebra import Rule

__all__ = ["TileEngine"]

Array = NDArray[Any]

TILE = 196608
"""Bytes of a tile: large enough that a dozen calls of ufuncs cost little, and the temporaries fit 2 MiB."""
BLAS = 8192
"""Numbers in one dot product."""


def _cuts(length: int, step: int) -> list[slice]:
    return [slice(i, i + step) for i in range(0, length, step)]


def _tiles(shape: tuple[int, ...], size: int) -> Iterator[tuple[slice, ...]]:
    """Cut (n,) or (rows, columns) into tiles of at most ``size`` numbers, along the rows first."""
    if len(shape) == 1:
        yield from ((cut,) for cut in _cuts(shape[0], size))
        return
    columns = min(max(shape[1], 1), size)
    for rows in _cuts(shape[0], max(1, size // columns)):
        for cut in _cuts(shape[1], columns):
            yield rows, cut


class TileEngine:
    """x ← scale · g;  y, state ← formula(x, w, state);  w ← w - lr y;  average ← rule of the new w.

    Parameters
    ----------
    rule : Rule
        The update rule.
    average : Rule or None
        What is fed the new weights.
    tile : int
        Bytes of a tile.
    """

    name = "numpy"

    def __init__(self, rule: Rule, average: Rule | None = None, tile: int = TILE) -> None:
        _keep_freed_memory()
        self.formula = rule.compose()
        self.average = None if average is None else average.compose()
        self.tile = tile

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        dtype = segment.weights.dtype
        cast = numbers.cast(dtype, segment.axis)
        scaled = isinstance(numbers.scale, np.ndarray) or numbers.scale != 1.0
        size = max(1, self.tile // dtype.itemsize)
        if segment.weights.size <= size:
            g = cast.scale * segment.gradient if scaled else segment.gradient
            self._step(segment.weights, g, segment.state, segment.average, cast)
            return
        for where in _tiles(segment.weights.shape, size):
            part = cast if segment.axis is None else cast.part(where[segment.axis])
            state = tuple([row[where] for row in segment.state])
            average = tuple([row[where] for row in segment.average])
            g = segment.gradient[where]
            self._step(segment.weights[where], part.scale * g if scaled else g, state, average, part)

    def finite(self, x: Array) -> bool:
        """Return whether all numbers are finite.

        Σx² is finite only if all x are, and takes one fast read; where it has overflowed the numbers are looked at.
        BLAS takes blocks of this length on one thread: its other threads would spin on the cores that we sweep with.
        """
        if x.size <= BLAS and isfinite(np.dot(x, x)):
            return True
        blocks = [x[cut] for cut in _cuts(x.size, BLAS)]
        return all(isfinite(np.dot(block, block)) or bool(np.isfinite(block).all()) for block in blocks)

    def _step(self, w: Array, x: Array, state: Any, average: Any, c: Cast) -> None:
        y, new = self.formula(x, w, state, c.rule)
        step = c.lr * y
        _keep(state, new, c.live)
        if c.live is None:
            np.subtract(w, step, w)
        else:
            np.subtract(w, step, out=w, where=c.live)
        if self.average is not None:
            _keep(average, self.average(w, w, average, c.average)[1], c.live)


@cache
def _keep_freed_memory() -> None:
    """Free one mapped block of 4 MiB: glibc then keeps smaller ones instead of giving them back to the system.

    Without it each temporary of a tile may be unmapped when freed and fault its pages in again: 3 times as slow.
    """
    np.empty(2**22, np.uint8)


def _keep(state: tuple[Array, ...], new: tuple[Any, ...], live: Any) -> None:
    """Write the new state; one that is another slot's old state is copied before that is overwritten."""
    if new is state:
        return
    if len(state) > 1 and not {*map(id, state)}.isdisjoint(map(id, new)):
        new = tuple([np.array(v) for v in new])
    if live is None:
        for old, v in zip(state, new, strict=True):
            old[...] = v
    else:
        for old, v in zip(state, new, strict=True):
            np.copyto(old, v, where=live)
