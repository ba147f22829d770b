"""Variance propagation: what a wide layer of random weights does to signals going forward and gradients going back.

A layer is a' = φ(z) with z = Wᵀa, n inputs and independent weights of mean 0; g = n Var(w) is its variance gain. Wide
layers make z normal, of variance q = g E[a²], so every factor is an expectation over a normal z.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, choice, number, numbers, whole
from optimlab.extras import needed
from optimlab.lab.theory.domain import nonnegative, positive
from optimlab.typing import Floats

__all__ = [
    "activation_moment",
    "backward_factors",
    "forward_moments",
    "outside_probability",
    "preactivation_sd",
    "slope_moment",
    "truncated_variance",
]


_KINDS = ("linear", "relu", "leaky_relu", "tanh", "sigmoid")
# The trapezoidal rule converges exponentially in its step for a normal density times an analytic function: with these
# nodes tanh is right to 1e-12 up to q = 4000.
_X = np.linspace(-9.0, 9.0, 4001)
_P = np.exp(-_X * _X / 2.0)
_P /= _P.sum()


def activation_moment(activation: str, q: ArrayLike, *, slope: float = 0.01) -> Any:
    """E[φ(z)²] for z ~ N(0, q): q for the linear unit, q (1 + a²)/2 for a (leaky) ReLU of slope a below 0.

    For tanh and sigmoid the integral is done numerically, to about 12 digits.

    Parameters
    ----------
    activation : {"linear", "relu", "leaky_relu", "tanh", "sigmoid"}
        φ.
    q : array_like of float, at least 0
        Variance of the pre-activations.
    slope : float
        a of the leaky ReLU.

    Returns
    -------
    float or ndarray
        The mean square of the activations.

    Raises
    ------
    ValueError
        If the activation is unknown, or a q is negative or not finite.

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
    variance = nonnegative("q", q)
    if activation in ("tanh", "sigmoid"):
        return _mean_square(np.tanh if activation == "tanh" else _sigmoid, variance)
    return variance * _share(activation, slope)


def slope_moment(activation: str, q: ArrayLike, *, slope: float = 0.01) -> Any:
    """E[φ'(z)²] for z ~ N(0, q): 1 for the linear unit, (1 + a²)/2 for a (leaky) ReLU, ≤ 1/16 for the sigmoid.

    Parameters
    ----------
    activation : {"linear", "relu", "leaky_relu", "tanh", "sigmoid"}
        φ.
    q : array_like of float, at least 0
        Variance of the pre-activations.
    slope : float
        a of the leaky ReLU.

    Returns
    -------
    float or ndarray
        The mean square of the slopes.

    Raises
    ------
    ValueError
        If the activation is unknown, or a q is negative or not finite.

    Source
    ------
    Schoenholz et al. 2017, equation 5: χ = g E[φ'(z)²].

    Examples
    --------
    >>> round(float(slope_moment("sigmoid", 0.0)), 12), float(slope_moment("relu", 2.0))
    (0.0625, 0.5)
    """
    variance = nonnegative("q", q)
    if activation == "tanh":
        return _mean_square(lambda z: 1.0 - np.tanh(z) ** 2, variance)
    if activation == "sigmoid":
        return _mean_square(lambda z: _sigmoid(z) * _sigmoid(-z), variance)
    return np.zeros_like(variance)[()] + _share(activation, slope)


