"""A flat dict of arrays ↔ one ``.npz`` file: no pickle, written whole or not at all, read to the end or refused."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from os import PathLike, fspath

import numpy as np

from optimlab.files import replacing
from optimlab.typing import Array

__all__ = ["load", "save"]


def save(arrays: Mapping[str, Array], path: str | PathLike[str]) -> None:
    """Write the arrays to a file of this name, in the place of an earlier one."""
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load(path: str | PathLike[str]) -> dict[str, Array]:
    """Return the arrays in a file.

    Raises
    ------
    ValueError
        If it is no file of arrays, or damaged.
    OSError
        If it cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return {name.removesuffix(".npy"): _entry(archive, name) for name in archive.namelist()}
        except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds for bytes that are not what they were
            raise ValueError(f"{fspath(path)!r} is not a checkpoint of optimlab, or it is damaged: {error}") from error


def _entry(archive: zipfile.ZipFile, name: str) -> Array:
    """Return one array, read to its end so that its checksum is looked at."""
    with archive.open(name) as entry:
        array: Array = np.lib.format.read_array(entry, allow_pickle=False)
        if entry.read():
            raise ValueError(f"{name} is longer than its array")
    return array
