"""Averages of the weights that are more than an Ema: compensated in float32, and without its lag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.recurrence.gain import Gain
from optimlab.rules.algebra import Arrays, Coefficients, Rule
from optimlab.rules.averages import Ema, MeanRule
from optimlab.typing import Array, Count, Floats

__all__ = ["Bema", "CompensatedEma", "compensated"]


@dataclass(frozen=True, repr=False)
class CompensatedEma(MeanRule):
    """m ← m + (k (x - m) + r), r ← what that sum has rounded away: an EMA in float32 with the digits of float64.

    The average of the weights: at β = .99999 a step changes m by less than its last digit, and without r by nothing.

    Parameters
    ----------
    gain : Gain
        k.
    first : float
        m before the first step.

    Source
    ------
    Kahan 1965, "Further remarks on reducing truncation errors".

    Examples
    --------
    >>> CompensatedEma.formula(3.0, 0.0, (1.0, 0.0), (0.5,))
    (2.0, (2.0, 0.0))
    """

    first: float

    @property
    def slots(self) -> tuple[str, ...]:
        return ("ema", "rest")

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first, 0.0)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        step = c[0] * (x - state[0]) + state[1]
        m = state[0] + step
        return m, (m, step - (m - state[0]))


@dataclass(frozen=True, repr=False)
class Bema(MeanRule):
    """m ← m + k (x - m), of which m + α (x - x₁) is read: an EMA and what it lags behind, a share α of the way so far.

    x₁ is the first value: of the weights those after the first update.

    Parameters
    ----------
    gain : Gain
        k, which the paper calls β; it must be 1 at first, and then falls, as ``InversePowerGain(0.5, lag=10)``.
    bias : Gain
        α, a number for each step as k is one: ``InversePowerGain(0.2, lag=10)``.

    Source
    ------
    Block & Zhang 2025, "EMA without the lag" (2508.00180), algorithm 1, without burn-in;
    the gains above are the defaults of TRL's ``BEMACallback``.

    Examples
    --------
    >>> from optimlab import InversePowerGain
    >>> bema = Bema(InversePowerGain(0.5, lag=10.0), InversePowerGain(0.2, lag=10.0))
    >>> round(bema.gain.describe().lag, 1), round(bema.describe().lag, 1)  # after 1000 updates
    (30.3, -220.1)
    """

    bias: Gain

    def __post_init__(self) -> None:
        for name, given in (("gain", self.gain), ("bias", self.bias)):
            if not isinstance(given, Gain):
                raise TypeError(f"{name} must be a Gain, such as InversePowerGain(0.5, lag=10.0); got {given!r}")
        if not np.all(np.equal(self.gain.at(1), 1.0)):
            remedy = "such as InversePowerGain(0.5, lag=10.0), or FirstValueGain(beta) for a constant β"
            raise ValueError(f"gain must be 1 at first, {remedy}; got {self.gain!r}, which is {self.gain.at(1)}")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("ema", "first", "way")

    @property
    def numbers(self) -> int:
        return 3

    def coefficients(self, t: Count) -> Coefficients:
        return (self.gain.at(t), self.bias.at(t), np.equal(t, 1) + 0.0)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        m = state[0] + c[0] * (x - state[0])
        first = state[1] + c[2] * (x - state[1])
        return m + c[1] * (x - first), (m, first, x - first)

    def symbols(self) -> tuple[Any, ...]:
        from optimlab.notation.latex import gain_of_t
        from optimlab.notation.symbols import Symbol

        first = np.where(Symbol(np.dtype(np.float64), "t") == 1.0, 1.0, 0.0)
        return gain_of_t(self.gain), gain_of_t(self.bias), first

    @staticmethod
    def read(state: Arrays, c: Arrays) -> Array:
        value: Array = state[0] + c[1] * state[2]
        return value

    def weights(self, t: int) -> Floats:
        weights, alpha = self.gain.weights(t), self.bias.at(t)
        weights[0] -= alpha
        weights[-1] += alpha
        return weights


def compensated(average: Rule) -> Rule:
    """Return what averages the weights: an Ema with compensation, another rule as it is."""
    return CompensatedEma(average.gain, average.first) if isinstance(average, Ema) else average
