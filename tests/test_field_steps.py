"""Steps that are refused, in places where the field had not met it: kinds of faults, not their cases."""

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Box,
    ClipEach,
    ClipValue,
    EarlyStop,
    Ema,
    IndependentDecay,
    Lookahead,
    Optimizer,
    Plateau,
    Project,
    SkipNonFinite,
    Square,
    WeightDecay,
    adam,
    momentum,
    sgd,
)  # fmt: skip


def at(*x):
    return np.array(x, float)


class Fails:
    """A hook that fails once it is told to."""

    fails = False

    def before(self, step):
        if self.fails:
            raise RuntimeError("a hook of one's own")


class TestARefusedStepLeavesNoTrace:
    """Kind: a step is not atomic."""

    @pytest.mark.parametrize(
        ("rule", "bad"), [(sgd(), np.nan), (adam(), 3e20)], ids=["a gradient", "a state that would overflow"]
    )
    @pytest.mark.parametrize(
        ("make", "way"),
        [
            *[(lambda: Plateau(0.5, patience=2), way) for way in ("step", "updated", "step_rows")],
            *[(lambda: EarlyStop(2), way) for way in ("step", "updated")],
            *[(lambda: Accumulate(2), way) for way in ("step", "updated")],
        ],
    )
    def test_what_hooks_have_counted(self, way, make, rule, bad):
        w = np.ones((2, 1), np.float32)
        g, wrong = np.ones_like(w), np.full_like(w, bad)
        hook = make()
        opt = Optimizer(rule, 0.1, hooks=[hook])
        opt.step(w, g, loss=1.0)
        before, kept = {key: np.array(x) for key, x in hook.state().items()}, w.copy()
        rows = (np.arange(2),) if way == "step_rows" else ()
        for _ in range(3):
            with pytest.raises(FloatingPointError):
                getattr(opt, way)(w, *rows, wrong, loss=2.0)
        assert all(np.array_equal(x, hook.state()[key]) for key, x in before.items())
        assert (w == kept).all()

    @pytest.mark.parametrize("make", [lambda: Plateau(0.5, patience=1), lambda: EarlyStop(1), lambda: Accumulate(2)])
    def test_by_a_hook_that_fails_after_them(self, make):
        fails, hook, w = Fails(), make(), at(0.0)
        opt = Optimizer(sgd(), 1.0, hooks=[hook, fails])
        opt.step(w, at(1.0), loss=1.0)
        before = {key: np.array(x) for key, x in hook.state().items()}
        fails.fails = True
        with pytest.raises(RuntimeError, match="one's own"):
            opt.step(w, at(9.0), loss=1.0)
        assert all(np.array_equal(x, hook.state()[key]) for key, x in before.items())

    def test_the_gradients_that_were_collected_go_into_the_next_step(self):
        w, opt = np.zeros(1, np.float32), Optimizer(adam(), 1.0, hooks=[Accumulate(2, "sum")])
        opt.step(w, np.array([1.0], np.float32))
        with pytest.raises(FloatingPointError):
            opt.step(w, np.array([3e20], np.float32))
        opt.step(w, np.array([3.0], np.float32))
        assert opt.state["params"]["ema"] == pytest.approx([4.0])

    def test_a_flush_that_is_refused(self):
        fails, w = Fails(), at(0.0)
        opt = Optimizer(sgd(), 1.0, hooks=[Accumulate(4), fails])
        opt.step(w, at(2.0))
        fails.fails = True
        with pytest.raises(RuntimeError, match="one's own"):
            opt.flush()
        fails.fails = False
        assert opt.flush()
        assert w == -2.0

    def test_a_step_that_a_hook_skips_takes_nothing_back(self):
        fails, w = Fails(), at(0.0)
        opt = Optimizer(sgd(), 1.0, hooks=[SkipNonFinite(), Accumulate(2), fails])
        for g in (1.0, 3.0, 5.0):
            opt.step(w, at(g))
        fails.fails = True
        with pytest.raises(RuntimeError):
            opt.step(w, at(np.nan))
        fails.fails = False
        opt.step(w, at(7.0))
        assert w == pytest.approx([-2.0 - 6.0])

    def test_a_count_below_0_is_damage(self):
        w, opt = at(0.0), Optimizer(sgd(), 1.0, hooks=[Accumulate(2)])
        opt.step(w, at(1.0))
        with pytest.raises(ValueError, match="the count of gradients must be at least 0"):
            opt.load_state_dict(opt.state_dict() | {"hooks/Accumulate/count": np.array(-1)}, w)
        opt.step(w, at(3.0))
        assert w == -2.0

    def test_sums_that_overflow(self):
        w, opt = np.zeros(1, np.float32), Optimizer(sgd(), 1e-38, hooks=[Accumulate(2)])
        opt.step(w, np.array([3e38], np.float32))
        with pytest.raises(FloatingPointError, match="gradient 'params' is inf"):
            opt.step(w, np.array([3e38], np.float32))
        opt.step(w, np.array([1e37], np.float32))
        assert w == pytest.approx([-1.55], rel=1e-6)

    def test_a_table_that_became_read_only(self):
        tables, rows, g = [np.zeros((4, 2)), np.zeros((4, 2))], [np.array([1])] * 2, [np.ones((1, 2))] * 2
        opt = Optimizer(momentum(0.5), 1.0)
        opt.step_rows(tables, rows, g)
        before = [table.copy() for table in tables]
        tables[1].flags.writeable = False
        with pytest.raises(ValueError, match="parameter '1' must be writable"):
            opt.step_rows(tables, rows, g)
        assert np.array_equal(tables, before)
        assert opt.t == 1


