from types import SimpleNamespace

import numpy as np
import pytest

from optimlab import Below, Every, Optimizer, Progress, Seconds, Stalled, descend, sgd
from optimlab.descent import loop
from tests.descent.problems import Bowl
from tests.public import NAMES


class TestStop:
    def test_below(self):
        history = descend(Bowl(), Optimizer(sgd(), 0.25), 100, stop=Below(1e-3))
        assert history["value"][-1] <= 1e-3 < history["value"][-2]
        assert history.first_hit(1e-3) == history.settled(1e-3) == history["step"][-1] == 7

    def test_stalled(self):
        history = descend(Bowl(), Optimizer(sgd(), 1.0), 100, stop=[Below(-1.0), Stalled(5)])
        assert history["step"][-1] == 5
        assert history.reason == "Stalled(steps=5)"

    @pytest.mark.parametrize("replicas", [None, 2])
    def test_stalled_counts_from_the_best(self, replicas):
        class Given(Bowl):
            def value(self, w):
                value = next(path)
                return value if replicas is None else np.array([1.0, value])

        path = iter([5.0, 4.0, 3.0, 6.0, 2.0, 2.0, 9.0, 2.0])
        problem = Given(np.ones(2) if replicas is None else np.ones((2, 1)))
        history = descend(problem, Optimizer(sgd(), 0.1, replicas=replicas), 100, stop=Stalled(3))
        assert history["step"][-1] == 7

    def test_seconds(self, monkeypatch):
        clock = iter(50.0 + 0.25 * np.arange(100.0))  # a quarter of a second from one look to the next
        monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
        history = descend(Bowl(), Optimizer(sgd(), 0.1), 10**6, record=Every(3), stop=Seconds(1.25))
        assert history.reason == "Seconds(limit=1.25)"
        assert history["step"].tolist() == [0, 3, 4]
        assert history["seconds"].tolist() == [0.25, 1.0, 1.5]

    def test_any_function_of_a_moment(self):
        history = descend(Bowl(), Optimizer(sgd(), 0.1), 100, stop=lambda now: now.step == 3 and now.best < 2)
        assert history["step"][-1] == 3

    def test_the_first_condition_that_holds_is_the_reason(self):
        history = descend(Bowl(), Optimizer(sgd(), 0.25), 100, stop=[Below(9.0), Below(99.0)])
        assert history.reason == "Below(target=9.0)"
        assert history["step"].tolist() == [0]


def test_what_a_condition_sees():
    now = Progress(3, 0.5, None)
    assert np.isnan(now.value)
    assert (now.best, now.best_step) == (np.inf, 0)
    assert not Below(np.inf)(now)
    for step, value in enumerate((4.0, 2.0, 2.0, np.nan, 3.0)):
        now.step = step
        now.see(value)
    assert (now.value, now.best, now.best_step) == (3.0, 2.0, 1)
    assert not Stalled(4)(now)
    assert Stalled(3)(now)
    assert Below(3.0)(now)
    assert not Below(np.nextafter(3.0, 0.0))(now)
    assert Seconds(0.5)(now)
    assert not Seconds(0.75)(now)


def test_what_a_condition_sees_of_replicas():
    now = Progress(0, 0.0, None)
    for step, value in enumerate(([4.0, 1.0], [4.0, 0.5], [3.0, 0.5], [3.0, np.nan])):
        now.step = step
        now.see(np.array(value))
    np.testing.assert_array_equal(now.value, [3.0, np.nan])
    assert now.best.tolist() == [3.0, 0.5]
    assert now.best_step.tolist() == [2, 1]
    assert Stalled(1)(now)
    assert not Stalled(2)(now)
    now.value = np.array([3.0, 2.0])
    assert Below([3.0, 2.0])(now)
    assert not Below([3.0, 1.0])(now)
    assert not Below(2.5)(now)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Below(float("nan")), ValueError, "target must be a number; got nan"),
        (lambda: Below("a"), TypeError, "target must be a number; got 'a'"),
        (lambda: Seconds(0), ValueError, r"limit must be greater than 0 \(seconds\); got 0"),
        (lambda: Seconds(float("nan")), ValueError, r"limit must be greater than 0 \(seconds\); got nan"),
        (lambda: Seconds("a"), TypeError, r"limit must be greater than 0 \(seconds\); got 'a'"),
        (lambda: Seconds([1.0, 2.0]), TypeError, r"limit must be greater than 0 \(seconds\), a single number"),
        (lambda: Stalled(0), ValueError, "steps must be a whole number of at least 1; got 0"),
        (lambda: Stalled(1.5), TypeError, "steps must be a whole number of at least 1; got 1.5"),
        (lambda: Stalled("a"), TypeError, "steps must be a whole number of at least 1; got 'a'"),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("stop", [Below(1e-6), Below((1.0, 2.0)), Seconds(10), Stalled(100)], ids=repr)
def test_the_repr_rebuilds_it(stop):
    assert eval(repr(stop), NAMES.copy()) == stop
    assert hash(eval(repr(stop), NAMES.copy())) == hash(stop)
    with pytest.raises(AttributeError):
        setattr(stop, next(iter(vars(stop))), 1.0)
