import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimlab import Accumulate, ClipNorm, Ema, Optimizer, SkipLarge, SkipNonFinite, adam, linear, piecewise, sgd
from tests.hooks.steps import run


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
