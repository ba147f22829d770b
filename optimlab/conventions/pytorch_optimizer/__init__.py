"""Rules of pytorch_optimizer 4.1 by its names, defaults and parameters.

What is its own: a decay of the weights in three ways (in the gradient, decoupled by ``weight_decouple``, and with
``fixed_decay`` without the learning rate), ε before the correction in LaProp and MARS, and ``cautious`` masks that are
divided by their mean + 1/n. ``weight_decouple`` is left out where False decays nothing there, since it comes after
the gradient has been used. Corrections that it keeps in float32 (LaProp, QHAdam, SimplifiedAdEMAMix) are exact here.

Not here: Ano, whose second moment is an EMA of sign(g² - v) g², and options that a function does not list.
Source: pytorch_optimizer 4.1.0, ``pytorch_optimizer/optimizer``.
"""

from optimlab.conventions.pytorch_optimizer.gradients import QHM, AggMo, Lion, SignSGD
from optimlab.conventions.pytorch_optimizer.moments import (
    AdaBelief,
    Adan,
    GrokFastAdamW,
    NovoGrad,
    QHAdam,
    StableAdamW,
    Yogi,
)
from optimlab.conventions.pytorch_optimizer.recent import ADOPT, MARS, AdEMAMix, Grams, LaProp, SimplifiedAdEMAMix

__all__ = [
    "ADOPT", "MARS", "QHM", "AdEMAMix", "AdaBelief", "Adan", "AggMo", "Grams", "GrokFastAdamW", "LaProp", "Lion",
    "NovoGrad", "QHAdam", "SignSGD", "SimplifiedAdEMAMix", "StableAdamW", "Yogi",
]  # fmt: skip
