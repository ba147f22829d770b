"""What every function asks of a tidy table: its columns, and numbers of which the worst are inf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["measured"]


def measured(frame: pd.DataFrame, value: str, *columns: str) -> pd.DataFrame:
    """Return the columns that are asked for, with inf where `value` is NaN.

    Examples
    --------
    >>> import pandas as pd
    >>> measured(pd.DataFrame({"rule": ["Adam"], "final": [np.nan], "lr": [0.1]}), "final", "rule")
       rule  final
    0  Adam    inf
    """
    absent = [name for name in (*columns, value) if name not in frame.columns]
    if absent:
        has = ", ".join(map(str, frame.columns))
        raise ValueError(f"frame must have the columns {', '.join((*columns, value))}; it lacks {absent[0]}, has {has}")
    if not len(frame):
        raise ValueError("frame must have at least one row; got none")
    if frame[value].dtype.kind not in "fiu":
        raise TypeError(f"column {value} must hold real numbers; got {frame[value].dtype}")
    table = frame[[*columns, value]].reset_index(drop=True)
    return table.assign(**{value: table[value].astype(np.float64).fillna(np.inf)})
