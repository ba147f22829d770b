"""Hand-written backpropagation against differences, autograd of torch, the chain rule and published numbers."""

import numpy as np
import pytest

from optimlab import check_gradient
from optimlab.lab.nets import Activation, LayerChain, PathChain, UnitChain, activation
from optimlab.lab.nets.activations import ACTIVATIONS

RNG = np.random.default_rng(0)
PATHS = ((1, 4, 7), (8, 2, 6), (3, 6, 9))
SHARED = (1, 0, 1, 2)


def parameters(*shape, rng=RNG):
    return {"w": rng.normal(size=shape), "b": rng.normal(size=shape)}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("target", [None, 3.0])
def test_gradients_agree_with_differences(name, target):
    rng = np.random.default_rng(3)
    unit = UnitChain(SHARED, name, x=0.7, target=target)
    assert check_gradient(unit.value, unit.gradient, parameters(3, rng=rng), rng=rng).error < 1e-7
    layers = LayerChain(name, rng.normal(size=(5, 4)), target)
    weights = [rng.normal(size=s) for s in ((4, 6), (6, 3), (3, 2))]
    assert check_gradient(layers.value, layers.gradient, weights, rng=rng).error < 1e-7
    net = PathChain(PATHS, 3, name, x=1.0, target=target)
    w = np.array([0.0, 0.9, -0.8, 1.1, 0.7, 0.0, 1.2, 0.8, 1.0, 0.9])  # one unit of three below 0, the output above
    assert check_gradient(net.value, net.gradient, w, rng=rng).error < 1e-7


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_draws_are_independent_and_keep_their_dtype(name, dtype):
    p = {key: value.astype(dtype) for key, value in parameters(2, 5, 3).items()}
    chain = UnitChain(SHARED, name, x=0.3, target=1.0)
    every, gradient = chain.value(p), chain.gradient(p)
    assert every.dtype == gradient["w"].dtype == chain.deltas(p).dtype == dtype
    one = {key: value[1, 3] for key, value in p.items()}
    assert every[1, 3] == chain.value(one)
    assert np.array_equal(gradient["b"][1, 3], chain.gradient(one)["b"])
    net, w = PathChain(PATHS, 4, name, x=1.0), RNG.normal(size=(6, 10)).astype(dtype)
    assert net.gradient(w).dtype == dtype
    assert net.gradient(w)[2] == pytest.approx(net.gradient(w[2]), rel=1e-4 if dtype == np.float32 else 1e-12)


def test_a_shared_weight_gets_the_sum_of_its_layers():
    p = {"w": np.array([0.5, -1.2]), "b": np.array([0.1, 0.2])}
    apart = UnitChain((0, 1, 2), "tanh", x=0.6).gradient({key: value[[0, 1, 0]] for key, value in p.items()})
    shared = UnitChain((0, 1, 0), "tanh", x=0.6).gradient(p)
    for key in p:
        assert shared[key] == pytest.approx([apart[key][0] + apart[key][2], apart[key][1]], rel=1e-14)


def test_layers_of_one_unit_are_a_unit_chain():
    w = RNG.normal(size=(7, 4))
    unit = UnitChain(range(4), "sigmoid", x=1.5, target=2.0)
    layers = LayerChain("sigmoid", [[1.5]], 2.0)
    matrices = [w[:, i, None, None] for i in range(4)]
    p = {"w": w, "b": np.zeros_like(w)}
    assert layers.value(matrices) == pytest.approx(unit.value(p), rel=1e-14)
    assert np.stack(layers.deltas(matrices), -1)[:, 0, 0] == pytest.approx(unit.deltas(p), rel=1e-13)
    assert np.stack(layers.gradient(matrices), -1)[:, 0, 0] == pytest.approx(unit.gradient(p)["w"], rel=1e-13)


def test_path_chain_is_its_formula():
    w, y = np.random.RandomState(3).randn(10), 1.0

    def leaky(z):
        return z if z > 0 else 0.01 * z

    for _ in range(5):
        y = leaky(sum(w[c] * leaky(w[b] * leaky(w[a] * y)) for a, b, c in PATHS))
    assert PathChain(PATHS, 5, "leaky_relu", x=1.0, target=3.0).value(w) == pytest.approx((y - 3.0) ** 2, rel=1e-12)


def test_layers_agree_with_torch():
    torch = pytest.importorskip("torch")
    x, weights = RNG.normal(size=(5, 4)), [RNG.normal(size=s) for s in ((4, 6), (6, 3))]
    leaves = [torch.tensor(W, requires_grad=True) for W in weights]
    y = torch.tensor(x)
    for W in leaves:
        y = torch.tanh(y @ W)
    ((y - 0.5) ** 2).sum().backward()
    for mine, leaf in zip(LayerChain("tanh", x, 0.5).gradient(weights), leaves, strict=True):
        assert mine == pytest.approx(leaf.grad.numpy(), rel=1e-10)


def test_top_replaces_the_slope_of_the_cost():
    chain, weights, top = LayerChain("linear", np.ones((2, 3))), [np.eye(3) * 2.0] * 2, RNG.normal(size=(2, 3))
    assert chain.deltas(weights, top)[0] == pytest.approx(2.0 * top, rel=1e-14)


