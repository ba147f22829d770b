"""tree: the arrays in the attributes of objects, by name, so that a program's own classes are optimised in place."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from types import MemberDescriptorType, SimpleNamespace
from typing import Any, Final, final

import numpy as np

from optimlab.trees import chosen, kind, patterns

__all__ = ["Leaves", "tree"]

_DTYPES: Final = (np.dtype(np.float32), np.dtype(np.float64))
_DEEP: Final = 1000
"""Names grow with the depth: at 10⁵ those of a chain would fill the memory."""
_KNOWN: Final = {*sys.stdlib_module_names, "numpy"}
_PYTHON: Final = 1 << 9
"""The flag of classes that a program makes: C's own, such as that of functions, lack it."""
_WORDS: Final = (bool, int, float, complex, str, bytes, type(None))


@final
class Leaves(dict[str, Any]):
    """Arrays by name, as ``tree`` has found them: the params of an ``Optimizer``.

    Attributes
    ----------
    left_out : dict of str
        What else was there, by name, and why it is no parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> tree(SimpleNamespace(W=np.ones(2), sizes=[2, 1], name="net")).left_out
    {'sizes': 'list of int', 'name': 'str'}
    """

    def __init__(self) -> None:
        self.left_out: dict[str, str] = {}


def tree(obj: Any, *, only: Any = None) -> Leaves:
    """Find the float arrays in the attributes of an object, its lists, tuples, dicts and objects, and theirs.

    Parameters
    ----------
    obj : object, dict, list or tuple
        What holds arrays, in its ``__dict__``, its ``__slots__`` or its entries. Nothing is evaluated: no property,
        no method.
    only : str or sequence of str, optional
        Names of the arrays that are meant, with * for any letters, such as ``["*.W", "*.b"]``; where objects keep
        their inputs and gradients in attributes, too.

    Returns
    -------
    Leaves
        The very arrays by their place, ``"layers.0.W"``: a dict, with the rest in ``left_out``. What is found in two
        places has the name of the one that is nearer; what lies nearer comes first.

    Raises
    ------
    TypeError
        If obj is a class, or holds nothing.
    ValueError
        If two arrays have one name, or a pattern means none.

    Notes
    -----
    The optimizer writes into these arrays. A program that binds new ones to its attributes, ``self.W = self.W - ...``,
    has to write into them, too, ``self.W -= ...``, or call ``tree`` again and take ``Optimizer.updated``.

    Objects are those of classes written in Python, outside of NumPy, of the standard library (but
    ``SimpleNamespace``) and of optimlab: an ``Optimizer`` that a layer holds keeps its memory to itself.

    Examples
    --------
    >>> import numpy as np
    >>> from optimlab import Optimizer, sgd
    >>> class Layer:
    ...     def __init__(self, n, m):
    ...         self.W, self.b, self.size = np.ones((n, m)), np.zeros(m), n
    >>> class Net:
    ...     def __init__(self):
    ...         self.layers = [Layer(3, 2), Layer(2, 1)]
    >>> net = Net()
    >>> params = tree(net)
    >>> list(params)
    ['layers.0.W', 'layers.0.b', 'layers.1.W', 'layers.1.b']
    >>> params.left_out
    {'layers.0.size': 'int', 'layers.1.size': 'int'}
    >>> gradients = {name: np.ones_like(w) for name, w in params.items()}
    >>> _ = Optimizer(sgd(), lr=0.5).step(params, gradients)
    >>> net.layers[0].b
    array([-0.5, -0.5])
    """
    if isinstance(obj, type) or _parts(obj) is None:
        word = f"not a class; write {obj.__name__}(...)" if isinstance(obj, type) else f"got {kind(obj)}"
        raise TypeError(f"obj must be an object, dict, list or tuple that holds arrays; {word}")
    found = Leaves()
    _walk(obj, found)
    for name, means in zip(tuple(found), chosen(tuple(found), patterns(only)), strict=True):
        if not means:
            del found[name]
            found.left_out[name] = "not in only"
    return found


def _walk(obj: Any, found: Leaves) -> None:
    """Put each array under its name, and each other thing under its reason, those that are nearer first."""
    seen = {id(obj): ("obj", obj)}  # with the thing itself, so that its id stays its own
    queue = deque([("", 0, obj)])
    while queue:
        above, depth, holder = queue.popleft()
        for key, part in _parts(holder) or ():
            name = f"{above}.{key}" if above else str(key)
            why = _why_not(part)
            if why is None and id(part) in seen:
                why = f"the same {'array' if isinstance(part, np.ndarray) else 'object'} as {seen[id(part)][0]!r}"
            elif why is None and isinstance(part, np.ndarray) and name in found:
                raise ValueError(f"two arrays have the name {name!r}; rename one of the keys or attributes")
            elif why is None and depth >= _DEEP:
                name, why = f"{name[:80]}...", f"more than {_DEEP} deep; give tree the part that holds it"
            if why is not None:
                found.left_out[name] = why
                continue
            seen[id(part)] = name, part
            if isinstance(part, np.ndarray):
                found[name] = part
            else:
                queue.append((name, depth + 1, part))


def _why_not(part: Any) -> str | None:
    """Return why something is neither an array of floats nor holds one, if it does not."""
    if isinstance(part, np.ndarray):
        if type(part) not in (np.ndarray, np.memmap, np.matrix):
            return f"{kind(part)}, not a plain array"
        if part.dtype not in _DTYPES:
            return f"{part.dtype} array"
        return None if part.flags.writeable else "read-only array"
    if type(part) in _WORDS or _parts(part) is None:
        return kind(part)
    if isinstance(part, (Mapping, list, tuple)) and len(part):
        kinds = set(map(type, part.values() if isinstance(part, Mapping) else part))
        if kinds <= set(_WORDS):
            return f"{kind(part)} of {', '.join(sorted(one.__name__ for one in kinds))}"
    return None


def _parts(holder: Any) -> Iterator[tuple[Any, Any]] | None:
    """Return the entries and the attributes of something with their keys and names; None if it holds nothing."""
    entries: Any = ()
    if isinstance(holder, Mapping):
        entries = holder.items()
    elif isinstance(holder, (list, tuple)):
        entries = enumerate(holder)
    elif not _is_object(type(holder)):
        return None
    return chain(entries, _attributes(holder) if _is_object(type(holder)) else ())


def _is_object(cls: type) -> bool:
    """Whether the instances of a class are a program's own: not a number, a function, an array of other kinds."""
    strange = not cls.__flags__ & _PYTHON or issubclass(cls, type) or hasattr(cls, "__array__") or _root(cls) in _KNOWN
    ours = any(_root(each) == "optimlab" and not each.__module__.startswith("optimlab.lab.") for each in cls.__mro__)
    return cls is SimpleNamespace or not (strange or ours)


def _root(cls: type) -> str:
    """Return the package that a class is found in; of one that was made by exec or a doctest nothing."""
    found = getattr(sys.modules.get(cls.__module__), cls.__name__, None) is cls
    return cls.__module__.partition(".")[0] if found else ""


def _attributes(obj: Any) -> Iterator[tuple[str, Any]]:
    """Give the attributes that an object holds, by its slots and its dict: no code of its class runs."""
    for cls in reversed(type(obj).__mro__):
        for name, slot in vars(cls).items() if "__slots__" in vars(cls) else ():
            if isinstance(slot, MemberDescriptorType):
                with suppress(AttributeError):  # not set
                    yield name, slot.__get__(obj)
    with suppress(AttributeError):  # slots alone
        yield from object.__getattribute__(obj, "__dict__").items()
