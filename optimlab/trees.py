"""Nested dicts, lists and tuples: their leaves in one order, named by their place (``layers.0.bias``), and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar, final

__all__ = ["ByName", "Tree", "chosen", "first_match", "kind", "mapped", "matching", "patterns", "rebuilt", "tree_of"]

T = TypeVar("T")

_DEEP = 100
"""Containers in containers up to which structures are walked: Python's own limit is some hundreds."""


class Tree:
    """The structure of nested containers: a leaf, or a container with trees under its keys.

    Parameters
    ----------
    name : str
        Its place in the whole; of the whole itself "".
    parts : dict of Tree, or None
        What is under the keys, in order; of a leaf None.
    kind : type
        Of a container dict, list or tuple.

    Attributes
    ----------
    names : tuple of str
        Names of the leaves, in order.
    """

    def __init__(self, name: str, parts: dict[Any, Tree] | None = None, *, kind: type = dict) -> None:
        nodes = [] if parts is None else list(parts.values())
        self.name = name
        self.parts = parts
        self.kind = kind
        self.names: tuple[str, ...] = (
            (name,) if parts is None else tuple([leaf for node in nodes for leaf in node.names])
        )
        self._shallow = all(node.parts is None for node in nodes)

    def leaves(self, tree: Any) -> list[Any]:
        """Return the leaves of containers of this structure, in order; a leaf that a dict lacks is None.

        Raises
        ------
        TypeError, ValueError
            If the structure is another one.
        """
        if self.parts is None:
            return [tree]
        if tree is None and self.name:
            raise ValueError(f"{self._place} is missing")
        held = self._by_key(tree, self.parts) if self.kind is dict else self._in_order(tree, len(self.parts))
        if self._shallow:
            return held
        return [leaf for node, part in zip(self.parts.values(), held, strict=True) for leaf in node.leaves(part)]

    def filled(self, leaves: Iterator[Any]) -> Any:
        """Return containers of this structure with these leaves."""
        if self.parts is None:
            return next(leaves)
        parts = [(key, node.filled(leaves)) for key, node in self.parts.items()]
        return dict(parts) if self.kind is dict else self.kind([part for _, part in parts])

    def lacking(self, tree: Any) -> list[str]:
        """Return the names of the leaves that dicts of this structure lack."""
        if self.parts is None or tree is None:
            return []
        if self.kind is not dict:
            return [name for node, part in zip(self.parts.values(), tree, strict=True) for name in node.lacking(part)]
        return [
            name
            for key, node in self.parts.items()
            for name in (node.lacking(tree[key]) if key in tree else node.names)
        ]

    def _by_key(self, tree: Any, keys: Mapping[Any, Tree]) -> list[Any]:
        if not isinstance(tree, Mapping):
            raise TypeError(f"{self._place} must be a dict as in the parameters; got {kind(tree)}")
        if len(tree) > len(keys):
            extra = [key for key in tree if key not in keys]
            remedy = "opt.adopt(params) takes in leaves that are new"
            raise ValueError(f"{self._place} has entries that the optimizer does not know: {extra}; {remedy}")
        return [tree.get(key) for key in keys]

    def _in_order(self, tree: Any, length: int) -> list[Any]:
        if not isinstance(tree, (list, tuple)):
            raise TypeError(f"{self._place} must be a list or tuple as in the parameters; got {kind(tree)}")
        if len(tree) != length:
            raise ValueError(f"{self._place} must have {length} entries; got {len(tree)}")
        return list(tree)

    @property
    def _place(self) -> str:
        return f"entry {self.name!r}" if self.name else "the container"


def kind(value: Any) -> str:
    """Return what an error says of a value that is of the wrong type."""
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def tree_of(tree: Any, name: str = "", above: tuple[Any, ...] = ()) -> Tree:
    """Return the structure of nested containers; what is no dict, list or tuple is a leaf.

    Raises
    ------
    ValueError
        If a container is inside itself, or more than 100 deep.

    Examples
    --------
    >>> params = {"layers": [{"W": 1.0, "b": 2.0}], "scale": 3.0}
    >>> tree_of(params).names, tree_of(params).leaves(params)
    (('layers.0.W', 'layers.0.b', 'scale'), [1.0, 2.0, 3.0])
    """
    mapping = isinstance(tree, Mapping)
    if not mapping and not isinstance(tree, (list, tuple)):
        return Tree(name)
    if len(above) >= _DEEP or any(tree is container for container in above):
        raise ValueError(f"entry {name[:80]!r} {_endless(tree, above)}")
    items, above = (tree.items() if mapping else enumerate(tree)), (*above, tree)
    parts = {key: tree_of(part, f"{name}.{key}" if name else str(key), above) for key, part in items}
    return Tree(name, parts, kind=dict if mapping else list if isinstance(tree, list) else tuple)


def _endless(tree: Any, above: tuple[Any, ...]) -> str:
    """Return what is wrong with a container that is in itself, or too deep."""
    if any(tree is container for container in above):
        return "is a container that it lies in itself: take it out, the arrays are in it once already"
    return f"lies more than {_DEEP} containers deep; name the arrays in one flat dict"


