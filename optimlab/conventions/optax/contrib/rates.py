"""Rules of ``optax.contrib`` that set their learning rate themselves: from the loss, from distances, by averaging."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from optimlab.checks import choice
from optimlab.conventions.optax.parts import LearningRate, Mask, decayed, meant, moment
from optimlab.conventions.optax.schedules import warmup_constant_schedule
from optimlab.conventions.optax.transforms import chain
from optimlab.conventions.spelling import spelled
from optimlab.hooks import adaptive
from optimlab.hooks.distance import DistanceOverGradients, DistanceOverWeightedGradients, Prodigy
from optimlab.hooks.points import schedule_free as points
from optimlab.hooks.rates import Plateau
from optimlab.hooks.weight_decay import WeightDecay
from optimlab.optimizer import Optimizer
from optimlab.rules.elementwise import Gradient, Root
from optimlab.schedules.corrections import LargestRate
from optimlab.trees import mapped

__all__ = [
    "dog", "dowg", "momo", "momo_adam", "prodigy", "reduce_on_plateau", "schedule_free", "schedule_free_adamw",
    "schedule_free_eval_params", "schedule_free_sgd",
]  # fmt: skip


@spelled("optax")
def momo(learning_rate: LearningRate = 1.0, beta: float = 0.9, lower_bound: float = 0.0) -> Optimizer:
    """w ← w - min(lr, (f̄ + Σ(d w - c) - f*)₊/‖d‖²) d: ``optimlab.momo``; ``step`` needs the loss.

    optax also has a decay of the weights, and an estimate of f*.

    Source: Schaipp et al. 2024, arXiv 2305.07583; optax 0.2.8, ``contrib.momo``.
    """
    return Optimizer(Gradient(), learning_rate, hooks=[adaptive.momo(beta, lowest=lower_bound)])


@spelled("optax")
def momo_adam(
    learning_rate: LearningRate = 1e-2,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    lower_bound: float = 0.0,
) -> Optimizer:
    """w ← w - min(lr, (f̄ + Σ(d w - c) - f*)₊/Σ(d²/D)) d/D, D = √v̂ + ε: ``optimlab.momo_adam``.

    ``step`` needs the loss. optax also has a decay of the weights, and an estimate of f*.

    Source: Schaipp et al. 2024, arXiv 2305.07583; optax 0.2.8, ``contrib.momo_adam``.
    """
    return Optimizer(Gradient(), learning_rate, hooks=[adaptive.momo_adam(b1, b2, eps, lowest=lower_bound)])


def _distant(hook: Any, learning_rate: LearningRate, weight_decay: float | None, mask: Mask) -> Optimizer:
    """Return gradient descent whose rate the hook sets, the decay part of the gradient that it sees."""
    hooks = [WeightDecay(weight_decay, meant(mask)), hook] if weight_decay else [hook]
    return Optimizer(Gradient(), learning_rate, hooks=hooks)


@spelled("optax")
def dog(
    learning_rate: LearningRate = 1.0,
    init_step: tuple[str, float] = ("heuristic", 1e-6),
    eps: float = 1e-8,
    weight_decay: float | None = None,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr r/√(Σ‖g‖² + ε) g, r the largest distance from the start: ``DistanceOverGradients``.

    Of optax's first steps that by the norm of the start, ("heuristic", α), is here.

    Source: Ivgi, Hinder & Carmon 2023, arXiv 2302.12022; optax 0.2.8, ``contrib.dog``.
    """
    kind, first = init_step
    choice("init_step[0]", kind, ("heuristic",))
    return _distant(DistanceOverGradients(first, eps), learning_rate, weight_decay, mask)


