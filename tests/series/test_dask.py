"""Chunked series: laziness, and the results of series in memory for every chunking, with every option."""

from __future__ import annotations

import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from optimlab import (
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
)
from tests.series.oracle import series

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

ROWS, COLUMNS = 23, 4
CHUNKS = {
    "one": (ROWS, COLUMNS),
    "rows": (5, COLUMNS),
    "columns": (ROWS, 1),
    "both": (4, 3),
    "single rows": (1, 2),
    "irregular": ((1, 0, 9, 2, 0, 11), (1, 3)),
}
RNG = np.random.default_rng(7)
X = series(RNG, (ROWS, COLUMNS), 0.2)
FULL = np.nan_to_num(X, nan=1.0)
TIMES = np.cumsum(RNG.integers(0, 5, ROWS)).astype(float)
STAMPS = np.datetime64("2024-03-01", "us") + (TIMES * 3600e6).astype("m8[us]")
WEIGHTS, EACH = RNG.uniform(0.0, 2.0, ROWS), RNG.uniform(0.5, 2.0, (ROWS, COLUMNS))
LABELS = RNG.choice(["a", "b", "c"], ROWS)
BETAS = RNG.uniform(0.5, 0.99, ROWS)

STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": ema,
    "var": ema_var,
    "biased var": lambda x, *given, **options: ema_var(x, *given, bias=True, **options),
    "std": ema_std,
    "sum": ema_sum,
    "counts": lambda x, *given, **options: ema_sum(x, *given, of="counts", **options),
    "weights": lambda x, *given, **options: ema_sum(x, *given, of="weights", **options),
    "cov": lambda x, *given, **options: ema_cov(x, x[::-1] + x, *given, **options),
    "corr": lambda x, *given, **options: ema_corr(x, x[::-1] + x, *given, **options),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "alpha": {"alpha": 0.3},
    "halflife": {"halflife": 3.0},
    "infinite memory": {"com": np.inf},
    "zero": {"beta": 0.9, "start": "zero"},
    "first": {"beta": 0.9, "start": "first"},
    "number": {"beta": 0.9, "start": 2.5},
    "sma": {"beta": 0.9, "start": "sma", "warmup": 7},
    "skip": {"beta": 0.9, "gaps": "skip"},
    "propagate": {"beta": 0.9, "gaps": "propagate"},
    "nan": {"beta": 0.9, "gap_result": "nan"},
    "min_count": {"beta": 0.9, "min_count": 6},
    "min_weight": {"beta": 0.9, "min_weight": 0.4},
    "weights": {"beta": 0.9, "weights": WEIGHTS},
    "weights of all": {"beta": 0.9, "weights": EACH},
    "weights from zero": {"beta": 0.9, "weights": WEIGHTS, "start": "zero"},
    "times": {"beta": 0.9, "times": TIMES},
    "datetimes": {"halflife": "5h", "times": STAMPS},
    "spacing": {"beta": 0.9, "times": TIMES, "spacing": "time"},
    "spacing first": {"beta": 0.9, "times": TIMES, "spacing": "time", "start": "first"},
    "groups": {"beta": 0.9, "by": LABELS},
    "groups first": {"beta": 0.9, "by": LABELS, "start": "first", "weights": WEIGHTS},
    "groups and times": {"halflife": "5h", "by": LABELS, "times": STAMPS},
    "row betas": {"beta": BETAS},
    "row betas first": {"beta": BETAS, "start": "first"},
}
BY_ROWS = ("weights", "times", "by", "beta")


def near(lazy: Any, desired: Any) -> None:
    """Assert that a lazy result has the shape, dtype and, to 1e-14 of their scale, the values of another."""
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype, lazy._meta.dtype) == (desired.shape, desired.dtype, desired.dtype)
    actual = lazy.compute(scheduler="sync")
    assert actual.dtype == desired.dtype
    scale = np.nanmax(np.abs(desired), initial=0.0)
    rtol = 1e-14 if desired.dtype == np.float64 else 1e-7
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=rtol * scale, equal_nan=True)


