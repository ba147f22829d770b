"""Moving targets: closed forms beside Kalman's filter and simulations."""

import numpy as np
import pytest

from optimlab import adagrad, heavy_ball, sgd
from optimlab.lab.check import EXAMS, Candidate, RefusedError
from optimlab.lab.check.tracking import ramp_square, walk_square
from optimlab.lab.contestants import Ruled

linalg = pytest.importorskip("scipy.linalg")


def asked(name, rule, **words):
    return EXAMS[name].ask(Candidate(Ruled(rule, "rule"), name, **words))


@pytest.mark.parametrize("variance", [0.01, 0.02, 1.0])
def test_the_best_gain_is_kalmans(variance):
    one = np.eye(1)
    prior = linalg.solve_discrete_are(one, one, variance * one, one)[0, 0]
    assert prior == pytest.approx((variance + np.sqrt(variance**2 + 4.0 * variance)) / 2.0)
    gains = np.linspace(0.001, 1.5, 3000)
    squares = walk_square(gains, variance, 10**6)
    assert squares.min() == pytest.approx(prior, rel=1e-5)
    assert gains[squares.argmin()] == pytest.approx(prior / (prior + 1.0), abs=1e-3)


@pytest.mark.parametrize("lr", [0.05, 0.5, 1.6])
@pytest.mark.parametrize("count", [1, 20])
def test_sgd_is_where_they_say(lr, count):
    rng = np.random.default_rng(1)
    ramp, walk = np.zeros(50_000), np.zeros(50_000)
    for _ in range(count):
        ramp -= lr * (ramp + rng.standard_normal(ramp.size)) + 0.1
        walk -= lr * (walk + rng.standard_normal(walk.size)) - 0.3 * rng.standard_normal(walk.size)
    for e, square in ((ramp, ramp_square(lr, 0.1, count)), (walk, walk_square(lr, 0.09, count))):
        assert (e * e).mean() == pytest.approx(square, abs=4.0 * (e * e).std() / np.sqrt(e.size))


@pytest.mark.parametrize("name", ["behind a ramp", "behind a walk"])
def test_sgd_attains_its_threshold(name):
    found = asked(name, sgd())
    error = found.measured.std() / np.sqrt(found.measured.size)
    assert found.measured.mean() == pytest.approx(found.high / 1.5, abs=4.0 * error)


def test_linear_rules_take_the_second_way_as_the_first():
    assert asked("jump", sgd()).measured == asked("jump", heavy_ball()).measured == 1.0
    assert asked("jump", adagrad()).measured > 1.0
    with pytest.raises(RefusedError, match="does not find the minimum in 200 steps"):
        asked("jump", sgd(), grid=(0.01,))
