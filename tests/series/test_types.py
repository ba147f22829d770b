"""Types that people have: pandas in all its dtypes, polars, xarray, masks, dates, labels; what messages recommend."""

from __future__ import annotations

import datetime as dt
import decimal
import pickle
import re
import subprocess
import sys
import tracemalloc
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from optimlab import (
    Decay,
    EmaState,
    PowerGain,
    double_ema,
    ema,
    ema_band,
    ema_corr,
    ema_corr_matrix,
    ema_cov,
    ema_cov_matrix,
    ema_std,
    ema_sum,
    ema_var,
    triple_ema,
)
from tests.series.oracle import ENGINES, engine, near, series

_ = np.nan
X = [1.0, 5.0, 7.0]
GAPPY = [1.0, _, 5.0, 2.0]
DAYS = pd.date_range("2024-03-01", periods=3)
ONE_SERIES = [ema, ema_sum, ema_var, ema_std]
TWO_SERIES = [ema_cov, ema_corr]


# ---------------------------------------------------------------- polars


@pytest.mark.parametrize("function", ONE_SERIES)
def test_polars_series_and_frames_come_back(function: Any) -> None:
    pl = pytest.importorskip("polars")
    expected = function(GAPPY, 0.5, bias=True) if function in (ema_var, ema_std) else function(GAPPY, 0.5)
    options = {"bias": True} if function in (ema_var, ema_std) else {}
    column = pl.Series("price", [1.0, None, 5.0, 2.0])
    result = function(column, 0.5, **options)
    assert (type(result), result.name, result.dtype) == (pl.Series, "price", pl.Float64)
    near(result.to_numpy(), expected, rtol=1e-15)
    frame = pl.DataFrame({"b": column, "a": [True, False, True, True], "c": [1, 2, None, 4]})
    result = function(frame, 0.5, **options)
    assert (type(result), result.columns) == (pl.DataFrame, ["b", "a", "c"])
    near(result["b"].to_numpy(), expected, rtol=1e-15)
    near(result["c"].to_numpy(), function([1.0, 2.0, _, 4.0], 0.5, **options), rtol=1e-15)


@pytest.mark.parametrize("function", TWO_SERIES)
def test_two_polars_series_give_one(function: Any) -> None:
    pl = pytest.importorskip("polars")
    result = function(pl.Series("u", [1.0, 2.0, 4.0]), pl.Series("v", [1, 3, None]), 0.5)
    assert (type(result), result.name) == (pl.Series, "u")
    near(result.to_numpy(), function([1.0, 2.0, 4.0], [1.0, 3.0, _], 0.5), rtol=1e-15)


def test_polars_keeps_float32_and_axis() -> None:
    pl = pytest.importorskip("polars")
    assert ema(pl.Series([1.0, 2.0], dtype=pl.Float32), 0.5).dtype == pl.Float32
    across = ema(pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), 0.5, axis=1)
    near(across.to_numpy(), ema([[1.0, 3.0], [2.0, 4.0]], 0.5, axis=1), rtol=0)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_polars_times_and_weights(zone: str | None) -> None:
    pl = pytest.importorskip("polars")
    stamps = pl.Series([dt.datetime(2024, 3, 31, hour) for hour in (0, 1, 5)])
    hours = [0, 1, 4] if zone == "Europe/Berlin" else [0, 1, 5]  # the clocks went forward at 2
    result = ema(
        pl.Series("x", X), halflife="2h", times=stamps.dt.replace_time_zone(zone), weights=pl.Series([1, 2, 3])
    )
    near(result.to_numpy(), ema(X, halflife=2, times=hours, weights=[1, 2, 3]), rtol=1e-14)
    with pytest.raises(ValueError, match="times must be finite; got NaT at index 1"):
        ema([1.0, 2.0], halflife="1D", times=pl.Series([dt.date(2024, 1, 1), None]))


def test_polars_labels_are_groups() -> None:
    pl = pytest.importorskip("polars")
    near(ema(X, 0.5, by=pl.Series(["u", None, "u"])), [1, _, 5], rtol=1e-15)


@pytest.mark.parametrize("kind", ["Series", "DataFrame"])
def test_text_of_polars_is_refused_with_its_remedy(kind: str) -> None:
    pl = pytest.importorskip("polars")
    x = pl.Series("town", ["x"]) if kind == "Series" else pl.DataFrame({"a": [1.0], "town": ["x"]})
    with pytest.raises(TypeError, match=r"town|cast"):
        ema(x, 0.5)


