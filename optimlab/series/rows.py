"""The step of the recurrence for a tile of rows at once, with NumPy alone: means and spreads as linear scans.

With W the mass after a row, f W the past's part of it before the row and w = W - f W the value's,

    W m ← f W m + w x,    W B ← f W B + f W k d e,    W² u ← f² W² u + 2 f W w

are scans with a constant factor where f is (2.5 ns a value), else with one of its own for each row (10 ns). A state has
one row of numbers a column, those of ``compiled.py``.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from optimlab.recurrence.step import LEAST, START
from optimlab.series.options import Plan
from optimlab.series.scan import constant_scan, corrections, held, powers, shifted, variable_scan
from optimlab.typing import Array, Floats, Marks

__all__ = ["Tile", "mean", "moment", "present", "quick_mean", "quick_moment", "start_state"]

MASS, LOAD, MEAN, REST, COUNT, MEAN2, REST2, XY, FREE, XX, YY, LAST = range(12)
GAPPY = 24_576  # elements of which two scans stay below 1 MiB
SMALL = 1e-130  # a mass whose square is as small has lost digits


def start_state(plan: Plan, columns: int, what: Any = None) -> Floats:
    """Return the state of columns before their first row."""
    state = np.zeros((columns, 12))
    state[:, :XX] = START
    state[:, LAST] = np.nan
    if plan.prior is not None:
        state[:, MASS] = 1.0
        state[:, [MEAN, MEAN2]] = plan.prior
        state[:, LAST] = 0.0 if what is not None and what[1] else np.nan
    return state


class Tile:
    """What the rows of a tile do to the columns: arrays of shape (columns, rows), or (1, rows) if all are alike."""

    def __init__(self, plan: Plan, there: Marks, v: Floats, rows: slice, state: Floats) -> None:
        self.plan, self.there, self.state = plan, there, state
        self.fresh = (state[:, COUNT] == 0.0) & (plan.prior is None)
        self.had = ~self.fresh
        if not plan.weighted and there.all() and (state[:, [MASS, LOAD, COUNT]] == state[0, [MASS, LOAD, COUNT]]).all():
            there = there[:1]
        mass = state[: len(there), MASS]
        self.counted = there & (v > 0.0) if plan.weighted else there
        q, s = (z if z.size == 1 else z[rows] for z in (plan.q, plan.s))
        self.f = np.broadcast_to(q, there.shape) if plan.decays or there.all() else np.where(there, q, 1.0)
        self.log_beta = plan.decay.log_beta if plan.decay is not None and self.f.strides[-1] == 0 else None
        new = np.where(there, s, 0.0)
        if plan.floor:
            new, passed = self._whole(there, new, mass)
            load = state[: len(there), LOAD]
        else:
            passed, load = None, mass * state[: len(there), LOAD]
        if plan.weighted and plan.prior is not None:
            new = self._wait(v, there, new)
        self.w, self.before = new * v, load
        self._rows = passed if passed is not None or not plan.weighted else self._linear(new, mass)
        self.moved = self.counted & (self.w > 0.0)
        if plan.prior is None and (self.moved != self.counted).any():  # no time before the first that has some
            begun = np.logical_or.accumulate(self.moved, axis=1) | (state[: len(there), COUNT, None] > 0.0)
            self.counted = self.counted & begun

    @cached_property
    def mass(self) -> Floats:
        """W after each row."""
        return self._linear(self.w, self.before)

    @cached_property
    def past(self) -> Floats:
        """f W of each row."""
        return self.f * shifted(self.mass, self.before)

    @property
    def rows(self) -> Floats:
        """The mass of the rows, whatever their weights."""
        return self.mass if self._rows is None else self._rows

    @property
    def safe(self) -> bool:
        """Whether no square of a mass loses digits."""
        return bool((self.mass > SMALL).all())

    def _whole(self, there: Marks, new: Floats, mass: Floats) -> tuple[Floats, Floats]:
        """Let the past have the mass of one row after each value: return the shares, and the mass of the rows."""
        if self.log_beta is not None and there.all() and (mass == 1.0).all():
            return new, np.ones(there.shape)
        after = variable_scan(np.where(there, 0.0, self.f), there.astype(np.float64), mass)
        before = self.f * shifted(after, mass)
        total = np.where(there, before + new, 1.0)
        self.f, self.log_beta = np.where(there, before / total, 1.0), None
        return new / total, after

    def _wait(self, v: Floats, there: Marks, new: Floats) -> Floats:
        """Give a number as start the weight of the first value, and let it wait for that one; return the shares."""
        unset = self.state[:, COUNT] == 0.0
        first = np.take_along_axis(np.broadcast_to(v, there.shape), self.counted.argmax(axis=1)[:, None], 1)[:, 0]
        some = unset & self.counted.any(axis=1)
        self.state[some, LOAD] = first[some]
        waits = (np.cumsum(self.counted, axis=1) == 0) & unset[:, None]
        if waits.any():
            self.f, self.log_beta, new = np.where(waits, 1.0, self.f), None, np.where(waits, 0.0, new)
        return new

    def _linear(self, b: Floats, carry: Floats, power: int = 1) -> Floats:
        """y ← fᵖ y + b."""
        if self.log_beta is None:
            return variable_scan(self.f if power == 1 else self.f * self.f, b, carry)
        y: Floats = constant_scan(b, power * self.log_beta, 1.0, carry)
        return y

    @property
    def k(self) -> Floats:
        """The share of the value; 0 where none counts."""
        return np.divide(self.w, self.mass, out=np.zeros(self.w.shape), where=self.w > 0.0)

    @property
    def a(self) -> Floats:
        """The share of the past; 1 where no value counts."""
        return np.divide(self.past, self.mass, out=np.ones(self.w.shape), where=self.w > 0.0)

    def start(self, x: Array, at: int) -> Floats:
        """Return the mean before the rows; that of a column that has none is its first value."""
        carry = self.state[:, at].copy()
        if self.fresh.any():
            counted = np.broadcast_to(self.counted, x.shape)
            carry[self.fresh] = np.take_along_axis(x, counted.argmax(axis=1)[:, None], 1)[self.fresh, 0]
            carry[self.fresh & ~counted.any(axis=1)] = 0.0
        return carry

    def smooth(self, x: Array, carry: Floats) -> Floats:
        """Return the mean of the rows from the mean before them; where nothing has counted it has no meaning."""
        moved = np.broadcast_to(self.moved, x.shape)
        values = x if moved.all() else np.where(moved, x, 0.0)
        if self.plan.forgets:  # even an infinite past
            return held(values, moved, carry)
        finite = np.where(np.isfinite(carry), carry, 0.0)
        bad = None if np.isfinite(values.sum()) else ~np.isfinite(values)
        m = self._means(values if bad is None else np.where(bad, 0.0, values), finite)
        self._keep_equal(m, x, carry)
        if bad is not None:
            m += np.add.accumulate(np.where(bad, values, 0.0), axis=1)
        if finite is not carry and not np.isfinite(carry).all():
            m += np.where(np.isfinite(carry), 0.0, carry)[:, None]
        return m if moved.all() else held(m, moved, carry)

    def _means(self, values: Floats, carry: Floats) -> Floats:
        if self.log_beta is None and len(self.f) == 1 and "mass" not in self.__dict__:  # both in one: 12 ns, not 23
            both = np.concatenate([self.w, self.w * values]), np.concatenate([self.before, carry * self.before])
            m = variable_scan(self.f, *both)
            self.mass, m = m[:1], m[1:]
        else:
            m = self._linear(self.w * values, carry * self.before)
        m /= self.mass
        if not np.isfinite(m[:, -1]).all() and not np.isfinite(np.where(self.moved, m, 0.0)).all():
            return variable_scan(self.a, self.k * values, carry)  # the sums overflow
        return m

    def _keep_equal(self, m: Floats, x: Array, carry: Floats) -> None:
        """Write the mean before the rows over the rounding of means of values equal to it, in place."""
        moved = np.broadcast_to(self.moved, x.shape)
        first = np.take_along_axis(x, moved.argmax(axis=1)[:, None], 1)[:, 0]
        for c in np.flatnonzero(first == carry):
            other = moved[c] & (x[c] != carry[c])
            m[c, : other.argmax() if other.any() else None] = carry[c]

    def apart(self, x: Array, at: int) -> Floats:
        """x - m_before of the rows; 0 where no value counts."""
        carry = self.start(x, at)
        m = self.smooth(x, carry)
        self.state[:, at] = m[:, -1]
        return np.where(self.moved, x - shifted(m, carry), 0.0)

    def spread(self, product: Floats, at: int) -> tuple[Floats, Floats]:
        """B ← a (B + k d e): return it, and B_before + k d e."""
        before = self.state[:, at].copy()
        if self.safe and np.isfinite(product).all():
            b = self._linear(self.past * self.k * product, before * self.before) / self.mass
        else:
            b = variable_scan(self.a, self.a * self.k * product, before)
        self.state[:, at] = b[:, -1]
        return b, shifted(b, before) + self.k * product

    def freedom(self) -> Floats:
        """u ← a (a u + 2 k): return a u_before + 2 k."""
        before = self.state[: len(self.w), FREE].copy()
        if self.safe:
            u = self._linear(2.0 * self.past * self.w, before * self.before**2, 2) / self.mass**2
        else:
            u = variable_scan(self.a**2, 2.0 * self.a * self.k, before)
        self.state[:, FREE] = u[:, -1]
        return self.a * shifted(u, before) + 2.0 * self.k

    def again(self, result: Floats) -> Floats:
        """Return results that exist from the second value on; those of gap rows are the last ones."""
        moved = np.broadcast_to(self.moved, result.shape)
        seen = shifted(np.logical_or.accumulate(moved | self.had[:, None], axis=1), self.had)
        return self.kept(np.where(moved & seen, result, np.nan))

    def kept(self, result: Floats) -> Floats:
        """Return results of which those of gap rows are the last ones."""
        result = held(result, np.broadcast_to(self.moved, result.shape), self.state[:, LAST])
        self.state[:, LAST] = result[:, -1]
        return result

    def shown(self, m: Floats) -> Floats:
        """Set results that are too early, too light or of gaps to NaN; carry mass and count on."""
        n, plan = self.state[:, COUNT].copy(), self.plan
        least = plan.least if plan.prior is not None else max(plan.least, 1)
        if (n < least).any():
            m[n[:, None] + np.cumsum(np.broadcast_to(self.counted, m.shape), axis=1) < least] = np.nan
        if plan.lightest > 0.0:
            m[np.broadcast_to(self.rows < plan.lightest, m.shape)] = np.nan
        if plan.blank:
            m[~self.there] = np.nan
        self.state[:, COUNT] = n + self.counted.sum(axis=1)
        seen = (self.state[:, COUNT] > 0.0) & (not plan.forgets)  # of a weight something is left, however long a gap
        self.state[:, MASS] = np.where(seen, np.maximum(self.rows[:, -1], LEAST), self.rows[:, -1])
        if plan.weighted:
            load = self.mass[:, -1] if plan.floor else self.mass[:, -1] / np.maximum(self.rows[:, -1], 1e-300)
            self.state[:, LOAD] = np.where(self.rows[:, -1] > 0.0, load, self.state[:, LOAD])
        return m


def present(plan: Plan, *series: Array) -> Marks:
    """Where all of the series hold a value."""
    there = np.ones(series[0].shape, dtype=np.bool_)
    for x in () if plan.propagate else series:
        there &= x == x
    return there


def mean(x: Array, plan: Plan, v: Floats, rows: slice, state: Floats, total: bool) -> Floats:
    """Return the mean of a tile of shape (columns, rows), or the decayed sum."""
    tile = Tile(plan, present(plan, x), v, rows, state)
    m = tile.smooth(x, tile.start(x, MEAN))
    state[:, MEAN] = m[:, -1]
    return tile.shown(m * tile.mass if total else np.array(m))


def moment(x: Array, y: Array, plan: Plan, v: Floats, rows: slice, state: Floats, what: tuple[Any, ...]) -> Floats:
    """Return a second moment of a tile of two series, which may be one and the same."""
    two, bias, correlation, scale_x, scale_y = what
    tile = Tile(plan, present(plan, x, y) if two else present(plan, x), v, rows, state)
    d = scale_x * tile.apart(x, MEAN)
    e = scale_y * tile.apart(y, MEAN2) if two else d
    xy, both = tile.spread(d * e, XY)
    if correlation:
        sizes = np.sqrt(tile.spread(d * d, XX)[0]), np.sqrt(tile.spread(e * e, YY)[0])
        result = np.clip(xy / (sizes[0] * sizes[1]), -1.0, 1.0)
    else:
        result = xy if bias else both / tile.freedom()
    return tile.shown(np.array(tile.kept(result) if bias else tile.again(result)))


def quick_mean(x: Array, plan: Plan, state: Floats, out: Array) -> int:
    """Write the mean of rows that fade alike, as sums over sums; return how many, 0 if others must do it.

    4 ns a value instead of 25 without gaps, where one divisor, 1 - βᵗ, does for all columns; 9 with gaps.
    """
    decay, fresh = plan.decay, bool((state[:, COUNT] == 0.0).all()) and plan.prior is None
    if decay is None or not plan.quick or not (state[:, COUNT] >= plan.least - 1.0).all():
        return 0
    carry, mass = state[:, MEAN], state[:, MASS].copy()
    started = not fresh and (plan.prior is not None or state[:, COUNT].all()) and np.isfinite(carry).all()
    alike = (mass == mass[0]).all() and not (plan.floor and mass[0] != 1.0)
    if not (alike and (started or fresh)):
        return 0
    there = x == x
    whole = bool(there.all())
    first = x[:, 0] if whole else np.take_along_axis(x, there.argmax(axis=1)[:, None], 1)[:, 0]
    if (first == (x[:, min(1, x.shape[1] - 1)] if fresh else carry)).any():
        return 0
    if not whole and x.size > GAPPY:
        x, there, out = (z[:, : x.shape[1] // 2] for z in (x, there, out))  # two scans in the memory of one
    if not whole and (fresh or plan.floor or not plan.decays or (state[:, COUNT] < plan.least).any()):
        return 0
    values = x if whole else np.where(there, x, 0.0)
    m = constant_scan(values, decay.log_beta, decay.alpha, None if fresh else carry * mass)
    if not np.isfinite(m[:, -1]).all():
        return 0
    if not whole:
        divisor = constant_scan(there, decay.log_beta, decay.alpha, mass)
        if float(divisor.min()) < SMALL:
            return 0
        mass = divisor[:, -1]
        m /= divisor
        m = held(m, there, carry)
    elif abs(mass[0] - 1.0) > 1e-16:
        divisor = corrections(decay.log_beta, m.shape[1]) + mass[0] * powers(decay.log_beta, m.shape[1])
        m /= divisor
        mass[:] = divisor[-1]
    if fresh:
        m[:, 0] = x[:, 0]
    state[:, MASS], state[:, MEAN] = mass, m[:, -1]
    state[:, COUNT] += there.sum(axis=1)
    out[...] = m
    if plan.blank and not whole:
        out[~there] = np.nan
    return int(x.shape[1])


def quick_moment(x: Array, y: Array, plan: Plan, state: Floats, what: tuple[Any, ...], out: Array) -> int:
    """Write a second moment of rows without gaps once all gains are 1-β; return how many, 0 if others must.

    Two scans of one factor, 9 ns a value instead of 55.
    """
    two, bias, correlation, scale_x, scale_y = what
    if plan.decay is None or not plan.quick:
        return 0
    beta, alpha, log_beta = plan.decay.beta, plan.decay.alpha, plan.decay.log_beta
    free = 2.0 * beta / (1.0 + beta)
    near = abs(state[:, MASS] - 1.0) <= min(1e-13, 2.5e-16 / alpha)
    near &= bias | correlation | (abs(state[:, FREE] - free) < 1e-14 * free)
    near &= (state[:, COUNT] >= max(plan.least, 2)) & (x[:, 0] != state[:, MEAN])  # equal values stay exact
    near &= (not two) | (y[:, 0] != state[:, MEAN2])
    if not near.all() or not np.isfinite(state[:, MEAN]).all():
        return 0
    m = constant_scan(x, log_beta, alpha, state[:, MEAN])
    n = constant_scan(y, log_beta, alpha, state[:, MEAN2]) if two else m
    d = scale_x * (x - shifted(m, state[:, MEAN]))
    e = scale_y * (y - shifted(n, state[:, MEAN2])) if two else d
    pairs = [(XY, d * e), *([(XX, d * d), (YY, e * e)] if correlation else [])]
    spreads = [constant_scan(product, log_beta, alpha * beta, state[:, at]) for at, product in pairs]
    if not all(np.isfinite(z[:, -1]).all() for z in (m, n, *spreads)):
        return 0
    if correlation:
        out[...] = np.clip(spreads[0] / (np.sqrt(spreads[1]) * np.sqrt(spreads[2])), -1.0, 1.0)
    else:
        out[...] = spreads[0] if bias else spreads[0] / free
    for (at, _product), z in zip(pairs, spreads, strict=True):
        state[:, at] = z[:, -1]
    state[:, MEAN], state[:, MEAN2], state[:, LAST] = m[:, -1], n[:, -1], out[:, -1]
    state[:, MASS], state[:, FREE] = 1.0, free
    state[:, COUNT] += x.shape[1]
    return int(x.shape[1])
