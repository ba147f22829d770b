import sys
from collections import namedtuple

import numpy as np
import pytest

from optimlab import (
    Below,
    Every,
    FirstPassage,
    Optimizer,
    Plateau,
    Record,
    adam,
    check_gradient,
    descend,
    heavy_ball,
    linear,
    minimize,
    momentum,
    sgd,
)
from tests.descent.problems import Bowl, Together


def test_the_way_is_that_of_the_optimizer():
    problem = Bowl()
    history = descend(problem, Optimizer(adam(), linear(0.1, steps=30)), 20, record=Every(1, w=np.copy))
    w, plain = problem.start.copy(), Optimizer(adam(), linear(0.1, steps=30))
    for k in range(20):
        assert np.array_equal(history["w"][k], w)
        assert history["value"][k] == np.sum(w * w)
        assert history["lr"][k] == plain.lr
        plain.step(w, 2 * w)
    assert np.array_equal(history.w, w)
    assert np.array_equal(history["w"][20], w)
    assert history["step"].tolist() == list(range(21))
    assert (np.diff(history["seconds"]) >= 0).all()
    assert history.reason == "steps"
    assert problem.start.tolist() == [1, 2]


def test_the_start_may_be_given_and_the_descent_goes_on():
    whole = descend(Bowl(), Optimizer(momentum(), 0.1), 10)
    optimizer = Optimizer(momentum(), 0.1)
    first = descend(Bowl(), optimizer, 4)
    second = descend(Bowl(), optimizer, 6, start=first.w)
    assert np.array_equal(second.w, whole.w)
    assert np.array_equal(second["value"], whole["value"][4:])


class TestFunctions:
    """A plain function in the place of a problem."""

    @pytest.mark.parametrize("function", [lambda w: 2 * w, lambda w: (np.sum(w * w), 2 * w)])
    def test_is_the_problem_with_this_gradient(self, function):
        plain = descend(function, Optimizer(adam(), 0.1), 20, start=[1.0, 2.0])
        problem = descend(Bowl(), Optimizer(adam(), 0.1), 20)
        assert np.array_equal(plain.w, problem.w)
        assert plain["step"].tolist() == problem["step"].tolist()
        if isinstance(function(np.ones(1)), tuple):
            assert plain["value"].tolist() == problem["value"].tolist()
        else:
            assert np.isnan(plain["value"]).all()
            assert np.isnan(plain.best)

    def test_with_replicas(self):
        rates, start = [0.1, 0.25], [[1.0, 2.0]] * 2
        for function in (lambda w: 2 * w, lambda w: (np.sum(w * w, axis=-1), 2 * w)):
            found = descend(function, Optimizer(sgd(), rates, replicas=2), 5, start=np.array(start))
            problem = descend(Bowl(start), Optimizer(sgd(), rates, replicas=2), 5)
            assert np.array_equal(found.w, problem.w)
            assert found["value"].shape == problem["value"].shape
            assert found["lr"].tolist() == problem["lr"].tolist()

    def test_values_are_looked_at_by_conditions_and_hooks(self):
        hooks = [Plateau(0.5, 1)]
        found = descend(lambda w: (1.0, w), Optimizer(sgd(), 0.5, hooks=hooks), 3, start=np.ones(1), record=Every(5))
        assert hooks[0].scale == 0.25
        assert found["step"].tolist() == [0, 3]
        assert (
            descend(lambda w: (w @ w, 2 * w), Optimizer(sgd(), 0.25), 9, start=[1.0], stop=Below(0.1))["step"][-1] == 2
        )

    def test_a_start_of_numbers_is_an_array(self):
        assert descend(Bowl(), Optimizer(sgd(), 0.25), 1, start=[3.0, -1]).w.tolist() == [1.5, -0.5]

    def test_a_start_is_copied(self):
        start = np.ones(2)
        assert descend(lambda w: 2 * w, Optimizer(sgd(), 0.5), 1, start=start).w.tolist() == [0.0, 0.0]
        assert start.tolist() == [1.0, 1.0]

    @pytest.mark.parametrize("problem", [lambda w: 2 * w, Bowl().gradient])
    def test_without_a_start_it_is_asked_for(self, problem):
        with pytest.raises(TypeError, match=r"where to start is missing: .* give one, start=w"):
            descend(problem, Optimizer(sgd(), 0.25), 1)

    def test_the_gradient_is_known_to_conditions(self):
        stop = lambda now: abs(now.gradient).max() < 0.3  # noqa: E731
        assert descend(lambda w: 2 * w, Optimizer(sgd(), 0.25), 99, start=[1.0], stop=stop)["step"][-1] == 3
        seen = []
        descend(Bowl(), Optimizer(sgd(), 0.25), 2, stop=lambda now: seen.append(now.gradient))
        assert seen == [None] * 3