def forward_moments(
    activation: str, g: ArrayLike, layers: int, *, start: ArrayLike = 1.0, slope: float = 0.01
) -> Floats:
    """M₀ = start, Mₗ = E[φ(z)²] with z ~ N(0, g Mₗ₋₁): mean square of the activations, layer by layer.

    Parameters
    ----------
    activation : {"linear", "relu", "leaky_relu", "tanh", "sigmoid"}
        φ.
    g : array_like of float, at least 0
        n Var(w) with n inputs a unit.
    layers : int, at least 1
        Number of layers.
    start : array_like of float, at least 0
        Mean square of the input.
    slope : float
        a of the leaky ReLU.

    Returns
    -------
    ndarray, shape (layers + 1, ...)
        Mean squares, that of the input first.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Source
    ------
    He et al. 2015, equation 9; Poole et al. 2016, equation 3.

    Examples
    --------
    >>> forward_moments("relu", 1.0, 3)
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    gain, first = nonnegative("g", g), nonnegative("start", start)
    depth = whole("layers", layers, 1)
    moments = [np.broadcast_to(first, np.broadcast_shapes(gain.shape, first.shape))]
    for _ in range(depth):
        moments.append(activation_moment(activation, gain * moments[-1], slope=slope))
    return np.array(moments)


def backward_factors(
    activation: str, g: ArrayLike, layers: int, *, start: ArrayLike = 1.0, slope: float = 0.01
) -> Floats:
    """√(g E[φ'(zₗ)²]): factor by which the gradient's norm changes from layer l + 1 back to layer l.

    The gradient is the one by the pre-activations, δₗ = φ'(zₗ) ⊙ Wₗ₊₁ δₗ₊₁; all layers have the same width.

    Parameters
    ----------
    activation : {"linear", "relu", "leaky_relu", "tanh", "sigmoid"}
        φ.
    g : array_like of float, at least 0
        n Var(w) with n units a layer.
    layers : int, at least 1
        Number of layers.
    start : array_like of float, at least 0
        Mean square of the input.
    slope : float
        a of the leaky ReLU.

    Returns
    -------
    ndarray, shape (layers, ...)
        The factor of every layer, the first layer's first.

    Raises
    ------
    ValueError
        If an argument is out of its range.

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
    gain = np.asarray(g, np.float64)
    factors: Floats = np.sqrt(gain * slope_moment(activation, gain * moments[:-1], slope=slope))
    return factors


def preactivation_sd(n: ArrayLike, variance: ArrayLike, *, input_moment: ArrayLike = 1.0 / 3.0) -> Any:
    """√(n Var(w) E[x²]): standard deviation of a = Σ wᵢ xᵢ over n inputs; for x ~ U(-1, 1), √(n Var(w)/3).

    Parameters
    ----------
    n : array_like of int, at least 1
        Number of inputs.
    variance : array_like of float, at least 0
        Var(w), of weights of mean 0.
    input_moment : array_like of float, at least 0
        E[x²].

    Returns
    -------
    float or ndarray

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Source
    ------
    Independent terms: the variance of the sum is the sum of E[w²] E[x²].

    Examples
    --------
    >>> round(float(preactivation_sd(10_000, 1e-4)), 4)
    0.5774
    """
    inputs = numbers("n", n, Range("at least 1 and finite"))
    return np.sqrt(inputs * nonnegative("variance", variance) * nonnegative("input_moment", input_moment))


def outside_probability(sd: ArrayLike, *, bound: ArrayLike = 1.0) -> Any:
    """P(|a| > b) = erfc(b / (σ√2)) for a ~ N(0, σ²).

    Parameters
    ----------
    sd : array_like of float, above 0
        σ.
    bound : array_like of float, at least 0
        b.

    Returns
    -------
    float or ndarray

    Raises
    ------
    ValueError
        If an argument is out of its range.

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

    return erfc(nonnegative("bound", bound) / (positive("sd", sd) * np.sqrt(2.0)))


def truncated_variance(cut: ArrayLike = 2.0) -> Any:
    """1 - 2cφ(c)/(2Φ(c) - 1): variance of a standard normal that is drawn again until |z| ≤ c.

    Parameters
    ----------
    cut : array_like of float, above 0
        c, in standard deviations.

    Returns
    -------
    float or ndarray

    Raises
    ------
    ValueError
        If a cut is not above 0 and finite.

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

    c = positive("cut", cut)
    return 1.0 - np.sqrt(2.0 / np.pi) * c * np.exp(-c * c / 2.0) / erf(c / np.sqrt(2.0))


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
