"""torch.optim's rules without debiased moments."""

from __future__ import annotations

from typing import Any

from optimlab.checks import Range, number
from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch.common import Betas, Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.recurrence.growing import TailGain
from optimlab.rules import basic, family
from optimlab.rules.algebra import Constant
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Gradient, Weights
from optimlab.schedules.corrections import After
from optimlab.schedules.decay import inverse_time_decay

__all__ = ["ASGD", "SGD", "Adadelta", "Adagrad", "RMSprop", "Rprop"]


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
