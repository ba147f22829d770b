"""Rules of ``optax.contrib`` with moments and sums, by optax's names, defaults and parameters."""

from __future__ import annotations

from math import inf

from optimlab.checks import Hyperparameter
from optimlab.conventions.optax.atoms import CubeRoot
from optimlab.conventions.optax.parts import LearningRate, Mask, decayed, moment, root
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.recurrence.gains import FirstValueGain
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.elementwise import Abs, Clip, Gradient, Rate, Root, Square, Weights
from optimlab.rules.feedback import Delay, RunningMax
from optimlab.schedules.corrections import After, FourthRoot, SquareRoot

__all__ = ["acprop", "ademamix", "adopt", "cocob", "madgrad", "simplified_ademamix"]


@spelled("optax")
def acprop(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-16,
    eps_root: float = 1e-16,
    weight_decay: Hyperparameter = 0.0,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr g / (√ŝ⁻ + ε), s⁻ that of the step before, at first 1;  s ← β₂ s + (1-β₂) (g - m⁻)² + ε_root.

    Source: Zhuang et al. 2021, arXiv 2110.05454; optax 0.2.8, ``scale_by_acprop``.
    """
    error = (Gradient() - (Ema(b1) | Delay()) | Square()) + eps_root / (1.0 - b2)
    before = error | Ema(b2, debias=True) | Delay(first=1.0) | Root(eps)
    return Optimizer(decayed(Gradient() / before, weight_decay, mask), learning_rate)


@spelled("optax")
def ademamix(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    b3: Hyperparameter = 0.9999,
    alpha: Hyperparameter = 5.0,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    weight_decay: Hyperparameter = 0.0,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr (m̂ + α n) / (√(v̂ + ε_root) + ε), n the EMA of g with β₃, not corrected: ``optimlab.ademamix``.

    α and β₃ may be schedules, such as ``HalfLife``; they count from 0.

    Source: Pagliardini et al. 2024, arXiv 2409.03137; optax 0.2.8, ``scale_by_ademamix``.
    """
    rule = (Ema(b1, debias=True) + alpha * Ema(b3)) / root(moment(b2), eps, eps_root)
    return Optimizer(decayed(rule, weight_decay, mask), learning_rate)


@spelled("optax")
def simplified_ademamix(
    learning_rate: LearningRate,
    b1: float = 0.99,
    b2: float = 0.95,
    alpha: Hyperparameter = 0.0,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    weight_decay: Hyperparameter = 0.0,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr (m + α g) / (√(v̂ + ε_root) + ε), m ← β₁ m + g: ``optimlab.simplified_ademamix``.

    Source: Morwani et al. 2025, arXiv 2502.02431; optax 0.2.8, ``scale_by_simplified_ademamix``.
    """
    rule = (Trace(b1) + alpha * Gradient()) / root(moment(b2), eps, eps_root)
    return Optimizer(decayed(rule, weight_decay, mask), learning_rate)


@spelled("optax")
def adopt(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.9999,
    eps: float = 1e-6,
    *,
    nesterov: bool = False,
    use_clipping: bool = True,
) -> Optimizer:
    """w ← w - lr m, m the EMA of u = clip(g / max(√v⁻, ε), ±(t-1)^¼), with Nesterov β₁ m + (1-β₁) u.

    ``optimlab.adopt``: the first step is 0. pytorch_optimizer clips at t^¼. ``clip_value_fn`` is the published one.

    Source: Taniguchi et al. 2024, arXiv 2411.02853; optax 0.2.8, ``scale_by_adopt``.
    """
    before = Square() | Ema(FirstValueGain(b2)) | Delay() | Root() | Clip(eps, inf)
    bounded = Clip(FourthRoot(-1.0), FourthRoot()) if use_clipping else After(1, 1.0) * Gradient()
    read = b1 * Ema(b1) + (1.0 - b1) * Gradient() if nesterov else Ema(b1)
    return Optimizer(Gradient() / before | bounded | read, learning_rate)


def _start() -> Rule:
    """w before the first step."""
    return Weights() - After(1, 1.0) * Weights() | Trace(1.0)


@spelled("optax")
def cocob(
    learning_rate: LearningRate = 1.0,
    alpha: float = 100.0,
    eps: float = 1e-8,
    weight_decay: Hyperparameter = 0.0,
    mask: Mask = None,
) -> Optimizer:
    """w ← w₁ - Σx/(L max(Σ|x| + L, α L)) (L + R): a bet on the gradients' signs, L = max |x|, R ≥ 0 what it has won.

    R ← max(R + x (w₁ - w), 0) is the sum S of what was won and lost, above its lowest so far: S + max(0, -S, ...). The
    learning rate is on the signal, x = lr (g + λ w): a factor that cancels, but for ε, L's start.

    Source: Orabona & Tommasi 2017, arXiv 1705.07795; optax 0.2.8, ``scale_by_cocob``.
    """
    signal = Rate() * decayed(Gradient(), weight_decay, mask)
    largest, total = Abs() | RunningMax(first=eps), Abs() | Trace(1.0)
    won = Gradient() * (_start() - Weights()) | Trace(1.0)
    reward = won + (-1.0 * won | RunningMax())
    bet = Trace(1.0) / (largest * largest * (total / largest + 1.0 | Clip(alpha, inf))) * (largest + reward)
    return Optimizer((signal | Weights() - _start() + bet) / Rate(), learning_rate)


@spelled("optax")
def madgrad(
    learning_rate: LearningRate, momentum: float = 0.9, weight_decay: float = 0.0, eps: float = 1e-6
) -> Optimizer:
    """z = w₁ - Σλg / (∛Σλg² + ε), λ = (lr + ε) √t;  w ← μ w + (1-μ) z: dual averaging with a cube root.

    The decay is part of g.

    Source: Defazio & Jelassi 2021, arXiv 2101.11075; optax 0.2.8, ``scale_by_madgrad``.
    """
    weight = (Rate() + eps) * SquareRoot()
    scale = (weight * Square() | Trace(1.0) | CubeRoot()) + eps
    away = Weights() - _start() + (weight * Gradient() | Trace(1.0)) / scale
    return Optimizer((decayed(Gradient(), weight_decay) | (1.0 - momentum) * away) / Rate(), learning_rate)
