"""The store: every finished task in one SQLite file, each in one transaction."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

from optimlab.checks import NOT_NEGATIVE, number
from optimlab.extras import needed
from optimlab.lab.frame.circumstances import circumstances
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.output import whole_file
from optimlab.lab.sweeps.provenance import Job

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VERSION", "Store"]

VERSION = 1
"""Version of the schema, which the file has as its ``user_version``."""
_OURS = int.from_bytes(b"EMAs")  # the file's application_id
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS task (
    key TEXT PRIMARY KEY, config TEXT NOT NULL, rows TEXT NOT NULL,
    seconds REAL NOT NULL, finished TEXT NOT NULL, provenance TEXT NOT NULL
);
PRAGMA application_id = {_OURS};
PRAGMA user_version = {VERSION};
COMMIT;
"""
_MARKS = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
_PAUSE = 0.01  # seconds between two tries
_KEPT = "what was finished before is kept; run the same again to go on"
_REMEDIES: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: f"another process holds it; {_KEPT} once that has ended, or take another file",
    sqlite3.SQLITE_FULL: f"the disk is full; {_KEPT} once there is room",
    sqlite3.SQLITE_IOERR: f"the disk is full or has failed; {_KEPT} once that is mended",
    sqlite3.SQLITE_READONLY: "it cannot be written; copy it to where you may write, and give the copy",
    sqlite3.SQLITE_CANTOPEN: "it must be a file in a folder that can be written; give another path",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file; give another path, a new file is made there",
    sqlite3.SQLITE_CORRUPT: "it is damaged; move it away and run again, or rescue it with sqlite3's .recover",
}


