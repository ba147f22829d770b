import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimlab import (
    Below,
    Every,
    History,
    Plateau,
    Seconds,
    Stalled,
    adam,
    check_gradient,
    descend,
    linear,
    momentum,
    sgd,
)
from optimlab.optimizer import Optimizer


class Bowl:
    """Sum of squares; counts what is asked."""

    def __init__(self, start=(1.0, 2.0)):
        self.start = np.array(start)
        self.values = self.gradients = 0

    def value(self, w):
        self.values += 1
        return np.sum(w * w, axis=-1)

    def gradient(self, w):
        self.gradients += 1
        return 2 * w


class Together(Bowl):
    def value_and_gradient(self, w):
        return np.sum(w * w, axis=-1), 2 * w


def test_the_way_is_that_of_the_optimizer():
    problem = Bowl()
    trace = descend(problem, Optimizer(adam(), linear(0.1, steps=30)), 20, record=Every(1, w=np.copy))
    w, plain = problem.start.copy(), Optimizer(adam(), linear(0.1, steps=30))
    for k in range(20):
        assert np.array_equal(trace["w"][k], w)
        assert trace["value"][k] == np.sum(w * w)
        assert trace["lr"][k] == plain.lr
        plain.step(w, 2 * w)
    assert np.array_equal(trace.w, w)
    assert np.array_equal(trace["w"][20], w)
    assert trace["step"].tolist() == list(range(21))
    assert (np.diff(trace["seconds"]) > 0).all()
    assert trace.reason == "steps"
    assert problem.start.tolist() == [1, 2]


def test_the_start_may_be_given_and_the_descent_goes_on():
    whole = descend(Bowl(), Optimizer(momentum(), 0.1), 10)
    optimizer = Optimizer(momentum(), 0.1)
    first = descend(Bowl(), optimizer, 4)
    second = descend(Bowl(), optimizer, 6, start=first.w)
    assert np.array_equal(second.w, whole.w)
    assert np.array_equal(second["value"], whole["value"][4:])


def test_every_records_multiples_and_the_end():
    problem = Bowl()
    trace = descend(problem, Optimizer(sgd(), 0.1), 10, record=Every(4))
    assert trace["step"].tolist() == [0, 4, 8, 10]
    assert (problem.values, problem.gradients) == (4, 10)
    np.testing.assert_allclose(trace["value"], 5 * 0.64 ** trace["step"])


def test_value_and_gradient_together_are_asked_once_a_step():
    problem = Together()
    trace = descend(problem, Optimizer(sgd(), 0.1, hooks=[Plateau()]), 10, record=Every(4), stop=Below(1.0))
    assert (problem.values, problem.gradients) == (0, 0)
    assert trace["step"].tolist() == [0, 4]
    assert trace.reason == "Below(target=1.0)"


def test_hooks_get_the_value_as_loss():
    found = []

    class Losses:
        def before(self, step):
            found.append(step.loss)

    trace = descend(Bowl(), Optimizer(sgd(), 0.1, hooks=[Losses()]), 5)
    assert found == trace["value"][:5].tolist()


def test_steps_of_0_record_the_start():
    trace = descend(Bowl(), Optimizer(sgd(), 0.1), 0)
    assert trace["value"].tolist() == [5.0]
    assert trace.frame()["best"].tolist() == [5.0]


def test_containers_are_copied_as_they_are():
    Pair = namedtuple("Pair", "a b")

    class Nested:
        def __init__(self):
            self.start = {"p": Pair(np.ones(2), [np.ones(1)])}

        def value(self, w):
            return (w["p"].a ** 2).sum() + (w["p"].b[0] ** 2).sum()

        def gradient(self, w):
            return {"p": Pair(2 * w["p"].a, [2 * w["p"].b[0]])}

    problem = Nested()
    trace = descend(problem, Optimizer(sgd(), 0.25), 1)
    assert trace.w["p"].a.tolist() == [0.5, 0.5]
    assert problem.start["p"].a.tolist() == [1, 1]
    assert check_gradient(problem, problem.start, np.random.default_rng(0)) < 1e-9


