"""First passages: the first step, element by element, and the end once all have arrived."""

import numpy as np

from optimlab import FirstPassage, Optimizer, Progress, descend, sgd
from optimlab.lab.problems import saddle


def test_each_element_has_its_own_first_step():
    passage = FirstPassage(np.abs, 2.0)
    for step, w in enumerate([[0.0, 3.0], [-2.0, 0.0], [0.0, np.nan]]):
        done = passage(Progress(step, 0.0, np.array(w)))
    assert done
    np.testing.assert_array_equal(passage.steps, [1.0, 0.0])


def test_it_ends_a_descent_with_the_last_arrival():
    passage = FirstPassage(lambda w: w[:, 1], 1.0)
    start = np.array([[0.0, 0.5], [0.0, 0.1], [0.0, 1.0]])
    trace = descend(saddle(), Optimizer(sgd(), lr=0.5, replicas=3), 100, start=start, stop=passage, progress=False)
    np.testing.assert_array_equal(passage.steps, [1.0, 4.0, 0.0])  # y doubles
    assert trace["step"][-1] == 4


def test_what_does_not_arrive_stays_at_infinity():
    passage = FirstPassage(lambda w: w[1], 1.0)
    trace = descend(saddle(), Optimizer(sgd(), lr=0.5), 7, start=np.zeros(2), stop=passage, progress=False)
    assert passage.steps == np.inf
    assert trace.reason == "steps"
