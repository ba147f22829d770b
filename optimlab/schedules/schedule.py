"""A schedule is a value: a formula s(k) and its parameters; the formula is written once, as a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce, update_wrapper
from numbers import Real
from operator import mul
from typing import Any, Concatenate, ParamSpec, final

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import FINITE, Range, numbers, per_replica
from optimlab.typing import Floats

__all__ = ["PlainFunction", "Schedule", "constant", "part", "parts", "product", "schedule", "updates"]

P = ParamSpec("P")
Value = Any
"""Who makes a schedule gives a number or a sequence of shape (S,), the formula gets a number or an array."""
Check = Range | Callable[[str, Any], Any]
Formula = Callable[Concatenate[Floats, P], Any]
_INDEX = Range("at least 0 (updates count from k = 0)")
_UPDATES = Range("in (0, 1e300]")
"""So that sums of them, and products with a share, are finite, too."""
_BLOCK = 128


def schedule(**allowed: Check) -> Callable[[Formula[P]], Callable[P, Schedule]]:
    """Turn a formula ``s(k, parameters)`` into the function that makes ``Schedule`` values: ``s(parameters)``.

    What each parameter may be is a range of numbers, or a function that checks it by its name. The formula is
    elementwise in k, of arithmetic and NumPy ufuncs.
    """

    def decorate(formula: Formula[P]) -> Callable[P, Schedule]:
        whole = inspect.signature(formula)
        signature = whole.replace(parameters=list(whole.parameters.values())[1:], return_annotation="Schedule")

        def make(*args: P.args, **kwargs: P.kwargs) -> Schedule:
            bound = signature.bind(*args, **kwargs)
            for name, given in bound.arguments.items():
                bound.arguments[name] = _checked(name, given, allowed[name])
            bound.apply_defaults()
            made = Schedule(make, bound.args, tuple(bound.kwargs.items()), formula)
            made(np.arange(2.0)[:, None])  # parameters that do not fit together are refused here, not in a later step
            return made

        update_wrapper(make, formula)
        make.__signature__ = signature  # type: ignore[attr-defined]
        make.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()} | {"return": "Schedule"}
        return make

    return decorate


def _checked(name: str, given: Any, allowed: Check) -> Any:
    return per_replica(name, given, allowed) if isinstance(allowed, Range) else allowed(name, given)


@final
@dataclass(frozen=True, repr=False)
class Schedule:
    """s(k): a number for each update k = 0, 1, 2, ...; the first update uses s(0).

    Made by functions such as ``cosine_decay``, and by ``*`` of a schedule with a schedule, a number, or another
    function of k. Two schedules are equal if function and parameters are; the ``repr`` rebuilds the schedule. For
    replicas a parameter may be a sequence of shape (S,), which meets k by the rules of broadcasting: a number k gives
    shape (S,), and so does an array of S indices.

    Examples
    --------
    >>> from optimlab import cosine_decay, step_decay
    >>> lr = cosine_decay(0.1, steps=1000)
    >>> lr(0), lr(500), lr(1000)
    (0.1, 0.05, 0.0)
    >>> lr(np.arange(0, 1001, 250)).round(4)
    array([0.1   , 0.0854, 0.05  , 0.0146, 0.    ])
    >>> lr
    cosine_decay(0.1, steps=1000)
    >>> lr == cosine_decay(0.1, steps=1000.0)
    True
    >>> 2 * lr * step_decay(1.0, 0.5, steps=500)
    constant(2.0) * cosine_decay(0.1, steps=1000) * staircase(exponential_decay(1.0, 0.5, steps=500), steps=500)
    """

    maker: Callable[..., Schedule]
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    formula: Callable[..., Any] = field(compare=False)  # s(k, *args, **kwargs)
    _table: tuple[int, Any] = field(default=(-1, None), init=False, compare=False)

    def __call__(self, k: ArrayLike) -> Any:
        """Return s(k).

        Parameters
        ----------
        k : int or array_like of number, at least 0
            Index of the update.

        Returns
        -------
        float or ndarray of float64
            A float if k and all parameters are numbers.

        Raises
        ------
        ValueError, TypeError
            If a k is negative, NaN or not a real number.
        """
        if isinstance(k, (int, np.integer)) and not isinstance(k, bool) and k >= 0 and self._known_ahead:
            return self._entry(int(k))
        value = self._evaluated(numbers("k", k, _INDEX))
        return value if np.ndim(value) else float(value)

    @cached_property
    def _known_ahead(self) -> bool:
        """Whether s may be computed for later k too: a function of one's own may end with the run."""
        held = (*self.args, *(value for _, value in self.kwargs))
        return not any(isinstance(x, PlainFunction) or (isinstance(x, Schedule) and not x._known_ahead) for x in held)

    def _entry(self, k: int) -> Any:
        """Return s(k) from a table of neighbouring k: 1 µs where the formula on one number takes 5 to 70."""
        block, row = divmod(k, _BLOCK)
        table = self._table
        if table[0] != block:
            table = block, self._tabulated(block * _BLOCK)
            object.__setattr__(self, "_table", table)
        entry = table[1][row]
        return entry if isinstance(entry, float) else entry.copy()

    def _tabulated(self, begin: int) -> Any:
        k = np.arange(begin, begin + _BLOCK, dtype=np.float64)
        replicated = np.ndim(self._evaluated(np.float64(0.0))) > 0
        values = self._evaluated(k[:, None] if replicated else k)
        return values if replicated else values.tolist()

    def _evaluated(self, k: Any) -> Any:
        words = {name: _number(value) for name, value in self.kwargs}
        with np.errstate(over="ignore", under="ignore"):  # what is infinite is refused where it is used
            return self.formula(k, *map(_number, self.args), **words)

    def __mul__(self, other: Any) -> Schedule:
        return product(self, other) if _is_part(other) else NotImplemented  # a Rule multiplies by itself

    def __rmul__(self, other: Any) -> Schedule:
        return product(other, self) if _is_part(other) else NotImplemented

    __array_ufunc__ = None  # so that np.float64(2) * schedule comes here

    def __repr__(self) -> str:
        """Return the shortest expression that rebuilds the schedule."""
        if self.maker is product:
            return " * ".join(map(repr, self.args))
        parameters = inspect.signature(self.maker).parameters
        words = [f"{name}={value!r}" for name, value in self.kwargs if value != parameters[name].default]
        return f"{self.maker.__name__}({', '.join([*map(repr, self.args), *words])})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(self.maker, *self.args, **dict(self.kwargs)), ()


