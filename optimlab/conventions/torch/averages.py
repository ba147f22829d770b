"""torch.optim.swa_utils' averages of weights by its names: rules for ``average=``."""

from __future__ import annotations

from optimlab.conventions.spelling import spelled
from optimlab.recurrence.gains import FirstValueGain
from optimlab.recurrence.growing import UniformGain
from optimlab.rules.averages import Ema

__all__ = ["get_ema_multi_avg_fn", "get_swa_multi_avg_fn"]


@spelled("torch")
def get_ema_multi_avg_fn(decay: float = 0.999) -> Ema:
    """m ← β m + (1-β) w from the first weights: ``AveragedModel``'s EMA, for ``average=``.

    Source: torch 2.13, ``swa_utils.py``.

    Examples
    --------
    >>> get_ema_multi_avg_fn(0.9)
    Ema(FirstValueGain(beta=0.9))
    """
    return Ema(FirstValueGain(decay))


@spelled("torch")
def get_swa_multi_avg_fn() -> Ema:
    """The plain mean of the weights so far: ``AveragedModel``'s default, for ``average=``.

    Source: torch 2.13, ``swa_utils.py``.
    """
    return Ema(UniformGain())
