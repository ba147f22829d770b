"""Methods of three sequences: the gradient's point y, the base point z that steps, and the average x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.averaging.weights import CompensatedEma
from optimlab.checks import Hyperparameter, Range, value
from optimlab.hooks.estimates import Keeping, checked_gain
from optimlab.hooks.memory import Buffers
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.gains import ConstantGain
from optimlab.recurrence.growing import UniformGain, WeightedGain
from optimlab.typing import Array, Number

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Points", "gpa", "look_ahead", "schedule_free"]


@final
@dataclass(eq=False)
class Points(Keeping):
    """z ← z - lr · rule(g(y)),  x ← x + k (z - x),  y = z + share · (x - z): gradients are taken between z and x.

    The parameters hold y. ``Optimizer.averaged`` puts x, the point to evaluate, into them. All three start at the first
    parameters. What the rule and the hooks before this one do to the parameters is done to z; ``Weights()`` in the rule
    are y. A leaf without a gradient waits in all three.

    Parameters
    ----------
    share : float, in [0, 1], sequence of float, shape (S,), or schedule of such
        How far y is on the way from z to x: 0 is the plain rule, whose average is x; 1 is primal averaging.
    gain : Gain
        k, at the number of updates that the leaf has taken part in.

    Notes
    -----
    ``schedule_free``, ``gpa`` and ``look_ahead`` are those that have names. x is kept with the digits that a sum has
    rounded away: in float32 it follows however small k is. schedulefree, optax and Keras take x from y and z.

    Examples
    --------
    >>> from optimlab import Optimizer, Points, UniformGain, sgd
    >>> w = np.array([4.0])
    >>> opt = Optimizer(sgd(), lr=1.0, hooks=[Points(0.5, UniformGain())])
    >>> for _ in range(2):
    ...     _ = opt.step(w, np.ones(1))  # z = 3, then 2; x = 3, then 2.5
    >>> w
    array([2.25])
    >>> with opt.averaged(w):
    ...     print(w)
    [2.5]
    """

    share: Hyperparameter
    gain: Gain
    _before: Buffers = field(default_factory=Buffers, init=False, repr=False)
    moves_weights: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {"share": Range("in [0, 1]")}
    checks: ClassVar[dict[str, Callable[[Any], Any]]] = {"gain": partial(checked_gain, such="UniformGain()")}

    @property
    def starts(self) -> dict[str, Callable[[Array], Array]]:
        """How z, x and the rest of x start."""
        return {"base": np.copy, "mean": np.copy, "rest": np.zeros_like}

    @property
    def averaged(self) -> dict[str, Array]:
        """x by the leaf's name, copied; none before the first step."""
        return self._kept["mean"].copies() if self._kept else {}

    def before(self, step: Step) -> None:
        """Keep y, from which the sweep moves; see that the numbers are right before anything does."""
        self.bind(step)
        if step.idle:
            return
        value(self, "share", step.t), self._gains(step)
        for y, w in zip(self._before.like(step.params, step.names), step.params, strict=True):
            np.copyto(y, w)

    def _gains(self, step: Step) -> dict[str, Number]:
        """k of each leaf that does not wait."""
        leaves = zip(step.names, step.counts(), step.chosen(None), strict=True)
        return {name: self.gain.at(t) for name, t, meant in leaves if meant}

    def after(self, step: Step) -> None:
        """Move z as the sweep has moved y, x after it, and y between them."""
        share, gains = value(self, "share", step.t), self._gains(step)
        for name, w, y in zip(step.names, step.params, self._before.like(step.params, step.names), strict=True):
            if name not in gains:
                continue
            z, x, rest = held = self.arrays(name, "base", "mean", "rest")
            moved = z + (w - y)
            mean, state = CompensatedEma.formula(moved, w, (x, rest), (step.spread(gains[name], w),))
            ahead = moved + step.spread(share, w) * (mean - moved)
            for old, new in zip((*held, w), (moved, *state, ahead), strict=True):
                np.copyto(old, new, where=step.spread(step.live, w))


def schedule_free(beta: Hyperparameter = 0.9, *, weights: Callable[[Any], Any] | None = None) -> Points:
    """x ← the mean of z,  y = β x + (1-β) z: Schedule-Free, in which averaging stands for a decay of the rate.

    With ``sgd()`` it is Schedule-Free SGD, with Adam without a mean (β₁ = 0) Schedule-Free AdamW.

    Parameters
    ----------
    beta : float, in [0, 1], sequence of float, shape (S,), or schedule
        β.
    weights : schedule, optional
        Weights in the mean, as a function of k = t - 1; default equal ones.

    Source
    ------
    Defazio et al. 2024, "The road less scheduled", 2405.15682, equations 3 to 5.

    Notes
    -----
    While the rate warms up three systems differ: schedulefree (of Meta) weighs by the square of the largest rate so
    far, and its first step moves; optax the same, but its first rate is 0; Keras weighs equally. See
    ``optimlab.conventions.schedulefree``.

    Examples
    --------
    >>> from optimlab import Optimizer, schedule_free, adamw
    >>> schedule_free()
    Points(share=0.9, gain=UniformGain())
    >>> opt = Optimizer(adamw(beta1=0.0, weight_decay=0.0), lr=0.0025, hooks=[schedule_free()])
    """
    return Points(beta, UniformGain() if weights is None else WeightedGain(weights))


def gpa(mu_y: Hyperparameter = 0.9, mu_x: Hyperparameter = 0.99) -> Points:
    """x ← μₓ x + (1-μₓ) z,  y = μ_y x + (1-μ_y) z: generalised primal averaging, Schedule-Free with an EMA for x.

    Parameters
    ----------
    mu_y : float, in [0, 1], sequence of float, shape (S,), or schedule
        μ_y.
    mu_x : float, in [0, 1), sequence of float, shape (S,), or schedule
        μₓ.

    Source
    ------
    Defazio et al. 2025, "Smoothing DiLoCo with primal averaging", 2512.17131.

    Examples
    --------
    >>> from optimlab import gpa
    >>> gpa(0.8, 0.95)
    Points(share=0.8, gain=ConstantGain(beta=0.95))
    """
    return Points(mu_y, ConstantGain(mu_x))


def look_ahead(mu: Hyperparameter = 0.9) -> Points:
    """y = x + μ (x - x'),  x ← y - lr g(y): Nesterov's true look-ahead, with the rule ``sgd() / (1 - mu)``.

    x' is x of the step before. This is primal averaging with one μ: z runs ahead of x, by 1/(1-μ) of its steps. The
    rate is inside the momentum, as in PennyLane and climin, which evaluate the gradient at y too; torch, optax and
    Keras shift the parameters instead, see ``nesterov``.

    Parameters
    ----------
    mu : float, in [0, 1), sequence of float, shape (S,), or schedule
        μ.

    Source
    ------
    Nesterov 1983; Sutskever et al. 2013, equations 3 and 4.

    Examples
    --------
    >>> from optimlab import Optimizer, look_ahead, sgd
    >>> w = np.array([1.0])
    >>> opt = Optimizer(sgd() / (1 - 0.5), lr=0.25, hooks=[look_ahead(0.5)])
    >>> for _ in range(2):
    ...     _ = opt.step(w, w)  # x = .75, y = .625; x = .46875, y = .328125
    >>> w
    array([0.328125])
    """
    return Points(mu, ConstantGain(mu))
