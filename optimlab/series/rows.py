"""The step of the recurrence for a tile of rows at once, with NumPy alone: means and spreads as linear scans.

With a the share of the past, k that of the value, W the mass after a row and old = q W before it,

    W m ← q W m + w x,    W B ← q W B + old k d e,    W² u ← q² W² u + 2 old w

are scans with a constant factor where q is (2.5 ns a value), and m ← a m + k x, B ← a B + a k d e, u ← a² u + 2 a k
with one of its own for each row (10 ns). A state has one row of numbers a column, in the order of ``compiled.mean``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimlab.series.options import Plan
from optimlab.series.scan import constant_scan, corrections, held, powers, shifted, variable_scan
from optimlab.typing import Array, Floats, Marks

__all__ = ["Gains", "again", "deviations", "gains", "mean", "moment", "plain_mean", "shown", "spread"]

ROWS, MASS, MEAN, REST, COUNT, FADED, PASSED, OPENED, MEAN2, REST2, XY, XX, YY, FREE, LAST = range(15)
STATE = 15
ALIKE = [ROWS, MASS, COUNT, FREE]
SMALL = 1e-130  # a mass whose square is as small has lost digits


@dataclass
class Gains:
    """What the rows of a tile do: arrays of shape (columns, rows), or (1, rows) where all columns are alike."""

    counted: Marks
    w: Floats
    old: Floats
    mass: Floats
    rows: Floats
    carry: Floats  # mass before the tile
    log_beta: float | None  # of q, if means are sums over sums
    total: Floats  # old + w

    @cached_property
    def k(self) -> Floats:
        """The share of the value; 0 where none counts."""
        return np.divide(self.w, self.total, out=np.zeros(self.w.shape), where=self.w > 0.0)

    @cached_property
    def a(self) -> Floats:
        """The share of the past; 1 where no value counts."""
        return np.divide(self.old, self.total, out=np.ones(self.w.shape), where=self.w > 0.0)

    def scan(self, b: Floats, carry: Floats) -> Floats:
        """y ← a y + k b (of b = 0 where none counts), from y = carry."""
        if self.log_beta is None or not np.isfinite(b).all():
            return variable_scan(np.broadcast_to(self.a, b.shape), self.k * b, carry)
        y = constant_scan(self.w * b, self.log_beta, 1.0, carry * self.carry)
        return np.divide(y, self.mass, out=y)


def gains(there: Marks, plan: Plan, v: Floats, rows: slice, state: Floats) -> Gains:
    """Return what a tile's rows do, given where values are; carry rows, mass and times on."""
    if plan.simple and not plan.elapsed and there.all() and (state[:, ALIKE] == state[0, ALIKE]).all():
        there, state = there[:1], state[:1]  # all columns alike
    return _gains(there, plan, v, rows, state)


