"""The NumPy engine: the composed formula on tiles that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from optimlab.engine.layout import Segment
from optimlab.engine.numbers import Cast, Numbers, scalars
from optimlab.engine.program import Program, traced
from optimlab.rules.algebra import Rule

__all__ = ["TileEngine"]

Array = NDArray[Any]

TILE = 196608
"""Bytes of a tile: large enough that a dozen calls of ufuncs cost little, and the arrays at hand fit 2 MiB."""
BLAS = 8192
"""Numbers in one dot product."""

_PROGRAMS: Final[dict[Any, Program | None]] = {}


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


@dataclass(frozen=True)
class _Again:
    """A program bound to a segment once, and the numbers that change at each step."""

    bank: Array
    calls: list[Callable[[], Any]]

    def run(self, numbers: Numbers) -> None:
        self.bank[:] = (numbers.scale, numbers.lr, *numbers.rule, *numbers.average)
        for call in self.calls:
            call()


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
        self.rule = rule
        self.average = average
        self.formula = rule.compose()
        self.follow = None if average is None else average.compose()
        self.tile = tile
        self._programs: dict[Any, Program | None] = {}
        self._room: dict[Any, list[Array]] = {}

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        scaled = isinstance(numbers.scale, np.ndarray) or numbers.scale != 1.0
        size = max(1, self.tile // segment.weights.itemsize)
        if segment.fixed and segment.weights.size <= size:
            again = segment.kept.get(scaled) or self._fixed(segment, numbers, scaled)
            if again is not None:
                again.run(numbers)
                return
        cast = numbers.cast(segment.weights.dtype, segment.axis)
        program = self._program(segment.weights.dtype, scaled) if cast.live is None else None
        for where in _tiles(segment.weights.shape, size):
            part = cast if segment.axis is None else cast.part(where[segment.axis])
            state = tuple([row[where] for row in segment.state])
            average = tuple([row[where] for row in segment.average])
            self._tile(program, segment.gradient[where], segment.weights[where], state, average, part)

    def _tile(self, program: Program | None, g: Array, w: Array, state: Any, average: Any, c: Cast) -> None:
        if program is None:
            self._step(w, c.scale * g, state, average, c)
        else:
            inputs = (g, w, *state, *average, c.scale, c.lr, *c.rule, *c.average)
            for call in program.bind(inputs, self._buffers(program.buffers, w)):
                call()

    def _fixed(self, segment: Segment, numbers: Numbers, scaled: bool) -> _Again | None:
        """Bind the program to a segment whose arrays stay the same ones; None if there is no program."""
        program = self._program(segment.weights.dtype, scaled)
        if program is None:
            return None
        bank = numbers.bank(segment.weights.dtype, None)
        inputs = (segment.gradient, segment.weights, *segment.state, *segment.average, *scalars(bank))
        buffers = [np.empty_like(segment.weights) for _ in range(program.buffers)]
        again = _Again(bank, program.bind(inputs, buffers))
        segment.kept[scaled] = again
        return again

    def _program(self, dtype: Any, scaled: bool) -> Program | None:
        if (dtype, scaled) not in self._programs:
            key = (self.rule.structure, self.average and self.average.structure, dtype, scaled)
            if key not in _PROGRAMS:
                _PROGRAMS[key] = self._traced(dtype, scaled)
            self._programs[dtype, scaled] = _PROGRAMS[key]
        return self._programs[dtype, scaled]

    def _traced(self, dtype: Any, scaled: bool) -> Program | None:
        """Trace a whole step: (g, w, state, average, scale, lr, coefficients) → (w, state, average)."""
        slots, numbers = len(self.rule.slots), len(self.rule.coefficients(1))
        more = 0 if self.average is None else len(self.average.slots)
        more_numbers = 0 if self.average is None else len(self.average.coefficients(1))

        def step(g: Any, w: Any, *rest: Any) -> tuple[Any, ...]:
            state, average, (scale, lr, *c) = rest[:slots], rest[slots : slots + more], rest[slots + more :]
            y, new = self.formula(scale * g if scaled else g, w, state, tuple(c[:numbers]))
            w = w - lr * y
            kept = () if self.follow is None else self.follow(w, w, average, tuple(c[numbers:]))[1]
            return (w, *new, *kept)

        return traced(step, 2 + slots + more, 2 + numbers + more_numbers, dtype)

    def _buffers(self, count: int, like: Array) -> list[Array]:
        """Return buffers of a tile's shape; they are kept, as the same few shapes come again and again."""
        key = (like.shape, like.dtype)
        if len(self._room.get(key, ())) < count:
            if len(self._room) > 8:
                self._room.clear()
            self._room[key] = [np.empty(like.shape, like.dtype) for _ in range(count)]
        return self._room[key] if count else []

    def finite(self, x: Array) -> bool:
        """Return whether all numbers are finite.

        Σx² is finite only if all x are, and takes one fast read; where it has overflowed the numbers are looked at.
        BLAS takes blocks of this length on one thread: its other threads would spin on the cores that we sweep with.
        """
        if x.size <= BLAS and isfinite(x.dot(x)):
            return True
        blocks = [x[cut] for cut in _cuts(x.size, BLAS)]
        return all(isfinite(np.dot(block, block)) or bool(np.isfinite(block).all()) for block in blocks)

    def _step(self, w: Array, x: Array, state: Any, average: Any, c: Cast) -> None:
        """Do it without a program: operation by operation, each into a new array."""
        y, new = self.formula(x, w, state, c.rule)
        step = c.lr * y
        _keep(state, new, c.live)
        if c.live is None:
            np.subtract(w, step, w)
        else:
            np.subtract(w, step, out=w, where=c.live)
        if self.follow is not None:
            _keep(average, self.follow(w, w, average, c.average)[1], c.live)


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
