"""optimlab: the exponentially weighted moving average and everything that is built on it.

Averages of series are in ``optimlab.ema``; the optimizers, hooks and schedules are here, and loaded when they are first
used. The atoms that rules are made of are in ``optimlab.rules``, curves and real data in ``optimlab.problems``, closed
forms in ``optimlab.theory``, and what a study needs in ``optimlab.lab``.

Examples
--------
>>> import numpy as np
>>> from optimlab import ClipNorm, Optimizer, adam, cosine_decay
>>> w = np.array([1.0, -2.0])
>>> opt = Optimizer(adam(), lr=cosine_decay(0.1, steps=200), hooks=[ClipNorm(1.0)])
>>> for _ in range(200):
...     opt.step(w, 2 * w)
>>> bool(abs(w).max() < 1e-2)
True
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from optimlab.lazy import lazily

if TYPE_CHECKING:
    from optimlab.descent import (
        Trace,
        check_gradient,
        descend,
    )
    from optimlab.hooks import (
        Accumulate,
        Ball,
        Box,
        ClipEach,
        ClipNorm,
        ClipValue,
        IndependentDecay,
        LearningRateDecay,
        Lookahead,
        NonNegative,
        Plateau,
        Project,
        Record,
        Simplex,
        SkipLarge,
        SkipNonFinite,
        WeightDecay,
    )
    from optimlab.optimizer import (
        Optimizer,
        Step,
    )
    from optimlab.rules import (
        adam,
        adamw,
        heavy_ball,
        momentum,
        nesterov,
        rmsprop,
        sgd,
    )
    from optimlab.schedules import (
        Schedule,
        constant,
        cosine_decay,
        cosine_restarts,
        cyclic,
        exponential_decay,
        inverse_time_decay,
        join,
        linear,
        linear_one_cycle,
        one_cycle,
        piecewise,
        polynomial_decay,
        staircase,
        step_decay,
        warm_up,
    )

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
    "Optimizer",
    "Plateau",
    "Project",
    "Record",
    "Schedule",
    "Simplex",
    "SkipLarge",
    "SkipNonFinite",
    "Step",
    "Trace",
    "WeightDecay",
    "adam",
    "adamw",
    "check_gradient",
    "constant",
    "cosine_decay",
    "cosine_restarts",
    "cyclic",
    "descend",
    "exponential_decay",
    "heavy_ball",
    "inverse_time_decay",
    "join",
    "linear",
    "linear_one_cycle",
    "momentum",
    "nesterov",
    "one_cycle",
    "piecewise",
    "polynomial_decay",
    "rmsprop",
    "sgd",
    "staircase",
    "step_decay",
    "warm_up",
]

_find = lazily(__name__, __all__, ("optimizer", "rules", "schedules", "hooks", "descent"))


def __getattr__(name: str) -> Any:
    if name not in __all__ and "." not in name and not name.startswith("_") and find_spec(f"optimlab.{name}"):
        return import_module(f"optimlab.{name}")
    return _find(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
