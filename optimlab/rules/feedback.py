"""Atoms with a memory of their own kind: a running maximum, the value before, and what feeds on its own value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optimlab.checks import NOT_NEGATIVE, Hyperparameter, Range, value
from optimlab.recurrence.decay import Beta
from optimlab.rules.algebra import Arrays, Coefficients
from optimlab.rules.averages import Atom
from optimlab.typing import Array, Count

__all__ = ["Delay", "RunningMax", "SignedEma", "StepRms", "StepSize", "TwoReadings"]

_BETA = Range("in [0, 1)")


@dataclass(frozen=True, repr=False)
class Delay(Atom):
    """y = x⁻: the value of the step before, at first ``first``.

    >>> Delay().formula(3.0, 0.0, (2.0,), ())
    (2.0, (3.0,))
    """

    first: float = field(default=0.0, kw_only=True)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        return state[0], (x,)


@dataclass(frozen=True, repr=False)
class RunningMax(Atom):
    """u ← max(β u, x): the largest value so far, from ``first``, which fades by β in [0, 1] (AMSGrad 1, Adamax β₂).

    >>> float(RunningMax(0.5).formula(3.0, 0.0, (8.0,), (0.5,))[0])
    4.0
    """

    beta: Beta = 1.0
    first: float = field(default=0.0, kw_only=True)
    ranges: ClassVar[dict[str, Range]] = {"beta": Range("in [0, 1]")}

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        u = np.maximum(c[0] * state[0], x)
        return u, (u,)


@dataclass(frozen=True, repr=False)
class TwoReadings(Atom):
    """y = β₁ m + (1-β₁) x;  m ← β₂ m + (1-β₂) x: one EMA that is read with β₁ and stored with β₂ (Lion).

    Both are in [0, 1), and may be a Decay, one for each replica, or a schedule, as in all atoms here.

    >>> TwoReadings(0.5, 0.75).formula(4.0, 0.0, (0.0,), (0.5, 0.25))
    (2.0, (1.0,))
    """

    beta1: Beta = 0.9
    beta2: Beta = 0.99
    ranges: ClassVar[dict[str, Range]] = {"beta1": _BETA, "beta2": _BETA}

    def coefficients(self, t: Count) -> Coefficients:
        return 1.0 - value(self, "beta1", t), 1.0 - value(self, "beta2", t)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        m, d = state[0], x - state[0]
        return m + c[0] * d, (m + c[1] * d,)


@dataclass(frozen=True, repr=False)
class SignedEma(Atom):
    """v ← v + (1-β) sign(x - v) x, from ``first``: towards x by a share of x, not of the difference (Yogi).

    >>> float(SignedEma(0.5).formula(2.0, 0.0, (8.0,), (0.5,))[0])
    7.0
    """

    beta: Beta
    first: float = field(default=0.0, kw_only=True)
    ranges: ClassVar[dict[str, Range]] = {"beta": _BETA}

    def coefficients(self, t: Count) -> Coefficients:
        return (1.0 - value(self, "beta", t),)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        v = state[0] + c[0] * (np.sign(x - state[0]) * x)
        return v, (v,)


@dataclass(frozen=True, repr=False)
class StepRms(Atom):
    """y = √(d + ε) x;  d ← β d + (1-β) y²: x times the root mean square of its own values so far (Adadelta).

    >>> y, (d,) = StepRms(0.5, 0.0).formula(3.0, 0.0, (4.0,), (0.5, 0.0))
    >>> float(y), float(d)
    (6.0, 20.0)
    """

    beta: Beta
    eps: Hyperparameter = 1e-6
    ranges: ClassVar[dict[str, Range]] = {"beta": _BETA, "eps": NOT_NEGATIVE}

    def coefficients(self, t: Count) -> Coefficients:
        return 1.0 - value(self, "beta", t), value(self, "eps", t)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        d = state[0]
        y = np.sqrt(d + c[1]) * x
        return y, (d + c[0] * (y * y - d),)


@dataclass(frozen=True, repr=False)
class StepSize(Atom):
    """s ← clip(s · (grow if x x⁻ > 0, shrink if x x⁻ < 0), low, high), from ``first``;  y = sign(x) s: Rprop.

    Where the sign has turned, y is 0 and 0 is kept for x⁻.

    >>> y, (s, x) = StepSize(1.0).formula(3.0, 0.0, (1.0, 2.0), (0.5, 1.25, 0.0, 50.0))
    >>> float(y), float(s), float(x)
    (1.25, 1.25, 3.0)
    """

    first: float
    shrink: Hyperparameter = 0.5
    grow: Hyperparameter = 1.2
    low: Hyperparameter = 1e-6
    high: Hyperparameter = 50.0
    ranges: ClassVar[dict[str, Range]] = {
        "shrink": Range("in (0, 1)"), "grow": Range("greater than 1"), "low": NOT_NEGATIVE, "high": NOT_NEGATIVE,
    }  # fmt: skip

    @property
    def slots(self) -> tuple[str, ...]:
        return ("stepsize", "delay")

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first, 0.0)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        turn = np.sign(x * state[1])
        factor = np.where(turn < 0.0, c[0], np.where(turn > 0.0, c[1], 1.0))
        s, x = np.minimum(np.maximum(state[0] * factor, c[2]), c[3]), np.where(turn < 0.0, 0.0, x)
        return np.sign(x) * s, (s, x)
