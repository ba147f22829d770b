"""Moving targets: the minimum of ½ (w - x)² walks, at random or straight ahead, or jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from optimlab.lab.check.candidate import Candidate
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.typing import Floats

__all__ = ["behind_a_ramp", "behind_a_walk", "jump", "ramp_square", "walk_square"]

_THEME = "moving targets"
_STEPS, _SIZE, _SLACK = 120, 64, 1.5
_WAY: Final = 200  # steps between two jumps
_LATE: Final = 60  # steps that are judged
_SPEED, _WALK = 0.05, 0.02


def ramp_square(lr: Any, speed: float) -> Any:
    """(s/lr)² + lr/(2 - lr): E (w - x)² of SGD where the minimum goes s a step; gradients have noise of variance 1.

    e ← (1 - lr) e - lr ξ - s has the mean -s/lr, the lag; its variance is SGD's floor. Infinite where it is unstable.

    Examples
    --------
    >>> ramp_square(np.array([0.5, 2.0]), 0.1).round(4)
    array([0.3733,    inf])
    """
    return _stable(lr, speed * speed / (lr * lr) + lr / np.abs(2.0 - lr))


def walk_square(lr: Any, variance: float) -> Any:
    """(lr² + q)/(lr (2 - lr)): E (w - x)² of SGD where the minimum walks with steps of variance q, the noise's is 1.

    At the best rate, Kalman's steady gain, it is (q + √(q² + 4 q))/2: no linear rule can do better.

    Examples
    --------
    >>> float(walk_square(0.5, 0.5))
    1.0
    """
    return _stable(lr, (lr * lr + variance) / (lr * np.abs(2.0 - lr)))


def _stable(lr: Any, square: Any) -> Any:
    return np.where(lr < 2.0, square, np.inf)


def _behind(who: Candidate, moves: Callable[[np.random.Generator, int], Floats], square: Any) -> Trials:
    """Compare the mean square distance from a moving minimum with SGD's best."""

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        target, total = np.zeros((len(lr), _SIZE)), np.zeros(len(lr))
        steps = who.steps(lambda w: w - target + rng.standard_normal(w.shape), np.zeros_like(target), lr, _STEPS)
        for k, w in enumerate(steps):
            target += moves(rng, len(lr))
            total += ((w - target) ** 2).mean(axis=1) * (k >= _STEPS - _LATE)
        return total / _LATE

    return who.judged(score, high=_SLACK * float(np.min(square)))


@exam(
    _THEME, formula=r"1.5\,\min_{lr} \big((s/lr)^2 + lr/(2-lr)\big),\ s = .05",
    source="the lag of an EMA behind a ramp, Brown 1963; the floor of SGD",
)  # fmt: skip
def behind_a_ramp(who: Candidate) -> Trials:
    """Whether it keeps as near as SGD at its best rate to a minimum that moves on steadily.

    A failure: it lags behind, or it is so fast that it follows the noise.
    """
    with np.errstate(divide="ignore"):
        return _behind(who, lambda rng, n: np.full((n, _SIZE), _SPEED), ramp_square(who.reference, _SPEED))


@exam(
    _THEME, formula=r"1.5\,\min_{lr} \frac{lr^2 + q}{lr(2-lr)} \ge 1.5\,\tfrac12(q + \sqrt{q^2 + 4q}),\ q = .02",
    source="Muth 1960, Optimal properties of exponentially weighted forecasts; the steady gain of Kalman 1960",
)  # fmt: skip
def behind_a_walk(who: Candidate) -> Trials:
    """Whether it keeps as near as SGD at its best rate, Kalman's gain, to a minimum that walks at random.

    A failure: it forgets too slowly, or weighs gradients by what they are not worth.
    """
    with np.errstate(divide="ignore"):
        square = walk_square(who.reference, _WALK)
    return _behind(who, lambda rng, n: np.sqrt(_WALK) * rng.standard_normal((n, _SIZE)), square)


@exam(
    _THEME, formula=r"T_2 \le 2\,T_1; \text{ of linear rules } T_2 = T_1",
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
        outside = np.abs(np.array([w[:, 0].copy() for w in path]).T - target) > 0.1
        last = np.where(outside.reshape(-1, 2, _WAY), np.arange(1, _WAY + 1), 0).max(axis=2)
        return np.where(last < _WAY, last + 1.0, np.inf)

    who.reach(1.0, _WAY)
    rate = who.tuned(lambda lr, rng: times(lr)[:, 0], 1)
    first, second = times(np.array([rate]))[0]
    return Trials(np.array([second / first]), high=2.0, lr=rate)
