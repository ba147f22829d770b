"""Limits of stability: at which lr h a rule stays, and where it goes; a linear rule is recognised by what it does."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.check.candidate import Candidate, RefusedError
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import LinearRule
from optimlab.typing import Floats

__all__ = [
    "good_rates", "its_own_path", "just_above_its_limit", "just_below_its_limit", "recognised", "steepening_walls",
    "twice_the_limit_of_gradient_descent",
]  # fmt: skip

_THEME = "limits of stability"
_LIMIT = "lr h = 2 (1+β) / (a + b (1+β)), for steps of r₀ = a + b, rₖ = a βᵏ after one gradient"
_POLYAK = "Polyak 1964, theorem 9; Cohen et al. 2021, Gradient Descent on Neural Networks Typically Occurs at the Edge"
_ROUNDING = 1e-9
_START = np.pi / 3.0  # on no grid of steps


def recognised(who: Candidate) -> LinearRule:
    """r₀ = a + b, rₖ = a βᵏ: the linear rule whose response to a single gradient of 1 the candidate has.

    Raises
    ------
    RefusedError
        If there is none: the response is no geometric series, not proportional to the gradient, or depends on weights.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> found = recognised(Candidate(*contestants("nesterov(0.5)").values()))
    >>> float(found.beta), float(found.trace), float(found.gradient)
    (0.5, 0.5, 1.0)
    """
    single, double, late, apart = _responses(who)
    beta = single[2] / single[1] if single[1] else 0.0
    trace = single[1] / beta if beta else single[0]
    expected = trace * beta ** np.arange(len(single))
    expected[0] = single[0]
    others = np.array([double / 2.0, np.append(late[1:], expected[-1]), apart])
    if not (0.0 <= beta < 1.0 and np.abs(others - expected).max() <= _ROUNDING * np.abs(single).max()):
        raise RefusedError("it is no linear rule of one buffer, whose limit has a closed form")
    found = LinearRule(float(beta), trace=float(trace), gradient=float(single[0] - trace))
    if not (found.gain > 0.0 and found.limit > 0.0):
        raise RefusedError("it goes uphill: no rate is stable")
    return found


def _responses(who: Candidate) -> Floats:
    """Return steps in units of lr after a gradient of 1, of 2, of 1 one step later, and of 1 where the weight is 1."""
    gradients = np.zeros((6, 4, 1))
    gradients[0, [0, 1, 3]] = [[1.0], [2.0], [1.0]]
    gradients[1, 2] = 1.0
    w, given = np.array([[0.0], [0.0], [0.0], [1.0]]), iter(gradients)
    path = [w.copy(), *(now.copy() for now in who.steps(lambda w: next(given), w, who.rate, len(gradients)))]
    return np.asarray(-np.diff(np.array(path)[..., 0], axis=0).T / who.rate)


def _run(who: Candidate, curvatures: Any, count: int) -> Floats:
    """Return wₜ/w₀ on ½ h w², shape (count, curvatures)."""
    h = np.asarray(curvatures)[:, np.newaxis]
    start = np.full(h.shape, _START)
    return np.array([w[:, 0] / _START for w in who.steps(lambda w: h * w, start, who.rate, count)])


@exam(
    _THEME,
    formula="w_t/w_0 = z₁ᵗ⁻¹ (s S_t - z₂ S_t₋₁), S_t = (1 - xᵗ)/(1 - x), x = z₂/z₁",
    source="Goh 2017, Why Momentum Really Works",
)
def its_own_path(who: Candidate) -> Trials:
    """Whether its path on a quadratic is what its response to a single gradient says, up to rounding.

    A failure: it keeps a state that a single gradient does not show. Only linear rules of one buffer are asked.
    """
    rule = recognised(who)
    shares, t = np.array([0.05, 0.3, 0.6, 0.9]) * rule.limit, np.arange(1, 51)
    expected = rule.mode(shares).values(t[:, np.newaxis])
    off = np.abs(_run(who, shares / who.rate, 50) - expected).max()
    return Trials(np.array([off]), high=_ROUNDING, lr=who.rate)


@exam(_THEME, formula=f"98 % of {_LIMIT}", source=_POLYAK)
def just_below_its_limit(who: Candidate) -> Trials:
    """Whether it comes back to the minimum at 98 % of the largest stable lr h of its linear rule.

    A failure: it is less stable than its response to a single gradient says. Only linear rules are asked.
    """
    path = _run(who, [0.98 * recognised(who).limit / who.rate], 600)
    return Trials(np.abs(path[-1]), high=1.0, lr=who.rate)


@exam(_THEME, formula=f"102 % of {_LIMIT}", source=_POLYAK)
def just_above_its_limit(who: Candidate) -> Trials:
    """Whether it leaves the minimum at 102 % of the largest stable lr h of its linear rule.

    A failure: something bounds its steps that a single gradient does not show. Only linear rules are asked.
    """
    path = _run(who, [1.02 * recognised(who).limit / who.rate], 600)
    return Trials(np.abs(path[-1]), low=1.0, lr=who.rate)


@exam(_THEME, formula="|w_T| ≤ |w_0| after T = 300 steps at lr h = 2 · 2", source=_POLYAK)
def twice_the_limit_of_gradient_descent(who: Candidate) -> Trials:
    """Whether it stays within its start where lr h is 4, twice what gradient descent can bear.

    A failure: a curvature that is twice the one that the rate was chosen for throws it out.
    """
    path = _run(who, [2.0 * LinearRule().limit / who.rate], 300)
    return Trials(np.abs(path[-1]), high=1.0, lr=who.rate)


@exam(
    _THEME,
    formula="|w_T| ≤ |w_0| after T = 300 steps on w⁴/4 from lr w_0² = 2 · 2",
    source="w(1 - lr w²): it grows where lr w² > 2",
)
def steepening_walls(who: Candidate) -> Trials:
    """Whether it comes down from walls, w⁴/4, so steep that gradient descent is thrown over them and out.

    A failure: a start that is too far out ends in overflow.
    """
    start = np.sqrt(2.0 * LinearRule().limit / who.rate)
    end = who.end(lambda w: w**3, np.full((1, 1), start), who.rate, 300)
    return Trials(np.abs(end[:, 0]), high=float(start), lr=who.rate)


@exam(_THEME, formula="number of rates with |1 - lr h|ᵀ ≤ .1, h = 1, T = 100", source="gradient descent on one mode")
def good_rates(who: Candidate) -> Trials:
    """Whether as many rates of the grid as for gradient descent take a quadratic to a tenth of its start in 100 steps.

    A failure: the rate must be chosen more finely than that of gradient descent.
    """
    if who.contestant.lr is not None:
        raise RefusedError("its text fixes the learning rate")
    end = who.end(lambda w: w, np.full((len(who.rates), 1), _START), who.rates, 100) / _START
    needed = (np.abs(LinearRule().mode(who.reference).values(100)) <= 0.1).sum()
    if not needed:
        raise RefusedError("no rate of the grid does so for gradient descent; --lr needs one from .03 to 1.9")
    return Trials(np.array([float((np.abs(end) <= 0.1).sum())]), low=float(needed))
