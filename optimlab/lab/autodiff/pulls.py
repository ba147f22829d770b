"""Gradients that take more than a line, each written for one array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from optimlab.typing import Array


def spread(g: Any, axis: Any, keepdims: bool) -> Any:
    """Put back, with length 1, the axes that a sum took away."""
    return g if keepdims or axis is None else np.expand_dims(g, axis)


def larger(x: Any, other: Any) -> Any:
    """1 where x is larger, ½ at a tie."""
    return np.greater(x, other) + np.equal(x, other) / 2


def power_base(g: Any, _y: Any, x: Any, p: Any) -> Any:
    if isinstance(p, (int, float)):
        return g * (p * x ** (p - 1)) if p else np.zeros_like(g)
    return g * np.where(np.equal(p, 0), 0, p * x ** np.where(np.equal(p, 0), 1, p - 1))


def power_exponent(g: Any, y: Any, x: Any, _p: Any) -> Any:
    return g * y * np.log(np.where(np.equal(y, 0), 1, x))


def sech2(x: Any) -> Any:
    """tanh′, which keeps its relative precision where tanh is 1: 1 - tanh² would be 0."""
    e = np.exp(-2 * np.abs(x))
    return 4 * e / (1 + e) ** 2


def logistic(x: Any) -> Any:
    """1 / (1 + e⁻ˣ), which does not overflow."""
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), e, 1) / (1 + e)


def logistic_slope(x: Any) -> Any:
    """logistic′, which keeps its digits where logistic is rounded to 1."""
    e = np.exp(-np.abs(x))
    return e / (1 + e) ** 2


def angle(g: Any, side: Any, a: Any, b: Any) -> Any:
    """g · side / (a² + b²), of which neither square may overflow."""
    r = np.hypot(a, b)
    return g * (side / r) / r


def _matrices(g: Any, a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Give vectors the axis that matmul gives them."""
    if b.ndim == 1:
        g, b = g[..., None], b[:, None]
    if a.ndim == 1:
        g, a = g[..., None, :], a[None, :]
    return g, a, b


def _over_batch(part: Array, matrix: Array, like: Array) -> Array:
    """Sum the gradient of a matrix over the batch that it was broadcast along."""
    added = tuple(range(part.ndim - matrix.ndim))
    stretched = tuple(len(added) + axis for axis, n in enumerate(matrix.shape[:-2]) if n == 1)
    summed: Array = part.sum(axis=added + stretched).reshape(like.shape)
    return summed


def matmul_left(g: Any, _y: Any, _a: Array, b: Array) -> Array:
    g, left, right = _matrices(g, _a, b)
    return _over_batch(g @ right.swapaxes(-1, -2), left, _a)


def matmul_right(g: Any, _y: Any, a: Array, _b: Array) -> Array:
    g, left, right = _matrices(g, a, _b)
    return _over_batch(left.swapaxes(-1, -2) @ g, right, _b)


def dot_left(g: Any, _y: Any, _a: Any, b: Any) -> Any:
    n = np.ndim(_a)
    if not (n and np.ndim(b)):
        return g * b
    others = [axis for axis in range(b.ndim) if axis != max(b.ndim - 2, 0)]
    return np.tensordot(g, b, (range(n - 1, g.ndim), others))


def dot_right(g: Any, _y: Any, a: Any, _b: Any) -> Any:
    n = np.ndim(a)
    if not (n and np.ndim(_b)):
        return g * a
    part = np.tensordot(a, g, (range(n - 1), range(n - 1)))
    return np.moveaxis(part, 0, max(_b.ndim - 2, 0))


