"""pytorch_optimizer's rules without a second moment."""

from __future__ import annotations

from typing import Any

from optimlab.conventions.pytorch_optimizer.common import decaying, masked
from optimlab.conventions.spelling import spelled
from optimlab.conventions.torch.common import Betas, Lr, optimizer
from optimlab.optimizer import Optimizer
from optimlab.rules import family

__all__ = ["QHM", "AggMo", "Lion", "SignSGD"]


@spelled("pytorch_optimizer", rest=decaying)
def AggMo(
    lr: Lr = 1e-3,
    betas: tuple[float, ...] = (0.0, 0.9, 0.99),
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr (v₁ + ... + vₙ)/n, vᵢ ← βᵢ vᵢ + g: optimlab's ``aggmo``.

    Source: pytorch_optimizer 4.1, ``aggmo.py``.
    """
    return decaying(family.aggmo(betas), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def Lion(
    lr: Lr = 1e-4,
    betas: Betas = (0.9, 0.99),
    weight_decay: float = 0.0,
    weight_decouple: bool = True,
    *,
    cautious: bool = False,
    **rest: Any,
) -> Optimizer:
    """Optimlab's ``lion``; cautious: u [u g > 0] / (share + 1/n), share the mean of [u g > 0] in the leaf.

    Source: pytorch_optimizer 4.1, ``lion.py``. The authors divide the mask by max(share, 0.001).

    Examples
    --------
    >>> Lion(weight_decay=0.1, fixed_decay=True).rule
    (TwoReadings() | Sign()) + 0.1 * Weights() / Rate()
    """
    rule = family.lion(*betas)
    return decaying(masked(rule) if cautious else rule, lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=decaying)
def QHM(
    lr: Lr = 1e-3,
    momentum: float = 0.0,
    nu: float = 1.0,
    weight_decay: float = 0.0,
    weight_decouple: bool = False,
    **rest: Any,
) -> Optimizer:
    """w ← w - lr ((1-ν) g + ν m): optimlab's ``qhm`` with other defaults.

    Source: pytorch_optimizer 4.1, ``qhm.py``.
    """
    return decaying(family.qhm(momentum, nu), lr, weight_decay, weight_decouple, **rest)


@spelled("pytorch_optimizer", rest=optimizer)
def SignSGD(
    lr: Lr = 1e-3, momentum: float = 0.9, weight_decay: float = 0.0, weight_decouple: bool = True, **rest: Any
) -> Optimizer:
    """w ← w - lr sign(m): optimlab's ``signum``, without momentum its ``signsgd``.

    Source: pytorch_optimizer 4.1, ``sgd.py``.
    """
    rule = family.signum(momentum) if momentum else family.signsgd()
    return decaying(rule, lr, weight_decay, weight_decouple, **rest)
