"""Which columns of a file or an array are averaged, and what those beside them are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from optimlab.typing import Array

__all__ = ["Rows", "Wanted", "wanted"]

Rows = dict[str, Array]  # "x", and of "y", "weights", "times", "by" those that are asked for


@final
@dataclass(frozen=True)
class Wanted:
    """The columns of a table by their names, those of an array by their positions, and what each is for."""

    columns: tuple[Any, ...] | None  # None: all
    single: bool = True  # the one column is the series itself, no table of one column
    pair: bool = False  # the first column goes with the second
    weights: Any = None
    times: Any = None
    by: Any = None

    @property
    def keys(self) -> dict[str, Any]:
        """What is read beside the values."""
        given = {"weights": self.weights, "times": self.times, "by": self.by}
        return {role: name for role, name in given.items() if name is not None}

    @property
    def names(self) -> list[Any]:
        """All columns, each once."""
        return list(dict.fromkeys([*(self.columns or ()), *self.keys.values()]))

    def rows(self, table: dict[Any, Array]) -> Rows:
        """Return the columns of some rows by what they are for."""
        columns = [table[name] for name in self.columns or ()]
        keys = {role: table[name] for role, name in self.keys.items()}
        if self.pair:
            return {"x": columns[0], "y": columns[1], **keys}
        return {"x": columns[0] if self.single else np.column_stack(columns), **keys}


def wanted(column: Any, statistic: str, keys: dict[str, Any], array: bool) -> Wanted:
    """Return the columns that are asked for, checked: those of an array are positions, others names."""
    kind, words = (int, "positions") if array else (str, "names")
    single, pair = isinstance(column, (str, int)), statistic in ("cov", "corr")
    if column is None and (pair or not array):
        raise ValueError(f"column must be given: the {words} of {'two columns' if pair else 'the columns of values'}")
    columns = None if column is None else (column,) if single else tuple(column)
    for name in (*(columns or ()), *(name for name in keys.values() if name is not None)):
        if not isinstance(name, kind) or isinstance(name, bool):
            raise TypeError(f"columns, also of weights, times and by, are given by their {words}; got {name!r}")
    once = [*(columns or ()), *(keys[role] for role in ("times", "by") if keys[role] is not None)]
    if columns is not None and (len(set(once)) < len(once) or (pair and len(columns) != 2) or not columns):
        allowed = "two columns" if pair else "columns"
        raise ValueError(f"column, times and by must name {allowed} for {statistic!r}, each once; got {once}")
    return Wanted(columns, single, pair, **keys)