class TestStop:
    def test_below(self):
        trace = descend(Bowl(), Optimizer(sgd(), 0.25), 100, stop=Below(1e-3))
        assert trace["value"][-1] <= 1e-3 < trace["value"][-2]
        assert trace.first_hit(1e-3) == trace.settled(1e-3) == trace["step"][-1] == 7

    def test_stalled(self):
        trace = descend(Bowl(), Optimizer(sgd(), 1.0), 100, stop=[Below(-1.0), Stalled(5)])
        assert trace["step"][-1] == 5
        assert trace.reason == "Stalled(steps=5)"

    @pytest.mark.parametrize("replicas", [None, 2])
    def test_stalled_counts_from_the_best(self, replicas):
        class Given(Bowl):
            def value(self, w):
                value = next(path)
                return value if replicas is None else np.array([1.0, value])

        path = iter([5.0, 4.0, 3.0, 6.0, 2.0, 2.0, 9.0, 2.0])
        problem = Given(np.ones(2) if replicas is None else np.ones((2, 1)))
        trace = descend(problem, Optimizer(sgd(), 0.1, replicas=replicas), 100, stop=Stalled(3))
        assert trace["step"][-1] == 7

    def test_seconds(self):
        class Slow(Bowl):
            def gradient(self, w):
                time.sleep(0.02)
                return 2 * w

        begin = time.perf_counter()
        trace = descend(Slow(), Optimizer(sgd(), 0.1), 10**6, record=Every(1000), stop=Seconds(0.1))
        assert 0.1 <= time.perf_counter() - begin < 2.0
        assert trace.reason == "Seconds(limit=0.1)"
        assert 1 <= trace["step"][-1] <= 5

    def test_any_function_of_a_moment(self):
        trace = descend(Bowl(), Optimizer(sgd(), 0.1), 100, stop=lambda now: now.step == 3 and now.best < 2)
        assert trace["step"][-1] == 3

    def test_the_first_condition_that_holds_is_the_reason(self):
        trace = descend(Bowl(), Optimizer(sgd(), 0.25), 100, stop=[Below(9.0), Below(99.0)])
        assert trace.reason == "Below(target=9.0)"
        assert trace["step"].tolist() == [0]


class TestDivergence:
    def test_the_trace_ends_where_gradients_end(self):
        trace = descend(Bowl(), Optimizer(sgd(), 1e200), 100)
        assert trace.reason.startswith("diverged: gradient 'params' is ")
        assert not np.isfinite(trace["value"][-1])
        assert trace.best == 5.0
        assert trace.first_hit(1.0) == trace.settled(1.0) == np.inf

    def test_all_replicas(self):
        problem = Bowl([[1.0], [1.0]])
        assert descend(problem, Optimizer(sgd(), [1e200, 1e300], replicas=2), 100).reason == "diverged: all replicas"
        trace = descend(problem, Optimizer(sgd(), [1e200, 0.25], replicas=2), 100)
        assert trace.reason == "steps"
        assert trace["value"][-1, 1] < 1e-12


class TestReplicas:
    def test_each_is_the_descent_alone(self):
        rates = [0.05, 0.1, 0.3]
        problem = Bowl([[1.0, 2.0]] * 3)
        together = descend(problem, Optimizer(adam(), rates, replicas=3, hooks=[Plateau(0.5, 3)]), 50)
        for i, rate in enumerate(rates):
            alone = descend(Bowl(), Optimizer(adam(), rate, hooks=[Plateau(0.5, 3)]), 50)
            assert np.array_equal(together["value"][:, i], alone["value"])
            assert np.array_equal(together["lr"][:, i], alone["lr"])
            assert together.first_hit(0.5)[i] == alone.first_hit(0.5)
            assert together.settled(0.5)[i] == alone.settled(0.5)
            assert together.best[i] == alone.best

    def test_a_problem_may_use_its_arrays_again(self):
        class Reusing(Bowl):
            room = np.empty(2)

            def value(self, w):
                return np.sum(w * w, axis=-1, out=self.room)

        trace = descend(Reusing([[1.0], [2.0]]), Optimizer(sgd(), 0.25, replicas=2), 2)
        assert trace["value"].tolist() == [[1, 4], [0.25, 1], [0.0625, 0.25]]

    def test_the_table_is_tidy(self):
        problem = Bowl([[1.0, 2.0]] * 2)
        record = Every(1, w=np.copy, first=lambda w: w[:, 0], total=np.sum)
        frame = descend(problem, Optimizer(sgd(), [0.25, 0.5], replicas=2), 1, record=record).frame()
        expected = ["step", "replica", "seconds", "lr", "value", "w_0", "w_1", "first", "total", "best"]
        assert frame.columns.tolist() == expected
        assert frame.drop(columns="seconds").to_numpy().tolist() == [
            [0, 0, 0.25, 5, 1, 2, 1, 6, 5],
            [0, 1, 0.5, 5, 1, 2, 1, 6, 5],
            [1, 0, 0.25, 1.25, 0.5, 1, 0.5, 1.5, 1.25],
            [1, 1, 0.5, 0, 0, 0, 0, 1.5, 0],
        ]

    def test_below_waits_for_all(self):
        problem = Bowl([[1.0], [1.0]])
        trace = descend(problem, Optimizer(sgd(), [0.5, 0.25], replicas=2), 100, stop=Below(0.01))
        assert trace["step"][-1] == 4


