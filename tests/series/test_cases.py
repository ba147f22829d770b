"""The numbered cases: one small series a convention, with the numbers that other libraries or exact arithmetic give."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from optimlab import Decay, EmaState, bias_correction, double_ema, ema, ema_corr, ema_cov, ema_std, ema_var, triple_ema
from tests.series.oracle import ENGINES, engine, near

_ = math.nan
ONE_TO_FIVE = np.arange(1.0, 6.0)
TIGHT = 1e-14


def close(actual: object, expected: object, rtol: float = TIGHT) -> None:
    near(np.asarray(actual), np.asarray(expected, dtype=float), rtol=rtol)


def from_plain_mean(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """TA-Lib's EMA(n): the plain mean of the first n values starts it."""
    later = ema(x[n:], span=n, start=x[:n].mean())
    return np.concatenate([np.full(n - 1, np.nan), [x[:n].mean()], later])


def repeated(x: NDArray[np.float64], n: int, times: int) -> list[NDArray[np.float64]]:
    """TA-Lib's EMA of the EMA of ..., each from where the one before begins."""
    means = [x]
    for _time in range(times):
        begun = ~np.isnan(means[-1])
        mean = np.full_like(x, np.nan)
        mean[begun] = from_plain_mean(means[-1][begun], n)
        means.append(mean)
    return means[1:]


def test_01_basic() -> None:
    debiased = [1, 1.5263157894736843, 2.070110701107011, 2.6312881651642916, 3.2097140484969833]
    close(ema(ONE_TO_FIVE, 0.9), debiased)
    close(ema(ONE_TO_FIVE, 0.9, start="zero"), [0.1, 0.29, 0.561, 0.9049, 1.31441])
    close(ema(ONE_TO_FIVE, 0.9, start="first"), [1, 1.1, 1.29, 1.561, 1.9049])
    close(from_plain_mean(ONE_TO_FIVE, 3), [_, _, 2, 3, 4])
    close(ema(ONE_TO_FIVE, span=3, start="first"), [1, 1.5, 2.25, 3.125, 4.0625])


def test_02_parameters() -> None:
    for name, value in [("alpha", 0.1), ("span", 19), ("com", 9), ("halflife", 6.578813478960585)]:
        close(ema(ONE_TO_FIVE, **{name: value})[-1], 3.2097140484969833)
    for alpha in (0, 1.5, math.nan):
        with pytest.raises(ValueError, match=r"alpha must be in \(0, 1\]"):
            ema(ONE_TO_FIVE, alpha=alpha)
    with pytest.raises(ValueError, match=r"exactly one of .* got alpha, span"):
        ema(ONE_TO_FIVE, alpha=0.1, span=19)


@pytest.mark.parametrize(
    ("start", "gaps", "rows"),
    [
        ("debiased", "decay", [2.4705882352941178, 3.312775330396476, 5.961156568906867]),
        ("debiased", "skip", [2.25, 3.142857142857143, 4.915441176470588]),
        ("first", "decay", [2.0526315789473686, 2.8315789473684214, 5.538345864661655]),
        ("first", "skip", [1.8, 2.68, 4.408]),
    ],
)
def test_03_gaps(start: str, gaps: str, rows: list[float]) -> None:
    third, fourth, seventh = rows
    result = ema([1, _, 3, 4, _, _, 7], alpha=0.4, start=start, gaps=gaps)
    close(result, [1, 1, third, fourth, fourth, fourth, seventh])


def test_04_leading_gap_and_minimum_count() -> None:
    result = ema([_, _, 5, 7, _, 2, 1, 4], alpha=0.5, min_count=2)
    known = 6.333333333333333
    close(result, [_, _, _, known, known, 3.1818181818181817, 1.8888888888888888, 3.0338983050847457])


def test_05_continuity_in_alpha() -> None:
    x = [1, _, 5]
    close(ema(x, alpha=0.5, start="first"), [1, 1, 3.6666666666666665])
    close(ema(x, alpha=0.5), [1, 1, 4.2])
    for start in ("debiased", "first"):
        beside = [ema(x, alpha=0.5 + step, start=start)[-1] for step in (-1e-8, 0.0, 1e-8)]
        assert max(beside) - min(beside) < 2e-7  # a jump would be 0.33


DAYS = [0, 2, 9, 14, 16]


