"""Gradients that take more than a line, each written for one array."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from optimlab.typing import Array

__all__: list[str] = []  # for the table alone


def reduced(pull: Callable[..., Any]) -> Callable[..., Any]:
    """Give g and y back, with length 1, the axes that a sum took away."""

    @wraps(pull)
    def of_all_axes(g: Any, y: Any, x: Array, *, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        if not keepdims and axis is not None:
            g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
        return pull(g, y, x, axis=axis, **options)

    return of_all_axes


def over(x: Any, other: Any) -> Any:
    """2 where x is larger, 1 at a tie: twice the share, in whole numbers of one byte."""
    return np.add(np.greater(x, other), np.greater_equal(x, other), dtype=np.int8)


def power_base(g: Any, _y: Any, x: Any, p: Any) -> Any:
    if isinstance(p, (int, float)):
        return g * (p * x ** (p - 1)) if p else np.zeros_like(g)
    return g * np.where(np.equal(p, 0), 0, p * x ** np.where(np.equal(p, 0), 1, p - 1))


def tanh_pull(g: Any, _y: Any, x: Any) -> Any:
    """1 - y² would be 0 where y is rounded to 1."""
    slope = np.cosh(x)
    slope *= slope  # in place, for two arrays at a time are enough
    slope **= -1
    slope *= g
    return slope


def logistic(x: Any) -> Any:
    """1 / (1 + e⁻ˣ), which does not overflow."""
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), e, 1) / (1 + e)


def _matrices(g: Any, a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Give vectors the axis that matmul gives them."""
    if b.ndim == 1:
        g, b = g[..., None], b[:, None]
    if a.ndim == 1:
        g, a = g[..., None, :], a[None, :]
    return g, a, b


def matmul_left(g: Any, _y: Any, _a: Array, b: Array) -> Any:
    g, _, right = _matrices(g, _a, b)
    return g @ right.swapaxes(-1, -2)


def matmul_right(g: Any, _y: Any, a: Array, _b: Array) -> Any:
    g, left, _ = _matrices(g, a, _b)
    part = left.swapaxes(-1, -2) @ g
    return part[..., 0] if _b.ndim == 1 else part


def dot_left(g: Any, _y: Any, _a: Any, b: Any) -> Any:
    n = np.ndim(_a)
    if not (n and np.ndim(b)):
        return g * b
    first = np.moveaxis(b, max(b.ndim - 2, 0), 0)
    return np.tensordot(g, first, (range(n - 1, g.ndim), range(1, b.ndim)))


def dot_right(g: Any, _y: Any, a: Any, _b: Any) -> Any:
    n = np.ndim(a)
    if not (n and np.ndim(_b)):
        return g * a
    part = np.tensordot(a, g, (range(n - 1), range(n - 1)))
    return np.moveaxis(part, 0, max(_b.ndim - 2, 0))


def mean(x: Array, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The mean, NaN for nothing: np.mean would warn."""
    return (summed := np.sum(x, axis=axis, keepdims=keepdims)) / terms(x, summed)


def var(x: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    """The variance, NaN for nothing: np.var would warn."""
    summed = np.sum(np.square(x - mean(x, axis, keepdims=True)), axis=axis, keepdims=keepdims)
    return summed / terms(x, summed, ddof)


def std(x: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.sqrt(var(x, axis, ddof=ddof, keepdims=keepdims))


def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    axes = np.ndim(x) if axis is None else np.size(axis)
    if ord is not None and ord != {1: 2, 2: "fro"}.get(axes):
        raise ValueError(
            f"ord must be None, 2 for a vector or 'fro' for a matrix; got {ord!r}; "
            "of a vector np.abs(x).sum() is the norm of order 1, np.abs(x).max() that of order inf"
        )
    return np.linalg.norm(x, axis=axis, keepdims=keepdims)


def terms(x: Array, y: Any, ddof: float = 0) -> Any:
    """How many numbers of x make one of y, less ddof: a divisor that leaves NaN and float32 be."""
    return x.dtype.type(max(x.size / max(np.size(y), 1) - ddof, 0))


def direction(x: Any, length: Any) -> Any:
    """x / length, 0 where that is 0."""
    return x / np.where(length == 0, np.inf, length)


def extreme_pull(g: Any, y: Any, x: Array, *, axis: Any) -> Any:
    chosen = np.equal(x, y)
    return chosen * (g / chosen.sum(axis=axis, keepdims=True))


def var_pull(g: Any, _y: Any, x: Array, *, axis: Any, ddof: float = 0) -> Any:
    return 2 * g / terms(x, _y, ddof) * (x - mean(x, axis, keepdims=True))


def std_pull(g: Any, y: Any, x: Array, *, axis: Any, ddof: float = 0) -> Any:
    return g / terms(x, y, ddof) * direction(x - mean(x, axis, keepdims=True), y)


def prod_pull(g: Any, _y: Any, x: Array, *, axis: Any) -> Any:
    """Multiply by all other numbers, those before and those after: y / x would be 0 / 0 at 0."""
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    last = range(x.ndim - len(axes), x.ndim)
    moved = np.moveaxis(x, axes, last)
    flat = moved.reshape(*moved.shape[: last.start], math.prod(moved.shape[last.start :]))
    before, after = (np.cumprod(np.insert(part, 0, 1, -1)[..., :-1], -1) for part in (flat, flat[..., ::-1]))
    others = (before * after[..., ::-1]).reshape(moved.shape)
    return g * np.moveaxis(others, last, axes)


def reshape_pull(g: Any, _y: Any, _x: Array, **_: Any) -> Any:
    return g.reshape(_x.shape)


def transpose_pull(g: Any, _y: Any, _x: Array, *, axes: Any = None) -> Any:
    return np.transpose(g, None if axes is None else np.argsort([axis % _x.ndim for axis in axes]))


def index_pull(g: Any, _y: Any, _x: Array, *, index: Any) -> Array:
    part = np.zeros(_x.shape, _x.dtype)
    if all(one is None or one is Ellipsis or isinstance(one, (int, np.integer, slice)) for one in index):
        part[index] = g
    else:
        np.add.at(part, index, g)  # an array may name an element twice
    return part


def concatenate_pull(place: int, g: Any, _y: Any, *_arrays: Array, axis: int) -> Any:
    begin = sum(array.shape[axis] for array in _arrays[:place])
    return np.moveaxis(np.moveaxis(g, axis, 0)[begin : begin + _arrays[place].shape[axis]], 0, axis)


def log_sum_exp(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    x = np.asarray(x) if np.asarray(x).dtype.kind == "f" else np.asarray(x, np.float64)
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)
    kept = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return kept if keepdims else np.sum(kept, axis=axis)


def cross_entropy(logits: Any, labels: Array) -> Any:
    logits = np.asarray(logits)
    return log_sum_exp(logits, -1) - np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]


def cross_entropy_pull(g: Any, _y: Any, logits: Array, *, labels: Array) -> Any:
    part = np.exp(logits - log_sum_exp(logits, -1, keepdims=True))
    here = labels[..., None]
    np.put_along_axis(part, here, np.take_along_axis(part, here, axis=-1) - 1, axis=-1)
    return part * np.expand_dims(g, -1)
