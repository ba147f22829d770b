"""One piece of a series: what its rows do after what came before, and what they amount to alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.series.ema import magnitude, summed
from optimlab.series.frames import values
from optimlab.series.merging import NONE, Carried, blank
from optimlab.series.options import Plan, by_column, by_value, checked_weights, group_codes, of_gain, plan, rate_of
from optimlab.series.rows import COUNT, LOAD, MASS, MEAN2, REST, REST2, start_state
from optimlab.series.rows import MEAN as AT
from optimlab.series.sweep import refuse_gaps, resume
from optimlab.series.times import Clock, read_times
from optimlab.typing import Array, Floats, Marks

if TYPE_CHECKING:
    from optimlab.series.carried import Piece, Recipe

__all__ = ["Heads", "Rows", "warm_up"]

_UNIT = np.ones(1)


def warm_up(n: int, base: Plan) -> tuple[Floats, Floats]:
    """Return q and s of the first n values, of which there is a plain mean, and those of all later ones."""
    k = np.append(1.0 / np.arange(1.0, n + 1.0), base.s[0])
    return np.append(1.0 - k[:-1], base.q[0]), k


class Rows:
    """The rows of a piece, checked, as the loops read them."""

    def __init__(self, recipe: Recipe, piece: Piece) -> None:
        self.recipe, self.piece = recipe, piece
        (self.what, self.total, self.root), series = recipe.asked
        if (piece.y is None) == (series == 2):
            raise ValueError(f"y must {'' if series == 2 else 'not '}be given for {recipe.task!r}")
        arrays = [values(piece.x), *([] if piece.y is None else [values(piece.y, "y")])]
        if recipe.task == "sum" and recipe.of != "values":
            arrays = [np.where(np.isnan(arrays[0]), np.nan, 1.0)]
        self.shape, self.dtype = arrays[0].shape, np.result_type(*arrays)
        if arrays[-1].shape != self.shape:
            raise ValueError(f"y must have the shape of x, {self.shape}; got {arrays[-1].shape}")
        self.size = self.shape[0]
        self.flat = [z.reshape(self.size, int(np.prod(self.shape[1:]))) for z in arrays]
        self.columns = [by_column(z, 0) for z in self.flat]
        self.codes, self.labels = _labelled(piece.by, self.size)
        self.times = None if piece.times is None else read_times(piece.times)
        if self.times is None and recipe.timed:
            raise ValueError("times must be given in each piece with spacing='time'")
        self.weights, self.units = self._weights(arrays)

    def _weights(self, arrays: list[Array]) -> tuple[Floats | None, Floats]:
        """Return the weights as they are, and powers of two near them and the values."""
        units, weights = np.full(3, NONE), None
        if self.piece.weights is not None and self.recipe.of != "counts":
            weights = checked_weights(self.piece.weights, self.shape, 0, scaled=False)
            if (weights > 0.0).any():
                largest = float(weights.max())
                units[0] = 0 if 1e-150 <= largest <= 1e150 else np.frexp(largest)[1]
        else:
            units[0] = 0
        for i in (0, 1) if self.what is not None and self.what[1] else ():
            units[1 + i] = magnitude(arrays[i]) if (np.abs(arrays[i]) > 0.0).any() else NONE
        return weights, units

    @cached_property
    def there(self) -> Marks:
        """Where there are values, of shape (columns, rows)."""
        there = np.ones(self.columns[0].shape, dtype=np.bool_)
        for x in () if self.recipe.options.get("gaps") == "propagate" else self.columns:
            there &= x == x
        return there

    @cached_property
    def groups(self) -> Array:
        """The number of each row's group among the labels; -1 for no group."""
        return np.zeros(self.size, dtype=np.int64) if self.codes is None else self.codes

    @cached_property
    def ranks(self) -> Array:
        """How many rows of its group are before each row."""
        return _ranks(self.groups)[0]

    def known(self, labels: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the labels with those of these rows behind them."""
        return labels if labels == self.labels else tuple(dict.fromkeys([*labels, *self.labels]))

    def _plan(self, state: Carried, codes: Array | None) -> Plan:
        """Return the plan of these rows after a state."""
        steps, warmup = self._steady(state, codes), self.recipe.options.get("warmup")
        if warmup is None:
            return steps
        own = by_value(*warm_up(warmup, steps), codes, state.seen)
        return replace(steps, own=own, decay=None, least=max(steps.least, warmup))

    def _steady(self, state: Carried, codes: Array | None) -> Plan:
        """Return the plan of these rows after a state and, with start="sma", after the warm-up."""
        recipe, piece, one = self.recipe, self.piece, self.columns[0][0]
        beta, options = recipe.steady(recipe.beta if piece.beta is None else piece.beta)
        if self.times is not None:
            steps = self._by_time(plan(one[:1], beta, times=self.times[:1], **options), state, codes)
        elif isinstance(beta, Gain) and of_gain(beta) is None:
            steps = replace(plan(one[:1], beta, **options), own=self._by_gain(beta, state, codes))
        else:
            steps = plan(one, beta, **options)
        weights = steps.weights if self.weights is None else self.weights * np.exp2(-_finite(state.units[0]))
        return replace(steps, weights=weights, codes=codes, groups=len(state.labels))

    def _by_gain(self, gain: Gain, state: Carried, codes: Array | None) -> Any:
        lowest = int(state.seen.min(initial=0))
        k = np.array([gain.at(t) for t in range(lowest + 1, int(state.seen.max(initial=0)) + self.size + 1)])
        return by_value(np.append(1.0 - k, 1.0), np.append(k, 0.0), codes, state.seen - lowest)

    def _by_time(self, steps: Plan, state: Carried, codes: Array | None) -> Plan:
        """Put the last row of each group before these rows, or its last value, as a row that is then left out."""
        assert self.times is not None
        recipe, before = self.recipe, np.flatnonzero(state.there)
        times, n = self.times, len(before)

        def clock(old: Array | None) -> Clock:
            more = times if old is None or not n else np.concatenate([old[before], times])
            own = None if codes is None else np.concatenate([before, codes]) if n else codes
            return Clock(more, len(more), codes=own)

        rows = clock(None if state.times is None else state.times[1])
        rate = rate_of(rows, recipe.beta, recipe.names)
        try:
            q = rows.fades(rate)[n:]
        except ValueError:
            Clock(times, len(times), codes=codes).fades(rate)  # its error names a row of the piece
            raise
        if not recipe.timed:
            return replace(steps, q=q, s=_UNIT)
        opening = recipe.rules(None).opening

        def own(there: Marks, column: int) -> tuple[Floats, Floats]:
            seen = state.seen[column] > 0
            old: Array | None = None
            if state.stamps is not None and state.times is not None:
                old = np.where(seen, state.stamps[1, column], state.times[0])
            s = clock(old).shares(rate, np.concatenate([seen[before], there]), opening)
            if opening is False:
                self._open(state, column, s[:n], s[n:])
            return q, s[n:]

        return replace(steps, q=q, s=_UNIT, own=own)

    def _open(self, state: Carried, column: int, before: Floats, shares: Floats) -> None:
        """Let first values count for as long as the next later ones, in place, and mark those that have none yet."""
        groups, pending = np.flatnonzero(state.there), state.pending[column]
        state.table[column, groups, MASS] *= np.where(pending[groups], before, 1.0)
        codes = self.index(state)
        positive = np.bincount(codes[(shares > 0.0) & (codes >= 0)], minlength=len(pending))
        state.pending[column] = np.where(state.seen[column] > 0, pending & (positive == 0), positive == 1)

    def index(self, state: Carried) -> Array:
        """Return the number of each row's group in a state."""
        if self.codes is None:
            return np.zeros(self.size, dtype=np.int64)
        place = {label: i for i, label in enumerate(state.labels)}
        return np.array([*(place[label] for label in self.labels), -1], dtype=np.int64)[self.codes]

    def results(self, state: Carried) -> tuple[Array, Carried]:
        """Return the results after a state, and the state after them."""
        state = replace(state, table=state.table.copy(), pending=state.pending.copy())
        out = np.empty_like(self.flat[0], dtype=self.dtype, subok=False)
        if out.size == 0:
            return out.reshape(self.shape), state
        codes = None if self.codes is None else self.index(state)
        self._run(self._plan(state, codes), by_column(out, 0), state.table, state.units)
        if self.total and state.units[0] not in (0.0, NONE):
            np.ldexp(out, int(state.units[0]), out=out)
        if self.root:
            np.sqrt(out, out=out)
        return out.reshape(self.shape), self._after(state, codes)

    def summary(self, before: int) -> Carried:
        """Return what these rows alone amount to; of a weight something is left, so that ratios stay."""
        state, least = self._alone(before), self.recipe.least
        heads = state.heads.copy()
        heads[..., 3] = np.maximum(heads[..., 3], least)
        return replace(state, heads=heads, left=np.maximum(state.left, least if self.times is None else least**2))

    def _alone(self, before: int) -> Carried:
        rules = self.recipe.rules(self)
        state = replace(blank(rules, len(self.columns[0]), self.labels), units=self.units)
        if self.columns[0].size == 0:
            return state
        there, codes = self.there, self.codes
        if isinstance(self.recipe.beta, Gain) and of_gain(self.recipe.beta) is None:
            self._refuse_uncounted(there)
            state.seen[:] = before
        steps = replace(self._steady(state, codes), prior=None)
        if self.times is not None:  # a long time between two rows leaves something too
            steps = replace(steps, q=np.maximum(steps.q, self.recipe.least))
        heads = Heads(there, codes, rules.heads, len(self.labels))
        state = replace(state, table=start_state(steps, state.seen.size).reshape(state.table.shape))
        state.table[..., LOAD] = 0.0 if rules.heads else 1.0
        after = self._after(replace(state, seen=np.zeros_like(state.seen)), codes)
        fades = self._whole(steps, after)
        if not rules.heads:
            self._run(steps, np.empty(there.shape, self.dtype), state.table, self.units)
            return replace(after, left=fades)
        after = replace(after, heads=self._records(state.heads, steps, heads, after), filled=heads.filled, left=fades)
        if steps.floor and steps.alike and there.all():
            return self._tail_alike(after, steps, rules.heads)
        return self._tail(after, steps, heads)

    def _refuse_uncounted(self, there: Marks) -> None:
        if self.codes is not None or not there.all():
            what = "groups" if self.codes is not None else f"NaN in row {int((~there).any(axis=0).argmax())}"
            raise ValueError(
                f"a summary under a gain, which counts values, must have no groups and no gaps; got {what}; "
                "feed the pieces one after another to results instead"
            )

    def _records(self, records: Floats, steps: Plan, heads: Heads, state: Carried) -> Floats:
        """Return x, y, weight, fade and share of the heads."""
        v = np.atleast_2d(steps.weights)
        for c, (rows, groups, ranks) in enumerate(heads.places):
            q, s = (steps.q, steps.s) if steps.own is None else steps.own(heads.there[c], c)
            fade = self._until(steps, heads.places[c], q, state)
            records[ranks, c, groups, 3] = fade
            for at, z in ((0, self.columns[0][c]), (1, self.columns[-1][c]), (2, v[c if len(v) > 1 else 0]), (4, s)):
                records[ranks, c, groups, at] = z[rows if len(z) > 1 else 0]
        return records

    def _until(self, steps: Plan, heads: tuple[Array, Array, Array], q: Floats, state: Carried) -> Floats:
        """Return what is left at each head of the rows before the head before it."""
        rows, groups, ranks = heads
        if self.times is not None and state.times is not None:
            rules = self.recipe.rules(self)
            return rules.elapsed(state.times[0][groups], self.times[rows])
        if steps.own is not None or not steps.decays:
            return np.broadcast_to(q, self.size)[rows]
        if steps.decay is not None:
            place = (rows if self.codes is None else self.ranks[rows]) + 1
            return _power(steps.decay, place - np.where(ranks > 0, np.roll(place, 1), 0))
        ends = np.full(len(self.labels), -1)
        ends[groups] = rows
        here = np.arange(self.size) <= ends[self.groups]
        return _products(q[here], self.groups[here], len(self.labels))[groups]

    def _whole(self, steps: Plan, state: Carried) -> Floats:
        """Return what all rows leave of the mass before them, for each column and group."""
        there, size = self.there, len(self.labels)
        if state.times is not None:
            left = np.where(state.there, self.recipe.rules(self).elapsed(*state.times), 1.0)
            if (left <= self.recipe.least).any():  # as much as of the rows before a long time
                left = np.where(left <= self.recipe.least, _products(steps.q, self.groups, size), left)
            return left + np.zeros((len(there), 1))
        if steps.decay is None:
            q = np.broadcast_to(steps.q, self.size)
            return np.stack([_products(np.where(here | steps.decays, q, 1.0), self.groups, size) for here in there])
        return _power(steps.decay, np.stack([_counts(here | steps.decays, self.codes, size) for here in there]))

    def _tail_alike(self, state: Carried, steps: Plan, n: int) -> Carried:
        """Find the sample of rows after the heads as a debiased one: where all fade alike its weights are the same."""
        rest = [x[:, n:] for x in self.columns]
        state.table[..., LOAD] = 1.0
        self._run(replace(steps, floor=0.0), np.empty(rest[0].shape, self.dtype), state.table, self.units, rest)
        state.table[..., LOAD] = state.table[..., MASS]
        state.table[..., MASS] = 1.0
        assert steps.decay is not None
        return replace(state, left=_power(steps.decay, np.full(state.seen.shape, max(self.size - n, 0))))

    def _tail(self, state: Carried, steps: Plan, heads: Heads) -> Carried:
        """Find the sample of rows after the heads by a pass in which heads have no weight."""
        table, marks, there, left = state.table, heads.marks, heads.there, state.left
        own, steps = steps.own, replace(steps, weights=np.where(marks, 0.0, steps.weights))
        if own is not None:
            given = own

            def bare(here: Marks, column: int) -> tuple[Floats, Floats]:
                q, s = given(here, column)
                return q, np.where(marks[column], steps.floor, s)

            steps = replace(steps, own=bare)
        out = np.empty(there.shape, self.dtype)
        self._run(steps, out, table, self.units)
        if self.recipe.timed:
            for c, counted in enumerate(there & ~marks & (steps.weights > 0.0)):
                state.idle[c] = _counts(counted, self.codes, table.shape[1]) - table[c, :, COUNT]
        has, owed = heads.filled > 0, state.owed
        if steps.floor:
            rest = self._mean_of(np.where(marks, 1.0, 0.0), replace(steps, weights=np.ones(())), there)
            left = np.where(has, rest[..., AT] + rest[..., REST], left)
        else:
            assert state.stamps is not None
            assert state.times is not None
            left = np.where(
                has, self.recipe.rules(self).elapsed(state.stamps[0], state.times[1] + 0 * state.stamps[0]), left
            )
        if self.recipe.base.prior is not None and self.weights is not None:
            rest = self._mean_of(np.zeros(there.shape), replace(steps, prior=1.0), there)
            owed = (rest[..., AT] + rest[..., REST]) * rest[..., LOAD]
        return replace(state, left=left, owed=owed)

    def _mean_of(self, z: Floats, steps: Plan, there: Marks) -> Floats:
        """Return the state after the mean of a series with values where these rows have some."""
        table = start_state(steps, len(there) * len(self.labels)).reshape(len(there), -1, 12)
        z[~there] = np.nan
        resume(replace(steps, refuse=False), [z], np.empty(z.shape), table, None)
        return table

    def _run(self, steps: Plan, out: Array, table: Floats, units: Floats, columns: Any = None) -> None:
        if steps.refuse:
            for x in self.columns:
                refuse_gaps(x)
        what: Any = None
        if self.what is not None:
            what = (len(self.columns) > 1, *self.what, *(float(np.exp2(-_finite(unit))) for unit in units[1:]))
        resume(summed(steps) if self.total else steps, columns or self.columns, out, table, what, total=self.total)
        if self.what is not None and len(self.columns) == 1:
            table[..., [MEAN2, REST2]] = table[..., [AT, REST]]

    def _after(self, state: Carried, codes: Array | None) -> Carried:
        """Return the state with the facts of these rows: their times, and how many values there were."""
        facts: dict[str, Any] = {"there": state.there.copy(), "seen": state.seen.copy()}
        facts["there"][slice(None) if codes is None else codes[codes >= 0]] = True
        counts = self.recipe.rules(None).warm is not None or isinstance(self.recipe.beta, Gain) or self.recipe.timed
        if not counts and self.times is None:
            return replace(state, **facts)
        there = self.there
        if counts:
            facts["seen"] += [_counts(here, codes, len(state.labels)) for here in there]
        if self.times is not None:
            groups = self.index(state)
            facts["times"] = self._ends(state.times, groups >= 0, groups, state.there)
            if self.recipe.timed:
                old = [None if state.stamps is None else state.stamps[:, c] for c in range(len(there))]
                ends = [
                    self._ends(old[c], there[c] & (groups >= 0), groups, state.seen[c] > 0) for c in range(len(there))
                ]
                facts["stamps"] = np.stack(ends, axis=1)
        return replace(state, **facts)

    def _ends(self, old: Array | None, where: Marks, groups: Array, had: Marks) -> Array:
        """Return the times of the first and of the last row of each group among some rows and those before."""
        assert self.times is not None
        ends = np.zeros((2, len(had)), self.times.dtype)
        rows = np.flatnonzero(where)
        ends[1, groups[rows]] = self.times[rows]
        ends[0, groups[rows[::-1]]] = self.times[rows[::-1]]
        if old is None:
            return ends
        now = np.zeros(len(had), dtype=np.bool_)
        now[groups[rows]] = True
        return np.where([had, had & ~now], old, ends)


class Heads:
    """Where the first values of each column and group are."""

    def __init__(self, there: Marks, codes: Array | None, most: int, size: int) -> None:
        self.there, self.codes = there, codes
        self.marks, self.filled = np.zeros(there.shape, dtype=np.bool_), np.zeros((len(there), size), dtype=np.int64)
        self.places = [self._first(c, most) for c in range(len(there) if most else 0)]

    def _first(self, c: int, most: int) -> tuple[Array, Array, Array]:
        """Return rows, groups and ranks of the heads of a column, group after group."""
        if self.codes is None:
            front = self.there[c, : 64 * most]
            rows = np.flatnonzero(front if np.count_nonzero(front) >= most else self.there[c])[:most]
            groups, ranks = np.zeros(len(rows), dtype=np.int64), np.arange(len(rows))
        else:
            rows = np.flatnonzero(self.there[c] & (self.codes >= 0))
            ranks, order = _ranks(self.codes[rows])
            order = order[ranks[order] < most]
            rows, groups, ranks = rows[order], self.codes[rows[order]], ranks[order]
        self.marks[c, rows] = True
        self.filled[c] = np.bincount(groups, minlength=self.filled.shape[1])
        return rows, groups, ranks


def _ranks(groups: Array) -> tuple[Array, Array]:
    """Return how many of the rows before each are of its group, and the order of the rows by group."""
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=-2))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(begins, np.diff(begins, append=len(groups)))
    return ranks, order


