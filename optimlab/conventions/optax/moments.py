"""optax's rules with moments: Adam and its kin, by optax's names, defaults and parameters.

ε is outside the root, after the correction; ``eps_root`` inside it. The decay of the weights is decoupled, and of the
leaves that ``mask`` means: a tree of booleans as there, or names of leaves.
"""

from __future__ import annotations

from optimlab.checks import Hyperparameter
from optimlab.conventions.optax.parts import LearningRate, Mask, decayed, mean, moment, root
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.rules import family
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Gradient, Square
from optimlab.rules.feedback import Delay, RunningMax
from optimlab.schedules.corrections import After, Mass, Rectified, Unrectified

__all__ = [
    "adabelief", "adam", "adamax", "adamaxw", "adamw", "adan", "amsgrad", "lion", "nadam", "nadamw", "optimistic_adam",
    "optimistic_adam_v2", "radam", "yogi",
]  # fmt: skip


def _adam(b1: float, b2: float, eps: float, eps_root: float, *, nesterov: bool) -> Rule:
    return mean(b1, nesterov=nesterov) / root(moment(b2), eps, eps_root)


@spelled("optax")
def adam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    nesterov: bool = False,
) -> Optimizer:
    """w ← w - lr m̂ / (√(v̂ + ε_root) + ε).

    With its defaults ``optimlab.adam``; ε_root inside the root is optax's own. With Nesterov it is ``nadam``.

    Source: optax 0.2.8, ``scale_by_adam``.

    Examples
    --------
    >>> adam(0.1).rule
    Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08))
    >>> adam(0.1, beta_1=0.5)
    Traceback (most recent call last):
    TypeError: optax's adam has no argument 'beta_1' (Keras's and scikit-learn's); write b1=0.5; it takes \
learning_rate, b1, b2, eps, eps_root, nesterov
    """
    return Optimizer(_adam(b1, b2, eps, eps_root, nesterov=nesterov), learning_rate)


@spelled("optax")
def nadam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    nesterov: bool = True,
) -> Optimizer:
    """w ← w - lr (β₁ m/(1-β₁ᵗ⁺¹) + (1-β₁) g/(1-β₁ᵗ)) / (√(v̂ + ε_root) + ε).

    ``optimlab.nadam`` has the growing μₜ of the paper, as torch; optax keeps it at β₁.

    Source: Dozat 2016; optax 0.2.8, ``scale_by_adam`` with ``nesterov=True``.
    """
    return adam(learning_rate, b1, b2, eps, eps_root, nesterov=nesterov)


@spelled("optax")
def adamw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    weight_decay: Hyperparameter = 1e-4,
    mask: Mask = None,
    nesterov: bool = False,
) -> Optimizer:
    """w ← w - lr (m̂ / (√(v̂ + ε_root) + ε) + λ w).

    ``optimlab.adamw`` with λ 1e-4 (torch 0.01, Keras 0.004).

    Source: Loshchilov & Hutter 2019, arXiv 1711.05101; optax 0.2.8, ``alias.adamw``.

    Examples
    --------
    >>> adamw(0.1, weight_decay=0.01, mask={"weight": True, "bias": False}).rule
    Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08)) + 0.01 * Weights(only='weight')
    """
    return Optimizer(decayed(_adam(b1, b2, eps, eps_root, nesterov=nesterov), weight_decay, mask), learning_rate)


@spelled("optax")
def nadamw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    weight_decay: Hyperparameter = 1e-4,
    mask: Mask = None,
    nesterov: bool = True,
) -> Optimizer:
    """w ← w - lr (u + λ w), u of ``nadam``: ``adamw`` with Nesterov.

    Source: Dozat 2016; optax 0.2.8, ``alias.nadamw``.
    """
    words = {"weight_decay": weight_decay, "mask": mask, "nesterov": nesterov}
    return adamw(learning_rate, b1, b2, eps, eps_root, **words)  # type: ignore[arg-type]


