"""Keras's rules that look at whole leaves: Lamb, Adafactor, Muon."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from optimlab.conventions.keras.common import LearningRate, optimizer
from optimlab.conventions.keras.moments import Adam
from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.rules.algebra import Constant
from optimlab.rules.averages import Trace
from optimlab.rules.basic import adam
from optimlab.rules.basic import nesterov as look_ahead
from optimlab.rules.elementwise import Clip, Rate, Weights
from optimlab.rules.matrix import LIKE_ADAMW, Orthogonalize, adafactor
from optimlab.rules.whole import Rms, TrustRatio
from optimlab.schedules.corrections import PowerDecay

__all__ = ["Adafactor", "Lamb", "Muon"]


@spelled("Keras", rest=optimizer)
def Lamb(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    **rest: Any,
) -> Optimizer:
    """w ← w - η ‖w‖/‖u‖ u, u = m̂/(√v̂ + ε): ε outside, after the correction. ‖w‖ is that of decayed weights.

    Examples
    --------
    >>> Lamb().rule == (adam(eps=1e-7) | TrustRatio())
    True
    """
    step = adam(beta_1, beta_2, epsilon) | TrustRatio()
    decay = rest.get("weight_decay")
    return optimizer((1.0 - decay * Rate()) * step if decay else step, learning_rate, **rest)


@spelled("Keras", rest=optimizer)
def Adafactor(
    learning_rate: LearningRate = 0.001,
    beta_2_decay: float = -0.8,
    epsilon_1: float = 1e-30,
    epsilon_2: float = 1e-3,
    clip_threshold: float = 1.0,
    relative_step: bool = True,
    **rest: Any,
) -> Optimizer:
    """``adafactor`` with min(η, 1/√t) for η: ``relative_step`` is of no effect, it limits η once more.

    Examples
    --------
    >>> Adafactor().rule.shapes((300, 200))
    ((300, 1), (1, 200))
    """
    limit = (1.0 - Constant(PowerDecay(0.5))) / Rate() | Clip(0.0, 1.0)
    step = adafactor(-beta_2_decay, clip_threshold, least=epsilon_2, eps=epsilon_1)
    if decay := rest.get("weight_decay"):  # the size is that of decayed weights
        size = Rms() | Clip(epsilon_2, inf)
        step = step / (Weights() | size) * ((1.0 - decay * Rate()) * Weights() | size)
    return optimizer(limit * step, learning_rate, **rest)


@spelled("Keras", rest=optimizer)
def Muon(
    learning_rate: LearningRate = 0.001,
    adam_beta_1: float = 0.9,
    adam_beta_2: float = 0.999,
    adam_weight_decay: float | None = 0.004,
    epsilon: float = 1e-7,
    weight_decay: float | None = 0.004,
    *,
    exclude_layers: Sequence[str] | None = None,
    muon_a: float = 3.4445,
    muon_b: float = -4.7750,
    muon_c: float = 2.0315,
    adam_lr_ratio: float = 1,
    momentum: float = 0.95,
    ns_steps: int = 5,
    nesterov: bool = True,
    rms_rate: float | None = 0.2,
    **rest: Any,
) -> Optimizer:
    """w ← w - η 0.2 √max(n, m) · orthogonalized(g + μ v), v ← μ v + g: of matrices; ``exclude_layers`` have ``Adam``.

    Keras gives Adam to all that is no matrix, and finds words in the paths of variables; here these leaves are named:
    ``exclude_layers=["bias"]`` are those with "bias" in their name, and embeddings, too, must be among them.

    Examples
    --------
    >>> list(Muon(exclude_layers=["bias"]).rule)
    ['*bias*', '*']
    """
    polynomials = ((muon_a, muon_b, muon_c),) * ns_steps
    step = (look_ahead(momentum) if nesterov else Trace(momentum)) | Orthogonalize(polynomials, eps=1e-7)
    scaled = step if rms_rate is None else step * (rms_rate / 0.2 * LIKE_ADAMW)
    whole = scaled + weight_decay * Weights() if weight_decay else scaled
    if not exclude_layers:
        return optimizer(whole, learning_rate, **rest)
    if isinstance(exclude_layers, str):
        raise TypeError(f"exclude_layers must be a list of words; got {exclude_layers!r}; write [{exclude_layers!r}]")
    other = adam_lr_ratio * Adam(1.0, adam_beta_1, adam_beta_2, epsilon).rule  # the ratio spares the decay
    decayed = other + adam_weight_decay * Weights() if adam_weight_decay else other
    return optimizer({f"*{word}*": decayed for word in exclude_layers} | {"*": whole}, learning_rate, **rest)