# ---------------------------------------------------------------- xarray


@pytest.fixture
def field() -> Any:
    xr = pytest.importorskip("xarray")
    values = np.array([[1.0, 2.0], [_, 3.0], [7.0, 8.0]])
    return xr.DataArray(
        values, dims=("time", "place"), coords={"time": DAYS, "place": ["a", "b"]}, name="t2m", attrs={"units": "K"}
    )


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("function", ONE_SERIES)
def test_xarray_comes_back(function: Any, axis: int, field: Any) -> None:
    result = function(field, 0.5, axis=axis)
    near(result.values, function(field.values, 0.5, axis=axis), rtol=0)
    expected = field.copy(data=result.values)
    assert result.identical(expected)  # name, dims, coordinates, attributes
    assert field.values[0, 0] == 1.0


def test_xarray_of_other_dtypes_times_and_weights(field: Any) -> None:
    assert ema(field.astype("f4"), 0.5).dtype == np.float32
    assert ema(field[:, 1].astype(int), 0.5).dtype == np.float64
    result = ema(field, halflife="1D", times=field["time"], weights=field["time"].dt.day)
    near(result.values, ema(field.values, halflife="1D", times=DAYS, weights=[1, 2, 3]), rtol=1e-15)
    near(ema_cov(field, field + 1, 0.5).values, ema_var(field.values, 0.5), rtol=1e-14)
    with pytest.raises(TypeError, match="DataArray"):  # xarray's own words name the way out
        ema(field.to_dataset(), 0.5)
    near(ema(field.to_dataset().to_dataarray()[0], 0.5).values, ema(field.values, 0.5), rtol=0)


def test_xarray_of_several_decays(field: Any) -> None:
    result = ema(field, betas=[0.5, 0.9])
    assert (result.name, result.attrs) == ("t2m", {"units": "K"})
    near(result.sel(decay=0.9).values, ema(field.values, 0.9), rtol=0)


# ---------------------------------------------------------------- pandas: nullable, Arrow, masks, objects


@pytest.mark.parametrize(
    "dtype", ["int64[pyarrow]", "double[pyarrow]", "float[pyarrow]", "uint8[pyarrow]", "UInt16", "Float64"]
)
@pytest.mark.parametrize("function", ONE_SERIES)
def test_arrow_and_nullable_columns(function: Any, dtype: str) -> None:
    pytest.importorskip("pyarrow")
    column = pd.Series([1, None, 5, 2], dtype=dtype, index=list("wxyz"), name="n")
    expected = pd.Series(function(GAPPY, 0.5), index=list("wxyz"), name="n")
    pd.testing.assert_series_equal(function(column, 0.5), expected)
    both = function(pd.DataFrame({"n": column, "f": [1.0, 2, 3, 4]}), 0.5)
    pd.testing.assert_series_equal(both["n"], expected)
    near(both["f"], function([1.0, 2, 3, 4], 0.5), rtol=0)


def test_arrow_booleans_times_and_text() -> None:
    pytest.importorskip("pyarrow")
    near(ema(pd.Series([True, None, False], dtype="bool[pyarrow]"), 0.5), ema([1.0, _, 0.0], 0.5), rtol=0)
    expected = ema(X, halflife="1D", times=DAYS)
    near(ema(X, halflife="1D", times=pd.Series(DAYS).astype("timestamp[us][pyarrow]")), expected, rtol=1e-15)
    zoned = pd.Series(DAYS.tz_localize("Europe/Berlin")).astype("timestamp[us, Europe/Berlin][pyarrow]")
    near(ema(X, halflife="1D", times=zoned), expected, rtol=1e-15)
    with pytest.raises(TypeError, match="got column 'town' of dtype"):
        ema(pd.DataFrame({"a": [1.0], "town": pd.Series(["x"], dtype="string[pyarrow]")}), 0.5)


def test_arrow_decimals_are_numbers_or_refused_in_our_words() -> None:
    pa = pytest.importorskip("pyarrow")
    column = pd.Series([1, 2]).astype(pd.ArrowDtype(pa.decimal128(38, 2)))
    try:
        near(ema(column, 0.5), ema([1.0, 2.0], 0.5))
    except TypeError as error:
        assert "x must hold" in str(error)  # noqa: PT017


