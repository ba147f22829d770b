"""The readers: what the frames contain, what a damaged file is told, and where the data is found."""

from __future__ import annotations

import calendar
import gzip
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimlab
from optimlab.lab import problems
from optimlab.lab.problems import (
    data_folder,
    load_co2,
    load_digits,
    load_elnino,
    load_nile,
    load_seattle_weather,
    load_sunspots,
)

READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "seattle-weather.csv": load_seattle_weather,
    "sunspots.csv": load_sunspots,
    "co2.csv": load_co2,
    "nile.csv": load_nile,
    "elnino.csv": load_elnino,
    "digits.csv.gz": load_digits,
}


def test_every_file_has_a_reader_and_every_reader_is_public() -> None:
    assert set(READERS) == {path.name for path in data_folder().glob("*.csv*")}
    readers = {reader.__name__ for reader in READERS.values()} | {"load_mnist5k"}  # which comes with an extra
    assert readers == {name for name in problems.__all__ if name.startswith("load_")}


def test_seattle_weather() -> None:
    weather = load_seattle_weather()
    assert weather.shape == (1461, 5)
    assert weather.index.equals(pd.date_range("2012-01-01", "2015-12-31"))
    assert (weather.index.name, weather.index.freqstr) == ("date", "D")
    assert (weather.temp_max.min(), weather.temp_max.max()) == (-1.6, 35.6)
    assert (weather.temp_min <= weather.temp_max).all()
    assert not weather.isna().any(axis=None)
    assert weather.weather.value_counts().to_dict() == {"sun": 714, "fog": 411, "rain": 259, "drizzle": 54, "snow": 23}
    assert isinstance(weather.weather.dtype, pd.CategoricalDtype)
    assert (weather.drop(columns="weather").dtypes == np.float64).all()


def test_sunspots() -> None:
    sunspots = load_sunspots()
    assert sunspots.shape == (309, 1)
    assert sunspots.index.tolist() == list(range(1700, 2009))
    assert sunspots.index.name == "year"
    assert sunspots.SUNACTIVITY.dtype == np.float64
    assert sunspots.SUNACTIVITY.loc[[1700, 2008]].tolist() == [5.0, 2.9]
    assert (sunspots.SUNACTIVITY.min(), sunspots.SUNACTIVITY.max()) == (0.0, 190.2)


def test_co2_keeps_its_gaps() -> None:
    co2 = load_co2()
    assert co2.shape == (2284, 1)
    assert int(co2.co2.isna().sum()) == 59
    assert (co2.index.name, co2.index.freqstr) == ("date", "W-SAT")
    assert co2.co2.dtype == np.float64
    assert co2.co2.loc["1958-03-29"] == 316.1
    assert np.isnan(co2.co2.loc["1958-05-10"])
    assert co2.co2.loc["2001-12-29"] == 371.5
    assert (co2.co2.min(), co2.co2.max()) == (313.0, 373.9)


def test_nile() -> None:
    nile = load_nile()
    assert nile.shape == (100, 1)
    assert nile.index.tolist() == list(range(1871, 1971))
    assert nile.index.name == "year"
    assert nile.volume.dtype == np.float64
    assert nile.volume.iloc[[0, -1]].tolist() == [1120.0, 740.0]


def test_elnino() -> None:
    elnino = load_elnino()
    assert elnino.shape == (61, 12)
    assert elnino.index.tolist() == list(range(1950, 2011))
    assert elnino.columns.tolist() == [month.upper() for month in calendar.month_abbr[1:]]
    assert (elnino.dtypes == np.float64).all()
    assert (elnino.loc[1950, "JAN"], elnino.loc[2010, "DEC"]) == (23.11, 22.07)
    assert (elnino.min(axis=None), elnino.max(axis=None)) == (18.95, 29.24)


def test_digits() -> None:
    digits = load_digits()
    pixels = digits.drop(columns="digit")
    assert digits.shape == (1797, 65)
    assert (digits.dtypes == np.int64).all()
    assert (pixels.min(axis=None), pixels.max(axis=None)) == (0, 16)
    assert digits.digit.value_counts().sort_index().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.loc[0, "pixel_0_2":"pixel_0_5"].tolist() == [5, 13, 9, 1]
    assert digits.loc[0, "pixel_1_2":"pixel_1_5"].tolist() == [13, 15, 10, 15]


def test_digits_are_those_of_scikit_learn() -> None:
    peer = pytest.importorskip("sklearn.datasets").load_digits()
    digits = load_digits()
    np.testing.assert_array_equal(digits.drop(columns="digit"), peer.data)
    np.testing.assert_array_equal(digits.digit, peer.target)
    assert digits.columns[:64].tolist() == peer.feature_names


