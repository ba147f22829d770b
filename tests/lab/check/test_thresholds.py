"""Each threshold is attained by the method that it is a closed form of: simulated, without the exam's slack."""

import numpy as np
import pytest

from optimlab import adamw, heavy_ball, momentum, nesterov, sgd, signsgd
from optimlab.lab.check import EXAMS, Candidate, RefusedError
from optimlab.lab.check.conditioning import rate_of_descent
from optimlab.lab.check.escapes import passages
from optimlab.lab.check.noise import _SIZES, _squares
from optimlab.lab.check.stability import recognised
from optimlab.lab.contestants import Ruled, contestants
from optimlab.lab.problems import SaddleChain
from optimlab.lab.theory import (
    LinearRule,
    best_decay_variance,
    heavy_ball_error,
    monkey_escape,
    noise_escape_mean,
    noise_escape_sd,
)

SGD = Ruled(sgd(), "SGD")


def asked(name, rule=None, **words):
    return EXAMS[name].ask(Candidate(SGD if rule is None else Ruled(rule, "rule"), name, **words))


@pytest.mark.parametrize(("name", "slack"), [
    ("near the floor", 1.5), ("far from the floor", 1.5), ("noise like curvature", 1.5), ("mean of iterates", 1.3),
])  # fmt: skip
def test_sgd_ends_where_its_closed_form_says(name, slack):
    found = asked(name)
    error = found.measured.std() / np.sqrt(len(found.measured))
    assert found.measured.mean() == pytest.approx(found.high / slack, abs=4.0 * error)
    assert 4.0 * error < 0.25 * found.high


def test_no_rate_of_sgd_and_no_other_rule_is_below_the_information_in_the_gradients():
    who = Candidate(SGD)
    least = best_decay_variance(300, 1.0)
    assert (_squares(who, np.ones(1), 1.0, 1.0) > least).all()
    assert asked("near the floor", nesterov()).measured.mean() > least


def test_a_rate_for_each_coordinate_attains_the_best_of_two_sizes():
    each = np.sqrt(_SIZES)
    gradient, who = EXAMS["noise of two sizes"], Candidate(SGD, "noise of two sizes")
    best = _squares(who, 1.0, _SIZES, 1.0)
    assert (best.min(axis=0) < best[best.mean(axis=1).argmin()]).any()  # no one rate is best for both
    rates, rng = who.reference[best.argmin(axis=0)], np.random.default_rng(0)
    w = rng.standard_normal((100, len(each)))
    for _ in range(300):
        w -= rates * (w + each * rng.standard_normal(w.shape))
    assert (w * w / best.min(axis=0)).mean() == pytest.approx(1.0, abs=0.06)
    assert gradient.ask(who).middle > 2.0


@pytest.mark.parametrize("name", ["condition 10", "condition 1000", "condition 10000"])
def test_a_valley_that_is_gone_along_at_half_the_speed_is_no_pass(name):
    assert not asked(name, 0.5 * sgd(), grid=(1.0,)).passed.any()


@pytest.mark.parametrize("name", ["condition 10", "condition 100", "condition 1000", "condition 10000"])
def test_gradient_descent_keeps_to_its_rate_and_attains_it_where_the_axes_are_its_slowest(name):
    found = EXAMS[name].ask(Candidate(SGD, name, grid=(1.0,)))  # its best rate
    assert found.passed.all()
    assert EXAMS[name].ask(Candidate(SGD, name, seed=1)).passed.mean() > 0.8  # at the rate that is chosen for it
    h = np.array([0.2, 1.8])
    who = Candidate(SGD)
    end = who.end(lambda w: h * w, np.ones((1, 2)), 1.0, 10)
    assert np.abs(end).max() == pytest.approx(rate_of_descent(who, h, 10), rel=1e-12)


def test_half_of_the_decades_is_the_rate_at_condition_100():
    h = np.array([2.0, 200.0]) / 101.0
    end = Candidate(SGD).end(lambda w: h * w, np.ones((1, 2)), 1.0, 200)
    assert asked("half of the decades").high == pytest.approx(np.abs(end).max(), rel=1e-9)


def test_the_heavy_ball_at_its_best_attains_the_bar_of_momentum():
    h = np.array([1.0, 38.0**2]) * (4.0 / 39.0) ** 2
    who = Candidate(Ruled(heavy_ball((37.0 / 39.0) ** 2), "best"))
    end = who.end(lambda w: h * w, np.ones((1, 2)), 0.25, 160)
    error = np.linalg.norm(end) / np.sqrt(2.0)
    assert error == pytest.approx(heavy_ball_error(38.0**2, 160), rel=1e-6)
    assert asked("as fast as momentum").high == pytest.approx(error, rel=1e-6)


