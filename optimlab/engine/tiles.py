"""The NumPy engine: the traced step on tiles that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from optimlab.engine.layout import Segment
from optimlab.engine.numbers import Numbers
from optimlab.engine.program import Program, followed, updated
from optimlab.rules.algebra import Arrays, Rule
from optimlab.rules.symbols import UntraceableError
from optimlab.typing import Array, Marks

__all__ = ["TileEngine"]

Programs = tuple[Program, ...]
"""Of the update, and of the average if there is one; none if they cannot be traced."""

TILE = 196608
"""Bytes of a tile: large enough that a dozen calls of ufuncs cost little, and the arrays at hand fit 2 MiB."""


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


class _Tile(NamedTuple):
    """What is swept at once."""

    gradient: Array
    weights: Array
    state: Arrays
    average: Arrays

    def part(self, where: tuple[slice, ...]) -> _Tile:
        state, average = (tuple([row[where] for row in rows]) for rows in (self.state, self.average))
        return _Tile(self.gradient[where], self.weights[where], state, average)


class _Again(NamedTuple):
    """Programs bound to a segment once, and the numbers that change at each step."""

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
    """

    def __init__(self, rule: Rule, average: Rule | None = None) -> None:
        self.rule = rule
        self.average = average
        self.formula = rule.compose()
        self.follow = None if average is None else average.compose()
        self._programs: dict[Any, Programs] = {}
        self._room: dict[Any, list[Array]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rule, self.average)

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        scaled = isinstance(numbers.scale, np.ndarray) or numbers.scale != 1.0
        size = max(1, TILE // segment.weights.itemsize)
        if scaled in segment.kept:
            segment.kept[scaled].run(numbers)
            return
        whole = _Tile(segment.gradient, segment.weights, segment.state, segment.average)
        programs = self._traced(segment.weights.dtype, scaled) if numbers.frozen is None else ()
        if programs and segment.fixed and segment.weights.size <= size:
            bank = numbers.bank(segment.weights.dtype, None)
            again = segment.kept[scaled] = _Again(bank, self._bound(programs, whole, numbers.views(bank)))
            again.run(numbers)
            return
        cast = numbers.cast(segment.weights.dtype, segment.axis)
        for where in _tiles(segment.weights.shape, size):
            tile = whole.part(where)
            c = cast if segment.axis is None else cast.part(where[segment.axis])
            if programs:
                for call in self._bound(programs, tile, c):
                    call()
            else:
                self._step(tile, c)

    def _traced(self, dtype: Any, scaled: bool) -> Programs:
        """Return the programs, traced when they are first asked for: 0.2 ms for Adam."""
        key = dtype, scaled
        if key not in self._programs:
            try:
                average = () if self.average is None else (followed(self.average, dtype),)
                self._programs[key] = (updated(self.rule, dtype, scaled=scaled), *average)
            except UntraceableError:
                self._programs[key] = ()
        return self._programs[key]

    def _bound(self, programs: Programs, tile: _Tile, c: Numbers) -> list[Callable[[], Any]]:
        g, w, state, average = tile
        inputs: Sequence[Arrays] = ((g, w, *state, c.scale, c.lr, *c.rule), (w, *average, *c.average))  # type: ignore[arg-type]
        calls: list[Callable[[], Any]] = []
        for program, arrays in zip(programs, inputs, strict=False):
            calls += program.bind(arrays, self._buffers(program, w.shape))
        return calls

    def _buffers(self, program: Program, shape: tuple[int, ...]) -> list[Array]:
        """Return buffers of a tile's shape; they are kept, as the same few shapes come again and again."""
        key = shape, program.buffers
        if key not in self._room:
            if len(self._room) > 8:
                self._room.clear()
            self._room[key] = [np.empty(shape, dtype) for dtype in program.buffers]
        return self._room[key]

    def _step(self, tile: _Tile, c: Numbers) -> None:
        """Do it without a program: operation by operation, each into a new array."""
        g, w, state, average = tile
        live: Any = True if c.frozen is None else ~c.frozen
        y, new = self.formula(c.scale * g, w, state, c.rule)  # type: ignore[arg-type]
        step = c.lr * y
        _keep(state, new, live)
        np.subtract(w, step, out=w, where=live)
        if self.follow is not None:
            _keep(average, self.follow(w, w, average, c.average)[1], live)  # type: ignore[arg-type]


def _keep(state: Arrays, new: Arrays, live: bool | Marks) -> None:
    """Write the new state; one that is another slot's old state is copied before that is overwritten."""
    if not {*map(id, state)}.isdisjoint(map(id, new)):
        new = tuple([np.array(v) for v in new])
    for old, v in zip(state, new, strict=True):
        np.copyto(old, v, where=live)
