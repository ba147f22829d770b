"""Keras 3's optimizers and schedules by its names, defaults and parameters.

What is Keras's own: the learning rate inside the momentum buffer; ε inside the root, or ε̂ without the correction of the
mean square; a decay of the weights that is decoupled in every rule.

Every optimizer also takes ``weight_decay`` (λ: w ← w - η λ w before the step), one of ``clipnorm`` (of each leaf),
``global_clipnorm`` (of all) and ``clipvalue``, ``use_ema`` with ``ema_momentum`` (``averaged`` is then the average of the
weights), and ``gradient_accumulation_steps``: the step takes the mean of so many gradients, and a schedule counts
gradients, not updates. ``learning_rate`` is a number or a schedule.

Source: keras 3.15.1, ``keras/src/optimizers``.
"""

from __future__ import annotations

from typing import Any

from optimlab.conventions.keras_schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    strided,
)
from optimlab.conventions.spelling import spelled
from optimlab.hooks.accumulate import Accumulate
from optimlab.hooks.clip import ClipEach, ClipNorm, ClipValue
from optimlab.optimizer import Optimizer, Schedule
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Abs, Clip, Gradient, Rate, Root, Square, Weights
from optimlab.rules.family import adadelta, lion, nadam
from optimlab.rules.feedback import Delay, RunningMax
from optimlab.schedules.corrections import EpsHat, Mass

__all__ = [
    "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "CosineDecay", "CosineDecayRestarts", "ExponentialDecay",
    "Ftrl", "InverseTimeDecay", "Lion", "Nadam", "PiecewiseConstantDecay", "PolynomialDecay", "RMSprop",
]  # fmt: skip

LearningRate = float | Schedule


def _optimizer(
    rule: Rule,
    learning_rate: LearningRate,
    *,
    weight_decay: float | None = None,
    clipnorm: float | None = None,
    clipvalue: float | None = None,
    global_clipnorm: float | None = None,
    use_ema: bool = False,
    ema_momentum: float = 0.99,
    gradient_accumulation_steps: int | None = None,
) -> Optimizer:
    """Return the rule with what every optimizer of Keras takes."""
    clips = {ClipEach: clipnorm, ClipValue: clipvalue, ClipNorm: global_clipnorm}
    hooks: list[Any] = [hook(limit) for hook, limit in clips.items() if limit]
    if len(hooks) > 1:
        raise ValueError("of clipnorm, clipvalue and global_clipnorm only one may be given; leave out the others")
    if gradient_accumulation_steps:
        hooks.insert(0, Accumulate(gradient_accumulation_steps))
        if callable(learning_rate):
            learning_rate = strided(learning_rate, steps=gradient_accumulation_steps)
    whole = rule + weight_decay * Weights() if weight_decay else rule
    return Optimizer(whole, learning_rate, hooks=hooks, average=Ema(ema_momentum) if use_ema else None)


def _inside(rule: Rule, momentum: float) -> Rule:
    """Return the momentum of a rule's steps, with the learning rate that each was taken at."""
    return (Rate() * rule | Trace(momentum)) / Rate() if momentum else rule