values = hnp.arrays(float, st.integers(1, 12), elements=st.floats(0, 4).map(round) | st.just(np.nan))


@given(values, st.integers(0, 4), st.integers(1, 3), st.integers(0, 13))
def test_held_by_search(found, target, every, rows):
    steps = every * np.arange(len(found))
    held = [steps[i] for i in range(len(found) - rows) if all(v <= target for v in found[i : i + rows + 1])]
    trace = History(None, "steps", {"step": steps, "value": found}, None)
    assert trace.held(target, rows) == (held[0] if held else np.inf)
    assert trace.held(target, 0) == trace.first_hit(target)
    both = History(None, "steps", {"step": steps, "value": np.stack([found, found], axis=1)}, 2)
    assert both.held(target, rows).tolist() == [trace.held(target, rows)] * 2


def test_held_for_less_than_no_row_is_refused():
    with pytest.raises(ValueError, match="rows must be at least 0; got -1"):
        descend(Bowl(), Optimizer(sgd(), 0.25), 3).held(1.0, -1)


@given(values, st.integers(0, 4), st.integers(1, 3))
def test_first_hit_settled_and_best_by_search(found, target, every):
    steps = every * np.arange(len(found))
    trace = History(None, "steps", {"step": steps, "value": found}, None)
    hits = [int(s) for s, v in zip(steps, found, strict=True) if v <= target]
    kept = [int(s) for i, s in enumerate(steps) if all(v <= target for v in found[i:])]
    assert trace.first_hit(target) == (hits[0] if hits else np.inf)
    assert trace.settled(target) == (kept[0] if kept else np.inf)
    best = [np.nanmin(found[: i + 1]) if not np.isnan(found[: i + 1]).all() else np.nan for i in range(len(found))]
    np.testing.assert_array_equal(trace.best_so_far, best)
    both = History(None, "steps", {"step": steps, "value": np.stack([found, found], axis=1)}, 2)
    assert both.first_hit(target).tolist() == [trace.first_hit(target)] * 2
    assert both.settled(target).tolist() == [trace.settled(target)] * 2


class TestInterrupt:
    def test_ctrl_c_finishes_the_update_and_returns_what_there_is(self):
        class Pressed(Bowl):
            def gradient(self, w):
                if self.gradients == 5:
                    signal.raise_signal(signal.SIGINT)
                return super().gradient(w)

        optimizer = Optimizer(sgd(), 0.1)
        trace = descend(Pressed(), optimizer, 100, record=Every(4))
        assert trace.reason == "interrupted"
        assert trace["step"].tolist() == [0, 4, 6]
        assert optimizer.t == 6
        assert trace["value"][-1] == pytest.approx(5 * 0.64**6)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_the_second_does_not_wait(self):
        class Pressed(Bowl):
            def gradient(self, w):
                if self.gradients == 5:
                    signal.raise_signal(signal.SIGINT)
                    signal.raise_signal(signal.SIGINT)
                return super().gradient(w)

        trace = descend(Pressed(), Optimizer(sgd(), 0.1), 100)
        assert trace.reason == "interrupted"
        assert trace["step"].tolist() == [0, 1, 2, 3, 4, 5]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_before_the_first_row_there_is_an_empty_trace(self):
        class Never(Bowl):
            def value(self, w):
                raise KeyboardInterrupt

        trace = descend(Never(), Optimizer(sgd(), 0.1), 100)
        assert trace.reason == "interrupted"
        assert len(trace.frame()) == 0
        assert np.isnan(trace.best)
        assert "None" in repr(trace)

    def test_other_threads_and_other_handlers_are_left_alone(self):
        found = []
        thread = threading.Thread(target=lambda: found.append(descend(Bowl(), Optimizer(sgd(), 0.1), 3).reason))
        thread.start()
        thread.join()
        assert found == ["steps"]

        def handler(*_):
            found.append("mine")

        before = signal.signal(signal.SIGINT, handler)
        try:

            class Pressed(Bowl):
                def gradient(self, w):
                    signal.raise_signal(signal.SIGINT)
                    return super().gradient(w)

            assert descend(Pressed(), Optimizer(sgd(), 0.1), 1).reason == "steps"
        finally:
            signal.signal(signal.SIGINT, before)
        assert found == ["steps", "mine"]

    def test_other_errors_pass_and_the_handler_comes_back(self):
        class Broken(Bowl):
            def gradient(self, w):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            descend(Broken(), Optimizer(sgd(), 0.1), 100)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_bar_is_shown_on_a_terminal_after_two_seconds(monkeypatch):
    import tqdm

    made = []

    def bar(**options):
        made.append(options)
        return tqdm.std.tqdm(**options | {"disable": True})

    monkeypatch.setattr(tqdm, "tqdm", bar)
    for progress in (True, False, "Adam"):
        descend(Bowl(), Optimizer(sgd(), 0.1), 3, progress=progress)
    assert [(options["disable"], options["desc"]) for options in made] == [(None, None), (True, None), (None, "Adam")]
    assert all(options["delay"] == 2.0 and options["total"] == 3 for options in made)


