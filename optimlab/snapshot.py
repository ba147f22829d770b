"""The state of an Optimizer as a flat dict of arrays: what is in it, and whether a dict is one.

Keys: ``header`` (JSON: format, version, rule, average, replicas, hooks, leaves, entries), ``t``, with replicas
``diverged``, ``waited/<leaf>`` (steps without a gradient, if there were any), ``state/<leaf>/<slot>``,
``average/<leaf>/<slot>`` and ``hooks/<index>/<key>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from optimlab.engine.layout import Layout
from optimlab.rules.algebra import Rule
from optimlab.rules.averages import compensated
from optimlab.typing import Array, Count, Marks

__all__ = ["Owner", "Snapshot", "taken"]

FORMAT = "optimlab optimizer"
VERSION = 3  # 1: debiased averages before their correction; 2: averages in the middle of the step, not compensated

_KEYS = {"rule", "average", "replicas", "hooks", "leaves", "entries"}


class Owner(Protocol):
    """What has the state: an optimizer, of which these parts must be the same ones when it is loaded."""

    rule: Rule
    average: Rule | None
    replicas: int | None
    hooks: tuple[Any, ...]

    @property
    def t(self) -> Count:
        """Number of updates."""

    @property
    def diverged(self) -> Marks:
        """Which replicas are frozen."""


def _stateful(owner: Owner) -> dict[int, Any]:
    """Return the hooks with state, by their place."""
    return {index: hook for index, hook in enumerate(owner.hooks) if hasattr(hook, "state")}


def _blocks(owner: Owner) -> dict[str, tuple[str, ...]]:
    """Return the slots' names, by what they belong to."""
    return {"state": owner.rule.slots, "average": () if owner.average is None else compensated(owner.average).slots}


def _words(owner: Owner) -> dict[str, Any]:
    """Return what the header says of the parts."""
    hooks = {str(index): type(hook).__name__ for index, hook in _stateful(owner).items()}
    return {"rule": _text(owner.rule), "average": _text(owner.average), "replicas": owner.replicas, "hooks": hooks}


