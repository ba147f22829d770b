"""The small real data sets of the project: one table, and readers that check the files of the ``data`` folder by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimlab.extras import needed
from optimlab.lab.folders import shipped

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TABLES", "Table", "data_folder", "load_co2", "load_digits", "load_elnino", "load_nile", "load_seattle_weather",
    "load_sunspots",
]  # fmt: skip

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DOCSTRING = """Read {what}.

Parameters
----------
folder : path, optional
    Folder of the file {file}; by default `data_folder`.

Returns
-------
pandas.DataFrame
    {frame}

Raises
------
FileNotFoundError, ValueError, ImportError
    If the file is not in the folder, its content is not as described (the message names the line and how to restore
    it), or pandas is not installed.

Source
------
{source}

Examples
--------
>>> frame = {name}()
>>> {example}
{result}
"""


@dataclass(frozen=True)
class Table:
    """What a file must contain: its rows, and its columns in order with the allowed values of each.

    Rows are (first, last, step of the calendar), or (first, end) of whole numbers. ``words`` says what is in the file,
    what the frame holds, in which units, and where it comes from; ``example`` is an expression of the frame and its
    value.
    """

    file: str
    rows: tuple[Any, ...]
    ranges: Mapping[str, tuple[float, float]]
    words: tuple[str, str, str]
    example: tuple[str, str]
    key: str = ""
    date_format: str = ""
    gaps: int = 0
    whole: bool = False
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Their names, in order."""
        return [*filter(None, [self.key]), *self.ranges, *self.categories]


TABLES = {
    "load_seattle_weather": Table(
        "seattle-weather.csv", ("2012-01-01", "2015-12-31", "D"),
        {"precipitation": (0, 500), "temp_max": (-40, 50), "temp_min": (-40, 50), "wind": (0, 60)},
        ("the daily weather of Seattle, 2012 to 2015: four seasonal years with day-to-day noise and no gap",
         "1461 days by ``date``: ``precipitation`` (mm), ``temp_max``, ``temp_min`` (°C), ``wind`` (mean, m/s),\n"
         "    float64, and the category ``weather`` (drizzle, fog, rain, snow, sun).",
         "NOAA (public domain), as prepared in the package vega_datasets."),
        ("float(frame.temp_max.max()), str(frame.temp_max.idxmax().date())", "(35.6, '2014-08-11')"),
        "date", "%Y/%m/%d", categories={"weather": ("drizzle", "fog", "rain", "snow", "sun")},
    ),
    "load_sunspots": Table(
        "sunspots.csv", (1700, 2009), {"SUNACTIVITY": (0, 500)},
        ("the yearly sunspot numbers, 1700 to 2008: a noisy cycle of about 11 years",
         "309 years by ``year``: ``SUNACTIVITY`` (sunspot number of the year), float64.",
         "National Geophysical Data Center (public domain), as prepared in the package statsmodels."),
        ("int(frame.SUNACTIVITY.idxmax()), float(frame.SUNACTIVITY.max())", "(1957, 190.2)"), "YEAR",
    ),
    "load_co2": Table(
        "co2.csv", ("1958-03-29", "2001-12-29", "W-SAT"), {"co2": (250, 500)},
        ("the weekly CO₂ concentrations at Mauna Loa, 1958 to 2001: a trend, a season and 59 gaps",
         "2284 Saturdays by ``date``: ``co2`` (ppmv), float64, NaN in the 59 weeks without a measurement.",
         "Keeling and Whorf (2004), Carbon Dioxide Information Analysis Center (public domain), as prepared in the\n"
         "package statsmodels."),
        ("len(frame), int(frame.co2.isna().sum())", "(2284, 59)"), "date", "%Y%m%d", gaps=59,
    ),
    "load_nile": Table(
        "nile.csv", (1871, 1971), {"volume": (100, 3000)},
        ("the yearly flow of the Nile at Aswan, 1871 to 1970: a level that drops about 1898",
         "100 years by ``year``: ``volume`` (10⁸ m³ a year), float64.",
         "Cobb (1978), Biometrika 65, 243-251 (public domain), as prepared in the package statsmodels."),
        ("round(frame.volume.loc[:1898].mean()), round(frame.volume.loc[1899:].mean())", "(1098, 850)"), "year",
    ),
    "load_elnino": Table(
        "elnino.csv", (1950, 2011), dict.fromkeys(_MONTHS, (10, 40)),
        ("the monthly sea-surface temperature of the eastern Pacific (Niño 1+2), 1950 to 2010",
         "61 years by ``year``: ``JAN`` to ``DEC`` (°C, monthly means of 0-10° S, 90-80° W), float64: wide, as the\n"
         "    file; ``frame.stack()`` makes one long series of it.",
         "NOAA, ERSST.V3B (public domain), as prepared in the package statsmodels."),
        ("frame.stack().idxmax(), float(frame.stack().max())", "((1998, 'MAR'), 29.24)"), "YEAR",
    ),
    "load_digits": Table(
        "digits.csv.gz", (0, 1797),
        {f"pixel_{row}_{column}": (0, 16) for row in range(8) for column in range(8)} | {"digit": (0, 9)},
        ("1797 handwritten digits, each an image of 8 × 8 pixels: a small real classification problem",
         "1797 images by number: ``pixel_0_0`` to ``pixel_7_7`` (row, column; ink from 0 to 16) and ``digit`` (the\n"
         "    label, 0 to 9), int64.",
         'Alpaydin and Kaynak (1998), test part of the UCI set "Optical Recognition of Handwritten Digits", as in the\n'
         "package scikit-learn."),
        ('frame.drop(columns="digit").to_numpy().reshape(-1, 8, 8).shape, int(frame.digit[0])', "((1797, 8, 8), 0)"),
        whole=True,
    ),
}  # fmt: skip


def data_folder() -> Path:
    """Return the folder of the data files, absolute: ``optimlab/data``, or in a checkout ``data`` beside ``optimlab``.

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


def _reader(name: str) -> Callable[..., pd.DataFrame]:
    """Return the reader of a table."""
    table = TABLES[name]

    def load(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
        needed("pandas", "lab", f"reading {table.file}")
        from optimlab.lab.problems.checked_tables import read

        return read(table, Path(data_folder() if folder is None else folder).absolute())

    load.__name__ = load.__qualname__ = name
    what, frame, source = table.words
    example, result = table.example
    load.__doc__ = _DOCSTRING.format(
        name=name, file=table.file, what=what, frame=frame, source=source, example=example, result=result
    )
    return load


load_seattle_weather = _reader("load_seattle_weather")
load_sunspots = _reader("load_sunspots")
load_co2 = _reader("load_co2")
load_nile = _reader("load_nile")
load_elnino = _reader("load_elnino")
load_digits = _reader("load_digits")
