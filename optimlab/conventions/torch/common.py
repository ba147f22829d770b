"""What torch's optimizers and those that are made like them have in common: ``maximize``, and decay in the gradient."""

from __future__ import annotations

from functools import reduce
from operator import or_

from optimlab.optimizer import Optimizer, Schedule
from optimlab.rules.algebra import Rule
from optimlab.rules.elementwise import Gradient, Weights

__all__ = ["Betas", "Lr", "optimizer"]

Lr = float | Schedule
Betas = tuple[float, float]


def optimizer(
    rule: Rule, lr: Lr, weight_decay: float = 0.0, average: Rule | None = None, *, maximize: bool = False
) -> Optimizer:
    """Return the optimizer whose rule is fed -g to maximize, and g + λ w where the decay is part of the gradient.

    Examples
    --------
    >>> from optimlab import momentum
    >>> optimizer(momentum(), 0.1, 0.5, maximize=True).rule
    -1.0 * Gradient() | Gradient() + 0.5 * Weights() | Ema(0.9)
    """
    turned = [-Gradient()] if maximize else []
    decayed = [Gradient() + weight_decay * Weights()] if weight_decay else []
    return Optimizer(reduce(or_, [*turned, *decayed, rule]), lr, average=average)
