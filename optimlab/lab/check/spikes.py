"""Spikes and cliffs: one gradient unlike all others; and plateaus, where there is hardly one."""

from __future__ import annotations

from typing import Final

import numpy as np

from optimlab.lab.check.candidate import Candidate, RefusedError
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.typing import Floats

__all__ = ["plateau", "stopped_by_a_spike", "throw_of_adam", "thrown_by_a_cliff", "thrown_by_a_spike"]

_THEME = "spikes and cliffs"
_BEFORE: Final = 1000
_FLAT: Final = 1e-6


def throw_of_adam(beta: float = 0.9, beta_2: float = 0.999) -> float:
    """(1-β₁)/√(1-β₂) / (1 - β₁/√β₂): how many steps' lengths Adam goes after one gradient larger than all others.

    Its share of m is (1-β₁)β₁ᵏ after k steps, that of v is (1-β₂)β₂ᵏ; it is in both, and its size cancels.

    Examples
    --------
    >>> round(throw_of_adam(), 2)
    31.77
    """
    return float((1.0 - beta) / np.sqrt(1.0 - beta_2) / (1.0 - beta / np.sqrt(beta_2)))


def _after(who: Candidate, spike: float, count: int) -> Floats:
    """Return the way after a spike in a constant gradient of 1, in units of the step before; the first is 0."""
    slopes = iter(np.append(np.ones(_BEFORE), [spike, *np.ones(count - 1)]))
    path = who.steps(lambda w: np.full_like(w, next(slopes)), np.zeros((1, 1)), who.rate, _BEFORE + count)
    places = np.array([w[0, 0] for w in path])[_BEFORE - 2 :]
    return np.asarray((places[1:] - places[1]) / (places[0] - places[1]))


@exam(
    _THEME, formula="1.1 (1-β₁)/√(1-β₂)/(1-β₁/√β₂) = 35 steps, Adam's at β₁ = .9, β₂ = .999",
    source="the geometric series of a spike's share in m over the root of its share in v",
)  # fmt: skip
def thrown_by_a_spike(who: Candidate) -> Trials:
    """Whether one gradient of -10⁶ among others of 1 throws it back by no more than 35 of its steps.

    A failure: a single bad example undoes a run, and clipping is not an option but a must.
    """
    return Trials(np.array([_after(who, -1e6, 100).max()]), high=1.1 * throw_of_adam(), lr=who.rate)


@exam(
    _THEME, formula="steps shorter than ½: at most G = 100; Adam has ln((1-β₂)(G²-1)/3)/(-ln β₂) = 1204",
    source="v = 1 + (1-β₂)(G²-1)β₂ᵏ after the spike, and a step is half as long where v = 4",
)  # fmt: skip
def stopped_by_a_spike(who: Candidate) -> Trials:
    """Whether after one gradient 100 times as large it makes full steps again within 100 steps.

    A failure: a long memory of squares divides by the spike long after it has passed.
    """
    lengths = np.abs(np.diff(_after(who, 100.0, 300)))[1:]
    return Trials(np.array([np.count_nonzero(~(lengths >= 0.5))], np.float64), high=100.0, lr=who.rate)


@exam(
    _THEME, formula="max w ≤ w₀ + lr; SGD is thrown by 10⁴ lr",
    source="Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks, section 2.3",
)  # fmt: skip
def thrown_by_a_cliff(who: Candidate) -> Trials:
    """Whether it comes to stand at the foot of a cliff, whose slope is 10⁴ times that of the way there.

    A failure: the one gradient on the cliff throws it out farther than where it began.
    """
    start = 64.0 * who.rate
    steps = who.steps(lambda w: np.where(w > 0.0, 1.0, -1e4), np.full((1, 1), start), who.rate, 400)
    path = np.array([w[0, 0] for w in steps])
    if (path > 0.0).all():
        raise RefusedError("400 steps under a gradient of 1 do not bring it to the cliff, 64 times its rate away")
    return Trials(np.array([path.max()]), high=start + who.rate, lr=who.rate)


@exam(_THEME, formula="|w_T| ≤ .1; SGD goes at most T lr 10⁻⁶ = .003, T = 200", source="w_0 - w_T ≤ lr Σ |g|")
def plateau(who: Candidate) -> Trials:
    """Whether it crosses a plateau of slope 10⁻⁶, two units wide, and ends in the bowl behind it.

    A failure: steps in proportion to the gradient take a million times as long where it is a millionth.
    """

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        slope = lambda w: np.where(np.abs(w) > 1.0, _FLAT * np.sign(w), w)  # noqa: E731
        return np.abs(who.end(slope, np.full((len(lr), 1), 3.0), lr, 200)[:, 0])

    who.reach(3.0, 200)
    return who.judged(score, high=0.1, trials=1)
