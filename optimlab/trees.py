"""Nested dicts, lists and tuples of arrays, read in one order and named by their place: ``layers.0.bias``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Branch", "Leaf", "Tree", "checked_apart", "checked_parameter", "chosen", "complaint", "patterns", "tree_of"]

Array = NDArray[Any]
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True)
class Leaf:
    """The place of one array."""

    name: str

    def values(self, tree: Any) -> list[Any]:
        """Return the array."""
        return [tree]


@dataclass(frozen=True)
class Branch:
    """A dict, list or tuple: its keys and what is under them."""

    name: str
    keys: tuple[Any, ...]
    nodes: tuple[Leaf | Branch, ...]
    mapping: bool

    def values(self, tree: Any) -> list[Any]:
        """Return what ``tree`` holds under the keys, or say how it differs."""
        if self.mapping:
            return self._by_key(tree)
        if not isinstance(tree, (list, tuple)):
            raise TypeError(f"{_place(self.name)} must be a list or tuple as in the parameters; got {_kind(tree)}")
        if len(tree) != len(self.keys):
            raise ValueError(f"{_place(self.name)} must have {len(self.keys)} entries; got {len(tree)}")
        return list(tree)

    def _by_key(self, tree: Any) -> list[Any]:
        if not isinstance(tree, Mapping):
            raise TypeError(f"{_place(self.name)} must be a dict as in the parameters; got {_kind(tree)}")
        if len(tree) > len(self.keys):
            extra = [key for key in tree if key not in self.keys]
            raise ValueError(f"{_place(self.name)} has entries that the optimizer does not know: {extra}")
        return [tree.get(key) for key in self.keys]


@dataclass(frozen=True)
class Tree:
    """The structure of the parameters.

    Attributes
    ----------
    root : Leaf or Branch
        The structure.
    names : tuple of str
        Names of the leaves, in order.
    """

    root: Leaf | Branch
    names: tuple[str, ...]

    @cached_property
    def shallow(self) -> bool:
        """Whether no container lies inside another."""
        return isinstance(self.root, Leaf) or all(isinstance(node, Leaf) for node in self.root.nodes)

    def leaves(self, tree: Any) -> list[Any]:
        """Return the leaves of a tree of this structure, in order; what is missing is None."""
        if self.shallow:
            return self.root.values(tree)
        found: list[Any] = []
        _collect(self.root, tree, found)
        return found


def _collect(node: Leaf | Branch, tree: Any, found: list[Any]) -> None:
    if isinstance(node, Leaf):
        found.append(tree)
        return
    if tree is None:
        raise ValueError(f"{_place(node.name)} is missing")
    for child, value in zip(node.nodes, node.values(tree), strict=True):
        _collect(child, value, found)


def tree_of(params: Any) -> Tree:
    """Return the structure of the parameters."""
    names: list[str] = []
    root = _node(params, "", names)
    if not names:
        raise ValueError("params must hold at least one array; got none")
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise ValueError(f"two leaves have the name {sorted(twice)[0]!r}; rename one of the keys")
    return Tree(root, tuple(names))


def _node(tree: Any, name: str, names: list[str]) -> Leaf | Branch:
    mapping = isinstance(tree, Mapping)
    if not mapping and not isinstance(tree, (list, tuple)):
        names.append(name or "params")
        return Leaf(name or "params")
    keys = tuple(tree) if mapping else tuple(range(len(tree)))
    nodes = tuple(_node(tree[key], f"{name}.{key}" if name else str(key), names) for key in keys)
    return Branch(name, keys, nodes, mapping)


def _place(name: str) -> str:
    return f"entry {name!r}" if name else "the container"


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def checked_parameter(leaf: Any, name: str, replicas: int | None) -> None:
    """Refuse what cannot be a parameter: not an array, not a float, read-only, without the replicas' axis."""
    if not isinstance(leaf, np.ndarray):
        raise TypeError(f"parameter {name!r} must be a NumPy array; got {_kind(leaf)}; np.asarray makes one of numbers")
    if leaf.dtype not in DTYPES:
        raise TypeError(f"parameter {name!r} must be float32 or float64; got {leaf.dtype}; convert it with .astype")
    if not leaf.flags.writeable:
        raise ValueError(f"parameter {name!r} must be writable; it is read-only; pass a copy")
    if replicas is not None and leaf.shape[:1] != (replicas,):
        raise ValueError(f"parameter {name!r} must have a first axis of {replicas} replicas; got shape {leaf.shape}")


def checked_apart(leaves: list[Array], names: tuple[str, ...]) -> None:
    """Refuse two parameters that share memory."""
    spans = sorted((*np.lib.array_utils.byte_bounds(leaf), i) for i, leaf in enumerate(leaves) if leaf.size)
    reach: list[tuple[int, int]] = []
    for low, high, i in spans:
        reach = [(end, j) for end, j in reach if end > low]
        for _, j in reach:
            if np.shares_memory(leaves[i], leaves[j]):
                raise ValueError(_shared(leaves, names, *sorted((i, j))))
        reach.append((high, i))


def _shared(leaves: list[Array], names: tuple[str, ...], i: int, j: int) -> str:
    if leaves[i] is leaves[j]:
        return f"parameters {names[i]!r} and {names[j]!r} are the same array; leave one of them out"
    return f"parameters {names[i]!r} and {names[j]!r} overlap in memory; pass arrays that do not"


def complaint(kind: str, leaf: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Exception:
    """Return the error for a leaf that is not an array of this shape and dtype."""
    if leaf is None:
        remedy = "; to leave a leaf as it is, give a gradient of zeros" if kind == "gradient" else ""
        return ValueError(f"{kind} {name!r} is missing{remedy}")
    if not isinstance(leaf, np.ndarray):
        return TypeError(f"{kind} {name!r} must be a NumPy array; got {_kind(leaf)}")
    if leaf.shape != shape:
        return ValueError(f"{kind} {name!r} must have shape {shape}; got {leaf.shape}")
    return TypeError(f"{kind} {name!r} must be {dtype} like its parameter; got {leaf.dtype}; convert it with .astype")


def patterns(only: Any) -> tuple[str, ...] | None:
    """Return the patterns that choose leaves as a tuple; None means all."""
    given = (only,) if isinstance(only, str) else only
    if given is None:
        return None
    if not isinstance(given, Sequence) or not given or not all(isinstance(pattern, str) for pattern in given):
        raise TypeError(f"only must be a name, or a sequence of names, with * for any letters; got {only!r}")
    return tuple(given)


@lru_cache(maxsize=256)
def chosen(names: tuple[str, ...], only: tuple[str, ...] | None) -> tuple[bool, ...]:
    """Return which leaves the patterns mean."""
    if only is None:
        return (True,) * len(names)
    from fnmatch import fnmatchcase

    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"only must name leaves; {pattern!r} is none of {', '.join(names)}")
    return tuple(any(fnmatchcase(name, pattern) for pattern in only) for name in names)
