"""How a function of NumPy gets its row in the table: what it is called with, and what its primitive takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from optimlab.lab.autodiff.primitive import Function, Paths, Primitive
from optimlab.lab.autodiff.variable import RULES, Variable
from optimlab.typing import Array

__all__ = ["TABLE", "bounds", "over_axes", "reduced", "row", "sequence"]

Taking = Callable[[Primitive], Function]

#: By name; `RULES` has them by what is called.
TABLE: dict[str, Primitive] = {}


def row(
    called: Any, *pulls: Function, by: Function | None = None, paths: Paths | None = None, taking: Taking | None = None
) -> None:
    """Enter what is called, its pulls, and what computes it if it has options; ``taking`` sorts what it gets."""
    name = getattr(called, "__name__", called)
    primitive = TABLE[name] = Primitive(name, by or called, pulls[0] if taking is sequence else pulls, paths=paths)
    if not any(primitive.reads[place] for place in range(len(pulls))):
        primitive.paths = "chosen"  # what reads no array moves and adds
    RULES[called] = (taking or _options)(primitive) if by or taking else primitive


def _options(primitive: Primitive) -> Function:
    """Take an array, then options, as the function's parameters say."""
    name, signature = primitive.name, inspect.signature(primitive.function)
    first, *others = signature.parameters
    names = {*others}

    def take(*arguments: Any, **options: Any) -> Any:
        if len(arguments) != 1 or not options.keys() <= names:  # to bind takes as long as to index
            try:
                options = signature.bind(*arguments, **options).arguments
            except TypeError as error:
                raise TypeError(f"{name} of a traced value is {name}{signature}: {error}") from None
            arguments = (options.pop(first),)
        return primitive(*arguments, **{name: _settled(option) for name, option in options.items()})

    return take


def _settled(option: Any) -> Any:
    """Copy an option that could be changed; an empty list is an index of no elements, not of float64."""
    if isinstance(option, Variable):
        raise TypeError("an option or an index must be plain numbers, slices or arrays; got a traced value; use .value")
    if isinstance(option, (np.ndarray, list)):
        return np.array(option, np.intp if isinstance(option, list) and not np.size(option) else None)
    return tuple(map(_settled, option)) if isinstance(option, tuple) else option


def sequence(primitive: Primitive) -> Function:
    """Take one sequence of arrays."""

    def take(arrays: Sequence[Any], axis: int = 0) -> Any:
        if axis is None:
            raise ValueError("axis must be a whole number; got None; reshape the arrays to one axis before")
        return primitive(*arrays, axis=axis)

    return take


def bounds(primitive: Primitive) -> Function:
    """Take bounds by any of their names, or none."""

    def take(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
        return primitive(x, -np.inf if low is None else low, np.inf if high is None else high)

    return take


def over_axes(function: Any) -> Function:
    """Leave the options axis and keepdims to a function."""
    return lambda x, axis=None, *, keepdims=False: function(x, axis=axis, keepdims=keepdims)


def reduced(pull: Function) -> Function:
    """Give g and y back, with length 1, the axes that a sum took away."""

    @wraps(pull)
    def of_all_axes(g: Any, y: Any, x: Array, *, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        if not keepdims and axis is not None:
            g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
        return pull(g, y, x, axis=axis, **options)

    return of_all_axes