def mapped(function: Callable[[Any], Any], tree: Any, above: tuple[Any, ...] = ()) -> Any:
    """Return the containers with a function of each leaf in its place: dicts, and lists and tuples of their own type.

    Examples
    --------
    >>> mapped(abs, {"a": -1.0, "b": (-2.0, [3.0])})
    {'a': 1.0, 'b': (2.0, [3.0])}
    """
    mapping = isinstance(tree, Mapping)
    if not mapping and not isinstance(tree, (list, tuple)):
        return function(tree)
    if len(above) >= _DEEP or any(tree is container for container in above):
        raise ValueError(f"a {kind(tree)} {_endless(tree, above)}")
    above = (*above, tree)
    if mapping:
        return {key: mapped(function, part, above) for key, part in tree.items()}
    parts = [mapped(function, part, above) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


def rebuilt(tree: Any, leaves: Iterable[Any]) -> Any:
    """Return the containers with other leaves in the places of their own.

    Examples
    --------
    >>> rebuilt({"a": 1.0, "b": [2.0, 3.0]}, "xyz")
    {'a': 'x', 'b': ['y', 'z']}
    """
    others = iter(leaves)
    return mapped(lambda _: next(others), tree)


@final
class ByName(Mapping[str, T]):
    """What there is for each pattern of names; times a number it is each part times the number.

    Parameters
    ----------
    patterns : tuple of str
        The patterns.
    parts : tuple
        What there is for each.

    Examples
    --------
    >>> 0.5 * ByName(("*.bias", "*"), (0.2, 0.1))
    {'*.bias': 0.1, '*': 0.05}
    """

    __slots__ = ("parts", "patterns")

    def __init__(self, patterns: tuple[str, ...], parts: tuple[T, ...]) -> None:
        self.patterns = patterns
        self.parts = parts

    def __getitem__(self, pattern: str) -> T:
        return dict(zip(self.patterns, self.parts, strict=True))[pattern]

    def __iter__(self) -> Iterator[str]:
        return iter(self.patterns)

    def __len__(self) -> int:
        return len(self.patterns)

    def __mul__(self, factor: Any) -> ByName[Any]:
        return ByName(self.patterns, tuple([part * factor for part in self.parts]))

    __rmul__ = __mul__
    __array_ufunc__ = None  # so that np.float64(2) * rates comes here

    def __repr__(self) -> str:
        return repr(dict(self))


def patterns(only: Any) -> tuple[str, ...] | None:
    """Return the patterns that choose leaves as a tuple; None means all."""
    given = (only,) if isinstance(only, str) else only
    if given is None:
        return None
    if not isinstance(given, Sequence) or not given or not all(isinstance(pattern, str) for pattern in given):
        raise TypeError(f"only must be a name, or a sequence of names, with * for any letters; got {only!r}")
    return tuple(given)


@lru_cache(maxsize=256)
def matching(pattern: str) -> Callable[[str], Any]:
    r"""Return the test whether a name is meant: ``*`` is any letters, ``?`` one.

    ``\*``, ``\?`` and ``\\`` are these letters themselves, and so are all others, brackets among them.

    Examples
    --------
    >>> [bool(matching("layers[?].*")(name)) for name in ("layers[0].W", "layers[10].W", "layers0.W")]
    [True, False, False]
    """
    chunks = [""]
    for x in re.findall(r"\\[*?\\]|.", pattern, re.DOTALL):
        chunks += [""] if x == "*" else [chunks.pop() + ("." if x == "?" else re.escape(x[-1]))]
    first, *between = chunks
    # what lies between stars is looked for once: a search that goes back takes years for "*a*a*a...b"
    words = "".join([f"(?>.*?{chunk})" for chunk in between[:-1]]) + ".*" + between[-1] if between else ""
    return re.compile(first + words, re.DOTALL).fullmatch


@lru_cache(maxsize=256)
def chosen(names: tuple[str, ...], only: tuple[str, ...] | None) -> tuple[bool, ...]:
    """Return which leaves the patterns mean."""
    if only is None:
        return (True,) * len(names)
    for pattern in only:
        if not any(map(matching(pattern), names)):
            raise ValueError(f"only must name leaves; {pattern!r} is none of {', '.join(names)}")
    return tuple(any(matching(pattern)(name) for pattern in only) for name in names)


@lru_cache(maxsize=256)
def first_match(what: str, patterns: tuple[str, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    """Return, for each leaf, the place of the first pattern that means it; each pattern must be the first of one."""
    tests = [matching(pattern) for pattern in patterns]
    found = [next((place for place, test in enumerate(tests) if test(name)), -1) for name in names]
    for name, place in zip(names, found, strict=True):
        if place < 0:
            raise ValueError(f'{what} says nothing of leaf {name!r}; end it with a pattern "*" for all others')
    for place, pattern in enumerate(patterns):
        if place not in found:
            taken = next((name for name in names if tests[place](name)), None)
            why = f"is none of {', '.join(names)}" if taken is None else f"comes after one that means {taken!r}, too"
            remedy = "take it out" if taken is None else "the first match wins: put it before"
            raise ValueError(f"{what}: pattern {pattern!r} {why}; {remedy}")
    return tuple(found)
