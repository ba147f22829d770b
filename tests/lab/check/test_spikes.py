"""Spikes: what one gradient does to Adam, by its geometric series and by simulation."""

import numpy as np
import pytest

from optimlab import adagrad, adam, heavy_ball, rmsprop, sgd
from optimlab.lab.check import EXAMS, Candidate, RefusedError
from optimlab.lab.check.spikes import throw_of_adam
from optimlab.lab.contestants import Ruled


def asked(name, rule, **words):
    return EXAMS[name].ask(Candidate(Ruled(rule, "rule"), name, **words))


def steps_of_adam(gradients, beta=0.9, beta_2=0.999):
    """The steps of the paper's algorithm 1, in units of lr."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m, v = beta * m + (1.0 - beta) * g, beta_2 * v + (1.0 - beta_2) * g * g
        yield m / (1.0 - beta**t) / np.sqrt(v / (1.0 - beta_2**t))


@pytest.mark.parametrize(("beta", "beta_2"), [(0.9, 0.999), (0.5, 0.9)])
def test_the_throw_of_adam(beta, beta_2):
    gradients = [*[1e-9] * 20_000, 1e6, *[0.0] * 400]  # until the correction is over
    steps = list(steps_of_adam(gradients, beta, beta_2))
    assert sum(steps[20_000:]) == pytest.approx(throw_of_adam(beta, beta_2), rel=1e-3)


def test_how_long_a_spike_stops_adam():
    steps = np.array(list(steps_of_adam([*[1.0] * 10_000, 100.0, *[1.0] * 2000])))
    expected = np.log(0.001 * (100.0**2 - 1.0) / 3.0) / -np.log(0.999)
    assert np.count_nonzero(steps[10_000:] < 0.5) == pytest.approx(expected, abs=30)  # in the first, m is large, too


def test_linear_rules_are_thrown_as_far_as_the_spike_is_large():
    assert asked("thrown by a spike", sgd()).measured == pytest.approx(1e6)
    assert asked("thrown by a spike", heavy_ball()).measured == pytest.approx(1e6, rel=1e-3)
    assert asked("thrown by a spike", rmsprop(0.9)).measured == pytest.approx(1.0 / np.sqrt(0.1), rel=1e-3)
    assert asked("thrown by a cliff", sgd()).measured == pytest.approx(0.0625 * 1e4)


def test_sgd_does_not_cross_a_plateau():
    found = asked("plateau", sgd())
    assert found.lr == 16.0
    assert found.measured == pytest.approx(3.0 - 200 * 16.0 * 1e-6)


def test_a_cliff_that_is_not_reached_throws_nobody():
    with pytest.raises(RefusedError, match="do not bring it to the cliff"):
        asked("thrown by a cliff", adagrad())
    assert asked("thrown by a cliff", adam()).passed.all()


def test_a_rate_that_cannot_go_so_far_is_not_asked():
    with pytest.raises(RefusedError, match=r"200 steps of its rate, 0\.001, do not go as far as 3"):
        asked("plateau", adam(), grid=(0.001,))
