"""Symmetries: names, signs and origins of weights that a path should not know of; and gradients that are rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from optimlab.lab.check.candidate import Candidate
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.typing import Floats

__all__ = ["mirrored", "moved_to_another_origin", "rounded_gradients", "weights_in_another_order"]

_THEME, _COARSE = "symmetries", "resolution"
_SIZE: Final = 16
_ROUNDING: Final = 1e-9
_UNIT: Final = 0.25

Map = Callable[[Floats], Floats]


def _same(who: Candidate, there: Map, back: Map, slope_there: Map) -> Trials:
    """Compare a noisy descent with the one in other coordinates."""
    h, start = np.geomspace(0.1, 1.0, _SIZE), who.rng().standard_normal((1, _SIZE))

    def end(there: Map, back: Map, slope_there: Map) -> Floats:
        rng = who.rng()
        slope: Map = lambda w: slope_there(h * back(w) + rng.standard_normal(w.shape))  # noqa: E731
        return back(who.end(slope, there(start).copy(), who.rate, 60))

    plain = end(np.asarray, np.asarray, np.asarray)
    apart = np.abs(plain - end(there, back, slope_there)).max() / np.abs(plain).max()
    return Trials(np.array([apart]), high=_ROUNDING, lr=who.rate)


@exam(_THEME, formula="w(P g) = P w(g) up to rounding, P a permutation", source="weights have no names")
def weights_in_another_order(who: Candidate) -> Trials:
    """Whether its path is the same where the weights stand in another order.

    A failure: the place of a weight in its array counts.
    """
    order = who.rng(2).permutation(_SIZE)
    moved: Map = lambda w: w[:, order]  # noqa: E731
    return _same(who, moved, lambda w: w[:, np.argsort(order)], moved)


@exam(_THEME, formula="w(D g) = D w(g) up to rounding, D of ±1 on the diagonal", source="weights have no signs")
def mirrored(who: Candidate) -> Trials:
    """Whether its path is mirrored where the signs of some weights are turned round.

    A failure: up and down are not treated alike.
    """
    signs = who.rng(2).choice([-1.0, 1.0], _SIZE)
    turned: Map = lambda w: signs * w  # noqa: E731
    return _same(who, turned, turned, turned)


@exam(_THEME, trait=True, formula="w(g, w₀ + 64) = w(g, w₀) + 64 up to rounding", source="w ← w - lr u(g)")
def moved_to_another_origin(who: Candidate) -> Trials:
    """Whether its path is the same where all weights are 64 larger, and the loss with them.

    If not: it knows where 0 is, as decay does and what goes by the size of weights.
    """
    return _same(who, lambda w: w + 64.0, lambda w: w - 64.0, np.asarray)


@exam(
    _COARSE, formula="max |w_T| ≤ u/2 = ⅛, where the rounded gradient is 0",
    source="round(w/u) = 0 where |w| < u/2: what a gradient of few bits can tell",
)  # fmt: skip
def rounded_gradients(who: Candidate) -> Trials:
    """Whether it ends where gradients that are rounded to multiples of ¼ are 0, and stays there.

    A failure: it does not come to rest though nothing moves it any more, or swings past.
    """

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        w = rng.uniform(1.0, 3.0, (len(lr), _SIZE))
        return np.asarray(np.abs(who.end(lambda w: np.round(w / _UNIT) * _UNIT, w, lr, 160)).max(axis=1))

    who.reach(3.0, 160)
    return who.judged(score, high=_UNIT / 2.0)