class TestWhatTheRuleKeepsIsGuarded:
    """Kind: only the input is guarded, not what the rule keeps."""

    @pytest.mark.parametrize("engine", ["numpy", "fused"])
    @pytest.mark.parametrize("size", [2, 70_000])
    def test_powers_above_the_square(self, engine, size):
        rule = Square() | Square() | Ema(0.9)
        w, g = np.ones(size, np.float32), np.full(size, 1e10, np.float32)  # g² fits, g⁴ does not
        opt = Optimizer(rule, 1e-30, engine=engine)
        with pytest.raises(FloatingPointError, match="state 'square_square_ema' of 'params' would be infinite"):
            opt.step(w, g)
        assert (w == 1.0).all()
        assert not opt.state["params"]["square_square_ema"].any()
        opt.step(w, np.ones_like(g))

    def test_of_rows(self):
        w = np.ones((3, 2), np.float32)
        with pytest.raises(FloatingPointError, match="would be infinite"):
            Optimizer(Square() | Square() | Ema(0.9), 1e-30).step_rows(
                w, np.array([1]), np.full((1, 2), 1e10, np.float32)
            )
        assert (w == 1.0).all()

    def test_of_replicas(self):
        w, g = np.ones((2, 3), np.float32), np.ones((2, 3), np.float32)
        g[1] = 1e10
        opt = Optimizer(Square() | Square() | Ema(0.5), 1.0, replicas=2)
        opt.step(w, g)
        assert opt.diverged.tolist() == [False, True]
        assert w.tolist() == [[0.5] * 3, [1.0] * 3]


class TestLeavesThatCome:
    """Kind: what is kept by place belongs to a name."""

    @pytest.mark.parametrize("closing", [False, True])
    def test_in_the_midst_of_gradients_that_are_collected(self, closing):
        a, b, c = at(0.0), at(0.0), at(0.0)
        opt = Optimizer({"c": momentum(0.5), "*": sgd()}, 1.0, hooks=[Accumulate(3 if closing else 2)])
        with pytest.raises(ValueError, match="'c'"):
            opt.step({"a": a, "b": b}, {"a": at(2.0), "b": None})
        opt = Optimizer(momentum(0.5), 1.0, hooks=[Accumulate(3 if closing else 2)])
        opt.step({"a": a, "b": b}, {"a": at(2.0), "b": None})
        params = {"c": c, "b": b, "a": a}
        opt.adopt(params)
        opt.step(params, {"c": at(8.0), "b": None, "a": at(4.0)})
        if closing:
            assert opt.flush()
        assert params == {"a": -1.5, "b": 0.0, "c": -2.0}
        opt.step(params, {"c": at(0.0), "b": at(8.0), "a": at(0.0)})
        opt.step(params, {"c": at(0.0), "b": at(8.0), "a": at(0.0)})
        opt.flush()
        assert params["b"] == -4.0