def _gains(there: Marks, plan: Plan, v: Floats, rows: slice, state: Floats) -> Gains:
    counted = there & (v > 0.0) if plan.weighted else there
    q, s = _shares(counted, plan, rows, state)
    fades = plan.decays if not plan.by_value else plan.decays & (q == plan.q[-1]) & (s == plan.s[-1])
    fade = np.broadcast_to(q, there.shape) if fades is True else np.where(there | fades, q, 1.0)
    if plan.elapsed:
        s = _times(there, fade, plan.p[rows], plan, state)
    if plan.elapsed and plan.weighted and plan.prior is None:  # what has no time before the first that has is none
        begun = np.logical_or.accumulate(counted & (s > 0.0), axis=1)
        counted = counted & (begun | (state[:, COUNT, None] > 0.0))
    rows0, mass0 = state[:, ROWS].copy(), state[:, MASS].copy()
    if plan.unit:
        after = variable_scan(np.where(there, 0.0, fade), there.astype(np.float64), rows0)
        before = fade * shifted(after, rows0)
        share = s / np.where(there, before + s, 1.0)
        kept = np.where(there, before / np.where(there, before + s, 1.0), 1.0)
        if plan.weighted:
            mean0 = np.divide(mass0, rows0, out=np.zeros_like(mass0), where=rows0 > 0.0)
            if plan.prior is not None:
                first = np.take_along_axis(np.broadcast_to(v, there.shape), counted.argmax(axis=1)[:, None], 1)[:, 0]
                mean0 = np.where((state[:, COUNT] == 0.0) & counted.any(axis=1), first, mean0)
                waits = np.cumsum(counted, axis=1) + state[:, COUNT, None] == 0.0  # for the first value's weight
                kept = np.where(waits, 1.0, kept)
            weight = variable_scan(kept, np.where(there, share * v, 0.0), mean0)
            old, w, mass = kept * shifted(weight, mean0), np.where(counted, share * v, 0.0), weight * after
            total = old + w
        else:
            old, w, mass, total = before, np.where(counted, s, 0.0), after, before + s
    else:
        w = np.where(counted, s * v, 0.0)
        mass = _masses(plan, fade, w, mass0)
        old = fade * shifted(mass, mass0)
        after = mass if not plan.weighted else _masses(plan, fade, np.where(there, s * np.ones_like(w), 0.0), rows0)
        total = old + w
    state[:, ROWS], state[:, MASS] = after[:, -1], mass[:, -1]
    sums = plan.simple and (plan.decays or bool(there.all())) and bool((mass[:, 0] > SMALL).all())
    sums = sums and bool((mass.min(axis=1) > SMALL).all()) and (not plan.unit or _steady(plan, there, rows0))
    return Gains(counted, w, old, mass, after, mass0, plan.decay.log_beta if sums and plan.decay else None, total)


def _masses(plan: Plan, fade: Floats, new: Floats, carry: Floats) -> Floats:
    """W ← q W + w, by a scan of one factor where all rows have it."""
    if plan.decay is not None and plan.decay.alpha > 0.0 and fade.strides[-1] == 0:
        return constant_scan(new, plan.decay.log_beta, 1.0, carry)
    return variable_scan(fade, new, carry)


def _steady(plan: Plan, there: Marks, rows: Floats) -> bool:
    """Whether a start that is a value has a mass of 1 before every row."""
    return bool(there.all()) and bool((rows == 1.0).all())


def _shares(counted: Marks, plan: Plan, rows: slice, state: Floats) -> tuple[Any, Any]:
    """Return q and s of the rows."""
    if plan.by_value:
        before = state[:, COUNT, None].astype(np.int64) + np.cumsum(counted, axis=1) - counted
        at = np.minimum(before, plan.q.size - 1)
        return plan.q[at], plan.s[at]
    return plan.q if plan.q.size == 1 else plan.q[rows], plan.s if plan.s.size == 1 else plan.s[rows]


def _times(there: Marks, fade: Floats, p: Floats, plan: Plan, state: Floats) -> Floats:
    """Return the share of each value, 1 - (decay since the value before); carry that decay on."""
    faded0, passed0 = state[:, FADED].copy(), state[:, PASSED].copy()
    faded = variable_scan(np.where(there, 0.0, fade), there.astype(np.float64), faded0)
    fading = shifted(faded, faded0) * p
    passed = variable_scan(np.where(there, 0.0, 1.0), np.where(there, 0.0, fading), passed0)
    share = shifted(passed, passed0) + fading
    for c in range(len(there)):
        if plan.prior is None:
            _open(share[c], np.flatnonzero(there[c]), plan, state[c])
    state[:, FADED], state[:, PASSED] = faded[:, -1], passed[:, -1]
    return share


def _open(share: Floats, at: Any, plan: Plan, state: Floats) -> None:
    """Let the first value of a column stand for as long as the second, in place."""
    if state[OPENED] == 0.0 and at.size:
        share[at[0]], state[OPENED], at, first = 1.0, 1.0, at[1:], at[0]
    else:
        first = -1
    later = at[share[at] > 0.0] if at.size else at
    if state[OPENED] == 1.0 and later.size:
        state[OPENED] = 2.0
        if not plan.unit and first >= 0:
            share[first] = share[later[0]]
        elif not plan.unit:
            state[[ROWS, MASS]] *= share[later[0]]


