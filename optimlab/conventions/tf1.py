"""TensorFlow 1's ``tf.train`` optimizers, by its names; the formulas are those of its kernels, ``training_ops.cc``.

Not here: ``AdagradDAOptimizer`` and the proximal ones, and ``SyncReplicasOptimizer``.
"""

from __future__ import annotations

from typing import Any

from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.rules import basic, family
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.schedules.corrections import EpsHat

__all__ = [
    "AdadeltaOptimizer", "AdagradOptimizer", "AdamOptimizer", "FtrlOptimizer", "GradientDescentOptimizer",
    "MomentumOptimizer", "RMSPropOptimizer",
]  # fmt: skip


@spelled("TensorFlow 1")
def GradientDescentOptimizer(learning_rate: Any) -> Optimizer:
    """w ← w - η g.

    learning_rate is η.

    Source: TensorFlow 1.15, ``ApplyGradientDescent``.

    Examples
    --------
    >>> GradientDescentOptimizer(0.1)
    Optimizer(Gradient(), 0.1)
    """
    return Optimizer(Gradient(), learning_rate)


@spelled("TensorFlow 1")
def MomentumOptimizer(learning_rate: Any, momentum: float, *, use_nesterov: bool = False) -> Optimizer:
    """a ← μ a + g;  w ← w - η a, with Nesterov's momentum w ← w - η (g + μ a): η is outside, unlike in Keras.

    learning_rate is η, momentum μ. use_nesterov: whether the step looks ahead.

    Source: TensorFlow 1.15, ``ApplyMomentum``.

    Examples
    --------
    >>> MomentumOptimizer(0.1, 0.9, use_nesterov=True)
    Optimizer(Gradient() + 0.9 * Trace(0.9), 0.1)
    """
    return Optimizer(Gradient() + momentum * Trace(momentum) if use_nesterov else Trace(momentum), learning_rate)


@spelled("TensorFlow 1")
def RMSPropOptimizer(
    learning_rate: Any, decay: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-10, *, centered: bool = False
) -> Optimizer:
    """v ← ρ v + (1-ρ) g², v₀ = 1;  b ← μ b + η g / √(v + ε);  w ← w - b: ε inside the root, η inside the buffer.

    learning_rate is η, decay ρ, momentum μ, epsilon ε. centered: whether the square of the gradient's mean, which
    starts at 0, is subtracted from v.

    Source: TensorFlow 1.15, ``ApplyRMSProp``, ``ApplyCenteredRMSProp``; ones in ``RMSPropOptimizer._create_slots``.

    Examples
    --------
    >>> RMSPropOptimizer(0.1, momentum=0.5).rule
    (Rate() * Gradient() / ((Square() | Ema(0.9, first=1.0)) + 1e-10 | Root()) | Trace(0.5)) / Rate()
    """
    square = Square() | Ema(decay, first=1.0)
    spread = square - (Ema(decay) | Square()) if centered else square
    return Optimizer((Rate() * Gradient() / (spread + epsilon | Root()) | Trace(momentum)) / Rate(), learning_rate)


@spelled("TensorFlow 1")
def AdamOptimizer(
    learning_rate: Any = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """w ← w - η √(1-β₂ᵗ) / (1-β₁ᵗ) · m / (√v + ε), m and v the means that start at 0: Adam with ε / √(1-β₂ᵗ) as its ε.

    This ε is the paper's ε̂ (end of section 2); it acts as one that is 31.6 times as large in the first step.
    scikit-learn and Keras do the same.

    learning_rate is η, beta1 β₁, beta2 β₂, epsilon ε.

    Source: TensorFlow 1.15, ``ApplyAdam``.

    Examples
    --------
    >>> AdamOptimizer().rule
    Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(EpsHat(eps=1e-08, beta=0.999)))
    """
    return Optimizer(basic.adam(beta1, beta2, EpsHat(epsilon, beta2)), learning_rate)


@spelled("TensorFlow 1")
def AdagradOptimizer(learning_rate: Any, initial_accumulator_value: float = 0.1) -> Optimizer:
    """a ← a + g², a₀ = 0.1;  w ← w - η g / √a: what a starts at stands for ε.

    learning_rate is η, initial_accumulator_value a₀.

    Source: TensorFlow 1.15, ``ApplyAdagrad``.

    Examples
    --------
    >>> AdagradOptimizer(0.1)
    Optimizer(Gradient() / (Square() | Trace(1.0, first=0.1) | Root()), 0.1)
    """
    total = Square() | Trace(1.0, first=initial_accumulator_value)
    return Optimizer(Gradient() / (total | Root()), learning_rate)


@spelled("TensorFlow 1")
def AdadeltaOptimizer(learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-8) -> Optimizer:
    """w ← w - η u, u = g √(d + ε) / √(v + ε), d the mean of u² before: the paper's η is 1, this default is 0.001.

    learning_rate is η, epsilon ε. rho: the decay of both means.

    Source: TensorFlow 1.15, ``ApplyAdadelta``.

    Examples
    --------
    >>> AdadeltaOptimizer().rule
    Gradient() / ((Square() | Ema(0.95)) + 1e-08 | Root()) | StepRms(0.95, eps=1e-08)
    """
    return Optimizer(family.adadelta(rho, epsilon), learning_rate)


@spelled("TensorFlow 1")
def FtrlOptimizer(
    learning_rate: Any,
    *,
    initial_accumulator_value: float = 0.1,
    l1_regularization_strength: float = 0.0,
    l2_regularization_strength: float = 0.0,
) -> Optimizer:
    """n ← n + g²;  z ← z + g - (√n - √n') w / η;  w ← -(z - clip(z, ±λ₁)) / (√n / η + 2 λ₂), n' the n before.

    Follow the regularised leader: the weights are a function of the sums n and z alone, whose zeros are exact. They
    forget what they were before the first step, but for its share in z. TensorFlow's ``learning_rate_power`` is its
    default here, -1/2, and there is no shrinkage.

    learning_rate is η, l1_regularization_strength λ₁, l2_regularization_strength λ₂. initial_accumulator_value: n
    before the first step.

    Source: TensorFlow 1.15, ``ApplyFtrl``; McMahan et al. 2013, "Ad click prediction", algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> opt, w = FtrlOptimizer(0.5, l1_regularization_strength=1.0), np.zeros(2)
    >>> opt.step(w, np.array([0.9, -1.2])).round(6)
    array([0.      , 0.080582])
    """
    l1 = l1_regularization_strength
    total = Square() | Trace(1.0, first=initial_accumulator_value)
    grown = (total | Root()) - (total - Square() | Root())
    z = Gradient() - grown / Rate() * Weights() | Trace(1.0)
    target = (z - (z | Clip(-l1, l1))) / ((total | Root()) / Rate() + 2.0 * l2_regularization_strength)
    return Optimizer((Weights() + target) / Rate(), learning_rate)
