"""A step as a list of ufunc calls: traced once, then run with ``out=`` in a few buffers.

Calling a formula makes a new array at each operation. Here each result goes to a buffer that is free again, or straight
to the state. The ufuncs, their order and hence the bits are those of the formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

__all__ = ["Program", "traced"]

Array = NDArray[Any]
Call = tuple[Any, tuple[int, ...], int]


class _UntraceableError(TypeError):
    """The function does something that is not a call of one ufunc on whole arrays."""


class _Calls:
    """The calls so far; a value is known by its place: inputs and constants first, then results."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.values: list[Any] = []
        self.calls: list[Call] = []

    def symbol(self, probe: Any) -> _Symbol:
        self.values.append(probe)
        return _Symbol(self, len(self.values) - 1)

    def call(self, ufunc: Any, operands: Sequence[Any]) -> _Symbol:
        places = tuple([self.place(operand) for operand in operands])
        result = ufunc(*(self.values[place] for place in places))
        if np.shape(result) != (2,) or result.dtype != self.dtype:
            raise _UntraceableError("a result is not an array like the parameters")
        symbol = self.symbol(result)
        self.calls.append((ufunc, places, symbol.place))
        return symbol

    def place(self, operand: Any) -> int:
        if isinstance(operand, _Symbol):
            return operand.place
        if not isinstance(operand, (int, float, np.floating)):
            raise _UntraceableError(f"{type(operand).__name__} is neither a number nor a result")
        return self.symbol(operand).place


class _Symbol(NDArrayOperatorsMixin):
    """Stands for an array while a function is traced."""

    def __init__(self, trace: _Calls, place: int) -> None:
        self.trace = trace
        self.place = place

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> _Symbol:
        if method != "__call__" or options or ufunc.nout != 1:
            raise _UntraceableError(f"{ufunc.__name__} is not just called")
        return self.trace.call(ufunc, operands)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise _UntraceableError("only arithmetic and ufuncs can be traced")

    # ** is no ufunc: NumPy squares where the exponent is 2
    __pow__ = __rpow__ = __ipow__ = __bool__ = __array__ = __array_function__ = _refuse


@dataclass(frozen=True)
class Program:
    """Calls of ufuncs on places of a list: inputs, constants, buffers.

    Attributes
    ----------
    calls : tuple of (ufunc, places of the operands, place of the result)
        What is done.
    constants : tuple
        Numbers in the function itself.
    buffers : int
        How many buffers are needed.
    copies : tuple of (place, place)
        What is copied at the end, from where to where.
    """

    calls: tuple[Call, ...]
    constants: tuple[Any, ...]
    buffers: int
    copies: tuple[tuple[int, int], ...]

    def bind(self, inputs: Sequence[Any], buffers: Sequence[Array]) -> list[Callable[[], Any]]:
        """Return the calls on these arrays and numbers, to be made in order; ``buffers`` have the tile's shape."""
        at = (*inputs, *self.constants, *buffers)
        calls = [_bound(ufunc, [at[place] for place in places], at[out]) for ufunc, places, out in self.calls]
        return [*calls, *(partial(np.copyto, at[target], at[source]) for source, target in self.copies)]


def _bound(ufunc: Any, operands: list[Any], out: Array) -> Callable[[], Any]:
    if ufunc in (np.maximum, np.minimum):  # a third array without its name is deprecated
        return partial(ufunc, *operands, out=out)
    return partial(ufunc, *operands, out)  # 0.1 µs less


def traced(function: Callable[..., Sequence[Any]], wide: int, narrow: int, dtype: Any) -> Program | None:
    """Return the program of an elementwise function, or None where it cannot be traced.

    Parameters
    ----------
    function : callable
        Takes ``wide`` arrays and ``narrow`` numbers; returns what becomes of the first arrays but one: its k-th result
        replaces its argument k + 1. Argument 0 is only read.
    wide, narrow : int
        How many of each it takes.
    dtype : dtype
        The arrays' and numbers'.
    """
    trace = _Calls(np.dtype(dtype))
    probes = [np.ones(2, dtype)] * wide + [np.ones((), dtype)] * narrow
    symbols = [trace.symbol(probe) for probe in probes]
    try:
        with np.errstate(all="ignore"):
            outputs = [trace.place(result) for result in function(*symbols)]
    except Exception:  # whatever it does with a symbol that it does not do with an array: it is called as it is then
        return None
    exchanged = any(0 < place <= len(outputs) and place != k + 1 for k, place in enumerate(outputs))
    return None if exchanged else _Plan(trace, wide + narrow, outputs).program()


class _Plan:
    """Where each result is kept: in the argument that it replaces, if nobody reads that any more, or in a buffer."""

    def __init__(self, trace: _Calls, inputs: int, outputs: list[int]) -> None:
        self.trace = trace
        self.inputs = inputs
        self.outputs = outputs
        self.calls = self._needed()
        self.last = {place: k for k, (_, places, _) in enumerate(self.calls) for place in places}

    def _needed(self) -> list[Call]:
        """Return the calls on whose results the outputs depend."""
        wanted, calls = set(self.outputs), []
        for call in reversed(self.trace.calls):
            if call[2] in wanted:
                wanted.update(call[1])
                calls.append(call)
        return calls[::-1]

    def program(self) -> Program:
        made = {call[2] for call in self.calls}
        places = {place: place for place in range(self.inputs)}
        constants = [p for p in sorted({*self.last, *self.outputs}) if p >= self.inputs and p not in made]
        places |= {place: self.inputs + i for i, place in enumerate(constants)}
        first = self.inputs + len(constants)
        free: list[int] = []
        count = 0
        calls = []
        for k, (ufunc, operands, result) in enumerate(self.calls):
            where = tuple([places[operand] for operand in operands])
            free += {places[p] for p in operands if self.last[p] == k and p in made and p not in self.outputs}
            target = self._target(result, k)
            if target is None:
                if not free:
                    free.append(first + count)
                    count += 1
                target = free.pop()
            places[result] = target
            calls.append((ufunc, where, target))
        copies = [(places[p], k + 1) for k, p in enumerate(self.outputs) if places[p] != k + 1]
        constants_held = tuple([self.trace.values[place] for place in constants])
        return Program(tuple(calls), constants_held, count, tuple(copies))

    def _target(self, result: int, k: int) -> int | None:
        """Return the argument that result k can be written to at once."""
        for i, output in enumerate(self.outputs):
            argument = i + 1
            if output == result and self.last.get(argument, -1) <= k:
                return argument
        return None
