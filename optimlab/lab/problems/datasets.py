"""The small real data sets of the project, read from the ``data`` folder, checked and returned as pandas frames."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimlab.extras import needed
from optimlab.lab.folders import shipped

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Table",
    "data_folder",
    "load_co2",
    "load_digits",
    "load_elnino",
    "load_nile",
    "load_seattle_weather",
    "load_sunspots",
]

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True)
class Table:
    """What a file must contain: its rows, and its columns in order with the allowed values of each.

    Rows are (first, last, step of the calendar), or (first, end) of whole numbers.
    """

    file: str
    rows: tuple[Any, ...]
    ranges: Mapping[str, tuple[float, float]]
    key: str = ""
    date_format: str = ""
    gaps: int = 0
    whole: bool = False
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Their names, in order."""
        return [*filter(None, [self.key]), *self.ranges, *self.words]


_SEATTLE = Table(
    "seattle-weather.csv",
    ("2012-01-01", "2015-12-31", "D"),
    {"precipitation": (0, 500), "temp_max": (-40, 50), "temp_min": (-40, 50), "wind": (0, 60)},
    key="date",
    date_format="%Y/%m/%d",
    words={"weather": ("drizzle", "fog", "rain", "snow", "sun")},
)
_SUNSPOTS = Table("sunspots.csv", (1700, 2009), {"SUNACTIVITY": (0, 500)}, key="YEAR")
_CO2 = Table(
    "co2.csv", ("1958-03-29", "2001-12-29", "W-SAT"), {"co2": (250, 500)}, key="date", date_format="%Y%m%d", gaps=59
)
_NILE = Table("nile.csv", (1871, 1971), {"volume": (100, 3000)}, key="year")
_ELNINO = Table("elnino.csv", (1950, 2011), dict.fromkeys(_MONTHS, (10, 40)), key="YEAR")
_DIGITS = Table(
    "digits.csv.gz",
    (0, 1797),
    {f"pixel_{row}_{column}": (0, 16) for row in range(8) for column in range(8)} | {"digit": (0, 9)},
    whole=True,
)


def data_folder() -> Path:
    """Return the folder of the data files.

    An installed package carries it as ``optimlab/data``; in a checkout it is ``data``, beside ``optimlab``.

    Returns
    -------
    pathlib.Path
        The folder, absolute.

    Raises
    ------
    FileNotFoundError
        If there is no data folder in either place.

    Examples
    --------
    >>> (data_folder() / "nile.csv").is_file()
    True
    """
    return shipped("data", "rebuild.py")


def _read(table: Table, folder: str | os.PathLike[str] | None) -> pd.DataFrame:
    needed("pandas", "lab", f"reading {table.file}")
    from optimlab.lab.problems.checked_tables import read

    return read(table, Path(data_folder() if folder is None else folder).absolute())