def test_missing_among_nullable_times_and_weights_is_refused() -> None:
    near(ema(X, 0.5, times=pd.Series([1, 2, 4], dtype="Int64")), ema(X, 0.5, times=[1, 2, 4]), rtol=0)
    with pytest.raises(ValueError, match="times must be finite; got nan at index 1"):
        ema(X, 0.5, times=pd.Series([1, None, 3], dtype="Int64"))
    with pytest.raises(ValueError, match="weights must be finite and not negative; got nan at index 1"):
        ema(X, 0.5, weights=pd.Series([1, None, 3], dtype="Float64"))


@pytest.mark.parametrize("function", ONE_SERIES)
@pytest.mark.parametrize("dtype", [float, np.float32, int])
def test_masked_arrays(function: Any, dtype: type) -> None:
    masked = np.ma.array([[1, 2], [9, 4], [5, 9]], mask=[[0, 0], [1, 0], [0, 1]], dtype=dtype)
    result = function(masked, 0.5)
    assert type(result) is np.ndarray
    near(result, function(np.array([[1, 2], [_, 4], [5, _]], np.result_type(dtype, np.float32)), 0.5), rtol=1e-7)
    assert np.isnan(function(np.ma.array([1, 2], mask=True, dtype=dtype), 0.5)).all()
    near(EmaState(0.5).update(masked[:, 0]).mean, ema([1.0, _, 5.0], 0.5)[-1], rtol=1e-15)


def test_masked_weights_and_times_are_refused() -> None:
    with pytest.raises(ValueError, match="weights must be finite"):
        ema(X, 0.5, weights=np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]))
    with pytest.raises(ValueError, match="masked"):
        ema_var(X, 0.5, times=np.ma.array([1, 2, 3], mask=[0, 1, 0]))


def test_masked_arrays_in_a_list_keep_their_masks_or_are_refused() -> None:
    rows = [np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([3.0, 4.0])]
    try:
        near(ema(rows, 0.5), ema([[1.0, _], [3.0, 4.0]], 0.5))
    except (TypeError, ValueError) as error:
        assert "mask" in str(error)  # noqa: PT017


@pytest.mark.parametrize("missing", [None, pd.NA])
def test_columns_of_objects_with_something_missing(missing: Any) -> None:
    near(ema(pd.Series([1, missing, 3], dtype=object), 0.5), ema([1.0, _, 3.0], 0.5))
    frame = pd.DataFrame({"Y": pd.Series([missing] * 3, dtype=object), "Z": [1, 2, 4]})
    near(ema(frame, 0.5), ema([[_, 1.0], [_, 2.0], [_, 4.0]], 0.5))


def test_empty_columns_of_objects() -> None:
    for empty in (pd.Series(dtype=object, name="a"), pd.DataFrame(columns=["a", "b"])):
        result = ema(empty, 0.5)
        assert (type(result), result.shape) == (type(empty), empty.shape)
        assert (np.asarray(result).dtype, len(result)) == (np.float64, 0)


# ---------------------------------------------------------------- dates, zones, periods


def test_an_index_of_dates_are_times_and_dates_no_values() -> None:
    x = pd.Series(X, index=[dt.date(2024, 1, day) for day in (1, 2, 4)])
    near(ema(x, halflife="1D", times="index"), ema(X, halflife=1, times=[0, 1, 3]), rtol=1e-15)
    with pytest.raises(TypeError, match="x must hold"):
        ema(np.array([dt.date(2024, 1, 1)], dtype=object), 0.5)


def test_periods_are_no_times_but_their_starts_are() -> None:
    x = pd.Series(X, index=pd.period_range("2024-01", periods=3, freq="M"))
    with pytest.raises(TypeError, match=r"got periods; give their starts, times\.to_timestamp\(\)"):
        ema(x, halflife="30D", times="index")
    near(ema(x, halflife="30D", times=x.index.to_timestamp()), ema(X, halflife=30, times=[0, 31, 60]), rtol=1e-14)


def test_the_remedy_for_a_series_of_periods() -> None:
    periods = pd.Series(pd.period_range("2024-01", periods=3, freq="M"))
    with pytest.raises(TypeError, match=r"dt\.to_timestamp\(\)"):
        ema(X, halflife="30D", times=periods)
    ema(X, halflife="30D", times=periods.dt.to_timestamp())


