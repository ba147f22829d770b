"""A run that changes: leaves that come and go, short epochs, losses now and then, the best weights."""

import copy
import gc
import weakref
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    ClipNorm,
    Constant,
    EarlyStop,
    Ema,
    Lookahead,
    Optimizer,
    Plateau,
    UniformGain,
    WeightDecay,
    adam,
    cosine_decay,
    momentum,
    rmsprop,
    sgd,
)

ONES = np.ones(2)
RULES = {
    "adam": adam(), "momentum": momentum(0.5), "rmsprop": rmsprop(), "schedule": Ema(lambda k: k / (k + 2), debias=True)
}  # fmt: skip


class TestAdopt:
    @pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
    @pytest.mark.parametrize("average", [None, Ema(0.9), Ema(UniformGain())])
    @pytest.mark.parametrize("replicas", [None, 2])
    def test_a_new_leaf_is_an_optimizer_that_begins_now(self, rule, average, replicas):
        rng = np.random.default_rng(0)
        params = {"a": rng.normal(size=(2, 3)), "big": rng.normal(size=(2, 9000))}
        opt = Optimizer(rule, 0.1, average=average, replicas=replicas)
        for _ in range(3):
            opt.step(params, {name: x.copy() for name, x in params.items()})
        params["new"] = rng.normal(size=(2, 2))
        alone = {"new": params["new"].copy()}
        new = Optimizer(rule, 0.1, average=average, replicas=replicas)
        old, rest = copy.copy(opt), {name: params[name].copy() for name in ("a", "big")}
        opt.adopt(params)
        for _ in range(3):
            opt.step(params, {name: 2 * x for name, x in params.items()})
            new.step(alone, {"new": 2 * alone["new"]})
            old.step(rest, {name: 2 * x for name, x in rest.items()})
        assert opt.t == 6
        assert np.array_equal(params["new"], alone["new"])
        assert all(np.array_equal(params[name], x) for name, x in rest.items())
        if average is not None:
            with opt.averaged(params), new.averaged(alone), old.averaged(rest):
                assert np.array_equal(params["new"], alone["new"])
                assert all(np.array_equal(params[name], x) for name, x in rest.items())

    def test_schedules_go_on(self):
        params = {"a": np.zeros(1)}
        opt = Optimizer(sgd(), lambda k: 2.0**k)
        opt.step(params, {"a": np.ones(1)})
        params["b"] = np.zeros(1)
        opt.adopt(params)
        opt.step(params, {"a": np.ones(1), "b": np.ones(1)})
        assert params == {"a": [-3.0], "b": [-2.0]}

    def test_a_leaf_that_is_gone_is_forgotten(self):
        params = {"a": ONES.copy(), "b": ONES.copy()}
        opt = Optimizer(momentum(0.5), 1.0, hooks=[Lookahead(2), ClipNorm(9.0)])
        opt.step(params, {"a": ONES, "b": ONES})
        del params["b"]
        opt.adopt(params)
        opt.step(params, {"a": ONES})
        assert set(opt.state) == {"a"}
        params["b"] = ONES.copy()
        opt.adopt(params)
        assert not opt.state["b"]["ema"].any()

    @pytest.mark.parametrize("hook", [Lookahead(2), EarlyStop(9), Accumulate(2)])
    def test_what_hooks_keep_of_it_is_forgotten_with_no_step_between(self, hook):
        params, fresh = {"a": np.zeros(1), "b": np.zeros(1)}, {"b": np.full(1, 100.0)}
        opt = Optimizer(sgd(), 1.0, hooks=[copy.deepcopy(hook)])
        alone = Optimizer(sgd(), 1.0, hooks=[copy.deepcopy(hook)])
        for _ in range(2):
            opt.step(params, {"a": np.ones(1), "b": np.ones(1)}, loss=1.0)
        opt.adopt({"a": params["a"]})
        params["b"] = np.full(1, 100.0)
        opt.adopt(params)
        for _ in range(2):
            opt.step(params, {"a": np.ones(1), "b": np.ones(1)}, loss=0.5)
            alone.step(fresh, {"b": np.ones(1)}, loss=0.5)
        assert params["b"] == fresh["b"]
        if isinstance(hook, EarlyStop):
            assert opt.best["b"] == alone.best["b"]

    def test_who_waits_is_known_by_name_in_the_middle_of_a_collection(self):
        params = {name: np.zeros(1) for name in "abc"}
        opt = Optimizer(momentum(0.5), 1.0, hooks=[Accumulate(2)])
        opt.step(params, {"a": np.ones(1), "b": None, "c": None})
        del params["a"]
        opt.adopt(params)
        opt.step(params, {"b": np.ones(1), "c": None})
        assert params == {"b": np.array([-0.25]), "c": np.array([0.0])}
        opt.step(params, {"b": np.ones(1), "c": np.ones(1)}), opt.flush()
        assert params["c"] == -0.5

    def test_waiting_leaves_go_on_waiting_as_long(self):
        params, g = {"a": np.zeros(1), "b": np.zeros(1)}, {"a": np.ones(1), "b": None}
        opt = Optimizer(adam(), 0.1)
        for _ in range(4):
            opt.step(params, g)
        params["c"] = np.zeros(1)
        opt.adopt(params)
        opt.step(params, {name: np.ones(1) for name in params})
        assert params["b"] == pytest.approx(params["c"])
        assert params["b"] == pytest.approx([-0.1])

    def test_it_is_needed(self):
        params = {"a": np.zeros(1)}
        opt = Optimizer(sgd(), 1.0)
        opt.step(params, {"a": np.ones(1)})
        params["b"] = np.zeros(1)
        with pytest.raises(
            ValueError, match=r"entries that the optimizer does not know: \['b'\].*opt\.adopt\(params\)"
        ):
            opt.step(params, {"a": np.ones(1), "b": np.ones(1)})

    def test_another_shape_is_another_leaf(self):
        params = {"a": np.zeros(2)}
        opt = Optimizer(momentum(0.5), 1.0)
        opt.step(params, {"a": ONES})
        for other in (np.zeros(3), np.zeros(2, np.float32)):
            with pytest.raises(
                ValueError, match=r"parameter 'a' had shape and dtype \(2,\) and float64; now .*another name"
            ):
                opt.adopt({"a": other})
        opt.step(params, {"a": ONES})
        assert params["a"] == pytest.approx([-1.25, -1.25])
        opt.adopt({"a2": np.zeros(3)})

    def test_groups_take_in_what_is_new(self):
        params = {"a.bias": np.zeros(1)}
        opt = Optimizer({"*.bias": sgd(), "*": adam()}, 1.0)
        with pytest.raises(ValueError, match=r"pattern '\*' comes after one that means 'a.bias', too"):
            opt.step(params, {"a.bias": np.ones(1)})
        params["a.weight"] = np.zeros(1)
        opt.step(params, {"a.bias": np.full(1, 9.0), "a.weight": np.full(1, 9.0)})
        assert params["a.bias"] == -9.0
        assert params["a.weight"] == pytest.approx(-1.0)

    def test_other_arrays_of_the_same_leaves(self):
        opt, w, v = Optimizer(momentum(0.5), 1.0), np.zeros(1), np.zeros(1)
        opt.step(w, np.ones(1))
        opt.adopt(v)
        opt.step(v, np.zeros(1))
        assert v == -0.25


