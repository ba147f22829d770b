"""optax's rules that look at whole leaves: trust ratios, factored moments, orthogonalised momentum."""

from __future__ import annotations

from math import inf

from optimlab.checks import Hyperparameter
from optimlab.conventions.optax.atoms import FactoredMean
from optimlab.conventions.optax.parts import LearningRate, Mask, decayed, inside, mean, moment, root, split
from optimlab.conventions.optax.parts import momentum as trace
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.recurrence.gains import FirstValueGain
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.rules.whole import Norm, Rms, TrustRatio, clip_rms
from optimlab.schedules.corrections import PowerDecay

__all__ = ["adafactor", "fromage", "lamb", "lars", "novograd"]


@spelled("optax")
def lars(
    learning_rate: LearningRate,
    weight_decay: Hyperparameter = 0.0,
    weight_decay_mask: Mask = True,
    trust_coefficient: float = 0.001,
    eps: float = 0.0,
    trust_ratio_mask: Mask = True,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> Optimizer:
    """b ← μ b + lr η ‖w‖/(‖x‖ + ε) x, x = g + λ w;  w ← w - b: the learning rate is inside the buffer.

    ``optimlab.lars`` has it outside. The masks are trees of booleans, or names of leaves.

    Source: You et al. 2017, arXiv 1708.03888; optax 0.2.8, ``alias.lars``.

    Examples
    --------
    >>> lars(0.1).rule
    (Rate() * (Gradient() | TrustRatio(0.001)) | Trace(0.9)) / Rate()
    """
    signal, buffer = decayed(Gradient(), weight_decay, weight_decay_mask), trace(momentum, nesterov=nesterov)
    trusting = inside(signal | TrustRatio(trust_coefficient, eps), buffer)
    return Optimizer(split(trust_ratio_mask, trusting, inside(signal, buffer)), learning_rate)


@spelled("optax")
def lamb(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    eps_root: float = 0.0,
    weight_decay: Hyperparameter = 0.0,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr ‖w‖/‖u‖ u, u = m̂ / (√(v̂ + ε_root) + ε) + λ w: ``optimlab.lamb`` with an ε_root.

    Source: You et al. 2020, arXiv 1904.00962; optax 0.2.8, ``alias.lamb``.
    """
    step = decayed(mean(b1) / root(moment(b2), eps, eps_root), weight_decay, mask)
    return Optimizer(step | TrustRatio(), learning_rate)


@spelled("optax")
def fromage(learning_rate: LearningRate, min_norm: float = 1e-6) -> Optimizer:
    """w ← (w - lr ‖w‖/‖g‖ g) / √(1 + lr²), norms at least ``min_norm``.

    With r = √(1 + lr²) that is w - lr (‖w‖/‖g‖ g / r + lr w / (r (r + 1))): nothing cancels where lr is small.

    Source: Bernstein et al. 2020, arXiv 2002.03432; optax 0.2.8, ``alias.fromage``.
    """
    least, r = Clip(min_norm, inf), (Rate() | Square()) + 1.0 | Root()
    step = Gradient() * ((Weights() | Norm() | least) / (Norm() | least))
    return Optimizer(step / r + Rate() / (r * (r + 1.0)) * Weights(), learning_rate)


@spelled("optax")
def novograd(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.25,
    eps: float = 1e-6,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
) -> Optimizer:
    """m ← β₁ m + g/(√(v + ε_root) + ε) + λ w;  w ← w - lr m, v the EMA of ‖g‖² from the first one.

    ``optimlab.novograd`` with optax's defaults, and an ε_root.

    Source: Ginsburg et al. 2019, arXiv 1905.11286; optax 0.2.8, ``scale_by_novograd``.
    """
    square = Norm() | Square() | Ema(FirstValueGain(b2))
    return Optimizer(decayed(Gradient() / root(square, eps, eps_root), weight_decay) | Trace(b1), learning_rate)


@spelled("optax")
def adafactor(
    learning_rate: LearningRate | None = None,
    min_dim_size_to_factor: int = 128,
    decay_rate: float = 0.8,
    *,
    multiply_by_parameter_scale: bool = True,
    clipping_threshold: float | None = 1.0,
    momentum: float | None = None,
    weight_decay_rate: float | None = None,
    eps: float = 1e-30,
    factored: bool = True,
    weight_decay_mask: Mask = None,
) -> Optimizer:
    """w ← w - (lr max(RMS(w), 1e-3) u/max(1, RMS(u)/d) + λ w), u = g / √(R C/mean(R)), means with β = 1 - t^-0.8.

    R and C are means over the two largest axes, if both have at least 128; else there is one v for each number. With
    momentum the learning rate is inside an EMA that is not corrected. The decay is not multiplied by the learning rate.
    Without one it is 1. ``optimlab.adafactor`` factors every matrix.

    Source: Shazeer & Stern 2018, arXiv 1804.04235; optax 0.2.8, ``alias.adafactor``, which computes t^-0.8 in float32.
    """
    largest, second = (FactoredMean(axis, min_dim_size_to_factor if factored else inf) for axis in (0, 1))
    square, average = Square() + eps, Ema(PowerDecay(decay_rate))
    rows, columns = square | largest | average, square | second | average
    step = Gradient() / (rows / (rows | second) | Root()) / (columns | Root())
    step = step if clipping_threshold is None else step | clip_rms(clipping_threshold)
    step = step * (Weights() | Rms() | Clip(1e-3, inf)) if multiply_by_parameter_scale else step
    step = step if momentum is None else inside(step, Ema(momentum))
    rule = decayed(step, weight_decay_rate / Rate(), weight_decay_mask) if weight_decay_rate else step
    return Optimizer(rule, 1.0 if learning_rate is None else learning_rate)
