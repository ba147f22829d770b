"""Batches: what a larger one is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.check.candidate import Candidate, Score
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import LinearRule, transient
from optimlab.typing import Floats

__all__ = ["a_sixteenth_of_the_steps", "best_square"]

_SIZE, _START, _NOISE = 64, 3.0, 16.0


def best_square(rates: Any, steps: int, noise: float) -> float:
    """min over the rates of E w² of SGD on ½ w² after so many steps with a noise of this variance.

    Examples
    --------
    >>> round(best_square(np.array([0.5, 1.0]), 1, 0.0), 12)
    0.0
    """
    return float(
        np.nanmin(transient(LinearRule(), np.tile(rates, (steps, 1)), 1.0, noise=noise, start=_START).square[-1])
    )


def _score(who: Candidate, steps: int, noise: float) -> Score:
    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        w = np.full((len(lr), _SIZE), _START)
        end = who.end(lambda w: w + np.sqrt(noise) * rng.standard_normal(w.shape), w, lr, steps)
        return np.asarray((end * end).mean(axis=1))

    return score


@exam(
    "batches", formula="1.5 min over lr of E w² of SGD after T/16 = 16 steps with noise c/16 = 1",
    source="Goyal et al. 2017, the linear scaling rule; Shallue et al. 2019, Measuring the effects of data parallelism",
)  # fmt: skip
def a_sixteenth_of_the_steps(who: Candidate) -> Trials:
    """Whether 16 steps with batches 16 times as large bring it as low as they bring SGD, each at its best rate.

    A failure: it needs many steps, whatever a gradient is worth, and larger batches do not save time.
    """
    return who.judged(_score(who, 16, _NOISE / 16.0), high=1.5 * best_square(who.reference, 16, _NOISE / 16.0))
