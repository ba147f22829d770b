"""Moments of linear rules against the optimizer itself, driven by one unit of noise at a time."""

import numpy as np
import pytest

from optimlab import Ema, Gradient, Optimizer, Trace, cosine_decay, heavy_ball, momentum, nesterov, one_cycle, sgd
from optimlab.lab.theory import LinearRule, stationary_covariance, transient

RULES = {
    "sgd": (sgd(), LinearRule()),
    "heavy ball": (heavy_ball(0.8), LinearRule(0.8)),
    "EMA form": (momentum(0.8), LinearRule(0.8, trace=0.2)),
    "Nesterov": (nesterov(0.8), LinearRule(0.8, trace=0.8, gradient=1.0)),
    "quasi-hyperbolic": (0.3 * Gradient() + 0.7 * Trace(0.9), LinearRule(0.9, trace=0.7, gradient=0.3)),
}
H, GAMMA = 0.7, 0.6


def path(rule, lr, noise, start):
    """Weights and their average after 0, 1, ... updates; noise[k, i] is run i's at update k."""
    w = np.full(noise.shape[1], start)
    opt = Optimizer(rule, lr, average=Ema(GAMMA, debias=True))
    found = [(w.copy(), w.copy())]
    for e in noise:
        opt.step(w, H * w + e)
        with opt.averaged(w):
            average = w.copy()
        found.append((w.copy(), average))
    return np.array(found)


def averaging(rule):
    return LinearRule(rule.beta, trace=rule.trace, gradient=rule.gradient, average=GAMMA)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("schedule", [cosine_decay(0.5, steps=20), one_cycle(0.1, 0.6, steps=20)])
def test_transient_is_the_sum_over_single_shocks(name, schedule):
    rule, linear = RULES[name]
    steps = 20
    moments = transient(averaging(linear), schedule(np.arange(steps)), H, noise=2.5, start=-1.5)
    mean = path(rule, schedule, np.zeros((steps, 1)), -1.5)[..., 0]
    shocks = path(rule, schedule, np.eye(steps), 0.0)
    np.testing.assert_allclose(np.stack([moments.mean, moments.average_mean], -1), mean, rtol=1e-12, atol=1e-14)
    variances = np.stack([moments.variance, moments.average_variance], -1)
    np.testing.assert_allclose(variances, 2.5 * (shocks**2).sum(-1), rtol=1e-11)
    np.testing.assert_allclose(moments.square, mean[:, 0] ** 2 + variances[:, 0])


@pytest.mark.parametrize("name", RULES)
def test_stationary_covariance_is_the_limit_of_the_transient(name):
    rule = averaging(RULES[name][1])
    lr = np.array([[0.05], [0.4]])
    h = np.array([0.5, 1.0, 1.5])
    P = stationary_covariance(rule, lr, h, noise=3.0)
    assert P.shape == (2, 3, 3, 3)
    moments = transient(rule, np.full((4000, 2, 1), lr), h, noise=3.0)
    np.testing.assert_allclose(P[..., 0, 0], moments.square[-1], rtol=1e-9)
    np.testing.assert_allclose(P[..., 2, 2], moments.average_square[-1], rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e6, 1e150])
def test_stationary_covariance_knows_no_unit_of_the_curvature(scale):
    rule = LinearRule(0.9, average=0.97)
    P = stationary_covariance(rule, 0.1 / scale, scale, noise=scale)
    units = np.array([scale**-0.5, scale**0.5, scale**-0.5])
    np.testing.assert_allclose(P, stationary_covariance(rule, 0.1, 1.0) * np.outer(units, units), rtol=1e-9)


def test_parameters_broadcast_and_a_run_that_diverges_is_data():
    rule = LinearRule(np.array([0.0, 0.9]))
    P = stationary_covariance(rule, 3.0, 1.0)
    assert np.isinf(P[0]).all()
    assert np.isfinite(P[1]).all()
    moments = transient(rule, np.full(2000, 3.0), 1.0)
    assert moments.square.shape == (2001, 2)
    assert not np.isfinite(moments.square[-1, 0])
    assert np.isfinite(moments.square[-1, 1])


def test_no_update_and_a_rate_of_zero_move_nothing():
    start = np.array([1.0, -2.0])
    np.testing.assert_array_equal(transient(LinearRule(), np.zeros(0), 1.0, start=start).mean, [start])
    moments = transient(LinearRule(0.9, average=0.5), np.zeros(5), 1.0, start=start)
    np.testing.assert_array_equal(moments.variance, np.zeros((6, 2)))
    np.testing.assert_allclose(moments.average_mean, np.broadcast_to(start, (6, 2)), rtol=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LinearRule(1.0), r"beta must be in \[0, 1\); got 1.0"),
        (lambda: LinearRule(0.5, average=-0.1), r"average must be in \[0, 1\); got -0.1"),
        (lambda: LinearRule(0.5, trace=np.nan), "trace must be a finite number; got nan"),
        (lambda: transient(LinearRule(), [-0.1], 1.0), "rates must be at least 0 and finite; got -0.1"),
        (lambda: transient(LinearRule(), 0.1, 1.0), "one learning rate for each update; got the number 0.1"),
        (lambda: transient(LinearRule(), [0.1], 0.0), "curvature must be greater than 0 and finite; got 0.0"),
        (lambda: transient(LinearRule(), [0.1], 1.0, noise=-1.0), "noise must be at least 0 and finite; got -1.0"),
        (lambda: transient(LinearRule(), [0.1], 1.0, start=np.inf), "start must be a finite number; got inf"),
        (lambda: stationary_covariance(LinearRule(), 0.0, 1.0), "lr must be greater than 0 and finite; got 0.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
