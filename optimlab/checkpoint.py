"""One ``.npz`` file that a run goes on from as if it had never stopped: no pickle, written whole or not at all.

Entries: ``header`` (JSON: format, version, rule, average, replicas, hooks, leaves, entries), ``t``, ``diverged``,
``state/<leaf>/<slot>``, ``average/<leaf>/<slot>`` and ``hooks/<index>/<key>``.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimlab.engine.layout import Layout

if TYPE_CHECKING:
    from optimlab.optimizer import Optimizer

__all__ = ["load", "save"]

FORMAT = "optimlab optimizer"
VERSION = 1

_KEYS = {"rule", "average", "replicas", "hooks", "leaves", "entries"}

Arrays = dict[str, NDArray[Any]]


def save(optimizer: Optimizer, path: str | os.PathLike[str]) -> None:
    """Write a checkpoint: to a temporary file beside it, then renamed in one operation."""
    arrays = _arrays(optimizer)
    target = Path(os.path.realpath(path))  # a link stays one
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync(target.parent)


def _umask() -> int:
    """Return the mask of new files, which only setting it tells."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync(folder: Path) -> None:
    """Make the rename last; only POSIX opens folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _arrays(optimizer: Optimizer) -> Arrays:
    layout = optimizer._layout
    if layout is None:
        raise ValueError("there is nothing to save before the first step: the optimizer has not seen params yet")
    arrays = {"t": np.asarray(optimizer.t)}
    if optimizer.replicas is not None:
        arrays["diverged"] = optimizer.diverged
    for block, names in _blocks(optimizer).items():
        for leaf, slots in layout.slots(block, names).items():
            arrays |= {f"{block}/{leaf}/{slot}": value for slot, value in slots.items()}
    for index, hook in _stateful(optimizer).items():
        arrays |= {f"hooks/{index}/{key}": np.asarray(value) for key, value in hook.state().items()}
    header = _header(optimizer) | {"leaves": _leaves(layout), "entries": sorted(arrays)}
    return {"header": np.array(json.dumps(header))} | arrays


def _header(optimizer: Optimizer) -> dict[str, Any]:
    hooks = {str(index): type(hook).__name__ for index, hook in _stateful(optimizer).items()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "rule": _text(optimizer.rule),
        "average": _text(optimizer.average),
        "replicas": optimizer.replicas,
        "hooks": hooks,
    }


def _text(rule: Any) -> str:
    """Return the rule's repr; where a function lies in memory does not count."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(rule))


def _leaves(layout: Layout) -> dict[str, list[Any]]:
    return {
        name: [list(shape), str(dtype)]
        for name, shape, dtype in zip(layout.names, layout.shapes, layout.dtypes, strict=True)
    }


def _blocks(optimizer: Optimizer) -> dict[str, tuple[str, ...]]:
    average = () if optimizer.average is None else optimizer.average.slots
    return {"state": optimizer.rule.slots, "average": average}


def _stateful(optimizer: Optimizer) -> dict[int, Any]:
    return {index: hook for index, hook in enumerate(optimizer.hooks) if hasattr(hook, "state")}


def load(optimizer: Optimizer, path: str | os.PathLike[str]) -> None:
    """Read a checkpoint; everything is checked before anything is changed."""
    arrays = _read(path)
    header = _checked_header(arrays, path)
    _compare(header, _header(optimizer), path)
    _check_entries(optimizer, header, arrays, path)
    if optimizer._layout is not None:
        _check_leaves(header["leaves"], optimizer._layout, path)
    _load_hooks(_stateful(optimizer), arrays, path)
    fill = partial(_fill, optimizer, header["leaves"], arrays, path)
    if optimizer._layout is not None:
        fill(optimizer._layout)
    optimizer._pending = None if optimizer._layout is not None else fill
    t = arrays["t"]
    optimizer._t = int(t) if t.ndim == 0 else t
    optimizer._latest_lr = None
    if optimizer._guard is not None:
        optimizer._guard.diverged[...] = arrays["diverged"]


