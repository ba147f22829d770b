import numpy as np
import pytest

from optimlab import Ema, Optimizer, SkipLarge, SkipNonFinite, adam, linear, momentum, sgd
from tests.hooks.steps import a_step, run


class TestSkipNonFinite:
    # optax hands the third one in a row to the weights, and so do we without the check
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
    ("gradient", "skipped"), [(11.0, True), (0.0, False), (10.0, False), (np.inf, True), (np.nan, True)]
)
def test_large_steps_are_skipped(gradient, skipped):
    step = a_step([gradient])
    SkipLarge(10.0).before(step)
    assert step.skip is skipped


def test_large_steps_of_replicas_are_skipped():
    step = a_step([[1.0], [9.0], [np.nan]], replicas=3)
    step.skip = np.array([True, False, False])
    SkipLarge([2.0, 8.0, 3.0]).before(step)
    assert step.skip.tolist() == [True, True, True]


def test_finite_gradients_are_a_proof():
    for gradient, proven in (([1.0, 2.0], True), ([1.0, np.nan], False)):
        step = a_step(gradient)
        SkipNonFinite().before(step)
        assert (step.checked is step.gradients) is proven
    step = a_step([[1.0], [np.inf]], replicas=2)
    SkipNonFinite().before(step)
    assert step.checked is None


@pytest.mark.parametrize("scale", [np.nan, np.array([1.0, np.inf])])
def test_a_factor_of_replicas_that_is_not_finite(scale):
    step = a_step([[1.0], [1.0]], scale=scale, replicas=2)
    skip = SkipNonFinite()
    skip.before(step)
    expected = np.broadcast_to(~np.isfinite(scale), 2).tolist()
    assert step.skip.tolist() == expected
    assert np.equal(skip.total, expected).all()


def test_the_limit_in_a_row_may_be_none_or_infinite():
    for limit, skipped in ((0, [False] * 7), (2, [True, True] + [False] * 5), (np.inf, [True] * 7)):
        skip, found = SkipNonFinite(limit), []
        for _ in range(7):
            step = a_step([np.nan])
            skip.before(step)
            found.append(step.skip)
        assert found == skipped
        assert (skip.in_a_row, skip.total) == (7, 7)
        assert type(skip.in_a_row) is type(skip.total) is int
    assert SkipNonFinite().max_in_a_row == 5


def test_a_row_ends_with_the_first_good_gradient():
    skip = SkipNonFinite(1)
    for gradient, row in ((np.nan, 1), (1.0, 0), (np.nan, 1), (np.nan, 2)):
        skip.before(a_step([gradient]))
        assert skip.in_a_row == row


def test_large_is_what_the_rule_would_see():
    for scale, skipped in ((1.0, False), (-1.0, False), (1.5, True), (-1.5, True)):
        step = a_step([6.0], [8.0], scale=scale)
        SkipLarge(10.0).before(step)
        assert step.skip is skipped
