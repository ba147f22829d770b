"""Rules with one number for each leaf, or for each of its units: reductions, and what is scaled or clipped by them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Hyperparameter, Range
from optimlab.finite import norm
from optimlab.recurrence.gains import FirstValueGain
from optimlab.rules.algebra import ArrayRule, Arrays, Rule
from optimlab.rules.averages import Beta, Ema, Trace
from optimlab.rules.basic import adamw
from optimlab.rules.elementwise import Clip, Gradient, Root, Sign, Square, Weights
from optimlab.typing import Array

__all__ = [
    "Axis", "Centralize", "Mean", "Norm", "Rms", "Size", "TrustRatio", "adam_mini", "agc", "agreement", "cautious", "clip_norm",
    "clip_rms", "lamb", "lars", "novograd", "stable_adamw",
]  # fmt: skip

Axis = int | tuple[int, ...] | None


@dataclass(frozen=True, repr=False)
class _Over(ArrayRule):
    """What makes one number of a leaf, or along some axes, which stay with length 1.

    As in broadcasting, an array has axes of length 1 before its first: of a vector the mean over axis -2 is itself.
    """

    axis: Axis = None

    def __post_init__(self) -> None:
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        if self.axis is not None and not all(type(a) is int for a in axes):
            raise TypeError(f"axis must be None, a whole number or a tuple of such; got {self.axis!r}")

    def axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return which axes of an array of this shape it is over."""
        if self.axis is None:
            return tuple(range(len(shape)))
        given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        if max(given, default=-1) >= len(shape):
            raise ValueError(f"{self!r} needs an array with that axis, or one counted from the last, -1; got {shape}")
        return tuple(sorted({a % len(shape) for a in given if a >= -len(shape)}))

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        axes = self.axes(shape)
        return () if self.axis is None else tuple([1 if i in axes else n for i, n in enumerate(shape)])


