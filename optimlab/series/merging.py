"""What a stretch of rows amounts to, and what it is after another one: states of series that add up.

A state has the numbers of ``recurrence.step`` for each column and group: a table of shape (columns, groups, 12).
A sample of weight w, mean m, spread B and u joins an older one of weight w' as a value does in the step, with
k = w/(w + w') and a = 1 - k:

    m ← m' + k (m - m'),    B ← a B' + k B + a k d e,    u ← a² u' + k² u + 2 a k
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from optimlab.recurrence.step import LEAST
from optimlab.series.rows import COUNT, FREE, LAST, LOAD, MASS, MEAN, MEAN2, REST, REST2, XX, XY, YY
from optimlab.typing import Array, Floats, Marks

__all__ = ["Carried", "Rules", "added", "blank", "faded", "grown", "in_units", "joined", "merged"]

NONE = -1e4  # the power of two of no values


def joined(one: Floats, two: Floats, old: Array, new: Array, scales: Any = (1.0, 1.0)) -> Floats:
    """Return the state of two samples of weights ``old`` and ``new``, all of it but the mass of its rows."""
    state, total = one.copy(), old + new
    state[..., COUNT] += two[..., COUNT]
    k = np.divide(new, total, out=(two[..., COUNT] > 0.0).astype(np.float64), where=total > 0.0)
    a = np.divide(old, total, out=1.0 - k, where=total > 0.0)
    alone, only = a == 0.0, k == 0.0
    apart: list[Floats] = []
    for mean, rest in ((MEAN, REST), (MEAN2, REST2)):
        m, n = one[..., mean], two[..., mean]
        d = np.where(alone | only, 0.0, (n - m) + (two[..., rest] - one[..., rest]))
        near = np.where(k <= a, m + (one[..., rest] + k * d), n + (two[..., rest] - a * d))
        both = np.where(np.isfinite(d), near, m + n)
        state[..., mean] = np.where(only, m, np.where(alone, n, both))
        state[..., rest] = np.where(only, one[..., rest], np.where(alone, two[..., rest], 0.0))
        apart.append(scales[len(apart)] * d)
    for at, product in ((XY, apart[0] * apart[1]), (XX, apart[0] ** 2), (YY, apart[1] ** 2)):
        both = a * one[..., at] + k * two[..., at] + a * k * product
        state[..., at] = np.where(only, one[..., at], np.where(alone, two[..., at], both))
    state[..., FREE] = a * a * one[..., FREE] + k * k * two[..., FREE] + 2.0 * a * k
    state[..., LOAD] = total
    return state


def _last(one: Floats, two: Floats, both: Floats, what: Any, prior: bool) -> Floats:
    """Return the last second moment that was shown, which rows of gaps repeat."""
    _two, bias, correlation = what
    if bias:
        new = both[..., XY]
    elif correlation:
        new = np.clip(both[..., XY] / (np.sqrt(both[..., XX]) * np.sqrt(both[..., YY])), -1.0, 1.0)
    else:
        d, e = (two[..., at] - one[..., at] for at in (MEAN, MEAN2))
        fresh = np.where((one[..., COUNT] > 0.0) | prior, 0.5 * (one[..., XY] + d * e), np.nan)
        parted = np.where(np.isnan(two[..., LAST]), fresh, two[..., LAST])
        # of the past nothing is left, in numbers: two values have this variance all the same
        new = np.where(both[..., FREE] == 0.0, parted, both[..., XY] / both[..., FREE])
    return np.where(two[..., COUNT] > 0.0, new, one[..., LAST])


def faded(mass: Array, by: Array) -> Floats:
    """N ← q N over rows without values; of a weight something is left, however long the gap."""
    return np.where((mass > 0.0) & (by > 0.0), np.maximum(by * mass, LEAST), 0.0)


def added(one: Floats, two: Floats, left: Any, scales: Any = (1.0, 1.0)) -> Floats:
    """Return the debiased state of both samples: the step, with a sample in the place of a value."""
    old, new = left * one[..., MASS], two[..., MASS]
    mass = old + new
    over = np.where(mass > 0.0, mass, 1.0)
    state = joined(one, two, old / over * one[..., LOAD], new / over * two[..., LOAD], scales)
    state[..., LOAD] = np.where(mass > 0.0, state[..., LOAD], one[..., LOAD])
    state[..., MASS] = np.where(new > 0.0, mass, faded(one[..., MASS], left))
    return state


@dataclass(frozen=True)
class Rules:
    """What a merge must know of the options."""

    floor: float
    prior: float | None
    least: float  # of a weight that is left, however long a gap, so that ratios stay; 0 if nothing is to be left
    heads: int
    what: Any
    warm: tuple[Floats, Floats] | None  # q and s of the first values, and of all later ones
    opening: bool | None
    elapsed: Callable[[Array, Array], Floats]  # β^Δ from one time to another
    spent: Callable[[Array, Array], Floats]  # 1 - β^Δ


@dataclass(frozen=True, eq=False)
class Carried:
    """What a stretch of rows amounts to: a carry, or the summary of a piece; small, picklable, and plain arrays.

    Attributes
    ----------
    table : ndarray, shape (columns, groups, 12)
        The state of ``recurrence.step`` for each column and group, without the heads.
    heads : ndarray, shape (heads, columns, groups, 5)
        x, y, weight, fade since the head before, and share of the first values, as far as they are ``filled``.
    """

    table: Floats
    heads: Floats
    filled: Array  # heads that there are
    left: Floats  # what the tail leaves of the past: of its mass if there is no head or the start is debiased
    owed: Floats  # what a start value that waited for the tail's first weight would weigh at its end
    seen: Array  # values, whatever their weight
    idle: Floats  # values before the first that stands for some time: counted where others came before them
    begun: bool = False  # whether the rows are the first ones, and the heads have stepped
    labels: tuple[Any, ...] = ()
    times: Array | None = None  # of the first and the last row of each group, shape (2, groups)
    stamps: Array | None = None  # times of the first and the last value, shape (2, columns, groups)
    there: Array = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))  # groups that have rows
    pending: Array = field(default_factory=lambda: np.zeros((0, 0), dtype=np.bool_))  # first share not known yet
    units: Floats = field(default_factory=lambda: np.full(3, NONE))  # powers of two of weights, x and y

    def arrays(self) -> dict[str, Array]:
        """Return plain arrays, as ``np.savez`` stores them without pickle; labels are numbers, text or datetimes."""
        arrays = {each.name: np.array(getattr(self, each.name)) for each in fields(self) if each.name != "labels"}
        return {name: z for name, z in arrays.items() if z.dtype != object} | {"labels": _stored(self.labels)}

    @classmethod
    def of(cls, arrays: Mapping[str, ArrayLike]) -> Self:
        """Return the state that ``arrays`` described.

        Parameters
        ----------
        arrays : mapping of str to array_like
            What ``arrays`` returned, or ``np.load`` of it.

        Returns
        -------
        Carried
            A new state.

        Raises
        ------
        ValueError
            If an entry is missing.

        Examples
        --------
        >>> from optimlab.series.carried import Piece, Recipe
        >>> state = Recipe("mean", 0.5).results(Piece([1.0, 2.0]))[1]
        >>> bool(Carried.of(state.arrays()).table[0, 0, 2] == state.table[0, 0, 2])
        True
        """
        names = {each.name for each in fields(cls)} - {"times", "stamps"}
        lacking = names - set(arrays.keys())
        if lacking:
            raise ValueError(f"arrays must hold {', '.join(sorted(names))}; missing: {', '.join(sorted(lacking))}")
        given: dict[str, Any] = {each.name: np.array(arrays[each.name]) for each in fields(cls) if each.name in arrays}
        return cls(**(given | {"begun": bool(given["begun"]), "labels": tuple(given["labels"].tolist())}))


def _stored(labels: tuple[Any, ...]) -> Array:
    array = np.array(labels) if len({isinstance(label, str) for label in labels}) < 2 else np.array([None])
    array = array.astype("M8[us]") if array.dtype == object and all(hasattr(z, "isoformat") for z in labels) else array
    if array.dtype == object or array.ndim != 1:
        raise ValueError("labels of groups must all be numbers, all text or all datetimes to be stored; give codes")
    return array


def blank(rules: Rules, columns: int, labels: tuple[Any, ...], begun: bool = False) -> Carried:
    """Return the state of no rows; with ``begun`` that before the first one."""
    shape = (columns, len(labels))
    table = np.zeros((*shape, 12))
    table[..., LAST] = np.nan
    if begun and rules.prior is not None:
        table[..., MASS] = 1.0
        table[..., [MEAN, MEAN2]] = rules.prior
        table[..., LAST] = 0.0 if rules.what is not None and rules.what[1] else np.nan
    table[..., LOAD] = 1.0 if begun else 0.0
    heads, filled, seen = np.zeros((0 if begun else rules.heads, *shape, 5)), *np.zeros((2, *shape), dtype=np.int64)
    state = Carried(table, heads, filled, np.ones(shape), np.zeros(shape), seen, np.zeros(shape), begun, labels)
    return replace(state, there=np.zeros(len(labels), dtype=np.bool_), pending=np.zeros(shape, dtype=np.bool_))


def grown(state: Carried, labels: tuple[Any, ...], rules: Rules) -> Carried:
    """Return the state with more groups, which had no rows; its labels come first."""
    more = labels[len(state.labels) :]
    if not more:
        return state
    new = blank(rules, len(state.table), more, state.begun)
    parts: dict[str, Any] = {
        name: np.concatenate([getattr(state, name), getattr(new, name)], axis=axis) for name, axis in _BY_GROUP
    }
    return replace(state, labels=labels, **parts, **_more_times(state, len(more)))


_BY_GROUP = (
    ("table", 1),
    ("heads", 2),
    ("filled", 1),
    ("left", 1),
    ("owed", 1),
    ("seen", 1),
    ("idle", 1),
    ("there", 0),
    ("pending", 1),
)


def _more_times(state: Carried, more: int) -> dict[str, Any]:
    """Return the times of a state with more groups, whose own do not matter."""
    given = {"times": state.times, "stamps": state.stamps}
    return {
        name: np.concatenate([z, np.zeros((*z.shape[:-1], more), z.dtype)], axis=-1)
        for name, z in given.items()
        if z is not None
    }


def merged(one: Carried, two: Carried, rules: Rules) -> Carried:
    """Return what two stretches of rows amount to, one after the other."""
    if not (one.table.size and two.table.size):
        return one if one.table.size else two
    if two.begun:
        raise ValueError("two must be a summary of later rows; got a carry, which begins with the first row")
    labels = tuple(dict.fromkeys([*one.labels, *two.labels]))
    one, two = grown(one, labels, rules), _placed(two, labels, rules)
    one, two = in_units(one, two.units), in_units(two, one.units)
    with np.errstate(all="ignore"):
        state = _Merge(one, two, rules, _gap(one, two, rules))
        for j in range(len(two.heads)):
            state.head(j)
        return state.tail()


def _placed(state: Carried, labels: tuple[Any, ...], rules: Rules) -> Carried:
    """Return the state with its groups in the order of more labels."""
    if state.labels == labels:
        return state
    place = {label: i for i, label in enumerate(labels)}
    rest = tuple(label for label in labels if label not in set(state.labels))
    whole = grown(state, (*state.labels, *rest), rules)
    order = np.argsort([place[label] for label in whole.labels])
    parts: dict[str, Any] = {name: np.take(getattr(whole, name), order, axis=axis) for name, axis in _BY_GROUP}
    times: dict[str, Any] = {
        name: z[..., order] for name, z in (("times", whole.times), ("stamps", whole.stamps)) if z is not None
    }
    return replace(whole, labels=labels, **parts, **times)


def in_units(state: Carried, units: Floats) -> Carried:
    """Return the state with weights, x and y in the larger of its own and of other powers of two."""
    larger = np.maximum(state.units, units)
    if (larger == state.units).all():
        return state
    w, x, y = np.exp2(np.where(state.units > NONE, np.maximum(state.units - larger, -1100.0), 0.0))
    table, heads = state.table.copy(), state.heads.copy()
    table[..., LOAD] *= w
    table[..., XX] *= x * x
    table[..., XY] *= x * y
    table[..., YY] *= y * y
    heads[..., 2] *= w
    return replace(state, table=table, heads=heads, owed=state.owed * w, units=larger)


def _gap(one: Carried, two: Carried, rules: Rules) -> Floats:
    """Return what the time between the two leaves, for each group."""
    if one.times is None or two.times is None:
        return np.ones(len(one.labels))
    both = one.there & two.there
    end, begin = one.times[1], two.times[0]
    if (begin < end)[both].any():
        i = int(((begin < end) & both).argmax())
        raise ValueError(
            f"times must not decrease from piece to piece; got {begin[i]} after {end[i]}; sort the rows by time"
        )
    return np.where(both, rules.elapsed(np.where(both, end, begin), begin), 1.0)


class _Merge:
    """One merge: heads of the later part step onto the earlier one, then its tail joins."""

    def __init__(self, one: Carried, two: Carried, rules: Rules, gap: Floats) -> None:
        self.one, self.two, self.rules, self.gap = one, two, rules, gap
        self.table, self.heads, self.filled = one.table.copy(), one.heads.copy(), one.filled.copy()
        self.left, self.owed, self.seen, self.idle = one.left.copy(), one.owed.copy(), one.seen.copy(), one.idle
        self.pending = one.pending
        self.scales = np.exp2(np.where(one.units > NONE, -one.units, 0.0))[1:]
        self.waits = one.begun and rules.prior is not None  # a start value, for the weight of the first value
        self.alone = two.heads[0, ..., 4] if len(two.heads) else np.zeros(two.seen.shape)
        if two.stamps is not None:
            self._shares()

    def _shares(self) -> None:
        """Find the share of the first value from the time since the one before, and that of a first one before it."""
        one, two, rules = self.one, self.two, self.rules
        assert two.stamps is not None
        assert two.times is not None
        has, first = two.filled > 0, one.seen == 0
        since = np.broadcast_to(two.times[0], first.shape)
        if one.stamps is not None and one.times is not None:
            begun = np.where(one.there, one.times[0], two.times[0])
            since = np.where(first, begun, one.stamps[1])
        at = np.where(has, two.stamps[0], since)
        share = rules.spent(since, at)
        if rules.opening is not None:
            share = np.where(first, 1.0 if rules.opening else self.alone, share)
        following = np.where(share > 0.0, share, np.where(two.pending, 0.0, self.alone))
        known = one.pending & has & (following > 0.0)
        self.table[..., MASS] *= np.where(known & one.begun, following, 1.0)
        if len(self.heads):
            self.heads[0, ..., 4] = np.where(known, following, self.heads[0, ..., 4])
        self.pending = np.where(first, two.pending, one.pending & ~known)
        self.alone = np.where(first & (not one.begun), self.alone, share)

    def head(self, j: int) -> None:
        """Let the j-th value of the later part step, or be a head of both."""
        head = self.two.heads[j].copy()
        if j == 0:
            head[..., 3] *= self.gap
            head[..., 4] = self.alone
        has = self.two.filled > j
        due = has & (self.filled < len(self.heads))
        c, g = np.nonzero(due)
        head[..., 3] *= np.where(due, np.where(self.filled > 0, self.table[..., MASS], self.left), 1.0)
        self.heads[self.filled[c, g], c, g] = head[c, g]
        self.table[..., MASS] = np.where(due, self.rules.floor, self.table[..., MASS])
        self.left[due] = 1.0
        self.filled += due
        self._step(head, has & ~due)
        self.seen += has

    def _step(self, head: Floats, where: Marks) -> None:
        """m ← m + k (x - m) where there is a value."""
        rules, table, v = self.rules, self.table, head[..., 2]
        fade, share = np.maximum(head[..., 3], rules.least), head[..., 4]
        if rules.warm is not None:
            at = np.minimum(self.seen, len(rules.warm[0]) - 1)
            fade, share = (
                np.where(at < len(z) - 1, z[at], own) for z, own in zip(rules.warm, (fade, share), strict=True)
            )
        first = table[..., COUNT] + self.idle == 0.0
        idle = (table[..., COUNT] == 0.0) & (v > 0.0) & ~(share > 0.0) & (not self.waits)
        mass = fade * table[..., MASS] + share
        kappa = np.divide(share, mass, out=np.zeros(mass.shape), where=mass > 0.0)
        kept = np.divide(fade * table[..., MASS], mass, out=np.zeros(mass.shape), where=mass > 0.0)
        load = np.where(first & (v > 0.0) & self.waits, v, table[..., LOAD])
        two = np.zeros(table.shape)
        two[..., LAST] = np.nan
        two[..., COUNT], two[..., MEAN], two[..., MEAN2] = (v > 0.0) & ~idle, head[..., 0], head[..., 1]
        state = joined(table, two, kept * load, kappa * v, self.scales)
        state[..., MASS] = np.maximum(mass, rules.floor)
        if rules.what is not None:
            state[..., LAST] = np.where(kappa > 0.0, _last(table, two, state, rules.what, self.waits), table[..., LAST])
        owed = np.where(first, np.where(v > 0.0, kept * v, 0.0), kept * self.owed)
        self.owed = np.where(where, owed, self.owed)
        self.left = np.where(where, self.left * (kept if rules.floor else fade), self.left)
        self.idle = self.idle + (where & idle)
        self.table = np.where(where[..., np.newaxis], state, table)

    def tail(self) -> Carried:
        """Join the rows after the heads."""
        one, two, rules, table = self.one, self.two, self.rules, self.table
        bare = two.filled == 0
        left = np.maximum(np.where(bare, two.left * self.gap, two.left), rules.least)
        if rules.warm is not None and one.begun:  # a gap in the warm-up is no step
            left = np.where(bare & (self.seen < len(rules.warm[0]) - 1), 1.0, left)
        state = self._joined(table, left, bare)
        if rules.what is not None:
            state[..., LAST] = _last(table, two.table, state, rules.what, self.waits)
        whole = np.where(bare & (self.filled > 0) & bool(rules.floor), 1.0, left)  # trailing gaps are in the mass
        waits = (table[..., COUNT] + self.idle == 0.0) & (two.table[..., COUNT] + two.idle > 0.0)
        owed = np.where(waits, two.owed, self.owed * np.where(bare, 1.0, left))
        seen = self.seen + (two.seen - two.filled)
        late = (table[..., COUNT] > 0.0) | self.waits
        state[..., COUNT] += np.where(late, two.idle, 0.0)
        idle = self.idle + np.where(late, 0.0, two.idle)
        return Carried(
            state, self.heads, self.filled, self.left * whole, owed, seen, idle, one.begun, one.labels,
            **self._times(), there=one.there | two.there, pending=self.pending, units=one.units,
        )  # fmt: skip

    def _joined(self, table: Floats, left: Floats, bare: Marks) -> Floats:
        rules, other = self.rules, self.two.table
        if not rules.floor:
            return added(table, other, left, self.scales)
        mass = np.where(bare, faded(table[..., MASS], left), other[..., MASS])
        if rules.warm is not None and self.one.begun:
            mass = np.where(self.seen < len(rules.warm[0]) - 1, table[..., MASS], mass)
        old, new = np.where(bare, 1.0, left) * table[..., LOAD], np.where(bare, 0.0, other[..., LOAD])
        if self.waits:
            old = np.where((table[..., COUNT] == 0.0) & (other[..., COUNT] + self.two.idle > 0.0), self.two.owed, old)
        state = joined(table, other, old, new, self.scales)
        state[..., MASS] = mass
        state[..., LOAD] = np.where(mass > 0.0, old + new, table[..., LOAD])
        return state

    def _times(self) -> dict[str, Any]:
        one, two = self.one, self.two
        times = {
            "times": two.times if one.times is None else one.times,
            "stamps": two.stamps if one.stamps is None else one.stamps,
        }
        if one.times is not None and two.times is not None:
            times["times"] = np.where([one.there, ~two.there], one.times, two.times)
        if one.stamps is not None and two.stamps is not None:
            times["stamps"] = np.where([one.seen > 0, two.seen == 0], one.stamps, two.stamps)
        return times
