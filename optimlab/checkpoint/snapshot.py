"""A checkpoint that an optimizer has taken, until its first step puts it into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from optimlab.checkpoint.compared import check_counts, check_hooks, check_rules, other_slots
from optimlab.checkpoint.header import CLOCKS, Leaf, Saved, parsed, shown
from optimlab.checkpoint.held import Held, Owner, held_by, hooks_of, state_of
from optimlab.checks import truth
from optimlab.engine.given import plain
from optimlab.engine.layout import Layout
from optimlab.typing import Array, Count

__all__ = ["Snapshot", "of_dict"]

_BLOCKS = "state", "average"


def of_dict(arrays: Any) -> Saved:
    """Return what is in a dict that ``state_dict`` returned, copied.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    name = "the state dict"
    if not isinstance(arrays, Mapping):
        raise TypeError(f"{name} must be a dict of arrays as state_dict returns it; got {arrays!r}; load reads files")
    given = {key: np.asarray(plain(f"{shown(key)!r} of {name}", array)) for key, array in arrays.items()}
    text = given.pop("header", np.array(0))
    header = parsed(text.item() if text.ndim == 0 and text.dtype.kind in "SU" else "", name)
    kinds = header.kinds()
    if kinds.keys() != given.keys():
        different = sorted(map(str, kinds.keys() ^ given.keys()))
        raise ValueError(f"{name} is damaged: {shown(different)} are missing, or too many")
    for key, kind in kinds.items():
        if (given[key].shape, given[key].dtype.name) != kind:
            raise ValueError(f"{name} is damaged: {shown(key)!r} is not of shape {kind[0]} and of {kind[1]}")
    return Saved(header, _copied({key: given[key] for key in kinds}), name, "opt.load_state_dict(arrays")


