"""A series and its averages: as lines of any length, and as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.extras import needed
from optimlab.lab.frame.figures import legend_above, literal
from optimlab.typing import Array, Floats

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["averaged", "draw_lines", "extremes"]

_MOST, _STRETCHES = 20_000, 2000
_RESTLESS = 30  # times that a line goes over its whole range, beyond which it is thin


def averaged(series: pd.Series[Any], averages: Mapping[float, pd.Series[Any]]) -> pd.DataFrame:
    """Return the series and its averages by β, by time or row.

    Examples
    --------
    >>> import pandas as pd
    >>> series = pd.Series([1.0, 3.0], name="level")
    >>> averaged(series, {0.5: series.ewm(alpha=0.5).mean()}).columns.tolist()
    ['level', 'ema_0.5']
    """
    needed("pandas", "lab", "averaged")
    import pandas as pd

    columns = {f"ema_{beta:.6g}": average for beta, average in averages.items()}
    name = f"{series.name} (data)" if series.name in columns else str(series.name)
    return pd.DataFrame({name: series} | columns).rename_axis(str(series.index.name or "row"))


def draw_lines(
    ax: Axes,
    lines: Mapping[str, tuple[pd.Series[Any], str, str]],
    title: str,
    legend: Callable[[Axes], object] = legend_above,
) -> None:
    """Draw lines of any length: series, colour and style by label, the first of them the data, which names the axes."""
    from matplotlib.ticker import MaxNLocator

    for label, (line, colour, look) in lines.items():
        y = line.to_numpy(np.float64)
        rows, way = extremes(y), np.nansum(np.abs(np.diff(y)))
        width = 0.8 if way > _RESTLESS * (np.nanmax(y) - np.nanmin(y)) else 1.6
        ax.plot(line.index[rows], line.iloc[rows], look, color=colour, markersize=3, linewidth=width, label=label)
    data = next(iter(lines.values()))[0]
    ax.set(title=title, xlabel=literal(str(data.index.name or "row")), ylabel=literal(str(data.name), 30))
    if data.index.dtype.kind == "i":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))  # no year 1872.5
    legend(ax)


def extremes(y: Floats) -> Array:
    """Return the rows to draw: all, but of a long series the lowest and the highest of each of 2000 stretches.

    Parameters
    ----------
    y : ndarray of float, shape (rows,)
        The series; NaN is a gap.

    Examples
    --------
    >>> extremes(np.zeros(3)), len(extremes(np.sin(np.arange(1e5))))
    (array([0, 1, 2]), 4000)
    """
    if len(y) <= _MOST:
        return np.arange(len(y))
    stretches = [rows for rows in np.array_split(np.arange(len(y)), _STRETCHES) if not np.isnan(y[rows]).all()]
    return np.unique([rows[find(y[rows])] for rows in stretches for find in (np.nanargmin, np.nanargmax)])
