"""Classes that no straight line separates: spirals that wind around each other, and the exclusive or."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from optimlab.checks import NOT_NEGATIVE, generator, number, whole
from optimlab.typing import Floats, Rng

__all__ = ["PublishedSpiral", "Samples", "published_spiral", "spiral", "xor"]


class Samples(NamedTuple):
    """Inputs X and what belongs to them, y: labels or targets.

    Examples
    --------
    >>> X, y = Samples(np.zeros((4, 2)), np.array([0, 0, 1, 1]))
    >>> len(X)
    4
    """

    X: Any
    y: Any


class PublishedSpiral(NamedTuple):
    """The data of article 000 and what its two nets start from, from one random stream.

    Examples
    --------
    >>> X, y = published_spiral().samples
    >>> float(X.sum())
    -9.615827548938192
    """

    samples: Samples
    sigmoid: dict[str, Floats]
    relu: dict[str, Floats]


def spiral(rng: Rng, classes: int = 3, *, points: int = 100, noise: float = 0.2, angle: float = 4.0) -> Samples:
    """x = r (sin θ, cos θ), θ = 2πj/K + angle · r + noise · e, r = 0 ... 1: K arms around the origin.

    All arms begin at the origin, so that K points coincide there. e ~ N(0, 1); both angles are in radians.

    Returns
    -------
    Samples
        X of shape (K · points, 2) and float64; y of shape (K · points,): 0, ..., K-1, one class after the other.

    Examples
    --------
    >>> X, y = spiral(np.random.default_rng(0), classes=5, points=40)
    >>> X.shape, np.bincount(y)
    ((200, 2), array([40, 40, 40, 40, 40]))
    """
    K, n = whole("classes", classes, 1), whole("points", points, 1)
    sd = number("noise", noise, NOT_NEGATIVE)
    angle = number("angle", angle)
    r = np.linspace(0.0, 1.0, n)
    begin = 2.0 * math.pi * np.arange(K)[:, np.newaxis] / K
    return _arms(r, begin + angle * r + sd * generator(rng).standard_normal((K, n)))


def xor() -> Samples:
    """y = 1 where one of two inputs is 1, and 0 where none or both are: X of shape (4, 2), y of shape (4,).

    Examples
    --------
    >>> from optimlab.lab.nets import MLP, TrainingLoss
    >>> loss = TrainingLoss(MLP((2, 2, 1), "sigmoid", output="sigmoid"), xor(), loss="squared")
    >>> float(loss.value(np.zeros(9)))  # half the mean of (1/2)²
    0.125
    """
    return Samples(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 0.0]))


def published_spiral(seed: int = 0, *, hidden: int = 50, noise: float = 0.2) -> PublishedSpiral:
    """θ = linspace(4j, 4(j+1)) + noise · e, W = 0.1 e, b = 0: article 000, bit for bit at seed 0.

    One legacy stream ``RandomState(seed)`` gives the 300 points of 3 classes, then the three matrices of the sigmoid
    net, then those of the ReLU net, each with two layers of ``hidden`` units: ``{"W1": (2, hidden), "b1": (hidden,),
    ...}``, of float64. ``noise`` is the standard deviation of the angle, in radians.

    Examples
    --------
    >>> published = published_spiral()
    >>> float(published.sigmoid["W1"][0, 0]), float(published.relu["W1"][0, 0])
    (-0.13065268517353165, 0.03025610022884201)
    """
    legacy = np.random.RandomState(whole("seed", seed, 0, 2**32 - 1))
    units, sd = whole("hidden", hidden, 1), number("noise", noise, NOT_NEGATIVE)
    r = np.linspace(0.0, 1.0, 100)
    theta = np.stack([np.linspace(4 * j, 4 * (j + 1), 100) + legacy.randn(100) * sd for j in range(3)])
    return PublishedSpiral(_arms(r, theta), _start(legacy, units), _start(legacy, units))


def _arms(r: Floats, theta: Floats) -> Samples:
    K, n = theta.shape
    X = np.stack([r * np.sin(theta), r * np.cos(theta)], axis=-1)
    return Samples(X.reshape(K * n, 2), np.repeat(np.arange(K), n))


def _start(legacy: np.random.RandomState, hidden: int) -> dict[str, Floats]:
    start: dict[str, Floats] = {}
    for layer, shape in enumerate(((2, hidden), (hidden, hidden), (hidden, 3)), 1):
        start |= {f"W{layer}": 0.1 * legacy.randn(*shape), f"b{layer}": np.zeros(shape[1])}
    return start