@pytest.mark.parametrize("wrap", [lambda t: t, pd.Series, lambda t: t.array], ids=["index", "Series", "array"])
def test_times_of_a_zone_are_never_python_objects(wrap: Any) -> None:
    """An object for each time takes a hundred bytes and more, and is made and read one by one."""
    rows = 20_000
    zoned, x = wrap(pd.date_range("2024", periods=rows, freq="min", tz="Europe/Berlin")), np.ones(rows)

    def memory(times: Any) -> int:
        ema(x, halflife="1h", times=times)  # what is loaded on first use
        tracemalloc.start()
        ema(x, halflife="1h", times=times)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    naive = np.arange("2024-01-01", rows, dtype="M8[m]").astype("M8[us]")
    assert memory(zoned) < memory(naive) + 32 * rows
    near(ema(x, halflife="1h", times=zoned), ema(x, halflife="1h", times=naive), rtol=1e-15)


# ---------------------------------------------------------------- labels: frames, axes, groups, matrices


@pytest.mark.parametrize(
    "column",
    [
        ["x", "y"], pd.Categorical(["u", "v"]), pd.to_datetime(["2024", "2025"]), [1j, 2.0], [dt.date(2024, 1, 1), "x"],
        pd.Series(["x", None], dtype="string"), pd.period_range("2024", periods=2, freq="D"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("function", [*ONE_SERIES, ema_cov_matrix])
def test_a_column_that_holds_no_numbers_is_named_and_can_be_left_out(function: Any, column: Any) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4], ("t", 1): column})
    with pytest.raises(TypeError, match=r"x must hold numbers; got column \('t', 1\) of dtype .*; leave it out"):
        function(frame, 0.5)
    assert list(function(frame.drop(columns=[("t", 1)]), 0.5).columns) == ["a", "b"]


def test_a_column_of_text_is_named_though_another_has_its_name() -> None:
    frame = pd.DataFrame([[1.0, "x"], [2.0, "y"]], columns=["v", "v"])
    with pytest.raises(TypeError, match=r"x must hold numbers; got column 'v' of dtype .*; leave it out"):
        ema(frame, 0.5)


@pytest.mark.parametrize("function", [ema, ema_var, ema_sum])
def test_weights_along_the_columns_have_the_labels_of_the_columns(function: Any) -> None:
    frame = pd.DataFrame(series(np.random.default_rng(0), (2, 4), 0.2), index=["r", "s"], columns=list("abcd"))
    weights = pd.Series([1.0, 2.0, 3.0, 0.5], index=frame.columns)
    near(
        function(frame, 0.5, axis=1, weights=weights),
        function(frame.to_numpy(), 0.5, axis=1, weights=weights.to_numpy()),
    )
    with pytest.raises(ValueError, match="weights must have the columns of x; align it first"):
        function(frame, 0.5, axis=1, weights=weights[::-1])
    near(
        function(frame, 0.5, axis=1, weights=weights[::-1].reindex(frame.columns)),
        function(frame, 0.5, axis=1, weights=weights),
    )
    each = pd.DataFrame(np.ones((2, 4)), index=["s", "r"], columns=frame.columns)
    with pytest.raises(ValueError, match=r"weights must have the index \(and columns\) of x"):
        function(frame, 0.5, axis=1, weights=each)
    near(function(frame, 0.5, axis=1, weights=each.reindex(frame.index)), function(frame, 0.5, axis=1))


LABELS = {
    "words": ["a", "b", None], "numbers": [2.5, -1.0, _], "whole": pd.array([3, 1, None], dtype="Int64"),
    "categories": pd.Categorical(["v", "u", None], categories=["u", "v", "w"]), "yes or no": [True, False, None],
    "dates": [dt.date(2024, 1, 2), dt.date(2024, 1, 1), None], "datetimes": pd.to_datetime(["2025", "2024", None]),
    "zoned": pd.to_datetime(["2025", "2024", None]).tz_localize("Asia/Tokyo"),
    "of two kinds": [dt.date(2024, 1, 1), "x", None], "pandas text": pd.array(["q", "p", None], dtype="string"),
}  # fmt: skip


def labelled(labels: Any, rows: int, rng: np.random.Generator) -> pd.Series:
    return pd.Series(labels).take(rng.integers(0, 3, rows)).reset_index(drop=True)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_groups_of_labels_of_any_dtype(labels: Any) -> None:
    rng = np.random.default_rng(1)
    by, x = labelled(labels, 60, rng), pd.Series(series(rng, 60, 0.2), name="x")
    missing = by.isna()
    assert 0 < missing.sum() < 60
    result = ema(x, 0.7, by=by)
    assert result[missing].isna().all()
    for label in by[~missing].unique():
        near(result[by == label], ema(x[by == label], 0.7), rtol=1e-14)
    near(ema(x, 0.7, by=by.to_numpy()), result, rtol=0)
    if isinstance(by.dtype, pd.api.extensions.ExtensionDtype):
        near(ema(x, 0.7, by=by.array), result, rtol=0)


