"""Update rules: formulas on one number, composed by algebra."""

from optimlab.rules.algebra import Constant, Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.rules.basic import adam, adamw, heavy_ball, momentum, nesterov, rmsprop, sgd
from optimlab.rules.elementwise import Abs, Clip, Gradient, Root, Scale, Sign, Square, Weights

__all__ = [
    "Abs", "Clip", "Constant", "Ema", "Gradient", "Root", "Rule", "Scale", "Sign", "Square", "Trace", "Weights",
    "adam", "adamw", "heavy_ball", "momentum", "nesterov", "rmsprop", "sgd",
]  # fmt: skip
