"""Rules of elementwise operations, each written for one array."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimlab.checks import number
from optimlab.lab.autodiff.primitive import Primitive
from optimlab.lab.autodiff.variable import RULES, Variable

__all__ = ["leaky_relu", "relu", "sigmoid"]


def _power_base(g: Any, y: Any, x: Any, p: Any) -> Any:
    if isinstance(p, (int, float)):
        return g * (p * x ** (p - 1)) if p else np.zeros_like(g)
    return g * np.where(np.equal(p, 0), 0, p * x ** np.where(np.equal(p, 0), 1, p - 1))


def _power_exponent(g: Any, y: Any, x: Any, p: Any) -> Any:
    return g * y * np.log(np.where(np.equal(y, 0), 1, x))


def _larger(g: Any, x: Any, other: Any) -> Any:
    """Pass g where x is larger, and half of it at a tie."""
    return g * (np.greater(x, other) + np.equal(x, other) / 2)


Primitive("add", np.add, [lambda g, y, a, b: g, lambda g, y, a, b: g], numpy=np.add)
Primitive("subtract", np.subtract, [lambda g, y, a, b: g, lambda g, y, a, b: -g], numpy=np.subtract)
Primitive("multiply", np.multiply, [lambda g, y, a, b: g * b, lambda g, y, a, b: g * a], numpy=np.multiply)
Primitive("divide", np.divide, [lambda g, y, a, b: g / b, lambda g, y, a, b: -g * (y / b)], numpy=np.divide)
Primitive("power", np.power, [_power_base, _power_exponent], numpy=np.power)
Primitive("negative", np.negative, [lambda g, y, x: -g], numpy=np.negative)
Primitive("square", np.square, [lambda g, y, x: g * (2 * x)], numpy=np.square)
Primitive("reciprocal", np.reciprocal, [lambda g, y, x: -g * y * y], numpy=np.reciprocal)
Primitive("sqrt", np.sqrt, [lambda g, y, x: g / (2 * y)], numpy=np.sqrt)
Primitive("exp", np.exp, [lambda g, y, x: g * y], numpy=np.exp)
Primitive("expm1", np.expm1, [lambda g, y, x: g * (y + 1)], numpy=np.expm1)
Primitive("log", np.log, [lambda g, y, x: g / x], numpy=np.log)
Primitive("log1p", np.log1p, [lambda g, y, x: g / (1 + x)], numpy=np.log1p)
Primitive("sin", np.sin, [lambda g, y, x: g * np.cos(x)], numpy=np.sin)
Primitive("cos", np.cos, [lambda g, y, x: -g * np.sin(x)], numpy=np.cos)
Primitive("tanh", np.tanh, [lambda g, y, x: g * _sech2(x)], numpy=np.tanh)
Primitive("absolute", np.absolute, [lambda g, y, x: g * np.sign(x)], numpy=np.absolute)
Primitive(
    "maximum", np.maximum, [lambda g, y, a, b: _larger(g, a, b), lambda g, y, a, b: _larger(g, b, a)], numpy=np.maximum
)
Primitive(
    "minimum", np.minimum, [lambda g, y, a, b: _larger(g, b, a), lambda g, y, a, b: _larger(g, a, b)], numpy=np.minimum
)
Primitive(
    "where",
    np.where,
    [
        lambda g, y, condition, a, b: np.zeros_like(g),
        lambda g, y, condition, a, b: np.where(condition, g, 0),
        lambda g, y, condition, a, b: np.where(condition, 0, g),
    ],
    numpy=np.where,
)


def _sech2(x: Any) -> Any:
    """tanh′, which keeps its relative precision where tanh is 1: 1 - tanh² would be 0."""
    e = np.exp(-2 * np.abs(x))
    return 4 * e / (1 + e) ** 2


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), e, 1) / (1 + e)


def _sigmoid_slope(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return e / (1 + e) ** 2


_SIGMOID = Primitive("sigmoid", _sigmoid, [lambda g, y, x: g * _sigmoid_slope(x)])
_RELU = Primitive("relu", lambda x: np.maximum(x, 0), [lambda g, y, x: np.where(np.greater(x, 0), g, 0)])
_LEAKY_RELU = Primitive(
    "leaky_relu",
    lambda x, slope: np.where(np.greater(x, 0), x, slope * np.asarray(x)),
    [lambda g, y, x, slope: np.where(np.greater(x, 0), g, slope * g)],
)


def sigmoid(x: Any) -> Any:
    """1 / (1 + e⁻ˣ), in a form that neither overflows nor loses its small slopes.

    Parameters
    ----------
    x : Variable or array_like
        Any numbers.

    Returns
    -------
    Variable, ndarray or float
        In (0, 1); the slope σ(1 - σ) is precise in both tails, also where σ is rounded to 1.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, sigmoid
    >>> grad(sigmoid)(0.0)
    np.float64(0.25)
    """
    return _SIGMOID(x)


def relu(x: Any) -> Any:
    """max(x, 0), with slope 0 at 0.

    ``np.maximum(x, 0)`` has the same values, and slope ½ at 0.

    Parameters
    ----------
    x : Variable or array_like
        Any numbers.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, relu
    >>> grad(lambda x: relu(x).sum())(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """
    return _RELU(x)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """x where x > 0, otherwise slope · x.

    Parameters
    ----------
    x : Variable or array_like
        Any numbers.
    slope : float
        Slope on the left, and at 0.

    Raises
    ------
    ValueError, TypeError
        If the slope is no finite number.

    Examples
    --------
    >>> from optimlab.lab.autodiff import grad, leaky_relu
    >>> grad(lambda x: leaky_relu(x).sum())(np.array([-1.0, 2.0]))
    array([0.01, 1.  ])
    """
    return _LEAKY_RELU(x, slope=number("slope", slope))


def _plain(function: Any) -> Any:
    """A function of values alone, for what has no gradient or gradient 0 almost everywhere."""
    return lambda *arguments, **options: function(
        *(a.value if isinstance(a, Variable) else a for a in arguments), **options
    )


_COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
_STEPS = (np.sign, np.floor, np.ceil, np.isfinite, np.isnan)
_FACTS = (np.shape, np.ndim, np.size, np.zeros_like, np.ones_like)
RULES.update({function: _plain(function) for function in (*_COMPARISONS, *_STEPS, *_FACTS)})