@pytest.mark.parametrize("dates", [False, True])
def test_06_irregular_times(dates: bool) -> None:
    times, halflife = (pd.Timestamp("2020-01-01") + pd.to_timedelta(DAYS, "D"), "4 days") if dates else (DAYS, 4)
    options = {"times": times, "halflife": halflife}
    event = ema([0, 1, 2, _, 4], **options)
    close(event, [0, 0.585786437626905, 1.52388878049859, 1.52388878049859, 3.2336858398518338])
    time = ema([0, 1, 2, _, 4], spacing="time", start="first", **options)
    close(time, [0, 0.2928932188134524, 1.4924741174358913, 1.4924741174358913, 3.2545080948503213])
    close(ema([0, 1, 2, 3, 4], **options)[-2:], [2.427351990900807, 3.157018517848567])
    close(ema([0, 1, 2, 3, 4], spacing="time", start="first", **options)[-2:], [2.3661634447248243, 2.844703092414454])


@pytest.mark.parametrize("options", [{}, {"spacing": "time"}, {"spacing": "time", "start": "first"}])
@pytest.mark.parametrize("gaps", ["decay", "skip"])
def test_06_deleting_the_missing_row_changes_nothing(gaps: str, options: dict[str, str]) -> None:
    whole = ema([0, 1, 2, _, 4], halflife=4, times=DAYS, gaps=gaps, **options)
    without = ema([0, 1, 2, 4], halflife=4, times=[0, 2, 9, 16], gaps=gaps, **options)
    close(np.delete(whole, 3), without)


def test_07_ties_and_disorder() -> None:
    close(ema([1, 3, 5], halflife=1, times=[0, 0, 1]), [1, 2, 3.5])
    close(ema([1, 3, 5], halflife=1, times=[0, 0, 1], spacing="time", start="first"), [1, 1, 3])
    for times in ([3, 2, 1], np.array(["2020-01-03", "2020-01-02", "2020-01-01"], dtype="datetime64[D]")):
        with pytest.raises(ValueError, match="times must not decrease"):
            ema([1, 3, 5], halflife="1D" if isinstance(times, np.ndarray) else 1, times=times)


X = np.array([1.0, 5, 7, 1, 2, 1, 4])
Y = np.array([2.0, 3, 8, 1, 0, 5, 5])
VARIANCE = [_, 8, 7.428571428571429, 11.542857142857143, 5.8838709677419345, 3.7603686635944706, 3.7435320584926886]


def test_08_second_moments() -> None:
    close(ema_var(X, 0.5), VARIANCE)
    close(ema_std(X, 0.5), np.sqrt(VARIANCE))
    biased = [0, 3.555555555555556, 4.244897959183674, 7.182222222222221, 3.796045785639958]
    close(ema_var(X, 0.5, bias=True), [*biased, 2.467120181405896, 2.4760369520739043])
    close(ema_var(X, 0.5, bias=True, start="first"), [0, 4, 6, 7, 3.75, 2.4375, 2.484375])
    cov = [_, 2, 8.285714285714286, 12.171428571428573, 7.0838709677419365, 1.3917050691244246, 2.1214848143982006]
    close(ema_cov(X, Y, 0.5), cov)
    close(ema_corr(X, Y, 0.5)[-1], 0.45359078219196536)


def test_09_shift() -> None:
    close(ema_var(X + 1e9, 0.5), VARIANCE, rtol=1e-7)
    close(ema_corr(X + 1e9, Y - 1e9, 0.5)[-1], 0.45359078219196536, rtol=1e-7)


@pytest.mark.parametrize("start", ["debiased", "first"])
@pytest.mark.parametrize("gap", [0, 1, 20, 30, 33, 34, 100, 500, 2000, 20_000])
def test_10_long_gap(gap: int, start: str) -> None:
    x = np.concatenate([[10], np.full(gap, np.nan), [12, 13]])
    variance = ema_var(x, alpha=2 / 3, start=start)
    close(variance[gap + 1], 2.0)
    assert np.isnan(variance[: gap + 1]).all()
    assert variance[-1] > 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "uint16", "bool"])
def test_11_dtypes(dtype: str) -> None:
    x = np.array([1, 0, 1, 1]).astype(dtype)
    expected = np.float32 if dtype == "float32" else np.float64
    for result in (ema(x, 0.9), ema_var(x, 0.9), ema_std(x, 0.9), ema_cov(x, x, 0.9), ema_corr(x, x, 0.9)):
        assert result.dtype == expected
    close(ema(x, 0.9), ema(x.astype(float), 0.9), rtol=1e-7 if dtype == "float32" else 0)