def test_extremes_are_data():
    w = {"w": np.array([1e300, 1e300, -1e300]), "b": np.zeros(3)}
    chain = UnitChain(range(3), "linear", x=1.0, target=0.0)
    assert chain.value(w) == np.inf
    assert not np.isfinite(chain.gradient(w)["w"]).all()
    p = {"w": np.full(3, -1e4, np.float32), "b": np.zeros(3, np.float32)}
    assert (UnitChain(range(3), "sigmoid", x=2.0).gradient(p)["w"] == 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [1e30, -1e30, 1e200, -1e200, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("target", [None, 1.0])
@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu", "sigmoid", "softplus", "tanh"])
def test_divergence_is_data(name, target, value, dtype):
    """No warning, which would be an error here, and the shapes of what is finite."""
    w = np.full(3, np.float64(value))
    if abs(value) == 1e200 and dtype is np.float32:
        pytest.skip("no float32")
    w = w.astype(dtype)
    for order in ((0,), (0, 1, 2, 1)):
        units = UnitChain(order, name, x=2.0, target=target)
        units.value({"w": w, "b": -w})
        assert units.gradient({"w": w, "b": -w})["w"].shape == (3,)
    for depth in (1, 2, 4):
        layers = LayerChain(name, [[1.0, -1.0], [2.0, 1.0]], target)
        matrices = [np.array([[value, -value], [value, 1.0]], dtype)] * depth
        assert np.shape(layers.value(matrices)) == ()
        assert layers.gradient(matrices)[0].shape == (2, 2)
    paths = PathChain([(0, 1, 2), (2, 1, 0)], 3, name, x=1.0, target=target)
    assert np.shape(paths.value(w * [1, -1, 1])) == ()
    assert paths.gradient(w * np.array([1, -1, 1], dtype)).shape == (3,)


def test_an_infinite_weight_stays_in_its_path():
    net = PathChain([(0, 1, 2), (3, 4, 5)], 1, "sigmoid", x=1.0)
    w = np.array([1.0, np.inf, 1.0, 1.0, 1.0, 1.0])
    assert net.value(w) == pytest.approx(net.value(np.where(np.isinf(w), 1e300, w)), rel=1e-15)


def test_own_activation():
    lost = Activation("slope lost", activation("leaky_relu").function, lambda h, out: out.fill(1.0))
    p = {"w": np.array([-1.0]), "b": np.zeros(1)}
    assert UnitChain((0,), lost, x=1.0).gradient(p)["w"].item() == 1.0
    assert UnitChain((0,), "leaky_relu", x=1.0).gradient(p)["w"].item() == 0.01


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: UnitChain((), "relu", 1.0), ValueError, "order must name at least one layer"),
        (lambda: UnitChain((0, -1), "relu", 1.0), ValueError, "order must be a whole number of at least 0; got -1"),
        (lambda: UnitChain((0,), "none", 1.0), ValueError, "activation must be an Activation or one of .*; got 'none'"),
        (lambda: UnitChain((0,), "relu", np.nan), ValueError, "x must be a finite number; got nan"),
        (lambda: UnitChain((0,), "relu", 1.0, target="3"), TypeError, "target must be a finite number; got '3'"),
        (lambda: UnitChain((0, 3), "relu", 1.0).value(parameters(3)), ValueError, "n at least 4; got .3,. and .3,."),
        (
            lambda: UnitChain((0,), "relu", 1.0).value(np.ones(3)),
            TypeError,
            "parameters must be a dictionary of 'w' and 'b'",
        ),
        (lambda: UnitChain((0,), "relu", 1.0).value({"w": [1j], "b": [0]}), TypeError, "w must be real numbers"),
        (lambda: LayerChain("relu", [1.0, 2.0]), ValueError, r"x must have shape \(samples, fan_in\), .*; got \(2,\)"),
        (lambda: LayerChain("relu", [[1.0, np.nan]]), ValueError, "x must be finite"),
        (lambda: LayerChain("relu", np.ones((0, 2))), ValueError, r"x must have shape \(samples, fan_in\)"),
        (lambda: LayerChain("relu", np.ones((2, 0))), ValueError, r"x must have shape \(samples, fan_in\)"),
        (lambda: LayerChain("relu", [[1.0]]).value(3), TypeError, "weights must be a sequence of arrays"),
        (
            lambda: LayerChain("relu", [[1.0]]).value([np.ones((4, 1, 1)), np.ones((3, 1, 1))]),
            ValueError,
            r"weights\[1\] must have the replicas of the layers before, \(4,\); got \(3,\)",
        ),
        (lambda: LayerChain("relu", [[1.0]]).deltas([np.eye(1)], np.ones(3)), ValueError, "top must have the shape"),
        (lambda: LayerChain("relu", [[1.0]]).deltas([np.eye(1)], "up"), TypeError, "top must be real numbers"),
        (lambda: UnitChain(3, "relu", 1.0), TypeError, "order must be a sequence of whole numbers; got 3"),
        (lambda: PathChain((1, 2), 2, "relu", 1.0), ValueError, "paths must be at least one triple"),
        (lambda: PathChain(3, 2, "relu", 1.0), ValueError, "paths must be at least one triple"),
        (lambda: LayerChain("relu", [[1.0]]).value([]), ValueError, "weights must hold at least one layer"),
        (lambda: LayerChain("relu", [[1.0]]).value([np.eye(2)]), ValueError, r"weights\[0\] must have shape"),
        (lambda: PathChain((), 2, "relu", 1.0), ValueError, "paths must be at least one triple"),
        (lambda: PathChain(((0, 1),), 2, "relu", 1.0), ValueError, "paths must be at least one triple"),
        (lambda: PathChain(PATHS, 0, "relu", 1.0), ValueError, "blocks must be a whole number of at least 1; got 0"),
        (lambda: PathChain(PATHS, 2, "none", 1.0), ValueError, "activation must be an Activation or one of"),
        (lambda: PathChain(PATHS, 2, "relu", 1.0).value(np.ones(9)), ValueError, "n at least 10; got"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
