"""torch.optim's optimizers by its names, defaults and parameters; ``lr_scheduler``; clipping and averages of weights.

What is torch's own: ε outside the root, the learning rate outside the buffer, ``weight_decay`` as part of the gradient
(except in AdamW and Muon), and ``maximize``. ``SparseAdam`` is for sparse gradients alone, see ``Optimizer.step_rows``;
``LBFGS`` searches along lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from optimlab.checks import Hyperparameter, Range, number, value
from optimlab.conventions import torch_lr_scheduler as lr_scheduler
from optimlab.conventions.spelling import spelled
from optimlab.hooks.clip import ClipValue
from optimlab.optimizer import Optimizer, Schedule
from optimlab.recurrence.gains import FirstValueGain, TailGain, UniformGain
from optimlab.rules import basic, family
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Gradient, Weights
from optimlab.schedules.corrections import After, EpsHat
from optimlab.schedules.decay import inverse_time_decay
from optimlab.settings import Checked

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = [
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
    "clip_grad_norm_", "clip_grad_value_", "get_ema_multi_avg_fn", "get_swa_multi_avg_fn", "lr_scheduler",
]  # fmt: skip

Lr = float | Schedule
Betas = tuple[float, float]


def _optimizer(
    rule: Rule, lr: Lr, weight_decay: float = 0.0, average: Rule | None = None, *, maximize: bool = False
) -> Optimizer:
    """Return the optimizer whose rule is fed -g to maximize, and g + λ w for a decay in the gradient."""
    turned = [-Gradient()] if maximize else []
    decayed = [Gradient() + weight_decay * Weights()] if weight_decay else []
    return Optimizer(reduce(or_, [*turned, *decayed, rule]), lr, average=average)


def _decaying(rule: Rule, lr: Lr, weight_decay: float, decoupled: bool, **rest: Any) -> Optimizer:
    """Return the optimizer with the decay in the gradient, or added to the rule."""
    if decoupled and weight_decay:
        return _optimizer(rule + weight_decay * Weights(), lr, **rest)
    return _optimizer(rule, lr, weight_decay, **rest)


@spelled("torch", rest=_optimizer)
def SGD(
    lr: Lr = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    **rest: Any,
) -> Optimizer:
    """v ← μ v + (1-τ) g, but v₁ = g;  w ← w - lr v: the first gradient is not dampened.

    Source
    ------
    torch 2.13, ``sgd.py``; optimlab's ``heavy_ball`` and ``nesterov`` are τ = 0.

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
    return _optimizer(Gradient() + momentum * buffer if nesterov else buffer, lr, weight_decay, **rest)


@spelled("torch", rest=_optimizer)
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

    Source
    ------
    torch 2.13, ``adam.py``.

    Examples
    --------
    >>> Adam(weight_decay=0.1).rule
    Gradient() + 0.1 * Weights() | Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08))
    """
    rule = family.amsgrad(*betas, eps) if amsgrad else basic.adam(*betas, eps)
    return _decaying(rule, lr, weight_decay, decoupled_weight_decay, **rest)


@spelled("torch", rest=_optimizer)
def AdamW(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr (m̂ / (√v̂ + ε) + λ w): ``Adam`` with a decoupled decay, as optimlab's ``adamw``.

    Source
    ------
    torch 2.13, ``adamw.py``.
    """
    return Adam(lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay=True, **rest)


@spelled("torch", rest=_optimizer)
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

    Source
    ------
    torch 2.13, ``nadam.py``.
    """
    rule = family.nadam(*betas, eps, psi=momentum_decay)
    return _decaying(rule, lr, weight_decay, decoupled_weight_decay, **rest)


@spelled("torch", rest=_optimizer)
def RAdam(
    lr: Lr = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``radam`` with ε̂ = ε / √(1-β₂ᵗ): ε is added before the correction; rectified where ρₜ > 5.

    Source
    ------
    torch 2.13, ``radam.py``; optax adds ε after the correction.
    """
    rule = family.radam(*betas, EpsHat(eps, betas[1]))
    return _decaying(rule, lr, weight_decay, decoupled_weight_decay, **rest)


@spelled("torch", rest=_optimizer)
def Adamax(
    lr: Lr = 2e-3, betas: Betas = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0, **rest: Any
) -> Optimizer:
    """w ← w - lr m̂ / u, u ← max(β₂ u, |g| + ε): optimlab's ``adamax``; Keras adds ε to u.

    Source
    ------
    torch 2.13, ``adamax.py``.
    """
    return _optimizer(family.adamax(*betas, eps), lr, weight_decay, **rest)


