"""What an average amounts to: against closed forms, and one system's average under another's name."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optimlab import (
    Bema,
    DebiasedGain,
    Decay,
    Ema,
    Gain,
    InversePowerGain,
    PowerGain,
    Profile,
    ShareGain,
    TailGain,
    UniformGain,
    ema,
)

T = 10_000


@pytest.mark.parametrize("beta", [0.9, 0.99, 0.999])
def test_of_an_ema_it_is_what_its_decay_says(beta: float) -> None:
    found, decay = DebiasedGain(beta).describe(T), Decay(beta)
    left = T * beta**T / (1 - beta**T)  # of the lag of an endless series
    assert found.lag == pytest.approx(decay.lag - left, rel=1e-9)
    assert found.samples == pytest.approx(decay.effective_samples(T), rel=1e-9)
    assert found.width * T == pytest.approx(math.sqrt(beta) / (1 - beta), rel=0.01)


@pytest.mark.parametrize("gamma", [0.0, 6.94, 16.97])
def test_of_a_power_profile_it_is_the_law_of_its_power(gamma: float) -> None:
    """Karras et al. 2024, equation 126, but for terms of 1/t."""
    found = PowerGain(gamma).describe(T)
    assert found.width == pytest.approx(math.sqrt(gamma + 1) / (gamma + 2) / math.sqrt(gamma + 3), rel=1e-3)
    assert found.lag / T == pytest.approx(1 / (gamma + 2), rel=2e-3)
    assert found.samples / T == pytest.approx((2 * gamma + 1) / (gamma + 1) ** 2, rel=2e-3)


@pytest.mark.parametrize(("share", "gamma", "width"), [(0.05, 12.86, 0.063), (0.09, 6.70, 0.102)])
def test_a_half_life_that_is_a_share_of_the_run_is_a_power_profile(share: float, gamma: float, width: float) -> None:
    exponent = math.log(2.0) / share - 1.0
    assert exponent == pytest.approx(gamma, abs=0.005)
    ours, theirs = ShareGain(share).weights(T), PowerGain(exponent).weights(T)
    assert np.linalg.norm(ours - theirs) < 1e-4 * np.linalg.norm(theirs)
    assert ShareGain(share).describe(T).width == pytest.approx(width, abs=5e-4)


def test_the_lag_is_how_far_the_average_is_behind_a_ramp() -> None:
    ramp = np.arange(1.0, 501.0)
    gains: list[Gain] = [UniformGain(), PowerGain(6.94), ShareGain(0.05), TailGain(400), InversePowerGain(0.5)]
    for gain in gains:
        assert 500.0 - ema(ramp, gain)[-1] == pytest.approx(gain.describe(500).lag, rel=1e-9)
        assert Ema(gain).describe(500) == gain.describe(500)


def test_the_samples_are_how_precise_it_is() -> None:
    noise = np.random.default_rng(0).standard_normal((200, 20_000))
    for gain in (UniformGain(), PowerGain(6.94), TailGain(180)):
        mean = np.zeros(20_000)
        for t, row in enumerate(noise, start=1):
            mean += gain.at(t) * (row - mean)
        assert 1.0 / mean.var() == pytest.approx(gain.describe(200).samples, rel=0.05)


def test_one_with_weights_of_both_signs_has_no_width() -> None:
    found = Bema(InversePowerGain(0.5), InversePowerGain(0.2, lag=10.0)).describe(T)
    assert math.isnan(found.width)
    assert found.lag < 0.0 < found.samples
    assert str(found).splitlines()[0] == "after 10000 updates"


def test_of_replicas_there_is_no_one_profile_and_the_remedy_works() -> None:
    with pytest.raises(ValueError, match="one mean has a profile; got 2 replicas; describe a gain of one number"):
        PowerGain((1.0, 2.0)).describe()
    assert isinstance(PowerGain(1.0).describe(), Profile)
    assert PowerGain((1.0, 2.0)).weights(7)[:, 1] == pytest.approx(PowerGain(2.0).weights(7))
