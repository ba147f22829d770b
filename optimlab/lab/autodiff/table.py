"""The table: what NumPy's functions are on the tape. A row is a function, its pulls, and what computes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optimlab.lab.autodiff import pulls as of
from optimlab.lab.autodiff.primitive import Paths, Primitive
from optimlab.lab.autodiff.variable import RULES, Variable

__all__ = ["RULES", "TABLE"]

#: By name; `RULES` has them by what is called.
TABLE: dict[str, Primitive] = {}


def _row(
    called: Any,
    *pulls: Callable[..., Any],
    by: Callable[..., Any] | None = None,
    paths: Paths | None = None,
    taking: Callable[[Primitive], Callable[..., Any]] | None = None,
) -> None:
    """Enter what is called, its pulls, and what computes it if it has options; ``taking`` sorts what it gets."""
    name = getattr(called, "__name__", called)
    primitive = TABLE[name] = Primitive(name, by or called, pulls[0] if taking is _sequence else pulls, paths=paths)
    if not any(primitive.reads):
        primitive.paths = "chosen"  # what reads no array moves and adds
    RULES[called] = (taking or _options)(primitive) if by or taking else primitive


def _options(primitive: Primitive) -> Callable[..., Any]:
    """Take an array, then options, as the function's parameters say."""
    name, signature = primitive.name, inspect.signature(primitive.function)

    def take(*arguments: Any, **options: Any) -> Any:
        try:
            (_, x), *given = signature.bind(*arguments, **options).arguments.items()
        except TypeError as error:
            raise TypeError(f"{name} of a traced value is {name}{signature}: {error}") from None
        return primitive(x, **{name: _settled(option) for name, option in given})

    return take


def _settled(option: Any) -> Any:
    """Copy an option that could be changed; an empty list is an index of no elements, not of float64."""
    if isinstance(option, Variable):
        raise TypeError("an option or an index must be plain numbers, slices or arrays; got a traced value; use .value")
    if isinstance(option, (np.ndarray, list)):
        return np.array(option, np.intp if isinstance(option, list) and not np.size(option) else None)
    return tuple(map(_settled, option)) if isinstance(option, tuple) else option


def _sequence(primitive: Primitive) -> Callable[..., Any]:
    def take(arrays: Sequence[Any], axis: int = 0) -> Any:
        if axis is None:
            raise ValueError("axis must be a whole number; got None; reshape the arrays to one axis before")
        return primitive(*arrays, axis=axis)

    return take


