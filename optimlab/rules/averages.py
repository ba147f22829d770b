"""Atoms with memory: the exponential moving average, and the trace that accumulates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from optimlab.checks import Range, number, truth
from optimlab.recurrence.decay import Beta, Decay
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.gains import ConstantGain, DebiasedGain
from optimlab.recurrence.profile import Profile
from optimlab.rules.algebra import Arrays, Coefficients, Rule
from optimlab.typing import Array, Count, Floats

__all__ = ["Atom", "Ema", "MeanRule", "Trace"]


@dataclass(frozen=True, repr=False)
class Atom(Rule):
    """A rule with one slot, and what it holds before the first step."""

    def __post_init__(self) -> None:
        for name in self.ranges:
            if isinstance(getattr(self, name), Decay):
                object.__setattr__(self, name, getattr(self, name).beta)
        super().__post_init__()
        if hasattr(self, "first"):
            object.__setattr__(self, "first", number("first", self.first))

    @property
    def slots(self) -> tuple[str, ...]:
        return (type(self).__name__.lower(),)

    @property
    def start(self) -> tuple[float, ...]:
        return (getattr(self, "first", 0.0),)


@dataclass(frozen=True, repr=False)
class Trace(Atom):
    """v ← β v + x: the accumulating form of momentum. β = 1 is a plain sum (Adagrad's).

    Parameters
    ----------
    beta : float, in [0, 1], Decay, sequence of float, shape (S,), or schedule
        β.
    first : float
        v before the first step.

    Examples
    --------
    >>> Trace(0.75).formula(1.0, 0.0, (2.0,), (0.75,))
    (2.5, (2.5,))
    """

    beta: Beta
    first: float = field(default=0.0, kw_only=True)
    ranges: ClassVar[dict[str, Range]] = {"beta": Range("in [0, 1]")}

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        v = c[0] * state[0] + x
        return v, (v,)


@dataclass(frozen=True, repr=False)
class MeanRule(Rule):
    """What has a gain, and its value first in its state."""

    gain: Gain

    @property
    def numbers(self) -> int:
        return 1

    def coefficients(self, t: Count) -> Coefficients:
        return (self.gain.at(t),)

    @staticmethod
    def read(state: Arrays, c: Arrays) -> Array:
        """Return the value again, from the state and the coefficients of the latest step."""
        return state[0]

    def weights(self, t: int) -> Floats:
        """Return the weight of each value 1 to t in the mean after step t; see ``Gain.weights``."""
        return self.gain.weights(t)

    def describe(self, t: int = 1000) -> Profile:
        """Return lag, effective samples and relative width after step t; see ``Profile``."""
        return Profile.of(self.weights(t))


@dataclass(frozen=True, repr=False, init=False)
class Ema(MeanRule):
    """m ← m + k (x - m): the exponential moving average, or any other mean with a gain.

    Adam's moments, momentum, and the average of the weights are this rule.

    Parameters
    ----------
    gain : Gain; or float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        k; or a β: k = 1 - β, which starts at ``first``.
    debias : bool
        With a β: k = (1-β)/(1-βᵗ), which starts from nothing; of a schedule βᵗ is β₁β₂...βₜ.
    first : float
        m before the first step, for k = 1 - β.

    Notes
    -----
    The mean of equal numbers is that number, whatever the gain. A step rounds to the last digit of the larger of x and
    m before: to forget what was 1e10 times as large at once (β = 0) leaves ten digits fewer.

    Source
    ------
    Kingma & Ba 2015, "Adam", algorithm 1 and section 3, with m̂ in the place of m.

    Examples
    --------
    >>> Ema(0.75, debias=True).coefficients(2)
    (0.5714285714285714,)
    >>> Ema(0.75, debias=True).formula(3.0, 0.0, (1.0,), (0.5,))
    (2.0, (2.0,))
    >>> print(Ema(0.98, debias=True).describe())
    after 1000 updates
      lag (mean age)             49 updates
      as precise as the mean of  99 of them
      relative width             0.0495 of the run
    """

    first: float

    def __init__(self, gain: Gain | Beta, *, debias: bool = False, first: float = 0.0) -> None:
        debias = truth("debias", debias)
        if not isinstance(gain, Gain):
            gain = DebiasedGain(gain) if debias else ConstantGain(gain)
        elif debias:
            raise ValueError(f"debias=True goes with a β; a gain says itself how it starts; got {gain!r}")
        object.__setattr__(self, "gain", gain)
        object.__setattr__(self, "first", number("first", first))
        if self.first != 0.0 and not isinstance(gain, ConstantGain):
            raise ValueError(f"first must be 0 with {gain!r}, which starts from nothing; got {first!r}")

    def __repr__(self) -> str:
        plain = type(self.gain) in (ConstantGain, DebiasedGain)
        words = [repr(self.gain.beta if plain else self.gain)]  # type: ignore[attr-defined]
        words += ["debias=True"] if type(self.gain) is DebiasedGain else []
        return f"Ema({', '.join([*words, *([f'first={self.first!r}'] if self.first else [])])})"

    @property
    def slots(self) -> tuple[str, ...]:
        return ("ema",)

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first,)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        m = state[0] + c[0] * (x - state[0])
        return m, (m,)

    def symbols(self) -> tuple[Any, ...]:
        from optimlab.notation.latex import gain_of_t

        return (gain_of_t(self.gain),)
