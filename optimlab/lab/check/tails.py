"""Heavy tails: noise whose mean is no good guide, from Cauchy's law to outliers; and noise that is not symmetric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from optimlab.lab.check.candidate import Candidate
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import LinearRule, transient
from optimlab.typing import Floats

__all__ = ["cauchy_noise", "linear_cauchy_median", "rare_large_gradients", "rare_outliers", "skewed_noise"]

_THEME = "heavy tails"
_STEPS, _SIZE = 128, 64
_START: Final = 1.5
_OUTLIERS: Final = 0.01  # their share; they are 100 times as large
_SKEW: Final = 1.0 - np.log(2.0)  # mean less median of an exponential law
_PERIOD, _LARGE = 32, 40.0

Noise = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def linear_cauchy_median(start: float) -> float:
    """w₀/√(1 + w₀²): the least median of |w| that any linear rule has on ½ w² with Cauchy noise, at any rate and time.

    It ends at q w₀ + Σ aₜ ξₜ with Σ aₜ = q - 1, a Cauchy law of scale at least 1 - q; the median of |w| is √(q² w₀² +
    (1 - q)²), least at q = 1/(1 + w₀²).

    Examples
    --------
    >>> round(linear_cauchy_median(1.5), 4)
    0.8321
    """
    return float(start / np.sqrt(1.0 + start * start))


def _path(who: Candidate, lr: Floats, noise: Callable[[tuple[int, ...]], Floats]) -> list[Floats]:
    """Return the last half of a descent of ½ w²."""
    who.reach(_START, _STEPS)
    w = np.full((len(lr), _SIZE), _START)
    steps = who.steps(lambda w: w + noise(w.shape), w, lr, _STEPS)
    return [now.copy() for k, now in enumerate(steps) if 2 * k >= _STEPS]


@exam(
    _THEME, formula="½ w₀/√(1 + w₀²), half of the least median of |w| of any linear rule; w₀ = 1.5",
    source="the Cauchy law is stable: weights that sum to a give it the scale a, however many they are",
)  # fmt: skip
def cauchy_noise(who: Candidate) -> Trials:
    """Whether it averages noise out that has no mean, Cauchy's: to half of the best of SGD and of momentum.

    A failure: a mean of a thousand such gradients is as bad as one; signs, clips and divisors are not.
    """

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        return np.asarray(np.median(np.abs(_path(who, lr, rng.standard_cauchy)[-1]), axis=1))

    return who.judged(score, high=0.5 * linear_cauchy_median(_START))


@exam(
    _THEME, formula="½ min over lr of E w² of SGD with noise c = .99 + .01 · 100², T = 128",
    source="Huber 1964, Robust estimation of a location parameter: the contaminated normal law",
)  # fmt: skip
def rare_outliers(who: Candidate) -> Trials:
    """Whether it ends at half of SGD's loss, where one gradient in a hundred has noise 100 times as large.

    A failure: the rare ones set the floor, and what the others say is not used.
    """

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        def noise(shape: tuple[int, ...]) -> Floats:
            return rng.standard_normal(shape) * np.where(rng.random(shape) < _OUTLIERS, 100.0, 1.0)

        return np.asarray((_path(who, lr, noise)[-1] ** 2).mean(axis=1))

    variance = 1.0 - _OUTLIERS + _OUTLIERS * 100.0**2
    rates = np.tile(who.reference, (_STEPS, 1))
    best = np.nanmin(transient(LinearRule(), rates, 1.0, noise=variance, start=_START).square[-1])
    return who.judged(score, high=0.5 * float(best))


@exam(
    _THEME, formula="|mean of w| ≤ ½ (1 - ln 2); signs end at w = 1 - ln 2, where E sign(w + ξ) = 0",
    source="Balles & Hennig 2018, Dissecting Adam; Karimireddy et al. 2019, Error feedback fixes SignSGD, section 3",
)  # fmt: skip
def skewed_noise(who: Candidate) -> Trials:
    """Whether it ends at the minimum of the mean loss, where the noise is exponential: mean 0, median below.

    A failure: it goes where half of the gradients point, and that is another place.
    """

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        path = _path(who, lr, lambda shape: rng.standard_exponential(shape) - 1.0)
        return np.asarray(np.abs(np.mean(path, axis=(0, 2))))

    return who.judged(score, high=0.5 * _SKEW)


@exam(
    _THEME, formula="(w₀ - w_T)/Σ|Δw| ≥ ½ (C - (N-1))/(C + N-1), half of SGD's, N = 32, C = 40",
    source="Reddi, Kale & Kumar 2018, On the convergence of Adam and beyond, theorem 2: C once, then N - 1 times -1",
)  # fmt: skip
def rare_large_gradients(who: Candidate) -> Trials:
    """Whether it goes down where one gradient in 32 points there, so large that it outweighs the 31 others.

    A failure: a divisor with a short memory, or a sign, takes its weight from the large one, and it climbs.
    """
    slopes = iter(np.where(np.arange(40 * _PERIOD) % _PERIOD, -1.0, _LARGE))
    path = [
        w[0, 0] for w in who.steps(lambda w: np.full_like(w, next(slopes)), np.zeros((1, 1)), who.rate, 40 * _PERIOD)
    ]
    share = -path[-1] / np.abs(np.diff(path, prepend=0.0)).sum()
    sgd = (_LARGE - (_PERIOD - 1)) / (_LARGE + _PERIOD - 1)
    return Trials(np.array([share]), low=0.5 * sgd, lr=who.rate)
