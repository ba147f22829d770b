"""Functions that NumPy does not have: activations, and losses of classification."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import number
from optimlab.lab.autodiff.table import RULES

__all__ = ["leaky_relu", "logsumexp", "relu", "sigmoid", "softmax_cross_entropy"]


def sigmoid(x: Any) -> Any:
    """1 / (1 + e⁻ˣ), in a form that neither overflows nor loses its small slopes.

    Parameters
    ----------
    x : Variable or array_like
        Any numbers.

    Returns
    -------
    Variable, ndarray or float
        In (0, 1); the slope σ(1 - σ) is precise in both tails, also where σ is rounded to 1.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, sigmoid
    >>> grad(sigmoid)(0.0)
    np.float64(0.25)
    """
    return RULES["sigmoid"](x)


def relu(x: Any) -> Any:
    """max(x, 0), with slope 0 at 0.

    ``np.maximum(x, 0)`` has the same values, and slope ½ at 0.

    Parameters
    ----------
    x : Variable or array_like
        Any numbers.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, relu
    >>> grad(lambda x: relu(x).sum())(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """
    return RULES["relu"](x)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """x where x > 0, otherwise slope · x.

    Parameters
    ----------
    x : Variable or array_like
        Any numbers.
    slope : float
        Slope on the left, and at 0.

    Raises
    ------
    ValueError, TypeError
        If the slope is no finite number.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, leaky_relu
    >>> grad(lambda x: leaky_relu(x).sum())(np.array([-1.0, 2.0]))
    array([0.01, 1.  ])
    """
    return RULES["leaky_relu"](x, slope=number("slope", slope))


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
    return RULES["logsumexp"](x, axis=axis, keepdims=keepdims)


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
    return RULES["softmax_cross_entropy"](logits, classes)
