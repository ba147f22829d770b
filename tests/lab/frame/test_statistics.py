import numpy as np
import pytest
from scipy import stats

from optimlab.lab.frame import (
    bootstrap_interval,
    mean_interval,
    median_interval,
    prediction_interval,
)


def test_mean_interval_is_student_s_t():
    x = np.random.default_rng(0).normal(3.0, 2.0, 12)
    mean, low, high = mean_interval(x, confidence=0.95)
    expected = stats.ttest_1samp(x, 0.0).confidence_interval(0.95)
    assert mean == pytest.approx(x.mean(), rel=1e-15)
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-13)


def test_mean_interval_covers_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(size=(5, 20_000))
    _, low, high = mean_interval(draws, confidence=0.9)
    assert np.mean((low < 0) & (high > 0)) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 20_000))


def test_default_confidence_is_one_miss_in_ten_thousand():
    _, low, high = mean_interval([0.0, 1.0])
    assert (high - low) / 2 == pytest.approx(stats.t.isf(0.5e-4, 1) * 0.5, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_mean_interval_reduces_the_axis_it_is_told(axis):
    x = np.random.default_rng(2).normal(size=(4, 5, 3))
    results = mean_interval(x, axis=axis)
    columns = np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)
    for k, result in enumerate(results):
        one_by_one = [mean_interval(column)[k] for column in columns.T]
        np.testing.assert_allclose(result.ravel(), one_by_one, rtol=1e-12)


def test_equal_draws_have_no_width_and_nan_is_not_hidden():
    assert mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)
    assert np.isnan(mean_interval([1.0, np.nan, 2.0])).all()


@pytest.mark.parametrize("samples", [[], [1.0], 3.0])
def test_too_few_draws_are_refused(samples):
    with pytest.raises(ValueError, match=r"^samples must .* at least 2 draws"):
        mean_interval(samples)
    with pytest.raises(ValueError, match=r"^samples must .* at least 2 draws"):
        bootstrap_interval(samples, np.median, np.random.default_rng(0))


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 95.0, np.nan])
def test_confidence_out_of_range_is_refused(confidence):
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\); got"):
        mean_interval([1.0, 2.0], confidence=confidence)
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 0.999\]; got"):
        bootstrap_interval([1.0, 2.0], np.median, np.random.default_rng(0), confidence=confidence)


def test_bootstrap_of_a_mean_agrees_with_student_s_t():
    x = np.random.default_rng(3).normal(size=400)
    estimate, low, high = bootstrap_interval(x, np.mean, np.random.default_rng(4), confidence=0.95)
    mean, t_low, t_high = mean_interval(x, confidence=0.95)
    assert estimate == pytest.approx(mean, rel=1e-15)
    assert (low, high) == pytest.approx((t_low, t_high), abs=0.1 * (t_high - t_low))


def test_bootstrap_is_decided_by_its_generator():
    x = np.random.default_rng(5).exponential(size=50)
    one, same, other = (bootstrap_interval(x, np.median, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert one == same
    assert one != other


def test_bootstrap_of_tied_values_gives_the_percentile_interval():
    tied = np.array([0.9] * 30 + [0.5] * 5 + [0.98] * 5)
    assert bootstrap_interval(tied, np.median, np.random.default_rng(0)) == (0.9, 0.9, 0.9)
    assert bootstrap_interval(np.full(7, 2.0), np.median, np.random.default_rng(0)) == (2.0, 2.0, 2.0)


def test_bootstrap_refuses_more_than_one_dimension():
    with pytest.raises(ValueError, match=r"^samples must be one-dimensional .* got shape \(3, 2\)"):
        bootstrap_interval(np.zeros((3, 2)), np.median, np.random.default_rng(0))


def test_prediction_interval_holds_one_further_draw_as_often_as_it_says():
    draws = np.random.default_rng(6).normal(size=(5, 20_000))
    _, low, high = prediction_interval(draws[:4], confidence=0.9)
    held = (low < draws[4]) & (draws[4] < high)
    assert held.mean() == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 20_000))


def test_prediction_interval_is_its_formula():
    x = np.random.default_rng(7).normal(3.0, 2.0, 12)
    mean, low, high = prediction_interval(x, confidence=0.95)
    assert mean == x.mean()
    assert high - mean == pytest.approx(stats.t.isf(0.025, 11) * x.std(ddof=1) * np.sqrt(1 + 1 / 12), rel=1e-13)
    assert mean - low == pytest.approx(high - mean, rel=1e-13)


def test_median_interval_is_scipy_s_and_does_not_mind_tails():
    x = np.random.default_rng(9).standard_cauchy(301)
    median, low, high = median_interval(x, confidence=0.95)
    expected = stats.quantile_test(x, p=0.5).confidence_interval(0.95)
    assert median == np.median(x)
    assert (low, high) == (expected.low, expected.high)


def test_median_interval_covers_at_least_as_often_as_it_says():
    draws = np.random.default_rng(10).exponential(size=(3000, 25))
    ends = np.array([median_interval(row, confidence=0.9)[1:] for row in draws])
    covered = np.mean((ends[:, 0] <= np.log(2)) & (np.log(2) <= ends[:, 1]))
    low, high = stats.binom.interval(0.9999, 3000, stats.binom.cdf(17, 25, 0.5) - stats.binom.cdf(7, 25, 0.5))
    assert low <= 3000 * covered <= high
    assert covered >= 0.9


@pytest.mark.parametrize("samples", [np.zeros(14), np.zeros((20, 2)), 1.0])
def test_too_few_draws_for_a_median_are_refused(samples):
    with pytest.raises(ValueError, match=r"^samples must be one-dimensional with at least 15 draws; got shape \("):
        median_interval(samples)
    assert median_interval(np.zeros(15)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "interval", [mean_interval, median_interval, prediction_interval, lambda x: bootstrap_interval(x, np.mean, 0)]
)
@pytest.mark.parametrize("samples", [["a"] * 30, [1j] * 30, [True] * 30, [[1.0], [1.0, 2.0]]], ids=repr)
def test_samples_that_are_no_numbers_are_of_the_wrong_kind(interval, samples):
    with pytest.raises(TypeError, match=r"^samples must be real numbers; got"):
        interval(samples)
