"""`optimlab ema FILE --out FILE.parquet`: averages of a file, without a figure, as a shell sees it."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimlab
from optimlab import ema, ema_cov, ema_var
from optimlab.__main__ import main
from optimlab.lab.play import bulk_command

pytest.importorskip("pyarrow")


@pytest.fixture(autouse=True)
def ticks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    price = rng.standard_normal(400)
    price[7] = np.nan
    when = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.cumsum(rng.integers(1, 9, 400)), unit="h")
    frame = pd.DataFrame(
        {"when": when, "name": rng.choice(["a", "b"], 400), "price": price, "volume": rng.integers(1, 9, 400)}
    )
    frame.to_parquet("ticks.parquet")
    frame.to_csv("ticks.csv", index=False, sep=";", decimal=",", date_format="%d.%m.%Y %H:%M")
    np.save("ticks.npy", frame[["price", "volume"]].to_numpy())
    return frame


def run(text, capsys):
    status = main(["ema", *shlex.split(text)])
    return status, *capsys.readouterr()


def test_a_file_is_written_and_one_line_says_so(ticks, capsys):
    status, said, complained = run("ticks.parquet --column price --halflife 20 --out smooth.parquet", capsys)
    assert (status, complained) == (0, "")
    assert said.startswith("400 rows, 1 gaps, ")
    assert said.endswith(" MB/s of values: smooth.parquet\n")
    np.testing.assert_allclose(pd.read_parquet("smooth.parquet")["price"], ema(ticks["price"], halflife=20), rtol=1e-13)
    assert sorted(os.listdir()) == ["smooth.parquet", "ticks.csv", "ticks.npy", "ticks.parquet"]


TEXT = "--sep=; --decimal=, --time-format='%d.%m.%Y %H:%M'"


@pytest.mark.parametrize("source", ["ticks.parquet", f"ticks.csv {TEXT}"])
def test_the_options_are_those_of_ema(source, ticks, capsys):
    price, rest = ticks["price"], "--column price --chunk 50 --out smooth.csv"
    inside = {"times": ticks["when"], "by": ticks["name"], "weights": ticks["volume"]}
    skipping = {"start": "sma", "warmup": 5, "gaps": "skip", "gap_result": "nan"}
    for_time = {"times": ticks["when"], "spacing": "time", "start": "first"}
    for text, expected in [
        ("--halflife 9h --time when --by name --weights volume", ema(price, halflife="9h", **inside)),
        ("--span 9 --start sma --warmup 5 --gaps skip --gap-result nan", ema(price, span=9, **skipping)),
        ("--alpha .2 --start 1.5 --min-count 3", ema(price, alpha=0.2, start=1.5, min_count=3)),
        ("--halflife 9h --time when --spacing time --start first", ema(price, halflife="9h", **for_time)),
        ("--com 4 --statistic var --bias", ema_var(price, com=4, bias=True)),
    ]:  # fmt: skip
        assert run(f"{source} {text} {rest}", capsys)[0] == 0
        np.testing.assert_allclose(pd.read_csv("smooth.csv")["price"], expected, rtol=0, atol=1e-14)
    assert run(f"{source} --beta .9 --statistic cov --column price volume --out=smooth.npy", capsys)[0] == 0
    np.testing.assert_allclose(np.load("smooth.npy"), ema_cov(price, ticks["volume"], 0.9), rtol=0, atol=1e-13)


def test_the_command_of_the_readme_runs(ticks, capsys):
    readme = Path(optimlab.__file__).parent.parent / "README.md"
    (command,) = re.findall(r"^python -m optimlab ema (.* --out .*parquet)$", readme.read_text(encoding="utf-8"), re.M)
    assert run(command, capsys)[0] == 0
    expected = ema(ticks["price"], halflife="2h", times=ticks["when"], by=ticks["name"])
    np.testing.assert_allclose(pd.read_parquet("smooth.parquet")["price"], expected, rtol=0, atol=1e-14)


def test_columns_of_an_array_have_positions(ticks, capsys):
    assert run("ticks.npy --column 0 --weights 1 --beta .9 --out smooth.npy", capsys)[0] == 0
    np.testing.assert_allclose(
        np.load("smooth.npy"), ema(ticks["price"], 0.9, weights=ticks["volume"]), rtol=0, atol=1e-14
    )
    assert run("ticks.npy --beta .9 --out smooth.npy", capsys)[0] == 0
    assert np.load("smooth.npy").shape == (400, 2)


def test_a_folder_is_that_of_the_study(ticks, capsys):
    ticks.dropna()[["price"]].to_csv("prices.csv", index=False)
    status, said, _ = run("prices.csv --column price --out results", capsys)
    assert status == 0
    assert "The best β for the next value" in said
    assert Path("results/ema/ema.png").exists()


THERE = "it has 'when', 'name', 'price', 'volume'; did you mean 'price'?"
ONE = "exactly one of beta, alpha, span, com, halflife, window, cutoff must be given"


@pytest.mark.parametrize(("text", "said"), [
    ("ticks.npy --beta .9 --out a.txt", "out must end in .npy, .parquet, .csv; got '{here}/a.txt'"),
    ("ticks.parquet --column prize --beta .9", f"ticks.parquet must have one column 'prize'; {THERE}"),
    (f"ticks.csv --column prize --beta .9 {TEXT}", f"ticks.csv has no column 'prize'; {THERE}"),
    (
        "ticks.csv --column price --beta .9",
        "ticks.csv has no column 'price'; it has 'when;name;price;volume'; use --sep=';'",
    ),
    (
        "ticks.csv --column price --beta .9 --sep=;",
        "column 'price' of ticks.csv must hold numbers; got '0,1257302210933933' in data row 1 (line 2); use "
        "--decimal=, (0.125730221093393)",
    ),
    ("ticks.parquet --column price", f"{ONE}; got none"),
    ("ticks.parquet --column price --beta .9 --span 3", f"{ONE}; got beta, span"),
    ("ticks.parquet --column price --span .5", "span must be at least 1 (infinite means the running mean); got 0.5"),
    (
        "ticks.parquet --column price --beta .9 --start last",
        "start must be one of 'debiased', 'zero', 'first', 'sma' or a finite number; got 'last'",
    ),
    (
        "ticks.parquet --column price --beta .9 --gaps raise",
        "ticks.parquet, rows 0 to 399, counted from the first of them: x must not contain NaN with gaps='raise'; got "
        "NaN in row 7, column 0; gaps='decay' or 'skip' average past it",
    ),
    ("ticks.npy --column a --beta .9", "columns of an .npy file are given by position, from 0; got 'a'"),
    ("ticks.npy --column 2 --beta .9", "a column of an array must be a whole number from -2 to 1; got 2"),
    ("none.npy --beta .9", "none.npy: No such file or directory"),
    ("ticks.npy --beta .9 --out none/o.npy", "{here}/none: there is no such folder"),
    ("ticks.npy --beta .9 --out ticks.npy", "out must be another file than the source; got {here}/ticks.npy for both"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_line(text, said, capsys, tmp_path):
    status, out, complained = run(f"--out o.npy {text}", capsys)
    assert (status, out) == (2, "")
    assert complained == f"error: {said.format(here=os.path.realpath(tmp_path))}\n"
    assert sorted(os.listdir()) == ["ticks.csv", "ticks.npy", "ticks.parquet"]


def test_the_help_of_each_names_the_other(capsys):
    for given, said in [(["--help"], "--out FILE.npy --help"), (["--out", "a.npy", "--help"], "larger than memory")]:
        with pytest.raises(SystemExit, match="0"):
            main(["ema", *given])
        assert said in capsys.readouterr().out


FULL = """
import resource, signal, sys
from optimlab.__main__ import main
from optimlab.series import bulk
bulk.SAVED, bulk._SHARE = -1.0, 0.0
size = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits and signals of POSIX")
def test_a_full_disk_is_said_and_the_same_command_goes_on(capsys):
    command = ["ema", "ticks.npy", "--beta", ".9", "--chunk", "40", "--out", "smooth.npy"]
    assert main([*command[:-1], "whole.npy"]) == 0
    Path("smooth.npy").write_text("before")
    done = subprocess.run([sys.executable, "-c", FULL, "5000", *command], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert (
        done.stderr
        == "error: cannot write smooth.npy: File too large; what is recorded is kept, the same command goes on there\n"
    )
    assert Path("smooth.npy").read_text() == "before"
    assert main(command) == 0
    assert "400 rows (280 of them before)" in capsys.readouterr().out
    assert Path("smooth.npy").read_bytes() == Path("whole.npy").read_bytes()


def test_ctrl_c_is_said_and_the_bar_is_for_terminals(monkeypatch, capsys):
    calls = []

    def interrupted(*given, progress, **options):
        progress(0, 400)
        calls.append(options)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(bulk_command, "ema_file", interrupted)
    status, said, complained = run("ticks.npy --beta .9 --out smooth.npy", capsys)
    assert (status, said) == (130, "")
    assert complained == "interrupted: what is recorded is kept; the same command goes on there\n"
    assert calls == [{"beta": 0.9, "dialect": {}}]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "| 0.00/400 [00:00<?, ? rows/s]" in run("ticks.npy --beta .9 --out smooth.npy", capsys)[2]
