"""A column of the user's own text file as a series. Nothing is guessed: one separator a file, one format a column.

What a file leaves open is refused, and the refusal names the row and, after "; use", the options that settle it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.checks import whole
from optimlab.extras import needed
from optimlab.series.columns import Column, Numbers, Times
from optimlab.typing import Array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_series"]

_SEPARATORS = (",", ";", "\t", "|", " ")
_WIDEST = 10_000  # cells of a row that is longer than those before it; what is beyond is no table
_CELLS = 50_000  # of a piece of a file: more take memory and are no faster


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
) -> pd.Series[Any]:
    r"""Read a numeric column of a CSV file, with gaps as NaN.

    Parameters
    ----------
    path : str or Path
        Text file with a header line; compressed files (.gz, .bz2, .xz, .zip) are read too.
    column : str
        Name of the column of values. An empty cell is a gap, as are NA, N/A, NaN, null and None.
    time : str, optional
        Name of the column of times, which must not decrease: numbers (whole ones stay whole), dates YYYYMMDD, ISO 8601
        dates, or dates in one other format. Dates with an offset become UTC.
    sep : str
        What separates cells, one character; a blank stands for any number of blanks and tabs.
    decimal : {".", ","}
        What separates the decimals of a number.
    thousands : {",", ".", " ", "'"}, optional
        What separates groups of digits.
    encoding : str
        Encoding of the text, such as "latin-1" or "utf-16".
    na : str or sequence of str
        More words that mean a gap.
    skip : collection of int
        Numbers of lines to leave out, from 1, as refusals give them: blank lines that are no rows do not count.
    time_format : str, optional
        Format of the times, as of ``strptime``; a part of a date that it lacks is that of 1900-01-01.
    dayfirst : bool, optional
        Whether dates that are no ISO dates have the day before the month, where that is not plain from the column.

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
    Blank lines are no rows; where the file has one column, those between its values are gaps. Cells beyond the header
    are dropped if they are empty, as are empty rows at the end. Before pandas 3 dates lie in the years 1678 to 2261.

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

    if not isinstance(skip, Collection):
        raise TypeError(f"skip must hold numbers of lines; got {skip!r}; use skip=[{skip!r}]")
    if time is None and (time_format is not None or dayfirst is not None):
        raise ValueError("time_format and dayfirst are for a column of times; use time= with its name")
    table = _Table(path, sep, encoding, tuple(sorted(whole("skip", line, 1) for line in skip)))
    numbers = Numbers(decimal, thousands, (na,) if isinstance(na, str) or not isinstance(na, Sequence) else tuple(na))
    columns = [Column(f"column {column!r} of {path}", numbers, table.skip)]
    if time is not None:
        columns.append(Column(f"column {time!r} of {path}", Times(numbers, time_format, dayfirst), table.skip))
    for lines, cells in table.pieces([column] if time is None else [column, time]):
        for part, texts in zip(columns, cells, strict=True):
            part.add(texts, lines)
    values = pd.Series(columns[0].result(), name=column, dtype=np.float64)
    if values.count() < 3:
        raise ValueError(f"{columns[0].where} must hold at least 3 numbers; got {values.count()}")
    if time is not None:
        values.index = _in_order(pd.Index(columns[1].result(), name=time), columns[1].where)
    return values


def _in_order(times: Any, where: str) -> Any:
    if not times.is_monotonic_increasing:
        row = int(np.argmax(times[1:] < times[:-1])) + 1
        raise ValueError(
            f"{where} must not decrease; sort the rows by time first: {times[row]} in data row {row + 1} comes after "
            f"{times[row - 1]}"
        )
    return times