def of_groups(window: Any, name: str, x: pd.DataFrame, **options: Any) -> pd.Series:
    """Return what pandas answers for a window of groups, in the order of the rows."""
    return getattr(window["x"], name)(**options).droplevel(0).reindex(x.index)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("ignore_na", [False, True])
@pytest.mark.parametrize("adjust", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_groups_are_those_of_pandas(seed: int, adjust: bool, ignore_na: bool, name: str) -> None:
    rng = np.random.default_rng(seed)
    rows = 200
    frame = pd.DataFrame(
        {"g": labelled(["b", "a", None], rows, rng), "x": series(rng, rows, 0.2)}, rng.permutation(rows)
    )
    frame["y"] = series(rng, rows)
    window = frame.groupby("g").ewm(alpha=0.2, adjust=adjust, ignore_na=ignore_na, min_periods=2)
    options: dict[str, Any] = {"by": frame["g"], "gaps": "skip" if ignore_na else "decay", "min_count": 2}
    options |= {} if adjust else {"start": "first"}
    with engine(name):
        near(ema(frame["x"], 0.8, **options), of_groups(window, "mean", frame), rtol=1e-12)
        near(ema_var(frame["x"], 0.8, **options), of_groups(window, "var", frame), rtol=1e-9)
        near(ema_std(frame["x"], 0.8, bias=True, **options), of_groups(window, "std", frame, bias=True), rtol=1e-9)
        if adjust:
            near(ema_sum(frame["x"], 0.8, **options), of_groups(window, "sum", frame), rtol=1e-12)
        both = ema(frame[["x", "y"]], 0.8, **options)
        near(both["y"], window["y"].mean().droplevel(0).reindex(frame.index), rtol=1e-12)
        corr = ema_corr(frame["x"], frame["y"], 0.8, **options)
        for label, group in frame.groupby("g"):
            one = group["x"].ewm(alpha=0.2, adjust=adjust, ignore_na=ignore_na, min_periods=2).corr(group["y"])
            near(corr[frame["g"] == label], one, rtol=1e-9)


def test_groups_with_times_are_those_of_pandas() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"g": rng.choice(["a", "b"], 80), "x": series(rng, 80, 0.2)})
    times = pd.Timestamp("2024") + pd.to_timedelta(np.cumsum(rng.integers(0, 9_000, 80)), "s")
    theirs = frame.groupby("g").ewm(halflife="2h", times=times)
    near(ema(frame["x"], halflife="2h", times=times, by=frame["g"]), of_groups(theirs, "mean", frame), rtol=1e-12)


@pytest.mark.parametrize(
    "columns", [["a", "b", "c"], [3, 1, 2], pd.MultiIndex.from_product([["u"], [1, 2, 3]], names=["p", "q"])]
)
@pytest.mark.parametrize("index", [range(30), pd.date_range("2024", periods=30, name="day")])
def test_matrices_have_the_labels_of_pandas(index: Any, columns: Any) -> None:
    x = pd.DataFrame(series(np.random.default_rng(6), (30, 3), 0.2), index=pd.Index(index), columns=columns)
    for ours, theirs in (
        (ema_cov_matrix(x, 0.8, bias=True), x.ewm(alpha=0.2).cov(bias=True)),
        (ema_corr_matrix(x, 0.8), x.ewm(alpha=0.2).corr()),
    ):
        pd.testing.assert_frame_equal(ours.iloc[15:], theirs.iloc[15:], rtol=1e-9, atol=1e-11)
        pd.testing.assert_index_equal(ours.index, theirs.index)
    near(ema_cov_matrix(x, 0.8).loc[x.index[7]].to_numpy(), ema_cov_matrix(x.to_numpy(), 0.8)[7], rtol=0)


def test_a_masked_label_is_a_missing_one() -> None:
    near(ema(X, 0.5, by=np.ma.array([1, 1, 1], mask=[0, 1, 0])), [1, _, 5], rtol=1e-15)


def test_labels_without_pandas() -> None:
    program = (
        "import sys, datetime, numpy as np; from optimlab import ema\n"
        "day = datetime.date(2024, 1, 1)\n"
        "for by in (['a', None, 'a'], [day, 'x', day], [1.5, np.nan, 1.5]):\n"
        "    means = ema([1., 5., 7.], .5, by=by)\n"
        "    print(np.isnan(means).tolist(), round(float(means[2]), 9))\n"
        "assert 'pandas' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == [
        "[False, True, False] 5.0",
        "[False, False, False] 5.0",
        "[False, True, False] 5.0",
    ]


