"""Atoms with memory: the exponential moving average, and the trace that accumulates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimlab.recurrence.decay import Decay
from optimlab.rules.algebra import Coefficients, Formula, Lift, Rule, State, as_it_is
from optimlab.rules.hyperparameter import Hyperparameter, hyperparameter, value
from optimlab.rules.latex import Page, decimal

__all__ = ["Ema", "Trace"]

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
    >>> from optimlab import Trace
    >>> rule = Trace(0.75)
    >>> float(rule.formula(1.0, 0.0, (2.0,), rule.coefficients(1))[0])
    2.5
    """

    beta: Hyperparameter
    first: float = 0.0

    def __post_init__(self) -> None:
        hyperparameter(self, "beta", "in [0, 1]", lambda x: 0.0 <= x <= 1.0)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("trace",)

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first,)

    def coefficients(self, t: Any) -> Coefficients:
        return (value(self, "beta", t),)

    @staticmethod
    def formula(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
        v = c[0] * state[0] + x
        return v, (v,)

    def tex(self, x: str, page: Page) -> str:
        v = page.letter("v")
        page.line(v, rf"{decimal(self.beta)}\,{v} + {x}")
        return v


def _raw(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
    m = c[0] * state[0] + c[1] * x
    return m, (m,)


def _debiased(x: Any, w: Any, state: State, c: Coefficients) -> tuple[Any, State]:
    m = c[0] * state[0] + c[1] * x
    return m * c[2], (m,)


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
    debias: bool = False
    first: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.beta, Decay):
            hyperparameter(self, "beta", "in [0, 1)", lambda x: 0.0 <= x < 1.0)
        elif self.beta.alpha == 0.0:
            raise ValueError("beta must be in [0, 1); got an infinite memory; for a plain mean give k ↦ k / (k+1)")
        if self.debias and self.first != 0.0:
            raise ValueError(f"first must be 0 with debias=True, which corrects a start at 0; got {self.first!r}")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("ema",)

    @property
    def start(self) -> tuple[float, ...]:
        return (self.first,)

    def coefficients(self, t: Any) -> Coefficients:
        if callable(self.beta):
            return self._scheduled_coefficients(t)
        beta, alpha, log_beta = self._decays
        return (beta, alpha, _correction(t * log_beta)) if self.debias else (beta, alpha)

    def _scheduled_coefficients(self, t: Any) -> Coefficients:
        beta, alpha = self._scheduled(t)
        return (beta, alpha, _correction(self._log_weights(t))) if self.debias else (beta, alpha)

    def compose(self, lift: Lift = as_it_is) -> Formula:
        formula: Formula = lift(_debiased if self.debias else _raw)
        return formula

    def formula(  # type: ignore[override]
        self, x: Any, w: Any, state: State, c: Coefficients
    ) -> tuple[Any, State]:
        return self.compose()(x, w, state, c)

    def read(self, state: State, c: Coefficients) -> Any:
        """Return the value again, from the state and the coefficients of the latest step."""
        return state[0] * c[2] if self.debias else state[0]

    @property
    def structure(self) -> Any:
        return (Ema, self.debias)

    @cached_property
    def _decays(self) -> tuple[Any, Any, Any]:
        """β, 1-β and ln β; one of each for each replica if β is a tuple."""
        if isinstance(self.beta, tuple):
            decays = [Decay(beta) for beta in self.beta]
            return tuple(np.array(column) for column in zip(*map(_numbers, decays), strict=True))  # type: ignore[return-value]
        return _numbers(self.beta if isinstance(self.beta, Decay) else Decay(self.beta))  # type: ignore[arg-type]

    def _scheduled(self, t: Any) -> tuple[Any, Any]:
        beta = value(self, "beta", t)
        if not np.all((beta >= 0.0) & (beta < 1.0)):
            raise ValueError(f"beta must be in [0, 1); got {beta!r} from its schedule at k = {t - 1!r}")
        return beta, 1.0 - beta

    def _log_weights(self, t: Any) -> Any:
        """ln(β₁β₂...βₜ), summed in the order of the steps."""
        if np.ndim(t) == 0:
            return self._log_weight(int(t))
        sums = [np.broadcast_to(self._log_weight(int(u)), np.shape(t)) for u in t]
        return np.array([sums[i][i] for i in range(len(sums))])

    def _log_weight(self, t: int) -> Any:
        sums = self._sums
        if t in sums:
            return sums[t]
        before = max((u for u in sums if u < t), default=0)
        total = sums[before]
        for u in range(before + 1, t + 1):
            with np.errstate(divide="ignore"):
                total = total + np.log(self._scheduled(u)[0])
        sums[t] = total
        _forget(sums)
        return total

    @cached_property
    def _sums(self) -> dict[int, Any]:
        return {0: 0.0}

    def tex(self, x: str, page: Page) -> str:
        m = page.letter("v" if x.endswith("^2") else "m")
        beta = decimal(self.beta.beta if isinstance(self.beta, Decay) else self.beta)
        alpha = decimal(1.0 - self.beta) if isinstance(self.beta, float) else rf"(1 - {beta})"
        page.line(m, rf"{beta}\,{m} + {alpha}\,{x}")
        return rf"\frac{{{m}}}{{1 - {beta}^t}}" if self.debias else m


def _correction(log_weight: Any) -> Any:
    """1 / (1 - βᵗ) from ln βᵗ."""
    weight = -np.expm1(log_weight)
    return 1.0 / weight if weight.ndim else 1.0 / float(weight)


def _numbers(decay: Decay) -> tuple[float, float, float]:
    return decay.beta, decay.alpha, decay.log_beta


def _forget(sums: dict[int, Any]) -> None:
    """Keep 0 and the latest few: a run asks for one step after the other."""
    for u in sorted(sums)[1:-64]:
        del sums[u]
