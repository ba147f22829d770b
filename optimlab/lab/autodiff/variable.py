"""Variable: what a function sees in place of its array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from optimlab.lab.autodiff.tape import Tape

__all__ = ["RULES", "Variable"]

#: What stands for a NumPy function when an argument is traced.
RULES: dict[Any, Callable[..., Any]] = {}


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
        return RULES["index"](self, index)

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("a traced number has no parts to iterate over")
        return (self[k] for k in range(len(self)))

    def __len__(self) -> int:
        return len(self.value)

    def __add__(self, other: Any) -> Any:
        return RULES[np.add](self, other)

    def __radd__(self, other: Any) -> Any:
        return RULES[np.add](other, self)

    def __sub__(self, other: Any) -> Any:
        return RULES[np.subtract](self, other)

    def __rsub__(self, other: Any) -> Any:
        return RULES[np.subtract](other, self)

    def __mul__(self, other: Any) -> Any:
        return RULES[np.multiply](self, other)

    def __rmul__(self, other: Any) -> Any:
        return RULES[np.multiply](other, self)

    def __truediv__(self, other: Any) -> Any:
        return RULES[np.divide](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return RULES[np.divide](other, self)

    def __pow__(self, other: Any) -> Any:
        return RULES[np.power](self, other)

    def __rpow__(self, other: Any) -> Any:
        return RULES[np.power](other, self)

    def __matmul__(self, other: Any) -> Any:
        return RULES[np.matmul](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return RULES[np.matmul](other, self)

    def __neg__(self) -> Any:
        return RULES[np.negative](self)

    def __pos__(self) -> Variable:
        return self

    def __abs__(self) -> Any:
        return RULES[np.absolute](self)

    def __lt__(self, other: Any) -> Any:
        return RULES[np.less](self, other)

    def __le__(self, other: Any) -> Any:
        return RULES[np.less_equal](self, other)

    def __gt__(self, other: Any) -> Any:
        return RULES[np.greater](self, other)

    def __ge__(self, other: Any) -> Any:
        return RULES[np.greater_equal](self, other)

    def __eq__(self, other: object) -> Any:
        return RULES[np.equal](self, other)

    def __ne__(self, other: object) -> Any:
        return RULES[np.not_equal](self, other)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        shape: tuple[int, ...] = self.value.shape
        return shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of numbers."""
        return int(self.value.size)

    @property
    def dtype(self) -> Any:
        """Dtype of the value."""
        return self.value.dtype

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        """The axes reversed."""
        return RULES[np.transpose](self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Sum over axes."""
        return RULES[np.sum](self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Mean over axes."""
        return RULES[np.mean](self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Any:
        """Return the numbers in another shape."""
        return RULES[np.reshape](self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """Return the axes in another order."""
        return RULES[np.transpose](self, axes[0] if len(axes) == 1 else axes or None)


def _rule(function: Any) -> Callable[..., Any]:
    if function not in RULES:
        name = f"{getattr(function, '__module__', 'numpy') or 'numpy'}.{function.__name__}"
        raise TypeError(
            f"{name} has no gradient rule; write one with optimlab.lab.autodiff.Primitive(..., numpy={name})"
        )
    return RULES[function]
