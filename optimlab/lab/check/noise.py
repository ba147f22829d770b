"""Noise floors: what is left of the loss where gradients are noisy, ½ h w² in each coordinate, noise of variance c."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.check.candidate import Candidate, Score
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import LinearRule, transient
from optimlab.typing import Floats

__all__ = ["far_from_the_floor", "near_the_floor"]

_THEME = "noise floors"
_STEPS, _SIZE = 300, 64  # 64 equal coordinates: a trial's mean square is within 18 % of its expectation
_SLACK = 1.5  # nearly three of these standard deviations


def _final_loss(who: Candidate, curvature: Any, noise: Any, start: float) -> Score:
    """Return the loss Σ ½ h w² after the last step, from starts of standard deviation ``start``."""

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        def gradient(w: Floats) -> Floats:
            return curvature * w + np.sqrt(noise) * rng.standard_normal(w.shape)

        w = who.end(gradient, start * rng.standard_normal((len(lr), _SIZE)), lr, _STEPS)
        return np.asarray((curvature * w * w).sum(axis=1) / 2.0)

    return score


def _sgd(who: Candidate, curvature: Any, noise: Any, start: float) -> Floats:
    """Return the expected loss of SGD at each rate of the reference and each coordinate."""
    rates = np.tile(who.reference[:, np.newaxis], (_STEPS, 1, 1))
    squares = transient(LinearRule(), rates, curvature, noise=noise, start=start).square[-1]
    return np.broadcast_to(curvature * squares / 2.0, (len(who.reference), _SIZE))


@exam(_THEME, formula=r"1.5 \min_{lr} \tfrac h2 E w_T^2", source="Zhang et al. 2019, noisy quadratic model")
def near_the_floor(who: Candidate) -> Trials:
    """Whether it ends as low as SGD at its best constant rate, from a start as near as the noise of one gradient.

    A failure: its steps add more noise than they take away.
    """
    return who.judged(_final_loss(who, 1.0, 1.0, 1.0), high=_SLACK * _sgd(who, 1.0, 1.0, 1.0).sum(axis=1).min())


@exam(_THEME, formula=r"1.5 \min_{lr} \tfrac h2 E w_T^2", source="Zhang et al. 2019, noisy quadratic model")
def far_from_the_floor(who: Candidate) -> Trials:
    """Whether it ends as low as SGD at its best constant rate, from a start 30 times as far as the noise of a gradient.

    A failure: a rate that is fast enough for the way leaves too much noise at its end, as of steps of bounded size.
    """
    return who.judged(_final_loss(who, 1.0, 1.0, 30.0), high=_SLACK * _sgd(who, 1.0, 1.0, 30.0).sum(axis=1).min())