# ---------------------------------------------------------------- streams


def test_a_refused_update_leaves_the_stream_as_it_was() -> None:
    state = EmaState(0.5).update(1.0, time=0)
    with pytest.raises(ValueError, match="weights must be"):
        state.update([1.0, 2.0], time=[1, 2], weight=[1, -1])
    near(state.update(2.0, time=1).mean, ema([1.0, 2.0], 0.5)[-1], rtol=1e-15)


def test_a_refused_update_leaves_the_groups_as_they_were() -> None:
    state = EmaState(0.5).update([1.0, 2.0], key=["a", "b"])
    with pytest.raises(ValueError, match="weights must be"):
        state.update([1.0, 2.0], key=["a", "b"], weight=[1.0, -1.0])
    assert {key: int(group.count) for key, group in state.groups.items()} == {"a": 1, "b": 1}


def test_a_missing_key_is_no_group_or_refused() -> None:
    try:
        state = EmaState(0.5).update([1.0, 2.0, 3.0], key=[1.0, _, _])
    except ValueError as error:
        assert "key" in str(error)  # noqa: PT017
    else:
        assert list(state.groups) == [1.0]


def test_a_tuple_is_a_key() -> None:
    assert list(EmaState(0.5).update(1.0, key=("a", 1)).groups) == [("a", 1)]


@pytest.mark.parametrize(("x", "key", "groups"), [
    ([1.0], ["a"], ["a"]), ([1.0, 2.0], "a", ["a"]), ([1.0, 2.0], 7, [7]), ([1.0, 2.0], ("a", "b"), ["a", "b"]),
])  # fmt: skip
def test_one_key_holds_for_all_rows_and_several_are_one_a_row(x: Any, key: Any, groups: list[Any]) -> None:
    state = EmaState(0.5).update(x, key=key)
    assert list(state.groups) == groups
    assert sum(int(group.count) for group in state.groups.values()) == len(x)


