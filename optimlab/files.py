"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["PART", "replacing"]

PART = ".part"
"""How the name of an unfinished file ends; one that is left over was killed."""


_LOCKS = os.name == "posix"


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that takes the place of ``path`` once it is complete and on the disk.

    The bytes go to a file beside it, which is then renamed. Whatever happens in between (an exception, Ctrl-C, a full
    disk), ``path`` keeps its earlier content. A link stays one, and a file that is replaced keeps its mode; the file
    beside it is never open to more.

    A writer that is killed leaves the file beside it, which the next one removes: a living writer holds a lock on it
    (``flock``) that ends with its process, whatever ends that. On a disk that machines share, but not its locks, one of
    two that write the same file may find its own removed: a FileNotFoundError, and the other's file is there.

    Parameters
    ----------
    path : str or PathLike
        The file to write or replace; its folder exists.

    Yields
    ------
    BinaryIO
        The unfinished file, open for writing.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "a.txt")) as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "a.txt").read_bytes(), os.listdir(folder)
    (b'whole', ['a.txt'])
    """
    target = Path(os.path.realpath(path))
    _clear(target)
    mode = _mode(target)
    part, handle = _begun(target, 0o666 if mode is None else mode)
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            mode = _mode(target)
            if mode is not None:
                part.chmod(mode)  # which the process's mask may have made stricter
            os.fsync(handle)
            if _LOCKS:
                os.replace(part, target)
        if not _LOCKS:
            os.replace(part, target)  # which Windows does to no open file
    finally:
        part.unlink(missing_ok=True)
    _sync(target.parent)


def _mode(target: Path) -> int | None:
    with suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    return None


def _begun(target: Path, mode: int) -> tuple[Path, int]:
    """Make a file beside the target, which no one else takes for one that is left over."""
    while True:
        part = target.with_name(f".{target.name}.{os.urandom(6).hex()}{PART}")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        if _locked(handle) is not False and os.fstat(handle).st_nlink:
            return part, handle
        os.close(handle)  # removed before it was locked


def _clear(target: Path) -> None:
    """Remove what killed writers of this file have left."""
    form = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}{re.escape(PART)}")
    with suppress(OSError):  # no folder: the error comes when the file is made
        for part in [entry.path for entry in os.scandir(target.parent) if form.fullmatch(entry.name)]:
            with suppress(OSError):
                _remove_unlocked(part)


if _LOCKS:
    import fcntl

    def _locked(handle: int) -> bool | None:
        """Lock a file for as long as it is open; None where there are no locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True

    def _remove_unlocked(part: str) -> None:
        handle = os.open(part, os.O_RDONLY)
        try:
            if _locked(handle):
                os.unlink(part)
        finally:
            os.close(handle)

else:

    def _locked(handle: int) -> bool | None:
        """On Windows an open file cannot be removed."""
        return None

    def _remove_unlocked(part: str) -> None:
        os.unlink(part)


def _sync(folder: Path) -> None:
    """Make the rename last; only POSIX opens folders."""
    if _LOCKS:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