@dataclass(frozen=True)
class _Table:
    """A text file of rows and columns, read in pieces, every cell as it is written."""

    path: str | Path
    sep: str
    encoding: str
    skip: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.sep, str) or len(self.sep) != 1 or self.sep in '"\r\n':
            raise ValueError(f"sep must be one character, such as ';' or '\\t'; got {self.sep!r}")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(
                f"encoding must be one that Python knows; got {self.encoding!r}; use encoding='latin-1'"
            ) from None

    def pieces(self, names: list[str]) -> Iterator[tuple[Array, list[list[str]]]]:
        """Yield the numbers of some lines, and the cells that they have in each of the columns."""
        header: list[str] = []
        seen = 0
        for rows in _without_empty_end(self._rows()):
            if not header:
                rows = rows.iloc[next(row for row in range(len(rows)) if any(rows.iloc[row])) :]
                header, rows = self._header(rows, names), rows.iloc[1:]
            self._check_lengths(rows, len(header), seen)
            seen += len(rows)
            if len(rows):
                yield rows.index.to_numpy(), [[cell.strip() for cell in rows[header.index(n.strip())]] for n in names]

    def _rows(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in pieces, numbered by their lines, without those to skip."""
        try:
            for rows in self._lines():
                rows.index += 1
                yield rows.drop(index=[line for line in self.skip if line in rows.index])
        except UnicodeDecodeError as error:
            other = "utf-16" if error.object[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "latin-1"
            raise ValueError(f"{self.path} is no text in {self.encoding}: {error}; use encoding={other!r}") from None
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # a damaged file: each kind of compression has exceptions of its own
            if isinstance(error, OSError) and error.filename is not None:
                raise
            raise ValueError(f"{self.path} is not a CSV table with a header line: {error}") from None

    def _lines(self) -> Iterator[pd.DataFrame]:
        """Yield all lines in pieces; where one has more cells than those before it, start again with more columns."""
        import pandas as pd

        columns, done, blank = 0, 0, False
        pipe = b"" if Path(self.path).is_file() else Path(self.path).read_bytes()  # which can be read only once
        while True:
            try:
                with self._open(BytesIO(pipe) if pipe else self.path, columns, blank) as pieces:
                    for rows in pieces:
                        if rows.shape[1] == 1 and not blank:
                            break
                        pieces.chunksize = 1000 + _CELLS // rows.shape[1]
                        yield rows.loc[done:]
                        done = max(done, int(rows.index[-1]) + 1)
                    else:
                        return
                columns, blank = 1, True
            except pd.errors.ParserError as error:
                longer = re.search(r"saw (\d+)", str(error))
                if longer is None or int(longer[1]) > _WIDEST:
                    raise
                columns = max(int(longer[1]), 2 * columns)

    def _open(self, file: Any, columns: int, blank: bool) -> Any:
        """Open a file of so many columns, 0 for as many as its first line has, with blank lines as rows or without."""
        import pandas as pd

        return pd.read_csv(
            file,
            sep=r"\s+" if self.sep == " " else self.sep,
            encoding=self.encoding,
            header=None,
            names=range(columns) or None,
            index_col=False,
            dtype=object,
            na_filter=False,
            skipinitialspace=True,
            skip_blank_lines=not blank,
            chunksize=1000,
        )

    def _header(self, rows: pd.DataFrame, names: list[str]) -> list[str]:
        """Return the names of the columns, if those asked for are there once each."""
        header = [cell.strip() for cell in rows.iloc[0]]
        while header and not header[-1]:
            header.pop()
        for name in names:
            if name.strip() not in header:
                known = ", ".join(map(repr, header[:20])) + (", ..." if len(header) > 20 else "")
                raise ValueError(f"{self.path} has no column {name!r}; it has {known}{self._elsewhere(rows, names)}")
            if header.count(name.strip()) > 1:
                count = header.count(name.strip())
                raise ValueError(f"{self.path} must have one column {name!r}; got {count}; rename the others")
        return header

    def _elsewhere(self, rows: pd.DataFrame, names: list[str]) -> str:
        """Return the options that find the names: another separator, a later line."""
        first = str(rows.iloc[0, 0])
        if "\0" in first:
            return f"; use encoding='utf-16-{'be' if first[0] == chr(0) else 'le'}'"
        for sep in (self.sep, *_SEPARATORS):
            for line, row in rows.iloc[:50].iterrows():
                cells = self.sep.join(row).rstrip(self.sep).split(None if sep == " " else sep)
                if {name.strip() for name in names} <= {cell.strip(' "') for cell in cells}:
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


def _without_empty_end(pieces: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Leave out the rows at the end in which nothing stands."""
    import pandas as pd

    held = None
    for piece in pieces:
        rows = piece if held is None else pd.concat([held.reindex(columns=piece.columns, fill_value=""), piece])
        end = len(rows)
        while end > 0 and not any(rows.iloc[end - 1]):
            end -= 1
        held = rows.iloc[end:] if end < len(rows) else None
        if end:
            yield rows.iloc[:end]
