"""Closed forms of the noisy quadratic against the Lyapunov equation, digits of the reference, other rates, a search."""

import numpy as np
import pytest

from optimlab.lab.theory import (
    LinearRule,
    averaged_sgd_variance,
    best_decay,
    best_decay_variance,
    critical_batch_size,
    lr_equal_to_average,
    sgd_variance,
    stationary_covariance,
    transient,
)

LR = np.array([0.01, 0.3, 0.9])[:, None, None]
H = np.array([0.2, 1.0, 1.4])[:, None]
BETA = np.array([0.0, 0.5, 0.95])


def heavy_ball_variance(lr, h, beta, noise=1.0):
    """Of the AR(2) process that eliminating v leaves; Box, Jenkins & Reinsel 1994, section 3.2."""
    return lr * noise * (1 + beta) / (h * (1 - beta) * (2 * (1 + beta) - lr * h))


def nesterov_variance(lr, h, beta, noise=1.0):
    """Of the ARMA(2, 1) process that eliminating v leaves; Box, Jenkins & Reinsel 1994, section 3.4."""
    r = 1 - lr * h
    above = 1 + 2 * beta + 2 * beta**2 - beta * r * (1 + 2 * beta)
    return lr * noise * above / (h * (1 - beta * r) * (1 + r + 2 * beta * r))


def momentum_floor(lr, beta, **form):
    """The same by the Lyapunov equation."""
    return stationary_covariance(LinearRule(beta, **form), lr, 1.0)[..., 0, 0]


@pytest.mark.parametrize(
    ("form", "rule"),
    [
        (heavy_ball_variance, LinearRule(BETA)),
        (nesterov_variance, LinearRule(BETA, trace=BETA, gradient=1.0)),
    ],
)
def test_momentum_agrees_with_lyapunov(form, rule):
    P = stationary_covariance(rule, LR, H, noise=2.0)
    np.testing.assert_allclose(form(LR, H, beta=BETA, noise=2.0), P[..., 0, 0], rtol=1e-8)


def test_sgd_and_its_average_agree_with_lyapunov():
    P = stationary_covariance(LinearRule(average=BETA), LR, H, noise=2.0)
    np.testing.assert_allclose(np.broadcast_to(sgd_variance(LR, H, noise=2.0), (3, 3, 3)), P[..., 0, 0], rtol=1e-9)
    np.testing.assert_allclose(averaged_sgd_variance(LR, H, gamma=BETA, noise=2.0), P[..., 2, 2], rtol=1e-9)


@pytest.mark.parametrize(
    ("found", "printed"),
    [
        (sgd_variance(0.1, 1.0), "0.05263"),
        (sgd_variance(0.5, 1.0), "0.33333"),
        (averaged_sgd_variance(0.1, 1.0, gamma=0.9), "0.02639"),
        (averaged_sgd_variance(0.5, 1.0, gamma=0.9), "0.04625"),
        (momentum_floor(0.1, 0.9), "0.51351"),
        (momentum_floor(0.5, 0.9), "2.879"),
        (momentum_floor(1.0, 0.5), "1.5000"),
    ],
)
def test_digits_of_the_reference(found, printed):
    assert f"{found:.{len(printed.split('.')[1])}f}" == printed


def test_small_rates_make_momentum_sgd_with_a_longer_step():
    beta = np.array([0.5, 0.9])
    limit = 1e-6 / (2.0 * (1.0 - beta))
    np.testing.assert_allclose(momentum_floor(1e-6, beta), limit, rtol=2e-6)
    np.testing.assert_allclose(momentum_floor(1e-6, beta, trace=beta, gradient=1.0), limit, rtol=2e-4)