@final
class Store:
    """What was finished, in one SQLite file: key → rows, with where and how they were computed beside them.

    A task is written in one transaction: a process that is killed loses no task that it had put, and leaves no half of
    one. Several processes may use one file on a disk of their machine at once; a task that is put twice is kept once,
    the first one. (SQLite's write-ahead log does not work across a network: workers elsewhere send their rows to the
    process that has the store.) Files beside it that end with ``-wal`` and ``-shm`` belong to it until it is
    closed, also after a kill: who copies it then, copies them, too.

    Parameters
    ----------
    path : str, PathLike or None
        The file, which is made with its folder if it is not there. None: in memory, for as long as the object lives.
    patience : float, at least 0
        Seconds to wait for a file that another process holds.

    Raises
    ------
    StudyError
        If the file is not a store, is of another version, cannot be opened, or is held for longer; later, if it cannot
        be written.

    Examples
    --------
    >>> class Square:
    ...     key, config = "a key", {"of": 3}
    ...     def run(self):
    ...         return [{"of": 3, "square": 9.0}]
    >>> with Store() as store:
    ...     store.put(Square(), Square().run(), 0.1)
    ...     store.have(["a key", "another"]), store.frame()
    ({'a key'},    of  square
    0   3     9.0)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, patience: float = 30.0) -> None:
        if path is not None and not (isinstance(path, (str, os.PathLike)) and os.fspath(path)):
            raise TypeError(f"path of a store must be a str, a PathLike or None; got {path!r}")
        self.path = None if path is None or path == ":memory:" else Path(path)
        self._patience = number("patience", patience, NOT_NEGATIVE)
        if self.path is not None:
            _make_folder(self.path)
        with self._told():
            self._db = sqlite3.connect(self.path or ":memory:", timeout=self._patience, isolation_level=None)
        try:
            with self._told():
                self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing waits to be written."""
        self._db.close()

    def have(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys whose tasks are there."""
        with self._told():
            found = [self._db.execute("SELECT key FROM task WHERE key = ?", (key,)).fetchone() for key in keys]
        return {row[0] for row in found if row}

    def put(
        self, task: Job, rows: list[dict[str, Any]], seconds: float, *, where: Mapping[str, object] | None = None
    ) -> None:
        """Keep the rows of a finished task: on the disk when this returns; a task that is there stays as it is.

        Parameters
        ----------
        task : object with ``key`` and ``config``
            The task.
        rows : list of dict
            Its rows: texts, numbers, Booleans, None; every float64 is kept with all its bits.
        seconds : float
            How long it took.
        where : mapping, optional
            Circumstances of the process that ran it; by default those of this one.
        """
        provenance = {"command": shlex.join(sys.orig_argv), **(circumstances() if where is None else where)}
        texts = (_canonical(task.config), json.dumps(rows, default=_plain))
        record = (task.key, *texts, float(seconds), datetime.now(UTC).isoformat(), json.dumps(provenance))
        with self._told():
            self._db.execute("INSERT OR IGNORE INTO task VALUES (?, ?, ?, ?, ?, ?)", record)

    def rows(self, keys: Iterable[str] | None = None) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of tasks by key, in the order of `keys`; of all tasks, in that of their configurations.

        A key that is not there is left out.
        """
        with self._told():
            if keys is None:
                found = self._db.execute("SELECT key, rows FROM task ORDER BY config").fetchall()
            else:
                each = (self._db.execute("SELECT key, rows FROM task WHERE key = ?", (key,)) for key in keys)
                found = [row for cursor in each for row in cursor]
        return {key: json.loads(text) for key, text in found}

    def frame(self, keys: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the rows of tasks as one table, in the order of ``rows``: no matter in which they were finished."""
        needed("pandas", "lab", "Store.frame")
        import pandas as pd

        return pd.DataFrame([row for rows in self.rows(keys).values() for row in rows])

    def tasks(self) -> pd.DataFrame:
        """Return a table with a line for each task: key, configuration, seconds, when it was finished, provenance."""
        needed("pandas", "lab", "Store.tasks")
        import pandas as pd

        with self._told():
            found = self._db.execute("SELECT key, config, seconds, finished, provenance FROM task ORDER BY config")
            records = [
                {"key": key, "config": json.loads(config), "seconds": seconds, "finished": end} | json.loads(provenance)
                for key, config, seconds, end, provenance in found
            ]
        return pd.json_normalize(records)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write ``frame()`` to a CSV file, which appears whole or not at all."""
        with whole_file(Path(path)) as file:
            self.frame().to_csv(file, index=False, lineterminator="\n", encoding="utf-8")

    def _begin(self) -> None:
        """Make the table in a new file, and refuse one of another kind."""
        self._db.execute("BEGIN")  # so that all three are of one moment, whoever makes the table meanwhile
        ours, version, tables = (self._db.execute(text).fetchone()[0] for text in _MARKS)
        self._db.execute("COMMIT")
        if not (ours or version or tables):
            self._patiently("PRAGMA journal_mode = WAL")
            self._db.executescript(_SCHEMA)
        elif ours != _OURS:
            raise StudyError(f"{self.path} is a database of another program; give another path, a new file is made")
        elif version != VERSION:
            remedy = "give another path, a new file is made there, or export this one with the version that wrote it"
            raise StudyError(f"{self.path} must have schema version {VERSION}; it has {version}; {remedy}")
        self._db.execute("PRAGMA synchronous = FULL")  # also what a failing power supply interrupts

    def _patiently(self, statement: str) -> None:
        """Execute a statement for which SQLite itself does not wait."""
        end = time.monotonic() + self._patience
        while True:
            try:
                self._db.execute(statement)
            except sqlite3.OperationalError as error:
                if _reason(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what SQLite's errors mean for who runs a sweep."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if (remedy := _REMEDIES.get(_reason(error))) is None:
                raise
            raise StudyError(f"the store {self.path}: {error}: {remedy}") from error


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"the store {path}: its folder cannot be made: {error}; give another path") from error


def _reason(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _canonical(config: Mapping[str, Any]) -> str:
    return json.dumps(config, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """Return the Python number of a NumPy one."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"rows and config of a task must hold texts, numbers, Booleans and None; got {value!r}")
