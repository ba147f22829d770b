"""The table: what NumPy's functions are on the tape. A row is a function, its pulls, and what computes it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from optimlab.lab.autodiff.rows import bounds, over_axes, reduced, row, sequence
from optimlab.lab.autodiff.variable import RULES, Variable
from optimlab.recurrence.elementary import cos_pi, sin_pi, tangent_h
from optimlab.typing import Array

__all__ = ["RULES"]

# Arithmetic and functions, number by number


def _tanh_pull(g: Any, _y: Any, x: Any) -> Any:
    """1 - y² would be 0 where y is rounded to 1."""
    slope = np.cosh(x)
    slope *= slope  # in place, for two arrays at a time are enough
    slope **= -1
    slope *= g
    return slope


def _power_base(g: Any, _y: Any, x: Any, p: Any) -> Any:
    if isinstance(p, (int, float)):
        return g * (p * x ** (p - 1)) if p else np.zeros_like(g)
    return g * np.where(np.equal(p, 0), 0, p * x ** np.where(np.equal(p, 0), 1, p - 1))


def _logistic(x: Any) -> Any:
    """1 / (1 + e⁻ˣ), which does not overflow."""
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), e, 1) / (1 + e)


row(np.add, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g)
row(np.subtract, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: -g)
row(np.multiply, lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a)
row(np.divide, lambda g, _y, _a, b: g / b, lambda g, y, _a, b: -g * (y / b))
row(np.remainder, lambda g, _y, _a, _b: g, lambda g, _y, a, b: -g * np.floor_divide(a, b))
row(np.power, _power_base, lambda g, y, x, _p: g * y * np.log(np.where(np.equal(y, 0), 1, x)))
row(np.negative, lambda g, _y, _x: -g)
row(np.square, lambda g, _y, x: g * (2 * x))
row(np.reciprocal, lambda g, y, _x: -g * y * y)
row(np.sqrt, lambda g, y, _x: g / (2 * y))
row(np.exp, lambda g, y, _x: g * y)
row(np.expm1, lambda g, y, _x: g * (y + 1))
row(np.log, lambda g, _y, x: g / x)
row(np.log1p, lambda g, _y, x: g / (1 + x))
row(np.logaddexp, lambda g, _y, a, b: g * _logistic(a - b), lambda g, _y, a, b: g * _logistic(b - a))
row(np.sin, lambda g, _y, x: g * np.cos(x))
row(np.cos, lambda g, _y, x: -g * np.sin(x))
row(np.tanh, _tanh_pull)
row(sin_pi, lambda g, _y, x: g * (np.pi * cos_pi(x)))
row(cos_pi, lambda g, _y, x: -g * (np.pi * sin_pi(x)))
row(tangent_h, _tanh_pull)
row(
    np.arctan2,
    lambda g, _y, a, b: g * (b / (r := np.hypot(a, b))) / r,
    lambda g, _y, a, b: -g * (a / (r := np.hypot(a, b))) / r,
)
row(np.absolute, lambda g, _y, x: g * np.sign(x))
row("sigmoid", lambda g, _y, x: g / np.square(2 * np.cosh(x / 2)), by=_logistic, paths="each")

# Selections: equal shares where several are equal; at a bound the slope is that of the bound


def _over(x: Any, other: Any) -> Any:
    """2 where x is larger, 1 at a tie: twice the share, in whole numbers of one byte."""
    return np.add(np.greater(x, other), np.greater_equal(x, other), dtype=np.int8)


def _extreme_pull(g: Any, y: Any, x: Array, *, axis: Any) -> Any:
    chosen = np.equal(x, y)
    return chosen * (g / chosen.sum(axis=axis, keepdims=True))


def _index_pull(g: Any, _y: Any, _x: Array, *, index: Any) -> Array:
    part = np.zeros(_x.shape, _x.dtype)
    if all(one is None or one is Ellipsis or isinstance(one, (int, np.integer, slice)) for one in index):
        part[index] = g
    else:
        np.add.at(part, index, g)  # an array may name an element twice
    return part


row(np.maximum, lambda g, _y, a, b: g / 2 * _over(a, b), lambda g, _y, a, b: g / 2 * _over(b, a), paths="chosen")
row(np.minimum, lambda g, _y, a, b: g / 2 * _over(b, a), lambda g, _y, a, b: g / 2 * _over(a, b), paths="chosen")
row(
    np.clip,
    lambda g, y, _x, low, high: g * (np.not_equal(y, low) & np.not_equal(y, high)),
    lambda g, y, _x, low, high: g * (np.equal(y, low) & np.not_equal(y, high)),
    lambda g, y, _x, _low, high: g * np.equal(y, high),
    paths="chosen",
    taking=bounds,
)
row(
    np.where,
    lambda g, _y, _condition, _a, _b: np.zeros_like(g),
    lambda g, _y, condition, _a, _b: np.where(condition, g, 0),
    lambda g, _y, condition, _a, _b: np.where(condition, 0, g),
    paths="chosen",
)
row(np.max, reduced(_extreme_pull), by=over_axes(np.max), paths="chosen")
row(np.min, reduced(_extreme_pull), by=over_axes(np.min), paths="chosen")
row("relu", lambda g, _y, x: np.where(np.greater(x, 0), g, 0), by=lambda x: np.maximum(x, 0), paths="chosen")
row(
    "leaky_relu",
    lambda g, _y, x, *, slope: np.where(np.greater(x, 0), g, slope * g),
    by=lambda x, slope: np.where(np.greater(x, 0), x, slope * np.asarray(x)),
    paths="each",
)
row("index", _index_pull, by=lambda x, index: x[index])

# Sums and products


def _mean(x: Array, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The mean, NaN for nothing: np.mean would warn."""
    return (summed := np.sum(x, axis=axis, keepdims=keepdims)) / _terms(x, summed)