class Snapshot:
    """A checkpoint that an optimizer can take.

    Parameters
    ----------
    saved : Saved
        What was read.
    owner : Owner
        The optimizer that is to take it.
    params : container of arrays, None or False
        What the saved parameters are written into; None: compared with; False: nothing.
    replace : dict, optional
        Hyperparameters that the optimizer has and the checkpoint need not have, by name.
    strict : bool
        Whether all parts must be the same ones.

    Raises
    ------
    ValueError
        If it is of other parts, or damaged.
    """

    def __init__(
        self,
        saved: Saved,
        owner: Owner,
        params: Any = None,
        *,
        replace: Mapping[str, Any] | None = None,
        strict: bool = True,
    ) -> None:
        self.saved = saved
        self.owner = owner
        self.strict = truth("strict", strict)
        self.holds_params = saved.header.params and params is not False
        self.writes = params is not None and params is not False
        if self.writes and not self.holds_params:
            raise ValueError(f"{saved.name} holds no parameters to write into params; {saved.call}) loads the rest")
        check_rules(saved, owner, {} if replace is None else replace, strict=strict)
        check_counts(saved)
        check_hooks(saved, owner, strict=strict)

    @property
    def t(self) -> Count:
        """Number of updates."""
        t = self.saved.arrays["t"]
        return int(t) if t.ndim == 0 else t.copy()

    @property
    def diverged(self) -> Array:
        """Which replicas are frozen."""
        return self.saved.arrays["diverged"]

    @property
    def held(self) -> Held:
        """What belongs to the leaves, as views."""
        leaves, arrays = self.saved.header.leaves, self.saved.arrays
        clocks = {key: arrays[key] for key in self.saved.header.entries if key.partition("/")[0] in CLOCKS}
        slots = {key: array[...] for key, array in arrays.items() if key.startswith(("state/", "average/"))}
        params = {f"params/{name}": arrays[f"params/{name}"] for name in leaves} if self.holds_params else None
        return Held(leaves, slots, clocks, params)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the leaves."""
        return tuple(self.saved.header.leaves)

    def memory(self, block: str) -> Iterator[tuple[str, str, Array]]:
        """Yield leaf, slot and what is saved of it, as ``Layout.memory`` does."""
        for name, leaf in self.saved.header.leaves.items():
            for slot in getattr(leaf, block):
                yield name, slot, self.saved.arrays[f"{block}/{name}/{slot}"][...]

    def load_hooks(self) -> None:
        """Give each hook its state, or all of them what they had."""
        hooks = {name: hook for name, hook in hooks_of(self.owner).items() if name in self.saved.header.hooks}
        self._before = [(hook, _copied(state_of(hook))) for hook in hooks.values()]
        try:
            for name, hook in hooks.items():
                hook.load_state(_copied(self.saved.state_of(name)))
                if not _same(state_of(hook), self.saved.state_of(name)):
                    raise ValueError(f"{name} does not hold what it was given")
        except BaseException as error:
            for hook, state in self._before:
                hook.load_state(state)
            if not isinstance(error, Exception):
                raise
            words = f"does not hold the state of this optimizer's hooks: {shown(repr(error))}"
            raise self.saved.error(words) from error

    def check(self, layout: Layout) -> Held:
        """Refuse other leaves than those that were saved; return what is in memory."""
        held, theirs = held_by(layout), self.saved.header.leaves
        if self.strict and held.leaves.keys() != theirs.keys():
            words = f"has leaves {shown(sorted(theirs))}; the parameters have {shown(sorted(held.leaves))}"
            remedy = "strict=False) leaves out leaves that are not here, and starts those anew that are not in it"
            raise self.saved.error(words, remedy)
        for name, mine in held.leaves.items():
            self._check_leaf(name, mine, theirs.get(name, mine))
        return held

    def _check_leaf(self, name: str, mine: Leaf, other: Leaf) -> None:
        if mine == other:
            return
        if mine[:2] != other[:2]:
            raise self.saved.error(f"has leaf {name!r} as {other[:2]}; the parameters as {mine[:2]}")
        if mine.state != other.state:
            raise other_slots(self.saved, f"state of leaf {name!r}", other.state, mine.state)
        if self.strict:
            raise other_slots(self.saved, f"average of leaf {name!r}", other.average, mine.average)

    def fill(self, layout: Layout) -> None:
        """Write into the memory of parameters that are those that were saved, or refuse others."""
        held = self.check(layout)
        if self.holds_params:
            self._compare(layout)
        self.write(layout, held)

    def write(self, layout: Layout, held: Held) -> None:
        """Write clocks, state and average into memory, which was checked, and the parameters if they are written."""
        clocks, saved = self._clocks(held.leaves), self.saved.header.leaves
        for name, w in zip(layout.names, layout.leaves, strict=True) if self.writes else ():
            if name in saved:
                w[...] = self.saved.arrays[f"params/{name}"]
        if clocks:
            layout.clocks = clocks
            held = held_by(layout)  # leaves of another clock lie elsewhere
        for hook, state in self._before if held.leaves.keys() != saved.keys() else ():
            if hasattr(hook, "leafwise"):
                hook.load_state(state)  # it had begun with other leaves, and starts anew
        for name, leaf in held.leaves.items():
            for block in _BLOCKS if name in saved else ():
                if getattr(saved[name], block) == getattr(leaf, block):
                    for slot in getattr(leaf, block):
                        held.slots[f"{block}/{name}/{slot}"][...] = self.saved.arrays[f"{block}/{name}/{slot}"]
        self._begin(layout, held)

    def _compare(self, layout: Layout) -> None:
        """Refuse other parameters than those that were saved."""
        for name, leaf in zip(layout.names, layout.leaves, strict=True):
            before = self.saved.arrays[f"params/{name}"] if name in self.saved.header.leaves else leaf
            if not (before == leaf).all() and not np.array_equal(before, leaf, equal_nan=True):
                call = self.saved.call
                raise ValueError(
                    f"parameter {name!r} is not what was saved in {self.saved.name}; {call}, params) writes the saved "
                    f"ones into params; {call}, params=False) goes on with those given"
                )

    def _clocks(self, leaves: Mapping[str, Leaf]) -> dict[str, tuple[Count, Count]]:
        """Return the leaves' counts of steps; what is not in the checkpoint begins now."""
        found: dict[str, tuple[Count, Count]] = {}
        for name in leaves:
            counts = [self.saved.arrays.get(f"{word}/{name}") for word in CLOCKS]
            if name not in self.saved.header.leaves:
                found[name] = 0, self.t
            elif any(count is not None for count in counts):
                waited, since = [0 if x is None else int(x) if x.ndim == 0 else x.copy() for x in counts]
                found[name] = waited, since
        return found

    def _begin(self, layout: Layout, held: Held) -> None:
        """Let averages that are not in the checkpoint begin at the weights of now, by their own first step."""
        saved = self.saved.header.leaves
        for i, average in [(i, segment.job.average) for segment in layout.segments for i in segment.leaves]:
            name, w = layout.names[i], layout.leaves[i]
            kept = held.leaves[name].average
            if average is None or not np.any(self.t) or name not in saved or saved[name].average == kept:
                continue
            c = [np.reshape(k, np.shape(k) + (1,) * (w.ndim - np.ndim(k))) for k in average.coefficients(1)]
            slots = tuple([held.slots[f"average/{name}/{slot}"] for slot in kept])
            for slot, value in zip(slots, average.compose()(w, w, slots, tuple(c))[1], strict=True):
                slot[...] = value


def _copied(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {key: array.copy() for key, array in arrays.items()}


def _same(one: Mapping[str, Array], two: Mapping[str, Array]) -> bool:
    """Whether two states of a hook are equal."""
    return one.keys() == two.keys() and all(
        one[key].dtype == two[key].dtype and np.array_equal(one[key], two[key], equal_nan=True) for key in one
    )
