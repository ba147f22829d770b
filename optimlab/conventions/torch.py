"""torch.optim's optimizers by its names, defaults and parameters; ``lr_scheduler``; clipping and averages of weights.

What is torch's own: ε outside the root, the learning rate outside the buffer, ``weight_decay`` as part of the gradient
(except in AdamW and Muon), and ``maximize``. ``SparseAdam`` is for sparse gradients alone, see ``Optimizer.step_rows``;
``LBFGS`` searches along lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.checks import Range, number
from optimlab.conventions import torch_lr_scheduler as lr_scheduler
from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch_averages import get_ema_multi_avg_fn, get_swa_multi_avg_fn
from optimlab.conventions.torch_clip_grad import clip_grad_norm_, clip_grad_value_
from optimlab.conventions.torch_like import Betas, Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.recurrence.gains import TailGain
from optimlab.rules import basic, family, matrix, whole
from optimlab.rules.algebra import Constant, Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.schedules.corrections import After, EpsHat
from optimlab.schedules.decay import inverse_time_decay

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_ema_multi_avg_fn",
    "get_swa_multi_avg_fn",
    "lr_scheduler",
]  # fmt: skip


def _decaying(rule: Rule, lr: Lr, weight_decay: float, decoupled: bool, **rest: Any) -> Optimizer:
    """Return the optimizer with the decay in the gradient, or added to the rule."""
    if decoupled and weight_decay:
        return optimizer(rule + weight_decay * Weights(), lr, **rest)
    return optimizer(rule, lr, weight_decay, **rest)


@spelled("torch", rest=optimizer)
def SGD(
    lr: Lr = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    **rest: Any,
) -> Optimizer:
    """v ← μ v + (1-τ) g, but v₁ = g;  w ← w - lr v: the first gradient is not dampened.

    Source: torch 2.13, ``sgd.py``; optimlab's ``heavy_ball`` and ``nesterov`` are τ = 0.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9, dampening=0.5).rule
    Gradient() - After(steps=1, number=0.5) * Gradient() | Trace(0.9)
    """
    if nesterov and (dampening or not momentum):
        raise ValueError(
            f"nesterov=True goes with a momentum above 0 and dampening=0; got momentum={momentum!r}, "
            f"dampening={dampening!r}; such as SGD(lr, momentum=0.9, nesterov=True)"
        )
    dampened = Gradient() - After(1, dampening) * Gradient() if dampening else Gradient()
    buffer = (dampened | Trace(momentum) if dampening else Trace(momentum)) if momentum else Gradient()
    return optimizer(Gradient() + momentum * buffer if nesterov else buffer, lr, weight_decay, **rest)


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


@spelled("torch", rest=optimizer)
def Adagrad(
    lr: Lr = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr/(1 + (t-1) d) g / (√(a + Σg²) + ε), d = lr_decay, a = initial_accumulator_value.

    optimlab's ``adagrad`` is d = a = 0; optax and Keras have a = 0.1 and ε inside the root.

    Source: torch 2.13, ``adagrad.py``.

    Examples
    --------
    >>> Adagrad(lr_decay=0.5).rule
    inverse_time_decay(1.0, 0.5) * (Gradient() / (Square() | Trace(1.0) | Root(1e-10)))
    """
    rule = family.adagrad(eps, initial_accumulator_value)
    return optimizer(Constant(inverse_time_decay(1.0, lr_decay)) * rule if lr_decay else rule, lr, weight_decay, **rest)


@spelled("torch", rest=optimizer)
def Adadelta(lr: Lr = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0, **rest: Any) -> Optimizer:
    """Optimlab's ``adadelta``: w ← w - lr u, u = g √(d + ε)/√(v + ε), d the EMA of u².

    Source: torch 2.13, ``adadelta.py``; Keras has other defaults.
    """
    return optimizer(family.adadelta(rho, eps), lr, weight_decay, **rest)


@spelled("torch", rest=optimizer)
def RMSprop(
    lr: Lr = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    **rest: Any,
) -> Optimizer:
    """b ← μ b + g / (√(v [- m²]) + ε);  w ← w - lr b: ε outside the root, lr outside the buffer.

    optimlab's ``rmsprop`` and ``rmsprop_centered``, then momentum; optax and Keras have both inside.

    Source: torch 2.13, ``rmsprop.py``.

    Examples
    --------
    >>> RMSprop(momentum=0.9).rule
    Gradient() / (Square() | Ema(0.99) | Root(1e-08)) | Trace(0.9)
    """
    rule = family.rmsprop_centered(alpha, eps) if centered else basic.rmsprop(alpha, eps)
    return optimizer(rule | Trace(momentum) if momentum else rule, lr, weight_decay, **rest)


