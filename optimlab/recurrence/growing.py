"""Gains of means whose memory grows with the run, without a β: the plain mean, of a tail, of powers, of weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import NOT_NEGATIVE, POSITIVE, Range, value
from optimlab.recurrence.elementary import complement, log_of, power
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.masses import mass
from optimlab.recurrence.powers import Double, quotient, two_sum
from optimlab.typing import Floats

__all__ = ["InversePowerGain", "PowerGain", "ShareGain", "TailGain", "UniformGain", "WeightedGain"]


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
        high, low = log_of(two_sum(1.0, -1.0 / np.maximum(t, 2.0)))
        return np.where(t == 1, 1.0, complement((np.array(self.gamma) + 1.0) * -(high + low)))


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
        exponent, least, lag, rate = (np.array(getattr(self, name)) for name in self.ranges)
        falling = np.minimum(1.0, power(lag + rate * t, -exponent))
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
