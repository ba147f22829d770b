"""Noise floors: what is left of the loss Σ ½ h w² where the gradient h w is seen with noise of variance c."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.check.candidate import Candidate, Score
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import LinearRule, averaged_square, sgd_variance, transient
from optimlab.typing import Floats

__all__ = [
    "far_from_the_floor", "floor_in_proportion_to_noise", "mean_of_iterates", "near_the_floor", "noise_like_curvature",
    "noise_of_two_sizes",
]  # fmt: skip

_THEME = "noise floors"
_MODEL = "Zhang et al. 2019, Which Algorithmic Choices Matter at Which Batch Sizes?, the noisy quadratic model"
_STEPS, _SIZE, _TAIL = 300, 128, 200
_SLACK = 1.5  # four standard deviations of a mean of 128 squares
_SPECTRUM = np.resize(np.geomspace(0.1, 10.0, 16), _SIZE)
_SIZES = np.resize([1.0, 900.0], _SIZE)


def _noisy(curvature: Any, noise: Any, rng: np.random.Generator, at: Any = 0.0) -> Any:
    """Return the gradient of ½ h (w - at)² with noise."""
    return lambda w: curvature * (w - at) + np.sqrt(noise) * rng.standard_normal(w.shape)


def _weighted(who: Candidate, curvature: Any, noise: Any, *, start: float, units: Any) -> Score:
    """Return the mean of w²/units after the last step, w from the minimum, which is N(0, start²) away at first."""

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        at = start * rng.standard_normal((len(lr), _SIZE))
        off = who.end(_noisy(curvature, noise, rng, at), np.zeros_like(at), lr, _STEPS) - at
        return np.asarray((off * off / units).mean(axis=1))

    return score


def _squares(who: Candidate, curvature: Any, noise: Any, start: float) -> Floats:
    """Return E w² of SGD at each rate of the reference, shape (rates, 1), or of each coordinate too."""
    kinds, kind = np.unique(np.stack(np.broadcast_arrays(curvature, noise), axis=-1), axis=-2, return_inverse=True)
    rates = np.tile(who.reference[:, np.newaxis], (_STEPS, 1, 1))
    found = transient(LinearRule(), rates, kinds[:, 0], noise=kinds[:, 1], start=start).square[-1]
    return np.where(np.isnan(found), np.inf, found)[:, kind.ravel()]


def _as_low_as_sgd(who: Candidate, curvature: Any, noise: Any, start: float) -> Trials:
    """Compare the loss with SGD's at the one rate that is best for all coordinates."""
    best = (curvature * _squares(who, curvature, noise, start)).mean(axis=1).min()
    return who.judged(_weighted(who, curvature, noise, start=start, units=1.0 / curvature), high=_SLACK * best)


@exam(_THEME, formula="1.5 min over lr of E ½ h w² of SGD after T = 300 steps", source=_MODEL)
def near_the_floor(who: Candidate) -> Trials:
    """Whether it ends as low as SGD at its best constant rate, from a start as near as the noise of one gradient.

    A failure: its steps bring more noise than progress, as those that have one size whatever the gradient.
    """
    return _as_low_as_sgd(who, np.ones(1), 1.0, 1.0)


@exam(_THEME, formula="1.5 min over lr of E ½ h w² of SGD after T = 300 steps", source=_MODEL)
def far_from_the_floor(who: Candidate) -> Trials:
    """Whether it ends as low as SGD at its best constant rate, from a start 30 times as far as a gradient's noise.

    A failure: the rate that is fast enough for the way leaves too much noise at its end.
    """
    return _as_low_as_sgd(who, np.ones(1), 1.0, 30.0)


@exam(_THEME, formula="1.5 min over lr of Σ E ½ h w² of SGD after T = 300 steps, c = h", source=_MODEL)
def noise_like_curvature(who: Candidate) -> Trials:
    """Whether it ends as low as SGD at its best constant rate, where noise and curvature go together, h from .1 to 10.

    A failure: it does not bring steep and flat directions down together, as mini-batches ask for.
    """
    return _as_low_as_sgd(who, _SPECTRUM, _SPECTRUM, 3.0)


@exam(_THEME, formula="mean of w² / (min over lr of E w² of SGD, in each coordinate) ≤ 2", source=_MODEL)
def noise_of_two_sizes(who: Candidate) -> Trials:
    """Whether it is as low as SGD with a best rate for each coordinate, half of which see noise 30 times as large.

    A failure: one rate for all, which the noisy coordinates want small and the others large.
    """
    best = _squares(who, 1.0, _SIZES, 1.0).min(axis=0)
    return who.judged(_weighted(who, 1.0, _SIZES, start=1.0, units=best), high=2.0)


@exam(
    _THEME, formula="1.3 min over lr of E (Σ w / K)² of SGD, near c/(h² K), K = 200",
    source="Polyak & Juditsky 1992; for signs the efficiency 2/π of a median",
)  # fmt: skip
def mean_of_iterates(who: Candidate) -> Trials:
    """Whether the mean of its last 200 iterates is as good as that of SGD, which uses each gradient fully.

    A failure: it throws information away; signs lose a factor of π/2.
    """
    weights = np.repeat([0.0, 1.0 / _TAIL], [_STEPS - _TAIL, _TAIL])

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        at = rng.standard_normal((len(lr), 2 * _SIZE))
        steps = who.steps(_noisy(1.0, 1.0, rng, at), np.zeros_like(at), lr, _STEPS)
        mean = sum(weight * now for weight, now in zip(weights, steps, strict=True)) - at
        return np.asarray((mean * mean).mean(axis=1))

    rates = np.tile(who.reference, (_STEPS, 1))
    squares = averaged_square(np.tile(weights[:, np.newaxis], len(who.reference)), rates, 1.0)
    return who.judged(score, high=1.3 * squares.min())


@exam(
    _THEME, trait=True, formula="E w² at 16 c over E w² at c: 16 within a factor of 2",
    source="E w² = lr c / (h (2 - lr h)) of SGD; of adaptive rules Malladi et al. 2022, the square root scaling rule",
)  # fmt: skip
def floor_in_proportion_to_noise(who: Candidate) -> Trials:
    """Whether 16 times the noise leaves 16 times the loss at the same rate, as with a batch a sixteenth as large.

    If not: it divides by the size of the noise, and the loss goes as its root; a larger batch asks for another rate.
    """
    h = 0.1 / who.rate
    noise = np.where(np.arange(_SIZE) % 2, 16.0, 1.0)

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        steps = who.steps(_noisy(h, noise, rng), np.zeros((len(lr), _SIZE)), lr, _STEPS)
        loss = sum((w * w for k, w in enumerate(steps) if k >= _STEPS - _TAIL), start=np.zeros(1))
        return np.asarray(loss[:, 1::2].mean(axis=1) / loss[:, ::2].mean(axis=1))

    ratio = float(sgd_variance(who.rate, h, noise=16.0) / sgd_variance(who.rate, h))
    return who.judged(score, low=ratio / 2.0, high=ratio * 2.0, lr=who.rate)
