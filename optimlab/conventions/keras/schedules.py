"""Keras 3's learning rate schedules by its names, defaults and parameters; they see the update's index k = 0, 1, ...

Each function of ``conventions.keras`` takes one as ``learning_rate``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimlab.checks import FINITE, POSITIVE
from optimlab.conventions.spelling import spelled
from optimlab.recurrence import elementary
from optimlab.schedules.cycles import cosine_restarts
from optimlab.schedules.decay import (
    cosine_decay,
    exponential_decay,
    inverse_time_decay,
    mixed,
    polynomial_decay,
)
from optimlab.schedules.decay import staircase as stairs
from optimlab.schedules.joined import piecewise, warm_up
from optimlab.schedules.schedule import Schedule, Value, part, schedule, updates
from optimlab.typing import Floats

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay",
    "PolynomialDecay", "polynomial_laps", "strided",
]  # fmt: skip


@schedule(of=part, steps=updates)
def strided(k: Floats, of: Any, *, steps: Value) -> Any:
    """s(k) = of(steps (k + 1) - 1): a schedule that counts gradients, ``steps`` of them to an update.

    Examples
    --------
    >>> strided(ExponentialDecay(1.0, 1, 0.5), steps=2)(np.arange(3))
    array([0.5    , 0.125  , 0.03125])
    """
    return of(steps * (k + 1.0) - 1.0)


@schedule(initial=FINITE, steps=updates, power=POSITIVE, final=FINITE)
def polynomial_laps(k: Floats, initial: Value, *, steps: Value, power: Value = 1.0, final: Value = 0.0) -> Any:
    """s(k) = final + (initial - final) (1 - k/(n steps))^power, n = ⌈k/steps⌉: each lap a longer line.

    Examples
    --------
    >>> polynomial_laps(1.0, steps=2)(np.arange(6)).round(4)
    array([1.    , 0.5   , 0.    , 0.25  , 0.    , 0.1667])
    """
    laps = np.maximum(np.ceil(k / steps), 1.0)
    return mixed(initial, final, elementary.power(1.0 - k / (laps * steps), power))


@spelled("Keras")
def ExponentialDecay(
    initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Schedule:
    """s(k) = initial_learning_rate · decay_rate^(k/decay_steps), in stairs with k/decay_steps rounded down.

    Examples
    --------
    >>> ExponentialDecay(1.0, 2, 0.5, staircase=True)(np.arange(5))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25])
    """
    made = exponential_decay(initial_learning_rate, decay_rate, steps=decay_steps)
    return stairs(made, steps=decay_steps) if staircase else made


@spelled("Keras")
def InverseTimeDecay(
    initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Schedule:
    """s(k) = initial_learning_rate / (1 + decay_rate k/decay_steps), in stairs with k/decay_steps rounded down.

    Examples
    --------
    >>> InverseTimeDecay(1.0, 2, 0.5)(np.arange(5)).round(6)
    array([1.      , 0.8     , 0.666667, 0.571429, 0.5     ])
    """
    made = inverse_time_decay(initial_learning_rate, decay_rate, steps=decay_steps)
    return stairs(made, steps=decay_steps) if staircase else made


@spelled("Keras")
def PiecewiseConstantDecay(boundaries: Sequence[float], values: Sequence[float]) -> Schedule:
    """s(k) = valuesᵢ for boundariesᵢ₋₁ < k ≤ boundariesᵢ: at a boundary still the old value, unlike optax and torch.

    Examples
    --------
    >>> PiecewiseConstantDecay([2], [1.0, 0.5])(np.arange(5))
    array([1. , 1. , 1. , 0.5, 0.5])
    """
    return piecewise(values, at=[np.floor(b) + 1.0 for b in boundaries])


@spelled("Keras")
def PolynomialDecay(
    initial_learning_rate: float,
    decay_steps: float,
    end_learning_rate: float = 0.0001,
    power: float = 1.0,
    cycle: bool = False,
) -> Schedule:
    """s(k): from initial_learning_rate to end_learning_rate in decay_steps; with ``cycle`` again and again, slower.

    Examples
    --------
    >>> PolynomialDecay(1.0, 4, 0.1, cycle=True)(np.arange(7))
    array([1.    , 0.775 , 0.55  , 0.325 , 0.1   , 0.4375, 0.325 ])
    """
    form = polynomial_laps if cycle else polynomial_decay
    return form(initial_learning_rate, steps=decay_steps, power=power, final=end_learning_rate)


@spelled("Keras")
def CosineDecay(
    initial_learning_rate: float,
    decay_steps: float,
    alpha: float = 0.0,
    *,
    warmup_target: float | None = None,
    warmup_steps: float = 0,
) -> Schedule:
    """s(k): half a cosine down to alpha times its start, after a line up to warmup_target if there is one.

    ``decay_steps`` does not count the warm-up, in optax it does.

    Examples
    --------
    >>> CosineDecay(0.0, 4, warmup_target=1.0, warmup_steps=2)(np.arange(7)).round(4)
    array([0.    , 0.5   , 1.    , 0.8536, 0.5   , 0.1464, 0.    ])
    """
    top = initial_learning_rate if warmup_target is None else warmup_target
    made = cosine_decay(top, steps=decay_steps, final=alpha * top)
    if warmup_target is None or not warmup_steps:
        return made
    return warm_up(made, steps=warmup_steps, initial=initial_learning_rate)


@spelled("Keras")
def CosineDecayRestarts(
    initial_learning_rate: float, first_decay_steps: float, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0
) -> Schedule:
    """s(k): half cosines down to alpha times the start, each t_mul times as long and m_mul times as high.

    Examples
    --------
    >>> CosineDecayRestarts(1.0, 2, m_mul=0.5)(np.arange(7)).round(4)
    array([1.    , 0.5   , 0.5   , 0.4268, 0.25  , 0.0732, 0.25  ])
    """
    final = alpha * initial_learning_rate
    return cosine_restarts(initial_learning_rate, steps=first_decay_steps, growth=t_mul, factor=m_mul, final=final)
