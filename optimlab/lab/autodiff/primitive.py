"""Primitive: an operation on arrays with its gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NoReturn

import numpy as np

from optimlab.lab.autodiff.tape import Entry, Tape, frozen, hollow, quiet
from optimlab.lab.autodiff.variable import RULES, Variable
from optimlab.typing import Array

__all__ = ["Paths", "Primitive"]

Pull = Callable[..., Any]
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
        Which numbers of an argument a number of y may depend on: the one in its place, those whose pull is not 0 (for
        operations that move, add and select), or all. By default "each" for ufuncs, "chosen" for pulls that read no
        array, "all" for others.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.lab.autodiff import Primitive, grad
    >>> sinh = Primitive("sinh", np.sinh, [lambda g, _y, x: g * np.cosh(x)], numpy=np.sinh)
    >>> grad(np.sinh)(0.0)
    np.float64(1.0)
    """

    __slots__ = ("_paths", "_pulls", "_reads", "function", "name")

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        pulls: Sequence[Pull] | Pull,
        *,
        numpy: Callable[..., Any] | None = None,
        paths: Paths | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self._pulls: Any = pulls
        self._reads = [_read(partial(pulls, 0))] if callable(pulls) else [_read(pull) for pull in pulls]
        elementwise = isinstance(function, np.ufunc) and function.signature is None
        self._paths: Paths | None = "each" if paths is None and elementwise else paths
        if numpy is not None:
            RULES[numpy] = self

    def __repr__(self) -> str:
        return f"<Primitive {self.name}>"

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Compute y, and write a line if an argument is traced."""
        tape: Tape | None = None
        values, parents = list(arguments), [-1] * len(arguments)
        for place, argument in enumerate(arguments):
            if type(argument) is Variable:
                if tape is not argument.tape:
                    tape = argument.tape if tape is None else _foreign(self.name)
                values[place], parents[place] = argument.value, argument.line
        if tape is None:
            return self._of_plain(values, options)
        for place, parent in enumerate(parents):
            if parent < 0 and not isinstance(values[place], _NUMBERS):
                values[place] = _constant(values[place], self.name)
        y = self._of_shapes_that_fit(values, options)
        return Variable(y, tape, tape.append(self._entry(parents, y, values, options)))

    def pull(self, place: int) -> Pull:
        """Return what gives the gradient of an argument."""
        return partial(self._pulls, place) if callable(self._pulls) else self._pulls[place]

    def reads(self, place: int) -> int:
        """Return what the pull of an argument reads: bit 0 for y, bit k + 1 for argument k."""
        return self._reads[0 if callable(self._pulls) else place]

    def paths(self, place: int) -> Paths:
        """Return which numbers of an argument a number of y may depend on."""
        return self._paths or ("all" if self.reads(place) else "chosen")

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
        return frozen(y) if isinstance(y, (np.ndarray, np.generic)) else _number(y, self.name)

    def _entry(self, parents: list[int], y: Any, values: list[Any], options: dict[str, Any]) -> Entry:
        """Return a line that keeps what its pulls read."""
        read = 0
        for place, parent in enumerate(parents):
            if parent >= 0:
                read |= self.reads(place)
        kept = [value if read >> k & 1 else hollow(value) for k, value in enumerate((y, *values))]
        return Entry(self, tuple(parents), kept[0], tuple(kept[1:]), options)


def _read(pull: Pull) -> int:
    try:
        parameters = list(inspect.signature(pull).parameters.values())[1:]
    except ValueError:  # some functions in C do not say
        return -1
    read = 0
    for k, parameter in enumerate(parameters):
        if not parameter.name.startswith("_") and parameter.kind <= parameter.VAR_POSITIONAL:
            read |= -1 << k if parameter.kind is parameter.VAR_POSITIONAL else 1 << k
    return read


def _foreign(name: str) -> NoReturn:
    raise TypeError(
        f"{name} got values of two tapes: a gradient inside a gradient is not supported; "
        "take differences of grad(f) for second derivatives"
    )


def _constant(value: Any, name: str) -> Array:
    """Return an array that nobody else can change before the sweep: a copy, unless it is its own and read-only."""
    own = type(value) is np.ndarray and value.base is None and not value.flags.writeable
    array = value if own else np.asarray(value).copy()
    _check_real(value, array, name)
    array.setflags(write=False)
    return array


def _check_real(value: Any, array: Array, name: str) -> None:
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} takes real numbers and arrays of them; got {value!r}")


def _number(y: Any, name: str) -> Any:
    """Return a Python number as a NumPy number."""
    if not isinstance(y, (bool, int, float)):
        raise TypeError(f"{name} must return one array; got {type(y).__name__}")
    return np.asarray(y)[()]
