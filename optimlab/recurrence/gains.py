"""Gains k of m ← m + k (x - m): every convention of an EMA is one of them.

Gains are made of + - × ÷ alone, never of a library's exp, log or power, whose last bit differs between machines and
languages; their error is a few units of 1e-16. They are pure values; what is cached are blocks of steps, a bounded
number of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import Hyperparameter, Range, check_fields, value
from optimlab.recurrence.decay import Decay
from optimlab.typing import Floats, Number

__all__ = [
    "ConstantGain", "DebiasedGain", "FirstValueGain", "Gain", "PowerGain", "ShareGain", "UniformGain", "WarmUpGain",
]  # fmt: skip

STEPS = 256  # of a block
Double = tuple[Any, Any]  # a number of 106 bits, as the sum of two floats


@dataclass(frozen=True)
class Gain(ABC):
    """The share k of the value at step t = 1, 2, ...

    Examples
    --------
    >>> [UniformGain().at(t) for t in (1, 2, 4)]
    [1.0, 0.5, 0.25]
    """

    ranges: ClassVar[dict[str, Range]] = {}

    def __post_init__(self) -> None:
        check_fields(self)

    def at(self, t: Any) -> Number:
        """Return k at step t, a float, or one for each replica; t may be one number for each replica as well."""
        if isinstance(t, np.ndarray) and t.ndim:
            return np.array([np.broadcast_to(self.at(int(step)), np.shape(t))[i] for i, step in enumerate(t)])
        number, place = divmod(t - 1, STEPS)
        return _block(self, number)[place]  # type: ignore[no-any-return]

    @abstractmethod
    def gains(self, t: Floats) -> Floats:
        """Return k at consecutive steps, of shape (steps, 1); with replicas (steps, S)."""


@lru_cache(maxsize=64)
def _block(gain: Gain, number: int) -> Any:
    k = np.asarray(gain.gains(np.arange(STEPS * number + 1.0, STEPS * (number + 1) + 1.0)[:, np.newaxis]))
    k.flags.writeable = False
    several = any(isinstance(getattr(gain, name), tuple) for name in gain.ranges) or k.shape[1] > 1
    return list(k) if several else k[:, 0].tolist()


@dataclass(frozen=True)
class _Decaying(Gain):
    """A gain with a β."""

    beta: Hyperparameter | Decay
    ranges: ClassVar[dict[str, Range]] = {"beta": Range("in [0, 1)")}

    def __post_init__(self) -> None:
        if not isinstance(self.beta, Decay):
            check_fields(self)

    @cached_property
    def decay(self) -> Decay:
        """β as a Decay, where it is one number."""
        return self.beta if isinstance(self.beta, Decay) else Decay(self.beta)  # type: ignore[arg-type]

    def _alphas(self, t: Floats) -> Double:
        """1 - β at each step, to twice the digits."""
        if callable(self.beta):
            return _two_sum(1.0, -np.array([np.atleast_1d(value(self, "beta", int(step))) for step in t[:, 0]]))
        if isinstance(self.beta, Decay) and self.beta.alpha <= 0.5:
            return np.array([self.beta.alpha]), np.zeros(1)
        return _two_sum(1.0, -np.atleast_1d(self.beta.beta if isinstance(self.beta, Decay) else self.beta))


@dataclass(frozen=True)
class ConstantGain(_Decaying):
    """k = 1-β: the EMA that starts at 0.

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β.

    Examples
    --------
    >>> ConstantGain(0.75).at(1)
    0.25
    """

    def gains(self, t: Floats) -> Floats:
        """Return 1 - β."""
        return np.asarray(self._alphas(t)[0] + 0.0 * t)


@dataclass(frozen=True)
class FirstValueGain(_Decaying):
    """k = 1, then 1-β: the EMA that starts at the first value (pandas ``adjust=False``).

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β; what a schedule says of the first step does not matter.

    Examples
    --------
    >>> FirstValueGain(0.75).at(1), FirstValueGain(0.75).at(2)
    (1.0, 0.25)
    """

    def gains(self, t: Floats) -> Floats:
        """Return 1, then 1 - β."""
        return np.where(t == 1.0, 1.0, self._alphas(t)[0])


@dataclass(frozen=True)
class DebiasedGain(_Decaying):
    """k = (1-β)/(1-βᵗ): the EMA divided by the weights so far (pandas ``adjust=True``, Adam's correction).

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β. With a schedule the divisor is 1 - β₁β₂...βₜ.

    Source
    ------
    Kingma & Ba 2015, "Adam", section 3.

    Examples
    --------
    >>> [round(DebiasedGain(0.9).at(t), 6) for t in (1, 2, 1000)]
    [1.0, 0.526316, 0.1]
    """

    def gains(self, t: Floats) -> Floats:
        """Return (1-β)/(1-βᵗ)."""
        alpha, before = self._alphas(t), int(t[0, 0]) - 1
        if callable(self.beta):
            weights = _scheduled(self, before // STEPS, alpha)
        elif isinstance(self.beta, Decay) and self.beta.alpha == 0.0:
            return 1.0 / t
        else:
            high, low = (tuple(part.tolist()) for part in alpha)
            one = len(high) == 1  # numbers of Python are ten times as fast as arrays of one
            weights = _joined(_corrections((high[0], low[0]) if one else alpha, before), _table(high, low))
        return np.asarray(_quotient(alpha, weights))


@dataclass(frozen=True)
class UniformGain(Gain):
    """k = 1/t: the plain mean of all values (Polyak, SWA).

    Source
    ------
    Polyak & Juditsky 1992; Izmailov et al. 2018 (SWA).

    Examples
    --------
    >>> UniformGain().at(4)
    0.25
    """

    def gains(self, t: Floats) -> Floats:
        """Return 1/t."""
        return 1.0 / t


@dataclass(frozen=True)
class PowerGain(Gain):
    """k = 1 - (1-1/t)^(γ+1): weights that grow as the γ-th power of their step, whatever the length of the run.

    Parameters
    ----------
    gamma : float, at least 0, or sequence of float, shape (S,)
        γ; 0 is the plain mean, 6.94 a profile of relative width .1.

    Source
    ------
    Karras et al. 2024, "Analyzing and improving the training dynamics of diffusion models", equation 121.

    Examples
    --------
    >>> PowerGain(1.0).at(2)
    0.75
    """

    gamma: Hyperparameter
    ranges: ClassVar[dict[str, Range]] = {"gamma": Range("from 0 to 1000")}

    def gains(self, t: Floats) -> Floats:
        """-expm1(-(γ+1) L) with L = -ln(1 - 1/t) = 2 artanh(1/(2t-1))."""
        z = 1.0 / (2.0 * t - 1.0)
        squared, odd = z * z, np.zeros_like(z)
        for j in range(27, 0, -1):
            odd = squared * (1.0 / (2 * j + 1) + odd)
        logarithm = 2.0 * (z + z * odd)
        return np.where(t == 1.0, 1.0, _complement((np.array(self.gamma) + 1.0) * logarithm))


@dataclass(frozen=True)
class ShareGain(Gain):
    """k = 1, then 1 - 2^(-1/(f t)): a half-life that stays the share f of the run so far.

    Parameters
    ----------
    share : float, in (0, 1], or sequence of float, shape (S,)
        f.

    Examples
    --------
    >>> ShareGain(0.5).at(2)
    0.5
    """

    share: Hyperparameter
    ranges: ClassVar[dict[str, Range]] = {"share": Range("in (0, 1]")}

    def gains(self, t: Floats) -> Floats:
        """Return 1 - 2^(-1/(f t))."""
        return np.where(t == 1.0, 1.0, _complement(0.6931471805599453 / (np.array(self.share) * t)))


@dataclass(frozen=True)
class WarmUpGain(_Decaying):
    """k = 1, then 1 - min(β, (1+n)/(10+n)) with n = t-1: a short memory at first, from the first value.

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β.

    Source
    ------
    TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``; diffusers' ``EMAModel``.

    Examples
    --------
    >>> WarmUpGain(0.999).at(1), WarmUpGain(0.999).at(10)
    (1.0, 0.47368421052631576)
    """

    def gains(self, t: Floats) -> Floats:
        """Return the larger of 1-β and 9/(10+n)."""
        return np.where(t == 1.0, 1.0, np.maximum(self._alphas(t)[0], 9.0 / (9.0 + t)))


def _two_sum(a: Any, b: Any) -> Double:
    total = a + b
    late = total - a
    return total, (a - (total - late)) + (b - late)


def _two_product(a: Any, b: Any) -> Double:
    def halves(x: Any) -> Double:
        high = 134217729.0 * x
        high = high - (high - x)
        return high, x - high

    product = a * b
    (a1, a2), (b1, b2) = halves(a), halves(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _sum(x: Double, y: Double) -> Double:
    high, low = _two_sum(x[0], y[0])
    return _two_sum(high, low + (x[1] + y[1]))


def _product(x: Double, y: Double) -> Double:
    high, low = _two_product(x[0], y[0])
    return _two_sum(high, low + (x[0] * y[1] + x[1] * y[0]))


def _quotient(x: Double, y: Double) -> Any:
    """x / y, rounded once."""
    first = x[0] / y[0]
    high, low = _product((first, 0.0 * first), y)
    return first + ((x[0] - high) - low + x[1]) / y[0]


def _joined(x: Double, y: Double) -> Double:
    """1 - βˢ⁺ᵗ = x + y (1 - x) from x = 1 - βˢ and y = 1 - βᵗ: positive terms, no digit lost."""
    return _sum(x, _product(y, _sum((1.0, 0.0), (-x[0], -x[1]))))


def _corrections(alpha: Double, t: int) -> Double:
    """1 - βᵗ by squaring, from 1 - β."""
    result = (0.0 * alpha[0], 0.0 * alpha[0])
    while t:
        if t & 1:
            result = _joined(result, alpha)
        alpha, t = _joined(alpha, alpha), t >> 1
    return result


@lru_cache(maxsize=64)
def _table(high: tuple[float, ...], low: tuple[float, ...]) -> Double:
    """1 - βᵗ for t = 1, 2, ..., one block."""
    table = np.array([high]), np.array([low])
    while len(table[0]) < STEPS:
        later = _joined((table[0][-1], table[1][-1]), table)
        table = np.concatenate([table[0], later[0]]), np.concatenate([table[1], later[1]])
    return table


def _scheduled(gain: DebiasedGain, number: int, alphas: Double) -> Double:
    """1 - β₁β₂...βₜ over one block of steps, one after the other."""
    for earlier in range(number):
        _end(gain, earlier)
    one = alphas[0].shape[1] == 1
    columns = [a[:, 0].tolist() if one else list(a) for a in alphas]
    weights, steps = _end(gain, number - 1) if number else (0.0, 0.0), []
    for alpha in zip(*columns, strict=True):
        weights = _joined(weights, alpha)
        steps.append(weights)
    return tuple(np.array(part).reshape(alphas[0].shape) for part in zip(*steps, strict=True))  # type: ignore[return-value]


@lru_cache(maxsize=4096)
def _end(gain: DebiasedGain, number: int) -> Double:
    t = np.arange(STEPS * number + 1.0, STEPS * (number + 1) + 1.0)[:, np.newaxis]
    weights = _scheduled(gain, number, gain._alphas(t))
    high, low = weights[0][-1], weights[1][-1]
    return (high, low) if high.size > 1 else (float(high[0]), float(low[0]))


def _complement(x: Floats) -> Floats:
    """1 - e⁻ˣ for x from 0 to 5000: the series of x/2¹³ or less, doubled by c(2x) = c (2 - c)."""
    halvings = np.ceil(np.maximum(np.frexp(x)[1] + 2, 0))
    y = np.ldexp(x, -halvings.astype(np.int64))
    c = np.zeros_like(y)
    for j in range(16, 1, -1):
        c = y / j * (1.0 - c)
    c = y * (1.0 - c)
    for left in range(int(halvings.max(initial=0)), 0, -1):
        c = np.where(halvings >= left, c * (2.0 - c), c)
    return np.asarray(c)
