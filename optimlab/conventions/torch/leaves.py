"""torch.optim's rules that look at a whole leaf."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from optimlab.checks import Range, choice, number
from optimlab.checks import whole as count
from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch.common import Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.rules import matrix, whole
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Clip, Gradient, Rate, Root, Square, Weights
from optimlab.schedules.corrections import PowerDecay
from optimlab.schedules.decay import inverse_time_decay

__all__ = ["Adafactor", "Muon"]


_SCALES: Final[dict[str, Rule]] = {
    "original": matrix.OUT_IN,
    "match_rms_adamw": matrix.LIKE_ADAMW,
    "spectral_unclamped": whole.Size(0) / whole.Size(1) | Root(),
}


@spelled("torch")
def Muon(
    lr: Lr = 1e-3,
    weight_decay: float = 0.1,
    momentum: float = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    eps: float = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> Optimizer:
    """w ← w - lr (s · orthogonalised((1-μ) g + μ m) + λ w), s = √max(1, rows/columns): optimlab's ``muon`` with an EMA.

    adjust_lr_fn="match_rms_adamw" makes s = 0.2 √max(rows, columns), "spectral_unclamped" (torch 2.14) √(rows/columns).
    torch orthogonalises in bfloat16, to about 3 digits; here it is in the dtype of the parameters.

    Source: torch 2.13, ``_muon.py``.
    """
    mean = (1.0 - momentum) * Gradient() + momentum * Ema(momentum) if nesterov else Ema(momentum)
    scale = _SCALES[choice("adjust_lr_fn", "original" if adjust_lr_fn is None else adjust_lr_fn, list(_SCALES))]
    rule = (mean | matrix.Orthogonalize((ns_coefficients,) * count("ns_steps", ns_steps, 1), eps)) * scale
    return Optimizer(rule + weight_decay * Weights() if weight_decay else rule, lr)


@spelled("torch", rest=optimizer)
def Adafactor(
    lr: Lr = 1e-2,
    beta2_decay: float = -0.8,
    eps: tuple[float | None, float] = (None, 1e-3),
    d: float = 1.0,
    weight_decay: float = 0.0,
    **rest: Any,
) -> Optimizer:
    """w ← w - min(lr, 1/√t) max(RMS(w), ε₂) u / max(1, RMS(u)/d) - lr λ w, u = g / max(√(R C / max(mean(R), ε₁)), ε₁).

    optimlab's ``adafactor``, as the paper, adds ε₁ to g² instead. eps[0]=None is float64's 2.2e-16, in torch that of
    the parameters' dtype.

    Source: torch 2.13, ``_adafactor.py``.
    """
    least = float(np.finfo(np.float64).eps) if eps[0] is None else eps[0]
    rows, columns = (Square() | whole.Mean(axis) | Ema(PowerDecay(-beta2_decay)) for axis in (-1, -2))
    square = rows * columns / (rows | whole.Mean(-2) | Clip(least, np.inf))
    update = Gradient() / (square | Root() | Clip(least, np.inf)) | whole.clip_rms(number("d", d, Range("at least 1")))
    falling = (Rate() | Clip(0.0, inverse_time_decay(1.0, 1.0, power=0.5))) / Rate()
    rule = falling * (Weights() | whole.Rms() | Clip(eps[1], np.inf)) * update
    return optimizer(rule + weight_decay * Weights() if weight_decay else rule, lr, **rest)
