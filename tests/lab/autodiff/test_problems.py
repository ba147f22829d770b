"""The gradients written by hand, against automatic differentiation of the value."""

import inspect

import numpy as np
import pytest

from optimlab.lab.autodiff import grad, leaky_relu, relu, sigmoid, softmax_cross_entropy
from optimlab.lab.nets import MLP, LayerChain, PathChain, TrainingLoss, UnitChain
from optimlab.lab.nets.activations import ACTIVATIONS
from optimlab.lab.problems import (
    Beale,
    Cliff,
    Himmelblau,
    MonkeySaddle,
    Quadratic,
    Rastrigin,
    Rosenbrock,
    SaddleChain,
    Surface,
    bowl,
    noisy_quadratic,
    ravine,
    saddle,
)

SURFACES = [
    *(
        bowl(),
        bowl(5),
        ravine(100.0),
        ravine(1e6, 7),
        saddle(),
        Quadratic((3.0, -7.0, 0.0)),
        noisy_quadratic(9).surface,
    ),
    *(Rosenbrock(), Rosenbrock(5, a=0.5, b=7.0), Beale(), Himmelblau(), Rastrigin(), Rastrigin(4), MonkeySaddle()),
    *(Cliff(), Cliff(height=2.0, steepness=20.0), SaddleChain(3)),
]
FUNCTIONS = {
    "leaky_relu": leaky_relu,
    "linear": lambda z: z,
    "relu": relu,
    "sigmoid": sigmoid,
    "softplus": lambda z: np.log1p(np.exp(z)),
    "tanh": np.tanh,
}
NAMES = sorted(ACTIVATIONS)
SHARED = (1, 0, 1, 2)
PATHS = ((1, 4, 7), (8, 2, 6), (3, 6, 9))


def concrete(kind):
    """All classes of a kind of which there can be objects."""
    below = {each for part in kind.__subclasses__() for each in concrete(part)}
    return below if inspect.isabstract(kind) else below | {kind}


def test_every_surface_is_here():
    ours = {each for each in concrete(Surface) if each.__module__.startswith("optimlab.lab.problems")}
    assert {type(surface) for surface in SURFACES} == ours


@pytest.mark.parametrize("surface", SURFACES, ids=repr)
def test_surfaces(surface):
    rng = np.random.default_rng(0)
    points = np.concatenate([surface.starts, rng.normal(size=(20, surface.dimension))])
    for w in (points, points[0]):
        np.testing.assert_allclose(
            surface.gradient(w), grad(lambda w: surface._value(w).sum())(w), rtol=1e-12, atol=1e-12
        )


def net_loss(w, net, data, loss, l2):
    """The net in a few lines, for one net or replicas; the sum of the replicas' losses."""
    h, y = data
    total = 0.0
    for layer, f in enumerate(net.activations, 1):
        W, b = w[f"W{layer}"], w[f"b{layer}"]
        h = FUNCTIONS[f.name.partition("(")[0]](h @ W + b[..., None, :])
        total = total + 0.5 * l2 * (W * W).sum()
    if loss == "softmax":
        return total + softmax_cross_entropy(h, np.broadcast_to(y, h.shape[:-1])).mean(axis=-1).sum()
    return total + 0.5 * ((h - y) ** 2).sum(axis=-1).mean(axis=-1).sum()


@pytest.mark.parametrize("replicas", [None, 3])
@pytest.mark.parametrize("loss", ["softmax", "squared"])
@pytest.mark.parametrize("hidden", NAMES)
def test_nets(hidden, loss, replicas):
    rng = np.random.default_rng(0)
    net = MLP((4, 17, 6, 3), (hidden, "tanh"), output="linear" if loss == "softmax" else "sigmoid")
    y = rng.integers(3, size=20) if loss == "softmax" else rng.normal(size=(20, 3))
    data = rng.normal(size=(20, 4)), y
    w = net.views(rng.normal(size=(net.parameters,) if replicas is None else (replicas, net.parameters)))
    mine = TrainingLoss(net, data, loss=loss, l2=0.01).gradient(w)
    for name, wanted in grad(net_loss)(w, net, data, loss, 0.01).items():
        np.testing.assert_allclose(mine[name], wanted, rtol=1e-9, atol=1e-13)


def test_nets_with_data_of_their_own():
    rng = np.random.default_rng(0)
    net = MLP((4, 5, 3))
    data = rng.normal(size=(2, 20, 4)), rng.integers(3, size=(2, 20))
    w = net.views(rng.normal(size=(2, net.parameters)))
    mine = TrainingLoss(net, data).gradient(w)
    for name, wanted in grad(net_loss)(w, net, data, "softmax", 0.0).items():
        np.testing.assert_allclose(mine[name], wanted, rtol=1e-10, atol=1e-14)


def unit_cost(w, chain, f):
    """Σ (y - target)² of a chain of units, over replicas."""
    y = chain.x
    for index in chain.order:
        y = f(w["w"][..., index] * y + w["b"][..., index])
    return ((y - chain.target) ** 2).sum()


def layer_cost(weights, chain, f):
    """Σ (y - target)² of a chain of layers."""
    y = chain.x
    for W in weights:
        y = f(y @ W)
    return ((y - chain.target) ** 2).sum()


def path_cost(w, chain, f):
    """Σ (y - target)² of blocks of paths."""
    y = chain.x
    for _ in range(chain.blocks):
        y = f(sum(w[..., c] * f(w[..., b] * f(w[..., a] * y)) for a, b, c in chain.paths))
    return ((y - chain.target) ** 2).sum()


@pytest.mark.parametrize("name", NAMES)
def test_chains(name):
    rng, f = np.random.default_rng(0), FUNCTIONS[name]
    w = {"w": rng.normal(size=(6, 3)), "b": rng.normal(size=(6, 3))}
    units = UnitChain(SHARED, name, x=0.7, target=2.0)
    weights = [rng.normal(size=(2, *shape)) for shape in ((4, 6), (6, 3), (3, 2))]
    layers = LayerChain(name, rng.normal(size=(5, 4)), 0.5)
    paths = PathChain(PATHS, 3, name, x=1.0, target=3.0)
    pairs = [(units.gradient(w)[key], wanted) for key, wanted in grad(unit_cost)(w, units, f).items()]
    pairs += zip(layers.gradient(weights), grad(layer_cost)(weights, layers, f), strict=True)
    numbers = rng.normal(size=(7, 10))
    pairs.append((paths.gradient(numbers), grad(path_cost)(numbers, paths, f)))
    for mine, wanted in pairs:
        np.testing.assert_allclose(mine, wanted, rtol=1e-9, atol=1e-13)