def load_seattle_weather(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Read the daily weather of Seattle, 2012 to 2015: four seasonal years with day-to-day noise and no gap.

    Parameters
    ----------
    folder : path, optional
        Folder of the file; by default :func:`data_folder`.

    Returns
    -------
    pandas.DataFrame
        1461 days, indexed by ``date`` (daily DatetimeIndex), with the float64 columns ``precipitation`` (mm),
        ``temp_max`` and ``temp_min`` (°C) and ``wind`` (mean speed, m/s), and the category ``weather`` (drizzle, fog,
        rain, snow, sun).

    Raises
    ------
    ImportError
        If pandas is not installed.
    FileNotFoundError
        If the file is not in the folder.
    ValueError
        If the content is not as described; the message names the file, the line and how to restore it.

    Source
    ------
    NOAA (public domain), as prepared in the package vega_datasets.

    Examples
    --------
    >>> weather = load_seattle_weather()
    >>> float(weather.temp_max.max()), str(weather.temp_max.idxmax().date())
    (35.6, '2014-08-11')
    """
    return _read(_SEATTLE, folder)


def load_sunspots(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Read the yearly sunspot numbers, 1700 to 2008: a noisy cycle of about 11 years.

    Parameters and errors: those of `load_seattle_weather`.

    Returns
    -------
    pandas.DataFrame
        309 years, indexed by ``year`` (integers), with the float64 column ``SUNACTIVITY`` (sunspot number of the year).

    Source
    ------
    National Geophysical Data Center (public domain), as prepared in the package statsmodels.

    Examples
    --------
    >>> sunspots = load_sunspots()
    >>> int(sunspots.SUNACTIVITY.idxmax()), float(sunspots.SUNACTIVITY.max())
    (1957, 190.2)
    """
    return _read(_SUNSPOTS, folder)


def load_co2(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Read the weekly CO₂ concentrations at Mauna Loa, 1958 to 2001: a trend, a season and 59 gaps.

    Parameters and errors: those of `load_seattle_weather`.

    Returns
    -------
    pandas.DataFrame
        2284 weeks, indexed by ``date`` (Saturdays, weekly DatetimeIndex), with the float64 column ``co2`` (ppmv), which
        is NaN in the 59 weeks without a measurement.

    Source
    ------
    Keeling and Whorf (2004), Carbon Dioxide Information Analysis Center (public domain), as prepared in the package
    statsmodels.

    Examples
    --------
    >>> co2 = load_co2()
    >>> len(co2), int(co2.co2.isna().sum())
    (2284, 59)
    """
    return _read(_CO2, folder)


def load_nile(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Read the yearly flow of the Nile at Aswan, 1871 to 1970: a level that drops about 1898.

    Parameters and errors: those of `load_seattle_weather`.

    Returns
    -------
    pandas.DataFrame
        100 years, indexed by ``year`` (integers), with the float64 column ``volume`` (10⁸ m³ a year).

    Source
    ------
    Cobb (1978), Biometrika 65, 243-251 (data in the public domain), as prepared in the package statsmodels.

    Examples
    --------
    >>> nile = load_nile()
    >>> round(nile.volume.loc[:1898].mean()), round(nile.volume.loc[1899:].mean())
    (1098, 850)
    """
    return _read(_NILE, folder)


def load_elnino(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Read the monthly sea-surface temperature of the eastern Pacific (Niño 1+2), 1950 to 2010.

    The frame is wide, as the file is: a row a year, a column a month. The example makes one long monthly series of it.

    Parameters and errors: those of `load_seattle_weather`.

    Returns
    -------
    pandas.DataFrame
        61 years, indexed by ``year`` (integers), with the twelve float64 columns ``JAN`` to ``DEC`` (°C, monthly means
        of 0-10° S, 90-80° W).

    Source
    ------
    NOAA, ERSST.V3B (public domain), as prepared in the package statsmodels.

    Examples
    --------
    >>> import pandas as pd
    >>> elnino = load_elnino()
    >>> elnino.shape
    (61, 12)
    >>> months = pd.date_range("1950-01", periods=elnino.size, freq="MS", name="date")
    >>> series = pd.Series(elnino.to_numpy().ravel(), index=months, name="temperature")
    >>> str(series.idxmax().date()), float(series.max())
    ('1998-03-01', 29.24)
    """
    return _read(_ELNINO, folder)


def load_digits(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Read 1797 handwritten digits, each an image of 8 × 8 pixels: a small real classification problem.

    Parameters and errors: those of `load_seattle_weather`.

    Returns
    -------
    pandas.DataFrame
        1797 images, numbered from 0, with the int64 columns ``pixel_0_0`` to ``pixel_7_7`` (row, column; ink from 0 to
        16) and ``digit`` (the label, 0 to 9).

    Source
    ------
    Alpaydin and Kaynak (1998), test part of the UCI set "Optical Recognition of Handwritten Digits", as in the package
    scikit-learn.

    Examples
    --------
    >>> digits = load_digits()
    >>> images = digits.drop(columns="digit").to_numpy().reshape(-1, 8, 8)
    >>> images.shape, int(digits.digit[0])
    ((1797, 8, 8), 0)
    """
    return _read(_DIGITS, folder)
