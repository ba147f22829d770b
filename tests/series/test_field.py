"""Kinds of input that people have: times and weights in any unit, groups, streams, seeds, several decays."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimlab.series.rows
from optimlab import (
    Decay,
    EmaState,
    PowerGain,
    UniformGain,
    ema,
    ema_band,
    ema_corr,
    ema_corr_matrix,
    ema_cov,
    ema_cov_matrix,
    ema_std,
    ema_sum,
    ema_var,
    fit_decay,
)  # fmt: skip
from optimlab.series.options import plan
from optimlab.series.rows import COUNT, FREE, MASS, MEAN, MEAN2, XX, XY, YY, start_state
from optimlab.series.sweep import _agree
from tests.series.oracle import ENGINES, Column, engine, near, series

_ = np.nan
X = np.array([1.0, 5.0, 7.0])


# ---------------------------------------------------------------- times


def test_a_long_half_life_does_not_wrap_around() -> None:
    t = np.array(["1000", "1500", "2000"], "M8[Y]")
    near(ema(X, halflife=dt.timedelta(days=250_000), times=t), [1, 3.496, 5.278], rtol=2e-4)
    near(ema(X, halflife=250_000 / 365.2425, times=[1000, 1500, 2000]), [1, 3.496, 5.278], rtol=2e-4)


def test_integer_times_keep_their_last_digits() -> None:
    t = np.array([0, 100, 250])
    epoch = 1_704_067_200_000_000_000 + t
    near(ema(X, halflife=100, times=epoch), ema(X, halflife=100, times=t), rtol=0)
    near(ema(X, halflife=100, times=epoch.astype(np.uint64)), ema(X, halflife=100, times=t), rtol=0)
    far = np.array([0, 2**63], dtype=np.uint64)
    near(ema([1.0, 3.0], halflife=2.0**62, times=far), ema([1.0, 3.0], halflife=1, times=[0, 2]), rtol=1e-15)
    assert ema([], 0.5, times=far[:0]).shape == (0,)
    near(ema(X, halflife="100ns", times=epoch.astype("M8[ns]")), ema(X, halflife=100, times=t), rtol=1e-15)


@pytest.mark.parametrize("wrap", [pd.Series, pd.DatetimeIndex, lambda t: t.array, lambda t: list(t)])
def test_a_time_zone_changes_nothing(wrap: Any) -> None:
    t = pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin")  # the clocks change on the second day
    x = series(np.random.default_rng(0), 72)
    near(ema(x, halflife="5h", times=wrap(t)), ema(x, halflife=5, times=np.arange(72)), rtol=1e-14)


def test_dates_and_iso_strings_are_times_and_periods_are_refused() -> None:
    days = [dt.date(2024, 1, d) for d in (1, 2, 4)]
    expected = ema(X, halflife=1, times=[0, 1, 3])
    near(ema(X, halflife="1D", times=days), expected, rtol=1e-15)
    near(ema(X, halflife=dt.timedelta(1), times=[str(day) for day in days]), expected, rtol=1e-15)
    near(ema(X, halflife=np.timedelta64(24, "h"), times=np.array(days, "M8[D]")), expected, rtol=1e-15)
    periods = pd.period_range("2024-01", periods=3, freq="D")
    with pytest.raises(TypeError, match=r"to_timestamp\(\)"):
        ema(X, halflife="1D", times=periods)
    ema(X, halflife="1D", times=periods.to_timestamp())


@pytest.mark.parametrize("start", ["debiased", "first", 2.5])
def test_gaps_before_the_first_value_of_a_group_pass_its_time(start: Any) -> None:
    x, by, times = np.array([_, 5.0, _, 7.0, 4.0, 2.0]), np.array([1, 2, 2, 1, 2, 1]), np.arange(6.0) ** 1.5
    options: dict[str, Any] = {"spacing": "time", "start": start}
    result = ema(x, 0.9, by=by, times=times, **options)
    for at in (by == 1, by == 2):
        near(result[at], ema(x[at], 0.9, times=times[at], **options), rtol=1e-15)
    if start == 2.5:
        near(result[3], 7.0 + (2.5 - 7.0) * 0.9 ** times[3], rtol=1e-14)


@pytest.mark.parametrize("x", [[3.0, 1.0, 2.0], [3.0, 1.0, _, 2.0], [1.0, np.inf, 3.0], [1e308, -1e308, 1e308]])
def test_a_short_series_in_its_own_place(x: list[float]) -> None:
    place = np.array(x)
    assert ema(place, 0.7, out=place) is place
    near(place, ema(x, 0.7), rtol=1e-15)


def test_no_time_is_no_decay_even_without_memory() -> None:
    near(ema(X, 0.0, times=[0, 0, 1]), [1, 3, 7], rtol=0)


def test_times_go_back_between_groups_alone() -> None:
    near(ema(X, 0.5, times=[1, 0, 3], by=[1, 2, 1])[::2], ema(X[::2], 0.5, times=[1, 3]), rtol=1e-15)
    with pytest.raises(ValueError, match=r"must not decrease .* got 1 after 3 at index 2"):
        ema(X, 0.5, times=[3, 0, 1], by=[1, 2, 1])


def test_what_times_drop_or_lack_is_refused() -> None:
    with pytest.raises(ValueError, match="masked"):
        ema(X, halflife=1, times=np.ma.array([0, 1e9, 2e9], mask=[0, 1, 0]))
    with pytest.raises(ValueError, match="with a unit"):
        ema(X, halflife="5", times=pd.date_range("2024", periods=3, freq="s"))
    with pytest.raises(ValueError, match="times='index' needs"):
        ema(X, halflife=1, times="index")


def test_the_index_as_times() -> None:
    x = pd.Series(X, index=pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05"]))
    near(ema(x, halflife="1D", times="index").to_numpy(), ema(X, halflife=1, times=[0, 1, 4]), rtol=1e-15)
    near(ema(pd.Series(X, index=[0, 1, 4]), 0.5, times="index").to_numpy(), ema(X, 0.5, times=[0, 1, 4]), rtol=0)


@pytest.mark.parametrize("name", ENGINES)
def test_a_time_far_shorter_than_the_half_life_keeps_its_share(name: str) -> None:
    with engine(name):
        near(ema([1.0, 3.0], halflife=1e17, times=[0, 1], spacing="time"), [1, 2], rtol=1e-14)
        near(
            ema(X, halflife=1e12, times=[0, 1, 3], spacing="time"), ema(X, Decay(com=np.inf), weights=[1, 1, 2]), 1e-11
        )


@pytest.mark.parametrize("name", ENGINES)
def test_a_value_of_no_time_is_counted_and_weighs_nothing(name: str) -> None:
    options: dict[str, Any] = {"halflife": 1, "times": [0, 0, 1], "spacing": "time", "start": "first", "min_count": 2}
    with engine(name):
        near(ema([1.0, 2.0, 3.0], **options), [_, 1, 2], rtol=1e-15)
        options = {"halflife": 1, "times": [0, 0, 1, 2], "spacing": "time", "weights": [0, 1, 1, 1]}
        near(ema([9.0, 1.0, 2.0, 5.0], **options), [_, _, 2, 4], rtol=1e-15)  # none before the first that has some


# ---------------------------------------------------------------- weights, starts, gaps


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("start", ["debiased", "first", "zero", 2.5])
@pytest.mark.parametrize("options", [{}, {"times": np.arange(40) ** 1.5, "spacing": "time"}])
def test_weights_have_no_unit(options: dict[str, Any], start: Any, name: str) -> None:
    rng = np.random.default_rng(1)
    x, v = series(rng, 40, 0.2), rng.uniform(0.5, 2.0, 40)
    options = options | {"start": start}
    with engine(name):
        for function in (ema, ema_var, lambda x, *a, **o: ema_cov(x, x[::-1], *a, **o)):
            expected = function(x, 0.9, weights=v, **options)
            for c in (1e-9, 1e6, 2.0**400):
                near(function(x, 0.9, weights=c * v, **options), expected, rtol=1e-11)
        near(ema(x, 0.9, weights=np.full(40, 7.0), **options), ema(x, 0.9, **options), rtol=1e-14)
        if start in ("debiased", "first"):
            quotient = ema(v * x, 0.9, **options) / ema(np.where(np.isnan(x), _, v), 0.9, **options)
            near(ema(x, 0.9, weights=v, **options), quotient, rtol=1e-13)


def test_weights_of_any_size() -> None:
    near(ema([1e10, 2e10], 0.9, weights=[1e300, 1e300]), [1e10, 1.526315789473684e10], rtol=1e-14)
    near(ema([10.0, 11.0, 12.0], 0.9, start="first", weights=[1e6, 2e6, 1e6]), [10, 10.182, 10.349], rtol=5e-5)
    near(ema([10.0, 11.0, 12.0], 0.9, start="first", weights=[100] * 3)[-1], 10.29, rtol=1e-14)


@pytest.mark.parametrize("name", ENGINES)
def test_the_seed_of_the_first_values(name: str) -> None:
    x = np.array([_, _, *range(1, 11)])
    with engine(name):
        near(ema(x, span=3, start="sma", warmup=3), [_, _, _, _, *range(2, 10)], rtol=1e-15)
        near(ema(np.arange(1.0, 6.0), span=3, start="sma", warmup=3), [_, _, 2, 3, 4], rtol=1e-15)
        near(ema(x, span=3, start="sma", warmup=1), ema(x, span=3, start="first"), rtol=1e-15)
    with pytest.raises(ValueError, match="go together"):
        ema(X, 0.5, start="sma")
    with pytest.raises(ValueError, match="go together"):
        ema(X, 0.5, warmup=3)


@pytest.mark.parametrize("name", ENGINES)
def test_gap_rows_without_a_result(name: str) -> None:
    x = series(np.random.default_rng(2), (3000, 2), 0.3)
    with engine(name):
        for function in (ema, ema_var):
            held = function(x, 0.9)
            near(function(x, 0.9, gap_result="nan"), np.where(np.isnan(x), _, held), rtol=0)


@pytest.mark.parametrize("name", ENGINES)
def test_a_result_from_a_mass_on(name: str) -> None:
    with engine(name):
        near(ema([1.0, _], 0.5, times=[0, 1], spacing="time", min_weight=0.75), [1, _], rtol=0)  # it stands for one row
        near(ema_sum([1.0, 2.0, _, _, 3.0], 0.5, min_weight=0.6), [_, 2.5, _, _, _], 1e-15)
        near(ema([1.0, 2.0, _, _, 3.0], 0.5, min_weight=0.5), [1, 5 / 3, _, _, ema([1, 2, _, _, 3.0], 0.5)[-1]], 1e-15)


@pytest.mark.parametrize("start", ["debiased", "first"])
def test_rows_of_a_mean_are_sums(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    slow = optimlab.series.rows.mean
    monkeypatch.setattr("optimlab.series.rows.mean", lambda x, *more: rows.append(x.size) or slow(x, *more))
    with engine("numpy"):
        ema(series(np.random.default_rng(17), 30_000), 0.9, start=start)
    assert sum(rows) == (start == "first")


def test_a_block_after_the_start_is_sums() -> None:
    pytest.importorskip("numba")
    from optimlab.series import compiled

    x, out, steps = series(np.random.default_rng(18), 101), np.empty(101), plan(X, 0.9, start="first")
    state = start_state(steps, 1)[0]
    state[[MASS, MEAN, COUNT]] = 1.0, 3.0, 1.0
    assert compiled.quick_mean(x, 0.1, 0.9, False, state, out, steps.how()) == 0
    near(out, ema(np.append(3.0, x), 0.9, start="first")[1:], rtol=1e-13)
    near(state[[MASS, MEAN, COUNT]], [1.0, out[-1], 102.0], rtol=0)


def test_a_block_with_gaps_is_sums_and_carries_all_on() -> None:
    pytest.importorskip("numba")
    from optimlab.series import compiled

    x, steps = series(np.random.default_rng(16), 101, 0.2), plan(X, 0.9)
    x[[0, 7]], out = [1.0, _], np.empty(101)
    state = start_state(steps, 1)[0]
    state[[MASS, MEAN, COUNT]] = 0.1, 3.0, 1.0
    assert compiled.quick_mean(x, 0.1, 0.9, False, state, out, steps.how()) == np.isnan(x).sum()
    expected = ema(np.append(3.0, x), 0.9)
    near(out, expected[1:], rtol=1e-13)
    near(
        state[[MASS, MEAN, COUNT]],
        [ema_sum(np.append(3.0, x), 0.9, of="counts")[-1] / 10, expected[-1], 1 + np.isfinite(x).sum()],
        rtol=1e-13,
    )


@pytest.mark.parametrize("bias", [False, True])
def test_steady_rows_of_every_moment_are_sums(bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = series(np.random.default_rng(15), (2, 30_000))
    rows: list[int] = []
    slow = optimlab.series.rows.moment
    monkeypatch.setattr("optimlab.series.rows.moment", lambda x, *more: rows.append(x.size) or slow(x, *more))
    with engine("numpy"):
        for result in (
            lambda: ema_var(x, 0.9, bias=bias),
            lambda: ema_cov(x, y, 0.9, bias=bias),
            lambda: ema_corr(x, y, 0.9),
        ):
            result()
            assert 0 < sum(rows) < 1000
            rows.clear()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("constant", [0.1, 5.118216247002567, 9.504636963259353])
def test_a_constant_has_no_correlation(constant: float, name: str) -> None:
    x, y = series(np.random.default_rng(0), 5_000), np.full(5_000, constant)
    with engine(name):
        for one, two in ((x, y), (y, x)):
            assert np.isnan(ema_corr(one, two, 0.9)).all()
            assert (ema_cov(one, two, 0.9)[1:] == 0.0).all()


@pytest.mark.parametrize("name", ENGINES)
def test_moments_of_a_long_series_are_those_of_its_last_values(name: str) -> None:
    x, y = series(np.random.default_rng(14), (2, 30_000))
    near_last = Column([True] * 500, 0.9)
    with engine(name):
        for bias in (False, True):
            expected = near_last.cov(x[-500:].tolist(), y[-500:].tolist(), 499, bias=bias)
            near(ema_cov(x, y, 0.9, bias=bias)[-1], expected, rtol=1e-11)
            expected = near_last.cov(x[-500:].tolist(), x[-500:].tolist(), 499, bias=bias)
            near(ema_var(x, 0.9, bias=bias)[-1], expected, rtol=1e-11)
        near(ema_corr(x, y, 0.9)[-1], near_last.corr(x[-500:].tolist(), y[-500:].tolist(), 499), rtol=1e-11)


@pytest.mark.parametrize("name", ENGINES)
def test_correlations_of_numbers_of_any_size(name: str) -> None:
    with engine(name):
        near(ema_corr([1e200, 2e200, 4e200], [1.0, 2.0, 3.0], 0.9)[-1], ema_corr([1, 2, 4], [1, 2, 3], 0.9)[-1], 1e-14)
        near(
            ema_corr([1e-200, 2e-200, 4e-200], [1.0, 2.0, 3.0], 0.9)[-1], ema_corr([1, 2, 4], [1, 2, 3], 0.9)[-1], 1e-14
        )


def test_every_name_of_a_decay_is_an_option() -> None:
    near(ema(X, window=10), ema(X, 0.9), rtol=1e-15)
    near(ema(X, cutoff=Decay(0.9).cutoff), ema(X, 0.9), rtol=1e-13)


def test_a_bias_is_yes_or_no() -> None:
    with pytest.raises(TypeError, match="bias must be True or False"):
        ema_var(X, 0.9, bias="no")  # type: ignore[arg-type]


def test_labels_along_the_columns() -> None:
    frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=[2020, 2021, 2022])
    near(ema(frame, 0.5, axis=1, weights=pd.Series([1.0, 2.0, 3.0], index=frame.columns)), [[1, 1.8, 2.647059]], 1e-6)
    with pytest.raises(ValueError, match="weights must have the columns"):
        ema(frame, 0.5, axis=1, weights=pd.Series([1.0, 2.0, 3.0]))
    with pytest.raises(TypeError, match="column 'town'"):
        ema(pd.DataFrame({"a": [1.0], "town": ["x"]}), 0.5)


# ---------------------------------------------------------------- sums, groups, matrices, several decays, gains


@pytest.mark.parametrize("name", ENGINES)
def test_decayed_sums(name: str) -> None:
    x = pd.Series(series(np.random.default_rng(3), 200, 0.2))
    v = np.random.default_rng(4).random(200)
    with engine(name):
        near(ema_sum([1.0, 0.0, 0.0], halflife=5, times=[0, 5, 15]), [1, 0.5, 0.125], rtol=1e-15)
        near(ema_sum(x, 0.9), x.ewm(alpha=0.1).sum(), rtol=1e-12)
        near(ema_sum(x, 0.9, gaps="skip"), x.ewm(alpha=0.1, ignore_na=True).sum(), rtol=1e-12)
        near(ema_sum(x, 0.9, of="counts"), x.where(x.isna(), 1.0).ewm(alpha=0.1).sum(), rtol=1e-12)
        near(ema_sum(x, 0.9, weights=v), (v * x).ewm(alpha=0.1).sum(), rtol=1e-11, atol=1e-13)
        near(ema_sum(x, 0.9, weights=v, of="weights"), (v * x.where(x.isna(), 1.0)).ewm(alpha=0.1).sum(), rtol=1e-12)
    with pytest.raises(ValueError, match="give no start"):
        ema_sum(X, 0.9, start="first")


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("labels", [[3, 1, 2], ["b", "a", "c"], [dt.date(2024, 1, 1), "x", 3.5], [2.5, np.nan, 1.0]])
def test_groups_are_series_of_their_own(labels: list[Any], name: str) -> None:
    rng = np.random.default_rng(5)
    by = pd.Series(np.array(labels, dtype=object)[rng.integers(0, 3, 400)])
    x, y = pd.Series(series(rng, 400, 0.2)), pd.Series(series(rng, 400, 0.2))
    times = np.cumsum(rng.random(400))
    with engine(name):
        results = [
            ema(x, 0.9, by=by), ema_var(x, 0.9, by=by), ema(x, 0.9, by=by, start="first", gaps="skip"),
            ema(x, 0.9, by=by, times=times), ema_cov(x, y, 0.9, by=by), ema_sum(x, 0.9, by=by),
        ]  # fmt: skip
    for label in by.unique():
        at = by.isna() if pd.isna(label) else by == label
        u, v = x[at], y[at]
        expected = [
            ema(u, 0.9), ema_var(u, 0.9), ema(u, 0.9, start="first", gaps="skip"), ema(u, 0.9, times=times[at]),
            ema_cov(u, v, 0.9), ema_sum(u, 0.9),
        ]  # fmt: skip
        for ours, theirs in zip(results, expected, strict=True):
            near(ours[at], np.full(at.sum(), _) if pd.isna(label) else theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("options", [{"beta": 0.9, "start": "sma", "warmup": 3}, {"beta": PowerGain(3.0)}])
def test_groups_count_their_own_values(options: dict[str, Any], name: str) -> None:
    rng = np.random.default_rng(19)
    x, by = series(rng, 60, 0.2), rng.integers(0, 3, 60)
    by[5] = -1  # a group of one row
    with engine(name):
        result = ema(x, by=by, **options)
        for label in np.unique(by):
            near(result[by == label], ema(x[by == label], **options), rtol=1e-13)


def test_groups_as_pandas() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"g": rng.integers(0, 5, 300), "x": series(rng, 300, 0.1)})
    theirs = frame.groupby("g")["x"].ewm(alpha=0.1).mean().droplevel(0).sort_index()
    near(ema(frame["x"], 0.9, by=frame["g"]), theirs, rtol=1e-12)


def test_matrices_as_pandas() -> None:
    x = pd.DataFrame(series(np.random.default_rng(7), (50, 3), 0.1), columns=list("abc"))
    for ours, theirs in (
        (ema_cov_matrix(x, 0.9), x.ewm(alpha=0.1).cov()),
        (ema_corr_matrix(x, 0.9), x.ewm(alpha=0.1).corr()),
    ):
        near(ours.iloc[30:], theirs.iloc[30:], rtol=1e-9)
        pd.testing.assert_index_equal(ours.index, theirs.index)
    near(ema_cov_matrix(x.to_numpy(), 0.9)[-1], ema_cov_matrix(x, 0.9).iloc[-3:].to_numpy(), rtol=0)
    with pytest.raises(ValueError, match="rows, columns"):
        ema_cov_matrix(X, 0.9)


def test_several_decays_at_once() -> None:
    betas = [0.5, 0.9, Decay(span=30)]
    x = pd.DataFrame(series(np.random.default_rng(8), (40, 2)), columns=["a", "b"])
    result = ema(x, betas=betas)
    near(result[("b", 0.9)], ema(x["b"], 0.9), rtol=1e-14)
    near(ema_std(x.to_numpy(), betas=betas)[..., 2], ema_std(x.to_numpy(), betas[2]), rtol=0)
    assert list(ema(x["a"], betas=[0.5, 0.9]).columns) == [0.5, 0.9]
    with pytest.raises(ValueError, match="beta and betas"):
        ema(x, 0.5, betas=[0.9])


@pytest.mark.parametrize("name", ENGINES)
def test_a_gain_in_the_place_of_a_decay(name: str) -> None:
    x = series(np.random.default_rng(9), 50, 0.2)
    gain, m, t, expected = PowerGain(3.0), 0.0, 0, []
    for value in x:
        if not np.isnan(value):
            t += 1
            m += gain.at(t) * (value - m)
        expected.append(m if t else _)
    with engine(name):
        near(ema(x, gain), expected, rtol=1e-13)
        near(ema(x, UniformGain()), ema(x, Decay(com=np.inf)), rtol=1e-13)
    with pytest.raises(ValueError, match="give none of them beside it"):
        ema(x, gain, start="first")
    with pytest.raises(ValueError, match="give none of them beside it"):
        ema(x, gain, span=3)


def test_the_fit_from_the_first_value_is_what_a_fine_scan_finds() -> None:
    x = np.array([446.66, 454.47, 455.66, 423.63, 456.27, 440.59, 425.33, 485.15, 506.05, 526.79])
    betas = np.linspace(0.0, 0.999, 999_001)[::100]
    losses = [np.sum((x[1:] - ema(x, beta, start="first")[:-1]) ** 2) for beta in betas]
    best = betas[int(np.argmin(losses))]
    fine = np.linspace(max(best - 2e-4, 0.0), best + 2e-4, 4001)
    best = fine[int(np.argmin([np.sum((x[1:] - ema(x, beta, start="first")[:-1]) ** 2) for beta in fine]))]
    assert fit_decay(x, start="first").decay.beta == pytest.approx(best, abs=1e-6)


def test_a_band_of_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="for each group"):
        ema_band(X, 0.9, by=[1, 1, 2])


# ---------------------------------------------------------------- types


@pytest.mark.parametrize("function", [ema, ema_var, ema_sum])
def test_polars_objects_come_back(function: Any) -> None:
    pl = pytest.importorskip("polars")
    x = pl.Series("x", [1.0, None, 5.0])
    result = function(x, 0.5)
    assert isinstance(result, pl.Series)
    assert result.name == "x"
    near(result.to_numpy(), function([1.0, _, 5.0], 0.5))
    frame = pl.DataFrame({"a": [1, 2], "b": [3.0, 5.0]})
    result = function(frame, 0.5)
    assert isinstance(result, pl.DataFrame)
    assert result.columns == ["a", "b"]


def test_xarray_objects_come_back() -> None:
    xr = pytest.importorskip("xarray")
    x = xr.DataArray([[1.0, 2.0], [5.0, 3.0]], dims=("time", "place"), coords={"place": ["a", "b"]}, name="x")
    result = ema(x, 0.5)
    assert result.dims == x.dims
    assert result.name == "x"
    near(result.values, ema(x.values, 0.5))


def test_objects_that_are_plain_numbers() -> None:
    near(ema(np.array([1, 2.0, 4], dtype=object), 0.5), ema([1.0, 2, 4], 0.5))
    near(ema(pd.Series([1, 2.0, 4], dtype=object), 0.5), ema([1.0, 2, 4], 0.5))


# ---------------------------------------------------------------- streams


def test_a_stream_with_times_weights_and_keys() -> None:
    rng = np.random.default_rng(10)
    x, v, t = series(rng, 60, 0.2), rng.random(60) + 0.1, np.cumsum(rng.random(60))
    one, chunks = EmaState(0.9), EmaState(0.9)
    for value, weight, time in zip(x, v, t, strict=True):
        one.update(value, time=time, weight=weight)
    chunks.update(x[:20], time=t[:20], weight=v[:20]).update(x[20:], time=t[20:], weight=v[20:])
    for state in (one, chunks):
        near(state.mean, ema(x, 0.9, times=t, weights=v)[-1], rtol=1e-13)
        near(state.variance(), ema_var(x, 0.9, times=t, weights=v)[-1], rtol=1e-11)
        near(state.sum, ema_sum(x, 0.9, times=t, weights=v)[-1], rtol=1e-13)
    halves = [EmaState(0.9).update(x[i], time=t[i], weight=v[i]) for i in (slice(20), slice(20, 60))]
    near(halves[0].merge(halves[1]).variance(), one.variance(), rtol=1e-12)
    with pytest.raises(ValueError, match="must not decrease"):
        one.update(1.0, time=0.0)
    with pytest.raises(ValueError, match="time must be given"):
        one.update(1.0)
    keys = np.array(["a", "b"])[rng.integers(0, 2, 60)]
    grouped = EmaState(0.9).update(x, key=keys)
    for key, group in grouped.groups.items():
        near(group.mean, ema(x[keys == key], 0.9)[-1], rtol=1e-14)


def test_a_stream_of_datetimes() -> None:
    t = pd.date_range("2024", periods=5, freq="h")
    x = np.arange(5.0)
    state = EmaState(halflife="90min")
    for value, time in zip(x, t, strict=True):
        state.update(value, time=time)
    near(state.mean, ema(x, halflife="90min", times=t)[-1], rtol=1e-14)


@pytest.mark.parametrize("start", ["first", "zero", 2.5])
def test_a_stream_with_a_start(start: Any) -> None:
    x = series(np.random.default_rng(11), 30, 0.2)
    single = EmaState(0.9, start=start)
    for value in x.tolist():
        single.update(value)
    for state in (single, EmaState(0.9, start=start).update(x)):
        near(state.mean, ema(x, 0.9, start=start)[-1], rtol=1e-14)
        near(state.variance(), ema_var(x, 0.9, start=start)[-1], rtol=1e-12)
    with pytest.raises(ValueError, match="start='debiased'"):
        single.merge(single)


def test_a_stream_of_numbers_is_the_compiled_loop_to_the_bit() -> None:
    x = series(np.random.default_rng(12), 2000)
    with engine("compiled"):
        expected = ema(x, 0.9, start="first"), ema_var(x, 0.9, bias=True, start="first")
    state = EmaState(0.9, start="first")
    for i, value in enumerate(x[:300].tolist()):
        state.update(value)
        assert state.variance(bias=True) == expected[1][i]


# ---------------------------------------------------------------- parts and threads


def test_parts_agree_but_for_rounding() -> None:
    steps = plan(X, 0.9)
    one = start_state(steps, 1)[0]
    one[[MASS, MEAN, MEAN2, COUNT, FREE, XY, XX, YY]] = 1.0, 3.0, 2.0, 5.0, 0.9, 0.5, 0.6, 0.7
    for what, at, size in [(None, MEAN, 0.0), (None, MASS, 0.0), ((True, False, False), XY, 0.0)]:
        near_by, other = one.copy(), one.copy()
        near_by[at] *= 1.0 + 1e-15
        other[at] *= 1.0 + 1e-12
        assert _agree(near_by, one, steps, size, what)
        assert not _agree(other, one, steps, size, what)
    few = one.copy()
    few[COUNT] = 1.0
    assert not _agree(few, one, steps, 0.0, None)


@pytest.mark.parametrize("function", [ema, ema_var, lambda x, *a, **o: ema_corr(x, x[::-1], *a, **o)])
@pytest.mark.parametrize("wild", [False, True])
def test_parts_and_threads_change_no_bit(function: Any, wild: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    x = series(np.random.default_rng(13), 40_000, 0.05)
    if wild:
        x[9_990], x[20_000:30_000], x[31_000] = 1e250, _, np.inf
    monkeypatch.setattr("optimlab.series.sweep.COMPILED_FROM", 0)
    whole = function(x, 0.9)
    monkeypatch.setattr("optimlab.series.sweep.PART", 5_000)
    results = []
    for cores in (1, 2, 5):
        monkeypatch.setattr("optimlab.series.sweep.cores", lambda cores=cores: cores)
        results.append(function(x, 0.9))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    near(results[0], whole, rtol=1e-12, atol=1e-14)