def _var(x: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    """The variance, NaN for nothing: np.var would warn."""
    summed = np.sum(np.square(x - _mean(x, axis, keepdims=True)), axis=axis, keepdims=keepdims)
    return summed / _terms(x, summed, ddof)


def _std(x: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.sqrt(_var(x, axis, ddof=ddof, keepdims=keepdims))


def _norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    axes = np.ndim(x) if axis is None else np.size(axis)
    if ord is not None and ord != {1: 2, 2: "fro"}.get(axes):
        raise ValueError(
            f"ord must be None, 2 for a vector or 'fro' for a matrix; got {ord!r}; "
            "of a vector np.abs(x).sum() is the norm of order 1, np.abs(x).max() that of order inf"
        )
    return np.linalg.norm(x, axis=axis, keepdims=keepdims)


def _terms(x: Array, y: Any, ddof: float = 0) -> Any:
    """How many numbers of x make one of y, less ddof: a divisor that leaves NaN and float32 be."""
    return x.dtype.type(max(x.size / max(np.size(y), 1) - ddof, 0))


def _direction(x: Any, length: Any) -> Any:
    """x / length, 0 where that is 0."""
    return x / np.where(length == 0, np.inf, length)


def _var_pull(g: Any, _y: Any, x: Array, *, axis: Any, ddof: float = 0) -> Any:
    return 2 * g / _terms(x, _y, ddof) * (x - _mean(x, axis, keepdims=True))


def _std_pull(g: Any, y: Any, x: Array, *, axis: Any, ddof: float = 0) -> Any:
    return g / _terms(x, y, ddof) * _direction(x - _mean(x, axis, keepdims=True), y)


def _prod_pull(g: Any, _y: Any, x: Array, *, axis: Any) -> Any:
    """Multiply by all other numbers, those before and those after: y / x would be 0 / 0 at 0."""
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    last = range(x.ndim - len(axes), x.ndim)
    moved = np.moveaxis(x, axes, last)
    flat = moved.reshape(*moved.shape[: last.start], math.prod(moved.shape[last.start :]))
    before, after = (np.cumprod(np.insert(part, 0, 1, -1)[..., :-1], -1) for part in (flat, flat[..., ::-1]))
    others = (before * after[..., ::-1]).reshape(moved.shape)
    return g * np.moveaxis(others, last, axes)


def _log_sum_exp(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    x = np.asarray(x) if np.asarray(x).dtype.kind == "f" else np.asarray(x, np.float64)
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)
    kept = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return kept if keepdims else np.sum(kept, axis=axis)


def _cross_entropy(logits: Any, labels: Array) -> Any:
    logits = np.asarray(logits)
    return _log_sum_exp(logits, -1) - np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]


def _cross_entropy_pull(g: Any, _y: Any, logits: Array, *, labels: Array) -> Any:
    part = np.exp(logits - _log_sum_exp(logits, -1, keepdims=True))
    here = labels[..., None]
    np.put_along_axis(part, here, np.take_along_axis(part, here, axis=-1) - 1, axis=-1)
    return part * np.expand_dims(g, -1)


def _matrices(g: Any, a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Give vectors the axis that matmul gives them."""
    if b.ndim == 1:
        g, b = g[..., None], b[:, None]
    if a.ndim == 1:
        g, a = g[..., None, :], a[None, :]
    return g, a, b


def _matmul_left(g: Any, _y: Any, _a: Array, b: Array) -> Any:
    g, _, right = _matrices(g, _a, b)
    return g @ right.swapaxes(-1, -2)


def _matmul_right(g: Any, _y: Any, a: Array, _b: Array) -> Any:
    g, left, _ = _matrices(g, a, _b)
    part = left.swapaxes(-1, -2) @ g
    return part[..., 0] if _b.ndim == 1 else part


def _dot_left(g: Any, _y: Any, _a: Any, b: Any) -> Any:
    n = np.ndim(_a)
    if not (n and np.ndim(b)):
        return g * b
    first = np.moveaxis(b, max(b.ndim - 2, 0), 0)
    return np.tensordot(g, first, (range(n - 1, g.ndim), range(1, b.ndim)))


def _dot_right(g: Any, _y: Any, a: Any, _b: Any) -> Any:
    n = np.ndim(a)
    if not (n and np.ndim(_b)):
        return g * a
    part = np.tensordot(a, g, (range(n - 1), range(n - 1)))
    return np.moveaxis(part, 0, max(_b.ndim - 2, 0))


row(np.sum, reduced(lambda g, _y, _x, **_: np.broadcast_to(g, _x.shape)), by=over_axes(np.sum))
row(np.mean, reduced(lambda g, _y, _x, **_: np.broadcast_to(g / _terms(_x, _y), _x.shape)), by=_mean)
row(np.var, reduced(_var_pull), by=_var)
row(np.std, reduced(_std_pull), by=_std)
row(np.prod, reduced(_prod_pull), by=over_axes(np.prod))
row(
    np.cumsum,
    lambda g, _y, _x, *, axis=None: np.flip(np.flip(g, axis or 0).cumsum(axis or 0), axis or 0).reshape(_x.shape),
    by=lambda x, axis=None: np.cumsum(x, axis),
)
row(np.linalg.norm, reduced(lambda g, y, x, **_: g * _direction(x, y)), by=_norm)
row("logsumexp", reduced(lambda g, y, x, **_: g * np.exp(x - y)), by=_log_sum_exp)
row("softmax_cross_entropy", _cross_entropy_pull, by=_cross_entropy)
row(np.matmul, _matmul_left, _matmul_right)
row(np.dot, _dot_left, _dot_right)
row(
    np.outer,
    lambda g, _y, _a, b: (g @ np.ravel(b)).reshape(np.shape(_a)),
    lambda g, _y, a, _b: (np.ravel(a) @ g).reshape(np.shape(_b)),
)

# Shapes


def _reshape_pull(g: Any, _y: Any, _x: Array, **_: Any) -> Any:
    return g.reshape(_x.shape)


def _transpose_pull(g: Any, _y: Any, _x: Array, *, axes: Any = None) -> Any:
    return np.transpose(g, None if axes is None else np.argsort([axis % _x.ndim for axis in axes]))


def _concatenate_pull(place: int, g: Any, _y: Any, *_arrays: Array, axis: int) -> Any:
    begin = sum(array.shape[axis] for array in _arrays[:place])
    return np.moveaxis(np.moveaxis(g, axis, 0)[begin : begin + _arrays[place].shape[axis]], 0, axis)


row(np.reshape, _reshape_pull, by=lambda x, shape: np.reshape(x, shape))
row(np.ravel, _reshape_pull, by=lambda x: np.ravel(x))
row(np.squeeze, _reshape_pull, by=lambda x, axis=None: np.squeeze(x, axis))
row(np.transpose, _transpose_pull, by=lambda x, axes=None: np.transpose(x, axes))
row(np.concatenate, _concatenate_pull, by=lambda *arrays, axis: np.concatenate(arrays, axis), taking=sequence)
row(
    np.stack,
    lambda place, g, _y, *_arrays, axis: np.moveaxis(g, axis, 0)[place],
    by=lambda *arrays, axis: np.stack(arrays, axis),
    taking=sequence,
)

# What has no gradient, or gradient 0 almost everywhere


def _plain(function: Any) -> Any:
    """A function of values alone."""
    return lambda *given, **options: function(*(a.value if isinstance(a, Variable) else a for a in given), **options)


_COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
_STEPS = (np.sign, np.floor, np.ceil, np.isfinite, np.isnan)
_FACTS = (np.shape, np.ndim, np.size, np.zeros_like, np.ones_like)
RULES.update({function: _plain(function) for function in (*_COMPARISONS, *_STEPS, *_FACTS)})
