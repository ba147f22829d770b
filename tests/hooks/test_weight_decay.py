import numpy as np
import pytest

from optimlab import ClipNorm, IndependentDecay, Optimizer, WeightDecay, Weights, adam, heavy_ball, linear, sgd
from tests.hooks.steps import run


class TestWeightDecay:
    def test_it_is_the_gradient_of_half_the_square(self):
        w, v = np.array([1.0, -2.0]), np.array([1.0, -2.0])
        decayed, plain = Optimizer(adam(), 0.1, hooks=[WeightDecay(0.1)]), Optimizer(adam(), 0.1)
        for g in ([0.5, -1.0], [-0.25, 2.0], [1.0, 0.1]):
            decayed.step(w, np.array(g))
            plain.step(v, np.array(g) + 0.1 * v)
        assert np.array_equal(w, v)
        np.testing.assert_allclose(w, [0.781504399863, -1.94161889386], rtol=1e-11)  # torch, Adam + L2

    def test_torch_sgd_momentum_with_decay(self):
        path = run(
            Optimizer(heavy_ball(0.9), 0.1, hooks=[WeightDecay(0.01)]),
            np.array([1.0, -2.0]),
            [(0.5, -1), (-0.25, 2), (1, 0.1)],
        )
        np.testing.assert_allclose(
            path, [[0.949, -1.898], [0.927151, -2.004302], [0.806559749, -2.107969498]], rtol=1e-9
        )

    def test_before_clipping_it_is_clipped_and_after_it_is_not(self):
        w, g = np.array([10.0]), np.array([100.0])
        before, after = w.copy(), w.copy()
        Optimizer(sgd(), 1.0, hooks=[WeightDecay(0.5), ClipNorm(1.0)]).step(before, g)
        Optimizer(sgd(), 1.0, hooks=[ClipNorm(1.0), WeightDecay(0.5)]).step(after, g)
        assert before.tolist() == [9.0]
        assert after.tolist() == [10.0 - 1.0 - 5.0]

    def test_a_leaf_that_is_left_out_is_still_scaled(self):
        params = {"layers.weight": np.array([10.0]), "bias": np.array([10.0])}
        gradients = {"layers.weight": np.array([30.0]), "bias": np.array([40.0])}
        hooks = [ClipNorm(5.0), WeightDecay(0.1, only="*weight")]
        Optimizer(sgd(), 1.0, hooks=hooks).step(params, gradients)
        np.testing.assert_allclose([params["layers.weight"][0], params["bias"][0]], [10 - 3 - 1, 10 - 4])

    def test_a_pattern_that_means_no_leaf_is_refused(self):
        with pytest.raises(ValueError, match=r"only must name leaves; 'V\*' is none of W, b"):
            Optimizer(sgd(), 1.0, hooks=[WeightDecay(0.1, only="V*")]).step(
                {"W": np.ones(1), "b": np.ones(1)}, {"W": np.ones(1), "b": np.ones(1)}
            )

    def test_rates_of_replicas(self):
        w = np.ones((3, 2), np.float32)
        Optimizer(sgd(), 1.0, hooks=[WeightDecay([0.0, 0.25, 0.5])], replicas=3).step(w, np.zeros((3, 2), np.float32))
        assert w.tolist() == [[1, 1], [0.75, 0.75], [0.5, 0.5]]
        assert w.dtype == np.float32


def test_independent_decay_is_that_of_the_algebra_but_for_its_order():
    w, v = np.array([1.0, -2.0]), np.array([1.0, -2.0])
    optimizer = Optimizer(adam(), linear(0.1, steps=9), hooks=[IndependentDecay(0.01)])
    for g in ([0.5, -1.0], [-0.25, 2.0], [1.0, 0.1]):
        optimizer.step(w, np.array(g))
    plain = Optimizer(adam(), linear(0.1, steps=9))
    for g in ([0.5, -1.0], [-0.25, 2.0], [1.0, 0.1]):
        plain.step(v, np.array(g))
        v *= 0.99
    np.testing.assert_allclose(w, v, rtol=1e-15)
    tied, kept = np.array([2.0]), np.array([2.0])
    Optimizer(sgd() + 0.5 * Weights(), 1e-3).step(tied, np.zeros(1))
    Optimizer(sgd(), 1e-3, hooks=[IndependentDecay(0.5)]).step(kept, np.zeros(1))
    assert tied == 2 - 1e-3
    assert kept == 1


def test_independent_decay_follows_a_schedule():
    w = np.array([1.0])
    optimizer = Optimizer(sgd(), 1.0, hooks=[IndependentDecay(linear(0.5, steps=2))])
    for expected in (0.5, 0.375, 0.375):
        optimizer.step(w, np.zeros(1))
        assert w == expected