@spelled("torch", rest=optimizer)
def Rprop(lr: float = 1e-2, etas: Betas = (0.5, 1.2), step_sizes: Betas = (1e-6, 50.0), **rest: Any) -> Optimizer:
    """Optimlab's ``rprop``: ``lr`` is the first size of a step and no rate; where the sign of g turns, g becomes 0.

    Source: torch 2.13, ``rprop.py``; optax 0.2.8 emits the update of the step before.

    Examples
    --------
    >>> Rprop(0.1)
    Optimizer(StepSize(0.1), 1.0)
    """
    return optimizer(family.rprop(lr, *etas, *step_sizes), 1.0, **rest)


@spelled("torch", rest=optimizer)
def ASGD(
    lr: float = 1e-2,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    t0: float = 1e6,
    weight_decay: float = 0.0,
    **rest: Any,
) -> Optimizer:
    """w ← w - ηₜ (g + λ w), ηₜ = lr / (1 + λ lr (t-1))^α: a rate that falls by itself, and a decoupled decay λ.

    ``averaged`` gives torch's ``ax``: the last weights up to step t0 + 1, from there their plain mean.

    Source: torch 2.13, ``asgd.py``; Polyak & Juditsky 1992.

    Examples
    --------
    >>> opt = ASGD(0.5, lambd=0.25)
    >>> opt.rule, opt.average
    (Gradient() + 0.25 * Weights(), Ema(TailGain(start=1000001.0)))
    """
    lr = number("lr", lr, Range("greater than 0 (one number: it falls by itself)"))
    falling = inverse_time_decay(lr, lambd * lr, power=alpha)
    rule = Gradient() + lambd * Weights() if lambd else Gradient()
    return optimizer(rule, falling, weight_decay, Ema(TailGain(t0 + 1.0)), **rest)


@spelled("torch")
def Muon(
    lr: Lr = 1e-3,
    weight_decay: float = 0.1,
    momentum: float = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    eps: float = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> Optimizer:
    """w ← w - lr (s · orthogonalised((1-μ) g + μ m) + λ w), s = √max(1, rows/columns): optimlab's ``muon`` with an EMA.

    adjust_lr_fn="match_rms_adamw" makes s = 0.2 √max(rows, columns). torch orthogonalises in bfloat16, to about 3
    digits; here it is in the dtype of the parameters.

    Source: torch 2.13, ``_muon.py``.
    """
    mean = (1.0 - momentum) * Gradient() + momentum * Ema(momentum) if nesterov else Ema(momentum)
    scales = {None: matrix.OUT_IN, "original": matrix.OUT_IN, "match_rms_adamw": matrix.LIKE_ADAMW}
    if adjust_lr_fn not in scales:
        raise ValueError(f"adjust_lr_fn must be 'original', 'match_rms_adamw' or None; got {adjust_lr_fn!r}")
    rule = (mean | matrix.Orthogonalize((ns_coefficients,) * ns_steps, eps)) * scales[adjust_lr_fn]
    return Optimizer(rule + weight_decay * Weights() if weight_decay else rule, lr)


@spelled("torch", rest=optimizer)
def Adafactor(
    lr: Lr = 1e-2,
    beta2_decay: float = -0.8,
    eps: tuple[float | None, float] = (None, 1e-3),
    d: float = 1.0,
    weight_decay: float = 0.0,
    **rest: Any,
) -> Optimizer:
    """w ← w - min(lr, 1/√t) max(RMS(w), ε₂) u / max(1, RMS(u)/d) - lr λ w, u = g / max(√(R C / max(mean(R), ε₁)), ε₁).

    optimlab's ``adafactor``, as the paper, adds ε₁ to g² instead. eps[0]=None is float64's 2.2e-16, in torch that of
    the parameters' dtype.

    Source: torch 2.13, ``_adafactor.py``.
    """
    least = float(np.finfo(np.float64).eps) if eps[0] is None else eps[0]
    rows, columns = (Square() | whole.Mean(axis) | Ema(matrix.PowerDecay(-beta2_decay)) for axis in (-1, -2))
    square = rows * columns / (rows | whole.Mean(-2) | Clip(least, np.inf))
    update = Gradient() / (square | Root() | Clip(least, np.inf)) | whole.clip_rms(d)
    falling = (Rate() | Clip(0.0, inverse_time_decay(1.0, 1.0, power=0.5))) / Rate()
    rule = falling * (Weights() | whole.Rms() | Clip(eps[1], np.inf)) * update
    return optimizer(rule + weight_decay * Weights() if weight_decay else rule, lr, **rest)
