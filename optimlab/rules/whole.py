"""Rules with one number for each leaf, or for each of its units: atoms, and what is scaled or clipped by them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod, sqrt
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Hyperparameter, Range, hyperparameter, number
from optimlab.finite import norm
from optimlab.recurrence.decay import Beta
from optimlab.recurrence.gains import FirstValueGain
from optimlab.rules.algebra import ArrayRule, Arrays, Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.basic import adam, adamw
from optimlab.rules.elementwise import Clip, Gradient, Positive, Root, Square, Weights
from optimlab.rules.feedback import Delay
from optimlab.typing import Array

__all__ = [
    "Axis", "Centralize", "Mean", "Norm", "Rms", "Size", "TrustRatio", "adam_mini", "agc", "cautious_rescaled",
    "clip_rms", "excess", "lamb", "lars", "mars", "novograd", "stable_adamw",
]  # fmt: skip

Axis = int | tuple[int, ...] | None
"""The axes of a unit, which stay with length 1; None: the leaf is one unit, of which there is one number."""


@dataclass(frozen=True, repr=False)
class _Over(ArrayRule):
    """One number for each unit. As in broadcasting there are axes of length 1 before the first: -2 of a vector."""

    axis: Axis = None

    def __post_init__(self) -> None:
        if self.axis is not None and not all(type(a) is int for a in self._given):
            raise TypeError(f"axis must be None, a whole number or a tuple of such; got {self.axis!r}")

    @property
    def _given(self) -> tuple[Any, ...]:
        return self.axis if isinstance(self.axis, tuple) else (self.axis,)

    def axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return which axes of an array of this shape a unit has."""
        if self.axis is None:
            return tuple(range(len(shape)))
        if max(self._given, default=-1) >= len(shape):
            raise ValueError(f"{self!r} is for arrays with such an axis; got shape {shape}")
        return tuple({a % len(shape) for a in self._given if a >= -len(shape)})

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        axes = self.axes(shape)
        return () if self.axis is None else tuple([1 if i in axes else n for i, n in enumerate(shape)])

    def count(self, x: Array) -> Any:
        """Return how many numbers a unit has, in the dtype of x."""
        return x.dtype.type(prod([x.shape[a] for a in self.axes(x.shape)]))

    def sum(self, x: Array) -> Any:
        """Return the sum of each unit."""
        return x.sum(axis=self.axes(x.shape), keepdims=self.axis is not None)


class Mean(_Over):
    """y = Σx/n of the leaf, or of each unit along ``axis``; 0 of an empty one.

    >>> import numpy as np
    >>> Mean(-2).of(np.array([[1.0, 2.0], [3.0, 5.0]]), None, ())
    array([[2. , 3.5]])
    """

    def of(self, x: Array, w: Array, c: Arrays) -> Any:
        return self.sum(x) / max(self.count(x), x.dtype.type(1))


class Norm(_Over):
    """y = √Σx² of the leaf, or of each unit along ``axis``, summed in float64.

    >>> import numpy as np
    >>> Norm(-1).of(np.array([[3.0, 4.0], [5.0, 12.0]]), None, ())
    array([[ 5.],
           [13.]])
    """

    def of(self, x: Array, w: Array, c: Arrays) -> Any:
        if self.axis is None:
            return x.dtype.type(norm([x], None))
        return np.sqrt(self.sum(np.square(x, dtype=np.float64))).astype(x.dtype)


class Rms(_Over):
    """y = √(Σx²/n) of the leaf, or of each unit along ``axis``; 0 of an empty one.

    >>> import numpy as np
    >>> float(Rms().of(np.array([[3.0, 4.0], [0.0, 0.0]]), None, ()))
    2.5
    """

    def of(self, x: Array, w: Array, c: Arrays) -> Any:
        return Norm(self.axis).of(x, w, c) / x.dtype.type(sqrt(max(self.count(x), 1)))


