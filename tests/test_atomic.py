"""A step happens whole or not at all: signals, formulas that raise, memory that may not be written."""

import os
import random
import signal
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Ema,
    Gradient,
    IndependentDecay,
    Lookahead,
    Optimizer,
    Project,
    Rule,
    Simplex,
    adam,
    momentum,
    sgd,
)
from optimlab.signals import Deferred

POSIX = pytest.mark.skipif(os.name != "posix", reason="sends signals")


def weights():
    return {"small": np.zeros(3), "large": np.zeros(300000), "last": np.zeros((2, 2), np.float32)}


def fed(value):
    return {name: np.full(x.shape, value, x.dtype) for name, x in weights().items()}


@POSIX
@pytest.mark.parametrize("hooks", [[], [IndependentDecay(0.0)]])
def test_thousand_interrupts_leave_all_leaves_at_one_step(hooks, tmp_path):
    params, ones = weights(), fed(1.0)
    opt = Optimizer(sgd(), 1.0, average=Ema(lambda k: k / (k + 1)), engine="numpy", hooks=hooks)
    opt.step(params, ones)
    rng, me, done, inside = random.Random(0), os.getpid(), threading.Event(), []
    before = signal.signal(signal.SIGINT, lambda *_: inside and signal.default_int_handler(*_))
    came = 0

    def send():
        for _ in range(1000):
            time.sleep(rng.random() * 1e-3)
            os.kill(me, signal.SIGINT)
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    while not done.is_set():
        try:
            inside.append(True)
            opt.step(params, ones)
            inside.clear()
        except KeyboardInterrupt:
            inside.clear()
            came += 1
            held = [np.unique(x).tolist() for x in params.values()]
            if held != [[-float(opt.t)]] * 3:
                pytest.fail(f"at step {opt.t} the leaves hold {held}")
    sender.join()
    signal.signal(signal.SIGINT, before)
    assert came > 20
    opt.save(tmp_path / "whole.npz")
    other = Optimizer(sgd(), 1.0, average=Ema(lambda k: k / (k + 1)), engine="numpy", hooks=hooks)
    other.load(tmp_path / "whole.npz")
    assert other.t == opt.t
    with opt.averaged(params):
        assert params["small"] == pytest.approx(np.full(3, -(opt.t + 1) / 2))


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGALRM])
def test_any_handler_waits_and_is_called_in_its_turn(number):
    called, before = [], signal.getsignal(number)

    def handler(*_):
        called.append("handler")
        raise InterruptedError

    class Sends:
        def before(self, step):
            os.kill(os.getpid(), number)
            time.sleep(0.01)
            called.append("before")

        def after(self, step):
            called.append("after")

    signal.signal(number, handler)
    w, opt = np.zeros(2), Optimizer(sgd(), 1.0, hooks=[Sends()])
    try:
        with pytest.raises(InterruptedError):
            opt.step(w, np.ones(2))
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
    assert called == ["before", "after", "handler"]
    assert (opt.t, w.tolist()) == (1, [-1.0, -1.0])


@POSIX
def test_what_is_ignored_stays_ignored_and_other_threads_do_not_care():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Deferred():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    w, opt = np.zeros(1), Optimizer(sgd(), 1.0)
    thread = threading.Thread(target=opt.step, args=(w, np.ones(1)))
    thread.start(), thread.join()
    assert w == -1.0


def test_parameters_that_could_not_be_returned_are_saved():
    class Interrupts:
        def after(self, step):
            signal.raise_signal(signal.SIGINT)

    params, opt = {"w": np.zeros(1)}, Optimizer(sgd(), 1.0, hooks=[Interrupts()])
    with pytest.raises(KeyboardInterrupt):
        opt.updated(params, {"w": np.ones(1)})
    assert (params["w"], opt.t, opt.state_dict()["params/w"]) == (0.0, 1, -1.0)


