"""Nested dicts, lists and tuples of arrays: their leaves in order, with names, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["leaves_of", "rebuilt"]


def leaves_of(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and value of every leaf: ``layers.0.W`` for ``tree["layers"][0]["W"]``.

    Examples
    --------
    >>> list(leaves_of({"a": 1.0, "b": [2.0, 3.0]}))
    [('a', 1.0), ('b.0', 2.0), ('b.1', 3.0)]
    """
    if isinstance(tree, Mapping):
        parts = list(tree.items())
    elif isinstance(tree, (list, tuple)):
        parts = list(enumerate(tree))
    else:
        yield name, tree
        return
    for key, part in parts:
        yield from leaves_of(part, f"{name}.{key}" if name else str(key))


def rebuilt(tree: Any, leaves: Iterator[Any]) -> Any:
    """Return the container with new leaves in the place of its own.

    Examples
    --------
    >>> rebuilt({"a": 1.0, "b": [2.0, 3.0]}, iter("xyz"))
    {'a': 'x', 'b': ['y', 'z']}
    """
    if isinstance(tree, Mapping):
        return {key: rebuilt(part, leaves) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [rebuilt(part, leaves) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return next(leaves)
