"""Kinds of faults that were found in the field, each in places where it was not met there."""

import copy
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Box,
    ClipEach,
    ClipNorm,
    ClipValue,
    Decay,
    EarlyStop,
    Ema,
    IndependentDecay,
    Lookahead,
    Optimizer,
    Plateau,
    Record,
    WeightDecay,
    descend,
    minimize,
    momentum,
    sgd,
)  # fmt: skip
from optimlab.trees import matching


def at(*x):
    return np.array(x, float)


class Sets:
    """A hook that sets one thing of a step."""

    def __init__(self, **given):
        self.given = given

    def before(self, step):
        for name, x in self.given.items():
            setattr(step, name, x)


class TestHalfOfAStateIsShared:
    """Kind: half of a state is shared."""

    @pytest.mark.parametrize(
        "hook", [Accumulate(2), Lookahead(2), EarlyStop(), Plateau()], ids=lambda x: type(x).__name__
    )
    def test_a_copied_hook_keeps_its_own(self, hook):
        opt, w = Optimizer(sgd(), 1.0, hooks=[hook]), at(0.0)
        opt.step(w, at(1.0), loss=1.0)
        before = {key: np.array(x) for key, x in hook.state().items()}
        other = copy.copy(hook)
        Optimizer(sgd(), 1.0, hooks=[other]).step(at(0.0), at(100.0), loss=0.5)
        assert all(np.array_equal(x, hook.state()[key]) for key, x in before.items())

    def test_a_copy_has_the_same_settings(self):
        clip = ClipNorm(1.0)
        record = copy.copy(Record(3, clip=clip))
        assert record.every == 3
        assert record.clip is clip

    def test_one_hook_twice_in_the_list_is_two(self):
        decay, w, v = WeightDecay(0.1), at(1.0), at(1.0)
        Optimizer(sgd(), 1.0, hooks=[decay, decay]).step(w, at(10.0))
        Optimizer(sgd(), 1.0, hooks=[WeightDecay(0.1), WeightDecay(0.1)]).step(v, at(10.0))
        assert w == v
        assert w == pytest.approx([1.0 - 10.2])

    @pytest.mark.parametrize("shared", [ClipValue(1.0), ClipEach(1.0), WeightDecay(0.0)])
    def test_one_hook_of_two_optimizers_one_in_the_other(self, shared):
        inner, v, w = Optimizer(sgd(), 1.0, hooks=[shared]), at(0.0), at(0.0)

        class Inside:
            def before(self, step):
                inner.step(v, at(-9.0))

        Optimizer(sgd(), 1.0, hooks=[shared, Inside()]).step(w, at(9.0))
        assert w == -v
        assert w < 0.0

    def test_one_hook_of_two_optimizers_in_threads(self):
        given = {}

        class Waits:  # until the other thread has clipped, too
            def __init__(self, barrier):
                self.barrier = barrier

            def before(self, step):
                self.barrier.wait(timeout=60)

        def run(shared, barrier, number):
            given[number] = np.zeros(2)
            Optimizer(sgd(), 1.0, hooks=[shared, Waits(barrier)]).step(given[number], np.full(2, number))

        for shared in (ClipValue(9.0), WeightDecay(0.5), ClipEach(1e-3)):
            barrier = threading.Barrier(2)
            threads = [threading.Thread(target=run, args=(shared, barrier, number)) for number in (1.0, -2.0)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert given[1.0][0] < 0.0 < given[-2.0][0]


class TestOneHookInTwoOptimizers:
    """Kind: one hook with state in two optimizers, one after the other."""

    @pytest.mark.parametrize("make", [lambda: Lookahead(2), lambda: Plateau(0.1, patience=1), lambda: Accumulate(3)])
    def test_what_is_kept_of_a_run_that_is_gone_is_refused(self, make):
        hooks = [make()]

        def run():
            return minimize(lambda x: (1.0, 0 * x + 1), [50.0], sgd(), lr=0.1, steps=4, hooks=hooks, progress=False).x

        first = run()
        with pytest.raises(ValueError, match="keeps the state of an optimizer that is gone; construct it anew"):
            run()
        hooks = [make()]
        assert run() == first

    def test_the_other_remedy_goes_on(self):
        hook = Plateau(0.1, patience=1)
        Optimizer(sgd(), 1.0, hooks=[hook]).step(at(0.0), at(1.0), loss=1.0)
        opt, w = Optimizer(sgd(), 1.0, hooks=[copy.deepcopy(hook)]), at(0.0)
        opt.step(w, at(1.0), loss=2.0)
        assert w == pytest.approx([-0.1])

    def test_what_has_kept_nothing_yet_may_be_used(self):
        hook = Plateau(0.1, patience=1)
        with pytest.raises(FloatingPointError):
            Optimizer(sgd(), 1.0, hooks=[hook]).step(at(0.0), at(np.nan), loss=1.0)
        Optimizer(sgd(), 1.0, hooks=[hook]).step(at(0.0), at(1.0), loss=1.0)

    def test_a_checkpoint_takes_the_place_of_what_is_kept(self):
        hook = Plateau(0.1, patience=1)
        one = Optimizer(sgd(), 1.0, hooks=[hook])
        one.step(at(0.0), at(1.0), loss=1.0)
        saved = one.state_dict()
        del one
        two, w = Optimizer(sgd(), 1.0, hooks=[hook]), at(0.0)
        two.load_state_dict(saved, w)
        two.step(w, at(1.0), loss=2.0)
        assert w == pytest.approx([-1.1])

    def test_hooks_that_cannot_be_looked_after_are_let_be(self):
        class Slots:
            __slots__ = ()

            def before(self, step): ...

            def load_state(self, state): ...

        @dataclass(frozen=True)
        class Equal:
            n: int

            def before(self, step): ...

            def load_state(self, state): ...

        for make in (Slots, lambda: Equal(1)):
            for _ in range(2):
                w = at(0.0)
                held = Optimizer(sgd(), 1.0, hooks=[make()])
                held.step(w, at(1.0))
                assert w == -1.0


class TestMaskedNumbers:
    """Kind: subclasses of ndarray pass as ndarray."""

    @pytest.mark.parametrize(
        "use",
        [
            lambda x: Optimizer(sgd(), 1.0).step(at(0.0), at(1.0), loss=x),
            lambda x: Optimizer(sgd(), 1.0, hooks=[Plateau()]).updated(at(0.0), at(1.0), loss=x),
            lambda x: Optimizer(sgd(), lambda k: x).step(at(0.0), at(1.0)),
            lambda x: Optimizer(sgd(), 1.0, hooks=[Sets(lr=x)]).step(at(0.0), at(1.0)),
            lambda x: Optimizer(sgd(), 1.0, hooks=[Sets(scale=x)]).step(at(0.0), at(1.0)),
            lambda x: minimize(lambda w: (x, 2 * w), [1.0], sgd(), lr=0.1, steps=1),
            lambda x: minimize(lambda w: 2 * w, [1.0], sgd(), lr=0.1, steps=1, tol=x),
            lambda x: Optimizer(sgd(), x),
            ClipNorm, Ema, Decay, WeightDecay,
            lambda x: Box(x, 1.0),
            lambda x: setattr(ClipNorm(1.0), "max_norm", x),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("masked", [np.ma.masked, np.ma.array(0.5, mask=True)], ids=["constant", "array"])
    def test_are_no_numbers(self, use, masked):
        with pytest.raises(TypeError, match="a masked number is none"):
            use(masked)

    def test_what_is_not_masked_is_one(self):
        assert ClipNorm(np.ma.array(0.5)).max_norm == 0.5

    def test_rows(self):
        with pytest.raises(TypeError, match="rows of 'params' must be a plain NumPy array"):
            Optimizer(sgd(), 1.0).step_rows(np.zeros((3, 1)), np.ma.array([1, 2], mask=[0, 1]), np.ones((2, 1)))

    def test_what_is_loaded(self):
        opt = Optimizer(momentum(), 1.0)
        opt.step(np.zeros(2), np.ones(2))
        saved = opt.state_dict()
        saved["state/params/ema"] = np.ma.array(saved["state/params/ema"], mask=[0, 1])
        with pytest.raises(TypeError, match="'state/params/ema' of the state dict must be a plain NumPy array"):
            opt.load_state_dict(saved)

    def test_parameters_that_are_to_be_saved(self):
        opt = Optimizer(sgd(), 1.0)
        opt.step(np.zeros(2), np.ones(2))
        with pytest.raises(TypeError, match="parameter 'params' must be a plain NumPy array"):
            opt.state_dict(np.ma.array([1.0, 2.0], mask=[0, 1]))


class TestSettings:
    """Kind: plain attributes that look like settings."""

    @pytest.mark.parametrize("hook", [Plateau(0.5, patience=1), EarlyStop(1)], ids=["Plateau", "EarlyStop"])
    def test_a_mode_that_is_assigned_counts(self, hook):
        hook.mode = "max"
        w, opt = at(0.0), Optimizer(sgd(), 1.0, hooks=[hook])
        for loss in (1.0, 2.0, 3.0):
            opt.step(w, at(1.0), loss=loss)
        assert (hook.scale == 1.0) if isinstance(hook, Plateau) else (hook.loss == 3.0 and not hook.stopped)

    @pytest.mark.parametrize("given", ["no", 2, None, 0])
    def test_whether_gradients_are_checked_is_true_or_false(self, given):
        with pytest.raises(TypeError, match="check_finite must be True or False"):
            Optimizer(sgd(), 1.0, check_finite=given)
        opt = Optimizer(sgd(), 1.0)
        with pytest.raises(TypeError, match="check_finite must be True or False"):
            opt.check_finite = given
        assert opt.check_finite is True

    def test_strict_is_true_or_false(self):
        opt = Optimizer(sgd(), 1.0)
        opt.step(at(0.0), at(1.0))
        with pytest.raises(TypeError, match="strict must be True or False; got 'no'"):
            opt.load_state_dict(opt.state_dict(), strict="no")

    @pytest.mark.parametrize("given", [None, "a", 1j, True])
    def test_a_factor_is_named(self, given):
        w = at(0.0)
        with pytest.raises(TypeError, match="scale, set by a hook, must be a real number"):
            Optimizer(sgd(), 1.0, hooks=[Sets(scale=given)]).step(w, at(1.0))
        with pytest.raises(ValueError, match=r"scale, set by a hook, .* that a float can hold"):
            Optimizer(sgd(), 1.0, hooks=[Sets(scale=10**400)]).step(w, at(1.0))
        assert w == 0.0


class TestAdvice:
    """Kind: advice in an error that is true for one case only."""

    def test_no_gradients_at_all(self):
        with pytest.raises(ValueError, match="the gradients are missing; where there are none, leave out the step"):
            Optimizer(sgd(), 1.0).step(at(0.0), None)

    def test_the_best_weights_after_a_load(self):
        w, opt = at(1.0), Optimizer(sgd(), 0.1, hooks=[EarlyStop()])
        opt.step(w, at(1.0), loss=1.0)
        saved, new = opt.state_dict(), Optimizer(sgd(), 0.1, hooks=[EarlyStop()])
        new.load_state_dict(saved)
        with pytest.raises(ValueError, match=r"opt\.load\(path, params\) knows them, and so does the next step"):
            _ = new.best
        new.step(w, at(1.0))
        assert new.best == 1.0

    def test_a_table_without_rows(self):
        for table in (np.zeros((0, 2)), np.zeros(())):
            params, rows = [table, np.zeros(2)], [np.array([0]), np.array([1])]
            opt = Optimizer(sgd(), 1.0)
            with pytest.raises(ValueError, match="parameter '0' has no rows; give None for its rows and its gradient"):
                opt.step_rows(params, rows, [np.ones((1, *table.shape[1:])), np.ones(1)])
            opt.step_rows(params, [None, rows[1]], [None, np.ones(1)])
            assert params[1].tolist() == [0.0, -1.0]

    @pytest.mark.parametrize("hook", [WeightDecay(0.5, only="b"), IndependentDecay(0.5, only=["b"])])
    def test_hooks_choose_among_all_leaves_where_some_have_no_rows(self, hook):
        params = {"a": np.ones((2, 1)), "b": np.ones((2, 1))}
        opt = Optimizer(sgd(), 1.0, hooks=[hook])
        opt.step_rows(params, {"a": np.array([0]), "b": None}, {"a": np.ones((1, 1)), "b": None})
        assert params["a"].ravel().tolist() == [0.0, 1.0]
        opt.step_rows(params, {"a": None, "b": np.array([0])}, {"a": None, "b": np.zeros((1, 1))})
        assert params["b"].ravel().tolist() == [0.5, 1.0]
        with pytest.raises(ValueError, match="'c' is none of a, b"):
            Optimizer(sgd(), 1.0, hooks=[WeightDecay(0.5, only="c")]).step_rows(
                params, {"a": np.array([0]), "b": None}, {"a": np.ones((1, 1)), "b": None}
            )

    def test_a_pattern_of_many_stars_is_answered(self):
        assert not matching("*a" * 40 + "b")("a" * 80)
        assert matching("*a*b?*c")("xxaybzc")
        assert not matching("*a*b?*c")("xxaybc")
        assert matching(r"a**\**")("a*")


def test_a_step_may_be_bound_as_in_functional_libraries():
    w = given = at(1.0)
    opt = Optimizer(sgd(), 0.25)
    for _ in range(2):
        w = opt.step(w, at(1.0))
    assert w is given
    assert w == 0.5


def test_what_a_descent_returns_is_public():
    import optimlab

    assert isinstance(descend(lambda w: 2 * w, Optimizer(sgd(), 0.1), 2, start=[3.0, -1.0]), optimlab.History)
