"""Corrections: numbers in a rule that follow from t, as functions of k = t - 1 that are values and can be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

import numpy as np

from optimlab.recurrence.decay import Beta
from optimlab.recurrence.elementary import logarithm, power
from optimlab.recurrence.gains import ConstantGain, DebiasedGain
from optimlab.recurrence.masses import mass
from optimlab.recurrence.powers import Double
from optimlab.typing import Count

__all__ = [
    "After",
    "Dozat",
    "EpsHat",
    "FourthRoot",
    "GradientShare",
    "HalfLife",
    "LargestRate",
    "Mass",
    "MeanShare",
    "Next",
    "PowerDecay",
    "Rectified",
    "SquareRoot",
    "Unrectified",
    "WithinMean",
]


@lru_cache(maxsize=256)
def _gains(beta: Beta) -> tuple[ConstantGain, DebiasedGain]:
    """Return the gains of a β, the same ones each time: they know the product of a schedule so far."""
    return ConstantGain(beta), DebiasedGain(beta)


def _in_blocks(formula: Callable[[Any, Any], Any]) -> Callable[[Any, Count], Any]:
    """Return s(k) of one k from a table of its neighbours: 1 µs where the formula on one number takes 60 to 200."""

    @lru_cache(maxsize=256)
    def block(correction: Any, number: int) -> list[float]:
        return formula(correction, np.arange(128.0 * number, 128.0 * (number + 1))).tolist()  # type: ignore[no-any-return]

    @wraps(formula)
    def called(self: Any, k: Count) -> Any:
        return block(self, k // 128)[k % 128] if isinstance(k, (int, np.integer)) else formula(self, np.asarray(k))

    return called


@dataclass(frozen=True)
class Mass:
    """1 - βᵗ, of a schedule 1 - β₁β₂...βₜ: what a zero-started EMA is divided by.

    Examples
    --------
    >>> [round(Mass(0.9)(k), 12) for k in range(3)]
    [0.1, 0.19, 0.271]
    """

    beta: Beta

    def __call__(self, k: Count) -> Any:
        constant, debiased = _gains(self.beta)
        return constant.at(k + 1) / debiased.at(k + 1)


@dataclass(frozen=True)
class EpsHat:
    """ε / √(1 - βᵗ): the ε outside the root after the correction that is ε before it (Keras, scikit-learn, TF).

    Examples
    --------
    >>> float(EpsHat(2.0, 0.75)(0))
    4.0
    """

    eps: float
    beta: Beta

    def __call__(self, k: Count) -> Any:
        return self.eps / np.sqrt(Mass(self.beta)(k))


@dataclass(frozen=True)
class After:
    """0 in the first so many steps, then a number.

    Examples
    --------
    >>> [float(After(1, 0.5)(k)) for k in range(3)]
    [0.0, 0.5, 0.5]
    """

    steps: int
    number: float

    def __call__(self, k: Count) -> Any:
        return np.where(np.asarray(k) < self.steps, 0.0, self.number)[()]


@dataclass(frozen=True)
class Next:
    """of(k + 1): a function of k for what others count from t = 1.

    Examples
    --------
    >>> float(Next(FourthRoot())(15))
    2.0
    """

    of: Callable[[Any], Any]

    def __call__(self, k: Count) -> Any:
        return self.of(np.asarray(k) + 1)


@dataclass(frozen=True)
class FourthRoot:
    """c (t-1)^¼: the bound of ADOPT.

    Examples
    --------
    >>> float(FourthRoot()(16))
    2.0
    """

    factor: float = 1.0

    def __call__(self, k: Count) -> Any:
        return self.factor * np.sqrt(np.sqrt(k))


@dataclass(frozen=True)
class SquareRoot:
    """√t: the weight of a gradient in MADGRAD.

    Examples
    --------
    >>> [float(SquareRoot()(k)) for k in (0, 3)]
    [1.0, 2.0]
    """

    def __call__(self, k: Count) -> Any:
        return np.sqrt(np.asarray(k) + 1.0)[()]


@dataclass(frozen=True)
class HalfLife:
    """From β₁ to β₃ in so many steps, by a half-life that grows linearly: AdEMAMix's slow decay.

    Source: Pagliardini et al. 2024, equation 2 of section 3.

    Examples
    --------
    >>> warm = HalfLife(0.9, 0.9999, steps=100)
    >>> round(float(warm(0)), 6), round(float(warm(100)), 6)
    (0.9, 0.9999)
    """

    beta1: float
    beta3: float
    steps: int

    @_in_blocks
    def __call__(self, k: Any) -> Any:
        share = np.minimum(k / self.steps, 1.0)
        first, last = [logarithm(0.5) / logarithm(beta) - 1.0 for beta in (self.beta1, self.beta3)]
        return power(0.5, 1.0 / ((1.0 - share) * first + share * last + 1.0))


@dataclass(frozen=True)
class LargestRate:
    """(max of s(1), ..., s(k+1))ᵖ: the weight of a point in the mean of Schedule-Free, one update ahead as in optax.

    Examples
    --------
    >>> from optimlab import linear
    >>> LargestRate(linear(0.0, steps=2, final=1.0), 2.0)(np.arange(3))
    array([0.25, 1.  , 1.  ])
    """

    schedule: Callable[[Any], Any]
    power: float

    def __call__(self, k: Any) -> Any:
        rates = [mass(self._grown, t)[0] for t in (np.ravel(k) + 1).tolist()]
        return power(np.reshape(rates, np.shape(k)), self.power)

    def _grown(self, largest: Double, t: int) -> Double:
        """Return the largest rate from that of the step before."""
        return max(largest[0], self.schedule(t)), 0.0


@dataclass(frozen=True)
class PowerDecay:
    """1 - t^(-c): Adafactor's decay, of a mean that forgets ever more slowly; c = 1 is the plain mean.

    Examples
    --------
    >>> [float(PowerDecay(0.5)(k)) for k in (0, 3)]
    [0.0, 0.5]
    """

    exponent: float

    @_in_blocks
    def __call__(self, k: Any) -> Any:
        return 1.0 - power(k + 1.0, -self.exponent)


@dataclass(frozen=True)
class Dozat:
    """β (1 - ½ 0.96^(ψ t)): NAdam's momentum, which grows (Dozat 2016, section 4.1).

    Examples
    --------
    >>> round(Dozat(0.9)(0), 9)
    0.450073474
    """

    beta: float
    psi: float = 0.004

    @_in_blocks
    def __call__(self, k: Any) -> Any:
        return self.beta * (1.0 - 0.5 * power(0.96, (k + 1) * self.psi))


@dataclass(frozen=True)
class GradientShare:
    """(1 - μₜ) / (1 - μ₁...μₜ): the share of the gradient in NAdam's step.

    Examples
    --------
    >>> GradientShare(0.9)(0)
    1.0
    """

    beta: Beta

    def __call__(self, k: Count) -> Any:
        return _gains(self.beta)[1].at(k + 1)


@dataclass(frozen=True)
class MeanShare:
    """μₜ₊₁ / (1 - μ₁...μₜ₊₁): the share of the zero-started mean in NAdam's step.

    Examples
    --------
    >>> round(float(MeanShare(0.9)(0)), 9)  # 0.9 / 0.19
    4.736842105
    """

    beta: Beta

    def __call__(self, k: Count) -> Any:
        return (1.0 - _gains(self.beta)[0].at(k + 2)) / Mass(self.beta)(k + 1)


@dataclass(frozen=True)
class WithinMean:
    """1 / (1 - kₜ) of a debiased gain, 0 where k = 1: from the square of x - m to (x - m) (x - m⁻).

    Examples
    --------
    >>> [round(float(WithinMean(0.9)(k)), 6) for k in range(3)]
    [0.0, 2.111111, 1.584795]
    """

    beta: Beta

    def __call__(self, k: Count) -> Any:
        rest = 1.0 - _gains(self.beta)[1].at(k + 1)
        return np.where(rest > 0.0, 1.0 / np.where(rest > 0.0, rest, 1.0), 0.0)[()]


def _length(beta: float, k: Count) -> tuple[Any, float]:
    """Return ρₜ and ρ∞ of RAdam: lengths of plain means of the EMA's variance, now and in the end."""
    most, t = 2.0 / (1.0 - beta) - 1.0, np.asarray(k) + 1.0
    mass = np.asarray(Mass(beta)(k))
    return most - 2.0 * t * (1.0 - mass) / mass, most


@dataclass(frozen=True)
class Rectified:
    """1/rₜ where ρₜ > 5, else 0: what RAdam multiplies the root by (Liu et al. 2020, algorithm 2).

    Examples
    --------
    >>> [round(float(Rectified(0.999)(k)), 4) for k in (4, 5, 10000)]
    [0.0, 38.728, 1.0002]
    """

    beta: float
    threshold: float = 5.0

    def __call__(self, k: Count) -> Any:
        length, most = _length(self.beta, k)
        there = length > self.threshold
        rho, end = np.where(there, length, 5.0), np.where(there, most, 5.0)
        root = np.sqrt((end - 4.0) * (end - 2.0) * rho / ((rho - 4.0) * (rho - 2.0) * end))
        return np.where(there, root, 0.0)[()]


@dataclass(frozen=True)
class Unrectified:
    """0 where ρₜ > 5, else 1: RAdam's first steps are the mean alone.

    Examples
    --------
    >>> [float(Unrectified(0.999)(k)) for k in (4, 5)]
    [1.0, 0.0]
    """

    beta: float
    threshold: float = 5.0

    def __call__(self, k: Count) -> Any:
        return np.where(_length(self.beta, k)[0] > self.threshold, 0.0, 1.0)[()]
