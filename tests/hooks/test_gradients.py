import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimlab import (
    Accumulate,
    ClipNorm,
    Ema,
    SkipLarge,
    SkipNonFinite,
    WeightDecay,
    adam,
    linear,
    momentum,
    piecewise,
    sgd,
)
from optimlab.optimizer import Optimizer


def run(optimizer, w, gradients):
    path = []
    for g in gradients:
        optimizer.step(w, np.asarray(g, float))
        path.append(w.copy())
    return np.array(path)


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
        from optimlab import heavy_ball

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


class TestSkipNonFinite:
    # portable case 13: optax hands the third one in a row to the weights, and so do we without the check
    def test_optax_apply_if_finite(self):
        skip = SkipNonFinite(2)
        optimizer = Optimizer(sgd(), 1.0, hooks=[skip], check_finite=False)
        nan = np.nan
        path = run(optimizer, np.zeros(1), [[1], [nan], [nan], [1], [nan], [nan], [nan]])
        np.testing.assert_array_equal(path.ravel(), [-1, -1, -1, -2, -2, -2, nan])
        assert (skip.total, skip.in_a_row) == (5, 3)

    def test_with_the_check_the_third_raises_and_leaves_everything(self):
        skip = SkipNonFinite(2)
        optimizer, w = Optimizer(momentum(), 1.0, hooks=[skip]), np.zeros(1)
        optimizer.step(w, np.ones(1))
        kept, state = w.copy(), optimizer.state["params"]["ema"].copy()
        for _ in range(2):
            optimizer.step(w, np.array([np.inf]))
        with pytest.raises(FloatingPointError, match="in step 2"):
            optimizer.step(w, np.array([np.nan]))
        assert w == kept
        assert optimizer.state["params"]["ema"] == state
        assert optimizer.t == 1

    def test_what_is_skipped_is_as_if_it_had_not_been(self):
        good = np.random.default_rng(0).standard_normal((6, 3))
        mixed = np.insert(good, [1, 3, 3, 6], np.nan, axis=0)
        one, two = np.ones(3), np.ones(3)
        skipping = Optimizer(adam(), linear(0.1, steps=10), hooks=[SkipNonFinite()], average=Ema(0.9))
        plain = Optimizer(adam(), linear(0.1, steps=10), average=Ema(0.9))
        run(skipping, one, mixed)
        run(plain, two, good)
        assert np.array_equal(one, two)
        assert skipping.t == plain.t == 6

    def test_each_replica_by_itself(self):
        skip = SkipNonFinite(1)
        optimizer, w = Optimizer(sgd(), 1.0, hooks=[skip], replicas=3), np.zeros((3, 1))
        for column in ([1.0, np.nan, 1.0], [1.0, np.inf, np.nan], [1.0, 1.0, 1.0]):
            optimizer.step(w, np.array(column)[:, None])
        assert w.ravel().tolist() == [-3, 0, -2]
        assert skip.total.tolist() == [0, 2, 1]
        assert optimizer.diverged.tolist() == [False, True, False]
        assert np.broadcast_to(optimizer.t, 3).tolist()[::2] == [3, 2]

    def test_any_leaf_of_a_replica(self):
        skip = SkipNonFinite(1)
        optimizer, params = Optimizer(sgd(), 1.0, hooks=[skip], replicas=2), [np.zeros((2, 1)), np.zeros((2, 1))]
        optimizer.step(params, [np.array([[1.0], [1e200]]), np.array([[1.0], [np.nan]])])
        assert skip.total.tolist() == [0, 1]
        assert params[0].ravel().tolist() == [-1, 0]

    def test_what_another_hook_skips_is_not_counted(self):
        class SkipSecond:
            def before(self, step):
                step.skip = np.array([False, step.loss == 1])

        skip = SkipNonFinite(2)
        optimizer, w = Optimizer(sgd(), 1.0, hooks=[SkipSecond(), skip], replicas=2), np.zeros((2, 1))
        for k, second in enumerate((np.nan, 1.0, np.nan)):
            optimizer.step(w, np.array([[1.0], [second]]), loss=k)
        assert skip.in_a_row.tolist() == [0, 2]
        assert skip.total.tolist() == [0, 2]

    def test_a_factor_that_is_not_finite(self):
        class Broken:
            def before(self, step):
                step.scale = np.inf

        skip = SkipNonFinite(1)
        optimizer = Optimizer(sgd(), 1.0, hooks=[Broken(), skip])
        optimizer.step(np.zeros(1), np.ones(1))
        assert (skip.total, optimizer.t) == (1, 0)

    def test_a_number_whose_square_overflows_is_finite(self):
        skip = SkipNonFinite()
        w = np.zeros(2)
        Optimizer(sgd(), 1.0, hooks=[skip]).step(w, np.array([1e200, -1e300]))
        assert skip.total == 0
        assert w.tolist() == [-1e200, 1e300]