class TestCheckGradient:
    class Cubic:
        def value(self, w):
            return float((w["a"] ** 3).sum() + (w["b"] * w["b"]).sum() * w["a"][0])

        def gradient(self, w):
            a = 3 * w["a"] ** 2
            a[0] += (w["b"] * w["b"]).sum()
            return {"b": 2 * w["b"] * w["a"][0], "a": a}

    class Wrong(Cubic):
        def gradient(self, w):
            g = super().gradient(w)
            g["b"][1, 1] *= 1.001
            return g

    w = {"a": np.array([0.3, -1.0, 2.0]), "b": np.arange(6.0).reshape(2, 3)}  # noqa: RUF012

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_right_gradient_and_one_wrong_in_a_thousandth_of_one_number(self, dtype):
        w = {key: leaf.astype(dtype) for key, leaf in self.w.items()}
        kept = {key: leaf.copy() for key, leaf in w.items()}
        assert check_gradient(self.Cubic(), w, np.random.default_rng(0)) < 1e-8
        assert check_gradient(self.Wrong(), w, np.random.default_rng(0)) > 1e-6
        assert all(np.array_equal(w[key], kept[key]) and w[key].dtype == dtype for key in w)

    def test_the_error_is_that_of_the_directions(self):
        class Off(Bowl):
            def gradient(self, w):
                return 2 * w + np.array([0.0, 0.5])

        error = check_gradient(Off(), np.array([0.0, 1.0]), np.random.default_rng(0), directions=200)
        assert error == pytest.approx(0.5 / 2.5, rel=1e-3)

    def test_at_a_minimum_the_error_is_absolute(self):
        assert check_gradient(Bowl(), np.zeros(2), np.random.default_rng(0)) < 1e-12

    def test_the_same_generator_gives_the_same_error(self):
        errors = [check_gradient(self.Cubic(), self.w, np.random.default_rng(seed)) for seed in (1, 1, 2)]
        assert errors[0] == errors[1] != errors[2]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: descend(Bowl(), Optimizer(sgd(), 0.1), -1), ValueError, "steps must be a whole number of at least 0"),
        (lambda: descend(Bowl(), Optimizer(sgd(), 0.1), 1.5), ValueError, "steps must be a whole number of at least 0"),
        (lambda: Every(0), ValueError, "steps of Every must be a whole number of at least 1; got 0"),
        (lambda: Every(1, value=np.sum), ValueError, "a quantity must not be named 'value'"),
        (lambda: Every(1, norm=3.0), TypeError, "norm must be a function of w; got 3.0"),
        (lambda: Below(float("nan")), ValueError, "target must be a number; got nan"),
        (lambda: Seconds(0), ValueError, "limit must be greater than 0 seconds; got 0"),
        (lambda: Stalled(0), ValueError, "steps must be at least 1; got 0"),
        (lambda: descend(Bowl([[1.0]]), Optimizer(sgd(), 0.1), 1), ValueError, r"value\(w\) must return a number"),
        (
            lambda: descend(Bowl(np.ones((2, 3, 1))), Optimizer(sgd(), 0.1, replicas=2), 1),
            ValueError,
            r"value\(w\) must return shape \(2,\); got shape \(2, 3\)",
        ),
        (lambda: check_gradient(Bowl(), np.ones(2), 0), TypeError, "rng must be a numpy.random.Generator; got 0"),
        (
            lambda: check_gradient(Bowl(), np.ones(2), np.random.default_rng(0), 0),
            ValueError,
            "directions must be at least 1; got 0",
        ),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_gradient_of_another_shape_is_refused():
    class Wrong(Bowl):
        def gradient(self, w):
            return np.ones(3)

    with pytest.raises(ValueError, match=r"the gradient must have the shapes of w, \[\(2,\)\]; got \[\(3,\)\]"):
        check_gradient(Wrong(), np.ones(2), np.random.default_rng(0))


def test_importing_descent_loads_only_numpy():
    code = (
        "import sys, optimlab.descent; "
        "print([m for m in ('pandas', 'scipy', 'matplotlib', 'numba', 'tqdm') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
