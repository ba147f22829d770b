"""Leaves ↔ flat memory: which leaves there are, in which segments they lie, and which arrays they are now."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import is_, itemgetter
from typing import Any, final

import numpy as np

from optimlab.engine.given import check, check_apart, check_first, check_same, check_writable, plain
from optimlab.engine.groups import Groups
from optimlab.engine.job import Job
from optimlab.engine.segment import Segment
from optimlab.rules.algebra import Rule
from optimlab.rules.graph import identity
from optimlab.trees import tree_of
from optimlab.typing import Array, Count

__all__ = ["Layout"]

_ARRAY = {np.ndarray}
_BLOCKS = ("state", "average")
PACKED = 8192
"""Numbers up to which a leaf is copied into the packed buffer: there, three copies cost less than one more sweep."""


@final
class Layout:
    """The leaves of the parameters in segments, and the jobs of these.

    Parameters
    ----------
    params : container of arrays
        The parameters.
    groups : Groups
        The rule, learning rate and average of each leaf.
    pack : int
        Size up to which a leaf is packed.

    Attributes
    ----------
    names, shapes, dtypes, leaves
        Of the leaves, in order; the arrays are those of the last step.
    last : tuple of ndarray
        The same arrays, after a release too.
    rates : tuple of int
        Which of the learning rates each leaf has.
    frozen : tuple of bool
        Which leaves have no rule; they lie in no segment.
    jobs : list of Job
        The different ones.
    segments, active : list of Segment
        The memory; what the next sweep is of.
    waiting, still : tuple of bool
        Which leaves have no gradient in this step, and which never have one, as they are frozen; () if all have one.
    latest : tuple of ndarray
        The gradients of the last step, which need not be checked again.
    sure : bool
        Whether a sweep is made of calls that cannot raise.
    holds : bool
        Whether the state holds what a rule makes of gradients that are small enough for their squares.
    """

    def __init__(self, params: Any, groups: Groups, *, pack: int = PACKED) -> None:
        self.tree = tree_of(params)
        self.names = tuple([name or "params" for name in self.tree.names])
        self.replicas = groups.replicas
        self.pack = pack
        leaves = self._plain("parameter", self.tree.leaves(params))
        check_first(leaves, self.names, self.replicas)
        self.shapes = [leaf.shape for leaf in leaves]
        self.dtypes = [leaf.dtype for leaf in leaves]
        self._small = [self._is_small(leaf) for leaf in leaves]
        self._bins = [0] * len(leaves)
        self.active: list[Segment] = []
        self.segments: list[Segment] = []
        self.sure = self.holds = False
        self.leaves: tuple[Array, ...] = ()
        self.last: tuple[Array, ...] = ()
        self._given: tuple[Any, ...] = ()
        self.latest: tuple[Array, ...] = ()
        self.group(groups, leaves)
        self.bind(params)

    def group(self, groups: Groups, leaves: Sequence[Array] = ()) -> None:
        """Take the groups, and sort the leaves into segments."""
        rules, averages = groups.rules_of(self.names), groups.averages_of(self.names)
        self.rates = groups.rates_of(self.names)
        self.frozen = tuple([rule is None for rule in rules])
        self.still = self.frozen if any(self.frozen) else ()
        self.waiting: tuple[bool, ...] = self.still
        self.jobs: list[Job] = []
        self._job = [
            None if rule is None else self._known(rule, rate, average)
            for rule, rate, average in zip(rules, self.rates, averages, strict=True)
        ]
        for name, shape, place in zip(self.names, self.shapes, self._job, strict=True):
            if place is not None and self.jobs[place].whole:
                _check_shape(self.jobs[place], name, shape if self.replicas is None else shape[1:])
        for job, dtype in {(job, dtype) for job, dtype in zip(self._job, self.dtypes, strict=True) if job is not None}:
            self.jobs[job].check(dtype)
        self._arrange(leaves or self.leaves, self.clocks)

    def _known(self, rule: Rule, rate: int, average: Rule | None) -> int:
        """Return the place of a job, the same for equal ones."""
        for place, job in enumerate(self.jobs):
            if (
                job.rate == rate
                and (job.rule is rule or identity(job.rule) == identity(rule))
                and job.average == average
            ):
                return place
        self.jobs.append(Job(rule, rate, average))
        return len(self.jobs) - 1

    def _is_small(self, leaf: Array) -> bool:
        if self.replicas is None:
            return leaf.size <= self.pack or not (leaf.flags.c_contiguous or leaf.flags.f_contiguous)
        return leaf.size <= max(self.pack, self.replicas**2) or not leaf.flags.c_contiguous

    @property
    def clocks(self) -> dict[str, tuple[Count, Count]]:
        """How many steps each leaf was left out of, and how many there had been when it was added, if any."""
        late = [segment for segment in self.segments if np.any(segment.waited) or np.any(segment.since)]
        return {self.names[i]: (segment.waited, segment.since) for segment in late for i in segment.leaves}

    @clocks.setter
    def clocks(self, clocks: Mapping[str, tuple[Count, Count]]) -> None:
        self._arrange(self.leaves, clocks)

    def inherit(self, old: Layout, t: Count) -> None:
        """Go on with the leaves of the same names; the others are new at this t, perhaps one for each replica."""
        ours = dict(zip(self.names, zip(self.shapes, self.dtypes, strict=True), strict=True))
        for name, shape, dtype in zip(old.names, old.shapes, old.dtypes, strict=True):
            if ours.get(name, (shape, dtype)) != (shape, dtype):
                was, now = f"{shape} and {dtype}", "{} and {}".format(*ours[name])
                raise ValueError(f"parameter {name!r} had shape and dtype {was}; now {now}; give it another name")
        known, start = dict.fromkeys(old.names, (0, 0)) | old.clocks, (0, t if isinstance(t, int) else t.copy())
        self.clocks = {name: known.get(name, start) for name in self.names}
        before = {(name, block, slot): x for block in _BLOCKS for name, slot, x in old.memory(block)}
        for block in _BLOCKS:
            for name, slot, memory in self.memory(block):
                if (name, block, slot) in before:
                    memory[...] = before[name, block, slot]

    def _arrange(self, leaves: Sequence[Array], clocks: Mapping[str, tuple[Count, Count]]) -> None:
        """Sort the leaves into segments: those of one job, clock and bin that are packed have one."""
        parts: dict[Any, list[int]] = {}
        for i, (name, job, small) in enumerate(zip(self.names, self._job, self._small, strict=True)):
            if job is not None:
                clock = tuple([np.asarray(count).tobytes() for count in clocks.get(name, (0, 0))])
                parts.setdefault(
                    (job, clock, self._bins[i], self.dtypes[i] if small and not self.jobs[job].whole else i), []
                ).append(i)
        same = {segment.leaves: segment for segment in self.segments}
        moved = [segment for segment in self.segments if list(segment.leaves) not in parts.values()]
        state = {i: views for segment in moved for i, views in segment.slots().items()}
        self.segments = self.active = [
            self._segment(part, leaves, same.get(tuple(part)), state) for part in parts.values()
        ]
        for segment in self.segments:
            segment.waited, segment.since = clocks.get(self.names[segment.leaves[0]], (0, 0))

    def _segment(
        self, part: list[int], leaves: Sequence[Array], same: Segment | None, state: Mapping[int, list[Array]]
    ) -> Segment:
        """Return the segment that these leaves have, or a new one with the state that they have elsewhere."""
        job = self.jobs[self._job[part[0]]]  # type: ignore[index]
        if same is not None:
            same.job = job
            same.kept.clear()
            return same
        stubs = {i: leaves[i] if leaves else self.zeros(i) for i in part}
        new = Segment(stubs, job, replicas=self.replicas, packed=self._small[part[0]])
        for i, views in new.slots().items() if state else ():
            for ours, theirs in zip(views, state.get(i, ()), strict=False):
                ours[...] = theirs
        if self.leaves:
            new.bind(self.leaves)
        return new

    def bind(self, params: Any) -> None:
        """Take the parameters; others than those of the last step are checked to be the same memory."""
        given = self.tree.leaves(params)
        if self._given and all(map(is_, given, self._given)):
            return
        if not (self.leaves and self._in_place(given)):
            leaves = self._plain("parameter", given)
            self._check_parameters(leaves)
            check_apart(leaves, self.names)
            if self.leaves:
                check_same(leaves, self.leaves, self.names)
            for segment in self.segments:
                segment.bind(leaves)
            large = [segment.weights for segment in self.segments if not segment.packed]
            self._spans = sorted(map(np.lib.array_utils.byte_bounds, large))
            self.leaves = self.last = tuple(leaves)
        self._given = tuple(given)

    def _in_place(self, given: Sequence[Any]) -> bool:
        """Whether these are views of the same memory, in which case those that are bound can stay."""
        if set(map(type, given)) != _ARRAY or not all(leaf.flags.writeable for leaf in given):
            return False
        return [leaf.__array_interface__ for leaf in given] == [leaf.__array_interface__ for leaf in self.leaves]

    def release(self) -> None:
        """Forget the arrays: the next ones may be others."""
        self.leaves = self._given = self.latest = ()

    def __getstate__(self) -> dict[str, Any]:
        """A copy knows no arrays of the user's, so that it binds those that it is given."""
        return vars(self) | {"leaves": (), "last": (), "_given": (), "latest": ()}

    def _plain(self, role: str, leaves: Sequence[Any]) -> list[Any]:
        if set(map(type, leaves)) == _ARRAY:
            return list(leaves)
        return [plain(f"{role} {name!r}", leaf) for leaf, name in zip(leaves, self.names, strict=True)]

    def gather(self, gradients: Sequence[Array]) -> None:
        """Read weights and gradients into the segments; copy a gradient that lies in memory which the sweep changes."""
        for segment in self.active:
            try:
                segment.gather(gradients)
            except ValueError:  # the same arrays as in the last step, but changed in place since
                self._check_parameters(self.leaves)
                self._check("gradient", gradients)
                raise
            if not segment.packed and self._swept(segment.gradient):
                segment.gradient = segment.gradient.copy()

    def _swept(self, x: Array) -> bool:
        """Whether a flat array shares memory with leaves that are swept in place."""
        low, high = np.lib.array_utils.byte_bounds(x)
        first = bisect_right(self._spans, low, key=itemgetter(1))
        return first < len(self._spans) and self._spans[first][0] < high

    def gradients(self, gradients: Any) -> tuple[Array, ...]:
        """Return the leaves of the gradients, checked if they are not the arrays of the last step."""
        leaves = self.tree.leaves(gradients)
        if len(leaves) == len(self.latest) and all(map(is_, leaves, self.latest)):
            return self.latest
        if gradients is None:
            raise ValueError("the gradients are missing; where there are none, leave out the step")
        waiting = self._without(gradients, leaves)
        if waiting:
            leaves = [self.zeros(i) if waiting[i] else x for i, x in enumerate(leaves)]
        self.latest, self.waiting = self.checked_gradients(tuple(leaves)), waiting
        return self.latest

    def _without(self, gradients: Any, leaves: Sequence[Any]) -> tuple[bool, ...]:
        """Return which leaves have None as their gradient, or are frozen; a leaf that a dict lacks is a mistake."""
        if self.tree.parts is None or not any(leaf is None for leaf in leaves):
            return self.still
        lacking = set(self.tree.lacking(gradients))
        rows = zip(leaves, self.names, self.frozen, strict=True)
        return tuple([still or (leaf is None and name not in lacking) for leaf, name, still in rows])

    def zeros(self, i: int) -> Array:
        """Return a leaf of zeros, which takes no memory."""
        return np.broadcast_to(self.dtypes[i].type(0), self.shapes[i])

    def activate(self, waiting: Sequence[bool]) -> list[Segment]:
        """Choose what the next sweep is of: all but the leaves that wait; return the segments of these."""
        if not waiting or waiting is self.still:
            self.active = self.segments
            return []
        if any(len({waiting[i] for i in segment.leaves}) > 1 for segment in self.segments):
            marks = list(zip(self._bins, waiting, strict=True))
            places = {mark: place for place, mark in enumerate(dict.fromkeys(marks))}
            self._bins = [places[mark] for mark in marks]
            self._arrange(self.leaves, self.clocks)
        self.active = [segment for segment in self.segments if not waiting[segment.leaves[0]]]
        return [segment for segment in self.segments if waiting[segment.leaves[0]]]

    def checked_gradients(self, leaves: tuple[Any, ...]) -> tuple[Array, ...]:
        """Return these leaves, if they can be gradients."""
        if len(leaves) != len(self.names):
            raise ValueError(f"there must be {len(self.names)} gradients, as parameters; a hook gave {len(leaves)}")
        arrays = tuple(self._plain("gradient", leaves))  # arithmetic on 0-d arrays makes NumPy scalars
        self._check("gradient", arrays)
        return arrays

    def memory(self, block: str) -> Iterator[tuple[str, str, Array]]:
        """Yield leaf, slot and the slot's memory in the leaf's shape, of the block "state" or "average"."""
        for segment in self.segments:
            for slot, row in zip(segment.job.slots[block], getattr(segment, block), strict=True):
                for i, view in zip(segment.leaves, segment.views(row), strict=True):
                    yield self.names[i], slot, view

    def _check_parameters(self, leaves: Sequence[Array]) -> None:
        self._check("parameter", leaves)
        check_writable(leaves, self.names)
        for segment in self.segments:
            if not segment.ordered(leaves):
                name, strides = self.names[segment.leaves[0]], leaves[segment.leaves[0]].strides
                remedy = "make it with the order that it had in the first step"
                raise ValueError(f"parameter {name!r} must keep its memory order; got strides {strides}; {remedy}")

    def _check(self, role: str, leaves: Sequence[Any]) -> None:
        arrays = set(map(type, leaves)) == _ARRAY and [leaf.shape for leaf in leaves] == self.shapes
        if not arrays or [leaf.dtype for leaf in leaves] != self.dtypes:
            for leaf, name, shape, dtype in zip(leaves, self.names, self.shapes, self.dtypes, strict=True):
                check(f"{role} {name!r}", leaf, shape, dtype)


def _check_shape(job: Job, name: str, shape: tuple[int, ...]) -> None:
    """Refuse a leaf that is not of the shapes that a rule is for."""
    try:
        job.shapes(shape)
    except ValueError as error:
        remedy = f'give it another rule by name, {{{name!r}: adamw(), "*": ...}}'
        raise ValueError(f"parameter {name!r}: {error}; {remedy}") from error
