"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EWOULDBLOCK
from pathlib import Path
from typing import BinaryIO, Literal, final

__all__ = ["PART", "Unfinished", "replacing", "unfinished"]

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
            _settle(file, part, target)
            if _LOCKS:
                os.replace(part, target)
        if not _LOCKS:
            os.replace(part, target)  # which Windows does to no open file
    finally:
        part.unlink(missing_ok=True)
    _sync(target.parent)


@final
@dataclass
class Unfinished:
    """A file that is written in several runs, open for reading and writing, and what becomes of it at the end."""

    file: BinaryIO
    end: Literal["removed", "kept", "whole"] = "removed"


@contextmanager
def unfinished(path: str | os.PathLike[str]) -> Iterator[Unfinished]:
    """Open the file beside ``path`` that a writer which was stopped, or killed, has left, or a new one.

    It is locked: a second writer is refused. At the end it is removed, or kept for the next writer, or takes the place
    of ``path``, as ``end`` says, also after an exception.

    Parameters
    ----------
    path : str or PathLike
        The file to write or replace in the end; its folder exists.

    Yields
    ------
    Unfinished
        The unfinished file, at its beginning.

    Raises
    ------
    BlockingIOError
        If another process is writing it.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for end in ("kept", "whole"):
    ...         with unfinished(Path(folder, "a.txt")) as part:
    ...             print(part.file.read())
    ...             _ = part.file.write(b"begun")
    ...             part.end = end
    ...     os.listdir(folder)
    b''
    b'begun'
    ['a.txt']
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.unfinished")
    handle = _taken_up(part, target)
    with open(handle, "r+b") as file:
        one = Unfinished(file)
        try:
            yield one
        finally:
            if one.end == "whole":
                _settle(file, part, target)
            if _LOCKS:
                _ended(one, part, target)
    if not _LOCKS:
        _ended(one, part, target)
    _sync(target.parent)


def _taken_up(part: Path, target: Path) -> int:
    """Open and lock the file that is to be gone on with, which may be moved or removed before it is locked."""
    while True:
        mode = _mode(target)
        handle = os.open(part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666 if mode is None else mode)
        if _locked(handle) is False:
            os.close(handle)
            raise BlockingIOError(EWOULDBLOCK, "another process is writing it; wait, or give another name", str(target))
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), part.stat()):
                return handle
        os.close(handle)


def _ended(one: Unfinished, part: Path, target: Path) -> None:
    if one.end == "whole":
        os.replace(part, target)
    elif one.end == "removed":
        part.unlink(missing_ok=True)


def _settle(file: BinaryIO, part: Path, target: Path) -> None:
    """Bring all bytes to the disk, and give the file the mode of the one that it replaces."""
    file.flush()
    mode = _mode(target)
    if mode is not None:
        part.chmod(mode)  # which the process's mask may have made stricter
    os.fsync(file.fileno())


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
