"""Times of rows: subtracted in their own type, and only then made floats."""

from __future__ import annotations

import datetime
import math
import re
from contextlib import suppress
from typing import Any

import numpy as np

from optimlab.extras import needed
from optimlab.series.frames import is_a
from optimlab.typing import Array, Floats, Marks

__all__ = ["Clock", "is_timedelta", "read_times", "seconds_of"]

CHUNK = 1 << 13  # rows whose differences stay in the cache
_REMEDY = "must be a timedelta, or a string with a unit such as '4 days', since times are datetimes"


class Clock:
    """The times of rows, within groups if there are any, and what passes between them."""

    def __init__(self, times: Any, rows: int, index: Any = None, codes: Array | None = None) -> None:
        if isinstance(times, str) and times == "index":
            if index is None:
                raise ValueError("times='index' needs an x that has an index, a Series or DataFrame of pandas")
            times = index
        self.times, self.codes = read_times(times), codes
        if self.times.shape != (rows,):
            raise ValueError(f"times must have shape {(rows,)}, one for each row; got {self.times.shape}")
        self.dated = self.times.dtype.kind == "M"
        self.order: Any = slice(None) if codes is None else np.argsort(codes, kind="stable")
        # whether a row in this order is of the group of the one before
        self.same: Any = True if codes is None else np.diff(codes[self.order], prepend=-2) == 0

    def rate(self, halflife: Any) -> float:
        """Return ln β of one unit of datetimes."""
        unit: Any = np.datetime_data(self.times.dtype)
        return -math.log(2.0) * (np.timedelta64(unit[1], unit[0]) / np.timedelta64(1, "s")) / seconds_of(halflife)

    def fades(self, rate: float) -> Floats:
        """Return what each row leaves of the weights before it, β^Δ; 1 for the first row of a series."""
        times = self.times[self.order]
        q = np.ones(len(times))
        for start in range(1, len(times), CHUNK):
            now = slice(start, min(start + CHUNK, len(times)))
            steps = self._between(times[now.start - 1 : now.stop - 1], times[now])
            if self.codes is not None:
                steps[~self.same[now]] = 0.0
            if not (steps.min() >= 0.0 and steps.max() < math.inf):
                self._refuse()
            np.exp(_passed(rate, steps), out=q[now])
        if len(times) == 1:
            self._refuse()
        if self.codes is not None:
            q[self.order] = q.copy()
        return q

    def shares(self, rate: float, there: Marks, opening: bool | None) -> Floats:
        """Return the share of each value, 1 - β^Δ with the time since the value before.

        The first value stands, with ``opening`` None for the time since the first row, with True for a whole row, with
        False for as long as the next later one.
        """
        order, codes, result = np.arange(len(there))[self.order], self.codes, np.zeros(len(there))
        at = order[there[order]] if codes is None else order[there[order] & (codes[order] >= 0)]
        if not at.size:
            return result
        before = np.roll(at, 1)
        first = np.zeros(len(at), dtype=np.bool_) if codes is None else codes[at] != codes[before]
        first[0] = True
        before[first] = 0 if codes is None else order[np.searchsorted(codes[order], codes[at[first]])]
        s = -np.expm1(_passed(rate, self._between(self.times[before], self.times[at])))
        if opening is not None:
            s[first] = 1.0 if opening else _next_positive(s, first)
        result[at] = s
        return result

    def _between(self, before: Array, now: Array) -> Floats:
        steps = now - before
        return (steps.view(np.int64) if steps.dtype.kind == "m" else steps).astype(np.float64)

    def _refuse(self) -> None:
        """Raise for a time that is missing, or before the one before it in its series."""
        times = self.times
        missing = np.isnat(times) if self.dated else ~np.isfinite(times)
        if missing.any():
            raise ValueError(f"times must be finite; got {times[missing.argmax()]} at index {int(missing.argmax())}")
        order = np.arange(len(times))[self.order]
        back = (times[order] < times[np.roll(order, 1)]) & self.same
        back[0] = False
        if back.any():
            i = int(back.argmax())
            raise ValueError(
                f"times must not decrease (equal ones are allowed); got {times[order[i]]} after {times[order[i - 1]]} "
                f"at index {order[i]}; sort the rows by time first"
            )
        if len(times) > 1:
            raise ValueError("times must lie within 292 years of nanoseconds, 9e18 units, of one another")


