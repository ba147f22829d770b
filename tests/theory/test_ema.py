"""The closed forms against the weights themselves."""

import numpy as np
import pytest

from optimlab.ema import Decay, ema
from optimlab.theory import start_mean, start_variance

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


@pytest.mark.parametrize("function", [start_mean, start_variance])
def test_bad_arguments_are_named(function):
    with pytest.raises(ValueError, match=r"start must be one of .*; got 'none'"):
        function(Decay(0.9), 1, "none")
    with pytest.raises(ValueError, match="t must be at least 1; got 0"):
        function(Decay(0.9), 0, "zero")
