"""The step of the recurrence compiled into loops over series. Imported only where numba is installed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from optimlab.recurrence import step
from optimlab.typing import Array, Floats

Function = TypeVar("Function", bound=Callable[..., Any])


def _inlined(function: Function) -> Function:
    return njit(nogil=True, error_model="numpy", forceinline=True)(function)  # type: ignore[return-value]


def _compiled(function: Function) -> Function:
    return njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[return-value]


weigh, move, far, spread = _inlined(step.weigh), _inlined(step.move), _inlined(step.far), _inlined(step.spread)
BLOCK = 1024  # values after which a loop without special cases looks whether it met one


@_inlined
def _within(correlation: float) -> float:
    return math.copysign(1.0, correlation) if abs(correlation) > 1.0 else correlation


@_compiled
def look_ahead(x: Array, alpha: float, beta: float, carry: float, out: Array) -> float:
    """m ← β m + α x for values without gaps, m₊₄ = β⁴ m + s₄: one step in four waits for the one before.

    Four times as fast as the loop of single steps: .8 ns a value, the time of a copy. Returns the last m.
    """
    b2 = beta * beta
    b3 = b2 * beta
    b4 = b2 * b2
    # What rounding took from β⁴: without it the mean would drift by lost/(1-β⁴), a hundred times the other rounding.
    lost = (1.0 - b4) - alpha * (1.0 + beta) * (1.0 + b2) if b4 > 0.5 else 0.0
    left = (1.0 - beta) - alpha
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
        v = beta * v + (alpha * x[i] + left * v)
        out[i] = v
    return v


@_compiled
def mean(x: Array, v: Floats, q: Floats, s: Floats, p: Floats, state: Floats, out: Array, how: Any) -> None:
    """Write the mean of one column, or its decayed sum; ``state`` is carried on. Arrays of one entry hold for all rows.

    After the first values, blocks are done without special cases, and again if they met one: 2.2 ns a value instead of
    8, and .8 by looking ahead.
    """
    unit, prior, decays, propagate, elapsed, by_value, blank, total, quick, least, weight = how
    rows, mass, m, rest, n, faded, passed, opened = state[:8]
    many, each, own, per = min(v.size, 2) - 1, min(q.size, 2) - 1, min(s.size, 2) - 1, min(p.size, 2) - 1
    whole = min(2e-13, 2.5e-16 / s[0]) if s[0] < 1.0 and not blank else -1.0  # a mass so near to 1 is 1
    start = skip = 0
    q0, s0 = q[0], s[0]
    while start < x.size:
        stop = min(start + BLOCK, x.size)
        if quick and n >= least and n > 0.0 and abs(m) < math.inf:
            if start >= skip and each + own == 0 and abs(1.0 - mass) <= whole and x[start] != m:
                after = look_ahead(x[start:stop], s[0], q[0], m + rest, out[start:stop])
                if abs(after) < math.inf:
                    m, rest, rows, mass = after, 0.0, 1.0, 1.0
                    n += stop - start
                    start = stop
                    continue
                skip = stop + 8 * BLOCK  # where a gap is there are others
            before, seen = (rows, mass, m, rest), 0
            for i in range(start, stop):
                here = x[i]
                if here == here:
                    k, a, mass = weigh(mass, q[i] if each else q0, s[i] if own else s0)
                    if unit:
                        mass = 1.0
                    m, rest, _d = move(m, rest, here, k, a)
                    seen += 1
                    out[i] = m
                else:
                    if decays:
                        mass *= q[i] if each else q0
                    out[i] = math.nan if blank else m
            rows = mass
            if abs(m) < math.inf:
                n += seen
                start = stop
                continue
            rows, mass, m, rest = before
        for i in range(start, stop):
            at = min(int(n), q.size - 1) if by_value else i
            here, fade, share, value = x[i], q[at * each], s[at * own], v[i * many]
            if elapsed:
                passed += faded * p[i * per]
                faded *= fade
            there = here == here or propagate
            if there:
                if elapsed:
                    share = passed if opened > 0.0 or prior else 1.0
                    if opened == 1.0 and passed > 0.0 and not unit:  # the first value stands for as long as the second
                        mass, rows = passed * mass, passed * rows
                    opened = 2.0 if passed > 0.0 and opened > 0.0 else max(opened, 1.0)
                    faded, passed = 1.0, 0.0
                if n == 0.0 and value > 0.0 and (share > 0.0 or prior):
                    if prior:
                        mass = rows * value
                    else:
                        m = here
                before, new = mass, share * value
                mass, rows = fade * mass + new, fade * rows + share
                if new > 0.0:
                    k, a, mass = weigh(before, fade, new)
                    old = m
                    m, rest, _d = move(old, rest, here, k, a)
                    if fade == 0.0:
                        m, rest = here, 0.0  # β = 0 forgets even an infinite past
                    elif not abs(m) < math.inf:
                        m, rest = far(old, here, k, a), 0.0
                if value > 0.0 and (new > 0.0 or n > 0.0 or prior):
                    n += 1.0
                if unit and rows > 0.0:
                    mass, rows = mass / rows, 1.0
            elif decays and (not by_value or at == q.size - 1):  # counted by values, a gap is no step
                mass, rows = fade * mass, fade * rows
            shown = n >= least and (n > 0.0 or prior) and rows >= weight and (there or not blank)
            out[i] = (m * mass if total else m) if shown else math.nan
        start = stop
    state[0], state[1], state[2], state[3] = rows, mass, m, rest
    state[4], state[5], state[6], state[7] = n, faded, passed, opened


@_compiled
def moment(
    x: Array, y: Array, v: Floats, q: Floats, s: Floats, p: Floats, state: Floats, out: Array, how: Any, what: Any
) -> None:
    """Write a second moment of two columns, which may be the same, as ``mean`` does the mean."""
    unit, prior, decays, propagate, elapsed, by_value, blank, _total, quick, least, weight = how
    two, bias, correlation, scale_x, scale_y = what
    rows, mass, m, rest, n, faded, passed, opened = state[:8]
    m2, rest2, xy, xx, yy, u, last = state[8:15]
    many, each, own, per = min(v.size, 2) - 1, min(q.size, 2) - 1, min(s.size, 2) - 1, min(p.size, 2) - 1
    start, q0, s0 = 0, q[0], s[0]
    while start < x.size:
        stop = min(start + BLOCK, x.size)
        if quick and n >= least and n > 1.0 and abs(m) + abs(m2) < math.inf:
            before, seen = (rows, mass, m, rest, m2, rest2, xy, xx, yy, u, last), 0
            for i in range(start, stop):
                here, here2 = x[i], y[i]
                if here == here and here2 == here2:
                    k, a, mass = weigh(mass, q[i] if each else q0, s[i] if own else s0)
                    if unit:
                        mass = 1.0
                    m, rest, d = move(m, rest, here, k, a)
                    e = d
                    if two:
                        m2, rest2, e = move(m2, rest2, here2, k, a)
                    seen += 1
                    if correlation:
                        d, e = scale_x * d, scale_y * e
                        xx, _u, _g, _h = spread(xx, u, d * d, k, a)
                        yy, _u, _g, _h = spread(yy, u, e * e, k, a)
                        xy, u, _g, _h = spread(xy, u, d * e, k, a)
                        last = _within(xy / (math.sqrt(xx) * math.sqrt(yy)))
                    else:
                        xy, u, both, free = spread(xy, u, d * e, k, a)
                        last = xy if bias else both / free
                    out[i] = last
                else:
                    if decays:
                        mass *= q[i] if each else q0
                    out[i] = math.nan if blank else last
            rows = mass
            if abs(m) + abs(m2) < math.inf:
                n += seen
                start = stop
                continue
            rows, mass, m, rest, m2, rest2, xy, xx, yy, u, last = before
        for i in range(start, stop):
            at = min(int(n), q.size - 1) if by_value else i
            here, here2, fade, share, value = x[i], y[i], q[at * each], s[at * own], v[i * many]
            if elapsed:
                passed += faded * p[i * per]
                faded *= fade
            there = (here == here and here2 == here2) or propagate
            if there:
                if elapsed:
                    share = passed if opened > 0.0 or prior else 1.0
                    if opened == 1.0 and passed > 0.0 and not unit:
                        mass, rows = passed * mass, passed * rows
                    opened = 2.0 if passed > 0.0 and opened > 0.0 else max(opened, 1.0)
                    faded, passed = 1.0, 0.0
                first = n == 0.0 and not prior
                if n == 0.0 and value > 0.0 and (share > 0.0 or prior):
                    if prior:
                        mass = rows * value
                    else:
                        m, m2 = here, here2
                old, new = mass, share * value
                mass, rows = fade * mass + new, fade * rows + share
                if new > 0.0:
                    k, a, mass = weigh(old, fade, new)
                    old, old2 = m, m2
                    m, rest, d = move(old, rest, here, k, a)
                    if fade == 0.0:
                        m, rest = here, 0.0  # β = 0 forgets even an infinite past
                    elif not abs(m) < math.inf:
                        m, rest = far(old, here, k, a), 0.0
                    m2, rest2, e = move(old2, rest2, here2, k, a)
                    if fade == 0.0:
                        m2, rest2 = here2, 0.0
                    elif not abs(m2) < math.inf:
                        m2, rest2 = far(old2, here2, k, a), 0.0
                    d, e = scale_x * d, scale_y * e
                    xx, _u, _g, _h = spread(xx, u, d * d, k, a)
                    yy, _u, _g, _h = spread(yy, u, e * e, k, a)
                    xy, u, both, free = spread(xy, u, d * e, k, a)
                    if bias:
                        last = xy
                    elif first or not free > 0.0:
                        last = math.nan
                    elif correlation:
                        last = _within(xy / (math.sqrt(xx) * math.sqrt(yy)))
                    else:
                        last = both / free
                if value > 0.0 and (new > 0.0 or n > 0.0 or prior):
                    n += 1.0
                if unit and rows > 0.0:
                    mass, rows = mass / rows, 1.0
            elif decays and (not by_value or at == q.size - 1):  # counted by values, a gap is no step
                mass, rows = fade * mass, fade * rows
            shown = n >= least and (n > 0.0 or prior) and rows >= weight and (there or not blank)
            out[i] = last if shown else math.nan
        start = stop
    state[0], state[1], state[2], state[3] = rows, mass, m, rest
    state[4], state[5], state[6], state[7] = n, faded, passed, opened
    state[8], state[9], state[10], state[11] = m2, rest2, xy, xx
    state[12], state[13], state[14] = yy, u, last


@_compiled
def _cut(array: Floats, start: int, stop: int, by_value: bool) -> Floats:
    return array if array.size == 1 or by_value else array[start:stop]


@_compiled
def means(x: Array, v: Floats, q: Floats, s: Floats, p: Floats, state: Floats, out: Array, how: Any, tile: int) -> None:
    """Write the means of all columns, tile by tile of rows."""
    for start in range(0, x.shape[1], tile):
        stop, by_value = min(start + tile, x.shape[1]), how[5]
        fade, share = _cut(q, start, stop, by_value), _cut(s, start, stop, by_value)
        passed = _cut(p, start, stop, by_value)
        for c in range(x.shape[0]):
            weight = _cut(v[min(c, v.shape[0] - 1)], start, stop, False)
            mean(x[c, start:stop], weight, fade, share, passed, state[c], out[c, start:stop], how)


@_compiled
def moments(
    x: Array, y: Array, v: Floats, q: Floats, s: Floats, p: Floats, state: Floats, out: Array, how: Any, what: Any,
    tile: int,
) -> None:  # fmt: skip
    """Write a second moment of all columns, tile by tile of rows."""
    for start in range(0, x.shape[1], tile):
        stop, by_value = min(start + tile, x.shape[1]), how[5]
        fade, share = _cut(q, start, stop, by_value), _cut(s, start, stop, by_value)
        passed = _cut(p, start, stop, by_value)
        for c in range(x.shape[0]):
            weight = _cut(v[min(c, v.shape[0] - 1)], start, stop, False)
            one, two, to = x[c, start:stop], y[c, start:stop], out[c, start:stop]
            moment(one, two, weight, fade, share, passed, state[c], to, how, what)


@_compiled
def means_by(
    x: Array, v: Floats, q: Floats, s: Floats, p: Floats, codes: Array, state: Floats, out: Array, how: Any
) -> None:
    """Write the mean of one column within groups, in one pass over rows in any order."""
    for i in range(x.size):
        if codes[i] < 0:
            out[i] = math.nan
        else:
            fade, share, passed = _cut(q, i, i + 1, how[5]), _cut(s, i, i + 1, how[5]), _cut(p, i, i + 1, how[5])
            weight, to = _cut(v, i, i + 1, False), out[i : i + 1]
            mean(x[i : i + 1], weight, fade, share, passed, state[codes[i]], to, how)


@_compiled
def moments_by(
    x: Array, y: Array, v: Floats, q: Floats, s: Floats, p: Floats, codes: Array, state: Floats, out: Array, how: Any,
    what: Any,
) -> None:  # fmt: skip
    """Write a second moment of two columns within groups, in one pass over rows in any order."""
    for i in range(x.size):
        if codes[i] < 0:
            out[i] = math.nan
        else:
            fade, share, passed = _cut(q, i, i + 1, how[5]), _cut(s, i, i + 1, how[5]), _cut(p, i, i + 1, how[5])
            weight, to = _cut(v, i, i + 1, False), out[i : i + 1]
            moment(x[i : i + 1], y[i : i + 1], weight, fade, share, passed, state[codes[i]], to, how, what)
