"""What a mark is: shares, intervals, thresholds, and a contestant that cannot be asked."""

from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import sgd
from optimlab.lab.check import RATES, Candidate, RefusedError, Trials, exam, examined, marked
from optimlab.lab.check.battery import EXAMS
from optimlab.lab.check.mark import CONFIDENCE
from optimlab.lab.contestants import Ruled
from optimlab.lab.frame import wilson_interval

SGD = Ruled(sgd(), "SGD")


def asked(found, share=0.5):
    """An exam that answers with these trials."""

    @exam("theme", formula="f", source="s", share=share)
    def given(who):
        """Whether it is given.

        A failure: it is not.
        """
        if isinstance(found, Exception):
            raise found
        return found

    return marked(given, Candidate(SGD, "given"))


@dataclass(frozen=True)
class Broken:
    """A contestant that raises where it is told to."""

    where: str
    label: str = "broken"
    key: str = "broken"
    lr: float | None = None

    def begin(self, w, lr):
        if self.where == "begin":
            raise RuntimeError("no\n  memory")
        return self.step

    def step(self, gradients, loss=None):
        raise TypeError("step() needs a closure")


@dataclass(frozen=True)
class Carried:
    """Weights that are where they were, plus a factor times the gradient."""

    factor: float
    label: str = "carried"
    key: str = "carried"
    lr: float | None = None

    def begin(self, w, lr):
        def step(gradients, loss=None):
            w[...] += self.factor * gradients

        return step


@pytest.mark.parametrize(("passes", "share", "verdict"), [
    (32, 0.5, "passed"), (0, 0.5, "failed"), (16, 0.5, "undecided"), (24, 0.5, "passed"), (23, 0.5, "undecided"),
    (8, 0.5, "failed"), (32, 0.9, "undecided"), (20, 0.9, "failed"),
])  # fmt: skip
def test_a_mark_is_where_the_whole_interval_is(passes, share, verdict):
    measured = np.where(np.arange(32) < passes, 0.5, 2.0)
    mark = asked(Trials(measured, high=1.0, lr=0.25), share)
    _, low, high = wilson_interval(measured <= 1.0, CONFIDENCE)
    assert (mark.verdict, mark.trials, mark.share) == (verdict, 32, passes / 32)
    assert (mark.low, mark.high, mark.lr) == (low, high, 0.25)
    assert verdict == ("passed" if low >= share else "failed" if high < share else "undecided")


@pytest.mark.parametrize(
    ("measured", "verdict"), [(1.0, "passed"), (np.nextafter(1.0, 2.0), "failed"), (np.nan, "failed")]
)
def test_one_trial_is_compared_exactly(measured, verdict):
    mark = asked(Trials(np.array([measured]), high=1.0))
    assert mark.verdict == verdict
    assert mark.low == mark.high == mark.share == (verdict == "passed")


@pytest.mark.parametrize(("trials", "margin"), [
    (Trials(np.array([0.1]), high=1.0), 1.0), (Trials(np.array([10.0]), high=1.0), -1.0),
    (Trials(np.array([10.0]), low=1.0), 1.0), (Trials(np.array([4.0]), 1.0, 40.0), np.log10(4.0)),
    (Trials(np.array([20.0]), 1.0, 40.0), np.log10(2.0)), (Trials(np.array([0.0]), high=1.0), np.inf),
    (Trials(np.array([np.inf]), high=1.0), -np.inf), (Trials(np.array([0.0]), low=1.0), -np.inf),
])  # fmt: skip
def test_the_margin_is_the_distance_to_the_nearer_threshold(trials, margin):
    assert trials.margin == pytest.approx(margin)
    assert trials.passed[0] == (margin >= 0.0)


def test_without_a_threshold_to_divide_by_there_is_no_margin():
    assert np.isnan(Trials(np.array([0.0]), high=0.0).margin)
    assert Trials(np.array([0.0]), high=0.0).passed.all()


def test_what_has_no_answer_says_why():
    mark = asked(RefusedError("it has no rate"))
    assert (mark.verdict, mark.note, mark.trials) == ("not asked", "it has no rate", 0)


@pytest.mark.parametrize(
    ("where", "note"), [("begin", "RuntimeError: no memory"), ("step", "TypeError: step() needs a closure")]
)
def test_a_contestant_that_raises_does_not_stop_the_others(where, note):
    found = examined([Broken(where), SGD], [EXAMS["saddle"], EXAMS["decays"]])
    assert [(mark.contestant, mark.verdict) for mark in found] == [
        ("broken", "not asked"), ("broken", "not asked"), ("SGD", "passed"), ("SGD", "failed"),
    ]  # fmt: skip
    assert {mark.note for mark in found[:2]} == {note}


@pytest.mark.parametrize("name", [
    "longest step first", "steady gradient", "twice the rate", "gradients of one in 100000", "thrown by a spike",
    "stopped by a spike", "rare large gradients", "stops with its gradient", "jump", "thrown by a cliff",
])  # fmt: skip
@pytest.mark.parametrize("factor", [0.0, np.nan])
def test_what_stands_still_or_is_lost_passes_nothing_that_asks_for_motion(name, factor):
    mark = marked(EXAMS[name], Candidate(Carried(factor), name))
    assert mark.verdict in ("failed", "not asked")


@pytest.mark.parametrize("name", ["saddle", "monkey saddle", "rotated saddle", "behind a walk", "good rates"])
def test_a_grid_on_which_gradient_descent_fails_is_said(name):
    mark = marked(EXAMS[name], Candidate(SGD, name, grid=(4.0, 8.0)))
    assert (mark.verdict, "--lr needs one" in mark.note) == ("not asked", True)


def test_a_fault_of_an_exam_is_none_of_the_contestant():
    with pytest.raises(ZeroDivisionError):
        asked(ZeroDivisionError())


def test_a_rate_at_the_edge_of_the_grid_is_said():
    assert "edge" in asked(Trials(np.ones(1), high=2.0, lr=RATES[-1])).note
    assert asked(Trials(np.ones(1), high=2.0, lr=RATES[3])).note == ""
