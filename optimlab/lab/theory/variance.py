"""Variance propagation: what a wide layer of random weights does to signals going forward and gradients going back.

A layer is a' = φ(z) with z = Wᵀa, n inputs and independent weights of mean 0; g = n Var(w) is its variance gain. Wide
layers make z normal, of variance q = g E[a²], so every factor is an expectation over a normal z. φ is the
``activation``, one of "linear", "relu", "leaky_relu" (with the slope a below 0), "tanh" and "sigmoid".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from optimlab.checks import Range, choice, number, whole
from optimlab.extras import needed
from optimlab.lab.theory.domain import NotNegative, Positive, formula
from optimlab.typing import Floats

__all__ = [
    "activation_moment", "backward_factors", "forward_moments", "outside_probability", "preactivation_sd",
    "slope_moment", "truncated_variance",
]  # fmt: skip

_KINDS = ("linear", "relu", "leaky_relu", "tanh", "sigmoid")
# The trapezoidal rule converges exponentially in its step for a normal density times an analytic function: with these
# nodes tanh is right to 1e-12 up to q = 4000.
_X = np.linspace(-9.0, 9.0, 4001)
_P = np.exp(-_X * _X / 2.0)
_P /= _P.sum()


@formula
def activation_moment(activation: str, q: NotNegative, *, slope: float = 0.01) -> Any:
    """E[φ(z)²] for z ~ N(0, q): q for the linear unit, q (1 + a²)/2 for a (leaky) ReLU of slope a below 0.

    For tanh and sigmoid the integral is done numerically, to about 12 digits.

    Source
    ------
    He et al. 2015, equation 8; Poole et al. 2016, equation 3.

    Examples
    --------
    >>> float(activation_moment("relu", 3.0))
    1.5
    >>> round(float(activation_moment("sigmoid", 1.0)), 4)
    0.2934
    """
    if activation in ("tanh", "sigmoid"):
        return _mean_square(np.tanh if activation == "tanh" else _sigmoid, q)
    return q * _share(activation, slope)


@formula
def slope_moment(activation: str, q: NotNegative, *, slope: float = 0.01) -> Any:
    """E[φ'(z)²] for z ~ N(0, q): 1 for the linear unit, (1 + a²)/2 for a (leaky) ReLU, ≤ 1/16 for the sigmoid.

    Source
    ------
    Schoenholz et al. 2017, equation 5: χ = g E[φ'(z)²].

    Examples
    --------
    >>> round(float(slope_moment("sigmoid", 0.0)), 12), float(slope_moment("relu", 2.0))
    (0.0625, 0.5)
    """
    if activation == "tanh":
        return _mean_square(lambda z: 1.0 - np.tanh(z) ** 2, q)
    if activation == "sigmoid":
        return _mean_square(lambda z: _sigmoid(z) * _sigmoid(-z), q)
    return np.zeros_like(q) + _share(activation, slope)


@formula
def forward_moments(
    activation: str, g: NotNegative, layers: int, *, start: NotNegative = 1.0, slope: float = 0.01
) -> Floats:
    """M₀ = start, Mₗ = E[φ(z)²] with z ~ N(0, g Mₗ₋₁): mean square of the activations, layer by layer.

    Shape (layers + 1, ...), the mean square of the input, ``start``, first.

    Source
    ------
    He et al. 2015, equation 9; Poole et al. 2016, equation 3.

    Examples
    --------
    >>> forward_moments("relu", 1.0, 3)
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    moments = [np.broadcast_to(start, np.broadcast_shapes(g.shape, start.shape))]
    for _ in range(whole("layers", layers, 1)):
        moments.append(activation_moment(activation, g * moments[-1], slope=slope))
    return np.array(moments)


@formula
def backward_factors(
    activation: str, g: NotNegative, layers: int, *, start: NotNegative = 1.0, slope: float = 0.01
) -> Floats:
    """√(g E[φ'(zₗ)²]): factor by which the gradient's norm changes from layer l + 1 back to layer l.

    The gradient is the one by the pre-activations, δₗ = φ'(zₗ) ⊙ Wₗ₊₁ δₗ₊₁; all layers have the same width. Shape
    (layers, ...), the first layer's first.

    Source
    ------
    He et al. 2015, equation 13; Schoenholz et al. 2017, equation 10.

    Examples
    --------
    >>> backward_factors("relu", 2.0, 2)
    array([1., 1.])
    >>> bool(backward_factors("sigmoid", 1.0, 30).max() < 0.25)
    True
    """
    moments = forward_moments(activation, g, layers, start=start, slope=slope)
    factors: Floats = np.sqrt(g * slope_moment(activation, g * moments[:-1], slope=slope))
    return factors


@formula
def preactivation_sd(
    n: Annotated[Any, Range("at least 1 and finite")], variance: NotNegative, *, input_moment: NotNegative = 1.0 / 3.0
) -> Any:
    """√(n Var(w) E[x²]): standard deviation of a = Σ wᵢ xᵢ over n inputs; for x ~ U(-1, 1), √(n Var(w)/3).

    The weights have mean 0; ``input_moment`` is E[x²].

    Source
    ------
    Independent terms: the variance of the sum is the sum of E[w²] E[x²].

    Examples
    --------
    >>> round(float(preactivation_sd(10_000, 1e-4)), 4)
    0.5774
    """
    return np.sqrt(n * variance * input_moment)


@formula
def outside_probability(sd: Positive, *, bound: NotNegative = 1.0) -> Any:
    """P(|a| > b) = erfc(b / (σ√2)) for a ~ N(0, σ²); b is the ``bound``.

    Source
    ------
    Abramowitz & Stegun 26.2.29.

    Examples
    --------
    >>> round(float(outside_probability(0.5773503)), 4)
    0.0833
    """
    needed("scipy", "lab", "outside_probability")
    from scipy.special import erfc

    return erfc(bound / (sd * np.sqrt(2.0)))


@formula
def truncated_variance(cut: Positive = 2.0) -> Any:
    """1 - 2cφ(c)/(2Φ(c) - 1): variance of a standard normal that is drawn again until |z| ≤ c, the ``cut``.

    Source
    ------
    Johnson, Kotz & Balakrishnan 1994, section 13.10.1.

    Examples
    --------
    >>> round(float(truncated_variance()), 5), round(float(truncated_variance()) ** 0.5, 5)
    (0.77374, 0.87963)
    """
    needed("scipy", "lab", "truncated_variance")
    from scipy.special import erf

    return 1.0 - np.sqrt(2.0 / np.pi) * cut * np.exp(-cut * cut / 2.0) / erf(cut / np.sqrt(2.0))


def _mean_square(function: Callable[[Floats], Floats], q: Floats) -> Any:
    """E[f(√q x)²] for a standard normal x."""
    return function(np.sqrt(q)[..., None] * _X) ** 2 @ _P


def _share(activation: str, slope: float) -> float:
    """(1 + a²)/2 for the slope a below 0 of a function that is linear on either side of it."""
    slopes = {"linear": 1.0, "relu": 0.0, "leaky_relu": number("slope", slope)}
    return (1.0 + slopes[choice("activation", activation, _KINDS)] ** 2) / 2.0


def _sigmoid(z: Floats) -> Floats:
    half: Floats = (1.0 + np.tanh(z / 2.0)) / 2.0
    return half
