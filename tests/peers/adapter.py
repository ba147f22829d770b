"""pandas' exponentially weighted windows with the project in place of their arithmetic.

What stays pandas': the arguments of ``ewm`` and which of them it refuses, the selection of columns, the indexes of
groups and of pairs of two frames, compiled loops that are asked for by name (``engine="numba"``). What is the
project's: every number of mean, sum, var, std, cov and corr, the matrices of a frame with their labels, groups, and
streams, also those with times, which pandas leaves to others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.core.window import ewm
from pandas.core.window.rolling import BaseWindow
from pandas.errors import DataError

from optimlab import (
    Decay,
    EmaState,
    ema,
    ema_corr,
    ema_corr_matrix,
    ema_cov,
    ema_cov_matrix,
    ema_std,
    ema_sum,
    ema_var,
)

Function = Callable[..., Any]
Window = ewm.ExponentialMovingWindow
Online = ewm.OnlineExponentialMovingWindow
theirs = {name: getattr(Window, name) for name in ("__init__", "mean", "sum", "std", "var", "cov", "corr")}
their_stream = {name: getattr(Online, name) for name in ("__init__", "mean")}
made: list[Any] = []  # the windows
asked: list[str] = []  # the functions of the project that were called, by name


def decay(window: Any) -> dict[str, Any]:
    """Return the decay in the name that it was given by; of two, the half-life is the unit of the times."""
    names = ("com", "span", "halflife", "alpha")
    given = {name: getattr(window, name) for name in names if getattr(window, name) is not None}
    if len(given) > 1:
        del given["halflife"]
    return given


def clock(window: Any) -> Any:
    """Return the window's times: in half-lives, from the first on, where these are only their unit."""
    times = window.times
    if times is None or "halflife" in decay(window):
        return times
    return half_lives(window, times, times)


def half_lives(window: Any, times: Any, all_times: Any) -> Any:
    """Return times as numbers of half-lives since the first of all."""
    times, first = pd.DatetimeIndex(times), pd.DatetimeIndex(all_times)[0]
    return np.asarray((times - first) / pd.Timedelta(window.halflife))


def gaps(window: Any) -> str:
    """Return what NaN means."""
    return "skip" if window.ignore_na else "decay"


def start(window: Any) -> dict[str, str]:
    """Return what the mean starts from, unless it is the project's default."""
    return {} if window.adjust else {"start": "first"}


def options(window: Any) -> dict[str, Any]:
    """Return the window's arguments as those of the project; a grouped window has its rows ordered by group."""
    chosen = decay(window) | start(window) | {"gaps": gaps(window), "min_count": window.min_periods}
    if getattr(window, "axis", 0) == 1:  # before pandas 3
        chosen["axis"] = 1
    times, grouper = clock(window), getattr(window, "_grouper", None)
    if grouper is not None and grouper.indices:
        groups = list(grouper.indices.values())
        chosen["by"] = np.repeat(np.arange(len(groups)), [len(rows) for rows in groups])
        times = None if times is None else times.take(np.concatenate(groups))
    if times is not None:
        chosen |= {"times": times, "spacing": "event" if window.adjust else "time"}
    return chosen


def computed(window: Any, function: Function, *series: Any, **extra: Any) -> Any:
    """Return the project's answer."""
    asked.append(function.__name__)
    return function(*series, **options(window), **extra)


def apply(self: Any, function: Function, name: str, numeric_only: bool = False, *args: Any, **extra: Any) -> Any:
    """Stand in for BaseWindow._apply, around which grouped windows build their index."""
    if function not in (ema, ema_sum, ema_var, ema_std):
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


def paired(name: str, function: Function, matrix: Function) -> Function:
    """Return the method for cov or corr: of two series or frames, or the matrix of one frame."""

    def method(
        self: Any, other: Any = None, pairwise: bool | None = None, *, numeric_only: bool = False, **extra: Any
    ) -> Any:
        if self.times is not None:
            return theirs[name](self, other, pairwise, numeric_only=numeric_only, **extra)
        self._validate_numeric_only(name, numeric_only)
        frame = self._create_data(self._selected_obj, numeric_only)
        if other is None and pairwise is not False and frame.ndim == 2 and not hasattr(self, "_grouper"):
            return computed(self, matrix, frame, **extra)

        def pair(x: Any, y: Any) -> Any:
            return computed(self, function, x, y, **extra)

        return self._apply_pairwise(self._selected_obj, other, pairwise, pair, numeric_only)

    return method


def stream(self: Any, obj: Any, **given: Any) -> None:
    """Stand in for OnlineExponentialMovingWindow.__init__, which refuses times."""
    times = given.pop("times")
    halflife = given.pop("halflife") if times is not None else None
    their_stream["__init__"](self, obj, **given)
    if times is not None:
        self.times, self.halflife = times, halflife


def streamed(self: Any, *args: Any, update: Any = None, update_times: Any = None, **extra: Any) -> Any:
    """Stand in for OnlineExponentialMovingWindow.mean."""
    if update is not None and "_state" not in vars(self):
        return their_stream["mean"](self, *args, update=update, **extra)
    asked.append("EmaState")
    data, times = (self._selected_obj, self.times) if update is None else (update, update_times)
    if update is None:
        self._state = EmaState(Decay(**decay(self)), shape=data.shape[1:], gaps=gaps(self), **start(self))
    clocks = [None] * len(data) if times is None else half_lives(self, times, self.times)
    means = np.array([mean_after(self, row, time) for row, time in zip(data.to_numpy(float), clocks, strict=True)])
    return data._constructor(means, **data._construct_axes_dict()).__finalize__(data)


def mean_after(window: Any, row: Any, time: Any) -> Any:
    """Return the stream's mean after one more row."""
    window._state.update(row, time=time)
    return np.where(window._state.count >= window.min_periods, window._state.mean, np.nan)


def reset(self: Any) -> None:
    """Stand in for OnlineExponentialMovingWindow.reset."""
    del self._state


def making(self: Any, *args: Any, **given: Any) -> None:
    """Stand in for ExponentialMovingWindow.__init__: note that a window was asked for."""
    made.append(type(self))
    theirs["__init__"](self, *args, **given)


def install() -> None:
    """Replace the methods, and take pandas' own arithmetic out of their reach."""
    ewm.window_aggregations = None
    Window.__init__, Window._apply = making, apply
    Window.mean, Window.sum = averaged("mean", ema), averaged("sum", ema_sum)
    Window.var, Window.std = spread("var", ema_var), spread("std", ema_std)
    Window.cov, Window.corr = paired("cov", ema_cov, ema_cov_matrix), paired("corr", ema_corr, ema_corr_matrix)
    Online.__init__, Online.mean, Online.reset = stream, streamed, reset
