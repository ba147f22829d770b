"""pytorch_optimizer's relatives of Adam."""

from __future__ import annotations

import math
from typing import Any

from optimlab.conventions.pytorch_optimizer.common import decaying
from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch.common import Betas, Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.rules import family, whole
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.rules.feedback import Delay
from optimlab.schedules.corrections import After, Mass
from optimlab.schedules.schedule import product

__all__ = ["AdaBelief", "Adan", "GrokFastAdamW", "NovoGrad", "QHAdam", "StableAdamW", "Yogi"]


@spelled("pytorch_optimizer", rest=decaying)
def QHAdam(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    nus: Betas = (1.0, 1.0),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    *,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``qhadam``. Its own gains are kept in float32, whatever the parameters are: here they are exact.

    Source: pytorch_optimizer 4.1, ``qhadam.py``.
    """
    rule = family.qhadam(*betas, eps, nu1=nus[0], nu2=nus[1])
    return decaying(rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def NovoGrad(
    lr: Lr = 1e-3,
    betas: Betas = (0.95, 0.98),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    *,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``novograd``: m ← β₁ m + g/(√v + ε) + λ w, v the EMA of ‖g‖² of a leaf; the decay may be decoupled.

    Source: pytorch_optimizer 4.1, ``novograd.py``, without grad_averaging.
    """
    inside = 0.0 if weight_decouple else weight_decay
    return decaying(whole.novograd(*betas, eps, weight_decay=inside), lr, weight_decay - inside, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def Yogi(
    lr: Lr = 1e-2,
    betas: Betas = (0.9, 0.999),
    initial_accumulator: float = 1e-6,
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
    *,
    eps: float = 1e-3,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``yogi``, whose m and v begin at initial_accumulator: a gradient of 0 moves w.

    Source: pytorch_optimizer 4.1, ``yogi.py``.
    """
    return decaying(family.yogi(*betas, eps, first=initial_accumulator), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def AdaBelief(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
    *,
    eps: float = 1e-16,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr m̂ / (√ŝ + ε), s ← β₂ s + (1-β₂) (g - m)² + ε: optimlab's ``adabelief`` adds no ε to s.

    Source: pytorch_optimizer 4.1, ``adabelief.py``, without rectify and ams_bound.
    """
    mean = Ema(betas[0])
    spread = (Gradient() - mean | Square()) + eps / (1.0 - betas[1]) | Ema(betas[1], debias=True)
    return decaying(mean / Mass(betas[0]) / (spread | Root(eps)), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def Adan(
    lr: Lr = 1e-3,
    betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    *,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """u = (m̂ + β₂ d̂) / (√n̂ + ε);  w ← (w - lr u) / (1 + lr λ), or w - lr (u + λ w) if decoupled.

    d is the EMA of g - g⁻, n that of (g + β₂ (g - g⁻))²; as optimlab's ``adan``; optax has 1-β₂ in the place of β₂.

    Source: pytorch_optimizer 4.1, ``adan.py``, without max_grad_norm: ``torch.clip_grad_norm_``.
    """
    change = After(1, 1.0) * (Gradient() - Delay())
    root = Gradient() + betas[1] * change | Square() | Ema(betas[2], debias=True) | Root(eps)
    rule = (Ema(betas[0], debias=True) + betas[1] * (change | Ema(betas[1], debias=True))) / root
    if weight_decay:
        rule = rule + weight_decay * Weights()
        rule = rule if weight_decouple else rule / (1.0 + weight_decay * Rate())
    return optimizer(rule, lr, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def StableAdamW(
    lr: Lr = 1e-3, betas: Betas = (0.9, 0.99), *, weight_decay: float = 1e-2, eps: float = 1e-8, **rest: Any
) -> Optimizer:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ w) / max(1, RMS(g / max(√v̂, ε))): optimlab's ``stable_adamw``, decoupled.

    Source: pytorch_optimizer 4.1, ``adamw.py``; its Kahan sum is for half precision alone.
    """
    return optimizer(whole.stable_adamw(*betas, eps, weight_decay=weight_decay), lr, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def GrokFastAdamW(
    lr: Lr = 1e-4,
    betas: Betas = (0.9, 0.99),
    *,
    grokfast_alpha: float = 0.98,
    grokfast_lamb: float = 2.0,
    weight_decay: float = 0.0,
    normalize_lr: bool = True,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr/(1+λ) m̂ / max(√v̂, ε) of g + λ EMA(g): optimlab's ``grokfast`` of an Adam whose ε is a floor.

    Source: pytorch_optimizer 4.1, ``grokfast.py``, from the first step on.
    """
    root = Square() | Ema(betas[1], debias=True) | Root() | Clip(eps, math.inf)
    rule = family.grokfast(Ema(betas[0], debias=True) / root, grokfast_alpha, grokfast_lamb)
    slower = product(lr, 1.0 / (1.0 + grokfast_lamb)) if normalize_lr else lr
    return decaying(rule, slower, weight_decay, **rest)
