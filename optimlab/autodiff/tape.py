"""The tape: what was computed, in order, and one sweep back over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["RULES", "Entry", "Primitive", "Pulls", "Tape", "Variable"]

Array = NDArray[Any]
Pull = Callable[..., Any]

#: What stands for a NumPy function when an argument is traced.
RULES: dict[Any, Callable[..., Any]] = {}

_NUMBERS = (bool, int, float, np.generic)


class Pulls(Protocol):
    """The gradients of an operation, by the place of the argument: a list will do."""

    def __getitem__(self, place: int, /) -> Pull:
        """Return the pull of one argument."""


class Entry(NamedTuple):
    """One line of a tape: y = primitive(*arguments, **options); ``parents[i]`` is the line of argument i, or -1."""

    primitive: Primitive | None
    parents: tuple[int, ...]
    y: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Tape:
    """Lines in the order of their computation, which is a topological order: the sweep needs no other.

    Lines refer to each other by number, never by object, so that no depth of a graph is a depth of recursion: not in
    the sweep, not when the tape is freed.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> Variable:
        """Write a line; its value can no longer be changed."""
        if isinstance(entry.y, np.ndarray):
            entry.y.setflags(write=False)
        self.entries.append(entry)
        return Variable(entry.y, self, len(self.entries) - 1)

    def sweep(self, last: int, seed: Any, leaves: int) -> tuple[list[Any], int]:
        """Return the gradients of the first ``leaves`` lines (None: no path), and the number of edges crossed.

        Each edge is crossed once, where a recursion over the graph crosses it once for each path to it. The gradient of
        an intermediate value is dropped as soon as it is used.
        """
        gradients: list[Any] = [None] * (last + 1)
        gradients[last] = seed
        crossed = 0
        for line in range(last, leaves - 1, -1):
            g = gradients.pop()
            if g is None:
                continue
            primitive, parents, y, arguments, options = self.entries[line]
            for place, parent in enumerate(parents):
                if parent >= 0:
                    crossed += 1
                    part = _fitted(primitive.pulls[place](g, y, *arguments, **options), arguments[place])  # type: ignore[union-attr]
                    earlier = gradients[parent]
                    gradients[parent] = part if earlier is None else earlier + part
        return gradients[:leaves] + [None] * (leaves - len(gradients)), crossed


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
    >>> from optimlab.autodiff import Primitive, grad
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
            return self.function(*values, **options)
        for place, parent in enumerate(parents):
            if parent < 0 and not isinstance(values[place], _NUMBERS):
                values[place] = _constant(values[place], self.name)
        try:
            y = self.function(*values, **options)
        except ValueError as error:
            shapes = " and ".join(str(np.shape(value)) for value in values)
            raise ValueError(f"{self.name} cannot take shapes {shapes}: {error}") from None
        return tape.append(Entry(self, tuple(parents), y, tuple(values), options))


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
    >>> from optimlab.autodiff import grad
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
        raise TypeError(f"{name} has no gradient rule; write one with optimlab.autodiff.Primitive(..., numpy={name})")
    return RULES[function]


def _foreign(name: str) -> NoReturn:
    raise TypeError(
        f"{name} got values of two tapes: a gradient inside a gradient is not supported; "
        "take differences of grad(f) for second derivatives"
    )


def _constant(value: Any, name: str) -> Array:
    """Return an array that nobody else can change before the sweep: a copy, unless it is its own and read-only."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} takes real numbers and arrays of them; got {value!r}")
    if array is value and (array.flags.writeable or array.base is not None):
        array = array.copy()
    array.setflags(write=False)
    return array


def _fitted(part: Any, x: Any) -> Any:
    """Sum a gradient over the axes along which x was broadcast, in the dtype of x."""
    shape = x.shape
    if part.shape != shape:
        added = part.ndim - len(shape)
        stretched = tuple(axis + added for axis, n in enumerate(shape) if n == 1 and part.shape[axis + added] != 1)
        part = part.sum(axis=(*range(added), *stretched)).reshape(shape)
    return part if part.dtype == x.dtype else part.astype(x.dtype)
