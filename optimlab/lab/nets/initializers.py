"""Weight initialisation: one variance scaling, Var w = c²/n, n by the fans of a layer, and its names in papers.

Weights of a layer have shape (..., fan_in, fan_out), as in ``x @ W``; leading axes are replicas, each drawn
independently. All take the shape, an int or a sequence of them, an rng, and a dtype, float32 or float64. Drawing is in
float64 whatever the dtype, so float32 weights are the float64 ones, rounded.

    name                     n        c²          source
    lecun_normal, _uniform   fan_in   1           LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, equation 16
    glorot_normal, _uniform  fan_avg  1           Glorot & Bengio 2010, equations 12 and 16
    he_normal, _uniform      fan_in   2/(1 + a²)  He, Zhang, Ren & Sun 2015, equations 10 and 15

Examples
--------
>>> shape, rng = (400, 200), np.random.default_rng(0)
>>> [round(float(draw(shape, rng).std()), 4) for draw in (lecun_normal, glorot_uniform, he_normal)]
[0.05, 0.0577, 0.0708]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import numpy as np

from optimlab.checks import NOT_NEGATIVE, choice, generator, number, whole
from optimlab.typing import Array, Rng

__all__ = [
    "corrected_truncated_normal", "fans", "gain", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "lecun_normal", "lecun_uniform", "normal", "orthogonal", "truncated_normal", "uniform", "variance_scaling",
]  # fmt: skip

Shape = SupportsIndex | Sequence[SupportsIndex]

_CUT = 2.0
# √(1 - 2cφ(c)/(2Φ(c) - 1)) at c = 2: the standard deviation that is left by truncation, .87963.
_TRUNCATED_SD = math.sqrt(1.0 - 4.0 * math.exp(-2.0) / math.sqrt(2.0 * math.pi) / math.erf(math.sqrt(2.0)))
_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}


def uniform(shape: Shape, rng: Rng, *, limit: float = 1.0, dtype: Any = np.float64) -> Array:
    """w ~ U(-a, a), a = limit, at least 0: the same density everywhere, with standard deviation a/√3."""
    a = number("limit", limit, NOT_NEGATIVE)
    return _drawn(shape, dtype, lambda size: generator(rng).uniform(-a, a, size))


def normal(shape: Shape, rng: Rng | np.random.RandomState, *, sd: float = 1.0, dtype: Any = np.float64) -> Array:
    """w ~ N(0, sd²), sd at least 0; rng may be the legacy one, for published numbers."""
    sigma = number("sd", sd, NOT_NEGATIVE)
    source = rng if isinstance(rng, np.random.RandomState) else generator(rng)
    return _drawn(shape, dtype, lambda size: sigma * source.standard_normal(size))


def truncated_normal(shape: Shape, rng: Rng, *, scale: float = 1.0, dtype: Any = np.float64) -> Array:
    """w ~ N(0, σ²), σ = scale, drawn again until |w| ≤ 2σ: a standard deviation of .87963 σ, not of σ.

    4.55 % of the draws are replaced. ``tf.truncated_normal`` of TensorFlow 1 and ``jax.nn.initializers`` do this.
    """
    sigma = number("scale", scale, NOT_NEGATIVE)
    return _drawn(shape, dtype, lambda size: sigma * _within_cut(size, generator(rng)))


def corrected_truncated_normal(shape: Shape, rng: Rng, *, sd: float = 1.0, dtype: Any = np.float64) -> Array:
    """w ~ N(0, (σ/.87963)²), drawn again until |w| ≤ 2σ/.87963: a truncated normal of standard deviation σ = sd.

    ``VarianceScaling`` of Keras and ``variance_scaling`` of JAX divide by the same constant.
    """
    return truncated_normal(shape, rng, scale=number("sd", sd, NOT_NEGATIVE) / _TRUNCATED_SD, dtype=dtype)


def variance_scaling(
    shape: Shape, rng: Rng, *, mode: str = "fan_in", law: str = "normal", gain: float = 1.0, dtype: Any = np.float64
) -> Array:
    """w of mean 0 and variance c²/n: a linear layer with n = fan_in and c = 1 keeps the variance of what goes through.

    n is "fan_in", "fan_out" (to keep the variance of gradients) or "fan_avg", their mean; the law is "normal",
    "uniform" or "truncated_normal", corrected for its truncation; c is at least 0, and `gain` gives those in use.

    Examples
    --------
    >>> w = variance_scaling((300, 100), np.random.default_rng(0), law="uniform", mode="fan_out", gain=0.5)
    >>> round(float(abs(w).max()), 4), round(float(w.std() ** 2 * 100), 2)
    (0.0866, 0.25)
    """
    fan_in, fan_out = fans(shape)
    counts = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    n, c, rng = counts[choice("mode", mode, list(counts))], number("gain", gain, NOT_NEGATIVE), generator(rng)
    if choice("law", law, ["normal", "uniform", "truncated_normal"]) == "uniform":
        return uniform(shape, rng, limit=c * math.sqrt(3.0 / n), dtype=dtype)
    draw = normal if law == "normal" else corrected_truncated_normal
    return draw(shape, rng, sd=c * math.sqrt(1.0 / n), dtype=dtype)


def lecun_normal(shape: Shape, rng: Rng, *, dtype: Any = np.float64) -> Array:
    """w ~ N(0, 1/fan_in): the 1/√n rule."""
    return variance_scaling(shape, rng, dtype=dtype)


def lecun_uniform(shape: Shape, rng: Rng, *, dtype: Any = np.float64) -> Array:
    """w ~ U(-a, a) with a = √(3/fan_in)."""
    return variance_scaling(shape, rng, law="uniform", dtype=dtype)


def glorot_normal(shape: Shape, rng: Rng, *, dtype: Any = np.float64) -> Array:
    """w ~ N(0, 2/(fan_in + fan_out)): between keeping the forward variance and keeping the backward one."""
    return variance_scaling(shape, rng, mode="fan_avg", dtype=dtype)


def glorot_uniform(shape: Shape, rng: Rng, *, dtype: Any = np.float64) -> Array:
    """w ~ U(-a, a) with a = √(6/(fan_in + fan_out))."""
    return variance_scaling(shape, rng, mode="fan_avg", law="uniform", dtype=dtype)


def he_normal(shape: Shape, rng: Rng, *, slope: float = 0.0, dtype: Any = np.float64) -> Array:
    """w ~ N(0, 2/((1 + a²) fan_in)): keeps the second moment through a (leaky) ReLU of slope a below 0."""
    return variance_scaling(shape, rng, gain=gain("leaky_relu", slope=slope), dtype=dtype)


def he_uniform(shape: Shape, rng: Rng, *, slope: float = 0.0, dtype: Any = np.float64) -> Array:
    """w ~ U(-b, b) with b = √(6/((1 + a²) fan_in)), a = slope."""
    return variance_scaling(shape, rng, law="uniform", gain=gain("leaky_relu", slope=slope), dtype=dtype)


def orthogonal(shape: Shape, rng: Rng, *, factor: float = 1.0, dtype: Any = np.float64) -> Array:
    """W = c Q with QᵀQ = 1 (QQᵀ = 1 where fan_in < fan_out), uniform over all such matrices; c = factor, at least 0.

    Saxe, McClelland & Ganguli 2014; the signs that make QR uniform: Mezzadri 2007, section 5.
    """
    c, (fan_in, fan_out) = number("factor", factor, NOT_NEGATIVE), fans(shape)
    tall = normal((*_sizes(shape)[:-2], max(fan_in, fan_out), min(fan_in, fan_out)), generator(rng))
    q, r = np.linalg.qr(tall)
    q *= c * np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0.0, -1.0, 1.0)[..., None, :]
    return np.ascontiguousarray(q if fan_in >= fan_out else q.mT, _float(dtype))


def gain(activation: str, *, slope: float | None = None) -> float:
    """c such that weights of variance c²/fan_in are customary before an activation.

    √(2/(1 + a²)) for the (leaky) ReLU, whose slope a below 0 is .01 by default, keeps the second moment exactly; 5/3
    for tanh is a rule of thumb that balances its shrinking; 1 for the sigmoid shrinks gradients to .235 a layer: to
    keep them it needs 10, see `optimlab.lab.theory.backward_factors`.

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
    """(fan_in, fan_out) of ``x @ W``: the last two axes, both at least 1; of PyTorch's weights, the transposed ones."""
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


def _drawn(shape: Shape, dtype: Any, draw: Callable[[tuple[int, ...]], Array]) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(draw(_sizes(shape)), _float(dtype))


def _sizes(shape: Shape) -> tuple[int, ...]:
    given = shape if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    return tuple(whole("shape", size, 0) for size in given)


def _float(dtype: Any) -> np.dtype[Any]:
    try:
        given: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64; got {dtype!r}") from None
    if given not in (np.float32, np.float64):
        raise TypeError(f"dtype must be float32 or float64; got {given}")
    return given