def _load_hooks(hooks: dict[int, Any], arrays: Arrays, path: Any) -> None:
    """Give each hook its state, or all of them what they had."""
    before = [(hook, hook.state()) for hook in hooks.values()]
    try:
        for index, hook in hooks.items():
            prefix = f"hooks/{index}/"
            hook.load_state({key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)})
    except Exception as error:
        for hook, state in before:
            hook.load_state(state)
        raise ValueError(f"{_name(path)} does not hold the state of this optimizer's hooks: {error!r}") from error


def _read(path: str | os.PathLike[str]) -> Arrays:
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            return {name.removesuffix(".npy"): _entry(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError, AttributeError, NotImplementedError) as error:
        raise ValueError(f"{_name(path)} is not a checkpoint of optimlab, or it is damaged: {error}") from error


def _entry(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return one array, read to its end so that its checksum is looked at."""
    with archive.open(name) as entry:
        array: NDArray[Any] = np.lib.format.read_array(entry, allow_pickle=False)
        if entry.read():
            raise ValueError(f"{name} is longer than its array")
    return array


def _name(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))


def _checked_header(arrays: Arrays, path: Any) -> dict[str, Any]:
    try:
        header = json.loads(str(arrays["header"]))
        known = header["format"] == FORMAT and isinstance(header["version"], int)
    except (KeyError, ValueError, TypeError):
        known = False
    if not known:
        raise ValueError(f"{_name(path)} is not a checkpoint of optimlab")
    if header["version"] > VERSION:
        raise ValueError(
            f"{_name(path)} has format version {header['version']}; this optimlab reads up to {VERSION}; update it"
        )
    if not header.keys() >= _KEYS:
        raise ValueError(f"{_name(path)} is damaged: its header lacks {sorted(_KEYS - header.keys())}")
    return header  # type: ignore[no-any-return]


def _compare(saved: dict[str, Any], ours: dict[str, Any], path: Any) -> None:
    for key in ("rule", "average", "replicas", "hooks"):
        if saved[key] != ours[key]:
            raise ValueError(f"{_name(path)} has {key} {saved[key]}; this optimizer has {ours[key]}")


def _check_entries(optimizer: Optimizer, header: dict[str, Any], arrays: Arrays, path: Any) -> None:
    """Every slot of every leaf must be there, with its shape and dtype, and all that the header names."""
    for block, names in _blocks(optimizer).items():
        for leaf, (shape, dtype) in header["leaves"].items():
            for slot in names:
                value = arrays.get(f"{block}/{leaf}/{slot}")
                if value is None or list(value.shape) != shape or str(value.dtype) != dtype:
                    raise ValueError(f"{_name(path)} is damaged: the {block} {slot!r} of {leaf!r} is missing or wrong")
    count = optimizer.replicas
    t, wanted = arrays.get("t"), [()] if count is None else [(), (count,)]
    if (
        t is None
        or t.dtype.kind != "i"
        or t.shape not in wanted
        or (t < 0).any()
        or (count and "diverged" not in arrays)
    ):
        raise ValueError(f"{_name(path)} is damaged: t or the marks of diverged replicas are missing or wrong")
    different = set(header["entries"]).symmetric_difference(arrays.keys() - {"header"})
    if different:
        raise ValueError(f"{_name(path)} is damaged: {sorted(different)} are missing, or too many")


def _check_leaves(saved: dict[str, list[Any]], layout: Layout, path: Any) -> None:
    ours = _leaves(layout)
    if list(saved) != list(ours) and set(saved) != set(ours):
        raise ValueError(f"{_name(path)} has leaves {sorted(saved)}; the parameters have {sorted(ours)}")
    for name, leaf in saved.items():
        if leaf != ours[name]:
            raise ValueError(f"{_name(path)} has leaf {name!r} as {tuple(leaf)}; the parameters as {tuple(ours[name])}")


def _fill(optimizer: Optimizer, leaves: dict[str, list[Any]], arrays: Arrays, path: Any, layout: Layout) -> None:
    _check_leaves(leaves, layout, path)
    for block, names in _blocks(optimizer).items():
        for name, leaf, view in layout.writable(block, names):
            view[...] = arrays[f"{block}/{leaf}/{name}"]
