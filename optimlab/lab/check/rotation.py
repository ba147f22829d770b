"""Rotation: whether it matters to an optimizer how the loss lies in the coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.lab.check.candidate import TRIALS, Candidate, Score
from optimlab.lab.check.conditioning import rate_of_descent
from optimlab.lab.check.escapes import passages
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.lab.theory import LinearRule, heavy_ball_error
from optimlab.typing import Floats

__all__ = ["as_fast_as_momentum", "rotated_ravine", "rotated_saddle", "rotation_costs_nothing", "the_same_path_rotated"]

_THEME = "rotation"
_STEPS, _SIZE = 200, 6
_CURVATURES = np.geomspace(2.0 / 101.0, 200.0 / 101.0, _SIZE)  # condition 100; the best rate of gradient descent is 1
_MOMENTUM = np.geomspace(1.0, 38.0**2, _SIZE) * (4.0 / 39.0) ** 2  # the heavy ball's best is β = .9, nearly, lr = 1/4
_LEAST = 1e-12  # nearer than that is as near
_TURN = np.sqrt(0.5) * np.array([[1.0, 1.0], [-1.0, 1.0]])  # by 45°


def _rotations(count: int, rng: np.random.Generator) -> Floats:
    """Return random orthogonal matrices."""
    q, r = np.linalg.qr(rng.standard_normal((count, _SIZE, _SIZE)))
    return np.asarray(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, np.newaxis])


def _turned(q: Floats, curvatures: Any) -> Any:
    """Return the gradient of ½ Σ h (Qᵀw)², one Q for each replica."""
    return lambda w: np.einsum("sij,sj->si", q, curvatures * np.einsum("sij,si->sj", q, w))


def _rotated(who: Candidate, curvatures: Floats) -> Score:
    """Return ‖w_T - w*‖/‖w*‖ in random directions, from w₀ = 0, for minima w* in random places."""
    return lambda lr, rng: _distances(
        who, curvatures, lr, rng.standard_normal((len(lr), _SIZE)), _rotations(len(lr), rng)
    )


def _distances(who: Candidate, curvatures: Floats, lr: Floats, at: Floats, q: Floats) -> Floats:
    """Return ‖w_T - w*‖/‖w*‖ of quadratics with the axes Q and minima Q at."""
    gradient, places = _turned(q, curvatures), np.einsum("sij,sj->si", q, at)
    off = who.end(lambda w: gradient(w - places), np.zeros_like(at), lr, _STEPS) - places
    return np.asarray(np.linalg.norm(off, axis=1) / np.linalg.norm(at, axis=1))


@exam(
    _THEME,
    trait=True,
    formula="‖Qᵀw - w'‖ = 0 up to rounding, w' without rotation",
    source="gradients rotate with the weights",
)
def the_same_path_rotated(who: Candidate) -> Trials:
    """Whether it goes the same way, rotated, when the loss is rotated.

    If not: coordinates mean something to it, as signs and a scale for each of them do.
    """
    q = np.concatenate([np.eye(_SIZE)[np.newaxis], _rotations(3, who.rng())])
    h = 0.5 * _CURVATURES / who.rate
    end = who.end(_turned(q, h), q.sum(axis=2), who.rate, 50)
    back = np.einsum("sij,si->sj", q, end)
    return Trials(np.array([np.abs(back - back[0]).max()]), high=1e-9, lr=who.rate)


@exam(
    _THEME, formula="min over lr of max over h of |1 - lr h|ᵀ, T = 200, κ = 100",
    source="Polyak 1987, section 1.4: gradient descent is blind to rotations",
)  # fmt: skip
def rotated_ravine(who: Candidate) -> Trials:
    """Whether it is as fast as gradient descent at its best on quadratics of condition 100 in random directions.

    A failure: its scales for coordinates do not help where the axes are not the loss's, and it does not settle.
    """
    return who.judged(_rotated(who, _CURVATURES), high=rate_of_descent(who, _CURVATURES, _STEPS))


@exam(
    _THEME, formula="ρᵗ √(1 + 2t + (1+ρ²) t²), ρ = (√κ-1)/(√κ+1), t = T/1.25, T = 200",
    source="Polyak 1964, theorem 9: the heavy ball at its best lr and β, a quarter slower",
)  # fmt: skip
def as_fast_as_momentum(who: Candidate) -> Trials:
    """Whether it is as fast as the heavy ball at its best, a quarter slower, in random directions of condition 38².

    A failure: its steps go as κ, not as √κ.
    """
    allowed = float(heavy_ball_error(_MOMENTUM[-1] / _MOMENTUM[0], _STEPS / 1.25))
    return who.judged(_rotated(who, _MOMENTUM), high=allowed)


@exam(
    _THEME,
    formula="2 ‖w_T - w*‖ along the axes",
    source="1 for whatever is blind to rotations",
)
def rotation_costs_nothing(who: Candidate) -> Trials:
    """Whether it gets as near to the minimum in random directions as along the axes, within a factor of two.

    A failure: it relies on the loss lying along the coordinates.
    """
    lr, rng = who.tuned(_rotated(who, _CURVATURES)), who.rng()
    at, axes = rng.standard_normal((TRIALS, _SIZE)), np.tile(np.eye(_SIZE), (TRIALS, 1, 1))
    turned, along = (_distances(who, _CURVATURES, np.full(TRIALS, lr), at, q) for q in (_rotations(TRIALS, rng), axes))
    return Trials(turned / np.maximum(along, _LEAST), high=2.0, lr=lr)


@exam(
    _THEME, formula="2 min over lr of ln(1/ε) / ln(1 + lr h), rounded up; ε = 1e-6",
    source="one mode of gradient descent that grows",
)  # fmt: skip
def rotated_saddle(who: Candidate) -> Trials:
    """Whether it leaves a saddle at 45° to the coordinates in at most twice the steps of gradient descent.

    A failure: both coordinates get the same step, so that it cannot leave the line that leads up to the saddle.
    """
    rates = who.below(float(LinearRule().limit))
    allowed = 2.0 * float(np.ceil(LinearRule().mode(-rates).escape(1e-6).min()))
    slope = _TURN.T @ np.diag([-1.0, 1.0]) @ _TURN

    def score(lr: Floats, rng: np.random.Generator) -> Floats:
        start = np.tile(np.array([1e-6, 1.0]) @ _TURN, (len(lr), 1))
        left = lambda w: np.abs(w @ _TURN[0]) >= 1.0  # noqa: E731
        return passages(who, lambda w: w @ slope, start, lr, left=left, count=4 * int(allowed))

    return who.judged(score, high=allowed, trials=1)
