"""What optax's rules are made of: the mean with or without Nesterov, the root with its two ε, the decay of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimlab.checks import Hyperparameter
from optimlab.optimizer import Schedule
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Gradient, Rate, Root, Square, Weights
from optimlab.schedules.corrections import GradientShare, MeanShare
from optimlab.trees import tree_of

__all__ = ["LearningRate", "Mask", "decayed", "inside", "mean", "meant", "moment", "momentum", "root", "split"]

LearningRate = float | Schedule
Mask = str | Sequence[Any] | Mapping[str, Any] | bool | None


def mean(b1: float, *, nesterov: bool = False) -> Rule:
    """Return m̂; with Nesterov β₁ m/(1-β₁ᵗ⁺¹) + (1-β₁) g/(1-β₁ᵗ): Dozat's with a constant μ = β₁."""
    if not nesterov:
        return Ema(b1, debias=True)
    return GradientShare(b1) * Gradient() + MeanShare(b1) * Ema(b1)


def moment(b2: float) -> Rule:
    """Return v̂."""
    return Square() | Ema(b2, debias=True)


def root(square: Rule, eps: float, eps_root: float = 0.0) -> Rule:
    """Return √(square + ε_root) + ε."""
    return (square + eps_root if eps_root else square) | Root(eps)


def momentum(decay: float | None, *, nesterov: bool = False) -> Rule:
    """Return what ``trace`` makes of the signal: v ← β v + x, with Nesterov x + β v."""
    if decay is None:
        return Gradient()
    return Gradient() + decay * Trace(decay) if nesterov else Trace(decay)


def inside(step: Rule, buffer: Rule) -> Rule:
    """Return the buffer of lr · step: the learning rate is in it, so that old steps keep theirs."""
    return step if buffer == Gradient() else (Rate() * step | buffer) / Rate()


def decayed(rule: Rule, weight_decay: Hyperparameter | Rule, mask: Mask = None) -> Rule:
    """Return the rule + λ w of the leaves that the mask means."""
    return rule + weight_decay * Weights(only=meant(mask)) if weight_decay else rule


def meant(mask: Mask) -> str | Sequence[str] | None:
    """Return which leaves a mask means: None for all, else patterns of their names.

    optax's mask is a tree of booleans, or a function that makes one of the parameters; here it is a tree of booleans
    with a leaf for each, or names.
    """
    if mask is None or mask is True:
        return None
    if mask is False:
        return ()
    if callable(mask):
        raise TypeError(f"mask must be a tree of booleans or names of leaves; got {mask!r}; give mask=function(params)")
    if isinstance(mask, str) or (not isinstance(mask, Mapping) and all(isinstance(name, str) for name in mask)):
        return mask
    tree = tree_of(mask)
    return tuple([name for name, mark in zip(tree.names, tree.leaves(mask), strict=True) if mark])


def split(mask: Mask, those: Rule, others: Rule) -> Rule | dict[str, Rule]:
    """Return a rule for the leaves that a mask means, and another one for the others."""
    only = meant(mask)
    if only is None:
        return those
    names = (only,) if isinstance(only, str) else only
    return {**dict.fromkeys(names, those), "*": others} if names else others