def _damaged(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """Write a copy of a data file in which the first occurrence of a text is another one."""
    compressed = file.endswith(".gz")
    content = (data_folder() / file).read_bytes()
    text = (gzip.decompress(content) if compressed else content).decode()
    assert old in text
    changed = text.replace(old, new, 1).encode()
    (tmp_path / file).write_bytes(gzip.compress(changed) if compressed else changed)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("nile.csv", "year,volume", "year,flow", "line 1: expected the columns year, volume; got year, flow"),
        ("nile.csv", "1120", "abc", "line 2, column volume: expected a number from 100 to 3000; got 'abc'"),
        ("nile.csv", "1120", "", "line 2, column volume: expected a number from 100 to 3000; got ''"),
        ("nile.csv", "1120", "nan", "line 2, column volume: expected a number from 100 to 3000; got 'nan'"),
        ("nile.csv", "1120", "1e9", "line 2, column volume: expected a number from 100 to 3000; got '1e9'"),
        ("nile.csv", "1120", "1120,7", "line 2: expected 2 values; got 3"),
        ("nile.csv", "1871,1120\n", "", "expected 100 rows; got 99"),
        ("nile.csv", "1872,", "1873,", "line 3, column year: expected 1872; got '1873'"),
        ("nile.csv", "1120", '"1120', "not readable as CSV"),
        ("sunspots.csv", "1700,5", "1700,-5", "line 2, column SUNACTIVITY: expected a number from 0 to 500; got '-5'"),
        ("co2.csv", "19580405", "19580406", "line 3, column date: expected 19580405; got '19580406'"),
        ("co2.csv", "317.3", "", "expected 59 missing values; got 60"),
        ("co2.csv", "317.3", "n/a", "line 3, column co2: expected a number from 250 to 500; got 'n/a'"),
        ("elnino.csv", "23.110", "-99.9", "line 2, column JAN: expected a number from 10 to 40; got '-99.9'"),
        (
            "seattle-weather.csv",
            "drizzle",
            "hail",
            "column weather: expected one of drizzle, fog, rain, snow, sun; got",
        ),
        ("seattle-weather.csv", "2012/01/02", "02/01/2012", "line 3, column date: expected 2012/01/02; got"),
        (
            "digits.csv.gz",
            "0,0,5,13",
            "0,0,5,17",
            "line 1, column pixel_0_3: expected a whole number from 0 to 16; got '17'",
        ),
        ("digits.csv.gz", "0,0,5,13", "0,0,5,1.5", "column pixel_0_3: expected a whole number from 0 to 16; got '1.5'"),
    ],
)
def test_a_damaged_file_is_named_with_the_problem_and_the_remedy(
    tmp_path: Path, file: str, old: str, new: str, problem: str
) -> None:
    folder = _damaged(tmp_path, file, old, new)
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        READERS[file](folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / file}: ")
    assert "restore the file with: python" in message
    assert f"rebuild.py {file} --folder" in message


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"0," * 999)[:-9], gzip.compress(b"\xff\xfe\n")],
    ids=["not compressed", "cut off", "not UTF-8"],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "digits.csv.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"digits\.csv\.gz: not readable as CSV .*; restore the file with: python"):
        load_digits(tmp_path)


@pytest.mark.parametrize("file", READERS)
def test_an_empty_file_is_refused(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_bytes(gzip.compress(b"") if file.endswith(".gz") else b"")
    with pytest.raises(ValueError, match=r"expected \d+ rows; got 0"):
        READERS[file](tmp_path)


@pytest.mark.parametrize("file", READERS)
def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path, file: str) -> None:
    with pytest.raises(
        FileNotFoundError, match=rf"{re.escape(file)}: there is no such file; restore the file with: py"
    ):
        READERS[file](tmp_path)


def test_the_remedy_of_a_damaged_file_is_a_command_that_the_script_takes(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load_nile(tmp_path)
    command = shlex.split(str(caught.value).split("restore the file with: python ")[1])
    result = subprocess.run([sys.executable, *command, "--check"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "nile.csv: cannot read it" in result.stderr


@pytest.mark.parametrize("place", ["data", "optimlab/data"], ids=["checkout", "wheel"])
def test_the_data_is_found_in_a_checkout_and_in_an_installed_wheel(tmp_path: Path, place: str) -> None:
    site = tmp_path.resolve() / "site"
    package = Path(optimlab.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "data")
    shutil.copytree(package, site / "optimlab", ignore=ignored)
    shutil.copytree(data_folder(), site / place, ignore=ignored)
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from optimlab.lab.problems import data_folder, load_digits, load_co2\n"
        "print(data_folder(), len(load_digits()), len(load_co2()))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [str(site / place), "1797", "2284"]


def test_a_foreign_folder_named_data_beside_an_installed_package_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path = tmp_path.resolve()
    package = tmp_path / "optimlab"
    for folder in (tmp_path / "data", package / "problems", package / "data"):
        folder.mkdir(parents=True)
    monkeypatch.setattr("optimlab.lab.folders.__file__", str(package / "lab" / "folders.py"))
    with pytest.raises(
        FileNotFoundError, match=r"the data folder \(the one with rebuild\.py\) must be .*; found neither"
    ):
        data_folder()
    (tmp_path / "data" / "rebuild.py").touch()
    assert data_folder() == tmp_path / "data"
    (package / "data" / "rebuild.py").touch()
    assert data_folder() == package / "data"


def test_importing_the_problems_loads_neither_pandas_nor_scipy_nor_matplotlib() -> None:
    program = "import optimlab.lab.problems, sys; print({'pandas', 'scipy', 'matplotlib'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(optimlab.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "set()"
