"""Keras 3's optimizers and schedules by its names, defaults and parameters.

What is Keras's own: the learning rate inside the momentum buffer, ε inside the root or as ε̂ (without the correction of
the mean square), and a decay of the weights that is decoupled in every rule.
"""

from __future__ import annotations

from typing import Any

from optimlab.conventions.spelling import spelled
from optimlab.hooks.accumulate import Accumulate
from optimlab.hooks.clip import ClipEach, ClipNorm, ClipValue
from optimlab.optimizer import Optimizer, Schedule
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Gradient, Rate, Root, Square, Weights

__all__ = ["SGD", "RMSprop"]

LearningRate = float | Schedule


def _optimizer(
    rule: Rule,
    learning_rate: LearningRate,
    *,
    weight_decay: float | None = None,
    clipnorm: float | None = None,
    clipvalue: float | None = None,
    global_clipnorm: float | None = None,
    use_ema: bool = False,
    ema_momentum: float = 0.99,
    gradient_accumulation_steps: int | None = None,
) -> Optimizer:
    """Return the rule with what every optimizer of Keras takes."""
    hooks: list[Any] = [Accumulate(gradient_accumulation_steps)] if gradient_accumulation_steps else []
    clips = {ClipEach: clipnorm, ClipValue: clipvalue, ClipNorm: global_clipnorm}
    hooks += [hook(limit) for hook, limit in clips.items() if limit]
    average = Ema(ema_momentum) if use_ema else None
    return Optimizer(
        rule + weight_decay * Weights() if weight_decay else rule, learning_rate, hooks=hooks, average=average
    )


@spelled("Keras", rest=_optimizer)
def SGD(learning_rate: LearningRate = 0.01, momentum: float = 0.0, nesterov: bool = False, **rest: Any) -> Optimizer:
    """v ← μ v + η g;  w ← w - v: the learning rate is inside the buffer, so that old steps keep theirs.

    Source
    ------
    keras 3.15, ``SGD.update_step``.

    Examples
    --------
    >>> SGD(momentum=0.9).rule
    (Rate() * Gradient() | Trace(0.9)) / Rate()
    """
    buffer = (Rate() * Gradient() | Trace(momentum)) / Rate() if momentum else Gradient()
    return _optimizer(Gradient() + momentum * buffer if nesterov and momentum else buffer, learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def RMSprop(
    learning_rate: LearningRate = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - η g / √(v + ε): ε inside the root, the learning rate inside the buffer."""
    square = Square() | Ema(rho)
    spread = square - (Ema(rho) | Square()) if centered else square
    step = Gradient() / (spread + epsilon | Root())
    return _optimizer((Rate() * step | Trace(momentum)) / Rate() if momentum > 0 else step, learning_rate, **rest)