@spelled("Keras", rest=_optimizer)
def SGD(
    learning_rate: LearningRate = 0.01, momentum: float = 0.0, nesterov: bool = False, **rest: Any
) -> Optimizer:
    """v ← μ v + η g;  w ← w - v, with ``nesterov`` w ← w - (μ v + η g): old steps keep their learning rate.

    Examples
    --------
    >>> SGD(momentum=0.9).rule
    (Rate() * Gradient() | Trace(0.9)) / Rate()
    """
    step = _inside(Gradient(), momentum)
    return _optimizer(Gradient() + momentum * step if nesterov and momentum else step, learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def RMSprop(
    learning_rate: LearningRate = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - η g / √(v + ε), centred √(v - m² + ε): ε is inside the root, η inside the momentum.

    Examples
    --------
    >>> RMSprop(momentum=0.5).rule
    (Rate() * (Gradient() / ((Square() | Ema(0.9)) + 1e-07 | Root())) | Trace(0.5)) / Rate()
    """
    square = Square() | Ema(rho)
    spread = square - (Ema(rho) | Square()) if centered else square
    return _optimizer(_inside(Gradient() / (spread + epsilon | Root()), momentum), learning_rate, **rest)


def _adam(beta_1: float, beta_2: float, epsilon: float, amsgrad: bool) -> Rule:
    square = Square() | Ema(beta_2, debias=True)
    if amsgrad:
        square = (Square() | Ema(beta_2) | RunningMax()) / Mass(beta_2)
    return Ema(beta_1, debias=True) / (square | Root(EpsHat(epsilon, beta_2)))


@spelled("Keras", rest=_optimizer)
def Adam(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - η √(1-β₂ᵗ)/(1-β₁ᵗ) m / (√v + ε): Adam with ε̂; with ``amsgrad`` the largest v so far in the place of v.

    Examples
    --------
    >>> Adam().rule
    Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(EpsHat(eps=1e-07, beta=0.999)))
    """
    return _optimizer(_adam(beta_1, beta_2, epsilon, amsgrad), learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def AdamW(
    learning_rate: LearningRate = 0.001,
    weight_decay: float = 0.004,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    **rest: Any,
) -> Optimizer:
    """``Adam`` with a decay of the weights by default.

    Examples
    --------
    >>> AdamW().rule == Adam(weight_decay=0.004).rule
    True
    """
    return _optimizer(_adam(beta_1, beta_2, epsilon, amsgrad), learning_rate, weight_decay=weight_decay, **rest)


@spelled("Keras", rest=_optimizer)
def Adadelta(
    learning_rate: LearningRate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **rest: Any
) -> Optimizer:
    """w ← w - η u, u = g √(d + ε)/√(v + ε), d the EMA of u²: the learning rate is 1 in the paper.

    Examples
    --------
    >>> Adadelta().rule.slots
    ('square_ema', 'steprms')
    """
    return _optimizer(adadelta(rho, epsilon), learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def Adagrad(
    learning_rate: LearningRate = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7, **rest: Any
) -> Optimizer:
    """w ← w - η g / √(Σg² + ε): the sum begins at 0.1, ε is inside the root.

    Examples
    --------
    >>> Adagrad().rule
    Gradient() / ((Square() | Trace(1.0, first=0.1)) + 1e-07 | Root())
    """
    total = Square() | Trace(1.0, first=initial_accumulator_value)
    return _optimizer(Gradient() / (total + epsilon | Root()), learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def Adamax(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    **rest: Any,
) -> Optimizer:
    """w ← w - η m̂ / (u + ε), u ← max(β₂ u, |g|): torch and optax add ε to |g|.

    Examples
    --------
    >>> Adamax().rule
    Ema(0.9, debias=True) / ((Abs() | RunningMax(0.999)) + 1e-07)
    """
    return _optimizer(Ema(beta_1, debias=True) / ((Abs() | RunningMax(beta_2)) + epsilon), learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def Nadam(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    **rest: Any,
) -> Optimizer:
    """``nadam`` with ψ = 1: the momentum μₜ = β₁ (1 - ½ 0.96ᵗ) grows 250 times as fast as torch's.

    Examples
    --------
    >>> Nadam().rule.slots
    ('ema', 'square_ema')
    """
    return _optimizer(nadam(beta_1, beta_2, epsilon, psi=1.0), learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def Lion(
    learning_rate: LearningRate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **rest: Any
) -> Optimizer:
    """w ← w - η sign(β₁ m + (1-β₁) g), m stored with β₂: as in all systems; no decay by default.

    Examples
    --------
    >>> Lion().rule
    TwoReadings() | Sign()
    """
    return _optimizer(lion(beta_1, beta_2), learning_rate, **rest)


@spelled("Keras", rest=_optimizer)
def Ftrl(
    learning_rate: LearningRate = 0.001,
    initial_accumulator_value: float = 0.1,
    l1_regularization_strength: float = 0.0,
    l2_regularization_strength: float = 0.0,
    l2_shrinkage_regularization_strength: float = 0.0,
    beta: float = 0.0,
    **rest: Any,
) -> Optimizer:
    """w ← (clip(z, ±λ₁) - z) / ((√n + β)/η + 2 λ₂), z ← z + g + 2 λₛ w - (√n - √n⁻) w/η, n the sum of g².

    Keras's ``learning_rate_power`` is -0.5 here: the roots. Decayed weights are those that the rule sees.

    Source
    ------
    McMahan et al. 2013, "Ad click prediction", algorithm 1.

    Examples
    --------
    >>> Ftrl().rule.slots
    ('square_trace', 'square_trace_root_delay', 'trace')
    """
    w = Weights() - rest.get("weight_decay") * Rate() * Weights() if rest.get("weight_decay") else Weights()
    root = Square() | Trace(1.0, first=initial_accumulator_value) | Root()
    growth = root - (root | Delay(first=initial_accumulator_value**0.5))
    shrinkage = 2.0 * l2_shrinkage_regularization_strength * w
    total = Gradient() + shrinkage - growth * w / Rate() | Trace(1.0)
    l1 = l1_regularization_strength
    new = (total | Clip(-l1, l1)) - total
    curvature = (root + beta) / Rate() + 2.0 * l2_regularization_strength
    return _optimizer((w - new / curvature) / Rate(), learning_rate, **rest)
