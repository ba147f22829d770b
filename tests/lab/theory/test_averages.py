"""Any mean of SGD's iterates against other closed forms and sums; merging and decaying against their limit."""

import numpy as np
import pytest

from optimlab import ConstantGain, DebiasedGain, PowerGain, TailGain, UniformGain, linear
from optimlab.lab.theory import (
    LinearRule,
    averaged_sgd_variance,
    averaged_square,
    merge_crossover,
    merge_over_decay,
    sgd_variance,
    transient,
)

STEPS = 60
RATES = np.random.default_rng(0).uniform(0.0, 0.9, STEPS)


def falling(lr, window):
    return linear(lr, steps=window + 1, final=0.0)(np.arange(1, window + 1))


def merge(window):
    return UniformGain().weights(window)


def decay(window):
    return ConstantGain(0.0).weights(window)


def test_it_is_the_sum_over_all_pairs_of_iterates():
    """E wᵢ wⱼ retyped: w is driven by the start and by each noise."""
    h, noise, start = 0.7, 0.3, 2.0
    weights = PowerGain(3.0).weights(STEPS)
    kept = np.zeros((STEPS, STEPS + 1))  # of the start, and of the noises
    row = np.eye(STEPS + 1)[0]
    for i, lr in enumerate(RATES):
        row = (1 - lr * h) * row - lr * np.eye(STEPS + 1)[i + 1]
        kept[i] = row
    mean = weights @ kept
    expected = mean[0] ** 2 * start + noise * (mean[1:] ** 2).sum()
    assert averaged_square(weights, RATES, h, noise=noise, start=start) == pytest.approx(expected, rel=1e-12)


def test_an_ema_and_the_last_iterate_are_those_of_the_linear_rule():
    h = np.array([0.2, 1.0, 1.9])
    moments = transient(LinearRule(average=0.9), RATES[:, None], h, noise=h, start=0.5)
    last, mean = (gain.weights(STEPS)[:, None] for gain in (ConstantGain(0.0), DebiasedGain(0.9)))
    rates = RATES[:, None]
    np.testing.assert_allclose(averaged_square(last, rates, h, noise=h, start=0.25), moments.square[-1], rtol=1e-11)
    found = averaged_square(mean, rates, h, noise=h, start=0.25)
    np.testing.assert_allclose(found, moments.average_square[-1], rtol=1e-11)
    floor, steps = sgd_variance(0.3, 1.0), 500
    found = averaged_square(DebiasedGain(0.9).weights(steps), np.full(steps, 0.3), 1.0, start=floor)
    assert found == pytest.approx(averaged_sgd_variance(0.3, 1.0, gamma=0.9), rel=1e-10)


@pytest.mark.parametrize(
    ("window", "decayed", "merged", "ratio"),
    [(20, 0.0302, 0.0292, 0.97), (100, 0.0141, 0.0091, 0.64), (500, 0.0063, 0.0020, 0.31)],
)
def test_a_stiff_mode_has_less_noise_merged_than_decayed(window, decayed, merged, ratio):
    floor = sgd_variance(0.1, 1.0)
    left = averaged_square(decay(window), falling(0.1, window), 1.0, start=floor)
    mean = averaged_square(merge(window), np.full(window, 0.1), 1.0, start=floor)
    assert left == pytest.approx(decayed, abs=5e-5)
    assert mean == pytest.approx(merged, abs=6e-5)
    assert mean / left == pytest.approx(ratio, abs=5e-3)
    after = np.full(300 + window, 0.1)  # a tail of a longer run is the merge of its last iterates
    assert averaged_square(TailGain(300).weights(300 + window), after, 1.0, start=floor) == pytest.approx(
        mean, rel=1e-9
    )


@pytest.mark.parametrize("excess", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("x", [0.5, 3.0, 12.0])
def test_the_limit_is_that_of_small_rates(x, excess):
    window = 5000
    lr, floor = x / window, sgd_variance(x / window, 1.0)
    mean = averaged_square(merge(window), np.full(window, lr), 1.0, start=excess * floor)
    left = averaged_square(decay(window), falling(lr, window), 1.0, start=excess * floor)
    assert mean / left == pytest.approx(merge_over_decay(x, excess), rel=2e-2 if excess == 30.0 else 2e-3)


def test_above_the_crossover_the_decay_ends_lower():
    x = np.geomspace(0.02, 200.0, 30)
    crossover = merge_crossover(x)
    np.testing.assert_allclose(merge_over_decay(x, crossover), 1.0, rtol=1e-12)
    assert np.all(merge_over_decay(x, 1.1 * crossover) > 1.0)
    assert np.all(merge_over_decay(x, 0.9 * crossover) < 1.0)
    assert merge_crossover(0.01) == pytest.approx(1.2, rel=1e-2)
    assert merge_crossover(1e5) == pytest.approx(np.sqrt(np.pi) / 2 * 1e5**1.5, rel=1e-2)
    assert merge_over_decay(1e4) == pytest.approx(4 / np.sqrt(np.pi * 1e4), rel=1e-3)


def test_weights_and_rates_are_as_many():
    with pytest.raises(ValueError, match=r"weights must be as many as rates, .* got shapes \(2,\) and \(3,\)"):
        averaged_square([0.5, 0.5], [0.1] * 3, 1.0)
    with pytest.raises(ValueError, match="weights must be as many as rates"):
        averaged_square(0.5, 0.1, 1.0)
