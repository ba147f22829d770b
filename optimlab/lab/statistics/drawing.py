"""Axes for profiles, times to a target, and sensitivity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.lab.frame.figures import PALETTE, literal
from optimlab.lab.statistics.tidy import measured

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["draw_ecdf", "draw_profile", "draw_sensitivity"]

_COLOURS = [colour for name, colour in PALETTE.items() if name != "yellow"]  # too faint for a line on white


def draw_profile(ax: Axes, table: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Draw what `performance_profile` returns: a step line for each rule, its interval as a shade.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    table : DataFrame
        The profile.
    styles : dict of dict, optional
        Arguments of matplotlib's lines (color, linestyle), by rule.

    Examples
    --------
    >>> import matplotlib.figure, pandas as pd
    >>> table = pd.DataFrame({"rule": "SGD", "tau": [1.0, 9.0], "share": [0.5, 1.0], "low": 0.1, "high": 1.0})
    >>> draw_profile(ax := matplotlib.figure.Figure().subplots(), table)
    >>> ax.get_xlabel()
    'τ: at most so many times the best rule there'
    """
    for k, (rule, part) in enumerate(table.groupby("rule", sort=False)):
        _steps(ax, part, "tau", label=str(rule), **_style(styles, str(rule), k))
    ax.set(xscale="log", xlim=(1.0, table["tau"].max()), ylim=(-0.02, 1.02))
    ax.set(xlabel="τ: at most so many times the best rule there", ylabel="share of instances, ρ(τ)")
    ax.legend(loc="lower right")


def draw_ecdf(
    ax: Axes, tables: Mapping[str, pd.DataFrame], styles: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Draw what `dkw_band` or `kaplan_meier` returns, by label, as step lines with their bands.

    Examples
    --------
    >>> import matplotlib.figure, pandas as pd
    >>> table = pd.DataFrame({"time": [1.0, 9.0], "share": [0.5, 1.0], "low": 0.1, "high": 1.0})
    >>> draw_ecdf(ax := matplotlib.figure.Figure().subplots(), {"SGD": table})
    >>> ax.get_ylabel()
    'share of runs that arrived'
    """
    for k, (label, table) in enumerate(tables.items()):
        _steps(ax, table, "time", label=label, **_style(styles, label, k))
    ax.set(xscale="log", ylim=(-0.02, 1.02), xlabel="step", ylabel="share of runs that arrived")
    ax.legend(loc="upper left")


def draw_sensitivity(
    ax: Axes, frame: pd.DataFrame, value: str = "final", styles: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Draw the median loss over the learning rate for each rule, the middle half of the seeds as a shade.

    The frame is that of one problem. Where the median diverged there is no line.

    Examples
    --------
    >>> import matplotlib.figure, pandas as pd
    >>> frame = pd.DataFrame({"rule": "SGD", "lr": [0.1, 1.0], "seed": 0, "final": [1.0, 2.0]})
    >>> draw_sensitivity(ax := matplotlib.figure.Figure().subplots(), frame)
    >>> ax.get_xscale()
    'log'
    """
    table, drawn = measured(frame, value, "rule", "lr"), np.empty(0)
    for k, (rule, runs) in enumerate(table.groupby("rule", sort=False)):
        rates = runs.groupby("lr")[value]
        low, middle, high = (rates.quantile(q, interpolation="nearest") for q in (0.25, 0.5, 0.75))
        style, seen = _style(styles, str(rule), k), np.isfinite(middle)
        ax.plot(middle.index[seen], middle[seen], marker=".", label=literal(str(rule)), **style)
        top = high.where(np.isfinite(high), middle)
        ax.fill_between(middle.index[seen], low[seen], top[seen], color=style["color"], alpha=0.15, linewidth=0)
        drawn = np.append(drawn, middle[seen])
    scale = "log" if (drawn > 0.0).any() and not (drawn < 0.0).any() else "linear"
    ax.set(xscale="log", yscale=scale, xlabel="learning rate", ylabel=f"{value} loss, median of the seeds")
    ax.legend()


def _steps(ax: Axes, table: pd.DataFrame, x: str, *, label: str, **style: Any) -> None:
    ax.step(table[x], table["share"], where="post", label=literal(label), **style)
    ax.fill_between(table[x], table["low"], table["high"], step="post", color=style["color"], alpha=0.12, linewidth=0)


def _style(styles: Mapping[str, Mapping[str, Any]] | None, label: str, k: int) -> dict[str, Any]:
    return {"color": _COLOURS[k % len(_COLOURS)], **(styles or {}).get(label, {})}
