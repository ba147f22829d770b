"""autograd's optimizers, by its names: momentum that is a mean, a mean square that starts at 1."""

from __future__ import annotations

from optimlab.conventions.spelling import spelled
from optimlab.optimizer import Optimizer
from optimlab.rules import basic
from optimlab.rules.averages import Ema
from optimlab.rules.elementwise import Gradient, Root, Square

__all__ = ["adam", "rmsprop", "sgd"]


@spelled("autograd")
def sgd(step_size: float = 0.1, mass: float = 0.9) -> Optimizer:
    """m ← μ m + (1-μ) g;  w ← w - η m: steps that are 1-μ times those of torch, optax and Keras.

    step_size is η, mass μ.

    Source: autograd 1.9.1, ``autograd/misc/optimizers.py``, ``sgd``.

    Examples
    --------
    >>> sgd()
    Optimizer(Ema(0.9), 0.1)
    """
    return Optimizer(Ema(mass), step_size)


@spelled("autograd")
def rmsprop(step_size: float = 0.1, gamma: float = 0.9, eps: float = 1e-8) -> Optimizer:
    """v ← γ v + (1-γ) g²;  w ← w - η g / (√v + ε), and v starts at 1: short steps until that is forgotten.

    step_size is η, gamma γ, eps ε.

    Source: autograd 1.9.1, ``autograd/misc/optimizers.py``, ``rmsprop``.

    Examples
    --------
    >>> rmsprop()
    Optimizer(Gradient() / (Square() | Ema(0.9, first=1.0) | Root(1e-08)), 0.1)
    """
    return Optimizer(Gradient() / (Square() | Ema(gamma, first=1.0) | Root(eps)), step_size)


@spelled("autograd")
def adam(step_size: float = 0.001, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """w ← w - η m̂ / (√v̂ + ε), m̂ and v̂ the debiased means of g and g²: the paper's, as torch and optax.

    step_size is η, b1 β₁, b2 β₂, eps ε.

    Source: autograd 1.9.1, ``autograd/misc/optimizers.py``, ``adam``.

    Examples
    --------
    >>> adam()
    Optimizer(Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08)), 0.001)
    """
    return Optimizer(basic.adam(b1, b2, eps), step_size)
