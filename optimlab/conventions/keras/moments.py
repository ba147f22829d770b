"""Keras's Adam and its relatives: ε̂, the mean square without correction, where torch and optax correct it."""

from __future__ import annotations

from typing import Any

from optimlab.conventions.keras.common import LearningRate, optimizer
from optimlab.conventions.spelling import spelled
from optimlab.hooks.points import schedule_free
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Constant, Rule
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Abs, Gradient, Root, Square
from optimlab.rules.family import nadam
from optimlab.rules.feedback import RunningMax
from optimlab.schedules.corrections import EpsHat, Mass
from optimlab.schedules.decay import linear

__all__ = ["Adam", "AdamW", "Adamax", "Nadam", "ScheduleFreeAdamW"]


def _adam(beta_1: float, beta_2: float, epsilon: float, amsgrad: bool) -> Rule:
    square = Square() | Ema(beta_2, debias=True)
    if amsgrad:
        square = (Square() | Ema(beta_2) | RunningMax()) / Mass(beta_2)
    return Ema(beta_1, debias=True) / (square | Root(EpsHat(epsilon, beta_2)))


@spelled("Keras", rest=optimizer)
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
    return optimizer(_adam(beta_1, beta_2, epsilon, amsgrad), learning_rate, **rest)


@spelled("Keras", rest=optimizer)
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
    return optimizer(_adam(beta_1, beta_2, epsilon, amsgrad), learning_rate, weight_decay=weight_decay, **rest)


@spelled("Keras", rest=optimizer)
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
    return optimizer(Ema(beta_1, debias=True) / ((Abs() | RunningMax(beta_2)) + epsilon), learning_rate, **rest)


@spelled("Keras", rest=optimizer)
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
    return optimizer(nadam(beta_1, beta_2, epsilon, psi=1.0), learning_rate, **rest)


@spelled("Keras", rest=optimizer)
def ScheduleFreeAdamW(
    learning_rate: LearningRate = 0.0025,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    warmup_steps: int = 0,
    **rest: Any,
) -> Optimizer:
    """z ← z - η g(y)/(√v̂ + ε),  x ← the mean of z,  y = β₁ x + (1-β₁) z; η grows to its value in ``warmup_steps``.

    All z weigh alike in x, also those of the warm-up, unlike in schedulefree and optax. Keras has no evaluation at x:
    here it is ``averaged``. Its ``weight_decay`` moves x and leaves z; here it moves z, as in the paper.

    Source
    ------
    Defazio et al. 2024, arXiv 2405.15682.

    Examples
    --------
    >>> ScheduleFreeAdamW().hooks
    (Points(share=0.9, gain=UniformGain()),)
    """
    step: Rule = Gradient() / (Square() | Ema(beta_2, debias=True) | Root(epsilon))
    if warmup_steps > 1:
        step = Constant(linear(1.0 / warmup_steps, steps=warmup_steps - 1, final=1.0)) * step
    made = optimizer(step, learning_rate, **rest)
    made.hooks = (*made.hooks, schedule_free(beta_1))
    return made
