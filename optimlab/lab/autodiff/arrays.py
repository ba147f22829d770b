"""Rules of operations on whole arrays: products of matrices, sums, shapes, and losses of classification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.lab.autodiff.primitive import Primitive
from optimlab.lab.autodiff.variable import RULES, Variable
from optimlab.typing import Array

__all__ = ["logsumexp", "softmax_cross_entropy"]


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


def _matmul_left(g: Any, y: Any, a: Array, b: Array) -> Array:
    g, left, right = _matrices(g, a, b)
    return _over_batch(g @ right.swapaxes(-1, -2), left, a)


def _matmul_right(g: Any, y: Any, a: Array, b: Array) -> Array:
    g, left, right = _matrices(g, a, b)
    return _over_batch(left.swapaxes(-1, -2) @ g, right, b)


def _spread(g: Any, axis: Any, keepdims: bool) -> Any:
    """Put back, with length 1, the axes that a sum took away."""
    return g if keepdims or axis is None else np.expand_dims(g, axis)


def _sum_pull(g: Any, y: Any, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return np.broadcast_to(_spread(g, axis, keepdims), x.shape)


def _average(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean, NaN for nothing: np.mean would warn."""
    total = np.sum(x, axis=axis, keepdims=keepdims)
    return total / x.dtype.type(x.size / np.size(total) if x.size else 0.0)


def _mean_pull(g: Any, y: Any, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    share = np.size(y) / x.size if x.size else 0.0
    return np.broadcast_to(_spread(g * share, axis, keepdims), x.shape)


def _index_pull(g: Any, y: Any, x: Array, index: Any) -> Array:
    part = np.zeros_like(x)
    parts = index if isinstance(index, tuple) else (index,)
    if all(one is None or one is Ellipsis or isinstance(one, (int, np.integer, slice)) for one in parts):
        part[index] = g
    else:
        np.add.at(part, index, g)  # an array may name an element twice
    return part


def _transpose_pull(g: Any, y: Any, x: Array, axes: Any = None) -> Array:
    return np.transpose(g, None if axes is None else np.argsort([axis % x.ndim for axis in axes]))


_INDEX = Primitive("index", lambda x, index: x[index], [_index_pull])
_RESHAPE = Primitive("reshape", np.reshape, [lambda g, y, x, shape: g.reshape(x.shape)])
_TRANSPOSE = Primitive("transpose", np.transpose, [_transpose_pull], numpy=np.transpose)
_SUM = Primitive("sum", np.sum, [_sum_pull])
_MEAN = Primitive("mean", _average, [_mean_pull])
Primitive("matmul", np.matmul, [_matmul_left, _matmul_right], numpy=np.matmul)


def _index(x: Variable, index: Any) -> Any:
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(one, Variable) for one in parts):
        raise TypeError("an index must be plain numbers, slices or arrays; got a traced value; use .value")
    return _INDEX(x, index=tuple(_frozen(one) for one in parts))


def _frozen(one: Any) -> Any:
    """Copy an index that could be changed; an empty list is one of no elements, not of float64."""
    if isinstance(one, list) and not one:
        return np.empty(0, np.intp)
    return np.array(one) if isinstance(one, (np.ndarray, list)) else one


def _reshape(x: Any, shape: Any) -> Any:
    return _RESHAPE(x, shape=shape)


