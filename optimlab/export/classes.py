"""A rule in the frameworks that train: a class of torch, a transformation of optax, and state that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.engine.probe import checked_rule
from optimlab.extras import needed
from optimlab.rules.algebra import Rule

if TYPE_CHECKING:
    from optimlab.export.to_torch import RuleOptimizer

__all__ = ["torch"]


def _elementwise(rule: Any) -> Rule:
    """Return a rule that can be exported, or say why it cannot."""
    rule = checked_rule(rule)
    if rule.whole:
        remedy = "train it here, Optimizer(rule, lr), or export its elementwise part"
        raise TypeError(f"{rule!r} looks at whole leaves, and only elementwise rules can be exported; {remedy}")
    if any(np.ndim(number) for number in rule.coefficients(1)):
        raise ValueError(f"{rule!r} has one number for each replica; give it plain numbers: a class is one run")
    return rule


def torch(rule: Rule) -> type[RuleOptimizer]:
    needed("torch", "torch", "export.torch")
    from optimlab.export.to_torch import class_of

    return class_of(_elementwise(rule))