class TestBest:
    """The weights of the least value are kept on request."""

    def test_are_those_of_the_least_value_that_was_seen(self):
        record = Every(1, best=True, w=np.copy)
        history = descend(Bowl(), Optimizer(heavy_ball(0.99), 0.1), 25, record=record)
        least = int(history["value"].argmin())
        assert 0 < least < 25
        assert np.array_equal(history.best_w, history["w"][least])
        assert descend(Bowl(), Optimizer(sgd(), 0.1), 5).best_w is None

    def test_of_each_replica(self):
        record = Every(1, best=True, w=np.copy)
        start = {"a": np.array([[1.0, 2.0]] * 3), "b": np.ones(3)}

        def function(w):
            return (w["a"] ** 2).sum(axis=-1) + w["b"] ** 2, {"a": 2 * w["a"], "b": 2 * w["b"]}

        record = Every(1, best=True, a=lambda w: w["a"].copy(), b=lambda w: w["b"].copy())
        optimizer = Optimizer(heavy_ball([0.9, 0.99, 0.5]), [0.1, 0.03, 0.2], replicas=3)
        history = descend(function, optimizer, 25, start=start, record=record)
        least = history["value"].argmin(axis=0)
        assert len(set(least.tolist())) > 1
        assert np.array_equal(history.best_w["a"], history["a"][least, range(3)])
        assert np.array_equal(history.best_w["b"], history["b"][least, range(3)])

    def test_are_looked_at_where_the_value_is_known(self):
        """Together it is known at each step, else at those that are recorded, and at the end."""
        options = {"record": Every(4, best=True)}
        for problem, last in ((Together(), 10), (Bowl(), 10)):
            history = descend(problem, Optimizer(sgd(), 0.1), 10, **options)
            assert history["step"][-1] == last
            assert np.array_equal(history.best_w, history.w)
            assert history.best_w is not history.w
        rises = descend(Together(), Optimizer(heavy_ball(0.99), 0.1), 7, **options).best_w
        assert rises @ rises < descend(Bowl(), Optimizer(heavy_ball(0.99), 0.1), 7, **options).best

    def test_without_a_number_are_the_start(self):
        history = descend(lambda w: (np.nan, w), Optimizer(sgd(), 0.5), 3, start=[1.0], record=Every(best=True))
        assert history.best_w.tolist() == [1.0]

    def test_the_request_is_read_back(self):
        assert repr(Every(2, best=True)) == "Every(2, best=True)"
        assert repr(Every()) == "Every(1)"


class Stopper:
    """A hook that has had enough after three steps."""

    stopped = False

    def after(self, step):
        self.stopped = np.array([step.t >= 3, True]) if step.replicas else step.t >= 3

    def __repr__(self):
        return "Stopper()"


@pytest.mark.parametrize("replicas", [None, 2])
def test_a_hook_that_is_stopped_ends_the_descent(replicas):
    optimizer = Optimizer(sgd(), 0.25, hooks=[Stopper()], replicas=replicas)
    history = descend(Bowl([[1.0, 2.0]] * 2 if replicas else [1.0, 2.0]), optimizer, 10)
    assert (history.reason, history["step"][-1]) == ("Stopper()", 3)
    assert len(descend(Bowl([[1.0, 2.0]] * 2 if replicas else [1.0, 2.0]), optimizer, 10)["step"]) == 1


