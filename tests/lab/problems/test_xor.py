"""The 2-2-1 net: shapes, dtypes, published ends, and what it refuses."""

import numpy as np
import pytest

from optimlab import Every, Optimizer, check_gradient, descend, sgd
from optimlab.lab.nets import MLP, TrainingLoss
from optimlab.lab.problems import TwoTwoOne, legacy_normals, xor


def test_gradient_is_that_of_the_value():
    rng = np.random.default_rng(0)
    for net in (xor(), TwoTwoOne(((0.5, -1.0), (2.0, 0.0)), (0.3, -0.5))):
        assert check_gradient(net.value, net.gradient, net.draw(rng, 1)[0], rng=rng).error < 1e-7


def test_it_is_the_squared_error_of_the_net_of_this_shape():
    net, places = xor(), [0, 3, 1, 4, 2, 5, 6, 7, 8]  # unit after unit there, input after input here
    loss = TrainingLoss(MLP((2, 2, 1), "sigmoid", output="sigmoid"), (net.inputs, net.targets), loss="squared")
    w = net.draw(np.random.default_rng(1), 20)
    value, gradient = loss.value_and_gradient(np.ascontiguousarray(w[:, places]))
    np.testing.assert_allclose(net.value(w), 8 * value, rtol=1e-13)  # ½ and the mean of four
    np.testing.assert_allclose(net.gradient(w)[:, places], 8 * gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("shape", [(9,), (1, 9), (7, 9), (3, 2, 9), (0, 9)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_replicas_are_single_nets(shape, dtype):
    net = xor()
    w = np.random.default_rng(0).normal(size=shape).astype(dtype)
    before = w.copy()
    value, gradient = net.value_and_gradient(w)
    np.testing.assert_array_equal(w, before)
    assert np.shape(value) == np.shape(net.value(w)) == shape[:-1]
    assert net.outputs(w).shape == (*shape[:-1], 4)
    assert gradient.shape == shape
    assert gradient.dtype == np.asarray(value).dtype == net.outputs(w).dtype == dtype
    singles = w.reshape(-1, 9)
    for at, one in enumerate(singles):
        np.testing.assert_allclose(gradient.reshape(-1, 9)[at], net.gradient(one), rtol=1e-5, atol=1e-6)
        assert np.reshape(value, -1)[at] == pytest.approx(net.value(one), rel=1e-5)


def test_strided_and_whole_numbers():
    net, w = xor(), np.arange(36.0).reshape(9, 4)
    np.testing.assert_array_equal(net.gradient(w.T), net.gradient(w.T.copy()))
    np.testing.assert_array_equal(net.gradient(np.ones(9, int)), net.gradient(np.ones(9)))


def test_huge_weights_saturate_in_silence():
    value, gradient = xor().value_and_gradient(np.full((2, 9), -1e6))
    assert np.isfinite(value).all()
    np.testing.assert_array_equal(gradient, 0.0)
    assert np.isnan(xor().value(np.full(9, np.nan)))


def test_zero_weights_make_twins():
    """Article 001: all weights 0, one sample; the hidden units stay alike."""
    way = descend(TwoTwoOne(((1.0, 0.0),), (1.0,)), Optimizer(sgd(), lr=0.1), 1000, record=Every(1, w=np.copy))
    np.testing.assert_allclose(way["value"][[0, 1, 99, 999]], [0.25, 0.240714, 0.026009, 0.001587], rtol=0, atol=5e-7)
    twin = [0.232819, 0.0, 0.232819]
    np.testing.assert_allclose(way.w, [*twin, *twin, 1.030868, 1.030868, 1.916128], rtol=0, atol=5e-7)
    np.testing.assert_array_equal(way["w"][:, :3], way["w"][:, 3:6])


@pytest.mark.slow
def test_seed_0_solves_it_and_seed_8_does_not():
    """Article 001: 30 000 epochs at learning rate .1."""
    net = xor()
    way = descend(net, Optimizer(sgd(), lr=0.1, replicas=2), 30_000, start=legacy_normals([0, 8]), record=Every(30_000))
    np.testing.assert_allclose(net.outputs(way.w)[0], [0.017148, 0.985169, 0.985211, 0.015378], rtol=0, atol=5e-7)
    assert way["value"][-1, 1] == pytest.approx(0.50, abs=5e-3)


def test_starts():
    np.testing.assert_array_equal(legacy_normals([3])[0], np.random.RandomState(3).randn(9))
    np.testing.assert_array_equal(
        xor().draw(np.random.default_rng(2), 4), np.random.default_rng(2).standard_normal((4, 9))
    )
    assert xor().start.shape == (9,)
    assert legacy_normals([]).shape == (0, 9)
    assert xor() == xor()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TwoTwoOne((), ()), ValueError, "inputs must be pairs of numbers, at least one"),
        (lambda: TwoTwoOne(((1.0, 2.0, 3.0),), (1.0,)), ValueError, "inputs must be pairs"),
        (lambda: TwoTwoOne(((1.0, 2.0),), (1.0, 0.0)), ValueError, "one number for each of 1 inputs"),
        (lambda: TwoTwoOne(((1.0, np.nan),), (1.0,)), ValueError, "inputs must be a finite number; got nan"),
        (lambda: TwoTwoOne(((1.0, 0.0),), (np.inf,)), ValueError, "targets must be a finite number; got inf"),
        (lambda: TwoTwoOne(((1.0, 0.0), (1.0,)), (1.0, 0.0)), TypeError, "inputs must be a finite number; got"),
        (lambda: TwoTwoOne(3, (1.0,)), ValueError, "inputs must be pairs"),
        (lambda: TwoTwoOne(((1.0, 0.0),), ([1.0, 2.0],)), ValueError, "targets must hold one number"),
        (lambda: TwoTwoOne(((1.0, 0.0),) * 2, (1.0, [2.0, 3.0])), TypeError, "targets must be a finite number; got"),
        (lambda: legacy_normals([2**32]), ValueError, "seeds must be a whole number from 0 to"),
        (lambda: xor().value(np.zeros(8)), ValueError, r"w must have shape \(..., 9\)"),
        (lambda: xor().value(3.0), ValueError, r"w must have shape \(..., 9\)"),
        (lambda: xor().gradient(np.zeros(9, complex)), TypeError, "w must be real numbers"),
        (lambda: xor().draw(0.5, 3), TypeError, "rng must be a numpy.random.Generator"),
        (lambda: xor().draw(np.random.default_rng(0), 0), ValueError, "replicas must be a whole number of at least 1"),
        (lambda: legacy_normals([-1]), ValueError, "seeds must be a whole number from 0 to"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()
