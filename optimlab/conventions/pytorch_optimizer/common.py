"""What rules of pytorch_optimizer have in common: decay in four ways, cautious masks, an early ε."""

from __future__ import annotations

from optimlab.conventions.torch.common import Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.rules import whole
from optimlab.rules.algebra import Constant, Rule
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Gradient, Positive, Rate, Root, Square, Weights
from optimlab.schedules.corrections import Mass

__all__ = ["decaying", "early_root", "masked"]


def decaying(
    rule: Rule,
    lr: Lr,
    weight_decay: float,
    decoupled: bool = True,
    *,
    fixed_decay: bool = False,
    maximize: bool = False,
) -> Optimizer:
    """Return the optimizer with decay in the gradient, or decoupled, then times the learning rate or not."""
    if not (decoupled and weight_decay):
        return optimizer(rule, lr, weight_decay, maximize=maximize)
    decay = weight_decay * Weights()
    return optimizer(rule + (decay / Rate() if fixed_decay else decay), lr, maximize=maximize)


def masked(rule: Rule) -> Rule:
    """u [u g > 0] / (share + 1/n): cautious, as pytorch_optimizer divides."""
    mask = rule * Gradient() | Positive()
    return rule * mask / ((mask | whole.Mean()) + 1.0 / whole.Size())


def early_root(beta: float, eps: float) -> Rule:
    """(√(v + 1e-15) + ε) / √(1 - βᵗ): ε before the correction, and a second one inside the root."""
    return ((Square() | Ema(beta)) + 1e-15 | Root(eps)) / (Constant(Mass(beta)) | Root())
