"""The NumPy engine: the traced step on tiles that stay in the cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from operator import call
from typing import Any, NamedTuple

import numpy as np

from optimlab.engine.numbers import Numbers
from optimlab.engine.program import Program, stepped
from optimlab.engine.segment import Segment
from optimlab.notation.symbols import UntraceableError
from optimlab.rules.algebra import Arrays, Rule
from optimlab.typing import Array

__all__ = ["TileEngine"]

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


class _Again(NamedTuple):
    """Programs bound to a segment once, and the numbers that change at each step."""

    bank: Array
    calls: list[Callable[[], Any]]

    def run(self, numbers: Numbers) -> None:
        self.bank[:] = numbers.row()
        deque(map(call, self.calls), maxlen=0)


class TileEngine:
    """x ← scale · g;  y, state ← formula(x, w, state);  w ← w - lr y;  average ← rule of the new w.

    Parameters
    ----------
    rule : Rule or None
        The update rule; None: the average alone.
    average : Rule or None
        What is fed the new weights.
    """

    def __init__(self, rule: Rule | None, average: Rule | None = None) -> None:
        self.rule = rule
        self.average = average
        self._programs: dict[Any, tuple[Program, ...]] = {}
        self._room: dict[Any, list[Array]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rule, self.average)

    def prepare(self, segment: Segment) -> bool:
        """Trace the formula; whether that can be done."""
        return not segment.job.whole and bool(self._traced(segment.weights.dtype, False))

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        if segment.whole:
            self._whole(segment, numbers)
            return
        scaled = isinstance(numbers.scale, np.ndarray) or numbers.scale != 1.0
        key = self.rule is None, scaled
        again = segment.kept.get(key)
        if again is not None:
            again.run(numbers)
            return
        arrays = segment.arrays(self.rule, self.average)
        programs = self._traced(segment.weights.dtype, scaled) if numbers.frozen is None else ()
        bank = numbers.along(segment.weights, segment.axis)
        if programs and segment.fixed and segment.weights.nbytes <= TILE:
            segment.kept[key] = _Again(bank, self._bound(programs, arrays, _scalars(bank)))
            segment.kept[key].run(numbers)
            return
        live: Any = None if numbers.frozen is None else ~numbers.frozen[:, np.newaxis if segment.axis == 0 else ...]
        c = _scalars(bank)
        for where in _tiles(segment.weights.shape, max(1, TILE // segment.weights.itemsize)):
            tile, part = tuple([x[where] for x in arrays]), ... if segment.axis is None else where[segment.axis]
            c = c if segment.axis is None else _scalars(bank, part)
            if programs:
                deque(map(call, self._bound(programs, tile, c)), maxlen=0)
            else:
                self._step(tile, c, True if live is None else live[part])

    def _whole(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a whole leaf, with replicas on one after the other."""
        arrays, weights = segment.arrays(self.rule, self.average), segment.weights
        bank = numbers.bank(weights.dtype, None if segment.axis is None else len(weights))
        if segment.axis is None:
            self._step(arrays, _scalars(bank), True)
            return
        for r in range(len(weights)):
            if numbers.frozen is None or not numbers.frozen[r]:
                self._step(tuple([x[r, ...] for x in arrays]), _scalars(bank[:, r]), True)

    def _traced(self, dtype: Any, scaled: bool) -> tuple[Program, ...]:
        """Return the step's programs, traced when they are first asked for: 0.2 ms for Adam; none if they cannot be."""
        key = dtype, scaled
        if key not in self._programs:
            try:
                self._programs[key] = stepped(self.rule, self.average, dtype, scaled=scaled)
            except UntraceableError:
                self._programs[key] = ()
        return self._programs[key]

    def _bound(self, programs: tuple[Program, ...], tile: Arrays, c: Arrays) -> list[Callable[[], Any]]:
        update, *follow = programs
        calls = self._bind(update, (*tile[: update.arrays], *c[: update.numbers]))
        for program in follow:
            calls += self._bind(program, (tile[1], *tile[update.arrays :], *c[update.numbers :]))
        return calls

    def _bind(self, program: Program, inputs: Arrays) -> list[Callable[[], Any]]:
        return program.bind(inputs, self._buffers(program, inputs[0].shape))

    def _buffers(self, program: Program, shape: tuple[int, ...]) -> list[Array]:
        """Return buffers of a tile's shape, kept for the next tile and for the program that follows."""
        kinds = program.buffers
        if (shape, kinds) not in self._room:
            if len(self._room) > 8:
                self._room.clear()
            like = [
                room for (other, more), room in self._room.items() if other == shape and more[: len(kinds)] == kinds
            ]
            self._room[shape, kinds] = like[0][: len(kinds)] if like else [np.empty(shape, kind) for kind in kinds]
        return self._room[shape, kinds]

    def _step(self, tile: Arrays, c: Arrays, live: Any) -> None:
        """Do it without a program: operation by operation, each into a new array."""
        w = tile[0]
        if self.rule is not None:
            (g, w), count, numbers = tile[:2], 2 + len(self.rule.slots), 2 + self.rule.numbers
            x = g if c[0].ndim == 0 and c[0] == 1.0 else c[0] * g
            step, new = self.rule.displacement()(c[1], x, w, tile[2:count], c[2:numbers])
            if _shared(tile[2:count], (step,)):
                step = np.array(step)
            _keep(tile[2:count], new, live)
            np.subtract(w, step, out=w, where=live)
            tile, c = tile[count - 1 :], c[numbers:]
        if self.average is not None:
            _keep(tile[1:], self.average.compose()(w, w, tile[1:], c)[1], live)


def _scalars(bank: Array, part: Any = ...) -> Arrays:
    """Return the rows as views, 0-d without replicas: NumPy multiplies by them in 0.33 µs, by Python floats in 0.60."""
    return tuple([bank[i, part] for i in range(len(bank))])


def _keep(state: Arrays, new: Arrays, live: Any) -> None:
    """Write the new state; one that is of another slot's old state is copied before that is overwritten."""
    if _shared(state, new):
        new = tuple([np.array(v) for v in new])
    for old, v in zip(state, new, strict=True):
        np.copyto(old, v, where=live)


def _shared(state: Arrays, new: Arrays) -> bool:
    """Whether what is to be written lies in the memory of the old state, as what a rule hands on unchanged does."""
    return any(np.may_share_memory(old, v) for old in state for v in new)