class TestFlush:
    def test_the_last_short_batch_is_the_mean_of_what_it_got(self):
        """Seen in the field: of ten gradients by four two were left for the next epoch."""
        w, opt = np.zeros(1), Optimizer(sgd(), 1.0, hooks=[Accumulate(4)])
        for g in range(10):
            opt.step(w, np.array([float(g)]))
        assert (opt.t, w.item()) == (2, -7.0)
        assert opt.flush()
        assert (opt.t, w.item()) == (3, -7.0 - 8.5)
        assert not opt.flush()
        assert opt.t == 3
        for g in (1.0, 1.0, 1.0, 5.0):
            opt.step(w, np.array([g]))
        assert w.item() == -15.5 - 2.0

    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("replicas", [None, 2])
    def test_it_is_a_step_with_a_smaller_k(self, reduction, replicas):
        gradients = np.random.default_rng(0).normal(size=(3, 2, 4))
        w, v = np.ones((2, 4)), np.ones((2, 4))
        options = {"replicas": replicas, "average": Ema(0.5)}
        opt = Optimizer(
            adam(),
            cosine_decay(0.1, steps=9),
            hooks=[WeightDecay(0.1), Accumulate(5, reduction), ClipNorm(0.1)],
            **options,
        )
        other = Optimizer(
            adam(),
            cosine_decay(0.1, steps=9),
            hooks=[WeightDecay(0.1), Accumulate(3, reduction), ClipNorm(0.1)],
            **options,
        )
        for g in gradients:
            opt.step(w, g), other.step(v, g)
        assert (w == 1.0).all()
        assert opt.flush()
        assert np.array_equal(w, v)
        assert opt.lr == other.lr

    def test_a_leaf_without_a_gradient_waits_in_it_too(self):
        params = {"a": np.zeros(1), "b": np.zeros(1)}
        opt = Optimizer(momentum(0.5), 1.0, hooks=[Accumulate(3)])
        opt.step(params, {"a": np.ones(1), "b": None})
        opt.flush()
        opt.step(params, {"a": np.ones(1), "b": np.ones(1)})
        opt.flush()
        assert params["b"] == -0.5

    def test_without_parameters_here_they_must_be_given(self):
        opt, w = Optimizer(sgd(), 1.0, hooks=[Accumulate(3)]), np.zeros(1)
        with pytest.raises(ValueError, match=r"flush needs the parameters here: opt\.flush\(params\)"):
            opt.flush()
        new = opt.updated(w, np.ones(1))
        with pytest.raises(ValueError, match=r"opt\.flush\(params\)"):
            opt.flush()
        assert opt.flush(new)
        assert new == -1.0

    def test_nothing_collects(self):
        opt = Optimizer(sgd(), 1.0)
        opt.step(ONES.copy(), ONES)
        assert not opt.flush()

    def test_what_is_not_finite_is_refused_when_it_comes(self):
        params, opt = {"w": np.zeros(2)}, Optimizer(sgd(), 1.0, hooks=[Accumulate(2)])
        opt.step(params, {"w": ONES})
        with pytest.raises(FloatingPointError, match=r"gradient 'w' is nan at index \(1,\) in step 1"):
            opt.step(params, {"w": np.array([1.0, np.nan])})
        opt.step(params, {"w": 3 * ONES})
        assert params["w"].tolist() == [-2.0, -2.0]

    def test_a_bad_schedule_after_it_leaves_no_trace(self):
        limits = iter([1.0, -5.0, 9.0, 9.0])
        given = {}
        clip = ClipNorm(lambda k: given["limit"])
        w, opt = np.zeros(1), Optimizer(sgd(), 1.0, hooks=[Accumulate(2), clip])
        for g, refused in ((1.0, False), (7.0, True), (3.0, False)):
            given["limit"] = next(limits)
            if refused:
                with pytest.raises(ValueError, match="max_norm, from its schedule"):
                    opt.step(w, np.array([g]))
            else:
                opt.step(w, np.array([g]))
        assert w == -2.0

    def test_so_does_a_bad_schedule_of_the_rule(self):
        given = {"beta": 0.5}
        w, opt = np.zeros(1), Optimizer(Ema(lambda k: given["beta"]), 1.0, hooks=[Accumulate(2)])
        opt.step(w, np.ones(1))
        given["beta"] = -1.0
        with pytest.raises(ValueError, match="beta, from its schedule"):
            opt.step(w, np.array([7.0]))
        given["beta"] = 0.0
        opt.step(w, np.array([3.0]))
        assert w == -2.0


