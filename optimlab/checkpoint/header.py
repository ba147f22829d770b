"""The header of a checkpoint: what is in it, and of which parts; every field is checked before it is believed.

JSON with the keys ``format`` and ``version``, then the fields of ``Header``. From it follow the key, shape and dtype of
every array, in order: the ``entries``, then of each leaf ``params/<leaf>``, ``state/<leaf>/<slot>`` and
``average/<leaf>/<slot>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from optimlab.checkpoint.hyperparameters import Description
from optimlab.typing import Array

__all__ = ["CLOCKS", "DTYPES", "Header", "Kind", "Leaf", "Saved", "parsed", "shown"]

FORMAT = "optimlab optimizer"
VERSION = 3  # 1: debiased averages before their correction; 2: averages in the middle of the step, not compensated
CLOCKS = "waited", "since"
"""Counts of steps by leaf, ``waited/<leaf>`` and ``since/<leaf>``, as in ``Layout.clocks``."""
DTYPES = frozenset(np.dtype(code).name for code in "?bhilqBHILQefdFD")
"""What an array may hold."""

Kind = tuple[tuple[int, ...], str]
"""Shape and dtype of an array."""


class Leaf(NamedTuple):
    """What is saved of a leaf.

    Parameters
    ----------
    shape, dtype : tuple of int, str
        Of the parameter, and of every slot.
    state, average : tuple of str
        The slots' names.
    shapes : dict of tuple of int
        Shapes of the slots of the state that have another than the parameter.
    """

    shape: tuple[int, ...]
    dtype: str
    state: tuple[str, ...]
    average: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]] = {}  # noqa: RUF012


class Header(NamedTuple):
    """What a checkpoint says of itself.

    Parameters
    ----------
    rule, average : Description, Description or None
        The rules.
    replicas : int or None
        S.
    hooks : tuple of str
        Names of the hooks with state.
    params : bool
        Whether the parameters are in it.
    entries : dict of (shape, dtype)
        Every array that is none of a leaf: ``t``, with replicas ``diverged``, ``hooks/<hook>/<key>``, clocks.
    leaves : dict of Leaf
        The leaves by name, in order.
    """

    rule: Description
    average: Description | None
    replicas: int | None
    hooks: tuple[str, ...]
    params: bool
    entries: dict[str, Kind]
    leaves: dict[str, Leaf]

    def text(self) -> Array:
        """Return the header as JSON in an array of bytes."""
        words = self._asdict() | {"rule": self.rule._asdict()}
        words["average"] = None if self.average is None else self.average._asdict()
        words["leaves"] = {name: leaf._asdict() for name, leaf in self.leaves.items()}
        return np.array(json.dumps({"format": FORMAT, "version": VERSION} | words).encode("ascii"))

    def kinds(self) -> dict[str, Kind]:
        """Return shape and dtype of every array, in order.

        Raises
        ------
        ValueError
            If two have one key.
        """
        found = dict(self.entries)
        count = len(found)
        for name, leaf in self.leaves.items():
            keys = [f"state/{name}/{slot}" for slot in leaf.state] + [f"average/{name}/{slot}" for slot in leaf.average]
            if self.params:
                keys.insert(0, f"params/{name}")
            found |= dict.fromkeys(keys, leaf[:2])
            found |= {f"state/{name}/{slot}": (shape, leaf.dtype) for slot, shape in leaf.shapes.items()}
            count += len(keys)
            if len(found) < count:
                raise ValueError(f"two arrays of the leaf {shown(name)} have one name; rename it, or the rule's slots")
        return found


class Saved(NamedTuple):
    """A checkpoint as it was read.

    Parameters
    ----------
    header : Header
        What it says of itself.
    arrays : dict of ndarray
        What it holds, of the header's kinds.
    name : str
        What errors call it.
    call : str
        How the call that reads it begins, for remedies.
    """

    header: Header
    arrays: Mapping[str, Array]
    name: str
    call: str

    def error(self, words: str, remedy: str = "") -> ValueError:
        """Return an error about it, with what to add to the call."""
        return ValueError(f"{self.name} {words}" + (f"; {self.call}, {remedy}" if remedy else ""))

    def damaged(self, words: str) -> ValueError:
        """Return the error that it is not whole."""
        return self.error(f"is damaged: {words}")

    def state_of(self, hook: str) -> dict[str, Array]:
        """Return the state of the hook of this name."""
        prefix = f"hooks/{hook}/"
        return {key.removeprefix(prefix): self.arrays[key] for key in self.header.entries if key.startswith(prefix)}


def shown(text: Any, limit: int = 400) -> str:
    r"""Return what an error says of something that was read: without control characters, and not at any length.

    Examples
    --------
    >>> print(shown("Ema(0.9)"), shown("a" + chr(27) + "[2J"), shown(["w"]))
    Ema(0.9) 'a\x1b[2J' ['w']
    """
    words = text if isinstance(text, str) and text.isprintable() else repr(text)
    return words if len(words) <= limit else f"{words[:limit]}..."


def parsed(text: bytes | str, name: str) -> Header:
    """Return the header in a text.

    Raises
    ------
    ValueError
        If it is none, or of another version.
    """
    try:
        if _deep(text.encode() if isinstance(text, str) else text):
            raise ValueError("lists in lists")
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
        known = found["format"] == FORMAT and type(found["version"]) is int
    except (ValueError, TypeError, KeyError, RecursionError):
        known = False
    if not known:
        raise ValueError(f"{name} is not a checkpoint of optimlab")
    if found["version"] != VERSION:
        older = "its averages mean something else; load it with the optimlab that saved it"
        remedy = "update it" if found["version"] > VERSION else older
        raise ValueError(
            f"{name} has format version {shown(str(found['version']))}; this one reads {VERSION}; {remedy}"
        )
    try:
        return _header(found)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name} is damaged: its header is wrong: {shown(str(error))}") from None


def _deep(text: bytes) -> bool:
    """Whether more than 32 lists and dicts lie in each other, for which a parser takes memory before it gives up."""
    depth = 0
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[][{}]', text):
        depth += {91: 1, 123: 1, 93: -1, 125: -1}.get(text[token.start()], 0)
        if depth > 32:
            return True
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _header(found: dict[str, Any]) -> Header:
    header = _fields(Header, found, {"format", "version"})
    replicas = header.replicas
    checked = Header(
        rule=_description(header.rule),
        average=None if header.average is None else _description(header.average),
        replicas=None if replicas is None else _whole("replicas", replicas, 1),
        hooks=_names("hooks", header.hooks),
        params=_of("params", header.params, bool),
        entries={key: _kind(key, kind) for key, kind in _of("entries", header.entries, dict).items()},
        leaves={name: _leaf(name, leaf) for name, leaf in _of("leaves", header.leaves, dict).items()},
    )
    _check_entries(checked)
    return checked


def _fields(kind: Callable[..., Any], found: Any, others: set[str] = frozenset()) -> Any:  # type: ignore[assignment]
    """Return a tuple of this kind, if its fields are all there, and nothing else."""
    names = set(kind._fields) | others  # type: ignore[attr-defined]
    given = _of(kind.__name__, found, dict)
    if given.keys() != names:
        lacks, more = sorted(names - given.keys()), sorted(given.keys() - names)
        raise ValueError(f"it lacks {lacks}" if lacks else f"it has {more} too")
    return kind(**{name: given[name] for name in kind._fields})  # type: ignore[attr-defined]


def _of(name: str, given: Any, kind: type) -> Any:
    if type(given) is not kind:
        raise ValueError(f"{name!r} is of type {type(given).__name__}, not {kind.__name__}")
    return given


def _whole(name: str, given: Any, least: int = 0) -> int:
    if not least <= _of(name, given, int) < 2**48:
        raise ValueError(f"{name!r} is {given}")
    return given  # type: ignore[no-any-return]


def _names(name: str, given: Any) -> tuple[str, ...]:
    names = [_of(name, word, str) for word in _of(name, given, list)]
    if len(set(names)) < len(names):
        raise ValueError(f"{name!r} has a name twice")
    return tuple(names)


def _description(given: Any) -> Description:
    found = _fields(Description, given)
    for name, word in _of("numbers", found.numbers, dict).items():
        _of(name, word, str)
    return Description(_of("text", found.text, str), _of("form", found.form, str), found.numbers)


def _kind(key: str, given: Any) -> Kind:
    shape, dtype = _of(key, given, list)
    if len(_of(key, shape, list)) > 32 or dtype not in DTYPES:
        raise ValueError(f"{key!r} is of {len(shape)} axes and of {dtype!r}")
    return tuple([_whole(key, length) for length in shape]), dtype


def _leaf(name: str, given: Any) -> Leaf:
    found = _fields(
        Leaf, {"shapes": {}} | given if type(given) is dict else given
    )  # files of format 3 know no other shapes
    if found.dtype not in ("float32", "float64"):
        raise ValueError(f"leaf {name!r} is of {found.dtype!r}")
    shape, dtype = _kind(name, [found.shape, found.dtype])
    state, average = _names("state", found.state), _names("average", found.average)
    shapes = {slot: _kind(slot, [own, dtype])[0] for slot, own in _of("shapes", found.shapes, dict).items()}
    if not shapes.keys() <= set(state):
        raise ValueError(f"leaf {name!r} has shapes of {sorted(shapes.keys() - set(state))}, which are no slots")
    return Leaf(shape, dtype, state, average, shapes)


def _check_entries(header: Header) -> None:
    """The counts must be there, each of its kind, and nothing that belongs to no part."""
    required = {"t"} if header.replicas is None else {"t", "diverged"}
    if not header.entries.keys() >= required:
        raise ValueError(f"the entries lack {sorted(required - header.entries.keys())}")
    for key, (shape, dtype) in header.entries.items():
        role, _, rest = key.partition("/")
        if role == "hooks":
            good = rest.partition("/")[0] in header.hooks
        elif key == "diverged":
            good = (shape, dtype) == ((header.replicas,), "bool")
        else:
            counted = dtype == "int64" and shape in ((), (header.replicas,))
            good = counted and (key == "t" or (role in CLOCKS and rest in header.leaves))
        if not good:
            raise ValueError(f"there is no {key!r} of shape {shape} and of {dtype}")