class TestAccumulate:
    @given(st.integers(1, 6), st.integers(0, 2**32 - 1))
    def test_the_mean_is_the_gradient_of_the_big_batch(self, k, seed):
        gradients = np.random.default_rng(seed).standard_normal((3 * k, 4))
        one, two = np.ones(4), np.ones(4)
        collecting = Optimizer(adam(), linear(0.1, steps=5), hooks=[Accumulate(k)], average=Ema(0.5))
        big = Optimizer(adam(), linear(0.1, steps=5), average=Ema(0.5))
        run(collecting, one, gradients)
        run(big, two, gradients.reshape(3, k, 4).mean(axis=1))
        np.testing.assert_allclose(one, two, rtol=1e-12)
        assert collecting.t == 3
        with collecting.averaged(one), big.averaged(two):
            np.testing.assert_allclose(one, two, rtol=1e-12)

    # portable case 15
    def test_three_steps_of_nothing_then_one_that_lowers_the_loss(self):
        w = np.array([3.0, -1.0])
        optimizer = Optimizer(adam(), 0.1, hooks=[Accumulate(4)])
        losses = []
        for _ in range(8):
            optimizer.step(w, 2 * w)
            losses.append((w**2).sum())
        assert losses[0] == losses[1] == losses[2] == 10.0
        assert losses[3] < 10.0
        assert losses[3] == losses[4] == losses[6]
        assert losses[7] < losses[3]

    def test_k_may_be_a_schedule_of_the_update(self):
        optimizer = Optimizer(sgd(), 1.0, hooks=[Accumulate(piecewise([1, 3], at=[2]))])
        path = run(optimizer, np.zeros(1), [[3.0]] * 8)
        assert path.ravel().tolist() == [-3, -6, -6, -6, -9, -9, -9, -12]

    def test_the_sum_is_k_means(self):
        total, mean = np.zeros(1), np.zeros(1)
        run(Optimizer(sgd(), 1.0, hooks=[Accumulate(4, "sum")]), total, [[1.0], [2.0], [3.0], [4.0]])
        run(Optimizer(sgd(), 1.0, hooks=[Accumulate(4)]), mean, [[1.0], [2.0], [3.0], [4.0]])
        assert total == -10
        assert mean == -2.5

    def test_hooks_before_it_see_each_gradient_and_hooks_after_it_the_mean(self):
        each, whole = np.zeros(1), np.zeros(1)
        run(Optimizer(sgd(), 1.0, hooks=[ClipNorm(1.0), Accumulate(2)]), each, [[10.0], [0.5]])
        run(Optimizer(sgd(), 1.0, hooks=[Accumulate(2), ClipNorm(1.0)]), whole, [[10.0], [0.5]])
        assert each == -0.75
        assert whole == -1

    def test_skipped_gradients_do_not_count(self):
        optimizer = Optimizer(sgd(), 1.0, hooks=[SkipNonFinite(), Accumulate(2)])
        path = run(optimizer, np.zeros(1), [[1.0], [np.nan], [3.0], [5.0], [7.0]])
        assert path.ravel().tolist() == [0, 0, -2, -2, -8]

    def test_each_replica_collects_by_itself(self):
        optimizer = Optimizer(sgd(), 1.0, hooks=[SkipLarge(10.0), Accumulate([1, 2, 2])], replicas=3)
        path = run(optimizer, np.zeros((3, 1)), [[[1], [1], [99]], [[2], [3], [3]], [[4], [7], [5]], [[8], [9], [99]]])
        assert path[..., 0].tolist() == [[-1, 0, 0], [-3, -2, 0], [-7, -2, -4], [-15, -10, -4]]

    def test_a_replica_that_skips_between_loses_nothing(self):
        optimizer = Optimizer(sgd(), 1.0, hooks=[SkipLarge(10.0), Accumulate(2)], replicas=2)
        path = run(optimizer, np.zeros((2, 1)), [[[1], [1]], [[3], [99]], [[5], [3]]])
        assert path[..., 0].tolist() == [[0, 0], [-2, 0], [-2, -2]]

    def test_k_of_1_changes_no_bit_and_writes_to_no_gradient(self):
        gradients = np.random.default_rng(1).standard_normal((20, 5)).astype(np.float32)
        gradients.flags.writeable = False
        one, two = np.ones(5, np.float32), np.ones(5, np.float32)
        collecting, plain = Optimizer(adam(), 0.1, hooks=[Accumulate(1)]), Optimizer(adam(), 0.1)
        for g in gradients:
            collecting.step(one, g)
            plain.step(two, g)
        assert np.array_equal(one, two)

    def test_it_goes_on_from_a_checkpoint(self, tmp_path):
        gradients = np.random.default_rng(2).standard_normal((10, 3))
        whole = run(Optimizer(adam(), 0.1, hooks=[Accumulate(3)]), np.ones(3), gradients)
        w = np.ones(3)
        first, second = (Optimizer(adam(), 0.1, hooks=[Accumulate(3)]) for _ in range(2))
        run(first, w, gradients[:5])
        first.save(tmp_path / "run.npz")
        second.load(tmp_path / "run.npz")
        assert np.array_equal(run(second, w, gradients[5:]), whole[5:])

    def test_what_was_loaded_for_other_leaves_is_refused(self):
        hook = Accumulate(2)
        hook.load_state({"count": np.array(1), "sum/V": np.ones(3)})
        with pytest.raises(ValueError, match="Accumulate holds arrays for the leaves"):
            Optimizer(sgd(), 1.0, hooks=[hook]).step({"W": np.ones(3)}, {"W": np.ones(3)})