def test_12_axis() -> None:
    x = np.arange(12.0).reshape(4, 3)
    last = [4.893864495492875, 5.893864495492875, 6.893864495492875]
    close(ema(x, 0.9, axis=0)[-1], last)
    close(ema(x.T, 0.9, axis=1)[:, -1], last)
    close(ema(np.asfortranarray(x), 0.9)[-1], last)
    strided = np.zeros((8, 6))
    strided[::2, ::2] = x
    close(ema(strided[::2, ::2], 0.9)[-1], last)


def test_13_empty_and_single() -> None:
    assert ema([], 0.9).shape == ema_var([], 0.9).shape == (0,)
    assert ema([3], 0.9).tolist() == ema([3], 0.9, start="first").tolist() == [3.0]
    close(ema([3], 0.9, start="zero"), [0.3])
    assert np.isnan(ema_var([3], 0.9)).tolist() == [True]
    assert ema_var([3], 0.9, bias=True).tolist() == [0.0]


@pytest.mark.parametrize("start", ["debiased", "zero", "first"])
def test_14_no_memory(start: str) -> None:
    assert ema(X, 0.0, start=start).tolist() == X.tolist()
    assert ema([1, _, 3], 0.0, start=start).tolist() == [1, 1, 3]


def test_15_beta_towards_one() -> None:
    close(ema(ONE_TO_FIVE, alpha=1e-8), [1, 1.5000000025, 2.0000000066666668, 2.5000000125, 3.00000002])
    for alpha in (1e-8, 1e-12, 1e-16, 1e-20):
        beta = 1 - Fraction(alpha)
        weights = [beta**age for age in range(4, -1, -1)]
        exact = sum(w * i for w, i in zip(weights, range(1, 6), strict=True)) / sum(weights)
        assert abs(ema(ONE_TO_FIVE, alpha=alpha)[-1] - float(exact)) <= math.ulp(3.0)
        correction = float(1 - beta**5)
        assert abs(bias_correction(Decay(alpha=alpha), 5) - correction) <= math.ulp(correction)


def test_15_the_textbook_form_loses_digits() -> None:
    for alpha, first_is_off in [(1e-8, 5e-9), (1e-12, 2e-5), (1e-16, 0.09)]:
        beta = 1.0 - alpha
        textbook = ema(ONE_TO_FIVE, alpha=alpha, start="zero") / (1.0 - beta ** np.arange(1, 6))
        assert abs(textbook[0] - 1.0) > first_is_off
        assert ema(ONE_TO_FIVE, alpha=alpha)[0] == 1.0


def test_15_beta_one_is_refused_and_infinite_memory_is_the_running_mean() -> None:
    with pytest.raises(ValueError, match=r"beta must be in \[0, 1\); got 1\.0.*com=inf"):
        ema(ONE_TO_FIVE, 1.0)
    close(ema(ONE_TO_FIVE, com=math.inf), [1, 1.5, 2, 2.5, 3])
    with pytest.raises(ValueError, match="start must be 'debiased' with an infinite memory"):
        ema(ONE_TO_FIVE, com=math.inf, start="zero")


def test_16_infinity_and_overflow() -> None:
    x = np.array([1, math.inf, 3, 4])
    assert ema(x, alpha=0.5).tolist() == [1, math.inf, math.inf, math.inf]
    opposite = ema([math.inf, -math.inf, 1], alpha=0.5)
    assert opposite[0] == math.inf
    assert np.isnan(opposite[1:]).all()
    replaced = np.where(np.isfinite(x), x, np.nan)
    close(ema(replaced, alpha=0.5), [1, 1, 2.6, 3.4615384615384617])
    close(ema(replaced, alpha=0.5), pd.Series(x).ewm(alpha=0.5).mean())
    assert ema([1e308] * 3, alpha=0.1).tolist() == [1e308] * 3
    finite = [1e308, -5.2631578947368564e306, 3.357933579335793e307]
    close(ema([1e308, -1e308, 1e308], alpha=0.1), finite, rtol=1e-13)
    close(ema([1e308, -1e308, 1e308], alpha=0.1), pd.Series([1e308, -1e308, 1e308]).ewm(alpha=0.1).mean(), rtol=1e-13)