# ---------------------------------------------------------------- laws


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
@pytest.mark.parametrize("statistic", STATISTICS)
def test_every_statistic_in_every_chunking(statistic: str, chunks: Any) -> None:
    function = STATISTICS[statistic]
    for axis in (0, 1) if chunks is CHUNKS["irregular"] else (0,):
        near(function(da.from_array(X, chunks=chunks), 0.9, axis=axis), function(X, 0.9, axis=axis))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_arrays_in_memory_and_in_chunks(option: str) -> None:
    given = OPTIONS[option]
    lazy = {name: da.from_array(z, chunks=3) if name in BY_ROWS and np.ndim(z) else z for name, z in given.items()}
    near(ema(da.from_array(X, chunks=(4, 3)), **given), ema(X, **given))
    near(ema_var(da.from_array(X, chunks=((1, 0, 9, 2, 0, 11), 2)), **lazy), ema_var(X, **given))
    if given.get("start", "debiased") == "debiased" and "spacing" not in given:
        near(ema_sum(da.from_array(X, chunks=(7, 4)), **lazy), ema_sum(X, **given))


def test_gains_count_the_rows_of_earlier_chunks() -> None:
    near(ema(da.from_array(FULL, chunks=(5, 2)), PowerGain(3.0)), ema(FULL, PowerGain(3.0)))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_any_axis_of_three(axis: int) -> None:
    z = series(np.random.default_rng(2), (6, 7, 5), 0.1)
    w = np.random.default_rng(3).uniform(0.5, 1.0, z.shape)
    near(ema(da.from_array(z, chunks=(4, 3, 2)), 0.8, axis=axis, weights=w), ema(z, 0.8, axis=axis, weights=w))


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.bool_])
def test_dtypes_are_those_in_memory(dtype: type) -> None:
    z = np.arange(12).astype(dtype)
    for function in (ema, ema_std, ema_sum):
        near(function(da.from_array(z, chunks=5), 0.9), function(z, 0.9))
    near(ema_sum(da.from_array(z, chunks=5), 0.9, of="counts"), ema_sum(z, 0.9, of="counts"))


def test_several_decays_have_a_last_axis() -> None:
    x = da.from_array(X, chunks=(5, 3))
    result = ema(x, betas=[0.5, 0.9, 0.98], weights=WEIGHTS)
    near(result, ema(X, betas=[0.5, 0.9, 0.98], weights=WEIGHTS))
    assert result.chunks == (*x.chunks, (3,))
    near(ema(x, betas=[]), ema(X, betas=[]))
    near(ema_var(x, betas=[0.5, 0.9]), ema_var(X, betas=[0.5, 0.9]))


def test_lengths_that_nobody_knows_will_do() -> None:
    whole = da.from_array(X[:, 0], chunks=4)
    keep = da.from_array(np.arange(ROWS) % 3 > 0, chunks=4)
    x, weights = whole[keep], da.from_array(WEIGHTS, chunks=4)[keep]
    result = ema(x, 0.9, weights=weights)
    assert np.isnan(result.shape[0])
    kept = np.arange(ROWS) % 3 > 0
    np.testing.assert_allclose(result.compute(), ema(X[kept, 0], 0.9, weights=WEIGHTS[kept]), rtol=1e-14)
    table = dd.from_pandas(pd.DataFrame({"x": X[:, 0], "w": WEIGHTS}), npartitions=3)
    result = ema(table["x"].to_dask_array(), 0.9, weights=table["w"])
    np.testing.assert_allclose(result.compute(), ema(X[:, 0], 0.9, weights=WEIGHTS), rtol=1e-14)


def test_masked_chunks_are_gaps() -> None:
    masked = np.ma.array([1.0, 5.0, 2.0, 4.0], mask=[0, 1, 0, 0])
    near(ema(da.from_array(masked, chunks=2), 0.5), ema(masked, 0.5))


def test_one_chunk_and_none() -> None:
    for n in (0, 1, 2):
        near(ema(da.arange(n, chunks=1, dtype=float), 0.9), ema(np.arange(n, dtype=float), 0.9))
    near(ema(da.zeros((0, 3)), 0.9), np.empty((0, 3)))


# ---------------------------------------------------------------- laziness, reproducibility