def test_gradient_descent_leaves_the_saddles_at_the_step_that_is_allowed():
    saddle = np.array([-1.0, 1.0])
    steps = passages(
        Candidate(SGD), lambda w: saddle * w, np.array([[1e-6, 1.0]]), 1.0,
        left=lambda w: np.abs(w[:, 0]) >= 1.0, count=99,
    )  # fmt: skip
    assert steps[0] == asked("saddle").high == asked("rotated saddle").high / 2.0
    assert np.ceil(LinearRule().mode(-1.0).escape(1e-6)) == steps[0]
    monkey = passages(
        Candidate(SGD), lambda w: np.column_stack([-3.0 * w[:, 0] ** 2, w[:, 1]]), np.array([[0.01, 1.0]]), 0.125,
        left=lambda w: w[:, 0] >= 1.0, count=999,
    )  # fmt: skip
    assert monkey[0] == pytest.approx(monkey_escape(0.01, 0.125), abs=2.0)


def test_noise_takes_gradient_descent_off_a_saddle_in_the_time_that_is_said():
    rng, runs, sd = np.random.default_rng(0), 400, 1e-4
    steps = passages(
        Candidate(SGD), lambda w: [-1.0, 1.0] * w + sd * rng.standard_normal(w.shape), np.zeros((runs, 2)), 1.0,
        left=lambda w: np.abs(w[:, 0]) >= 1.0, count=400,
    )  # fmt: skip
    mean, spread = noise_escape_mean(sd, 1.0, curvature=1.0), noise_escape_sd(1.0, curvature=1.0)
    assert steps.mean() == pytest.approx(mean + 0.5, abs=4.0 * spread / np.sqrt(runs))  # whole steps: half a one more
    assert 0.9 < (steps <= asked("saddle by noise").high).mean() < 0.99
    assert (steps <= mean + spread).mean() < 0.9


def test_the_chain_is_left_by_noise_as_allowed_and_without_it_much_later():
    chain = SaddleChain(4)
    found = asked("chain of saddles")
    rng, w, w0, taken = np.random.default_rng(0), chain.start.copy(), 0.01, 0
    while (np.abs(w) < chain.radius).any():
        taken += 1
        w -= 0.25 * chain.gradient(w)
        small = (np.abs(w) < w0) & (np.arange(4) > 0)
        w[small] = w0 * np.sign(rng.standard_normal(small.sum()))  # what noise of this size makes of a coordinate
    assert taken == pytest.approx(found.high, abs=4)
    assert found.measured[0] > 2.0 * found.high
    assert chain.escapes(chain.start, 0.25)[-1] > 2.0 * found.high


def test_a_rate_so_small_that_a_saddle_takes_14_000_steps_is_asked_of_those_that_are_fast(monkeypatch):
    monkeypatch.setattr("optimlab.lab.check.escapes._MOST", 2000)
    with pytest.raises(RefusedError, match="2000 steps are too few"):
        asked("saddle", grid=(2.0**-10,))
    found = asked("saddle", signsgd(), grid=(2.0**-10,))
    assert found.measured == 1024.0 < found.high


@pytest.mark.parametrize(("decay", "note"), [(0.0, "does not decay weights"), (1e-6, "more than 600 steps to show")])
def test_a_decay_that_does_not_show_is_not_asked(decay, note):
    with pytest.raises(RefusedError, match=note):
        asked("equilibrium of decay and noise", adamw(weight_decay=decay))


def test_decay_and_noise_hold_sgd_where_it_is_said():
    rule = sgd() + 0.25 * contestants("Weights()")["Weights()"].rule
    found = asked("equilibrium of decay and noise", rule)
    assert found.measured.mean() == pytest.approx(np.sqrt(found.low * found.high), rel=0.05)


@pytest.mark.parametrize("rule", [sgd(), momentum(0.8), heavy_ball(0.95), nesterov(0.7), 3.0 * momentum()])
def test_a_linear_rule_is_recognised_by_what_it_does(rule):
    found, own = recognised(Candidate(Ruled(rule, "rule"))), asked("its own path", rule)
    assert own.passed.all()
    below, above = asked("just below its limit", rule), asked("just above its limit", rule)
    assert below.passed.all()
    assert above.passed.all()
    assert found.limit > 0.0
