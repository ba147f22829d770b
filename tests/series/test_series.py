"""The EMA of series: against the definition with all its weights, against pandas, and laws."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from optimlab import Decay, ema, ema_corr, ema_cov, ema_std, ema_var
from optimlab.series.sweep import TILE
from tests.series.oracle import EDGES, ENGINES, FEW, SOME, Column, engine, near, series

pytestmark = pytest.mark.slow

STARTS = ["debiased", "zero", "first", 2.5]
GAPS = ["decay", "skip"]
BETAS = [0.0, 0.3, 0.5, 0.9, 0.999]
SEEDS = st.integers(0, 2**32 - 1)
LENGTHS = st.sampled_from([1, 2, 3, 5, 8, 13, 31, 32, 33, 40])
Function = Callable[..., Any]


def unary(function: Function) -> Function:
    """Return ema_cov and ema_corr as functions of one series: with its reverse."""
    if function in (ema_cov, ema_corr):
        return lambda x, *args, **options: function(x, x[::-1] if x.ndim == 1 else x[:, ::-1], *args, **options)
    return function


FUNCTIONS = [
    pytest.param(unary(function), id=function.__name__) for function in (ema, ema_var, ema_std, ema_cov, ema_corr)
]


# ---------------------------------------------------------------- the definition


def timing(rng: np.random.Generator, n: int, kind: str) -> dict[str, Any]:
    """Return β, weights, times and spacing of one kind, for ``Column`` and for the functions alike."""
    times = np.cumsum(rng.integers(0, 4, n) * rng.random(n))
    return {
        "constant": {"beta": 0.9},
        "by row": {"beta": rng.uniform(0.2, 0.99, n)},
        "event": {"beta": 0.7, "times": times, "spacing": "event"},
        "time": {"beta": 0.7, "times": times, "spacing": "time"},
    }[kind]


def weighting(rng: np.random.Generator, n: int, kind: str) -> NDArray[np.float64] | None:
    weights = rng.uniform(0.1, 2.0, n)
    weights[rng.random(n) < 0.3] = 0.0
    return weights if kind == "weights" else None


COMBINATIONS = [
    (start, gaps, weights, kind)
    for start, gaps, weights, kind in itertools.product(
        STARTS, GAPS, ["alike", "weights"], ["constant", "by row", "event", "time"]
    )
    if kind != "event" or start == "debiased"
]


@pytest.mark.parametrize(("start", "gaps", "weights", "kind"), COMBINATIONS)
@FEW
@given(LENGTHS, SEEDS, st.sampled_from([0.0, 0.2, 0.7]), st.integers(0, 3))
def test_every_combination_is_the_definition(
    start: Any, gaps: str, weights: str, kind: str, n: int, seed: int, missing: float, min_count: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = series(rng, (n, 2), missing), series(rng, (n, 2), missing)
    options = timing(rng, n, kind) | {"start": start, "gaps": gaps, "weights": weighting(rng, n, weights)}
    results = {
        "mean": ema(x, min_count=min_count, **options),
        "var": ema_var(x, min_count=min_count, **options),
        "biased": ema_var(x, bias=True, min_count=min_count, **options),
        "cov": ema_cov(x, y, min_count=min_count, **options),
        "corr": ema_corr(x, y, min_count=min_count, **options),
    }
    for c in range(2):
        u, v = x[:, c].tolist(), y[:, c].tolist()
        alone = Column(~np.isnan(x[:, c]), **options)
        both = Column(~np.isnan(x[:, c] + y[:, c]), **options)
        for t in range(n):
            expected = {
                "mean": alone.mean(u, t, min_count),
                "var": alone.cov(u, u, t, min_count=min_count),
                "biased": alone.cov(u, u, t, bias=True, min_count=min_count),
                "cov": both.cov(u, v, t, min_count=min_count),
                "corr": both.corr(u, v, t, min_count),
            }
            for name, value in expected.items():
                near(results[name][t, c], value, rtol=1e-9, atol=1e-11 if name in ("cov", "corr") else 1e-13)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("n", [*EDGES, TILE - 1, TILE, TILE + 1, 4 * TILE + 1])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_means_around_the_edges_of_blocks(n: int, missing: float, name: str) -> None:
    rng = np.random.default_rng(n)
    x = series(rng, n, missing)
    rows = sorted({t for edge in (*EDGES, TILE, 4 * TILE, n) for t in (edge - 1, edge) if t < n})[-9:]
    for beta, start, gaps in [(0.9, "debiased", "decay"), (0.99, "first", "skip"), (0.5, "zero", "decay")]:
        with engine(name):
            result = ema(x, beta, start=start, gaps=gaps)
        for t in rows:
            begin = max(0, t - 6000)  # 0.99 ** (0.7 * 6000) = 5e-19
            column = Column(~np.isnan(x[begin : t + 1]), beta, start=start, gaps=gaps)
            near(result[t], column.mean(x[begin : t + 1], t - begin), rtol=2e-14)


@pytest.mark.parametrize("n", [511, 512, 513, 8191, 8192, 8193])
def test_second_moments_around_the_edges_of_blocks(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = series(rng, n, 0.2), series(rng, n, 0.2)
    alone, both = Column(~np.isnan(x), 0.99), Column(~np.isnan(x + y), 0.99)
    for t in (n - 2, n - 1):
        near(ema_var(x, 0.99)[t], alone.cov(x, x, t), rtol=1e-12)
        near(ema_cov(x, y, 0.99)[t], both.cov(x, y, t), rtol=1e-11)
        near(ema_corr(x, y, 0.99)[t], both.corr(x, y, t), rtol=1e-11)


@pytest.mark.parametrize("kind", ["constant", "by row", "event", "time"])
@pytest.mark.parametrize("weights", ["alike", "weights"])
def test_every_weighting_goes_on_in_the_next_tile(kind: str, weights: str) -> None:
    rng = np.random.default_rng(14)
    n = TILE + 60
    x = series(rng, n, 0.3)
    x[TILE - 4 : TILE + 3] = np.nan  # the gap lies across the edge
    options = timing(rng, n, kind) | {"weights": weighting(rng, n, weights)}
    for start, gaps in [("debiased", "decay"), ("debiased", "skip"), (2.5, "decay"), ("first", "skip")]:
        if kind == "event" and start != "debiased":
            continue
        mean = ema(x, start=start, gaps=gaps, **options)
        spread = ema_var(x, start=start, gaps=gaps, **options)
        recent = {k: v[-2000:] if isinstance(v, np.ndarray) else v for k, v in options.items()}
        column = Column(~np.isnan(x[-2000:]), start=start, gaps=gaps, **recent)
        for t in (n - 62, n - 55, n - 54, n - 30, n - 1):
            near(mean[t], column.mean(x[-2000:], t - n + 2000), rtol=1e-12)
            near(spread[t], column.cov(x[-2000:], x[-2000:], t - n + 2000), rtol=1e-11)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("shape", [(1, 7), (2, 3000), (33, 1025), (700, 130), (40_000, 3)])
def test_each_of_many_columns_is_as_it_would_be_alone(shape: tuple[int, int], name: str) -> None:
    rng = np.random.default_rng(5)
    x = series(rng, shape)
    x[:, ::3] = series(rng, x[:, ::3].shape, 0.3)  # gaps in different places, and columns without one
    x[:, 1] = 7.0
    weights = rng.uniform(0.5, 2.0, shape) * (rng.random(shape) < 0.8)
    columns = sorted({0, 1, 2, shape[1] // 2, shape[1] - 1} & set(range(shape[1])))
    with engine(name):
        for options in ({}, {"gaps": "skip"}, {"start": "first"}, {"weights": weights}, {"weights": weights[:, 0]}):
            both, variance = ema(x, 0.97, **options), ema_var(x, 0.97, **options)
            for c in columns:
                one = dict(options)
                if np.ndim(options.get("weights", 0)) == 2:
                    one["weights"] = weights[:, c]
                near(both[:, c], ema(x[:, c].copy(), 0.97, **one), rtol=1e-13)
                near(variance[:, c], ema_var(x[:, c].copy(), 0.97, **one), rtol=1e-12)


# ---------------------------------------------------------------- pandas


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("min_count", [0, 1, 4])
@pytest.mark.parametrize("ignore_na", [False, True])
@pytest.mark.parametrize("adjust", [True, False])
@pytest.mark.parametrize("alpha", [0.05, 0.4, 0.9, 1.0])
def test_as_pandas(alpha: float, adjust: bool, ignore_na: bool, min_count: int, bias: bool) -> None:
    rng = np.random.default_rng(7)
    x = pd.DataFrame(series(rng, (60, 3), 0.25), columns=list("abc"))
    y = pd.DataFrame(series(rng, (60, 3), 0.25), columns=list("abc"))
    ewm = x.ewm(alpha=alpha, adjust=adjust, ignore_na=ignore_na, min_periods=min_count)
    options = {"start": "debiased" if adjust else "first", "gaps": "skip" if ignore_na else "decay"}
    options |= {"alpha": alpha, "min_count": min_count}
    pairs = [
        (ema(x, **options), ewm.mean(), 1e-13),
        (ema_var(x, bias=bias, **options), ewm.var(bias=bias), 1e-7),
        (ema_std(x, bias=bias, **options), ewm.std(bias=bias), 1e-7),
        (ema_cov(x, y, bias=bias, **options), ewm.cov(y, bias=bias, pairwise=False), 1e-7),
        (ema_corr(x, y, **options), ewm.corr(y, pairwise=False), 1e-9),
    ]
    # Where a gap has faded the past, pandas loses digits in (Σw)² - Σw²: 7e-9 here.
    for i, (ours, theirs, tolerance) in enumerate(pairs):
        if not bias and i in (1, 2, 3):  # after one value and a gap pandas divides 0 by a rounding error
            counted = (x if i < 3 else x + y).notna().cumsum()
            assert theirs[counted < 2].isin([0.0, np.nan]).all(axis=None)
            theirs = theirs.where(counted >= 2)
        pd.testing.assert_frame_equal(ours, theirs, rtol=tolerance, atol=1e-12)


@pytest.mark.parametrize("name", ["alpha", "span", "com", "halflife"])
def test_every_parametrisation_as_pandas(name: str) -> None:
    x = pd.Series(series(np.random.default_rng(9), 50))
    value = 0.3 if name == "alpha" else 7.5
    pd.testing.assert_series_equal(ema(x, **{name: value}), x.ewm(**{name: value}).mean(), rtol=1e-13)
    near(ema(x, Decay(**{name: value})), ema(x, **{name: value}), rtol=0)


# ---------------------------------------------------------------- laws


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Return a series, or several, and options."""
    n, missing = draw(st.integers(2, 80)), draw(st.sampled_from([0.0, 0.3]))
    rng = np.random.default_rng(draw(SEEDS))
    kind = draw(st.sampled_from(["constant", "by row", "event", "time"]))
    options = timing(rng, n, kind)
    if kind == "constant":
        options["beta"] = draw(st.sampled_from(BETAS))
    options["start"] = "debiased" if kind == "event" else draw(st.sampled_from(STARTS))
    options["gaps"] = draw(st.sampled_from(GAPS))
    options["weights"] = weighting(rng, n, draw(st.sampled_from(["alike", "weights"])))
    return series(rng, (n, 3), missing), options


