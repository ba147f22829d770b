"""Rules of pytorch_optimizer 4.1 by its names, defaults and parameters, those that differ from the papers or optax.

What is its own: a decay of the weights in four ways (``weight_decouple``, ``fixed_decay`` without the learning rate),
ε before the correction in LaProp and MARS, and cautious masks that are divided by their mean + 1/n. ``weight_decouple``
is left out where False changes nothing there, since the decay comes after the gradient has been used.
"""

from __future__ import annotations

import math
from typing import Any

from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch_like import Betas, Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.recurrence.gains import FirstValueGain
from optimlab.rules import family, whole
from optimlab.rules.algebra import Constant, Rule
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.rules.feedback import Delay
from optimlab.schedules.corrections import After, FourthRoot, HalfLife, Mass, Next
from optimlab.schedules.decay import linear
from optimlab.schedules.schedule import product

__all__ = [
    "ADOPT",
    "MARS",
    "QHM",
    "AdEMAMix",
    "AdaBelief",
    "Adan",
    "AggMo",
    "Grams",
    "GrokFastAdamW",
    "LaProp",
    "Lion",
    "QHAdam",
    "SignSGD",
    "SimplifiedAdEMAMix",
    "StableAdamW",
    "Yogi",
]  # fmt: skip


def _decaying(
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


def _masked(rule: Rule) -> Rule:
    """u [u g > 0] / (share + 1/n): cautious, as pytorch_optimizer divides."""
    mask = whole.agreement(rule)
    return rule * mask / ((mask | whole.Mean()) + 1.0 / whole.Size())


def _root(beta: float, eps: float) -> Rule:
    """(√(v + 1e-15) + ε) / √(1 - βᵗ): ε before the correction, and a second one inside the root."""
    return ((Square() | Ema(beta)) + 1e-15 | Root(eps)) / (Constant(Mass(beta)) | Root())


@spelled("pytorch_optimizer", rest=_decaying)
def AdEMAMix(
    lr: Lr = 1e-3,
    betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
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
    return _decaying(rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def SimplifiedAdEMAMix(
    lr: Lr = 1e-4,
    betas: Betas = (0.99, 0.95),
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
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
    return _decaying(rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def ADOPT(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.9999),
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
    return _decaying(After(1, 1.0) * clipped | Ema(betas[0]), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def LaProp(
    lr: Lr = 4e-4, betas: Betas = (0.9, 0.999), weight_decay: float = 0.0, eps: float = 1e-15, **rest: Any
) -> Optimizer:
    """u = EMA(lr x) / EMA(lr), x = g √(1-β₂ᵗ) / (√(v + 1e-15) + ε);  w ← (1 - lr λ) (w - lr u): ε as ε̂.

    optimlab's ``laprop`` adds ε after it, and has the learning rate outside the mean, which differs while it changes.

    Source: pytorch_optimizer 4.1, ``laprop.py``.
    """
    inside = Rate() * Gradient() / _root(betas[1], eps) | Ema(betas[0])
    rule = inside / (Rate() | Ema(betas[0]))
    if weight_decay:
        rule = (1.0 - weight_decay * Rate()) * rule + weight_decay * Weights()
    return optimizer(rule, lr, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def Grams(
    lr: Lr = 1e-3, betas: Betas = (0.9, 0.999), weight_decay: float = 0.0, eps: float = 1e-6, **rest: Any
) -> Optimizer:
    """w ← w - lr (sign(g) |m̂| / (√v̂ + ε) + λ w): optimlab's ``grams``.

    Source: pytorch_optimizer 4.1, ``grams.py``.
    """
    rule = family.grams(*betas, eps)
    return optimizer(rule + weight_decay * Weights() if weight_decay else rule, lr, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def MARS(
    lr: Lr = 3e-3,
    betas: Betas = (0.95, 0.99),
    gamma: float = 0.025,
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
    corrected = Gradient() + change | whole.clip_norm()
    mean = corrected | Ema(betas[0], debias=True)
    rule = (_masked(mean) if cautious else mean) / (corrected | _root(betas[1], eps))
    return _decaying(rule, lr, weight_decay, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def Lion(
    lr: Lr = 1e-4,
    betas: Betas = (0.9, 0.99),
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
    cautious: bool = False,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``lion``; cautious: u [u g > 0] / (share + 1/n), share the mean of [u g > 0] in the leaf.

    Source: pytorch_optimizer 4.1, ``lion.py``. The authors divide the mask by max(share, 0.001).

    Examples
    --------
    >>> Lion(weight_decay=0.1, fixed_decay=True).rule
    (TwoReadings() | Sign()) + 0.1 * Weights() / Rate()
    """
    rule = family.lion(*betas)
    return _decaying(_masked(rule) if cautious else rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def QHM(
    lr: Lr = 1e-3,
    momentum: float = 0.0,
    nu: float = 1.0,
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr ((1-ν) g + ν m): optimlab's ``qhm`` with other defaults.

    Source: pytorch_optimizer 4.1, ``qhm.py``.
    """
    return _decaying(family.qhm(momentum, nu), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def QHAdam(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    nus: Betas = (1.0, 1.0),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``qhadam``. Its own gains are kept in float32, whatever the parameters are: here they are exact.

    Source: pytorch_optimizer 4.1, ``qhadam.py``.
    """
    rule = family.qhadam(*betas, eps, nu1=nus[0], nu2=nus[1])
    return _decaying(rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def AggMo(
    lr: Lr = 1e-3,
    betas: tuple[float, ...] = (0.0, 0.9, 0.99),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr (v₁ + ... + vₙ)/n, vᵢ ← βᵢ vᵢ + g: optimlab's ``aggmo``.

    Source: pytorch_optimizer 4.1, ``aggmo.py``.
    """
    return _decaying(family.aggmo(betas), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def Yogi(
    lr: Lr = 1e-2,
    betas: Betas = (0.9, 0.999),
    initial_accumulator: float = 1e-6,
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
    eps: float = 1e-3,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``yogi``, whose m and v begin at initial_accumulator: a gradient of 0 moves w.

    Source: pytorch_optimizer 4.1, ``yogi.py``.
    """
    return _decaying(family.yogi(*betas, eps, first=initial_accumulator), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def AdaBelief(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
    eps: float = 1e-16,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr m̂ / (√ŝ + ε), s ← β₂ s + (1-β₂) (g - m)² + ε: optimlab's ``adabelief`` adds no ε to s.

    Source: pytorch_optimizer 4.1, ``adabelief.py``, without rectify and ams_bound.
    """
    mean = Ema(betas[0])
    spread = (Gradient() - mean | Square()) + eps / (1.0 - betas[1]) | Ema(betas[1], debias=True)
    return _decaying(mean / Mass(betas[0]) / (spread | Root(eps)), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def Adan(
    lr: Lr = 1e-3,
    betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    eps: float = 1e-8,
    **rest: Any,
) -> Optimizer:
    """u = (m̂ + β₂ d̂) / (√n̂ + ε);  w ← (w - lr u) / (1 + lr λ), or w - lr (u + λ w) if decoupled.

    d is the EMA of g - g⁻, n that of (g + β₂ (g - g⁻))²; optimlab's ``adan``, as optax, has 1-β₂ in the place of β₂.

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
    lr: Lr = 1e-3, betas: Betas = (0.9, 0.99), weight_decay: float = 1e-2, eps: float = 1e-8, **rest: Any
) -> Optimizer:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ w) / max(1, RMS(g / max(√v̂, ε))): optimlab's ``stable_adamw``, decoupled.

    Source: pytorch_optimizer 4.1, ``adamw.py``; its Kahan sum is for half precision alone.
    """
    return optimizer(whole.stable_adamw(*betas, eps, weight_decay=weight_decay), lr, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def SignSGD(
    lr: Lr = 1e-3, momentum: float = 0.9, weight_decay: float = 0.0, weight_decouple: bool = True, **rest: Any
) -> Optimizer:
    """w ← w - lr sign(m): optimlab's ``signum``, without momentum its ``signsgd``.

    Source: pytorch_optimizer 4.1, ``sgd.py``.
    """
    rule = family.signum(momentum) if momentum else family.signsgd()
    return _decaying(rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=_decaying)
def GrokFastAdamW(
    lr: Lr = 1e-4,
    betas: Betas = (0.9, 0.99),
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
    return _decaying(rule, slower, weight_decay, **rest)