def _counts(marks: Marks, codes: Array | None, size: int) -> Array:
    """Return how many of the marked rows each group has."""
    if codes is None:
        return np.array([np.count_nonzero(marks)])
    return np.bincount(codes[marks & (codes >= 0)], minlength=size)


def _power(decay: Decay, n: Array) -> Floats:
    """βⁿ."""
    return np.where(n == 0, 1.0, np.exp(decay.log_beta * np.where(n == 0, 1, n)))


def _products(q: Floats, groups: Array, size: int) -> Floats:
    """Πq of each group; those of no group are in a last one that is left out."""
    result = np.ones(size + 1)
    np.multiply.at(result, groups, q)
    return result[:-1]


def _finite(unit: float) -> float:
    return float(unit) if unit > NONE else 0.0


def _labelled(by: Any, rows: int) -> tuple[Array | None, tuple[Any, ...]]:
    """Return the number of each row's group, and the labels of the groups; one of no name if there are none."""
    if by is None:
        return None, ("",)
    codes, groups = group_codes(by, rows)
    first = np.zeros(groups, dtype=np.int64)
    first[codes[::-1][codes[::-1] >= 0]] = np.flatnonzero(codes >= 0)[::-1]
    given = np.asarray(by.to_numpy() if hasattr(by, "to_numpy") else by)
    return codes, tuple(given[first].tolist())