@spelled("optax")
def adamax(learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """w ← w - lr m̂ / u, u ← max(β₂ u, |g| + ε): ``optimlab.adamax``.

    Source: Kingma & Ba 2015, algorithm 2; optax 0.2.8, ``scale_by_adamax``.
    """
    return Optimizer(family.adamax(b1, b2, eps), learning_rate)


@spelled("optax")
def adamaxw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: Hyperparameter = 1e-4,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr (m̂ / u + λ w): ``adamax`` with decoupled decay.

    Source: optax 0.2.8, ``alias.adamaxw``.
    """
    return Optimizer(decayed(family.adamax(b1, b2, eps), weight_decay, mask), learning_rate)


@spelled("optax")
def amsgrad(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> Optimizer:
    """w ← w - lr m̂ / (√(max v̂ + ε_root) + ε).

    ``optimlab.amsgrad``, as torch, takes the maximum of v and corrects it afterwards; the paper corrects neither.

    Source: Reddi, Kale & Kumar 2018; optax 0.2.8, ``scale_by_amsgrad``.
    """
    most = Square() | Ema(b2, debias=bias_correction_nu) | RunningMax()
    return Optimizer(Ema(b1, debias=bias_correction_mu) / root(most, eps, eps_root), learning_rate)


@spelled("optax")
def radam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    threshold: float = 5.0,
    *,
    nesterov: bool = False,
) -> Optimizer:
    """w ← w - lr rₜ m̂ / (√(v̂ + ε_root) + ε) where ρₜ is over the threshold, before that w - lr m̂.

    With its defaults ``optimlab.radam``; torch takes ε before the correction.

    Source: Liu et al. 2020, arXiv 1908.03265; optax 0.2.8, ``scale_by_radam``.
    """
    rectified = Rectified(b2, threshold) * root(moment(b2), eps, eps_root)
    return Optimizer(mean(b1, nesterov=nesterov) / (rectified + Unrectified(b2, threshold)), learning_rate)


@spelled("optax")
def adabelief(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-16,
    eps_root: float = 1e-16,
    *,
    nesterov: bool = False,
) -> Optimizer:
    """w ← w - lr m̂ / (√ŝ + ε), s ← β₂ s + (1-β₂) (g - m)² + ε_root.

    ``optimlab.adabelief`` adds nothing to s. Here ε_root is kept: in the end ŝ has ε_root/(1-β₂) too much.

    Source: Zhuang et al. 2020, arXiv 2010.07468; optax 0.2.8, ``scale_by_belief``.
    """
    error = (Gradient() - Ema(b1) | Square()) + eps_root / (1.0 - b2)
    up = mean(b1, nesterov=True) if nesterov else Ema(b1) / Mass(b1)
    return Optimizer(up / root(error | Ema(b2, debias=True), eps), learning_rate)


@spelled("optax")
def yogi(learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-3) -> Optimizer:
    """w ← w - lr m̂ / (√v̂ + ε), v ← v - (1-β₂) sign(v - g²) g²: ``optimlab.yogi``, m and v begin at 1e-6.

    Source: Zaheer et al. 2018; optax 0.2.8, ``scale_by_yogi``.
    """
    return Optimizer(family.yogi(b1, b2, eps), learning_rate)


@spelled("optax")
def adan(
    learning_rate: LearningRate,
    b1: float = 0.98,
    b2: float = 0.92,
    b3: float = 0.99,
    eps: float = 1e-8,
    eps_root: float = 1e-8,
    weight_decay: Hyperparameter = 0.0,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr (m̂ + (1-β₂) d̂) / (√(n̂ + ε_root) + ε), d the EMA of g - g⁻, n that of (g + (1-β₂) (g - g⁻))².

    ``optimlab.adan`` has no ε_root. The paper divides by 1 + λ lr in the place of the decoupled decay.

    Source: Xie et al. 2022, arXiv 2208.06677; optax 0.2.8, ``scale_by_adan``.
    """
    change, share = After(1, 1.0) * (Gradient() - Delay()), 1.0 - b2
    up = Ema(b1, debias=True) + share * (change | Ema(b2, debias=True))
    square = Gradient() + share * change | Square() | Ema(b3, debias=True)
    return Optimizer(decayed(up / root(square, eps, eps_root), weight_decay, mask), learning_rate)


@spelled("optax")
def lion(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.99,
    *,
    weight_decay: Hyperparameter = 1e-3,
    mask: Mask = None,
) -> Optimizer:
    """w ← w - lr (sign(β₁ m + (1-β₁) g) + λ w), m ← β₂ m + (1-β₂) g: ``optimlab.lion`` with a decay by default.

    Source: Chen et al. 2023, arXiv 2302.06675; optax 0.2.8, ``scale_by_lion``.
    """
    return Optimizer(decayed(family.lion(b1, b2), weight_decay, mask), learning_rate)


@spelled("optax")
def optimistic_adam(
    learning_rate: float,
    optimism: float | None = None,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    nesterov: bool = True,
) -> Optimizer:
    """w ← w - lr u - optimism (u - u⁻), u of ``nadam``, no u⁻ at first; by default optimism = lr.

    optax calls it deprecated: ``optimistic_adam_v2`` measures optimism in lr, and takes schedules.

    Source: Daskalakis et al. 2018, arXiv 1711.00141; optax 0.2.8, ``alias.optimistic_adam``.
    """
    beta = 1.0 if optimism is None else optimism / learning_rate
    return optimistic_adam_v2(learning_rate, beta=beta, b1=b1, b2=b2, eps=eps, eps_root=eps_root, nesterov=nesterov)


@spelled("optax")
def optimistic_adam_v2(
    learning_rate: LearningRate,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    nesterov: bool = True,
) -> Optimizer:
    """w ← w - lr (α u + β (u - u⁻)), u of ``nadam``, no u⁻ at first.

    Source: Daskalakis et al. 2018, arXiv 1711.00141; optax 0.2.8, ``alias.optimistic_adam_v2``.
    """
    rule = _adam(b1, b2, eps, eps_root, nesterov=nesterov) | family.optimistic(alpha, beta)
    return Optimizer(rule, learning_rate)
