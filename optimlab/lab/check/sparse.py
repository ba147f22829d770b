"""Sparse gradients: weights that are seen rarely, once, or not at all."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from optimlab.lab.check.candidate import Candidate
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.typing import Floats

__all__ = ["frozen_coordinates", "moves_after_zeros", "rare_features", "stops_with_its_gradient", "visited_square"]

_THEME = "sparse gradients"
_STEPS, _SIZE, _START = 128, 64, 10.0
_SHARES: Final = np.where(np.arange(_SIZE) % 2, 1.0 / 16.0, 1.0)


def visited_square(lr: Any, share: Any, *, start: float, steps: int) -> Any:
    """E wₜ₊₁² = (1 - p) E wₜ² + p ((1 - lr)² E wₜ² + lr²): of SGD where a share p of gradients w + ξ comes, E ξ² = 1.

    Examples
    --------
    >>> visited_square(1.0, np.array([1.0, 0.5]), start=2.0, steps=2)
    array([1.  , 1.75])
    """
    kept = 1.0 - np.asarray(share * lr * (2.0 - lr))
    powers = kept**steps
    with np.errstate(invalid="ignore", divide="ignore"):
        brought = share * lr * lr * np.where(kept == 1.0, steps, (1.0 - powers) / (1.0 - kept))
    return powers * start * start + brought


@exam(
    _THEME, formula="mean of w² / (min over lr of E w² of SGD, for each weight) ≤ 4, p = 1 and 1/16",
    source="Duchi, Hazan & Singer 2011, Adaptive subgradient methods; E w² by the recursion of visited_square",
)  # fmt: skip
def rare_features(who: Candidate) -> Trials:
    """Whether weights that have a gradient once in 16 steps come as low as others, at one rate for both.

    A failure: where the noise of the frequent ones asks for small steps, the rare ones do not get there.
    """
    with np.errstate(all="ignore"):
        squares = visited_square(who.reference[:, np.newaxis], _SHARES, start=_START, steps=_STEPS)
    best = np.nanmin(squares, axis=0)

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        def slope(w: Floats) -> Floats:
            return np.where(rng.random(w.shape) < _SHARES, w + rng.standard_normal(w.shape), 0.0)

        end = who.end(slope, np.full((len(lr), _SIZE), _START), lr, _STEPS)
        return np.asarray((end * end / best).mean(axis=1))

    return who.judged(score, high=4.0)


@exam(_THEME, formula="w₁₀ = 0, w₁₃ ≤ -2⁻³⁰ lr", source="u = 0 where all gradients were 0, and 0/0 is no number")
def moves_after_zeros(who: Candidate) -> Trials:
    """Whether it stands at 0 while all gradients are 0, and moves when the first one comes.

    A failure: it divides zero by zero, or moves on its own.
    """
    slopes = iter([0.0] * 10 + [1.0] * 3)
    path = [w[0, 0] for w in who.steps(lambda w: np.full_like(w, next(slopes)), np.zeros((1, 1)), who.rate, 13)]
    moved = -path[-1] / who.rate if not np.any(path[:10]) else np.nan
    return Trials(np.array([moved]), low=2.0**-30, lr=who.rate)


@exam(_THEME, trait=True, formula="w_T = w₀ where g = 0 always", source="w ← w - lr u, u(0) = 0")
def frozen_coordinates(who: Candidate) -> Trials:
    """Whether weights that never have a gradient stay where they are, to the last bit.

    If not: decay shrinks them, or what is done to others is done to them.
    """
    rng, seen = who.rng(), np.arange(16) % 2
    w = who.end(lambda w: seen * rng.standard_normal(w.shape), np.ones((1, 16)), who.rate, 100)
    return Trials(np.array([np.abs(w[0, seen == 0] - 1.0).max()]), high=0.0, lr=who.rate)


@exam(
    _THEME, trait=True, formula="Σ|Δw| ≤ 1.5 |Δw₁|; of momentum Σ βᵏ = 1/(1-β)",
    source="the impulse response of an EMA, (1-β)βᵏ",
)  # fmt: skip
def stops_with_its_gradient(who: Candidate) -> Trials:
    """Whether it stops where gradients stop, and does not go on by more than half of its last step.

    If not: a single gradient moves rarely seen weights for many steps, while nothing is known of them.
    """
    slopes = iter(np.eye(1, 300)[0])
    path = [w[0, 0] for w in who.steps(lambda w: np.full_like(w, next(slopes)), np.zeros((1, 1)), who.rate, 300)]
    lengths = np.abs(np.diff(path, prepend=0.0))
    return Trials(np.array([lengths.sum() / lengths[0]]), high=1.5, lr=who.rate)