def test_every_records_multiples_and_the_end():
    problem = Bowl()
    history = descend(problem, Optimizer(sgd(), 0.1, hooks=[Record()]), 10, record=Every(4))
    assert history["step"].tolist() == [0, 4, 8, 10]
    assert (problem.values, problem.gradients) == (4, 10)
    np.testing.assert_allclose(history["value"], 5 * 0.64 ** history["step"])


def test_value_and_gradient_together_are_asked_once_a_step():
    problem = Together()
    history = descend(problem, Optimizer(sgd(), 0.1, hooks=[Plateau()]), 10, record=Every(4), stop=Below(1.0))
    assert (problem.values, problem.gradients) == (0, 0)
    assert history["step"].tolist() == [0, 4]
    assert history.reason == "Below(target=1.0)"


def test_hooks_get_the_value_as_loss():
    found = []

    class Losses:
        def before(self, step):
            found.append(step.loss)

    history = descend(Bowl(), Optimizer(sgd(), 0.1, hooks=[Losses()]), 5)
    assert found == history["value"][:5].tolist()


def test_steps_of_0_record_the_start():
    history = descend(Bowl(), Optimizer(sgd(), 0.1), 0)
    assert history["value"].tolist() == [5.0]
    assert history.frame()["best"].tolist() == [5.0]


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
    history = descend(problem, Optimizer(sgd(), 0.25), 1)
    assert history.w["p"].a.tolist() == [0.5, 0.5]
    assert problem.start["p"].a.tolist() == [1, 1]
    assert check_gradient(problem.value, problem.gradient, problem.start, rng=0).error < 1e-9


class TestDivergence:
    def test_the_trace_ends_where_gradients_end(self):
        history = descend(Bowl(), Optimizer(sgd(), 1e200), 100)
        assert history.reason.startswith("diverged: gradient 'params' is ")
        assert not np.isfinite(history["value"][-1])
        assert history.best == 5.0
        assert history.first_hit(1.0) == history.settled(1.0) == np.inf

    def test_all_replicas(self):
        problem = Bowl([[1.0], [1.0]])
        assert descend(problem, Optimizer(sgd(), [1e200, 1e300], replicas=2), 100).reason == "diverged: all replicas"
        history = descend(problem, Optimizer(sgd(), [1e200, 0.25], replicas=2), 100)
        assert history.reason == "steps"
        assert history["value"][-1, 1] < 1e-12


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

        history = descend(Reusing([[1.0], [2.0]]), Optimizer(sgd(), 0.25, replicas=2), 2)
        assert history["value"].tolist() == [[1, 4], [0.25, 1], [0.0625, 0.25]]

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
        history = descend(problem, Optimizer(sgd(), [0.5, 0.25], replicas=2), 100, stop=Below(0.01))
        assert history["step"][-1] == 4


def test_the_bar_is_shown_on_a_terminal_after_two_seconds(monkeypatch):
    import tqdm

    made, updates = [], []

    class Bar(tqdm.std.tqdm):
        def update(self, n=1):
            updates.append(n)

    def bar(**options):
        made.append(options)
        return Bar(**options | {"disable": True})

    monkeypatch.setattr(tqdm, "tqdm", bar)
    for progress in ({}, {"progress": False}, {"progress": "Adam"}):
        descend(Bowl(), Optimizer(sgd(), 0.1), 3, **progress)
        minimize(lambda x: x, [1.0], sgd(), lr=0.1, steps=3, **progress)
    assert [(options["disable"], options["desc"]) for options in made] == [(None, None)] * 2 + [(None, "Adam")] * 2
    assert all(options["delay"] == 2.0 and options["total"] == 3 for options in made)
    assert updates == [1] * 12