class Size(_Over):
    """y = n: how many numbers the leaf has, or each unit along ``axis``.

    >>> import numpy as np
    >>> float(Size(0).of(np.ones((3, 2)), None, ()))
    3.0
    """

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        return super().shape(shape, leaf)[:0]

    def of(self, x: Array, w: Array, c: Arrays) -> Any:
        return self.count(x)


@dataclass(frozen=True, repr=False)
class TrustRatio(ArrayRule):
    """y = η ‖w‖ / (‖x‖ + ε) x, as long as η w; x itself where one of the norms is 0. η > 0 and ε ≥ 0 may be schedules.

    >>> import numpy as np
    >>> TrustRatio(0.5).of(np.array([3.0, 4.0]), np.array([0.0, 20.0]), (0.5, 0.0))
    array([6., 8.])
    """

    coefficient: Hyperparameter = 1.0
    eps: Hyperparameter = 0.0
    ranges: ClassVar[dict[str, Range]] = {"coefficient": POSITIVE, "eps": NOT_NEGATIVE}

    @staticmethod
    def of(x: Array, w: Array, c: Arrays) -> Array:
        weights, size = Norm().of(w, w, ()), Norm().of(x, w, ())
        return x * (c[0] * weights / (size + c[1])) if weights > 0.0 and size > 0.0 else x


class Centralize(ArrayRule):
    """y = x - its mean over all axes but the first; a vector as it is. Source: Yong et al. 2020, arXiv 2004.01461.

    >>> import numpy as np
    >>> Centralize().of(np.array([[1.0, 2.0], [3.0, 4.0]]), None, ())
    array([[-0.5,  0.5],
           [-0.5,  0.5]])
    """

    @staticmethod
    def of(x: Array, w: Array, c: Arrays) -> Any:
        return x - Mean(tuple(range(1, x.ndim))).of(x, w, c) if x.ndim > 1 else x


def excess(size: Rule, limit: Hyperparameter) -> Rule:
    """max(1, size/limit): what x is divided by so that its size is at most the limit."""
    return size / hyperparameter("limit", limit, POSITIVE) | Clip(1.0, inf)


def clip_rms(limit: Hyperparameter = 1.0) -> Rule:
    """x / max(1, RMS(x)/d), d the limit; optax's block RMS. Source: Shazeer & Stern 2018, arXiv 1804.04235, section 6.

    >>> clip_rms(0.5)
    Gradient() / (Rms() / 0.5 | Clip(1.0, high=inf))
    """
    return Gradient() / excess(Rms(), limit)


def agc(limit: Hyperparameter = 0.01, eps: float = 1e-3, *, axis: Axis = -1) -> Rule:
    """x / max(1, ‖x‖/(λ max(‖w‖, ε))) of each unit, λ the limit. Source: Brock et al. 2021, arXiv 2102.06171.

    Units are rows, of weights (out, in); in optax columns, ``axis=0``. A vector is one.

    >>> agc(0.1).formula(np.array([[30.0, 40.0]]), np.array([[3.0, 4.0]]), (), (1e-3, inf, 0.1, 1.0, inf))[0]
    array([[0.3, 0.4]])
    """
    weights = Weights() | Norm(axis) | Clip(number("eps", eps, POSITIVE), inf)
    return Gradient() / excess(Norm(axis) / weights, limit)


def lars(beta: Beta = 0.9, weight_decay: Hyperparameter = 0.0, *, coefficient: Hyperparameter = 1e-3) -> Rule:
    """w ← w - lr v, v ← β v + η ‖w‖/‖u‖ u, u = g + λ w. Source: You, Gitman & Ginsburg 2017, arXiv 1708.03888.

    The paper has ‖g‖ + λ ‖w‖ for ‖u‖; it and optax keep lr inside the buffer.

    >>> lars()
    Gradient() + 0.0 * Weights() | TrustRatio(0.001) | Trace(0.9)
    """
    return Gradient() + weight_decay * Weights() | TrustRatio(coefficient) | Trace(beta)


