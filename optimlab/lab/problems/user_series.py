"""A column of the user's own CSV file as a series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimlab.extras import needed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_series"]


def read_series(path: str | Path, column: str, time: str | None = None) -> pd.Series[Any]:
    """Read a numeric column of a CSV file, with gaps as NaN.

    Parameters
    ----------
    path : str or Path
        CSV file with a header line; compressed files are read too.
    column : str
        Name of the column of values.
    time : str, optional
        Name of the column of times: numbers, or dates that pandas reads (also YYYYMMDD); the rows must be in order.

    Returns
    -------
    Series of float64
        The values, indexed by the times, or by row numbers from 0.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no CSV table, a column is missing or not of the right kind, times are missing or decrease, or
        fewer than 3 values are there.

    Examples
    --------
    >>> from optimlab.lab.problems import data_folder
    >>> series = read_series(data_folder() / "co2.csv", "co2")
    >>> len(series), int(series.isna().sum())
    (2284, 59)
    """
    needed("pandas", "lab", "read_series")
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a CSV table with a header line: {error}") from None
    for name in (column, time):
        if name is not None and name not in table.columns:
            raise ValueError(f"{path} has no column {name!r}; it has {', '.join(map(repr, table.columns))}")
    values = _numbers(table[column], f"column {column!r} of {path}")
    if values.count() < 3:
        raise ValueError(f"column {column!r} of {path} must hold at least 3 numbers; got {values.count()}")
    if time is not None:
        values.index = pd.Index(_times(table[time], f"column {time!r} of {path}"), name=time)
    return values


def _numbers(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    bad = numbers.isna() & column.notna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise ValueError(f"{where} must hold numbers; got {column.iloc[row]!r} in data row {row + 1}")
    return numbers


def _times(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    import pandas as pd

    times: pd.Series[Any]
    if pd.api.types.is_integer_dtype(column) and column.between(1000_01_01, 9999_12_31).all():
        times = pd.to_datetime(column.astype(str), format="%Y%m%d", errors="coerce")  # 20260131 is a date
    elif pd.api.types.is_numeric_dtype(column):
        times = column.astype("float64")
    else:
        times = pd.to_datetime(column, errors="coerce", format="mixed")
    if times.isna().any():
        row = int(times.isna().to_numpy().argmax())
        raise ValueError(f"{where} must hold numbers or dates; got {column.iloc[row]!r} in data row {row + 1}")
    if not times.is_monotonic_increasing:
        raise ValueError(f"{where} must not decrease; sort the rows by time first")
    return times