def _sum(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _SUM(x, axis=axis, keepdims=keepdims)


def _mean(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _MEAN(x, axis=axis, keepdims=keepdims)


class _EachPart:
    """The pulls of an operation that joins any number of arrays: one function of the place."""

    def __init__(self, pull: Callable[..., Any]) -> None:
        self.pull = pull

    def __getitem__(self, place: int) -> Callable[..., Any]:
        return partial(self._pull, place)

    def _pull(self, place: int, g: Array, y: Array, *arrays: Array, axis: int) -> Array:
        part: Array = self.pull(place, np.moveaxis(g, axis, 0), arrays, axis)
        return part


def _concatenated_part(place: int, g: Array, arrays: tuple[Array, ...], axis: int) -> Array:
    begin = sum(array.shape[axis] for array in arrays[:place])
    return np.moveaxis(g[begin : begin + arrays[place].shape[axis]], 0, axis)


def _stacked_part(place: int, g: Array, arrays: tuple[Array, ...], axis: int) -> Array:
    part: Array = g[place]
    return part


def _concatenate(*arrays: Array, axis: int) -> Array:
    return np.concatenate(arrays, axis)


def _stack(*arrays: Array, axis: int) -> Array:
    return np.stack(arrays, axis)


def _concatenated(arrays: Sequence[Any], axis: int = 0) -> Any:
    if axis is None:
        raise ValueError("axis must be a whole number; got None; reshape the arrays to one axis before")
    return _CONCATENATE(*arrays, axis=axis)


def _stacked(arrays: Sequence[Any], axis: int = 0) -> Any:
    return _STACK(*arrays, axis=axis)


_CONCATENATE = Primitive("concatenate", _concatenate, _EachPart(_concatenated_part))
_STACK = Primitive("stack", _stack, _EachPart(_stacked_part))

RULES.update(
    {
        "index": _index,
        np.reshape: _reshape,
        np.sum: _sum,
        np.mean: _mean,
        np.concatenate: _concatenated,
        np.stack: _stacked,
    }
)


def _log_sum_exp(x: Array, axis: Any, keepdims: bool) -> Any:
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)
    kept = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return kept if keepdims else np.sum(kept, axis=axis)


def _log_sum_exp_pull(g: Any, y: Any, x: Array, axis: Any, keepdims: bool) -> Array:
    part: Array = _spread(g, axis, keepdims) * np.exp(x - _spread(y, axis, keepdims))
    return part


_LOG_SUM_EXP = Primitive("logsumexp", _log_sum_exp, [_log_sum_exp_pull])


def logsumexp(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """log Σ eˣ, without overflow; its gradient is the softmax.

    Parameters
    ----------
    x : Variable or array_like
        Any numbers; of none at all it is -inf.
    axis : int, tuple of int or None
        Axes of the sum; None: all.
    keepdims : bool
        Whether the axes stay, with length 1.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, logsumexp
    >>> grad(logsumexp)(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return _LOG_SUM_EXP(x if isinstance(x, Variable) else np.asarray(x), axis=axis, keepdims=keepdims)


def _cross_entropy(logits: Array, labels: Array) -> Any:
    chosen = np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    return _log_sum_exp(logits, -1, False) - chosen


def _cross_entropy_pull(g: Any, y: Any, logits: Array, labels: Array) -> Array:
    part = np.exp(logits - _log_sum_exp(logits, -1, True))
    here = labels[..., None]
    np.put_along_axis(part, here, np.take_along_axis(part, here, axis=-1) - 1, axis=-1)
    scaled: Array = part * np.expand_dims(g, -1)
    return scaled


_CROSS_ENTROPY = Primitive("softmax_cross_entropy", _cross_entropy, [_cross_entropy_pull])


def softmax_cross_entropy(logits: Any, labels: ArrayLike) -> Any:
    """-log softmax(z)_label = logsumexp(z) - z_label: the loss of each sample.

    Parameters
    ----------
    logits : Variable or array_like, shape (..., K)
        z, one score for each class.
    labels : array_like of int, shape (...)
        The true classes, 0 to K - 1.

    Returns
    -------
    Variable or ndarray, shape (...)
        The losses; their mean is what nets are trained on.

    Raises
    ------
    ValueError, TypeError
        If there is no class, or the labels have another shape, are no whole numbers, or lie outside the classes.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, softmax_cross_entropy
    >>> grad(lambda z: softmax_cross_entropy(z, [1]).mean())(np.array([[0.0, 0.0]]))
    array([[ 0.5, -0.5]])
    """
    shape = np.shape(logits)
    if shape[-1:] == (0,):
        raise ValueError(f"logits must have at least one class; got shape {shape}")
    classes = np.asarray(labels)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers; got {classes.dtype}")
    if not shape or classes.shape != shape[:-1]:
        raise ValueError(
            f"labels must have the shape of logits without its last axis, {shape[:-1]}; got {classes.shape}"
        )
    if classes.size and not (classes.min() >= 0 and classes.max() < shape[-1]):
        raise ValueError(f"labels must lie in 0 to {shape[-1] - 1}; got {classes.min()} to {classes.max()}")
    return _CROSS_ENTROPY(logits if isinstance(logits, Variable) else np.asarray(logits), classes)
