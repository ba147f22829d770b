"""Gains k of m ← m + k (x - m): every convention of an EMA is one of them.

Gains are made of + - × ÷ alone, never of a library's exp, log or power, whose last bit differs between machines and
languages; their error is a few units of 1e-16. They are pure values; what is cached are blocks of steps, a bounded
number of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import Hyperparameter, Range, check_fields, per_replica, value
from optimlab.recurrence.decay import Decay
from optimlab.typing import Count, Floats, Number

__all__ = [
    "ConstantGain", "DebiasedGain", "FirstValueGain", "Gain", "PowerGain", "ShareGain", "UniformGain", "WarmUpGain",
]  # fmt: skip

STEPS, WIDE = 256, 16  # of a block of numbers; of one of rows, a number for each replica
Double = tuple[Any, Any]  # a number of 106 bits, as the sum of two floats


@dataclass(frozen=True)
class Gain(ABC):
    """The share k of the value at step t = 1, 2, ...

    A gain of your own is a frozen dataclass with a method ``gains``.

    Examples
    --------
    >>> [UniformGain().at(t) for t in (1, 2, 4)]
    [1.0, 0.5, 0.25]
    """

    ranges: ClassVar[dict[str, Range]] = {}

    def __post_init__(self) -> None:
        check_fields(self, per_replica)

    def at(self, t: Count) -> Number:
        """Return k at step t, a float, or one for each replica; t may be one number for each replica as well."""
        if isinstance(t, np.ndarray):
            steps, row = np.unique(t, return_inverse=True)
            rows = np.array([np.broadcast_to(self.at(step), t.shape) for step in steps.tolist()])
            return np.asarray(rows[row, np.arange(t.size)])
        size = self._size
        if size == 0:  # a schedule is asked for no later step: it may be a table of the run's length
            return self.gains(t)  # type: ignore[no-any-return]
        number, place = divmod(t - 1, size)
        return _block(self.gains, number, size)[place]  # type: ignore[no-any-return]

    @cached_property
    def _size(self) -> int:
        """How many steps are a block."""
        held = [getattr(self, name) for name in self.ranges]
        return 0 if any(map(callable, held)) else WIDE if any(isinstance(x, tuple) for x in held) else STEPS

    @abstractmethod
    def gains(self, t: Any) -> Any:
        """Return k at each of these steps, elementwise in float64; with replicas t is of shape (steps, 1)."""


@lru_cache(maxsize=64)
def _block(gains: Callable[[Any], Any], number: int, steps: int) -> list[Any]:
    """Return k at some steps. The key is an object, not its value: equal decays may differ in the last digit of α."""
    t = np.arange(steps * number + 1.0, steps * (number + 1) + 1.0)
    if steps == STEPS:
        return gains(t).tolist()  # type: ignore[no-any-return]
    k = gains(t[:, np.newaxis])
    k.flags.writeable = False
    return list(k)


@dataclass(frozen=True)
class _Decaying(Gain):
    """A gain with a β."""

    beta: Hyperparameter | Decay
    ranges: ClassVar[dict[str, Range]] = {"beta": Range("in [0, 1)")}

    def __post_init__(self) -> None:
        if not isinstance(self.beta, Decay):
            check_fields(self)
        elif self.beta.alpha == 0.0 and isinstance(self, (ConstantGain, FirstValueGain)):
            raise ValueError("beta must be in [0, 1); got an infinite memory; for a plain mean give UniformGain()")

    @property
    def decay(self) -> Decay:
        """β as a Decay, where it is one number."""
        return self.beta if isinstance(self.beta, Decay) else Decay(self.beta)  # type: ignore[arg-type]

    def _alpha(self, t: Any) -> Double:
        """1 - β at step t, to twice the digits."""
        if not isinstance(self.beta, Decay):
            return _two_sum(1.0, -value(self, "beta", t))
        return (self.beta.alpha, 0.0) if self.beta.alpha <= 0.5 else _two_sum(1.0, -self.beta.beta)


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

    def gains(self, t: Any) -> Any:
        return self._alpha(t)[0] + 0.0 * t


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

    def gains(self, t: Any) -> Any:
        return np.where(t == 1, 1.0, self._alpha(t)[0])[()]


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

    def gains(self, t: Any) -> Any:
        return np.where(t == 1, 1.0, np.maximum(self._alpha(t)[0], 9.0 / (9.0 + t)))[()]


@dataclass(frozen=True)
class DebiasedGain(_Decaying):
    """k = (1-β)/(1-βᵗ): the EMA divided by the weights so far (pandas ``adjust=True``, Adam's correction).

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β. With a schedule the divisor is 1 - β₁β₂...βₜ. An infinite memory is the plain mean.

    Source
    ------
    Kingma & Ba 2015, "Adam", section 3.

    Examples
    --------
    >>> [round(DebiasedGain(0.9).at(t), 6) for t in (1, 2, 1000)]
    [1.0, 0.526316, 0.1]
    """

    def gains(self, t: Any) -> Any:
        alpha = self._alpha(t)
        if callable(self.beta):
            return _quotient(alpha, self._mass(t))
        if isinstance(self.beta, Decay) and self.beta.alpha == 0.0:
            return 1.0 / t
        table = _table(*[x if isinstance(x, float) else tuple(x.tolist()) for x in alpha], len(t))
        return _quotient(alpha, _joined(_left(alpha, int(t.flat[0]) - 1), table))

    def _mass(self, t: int) -> Double:
        """1 - β₁β₂...βₜ, in the order of the steps."""
        known = _masses(self._mass)
        last = max(u for u in known if u <= t)
        total = known[last]
        for u in range(last + 1, t + 1):
            total = _joined(total, self._alpha(u))
        known[t] = total
        for u in sorted(known)[1:-64]:  # a run asks for one step after the other
            del known[u]
        return total


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

    def gains(self, t: Any) -> Any:
        return 1.0 / t


@dataclass(frozen=True)
class PowerGain(Gain):
    """k = 1 - (1-1/t)^(γ+1): weights that grow as the γ-th power of their step, whatever the length of the run.

    Parameters
    ----------
    gamma : float, from 0 to 1000, or sequence of float, shape (S,)
        γ; 0 is the plain mean, 6.94 a profile of relative width .1.

    Source
    ------
    Karras et al. 2024, "Analyzing and improving the training dynamics of diffusion models", equation 121.

    Examples
    --------
    >>> PowerGain(1.0).at(2)
    0.75
    """

    gamma: float | tuple[float, ...]
    ranges: ClassVar[dict[str, Range]] = {"gamma": Range("from 0 to 1000")}

    def gains(self, t: Any) -> Any:
        z = 1.0 / (2.0 * t - 1.0)
        odd = np.zeros_like(z)
        for j in range(55, 1, -2):
            odd = z * z * (1.0 / j + odd)
        return np.where(t == 1, 1.0, _complement((np.array(self.gamma) + 1.0) * (2.0 * (z + z * odd))))


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

    share: float | tuple[float, ...]
    ranges: ClassVar[dict[str, Range]] = {"share": Range("in (0, 1]")}

    def gains(self, t: Any) -> Any:
        return np.where(t == 1, 1.0, _complement(0.6931471805599453 / (np.array(self.share) * t)))


def _two_sum(a: Any, b: Any) -> Double:
    total = a + b
    late = total - a
    return total, (a - (total - late)) + (b - late)


def _two_product(a: Any, b: Any) -> Double:
    product, a1, b1 = a * b, 134217729.0 * a, 134217729.0 * b
    a1, b1 = a1 - (a1 - a), b1 - (b1 - b)
    a2, b2 = a - a1, b - b1
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _quotient(x: Double, y: Double) -> Any:
    """x / y, rounded once."""
    first = x[0] / y[0]
    high, low = _two_product(first, y[0])
    return first + ((x[0] - high) - low - first * y[1] + x[1]) / y[0]


def _joined(x: Double, y: Double) -> Double:
    """1 - βˢ⁺ᵗ = x + y (1 - x) from x = 1 - βˢ and y = 1 - βᵗ: positive terms, no digit lost."""
    rest, late = _two_sum(1.0, -x[0])
    product, small = _two_product(y[0], rest)
    high, low = _two_sum(x[0], product)
    return _two_sum(high, low + (x[1] + (small + y[0] * (late - x[1]) + y[1] * rest)))


def _left(alpha: Double, t: int) -> Double:
    """1 - βᵗ by squaring, from 1 - β."""
    result: Double = (0.0, 0.0)
    while t:
        if t & 1:
            result = _joined(result, alpha)
        alpha, t = _joined(alpha, alpha), t >> 1
    return result


@lru_cache(maxsize=64)
def _table(high: Any, low: Any, steps: int) -> Double:
    """1 - βᵗ for t = 1, 2, ..., one block."""
    table: Double = np.array([high]), np.array([low])
    while len(table[0]) < steps:
        later = _joined((table[0][-1], table[1][-1]), table)
        table = np.concatenate([table[0], later[0]]), np.concatenate([table[1], later[1]])
    return table


@lru_cache(maxsize=64)
def _masses(mass: Callable[[int], Double]) -> dict[int, Double]:
    """What is known of a gain with a schedule: the mass at some steps."""
    return {0: (0.0, 0.0)}


def _complement(x: Any) -> Floats:
    """1 - e⁻ˣ for x from 0 to 5000: the series of x/2¹³ or less, doubled by c(2x) = c (2 - c)."""
    halvings = np.maximum(np.frexp(x)[1] + 2, 0)
    y, c = np.ldexp(x, -halvings), np.zeros_like(x)
    for j in range(16, 1, -1):
        c = y / j * (1.0 - c)
    c = y * (1.0 - c)
    for left in range(int(halvings.max(initial=0)), 0, -1):
        c = np.where(halvings >= left, c * (2.0 - c), c)
    return np.asarray(c)
