"""The fused engine: the same formulas compiled by numba into one loop that reads and writes every array once.

Imported only where it is used, so that numba stays optional. No fast-math: each operation is rounded as NumPy rounds
it, and the results are the same to the last bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from types import FunctionType, ModuleType
from typing import Any, Final

import numpy as np
from numba import get_num_threads, njit, typeof, types
from numpy.typing import NDArray

from optimlab.engine.layout import Segment
from optimlab.engine.numbers import Numbers
from optimlab.rules.algebra import Rule

__all__ = ["FusedEngine"]

Array = NDArray[Any]
Kernel = Callable[..., None]

SHARE = 262144
"""Numbers that are worth a thread of their own."""

BLOCK = 2048
"""Numbers that the rule and then the average sweep in turn: two short loops, each of which the compiler vectorises."""


def lift(function: Any) -> Any:
    """Compile a function; a division by zero gives an infinity, as in NumPy."""
    return njit(nogil=True, error_model="numpy")(_choosing(function))


def _choosing(function: Any) -> Any:
    """Return the function with a ``np.where`` that takes single numbers: numba's own makes an array of each."""
    if not isinstance(function, FunctionType) or "where" not in function.__code__.co_names:
        return function
    names = dict(function.__globals__)
    for name, held in function.__globals__.items():
        if held is np or held is np.where:
            names[name] = _numpy() if held is np else _where
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


@cache
def _numpy() -> ModuleType:
    module = ModuleType("numpy")
    vars(module).update(vars(np) | {"where": _where})
    return module


@njit(error_model="numpy")
def _where(condition: Any, x: Any, y: Any) -> Any:
    return x if condition else y


@cache
def _rows(count: int) -> Any:
    """Return a function: the stretch lo:hi of row r of each of ``count`` arrays, as a tuple."""
    if count == 0:
        return lift(lambda arrays, r, lo, hi: ())
    rest, last = _rows(count - 1), count - 1

    def rows(arrays: Any, r: int, lo: int, hi: int) -> Any:
        return (*rest(arrays, r, lo, hi), arrays[last][r, lo:hi])

    return lift(rows)


@cache
def _column(start: int, stop: int) -> Any:
    """Return a function: numbers start..stop of column j of a bank, as a tuple."""
    if start == stop:
        return lift(lambda bank, j: ())
    rest, last = _column(start, stop - 1), stop - 1

    def column(bank: Any, j: int) -> Any:
        return (*rest(bank, j), bank[last, j])

    return lift(column)


@cache
def _read(count: int) -> Any:
    """Return a function: element i of each of ``count`` arrays, as a tuple."""
    if count == 0:
        return lift(lambda arrays, i: ())
    rest, last = _read(count - 1), count - 1

    def read(arrays: Any, i: int) -> Any:
        return (*rest(arrays, i), arrays[last][i])

    return lift(read)


@cache
def _write(count: int) -> Any:
    """Return a function that writes a tuple to element i of each of ``count`` arrays."""
    if count == 0:
        return lift(lambda arrays, i, values: None)
    rest, last = _write(count - 1), count - 1

    def write(arrays: Any, i: int, values: Any) -> None:
        rest(arrays, i, values)
        arrays[last][i] = values[last]

    return lift(write)


def _update(formula: Any, slots: int) -> Any:
    """Return the loop of the rule over one stretch whose numbers are the same everywhere."""
    read, write = _read(slots), _write(slots)

    def update(w: Any, g: Any, state: Any, c: Any, scale: Any, lr: Any) -> None:
        for i in range(w.size):
            y, new = formula(scale * g[i], w[i], read(state, i), c)
            write(state, i, new)
            w[i] -= lr * y

    return lift(update)


def _follow(formula: Any, slots: int) -> Any:
    """Return the loop of the average over the same stretch."""
    read, write = _read(slots), _write(slots)

    def follow(w: Any, state: Any, c: Any) -> None:
        for i in range(w.size):
            _, new = formula(w[i], w[i], read(state, i), c)
            write(state, i, new)

    return lift(follow)


