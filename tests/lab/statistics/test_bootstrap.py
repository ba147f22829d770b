import numpy as np
import pandas as pd
import pytest
from scipy import stats

from optimlab.lab.frame import wilson_interval
from optimlab.lab.statistics import bootstrap_interval, interquartile_mean, summary


@pytest.mark.parametrize("n", [1, 3, 4, 7, 8, 41])
def test_interquartile_mean_is_the_mean_of_what_is_left_after_a_quarter_at_either_end(n):
    x = np.random.default_rng(n).normal(size=(3, n))
    cut = n // 4
    np.testing.assert_allclose(interquartile_mean(x), np.sort(x)[:, cut : n - cut].mean(axis=1), rtol=1e-14)
    np.testing.assert_array_equal(interquartile_mean(x.T, axis=0), interquartile_mean(x))


def test_diverged_runs_count_as_the_worst():
    assert interquartile_mean([1.0, 2.0, 3.0, np.inf]) == 2.5
    assert interquartile_mean([1.0, 2.0, np.inf, np.inf]) == np.inf


@pytest.mark.parametrize("method", ["BCa", "percentile", "basic"])
def test_the_interval_is_scipy_s(method):
    x = np.random.default_rng(0).exponential(size=30)
    estimate, low, high = bootstrap_interval(x, statistic=np.mean, method=method, confidence=0.9, rng=3)
    options = {"n_resamples": 2000, "confidence_level": 0.9, "method": method, "rng": 3}
    expected = stats.bootstrap((x,), np.mean, vectorized=True, **options).confidence_interval
    assert (estimate, low, high) == pytest.approx((x.mean(), *expected), rel=1e-14)


def test_strata_are_resampled_by_themselves():
    """Pooled, the distance between problems would be noise; stratified, it is none."""
    rng = np.random.default_rng(1)
    near, far = rng.normal(size=20), rng.normal(1000.0, 1.0, size=20)
    width = np.diff(bootstrap_interval(near, far, statistic=np.mean, rng=0)[1:])[0]
    pooled = np.diff(bootstrap_interval(np.concatenate([near, far]), statistic=np.mean, rng=0)[1:])[0]
    assert width == pytest.approx(2 * 1.96 * np.sqrt(near.var() + far.var()) / np.sqrt(20) / 2, rel=0.1)
    assert pooled > 100 * width


@pytest.mark.parametrize(("draw", "mean"), [
    (lambda rng: rng.normal(size=25), 0.0),
    (lambda rng: rng.exponential(size=25), 1.0),
])  # fmt: skip
def test_the_interval_covers_nearly_as_often_as_it_says(draw, mean):
    rng = np.random.default_rng(2)
    ends = np.array([bootstrap_interval(draw(rng), statistic=np.mean, confidence=0.9, rng=rng) for _ in range(200)])
    share, low, high = wilson_interval((ends[:, 1] <= mean) & (mean <= ends[:, 2]))
    assert low < 0.9, share
    assert high > 0.86, share  # at 25 draws it is known to fall a little short


def test_equal_draws_have_no_width():
    assert bootstrap_interval([2.0, 2.0], [2.0, 2.0, 2.0], rng=0) == (2.0, 2.0, 2.0)
    assert bootstrap_interval([np.inf, np.inf], method="percentile", rng=0) == (np.inf, np.inf, np.inf)


def test_where_bca_has_no_answer_the_percentile_has():
    """Whichever draw is left out, the mean of the middle half is the same."""
    draws = [1.0] * 7 + [2.0]
    found, percentile = (bootstrap_interval(draws, method=method, rng=0) for method in ("BCa", "percentile"))
    assert found == percentile
    assert found[2] > found[1]


def test_a_summary_is_the_interval_of_each_rule():
    rng = np.random.default_rng(3)
    rows = [(p, r, rng.exponential()) for p in "ab" for r in ("SGD", "Adam") for _ in range(9)]
    frame = pd.DataFrame(rows, columns=["problem", "rule", "final"])
    found = summary(frame, "final", rng=0).set_index("rule")
    strata = [frame["final"][(frame["rule"] == "SGD") & (frame["problem"] == p)] for p in "ab"]
    expected = bootstrap_interval(*strata, method="percentile", rng=0)
    assert tuple(found.loc["SGD", ["estimate", "low", "high"]]) == expected
    assert found.loc["SGD", "runs"] == 18
    lost = summary(frame.assign(final=frame["final"].where(frame["rule"] == "Adam")), "final", rng=0)
    assert lost["estimate"][0] == np.inf


@pytest.mark.parametrize(("call", "said"), [
    (lambda: bootstrap_interval(), "strata must be at least one array of draws; got none"),
    (lambda: bootstrap_interval([1.0]), r"samples must be one-dimensional with at least 2 draws; got shape \(1,\)"),
    (lambda: bootstrap_interval([1.0, 2.0], confidence=95), r"confidence must be in \(0, 1\); got 95"),
    (lambda: bootstrap_interval([1.0, 2.0], method="bca"), "method must be one of 'BCa', 'percentile', 'basic'"),
    (lambda: summary(pd.DataFrame({"rule": ["a"]}), "final"), "must have the columns rule, problem, final; it lacks p"),
    (lambda: summary(pd.DataFrame({"rule": [], "problem": [], "final": []}), "final"), "at least one row; got none"),
])  # fmt: skip
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_words_are_no_measurements():
    frame = pd.DataFrame({"rule": ["a"], "problem": ["b"], "final": ["low"]})
    with pytest.raises(TypeError, match="column final must hold real numbers; got"):
        summary(frame, "final")
    with pytest.raises(TypeError, match="samples must be real numbers"):
        bootstrap_interval(["a", "b"])