LONG = {
    0.9: [0.4924580014625891, 0.4779590851512168, 0.494042283911627],
    0.999: [0.49913558170300426, 0.5000398428335049, 0.4997099446368595],
    0.99999: [0.49918641503448324, 0.5000104980876009, 0.49999847472341746],
    1 - 1e-7: [0.4991869221211737, 0.5000103802983445, 0.5000000877107291],
}


@pytest.fixture(scope="module")
def ten_million() -> NDArray[np.float64]:
    t = np.arange(1, 10_000_001, dtype=np.uint64)
    x = (t * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**32
    close(x[:3], [0.6180339867714792, 0.2360679735429585, 0.8541019603144377])
    return x


@pytest.mark.parametrize("beta", LONG)
@pytest.mark.parametrize("name", ENGINES)
def test_17_ten_million_samples(ten_million: NDArray[np.float64], name: str, beta: float) -> None:
    with engine(name):
        mean = ema(ten_million, beta)
        close(mean[[9, 999, 9_999_999]], LONG[beta], rtol=1e-12)
        single = ema(ten_million.astype(np.float32), beta)
    assert single.dtype == np.float32
    close(single[[9, 999, 9_999_999]].astype(float), LONG[beta], rtol=1e-7)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 0.9, 0.999, 1 - 1e-9])
def test_18_constants(beta: float, dtype: type, name: str) -> None:
    x = np.full(100_000, 0.1, dtype)
    with engine(name):
        for start in ("debiased", "first", float(x[0])):
            assert (ema(x, beta, start=start) == x).all()
        assert (ema(np.broadcast_to(x[:1000, np.newaxis], (1000, 40)), beta) == x[0]).all()
        x[[3, 500, 60_000]] = np.nan
        for gaps in ("decay", "skip"):
            assert (ema(x, beta, gaps=gaps) == x[0]).all()
        assert (ema_var(x, beta, bias=True) == 0.0).all()


def test_19_double_and_triple() -> None:
    x = np.arange(1.0, 11.0) ** 2
    first, second, third = repeated(x, 3, 3)
    double, triple = 2 * first - second, 3 * first - 3 * second + third
    assert np.isnan(double).tolist() == [True] * 4 + [False] * 6
    close(double[[4, 5, 9]], [24.444444444444443, 34.80555555555556, 98.07118055555554])
    close(triple[6:], [47.962962962962976, 63.38078703703705, 80.63483796296293, 99.78703703703702])
    close(double_ema(x, span=3)[-1], 97.96261385972842)
    for start in ("debiased", "zero", "first"):
        means = [ema(x, span=3, start=start)]
        for _time in range(2):
            means.append(ema(means[-1], span=3, start=start))
        close(double_ema(x, span=3, start=start), 2 * means[0] - means[1])
        close(triple_ema(x, span=3, start=start), 3 * means[0] - 3 * means[1] + means[2], rtol=1e-13)


def test_20_weights() -> None:
    x, w = np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 0, 1])
    close(ema(x, 0.5, weights=w), [1, 1.8, 1.8, 3.1538461538461537])
    close(ema(x, 0.5, weights=w), ema(w * x, 0.5, start="zero") / ema(w, 0.5, start="zero"))


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 1 - 1e-9])
def test_21_split_is_whole(beta: float) -> None:
    rng = np.random.default_rng(21)
    x = rng.random(300)
    whole = EmaState(beta).update(x)
    expected = [ema(x, beta)[-1], ema_var(x, beta)[-1], ema_var(x, beta, bias=True)[-1]]
    for _time in range(10):
        cuts = np.sort(rng.integers(0, len(x), size=rng.integers(0, 6)))
        parts = [EmaState(beta).update(chunk) for chunk in np.split(x, cuts)]
        while len(parts) > 1:  # any order of merging neighbours
            at = rng.integers(len(parts) - 1)
            parts[at : at + 2] = [parts[at].merge(parts[at + 1])]
        streamed = EmaState(beta)
        for chunk in np.split(x, cuts):
            streamed.update(chunk)
        for state in (parts[0], streamed):
            close([state.mean, state.variance(), state.variance(bias=True)], expected, rtol=1e-13)
            close([state.mean], [whole.mean], rtol=1e-15)
            close([state.variance()], [whole.variance()], rtol=3e-15)
            lost = 1e-14 * whole.effective_samples  # as its docstring says
            close([state.effective_samples], [whole.effective_samples], rtol=3e-15 + lost)
            assert state.count == whole.count == 300
