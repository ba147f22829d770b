"""A series of the user's on a command line: any file, any names, any length; each remedy of a refusal works."""

import csv
import gzip
import re
import shlex
import unicodedata

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.text import Text

from optimlab import ema
from optimlab.lab.frame import Run
from optimlab.lab.play.ema import command


@pytest.fixture
def run(tmp_path, capsys):
    """Run `optimlab ema` on a file; return its status and what it printed."""

    def run(path, *arguments):
        return command([str(path), "--out", str(tmp_path / "out"), *map(str, arguments)]), *capsys.readouterr()

    return run


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def one_line(error):
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def obeyed(text):
    """What a terminal would obey."""
    return [c for c in text if c != "\n" and unicodedata.category(c).startswith("C")]


def remedy(error):
    """The first remedy of a message, as a shell splits it."""
    said = one_line(error).rpartition("; use ")[2]
    return shlex.split(re.split(r" or | \(| for a gap| to leave out", said)[0])


@pytest.mark.parametrize(
    ("content", "arguments", "followed"),
    [
        ("t;v\n1;1,5\n2;2,5\n3;1.000\n", [], ["--sep=;", "--decimal=,", "--thousands=."]),
        ("t\tv\n1\t1\n2\t3\n3\t2\n".encode("utf-16"), [], ["--encoding=utf-16", r"--sep=\t"]),
        ("Levels\nv,w\n1,2\n-,2\n?,2\n3,2\n2,2\n", [], ["--skip=1", "--na=-", "--na=?"]),
        ("t,v\n01.01.2024,1\n01.02.2024,3\n01.03.2024,2\n", ["--time", "t"], ["--dayfirst"]),
        ("t,v\nJan-23,1\nFeb-23,3\nJan-24,2\n", ["--time", "t"], ["--time-format=%b-%y"]),
        ("t,v\n3,1\n2,3\n1,2\n", ["--time", "t"], ["--sort"]),
        ("v,w\n1,2\n3,4,5\n2,2\n5,1\n", [], ["--skip=3"]),
        ("a 'b' v\n1 2 3\n1 2 5\n1 2 4\n", [], ["--sep= "]),
    ],
)
def test_following_the_remedies_ends_in_a_result(content, arguments, followed, run, tmp_path):
    path, options = write(tmp_path / "own.csv", content), []
    for _ in followed:
        status, _, error = run(path, "--column", "v", *arguments, *options)
        if status == 0:
            break
        assert status == 2
        options += [option for option in remedy(error) if option not in options]
    assert options == followed
    assert run(path, "--column", "v", *arguments, *options)[0] == 0


def test_remedies_that_take_something_away(run, tmp_path):
    path = write(tmp_path / "own.csv", "t,v\n2024-01-01,1\n2024-01-02,3\n2024-01-03,2\n")
    error = run(path, "--column", "v", "--time", "t", "--time-format", "%d.%m.%Y")[2]
    assert one_line(error).endswith("; use --time-format=ISO8601\n")
    error = run(path, "--column", "v", "--no-dayfirst")[2]
    assert one_line(error).endswith("; use --time= with its name\n")
    write(path, "t,v\n01.01.2024,1\n01.02.2024,3\n01.03.2024,2\n")
    error = run(path, "--column", "v", "--time", "t")[2]
    assert "use --dayfirst (2024-02-01) or --no-dayfirst (2024-01-02)" in one_line(error)
    assert run(path, "--column", "v", "--time", "t", "--no-dayfirst")[0] == 0