def test_each_signal_that_came_is_handled_even_if_one_raises():
    called, before = [], signal.signal(signal.SIGTERM, lambda *_: called.append("terminate"))
    try:
        with pytest.raises(KeyboardInterrupt), Deferred():
            [signal.raise_signal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    finally:
        signal.signal(signal.SIGTERM, before)
    assert called == ["terminate"]


def test_a_handler_that_is_set_inside_stays():
    before = signal.getsignal(signal.SIGINT)
    try:
        with Deferred(), Deferred():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


class TestAveraged:
    def made(self, params):
        opt = Optimizer(sgd(), 1.0, average=Ema(0.5))
        for _ in range(2):
            opt.step(params, {name: np.ones(1) for name in params})
        return opt

    def test_a_signal_that_waits_until_the_weights_are_swapped(self):
        class Interrupts(dict):
            calls = 0

            def get(self, key):
                self.calls -= 1
                if self.calls == 0:
                    signal.raise_signal(signal.SIGINT)
                return self[key]

        params = Interrupts(w=np.zeros(1))
        opt = self.made(params)
        for calls in range(1, 4):
            params.calls = calls
            with pytest.raises(KeyboardInterrupt), opt.averaged(params):
                _ = params.get("w"), params.get("w")
            assert params["w"] == -2.0
        opt.step(params, {"w": np.ones(1)})
        assert params["w"] == -3.0

    def test_a_signal_just_before_they_are_swapped_back(self, monkeypatch):
        params, enter = {"a": np.zeros(1), "b": np.zeros(1)}, Deferred.__enter__
        opt = self.made(params)

        def interrupted(deferred):
            monkeypatch.setattr(Deferred, "__enter__", enter)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), opt.averaged(params):
            monkeypatch.setattr(Deferred, "__enter__", interrupted)
        assert list(params.values()) == [-2.0] * 2
        opt.step(params, params)

    def test_a_leaf_that_is_read_only_before_or_inside(self):
        params = {"a": np.zeros(1), "b": np.zeros(1), "c": np.zeros(1)}
        opt = self.made(params)
        params["b"].flags.writeable = False
        with pytest.raises(ValueError, match="parameter 'b' must be writable"), opt.averaged(params):
            pass
        assert list(params.values()) == [-2.0] * 3
        params["b"].flags.writeable = True
        with opt.averaged(params):
            assert list(params.values()) == [-1.5] * 3
            params["b"].flags.writeable = False
        assert list(params.values()) == [-2.0] * 3
        assert not params["b"].flags.writeable


@dataclass(frozen=True)
class RaisesAt(Rule):
    """A rule that cannot be traced, and raises in its third tile."""

    calls: list

    @property
    def slots(self):
        return ("count",)

    def __hash__(self):
        return 0

    def formula(self, x, w, state, c):
        if np.size(x) > 8:
            self.calls.append(np.size(x))
            if len(self.calls) == 3:
                raise OverflowError("in the third tile")
        return x, (state[0] + 1.0,)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("replicas", [None, 1])
def test_a_formula_that_raises_in_the_middle(check, replicas):
    calls = []
    params, opt = weights(), Optimizer(RaisesAt(calls), 1.0, check_finite=check, engine="numpy", replicas=replicas)
    if replicas:
        params = {name: x[np.newaxis] for name, x in params.items()}
    with pytest.raises(OverflowError, match="third tile"):
        opt.step(params, {name: np.ones_like(x) for name, x in params.items()})
    assert len(calls) == 3
    assert opt.t == 0
    assert not any(x.any() for x in params.values())
    assert not any(slots["count"].any() for slots in opt.state.values())
    opt.step(params, {name: np.ones_like(x) for name, x in params.items()})
    assert all((x == -1.0).all() for x in params.values())
    assert all((slots["count"] == 1.0).all() for slots in opt.state.values())