def test_counts_of_bad_gradients_go_on_from_a_checkpoint(tmp_path):
    w = np.zeros(1)
    first = Optimizer(sgd(), 1.0, hooks=[SkipNonFinite(2)])
    run(first, w, [[1.0], [np.nan], [np.nan]])
    first.save(tmp_path / "run.npz")
    skip = SkipNonFinite(2)
    second = Optimizer(sgd(), 1.0, hooks=[skip])
    second.load(tmp_path / "run.npz")
    assert (skip.total, skip.in_a_row) == (2, 2)
    with pytest.raises(FloatingPointError):
        run(second, w, [[np.nan]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: WeightDecay(-0.1), ValueError, "rate must be at least 0 and finite; got -0.1"),
        (lambda: WeightDecay(0.1, only=3), TypeError, "only must be a name, or a sequence of names"),
        (lambda: WeightDecay(0.1, only=[]), TypeError, "only must be a name, or a sequence of names"),
        (lambda: SkipNonFinite(1.5), ValueError, "max_in_a_row must be a whole number of at least 0"),
        (lambda: SkipNonFinite(-1), ValueError, "max_in_a_row must be a whole number of at least 0"),
        (lambda: Accumulate(0), ValueError, "k must be a whole number of at least 1; got 0.0"),
        (lambda: Accumulate(2, "max"), ValueError, "reduction must be 'mean' or 'sum'; got 'max'"),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()
