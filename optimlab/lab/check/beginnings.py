"""Single steps: which way, how long, and what the learning rate has to do with it."""

from __future__ import annotations

import numpy as np

from optimlab.lab.check.candidate import TRIALS, Candidate
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.typing import Floats

__all__ = ["certain_gradient", "downhill", "longest_step_first", "steady_gradient", "twice_the_rate"]

_THEME = "single steps"


def _lengths(who: Candidate, count: int) -> Floats:
    """Return the lengths of the steps under a constant gradient of 1."""
    path = [w[0, 0] for w in who.steps(np.ones_like, np.zeros((1, 1)), who.rate, count)]
    return np.abs(np.diff(path, prepend=0.0))


@exam(
    _THEME, formula="cosine of step and -g at least ½; that of signs is √(2/π) = .80",
    source="a direction of descent has a cosine above 0; E|x|/√E x² of a normal x is √(2/π)",
)  # fmt: skip
def downhill(who: Candidate) -> Trials:
    """Whether its first step goes down, at less than 60° to the negative gradient, of 64 normal numbers.

    A failure: it climbs, or goes about at random.
    """
    slope = who.rng().standard_normal((TRIALS, 64))
    w = who.end(lambda w: slope, np.zeros_like(slope), who.rate, 1)
    with np.errstate(invalid="ignore"):
        cosine = -(w * slope).sum(axis=1) / np.sqrt((w * w).sum(axis=1) * (slope * slope).sum(axis=1))
    return Trials(cosine, low=0.5, lr=who.rate)


@exam(
    _THEME, formula="largest of steps 1 to 10 ≤ 1.1 times step 1000, at g = 1",
    source="Kingma & Ba 2015, section 3: without the correction the first step is (1-β₁)/√(1-β₂) times as long as lr",
)  # fmt: skip
def longest_step_first(who: Candidate) -> Trials:
    """Whether none of its first ten steps is longer than later ones, where the gradient is the same all the time.

    A failure: averages that begin at 0 are not corrected, or all steps shrink, and the first are longer than meant.
    """
    lengths = _lengths(who, 1000)
    return Trials(np.array([lengths[:10].max() / lengths[-1]]), high=1.1, lr=who.rate)


@exam(
    _THEME, formula="largest step after the 100th ≤ 1.1 times step 100, at g = 1",
    source="of linear rules with β ≤ .97, (1 - β^t)/(1 - β^100) ≤ 1.05; of Adam m̂/√v̂ = 1 at all t",
)  # fmt: skip
def steady_gradient(who: Candidate) -> Trials:
    """Whether its steps stay as long as the hundredth, where the gradient is the same all the time.

    A failure: it takes a gradient that does not change for certain, and its steps grow without anything new seen.
    """
    lengths = _lengths(who, 400)
    return Trials(np.array([lengths[100:].max() / lengths[99]]), high=1.1, lr=who.rate)


@exam(
    _THEME, formula="way at σ = 0 over way at σ = 1 ≤ 2: linear rules 1, Adam √(1+σ²) = 1.41, signs 1/erf(√½) = 1.46",
    source="√E g² of g = 1 + ξ with a noise ξ of variance σ²; P(g > 0) - P(g < 0)",
)  # fmt: skip
def certain_gradient(who: Candidate) -> Trials:
    """Whether a gradient without noise moves it at most twice as fast as one with noise of its own size.

    A failure: it divides by a spread that may be nothing, and then by ε alone.
    """
    rng, sizes = who.rng(), np.append(0.0, np.ones(TRIALS))[:, np.newaxis]
    steps = who.steps(lambda w: 1.0 + sizes * rng.standard_normal(w.shape), np.zeros((TRIALS + 1, 64)), who.rate, 200)
    means = np.array([w.mean(axis=1) for w in steps])
    way = means[-1] - means[99]
    return Trials(way[0] / way[1:], high=2.0, lr=who.rate)


@exam(_THEME, formula="w₁(2 lr) / w₁(lr) = 2 up to rounding, w₀ = 0", source="w ← w - lr u")
def twice_the_rate(who: Candidate) -> Trials:
    """Whether its first step is twice as long at twice the learning rate, to twelve digits.

    A failure: what it is given is not its learning rate but a function of it, and schedules mean something else.
    """
    w = who.end(np.ones_like, np.zeros((2, 1)), [who.rate, 2.0 * who.rate], 1)
    return Trials(np.array([w[1, 0] / w[0, 0]]), low=2.0 - 1e-12, high=2.0 + 1e-12, lr=who.rate)