@pytest.mark.parametrize("name", ["small", "large", "last"])
def test_memory_that_may_no_longer_be_written(name):
    params, opt = weights(), Optimizer(momentum(0.5), 1.0)
    opt.step(params, fed(2.0))
    params[name].flags.writeable = False
    with pytest.raises(ValueError, match=f"parameter '{name}' must be writable; it is read-only"):
        opt.step(params, fed(2.0))
    params[name].flags.writeable = True
    assert opt.t == 1
    assert all((x == -1.0).all() for x in params.values())
    assert all((slots["ema"] == 1.0).all() for slots in opt.state.values())
    opt.step(params, fed(2.0))
    assert all((x == -2.5).all() for x in params.values())


class TestHooksThatRaise:
    def moved(self, hooks, params=None):
        params = {"w": np.ones(2)} if params is None else params
        opt = Optimizer(momentum(0.5), 1.0, hooks=hooks)
        with pytest.raises(ValueError, match=r"must be|is empty") as error:
            opt.step(params, {name: np.ones_like(x) for name, x in params.items()})
        assert opt.t == 0
        assert all((x == 1.0).all() for x in params.values())
        assert all(not slots["ema"].any() for slots in opt.state.values())
        return str(error.value)

    def test_a_set_without_a_point(self):
        params = {"w": np.ones(2), "empty": np.ones(0)}
        assert "'empty'" in self.moved([Project(Simplex())], params)
        Optimizer(sgd(), 1.0, hooks=[Project(Simplex(), only="w")]).step(params, {"w": np.ones(2), "empty": np.ones(0)})

    @pytest.mark.parametrize(
        ("hook", "name"),
        [
            (IndependentDecay(lambda k: 2.0), "rate"), (Lookahead(lambda k: 0.5), "k"),
            (Lookahead(1, share=lambda k: 7.0), "share"), (Accumulate(lambda k: -1), "k"),
        ],
    )  # fmt: skip
    def test_a_schedule_that_leaves_its_range(self, hook, name):
        assert f"{name}, from its schedule at k = 0," in self.moved([hook])


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda f: Optimizer(Ema(f), 0.1), "beta"), (lambda f: Optimizer(adam(beta2=f), 0.1), "beta"),
        (lambda f: Optimizer(adam(eps=f), 0.1), "eps"), (lambda f: Optimizer(f * Gradient(), 0.1), "number"),
        (lambda f: Optimizer(sgd(), f), "lr"), (lambda f: Optimizer(sgd(), {"*": f}), "lr"),
        (lambda f: Optimizer(sgd(), 0.1, average=Ema(f, debias=True)), "beta"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bad", [np.nan, -2.0, np.inf])
def test_schedules_are_held_to_the_ranges_of_constants(make, name, bad):
    """Seen in the field: a β of NaN made NaN of the weights."""
    if name == "number" and bad == -2.0:
        return
    params, given = {"w": np.ones(2)}, {"number": 0.5}
    opt = make(lambda k: given["number"])
    opt.step(params, {"w": np.ones(2)})
    before, given["number"] = params["w"].copy(), bad
    with pytest.raises(ValueError, match=f"{name}.*, from its schedule at k = 1,? .*must be"):
        opt.step(params, {"w": np.ones(2)})
    assert opt.t == 1
    assert np.array_equal(params["w"], before)


@pytest.mark.parametrize("number", [1e-50, 1e50])
def test_a_number_that_vanishes_in_the_dtype_of_the_parameters(number):
    """Seen in the field: ``adam(eps=1e-50)`` made NaN of float32 weights at a gradient of 0."""
    for dtype, good in ((np.float32, False), (np.float64, True)):
        w, opt = np.ones(2, dtype), Optimizer(adam(eps=number), 0.1)
        if not good:
            with pytest.raises(
                ValueError, match=r"has the number 1e[+-]50, which is (0\.0|inf) in the float32 of the parameters"
            ):
                opt.step(w, np.zeros(2, dtype))
            assert (w == 1.0).all()
        else:
            opt.step(w, np.zeros(2, dtype))
            assert (w == 1.0).all()
