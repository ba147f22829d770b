"""Escape times: how long a saddle holds an optimizer, beside a bowl that rules out rates that are too large.

Everywhere the last coordinate is the bowl's, from z = 1: a run has left the saddle only if |z| ≤ 1 throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optimlab.lab.check.candidate import Candidate, RefusedError, Score
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.problems import MonkeySaddle, SaddleChain
from optimlab.lab.theory import LinearRule, monkey_escape, noise_escape_mean, noise_escape_sd
from optimlab.typing import Floats, Marks

__all__ = ["chain_of_saddles", "distance_does_not_matter", "monkey_saddle", "passages", "saddle", "saddle_by_noise"]

_THEME = "escape times"
_LONGER = 2  # runs last so many times as long as allowed: a margin is seen up to there
_MOST = 10_000  # steps, about a second
_NEAR = 1e-6
_SADDLE = np.array([-1.0, 1.0])


def passages(
    who: Candidate, gradient: Callable[[Any], Any], w: Floats, lr: Any, *, left: Callable[[Floats], Marks], count: int
) -> Floats:
    """Return the first step after which the saddle is left, inf where it is not, or where |z| has been above 1.

    Raises
    ------
    RefusedError
        If the count is above 10,000, and so many are too few to see: the rates are too small.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> sgd, start = Candidate(contestants("sgd")["SGD"]), np.array([[0.1, 1.0]])
    >>> passages(sgd, lambda w: w * [-1.0, 1.0], start, 1.0, left=lambda w: abs(w[:, 0]) >= 1.0, count=9)
    array([4.])
    """
    found: Floats = np.full(len(w), np.inf)
    inside = np.ones(len(w), np.bool_)
    for t, now in enumerate(who.steps(gradient, w, lr, min(count, _MOST)), 1):
        inside &= np.abs(now[:, -1]) <= 1.0 + 1e-12
        found[np.isinf(found) & inside & left(now)] = t
        if (np.isfinite(found) | ~inside).all():
            return found
    if count > _MOST:
        raise RefusedError(f"its rate is so small that {_MOST} steps are too few to see")
    return found


def _stable(who: Candidate) -> Floats:
    """Return the rates of the reference at which gradient descent stays in the bowl."""
    return who.below(float(LinearRule().limit))


def _out(w: Floats) -> Marks:
    return np.asarray(np.abs(w[:, 0]) >= 1.0)


def _score(who: Candidate, gradient: Callable[[Any], Any], start: Any, allowed: float) -> Score:
    """Return the first steps out of a saddle in which nothing is random."""

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        w = np.tile(np.asarray(start), (len(lr), 1))
        return passages(who, gradient, w, lr, left=_out, count=_LONGER * int(allowed))

    return score


@exam(
    _THEME, formula="min over lr of ln(1/ε) / ln(1 + lr h), rounded up; ε = 1e-6",
    source="one mode of gradient descent that grows",
)  # fmt: skip
def saddle(who: Candidate) -> Trials:
    """Whether it leaves a saddle from 1e-6 beside its ridge in as few steps as gradient descent.

    A failure: it creeps where the gradient is small.
    """
    allowed = float(np.ceil(LinearRule().mode(-_stable(who)).escape(_NEAR).min()))
    return who.judged(_score(who, lambda w: _SADDLE * w, (_NEAR, 1.0), allowed), high=allowed, trials=1)


@exam(
    _THEME, share=0.75, formula="min over lr of E T + 2 sd T, E T = [ln(1/q) + (γ + ln 2)/2]/ln λ, sd T = π/(√8 ln λ)",
    source="yₜ → λᵗ q Z with Z ~ N(0, 1); 95 % of gradient descent's runs",
)  # fmt: skip
def saddle_by_noise(who: Candidate) -> Trials:
    """Whether noise of 1e-4 takes it off a saddle, from the ridge itself, as soon as it takes gradient descent.

    A failure: it averages away the noise that it needs here.
    """
    rates, sd = _stable(who), 1e-4
    allowed = float((noise_escape_mean(sd, rates, curvature=1.0) + 2.0 * noise_escape_sd(rates, curvature=1.0)).min())

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        w = np.tile([0.0, 0.5], (len(lr), 1))
        noisy = lambda w: _SADDLE * w + sd * rng.standard_normal(w.shape)  # noqa: E731
        return passages(who, noisy, w, lr, left=_out, count=_LONGER * int(allowed))

    return who.judged(score, high=np.ceil(allowed), lr=who.tuned(score))  # what stands still does not pass


@exam(
    _THEME, formula="min over lr of (1/ε - 1)/(3 lr) + ln(1/ε), rounded up; ε = .01",
    source="1/u falls by 3 lr a step; Hilbert & Cohn-Vossen 1932",
)  # fmt: skip
def monkey_saddle(who: Candidate) -> Trials:
    """Whether it leaves a monkey saddle, where all curvatures are 0, in as few steps as gradient descent.

    A failure: it creeps where gradient and curvature are small.
    """
    eps = 0.01
    allowed = float(np.ceil(monkey_escape(eps, _stable(who)).min()))
    gradient = lambda w: np.column_stack([MonkeySaddle().gradient(w[:, :2]), w[:, 2]])  # noqa: E731
    return who.judged(_score(who, gradient, (-eps, 0.0, 1.0), allowed), high=allowed, trials=1)


@exam(
    _THEME, trait=True, formula="½ of ln(ε₁/ε₂) / ln(1 + lr h), what it costs gradient descent",
    source="one mode of gradient descent that grows; steps of one size need none",
)  # fmt: skip
def distance_does_not_matter(who: Candidate) -> Trials:
    """Whether a start nearer to the ridge, by 1e-4, costs it less than half of the steps that gradient descent pays.

    If not: each step is a share of the distance, and it takes one more for each such share.
    """
    h, starts = 0.25 / who.rate, np.array([[1e-8, 1.0], [1e-4, 1.0]])
    far, near = LinearRule().mode(-0.25).escape(starts[:, 0])
    count = int(_LONGER * max(far, 2.0 / who.rate))
    found = passages(who, lambda w: h * _SADDLE * w, starts, who.rate, left=_out, count=count)
    more = np.subtract(*found) if np.isfinite(found).all() else np.inf
    return Trials(np.array([more / (far - near)]), high=0.5, lr=who.rate)


@exam(
    _THEME, formula="min over lr of T₄; Tₖ = Tₖ₋₁ + (1 - ln max(|wₖ|, .01)) / ln(1 + 2 lr g), rounded up",
    source="Du et al. 2017, Gradient descent can take exponential time to escape saddle points, with noise of .01",
)  # fmt: skip
def chain_of_saddles(who: Candidate) -> Trials:
    """Whether it leaves four saddles in a row as soon as gradient descent with noise, though it sees none.

    A failure: each saddle takes a multiple of the time of the one before, exponentially more in the end.
    """
    chain = SaddleChain(4)
    bowl = 4.0 * chain.contraction  # so steep that gradient descent stays in it below 1/(2L), where coordinates shrink
    rates = who.below(float(LinearRule().limit) / bowl)
    allowed = float(min(chain.escapes(chain.start, lr, floor=0.01)[-1] for lr in rates))

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        w = np.tile(np.append(chain.start, 1.0), (len(lr), 1))
        gradient = lambda w: np.column_stack([chain.gradient(w[:, :-1]), bowl * w[:, -1]])  # noqa: E731
        left = lambda w: (np.abs(w[:, :-1]) >= chain.radius).all(axis=1)  # noqa: E731
        return passages(who, gradient, w, lr, left=left, count=_LONGER * int(allowed))

    return who.judged(score, high=allowed, trials=1)
