"""Update rules: formulas on one number, composed by algebra."""

from optimlab.rules.algebra import Constant, Rule
from optimlab.rules.basic import (
    Abs,
    Clip,
    Ema,
    Gradient,
    Root,
    Scale,
    Sign,
    Square,
    Trace,
    Weights,
    adam,
    adamw,
    heavy_ball,
    momentum,
    nesterov,
    rmsprop,
    sgd,
)

__all__ = [
    "Abs", "Clip", "Constant", "Ema", "Gradient", "Root", "Rule", "Scale", "Sign", "Square", "Trace", "Weights",
    "adam", "adamw", "heavy_ball", "momentum", "nesterov", "rmsprop", "sgd",
]  # fmt: skip
