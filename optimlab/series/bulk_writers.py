"""Averages written some rows at a time, to a file that can be cut off at any of them and gone on with."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, final

import numpy as np

from optimlab.extras import needed
from optimlab.files import replacing
from optimlab.typing import Array

__all__ = ["Writer", "writer"]

Columns = dict[str, Array]
End = Literal["whole", "removed"]


class Writer(Protocol):
    """A format: what is written of some rows, and what makes the file whole."""

    def append(self, file: BinaryIO, keys: Columns, labels: list[str], results: Array) -> None:
        """Write rows at the end of a file, before the first ones what stands at its head."""
        ...

    def finish(self, file: BinaryIO, target: Path, rows: int) -> End:
        """Make the file whole, or write the target from it."""
        ...


def writer(path: Path) -> Writer:
    """Return what writes a file, by the end of its name."""
    writers: dict[str, type[Writer]] = {".npy": _Npy, ".parquet": _Parquet, ".csv": _Csv}
    if path.suffix.lower() not in writers:
        raise ValueError(f"out must end in {', '.join(writers)}; got {str(path)!r}")
    if path.suffix.lower() == ".parquet":
        needed("pyarrow", "parquet", "a Parquet file")
    return writers[path.suffix.lower()]()


def _columns(labels: list[str], results: Array) -> Columns:
    table = results if results.ndim == 2 else results[:, np.newaxis]
    return {label: table[:, c] for c, label in enumerate(labels)}


@final
class _Npy:
    """The averages alone, as ``np.save`` writes them; the number of rows is set at the end, where there is room."""

    def append(self, file: BinaryIO, keys: Columns, labels: list[str], results: Array) -> None:
        if not file.tell():
            _write_header(file, results.dtype, (0, *results.shape[1:]))
        file.write(np.ascontiguousarray(results).data.cast("B"))

    def finish(self, file: BinaryIO, target: Path, rows: int) -> End:
        file.seek(0)
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        file.seek(0)
        _write_header(file, dtype, (rows, *shape[1:]))
        return "whole"


def _write_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)


@final
class _Csv:
    """A header line, then times, labels and averages; numbers as they are read back, nothing where there is none."""

    def append(self, file: BinaryIO, keys: Columns, labels: list[str], results: Array) -> None:
        columns = keys | _columns(labels, results)
        text = io.StringIO(newline="")
        lines = csv.writer(text, lineterminator="\n")
        if not file.tell():
            lines.writerow(columns)
        lines.writerows(zip(*map(_cells, columns.values()), strict=True))
        file.write(text.getvalue().encode())

    def finish(self, file: BinaryIO, target: Path, rows: int) -> End:
        return "whole"


def _cells(column: Array) -> list[Any]:
    if column.dtype.kind == "M":
        return ["" if cell == "NaT" else cell for cell in np.datetime_as_string(column).tolist()]
    if column.dtype == np.float32:  # its own shortest digits, not those of the float64 of the same value
        column = column.astype("U16").astype(object)
        return ["" if cell == "nan" else cell for cell in column.tolist()]
    return ["" if cell != cell else cell for cell in column.tolist()]


@final
class _Parquet:
    """Batches of Arrow one after the other, of which the file is made at the end: Parquet cannot be gone on with."""

    def append(self, file: BinaryIO, keys: Columns, labels: list[str], results: Array) -> None:
        import pyarrow as pa

        columns = keys | _columns(labels, results)
        if file.tell():
            schema = self._schema(file)
        else:
            schema = pa.schema([(name, _type(values)) for name, values in columns.items()])
            file.write(schema.serialize())
        arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in schema]
        file.write(pa.record_batch(arrays, schema=schema).serialize())

    def finish(self, file: BinaryIO, target: Path, rows: int) -> End:
        import pyarrow as pa
        import pyarrow.parquet as pq

        file.seek(0)
        batches = pa.ipc.open_stream(file)
        with replacing(target) as whole, pq.ParquetWriter(whole, batches.schema) as parquet:
            for batch in batches:
                parquet.write_batch(batch)
        return "removed"

    def _schema(self, file: BinaryIO) -> Any:
        import pyarrow as pa

        file.seek(0)
        try:
            return pa.ipc.read_schema(file)
        finally:
            file.seek(0, io.SEEK_END)


def _type(values: Array) -> Any:
    """Return the type of a column, whatever its later rows hold: objects are text."""
    import pyarrow as pa

    return pa.string() if values.dtype == object else pa.from_numpy_dtype(values.dtype)
