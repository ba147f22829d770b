"""Primitive: an operation on arrays with its gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import numpy as np

from optimlab.lab.autodiff.tape import Entry, Tape, quiet
from optimlab.lab.autodiff.variable import RULES, Variable
from optimlab.typing import Array

__all__ = ["Primitive", "Pulls"]

Pull = Callable[..., Any]

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


class Pulls(Protocol):
    """The gradients of an operation, by the place of the argument: a list will do."""

    def __getitem__(self, place: int, /) -> Pull:
        """Return the pull of one argument."""


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
        ``pull(g, y, *arguments, **options)``: the gradient of the argument, from the gradient g of y.
    numpy : callable, optional
        The NumPy function that this stands for when an argument is traced.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.lab.autodiff import Primitive, grad
    >>> sinh = Primitive("sinh", np.sinh, [lambda g, y, x: g * np.cosh(x)], numpy=np.sinh)
    >>> grad(np.sinh)(0.0)
    np.float64(1.0)
    """

    __slots__ = ("function", "name", "pulls")

    def __init__(
        self, name: str, function: Callable[..., Any], pulls: Pulls, *, numpy: Callable[..., Any] | None = None
    ) -> None:
        self.name = name
        self.function = function
        self.pulls = pulls
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
        try:
            y = self.function(*values, **options)
        except ValueError as error:
            shapes = " and ".join(str(np.shape(value)) for value in values)
            raise ValueError(f"{self.name} cannot take shapes {shapes}: {error}") from None
        if not isinstance(y, (np.ndarray, np.generic)):
            y = _number(y, self.name)
        return Variable(y, tape, tape.append(Entry(self, tuple(parents), y, tuple(values), options)))

    def _of_plain(self, values: list[Any], options: dict[str, Any]) -> Any:
        """Compute y where nothing is traced; inf and NaN are data here, too."""
        for value in values:
            _check_real(value, np.asarray(value), self.name)
        with quiet():
            return self.function(*values, **options)


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
