"""Keras"s descent, momentum and adaptive rules without Adam"s two moments."""

from __future__ import annotations

from typing import Any

from optimlab.conventions.keras.common import LearningRate, inside, optimizer
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.rules.family import adadelta, lion
from optimlab.rules.feedback import Delay

__all__ = ["SGD", "Adadelta", "Adagrad", "Ftrl", "Lion", "RMSprop"]


@spelled("Keras", rest=optimizer)
def SGD(learning_rate: LearningRate = 0.01, momentum: float = 0.0, nesterov: bool = False, **rest: Any) -> Optimizer:
    """v ← μ v + η g;  w ← w - v, with ``nesterov`` w ← w - (μ v + η g): old steps keep their learning rate.

    Examples
    --------
    >>> SGD(momentum=0.9).rule
    (Rate() * Gradient() | Trace(0.9)) / Rate()
    """
    step = inside(Gradient(), momentum)
    return optimizer(Gradient() + momentum * step if nesterov and momentum else step, learning_rate, **rest)


@spelled("Keras", rest=optimizer)
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
    return optimizer(inside(Gradient() / (spread + epsilon | Root()), momentum), learning_rate, **rest)


@spelled("Keras", rest=optimizer)
def Adadelta(learning_rate: LearningRate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **rest: Any) -> Optimizer:
    """w ← w - η u, u = g √(d + ε)/√(v + ε), d the EMA of u²: the learning rate is 1 in the paper.

    Examples
    --------
    >>> Adadelta().rule.slots
    ('square_ema', 'steprms')
    """
    return optimizer(adadelta(rho, epsilon), learning_rate, **rest)


@spelled("Keras", rest=optimizer)
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
    return optimizer(Gradient() / (total + epsilon | Root()), learning_rate, **rest)


@spelled("Keras", rest=optimizer)
def Lion(learning_rate: LearningRate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **rest: Any) -> Optimizer:
    """w ← w - η sign(β₁ m + (1-β₁) g), m stored with β₂: as in all systems; no decay by default.

    Examples
    --------
    >>> Lion().rule
    TwoReadings() | Sign()
    """
    return optimizer(lion(beta_1, beta_2), learning_rate, **rest)


@spelled("Keras", rest=optimizer)
def Ftrl(
    learning_rate: LearningRate = 0.001,
    *,
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
    return optimizer((w - new / curvature) / Rate(), learning_rate, **rest)
