import numpy as np
import pytest
from scipy import stats

from optimlab.lab.frame import mean_interval, median_interval, proportion_interval, wilson_interval


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


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 95.0, np.nan])
def test_confidence_out_of_range_is_refused(confidence):
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\); got"):
        mean_interval([1.0, 2.0], confidence=confidence)


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


@pytest.mark.parametrize("interval", [mean_interval, median_interval])
@pytest.mark.parametrize("samples", [["a"] * 30, [1j] * 30, [True] * 30, [[1.0], [1.0, 2.0]]], ids=repr)
def test_samples_that_are_no_numbers_are_of_the_wrong_kind(interval, samples):
    with pytest.raises(TypeError, match=r"^samples must be real numbers; got"):
        interval(samples)


def trials(successes, n):
    return np.arange(n) < successes


COUNTS = [(0, 7), (1, 7), (3, 7), (7, 7), (0, 1), (1, 1), (737, 1000), (3, 300_000)]


@pytest.mark.parametrize(("successes", "n"), COUNTS)
@pytest.mark.parametrize(
    ("interval", "method"), [(proportion_interval, "exact"), (wilson_interval, "wilson")], ids=["exact", "Wilson"]
)
def test_intervals_of_a_share_are_scipy_s(interval, method, successes, n):
    for confidence in (0.5, 0.95, 0.9999):
        expected = stats.binomtest(successes, n).proportion_ci(confidence, method)
        share, low, high = interval(trials(successes, n), confidence)
        assert share == successes / n
        # SciPy's root finder leaves errors of 1e-12
        assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize(("successes", "n"), COUNTS)
def test_at_the_ends_of_the_exact_interval_the_tails_are_as_rare_as_it_says(successes, n):
    _, low, high = proportion_interval(trials(successes, n), confidence=0.99)
    upper, lower = stats.binom.sf(successes - 1, n, low), stats.binom.cdf(successes, n, high)
    assert upper == pytest.approx(0.005 if successes else 1.0, rel=1e-9)
    assert lower == pytest.approx(0.005 if successes < n else 1.0, rel=1e-9)


@pytest.mark.parametrize("interval", [proportion_interval, wilson_interval])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_intervals_of_a_share_reduce_the_axis_they_are_told(interval, axis):
    hits = np.random.default_rng(8).random((4, 5, 3)) < 0.3
    results = interval(hits, axis=axis)
    columns = np.moveaxis(hits, axis, 0).reshape(hits.shape[axis], -1)
    one_by_one = np.transpose([interval(column) for column in columns.T])
    np.testing.assert_array_equal([result.ravel() for result in results], one_by_one)


def test_the_exact_interval_never_covers_less_than_it_says_and_wilson_s_does():
    n, shares = 20, np.linspace(0.005, 0.995, 199)
    covers = {}
    for interval in (proportion_interval, wilson_interval):
        _, low, high = interval(np.arange(n)[:, None] < np.arange(n + 1), confidence=0.95)
        inside = (low[:, None] <= shares) & (shares <= high[:, None])
        covers[interval] = (stats.binom.pmf(np.arange(n + 1)[:, None], n, shares) * inside).sum(axis=0)
    assert covers[proportion_interval].min() >= 0.95
    assert covers[wilson_interval].min() < 0.95
    assert covers[wilson_interval].mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("interval", [proportion_interval, wilson_interval])
def test_impossible_hits_are_refused(interval):
    for hits in (np.zeros(0, bool), np.zeros((0, 3), bool), np.True_):
        with pytest.raises(ValueError, match=r"^hits must hold at least 1 trial along axis 0; got shape"):
            interval(hits)
    with pytest.raises(TypeError, match=r"^hits must be Boolean; got float64; compare first"):
        interval([0.0, 1.0])
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\); got 1"):
        interval([True, False], confidence=1)
