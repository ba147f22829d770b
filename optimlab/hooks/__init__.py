"""Hooks: what happens before and after each step of an Optimizer, in the order of its list.

A hook is any object with ``before(step)``, ``after(step)`` or both; see ``optimlab.optimizer.Step``. With ``state()``
and ``load_state(state)`` it is part of checkpoints. A hook with state belongs to one optimizer.
"""

from typing import TYPE_CHECKING

from optimlab.lazy import lazily

if TYPE_CHECKING:
    from optimlab.hooks.clip import ClipEach, ClipNorm, ClipValue
    from optimlab.hooks.gradients import Accumulate, SkipLarge, SkipNonFinite, WeightDecay
    from optimlab.hooks.rates import LearningRateDecay, Plateau
    from optimlab.hooks.record import Record
    from optimlab.hooks.sets import Ball, Box, NonNegative, Simplex
    from optimlab.hooks.weights import IndependentDecay, Lookahead, Project

__all__ = [
    "Accumulate",
    "Ball",
    "Box",
    "ClipEach",
    "ClipNorm",
    "ClipValue",
    "IndependentDecay",
    "LearningRateDecay",
    "Lookahead",
    "NonNegative",
    "Plateau",
    "Project",
    "Record",
    "Simplex",
    "SkipLarge",
    "SkipNonFinite",
    "WeightDecay",
]

__getattr__ = lazily(__name__, __all__, ("clip", "gradients", "rates", "weights", "sets", "record"))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
