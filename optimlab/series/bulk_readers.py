"""Columns of files and arrays, read some rows at a time in bounded memory, from any row on."""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np

from optimlab.checks import whole
from optimlab.extras import needed
from optimlab.series.bulk_columns import Rows, Wanted
from optimlab.series.cells import Column, Numbers, ways_of_times
from optimlab.series.files import Table, listed, meant
from optimlab.typing import Array

__all__ = ["Reader", "forget", "reader", "regrid"]

_HEAD = 1 << 16  # bytes whose checksum tells one source from another
_BUFFER = 1 << 20  # bytes of a column of Parquet that are read at once


class Reader(Protocol):
    """A source of rows."""

    labels: list[str]  # of the columns of values
    values: int  # that are worked on at once: few enough to be seen to go on, many enough to pay

    @property
    def rows(self) -> int | None:
        """How many there are, if that is known before they are read."""
        ...

    @property
    def mark(self) -> dict[str, Any] | None:
        """What tells the source from another; None of one that does not outlive the process."""
        ...

    def pieces(self, start: int, size: int) -> Iterator[Rows]:
        """Yield the rows from ``start`` on, at most ``size`` or so at a time."""
        ...


def reader(source: Any, wanted: Wanted, dialect: dict[str, Any]) -> Reader:
    """Return what reads an array, or a file by the end of its name: .npy, .parquet, else text."""
    suffix = "" if isinstance(source, np.ndarray) else Path(source).suffix.lower()
    if isinstance(source, np.ndarray) or suffix in (".npy", ".parquet", ".pq"):
        if dialect:
            raise ValueError(
                f"{', '.join(dialect)}: how a text file is written; {_named(source)} is none; leave it out"
            )
        return _Parquet(source, wanted) if suffix in (".parquet", ".pq") else _Array(source, wanted)
    return _Text(source, wanted, **dialect)


def regrid(pieces: Iterator[Rows], size: int) -> Iterator[Rows]:
    """Cut rows that come in any pieces into ``size`` at a time, whatever the pieces are."""
    held: list[Rows] = []
    for piece in pieces:
        held.append(piece)
        while sum(len(rows["x"]) for rows in held) >= size:
            rows = _joined(held)
            yield {role: array[:size] for role, array in rows.items()}
            held = [{role: array[size:] for role, array in rows.items()}] if len(rows["x"]) > size else []
    if held:
        yield _joined(held)


def _ahead(pieces: Iterator[Rows]) -> Iterator[Rows]:
    """Read the next rows in a thread while the last ones are worked on."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece


def forget(array: Array) -> None:
    """Let go of the pages of a mapped file, which count as memory of this process; they stay in the system's cache."""
    mapping = getattr(array, "_mmap", None)
    if mapping is not None and getattr(array, "mode", "c") != "c" and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _joined(pieces: list[Rows]) -> Rows:
    if len(pieces) == 1:
        return pieces[0]
    return {role: np.concatenate([piece[role] for piece in pieces]) for role in pieces[0]}


def _named(source: Any) -> str:
    return f"an array of shape {source.shape}" if isinstance(source, np.ndarray) else str(source)


def _mark(path: Any) -> dict[str, Any]:
    """Return what changes with the content of a file: its size, its time, its first bytes."""
    with open(path, "rb") as file:
        about, head = os.fstat(file.fileno()), zlib.crc32(file.read(_HEAD))
    if not about.st_size:
        raise ValueError(f"{path} is empty")
    return {"path": os.path.realpath(path), "size": about.st_size, "time": about.st_mtime_ns, "head": head}


@final
class _Array:
    """An array of one or two dimensions: in memory, mapped, or in an .npy file, which is mapped."""

    values = 1 << 22

    def __init__(self, source: Any, wanted: Wanted) -> None:
        path = source
        if isinstance(source, np.ndarray):
            path = getattr(source, "filename", None)
            self.array, self.mark = source, None if path is None else _mark(path) | _view(source)
        else:
            self.mark = _mark(path)
            with _damaged(path, "an .npy file"):
                self.array = np.load(path, mmap_mode="r", allow_pickle=False)
        if self.array.ndim not in (1, 2):
            raise ValueError(f"{_named(source)} must have one dimension or two; got shape {self.array.shape}")
        self.rows, self.wanted = len(self.array), wanted
        width = self.array.shape[1] if self.array.ndim == 2 else 1
        for position in wanted.names:
            whole("a column of an array", position, -width, width - 1)
        table = self.array.ndim == 2
        self.labels = [str(c) for c in (range(width) if wanted.columns is None else wanted.columns)] if table else ["x"]

    def pieces(self, start: int, size: int) -> Iterator[Rows]:
        """Yield views of the rows."""
        for first in range(start, self.rows, size):
            rows = self.array[first : first + size]
            table = rows if rows.ndim == 2 else rows[:, np.newaxis]
            if self.wanted.columns is None:
                yield {"x": rows, **{role: table[:, c] for role, c in self.wanted.keys.items()}}
            else:
                yield self.wanted.rows({c: table[:, c] for c in self.wanted.names})
            forget(self.array)


