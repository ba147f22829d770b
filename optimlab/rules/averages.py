"""Atoms with memory: the exponential moving average, and the trace that accumulates."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import Hyperparameter, Range, number, value
from optimlab.recurrence.decay import Decay
from optimlab.rules.algebra import Arrays, Coefficients, Rule
from optimlab.typing import Array, Count, Number

__all__ = ["Beta", "Ema", "Trace"]

Beta = Hyperparameter | Decay


@dataclass(frozen=True, repr=False)
class Trace(Rule):
    """v ← β v + x: the accumulating form of momentum. β = 1 is a plain sum (Adagrad's).

    Parameters
    ----------
    beta : float, in [0, 1], sequence of float, shape (S,), or schedule
        β.
    first : float
        v before the first step.

    Examples
    --------
    >>> Trace(0.75).formula(1.0, 0.0, (2.0,), (0.75,))
    (2.5, (2.5,))
    """

    beta: Hyperparameter
    first: float = field(default=0.0, kw_only=True)
    ranges: ClassVar[dict[str, Range]] = {"beta": Range("in [0, 1]")}

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "first", number("first", self.first))

    @property
    def slots(self) -> tuple[str, ...]:
        return ("trace",)

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first,)

    @staticmethod
    def formula(x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        v = c[0] * state[0] + x
        return v, (v,)


@dataclass(frozen=True, repr=False)
class Ema(Rule):
    """m ← β m + (1-β) x, with ``debias`` divided by 1 - βᵗ: the exponential moving average.

    Adam's moments, momentum, and the average of the weights are this rule.

    Parameters
    ----------
    beta : float, in [0, 1), Decay, sequence of float, shape (S,), or schedule
        β. With a schedule the correction is 1 - β₁β₂...βₜ.
    debias : bool
        Return m / (1 - βᵗ); the state keeps m.
    first : float
        m before the first step; with ``debias`` it must be 0.

    Source
    ------
    Kingma & Ba 2015, "Adam", algorithm 1 and section 3.

    Examples
    --------
    >>> Ema(0.9, debias=True).coefficients(1)
    (0.9, 0.09999999999999998, 10.000000000000002)
    """

    beta: Beta
    debias: bool = field(default=False, kw_only=True)
    first: float = field(default=0.0, kw_only=True)
    ranges: ClassVar[dict[str, Range]] = {"beta": Range("in [0, 1)")}

    def __post_init__(self) -> None:
        if not isinstance(self.beta, Decay):
            super().__post_init__()
        elif self.beta.alpha == 0.0:
            raise ValueError("beta must be in [0, 1); got an infinite memory; for a plain mean give k ↦ k / (k+1)")
        if not isinstance(self.debias, (bool, np.bool_)):
            raise TypeError(f"debias must be True or False; got {self.debias!r}")
        object.__setattr__(self, "first", number("first", self.first))
        if self.debias and self.first != 0.0:
            raise ValueError(f"first must be 0 with debias=True, which corrects a start at 0; got {self.first!r}")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("ema",)

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first,)

    @property
    def numbers(self) -> int:
        return 3 if self.debias else 2

    def coefficients(self, t: Count) -> Coefficients:
        if callable(self.beta):
            beta = value(self, "beta", t)
            return (beta, 1.0 - beta, _correction(self._log_weights(t))) if self.debias else (beta, 1.0 - beta)
        beta, alpha, log_beta = self._decays
        return (beta, alpha, _correction(t * log_beta)) if self.debias else (beta, alpha)

    def formula(self, x: Array, w: Array, state: Arrays, c: Arrays) -> tuple[Array, Arrays]:
        m = c[0] * state[0] + c[1] * x
        return self.read((m,), c), (m,)

    def read(self, state: Arrays, c: Arrays) -> Array:
        """Return the value again, from the state and the coefficients of the latest step."""
        return state[0] * c[2] if self.debias else state[0]

    def symbols(self) -> tuple[Any, ...]:
        from optimlab.rules.latex import power_of_t, written

        beta = self.beta.beta if isinstance(self.beta, Decay) else self.beta
        alpha = self.beta.alpha if isinstance(self.beta, Decay) else 1.0 - written(beta)
        return (written(beta), alpha, 1.0 / (1.0 - power_of_t(beta)))[: self.numbers]

    @cached_property
    def _decays(self) -> Coefficients:
        """β, 1-β and ln β; one of each for each replica if β is a tuple."""
        betas = self.beta if isinstance(self.beta, tuple) else (self.beta,)
        decays = [beta if isinstance(beta, Decay) else Decay(beta) for beta in betas]  # type: ignore[arg-type]
        columns = [[x.beta for x in decays], [x.alpha for x in decays], [x.log_beta for x in decays]]
        return tuple([np.array(column) if isinstance(self.beta, tuple) else column[0] for column in columns])

    def _log_weights(self, t: Count) -> Number:
        """ln(β₁β₂...βₜ), summed in the order of the steps."""
        if isinstance(t, np.ndarray):
            sums = [np.broadcast_to(self._log_weight(u), t.shape) for u in t.tolist()]
            return np.array([row[i] for i, row in enumerate(sums)])
        return self._log_weight(t)

    def _log_weight(self, t: int) -> Number:
        sums = self._sums
        before = max(u for u in sums if u <= t)
        total = sums[before]
        for u in range(before + 1, t + 1):
            with np.errstate(divide="ignore"):
                total = total + np.log(value(self, "beta", u))
        sums[t] = total
        for u in sorted(sums)[1:-64]:  # a run asks for one step after the other
            del sums[u]
        return total

    @cached_property
    def _sums(self) -> dict[int, Number]:
        return {0: 0.0}


def _correction(log_weight: Any) -> Number:
    """1 / (1 - βᵗ) from ln βᵗ."""
    weight = -np.expm1(log_weight)
    return 1.0 / weight if weight.ndim else 1.0 / float(weight)