def _smooth(x: Array, g: Gains, plan: Plan, carry: Floats) -> Floats:
    """Return the mean of the rows from the mean before them; where nothing has counted it has no meaning."""
    values = np.where(g.counted, x, 0.0)
    if plan.forgets:  # even an infinite past
        return held(values, np.broadcast_to(g.counted, x.shape), carry)
    bad = ~np.isfinite(values)
    finite = np.where(np.isfinite(carry), carry, 0.0)
    if bad.any():
        lost, values = np.where(bad, values, 0.0), np.where(bad, 0.0, values)
    m = g.scan(values, finite)
    if g.log_beta is None and float(g.k.min(initial=1.0, where=g.k > 0.0)) < 1e-3:
        m += variable_scan(np.broadcast_to(g.a, m.shape), ((1.0 - g.a) - g.k) * shifted(m, finite), np.zeros(len(m)))
    if not np.isfinite(m).all():  # sums that overflow where their quotient does not
        m = variable_scan(np.broadcast_to(g.a, values.shape), g.k * values, finite)
    _keep_equal(m, x, g, carry)
    if bad.any():
        m += np.add.accumulate(lost, axis=1)
    if not np.isfinite(carry).all():
        m += np.where(np.isfinite(carry), 0.0, carry)[:, None]
    return m if g.counted.all() else held(m, np.broadcast_to(g.counted, m.shape), carry)


def _keep_equal(m: Floats, x: Array, g: Gains, carry: Floats) -> None:
    """Write the mean before the rows over the rounding of means of values equal to it, in place."""
    counted = np.broadcast_to(g.counted, x.shape)
    first = np.take_along_axis(x, counted.argmax(axis=1)[:, None], 1)[:, 0]
    for c in np.flatnonzero(first == carry):
        other = counted[c] & (x[c] != carry[c])
        m[c, : other.argmax() if other.any() else None] = carry[c]


def _started(x: Array, g: Gains, plan: Plan, state: Floats, at: int) -> Floats:
    """Return the mean before the rows; that of a column that has none is its first value."""
    carry = state[:, at].copy()
    fresh = (state[:, COUNT] == 0.0) & (plan.prior is None)
    if fresh.any():
        counted = np.broadcast_to(g.counted, x.shape)
        carry[fresh] = np.take_along_axis(x, counted.argmax(axis=1)[:, None], 1)[fresh, 0]
        carry[fresh & ~counted.any(axis=1)] = 0.0
    return carry


def shown(m: Floats, there: Marks, g: Gains, plan: Plan, state: Floats) -> Floats:
    """Set results that are too early, too light or of gaps to NaN; carry the count on."""
    n = state[:, COUNT].copy()
    least = max(plan.least, 0 if plan.prior is not None else 1)
    if (n < least).any():
        m[n[:, None] + np.cumsum(np.broadcast_to(g.counted, m.shape), axis=1) < least] = np.nan
    if plan.weight > 0.0:
        m[np.broadcast_to(g.rows < plan.weight, m.shape)] = np.nan
    if plan.blank:
        m[~np.broadcast_to(there, m.shape)] = np.nan
    state[:, COUNT] = n + g.counted.sum(axis=1)
    return m


def _present(plan: Plan, *series: Array) -> Marks:
    """Where all of the series hold a value."""
    there = np.ones(series[0].shape, dtype=np.bool_)
    for x in () if plan.propagate else series:
        there &= ~np.isnan(x)
    return there


def mean(x: Array, plan: Plan, v: Floats, rows: slice, state: Floats, total: bool) -> Floats:
    """Return the mean of a tile of shape (columns, rows), or the decayed sum."""
    there = _present(plan, x)
    g = gains(there, plan, v, rows, state)
    _spread_state(state, g)
    carry = _started(x, g, plan, state, MEAN)
    m = _smooth(x, g, plan, carry)
    state[:, MEAN] = m[:, -1]
    return shown(m * g.mass if total else m, there, g, plan, state)