def test_there_is_no_floor_beyond_the_limits_of_stability():
    edge = np.array([-1e-9, 0.0, 1e-9])
    for form, limit, words in [
        (sgd_variance, 2.0, {}),
        (averaged_sgd_variance, 2.0, {"gamma": 0.9}),
        (lambda lr, h: momentum_floor(lr, 0.9), 3.8, {}),
        (lambda lr, h: momentum_floor(lr, 0.9, trace=0.9, gradient=1.0), 3.8 / 2.8, {}),
    ]:
        found = form(limit + edge, 1.0, **words)
        assert np.isfinite(found[0])
        assert found[2] == np.inf
        assert (found > 0.0).all()


def test_equal_rate_has_the_floor_of_the_average():
    gamma = np.array([0.0, 0.9, 0.999])
    lr = np.array([[0.01], [0.5], [1.9]])
    lower = lr_equal_to_average(lr, 1.0, gamma=gamma)
    np.testing.assert_allclose(sgd_variance(lower, 1.0), averaged_sgd_variance(lr, 1.0, gamma=gamma), rtol=1e-12)
    np.testing.assert_allclose(lower[:, 0], lr[:, 0], rtol=1e-12)


def test_best_decay_is_reached_by_its_schedule_and_by_no_other():
    h, noise, start, steps = 0.5, 3.0, 1.7, 50
    best = best_decay(h, noise=noise, start=start**2)
    rates = best.initial / (1.0 + best.rate * np.arange(steps))
    law = best_decay_variance(np.arange(steps + 1), h, noise=noise, start=start**2)
    np.testing.assert_allclose(transient(LinearRule(), rates, h, noise=noise, start=start).square, law, rtol=1e-12)
    factors = np.exp(0.3 * np.random.default_rng(0).normal(size=(steps, 200)))
    others = transient(LinearRule(), rates[:, None] * factors, h, noise=noise, start=start).square
    assert (others[1:] > law[1:, None]).all()


def test_best_decay_without_noise_arrives_in_one_step():
    np.testing.assert_array_equal(best_decay_variance([0, 1, 2], 0.5, noise=0.0, start=4.0), [4.0, 0.0, 0.0])
    assert best_decay(0.5, noise=0.0) == (2.0, 1.0)


def test_critical_batch_brings_half_of_the_progress():
    h, c, x = np.array([1.0, 0.3, 0.1]), np.array([0.5, 2.0, 1.0]), np.array([1.0, 4.0, 0.2])
    critical = critical_batch_size(h, x, noise=c)
    lrs = np.linspace(0.0, 2.0, 200_001)[:, None]

    def progress(batch):
        after = (1.0 - lrs * h) ** 2 * x + lrs**2 * c / batch
        return (0.5 * h * (x - after)).sum(axis=1).max()

    for ratio in (0.1, 1.0, 7.0):
        assert progress(critical * ratio) == pytest.approx(progress(np.inf) / (1.0 + 1.0 / ratio), rel=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sgd_variance(0.0, 1.0), "lr must be greater than 0 and finite; got 0.0"),
        (lambda: sgd_variance(0.1, [1.0, -1.0]), "curvature must be greater than 0 and finite; got -1.0"),
        (lambda: sgd_variance(0.1, 1.0, noise=-1.0), "noise must be at least 0 and finite; got -1.0"),
        (lambda: averaged_sgd_variance(0.1, 1.0, gamma=1.0), r"gamma must be in \[0, 1\); got 1.0"),
        (lambda: lr_equal_to_average(2.0, 1.0, gamma=0.5), r"lr · curvature must be in \[0, 2\), .*; got 2.0"),
        (lambda: best_decay(1.0, start=0.0), "start must be greater than 0 and finite; got 0.0"),
        (lambda: best_decay_variance(-1, 1.0), "t must be whole numbers of at least 0 and finite; got -1.0"),
        (lambda: critical_batch_size([1.0], [0.0], noise=[1.0]), "squares must be greater than 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_text_is_refused():
    with pytest.raises(TypeError, match=r"lr must be .*; got 'fast'"):
        sgd_variance("fast", 1.0)
