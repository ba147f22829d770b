"""Weight initialisation: distributions of given scale, and scales that follow from the width of a layer.

Weights of a layer have shape (..., fan_in, fan_out), as in ``x @ W``; leading axes are replicas, each drawn
independently. Drawing is in float64 whatever the dtype, so float32 weights are the float64 ones, rounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike

from optimlab.checks import NOT_NEGATIVE, choice, generator, number, whole
from optimlab.typing import Array, Rng

__all__ = [
    "corrected_truncated_normal",
    "fans",
    "gain",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "orthogonal",
    "truncated_normal",
    "uniform",
]

Shape = SupportsIndex | Sequence[SupportsIndex]

_CUT = 2.0
# √(1 - 2cφ(c)/(2Φ(c) - 1)) at c = 2: the standard deviation that is left by truncation, .87963.
_TRUNCATED_SD = math.sqrt(1.0 - 4.0 * math.exp(-2.0) / math.sqrt(2.0 * math.pi) / math.erf(math.sqrt(2.0)))
_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}


def uniform(shape: Shape, rng: Rng, *, limit: float = 1.0, dtype: DTypeLike = np.float64) -> Array:
    """w ~ U(-a, a): the same density everywhere, with standard deviation a/√3.

    Parameters
    ----------
    limit : float, at least 0
        a.
    shape, rng, dtype
        As for `normal`.

    Examples
    --------
    >>> w = uniform((3, 4), np.random.default_rng(0), limit=0.1)
    >>> w.shape, bool(abs(w).max() <= 0.1)
    ((3, 4), True)
    """
    a = number("limit", limit, NOT_NEGATIVE)
    return _drawn(shape, dtype, lambda size: generator(rng).uniform(-a, a, size))


def normal(
    shape: Shape,
    rng: Rng | np.random.RandomState,
    *,
    sd: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> Array:
    """w ~ N(0, σ²).

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the weights.
    rng : numpy.random.Generator, seed, None, or numpy.random.RandomState
        Source of randomness; the legacy one for published numbers, as in ``0.1 * randn(2, 50)``.
    sd : float, at least 0
        σ.
    dtype : float32 or float64
        Of the weights.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of the wrong type.

    Examples
    --------
    >>> normal(2, np.random.RandomState(0), sd=0.1).round(6)
    array([0.176405, 0.040016])
    """
    sigma = number("sd", sd, NOT_NEGATIVE)
    source = rng if isinstance(rng, np.random.RandomState) else generator(rng)
    return _drawn(shape, dtype, lambda size: sigma * source.standard_normal(size))


def truncated_normal(shape: Shape, rng: Rng, *, scale: float = 1.0, dtype: DTypeLike = np.float64) -> Array:
    """w ~ N(0, σ²), drawn again until |w| ≤ 2σ: a standard deviation of .87963 σ, not of σ.

    4.55 % of the draws are replaced. `corrected_truncated_normal` has the standard deviation that it is given.

    Parameters
    ----------
    scale : float, at least 0
        σ, the standard deviation before truncation.
    shape, rng, dtype
        As for `normal`.

    Source
    ------
    ``tf.truncated_normal`` of TensorFlow 1 and ``jax.nn.initializers.truncated_normal`` are this distribution.

    Examples
    --------
    >>> w = truncated_normal(100_000, np.random.default_rng(0))
    >>> bool(abs(w).max() <= 2.0), round(float(w.std()), 2)
    (True, 0.88)
    """
    sigma = number("scale", scale, NOT_NEGATIVE)
    return _drawn(shape, dtype, lambda size: sigma * _within_cut(size, generator(rng)))


def corrected_truncated_normal(shape: Shape, rng: Rng, *, sd: float = 1.0, dtype: DTypeLike = np.float64) -> Array:
    """w ~ N(0, (σ/.87963)²), drawn again until |w| ≤ 2σ/.87963: a truncated normal of standard deviation σ.

    Parameters
    ----------
    sd : float, at least 0
        σ, the standard deviation after truncation.
    shape, rng, dtype
        As for `normal`.

    Source
    ------
    ``VarianceScaling`` of Keras and ``variance_scaling`` of JAX divide by the same constant.

    Examples
    --------
    >>> w = corrected_truncated_normal(100_000, np.random.default_rng(0))
    >>> round(float(w.std()), 2), round(float(abs(w).max()), 2)
    (1.0, 2.27)
    """
    return truncated_normal(shape, rng, scale=number("sd", sd, NOT_NEGATIVE) / _TRUNCATED_SD, dtype=dtype)


def lecun_normal(shape: Shape, rng: Rng, *, dtype: DTypeLike = np.float64) -> Array:
    """w ~ N(0, 1/fan_in): the 1/√n rule; a linear layer then keeps the variance of what goes through it.

    Parameters, errors: those of `normal`; the shape is (..., fan_in, fan_out).

    Source
    ------
    LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, equation 16.

    Examples
    --------
    >>> round(float(lecun_normal((400, 300), np.random.default_rng(0)).std()), 3)
    0.05
    """
    return normal(shape, generator(rng), sd=math.sqrt(1.0 / fans(shape)[0]), dtype=dtype)


def lecun_uniform(shape: Shape, rng: Rng, *, dtype: DTypeLike = np.float64) -> Array:
    """w ~ U(-a, a) with a = √(3/fan_in), of variance 1/fan_in.

    Source as for `lecun_normal`.

    Examples
    --------
    >>> round(float(abs(lecun_uniform((300, 300), np.random.default_rng(0))).max()), 3)
    0.1
    """
    return uniform(shape, rng, limit=math.sqrt(3.0 / fans(shape)[0]), dtype=dtype)


def glorot_normal(shape: Shape, rng: Rng, *, dtype: DTypeLike = np.float64) -> Array:
    """w ~ N(0, 2/(fan_in + fan_out)): between keeping the forward variance and keeping the backward one.

    Parameters, errors: those of `normal`; the shape is (..., fan_in, fan_out).

    Source
    ------
    Glorot & Bengio 2010, equation 12.

    Examples
    --------
    >>> round(float(glorot_normal((500, 300), np.random.default_rng(0)).std()), 3)
    0.05
    """
    return normal(shape, generator(rng), sd=math.sqrt(2.0 / sum(fans(shape))), dtype=dtype)


def glorot_uniform(shape: Shape, rng: Rng, *, dtype: DTypeLike = np.float64) -> Array:
    """w ~ U(-a, a) with a = √(6/(fan_in + fan_out)), of variance 2/(fan_in + fan_out).

    Source as for `glorot_normal`, equation 16.

    Examples
    --------
    >>> round(float(abs(glorot_uniform((350, 250), np.random.default_rng(0))).max()), 3)
    0.1
    """
    return uniform(shape, rng, limit=math.sqrt(6.0 / sum(fans(shape))), dtype=dtype)


def he_normal(shape: Shape, rng: Rng, *, slope: float = 0.0, dtype: DTypeLike = np.float64) -> Array:
    """w ~ N(0, 2/((1 + a²) fan_in)): keeps the second moment through a (leaky) ReLU of slope a below 0.

    Parameters
    ----------
    slope : float
        a; 0 for the ReLU.
    shape, rng, dtype
        As for `normal`.

    Source
    ------
    He, Zhang, Ren & Sun 2015, equations 10 and 15.

    Examples
    --------
    >>> round(float(he_normal((800, 300), np.random.default_rng(0)).std()), 3)
    0.05
    """
    sd = gain("leaky_relu", slope=slope) / math.sqrt(fans(shape)[0])
    return normal(shape, generator(rng), sd=sd, dtype=dtype)


def he_uniform(shape: Shape, rng: Rng, *, slope: float = 0.0, dtype: DTypeLike = np.float64) -> Array:
    """w ~ U(-b, b) with b = √(6/((1 + a²) fan_in)), of variance 2/((1 + a²) fan_in).

    Parameters and source as for `he_normal`.

    Examples
    --------
    >>> round(float(abs(he_uniform((600, 300), np.random.default_rng(0))).max()), 3)
    0.1
    """
    limit = gain("leaky_relu", slope=slope) * math.sqrt(3.0 / fans(shape)[0])
    return uniform(shape, rng, limit=limit, dtype=dtype)


def orthogonal(shape: Shape, rng: Rng, *, factor: float = 1.0, dtype: DTypeLike = np.float64) -> Array:
    """W = c Q with QᵀQ = 1 (QQᵀ = 1 where fan_in < fan_out), uniform over all such matrices.

    Parameters
    ----------
    factor : float, at least 0
        c, every singular value; `gain` gives those in use.
    shape, rng, dtype
        As for `normal`.

    Source
    ------
    Saxe, McClelland & Ganguli 2014; the signs that make QR uniform: Mezzadri 2007, section 5.

    Examples
    --------
    >>> w = orthogonal((4, 3), np.random.default_rng(0))
    >>> bool(np.allclose(w.T @ w, np.eye(3)))
    True
    """
    c, (fan_in, fan_out) = number("factor", factor, NOT_NEGATIVE), fans(shape)
    tall = normal((*_sizes(shape)[:-2], max(fan_in, fan_out), min(fan_in, fan_out)), generator(rng))
    q, r = np.linalg.qr(tall)
    q *= c * np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0.0, -1.0, 1.0)[..., None, :]
    weights = q if fan_in >= fan_out else q.swapaxes(-1, -2)
    return np.ascontiguousarray(weights, _float(dtype))


def gain(activation: str, *, slope: float | None = None) -> float:
    """c such that weights of variance c²/fan_in are customary before an activation.

    √(2/(1 + a²)) for the (leaky) ReLU keeps the second moment exactly; 5/3 for tanh is a rule of thumb that balances
    its shrinking; 1 for the sigmoid shrinks gradients to .235 a layer: to keep them it needs 10, see
    `optimlab.lab.theory.backward_factors`.

    Parameters
    ----------
    activation : {"linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"}
        What follows the layer.
    slope : float, optional
        a, the slope of the leaky ReLU below 0, by default .01; for no other activation.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If the activation is unknown, or slope is no finite number or belongs to none.

    Source
    ------
    He et al. 2015, equation 15; the others as in ``torch.nn.init.calculate_gain``.

    Examples
    --------
    >>> round(gain("relu") ** 2, 12), round(gain("leaky_relu", slope=0.5) ** 2, 12)
    (2.0, 1.6)
    """
    if choice("activation", activation, [*_GAINS, "leaky_relu"]) == "leaky_relu":
        return math.sqrt(2.0) / math.hypot(1.0, number("slope", 0.01 if slope is None else slope))
    if slope is not None:
        raise ValueError(f"slope must be None for {activation!r}; got {slope!r}; only 'leaky_relu' has one")
    return _GAINS[activation]


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) = (rows, columns) of the weights in ``x @ W``: the last two axes.

    PyTorch stores the transpose, so its fan_in is the last axis.

    Parameters
    ----------
    shape : tuple of int
        (..., fan_in, fan_out), both at least 1.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two axes, or a layer without inputs or outputs.

    Examples
    --------
    >>> fans((16, 784, 128))
    (784, 128)
    """
    sizes = _sizes(shape)
    if len(sizes) < 2 or min(sizes[-2:]) < 1:
        raise ValueError(f"shape must be (..., fan_in, fan_out), both at least 1; got {shape!r}")
    return sizes[-2], sizes[-1]


def _within_cut(size: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw standard normals, and those beyond the cut again until none is left."""
    z = rng.standard_normal(size)
    while (outside := np.abs(z) > _CUT).any():
        z[outside] = rng.standard_normal(int(outside.sum()))
    return z


def _drawn(shape: Shape, dtype: DTypeLike, draw: Any) -> Array:
    with np.errstate(over="ignore"):
        drawn: Array = np.asarray(draw(_sizes(shape)), _float(dtype))
    return drawn


def _sizes(shape: Shape) -> tuple[int, ...]:
    given = shape if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    return tuple(whole("shape", size, 0) for size in given)


def _float(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        given = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64; got {dtype!r}") from None
    if given not in (np.float32, np.float64):
        raise TypeError(f"dtype must be float32 or float64; got {given}")
    return given