def lamb(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: float = 1e-6, *, weight_decay: Hyperparameter = 0.0) -> Rule:
    """w ← w - lr ‖w‖/‖u‖ u, u = m̂ / (√v̂ + ε) + λ w. Source: You et al. 2020, arXiv 1904.00962, algorithm 2.

    optax and Keras the same; NVIDIA also clips the gradients of all leaves, the paper bounds ‖w‖.

    >>> lamb() == (adamw(eps=1e-6, weight_decay=0.0) | TrustRatio())
    True
    """
    return adamw(beta1, beta2, eps, weight_decay=weight_decay) | TrustRatio()


def stable_adamw(
    beta1: Beta = 0.9, beta2: Beta = 0.99, eps: float = 1e-8, *, weight_decay: Hyperparameter = 0.01
) -> Rule:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ w) / max(1, RMS(g / max(√v̂, ε))). Source: Wortsman et al. 2023, arXiv 2304.13013.

    optimi and pytorch_optimizer the same. It slows down where v̂ lags behind g².

    >>> stable_adamw().slots
    ('ema', 'square_ema')
    """
    step = adamw(beta1, beta2, eps, weight_decay=weight_decay)
    root = Square() | Ema(beta2, debias=True) | Root() | Clip(eps, inf)
    return step / (Gradient() / root | Rms() | Clip(1.0, inf))


def adam_mini(beta1: Beta = 0.9, beta2: Beta = 0.999, eps: float = 1e-8, *, axis: Axis = None) -> Rule:
    """w ← w - lr m̂ / (√v̂ + ε), v̂ of the mean of g² in each block. Source: Zhang et al. 2024, arXiv 2406.16793.

    A block is a leaf, or a unit along ``axis``; groups by name give each leaf its own.

    >>> adam_mini(axis=-1).shapes((300, 200))
    ((300, 200), (300, 1))
    """
    return Ema(beta1, debias=True) / (Square() | Mean(axis) | Ema(beta2, debias=True) | Root(eps))


def novograd(beta1: Beta = 0.95, beta2: Beta = 0.98, eps: float = 1e-8, *, weight_decay: Hyperparameter = 0.0) -> Rule:
    """w ← w - lr m, m ← β₁ m + g/(√v + ε) + λ w, v the EMA of ‖g‖² from its first value. Source: arXiv 1905.11286.

    optax the same, by default with β .9 and .25.

    >>> novograd().shapes((300, 200))
    ((), (300, 200))
    """
    root = Norm() | Square() | Ema(FirstValueGain(beta2)) | Root(eps)
    return Gradient() / root + weight_decay * Weights() | Trace(beta1)


def cautious_rescaled(rule: Rule, floor: float = 1e-3) -> Rule:
    """u [u g > 0] / max(share, floor), share the mean of [u g > 0]. Source: Liang et al. 2024, arXiv 2411.16085.

    The authors and timm the same; pytorch_optimizer divides by share + 1/n, HeavyBall by max(share, 1/n).

    >>> cautious_rescaled(adam()).slots
    ('ema', 'square_ema')
    """
    mask = rule * Gradient() | Positive()
    return rule * mask / (mask | Mean() | Clip(number("floor", floor, POSITIVE), inf))


def mars(beta1: float = 0.95, beta2: Beta = 0.99, eps: Hyperparameter = 1e-8, *, gamma: float = 0.025) -> Rule:
    """Adam of c / max(1, ‖c‖), c = g + γ β₁/(1-β₁) (g - g⁻). Source: Yuan et al. 2024, arXiv 2411.10438.

    Its approximate form. pytorch_optimizer takes ε before the correction; HeavyBall does not clip.

    >>> mars().slots
    ('delay', 'ema', 'square_ema')
    """
    beta1 = number("beta1", beta1, Range("in [0, 1)"))
    change = number("gamma", gamma) * beta1 / (1.0 - beta1) * (Gradient() - Delay())
    return Gradient() + change | Gradient() / excess(Norm(), 1.0) | adam(beta1, beta2, eps)
