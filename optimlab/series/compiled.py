"""The step of the recurrence compiled into loops over series. Imported only where numba is installed.

A state is one row of numbers: those of ``recurrence.step.State``, then the spreads of x and of y and the last result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numpy as np
from numba import njit

from optimlab.recurrence import step as definition
from optimlab.typing import Array, Floats

Function = TypeVar("Function", bound=Callable[..., Any])


def _inlined(function: Function) -> Function:
    return njit(nogil=True, error_model="numpy", forceinline=True)(function)  # type: ignore[return-value]


def _compiled(function: Function) -> Function:
    return njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[return-value]


weigh, move, spread = _inlined(definition.weigh), _inlined(definition.move), _inlined(definition.spread)
fade = _inlined(definition.fade)
step = _inlined(FunctionType(definition.step.__code__, globals(), "step"))  # itself, with the three just compiled
BLOCK = 1024  # values that are done at once if none of them is special
AHEAD = 1e-5  # α from which on looking ahead rounds to less than 1e-13
SUMS = 1e-3  # and sums over sums do, of which that of the weights stands still near 1


@_inlined
def _look_ahead(x: Array, alpha: float, beta: float, carry: float, out: Array) -> float:
    """m ← β m + α x for values without gaps, m₊₄ = β⁴ m + s₄: one step in four waits for the one before.

    .6 ns a value, the time of a copy, instead of 4. Returns the last m.
    """
    b2 = beta * beta
    b3, b4 = b2 * beta, b2 * b2
    # What rounding took from β⁴: without it the mean would drift by lost/(1-β⁴), a hundred times the other rounding.
    lost = (1.0 - b4) - alpha * (1.0 + beta) * (1.0 + b2) if b4 > 0.5 else 0.0
    v = before = carry
    whole = x.size - x.size % 4
    for i in range(0, whole, 4):
        s1 = alpha * x[i]
        s2 = beta * s1 + alpha * x[i + 1]
        s3 = beta * s2 + alpha * x[i + 2]
        s4 = beta * s3 + alpha * x[i + 3]
        out[i] = beta * v + s1
        out[i + 1] = b2 * v + s2
        out[i + 2] = b3 * v + s3
        new = b4 * v + (s4 + lost * before)
        before = v
        v = new
        out[i + 3] = v
    for i in range(whole, x.size):
        v = beta * v + alpha * x[i]
        out[i] = v
    return v


look_ahead = _compiled(_look_ahead.py_func)  # type: ignore[attr-defined]


@_compiled
def sums(x: Array, alpha: float, beta: float, mass: float, m: float, out: Array) -> tuple[float, float, int]:
    """S ← β S + α x, W ← β W + α, m = S/W for values with gaps, which add nothing; looks ahead too.

    1.5 ns a value instead of 4.7. Returns the last W and m, and the number of values.
    """
    b2 = beta * beta
    b3, b4 = b2 * beta, b2 * b2
    total, n, whole = mass * m, 0, x.size - x.size % 4
    for i in range(0, whole, 4):
        p1, p2, p3, p4 = x[i] == x[i], x[i + 1] == x[i + 1], x[i + 2] == x[i + 2], x[i + 3] == x[i + 3]
        w1, w2, w3, w4 = alpha * p1, alpha * p2, alpha * p3, alpha * p4
        s1 = alpha * x[i] if p1 else 0.0
        s2 = beta * s1 + (alpha * x[i + 1] if p2 else 0.0)
        s3 = beta * s2 + (alpha * x[i + 2] if p3 else 0.0)
        s4 = beta * s3 + (alpha * x[i + 3] if p4 else 0.0)
        w2 += beta * w1
        w3 += beta * w2
        w4 += beta * w3
        m1, m2 = (beta * total + s1) / (beta * mass + w1), (b2 * total + s2) / (b2 * mass + w2)
        m3 = (b3 * total + s3) / (b3 * mass + w3)
        total, mass = b4 * total + s4, b4 * mass + w4
        m = m1 if p1 else m
        out[i] = m
        m = m2 if p2 else m
        out[i + 1] = m
        m = m3 if p3 else m
        out[i + 2] = m
        m = total / mass if p4 else m
        out[i + 3] = m
        n += p1 + p2 + p3 + p4
    for i in range(whole, x.size):
        here = x[i] == x[i]
        total, mass = beta * total + (alpha * x[i] if here else 0.0), beta * mass + (alpha if here else 0.0)
        m = total / mass if here else m
        out[i] = m
        n += here
    return mass, m, n


@_inlined
def _moves(x: Array, m: float) -> bool:
    """Whether the first value is another than m: the mean of equal values is left to the step, which keeps it."""
    for value in x:
        if value == value:
            return bool(value != m)
    return False


@_compiled
def quick_mean(x: Array, alpha: float, beta: float, gappy: bool, state: Floats, out: Array, how: Any) -> int:
    """Write the mean of a block whose rows all fade alike; return how many gaps it had, -1 to do it row by row."""
    floor, decays, blank, least = how[0], how[2], how[4], how[7]
    if not (state[4] >= max(least, 1.0) and _moves(x, state[2])):
        return -1
    carry = state[2] + state[3]
    if not gappy and abs(1.0 - state[0]) <= min(2e-13, 2.5e-16 / alpha):  # a mass so near to 1 is 1
        after = _look_ahead(x, alpha, beta, carry, out)
        if abs(after) < math.inf:
            state[0], state[2], state[3] = 1.0, after, 0.0
            state[4] += x.size
            return 0
    if floor == 0.0 and decays and alpha >= SUMS:
        mass, after, seen = sums(x, alpha, beta, state[0], carry, out)
        if abs(after) < math.inf and mass > 1e-290:
            state[0], state[2], state[3] = mass, after, 0.0
            state[4] += seen
            if blank and seen < x.size:
                for i in range(x.size):
                    out[i] = out[i] if x[i] == x[i] else math.nan
            return x.size - seen
    return -1


@_inlined
def _apart(x: Array, alpha: float, beta: float, m: float, work: Floats) -> float:
    """Write x - m_before; return the last m."""
    after, before = _look_ahead(x, alpha, beta, m, work), m
    for i in range(x.size):
        work[i], before = x[i] - before, work[i]
    return after


@_inlined
def _products(d: Floats, e: Floats, beta: float, out: Floats) -> None:
    for i in range(d.size):
        out[i] = beta * (d[i] * e[i])


@_inlined
def _within(correlation: float) -> float:
    return math.copysign(1.0, correlation) if abs(correlation) > 1.0 else correlation


@_compiled
def quick_moment(
    x: Array, y: Array, alpha: float, beta: float, state: Floats, work: Floats, out: Array, how: Any, what: Any
) -> int:
    """Write a second moment of a block without gaps once all gains are 1-β, or return -1: look ahead for m, n and B.

    2 to 6 ns a value instead of 6 to 10.
    """
    two, bias, correlation, scale_x, scale_y = what
    u, size = 2.0 * beta / (1.0 + beta), x.size
    steady = abs(1.0 - state[0]) <= min(1e-13, 2.5e-16 / alpha) and abs(state[8] - u) <= 1e-14 * u
    steady = steady and state[4] >= max(how[7], 2.0)
    if not (steady and x[0] != state[2] and (not two or y[0] != state[5])):  # equal values stay exact
        return -1
    d, e, xy = work[0, :size], work[1 if two else 0, :size], work[2, :size]
    m = m2 = _apart(x, alpha, beta, state[2] + state[3], d)
    if two:
        m2 = _apart(y, alpha, beta, state[5] + state[6], e)
    if correlation:
        for i in range(size):
            d[i], e[i] = scale_x * d[i], scale_y * e[i]
    _products(d, e, beta, xy)
    b, xx, yy = _look_ahead(xy, alpha, beta, state[7], xy), 0.0, 0.0
    if correlation:
        _products(d, d, beta, d)
        _products(e, e, beta, e)
        xx, yy = _look_ahead(d, alpha, beta, state[9], d), _look_ahead(e, alpha, beta, state[10], e)
    if not abs(m) + abs(m2) + abs(b) + xx + yy < math.inf:
        return -1
    for i in range(size):
        if correlation:
            out[i] = _within(xy[i] / (math.sqrt(d[i]) * math.sqrt(e[i])))
        else:
            out[i] = xy[i] if bias else xy[i] / u
    state[0], state[2], state[3], state[5], state[6], state[7], state[8] = 1.0, m, 0.0, m2, 0.0, b, u
    state[4] += size
    state[9], state[10], state[11] = xx, yy, out[size - 1]
    return 0


@_inlined
def _row(
    z: definition.State, sizes: Any, x: float, y: float, q: float, share: float, weight: float, how: Any, what: Any
) -> Any:
    """Take one row: return the state and the result, the mean or, with ``what``, a second moment."""
    floor, prior, decays, propagate, blank, total, _fast, least, lightest = how
    there = propagate or (x == x and y == y)
    if what is None:
        if there:
            z, _k, _a, _d, _e = step(z, x, x, q, share, weight, floor, prior)
        elif decays:
            z = (fade(z[0], q), z[1], z[2], z[3], z[4], 0.0, 0.0, 0.0, 0.0)
        z = (z[0], z[1], z[2], z[3], z[4], 0.0, 0.0, 0.0, 0.0)  # what is not read is not computed
        result = z[2] * (z[0] * z[1]) if total else z[2]
    else:
        _two, bias, correlation, scale_x, scale_y = what
        xx, yy, result = sizes
        if there:
            b, u = z[7], z[8]
            z, k, a, d, e = step(z, x, y, q, share, weight, floor, prior)
            if correlation:
                d, e = scale_x * d, scale_y * e
                b, xx, yy = spread(b, d * e, k, a), spread(xx, d * d, k, a), spread(yy, e * e, k, a)
                z = (z[0], z[1], z[2], z[3], z[4], z[5], z[6], b, z[8])
                result = _within(b / (math.sqrt(xx) * math.sqrt(yy)))
            elif bias:
                result = z[7]
            else:  # without the common factor a: however long a gap, two values have the variance (x₁ - x₂)²/2
                result = (b + k * (d * e)) / (a * u + 2.0 * k) if z[4] > 1.0 or prior else math.nan
        elif decays:
            z = (fade(z[0], q), z[1], z[2], z[3], z[4], z[5], z[6], z[7], z[8])
        sizes = (xx, yy, result)
    shown = z[4] >= least and z[0] >= lightest and (there or not blank)
    return z, sizes, result if shown else math.nan


@_inlined
def _read(state: Floats) -> Any:
    z = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7], state[8])
    return z, (state[9], state[10], state[11])


@_inlined
def _write(state: Floats, z: definition.State, sizes: Any) -> None:
    for j in range(9):
        state[j] = z[j]
    for j in range(3):
        state[9 + j] = sizes[j]


@_compiled
def column(x: Array, y: Array, v: Floats, q: Floats, s: Floats, state: Floats, out: Array, how: Any, what: Any) -> None:
    """Write the means or second moments of one column and carry its state on; arrays of one entry hold for all rows."""
    many, each, own = min(v.size, 2) - 1, min(q.size, 2) - 1, min(s.size, 2) - 1
    work, gaps, quick = np.empty((0 if what is None else 3, BLOCK)), 0, how[6] and s[0] >= AHEAD
    for start in range(0, x.size, BLOCK):
        stop = min(start + BLOCK, x.size)
        one, two, to = x[start:stop], y[start:stop], out[start:stop]
        if quick:
            if what is None:
                gaps = quick_mean(one, s[0], q[0], gaps > 0, state, to, how)
            else:
                gaps = quick_moment(one, two, s[0], q[0], state, work, to, how, what)
        if not quick or gaps < 0:
            z, sizes = _read(state)
            for i in range(start, stop):
                fade, share, weight = q[i * each], s[i * own], v[i * many]
                z, sizes, out[i] = _row(z, sizes, x[i], y[i], fade, share, weight, how, what)
            _write(state, z, sizes)


@_inlined
def _cut(array: Floats, start: int, stop: int) -> Floats:
    return array if array.size == 1 else array[start:stop]


@_compiled
def side_by_side(x: Array, alpha: float, beta: float, states: Floats, out: Array, how: Any) -> bool:
    """Write the means of rows without gaps, all columns of a row at once; False if they must be done one by one.

    2 ns a value of a table that lies by rows, instead of 4.
    """
    floor, least, mass = how[0], how[7], states[0, 0]
    for state in states:
        if state[0] != mass or state[4] < max(least, 1.0):
            return False
    near = min(2e-13, 2.5e-16 / alpha)  # a mass so near to 1 is 1
    left, total = (1.0 - beta) - alpha, np.empty(len(states))  # what rounding took from β
    for c in range(len(states)):
        total[c] = mass * (states[c, 2] + states[c, 3])
        if x[0, c] == states[c, 2]:  # equal values are left to the step
            return False
    for row, to in zip(x, out):  # noqa: B905  (numba knows no strict)
        mass = 1.0 if floor > 0.0 or abs(1.0 - mass) <= near else beta * mass + alpha
        for c in range(total.size):
            total[c] = beta * total[c] + (alpha * row[c] + left * total[c])
        if mass == 1.0:
            to[:] = total
        else:
            for c in range(total.size):
                to[c] = total[c] / mass
    for c in range(len(states)):
        if not abs(total[c]) < math.inf:
            return False
    for c in range(len(states)):
        states[c, 0], states[c, 2], states[c, 3] = mass, total[c] / mass, 0.0
        states[c, 4] += len(x)
    return True


@_compiled
def table(
    x: Array, y: Array, v: Floats, q: Floats, s: Floats, states: Floats, out: Array, how: Any, what: Any, tile: int
) -> None:
    """Write the results of all columns, tile by tile of rows, so that what lies side by side is read once."""
    for start in range(0, x.shape[1], tile):
        stop = min(start + tile, x.shape[1])
        fades, shares = _cut(q, start, stop), _cut(s, start, stop)
        done = what is None and how[6] and tile < x.shape[1] and s[0] >= SUMS
        if done:
            done = side_by_side(x.T[start:stop], s[0], q[0], states, out.T[start:stop], how)
        for c in range(0 if done else x.shape[0]):
            weights = _cut(v[min(c, v.shape[0] - 1)], start, stop)
            one, two, to = x[c, start:stop], y[c, start:stop], out[c, start:stop]
            column(one, two, weights, fades, shares, states[c], to, how, what)


@_compiled
def grouped(
    x: Array, y: Array, v: Floats, q: Floats, s: Floats, codes: Array, states: Floats, out: Array, how: Any, what: Any
) -> None:
    """Write the results of one column within groups, in one pass over rows in any order."""
    many, each, own = min(v.size, 2) - 1, min(q.size, 2) - 1, min(s.size, 2) - 1
    for i in range(x.size):
        out[i] = math.nan
        if codes[i] >= 0:
            z, sizes = _read(states[codes[i]])
            fade, share, weight = q[i * each], s[i * own], v[i * many]
            z, sizes, out[i] = _row(z, sizes, x[i], y[i], fade, share, weight, how, what)
            _write(states[codes[i]], z, sizes)