def _passed(rate: float, steps: Floats) -> Floats:
    """Δ ln β; no time is no decay, also of β = 0."""
    if math.isfinite(rate):
        return np.multiply(steps, rate, out=steps)
    return np.where(steps == 0.0, 0.0, -math.inf)


def _next_positive(s: Floats, first: Marks) -> Floats:
    """Return the next positive share of each first value within its series, 1 if there is none."""
    marks = np.flatnonzero(first | (s > 0.0))
    shares = np.append(np.where(first, 1.0, s)[marks], 1.0)
    return np.asarray(shares[np.flatnonzero(first[marks]) + 1])


def read_times(times: Any) -> Array:
    """Return times as an array of numbers or datetimes, those of a time zone as UTC."""
    if is_a(times, "pandas", "PeriodIndex") or str(getattr(times, "dtype", "")).startswith("period"):
        start = "times.dt.to_timestamp()" if is_a(times, "pandas", "Series") else "times.to_timestamp()"
        raise TypeError(f"times must hold numbers or datetimes; got periods; give their starts, {start}")
    if np.ma.is_masked(times):
        raise ValueError("times must be finite; got a masked one")
    if getattr(getattr(times, "dtype", None), "tz", None) is not None:
        times = needed("pandas", "lab", "a time with a time zone").DatetimeIndex(times).tz_convert(None)
    array = np.asarray(times.to_numpy() if hasattr(times, "to_numpy") else times)
    if array.dtype.kind == "m":  # since a moment that does not matter
        array = array.view(array.dtype.str.replace("m8", "M8"))
    if array.dtype == object and array.size:
        array = _dates(array)
    if array.dtype.kind in "US":
        with suppress(ValueError):
            array = array.astype("M8")
    if array.dtype.kind not in "fiuM":
        raise TypeError(f"times must hold numbers or datetimes (datetime64); got dtype {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        array = array.astype(np.float64)
    if array.dtype.kind == "u":
        array = array.astype(np.int64 if array.max(initial=0) < 2**63 else np.float64)
    if array.dtype.kind == "M" and np.datetime_data(array.dtype)[0] not in ("us", "ns", "ps", "fs", "as"):
        array = array.astype("M8[us]")  # a month has no fixed length, an hour fits
    return array


def _dates(array: Array) -> Array:
    """Return an array of date objects as datetimes; any other as it is."""
    if all(isinstance(time, datetime.datetime) or hasattr(time, "tzinfo") for time in array.flat):
        utc = needed("pandas", "lab", "times as objects").to_datetime(array, utc=True)
        return np.asarray(utc.tz_localize(None).to_numpy())
    return array.astype("M8[D]") if all(isinstance(time, datetime.date) for time in array.flat) else array


def is_timedelta(value: Any) -> bool:
    """Whether a value is a timedelta of NumPy, pandas or Python."""
    return isinstance(value, np.timedelta64) or hasattr(value, "total_seconds")


def seconds_of(halflife: Any) -> float:
    """Return a timedelta, or a string that pandas reads as one, in seconds."""
    delta = halflife if is_timedelta(halflife) else None
    if isinstance(halflife, str) and not re.fullmatch(r"[\d.eE+-]*", halflife.strip()):  # a bare one is nanoseconds
        with suppress(ValueError):
            delta = needed("pandas", "lab", "a half-life as a string").Timedelta(halflife)
    if delta is None:
        raise (ValueError if isinstance(halflife, str) else TypeError)(f"halflife {_REMEDY}; got {halflife!r}")
    if hasattr(delta, "to_timedelta64"):  # of pandas, whose total_seconds may know no nanoseconds
        delta = delta.to_timedelta64()
    seconds = delta / np.timedelta64(1, "s") if isinstance(delta, np.timedelta64) else delta.total_seconds()
    if not seconds > 0.0:
        raise ValueError(f"halflife must be greater than 0; got {halflife!r}")
    return float(seconds)