class TestPlateau:
    def test_a_loss_now_and_then(self):
        w, plateau = np.zeros(1), Plateau(0.5, patience=2)
        opt = Optimizer(sgd(), 1.0, hooks=[plateau])
        found = []
        for loss in (3.0, None, None, 3.0, None, 3.0, None):
            opt.step(w, np.ones(1), loss=loss)
            found.append(opt.lr)
        assert found == [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5]

    def test_the_greatest_is_the_least_of_the_opposite(self):
        losses = np.random.default_rng(1).normal(size=60).round(1)
        found = []
        for mode, sign in (("min", 1.0), ("max", -1.0)):
            opt = Optimizer(sgd(), 1.0, hooks=[Plateau(0.5, patience=3, rtol=0.1, mode=mode)])
            found.append([opt.step(ONES.copy(), ONES, loss=sign * x) is None or opt.lr for x in losses[:1]])
            w = ONES.copy()
            opt.adopt(w)
            found[-1] += [opt.step(w, ONES, loss=sign * x) is None or opt.lr for x in losses[1:]]
        assert found[0] == found[1]
        assert found[0][-1] < 0.1


class TestEarlyStop:
    def run(self, losses, **options):
        stop = EarlyStop(**options)
        params, opt = {"w": [np.array([0.0])]}, Optimizer(sgd(), 1.0, hooks=[stop])
        for k, loss in enumerate(losses):
            opt.step(params, {"w": [np.array([-1.0])]}, loss=loss)
            if stop.stopped:
                return k, opt, stop
        return None, opt, stop

    def test_it_keeps_the_weights_that_had_the_best_loss(self):
        k, opt, stop = self.run([5.0, None, 4.0, 4.0, None, 6.0, 1.0], patience=2)
        assert (k, opt.t, stop.loss, stop.t) == (5, 6, 4.0, 2)
        assert opt.best == {"w": [np.array([2.0])]}

    def test_the_greatest(self):
        k, opt, stop = self.run([0.5, 0.7, 0.6, 0.6, np.nan], patience=3, mode="max")
        assert (k, stop.loss, opt.best) == (4, 0.7, {"w": [np.array([1.0])]})

    def test_little_progress_is_none(self):
        assert self.run([1.0, 0.99, 0.98, 0.97], patience=3, rtol=0.05)[0] == 3
        assert self.run([1.0, 0.99, 0.98, 0.97], patience=3)[0] is None

    def test_replicas_have_each_their_own(self):
        stop = EarlyStop(2)
        w, opt = np.zeros((2, 1)), Optimizer(sgd(), 1.0, hooks=[stop], replicas=2)
        found = []
        for loss in ([3.0, 1.0], [2.0, 2.0], [1.0, 3.0], [2.0, 0.0], [3.0, 0.0]):
            opt.step(w, -np.ones((2, 1)), loss=np.array(loss))
            found.append(stop.stopped)
        assert opt.best.tolist() == [[2.0], [3.0]]
        assert stop.loss.tolist() == [1.0, 0.0]
        assert found == [False, False, False, False, True]

    def test_going_on_is_not_stopping(self):
        _, opt, _ = self.run([5.0, 4.0], patience=3)
        other = Optimizer(sgd(), 1.0, hooks=[EarlyStop(3)])
        other.load_state_dict(opt.state_dict())
        params = {"w": [np.array([2.0])]}
        for loss in (6.0, 6.0, 6.0):
            other.step(params, {"w": [np.array([-1.0])]}, loss=loss)
        assert other.hooks[0].stopped
        assert other.best == {"w": [np.array([1.0])]}

    def test_there_is_none(self):
        with pytest.raises(ValueError, match=r"no hook keeps the best weights; give hooks=\[EarlyStop\(\)\]"):
            _ = Optimizer(sgd(), 1.0).best
        with pytest.raises(ValueError, match="before the first step"):
            _ = Optimizer(sgd(), 1.0, hooks=[EarlyStop()]).best
        params, opt = {"a": np.zeros(1)}, Optimizer(sgd(), 1.0, hooks=[EarlyStop()])
        opt.step(params, {"a": np.ones(1)}, loss=1.0)
        params["b"] = np.ones(1)
        opt.adopt(params)
        with pytest.raises(ValueError, match="before the first step with these leaves"):
            _ = opt.best
        opt.step(params, {"a": np.ones(1), "b": np.ones(1)}, loss=2.0)
        assert opt.best == {"a": 0.0, "b": 1.0}