@pytest.mark.parametrize("module", ["tqdm", "pandas"])
def test_without_tqdm_there_is_no_bar_and_without_pandas_no_table(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    record = Record()
    history = descend(Bowl(), Optimizer(sgd(), 0.1, hooks=[record]), 3)
    assert history.reason == "steps"
    if module == "pandas":
        for frame, by in ((history.frame, "History.frame"), (record.frame, "Record.frame")):
            with pytest.raises(ImportError, match=rf'{by} needs pandas, .*python -m pip install "optimlab\[lab\]"'):
                frame()


@pytest.mark.parametrize("problem", [Bowl, Together])
def test_a_hook_that_needs_the_loss_gets_it_at_each_step(problem):
    class Losses:
        needs_loss = True

        def __init__(self):
            self.found = []

        def before(self, step):
            self.found.append(float(step.loss))

    hook, asked = Losses(), problem()
    history = descend(asked, Optimizer(sgd(), 0.1, hooks=[hook]), 10, record=Every(4))
    np.testing.assert_allclose(hook.found, 5 * 0.64 ** np.arange(10))
    assert history["step"].tolist() == [0, 4, 8, 10]
    assert (asked.values, asked.gradients) == ((11, 10) if problem is Bowl else (0, 0))


def test_plateau_needs_no_record_of_each_step():
    """A rate that falls whenever the loss rises, as it does from the first step on."""
    rates = []
    for every in (1, 10):
        history = descend(Bowl(), Optimizer(sgd(), 1.0, hooks=[Plateau(0.5, 1)]), 30, record=Every(every))
        rates.append(history["lr"][-1])
    assert rates[0] == rates[1] < 1.0


class Half:
    """A problem of which one half is missing."""

    def __init__(self, name):
        self.start = np.ones(2)
        setattr(self, name, np.sum)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: descend(Bowl(), Optimizer(sgd(), 0.1), -1), ValueError, "steps must be a whole number of at least 0"),
        (lambda: descend(Bowl(), Optimizer(sgd(), 0.1), 1.5), TypeError, "steps must be a whole number of at least 0"),
        (lambda: Every(0), ValueError, "steps of Every must be a whole number of at least 1; got 0"),
        (lambda: Every(1.5), TypeError, "steps of Every must be a whole number of at least 1; got 1.5"),
        *[
            (lambda name=name: Every(1, **{name: np.sum}), ValueError, f"a quantity must not be named '{name}'")
            for name in ("step", "replica", "seconds", "lr", "value")
        ],
        (lambda: Every(1, best=np.sum), TypeError, r"best must be True or False \(no quantity can have that name\)"),
        (
            lambda: descend(Bowl(), adam(), 10),
            TypeError,
            r"optimizer must be an Optimizer\(rule, lr\); got a rule; write Optimizer\(.*, lr=0\.01\)",
        ),
        (lambda: descend(Bowl(), adam, 10), TypeError, r"optimizer must be an Optimizer\(rule, lr\); got function"),
        (lambda: descend(Bowl, Optimizer(sgd(), 0.1), 1), TypeError, r"problem must be an object.*write Bowl\("),
        (lambda: descend(Half("value"), Optimizer(sgd(), 0.1), 1), TypeError, r"Half, which has no gradient\(w\)"),
        (lambda: descend(Half("gradient"), Optimizer(sgd(), 0.1), 1), TypeError, r"Half, which has no value\(w\)"),
        (lambda: descend(3.0, Optimizer(sgd(), 0.1), 1), TypeError, r"or a function of w that .*; got float, which"),
        (lambda: Every(1, norm=3.0), TypeError, "norm must be a function of w; got 3.0"),
        (lambda: FirstPassage(np.abs, "a"), TypeError, "level must be a number; got 'a'"),
        (lambda: descend(Bowl([[1.0]]), Optimizer(sgd(), 0.1), 1), ValueError, r"value\(w\) must return a number"),
        (
            lambda: descend(Bowl(np.ones((2, 3, 1))), Optimizer(sgd(), 0.1, replicas=2), 1),
            ValueError,
            r"value\(w\) must return shape \(2,\); got shape \(2, 3\)",
        ),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()
