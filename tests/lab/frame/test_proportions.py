import numpy as np
import pytest
from scipy import stats

from optimlab.lab.frame import proportion_interval, wilson_interval


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
