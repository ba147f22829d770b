"""A file averaged piece by piece is the file averaged at once, also by a process that was killed on the way."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimlab
from optimlab import ema, ema_corr, ema_cov, ema_file, ema_std, ema_sum, ema_var, read_series
from optimlab.series import bulk
from tests.series.killed import KILLS

pq = pytest.importorskip("pyarrow.parquet")
ROWS = 300
CHUNKS = (1, 29, 111, None)
DATA = Path(optimlab.__file__).parent.parent / "data"
posix = pytest.mark.skipif(os.name != "posix", reason="locks, limits and signals of POSIX")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def frame():
    """Ticks: times that repeat, three names, gaps, weights of which some are zero, whole numbers."""
    rng = np.random.default_rng(0)
    price = np.cumsum(rng.standard_normal(ROWS))
    price[[0, 5, 6, 200]] = np.nan
    return pd.DataFrame(
        {
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(rng.integers(0, 9, ROWS)), unit="s"),
            "name": rng.choice(["a", "b", "c"], ROWS),
            "price": price,
            "other": rng.standard_normal(ROWS),
            "small": rng.standard_normal(ROWS).astype(np.float32),
            "volume": rng.integers(0, 4, ROWS),
        }
    )


@pytest.fixture
def ticks(frame, here):
    frame.to_parquet("ticks.parquet", row_group_size=70)
    frame.to_csv("ticks.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S")
    return frame


def near(result, expected):
    scale = np.nanmax(np.abs(expected))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-14 * max(scale, 1.0))


WAYS = {
    "plain": (ema, {"beta": 0.9}),
    "half-life of times": (ema, {"halflife": "20s", "times": "when"}),
    "groups": (ema, {"beta": 0.9, "by": "name"}),
    "weights": (ema, {"beta": 0.9, "weights": "volume"}),
    "all": (ema, {"halflife": "20s", "times": "when", "by": "name", "weights": "volume"}),
    "start": (ema, {"span": 20.0, "start": "sma", "warmup": 9, "gaps": "skip", "gap_result": "nan"}),
    "var": (ema_var, {"beta": 0.9, "bias": True}),
    "std": (ema_std, {"beta": 0.9, "by": "name"}),
    "sum": (ema_sum, {"beta": 0.9, "of": "counts"}),
}


@pytest.mark.parametrize("source", ["ticks.parquet", "ticks.csv"])
@pytest.mark.parametrize("way", WAYS)
def test_tables_are_averaged_as_in_memory(way, source, ticks):
    function, given = WAYS[way]
    inside = {role: ticks[given[role]] for role in ("weights", "times", "by") if role in given}
    expected = function(ticks["price"], **(given | inside))
    for chunk in CHUNKS[1:]:
        statistic = function.__name__.removeprefix("ema").lstrip("_") or "mean"
        done = ema_file(source, "smooth.parquet", column="price", statistic=statistic, chunk=chunk, **given)
        smooth = pd.read_parquet("smooth.parquet")
        near(smooth["price"], expected)
        near(done.last, expected.iloc[-1])
        assert (done.rows, done.gaps, done.resumed) == (ROWS, 4, 0)
        assert list(smooth) == [*(given[role] for role in ("times", "by") if role in given), "price"]
        if "times" in given:
            assert (smooth["when"] == ticks["when"]).all()
        if "by" in given:
            assert (smooth["name"] == ticks["name"]).all()


@pytest.mark.parametrize("function", [ema_cov, ema_corr])
@pytest.mark.parametrize("chunk", CHUNKS)
def test_two_columns_have_one_covariance(function, chunk, ticks):
    statistic = function.__name__.removeprefix("ema_")
    ema_file("ticks.parquet", "smooth.parquet", 0.9, column=["price", "other"], statistic=statistic, chunk=chunk)
    near(pd.read_parquet("smooth.parquet")["price_other"], function(ticks["price"], ticks["other"], 0.9))


@pytest.mark.parametrize("out", ["smooth.npy", "smooth.parquet", "smooth.csv"])
def test_several_columns_and_kinds_of_numbers(out, ticks):
    columns = ["price", "volume", "small"]
    ema_file("ticks.parquet", out, 0.9, column=columns, chunk=100)
    if out == "smooth.npy":
        result = np.load(out)
    else:
        result = (pd.read_parquet(out) if out == "smooth.parquet" else pd.read_csv(out))[columns].to_numpy()
    near(result, ema(ticks[columns], 0.9).to_numpy())


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", "i2"])
@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_averaged_as_in_memory(dtype, shape, order, here):
    x = np.asarray(np.random.default_rng(0).normal(0, 50, shape).astype(dtype), order=order)
    np.save("x.npy", x)
    expected = ema(x, 0.9)
    for chunk in CHUNKS:
        ema_file("x.npy", "smooth.npy", 0.9, chunk=chunk)
        result = np.load("smooth.npy")
        assert result.dtype == expected.dtype
        if result.dtype == np.float64:
            near(result, expected)
        else:  # a value in the middle of two may become either
            np.testing.assert_array_max_ulp(result, expected, 1)
    np.save("whole.npy", result)
    assert Path("smooth.npy").read_bytes() == Path("whole.npy").read_bytes()


def test_the_columns_of_an_array_have_positions(here):
    table = np.abs(np.random.default_rng(0).standard_normal((ROWS, 4))).cumsum(axis=0)
    np.save("x.npy", table)
    ema_file("x.npy", "smooth.npy", column=[0, 2], halflife=2.0, weights=1, times=3, chunk=100)
    near(np.load("smooth.npy"), ema(table[:, [0, 2]], halflife=2.0, weights=table[:, 1], times=table[:, 3]))
    ema_file("x.npy", "smooth.csv", column=-1, beta=0.5)
    assert list(pd.read_csv("smooth.csv")) == ["-1"]


def test_mapped_files_in_and_out(here):
    x = np.memmap("raw", np.float32, "w+", offset=20, shape=(ROWS, 2))
    x[...] = np.random.default_rng(0).standard_normal((ROWS, 2))
    out = np.memmap("smooth", np.float32, "w+", shape=ROWS)
    ema_file(x[:, 1], out, 0.9, chunk=99)
    np.testing.assert_array_max_ulp(np.fromfile("smooth", np.float32), ema(np.array(x[:, 1]), 0.9), 1)
    ema_file(np.memmap("raw", np.float32, "c", offset=20, shape=(ROWS, 2)), "smooth.npy", 0.9, chunk=99)
    np.testing.assert_array_max_ulp(np.load("smooth.npy"), ema(np.array(x), 0.9), 1)
    with pytest.raises(
        ValueError, match=r"out must have shape \(300,\) and dtype float32, .*; got \(300,\) and float64"
    ):
        ema_file(x[:, 0], np.empty(ROWS), 0.9)
    with pytest.raises(ValueError, match=r"out must have shape \(300,\) .*; got \(301,\) and float32"):
        ema_file(x[:, 0], np.empty(ROWS + 1, np.float32), 0.9)
    for _ in range(2):  # in place, as far as an array in memory goes
        done = ema_file(y := np.arange(9.0), y, 0.9, chunk=2)
        near(y, ema(np.arange(9.0), 0.9))
    near(ema_file(np.arange(9.0), None, 0.9).last, done.last)


@pytest.mark.parametrize(("name", "column"), [
    ("co2.csv", "co2"), ("elnino.csv", "JAN"), ("nile.csv", "volume"), ("seattle-weather.csv", "wind"),
    ("sunspots.csv", "SUNACTIVITY"),
])  # fmt: skip
def test_real_series(name, column, here):
    series = read_series(DATA / name, column)
    done = ema_file(DATA / name, "smooth.npy", column=column, beta=0.9, chunk=50)
    near(np.load("smooth.npy"), ema(series, 0.9).to_numpy())
    assert (done.rows, done.gaps) == (len(series), series.isna().sum())


def test_text_is_read_in_its_dialect_and_what_it_leaves_open_is_refused(here, monkeypatch):
    days = pd.date_range("2024-01-01", periods=60)
    rows = [f"{day:%d/%m/%Y};{i},5" for i, day in enumerate(days)]
    Path("a.csv").write_text("\n".join(["day;level", *rows, ";"]))
    dialect = {"sep": ";", "decimal": ","}
    monkeypatch.setattr("optimlab.series.files._PIECE", 10)
    given = {"column": "level", "times": "day", "halflife": "3D"}
    with pytest.raises(
        ValueError, match=r"in one way; got another in data row 2; use dayfirst=True .* or dayfirst=False"
    ):
        ema_file("a.csv", "smooth.csv", **given, dialect=dialect)
    ema_file("a.csv", "smooth.csv", **given, dialect=dialect | {"dayfirst": True}, chunk=7)
    expected = ema(np.arange(60) + 0.5, halflife="3D", times=days)
    smooth = read_series("smooth.csv", "level", "day")
    near(smooth, expected)
    assert (smooth.index == days).all()
    Path("a.csv").write_text("\n".join(["day;level", *rows[:30], "2024-02-01;3,5", *rows[31:]]))
    with pytest.raises(ValueError, match=r"got '2024-02-01' in data row 31 \(line 32\)"):
        ema_file("a.csv", "smooth.csv", **given, dialect=dialect | {"dayfirst": True})
    assert smooth.equals(read_series("smooth.csv", "level", "day"))
    assert sorted(os.listdir()) == ["a.csv", "smooth.csv"]


def refused(*given, **options):
    with pytest.raises((ValueError, TypeError, OSError)) as error:
        ema_file(*given, **options)
    return f"{type(error.value).__name__}: {error.value}"


def test_what_cannot_be_done_is_said_and_leaves_nothing(ticks, here):
    np.save("x.npy", np.arange(9.0))
    np.save("none.npy", np.empty(0))
    np.save("words.npy", np.array(["a", "b"]))
    Path("empty.parquet").touch()
    Path("empty.csv").touch()
    Path("short.csv").write_text("price\n")
    Path("damaged.parquet").write_bytes(Path("ticks.parquet").read_bytes()[:-9])
    Path("damaged.npy").write_bytes(Path("x.npy").read_bytes()[:-9])
    Path("folder.npy").mkdir()
    before = sorted(os.listdir())
    known = "it has 'when', 'name', 'price', 'other', 'small', 'volume'; did you mean 'price'?"
    by_names, one = "columns, also of weights, times and by, are given by their names", f"[Errno {errno.ENOENT}]"
    twice, first = "column, times and by must name", "ticks.parquet, rows 0 to 99, counted from the first of them"
    for given, said in [
        (("ticks.parquet", "o.npy", 0.9, "prise"), f"ValueError: ticks.parquet must have one column 'prise'; {known}"),
        (("ticks.csv", "o.npy", 0.9, "prise"), f"ValueError: ticks.csv has no column 'prise'; {known}"),
        (("ticks.parquet", "o.npy", 0.9, "name"), "TypeError: column 'name' of ticks.parquet must hold numbers; got"),
        (("ticks.csv", "o.npy", 0.9, "name"), "ValueError: column 'name' of ticks.csv must hold numbers; got"),
        (("ticks.csv", "o.npy", 0.9, 2), f"TypeError: {by_names}; got 2"),
        (("ticks.csv", "o.npy", 0.9), "ValueError: column must be given: the names of the columns of values"),
        (("ticks.csv", "o.npy", None, "price"), "ValueError: exactly one of"),
        (("ticks.csv", "o.npy", [0.9], "price"), "TypeError: beta must be one decay"),
        (("ticks.csv", "o.txt", 0.9, "price"), "ValueError: out must end in .npy, .parquet, .csv; got"),
        (("ticks.csv", "there/o.npy", 0.9, "price"), f"FileNotFoundError: {one} there is no such folder"),
        (("x.npy", "folder.npy", 0.9), f"IsADirectoryError: [Errno {errno.EISDIR}] a folder is in its place"),
        (("x.npy", "x.npy", 0.9), "ValueError: out must be another file than the source"),
        (("x.npy", "o.npy", 0.9, 1), "ValueError: a column of an array must be a whole number from -1 to 0; got 1"),
        (("y.npy", "o.npy", 0.9), f"FileNotFoundError: {one} No such file"),
        (("none.npy", "o.npy", 0.9), "ValueError: none.npy holds no rows"),
        (("words.npy", "o.npy", 0.9), "TypeError: words.npy, rows 0 to 1, counted from the first of them: x must hold"),
        (("empty.parquet", "o.npy", 0.9, "price"), "ValueError: empty.parquet is empty"),
        (("empty.csv", "o.npy", 0.9, "price"), "ValueError: empty.csv is empty"),
        (("short.csv", "o.npy", 0.9, "price"), "ValueError: short.csv holds no rows"),
        (("damaged.parquet", "o.npy", 0.9, "price"), "ValueError: damaged.parquet is not a Parquet file, or"),
        (("damaged.npy", "o.npy", 0.9), "ValueError: damaged.npy is not an .npy file, or it is damaged"),
    ]:  # fmt: skip
        source, out, beta, *column = given
        assert refused(source, out, beta, column=column[0] if column else None).startswith(said)
    for options, said in [
        ({"statistic": "cov"}, f"ValueError: {twice} two columns for 'cov', each once; got ['price']"),
        ({"times": "price"}, f"ValueError: {twice} columns for 'mean', each once; got ['price', 'price']"),
        ({"weights": ticks["volume"]}, f"TypeError: {by_names}"),
        ({"gaps": "raise"}, f"ValueError: {first}: x must not contain NaN"),
        ({"dialect": {"sep": ";"}}, "ValueError: sep: how a text file is written; ticks.parquet is none; leave it out"),
        ({"chunk": 0}, "ValueError: chunk must be a whole number of at least 1"),
        ({"statistic": "median"}, "ValueError: statistic must be one of 'mean'"),
        ({"betas": [0.5]}, "ValueError: betas must not be given to a file"),
    ]:  # fmt: skip
        assert refused("ticks.parquet", "o.npy", 0.9, **({"column": "price", "chunk": 100} | options)).startswith(said)
    assert sorted(os.listdir()) == before


class StopError(Exception):
    """A run that ends on the way."""


def stopping(rows):
    """Return what stops a run once so many rows are done."""

    def progress(done, total):
        if done >= rows:
            raise StopError

    return progress


@pytest.fixture
def often(monkeypatch):
    """Make every chunk recorded."""
    monkeypatch.setattr(bulk, "SAVED", -1.0)
    monkeypatch.setattr(bulk, "_SHARE", 0.0)


@pytest.mark.parametrize("source", ["ticks.parquet", "ticks.csv", "ticks.npy"])
@pytest.mark.parametrize("out", ["smooth.npy", "smooth.parquet", "smooth.csv"])
def test_a_run_that_is_stopped_goes_on_and_ends_with_the_same_file(source, out, ticks, often, monkeypatch):
    monkeypatch.setattr("optimlab.series.files._PIECE", 20)
    np.save("ticks.npy", ticks[["price", "volume"]].to_numpy())
    given = {"chunk": 30, "column": 0, "weights": 1} if source == "ticks.npy" else {
        "chunk": 30, "column": ["price", "small"], "times": "when", "by": "name", "weights": "volume",
    }  # fmt: skip
    given |= {"beta": 0.9} if source == "ticks.npy" else {"halflife": "9s"}
    ema_file(source, f"whole{out}", **given)
    Path(out).write_text("before")
    for rows in (0, 30, 150, 270):
        with pytest.raises(StopError):
            ema_file(source, out, **given, progress=stopping(rows))
        assert Path(out).read_text() == "before"
        if rows:
            with Path(f".{out}.unfinished").open("ab") as file:
                file.write(b"half of a chunk")  # that was not recorded
    done = ema_file(source, out, **given)
    assert (done.rows, done.resumed) == (ROWS, 270)
    assert Path(out).read_bytes() == Path(f"whole{out}").read_bytes()
    assert not [name for name in os.listdir() if name.startswith(".")]


def test_another_source_begins_again_and_other_arguments_are_refused(ticks, often):
    given = {"column": "price", "beta": 0.9, "chunk": 30}
    with pytest.raises(StopError):
        ema_file("ticks.parquet", "o.csv", **given, progress=stopping(150))
    for other, said in [
        ({"beta": 0.8}, "beta: 0.9, now 0.8"),
        ({"by": "name"}, "by: None, now 'name'"),
        ({"chunk": 10}, "chunk: 30, now 10"),
    ]:
        with pytest.raises(
            ValueError, match=rf"was begun with other arguments \(.*{said}.*\); give those to go on, or remove"
        ):
            ema_file("ticks.parquet", "o.csv", **(given | other))
    ticks.assign(price=ticks["price"] + 1.0).to_parquet("ticks.parquet", row_group_size=70)
    done = ema_file("ticks.parquet", "o.csv", **given)
    assert done.resumed == 0
    near(pd.read_csv("o.csv")["price"], ema(ticks["price"] + 1.0, 0.9))
    with pytest.raises(StopError):
        ema_file("ticks.parquet", "o.csv", **given, progress=stopping(150))
    Path(".o.csv.progress").unlink()  # the remedy
    assert ema_file("ticks.parquet", "o.csv", **(given | {"beta": 0.8})).resumed == 0


@pytest.mark.parametrize("harm", ["record", "form", "data"])
def test_a_record_that_is_none_begins_again(harm, ticks, often):
    given = {"column": "price", "beta": 0.9, "chunk": 30}
    with pytest.raises(StopError):
        ema_file("ticks.parquet", "o.npy", **given, progress=stopping(150))
    record, data = Path(".o.npy.progress"), Path(".o.npy.unfinished")
    if harm == "record":
        record.write_bytes(record.read_bytes()[:-40])
    elif harm == "form":
        with np.load(record) as arrays:
            kept = dict(arrays)
        head = json.loads(kept["head"].tobytes()) | {"form": 0}
        with record.open("wb") as file:
            np.savez(file, **kept | {"head": np.frombuffer(json.dumps(head).encode(), np.uint8)})
    else:
        data.unlink()
    assert ema_file("ticks.parquet", "o.npy", **given).resumed == 0
    near(np.load("o.npy"), ema(ticks["price"], 0.9))


@posix
def test_two_writers_of_one_file_are_kept_apart(ticks, often):
    def second(done, total):
        with pytest.raises(
            BlockingIOError, match=r"another process is writing it; wait, or give another name: .*o\.npy"
        ):
            ema_file("ticks.parquet", "o.npy", 0.9, column="price")
        ema_file("ticks.parquet", "other.npy", 0.9, column="price")

    ema_file("ticks.parquet", "o.npy", 0.9, column="price", chunk=400, progress=second)
    assert Path("o.npy").read_bytes() == Path("other.npy").read_bytes() or np.allclose(
        np.load("o.npy"), np.load("other.npy"), equal_nan=True
    )


@pytest.mark.parametrize("out", ["o.npy", "o.parquet"])
def test_a_full_disk_loses_nothing(out, ticks, often, monkeypatch):
    given = {"column": "price", "beta": 0.9, "chunk": 30}
    ema_file("ticks.parquet", f"whole{out}", **given)
    Path(out).write_text("before")
    synced, sync = [], os.fsync

    def full(handle):
        synced.append(sync(handle))
        if len(synced) == 14:  # of the unfinished file, the record, its folder, ...
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ema_file("ticks.parquet", out, **given)
    assert Path(out).read_text() == "before"
    monkeypatch.setattr(os, "fsync", sync)
    assert ema_file("ticks.parquet", out, **given).resumed > 0
    assert Path(out).read_bytes() == Path(f"whole{out}").read_bytes()


def child(code, *given):
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@posix
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(here):
    rng = np.random.default_rng(0)
    times, weights = np.cumsum(rng.integers(0, 9, ROWS)), rng.integers(0, 4, ROWS)
    np.save("ticks.npy", np.column_stack([times, rng.standard_normal((ROWS, 2)), weights]))
    kills = dict(line.split() for line in child(KILLS).splitlines())
    assert list(kills) == ["npy", "csv", "parquet"]
    assert sum(map(int, kills.values())) >= 20
    near(np.load("smooth.npy"), pd.read_parquet("smooth.parquet").to_numpy()[:, 1:])


MEMORY = """
import resource
import numpy as np
from optimlab import ema_file
from optimlab.series.sweep import compiled
with open("sparse.npy", "wb") as file:
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (36_000_000,)})
    file.truncate(file.tell() + 144_000_000)
ema_file(np.zeros(1 << 16, np.float32), None, 0.999)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
out = np.memmap("out", np.float32, "w+", shape=36_000_000)
for to in (None, out, "smooth.npy"):
    ema_file("sparse.npy", to, 0.999)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@posix
@pytest.mark.slow
def test_the_memory_is_that_of_a_few_chunks(here):
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(child(MEMORY)) * unit < 100 << 20  # of 144 MB in and out