def test_a_stream_of_datetimes_with_a_zone() -> None:
    noon = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    later = dt.datetime(2024, 1, 1, 14, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    state = EmaState(halflife="1h").update(1.0, time=noon).update(4.0, time=later)
    near(state.mean, 3.0, rtol=1e-15)


def test_times_of_another_kind_than_before_are_refused() -> None:
    state = EmaState(halflife="1D").update(1.0, time=dt.date(2024, 1, 1))
    with pytest.raises((TypeError, ValueError), match="time must be of one kind"):
        state.update(2.0, time=5)


# ---------------------------------------------------------------- what messages recommend


class Remedy(NamedTuple):
    """A call that is refused, the words that recommend something, and the call that does so."""

    refused: Any
    words: str
    followed: Any


FRAME = pd.Series(X, index=list("abc"))
GAINS = PowerGain(3.0)
BACK = np.array([2, 0, 1])
full = EmaState(0.5, shape=(2,), covariance="full").update([[1.0, 2.0], [3.0, 5.0]])

REMEDIES = [
    Remedy(
        lambda: ema(np.ones(2, np.float16), 0.5),
        "astype(float)",
        lambda: ema(np.ones(2, np.float16).astype(float), 0.5),
    ),
    Remedy(
        lambda: ema(np.ones(2, np.longdouble), 0.5),
        "astype(float)",
        lambda: ema(np.ones(2, np.longdouble).astype(float), 0.5),
    ),
    Remedy(
        lambda: ema(pd.Series(["1", "2.5"]), 0.5),
        "astype(float)",
        lambda: ema(pd.Series(["1", "2.5"]).astype(float), 0.5),
    ),
    Remedy(
        lambda: ema(pd.Series([decimal.Decimal("1.5")]), 0.5),
        "astype(float)",
        lambda: ema(pd.Series([decimal.Decimal("1.5")]).astype(float), 0.5),
    ),
    Remedy(
        lambda: ema(pd.Series([1.0, 2.0], dtype="category"), 0.5),
        "astype(float)",
        lambda: ema(pd.Series([1.0, 2.0], dtype="category").astype(float), 0.5),
    ),
    Remedy(
        lambda: ema(FRAME, 0.5, weights=FRAME[::-1]),
        "align it first, for example with .reindex",
        lambda: ema(FRAME, 0.5, weights=FRAME[::-1].reindex(FRAME.index)),
    ),
    Remedy(lambda: ema(X, 1.0), "give com=inf", lambda: ema(X, com=np.inf)),
    Remedy(lambda: ema(X, halflife="5", times=DAYS), "such as '4 days'", lambda: ema(X, halflife="4 days", times=DAYS)),
    Remedy(
        lambda: ema(X, halflife=4, times=DAYS),
        "must be a timedelta",
        lambda: ema(X, halflife=dt.timedelta(4), times=DAYS),
    ),
    Remedy(lambda: ema(X, halflife="2D"), "a timedelta needs times=", lambda: ema(X, halflife="2D", times=DAYS)),
    Remedy(
        lambda: ema(X, 0.5, halflife="1D", times=DAYS),
        "give the decay as halflife alone",
        lambda: ema(X, halflife="1D", times=DAYS),
    ),
    Remedy(
        lambda: ema(X, halflife="1D", times=DAYS[BACK]),
        "sort the rows by time first",
        lambda: ema(np.array(X)[BACK.argsort()], halflife="1D", times=DAYS[BACK].sort_values()),
    ),
    Remedy(
        lambda: ema(X, halflife=1, times="index"),
        "a Series or DataFrame of pandas",
        lambda: ema(pd.Series(X), halflife=1, times="index"),
    ),
    Remedy(
        lambda: ema(X, 0.5, times=[0, 1, 2], start="first"),
        "for another start give spacing='time'",
        lambda: ema(X, 0.5, times=[0, 1, 2], start="first", spacing="time"),
    ),
    Remedy(
        lambda: ema(X, com=np.inf, start="first"),
        "start must be 'debiased'",
        lambda: ema(X, com=np.inf, start="debiased"),
    ),
    Remedy(lambda: ema(X, 0.5, start="sma"), "warmup=n", lambda: ema(X, 0.5, start="sma", warmup=2)),
    Remedy(lambda: ema(X, 0.5, warmup=2), "start='sma'", lambda: ema(X, 0.5, start="sma", warmup=2)),
    Remedy(
        lambda: ema(X, [0.5] * 3, start="sma", warmup=2),
        "needs one decay for all rows",
        lambda: ema(X, 0.5, start="sma", warmup=2),
    ),
    Remedy(lambda: ema(X, GAINS, start="first"), "give none of them beside it", lambda: ema(X, GAINS)),
    Remedy(lambda: ema(X, Decay(0.5), span=3), "give no other parametrisation beside it", lambda: ema(X, Decay(0.5))),
    Remedy(
        lambda: ema([1.0, _], 0.5, gaps="raise"),
        "gaps='decay' or 'skip' average past it",
        lambda: ema([1.0, _], 0.5, gaps="decay"),
    ),
    Remedy(
        lambda: ema([1.0, _], 0.5, gaps="raise"),
        "gaps='decay' or 'skip' average past it",
        lambda: ema([1.0, _], 0.5, gaps="skip"),
    ),
    Remedy(lambda: ema(X, 0.5, min_periods=2), "see the docstring of optimlab.ema", lambda: ema(X, 0.5, min_count=2)),
    Remedy(lambda: ema_sum(X, 0.5, start="first"), "give no start and no spacing", lambda: ema_sum(X, 0.5)),
    Remedy(
        lambda: ema_band(X * 4, 0.5, by=[1, 2] * 6),
        "call it for each group",
        lambda: [ema_band(X * 4, 0.5) for _group in (1, 2)],
    ),
    Remedy(lambda: EmaState(0.5).covariance(), "made with covariance='full'", full.covariance),
    Remedy(lambda: EmaState(0.5).covariance(), "variance() needs none", lambda: EmaState(0.5).update(X).variance()),
    Remedy(
        lambda: EmaState(0.5, covariance="full"),
        "shape=(columns,)",
        lambda: EmaState(0.5, shape=(3,), covariance="full"),
    ),
    Remedy(
        lambda: EmaState(0.5, start="first").sum,
        "make the state with start='debiased'",
        lambda: EmaState(0.5, start="debiased").sum,
    ),
    Remedy(
        lambda: EmaState(0.5, start="first").merge(EmaState(0.5, start="first")),
        "must have start='debiased'",
        lambda: EmaState(0.5, start="debiased").merge(EmaState(0.5, start="debiased")),
    ),
    Remedy(
        lambda: EmaState(halflife="1D").update(1.0),
        "time must be given",
        lambda: EmaState(halflife="1D").update(1.0, time=DAYS[0]),
    ),
    Remedy(
        lambda: EmaState(0.5).update(1.0).update(1.0, time=1),
        "time must not be given",
        lambda: EmaState(0.5).update(1.0).update(1.0),
    ),
    Remedy(
        lambda: EmaState(0.5).update(1.0, time=DAYS[0]),
        "for datetimes is made with halflife=",
        lambda: EmaState(halflife="1D").update(1.0, time=DAYS[0]),
    ),
    Remedy(
        lambda: EmaState(halflife="1D").update(1.0, time=0.5),
        "one for numbers with a decay",
        lambda: EmaState(0.5).update(1.0, time=0.5),
    ),
    Remedy(
        lambda: EmaState(0.5).update(X, key=[1, "b", 1]).to_dict(),
        "store the groups apart",
        lambda: {key: group.to_dict() for key, group in EmaState(0.5).update(X, key=[1, "b", 1]).groups.items()},
    ),
]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("start", ["debiased", "first", 2.5])
def test_several_decays_over_many_blocks_are_each_alone(start: Any, name: str) -> None:
    """One reading of the rows for all: longer than the blocks in which they take turns, with gaps, and one of β = 0."""
    rng = np.random.default_rng(16)
    x = series(rng, (90_000, 3), 0.01)
    with engine(name):
        for call in (ema, ema_var):
            together = call(x, betas=[0.0, 0.5, Decay(alpha=1e-4)], start=start)
            for j, each in enumerate([0.0, 0.5, Decay(alpha=1e-4)]):
                near(together[..., j], call(x, each, start=start), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    "call", [double_ema, triple_ema, ema_band, lambda x, **betas: ema_cov_matrix(np.c_[x, x], **betas)]
)
def test_several_decays_are_refused_where_there_is_one(call: Any) -> None:
    with pytest.raises(ValueError, match=r"betas must not be given.*for each decay"):
        call(X, betas=[0.5, 0.9])


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.words)
def test_every_remedy_works(remedy: Remedy) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(remedy.words)):
        remedy.refused()
    remedy.followed()