def plain_mean(x: Array, plan: Plan, state: Floats, out: Array) -> bool:
    """Write the mean of rows that all hold a finite value, as one scan; False if one does not, or nothing moves.

    4 ns a value instead of 25: no masks, and one divisor, 1 - βᵗ, for all columns.
    """
    ready = plan.simple and plan.weight == 0.0 and not plan.propagate and (state[:, COUNT] >= plan.least - 1.0).all()
    if not ready or plan.decay is None or plan.decay.alpha == 0.0 or plan.forgets:
        return False
    fresh = state[0, COUNT] == 0.0 and plan.prior is None
    started = not fresh and bool(np.isfinite(state[:, MEAN]).all())
    alike = (state[:, [ROWS, MASS]] == state[0, [ROWS, MASS]]).all() and (state[:, COUNT] > 0.0).all() != fresh
    if not alike or not (started or fresh) or (plan.unit and state[0, ROWS] != 1.0):
        return False
    if (x[:, 0] == (x[:, min(1, x.shape[1] - 1)] if fresh else state[:, MEAN])).any():
        return False
    mass, log_beta = float(state[0, MASS]), plan.decay.log_beta
    m = constant_scan(x, log_beta, plan.decay.alpha, None if fresh else state[:, MEAN] * mass)
    if not np.isfinite(m[:, -1]).all():
        return False
    if abs(mass - 1.0) > 1e-13:
        steps = m.shape[1]
        divisor = corrections(log_beta, steps) + mass * powers(log_beta, steps)
        m /= divisor
        mass = float(divisor[-1])
    if fresh:
        m[:, 0] = x[:, 0]
    state[:, ROWS] = state[:, MASS] = mass
    state[:, MEAN] = m[:, -1]
    state[:, COUNT] += m.shape[1]
    out[...] = m
    return True


def _spread_state(state: Floats, g: Gains) -> None:
    if len(g.mass) == 1:
        state[:, ROWS], state[:, MASS] = g.rows[0, -1], g.mass[0, -1]


def moment(x: Array, y: Array, plan: Plan, v: Floats, rows: slice, state: Floats, what: tuple[Any, ...]) -> Floats:
    """Return a second moment of a tile of two series, which may be one and the same."""
    two, bias, correlation, scale_x, scale_y = what
    steady = _steady_moment(x, y, plan, state, what)
    if steady is not None:
        return steady
    had = (state[:, COUNT] > 0.0) | (plan.prior is not None)
    there, g, d = deviations(x, plan, v, rows, state, y if two else x)
    d = scale_x * d
    e = scale_y * _deviations(y, g, plan, state, MEAN2) if two else d
    xy, both = spread(d * e, g, state, XY)
    if correlation:
        sizes = np.sqrt(spread(d * d, g, state, XX)[0]), np.sqrt(spread(e * e, g, state, YY)[0])
        result = np.clip(xy / (sizes[0] * sizes[1]), -1.0, 1.0)
    else:
        result = xy if bias else both / _freedom(g, state)
    if bias:
        result = held(np.array(result), np.broadcast_to(g.counted, result.shape), state[:, LAST])
        state[:, LAST] = result[:, -1]
    else:
        result = again(result, g, had, state)
    return shown(np.array(result), there, g, plan, state)