@spelled("optax")
def dowg(
    learning_rate: LearningRate = 1.0,
    init_estim_sq_dist: float | None = None,
    eps: float = 1e-4,
    weight_decay: float | None = None,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr r²/(√Σr²‖g‖² + ε) g, r the largest distance from the start: ``DistanceOverWeightedGradients``.

    r² begins at ``init_estim_sq_dist``, by default ε.

    Source: Khaled, Mishchenko & Jin 2023, arXiv 2305.16284; optax 0.2.8, ``contrib.dowg``.
    """
    first = sqrt(eps if init_estim_sq_dist is None else init_estim_sq_dist)
    return _distant(DistanceOverWeightedGradients(first, eps), learning_rate, weight_decay, mask)


@spelled("optax")
def prodigy(
    learning_rate: LearningRate = 1.0,
    betas: tuple[float, float] = (0.9, 0.999),
    *,
    eps: float = 1e-8,
    estim_lr0: float = 1e-6,
    estim_lr_coef: float = 1.0,
    weight_decay: float = 0.0,
) -> Optimizer:
    """w ← w - lr d u (m/(√v + d' ε) + λ w), d the estimated distance: ``Prodigy``.

    optax's ``beta3`` is √β₂ here, its default, and there is no ``safeguard_warmup``.

    Source: Mishchenko & Defazio 2023, arXiv 2306.06101; optax 0.2.8, ``contrib.prodigy``.
    """
    hook = Prodigy(*betas, eps, estim_lr0, estim_lr_coef)
    return Optimizer(decayed(Gradient(), weight_decay), learning_rate, hooks=[hook])


@spelled("optax")
def schedule_free(
    base_optimizer: Optimizer, learning_rate: LearningRate, b1: float = 0.9, weight_lr_power: float = 2.0
) -> Optimizer:
    """z ← z - the optimizer's step at y, x ← x + c (z - x), y = β₁ x + (1-β₁) z, c ∝ (largest lr so far)ᵖ.

    ``optimlab.schedule_free`` as a hook after the optimizer's own. The parameters hold y; x is what
    ``schedule_free_eval_params`` returns, and ``opt.averaged(params)`` puts into them.

    Source: Defazio et al. 2024, arXiv 2405.15682; optax 0.2.8, ``contrib.schedule_free``.
    """
    weights = LargestRate(learning_rate, weight_lr_power) if callable(learning_rate) else None
    return chain(points(b1, weights=weights), base_optimizer)


def _warm(learning_rate: float, warmup_steps: int | None) -> LearningRate:
    return learning_rate if warmup_steps is None else warmup_constant_schedule(0.0, learning_rate, warmup_steps)


@spelled("optax")
def schedule_free_sgd(
    learning_rate: float = 1.0,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    weight_decay: float | None = None,
    weight_lr_power: float = 2.0,
) -> Optimizer:
    """z ← z - lr (g(y) + λ y), x and y as in ``schedule_free``; with a warm-up the first step does not move.

    Source: Defazio et al. 2024, arXiv 2405.15682; optax 0.2.8, ``contrib.schedule_free_sgd``.
    """
    rate = _warm(learning_rate, warmup_steps)
    return schedule_free(Optimizer(decayed(Gradient(), weight_decay or 0.0), rate), rate, b1, weight_lr_power)


@spelled("optax")
def schedule_free_adamw(
    learning_rate: float = 0.0025,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    weight_lr_power: float = 2.0,
) -> Optimizer:
    """z ← z - lr (g(y)/(√v̂ + ε) + λ y), x and y as in ``schedule_free``; with a warm-up the first step does not move.

    Source: Defazio et al. 2024, arXiv 2405.15682; optax 0.2.8, ``contrib.schedule_free_adamw``.
    """
    rate, rule = _warm(learning_rate, warmup_steps), Gradient() / (moment(b2) | Root(eps))
    return schedule_free(Optimizer(decayed(rule, weight_decay), rate), rate, b1, weight_lr_power)


def schedule_free_eval_params(state: Optimizer, params: Any) -> Any:
    """Return x, the parameters to evaluate, as copies; the state is the optimizer."""
    with state.averaged(params):
        return mapped(np.copy, params)


@spelled("optax")
def reduce_on_plateau(
    factor: float = 0.1, patience: int = 10, rtol: float = 1e-4, *, cooldown: int = 0, min_scale: float = 0.0
) -> Plateau:
    """lr ← lr · scale, scale ← scale · factor after ``patience`` losses without progress: ``Plateau``."""
    return Plateau(factor, patience, rtol, cooldown, min_scale)