def test_a_pickled_stream_goes_on() -> None:
    state = EmaState(halflife="1D").update(X, time=DAYS, key=list("aba"))
    again = pickle.loads(pickle.dumps(state))
    for each in (state, again):
        each.update(4.0, time=DAYS[-1], key="a")
    near(again.groups["a"].mean, state.groups["a"].mean, rtol=0)


def test_several_decays_are_a_sequence_without_out() -> None:
    with pytest.raises(TypeError, match="betas must be"):
        ema(X, betas=0.5)
    with pytest.raises((TypeError, ValueError), match="out"):
        ema(X, betas=[0.5], out=np.empty(3))


def test_matrices_of_several_decays_have_a_last_axis_or_are_refused_in_words() -> None:
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    try:
        near(ema_cov_matrix(x, betas=[0.5, 0.9])[..., 1], ema_cov_matrix(x, 0.9))
    except (TypeError, ValueError) as error:
        assert "betas" in str(error)  # noqa: PT017


@pytest.mark.parametrize("function", [double_ema, triple_ema, ema_cov_matrix])
def test_what_is_made_of_averages_knows_the_labels(function: Any) -> None:
    days = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06"])
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(4, 2)), index=days)
    expected = function(frame, halflife="2D", times=days)
    pd.testing.assert_frame_equal(function(frame, halflife="2D", times="index"), expected)
    weights = pd.Series([1.0, 2.0, 3.0, 4.0], index=list("abcd"))
    with pytest.raises(ValueError, match="weights must have the index"):
        function(frame, 0.5, weights=weights)
    pd.testing.assert_frame_equal(
        function(frame, 0.5, weights=weights.set_axis(days)), function(frame, 0.5, weights=weights.to_numpy())
    )


@pytest.mark.parametrize("axis", ["rows", None, 1.0])
def test_an_axis_that_is_no_number_is_named(axis: Any) -> None:
    with pytest.raises(TypeError, match="axis must be a whole number from -2 to 1"):
        ema(pd.DataFrame(np.ones((3, 2))), 0.5, axis=axis)


def test_several_decays_written_over_their_series() -> None:
    both = np.repeat([[1.0], [5.0], [2.0]], 2, axis=1)
    expected = ema(both[:, 0].copy(), betas=[0.5, 0.9])
    np.testing.assert_array_equal(ema(both[:, 0], betas=[0.5, 0.9], out=both), expected)
