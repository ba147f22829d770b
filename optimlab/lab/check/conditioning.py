"""Ill-conditioning: how fast a quadratic of condition κ is descended, its axes along the coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.check.candidate import Candidate
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import LinearRule, gradient_descent_optimum
from optimlab.typing import Floats

__all__ = [
    "condition_10", "condition_100", "condition_1000", "condition_10000", "half_of_the_decades",
    "rate_of_descent",
]  # fmt: skip

_THEME = "ill-conditioning"
_POLYAK = "Polyak 1987, Introduction to Optimization, section 1.4"
_RATE = "min over lr of max over h of |1 - lr h|ᵀ, at best ((κ-1)/(κ+1))ᵀ"
_MODES = 8
_ROUNDING = 1.0 + 1e-9  # gradient descent attains its rate to all digits


def _judged(who: Candidate, curvatures: Any, steps: int, allowed: float) -> Trials:
    """Measure the largest |w_T - w*|/|w*| of a mode, from w₀ = 0, for minima at random distances from ¼ to 4."""

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        at = 4.0 ** rng.uniform(-1.0, 1.0, (len(lr), len(curvatures)))
        off = who.end(lambda w: curvatures * (w - at), np.zeros_like(at), lr, steps) - at
        return np.asarray(np.abs(off / at).max(axis=1))

    return who.judged(score, high=allowed * _ROUNDING, trials=16, lr=who.tuned(score, 4))


def _spectrum(condition: float) -> Floats:
    """Return curvatures for which the best rate of gradient descent, 2/(L+μ), is 1."""
    return np.geomspace(2.0 / (condition + 1.0), 2.0 * condition / (condition + 1.0), _MODES)


def rate_of_descent(who: Candidate, curvatures: Floats, steps: int) -> float:
    """min over lr of max over h of |1 - lr h|ᵀ: what gradient descent attains on the reference's rates.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> sgd = Candidate(contestants("sgd")["SGD"])
    >>> round(rate_of_descent(sgd, np.array([0.2, 1.8]), 10), 12) == round(0.8**10, 12)
    True
    """
    radius = LinearRule().mode(who.reference[:, np.newaxis] * curvatures).radius.max(axis=1)
    return float(radius.min() ** steps)


def _as_gradient_descent(who: Candidate, condition: float, steps: int) -> Trials:
    curvatures = _spectrum(condition)
    return _judged(who, curvatures, steps, rate_of_descent(who, curvatures, steps))


@exam(_THEME, formula=f"{_RATE}, T = 40", source=_POLYAK)
def condition_10(who: Candidate) -> Trials:
    """Whether it is as fast as gradient descent at its best on a quadratic of condition 10.

    A failure: it does not settle, as steps of one size at a constant rate.
    """
    return _as_gradient_descent(who, 10.0, 40)


@exam(_THEME, formula=f"{_RATE}, T = 200", source=_POLYAK)
def condition_100(who: Candidate) -> Trials:
    """Whether it is as fast as gradient descent at its best on a quadratic of condition 100.

    A failure: it does not settle, or is slower along the valley.
    """
    return _as_gradient_descent(who, 100.0, 200)


@exam(_THEME, formula=f"{_RATE}, T = 500", source=_POLYAK)
def condition_1000(who: Candidate) -> Trials:
    """Whether it is as fast as gradient descent at its best on a quadratic of condition 1000.

    A failure: it is slower along the valley than the slowest method that theory knows.
    """
    return _as_gradient_descent(who, 1000.0, 500)


@exam(_THEME, formula=f"{_RATE}, T = 500", source=_POLYAK)
def condition_10000(who: Candidate) -> Trials:
    """Whether it is as fast as gradient descent at its best on a quadratic of condition 10000.

    A failure: it is slower along the valley than the slowest method that theory knows.
    """
    return _as_gradient_descent(who, 10_000.0, 500)


@exam(_THEME, formula="((√κ-1)/(√κ+1))ᵀ, κ = 1e4, T = 200", source=_POLYAK)
def half_of_the_decades(who: Candidate) -> Trials:
    """Whether a condition of 10⁴ along the axes costs no more than 100 costs gradient descent.

    A failure: it has no scale of its own for each coordinate.
    """
    curvatures, steps = _spectrum(1e4), 200
    allowed = float(gradient_descent_optimum(1.0, 100.0).rate ** steps)
    return _judged(who, curvatures, steps, allowed)