def test_a_damaged_file_is_answered_in_one_line(run, tmp_path):
    whole = gzip.compress(b"v\n" + b"1\n3\n2\n" * 99)
    for content in (whole[: len(whole) // 2], whole[:13] + b"\xff" + whole[14:], b"v\n1\n", b""):
        status, _, error = run(write(tmp_path / "own.csv.gz", content), "--column", "v")
        assert status == 2
        assert "own.csv.gz" in one_line(error)
    assert run(tmp_path, "--column", "v")[0] == 2


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip", "zst", "tar", "tar.gz"])
@pytest.mark.parametrize(
    "content", [b"", b"v\n1\n3\n2\n", bytes(range(256)), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd\x00", b"PK\x03\x04"]
)
def test_what_is_not_as_its_name_says_is_answered_in_one_line(kind, content, run, tmp_path):
    status, _, error = run(write(tmp_path / f"own.csv.{kind}", content), "--column", "v")
    assert status == 2
    assert not obeyed(one_line(error))


MESSY = [
    "sales_$ / cost_$",
    r"$\frac{$",
    "$x^2$ in m² & more",
    "a\\$b_{c} % #",
    "\x1b[31mred\x07\x9b2J",
    "line\nbreak",
    "\u202eright to left",
    "x" * 300,
    "温度 (°C)",
    "_",
]


@pytest.mark.parametrize("name", MESSY, ids=range(len(MESSY)))
@pytest.mark.parametrize("image_format", ["png", "svg"])
def test_names_are_only_text(name, image_format, run, tmp_path, monkeypatch):
    figures, save = [], Run.figure
    monkeypatch.setattr(Run, "figure", lambda run, figure, file: (figures.append(figure), save(run, figure, file))[1])
    path = tmp_path / (re.sub("[/\0]", "", name)[:80] + ".csv")
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["t", name], *enumerate([1.5, 3, 2, 5, 4])])
    status, printed, error = run(path, "--column", name, "--time", "t", "--format", image_format)
    assert (status, error) == (0, "")
    assert not obeyed(printed)
    for text in figures[0].findobj(Text):
        if "mathdefault" not in text.get_text():  # the ticks of a logarithmic axis are mathematics
            assert not is_math_text(text.get_text())
            assert not obeyed(text.get_text())
    table = tmp_path / "out" / "ema" / "ema.csv"
    assert pd.read_csv(table)[name.replace("\r", "")].tolist() == [1.5, 3, 2, 5, 4]


def test_messages_hold_nothing_that_a_terminal_obeys(run, tmp_path):
    path = write(tmp_path / "\x1b]0;title\x07.csv", "a\x1b[2J,b\n\x1b[31m,x\n")
    for column in ("none\x1b[0m", "a\x1b[2J", "b"):
        status, _, error = run(path, "--column", column)
        assert status == 2
        assert not obeyed(one_line(error))


def test_a_column_that_is_named_like_a_result(run, tmp_path):
    path = write(tmp_path / "own.csv", "ema_0.9\n1\n3\n2\n5\n")
    assert run(path, "--column", "ema_0.9")[0] == 0
    table = pd.read_csv(tmp_path / "out" / "ema" / "ema.csv")
    assert table["ema_0.9 (data)"].tolist() == [1, 3, 2, 5]
    np.testing.assert_allclose(table["ema_0.9"], ema([1, 3, 2, 5], 0.9), rtol=1e-12)


@pytest.mark.parametrize("start", ["2024-03-30T12:00:0{}+01:00", "170406720000000000{}", "0.{}", "2024-01-3{}"])
def test_any_times_are_drawn(start, run, tmp_path):
    times = [start.format(k) for k in (0, 1)] if "3{}" in start else [start.format(k) for k in range(9)]
    rows = [f"{time},{k % 5}" for k, time in enumerate(sorted(times * 2))]
    path = write(tmp_path / "own.csv", "\n".join(["t,v", *rows]))
    assert run(path, "--column", "v", "--time", "t")[0] == 0


def test_a_long_series(run, tmp_path):
    values = np.random.default_rng(0).normal(size=30_000).round(3)
    path = write(tmp_path / "own.csv", "\n".join(["v", *map(str, values)]))
    assert run(path, "--column", "v")[0] == 0
    table = pd.read_csv(tmp_path / "out" / "ema" / "ema.csv", index_col="row")
    np.testing.assert_array_equal(table["v"], values)
    np.testing.assert_allclose(table["ema_0.9"], ema(values, 0.9), rtol=1e-12)