class Mean(_Over):
    """y = Σx/n: the mean of a leaf, or along some axes; 0 of an empty one.

    Parameters
    ----------
    axis : int or tuple of int, optional
        The axes, which stay with length 1; default: all, one number. Of a vector, axis -2 has length 1.

    Examples
    --------
    >>> import numpy as np
    >>> Mean().of(np.array([1.0, 2.0, 6.0]), None, ()), Mean(-2).of(np.array([[1.0, 2.0], [3.0, 5.0]]), None, ())
    (np.float64(3.0), array([[2. , 3.5]]))
    """

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        total = np.add.reduce(x, axis=self.axes(x.shape), keepdims=self.axis is not None)
        return total / x.dtype.type(max(x.size // max(total.size, 1), 1))


class Norm(_Over):
    """y = √Σx², summed in float64: the norm of a leaf, or of each unit of it.

    Parameters
    ----------
    axis : int or tuple of int, optional
        The axes of a unit, which stay with length 1; default: all, one number.

    Examples
    --------
    >>> import numpy as np
    >>> Norm().of(np.array([[3.0, 4.0], [0.0, 12.0]]), None, ()), Norm(-1).of(np.array([[3.0, 4.0]]), None, ())
    (np.float64(13.0), array([[5.]]))
    """

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        if self.axis is None:
            return x.dtype.type(norm([x], None))
        squares = np.square(x, dtype=np.float64)
        return np.sqrt(np.add.reduce(squares, axis=self.axes(x.shape), keepdims=True)).astype(x.dtype)


class Rms(_Over):
    """y = √(Σx²/n): the root of the mean square of a leaf, or of each unit of it; 0 of an empty one.

    Parameters
    ----------
    axis : int or tuple of int, optional
        The axes of a unit, which stay with length 1; default: all, one number.

    Examples
    --------
    >>> import numpy as np
    >>> Rms().of(np.array([[3.0, 4.0], [0.0, 5.0]]), None, ())
    np.float64(3.5355339059327378)
    """

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        size = math.prod([x.shape[a] for a in self.axes(x.shape)])
        return Norm(self.axis).of(x, w, c) / x.dtype.type(math.sqrt(max(size, 1)))


class Size(_Over):
    """y = n: how many numbers a leaf has, or how many lie along some axes.

    Parameters
    ----------
    axis : int or tuple of int, optional
        The axes; default: all.

    Examples
    --------
    >>> import numpy as np
    >>> float(Size().of(np.ones((3, 2)), None, ())), float(Size(0).of(np.ones((3, 2)), None, ()))
    (6.0, 3.0)
    """

    def shape(self, shape: tuple[int, ...], leaf: tuple[int, ...]) -> tuple[int, ...]:
        self.axes(shape)
        return ()

    def of(self, x: Array, w: Array, c: Arrays) -> Array:
        return x.dtype.type(math.prod([x.shape[a] for a in self.axes(x.shape)]))


@dataclass(frozen=True, repr=False)
class TrustRatio(ArrayRule):
    """y = η ‖w‖ / (‖x‖ + ε) x, and x itself where ‖w‖ or ‖x‖ is 0: as long as the weights are.

    Parameters
    ----------
    coefficient : float, greater than 0, sequence of float, shape (S,), or schedule
        η: of LARS 0.001, of LAMB 1.
    eps : float, at least 0, sequence of float, shape (S,), or schedule
        ε.

    Examples
    --------
    >>> import numpy as np
    >>> TrustRatio(0.5).of(np.array([3.0, 4.0]), np.array([6.0, 8.0]), (0.5, 0.0))
    array([3., 4.])
    """

    coefficient: Hyperparameter = 1.0
    eps: Hyperparameter = 0.0
    ranges: ClassVar[dict[str, Range]] = {"coefficient": POSITIVE, "eps": NOT_NEGATIVE}

    @staticmethod
    def of(x: Array, w: Array, c: Arrays) -> Array:
        weights, size = (a.dtype.type(norm([a], None)) for a in (w, x))
        return x * (c[0] * weights / (size + c[1])) if weights > 0.0 and size > 0.0 else x


class Centralize(ArrayRule):
    """y = x - mean over all axes but the first: gradient centralisation; a vector as it is.

    Source
    ------
    Yong et al. 2020, "Gradient centralization", arXiv 2004.01461. optax the same: its units are rows.

    Examples
    --------
    >>> import numpy as np
    >>> Centralize().of(np.array([[1.0, 2.0], [3.0, 4.0]]), None, ())
    array([[-0.5,  0.5],
           [-0.5,  0.5]])
    """

    @staticmethod
    def of(x: Array, w: Array, c: Arrays) -> Array:
        return x - Mean(tuple(range(1, x.ndim))).of(x, w, c) if x.ndim > 1 else x


def _shortened(excess: Rule) -> Rule:
    """x / max(1, excess)."""
    return Gradient() / (excess | Clip(1.0, math.inf))


def clip_norm(limit: Hyperparameter = 1.0) -> Rule:
    """x / max(1, ‖x‖/limit), each leaf by itself; for all leaves together there is the hook ``ClipNorm``.

    Source
    ------
    Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1, per tensor.

    Examples
    --------
    >>> clip_norm(0.5) | Trace(0.9)
    Gradient() / (Norm() / 0.5 | Clip(1.0, high=inf)) | Trace(0.9)
    """
    return _shortened(Norm() / limit)


def clip_rms(limit: Hyperparameter = 1.0) -> Rule:
    """x / max(1, RMS(x)/d), each leaf by itself, d the limit: Adafactor's clipping of the update.

    Source
    ------
    Shazeer & Stern 2018, "Adafactor", arXiv 1804.04235, algorithm 4, line 8; optax's ``clip_by_block_rms``.

    Examples
    --------
    >>> clip_rms()
    Gradient() / (Rms() / 1.0 | Clip(1.0, high=inf))
    """
    return _shortened(Rms() / limit)


def agc(limit: Hyperparameter = 0.01, eps: float = 1e-3, *, axis: Axis = -1) -> Rule:
    """x / max(1, ‖x‖/(λ max(‖w‖, ε))) for each unit, λ the limit: adaptive gradient clipping.

    The units are rows, of weights (out, in) as in torch; ``axis=0`` makes them columns, as in optax. A vector is one
    unit.

    Source
    ------
    Brock et al. 2021, "High-performance large-scale image recognition without normalization", arXiv 2102.06171.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import Optimizer, sgd
    >>> Optimizer(agc() | sgd(), lr=1.0).step(np.array([[3.0, 4.0]]), np.array([[0.0, 100.0]]))
    array([[3.  , 3.95]])
    """
    return _shortened(Norm(axis) / (limit * (Weights() | Norm(axis) | Clip(eps, math.inf))))


def lars(
    beta: Beta = 0.9, weight_decay: Hyperparameter = 0.0, *, coefficient: Hyperparameter = 1e-3
) -> Rule:
    """u = g + λ w;  v ← β v + η ‖w‖/‖u‖ u;  w ← w - lr v: momentum of steps as long as the weights.

    optax keeps lr inside the buffer, as the paper does. The paper divides by ‖g‖ + λ ‖w‖ in the place of ‖u‖.

    Source
    ------
    You et al. 2017, "Large batch training of convolutional networks", arXiv 1708.03888, algorithm 1.

    Examples
    --------
    >>> lars()
    Gradient() + 0.0 * Weights() | TrustRatio(0.001) | Trace(0.9)
    """
    return Gradient() + weight_decay * Weights() | TrustRatio(coefficient) | Trace(beta)


def lamb(
    beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-6, *, weight_decay: Hyperparameter = 0.0
) -> Rule:
    """u = m̂ / (√v̂ + ε) + λ w;  w ← w - lr ‖w‖/‖u‖ u: AdamW whose steps are as long as the weights.

    optax and Keras the same. NVIDIA and pytorch_optimizer first divide all gradients by their global norm and bound
    ‖w‖ by 10.

    Source
    ------
    You et al. 2020, "Large batch optimization for deep learning", arXiv 1904.00962, algorithm 2.

    Examples
    --------
    >>> lamb() == (adamw(eps=1e-6, weight_decay=0.0) | TrustRatio())
    True
    """
    return adamw(beta1, beta2, eps, weight_decay=weight_decay) | TrustRatio()


def stable_adamw(
    beta1: Beta = 0.9, beta2: Beta = 0.99, eps: float = 1e-8, *, weight_decay: Hyperparameter = 0.01
) -> Rule:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ w) / max(1, RMS(g / max(√v̂, ε))): AdamW that slows down where v̂ lags behind.

    optimi and pytorch_optimizer the same. It is not ``adamw() | clip_rms()``: what is measured is g, not m̂.

    Source
    ------
    Wortsman et al. 2023, "Stable and low-precision training for large-scale vision-language models", arXiv 2304.13013,
    algorithm 2.

    Examples
    --------
    >>> stable_adamw().slots
    ('ema', 'square_ema')
    """
    root = Square() | Ema(beta2, debias=True) | Root()
    excess = Gradient() / (root | Clip(eps, math.inf)) | Rms()
    return adamw(beta1, beta2, eps, weight_decay=weight_decay) / (excess | Clip(1.0, math.inf))


def adam_mini(
    beta1: Beta = 0.9, beta2: Beta = 0.999, eps: Hyperparameter = 1e-8, *, axis: Axis = None
) -> Rule:
    """w ← w - lr m̂ / (√v̂ + ε), v̂ the debiased EMA of the mean of g²: Adam with one v for each block.

    A block is a leaf, or what lies along the axes: ``axis=-1`` keeps one v for each row, as the official code does for
    the rows of an embedding's neighbours; which leaves have which blocks is said by name, in groups. Its
    decay is decoupled: add ``0.1 * Weights()``.

    Source
    ------
    Zhang et al. 2024, "Adam-mini: use fewer learning rates to gain more", arXiv 2406.16793, algorithm 1.

    Examples
    --------
    >>> adam_mini()
    Ema(0.9, debias=True) / (Square() | Mean() | Ema(0.999, debias=True) | Root(1e-08))
    """
    return Ema(beta1, debias=True) / (Square() | Mean(axis) | Ema(beta2, debias=True) | Root(eps))


def novograd(
    beta1: Beta = 0.95, beta2: Beta = 0.98, eps: Hyperparameter = 1e-8, *, weight_decay: Hyperparameter = 0.0
) -> Rule:
    """v ← β₂ v + (1-β₂) ‖g‖², v₁ = ‖g₁‖²;  m ← β₁ m + g/(√v + ε) + λ w;  w ← w - lr m: one v for each leaf.

    optax the same, with β .9 and .25 and ε 1e-6.

    Source
    ------
    Ginsburg et al. 2019, "Stochastic gradient methods with layer-wise adaptive moments", arXiv 1905.11286, algorithm 1.

    Examples
    --------
    >>> novograd().slots
    ('norm_square_ema', 'trace')
    """
    normalized = Gradient() / (Norm() | Square() | Ema(FirstValueGain(beta2)) | Root(eps))
    return normalized + weight_decay * Weights() | Trace(beta1)


def agreement(rule: Rule) -> Rule:
    """1 where the rule's value and its signal have one sign, u g > 0, else 0.

    Examples
    --------
    >>> agreement(Ema(0.9))
    Ema(0.9) * Gradient() | Sign() | Clip(0.0)
    """
    return rule * Gradient() | Sign() | Clip(0.0, 1.0)


def cautious(rule: Rule, floor: float = 1e-3) -> Rule:
    """u [u g > 0] / max(share, floor), share the mean of [u g > 0] in the leaf: what disagrees with g is left out.

    The official code and timm the same. pytorch_optimizer divides by share + 1/n, HeavyBall by max(share, 1/n).

    Source
    ------
    Liang et al. 2024, "Cautious optimizers: improving training with one line of code", arXiv 2411.16085, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import Optimizer
    >>> opt, w = Optimizer(cautious(Trace(0.5)), lr=1.0), np.zeros(2)
    >>> opt.step(w, np.array([1.0, 4.0])), opt.step(w, np.array([1.0, -1.0]))
    (array([-4., -4.]), array([-4., -4.]))
    """
    mask = agreement(rule)
    return rule * mask / (mask | Mean() | Clip(floor, math.inf))
