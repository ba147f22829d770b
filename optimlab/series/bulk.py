"""The EMA of files larger than memory: read, averaged and written some rows at a time; what is killed goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from errno import EISDIR, ENOENT
from pathlib import Path
from typing import Any, Unpack, final

import numpy as np

from optimlab.checks import choice, whole
from optimlab.files import Unfinished, unfinished
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.series.bulk_columns import Rows, Wanted, wanted
from optimlab.series.bulk_progress import Position, discard, load, save
from optimlab.series.bulk_readers import Reader, forget, reader, regrid
from optimlab.series.bulk_writers import writer
from optimlab.series.carried import Piece, Recipe
from optimlab.series.merging import Carried
from optimlab.series.options import NAMES, Options, refuse
from optimlab.typing import Array

__all__ = ["STATISTICS", "Averaged", "ema_file"]

SAVED = 2.0  # seconds from one record of the progress to the next
_SHARE = 20.0  # of which writing one takes at most one part
STATISTICS = ("mean", "sum", "var", "std", "cov", "corr")


@final
@dataclass(frozen=True)
class Averaged:
    """What ``ema_file`` has done.

    Attributes
    ----------
    rows, gaps : int
        Rows of the source, and NaN among their values.
    resumed : int
        Rows that an earlier run, which was stopped, had done.
    seconds : float
        Time of all these runs.
    size : int
        Bytes of the values that this run has read.
    last : ndarray
        The results of the last row.

    Examples
    --------
    >>> ema_file(np.array([1.0, np.nan, 3.0]), None, 0.5).gaps
    1
    """

    rows: int
    gaps: int
    resumed: int
    seconds: float
    size: int
    last: Array


def ema_file(
    source: str | os.PathLike[str] | Array,
    out: str | os.PathLike[str] | Array | None = None,
    beta: Decay | Gain | float | None = None,
    *,
    column: Any = None,
    statistic: str = "mean",
    bias: bool = False,
    of: str = "values",
    chunk: int | None = None,
    dialect: Mapping[str, Any] | None = None,
    progress: Callable[[int, int | None], object] | None = None,
    **options: Unpack[Options],
) -> Averaged:
    """m ← m + k (x - m) from file to file in bounded memory: the results of ``ema`` on all rows at once.

    A file that is written appears when it is whole; until then the earlier one stays. A run that is stopped, or killed,
    leaves what it has done beside it; the same call goes on there, and ends with the same file. A source that has
    changed since is averaged from its beginning.

    Parameters
    ----------
    source : path or ndarray
        An .npy file or array (``np.memmap`` too) of shape (rows,) or (rows, columns), a .parquet file (extra
        ``parquet``), or a text file as ``read_series`` takes it.
    out : path, ndarray or None
        A file that ends in .npy (the results alone), .parquet or .csv (behind the columns of times and groups), or an
        array of the shape and dtype of the results, such as a writeable ``np.memmap``. None: only the last row counts.
    beta : float in [0, 1), Decay or gain
        Decay, as in ``ema``.
    column : str or list of str; of an array int or list of int
        The column, or columns; of an array None means all. "cov" and "corr" take two.
    statistic : {"mean", "sum", "var", "std", "cov", "corr"}
        What is computed, as ``ema``, ``ema_sum``, ... do.
    bias, of
        Of a variance or covariance, and of a sum, as there.
    chunk : int, at least 1
        Rows at a time; by default as many as have 2²² values in an array, 2²⁰ in a Parquet file, 2¹⁸ in a text file.
    dialect : dict, optional
        How a text file is written: ``sep``, ``decimal``, ``thousands``, ``encoding``, ``na``, ``skip``, ``time_format``
        and ``dayfirst`` of ``read_series``.
    progress : callable, optional
        Called at the start and after each chunk with the rows that are done and those that there are (None: unknown).
    **options
        The options of ``ema`` but ``betas`` and ``axis``. ``weights``, ``times`` and ``by`` are columns, by name, of an
        array by position; times that have a time zone become UTC.

    Returns
    -------
    Averaged
        Rows, gaps, seconds, and the results of the last row.

    Raises
    ------
    ValueError, TypeError
        As ``ema``, with the rows where it happened; if a column is not there, or the file is empty or damaged, or an
        unfinished file was begun with other arguments.
    BlockingIOError
        If another process is writing ``out``.
    OSError
        If a file cannot be read or written, such as on a full disk; what is done stays.

    Notes
    -----
    Records of the progress are written every two seconds. The memory is that of a few chunks, 70 MB beyond NumPy and
    numba for a float32 array; the state of each group comes on top. An array in memory as the source starts from its
    beginning each time; of a text file what is done is read again, not averaged again. A .parquet file is written at
    the end, from Arrow's batches beside it, which need the room of the uncompressed columns.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> np.save(folder / "ticks.npy", np.arange(4.0))
    >>> done = ema_file(folder / "ticks.npy", folder / "smooth.npy", 0.5)
    >>> np.load(folder / "smooth.npy").round(3), done.rows
    (array([0.   , 0.667, 1.429, 2.267]), 4)
    """
    choice("statistic", statistic, STATISTICS)
    if isinstance(beta, (np.ndarray, list, tuple)):
        raise TypeError("beta must be one decay or a gain for all rows; got an array")
    refuse(options, "betas", "axis", by="a file")
    if beta is None and all(options.get(name) is None for name in NAMES):
        Decay()  # says what must be given
    settings = {"column": column, "statistic": statistic, "bias": bias, "of": of, "beta": beta, **options}
    keys = {"weights": options.pop("weights", None), "times": options.pop("times", None), "by": options.pop("by", None)}
    array = isinstance(source, np.ndarray) or Path(source).suffix.lower() == ".npy"
    wants = wanted(column, statistic, keys, array)
    rows = reader(source, wants, dict(dialect or {}))
    size = max(1, rows.values // len(rows.labels)) if chunk is None else whole("chunk", chunk, 1)
    recipe = Recipe(statistic, beta, options, bias=bias, of=of)
    one = _Pass(recipe, rows, wants, size, "x" if isinstance(source, np.ndarray) else str(source), progress)
    if out is None or isinstance(out, np.ndarray):
        return _into(one, out)
    arguments = {name: repr(value) for name, value in (settings | {"chunk": size}).items()}
    return _to_file(one, Path(os.path.realpath(out)), arguments)


@final
@dataclass
class _Pass:
    """One pass over a source, from where it is."""

    recipe: Recipe
    reader: Reader
    wanted: Wanted
    size: int
    name: str
    progress: Callable[[int, int | None], object] | None
    at: Position = field(default_factory=Position)
    begun: int = 0
    bytes: int = 0
    clock: float = field(default_factory=time.perf_counter)

    @property
    def keys(self) -> dict[str, Any]:
        """The columns that a table of results has beside them."""
        return {role: name for role, name in self.wanted.keys.items() if role != "weights"}

    @property
    def labels(self) -> list[str]:
        """What the columns of results are called."""
        return ["_".join(self.reader.labels)] if self.wanted.pair else self.reader.labels

    def results(self) -> Iterator[tuple[Rows, Array]]:
        """Yield the rows and their results, chunk by chunk, and go on with the state."""
        arrays = self.at.arrays
        carry = Carried.of({name: arrays[name] for name in arrays if name != "last"}) if arrays else None
        self._tell()
        for rows in regrid(self.reader.pieces(self.at.rows, self.size), self.size):
            result, carry = self._step(rows, carry)
            self.at.rows, self.at.gaps = self.at.rows + len(result), self.at.gaps + _gaps(rows)
            self.at.arrays = {**carry.arrays(), "last": result[-1:].copy()}
            self.bytes += rows["x"].nbytes + (rows["y"].nbytes if "y" in rows else 0)
            yield rows, result
            self._tell()
        if not self.at.rows:
            raise ValueError(f"{self.name} holds no rows")

    def _step(self, rows: Rows, carry: Carried | None) -> tuple[Array, Carried]:
        try:
            return self.recipe.results(Piece(**rows), carry)
        except (ValueError, TypeError) as error:
            first, last = self.at.rows, self.at.rows + len(rows["x"]) - 1
            where = f"{self.name}, rows {first} to {last}, counted from the first of them"
            raise type(error)(f"{where}: {error}") from error

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(self.at.rows, self.reader.rows)

    def go_on(self, position: Position) -> None:
        """Begin where an earlier run stopped."""
        self.at, self.begun, self.clock = position, position.rows, time.perf_counter() - position.seconds

    def seconds(self) -> float:
        """Return the time of all runs."""
        return time.perf_counter() - self.clock

    def averaged(self) -> Averaged:
        """Return what there is to say at the end."""
        at = self.at
        return Averaged(at.rows, at.gaps, self.begun, self.seconds(), self.bytes, at.arrays["last"][0])


def _gaps(rows: Rows) -> int:
    """Count NaN; that a sum is finite says at half of the cost that there are none."""
    parts = [rows[role] for role in ("x", "y") if role in rows and rows[role].dtype.kind == "f"]
    with np.errstate(invalid="ignore", over="ignore"):
        return sum(int(np.count_nonzero(x != x)) for x in parts if not abs(x.sum()) < np.inf)


def _into(one: _Pass, out: Array | None) -> Averaged:
    """Write the results into an array, or nowhere."""
    for _, result in one.results():
        if out is None:
            continue
        to = out[one.at.rows - len(result) : one.at.rows]
        if to.shape != result.shape or out.dtype != result.dtype or len(out) != (one.reader.rows or len(out)):
            shape = (one.reader.rows or "rows", *result.shape[1:])
            raise ValueError(
                f"out must have shape {shape} and dtype {result.dtype}, as the results have; got {out.shape} and "
                f"{out.dtype}"
            )
        to[...] = result
        forget(out)
    return one.averaged()


def _to_file(one: _Pass, target: Path, arguments: dict[str, str]) -> Averaged:
    """Write the results to a file, or go on with one that is unfinished."""
    form, source = writer(target), one.reader.mark
    if target.is_dir():
        raise IsADirectoryError(EISDIR, "a folder is in its place; give another name", str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(ENOENT, "there is no such folder", str(target.parent))
    if source is not None and source["path"] == str(target):
        raise ValueError(f"out must be another file than the source; got {target} for both")
    with unfinished(target) as part:
        part.end = "kept"
        if source is not None:
            one.go_on(load(target, source, arguments))
        if one.at.size > part.file.seek(0, os.SEEK_END):  # the record of a file that is gone
            one.go_on(Position())
        part.file.truncate(one.at.size)
        part.file.seek(one.at.size)
        part.end = "kept" if one.begun else "removed"
        due = time.perf_counter() + SAVED
        for rows, result in one.results():
            keys = {str(name): rows[role] for role, name in one.keys.items()}
            form.append(part.file, keys, one.labels, result)
            if source is not None and time.perf_counter() > due:
                due = _saved(one, part, lambda: save(target, one.at, source, arguments))
        part.end = form.finish(part.file, target, one.at.rows)
    discard(target)
    return one.averaged()


def _saved(one: _Pass, part: Unfinished, record: Callable[[], None]) -> float:
    """Bring what is done to the disk, then the record of it; return when the next one is due."""
    begun = time.perf_counter()
    part.file.flush()
    os.fsync(part.file.fileno())
    one.at.size, one.at.seconds = part.file.tell(), one.seconds()
    record()
    part.end = "kept"
    now = time.perf_counter()
    return now + max(SAVED, _SHARE * (now - begun))
