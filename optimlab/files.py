"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["PART", "replacing"]

PART = ".part"
"""How the name of an unfinished file ends; one that is left over was killed."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that takes the place of ``path`` once it is complete and on the disk.

    The bytes go to a file beside it, which is then renamed. Whatever happens in between (an exception, Ctrl-C, a full
    disk), ``path`` keeps its earlier content. A link stays one, and a file that is replaced keeps its mode.

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
    part = target.with_name(f".{target.name}.{os.urandom(6).hex()}{PART}")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    _sync(target.parent)


def _sync(folder: Path) -> None:
    """Make the rename last; only POSIX opens folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