@pytest.mark.parametrize("make", [lambda: Accumulate(2), Lookahead, Plateau, EarlyStop])
def test_a_hook_with_state_belongs_to_one_optimizer(make):
    """Seen in the field: one of them in two optimizers mixed them."""
    hook = make()
    one, two = (Optimizer(sgd(), 1.0, hooks=[hook]) for _ in range(2))
    w, v = np.zeros(1), np.zeros(1)
    one.step(w, np.ones(1))
    with pytest.raises(ValueError, match=r"keeps state, and is in another optimizer, too; construct it anew"):
        two.step(v, np.ones(1))
    assert (v == 0.0).all()
    two.hooks = [copy.deepcopy(hook)]
    two.step(v, np.ones(1))
    with pytest.raises(ValueError, match="twice in this list"):
        two.hooks = [two.hooks[0], two.hooks[0]]
    with pytest.raises(ValueError, match="in another optimizer"):
        two.hooks = [hook]
    with pytest.raises(ValueError, match="in another optimizer"):
        copy.deepcopy(two).hooks = two.hooks
    one.hooks = []
    two.hooks = [hook]
    with pytest.raises(ValueError, match="in another optimizer"):
        one.hooks = [hook]
    one.hooks = [twin := copy.deepcopy(hook)]
    del one
    two.hooks = [twin]