def _by_row(rule: Any, average: Any, shape: tuple[int, int, int, int]) -> Any:
    """Return the kernel for replicas along the first axis; a single run is one row."""
    slots, numbers, more_slots, more = shape
    update, follow = _update(rule, slots), _follow(average, more_slots)
    state_rows, average_rows = _rows(slots), _rows(more_slots)
    c_of, a_of = _column(2, 2 + numbers), _column(2 + numbers, 2 + numbers + more)

    def kernel(
        w: Any, g: Any, state: Any, averages: Any, bank: Any, frozen: Any, part: tuple[int, int, int, int]
    ) -> None:
        for r in range(part[0], part[1]):
            if frozen[r]:
                continue
            c, a = c_of(bank, r), a_of(bank, r)
            for lo in range(part[2], part[3], BLOCK):
                hi = min(lo + BLOCK, part[3])
                stretch = w[r, lo:hi]
                update(stretch, g[r, lo:hi], state_rows(state, r, lo, hi), c, bank[0, r], bank[1, r])
                if more_slots > 0:
                    follow(stretch, average_rows(averages, r, lo, hi), a)

    return lift(kernel)


def _by_column(rule: Any, average: Any, shape: tuple[int, int, int, int]) -> Any:
    """Return the kernel for replicas along the last axis."""
    slots, numbers, more_slots, more = shape
    read, write, read_more, write_more = _read(slots), _write(slots), _read(more_slots), _write(more_slots)
    state_rows, average_rows = _rows(slots), _rows(more_slots)
    c_of, a_of = _column(2, 2 + numbers), _column(2 + numbers, 2 + numbers + more)

    def kernel(
        w: Any, g: Any, state: Any, averages: Any, bank: Any, frozen: Any, part: tuple[int, int, int, int]
    ) -> None:
        lo, hi = part[2], part[3]
        for r in range(part[0], part[1]):
            states, more = state_rows(state, r, lo, hi), average_rows(averages, r, lo, hi)
            for i in range(hi - lo):
                j = lo + i
                if frozen[j]:
                    continue
                y, new = rule(bank[0, j] * g[r, j], w[r, j], read(states, i), c_of(bank, j))
                write(states, i, new)
                w[r, j] -= bank[1, j] * y
                _, kept = average(w[r, j], w[r, j], read_more(more, i), a_of(bank, j))
                write_more(more, i, kept)

    return lift(kernel)


def _nothing(x: Any, w: Any, state: Any, c: Any) -> Any:
    return x, state


_KERNELS: Final[dict[Any, Kernel]] = {}


