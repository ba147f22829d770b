"""A step as a program, a list of calls: traced once from the formula, and the only thing that an engine reads.

Calling a formula makes a new array at each operation. Here each result goes to a buffer that is free again, or straight
to the state. The calls, and hence the bits, are those of the formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from optimlab.notation.symbols import Symbol, UntraceableError, called
from optimlab.rules.algebra import Rule
from optimlab.typing import Array

__all__ = ["Program", "stepped", "traced"]

Call = tuple[Any, tuple[int, ...], int]


class Program(NamedTuple):
    """Calls on places of a list: arrays, numbers, constants, buffers.

    Attributes
    ----------
    dtype : dtype
        That of the arrays and numbers.
    arrays, numbers : int
        How many of each it takes. The first array is only read, the others are replaced.
    constants : bytes
        The formula's own numbers: two programs are equal if all bits are, so that 0.0 is not -0.0.
    buffers : tuple of dtype
        What it needs: of the arrays' dtype or Boolean.
    calls : tuple of (function, places of the operands, place of the result)
        What is done.
    copies : tuple of (place, place)
        What is copied at the end, from a buffer to an array.
    """

    dtype: np.dtype[Any]
    arrays: int
    numbers: int
    constants: bytes
    buffers: tuple[np.dtype[Any], ...]
    calls: tuple[Call, ...]
    copies: tuple[tuple[int, int], ...]

    @property
    def scalars(self) -> tuple[Array, ...]:
        """The constants as 0-d arrays."""
        held = np.frombuffer(self.constants, self.dtype)
        return tuple([held[i, ...] for i in range(len(held))])

    def bind(self, inputs: Sequence[Array], buffers: Sequence[Array]) -> list[Callable[[], Any]]:
        """Return the calls on these arrays and numbers, to be made in order; ``buffers`` have the tile's shape."""
        at = (*inputs, *self.scalars, *buffers)
        calls = [_bound(function, [at[place] for place in places], at[out]) for function, places, out in self.calls]
        return [*calls, *(partial(np.copyto, at[target], at[source]) for source, target in self.copies)]


def _bound(function: Any, operands: list[Array], out: Array) -> Callable[[], Any]:
    if function is np.where:
        return partial(_choose, out, *operands)
    if function in (np.maximum, np.minimum):  # a third array without its name is deprecated
        return partial(function, *operands, out=out)
    return partial(function, *operands, out)  # 0.1 µs less


def _choose(out: Array, condition: Array, x: Array, y: Array) -> None:
    out[...] = np.where(condition, x, y)  # out may be x or y


def stepped(rule: Rule | None, average: Rule | None, dtype: Any, *, scaled: bool = True) -> tuple[Program, ...]:
    """Trace a step: the update of the weights if there is a rule, and what is fed to the average if there is one.

    g, w, state; scale, lr, coefficients → w - lr y, new state.  w, average; coefficients → new average.
    """
    follow = () if average is None else (_followed(average, dtype),)
    return follow if rule is None else (_updated(rule, dtype, scaled), *follow)


def _updated(rule: Rule, dtype: Any, scaled: bool) -> Program:
    displacement, slots = rule.displacement(), len(rule.slots)

    def update(g: Any, w: Any, *rest: Any) -> tuple[Any, ...]:
        state, (scale, lr, *c) = rest[:slots], rest[slots:]
        step, new = displacement(lr, scale * g if scaled else g, w, state, tuple(c))
        return w - step, *new

    return traced(update, 2 + slots, 2 + rule.numbers, dtype)


def _followed(average: Rule, dtype: Any) -> Program:
    formula, slots = average.compose(), len(average.slots)
    return traced(lambda w, *rest: formula(w, w, rest[:slots], rest[slots:])[1], 1 + slots, average.numbers, dtype)


def traced(function: Callable[..., Sequence[Any]], arrays: int, numbers: int, dtype: Any) -> Program:
    """Return the program of an elementwise function.

    Parameters
    ----------
    function : callable
        Takes ``arrays`` arrays and ``numbers`` numbers; returns what becomes of all arrays but the first.
    arrays, numbers : int
        How many of each it takes.
    dtype : dtype
        Theirs.

    Raises
    ------
    UntraceableError
        If the function does anything but call ufuncs and ``np.where``; with the operation and the reason.
    """
    arguments = [Symbol(np.dtype(dtype)) for _ in range(arrays + numbers)]
    try:
        outputs = _outputs(arguments[1:arrays], function(*arguments))
        return _Plan(arguments, outputs).program(arrays)
    except UntraceableError:
        raise
    except Exception as error:  # whatever it does with a symbol that it does not do with an array
        raise UntraceableError(f"{type(error).__name__}: {error}") from error


def _outputs(arguments: Sequence[Symbol], results: Sequence[Any]) -> list[Symbol]:
    """Return each result as what stays in its argument, or as a call of its own: a value in a wrong place is copied."""
    found: list[Symbol] = []
    for argument, result in zip(arguments, results, strict=True):
        output = argument.symbol(result).number()
        if output is not argument and (output.function is None or any(output is other for other in found)):
            output = Symbol(output.dtype, function=np.positive, operands=(output,))
        found.append(output)
    return found


class _Plan:
    """Where each result is kept: in the argument that it replaces, if nobody reads that any more, or in a buffer."""

    def __init__(self, arguments: list[Symbol], outputs: list[Symbol]) -> None:
        self.arguments = arguments
        self.outputs = outputs
        self.calls = called(outputs)
        self.last = {id(operand): k for k, call in enumerate(self.calls) for operand in call.operands}
        known = {id(argument): place for place, argument in enumerate(arguments)}
        numbers = [x for call in self.calls for x in call.operands if x.function is None and id(x) not in known]
        with np.errstate(all="ignore"):
            self.constants = np.array([x.value for x in numbers], arguments[0].dtype)
        self.home = known | {id(x): len(arguments) + i for i, x in enumerate(numbers)}
        self.buffers: list[np.dtype[Any]] = []
        self.free: dict[bool, list[int]] = {False: [], True: []}

    def program(self, arrays: int) -> Program:
        """Return the calls with their places."""
        calls = []
        for k, call in enumerate(self.calls):
            places = tuple([self.home[id(operand)] for operand in call.operands])
            self._release(call, k)
            self.home[id(call)] = self._argument(call, k) or self._buffer(call)
            calls.append((call.function, places, self.home[id(call)]))
        homes = [self.home[id(output)] for output in self.outputs]
        copies = tuple([(home, k) for k, home in enumerate(homes, start=1) if home != k])
        dtype, numbers = self.arguments[0].dtype, len(self.arguments) - arrays
        return Program(dtype, arrays, numbers, self.constants.tobytes(), tuple(self.buffers), tuple(calls), copies)

    def _release(self, call: Symbol, k: int) -> None:
        """Free the buffers that nobody reads after call k."""
        for place, x in {self.home[id(x)]: x for x in call.operands if self.last[id(x)] == k}.items():
            if x.function is not None and not any(x is output for output in self.outputs):
                self.free[x.mark].append(place)

    def _argument(self, call: Symbol, k: int) -> int | None:
        """Return the argument that the result of call k can be written to at once."""
        for place, output in enumerate(self.outputs, start=1):
            if output is call and self.last.get(id(self.arguments[place]), -1) <= k:
                return place
        return None

    def _buffer(self, call: Symbol) -> int:
        free = self.free[call.mark]
        if not free:
            self.buffers.append(np.dtype(bool) if call.mark else call.dtype)
            free.append(len(self.arguments) + len(self.constants) + len(self.buffers) - 1)
        return free.pop()
