"""A checkpoint ↔ one ``.npz`` file: no pickle, written whole or not at all, nothing read that the header does not say.

Members, none of them compressed: ``header.npy``, and for each dtype one flat array, such as ``float64.npy``, of all
arrays of this dtype, one after the other in the header's order: 10⁵ leaves are as few members as one. Numbers are
little-endian, times are zero: equal states are equal files.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from itertools import groupby
from math import prod
from os import PathLike, fspath
from typing import Any, BinaryIO

import numpy as np

from optimlab.checkpoint.header import Header, Kind, Saved, parsed, shown
from optimlab.files import replacing
from optimlab.typing import Array

__all__ = ["load", "save"]

CHUNK = 1 << 16
"""Bytes that are written or read at once."""


def save(header: Header, arrays: Mapping[str, Array], path: str | PathLike[str]) -> None:
    """Write arrays of the header's kinds to a file of this name, in the place of an earlier one."""
    text, members = header.text(), _members(header)
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        _write(archive, "header", _prelude(text.dtype.str, ()), [text.tobytes()])
        for dtype, kinds in members.items():
            flat = _flattened([arrays[key] for key in kinds], _little(dtype))
            _write(archive, dtype, _prelude(_little(dtype).str, (_size(kinds),)), flat)


def _members(header: Header) -> dict[str, dict[str, Kind]]:
    """Return the kinds of the arrays, by the dtype that they share."""
    members: dict[str, dict[str, Kind]] = {}
    for key, kind in header.kinds().items():
        members.setdefault(kind[1], {})[key] = kind
    return members


def _size(kinds: Mapping[str, Kind]) -> int:
    return sum([prod(shape) for shape, _ in kinds.values()])


def _little(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")


def _prelude(descr: str, shape: tuple[int, ...]) -> bytes:
    """Return how NumPy begins a file of an array."""
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def _same(prelude: bytes, expected: bytes) -> bool:
    """Whether both say the same; how many blanks follow differs among versions of NumPy."""
    return (prelude[:8], prelude[10:].rstrip()) == (expected[:8], expected[10:].rstrip())


def _write(archive: zipfile.ZipFile, name: str, prelude: bytes, parts: Iterable[Any]) -> None:
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
        entry.write(prelude)
        for part in parts:
            entry.write(part)


def _flattened(arrays: Iterable[Array], dtype: np.dtype[Any]) -> Iterator[Array]:
    """Yield the numbers of the arrays in order, many small ones at once, a large one as it lies in memory."""
    for large, group in groupby(arrays, lambda array: array.nbytes >= CHUNK):
        flat = (np.ascontiguousarray(array, dtype).reshape(-1) for array in group)
        if large:
            yield from flat
        else:
            yield from _together(flat)


def _together(arrays: Iterable[Array]) -> Iterator[Array]:
    held: list[Array] = []
    size = 0
    for array in arrays:
        held.append(array)
        size += array.nbytes
        if size >= CHUNK:
            yield np.concatenate(held)
            held, size = [], 0
    if held:
        yield np.concatenate(held)


def load(path: str | PathLike[str]) -> Saved:
    """Return what is in a file; the arrays are views of a few flat ones.

    Raises
    ------
    ValueError
        If it is no checkpoint, of another version, or damaged.
    OSError
        If it cannot be opened.
    """
    name = repr(fspath(path))
    with open(path, "rb") as file:
        with _distrust(name):
            archive = _Archive(file)
            text = archive.header()
        header = parsed(text, name)
        with _distrust(name):
            return Saved(header, archive.arrays(header), name, f"opt.load({name}")


@contextmanager
def _distrust(name: str) -> Iterator[None]:
    """Make one error of the dozen kinds that zipfile and NumPy raise for bytes that are not what they were."""
    try:
        yield
    except Exception as error:
        words = shown(str(error) or repr(error))
        raise ValueError(f"{name} is not a checkpoint of optimlab, or it is damaged: {words}") from error


class _Archive:
    """A zip file, of which no more is read than there is, or than the header says."""

    def __init__(self, file: BinaryIO) -> None:
        self.zip = zipfile.ZipFile(file)
        self.members: dict[str, zipfile.ZipInfo] = {}
        for info in self.zip.infolist():
            if info.filename in self.members:
                raise ValueError(f"{info.filename!r} is there twice")
            if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
                raise ValueError(f"{info.filename!r} is compressed, which no checkpoint is")
            self.members[info.filename] = info
        if sum([info.file_size for info in self.members.values()]) > os.fstat(file.fileno()).st_size:
            raise ValueError("its members are longer than the file")

    def header(self) -> bytes | str:
        """Return the header's text; one of UTF-32, as of older versions, too."""
        with self._opened("header") as (entry, prelude, size):
            new = _same(prelude, _prelude(f"|S{size}", ()))
            if not new and not _same(prelude, _prelude(f"<U{size // 4}", ())):
                raise ValueError("its header is no text")
            text = self._filled(entry, np.empty(size, np.uint8)).tobytes()
        return text.rstrip(b"\0") if new else text.decode("utf-32-le").rstrip("\0")

    def arrays(self, header: Header) -> dict[str, Array]:
        """Return the arrays that the header lists, if the members are these."""
        members = _members(header)
        different = self.members.keys() ^ {f"{name}.npy" for name in ("header", *members)}
        if different:
            raise ValueError(f"{sorted(different)} are missing, or too many")
        found: dict[str, Array] = {}
        for dtype, kinds in members.items():
            flat, start = self._flat(dtype, _size(kinds)), 0
            for key, (shape, _) in kinds.items():
                stop = start + prod(shape)
                found[key] = flat[start:stop].reshape(shape)
                start = stop
        return found

    def _flat(self, dtype: str, count: int) -> Array:
        little = _little(dtype)
        with self._opened(dtype) as (entry, prelude, size):
            if size != count * little.itemsize or not _same(prelude, _prelude(little.str, (count,))):
                raise ValueError(f"{dtype}.npy is no array of {count} numbers, as the header has it")
            flat = np.empty(count, little)
            octets = self._filled(entry, flat.view(np.uint8))
        if little.kind == "b" and np.any(octets > 1):
            raise ValueError("a truth value is neither true nor false")
        return flat.astype(dtype, copy=False)

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[Any, bytes, int]]:
        """Open a member; yield it, how it begins, and how many bytes follow."""
        info = self.members.get(f"{name}.npy")
        if info is None:
            raise ValueError(f"it has no {name}")
        with self.zip.open(info) as entry:
            start = entry.read(10)
            prelude = start + entry.read(int.from_bytes(start[8:], "little"))
            yield entry, prelude, info.file_size - len(prelude)

    @staticmethod
    def _filled(entry: Any, octets: Array) -> Array:
        """Read bytes, to the end of the member, so that its checksum is looked at."""
        start = 0
        while start < octets.size:
            count = entry.readinto(octets[start : start + CHUNK])
            if not count:
                raise ValueError("it ends too early")
            start += count
        if entry.read(1):
            raise ValueError("a member is longer than its array")
        return octets
