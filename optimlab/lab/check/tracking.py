"""Moving targets: the minimum of ½ (w - x)² walks, at random or straight ahead, or jumps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from optimlab.lab.check.candidate import Candidate, RefusedError
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.typing import Floats

__all__ = ["behind_a_ramp", "behind_a_walk", "jump", "ramp_square", "walk_square"]

_THEME = "moving targets"
_STEPS, _SIZE, _SLACK = 120, 64, 1.5
_WAY: Final = 200  # steps between two jumps
_LATE: Final = 60  # steps that are judged
_SPEED, _WALK = 0.05, 0.02


def ramp_square(lr: Any, speed: float, t: Any) -> Any:
    """(s (1 - qᵗ)/lr)² + lr (1 - q²ᵗ)/(2 - lr), q = 1 - lr: E (w - x)² of SGD behind a minimum that goes s a step.

    e ← q e - lr ξ - s, from 0 and with a noise of variance 1: its mean, the lag, and its variance add up.

    Examples
    --------
    >>> round(ramp_square(0.5, 0.1, 100), 4)
    0.3733
    """
    q = 1.0 - lr
    return (speed * (1.0 - q**t) / lr) ** 2 + lr * (1.0 - q ** (2 * t)) / (2.0 - lr)


def walk_square(lr: Any, variance: float, t: Any) -> Any:
    """(lr² + v)(1 - q²ᵗ)/(1 - q²), q = 1 - lr: E (w - x)² of SGD behind a minimum that walks, with variance v a step.

    e ← q e - lr ξ - η, from 0 and with a noise of variance 1. In the long run the best rate is Kalman's steady gain,
    and the square (v + √(v² + 4 v))/2: no linear rule can do better.

    Examples
    --------
    >>> walk_square(0.5, 0.5, 100)
    1.0
    """
    q = 1.0 - lr
    return (lr * lr + variance) * (1.0 - q ** (2 * t)) / (lr * (2.0 - lr))


def _behind(who: Candidate, moves: Callable[[np.random.Generator, int], Floats], square: Callable[..., Any]) -> Trials:
    """Compare the mean square distance from a moving minimum, over the last steps, with SGD's best."""

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        target, total = np.zeros((len(lr), _SIZE)), np.zeros(len(lr))
        steps = who.steps(lambda w: w - target + rng.standard_normal(w.shape), np.zeros_like(target), lr, _STEPS)
        for k, w in enumerate(steps):
            target += moves(rng, len(lr))
            total += ((w - target) ** 2).mean(axis=1) * (k >= _STEPS - _LATE)
        return total / _LATE

    rates = who.below(2.0)[:, np.newaxis]
    best = square(rates, t=np.arange(_STEPS - _LATE, _STEPS) + 1).mean(axis=1).min()
    return who.judged(score, high=_SLACK * float(best))


@exam(
    _THEME, formula="1.5 min over lr of E (w - x)² of SGD, (s/lr)² + lr/(2 - lr) in the long run, s = .05",
    source="the lag of an EMA behind a ramp, Brown 1963; the floor of SGD",
)  # fmt: skip
def behind_a_ramp(who: Candidate) -> Trials:
    """Whether it keeps as near as SGD at its best rate to a minimum that moves on steadily.

    A failure: it lags behind, or it is so fast that it follows the noise.
    """
    return _behind(who, lambda rng, n: np.full((n, _SIZE), _SPEED), partial(ramp_square, speed=_SPEED))


@exam(
    _THEME, formula="1.5 min over lr of E (w - x)² of SGD, in the long run at least (v + √(v² + 4v))/2, v = .02",
    source="Muth 1960, Optimal properties of exponentially weighted forecasts; the steady gain of Kalman 1960",
)  # fmt: skip
def behind_a_walk(who: Candidate) -> Trials:
    """Whether it keeps as near as SGD at its best rate, Kalman's gain, to a minimum that walks at random.

    A failure: it forgets too slowly, or weighs gradients by what they are not worth.
    """
    step = np.sqrt(_WALK)
    return _behind(who, lambda rng, n: step * rng.standard_normal((n, _SIZE)), partial(walk_square, variance=_WALK))


@exam(
    _THEME, formula="T₂ ≤ 2 T₁; of linear rules T₂ = T₁",
    source="a linear rule at rest has forgotten the past, and w - x is its first way once more",
)  # fmt: skip
def jump(who: Candidate) -> Trials:
    """Whether it finds a minimum that jumps after 200 steps in at most twice the time that it took at first.

    A failure: what it has seen before makes its steps too short, or so long that it swings about.
    """

    def times(lr: Floats) -> Floats:
        target = np.repeat([1.0, 2.0], _WAY)
        places = iter(target)
        path = who.steps(lambda w: w - next(places), np.zeros((len(lr), 1)), lr, 2 * _WAY)
        outside = ~(np.abs(np.array([w[:, 0].copy() for w in path]).T - target) <= 0.1)
        last = np.where(outside.reshape(-1, 2, _WAY), np.arange(1, _WAY + 1), 0).max(axis=2)
        return np.where(last < _WAY, last + 1.0, np.inf)

    who.reach(1.0, _WAY)
    rate = who.tuned(lambda lr, rng: times(lr)[:, 0], 1)
    first, second = times(np.array([rate]))[0]
    if np.isinf(first):
        raise RefusedError(f"it does not find the minimum in {_WAY} steps, before it has jumped")
    return Trials(np.array([second / first]), high=2.0, lr=rate)
