"""schedulefree (Meta's package) by its own names: Schedule-Free with its warm-up, and its weights of the average.

Not here: ``RAdamScheduleFree`` and the wrappers. Another ``opt.lr`` during the run leaves
the weights of the average, which know the first rate alone; schedulefree's follow a rate that grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.checks import Range, number
from optimlab.conventions.spelling import spelled
from optimlab.hooks.points import schedule_free
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Rule
from optimlab.rules.basic import adamw, sgd
from optimlab.rules.elementwise import Weights

__all__ = ["AdamWScheduleFree", "SGDScheduleFree"]


@dataclass(frozen=True)
class _Rate:
    """lr(k) = lr · min(1, (k+1)/steps)."""

    lr: float
    steps: float

    def __call__(self, k: Any) -> Any:
        return self.lr * np.minimum((k + 1.0) / max(self.steps, 1.0), 1.0)


@dataclass(frozen=True)
class _Weight:
    """w(k) = (k+1)ʳ lr(k)ᵖ; lr never falls, and so is its largest value so far."""

    rate: _Rate
    r: float
    power: float

    def __call__(self, k: Any) -> Any:
        return (k + 1.0) ** self.r * self.rate(k) ** self.power


def _optimizer(rule: Rule, lr: float, beta: float, weights: tuple[float, float, float]) -> Optimizer:
    """Return the optimizer whose warm-up, r and power of the rate are given."""
    steps, r, power = weights
    rate = _Rate(number("lr", lr, Range("greater than 0 (one number: it warms up by itself)")), steps)
    return Optimizer(rule, rate, hooks=[schedule_free(beta, weights=_Weight(rate, r, power))])


@spelled("schedulefree")
def SGDScheduleFree(
    lr: float = 1.0,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    warmup_steps: float = 0,
    r: float = 0.0,
    weight_lr_power: float = 2.0,
) -> Optimizer:
    """z ← z - lr(t) (g(y) + λ y),  x ← x + c (z - x),  y = β x + (1-β) z,  c ∝ tʳ lr(t)ᵖ.

    ``optimizer.eval()`` there is ``with opt.averaged(params):`` here. With λ = 0, r = 0 and no warm-up c is 1/t.



    Source: schedulefree 1.4.1, ``SGDScheduleFree``.

    Examples
    --------
    >>> from optimlab.conventions import schedulefree
    >>> w, opt = np.array([1.0]), schedulefree.SGDScheduleFree(lr=0.5)
    >>> for _ in range(2):
    ...     _ = opt.step(w, np.ones(1))  # z = .5, 0; x = .5, .25
    >>> w
    array([0.225])
    """
    return _optimizer(sgd() + weight_decay * Weights(), lr, momentum, (warmup_steps, r, weight_lr_power))


@spelled("schedulefree")
def AdamWScheduleFree(
    lr: float = 0.0025,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    warmup_steps: float = 0,
    r: float = 0.0,
    weight_lr_power: float = 2.0,
) -> Optimizer:
    """z ← z - lr(t) (g(y)/(√v̂ + ε) + λ y),  x ← x + c (z - x),  y = β₁ x + (1-β₁) z,  c ∝ tʳ lr(t)ᵖ.

    optax's ``schedule_free_adamw`` differs while the rate warms up (its first is 0), Keras's ``ScheduleFreeAdamW`` has
    c = 1/t also then.



    Source: schedulefree 1.4.1, ``AdamWScheduleFree``.

    Examples
    --------
    >>> from optimlab.conventions import schedulefree
    >>> w, opt = np.array([1.0, -2.0]), schedulefree.AdamWScheduleFree(lr=0.1, warmup_steps=2)
    >>> opt.step(w, np.array([0.5, -1.0]))
    array([ 0.95, -1.95])
    """
    beta1, beta2 = betas
    rule = adamw(0.0, beta2, eps, weight_decay=weight_decay)
    return _optimizer(rule, lr, beta1, (warmup_steps, r, weight_lr_power))
