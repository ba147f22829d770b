"""Variable: what a function sees in place of its array."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from optimlab.lab.autodiff.tape import Tape

__all__ = ["RULES", "Variable"]

#: What stands for a NumPy function when an argument is traced.
RULES: dict[Any, Callable[..., Any]] = {}


def _operators(function: Any) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """Return an operator, and what Python calls if the left side does not know it."""
    return lambda self, other: RULES[function](self, other), lambda self, other: RULES[function](other, self)


def _method(function: Any) -> Callable[..., Any]:
    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        return RULES[function](self, *arguments, **options)

    method.__name__, method.__doc__ = function.__name__, f"Return what np.{function.__name__} gives, recorded."
    return method


class Variable:
    """A value on the tape: what a function sees in place of its array while its gradient is taken.

    It takes part in arithmetic, indexing and the NumPy functions that have a rule. ``value`` is the array, read-only:
    a recorded value must stay what it was, for the sweep back uses it. Comparisons give plain arrays of bool.

    Parameters
    ----------
    value : ndarray or NumPy number
        What was computed.
    tape : Tape
        Where.
    line : int
        Number of its line there.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab.lab.autodiff import grad
    >>> def f(x):
    ...     print(type(x).__name__, x.shape, x.value)
    ...     return np.sum(x**2)
    >>> grad(f)(np.array([1.0, 2.0]))
    Variable (2,) [1. 2.]
    array([2., 4.])
    """

    __slots__ = ("line", "tape", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any, tape: Tape, line: int) -> None:
        self.value = value
        self.tape = tape
        self.line = line

    def __repr__(self) -> str:
        return f"Variable({self.value!r})"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if options.get("out") is not None:
            raise TypeError(f"np.{ufunc.__name__} cannot write a traced value into an array in place; write a = a + x")
        if method != "__call__" or options:
            raise TypeError(f"np.{ufunc.__name__} of a traced value takes no options; got {method} with {options}")
        return _rule(ufunc)(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _rule(function)(*args, **kwargs)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "a traced value cannot become a plain array: its gradient would be lost; "
            "use numpy functions that have a rule, np.stack for a list of values, or .value to leave the tape"
        )

    __float__ = __int__ = __array__

    def __bool__(self) -> bool:
        return bool(self.value)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("a recorded value must not be changed in place; build the new value with np.where or np.stack")

    def __getitem__(self, index: Any) -> Any:
        return RULES["index"](self, index=index if isinstance(index, tuple) else (index,))

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("a traced number has no parts to iterate over")
        return (self[k] for k in range(len(self)))

    def __len__(self) -> int:
        return len(self.value)

    __add__, __radd__ = _operators(np.add)
    __sub__, __rsub__ = _operators(np.subtract)
    __mul__, __rmul__ = _operators(np.multiply)
    __truediv__, __rtruediv__ = _operators(np.divide)
    __mod__, __rmod__ = _operators(np.remainder)
    __pow__, __rpow__ = _operators(np.power)
    __matmul__, __rmatmul__ = _operators(np.matmul)
    __neg__, __abs__ = _method(np.negative), _method(np.absolute)
    __lt__, __le__ = _method(np.less), _method(np.less_equal)
    __gt__, __ge__ = _method(np.greater), _method(np.greater_equal)
    __eq__, __ne__ = _method(np.equal), _method(np.not_equal)

    def __pos__(self) -> Variable:
        return self

    shape = property(lambda self: self.value.shape, doc="Shape of the value.")
    dtype = property(lambda self: self.value.dtype, doc="Dtype of the value.")
    ndim = property(lambda self: self.value.ndim, doc="Number of axes.")
    size = property(lambda self: self.value.size, doc="Number of numbers.")
    T = property(_method(np.transpose), doc="The axes reversed.")
    dot, clip, ravel, squeeze = map(_method, (np.dot, np.clip, np.ravel, np.squeeze))
    sum, mean, var, std = map(_method, (np.sum, np.mean, np.var, np.std))
    prod, cumsum, max, min = map(_method, (np.prod, np.cumsum, np.max, np.min))

    def reshape(self, *shape: Any) -> Any:
        """Return the numbers in another shape."""
        return RULES[np.reshape](self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """Return the axes in another order."""
        return RULES[np.transpose](self, axes[0] if len(axes) == 1 else axes or None)


def _rule(function: Any) -> Callable[..., Any]:
    if function not in RULES:
        name = _named(function)
        raise TypeError(
            f"{name} has no gradient rule; write one with optimlab.lab.autodiff.Primitive(..., numpy={name})"
        )
    return RULES[function]


def _named(function: Any) -> str:
    """Return where a function is found: a ufunc does not say."""
    name: str = function.__name__
    homes = [
        home
        for home, module in list(sys.modules.items())
        if "._" not in home and home[0] != "_" and getattr(module, "__dict__", {}).get(name) is function
    ]
    return f"{min(homes, key=len)}.{name}" if homes else name
