"""What every optimizer of Keras takes: decay, clipping, the average, accumulation; and its momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimlab.conventions.keras.schedules import strided
from optimlab.hooks.accumulate import Accumulate
from optimlab.hooks.clip import ClipEach, ClipNorm, ClipValue
from optimlab.optimizer import Optimizer, Schedule
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Rate, Weights

__all__ = ["LearningRate", "inside", "optimizer"]

LearningRate = float | Schedule


def optimizer(
    rule: Rule | Mapping[str, Rule],
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
    clips = {ClipEach: clipnorm, ClipValue: clipvalue, ClipNorm: global_clipnorm}
    hooks: list[Any] = [hook(limit) for hook, limit in clips.items() if limit]
    if len(hooks) > 1:
        raise ValueError("of clipnorm, clipvalue and global_clipnorm only one may be given; leave out the others")
    if gradient_accumulation_steps:
        hooks.insert(0, Accumulate(gradient_accumulation_steps))
        if callable(learning_rate):
            learning_rate = strided(learning_rate, steps=gradient_accumulation_steps)
    whole = rule + weight_decay * Weights() if isinstance(rule, Rule) and weight_decay else rule
    return Optimizer(whole, learning_rate, hooks=hooks, average=Ema(ema_momentum) if use_ema else None)


def inside(rule: Rule, momentum: float) -> Rule:
    """Return the momentum of a rule's steps, with the learning rate that each was taken at."""
    return (Rate() * rule | Trace(momentum)) / Rate() if momentum else rule
