"""pytorch_optimizer's AdEMAMix, ADOPT, LaProp, Grams and MARS."""

from __future__ import annotations

import math
from typing import Any

from optimlab.conventions.pytorch_optimizer.common import decaying, early_root, masked
from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch.common import Betas, Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.recurrence.gains import FirstValueGain
from optimlab.rules import family
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.rules.feedback import Delay
from optimlab.rules.whole import Norm
from optimlab.schedules.corrections import After, FourthRoot, HalfLife, Mass, Next
from optimlab.schedules.decay import linear

__all__ = ["ADOPT", "MARS", "AdEMAMix", "Grams", "LaProp", "SimplifiedAdEMAMix"]


@spelled("pytorch_optimizer", rest=decaying)
def AdEMAMix(
    lr: Lr = 1e-3,
    betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    *,
    alpha: float = 5.0,
    t_alpha_beta3: int | None = None,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``ademamix``; with t_alpha_beta3 α and the half-life of β₃ grow in so many steps, from t = 1.

    Source: pytorch_optimizer 4.1, ``ademamix.py``. optax counts the growth from 0.
    """
    beta1, beta2, beta3 = betas
    if t_alpha_beta3 is None:
        rule = family.ademamix(*betas, eps, alpha=alpha)
    else:
        slow = Next(HalfLife(beta1, beta3, t_alpha_beta3))
        rule = family.ademamix(beta1, beta2, slow, eps, alpha=Next(linear(0.0, steps=t_alpha_beta3, final=alpha)))
    return decaying(rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def SimplifiedAdEMAMix(
    lr: Lr = 1e-4,
    betas: Betas = (0.99, 0.95),
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
    *,
    alpha: float = 0.0,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr (m + α g) / ((1-β₂ᵗ) (√v̂ + ε)), m the EMA of g: it divides by √(1-β₂ᵗ) twice.

    optimlab's ``simplified_ademamix``, as the paper and optax, has the trace for m, 1/(1-β₁) times as long.

    Source: pytorch_optimizer 4.1, ``ademamix.py``, without beta1_warmup.
    """
    root = Square() | Ema(betas[1], debias=True) | Root(eps)
    rule = (Ema(betas[0]) + alpha * Gradient()) / root / Mass(betas[1])
    return decaying(rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def ADOPT(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.9999),
    *,
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    eps: float = 1e-6,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``adopt`` with a clip at t^¼ in the place of (t-1)^¼, from the second step on.

    Source: pytorch_optimizer 4.1, ``adopt.py``, with its default clip_lambda. The paper and optax clip at (t-1)^¼.
    """
    root = Square() | Ema(FirstValueGain(betas[1])) | Delay() | Root() | Clip(eps, math.inf)
    clipped = Gradient() / root | Clip(Next(FourthRoot(-1.0)), Next(FourthRoot()))
    return decaying(After(1, 1.0) * clipped | Ema(betas[0]), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def LaProp(
    lr: Lr = 4e-4, betas: Betas = (0.9, 0.999), *, weight_decay: float = 0.0, eps: float = 1e-15, **rest: Any
) -> Optimizer:
    """u = EMA(lr x) / EMA(lr), x = g √(1-β₂ᵗ) / (√(v + 1e-15) + ε);  w ← (1 - lr λ) (w - lr u): ε as ε̂.

    optimlab's ``laprop`` adds ε after it, and has the learning rate outside the mean, which differs while it changes.

    Source: pytorch_optimizer 4.1, ``laprop.py``.
    """
    inside = Rate() * Gradient() / early_root(betas[1], eps) | Ema(betas[0])
    rule = inside / (Rate() | Ema(betas[0]))
    if weight_decay:
        rule = (1.0 - weight_decay * Rate()) * rule + weight_decay * Weights()
    return optimizer(rule, lr, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def Grams(
    lr: Lr = 1e-3, betas: Betas = (0.9, 0.999), weight_decay: float = 0.0, *, eps: float = 1e-6, **rest: Any
) -> Optimizer:
    """w ← w - lr (sign(g) |m̂| / (√v̂ + ε) + λ w): optimlab's ``grams``.

    Source: pytorch_optimizer 4.1, ``grams.py``.
    """
    rule = family.grams(*betas, eps)
    return optimizer(rule + weight_decay * Weights() if weight_decay else rule, lr, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def MARS(
    lr: Lr = 3e-3,
    betas: Betas = (0.95, 0.99),
    gamma: float = 0.025,
    *,
    weight_decay: float = 0.0,
    cautious: bool = False,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """Adam of c / max(1, ‖c‖), c = g + γ β₁/(1-β₁) (g - g⁻), g⁻ = 0 at first: of matrices, mars_type "adamw".

    ε is added before the correction, and the norm is that of each leaf. Vectors it gives to an AdamW of their own,
    unless optimize_1d: give them another rule by name.

    Source: pytorch_optimizer 4.1, ``mars.py``; Yuan et al. 2024, arXiv 2411.10438.
    """
    change = gamma * betas[0] / (1.0 - betas[0]) * (Gradient() - Delay())
    corrected = Gradient() + change | Gradient() / (Norm() | Clip(1.0, math.inf))
    mean = corrected | Ema(betas[0], debias=True)
    rule = (masked(mean) if cautious else mean) / (corrected | early_root(betas[1], eps))
    return decaying(rule, lr, weight_decay, **rest)