class TestInsideAveraged:
    """Kind: two features see different weights."""

    def test_nothing_is_flushed(self):
        w = at(0.0)
        opt = Optimizer(sgd(), 1.0, hooks=[Accumulate(2)], average=Ema(0.5))
        for _ in range(3):
            opt.step(w, at(1.0))
        with opt.averaged(w), pytest.raises(RuntimeError, match="leave `with"):
            opt.flush()
        assert opt.flush()
        assert w == -2.0


def test_an_average_sees_a_projection_that_is_assigned_later():
    w, opt = at(0.5), Optimizer(sgd(), 1.0, average=Ema(0.5, debias=True))
    opt.hooks = [Project(Box(0.0, 1.0))]
    for _ in range(5):
        opt.step(w, at(-10.0))
    with opt.averaged(w):
        assert w == 1.0


class TestSchedules:
    """Kind: schedules escape the ranges that constants are held to."""

    @pytest.mark.parametrize(
        "bad", [np.nan, -1.0, "a", at(0.5), np.ma.masked], ids=["nan", "-1", "word", "array", "masked"]
    )
    @pytest.mark.parametrize("way", ["step", "updated"])
    @pytest.mark.parametrize("late", [[Project(Box(-9.0, 9.0))], [IndependentDecay(0.1)]], ids=["Project", "Decay"])
    def test_of_an_average_that_follows_the_hooks(self, late, way, bad):
        w, opt = at(1.0), Optimizer(momentum(0.5), 0.1, hooks=late, average=Ema(lambda k: 0.5 if k == 0 else bad))
        opt.step(w, at(1.0))
        before, mean = w.copy(), opt.state["params"]["ema"].copy()
        with pytest.raises((ValueError, TypeError), match=r"beta, from its schedule|average has a"):
            getattr(opt, way)(w, at(1.0))
        assert (opt.t, w, opt.state["params"]["ema"]) == (1, before, mean)

    def test_of_the_average_of_a_leaf_that_waits(self):
        average = {"a": Ema(0.5), "b": Ema(lambda k: 0.5 if k == 0 else np.nan)}
        params, opt = {"a": at(1.0), "b": at(1.0)}, Optimizer(sgd(), 0.1, average=average)
        opt.step(params, {"a": at(1.0), "b": at(1.0)})
        with pytest.raises(ValueError, match="beta, from its schedule at k = 1"):
            opt.step(params, {"a": at(1.0), "b": None})
        assert opt.t == 1
        assert params["a"] == 0.9

    @pytest.mark.parametrize(
        "make",
        [
            lambda s: ClipEach(s), lambda s: ClipValue(s), lambda s: WeightDecay(s), lambda s: IndependentDecay(s),
            lambda s: Lookahead(2, share=s), lambda s: Plateau(s), lambda s: EarlyStop(rtol=s),
        ],
    )  # fmt: skip
    def test_of_hooks_are_one_number(self, make):
        opt = Optimizer(sgd(), 0.1, hooks=[make(lambda k: 0.5 if k == 0 else [0.1, 0.9])])
        w = np.ones((2, 1))
        opt.step(w, np.ones((2, 1)), loss=1.0)
        before = w.copy()
        with pytest.raises(ValueError, match=r"from its schedule at k = 1, has a hyperparameter of shape \(2,\)"):
            opt.step(w, np.ones((2, 1)), loss=1.0)
        assert (w == before).all()
        assert opt.t == 1

    @pytest.mark.parametrize("way", ["step", "updated", "step_rows"])
    def test_of_rules_are_one_number(self, way):
        opt = Optimizer({"b": momentum(lambda k: 0.5 if k == 0 else at(0.5)), "*": sgd()}, 0.1)
        params = {"a": np.ones((1, 1)), "b": np.ones((1, 1))}
        g = {name: np.ones((1, 1)) for name in params}
        rows = ({"a": np.array([0]), "b": np.array([0])},) if way == "step_rows" else ()
        opt.step(params, g)
        with pytest.raises(ValueError, match=r"rule has a hyperparameter of shape \(1,\)"):
            getattr(opt, way)(params, *rows, g)
        assert params["a"] == 0.9
        assert opt.t == 1
