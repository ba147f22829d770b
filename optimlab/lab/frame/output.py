"""Files that appear whole or not at all, and a folder whose results are replaced when the new ones are whole."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from optimlab.files import PART, replacing
from optimlab.lab.frame.errors import StudyError
from optimlab.signals import Deferred

__all__ = ["RECORD", "inside", "reserved", "staging", "whole_file"]

RECORD = "run.json"
"""The last file of a run: where it is, the run is complete."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file as `replacing` does; a StudyError says why it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder, "a.txt")) as file:
    ...         _ = file.write(b"whole")
    ...     os.listdir(folder)
    ['a.txt']
    """
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise StudyError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def reserved(folder: Path) -> Iterator[None]:
    """Make `folder`, prove that it can be written, keep other runs out, and sweep up after a killed run.

    Raises
    ------
    StudyError
        If the folder cannot be made or written, or another run is writing there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as parent, reserved(Path(parent, "results", "demo")):
    ...     os.listdir(Path(parent, "results"))
    ['demo']
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _probe(folder)
    except OSError as error:
        blocked = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "a file is in its place" if blocked else error.strerror
        raise StudyError(f"cannot write into the folder {folder}: {reason}; choose another with --out") from error
    with _locked(folder):
        for part in folder.glob(f".*{PART}"):
            if part.is_file():
                part.unlink(missing_ok=True)
        yield


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Give a run an empty folder inside the reserved folder of its results, where its files go once it has a record.

    What a killed run had completed there is published, other remains are removed.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> with staging(folder) as fresh:
    ...     _ = (fresh / "run.json").write_text('{"files": []}')
    >>> os.listdir(folder)
    ['run.json']
    """
    fresh = folder / f".new{PART}"
    _publish(fresh, folder)
    fresh.mkdir()
    try:
        yield fresh
    finally:
        with Deferred():
            _publish(fresh, folder)


def inside(name: object) -> bool:
    """Return whether a record may call a file of its folder so: a plain name, which leads nowhere else."""
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name and "\0" not in name


def _publish(fresh: Path, folder: Path) -> None:
    """Move what is complete into its folder, the record last, so that a later run can finish it; remove what is not."""
    if (fresh / RECORD).is_file():
        paths = sorted(fresh.iterdir(), key=lambda path: path.name == RECORD)
        for path in paths:
            if (folder / path.name).is_dir():
                raise StudyError(f"cannot write {folder / path.name}: a folder is in its place; move it away")
        for name in _files(folder) - {path.name for path in paths} - _files(fresh):
            (folder / name).unlink(missing_ok=True)
        for path in paths:
            path.replace(folder / path.name)
    shutil.rmtree(fresh, ignore_errors=True)


def _files(folder: Path) -> set[str]:
    """Return the files that the record of a run lists, as far as they are there."""
    try:
        names = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return {name for name in filter(inside, names) if name != RECORD and not (folder / name).is_dir()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()


def _probe(folder: Path) -> None:
    """Write and remove a file: permissions, read-only disks and full ones all show here and only here."""
    probe = folder / f".probe.{os.getpid()}{PART}"
    try:
        probe.write_bytes(b"probe")
    finally:
        probe.unlink(missing_ok=True)


if sys.platform == "win32":

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        yield  # Windows does not lock folders; there the user keeps two runs apart

else:
    import fcntl

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        """Lock the folder itself: no lock file to leave behind, and the kernel unlocks it even after kill -9."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            _lock(handle, folder)
            yield
        finally:
            os.close(handle)

    def _lock(handle: int, folder: Path) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remedy = "wait for it or choose another folder with --out"
            raise StudyError(f"another run is writing into {folder}; {remedy}") from None
        except OSError:
            pass  # a network disk without locks: better unlocked than unusable