def sum_pull(g: Any, _y: Any, _x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return np.broadcast_to(spread(g, axis, keepdims), _x.shape)


def mean_pull(g: Any, _y: Any, _x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return np.broadcast_to(spread(g * (np.size(_y) / max(_x.size, 1)), axis, keepdims), _x.shape)


def extreme_pull(g: Any, y: Any, x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Share g equally among the largest (or least) numbers."""
    chosen = np.equal(x, spread(y, axis, keepdims))
    return chosen * (spread(g, axis, keepdims) / chosen.sum(axis=axis, keepdims=True))


def mean(x: Array, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The mean, NaN for nothing: np.mean would warn."""
    summed = np.sum(x, axis=axis, keepdims=keepdims)
    return summed / x.dtype.type(x.size / max(np.size(summed), 1))


def _freedom(x: Array, y: Any, ddof: float) -> Any:
    """Degrees of freedom, of which there are no fewer than 0."""
    return x.dtype.type(max(x.size / max(np.size(y), 1) - ddof, 0))


def var(x: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    """The variance, NaN for nothing: np.var would warn."""
    summed = np.sum(np.square(x - mean(x, axis, keepdims=True)), axis=axis, keepdims=keepdims)
    return summed / _freedom(x, summed, ddof)


def std(x: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.sqrt(var(x, axis, ddof=ddof, keepdims=keepdims))


def var_pull(g: Any, _y: Any, x: Array, *, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    return spread(2 * g / _freedom(x, _y, ddof), axis, keepdims) * (x - mean(x, axis, keepdims=True))


def std_pull(g: Any, y: Any, x: Array, *, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    away = direction(x - mean(x, axis, keepdims=True), spread(y, axis, keepdims))
    return spread(g / _freedom(x, y, ddof), axis, keepdims) * away


def direction(x: Any, length: Any) -> Any:
    """x / length, 0 where that is 0."""
    return x / np.where(length == 0, np.inf, length)


def norm_pull(g: Any, y: Any, x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    return spread(g, axis, keepdims) * direction(x, spread(y, axis, keepdims))


def prod_pull(g: Any, _y: Any, x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Multiply by all other numbers, those before and those after: y / x would be 0 / 0 at 0."""
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    last = range(x.ndim - len(axes), x.ndim)
    moved = np.moveaxis(x, axes, last)
    flat = moved.reshape(*moved.shape[: last.start], math.prod(moved.shape[last.start :]))
    others = (_before(flat) * _before(flat[..., ::-1])[..., ::-1]).reshape(moved.shape)
    return spread(g, axis, keepdims) * np.moveaxis(others, last, axes)


def _before(flat: Array) -> Array:
    """Product of all numbers before each, along the last axis."""
    products = np.ones_like(flat)
    np.cumprod(flat[..., :-1], axis=-1, out=products[..., 1:])
    return products


def cumsum_pull(g: Any, _y: Any, _x: Array, *, axis: Any = None) -> Any:
    axis = 0 if axis is None else axis
    return np.flip(np.flip(g, axis).cumsum(axis), axis).reshape(_x.shape)


def reshape_pull(g: Any, _y: Any, _x: Array, **_: Any) -> Any:
    return g.reshape(_x.shape)


def transpose_pull(g: Any, _y: Any, _x: Array, *, axes: Any = None) -> Any:
    return np.transpose(g, None if axes is None else np.argsort([axis % _x.ndim for axis in axes]))


def index_pull(g: Any, _y: Any, _x: Array, *, index: Any) -> Array:
    part = np.zeros(_x.shape, _x.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if all(one is None or one is Ellipsis or isinstance(one, (int, np.integer, slice)) for one in parts):
        part[index] = g
    else:
        np.add.at(part, index, g)  # an array may name an element twice
    return part


def concatenate_pull(place: int, g: Any, arrays: tuple[Array, ...], axis: int) -> Any:
    begin = sum(array.shape[axis] for array in arrays[:place])
    return np.moveaxis(np.moveaxis(g, axis, 0)[begin : begin + arrays[place].shape[axis]], 0, axis)


def stack_pull(place: int, g: Any, arrays: tuple[Array, ...], axis: int) -> Any:
    return np.moveaxis(g, axis, 0)[place]


def log_sum_exp(x: Array, axis: Any = None, *, keepdims: bool = False) -> Any:
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)
    kept = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return kept if keepdims else np.sum(kept, axis=axis)


def log_sum_exp_pull(g: Any, y: Any, x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    return spread(g, axis, keepdims) * np.exp(x - spread(y, axis, keepdims))


def cross_entropy(logits: Array, labels: Array) -> Any:
    return log_sum_exp(logits, -1) - np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]


def cross_entropy_pull(g: Any, _y: Any, logits: Array, *, labels: Array) -> Any:
    part = np.exp(logits - log_sum_exp(logits, -1, keepdims=True))
    here = labels[..., None]
    np.put_along_axis(part, here, np.take_along_axis(part, here, axis=-1) - 1, axis=-1)
    return part * np.expand_dims(g, -1)
