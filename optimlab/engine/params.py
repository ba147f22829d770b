"""What may be a parameter or a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimlab.trees import kind
from optimlab.typing import Array

__all__ = ["check", "check_apart", "check_first", "check_writable"]

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def check_first(leaves: Sequence[Any], names: tuple[str, ...], replicas: int | None) -> None:
    """Refuse what cannot be parameters: no array, a name twice, not an array of floats, no axis of replicas."""
    if not names:
        raise ValueError("params must hold at least one array; got none")
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise ValueError(f"two leaves have the name {sorted(twice)[0]!r}; rename one of the keys")
    for leaf, name in zip(leaves, names, strict=True):
        if not isinstance(leaf, np.ndarray):
            remedy = "np.asarray makes one of numbers"
            raise TypeError(f"parameter {name!r} must be a NumPy array; got {kind(leaf)}; {remedy}")
        if leaf.dtype not in _DTYPES:
            raise TypeError(f"parameter {name!r} must be float32 or float64; got {leaf.dtype}; convert it with .astype")
        if replicas is not None and leaf.shape[:1] != (replicas,):
            raise ValueError(
                f"parameter {name!r} must have a first axis of {replicas} replicas; got shape {leaf.shape}"
            )


def check_writable(leaves: Sequence[Array], names: tuple[str, ...]) -> None:
    """Refuse parameters that are read-only."""
    for leaf, name in zip(leaves, names, strict=True):
        if not leaf.flags.writeable:
            raise ValueError(f"parameter {name!r} must be writable; it is read-only; pass a copy")


def check_apart(leaves: Sequence[Array], names: tuple[str, ...]) -> None:
    """Refuse two parameters that share memory."""
    spans = sorted((*np.lib.array_utils.byte_bounds(leaf), i) for i, leaf in enumerate(leaves) if leaf.size)
    reach: list[tuple[int, int]] = []
    for low, high, i in spans:
        reach = [(end, j) for end, j in reach if end > low]
        for _, j in reach:
            if np.shares_memory(leaves[i], leaves[j]):
                raise ValueError(_shared(leaves, names, *sorted((i, j))))
        reach.append((high, i))


def _shared(leaves: Sequence[Array], names: tuple[str, ...], i: int, j: int) -> str:
    if leaves[i] is leaves[j]:
        return f"parameters {names[i]!r} and {names[j]!r} are the same array; leave one of them out"
    return f"parameters {names[i]!r} and {names[j]!r} overlap in memory; pass arrays that do not"


def check(leaf: str, given: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Refuse what is not an array of the shape and dtype that a leaf had in the first step."""
    if given is None:
        remedy = "; to leave a leaf as it is, give a gradient of zeros" if leaf.startswith("gradient") else ""
        raise ValueError(f"{leaf} is missing{remedy}")
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{leaf} must be a NumPy array; got {kind(given)}")
    if given.shape != shape:
        raise ValueError(f"{leaf} must have shape {shape}; got {given.shape}")
    if given.dtype != dtype:
        raise TypeError(f"{leaf} must be {dtype} like its parameter; got {given.dtype}; convert it with .astype")
