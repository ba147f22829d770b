"""Gains k of m ← m + k (x - m) with a β: every convention of an EMA is one of them; those without are `growing`.

Gains are made of + - × ÷ alone, never of a library's exp, log or power, whose last bit differs between machines and
languages; their error is a few units of 1e-16. They are pure values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import Hyperparameter, Range, check_fields, value
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.masses import mass
from optimlab.recurrence.powers import Double, joined, quotient, spent, table_of, two_sum
from optimlab.typing import Floats

__all__ = ["ConstantGain", "DebiasedGain", "FirstValueGain", "WarmUpGain"]


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

    @property
    def _constant(self) -> bool:
        return isinstance(self.beta, (float, Decay))

    def alpha(self, t: Any) -> Double:
        """1 - β at step t, to twice the digits."""
        if not isinstance(self.beta, Decay):
            return two_sum(1.0, -value(self, "beta", t))
        return (self.beta.alpha, 0.0) if self.beta.alpha <= 0.5 else two_sum(1.0, -self.beta.beta)


def _power(decay: Decay) -> Callable[[Any], Floats]:
    """βⁿ as a function of n."""
    beta = decay.beta
    if decay.alpha >= 0.5:
        return lambda n: np.float_power(beta, n)
    rate = np.log1p(-decay.alpha)
    return lambda n: np.exp(n * rate)


def _mass(decay: Decay) -> Callable[[Any], Floats]:
    """1 - βⁿ as a function of n, or what is proportional to it."""
    beta = decay.beta
    if decay.alpha >= 0.5:
        return lambda n: 1.0 - np.float_power(beta, n)
    rate = np.log1p(-decay.alpha)
    return lambda n: -np.expm1(n * rate) if rate else n + 0.0


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
        return self.alpha(t)[0] + 0.0 * t

    @property
    def fade(self) -> Callable[[Any, Any], Floats] | None:
        if not self._constant:
            return None
        power = _power(self.decay)
        return lambda s, t: power(t - s)


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
        return np.where(t == 1, 1.0, self.alpha(t)[0])[()]

    @property
    def fade(self) -> Callable[[Any, Any], Floats] | None:
        if not self._constant:
            return None
        power = _power(self.decay)
        return lambda s, t: np.where((s == 0) & (t > 0), 0.0, power(t - s))


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
        return np.where(t == 1, 1.0, np.maximum(self.alpha(t)[0], 9.0 / (9.0 + t)))[()]


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
        alpha = self.alpha(t)
        if callable(self.beta):
            return quotient(alpha, mass(self._grown, t))
        if isinstance(self.beta, Decay) and self.beta.alpha == 0.0:
            return 1.0 / t
        table = table_of(*[x if isinstance(x, float) else tuple(x.tolist()) for x in alpha], len(t))
        return quotient(alpha, joined(spent(alpha, int(t.flat[0]) - 1), table))

    @property
    def fade(self) -> Callable[[Any, Any], Floats] | None:
        if not self._constant:
            return None
        power, mass = _power(self.decay), _mass(self.decay)
        return lambda s, t: power(t - s) * (mass(s) / mass(max(t, 1)))

    def _grown(self, total: Double, t: int) -> Double:
        """1 - β₁β₂...βₜ from that of the step before."""
        return joined(total, self.alpha(t))
