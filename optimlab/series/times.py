"""Times of rows: subtracted in their own type, and only then made floats."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from optimlab.extras import needed
from optimlab.series.frames import is_a
from optimlab.typing import Array, Floats

__all__ = ["elapsed", "gaps_between", "read_times", "seconds_of"]

_REMEDY = "must be a timedelta, or a string with a unit such as '4 days', since times are datetimes"


def elapsed(times: Any, rows: int, index: Any, codes: Array | None) -> Callable[[Any], tuple[bool, Floats]]:
    """Return a function of the half-life that tells whether times are dates, and the gaps before the rows.

    Gaps are in half-lives where times are dates, else in units of the times; within groups, those of the group.
    """
    if isinstance(times, str) and times == "index":
        if index is None:
            raise ValueError("times='index' needs an x that has an index, a Series or DataFrame of pandas")
        times = index
    array = read_times(times)
    if array.shape != (rows,):
        raise ValueError(f"times must have shape {(rows,)}, one for each row; got {array.shape}")
    missing = np.isnat(array) if array.dtype.kind == "M" else ~np.isfinite(array)
    if missing.any():
        raise ValueError(f"times must be finite; got {array[missing.argmax()]} at index {int(missing.argmax())}")
    return partial(_gaps, array, codes)


def read_times(times: Any) -> Array:
    """Return times as an array of numbers or datetimes, those of a time zone as UTC."""
    if is_a(times, "pandas", "PeriodIndex") or str(getattr(times, "dtype", "")).startswith("period"):
        raise TypeError("times must hold numbers or datetimes; got periods; give their starts, times.to_timestamp()")
    if np.ma.is_masked(times):
        raise ValueError("times must be finite; got a masked one")
    if getattr(getattr(times, "dtype", None), "tz", None) is not None:
        times = needed("pandas", "lab", "a time with a time zone").DatetimeIndex(times).tz_convert(None)
    array = np.asarray(times.to_numpy() if hasattr(times, "to_numpy") else times)
    if array.dtype == object and array.size:
        array = _dates(array)
    if array.dtype.kind in "US":
        try:
            array = array.astype("M8")
        except ValueError:
            raise TypeError(f"times must hold numbers or datetimes (datetime64); got dtype {array.dtype}") from None
    if array.dtype.kind not in "fiuM":
        raise TypeError(f"times must hold numbers or datetimes (datetime64); got dtype {array.dtype}")
    if array.dtype.kind == "M" and np.datetime_data(array.dtype)[0] not in ("us", "ns", "ps", "fs", "as"):
        array = array.astype("M8[us]")  # a month has no fixed length, an hour fits
    return array


def _dates(array: Array) -> Array:
    """Return an array of date objects as datetimes; any other as it is."""
    if all(isinstance(time, datetime.datetime) or hasattr(time, "tzinfo") for time in array.flat):
        utc = needed("pandas", "lab", "times as objects").to_datetime(array, utc=True)
        return np.asarray(utc.tz_localize(None).to_numpy())
    return array.astype("M8[D]") if all(isinstance(time, datetime.date) for time in array.flat) else array


def _gaps(times: Array, codes: Array | None, halflife: Any) -> tuple[bool, Floats]:
    dated = times.dtype.kind == "M"
    if not dated and (isinstance(halflife, (str, bytes)) or _is_timedelta(halflife)):
        raise TypeError(f"halflife must be a number, in the unit of the times, which are numbers; got {halflife!r}")
    unit = seconds_of(halflife) if dated else 1.0
    order = None if codes is None else np.argsort(codes, kind="stable")
    sorted_times = times if order is None else times[order]
    if order is not None:
        assert codes is not None
        same = np.diff(codes[order], prepend=-2) == 0
    steps = sorted_times[1:] - sorted_times[:-1]
    back = sorted_times[1:] < sorted_times[:-1]
    if order is not None:
        back &= same[1:]
    if back.any():
        i = int(back.argmax())
        raise ValueError(
            f"times must not decrease (equal ones are allowed); got {sorted_times[i + 1]} after {sorted_times[i]} "
            f"at index {i + 1 if order is None else order[i + 1]}; sort the rows by time first"
        )
    gaps = np.zeros(len(times))
    if dated:
        one: Any = np.datetime_data(times.dtype)
        steps = steps.astype(np.int64)
        unit /= np.timedelta64(one[1], one[0]) / np.timedelta64(1, "s")
    gaps[1:] = steps / unit
    if order is not None:
        gaps[~same] = 0.0
        unsorted = np.empty_like(gaps)
        unsorted[order] = gaps
        gaps = unsorted
    return dated, gaps


def gaps_between(times: Array, halflife: Any) -> Floats:
    """Return the gaps before the rows, in half-lives where times are dates, else in units of the times."""
    if times.dtype == object:
        raise TypeError("time must be of one kind, numbers or datetimes, in all rows of a stream")
    if (times.dtype.kind == "M") != (halflife is not None):
        raise ValueError("a state for datetimes is made with halflife=, one for numbers with a decay")
    return _gaps(times, None, halflife)[1]


def _is_timedelta(value: Any) -> bool:
    return isinstance(value, np.timedelta64) or hasattr(value, "total_seconds")


def seconds_of(halflife: Any) -> float:
    """Return a timedelta, or a string that pandas reads as one, in seconds."""
    if isinstance(halflife, str):
        try:
            float(halflife)
        except ValueError:
            pass
        else:
            raise ValueError(f"halflife {_REMEDY}; got {halflife!r}")
        try:
            delta = needed("pandas", "lab", "a half-life as a string").Timedelta(halflife)
        except ValueError:
            raise ValueError(f"halflife {_REMEDY}; got {halflife!r}") from None
    elif _is_timedelta(halflife):
        delta = halflife
    else:
        raise TypeError(f"halflife {_REMEDY}; got {halflife!r}")
    seconds = delta / np.timedelta64(1, "s") if isinstance(delta, np.timedelta64) else delta.total_seconds()
    if not seconds > 0.0:
        raise ValueError(f"halflife must be greater than 0; got {halflife!r}")
    return float(seconds)