@spelled("torch", rest=_optimizer)
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

    Source
    ------
    torch 2.13, ``adagrad.py``.

    Examples
    --------
    >>> Adagrad(lr_decay=0.5).rule
    inverse_time_decay(1.0, 0.5) * (Gradient() / (Square() | Trace(1.0) | Root(1e-10)))
    """
    rule = family.adagrad(eps, initial_accumulator_value)
    return _optimizer(inverse_time_decay(1.0, lr_decay) * rule if lr_decay else rule, lr, weight_decay, **rest)


@spelled("torch", rest=_optimizer)
def Adadelta(
    lr: Lr = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0, **rest: Any
) -> Optimizer:
    """Optimlab's ``adadelta``: w ← w - lr u, u = g √(d + ε)/√(v + ε), d the EMA of u².

    Source
    ------
    torch 2.13, ``adadelta.py``; Keras has other defaults.
    """
    return _optimizer(family.adadelta(rho, eps), lr, weight_decay, **rest)


@spelled("torch", rest=_optimizer)
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

    Source
    ------
    torch 2.13, ``rmsprop.py``.

    Examples
    --------
    >>> RMSprop(momentum=0.9).rule
    Gradient() / (Square() | Ema(0.99) | Root(1e-08)) | Trace(0.9)
    """
    rule = family.rmsprop_centered(alpha, eps) if centered else basic.rmsprop(alpha, eps)
    return _optimizer(rule | Trace(momentum) if momentum else rule, lr, weight_decay, **rest)


@spelled("torch", rest=_optimizer)
def Rprop(
    lr: float = 1e-2, etas: Betas = (0.5, 1.2), step_sizes: Betas = (1e-6, 50.0), **rest: Any
) -> Optimizer:
    """Optimlab's ``rprop``: ``lr`` is the first size of a step and no rate; where the sign of g turns, g becomes 0.

    Source
    ------
    torch 2.13, ``rprop.py``; optax 0.2.8 emits the update of the step before.

    Examples
    --------
    >>> Rprop(0.1)
    Optimizer(StepSize(0.1), 1.0)
    """
    return _optimizer(family.rprop(lr, *etas, *step_sizes), 1.0, **rest)


@spelled("torch", rest=_optimizer)
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

    Source
    ------
    torch 2.13, ``asgd.py``; Polyak & Juditsky 1992.

    Examples
    --------
    >>> opt = ASGD(0.5, lambd=0.25)
    >>> opt.rule, opt.average
    (Gradient() + 0.25 * Weights(), Ema(TailGain(start=1000001.0)))
    """
    lr = number("lr", lr, Range("greater than 0 (one number: it falls by itself)"))
    falling = inverse_time_decay(lr, lambd * lr, power=alpha)
    rule = Gradient() + lambd * Weights() if lambd else Gradient()
    return _optimizer(rule, falling, weight_decay, Ema(TailGain(t0 + 1.0)), **rest)


@final
@dataclass(eq=False)
class _ClipGradNorm(Checked):
    """The hook of ``clip_grad_norm_``."""

    max_norm: Hyperparameter
    ranges: ClassVar[dict[str, Range]] = {"max_norm": Range("at least 0 (infinite: no limit)")}

    def before(self, step: Step) -> None:
        """Put the factor on the gradients' scale; a norm that is not finite is left to the optimizer's check."""
        if not step.idle:
            norm = step.norm(step.gradients)
            with np.errstate(invalid="ignore"):
                factor = np.minimum(1.0, value(self, "max_norm", step.t) / (norm + 1e-6))
            step.scale = step.scale * np.where(np.isfinite(norm), factor, 1.0)[()]


@spelled("torch")
def clip_grad_norm_(max_norm: Hyperparameter) -> Any:
    """g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶)), a hook; ``ClipNorm`` without the 10⁻⁶ leaves g at the limit as it is.

    Parameters
    ----------
    max_norm : float, at least 0, sequence of float, shape (S,), or schedule of such
        The limit of the norm of all leaves together.

    Source
    ------
    torch 2.13, ``nn/utils/clip_grad.py``, with norm_type=2.

    Examples
    --------
    >>> opt, w = SGD(1.0), np.zeros(2)
    >>> opt.hooks = [clip_grad_norm_(5.0)]
    >>> opt.step(w, np.array([3.0, 4.0]))
    array([-2.9999994, -3.9999992])
    """
    return _ClipGradNorm(max_norm)


@spelled("torch")
def clip_grad_value_(clip_value: Hyperparameter) -> ClipValue:
    """g ← min(max(g, -c), c): the hook ``ClipValue``.

    Source
    ------
    torch 2.13, ``nn/utils/clip_grad.py``.
    """
    return ClipValue(clip_value)


@spelled("torch")
def get_ema_multi_avg_fn(decay: float = 0.999) -> Ema:
    """m ← β m + (1-β) w from the first weights: ``AveragedModel``'s EMA, for ``average=``.

    Source
    ------
    torch 2.13, ``swa_utils.py``.

    Examples
    --------
    >>> get_ema_multi_avg_fn(0.9)
    Ema(FirstValueGain(beta=0.9))
    """
    return Ema(FirstValueGain(decay))


@spelled("torch")
def get_swa_multi_avg_fn() -> Ema:
    """The plain mean of the weights so far: ``AveragedModel``'s default, for ``average=``.

    Source
    ------
    torch 2.13, ``swa_utils.py``.
    """
    return Ema(UniformGain())