def test_a_hook_that_no_reference_can_follow_is_not_looked_after():
    class Slots:
        __slots__ = ()

        def before(self, step):
            assert step.t == 1

        def load_state(self, state):
            raise NotImplementedError

    hook = Slots()
    for _ in range(2):
        Optimizer(sgd(), 1.0, hooks=[hook]).step(np.zeros(1), np.ones(1))


@pytest.mark.parametrize("moves", [True, False])
def test_a_hook_that_takes_itself_out(moves):
    """The average sees the weights of each step once, whoever changes the list in the middle of one."""

    class Once:
        moves_weights = moves

        def after(self, step):
            opt.hooks = [] if moves else [Moves()]

    class Moves:
        def after(self, step):
            assert step.params

    expected, w = Optimizer(sgd(), 1.0, average=Ema(0.5)), np.zeros(1)
    opt, v = Optimizer(sgd(), 1.0, average=Ema(0.5), hooks=[Once()]), np.zeros(1)
    for _ in range(3):
        expected.step(w, np.ones(1)), opt.step(v, np.ones(1))
    with expected.averaged(w), opt.averaged(v):
        assert w == v


def test_a_hook_that_has_no_identity_is_not_looked_after():
    @dataclass
    class Counts:
        steps: int = 0

        def before(self, step):
            self.steps += 1

        def state(self):
            return {"steps": np.array(self.steps)}

        def load_state(self, state):
            self.steps = int(state["steps"])

    hook = Counts()
    for _ in range(2):
        Optimizer(sgd(), 1.0, hooks=[hook]).step(np.zeros(1), np.ones(1))
    assert hook.steps == 2


def test_a_limit_belongs_to_as_many_as_like_it():
    clip = ClipNorm(1.0)
    for _ in range(2):
        Optimizer(sgd(), 1.0, hooks=[clip]).step(np.zeros(1), np.ones(1))


def test_what_is_redefined_is_forgotten():
    """Seen in the field: 200 rules with closures of 1 MB kept 201 MB."""
    kept = []
    for _ in range(100):
        large = np.full(1000, 0.5)

        def schedule(k, large=large):
            return large[0]

        kept.append(weakref.ref(large))
        w = np.ones(2)
        Optimizer(Ema(schedule) * Constant(schedule), 0.1, hooks=[ClipNorm(schedule)]).step(w, w.copy())
        Optimizer(Ema(schedule, debias=True), lambda k, large=large: large[0]).step(w, w.copy())
        del large, schedule
    gc.collect()
    assert sum(alive() is not None for alive in kept) <= 64
