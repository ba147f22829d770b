"""CSV files of which everything is known: read with pandas, and checked cell by cell."""

from __future__ import annotations

import csv
import gzip
import shlex
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd

from optimlab.lab.folders import shipped

if TYPE_CHECKING:
    from optimlab.lab.problems.datasets import Table

__all__ = ["read"]


def read(table: Table, folder: Path) -> pd.DataFrame:
    """Read a file, check all of it against its table and give it its index."""
    index, path = _index(table), folder / table.file
    text = _text(path, table.columns, first_line=2 if table.key else 1)
    _check_index(path, text, table, index)
    columns = {name: _numbers(path, text[name], table) for name in table.ranges}
    columns |= {name: _categories(path, text[name], words) for name, words in table.categories.items()}
    frame = pd.DataFrame(columns).set_axis(index, axis=0)
    if (missing := int(frame.isna().sum().sum())) != table.gaps:
        _refuse(path, f"expected {table.gaps} missing values; got {missing}")
    return frame


def _remedy(path: Path) -> str:
    script = shipped("data", "rebuild.py") / "rebuild.py"
    return f"; restore the file with: {shlex.join(['python', str(script), path.name, '--folder', str(path.parent)])}"


def _refuse(path: Path, problem: str) -> NoReturn:
    raise ValueError(f"{path}: {problem}{_remedy(path)}")


def _cells(path: Path) -> list[list[str]]:
    """Read a CSV file, compressed or not, as lines of text cells."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream, strict=True))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file{_remedy(path)}") from None
    except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeError, csv.Error) as error:
        raise ValueError(f"{path}: not readable as CSV ({error}){_remedy(path)}") from error


def _text(path: Path, columns: list[str], first_line: int) -> pd.DataFrame:
    """Return the cells under their column names, indexed by line number; every line must have all columns."""
    cells = _cells(path)
    header, rows = cells[: first_line - 1], cells[first_line - 1 :]
    if header and header[0] != columns:
        _refuse(path, f"line 1: expected the columns {', '.join(columns)}; got {', '.join(header[0])}")
    for line, row in enumerate(rows, first_line):
        if len(row) != len(columns):
            _refuse(path, f"line {line}: expected {len(columns)} values; got {len(row)}")
    return pd.DataFrame(rows, index=range(first_line, first_line + len(rows)), columns=columns, dtype=object)


def _check_each(path: Path, cells: pd.Series[Any], bad: pd.Series[Any], expected: str) -> None:
    """Refuse the first cell that is marked as bad."""
    if bad.any():
        first = int(bad.to_numpy().argmax())
        _refuse(path, f"line {cells.index[first]}, column {cells.name}: expected {expected}; got {cells.iloc[first]!r}")


def _numbers(path: Path, cells: pd.Series[Any], table: Table) -> pd.Series[Any]:
    """Return one column as numbers within its range; an empty cell is a gap where the table has any."""
    low, high = table.ranges[str(cells.name)]
    values = pd.to_numeric(cells, errors="coerce").astype("float64")
    bad = ~values.between(low, high)
    if table.gaps:
        bad &= cells != ""
    if table.whole:
        bad |= values % 1 != 0
    _check_each(path, cells, bad, f"a {'whole ' * table.whole}number from {low:g} to {high:g}")
    return values.astype("int64") if table.whole else values


def _categories(path: Path, cells: pd.Series[Any], words: Sequence[str]) -> pd.Series[Any]:
    """Return one column of words as a categorical column."""
    _check_each(path, cells, ~cells.isin(words), f"one of {', '.join(words)}")
    return cells.astype(pd.CategoricalDtype(list(words)))


def _index(table: Table) -> pd.Index[Any]:
    """Return the labels of the rows."""
    name = table.key.lower() or None
    if len(table.rows) == 2:
        return pd.RangeIndex(*table.rows, name=name)
    first, last, step = table.rows
    return pd.date_range(first, last, freq=step, name=name)


def _check_index(path: Path, text: pd.DataFrame, table: Table, index: pd.Index[Any]) -> None:
    """Refuse a file without exactly the rows of the index, in this order."""
    if len(text) != len(index):
        _refuse(path, f"expected {len(index)} rows; got {len(text)}")
    if not table.key:
        return
    labels = index.strftime(table.date_format) if isinstance(index, pd.DatetimeIndex) else index.astype(str)
    for line, expected, found in zip(text.index, labels, text[table.key], strict=True):
        if found != expected:
            _refuse(path, f"line {line}, column {table.key}: expected {expected}; got {found!r}")
