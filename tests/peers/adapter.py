"""pandas' exponentially weighted windows with the project in place of their arithmetic.

What stays pandas': the arguments of ``ewm`` and which of them it refuses, the selection of columns, the indexes of
groups and of pairs, compiled loops that are asked for by name (``engine="numba"``). What is the project's: every number
of mean, sum, var, std, cov and corr, from values, dtypes, gaps, times and labels as the test gave them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from pandas.core.window import ewm
from pandas.core.window.rolling import BaseWindow
from pandas.errors import DataError

from optimlab import Decay, EmaState, ema, ema_corr, ema_cov, ema_std, ema_var

Function = Callable[..., Any]
Window = ewm.ExponentialMovingWindow
Online = ewm.OnlineExponentialMovingWindow
theirs = {name: getattr(Window, name) for name in ("mean", "sum", "std", "var", "cov", "corr")}
their_stream = Online.mean
asked: list[str] = []  # the functions of the project that were called, by name


def decay(window: Any) -> dict[str, Any]:
    """Return the decay in the name that it was given by."""
    names = ("com", "span", "halflife", "alpha")
    return {name: getattr(window, name) for name in names if getattr(window, name) is not None}


def gaps(window: Any) -> str:
    """Return what NaN means."""
    return "skip" if window.ignore_na else "decay"


def start(window: Any) -> dict[str, str]:
    """Return what the mean starts from, unless it is the project's default."""
    return {} if window.adjust else {"start": "first"}


def options(window: Any, rows: Any) -> dict[str, Any]:
    """Return the window's arguments as those of the project; ``rows`` are those of a group, or None for all."""
    chosen = decay(window) | start(window) | {"gaps": gaps(window), "min_count": window.min_periods}
    if window.times is not None:
        chosen["times"] = window.times if rows is None else window.times.take(rows)
        chosen["spacing"] = "event" if window.adjust else "time"
    return chosen


def computed(window: Any, function: Function, *series: Any, **extra: Any) -> Any:
    """Return the project's answer; the series of a grouped window come ordered by group."""
    asked.append(function.__name__)
    grouper = getattr(window, "_grouper", None)
    if grouper is None:
        return function(*series, **options(window, None), **extra)
    parts, first = [], 0
    for rows in grouper.indices.values():
        group = [x.iloc[first : first + len(rows)] for x in series]
        parts.append(function(*group, **options(window, rows), **extra))
        first += len(rows)
    return pd.concat(parts) if parts else series[0].astype(float)


def decayed_sum(x: Any, **options: Any) -> Any:
    """S ← β S + x, which is the average from zero over 1-β; on gap rows the sum fades."""
    counted = ema(x, **options).notna()
    del options["min_count"]
    alpha = Decay(**{name: value for name, value in options.items() if name != "gaps"}).alpha
    faded = x.fillna(0.0) if options["gaps"] == "decay" else x
    return (ema(faded, start="zero", **options) / alpha).where(counted)


def apply(self: Any, function: Function, name: str, numeric_only: bool = False, *args: Any, **extra: Any) -> Any:
    """Stand in for BaseWindow._apply, around which grouped windows build their index."""
    if function not in (ema, ema_var, ema_std, decayed_sum):
        return BaseWindow._apply(self, function, name, numeric_only, *args, **extra)
    self._validate_numeric_only(name, numeric_only)
    try:
        return computed(self, function, self._create_data(self._selected_obj, numeric_only), **extra)
    except TypeError as error:
        raise DataError(f"No numeric types to aggregate: {error}") from error


def averaged(name: str, function: Function) -> Function:
    """Return the method for mean or sum."""

    def method(self: Any, numeric_only: bool = False, engine: Any = None, engine_kwargs: Any = None) -> Any:
        refused = name == "sum" and (self.times is not None or not self.adjust)
        if refused or engine not in (None, "cython") or engine_kwargs is not None:
            return theirs[name](self, numeric_only, engine, engine_kwargs)
        return self._apply(function, name, numeric_only)

    return method


def spread(name: str, function: Function) -> Function:
    """Return the method for var or std."""

    def method(self: Any, bias: bool = False, numeric_only: bool = False) -> Any:
        if self.times is not None:
            return theirs[name](self, bias, numeric_only)
        return self._apply(function, name, numeric_only, bias=bias)

    return method


def paired(name: str, function: Function) -> Function:
    """Return the method for cov or corr."""

    def method(
        self: Any, other: Any = None, pairwise: bool | None = None, *, numeric_only: bool = False, **extra: Any
    ) -> Any:
        if self.times is not None:
            return theirs[name](self, other, pairwise, numeric_only=numeric_only, **extra)
        self._validate_numeric_only(name, numeric_only)

        def pair(x: Any, y: Any) -> Any:
            return computed(self, function, x, y, **extra)

        return self._apply_pairwise(self._selected_obj, other, pairwise, pair, numeric_only)

    return method


def streamed(self: Any, *args: Any, update: Any = None, update_times: Any = None, **extra: Any) -> Any:
    """Stand in for OnlineExponentialMovingWindow.mean."""
    if update_times is not None or (update is not None and "_state" not in vars(self)):
        return their_stream(self, *args, update=update, update_times=update_times, **extra)
    asked.append("EmaState")
    data = self._selected_obj if update is None else update
    if update is None:
        self._state = EmaState(Decay(**decay(self)), shape=data.shape[1:], gaps=gaps(self), **start(self))
    means = np.array(list(rows(self, data)))
    return data._constructor(means, **data._construct_axes_dict()).__finalize__(data)


def rows(window: Any, data: Any) -> Iterator[Any]:
    """Feed the stream one row after the other; yield its mean after each."""
    for row in data.to_numpy(dtype=float):
        window._state.update(row)
        yield np.where(window._state.count >= window.min_periods, window._state.mean, np.nan)


def reset(self: Any) -> None:
    """Stand in for OnlineExponentialMovingWindow.reset."""
    del self._state


def install() -> None:
    """Replace the methods, and take pandas' own arithmetic out of their reach."""
    ewm.window_aggregations = None
    Window._apply = apply
    Window.mean, Window.sum = averaged("mean", ema), averaged("sum", decayed_sum)
    Window.var, Window.std = spread("var", ema_var), spread("std", ema_std)
    Window.cov, Window.corr = paired("cov", ema_cov), paired("corr", ema_corr)
    Online.mean, Online.reset = streamed, reset
