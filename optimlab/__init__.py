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
from typing import Any

_HOME = {
    "optimizer": ("Optimizer", "Step"),
    "rules": ("adam", "adamw", "heavy_ball", "momentum", "nesterov", "rmsprop", "sgd"),
    "hooks": (
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
    ),
    "schedules": (
        "constant",
        "cosine_decay",
        "cosine_restarts",
        "cyclic",
        "exponential_decay",
        "inverse_time_decay",
        "join",
        "linear",
        "linear_one_cycle",
        "one_cycle",
        "piecewise",
        "polynomial_decay",
        "staircase",
        "step_decay",
        "warm_up",
    ),
    "descent": ("Trace", "check_gradient", "descend"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'optimlab' has no attribute {name!r}")
    value = getattr(import_module(f"optimlab.{_MODULE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