def _view(array: Any) -> dict[str, Any]:
    """Return which part of a mapped file an array is, and how it is read."""
    start = array.ctypes.data - np.frombuffer(array._mmap, np.uint8).ctypes.data
    return {"view": [start, list(array.shape), list(array.strides), array.dtype.str, int(array.offset)]}


@contextmanager
def _damaged(path: Any, kind: str) -> Iterator[None]:
    """Say of which file it is that it cannot be read."""
    try:
        yield
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is not {kind}, or it is damaged: {error}") from error


@final
class _Parquet:
    """A Parquet file, of which the columns that are asked for are read, batch by batch."""

    values = 1 << 20

    def __init__(self, path: Any, wanted: Wanted) -> None:
        needed("pyarrow", "parquet", "a Parquet file")
        self.path, self.wanted, self.mark = path, wanted, _mark(path)
        with self._open() as file:
            self.rows, schema = int(file.metadata.num_rows), file.schema_arrow
        for name in wanted.names:
            if schema.names.count(name) != 1:
                there = f"it has {listed(schema.names)}{meant(name, schema.names)}"
                raise ValueError(f"{path} must have one column {name!r}; {there}")
        for name in (*(wanted.columns or ()), *filter(None, [wanted.weights])):
            _check_numeric(path, schema.field(name))
        self.labels = list(wanted.columns or ())

    def pieces(self, start: int, size: int) -> Iterator[Rows]:
        """Yield batches; groups of rows that are done are not read."""
        return _ahead(self._batches(start, size))

    def _batches(self, start: int, size: int) -> Iterator[Rows]:
        with self._open() as file, _damaged(self.path, "a Parquet file"):
            for group in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                for batch in file.iter_batches(size, [group], self.wanted.names) if start < rows else ():
                    done = min(start, len(batch))
                    start, rows = start - done, rows - len(batch)
                    if done < len(batch):
                        table = batch.slice(done)
                        yield self.wanted.rows({name: _values(table.column(name)) for name in table.schema.names})
                start = max(0, start - rows)

    def _open(self) -> Any:
        import pyarrow.parquet as pq

        with _damaged(self.path, "a Parquet file"):
            return pq.ParquetFile(self.path, buffer_size=_BUFFER)


def _check_numeric(path: Any, field: Any) -> None:
    import pyarrow as pa

    types = pa.types
    if not any(test(field.type) for test in (types.is_floating, types.is_integer, types.is_boolean, types.is_decimal)):
        raise TypeError(f"column {field.name!r} of {path} must hold numbers; got {field.type}")


def _values(column: Any) -> Array:
    """Return numbers as floats with NaN in a gap, float32 as it is; times and labels as NumPy has them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    single = pa.types.is_float32(column.type)
    exact = not column.null_count and pa.types.is_integer(column.type)
    if not (single or exact) and any(t(column.type) for t in (pa.types.is_floating, pa.types.is_decimal)):
        column = pc.cast(column, pa.float64(), safe=False)
    return np.asarray(column.to_numpy(zero_copy_only=False))


@final
class _Text:
    """A text file with a header line, as `read_series` reads it: nothing is guessed.

    What is done is read again, as text: which formats fit a column is a matter of all its cells.
    """

    rows, values = None, 1 << 18

    def __init__(
        self,
        path: Any,
        wanted: Wanted,
        *,
        sep: str = ",",
        decimal: str = ".",
        thousands: str | None = None,
        encoding: str = "utf-8",
        na: Any = (),
        skip: Any = (),
        time_format: str | None = None,
        dayfirst: bool | None = None,
    ) -> None:
        needed("pandas", "lab", "a text file")
        for name in wanted.names:
            if not isinstance(name, str):
                raise TypeError(f"columns of a text file have names; got {name!r}; use {str(name)!r}")
        self.path, self.wanted, self.mark = path, wanted, _mark(path)
        self.table = Table(path, sep, encoding, tuple(sorted(whole("skip", line, 1) for line in skip)))
        self.numbers = Numbers(decimal, thousands, (na,) if isinstance(na, str) else tuple(na))
        self.ways = None if wanted.times is None else ways_of_times(self.numbers, time_format, dayfirst)
        self.labels = list(wanted.columns or ())

    def pieces(self, start: int, size: int) -> Iterator[Rows]:
        """Yield the rows as they are read, of which the times are looked at from the first on."""
        return _ahead(self._pieces(start))

    def _pieces(self, start: int) -> Iterator[Rows]:
        columns = {name: Column(f"column {name!r} of {self.path}", self.numbers, self.table.skip)
                   for name in self.wanted.names if name != self.wanted.by}  # fmt: skip
        if self.ways is not None:
            columns[self.wanted.times].times = self.ways
        for lines, cells in self.table.pieces(self.wanted.names):
            texts = dict(zip(self.wanted.names, cells, strict=True))
            done = min(start, len(lines))
            start -= done
            table = {name: self._read(columns.get(name), texts[name], lines) for name in texts}
            if done < len(lines):
                yield self.wanted.rows({name: values[done:] for name, values in table.items()})

    def _read(self, column: Column | None, texts: list[str], lines: Array) -> Array:
        if column is None:
            return np.array([text or None for text in texts], dtype=object)
        column.add(texts, lines)
        return np.asarray(column.taken())