class Counted:
    """Values that count how often they are asked for."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, values.ndim
        self.asked = 0

    def __getitem__(self, at: Any) -> Any:
        self.asked += 1
        return self.values[at]


def test_nothing_is_read_before_it_is_computed_and_then_once() -> None:
    sources = {name: Counted(z) for name, z in (("x", FULL), ("weights", EACH), ("times", TIMES), ("by", LABELS))}
    lazy = {
        name: da.from_array(z, chunks=(5, 2)[: z.ndim], name=False, meta=np.empty((0,) * z.ndim, z.dtype))
        for name, z in sources.items()
    }
    result = ema(beta=0.9, **lazy)
    ema_cov(lazy["x"], lazy["x"], beta=da.from_array(BETAS, chunks=7))
    assert [z.asked for z in sources.values()] == [0, 0, 0, 0]
    result.compute(scheduler="sync")
    assert [z.asked for z in sources.values()] == [10, 10, 5, 5]


def test_a_slice_reads_no_chunk_behind_it() -> None:
    source = Counted(FULL)
    x = da.from_array(source, chunks=(5, COLUMNS), name=False, meta=np.empty((0, 0)))
    ema(x, 0.9)[:8].compute(scheduler="sync")
    assert source.asked == 2


def test_few_chunks_are_in_memory_at_once() -> None:
    alive: list[int] = []
    most = 0

    def block(block_info: Any = None) -> Any:
        nonlocal most
        values = np.ones(100)
        alive.append(1)
        weakref.finalize(values, alive.pop)
        most = max(most, len(alive))
        return values

    x = da.map_blocks(block, chunks=((100,) * 64,), dtype=float, meta=np.empty(0))
    assert (x - ema(x, 0.9)).std().compute(scheduler="sync") == 0.0
    ema(x, 0.9)[-1].compute(scheduler="sync")
    assert most <= 4
    assert not alive


@pytest.mark.parametrize("option", ["halflife", "first", "groups and times", "row betas"])
def test_the_same_bits_whatever_the_number_of_workers(option: str) -> None:
    result = ema_var(da.from_array(X, chunks=(3, 3)), **OPTIONS[option])
    expected = result.compute(scheduler="sync").tobytes()
    for workers in (2, 5):
        assert result.compute(scheduler="threads", num_workers=workers).tobytes() == expected


def test_graphs_travel_and_have_names_of_their_own() -> None:
    x = da.from_array(X, chunks=(4, 2))
    first, again, other = ema(x, 0.9, by=LABELS), ema(x, 0.9, by=LABELS), ema(x, 0.8, by=LABELS)
    assert first.name == again.name != other.name
    assert len(dict(first.__dask_graph__())) <= 6 * first.npartitions
    copied = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(copied.compute(), first.compute())
    frame = ema(dd.from_pandas(pd.DataFrame(X), npartitions=3), 0.9)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(frame)).compute(), frame.compute())


def test_dask_is_loaded_by_nobody_else() -> None:
    code = "import sys, optimlab, numpy; optimlab.ema(numpy.arange(3.0), 0.9); print('dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


# ---------------------------------------------------------------- frames


@pytest.fixture
def frame() -> Any:
    index = pd.DatetimeIndex(STAMPS, name="when", tz="Europe/Berlin") + pd.to_timedelta(np.arange(ROWS), "s")
    named = {"a": X[:, 0], "b": X[:, 1].astype(np.float32), "c": np.arange(ROWS), "w": WEIGHTS, "name": LABELS}
    return pd.DataFrame(named, index=index)


def same(lazy: Any, desired: Any) -> None:
    """Assert that a lazy frame has the kind, labels, dtypes and values of one in memory, and said so before."""
    assert isinstance(lazy, dd.Series if desired.ndim == 1 else dd.DataFrame)
    check: Any = pd.testing.assert_series_equal if desired.ndim == 1 else pd.testing.assert_frame_equal
    check(lazy.compute(scheduler="sync"), desired, rtol=1e-14, atol=1e-13, check_freq=False)
    check(lazy._meta, desired.iloc[:0], check_freq=False)


@pytest.mark.parametrize("partitions", [1, 2, 5])
@pytest.mark.parametrize("statistic", ["mean", "std", "sum", "counts"])
def test_frames_come_back(statistic: str, partitions: int, frame: Any) -> None:
    function, lazy = STATISTICS[statistic], dd.from_pandas(frame, npartitions=partitions)
    for columns in ("a", ["a", "b", "c"], ["b"]):
        result = function(lazy[columns], 0.9)
        same(result, function(frame[columns], 0.9))
        assert result.divisions == lazy.divisions


def test_frames_with_what_belongs_to_their_rows(frame: Any) -> None:
    lazy = dd.from_pandas(frame, npartitions=4)
    table, ask = ["a", "b"], {"halflife": "2h", "times": "index"}
    same(ema(lazy[table], **ask), ema(frame[table], **ask))
    same(ema(lazy["a"], halflife="2h", times=lazy.index), ema(frame["a"], halflife="2h", times=frame.index))
    same(ema(lazy["a"], **ask, by=lazy["name"]), ema(frame["a"], **ask, by=frame["name"]))
    for weights in (lazy["w"], frame["w"]):
        same(ema_var(lazy["a"], 0.9, weights=weights), ema_var(frame["a"], 0.9, weights=frame["w"]))
    same(ema(lazy["a"], lazy["w"] / 4), ema(frame["a"], frame["w"] / 4))
    same(ema_corr(lazy["a"], lazy["c"], 0.9), ema_corr(frame["a"], frame["c"], 0.9))
    same(ema(lazy["a"], betas=[0.5, 0.9]), ema(frame["a"], betas=[0.5, 0.9]))
    same(ema(lazy[table], betas=[0.5, 0.9]), ema(frame[table], betas=[0.5, 0.9]))


def test_frames_go_on_lazily(frame: Any) -> None:
    lazy = dd.from_pandas(frame[["a", "c"]], npartitions=3)
    result = lazy.assign(smooth=ema(lazy["a"], 0.9))
    pd.testing.assert_frame_equal(result.compute(), frame[["a", "c"]].assign(smooth=ema(frame["a"], 0.9)))
    near(ema(lazy.to_dask_array(lengths=True), 0.9), ema(frame[["a", "c"]].to_numpy(), 0.9))


def test_partitions_without_rows(frame: Any) -> None:
    lazy = dd.from_pandas(frame, npartitions=5)
    late = lazy[lazy["c"] > 11]["a"]
    same(ema(late, halflife="2h", times="index"), ema(frame["a"][frame["c"] > 11], halflife="2h", times="index"))


def test_pandas_says_the_same(frame: Any) -> None:
    lazy = dd.from_pandas(frame["a"], npartitions=4)
    ewm = frame["a"].ewm(alpha=0.1, min_periods=3, ignore_na=True)
    for function, name in ((ema, "mean"), (ema_var, "var"), (ema_std, "std")):
        result = function(lazy, 0.9, min_count=3, gaps="skip").compute()
        pd.testing.assert_series_equal(result, getattr(ewm, name)(), rtol=1e-12, check_freq=False)
    first = ema(lazy, alpha=0.1, start="first").compute()
    pd.testing.assert_series_equal(first, frame["a"].ewm(alpha=0.1, adjust=False).mean(), check_freq=False)


# ---------------------------------------------------------------- xarray


@pytest.mark.parametrize("axis", [0, 1])
def test_xarray_on_dask(axis: int) -> None:
    xr = pytest.importorskip("xarray")
    field = xr.DataArray(
        X, dims=("time", "place"), coords={"time": STAMPS, "place": list("abcd")}, name="t", attrs={"u": "K"}
    )
    lazy = field.chunk(time=5, place=3)
    for function in (ema, ema_std, ema_sum):
        result = function(lazy, 0.9, axis=axis)
        assert result.chunks == lazy.chunks
        xr.testing.assert_allclose(result.compute(), function(field, 0.9, axis=axis), rtol=1e-14)
        assert (result.name, result.attrs) == ("t", {"u": "K"})
    weights = xr.DataArray(WEIGHTS, dims="time").chunk(time=4)
    near(
        ema(lazy, 0.9, weights=weights, times=lazy.time).data, ema(X, 0.9, weights=WEIGHTS, times=STAMPS)
    ) if 0 else None
    near(ema_cov(lazy, lazy + 1.0, 0.9, weights=weights).data, ema_cov(X, X + 1.0, 0.9, weights=WEIGHTS))
    several = ema(lazy, betas=[0.5, 0.9], axis=axis)
    xr.testing.assert_allclose(several.compute(), ema(field, betas=[0.5, 0.9], axis=axis), rtol=1e-14)
    assert several.chunks is not None


# ---------------------------------------------------------------- what is refused


def test_gaps_are_refused_where_they_are_met() -> None:
    lazy = ema(da.from_array(X, chunks=5), 0.9, gaps="raise")
    with pytest.raises(ValueError, match="x must not contain NaN"):
        lazy.compute(scheduler="sync")
    near(ema(da.from_array(FULL, chunks=5), 0.9, gaps="raise"), ema(FULL, 0.9))


class Refused(NamedTuple):
    words: str
    call: Callable[[], Any]
    remedy: Callable[[], Any] | None = None


LAZY = da.from_array(X, chunks=(5, 2))
TABLE = dd.from_pandas(pd.DataFrame({"a": X[:, 0], "b": WEIGHTS}), npartitions=3)
FOUR = dd.from_pandas(pd.DataFrame({"a": X[:, 0], "b": WEIGHTS}), npartitions=4)
TEXT = dd.from_pandas(pd.DataFrame({"a": X[:, 0], "town": LABELS}), npartitions=3)


def filtered() -> Any:
    """Return an array whose chunks have lengths that nobody knows."""
    return LAZY[:, 0][LAZY[:, 0] > 2.0]


def _stored() -> None:
    out = np.empty(X.shape)
    da.store(ema(LAZY, 0.9), out)
    np.testing.assert_allclose(out, ema(X, 0.9), rtol=1e-14)


REFUSED = [
    Refused("dask.array.store(result, out)", lambda: ema(LAZY, 0.9, out=np.empty(X.shape)), _stored),
    Refused("x.compute()", lambda: ema_cov_matrix(LAZY, 0.9), lambda: ema_cov_matrix(LAZY.compute(), 0.9)),
    Refused("x.compute()", lambda: ema_corr_matrix(TABLE, 0.9), lambda: ema_corr_matrix(TABLE.compute(), 0.9)),
    Refused("x.compute()", lambda: ema_band(LAZY, 0.9), lambda: ema_band(LAZY.compute(), 0.9)),
    Refused("weights.compute()", lambda: ema(X, 0.9, weights=LAZY), lambda: ema(X, 0.9, weights=EACH)),
    Refused("x.astype(float)", lambda: ema(LAZY.astype(complex), 0.9), lambda: ema(LAZY.astype(float), 0.9)),
    Refused("column 'town'", lambda: ema(TEXT, 0.9), lambda: ema(TEXT[["a"]], 0.9)),
    Refused("weights must have shape (23,)", lambda: ema(LAZY, 0.9, weights=np.ones(3))),
    Refused("y must have shape (23, 4)", lambda: ema_cov(LAZY, LAZY[:, :2], 0.9)),
    Refused("times='index' needs", lambda: ema(LAZY, halflife="1h", times="index")),
    Refused(
        "x.compute_chunk_sizes()",
        lambda: ema(filtered(), 0.9, weights=np.ones(10)),
        lambda: ema(filtered().compute_chunk_sizes(), 0.9, weights=np.ones(len(filtered().compute()))),
    ),
    Refused(
        "x.compute_chunk_sizes()",
        lambda: ema(filtered(), PowerGain(2)),
        lambda: ema(filtered().compute_chunk_sizes(), 0.9),
    ),
    Refused(
        "x.to_dask_array(lengths=True)",
        lambda: ema(TABLE["a"], 0.9, weights=np.ones(ROWS)),
        lambda: ema(TABLE["a"].to_dask_array(lengths=True), 0.9, weights=np.ones(ROWS)),
    ),
    Refused(
        "weights.repartition(divisions=x.divisions)",
        lambda: ema(TABLE["a"], 0.9, weights=FOUR["b"]),
        lambda: ema(TABLE["a"], 0.9, weights=FOUR["b"].repartition(divisions=TABLE.divisions)).compute(),
    ),
    Refused(
        "x.map_partitions(ema, ..., axis=1)",
        lambda: ema(TABLE, 0.9, axis=1),
        lambda: TABLE.map_partitions(ema, 0.9, axis=1, meta=TABLE).compute(),
    ),
    Refused("exactly one", lambda: ema(LAZY, 0.9, halflife=3)),
    Refused("exactly one", lambda: ema(LAZY, 0.9, betas=[0.5])),
    Refused("no such option", lambda: ema(LAZY, 0.9, wieghts=np.ones(ROWS))),  # type: ignore[call-arg]
    Refused("axis must be", lambda: ema(LAZY, 0.9, axis=2)),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.words)
def test_what_is_refused_and_its_remedy(refused: Refused) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        refused.call()
    assert refused.words in str(caught.value)
    if refused.remedy is not None:
        refused.remedy()


def test_labels_of_other_rows_are_refused_when_they_are_met() -> None:
    other = pd.Series(WEIGHTS, index=np.arange(ROWS) * (ROWS - 1) / ROWS)
    other.index = np.r_[0, np.arange(1, ROWS - 1) + 0.5, ROWS - 1]
    with pytest.raises(ValueError, match=r"weights must have the index \(and columns\) of x"):
        ema(TABLE["a"], 0.9, weights=other).compute(scheduler="sync")


def test_double_averages_say_that_they_need_values_in_memory() -> None:
    with pytest.raises(TypeError, match=r"x.compute\(\)"):
        double_ema(LAZY, 0.9)


def test_an_error_names_the_chunk() -> None:
    x = np.where(np.arange(40) == 17, np.nan, 1.0)
    with pytest.raises(ValueError, match=r"in chunk 2, counted from 0: x must not contain NaN .* row 3,"):
        ema(da.from_array(x, chunks=7), 0.9, gaps="raise").compute(scheduler="sync")
    with pytest.raises(ValueError, match="at least one dimension"):
        ema(da.from_array(np.float64(3.0)), 0.9)
