"""Gains k of m ← m + k (x - m): every convention of an EMA is one of them.

Gains are made of + - × ÷ alone, never of a library's exp, log or power, whose last bit differs between machines and
languages; their error is a few units of 1e-16. They are pure values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Hyperparameter, Range, check_fields, value
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.masses import mass
from optimlab.recurrence.powers import (
    Double,
    artanh,
    complement,
    inverse_power,
    joined,
    quotient,
    spent,
    table_of,
    two_sum,
)
from optimlab.typing import Floats

__all__ = [
    "ConstantGain", "DebiasedGain", "FirstValueGain", "InversePowerGain", "PowerGain", "ShareGain", "TailGain",
    "UniformGain", "WarmUpGain", "WeightedGain",
]  # fmt: skip


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

    def _alpha(self, t: Any) -> Double:
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
        return self._alpha(t)[0] + 0.0 * t

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
        return np.where(t == 1, 1.0, self._alpha(t)[0])[()]

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
        return joined(total, self._alpha(t))


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

    @property
    def fade(self) -> Callable[[Any, Any], Floats] | None:
        return lambda s, t: s / max(t, 1)


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
        z = 1.0 / (2.0 * t - 1.0)  # 1 - 1/t = e^(-2 artanh z)
        return np.where(t == 1, 1.0, complement((np.array(self.gamma) + 1.0) * (2.0 * artanh(z))))


@dataclass(frozen=True)
class ShareGain(Gain):
    """k = 1, then 1 - 2^(-1/(f t)): a half-life that stays the share f of the run so far.

    This is the power profile of γ = ln 2/f - 1 but for terms of 1/t: f = .05 is γ = 12.86, of relative width .063.

    Parameters
    ----------
    share : float, in (0, 1], or sequence of float, shape (S,)
        f.

    Source
    ------
    torchtitan's ``ExponentialMovingAverage``, whose default is f = .05.

    Examples
    --------
    >>> ShareGain(0.5).at(2)
    0.5
    >>> share, power = ShareGain(0.05).weights(10_000), PowerGain(np.log(2) / 0.05 - 1).weights(10_000)
    >>> round(float(np.linalg.norm(share - power) / np.linalg.norm(power)), 6)
    3.6e-05
    """

    share: float | tuple[float, ...]
    ranges: ClassVar[dict[str, Range]] = {"share": Range("in (0, 1]")}

    def gains(self, t: Any) -> Any:
        return np.where(t == 1, 1.0, complement(0.6931471805599453 / np.maximum(np.array(self.share) * t, 1e-3)))


@dataclass(frozen=True)
class InversePowerGain(Gain):
    """k = 1, then max(least, (lag + rate·t)⁻ᵖ), at most 1: the gains of stochastic approximation.

    For p < 1 the memory grows more slowly than the run. With lag 0 and rate 1 this is the warm-up
    β = 1 - (1+s)⁻ᵖ of s = t-1 updates, up to β = 1 - least.

    Parameters
    ----------
    power : float, from 0 to 10, or sequence of float, shape (S,)
        p; 1 is the plain mean, 2/3 what warm-ups take.
    least : float, in [0, 1], or sequence of float, shape (S,)
        Least gain: 1 - β of the EMA after the warm-up.
    lag : float, at least 0 and finite, or sequence of float, shape (S,)
        ρ.
    rate : float, greater than 0 and finite, or sequence of float, shape (S,)
        γ; with lag 1 - 1/g and rate 1/g the warm-up is 1 - (1 + s/g)⁻ᵖ.

    Source
    ------
    Block & Zhang 2025, "EMA without the lag", algorithm 1 (κ, ρ, γ); the warm-ups of timm's ``ModelEmaV3``, diffusers'
    ``EMAModel`` (``use_ema_warmup``) and ema-pytorch.

    Examples
    --------
    >>> InversePowerGain(0.5).at(16), InversePowerGain(2 / 3, least=1e-4).at(10**9)
    (0.25, 0.0001)
    """

    power: float | tuple[float, ...]
    least: float | tuple[float, ...] = field(default=0.0, kw_only=True)
    lag: float | tuple[float, ...] = field(default=0.0, kw_only=True)
    rate: float | tuple[float, ...] = field(default=1.0, kw_only=True)
    ranges: ClassVar[dict[str, Range]] = {
        "power": Range("from 0 to 10"), "least": Range("in [0, 1]"), "lag": NOT_NEGATIVE, "rate": POSITIVE,
    }  # fmt: skip

    def gains(self, t: Any) -> Any:
        power, least, lag, rate = (np.array(getattr(self, name)) for name in self.ranges)
        falling = np.minimum(1.0, inverse_power(lag + rate * t, power))
        return np.where(t == 1, 1.0, np.maximum(least, falling))


@dataclass(frozen=True)
class TailGain(Gain):
    """k = 1 up to t = start + 1, then 1/(t - start): the plain mean of the values after the start.

    Up to there the mean is the value itself. The mean of the last k of T weights has start = T - k.

    Parameters
    ----------
    start : whole number of at least 0, or sequence of such, shape (S,)
        How many values are left out.

    Source
    ------
    Izmailov et al. 2018 (SWA); Kaddour 2022, "Stop wasting my time!" (LAWA); Tian et al. 2025, "WSM" (2507.17634),
    where it stands for a linear decay of the learning rate.

    Examples
    --------
    >>> [TailGain(10).at(t) for t in (10, 11, 12, 20)]
    [1.0, 1.0, 0.5, 0.1]
    """

    start: float | tuple[float, ...]
    ranges: ClassVar[dict[str, Range]] = {"start": Range("whole numbers of at least 0 and finite")}

    def gains(self, t: Any) -> Any:
        return 1.0 / np.maximum(t - np.array(self.start), 1.0)


@dataclass(frozen=True)
class WeightedGain(Gain):
    """k = w(t)/(w(1) + ... + w(t)): the mean with the weights that a schedule says.

    Up to the first weight above 0 the mean is the value itself.

    Parameters
    ----------
    schedule : function of k
        w at update t as a function of k = t - 1, each at least 0 and finite, numbers or of shape (S,).

    Source
    ------
    Defazio et al. 2024, "The road less scheduled": w = tʳ lr² averages Schedule-Free's iterates. levanter
    averages with w = 1 - √(t/T).

    Examples
    --------
    >>> [float(WeightedGain(lambda k: (k + 1) ** 2).at(t)) for t in (1, 2, 3)]
    [1.0, 0.8, 0.6428571428571429]
    """

    schedule: Callable[[Any], Any]
    ranges: ClassVar[dict[str, Range]] = {"schedule": Range("at least 0 and finite")}

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            given = f"a function of k = t - 1; got {self.schedule!r}; equal weights are UniformGain()"
            raise TypeError(f"schedule must be {given}")

    def gains(self, t: Any) -> Any:
        high, low = mass(self._grown, t)
        some = np.asarray(high) > 0.0
        k = quotient((value(self, "schedule", t), 0.0), (np.where(some, high, 1.0), low))
        return np.where(some, k, 1.0)[()]

    def _grown(self, total: Double, t: int) -> Double:
        """w(1) + ... + w(t) from the sum of the step before."""
        high, low = two_sum(total[0], value(self, "schedule", t))
        return two_sum(high, low + total[1])
