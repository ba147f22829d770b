"""Sparse gradients: the recursion beside a simulation, and what stops or goes on."""

import numpy as np
import pytest

from optimlab import adam, adamw, heavy_ball, lion, momentum, sgd
from optimlab.lab.check import EXAMS, Candidate
from optimlab.lab.check.sparse import visited_square
from optimlab.lab.contestants import Ruled


def asked(name, rule):
    return EXAMS[name].ask(Candidate(Ruled(rule, "rule"), name))


@pytest.mark.parametrize(("lr", "share"), [(0.1, 1.0), (0.5, 1 / 16), (1.5, 0.25), (2.0, 0.5)])
def test_the_square_of_a_weight_that_is_visited_now_and_then(lr, share):
    rng = np.random.default_rng(0)
    w = np.full(200_000, 3.0)
    for _ in range(12):
        w -= lr * (rng.random(w.size) < share) * (w + rng.standard_normal(w.size))
    square = visited_square(lr, share, start=3.0, steps=12)
    assert (w * w).mean() == pytest.approx(square, abs=4.0 * (w * w).std() / np.sqrt(w.size))


def test_without_noise_it_is_a_geometric_mean_of_visits():
    mean = visited_square(1.0, 0.25, start=2.0, steps=3)
    assert mean == pytest.approx(4.0 * 0.75**3 + (1.0 - 0.75**3))


def test_a_rate_for_each_frequency_is_the_unit():
    found, one = asked("rare features", sgd()), asked("rare features", adam())
    assert found.middle > found.high > one.middle


@pytest.mark.parametrize(
    ("rule", "times"), [(sgd(), 1.0), (momentum(0.5), 2.0), (heavy_ball(0.9), 10.0), (lion(), 300.0)]
)
def test_how_far_one_gradient_goes(rule, times):
    assert asked("stops with its gradient", rule).measured == pytest.approx(times)


def test_decay_moves_what_has_no_gradient():
    assert asked("frozen coordinates", sgd()).measured == 0.0
    left = (1.0 - 0.0625 * 0.1) ** 100
    assert asked("frozen coordinates", adamw(weight_decay=0.1)).measured == pytest.approx(1.0 - left)