def _text(rule: Rule | None) -> str:
    """Return the rule's repr; where a function lies in memory does not count."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(rule))


def _leaves(layout: Layout) -> dict[str, list[Any]]:
    leaves = zip(layout.names, layout.shapes, layout.dtypes, strict=True)
    return {name: [list(shape), str(dtype)] for name, shape, dtype in leaves}


def _slots(owner: Owner, layout: Layout) -> Iterator[tuple[str, Array]]:
    """Yield the key and the memory of each slot."""
    for block in _blocks(owner):
        for leaf, slot, memory in layout.memory(block):
            yield f"{block}/{leaf}/{slot}", memory


def taken(owner: Owner, layout: Layout) -> dict[str, Array]:
    """Return copies of everything that the next step depends on, but for the parameters."""
    arrays: dict[str, Array] = {"t": np.array(owner.t)}
    if owner.replicas is not None:
        arrays["diverged"] = owner.diverged
    arrays |= {key: memory.copy() for key, memory in _slots(owner, layout)}
    for leaf, (waited, since) in layout.clocks.items():
        arrays |= {f"waited/{leaf}": np.array(waited), f"since/{leaf}": np.array(since)}
    for index, hook in _stateful(owner).items():
        arrays |= {f"hooks/{index}/{key}": np.array(value) for key, value in hook.state().items()}
    header = {"format": FORMAT, "version": VERSION} | _words(owner)
    return {"header": np.array(json.dumps(header | {"leaves": _leaves(layout), "entries": sorted(arrays)}))} | arrays


class Snapshot:
    """A dict of arrays, copied, that an optimizer can take.

    Parameters
    ----------
    arrays : dict of ndarray
        What ``taken`` returned.
    owner : Owner
        The optimizer that is to take it.
    name : str
        What errors call it.

    Raises
    ------
    ValueError
        If it is not whole, or of other parts.
    """

    def __init__(self, arrays: Mapping[str, Array], owner: Owner, name: str) -> None:
        if not isinstance(arrays, Mapping):
            raise TypeError(
                f"{name} must be a dict of arrays as state_dict returns it; got {arrays!r}; load reads files"
            )
        self.arrays = {key: np.array(array) for key, array in arrays.items()}
        self.owner = owner
        self.name = name
        header = self._header()
        for key, ours in _words(owner).items():
            if header[key] != ours:
                raise ValueError(f"{name} has {key} {header[key]}; this optimizer has {ours}")
        self.leaves: dict[str, list[Any]] = header["leaves"]
        self._check_slots()
        self._check_counts()
        self._clocks()
        different = set(header["entries"]).symmetric_difference(self.arrays.keys() - {"header"})
        if different:
            raise ValueError(f"{name} is damaged: {sorted(different)} are missing, or too many")

    def _header(self) -> dict[str, Any]:
        try:
            header: dict[str, Any] = json.loads(str(self.arrays["header"]))
            known = header["format"] == FORMAT and isinstance(header["version"], int)
        except (KeyError, ValueError, TypeError):
            known = False
        if not known:
            raise ValueError(f"{self.name} is not a checkpoint of optimlab")
        if header["version"] != VERSION:
            older = "its averages mean something else; load it with the optimlab that saved it"
            remedy = "update it" if header["version"] > VERSION else older
            raise ValueError(f"{self.name} has format version {header['version']}; this one reads {VERSION}; {remedy}")
        if not header.keys() >= _KEYS:
            raise ValueError(f"{self.name} is damaged: its header lacks {sorted(_KEYS - header.keys())}")
        return header

    def _check_slots(self) -> None:
        """Every slot of every leaf must be there, with its shape and dtype."""
        for block, names in _blocks(self.owner).items():
            for leaf, saved in self.leaves.items():
                for slot in names:
                    array = self.arrays.get(f"{block}/{leaf}/{slot}")
                    if array is None or [list(array.shape), str(array.dtype)] != saved:
                        which = f"the {block} {slot!r} of {leaf!r}"
                        raise ValueError(f"{self.name} is damaged: {which} is missing or wrong")

    def _check_counts(self) -> None:
        count, t, diverged = self.owner.replicas, self.arrays.get("t"), self.arrays.get("diverged")
        counted = t is not None and t.dtype.kind == "i" and t.shape in ((), (count,)) and bool((t >= 0).all())
        marked = count is None or (diverged is not None and diverged.dtype == bool and diverged.shape == (count,))
        if not (counted and marked):
            raise ValueError(f"{self.name} is damaged: t or the marks of diverged replicas are missing or wrong")

    def _check_leaves(self, layout: Layout) -> None:
        """Refuse other leaves than those that were saved."""
        ours = _leaves(layout)
        if set(self.leaves) != set(ours):
            raise ValueError(f"{self.name} has leaves {sorted(self.leaves)}; the parameters have {sorted(ours)}")
        for leaf, saved in self.leaves.items():
            if saved != ours[leaf]:
                words = f"{tuple(saved)}; the parameters as {tuple(ours[leaf])}"
                raise ValueError(f"{self.name} has leaf {leaf!r} as {words}")

    @property
    def t(self) -> Count:
        """Number of updates."""
        t = self.arrays["t"]
        return int(t) if t.ndim == 0 else t

    def hand_out(self, layout: Layout | None) -> None:
        """Give the hooks and the slots what they had; before there are slots, the hooks."""
        if layout is not None:
            self._check_leaves(layout)
        self._load_hooks()
        if layout is not None:
            self.fill(layout)

    def fill(self, layout: Layout) -> None:
        """Write the slots into memory; refuse other leaves than those that were saved."""
        self._check_leaves(layout)
        layout.clocks = self._clocks()
        for key, memory in _slots(self.owner, layout):
            memory[...] = self.arrays[key]

    def _clocks(self) -> dict[str, tuple[Count, Count]]:
        """Return how many steps each leaf has waited, and when it was added; refuse what is no such count."""
        found: dict[str, tuple[Count, Count]] = {}
        for leaf in (key.removeprefix("waited/") for key in self.arrays if key.startswith("waited/")):
            counts = [self.arrays.get(f"{word}/{leaf}") for word in ("waited", "since")]
            if leaf not in self.leaves or not all(self._is_count(count) for count in counts):
                raise ValueError(f"{self.name} is damaged: how long {leaf!r} waited is wrong")
            waited, since = [int(x) if x.ndim == 0 else x for x in counts if x is not None]
            found[leaf] = waited, since
        return found

    def _is_count(self, count: Array | None) -> bool:
        if count is None or count.dtype.kind != "i" or count.shape not in ((), (self.owner.replicas,)):
            return False
        return bool(np.all(count >= 0) and np.all(count <= self.arrays["t"]))

    def _load_hooks(self) -> None:
        """Give each hook its state, or all of them what they had."""
        hooks = _stateful(self.owner)
        before = [(hook, hook.state()) for hook in hooks.values()]
        try:
            for index, hook in hooks.items():
                prefix = f"hooks/{index}/"
                own = {key.removeprefix(prefix): a for key, a in self.arrays.items() if key.startswith(prefix)}
                hook.load_state(own)
        except Exception as error:
            for hook, state in before:
                hook.load_state(state)
            raise ValueError(f"{self.name} does not hold the state of this optimizer's hooks: {error!r}") from error
