"""Activations: a function and its derivative, in place and in terms of the output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, choice, number
from optimlab.typing import Array

__all__ = ["ACTIVATIONS", "Activation", "activation"]

InPlace = Callable[[Array, Array], object]
# Not np.negative(z, out=z): NumPy 2.4 gives other numbers where z has a stride of 64 bytes, with float32 of 16.


@dataclass(frozen=True)
class Activation:
    """h = f(z), with f'(z) as a function of h: what backpropagation needs, without a copy of z.

    ``function(z, scratch)`` overwrites z with f(z), and may write to scratch, an array like z; ``derivative(h, out)``
    writes f'(z) to out, given h = f(z). ``steepest`` is max f', the measure for saturation.

    Examples
    --------
    >>> sigmoid = activation("sigmoid")
    >>> h = sigmoid([0.0, 2.0])
    >>> h.round(4), sigmoid.slope(h).round(4)
    (array([0.5   , 0.8808]), array([0.25 , 0.105]))
    """

    name: str
    function: InPlace = field(repr=False)
    derivative: InPlace = field(repr=False)
    steepest: float = 1.0

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, z: ArrayLike) -> Array:
        """Return f(z), of float32 or float64."""
        h = np.array(z, dtype=np.result_type(np.asarray(z), np.float32))
        self.function(h, np.empty_like(h))
        return h

    @np.errstate(over="ignore", invalid="ignore")
    def slope(self, h: ArrayLike) -> Array:
        """Return f'(z) for h = f(z)."""
        given = np.asarray(h)
        out = np.empty(given.shape, np.result_type(given, np.float32))
        self.derivative(given, out)
        return out


def _sigmoid(z: Array, _: Array) -> None:
    """1/(1 + e⁻ᶻ)."""
    # In float32 ½ + ½ tanh(z/2), the same function, is 1.5 times as fast, and is 0 below z = -17, as 1 - h is on the
    # other side in any case. In float64 it gains nothing.
    if z.dtype == np.float32:
        np.tanh(np.multiply(z, 0.5, out=z), out=z)
        np.add(np.multiply(z, 0.5, out=z), 0.5, out=z)
    else:
        np.exp(np.multiply(z, -1.0, out=z), out=z)
        np.reciprocal(np.add(z, 1.0, out=z), out=z)


def _sigmoid_slope(h: Array, out: Array) -> None:
    np.subtract(h, np.multiply(h, h, out=out), out=out)


def _tanh(z: Array, _: Array) -> None:
    np.tanh(z, out=z)


def _tanh_slope(h: Array, out: Array) -> None:
    np.subtract(1.0, np.multiply(h, h, out=out), out=out)


def _softplus(z: Array, _: Array) -> None:
    np.logaddexp(z, 0.0, out=z)


def _softplus_slope(h: Array, out: Array) -> None:
    np.multiply(np.expm1(np.multiply(h, -1.0, out=out), out=out), -1.0, out=out)


def _relu(z: Array, _: Array) -> None:
    np.maximum(z, 0.0, out=z)


def _relu_slope(h: Array, out: Array) -> None:
    np.greater(h, 0.0, out=out, casting="unsafe")


def _linear(z: Array, _: Array) -> None:
    pass


def _linear_slope(h: Array, out: Array) -> None:
    out.fill(1.0)


def _leaky_relu(a: float) -> Activation:
    """Return max(z, a z), with the slope a at 0."""

    def function(z: Array, scratch: Array) -> None:
        np.maximum(z, np.multiply(z, a, out=scratch), out=z)

    def derivative(h: Array, out: Array) -> None:
        np.maximum(np.greater(h, 0.0, out=out, casting="unsafe"), a, out=out)

    return Activation(f"leaky_relu({a:g})", function, derivative)


ACTIVATIONS = {
    "leaky_relu": _leaky_relu(0.01),
    "linear": Activation("linear", _linear, _linear_slope),
    "relu": Activation("relu", _relu, _relu_slope),
    "sigmoid": Activation("sigmoid", _sigmoid, _sigmoid_slope, steepest=0.25),
    "softplus": Activation("softplus", _softplus, _softplus_slope),
    "tanh": Activation("tanh", _tanh, _tanh_slope),
}


def activation(name: str | Activation, *, slope: float | None = None) -> Activation:
    """Return the activation "leaky_relu", "linear", "relu", "sigmoid", "softplus" or "tanh"; an Activation as it is.

    The slope in [0, 1), by default .01, is a of the leaky ReLU max(z, a z); no other activation has one. It is of Maas,
    Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models.

    Examples
    --------
    >>> activation("relu").name
    'relu'
    >>> activation("leaky_relu", slope=0.1)([-2.0, 0.0, 3.0])
    array([-0.2,  0. ,  3. ])
    """
    if slope is not None and name != "leaky_relu":
        raise ValueError(f"slope must be None for {name!r}; got {slope!r}; only 'leaky_relu' has one")
    if isinstance(name, Activation):
        return name
    found = ACTIVATIONS[choice("activation", name, sorted(ACTIVATIONS), kind="an Activation or one of")]
    return found if slope is None else _leaky_relu(number("slope", slope, Range("in [0, 1)")))