def _steady_moment(x: Array, y: Array, plan: Plan, state: Floats, what: tuple[Any, ...]) -> Floats | None:
    """Return a second moment of rows without gaps once all gains are 1-β; None before, or where one has a gap.

    Two scans of one factor, 9 ns a value instead of 55.
    """
    two, bias, correlation, scale_x, scale_y = what
    if not plan.simple or plan.decay is None or plan.decay.alpha == 0.0 or plan.forgets or plan.weight > 0.0:
        return None
    beta, alpha, log_beta = plan.decay.beta, plan.decay.alpha, plan.decay.log_beta
    free = 2.0 * beta / (1.0 + beta)
    near = (
        (abs(state[:, MASS] - 1.0) < 1e-13) & (abs(state[:, FREE] - free) < 1e-14 * free) & np.isfinite(state[:, MEAN])
    )
    near &= (state[:, COUNT] >= max(plan.least, 2)) & (x[:, 0] != state[:, MEAN])  # equal values stay exact
    if plan.propagate or not near.all():
        return None
    m = constant_scan(x, log_beta, alpha, state[:, MEAN])
    n = constant_scan(y, log_beta, alpha, state[:, MEAN2]) if two else m
    d = scale_x * (x - shifted(m, state[:, MEAN]))
    e = scale_y * (y - shifted(n, state[:, MEAN2])) if two else d
    pairs = [(XY, d * e), *([(XX, d * d), (YY, e * e)] if correlation else [])]
    result: Floats
    spreads = [constant_scan(product, log_beta, alpha * beta, state[:, at]) for at, product in pairs]
    if not all(np.isfinite(z[:, -1]).all() for z in (m, n, *spreads)):
        return None
    if correlation:
        result = np.clip(spreads[0] / (np.sqrt(spreads[1]) * np.sqrt(spreads[2])), -1.0, 1.0)
    else:
        result = spreads[0] if bias else np.asarray(spreads[0] / free)
    for (at, _product), z in zip(pairs, spreads, strict=True):
        state[:, at] = z[:, -1]
    state[:, MEAN], state[:, LAST], state[:, ROWS] = m[:, -1], result[:, -1], 1.0
    state[:, MASS], state[:, FREE] = 1.0, free
    state[:, MEAN2] = n[:, -1] if two else state[:, MEAN2]
    state[:, COUNT] += x.shape[1]
    return result


def deviations(
    x: Array, plan: Plan, v: Floats, rows: slice, state: Floats, other: Array | None = None
) -> tuple[Marks, Gains, Floats]:
    """Return where the rows (and those of another series) hold values, their gains, and x - m_before."""
    there = _present(plan, x) if other is None or other is x else _present(plan, x, other)
    g = gains(there, plan, v, rows, state)
    _spread_state(state, g)
    return there, g, _deviations(x, g, plan, state, MEAN)


def again(result: Floats, g: Gains, had: Marks, state: Floats) -> Floats:
    """Return results that exist from the second value on; those of gap rows are the last ones."""
    counted = np.broadcast_to(g.counted, result.shape)
    seen = shifted(np.logical_or.accumulate(counted | had[:, None], axis=1), had)
    result = held(np.where(counted & seen, result, np.nan), counted, state[:, LAST])
    state[:, LAST] = result[:, -1]
    return result


def _deviations(x: Array, g: Gains, plan: Plan, state: Floats, at: int) -> Floats:
    """x - m_before of the rows; 0 where no value counts."""
    carry = _started(x, g, plan, state, at)
    m = _smooth(x, g, plan, carry)
    state[:, at] = m[:, -1]
    return np.where(g.counted, x - shifted(m, carry), 0.0)


def spread(product: Floats, g: Gains, state: Floats, at: int) -> tuple[Floats, Floats]:
    """B ← a (B + k d e): return it, and B_before + k d e."""
    before = state[:, at].copy()
    spread = g.scan(g.a * product, before)
    state[:, at] = spread[:, -1]
    return spread, shifted(spread, before) + g.k * product


def _freedom(g: Gains, state: Floats) -> Floats:
    """u ← a (a u + 2 k): return a u_before + 2 k."""
    before = state[:, FREE].copy()
    if g.log_beta is None:
        u = variable_scan(g.a * g.a, 2.0 * g.a * g.k, before[: len(g.a)])
    else:
        first = before[:1] if len(g.mass) == 1 else before
        u = constant_scan(2.0 * g.old * g.w, 2.0 * g.log_beta, 1.0, first * g.carry**2) / (g.mass * g.mass)
    state[:, FREE] = u[:, -1]
    return g.a * shifted(u, before[: len(u)]) + 2.0 * g.k
