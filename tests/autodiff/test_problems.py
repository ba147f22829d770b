"""The gradients written by hand, against automatic differentiation of the value."""

import numpy as np
import pytest

from optimlab.autodiff import grad, sigmoid
from optimlab.problems import TwoTwoOne, bowl, ravine, saddle, xor

SURFACES = [bowl(), bowl(5), ravine(100.0), ravine(1e6, 7), saddle()]


@pytest.mark.parametrize("surface", SURFACES, ids=repr)
def test_surfaces(surface):
    rng = np.random.default_rng(0)
    points = np.concatenate([surface.starts, rng.normal(size=(20, surface.dimension))])
    for w in (points, points[0]):
        np.testing.assert_allclose(
            surface.gradient(w), grad(lambda w: surface._value(w).sum())(w), rtol=1e-12, atol=1e-12
        )


def cost(w, net):
    """The net in a few lines, for weights of shape (9, S)."""
    total = 0.0
    for (x1, x2), t in zip(net.inputs, net.targets, strict=True):
        h1 = sigmoid(w[0] * x1 + w[1] * x2 + w[2])
        h2 = sigmoid(w[3] * x1 + w[4] * x2 + w[5])
        total = total + (sigmoid(w[6] * h1 + w[7] * h2 + w[8]) - t) ** 2
    return total.sum()


@pytest.mark.parametrize(
    "net", [xor(), TwoTwoOne(((1.0, 0.0),), (1.0,)), TwoTwoOne(((0.3, -2.0), (1.5, 0.7)), (0.1, 3.0))]
)
def test_two_two_one(net):
    w = net.draw(np.random.default_rng(0), 50)
    np.testing.assert_allclose(net.gradient(w), grad(cost)(np.array(w.T), net).T, rtol=1e-10, atol=1e-14)
