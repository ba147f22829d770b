"""Primitive: an operation on arrays with its gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from optimlab.lab.autodiff.tape import Entry, Tape, hollow, quiet
from optimlab.lab.autodiff.variable import RULES, Variable
from optimlab.typing import Array

__all__ = ["Paths", "Primitive", "constant"]

Function = Callable[..., Any]
Pulls = Sequence[Function] | Function
Paths = Literal["each", "chosen", "all"]

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


class Primitive:
    """y = f(*arguments) with x̄ᵢ = pullᵢ(ȳ, y, *arguments): an operation on arrays and its gradients, registered once.

    Broadcasting is nobody's concern: where an argument was broadcast, its gradient is summed back to its shape.

    Parameters
    ----------
    name : str
        What errors and graphs call it.
    function : callable
        The operation on NumPy arrays.
    pulls : list of callable, one for each argument
        ``pull(g, y, *arguments, **options)``: the gradient of the argument, from the gradient g of y. What a parameter
        with a name like ``_y`` stands for is not kept: the pull gets an array of its shape and dtype, full of NaN. For
        any number of arguments one callable, ``pull(place, g, y, *arguments, **options)``.
    numpy : callable, optional
        The NumPy function that this stands for when an argument is traced.
    paths : {"each", "chosen", "all"}, optional
        Which numbers of an argument a number of y may depend on: the one in its place (the default for ufuncs), those
        whose pull is not 0 (for operations that move, add and select), or all (the default for others).

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.lab.autodiff import Primitive, grad
    >>> sinh = Primitive("sinh", np.sinh, [lambda g, _y, x: g * np.cosh(x)], numpy=np.sinh)
    >>> grad(np.sinh)(0.0)
    np.float64(1.0)
    """

    __slots__ = ("function", "name", "paths", "pulls", "reads")

    def __init__(
        self, name: str, function: Function, pulls: Pulls, *, numpy: Function | None = None, paths: Paths | None = None
    ) -> None:
        self.name = name
        self.function = function
        self.pulls: Any = pulls
        self.reads: Any = [_read(pull) for pull in ([partial(pulls, 0)] if callable(pulls) else pulls)]
        if callable(pulls):
            read = self.reads[0]
            self.pulls, self.reads = _AnyPlace(lambda place: partial(pulls, place)), _AnyPlace(lambda _: read)
        self.paths = paths or ("each" if isinstance(function, np.ufunc) and function.signature is None else "all")
        if numpy is not None:
            RULES[numpy] = self

    def __repr__(self) -> str:
        return f"<Primitive {self.name}>"

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Compute y, and write a line if an argument is traced."""
        tape: Tape | None = None
        values, parents, read = list(arguments), [-1] * len(arguments), 0
        for place, argument in enumerate(arguments):
            if type(argument) is Variable:
                if tape is not argument.tape and tape is not None:
                    raise TypeError(
                        f"{self.name} got values of two tapes: a gradient inside a gradient is not supported; "
                        "take differences of grad(f) for second derivatives"
                    )
                tape, read = argument.tape, read | self.reads[place]
                values[place], parents[place] = argument.value, argument.line
        if tape is None:
            return self._of_plain(values, options)
        for place, parent in enumerate(parents):
            if parent < 0 and not isinstance(values[place], _NUMBERS):
                values[place] = constant(values[place], self.name)
        y = self._of_shapes_that_fit(values, options)
        for place, value in enumerate(values):
            if type(value) is np.ndarray and not read >> place + 1 & 1:
                values[place] = hollow(value)
        kept = y if read & 1 else hollow(y)
        return Variable(y, tape, tape.append(Entry(self, tuple(parents), kept, tuple(values), options)))

    def _of_plain(self, values: list[Any], options: dict[str, Any]) -> Any:
        """Compute y where nothing is traced; inf and NaN are data here, too."""
        for value in values:
            _check_real(value, np.asarray(value), self.name)
        with quiet():
            return self.function(*values, **options)

    def _of_shapes_that_fit(self, values: list[Any], options: dict[str, Any]) -> Any:
        """Compute y, which nobody can change."""
        try:
            y = self.function(*values, **options)
        except ValueError as error:
            shapes = " and ".join(str(np.shape(value)) for value in values)
            raise ValueError(f"{self.name} cannot take shapes {shapes}: {error}") from None
        if isinstance(y, np.ndarray):
            y.setflags(write=False)
        elif not isinstance(y, _NUMBERS):
            raise TypeError(f"{self.name} must return one array; got {type(y).__name__}")
        return y if isinstance(y, (np.ndarray, np.generic)) else np.asarray(y)[()]


class _AnyPlace(dict[int, Any]):
    """What is made for a place when it is asked for."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, place: int) -> Any:
        return self.make(place)


def _read(pull: Function) -> int:
    """Return what a pull reads: bit 0 for y, bit k + 1 for argument k."""
    read = 0
    for k, parameter in enumerate([*inspect.signature(pull).parameters.values()][1:]):
        if not parameter.name.startswith("_") and parameter.kind <= parameter.VAR_POSITIONAL:
            read |= -1 << k if parameter.kind is parameter.VAR_POSITIONAL else 1 << k
    return read


def constant(value: Any, name: str) -> Array:
    """Return an array that nobody else can change before the sweep: a copy, unless it is its own and read-only."""
    own = type(value) is np.ndarray and value.base is None and not value.flags.writeable
    array = value if own else np.asarray(value).copy()
    _check_real(value, array, name)
    array.setflags(write=False)
    return array


def _check_real(value: Any, array: Array, name: str) -> None:
    if array.dtype.kind not in "biuf" or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} takes real numbers and arrays of them; got {value!r}")