def head(options: dict[str, Any], n: int) -> dict[str, Any]:
    return {name: value[:n] if isinstance(value, np.ndarray) else value for name, value in options.items()}


@pytest.mark.parametrize("function", FUNCTIONS)
@SOME
@given(problems(), st.integers(1, 80))
def test_the_result_of_a_beginning_is_the_beginning_of_the_result(function: Function, problem: Any, n: int) -> None:
    x, options = problem
    if options.get("spacing") == "time" and options["start"] == "debiased":
        options = options | {"start": "first"}  # debiased, the first value stands for the time to the second, ahead
    near(function(x[:n], **head(options, n)), function(x, **options)[:n], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ENGINES)
@SOME
@given(st.sampled_from(EDGES), st.sampled_from(EDGES), st.sampled_from(BETAS), st.sampled_from(STARTS), SEEDS)
def test_later_values_change_no_earlier_mean(name: str, n: int, more: int, beta: float, start: Any, seed: int) -> None:
    x = series(np.random.default_rng(seed), n + more)
    with engine(name):
        near(ema(x[:n], beta, start=start), ema(x, beta, start=start)[:n], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("spacing", ["event", "time"])
@SOME
@given(st.integers(1, 60), SEEDS, st.sampled_from([0.25, 1.0, 3.0]), st.sampled_from([0.1, 0.5, 0.9]))
def test_equal_spacing_is_no_times(
    function: Function, spacing: str, n: int, seed: int, unit: float, beta: float
) -> None:
    x = series(np.random.default_rng(seed), (n, 2))
    options = {"times": 7.0 + unit * np.arange(n), "spacing": spacing}
    near(function(x, beta ** (1 / unit), **options), function(x, beta), rtol=1e-9, atol=1e-10)
    if spacing == "time":
        with_first = function(x, beta ** (1 / unit), start="first", **options)
        near(with_first, function(x, beta, start="first"), rtol=1e-9, atol=1e-10)


@SOME
@given(st.integers(1, 60), SEEDS, st.sampled_from([0.5, 0.9]))
def test_gaps_between_equally_spaced_events_decay(n: int, seed: int, beta: float) -> None:
    x = series(np.random.default_rng(seed), (n, 2), 0.4)
    near(ema(x, beta, times=np.arange(n)), ema(x, beta), rtol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
@SOME
@given(st.integers(1, 60), SEEDS, st.sampled_from(STARTS), st.sampled_from(["skip", "event", "time"]))
def test_deleting_a_gap_changes_nothing(function: Function, n: int, seed: int, start: Any, kind: str) -> None:
    rng = np.random.default_rng(seed)
    x = series(rng, n)
    missing = rng.random(n) < 0.4
    if kind == "event":
        start = "debiased"
    times = None if kind == "skip" else np.cumsum(rng.random(n))
    if times is not None and start not in ("debiased", "first"):
        missing[0] = False  # a start value has its time: the first row's
    partner = missing | missing[::-1]  # cov and corr here are of a series and its reverse
    x[partner] = np.nan
    options: dict[str, Any] = {"start": start, "gaps": "skip"}
    if times is not None:
        options |= {"spacing": kind}
    whole = function(x, 0.8, **options, **({} if times is None else {"times": times}))
    kept = ~partner
    without = function(x[kept], 0.8, **options, **({} if times is None else {"times": times[kept]}))
    if kept.any() and (kept[0] or start in ("debiased", "first") or times is None):
        near(whole[kept], without, rtol=1e-9, atol=1e-10)


EQUIVARIANCE = [  # the law, and by how much more than the mean's the rounding of x shows
    pytest.param(ema, lambda m, a, b: a * m + b, 1.0, id="ema"),
    pytest.param(ema_var, lambda v, a, b: a**2 * v, 1e2, id="ema_var"),
    pytest.param(ema_std, lambda s, a, b: abs(a) * s, 1e2, id="ema_std"),
    pytest.param(unary(ema_cov), lambda c, a, b: a**2 * c, 1e2, id="ema_cov"),
    pytest.param(unary(ema_corr), lambda r, a, b: r, 1e3, id="ema_corr"),
]


@pytest.mark.parametrize(("function", "law", "more"), EQUIVARIANCE)
@SOME
@given(problems(), st.sampled_from([-3.0, 0.01, 1.0, 1e6]), st.sampled_from([0.0, -5.0, 1e4]))
def test_scale_and_shift(function: Function, law: Function, more: float, problem: Any, a: float, b: float) -> None:
    x, options = problem
    moved = dict(options)
    if options["start"] in ("zero", 2.5):
        options["start"] = 0.0 if options["start"] == "zero" else 2.5
        moved["start"] = a * options["start"] + b
    unit = law(1.0, a, 0.0)
    rounding = 1e-14 * more * (10.0 + abs(b / a)) * abs(unit)
    near(function(a * x + b, **moved), law(function(x, **options), a, b), rtol=1e-11, atol=rounding)


@SOME
@given(problems(), st.floats(-1e9, 1e9).filter(bool))
def test_the_mean_of_constants_is_exact(problem: Any, value: float) -> None:
    x, options = problem
    if options["start"] in ("zero", 2.5):
        options["start"] = value
    mean = ema(np.where(np.isnan(x), np.nan, value), **options)
    assert set(np.unique(mean[~np.isnan(mean)])) <= {value}
    spread = ema_var(np.where(np.isnan(x), np.nan, value), **options)
    assert set(np.unique(spread[~np.isnan(spread)])) <= {0.0}


@SOME
@given(problems())
def test_the_mean_stays_within_the_values(problem: Any) -> None:
    x, options = problem
    low, high = np.fmin.accumulate(x), np.fmax.accumulate(x)
    if not isinstance(options["start"], str) or options["start"] == "zero":
        prior = 0.0 if options["start"] == "zero" else options["start"]
        low, high = np.fmin(low, prior), np.fmax(high, prior)
    mean = ema(x, **options)
    seen = ~np.isnan(mean)
    assert (mean[seen] >= low[seen] - 1e-12).all()
    assert (mean[seen] <= high[seen] + 1e-12).all()
    assert not (ema_var(x, **options) < 0).any()
    assert not (np.abs(unary(ema_corr)(x, **options)) > 1).any()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("gaps", GAPS)
def test_gap_rows_repeat_the_last_result(start: Any, gaps: str) -> None:
    x = series(np.random.default_rng(1), (3 * 8192, 2), 0.5)
    x[:5] = np.nan
    x[5000:20_000, 0] = np.nan
    missing = np.isnan(x)
    for result in (ema(x, 0.9, start=start, gaps=gaps), ema_var(x, 0.9, start=start, gaps=gaps)):
        again = missing[1:] & ~np.isnan(result[1:])
        assert (result[1:][again] == result[:-1][again]).all()
        assert np.isnan(result[:5]).all()
    first = (~missing).argmax(axis=0)
    mean = ema(x, 0.9, start=start, gaps=gaps)
    assert (np.isnan(mean).argmin(axis=0) == first).all()
    assert not np.isnan(mean[first.max() :]).any()


def test_a_start_value_is_the_mean_before_the_first_value_if_none_need_have_been_seen() -> None:
    near(ema([np.nan, 2.0, 4.0], 0.5, start=7.0, min_count=0), [7.0, 11 / 3, 23 / 6])
    near(ema([np.nan, 2.0, 4.0], 0.5, start=7.0), [np.nan, 11 / 3, 23 / 6])
    near(ema([np.nan, 2.0, 4.0], 0.5, start=7.0, gaps="skip"), [np.nan, 4.5, 4.25])
    near(ema([np.nan, 2.0, 4.0], 0.5, min_count=0), [np.nan, 2.0, 10 / 3])


def test_propagate_and_raise() -> None:
    for n, at in itertools.product((10, 300, 9000, 70_000), (0, 7, 63, 8191, 69_999)):
        if at >= n:
            continue
        x = series(np.random.default_rng(n), n)
        clean, x[at] = ema(x, 0.9), np.nan
        result = ema(x, 0.9, gaps="propagate")
        near(result[:at], clean[:at], rtol=1e-13)
        assert np.isnan(result[at:]).all()
        for bias in (False, True):
            assert np.isnan(ema_var(x, 0.9, gaps="propagate", bias=bias)[at:]).all()
        with pytest.raises(ValueError, match=rf"gaps='raise'; got NaN in row {at}, column 0"):
            ema(x, 0.9, gaps="raise")
    near(ema(np.arange(5.0), 0.9, gaps="raise"), ema(np.arange(5.0), 0.9))


# ---------------------------------------------------------------- weights, counts, β by row


@SOME
@given(problems(), st.sampled_from([1e-6, 0.5, 7.0]))
def test_a_common_factor_of_the_weights_changes_no_debiased_mean(problem: Any, factor: float) -> None:
    x, options = problem
    weights = np.linspace(0.5, 2.0, len(x))
    options |= {"start": "debiased"}
    for function in (ema, ema_var):
        options["weights"] = weights
        expected = function(x, **options)
        options["weights"] = factor * weights
        near(function(x, **options), expected, rtol=1e-11, atol=1e-12)


@SOME
@given(problems())
def test_weights_of_one_are_no_weights(problem: Any) -> None:
    x, options = problem
    options["weights"] = None
    expected = ema(x, **options)
    for ones in (np.ones(len(x)), np.ones(x.shape), np.ones(len(x), dtype=int), [1.0] * len(x)):
        near(ema(x, **(options | {"weights": ones})), expected, rtol=1e-12)


def test_a_weight_of_two_is_two_equal_values_at_once() -> None:
    x, times = np.array([1.0, 5.0, 2.0]), np.array([0.0, 1.0, 3.0])
    doubled = ema([1.0, 5.0, 5.0, 2.0], 0.6, times=[0.0, 1.0, 1.0, 3.0])
    near(ema(x, 0.6, times=times, weights=[1, 2, 1]), doubled[[0, 2, 3]])


def test_a_row_of_weight_zero_is_a_gap_that_decays() -> None:
    x = series(np.random.default_rng(2), 30)
    weights = np.ones(30)
    weights[[0, 4, 5, 29]] = 0.0
    gappy = np.where(weights > 0, x, np.nan)
    for gaps in GAPS:
        near(ema(x, 0.8, weights=weights, gaps=gaps), ema(gappy, 0.8))
        near(ema_var(x, 0.8, weights=weights, gaps=gaps), ema_var(gappy, 0.8))


def test_weights_of_each_element_with_times() -> None:
    rng = np.random.default_rng(3)
    x, weights = series(rng, (20, 3), 0.2), rng.random((20, 3)) * (rng.random((20, 3)) < 0.7)
    times = np.cumsum(rng.random(20))
    for spacing in ("event", "time"):
        both = ema(x, 0.5, times=times, spacing=spacing, weights=weights)
        for c in range(3):
            near(both[:, c], ema(x[:, c], 0.5, times=times, spacing=spacing, weights=weights[:, c]))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("n", [1, 33, 600, 9000])
def test_one_beta_for_each_row(function: Function, n: int) -> None:
    x = series(np.random.default_rng(n), (n, 2), 0.2)
    for start, gaps in itertools.product(STARTS, GAPS):
        expected = function(x, 0.9, start=start, gaps=gaps)
        for betas in (np.full(n, 0.9), [0.9] * n, pd.Series(np.full(n, 0.9))):
            near(function(x, betas, start=start, gaps=gaps), expected, rtol=1e-9, atol=1e-10)


def test_min_count_counts_each_column() -> None:
    x = np.array([[1, np.nan], [np.nan, 2], [3, 4], [5, np.nan]])
    near(ema(x, 0.5, min_count=2) > 0, [[False, False], [False, False], [True, True], [True, True]])
    for count, n in itertools.product((1, 2, 40, 8191, 8192, 8193, 60_000), (50, 9000, 70_000)):
        whole = ema(np.arange(float(n)), 0.9)
        whole[: count - 1] = np.nan
        near(ema(np.arange(float(n)), 0.9, min_count=count), whole, rtol=1e-13)


# ---------------------------------------------------------------- times


def test_datetimes_of_every_kind_and_unit() -> None:
    x, days = [1.0, 2.0, 4.0, 3.0], np.array([0, 1, 1, 5])
    expected = ema(x, halflife=2.0, times=days)
    start = np.datetime64("2020-02-27")
    index = pd.DatetimeIndex(start + days)
    kinds: list[Any] = [(start + days).astype(f"datetime64[{unit}]") for unit in ("D", "h", "s", "ms", "us", "ns")]
    kinds += [index, pd.Series(index), list(index), index.tz_localize("Asia/Tokyo"), index.to_pydatetime()]
    for times in kinds:
        for halflife in (
            "2 days",
            "48h",
            pd.Timedelta(days=2),
            np.timedelta64(2, "D"),
            pd.Timedelta(48, "h").to_pytimedelta(),
        ):
            near(ema(x, halflife=halflife, times=times), expected)


def test_a_day_of_a_clock_change_has_its_hours() -> None:
    times = pd.DatetimeIndex(["2021-03-27 12:00", "2021-03-28 12:00"]).tz_localize("Europe/Berlin")
    near(ema([0.0, 1.0], halflife="1h", times=times), ema([0.0, 1.0], halflife=1.0, times=[0.0, 23.0]))


def test_times_far_apart() -> None:
    centuries = np.array(["0001-01-01", "1000-01-01", "2000-01-01"], dtype="datetime64[D]")
    years = (centuries - centuries[0]) / np.timedelta64(365, "D")
    near(ema([1.0, 2, 4], halflife="36500D", times=centuries), ema([1.0, 2, 4], halflife=100.0, times=years))
    # After a million half-lives nothing of the past is left; the values after it average as ever.
    times = [0.0, 1.0, 1e6, 1e6 + 1]
    near(ema([1.0, 2, 3, 4], halflife=1.0, times=times), [1.0, 5 / 3, 3.0, 11 / 3])
    near(ema([1.0, 2, 3, 4], halflife=1.0, times=times, spacing="time"), [1.0, 5 / 3, 3.0, 3.5])
    near(ema([np.nan, 2, 3], halflife=1.0, times=times[1:], spacing="time"), [np.nan, 2.0, 8 / 3])


def test_no_time_between_values_at_the_limits_of_the_decay() -> None:
    near(ema([1.0, 3, 5], 0.0, times=[0, 0, 1]), [1.0, 2.0, 5.0])
    near(ema([1.0, 3, 5], 0.0, times=[0, 0, 1], spacing="time"), [1.0, 1.0, 5.0])
    near(ema([1.0, 3, 5], com=np.inf, times=[0, 0, 1]), [1.0, 2.0, 3.0])


# ---------------------------------------------------------------- axes, layouts, types


@SOME
@given(st.sampled_from([(5,), (4, 3), (3, 4, 5), (2, 3, 2, 3), (1, 70, 1)]), SEEDS, st.sampled_from([0.0, 0.3]))
def test_every_axis_is_like_every_other(shape: tuple[int, ...], seed: int, missing: float) -> None:
    x = series(np.random.default_rng(seed), shape, missing)
    for function in (ema, ema_var):
        for axis in range(-len(shape), len(shape)):
            result = function(x, 0.8, axis=axis)
            expected = np.empty_like(x)
            for at in np.ndindex(*np.delete(shape, axis)):
                line = [*at]
                line.insert(axis % len(shape), slice(None))
                expected[tuple(line)] = function(x[tuple(line)].copy(), 0.8)
            near(result, expected, rtol=1e-12)


def layouts(x: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The same values, lying differently in memory."""
    yield "Fortran", np.asfortranarray(x)
    wide = np.zeros((2 * x.shape[0], 3 * x.shape[1]), x.dtype)
    wide[::2, 1::3] = x
    yield "strided", wide[::2, 1::3]
    yield "backwards", x[::-1, ::-1].copy()[::-1, ::-1]
    yield "transposed", x.T.copy().T
    locked = x.copy()
    locked.flags.writeable = False
    yield "read-only", locked
    yield "foreign byte order", x.astype(x.dtype.newbyteorder())
    packed = np.zeros(x.shape, dtype=[("pad", "u1"), ("x", x.dtype)])
    packed["x"] = x
    yield "unaligned", packed["x"]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(40, 3), (700, 100), (3, 30_000)])
def test_the_layout_in_memory_is_irrelevant(shape: tuple[int, int], dtype: type, name: str) -> None:
    x = series(np.random.default_rng(4), shape).astype(dtype)
    tolerance = 1e-13 if dtype is np.float64 else 2e-7
    with engine(name):
        for axis, function in itertools.product((0, 1), (ema, ema_var)):
            expected = function(x, 0.97, axis=axis)
            for layout, y in layouts(x):
                result = function(y, 0.97, axis=axis)
                np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance, err_msg=layout)
                assert result.dtype == dtype


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.999, 1 - 1e-7])
def test_float32_is_averaged_in_float64(beta: float, missing: float, name: str) -> None:
    x = series(np.random.default_rng(6), 70_000, missing).astype(np.float32)
    with engine(name):
        for start in STARTS:
            mean = ema(x, beta, start=start)
            assert mean.dtype == np.float32
            near(mean.astype(float), ema(x.astype(float), beta, start=start), rtol=1e-7)
        near(ema_var(x, beta).astype(float), ema_var(x.astype(float), beta), rtol=1e-7)


@pytest.mark.parametrize("x", [[1, 2, 4], (1, 2, 4), range(1, 3), [True, False], np.array([1, 200], np.uint8)])
def test_integers_and_booleans_give_float64(x: Any) -> None:
    result = ema(x, 0.9)
    assert type(result) is np.ndarray
    assert result.dtype == np.float64
    near(result, ema(np.array(x, dtype=float), 0.9), rtol=0)


def test_masked_values_are_gaps() -> None:
    masked = np.ma.masked_array([1.0, 9.0, 3.0], mask=[False, True, False])
    near(ema(masked, 0.5), ema([1.0, np.nan, 3.0], 0.5))
    near(ema(np.ma.masked_array([1, 9, 3], mask=[False, True, False]), 0.5), ema([1.0, np.nan, 3.0], 0.5))


@pytest.mark.parametrize("function", FUNCTIONS[:3])
def test_pandas_in_pandas_out(function: Function) -> None:
    index = pd.date_range("2020-01-01", periods=4, name="day")
    column = pd.Series([1.0, np.nan, 3.0, 5.0], index=index, name="price")
    result = function(column, 0.9)
    pd.testing.assert_series_equal(result, pd.Series(function(column.to_numpy(), 0.9), index=index, name="price"))
    table = pd.DataFrame({"a": column, 7: [1, 2, 3, 5]}, index=index)
    result = function(table, 0.9)
    expected = np.column_stack([function(table[name].to_numpy(), 0.9) for name in table])
    pd.testing.assert_frame_equal(result, pd.DataFrame(expected, index=index, columns=table.columns))
    across = function(table, 0.9, axis=1)
    near(across.to_numpy(), function(table.to_numpy().T, 0.9).T)
    pd.testing.assert_index_equal(across.columns, table.columns)


def test_two_pandas_series_give_one() -> None:
    x, y = (pd.Series([1.0, 2, 4], index=list("abc"), name=name) for name in ("x", "y"))
    for function in (ema_cov, ema_corr):
        result = function(x, y**2, 0.5)
        near(result.to_numpy(), function(x.to_numpy(), y.to_numpy() ** 2, 0.5))
        assert result.index.tolist() == ["a", "b", "c"]
        near(function(x, [1.0, 4.0, 16.0], 0.5).to_numpy(), result.to_numpy())


@pytest.mark.parametrize("dtype", ["Float64", "Float32", "Int64", "boolean"])
def test_nullable_columns(dtype: str) -> None:
    column = pd.Series([1, None, 0, 1], dtype=dtype, index=[5, 6, 7, 8], name="n")
    result = ema(column, 0.5)
    pd.testing.assert_series_equal(result, pd.Series(ema([1, np.nan, 0, 1], 0.5), index=[5, 6, 7, 8], name="n"))
    both = ema(pd.DataFrame({"n": column, "f": [1.0, 2, 3, 4]}), 0.5)
    near(both.to_numpy(), ema(np.array([[1, 1], [np.nan, 2], [0, 3], [1, 4]]), 0.5))


def test_float32_pandas_stays_float32() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, dtype="float32")
    assert (ema(table, 0.9).dtypes == np.float32).all()
    assert ema(table["a"], 0.9).dtype == np.float32


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (0, 0), (2, 0, 3)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_empty_in_empty_out(function: Function, shape: tuple[int, ...], dtype: type) -> None:
    x = np.zeros(shape, dtype)
    for options in ({}, {"gaps": "raise"}, {"start": "first"}, {"axis": -1}, {"weights": np.ones(shape)}):
        result = function(x, 0.9, **options)
        assert result.shape == shape
        assert result.dtype == (np.float32 if dtype is np.float32 else np.float64)
    for spacing in ("event", "time"):
        assert function(x, 0.9, times=np.arange(shape[0]), spacing=spacing).shape == shape


def test_empty_pandas() -> None:
    for x in (pd.Series([], dtype=float, name="a"), pd.DataFrame({"a": [], "b": []}, dtype=float)):
        assert type(ema(x, 0.9)) is type(x)
        assert ema(x, 0.9).shape == x.shape
    assert ema([], halflife="1D", times=pd.DatetimeIndex([])).shape == (0,)


@pytest.mark.parametrize("kind", ["constant", "by row", "event", "time"])
def test_a_single_value(kind: str) -> None:
    options = timing(np.random.default_rng(0), 1, kind)
    assert ema([3.0], **options).tolist() == [3.0]
    assert np.isnan(ema_var([3.0], **options)).all()
    assert ema_var([3.0], bias=True, **options).tolist() == [0.0]
    assert np.isnan(ema_corr([3.0], [4.0], **options)).all()
    assert np.isnan(ema([np.nan], **options)).all()


# ---------------------------------------------------------------- out, and what the caller passed in


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("missing", [0.0, 0.01])
@pytest.mark.parametrize("shape", [(50,), (300_001,), (900, 3), (3, 900), (700, 700), (90_000, 3)])
def test_out_may_lie_anywhere(shape: tuple[int, ...], missing: float, name: str) -> None:
    x = series(np.random.default_rng(10), shape, missing)
    with engine(name):
        expected = ema(x, 0.9)
        new = np.empty(shape)
        assert ema(x, 0.9, out=new) is new
        near(new, expected, rtol=1e-13)
        same = x.copy()
        near(ema(same, 0.9, out=same), expected, rtol=1e-13)
        for view in ("ahead", "behind", "reversed"):
            buffer = np.empty((shape[0] + 9, *shape[1:]))
            source = {"ahead": buffer[9:], "behind": buffer[:-9], "reversed": buffer[9:][::-1]}[view]
            target = {"ahead": buffer[:-9], "behind": buffer[9:], "reversed": buffer[9:]}[view]
            source[...] = x
            near(ema(source, 0.9, out=target), expected, rtol=1e-13)
        if len(shape) == 2 and shape[0] == shape[1]:
            square = x.copy()
            near(ema(square.T, 0.9, out=square), ema(x.T.copy(), 0.9), rtol=1e-13)
        fortran = np.empty(shape, order="F")
        near(ema(x, 0.9, out=fortran), expected, rtol=1e-13)
        thin = np.full((2, *shape), 5.0)[::-1]
        near(ema(x, 0.9, out=thin[0]), expected, rtol=1e-13)
        assert (thin[1] == 5.0).all()


def test_out_of_three_dimensions() -> None:
    x = series(np.random.default_rng(11), (4, 5, 6))
    for axis in range(3):
        out = np.empty((6, 5, 4)).T
        assert ema(x, 0.9, axis=axis, out=out) is out
        near(out, ema(x, 0.9, axis=axis))
        same = x.copy()
        near(ema(same, 0.9, axis=axis, out=same), ema(x, 0.9, axis=axis))


def test_out_with_pandas() -> None:
    x, out = pd.Series([1.0, 2, 4], index=list("abc")), np.empty(3)
    result = ema(x, 0.9, out=out)
    near(out, ema(x.to_numpy(), 0.9))
    pd.testing.assert_series_equal(result, ema(x, 0.9))


@pytest.mark.parametrize("name", ENGINES)
@SOME
@given(problems())
def test_nothing_that_was_passed_in_is_changed(name: str, problem: Any) -> None:
    x, options = problem
    y = x[::-1].copy()
    passed = {"x": x, "y": y} | {key: value for key, value in options.items() if isinstance(value, np.ndarray)}
    before = {key: value.copy() for key, value in passed.items()}
    with engine(name):
        for function in (ema, ema_var, ema_std):
            result = function(x, **options)
            assert not any(np.shares_memory(result, value) for value in passed.values())
        for function in (ema_cov, ema_corr):
            function(x, y, **options)
    for key, value in passed.items():
        np.testing.assert_array_equal(value, before[key], err_msg=key)


def test_a_result_does_not_depend_on_the_calls_before() -> None:
    x = series(np.random.default_rng(12), (100, 2), 0.2)
    first = [ema(x, 0.9), ema_var(x, 0.9), ema(x, 0.5, start="first")]
    first[0][...] = 0.0  # a result is the caller's
    ema(x[::-1].copy(), 0.9)
    ema(x[:50], 0.9)
    near(ema(x, 0.5, start="first"), first[2], rtol=0)
    near(ema_var(x, 0.9), first[1], rtol=0)
    assert ema(x, 0.9).any()


def test_a_frame_of_several_kinds_of_numbers_becomes_float64():
    frame = pd.DataFrame({"a": [1, 2], "b": np.float32([1, 2]), "c": [True, False]})
    result = ema(frame, 0.5)
    assert set(result.dtypes) == {np.dtype(np.float64)}
    np.testing.assert_allclose(result.iloc[1], [5 / 3, 5 / 3, 1 / 3], rtol=1e-15)


def test_pandas_arguments_must_have_the_index_of_x():
    x = pd.Series([1.0, 2.0, 4.0], index=[3, 4, 5])
    other = pd.Series([1.0, 1.0, 1.0], index=[4, 5, 6])
    for name in ("weights", "times"):
        with pytest.raises(ValueError, match=f"{name} must have the index"):
            ema(x, 0.5, **{name: other})
        with pytest.raises(ValueError, match=f"{name} must have the index"):
            ema_var(x, 0.5, **{name: other})
    with pytest.raises(ValueError, match="beta must have the index"):
        ema(x, other / 2)
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 1.0]})
    with pytest.raises(ValueError, match="y must have the index"):
        ema_cov(frame, frame[["b", "a"]], 0.5)


def test_an_option_is_not_mistaken_for_an_equal_one_of_another_kind():
    for first, second in (({"min_count": 1}, {"min_count": True}), ({"start": 1.0}, {"start": True})):
        ema([1.0, 2.0], 0.9, **first)
        with pytest.raises(TypeError, match="got True"):
            ema([1.0, 2.0], 0.9, **second)


def test_the_first_result_is_the_first_value_to_the_last_digit():
    rng = np.random.default_rng(20)
    for beta in rng.random(200):
        x = rng.random(20)
        assert ema(x, beta)[0] == x[0]


@pytest.mark.parametrize("name", ENGINES)
def test_a_missing_first_value_is_propagated_through_equal_values(name):
    x = np.ones(20_000)
    x[0] = np.nan
    with engine(name):
        assert np.isnan(ema(x, 0.9, gaps="propagate")).all()


BLOCKED = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
import numpy as np
from optimlab import *

x = np.arange(9.0) % 4
try:
    print({call})
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("blocked", "call", "answer"),
    [
        (
            {"scipy"},
            "ema_band(x, 0.5)",
            "ema_band needs scipy",
        ),
        (
            {"scipy"},
            "fit_decay(x)",
            "fit_decay needs scipy",
        ),
        (
            {"pandas"},
            "ema(x, halflife='1D', times=np.arange(9).astype('M8[D]'))",
            "a half-life as a string needs pandas",
        ),
        (
            {"scipy", "matplotlib", "tqdm", "numba"},
            "type(ema(__import__('pandas').Series(x), 0.5)).__name__",
            "Series",
        ),
        ({"scipy", "pandas", "matplotlib", "tqdm", "numba"}, "ema(x, 0.5)[0], ema_var(x, 0.5)[0]", "0.0 nan"),
    ],
)
def test_what_another_package_is_needed_for_is_said(blocked, call, answer):
    code = BLOCKED.format(blocked=blocked, call=call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    remedy = ', which is not installed; python -m pip install "optimlab[lab]" installs it'
    assert done.stdout.strip() == answer + (remedy if " needs " in answer else "")