def _bounds(primitive: Primitive) -> Callable[..., Any]:
    def take(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
        return primitive(x, -np.inf if low is None else low, np.inf if high is None else high)

    return take


def _over_axes(function: Any) -> Callable[..., Any]:
    return lambda x, axis=None, *, keepdims=False: function(x, axis=axis, keepdims=keepdims)


# Arithmetic and functions, number by number

_row(np.add, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g)
_row(np.subtract, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: -g)
_row(np.multiply, lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a)
_row(np.divide, lambda g, _y, _a, b: g / b, lambda g, y, _a, b: -g * (y / b))
_row(np.remainder, lambda g, _y, _a, _b: g, lambda g, _y, a, b: -g * np.floor_divide(a, b))
_row(np.power, of.power_base, lambda g, y, x, _p: g * y * np.log(np.where(np.equal(y, 0), 1, x)))
_row(np.negative, lambda g, _y, _x: -g)
_row(np.square, lambda g, _y, x: g * (2 * x))
_row(np.reciprocal, lambda g, y, _x: -g * y * y)
_row(np.sqrt, lambda g, y, _x: g / (2 * y))
_row(np.exp, lambda g, y, _x: g * y)
_row(np.expm1, lambda g, y, _x: g * (y + 1))
_row(np.log, lambda g, _y, x: g / x)
_row(np.log1p, lambda g, _y, x: g / (1 + x))
_row(np.logaddexp, lambda g, _y, a, b: g * of.logistic(a - b), lambda g, _y, a, b: g * of.logistic(b - a))
_row(np.sin, lambda g, _y, x: g * np.cos(x))
_row(np.cos, lambda g, _y, x: -g * np.sin(x))
_row(np.tanh, of.tanh_pull)
_row(
    np.arctan2,
    lambda g, _y, a, b: g * (b / (r := np.hypot(a, b))) / r,
    lambda g, _y, a, b: -g * (a / (r := np.hypot(a, b))) / r,
)
_row(np.absolute, lambda g, _y, x: g * np.sign(x))
_row("sigmoid", lambda g, _y, x: g / np.square(2 * np.cosh(x / 2)), by=of.logistic, paths="each")

# Selections: equal shares where several are equal; at a bound the slope is that of the bound

_row(np.maximum, lambda g, _y, a, b: g / 2 * of.over(a, b), lambda g, _y, a, b: g / 2 * of.over(b, a), paths="chosen")
_row(np.minimum, lambda g, _y, a, b: g / 2 * of.over(b, a), lambda g, _y, a, b: g / 2 * of.over(a, b), paths="chosen")
_row(
    np.clip,
    lambda g, y, _x, low, high: g * (np.not_equal(y, low) & np.not_equal(y, high)),
    lambda g, y, _x, low, high: g * (np.equal(y, low) & np.not_equal(y, high)),
    lambda g, y, _x, _low, high: g * np.equal(y, high),
    paths="chosen",
    taking=_bounds,
)
_row(
    np.where,
    lambda g, _y, _condition, _a, _b: np.zeros_like(g),
    lambda g, _y, condition, _a, _b: np.where(condition, g, 0),
    lambda g, _y, condition, _a, _b: np.where(condition, 0, g),
    paths="chosen",
)
_row(np.max, of.reduced(of.extreme_pull), by=_over_axes(np.max), paths="chosen")
_row(np.min, of.reduced(of.extreme_pull), by=_over_axes(np.min), paths="chosen")
_row("relu", lambda g, _y, x: np.where(np.greater(x, 0), g, 0), by=lambda x: np.maximum(x, 0), paths="chosen")
_row(
    "leaky_relu",
    lambda g, _y, x, *, slope: np.where(np.greater(x, 0), g, slope * g),
    by=lambda x, slope: np.where(np.greater(x, 0), x, slope * np.asarray(x)),
    paths="each",
)
_row("index", of.index_pull, by=lambda x, index: x[index])

# Sums and products

_row(np.sum, of.reduced(lambda g, _y, _x, **_: np.broadcast_to(g, _x.shape)), by=_over_axes(np.sum))
_row(np.mean, of.reduced(lambda g, _y, _x, **_: np.broadcast_to(g / of.terms(_x, _y), _x.shape)), by=of.mean)
_row(np.var, of.reduced(of.var_pull), by=of.var)
_row(np.std, of.reduced(of.std_pull), by=of.std)
_row(np.prod, of.reduced(of.prod_pull), by=_over_axes(np.prod))
_row(
    np.cumsum,
    lambda g, _y, _x, *, axis=None: np.flip(np.flip(g, axis or 0).cumsum(axis or 0), axis or 0).reshape(_x.shape),
    by=lambda x, axis=None: np.cumsum(x, axis),
)
_row(np.linalg.norm, of.reduced(lambda g, y, x, **_: g * of.direction(x, y)), by=of.norm)
_row("logsumexp", of.reduced(lambda g, y, x, **_: g * np.exp(x - y)), by=of.log_sum_exp)
_row("softmax_cross_entropy", of.cross_entropy_pull, by=of.cross_entropy)
_row(np.matmul, of.matmul_left, of.matmul_right)
_row(np.dot, of.dot_left, of.dot_right)
_row(
    np.outer,
    lambda g, _y, _a, b: (g @ np.ravel(b)).reshape(np.shape(_a)),
    lambda g, _y, a, _b: (np.ravel(a) @ g).reshape(np.shape(_b)),
)

# Shapes

_row(np.reshape, of.reshape_pull, by=lambda x, shape: np.reshape(x, shape))
_row(np.ravel, of.reshape_pull, by=lambda x: np.ravel(x))
_row(np.squeeze, of.reshape_pull, by=lambda x, axis=None: np.squeeze(x, axis))
_row(np.transpose, of.transpose_pull, by=lambda x, axes=None: np.transpose(x, axes))
_row(np.concatenate, of.concatenate_pull, by=lambda *arrays, axis: np.concatenate(arrays, axis), taking=_sequence)
_row(
    np.stack,
    lambda place, g, _y, *_arrays, axis: np.moveaxis(g, axis, 0)[place],
    by=lambda *arrays, axis: np.stack(arrays, axis),
    taking=_sequence,
)

# What has no gradient, or gradient 0 almost everywhere


def _plain(function: Any) -> Any:
    """A function of values alone."""
    return lambda *arguments, **options: function(
        *(a.value if isinstance(a, Variable) else a for a in arguments), **options
    )


_COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
_STEPS = (np.sign, np.floor, np.ceil, np.isfinite, np.isnan)
_FACTS = (np.shape, np.ndim, np.size, np.zeros_like, np.ones_like)
RULES.update({function: _plain(function) for function in (*_COMPARISONS, *_STEPS, *_FACTS)})