class FusedEngine:
    """x ← scale · g;  y, state ← formula(x, w, state);  w ← w - lr y;  average ← rule of the new w, in one loop.

    Parameters
    ----------
    rule : Rule
        The update rule.
    average : Rule or None
        What is fed the new weights.
    threads : int or None
        Threads that share the range; None asks numba.
    """

    name = "fused"

    def __init__(self, rule: Rule, average: Rule | None = None, threads: int | None = None) -> None:
        self.rule = rule
        self.average = average
        self.threads = threads
        self._kernels: dict[Any, Kernel] = {}

    def compile(self, dtype: Any, axis: int | None) -> Kernel:
        """Return the kernel for a dtype, compiled once for all rules of the same structure.

        Raises
        ------
        TypeError
            If the formula leaves the dtype.
        Exception
            What numba says, if it cannot compile the formula.
        """
        if (dtype, axis == 1) not in self._kernels:
            key = (self.rule.structure, self.average and self.average.structure, dtype, axis == 1)
            if key not in _KERNELS:
                _KERNELS[key] = self._compiled(np.dtype(dtype), _by_column if axis == 1 else _by_row)
            self._kernels[dtype, axis == 1] = _KERNELS[key]
        return self._kernels[dtype, axis == 1]

    def _compiled(self, dtype: Any, build: Any) -> Kernel:
        rule, average = self.rule.compose(lift), lift(_nothing)
        shape = (len(self.rule.slots), len(self.rule.coefficients(1)), 0, 0)
        _check_dtype(self.rule, rule, dtype)
        if self.average is not None:
            average = self.average.compose(lift)
            shape = (*shape[:2], len(self.average.slots), len(self.average.coefficients(1)))
            _check_dtype(self.average, average, dtype)
        kernel: Kernel = build(rule, average, shape)
        arrays = [np.zeros((1, 0), dtype)] * 2, *(([np.zeros((1, 0), dtype)] * n) for n in (shape[0], shape[2]))
        (w, g), state, averages = arrays
        bank = np.zeros((2 + shape[1] + shape[3], 1), dtype)
        kernel(w, g, tuple(state), tuple(averages), bank, np.zeros(1, bool), (0, 0, 0, 0))
        return kernel

    def sweep(self, segment: Segment, numbers: Numbers) -> None:
        """Do one step on a segment."""
        weights = segment.weights
        kernel = self.compile(weights.dtype, segment.axis)
        shape = weights.shape if segment.axis is not None else (1, weights.size)
        count = 1 if segment.axis is None else shape[segment.axis]
        frozen = np.zeros(count, bool) if numbers.frozen is None else numbers.frozen
        arrays = weights, segment.gradient, segment.state, segment.average
        w, g, state, averages = (_shaped(array, shape) for array in arrays)
        bank = numbers.bank(weights.dtype, count)
        parts = _parts(shape, self._threads(weights.size))
        _together([partial(kernel, w, g, state, averages, bank, frozen, part) for part in parts])

    def finite(self, x: Array) -> bool:
        """Return whether all numbers are finite: one read, by all threads."""
        bits, mask = _EXPONENT[x.dtype]
        parts = _parts((1, x.size), self._threads(x.size))
        return all(_together([partial(_finite, x[lo:hi].view(bits), mask) for _, _, lo, hi in parts]))

    def _threads(self, size: int) -> int:
        return self.threads or min(get_num_threads(), max(1, size // SHARE))


_EXPONENT: Final = {
    np.dtype(np.float32): (np.uint32, np.uint32(0x7F800000)),
    np.dtype(np.float64): (np.uint64, np.uint64(0x7FF0000000000000)),
}


@lift
def _finite(bits: Any, mask: Any) -> bool:
    """A number is infinite or NaN if all bits of its exponent are set."""
    bad = 0
    for i in range(bits.size):
        bad |= (bits[i] & mask) == mask
    return bad == 0


def _together(calls: list[Callable[[], Any]]) -> list[Any]:
    """Make the calls at once, the first in this thread; return what they return."""
    jobs = [_pool().submit(call) for call in calls[1:]]
    first = calls[0]()
    return [first, *(job.result() for job in jobs)]


def _shaped(array: Any, shape: tuple[int, ...]) -> Any:
    return tuple([row.reshape(shape) for row in array]) if isinstance(array, tuple) else array.reshape(shape)


def _parts(shape: tuple[int, ...], threads: int) -> list[tuple[int, int, int, int]]:
    """Cut (rows, columns) into one part for each thread: by rows, or a few rows by columns."""
    rows, columns = shape
    if rows >= threads:
        cuts = [rows * k // threads for k in range(threads + 1)]
        return [(a, b, 0, columns) for a, b in pairwise(cuts)]
    cuts = [columns * k // threads for k in range(threads + 1)]
    return [(0, rows, a, b) for a, b in pairwise(cuts)]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="optimlab")


if hasattr(os, "register_at_fork"):  # the threads of a pool do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _check_dtype(rule: Rule, formula: Any, dtype: Any) -> None:
    """Refuse a formula that computes in another dtype: a literal 2.0 makes float64 of float32."""
    number = typeof(dtype.type(0))
    state = types.UniTuple(number, len(rule.slots)) if rule.slots else typeof(())
    count = len(rule.coefficients(1))
    numbers = types.UniTuple(number, count) if count else typeof(())
    formula.compile((number, number, state, numbers))
    value, new = formula.overloads[number, number, state, numbers].signature.return_type.types
    if any(kind != number for kind in (value, *new.types)):
        raise TypeError(
            f"its formula makes {(value, *new.types)} of {number}: take every number in it from coefficients(t)"
        )
