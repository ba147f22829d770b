"""torch.optim's Adam and its relatives."""

from __future__ import annotations

from typing import Any

from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch.common import Betas, Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.rules import basic, family
from optimlab.rules.algebra import Rule
from optimlab.rules.elementwise import Weights
from optimlab.schedules.corrections import EpsHat

__all__ = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"]


def _decaying(rule: Rule, lr: Lr, weight_decay: float, decoupled: bool, **rest: Any) -> Optimizer:
    """Return the optimizer with the decay in the gradient, or added to the rule."""
    if decoupled and weight_decay:
        return optimizer(rule + weight_decay * Weights(), lr, **rest)
    return optimizer(rule, lr, weight_decay, **rest)


@spelled("torch", rest=optimizer)
def Adam(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    *,
    decoupled_weight_decay: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr m̂ / (√v̂ + ε) of g + λ w: optimlab's ``adam`` and ``amsgrad``, the decay in the gradient.

    AMSGrad takes the maximum of v before its correction; optax of v̂.

    Source: torch 2.13, ``adam.py``.

    Examples
    --------
    >>> Adam(weight_decay=0.1).rule
    Gradient() + 0.1 * Weights() | Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08))
    """
    rule = family.amsgrad(*betas, eps) if amsgrad else basic.adam(*betas, eps)
    return _decaying(rule, lr, weight_decay, decoupled_weight_decay, **rest)


@spelled("torch", rest=optimizer)
def AdamW(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ w): ``Adam`` with a decoupled decay, as optimlab's ``adamw``.

    Source: torch 2.13, ``adamw.py``.
    """
    return Adam(lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay=True, **rest)


@spelled("torch", rest=optimizer)
def NAdam(
    lr: Lr = 2e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``nadam`` with ψ = momentum_decay: μₜ = β₁ (1 - ½ 0.96^(ψt)).

    torch keeps μ₁...μₜ in its default dtype: with float64 parameters and the usual default float32 it is 1e-9 off,
    here it is exact. optax has no schedule of μ, Keras ψ = 1.

    Source: torch 2.13, ``nadam.py``.
    """
    rule = family.nadam(*betas, eps, psi=momentum_decay)
    return _decaying(rule, lr, weight_decay, decoupled_weight_decay, **rest)


@spelled("torch", rest=optimizer)
def RAdam(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``radam`` with ε̂ = ε / √(1-β₂ᵗ): ε is added before the correction; rectified where ρₜ > 5.

    Source: torch 2.13, ``radam.py``; optax adds ε after the correction.
    """
    rule = family.radam(*betas, EpsHat(eps, betas[1]))
    return _decaying(rule, lr, weight_decay, decoupled_weight_decay, **rest)


@spelled("torch", rest=optimizer)
def Adamax(
    lr: Lr = 2e-3, betas: Betas = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0, **rest: Any
) -> Optimizer:
    """w ← w - lr m̂ / u, u ← max(β₂ u, |g| + ε): optimlab's ``adamax``; Keras adds ε to u.

    Source: torch 2.13, ``adamax.py``.
    """
    return optimizer(family.adamax(*betas, eps), lr, weight_decay, **rest)
