"""The closed forms against the weights themselves."""

import numpy as np
import pytest

from optimlab import Decay, ema
from optimlab.lab.theory import impulse_response, start_lag, start_mean, start_variance

TIMES = [1, 2, 3, 10, 57, 400]


def weights(decay, t, start):
    """The weight of each of t values in the mean, by the recursion."""
    return ema(np.eye(t), decay, start=start)[-1] if t > 1 else np.array([decay.alpha if start == "zero" else 1.0])


@pytest.mark.parametrize("start", ["debiased", "zero", "first"])
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.98, 0.999])
@pytest.mark.parametrize("t", TIMES)
def test_mean_and_variance_follow_from_the_weights(start, beta, t):
    decay = Decay(beta)
    w = weights(decay, t, start)
    assert start_mean(decay, t, start) == pytest.approx(w.sum(), rel=1e-12)
    assert start_variance(decay, t, start) == pytest.approx((w**2).sum(), rel=1e-12)


@pytest.mark.parametrize("start", ["debiased", "zero", "first"])
def test_all_starts_end_at_the_noise_gain(start):
    decay = Decay(0.9)
    assert start_variance(decay, 1000, start) == pytest.approx(decay.noise_gain(), rel=1e-12)
    assert start_mean(decay, np.array([1000, 2000]), start) == pytest.approx(np.ones(2), rel=1e-12)


@pytest.mark.parametrize("start", ["debiased", "zero", "first"])
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.98, 0.999])
def test_ramp_response(start, beta):
    decay, ramp = Decay(beta), np.arange(1.0, 401.0)
    lag = ramp - ema(ramp, decay, start=start)
    np.testing.assert_allclose(start_lag(decay, ramp, start), lag, rtol=0, atol=1e-11)
    assert start_lag(decay, 10**6, start) == pytest.approx(decay.lag, rel=1e-12)


@pytest.mark.parametrize("alpha", [1e-3, 1e-6, 1e-9, 1e-13, 0.0])
def test_the_lag_of_a_long_memory_keeps_its_digits(alpha):
    decay, t = Decay(com=np.inf) if alpha == 0.0 else Decay(alpha=alpha), 7.0
    age = np.arange(t)
    with np.errstate(divide="ignore"):
        weights = np.exp(age * decay.log_beta)
    assert start_lag(decay, t, "debiased") == pytest.approx(weights @ age / weights.sum(), rel=1e-13)
    assert start_lag(decay, t, "zero") == pytest.approx(
        t if alpha == 0.0 else decay.lag * -np.expm1(t * decay.log_beta)
    )
    assert start_lag(decay, 1.0, "first") == 0.0


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.98])
def test_impulse_response_is_what_the_ema_makes_of_an_impulse(beta):
    impulse = np.zeros(60)
    impulse[0] = 1.0
    found = impulse_response(Decay(beta), np.arange(60))
    np.testing.assert_allclose(found, ema(impulse, beta, start="zero"), rtol=1e-12, atol=1e-17)


def test_impulse_response_sums_to_the_step_response():
    decay, t = Decay(0.9), np.arange(1, 50)
    sums = impulse_response(decay, t - 1).cumsum()
    np.testing.assert_allclose(sums, start_mean(decay, t, "zero"), rtol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.98])
@pytest.mark.parametrize("omega", [-0.4, 1e-5, 0.01, 0.3, 2.0, np.pi])
def test_a_wave_is_shrunk_and_delayed(beta, omega):
    decay = Decay(beta)
    t = np.arange(3000.0)
    gain, delay = abs(decay.response(omega)), -np.angle(decay.response(omega)) / omega
    found = ema(np.cos(omega * t), beta)[-500:]
    np.testing.assert_allclose(found, gain * np.cos(omega * (t[-500:] - delay)), rtol=0, atol=1e-10)


def test_bad_ages_are_named():
    with pytest.raises(ValueError, match="age must be at least 0; got -1"):
        impulse_response(Decay(0.9), -1)


@pytest.mark.parametrize("function", [start_lag, start_mean, start_variance])
def test_bad_arguments_are_named(function):
    with pytest.raises(ValueError, match=r"start must be one of .*; got 'none'"):
        function(Decay(0.9), 1, "none")
    with pytest.raises(ValueError, match="t must be at least 1; got 0"):
        function(Decay(0.9), 0, "zero")