def _number(value: Any) -> Any:
    """Return what a formula computes with: of one number for each replica an array."""
    return np.array(value) if isinstance(value, tuple) and isinstance(value[0], (int, float)) else value


def updates(name: str, given: Any) -> Any:
    """Return a number of updates, or one for each replica: an int where it is whole."""
    found = per_replica(name, given, _UPDATES)
    return tuple(map(_whole, found)) if isinstance(found, tuple) else _whole(found)


def _whole(number: float) -> float:
    return int(number) if number.is_integer() else number


@final
@dataclass(frozen=True)
class PlainFunction:
    """A function of k that need not take arrays: it is called with one index after the other, an int if it is whole."""

    function: Callable[[Any], Any]

    def __call__(self, k: Floats) -> Floats:
        """Return its numbers, for replicas broadcast against k as a parameter of a schedule is."""
        indices = np.asarray(k).ravel().tolist()
        found = np.array([self.function(_whole(index)) for index in indices], np.float64)
        found = found.reshape(np.shape(k) + found.shape[1:])
        if np.ndim(k) in (0, found.ndim):
            return found
        return found[..., 0, :] if np.shape(k)[-1] == 1 else np.diagonal(found, axis1=-2, axis2=-1)

    def __repr__(self) -> str:
        return repr(self.function)


def _is_part(given: Any) -> bool:
    return callable(given) or isinstance(given, (Real, Sequence, np.ndarray))


def part(name: str, given: Any) -> Schedule | PlainFunction:
    """Return a schedule as it is, another function as one of k, a number as a constant schedule."""
    if isinstance(given, (Schedule, PlainFunction)):
        return given
    return PlainFunction(given) if callable(given) else constant(given)


def parts(name: str, given: tuple[Any, ...]) -> tuple[Schedule | PlainFunction, ...]:
    """Return each of several arguments as a part."""
    return tuple(part(name, each) for each in given)


@schedule(value=FINITE)
def constant(k: Floats, value: Value) -> Any:
    """s(k) = value.

    Parameters
    ----------
    value : float or sequence of float, shape (S,)
        The number.

    Examples
    --------
    >>> constant(0.1)(7)
    0.1
    """
    return value + np.zeros_like(k)


def _flat(name: str, given: tuple[Any, ...]) -> tuple[Schedule | PlainFunction, ...]:
    """Return the factors of products in place of the products."""
    held = parts(name, given)
    return tuple(f for x in held for f in (x.args if isinstance(x, Schedule) and x.maker is product else (x,)))


@schedule(factors=_flat)
def product(k: Floats, *factors: Any) -> Any:
    """s(k) = s₁(k) s₂(k) ...: what ``*`` makes of schedules, numbers and functions of k.

    Examples
    --------
    >>> from optimlab import linear
    >>> (0.5 * linear(1.0, steps=2))(np.arange(3))
    array([0.5 , 0.25, 0.  ])
    """
    return reduce(mul, [factor(k) for factor in factors])
