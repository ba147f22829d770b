"""A column of the user's own text file as a series. Nothing is guessed: one separator a file, one format a column.

What a file leaves open is refused, and the refusal names the row and, after "; use", the options that settle it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.checks import whole
from optimlab.extras import needed
from optimlab.series.cells import Column, Numbers, ways_of_times
from optimlab.typing import Array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "listed", "meant", "read_series"]

_SEPARATORS = (",", ";", "\t", "|", " ")
_WIDEST = 10_000  # cells of a row that is longer than those before it; what is beyond is no table
_PIECE = 5000  # rows
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zX", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")  # gz, bz2, xz, zip, zst


def read_series(
    path: str | Path,
    column: str,
    time: str | None = None,
    *,
    sep: str = ",",
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str = "utf-8",
    na: str | Sequence[str] = (),
    skip: Collection[int] = (),
    time_format: str | None = None,
    dayfirst: bool | None = None,
    sort: bool = False,
) -> pd.Series[Any]:
    r"""Read a numeric column of a CSV file, with gaps as NaN.

    Parameters
    ----------
    path : str or Path
        Text file with a header line; compressed files (.gz, .bz2, .xz, .zip, .zst) are read too.
    column : str
        Name of the column of values. An empty cell is a gap, as are NA, N/A, NaN, null and None.
    time : str, optional
        Name of the column of times, which must not decrease: numbers (whole ones stay whole), dates YYYYMMDD, ISO 8601
        dates, or dates in one other format. Dates with an offset become UTC.
    sep : str
        What separates cells, one character; a blank stands for any number of blanks and tabs.
    decimal, thousands : str
        What separates decimals, "." or ",", and groups of digits, ",", ".", " " or "'".
    encoding : str
        Encoding of the text, such as "latin-1" or "utf-16".
    na : str or sequence of str
        More words that mean a gap.
    skip : collection of int
        Numbers of lines to leave out, from 1, as refusals give them: blank lines that are no rows do not count.
    time_format : str, optional
        Format of the times, as of ``strptime``, or "ISO8601"; what it lacks of a date is that of 1900-01-01.
    dayfirst : bool, optional
        Whether the day stands before the month, in dates where both are numbers and the year is last.
    sort : bool
        Whether to sort the rows by time; rows of one time stay in order, in files with the newest row first in reverse.

    Returns
    -------
    Series of float64
        The values, indexed by the times, or by row numbers from 0.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError, TypeError
        If the file is damaged or no table, a row is longer than its header, a column is missing, named twice or not in
        one format, times are missing or decrease, there are fewer than 3 values, or an option is not allowed.
    ImportError
        If pandas is missing; the extra ``lab`` has it.

    Notes
    -----
    Blank lines are no rows, but gaps in a file of one column. Cells beyond the header are dropped if they are empty, as
    are empty rows at the end. Before pandas 3 dates lie in the years 1678 to 2261.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "levels.csv"
    >>> _ = path.write_text("day;level\n30.12.2023;1,5\n31.12.2023;\n01.01.2024;1,7\n02.01.2024;1,6\n")
    >>> read_series(path, "level", "day", sep=";", decimal=",")
    day
    2023-12-30    1.5
    2023-12-31    NaN
    2024-01-01    1.7
    2024-01-02    1.6
    Name: level, dtype: float64
    """
    needed("pandas", "lab", "read_series")
    import pandas as pd

    names = [column] if time is None else [column, time]
    _check_arguments(names, skip, {"dayfirst": dayfirst, "sort": sort or None, "time_format": time_format})
    table = Table(path, sep, encoding, tuple(sorted(whole("skip", line, 1) for line in skip)))
    numbers = Numbers(decimal, thousands, (na,) if isinstance(na, str) or not isinstance(na, Sequence) else tuple(na))
    columns = [Column(f"column {name!r} of {path}", numbers, table.skip) for name in names]
    columns[-1].times = None if time is None else ways_of_times(numbers, time_format, dayfirst)
    for lines, cells in table.pieces([name.strip() for name in names]):
        for part, texts in zip(columns, cells, strict=True):
            part.add(texts, lines)
    values = pd.Series(columns[0].result(), name=column, dtype=np.float64)
    if values.count() < 3:
        raise ValueError(f"{columns[0].where} must hold at least 3 numbers; got {values.count()}")
    if time is None:
        return values
    values.index = pd.Index(columns[1].result(), name=time)
    return _in_order(values, columns[1].where, sort)


def listed(header: Sequence[str]) -> str:
    """Return the names of columns for a message."""
    return ", ".join(map(repr, header[:20])) + (", ..." if len(header) > 20 else "")


def meant(name: str, header: Sequence[str]) -> str:
    """Return what a message adds on a name that is not there but nearly."""
    close = get_close_matches(name, header, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _check_arguments(names: list[str], skip: Collection[int], for_times: dict[str, object]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"column and time must be names; got {name!r}; use {str(name)!r}")
    for option in ("dayfirst", "sort"):
        if for_times[option] not in (None, True, False):
            raise TypeError(f"{option} must be True or False; got {for_times[option]!r}")
    if len(names) == 1 and any(given is not None for given in for_times.values()):
        raise ValueError(f"{', '.join(for_times)} are for a column of times; use time= with its name")
    if not isinstance(skip, Collection):
        raise TypeError(f"skip must hold numbers of lines; got {skip!r}; use skip=[{skip!r}]")


def _in_order(values: pd.Series[Any], where: str, sort: bool) -> pd.Series[Any]:
    times: Any = values.index
    if sort:
        return (values[::-1] if times.is_monotonic_decreasing else values).sort_index(kind="stable")
    if not times.is_monotonic_increasing:
        row = int(np.argmax(times[1:] < times[:-1])) + 1
        raise ValueError(
            f"{where} must not decrease; sort the rows by time first: {times[row]} in data row {row + 1} comes after "
            f"{times[row - 1]}; use sort=True"
        )
    return values


@dataclass(frozen=True)
class Table:
    """A text file of rows and columns, read in pieces, every cell as it is written."""

    path: str | Path
    sep: str
    encoding: str
    skip: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.sep, str) or len(self.sep) != 1 or self.sep in '"\r\n':
            raise ValueError(f"sep must be one character, such as ';' or '\\t'; got {self.sep!r}")

    def pieces(self, names: list[str]) -> Iterator[tuple[Array, list[list[str]]]]:
        """Yield the numbers of some lines, and the cells that they have in each of the columns."""
        header: list[str] = []
        seen = 0
        for rows in filter(len, self._without_empty_end()):
            if not header:
                rows = rows.iloc[int((rows != "").any(axis=1).argmax()) :]
                header, rows = self._header(rows, names), rows.iloc[1:]
            self._check_lengths(rows, len(header), seen)
            seen += len(rows)
            if len(rows):
                yield rows.index.to_numpy(), [[cell.strip() for cell in rows[header.index(name)]] for name in names]

    def _header(self, rows: pd.DataFrame, names: list[str]) -> list[str]:
        """Return the names of the columns, if those asked for are there once each."""
        header = [cell.strip() for cell in rows.iloc[0]]
        while header and not header[-1]:
            header.pop()
        for name in names:
            count = header.count(name)
            if not count:
                elsewhere = self._elsewhere(rows, names) or meant(name, header)
                raise ValueError(f"{self.path} has no column {name!r}; it has {listed(header)}{elsewhere}")
            if count > 1:
                raise ValueError(f"{self.path} must have one column {name!r}; got {count}; rename the others")
        return header

    def _elsewhere(self, rows: pd.DataFrame, names: list[str]) -> str:
        """Return the options that find the names: another encoding, another separator, a later line."""
        if "\0" in "".join(rows.iloc[0]):
            return f"; use encoding='utf-16-{'be' if str(rows.iloc[0, 0])[:1] == chr(0) else 'le'}'"
        for sep, (line, row) in product((self.sep, *_SEPARATORS), rows.iloc[:50].iterrows()):
            cells = self.sep.join(row).split(None if sep == " " else sep)
            if set(names) <= {cell.strip(f'"{self.sep} ') for cell in cells}:
                before = sorted({*self.skip, *rows.index[rows.index < line]})
                options = [f"sep={sep!r}"] * (sep != self.sep) + [f"skip={before}"] * (before != list(self.skip))
                return f"; use {', '.join(options)}"
        return ""

    def _check_lengths(self, rows: pd.DataFrame, length: int, seen: int) -> None:
        beyond = rows.iloc[:, length:].to_numpy()
        longer = (beyond != "").any(axis=1)
        if longer.any():
            row = int(longer.argmax())
            cell, line = next(filter(None, beyond[row])), int(rows.index[row])
            raise ValueError(
                f"{self.path} must have at most the {length} cells of its header in each row; got {cell[:60]!r} beyond "
                f"them in data row {seen + row + 1} (line {line}); put cells that hold {self.sep!r} in quotes; use "
                f"skip={sorted({*self.skip, line})} to leave out"
            )

    def _without_empty_end(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in pieces, without those at the end in which nothing stands."""
        import pandas as pd

        held = None
        for piece in self._rows():
            rows = piece if held is None else pd.concat([held.reindex(columns=piece.columns, fill_value=""), piece])
            end = int(np.max(np.flatnonzero((rows != "").any(axis=1)), initial=-1)) + 1
            held = rows.iloc[end:] if end < len(rows) else None
            yield rows.iloc[:end]

    def _rows(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in pieces, numbered by their lines, without those to skip."""
        try:
            for rows in self._lines():
                rows.index += 1
                yield rows.drop(index=[line for line in self.skip if line in rows.index])
        except (UnicodeDecodeError, LookupError) as error:
            start = getattr(error, "object", b"")[:4]
            remedy = "encoding='utf-16'" if start[:2] in _UTF_16 else "encoding='latin-1'"
            remedy = "a name that says how it is compressed, such as .gz" if start.startswith(_COMPRESSED) else remedy
            raise ValueError(f"{self.path} is no text in {self.encoding}: {error}; use {remedy}") from None
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # a damaged file: each kind of compression has exceptions of its own
            if isinstance(error, OSError) and error.filename is not None:
                raise
            raise ValueError(f"{self.path} is not a CSV table with a header line: {error}") from None

    def _lines(self) -> Iterator[pd.DataFrame]:
        """Yield all lines in pieces; where one has more cells than those before it, start again with more columns."""
        import pandas as pd

        sep = r"\s+" if self.sep == " " else self.sep
        options: Any = {"sep": sep, "encoding": self.encoding, "chunksize": _PIECE, "skipinitialspace": True}
        options |= {"header": None, "index_col": False, "dtype": object, "na_filter": False}
        width, done, blank = 0, 0, False  # of the first line; blank lines are rows in a file of one column
        while True:
            try:
                names = range(width) or None
                with pd.read_csv(self.path, names=names, skip_blank_lines=not blank, **options) as pieces:
                    for rows in pieces:
                        if rows.shape[1] == 1 and not blank:
                            break
                        yield rows.loc[done:]
                        done = max(done, int(rows.index[-1]) + 1)
                    else:
                        return
                width, blank = 1, True
            except pd.errors.ParserError as error:
                longer = re.search(r"saw (\d+)", str(error))
                if longer is None or int(longer[1]) > _WIDEST:
                    raise
                width = max(int(longer[1]), 2 * width)
