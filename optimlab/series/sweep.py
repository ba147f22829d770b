"""One pass over series under a plan: compiled loops on all cores, or NumPy tile by tile in little memory."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from optimlab.series import rows
from optimlab.series.options import Plan, by_column
from optimlab.series.rows import start_state
from optimlab.series.scan import whole_blocks
from optimlab.typing import Array, Floats

__all__ = ["cores", "cuts", "each", "refuse_gaps", "resume", "run", "sweep"]

COMPILED_FROM = 65_536  # elements from which loading numba (0.5 s, once) can pay
THREADS_FROM = 1 << 18  # elements of a part from which a thread of its own (50 µs) pays
PART = 1 << 18  # rows of a long series that are one part, whatever the number of threads
LONG_TILE = 49_152  # elements: the two arrays that a scan of one factor needs stay below 1 MiB
TILE = 24_576  # elements: as few calls of NumPy as the cache allows, 38 ns a value where 8 192 take 73
SHORT_TILE = 8_192  # elements where a call is to stay below 1 MiB
TOGETHER = 1 << 17  # elements that several decays read one after the other, while they are in the cache
ROW_TILE = 512  # rows of a table that lies by rows, of which all columns are done before the next


@lru_cache(maxsize=1)
def compiled() -> Any:
    """Return the module of compiled loops, or None if numba is not installed or does not work, said once."""
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        from optimlab.series import compiled as kernels

        plan, one = Plan(0, np.ones(1), np.ones(1)), np.ones((1, 1))
        kernels.table(one, one, one, one[0], one[0], start_state(plan, 1), one.copy(), plan.how(), None, 1)
    except Exception as error:  # too old for this NumPy, a cache that cannot be read or written, ...
        warnings.warn(f"numba does not work here ({error!r}); series are averaged by NumPy alone", stacklevel=2)
        return None
    return kernels


def cores() -> int:
    """Return how many threads may run: one for each core, or as many as OMP_NUM_THREADS says."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    said = os.environ.get("OMP_NUM_THREADS", "")  # which Dask sets for its workers, too
    return min(allowed, int(said)) if said.isdigit() and int(said) else allowed


def cuts(length: int, size: int) -> Iterator[slice]:
    """Cut a length into slices of at most ``size``."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


def sweep(
    plans: list[Plan], series: list[Array], results: list[Array], what: Any = None, *, total: bool = False
) -> None:
    """Write, under each plan, the mean of a series, its decayed sum (``total``) or a second moment (``what``).

    Arithmetic on NaN and infinity is silent: they are data.
    """
    if results[0].size == 0:
        return
    columns = [by_column(x, plans[0].axis) for x in series]
    targets = [by_column(result, plans[0].axis) for result in results]
    if plans[0].refuse:
        for x in columns:
            refuse_gaps(x)
    columns = [x.copy() if _tangled(x, targets[0]) else x for x in columns]  # a tile must not read what another wrote
    if len(plans) > 1 and all(plan.alike and not plan.forgets for plan in plans):
        with np.errstate(invalid="ignore", over="ignore", divide="ignore", under="ignore"):
            _together(plans, columns, targets, what, total)
    else:
        for plan, target in zip(plans, targets, strict=True):
            resume(plan, columns, target, None, what, total=total)
    for plan, target, result in zip(plans, targets, results, strict=True):
        if not np.may_share_memory(target, result):  # three dimensions or more, of which there is no such view
            moved = np.moveaxis(result, plan.axis, -1)
            moved[...] = target.reshape(moved.shape)


def resume(
    plan: Plan, columns: list[Array], target: Array, states: Floats | None, what: Any, *, total: bool = False
) -> None:
    """Write results of shape (columns, rows) and carry states of shape (columns, groups, 12), if any, on."""
    if target.size == 0:
        return
    with np.errstate(invalid="ignore", over="ignore", divide="ignore", under="ignore"):
        for own, c in each(plan, columns):
            parts = [x[c] for x in columns]
            if own.codes is not None:
                _by_group(own, parts, target[c], None if states is None else states[c], what, total)
            else:
                state = start_state(own, len(parts[0]), what) if states is None else states[c, 0]
                run(own, parts, target[c], state, what, total=total)
    if what is not None and plan.forgets and not what[1]:
        target[...] = np.nan


def _together(plans: list[Plan], columns: list[Array], targets: list[Array], what: Any, total: bool) -> None:
    """Let all plans have a block of rows before the next is read: three decays in half of the time of one by one."""
    states = [start_state(plan, len(target), what) for plan, target in zip(plans, targets, strict=True)]
    for r in cuts(columns[0].shape[1], max(1, TOGETHER // len(columns[0]))):
        for plan, target, state in zip(plans, targets, states, strict=True):
            run(plan, [x[:, r] for x in columns], target[:, r], state, what, total=total)


def each(plan: Plan, series: list[Array]) -> Iterator[tuple[Plan, slice]]:
    """Yield columns that share one plan: all of them, unless what rows do depends on where a column has values."""
    if plan.own is None:
        yield plan, slice(None)
        return
    for c in range(len(series[0])):
        there = np.ones(series[0].shape[1], dtype=np.bool_)
        for x in () if plan.propagate else series:
            there &= x[c] == x[c]
        q, s = plan.own(there, c)
        weights = plan.weights[c : c + 1] if plan.weights.ndim == 2 else plan.weights
        yield replace(plan, q=q, s=s, own=None, weights=weights), slice(c, c + 1)


def _tangled(x: Array, out: Array) -> bool:
    return np.may_share_memory(x, out) and (x.ctypes.data != out.ctypes.data or x.strides != out.strides)


def refuse_gaps(x: Array) -> None:
    """Raise at the first NaN of (columns, rows)."""
    for start in range(0, x.shape[1], 4096):
        missing = np.isnan(x[:, start : start + 4096])
        if missing.any():
            column, row = np.argwhere(missing)[0]
            raise ValueError(
                f"x must not contain NaN with gaps='raise'; got NaN in row {start + row}, column {column}; "
                "gaps='decay' or 'skip' average past it"
            )


def run(plan: Plan, series: list[Array], out: Array, state: Floats, what: Any = None, *, total: bool = False) -> None:
    """Write results of shape (columns, rows) and carry the state of each column on."""
    kernels = compiled() if out.size >= COMPILED_FROM else None
    if kernels is None:
        _by_tiles(plan, series, out, state, what, total)
        return
    in_place = any(np.may_share_memory(x, out) for x in series)
    by_row = len(out) > 1 and abs(out.strides[0]) < abs(out.strides[1])
    how = plan.how(total)

    v = np.atleast_2d(plan.weights)

    def write(c: slice, r: slice, state: Floats, to: Array) -> None:
        weights = v if len(v) == 1 else v[c]
        weights = weights if weights.shape[1] == 1 else weights[:, r]
        q, s = (z if z.size == 1 else z[r] for z in (plan.q, plan.s))
        parts = [x[c, r].copy() if in_place else x[c, r] for x in series]  # blocks may be done twice
        tile = ROW_TILE if by_row else r.stop - r.start
        kernels.table(parts[0], parts[-1], weights, q, s, state, to, how, what, tile)

    if in_place:
        for r in cuts(out.shape[1], max(1, SHORT_TILE // len(out))):
            write(slice(0, len(out)), r, state, out[:, r])
    elif len(out) == 1 and out.shape[1] >= 2 * PART and plan.quick:
        _in_parts(write, plan, series, out, state, what)
    else:
        width = -(-THREADS_FROM // out.shape[1])
        if by_row:  # wide stripes, whose edges are those of cache lines
            width = max(width, 8 * -(-len(out) // (8 * cores())))
        whole = slice(0, out.shape[1])
        _all(lambda c: write(c, whole, state[c], out[c]), list(cuts(len(out), width)))


def _row_weights(plan: Plan, column: int, span: slice) -> Floats:
    if not plan.weighted:
        return plan.weights.reshape(1)
    return (plan.weights if plan.weights.ndim == 1 else plan.weights[column])[span]


def _all(task: Callable[[Any], Any], items: list[Any]) -> None:
    """Do independent tasks, on all cores; their results do not depend on how many there are."""
    if len(items) == 1 or cores() == 1:
        for item in items:
            task(item)
        return
    with ThreadPoolExecutor(min(cores(), len(items))) as pool:
        list(pool.map(task, items))


def _in_parts(
    write: Callable[..., None], plan: Plan, series: list[Array], out: Array, state: Floats, what: Any
) -> None:
    """Do parts of one long series side by side, each from the rows before it that still count.

    A part whose state at its start is not that at the end of the one before, to a few units in the last place, is
    done again from there: old values that are huge, infinite, or few.
    """
    assert plan.decay is not None
    one, parts = slice(0, 1), list(cuts(out.shape[1], PART))
    early = int(min(48.0 / -plan.decay.log_beta + 64.0, PART))
    if early == PART:  # so slow that all rows count: one part after the other
        for at in parts:
            write(one, at, state, out[:, at])
        return
    states = [state.copy(), *(start_state(replace(plan, prior=None), 1) for _ in parts[1:])]
    begun = list(states)

    def part(j: int) -> None:
        if j:
            write(one, slice(parts[j].start - early, parts[j].start), states[j], np.empty((1, early), out.dtype))
        begun[j] = states[j].copy()
        write(one, parts[j], states[j], out[:, parts[j]])

    _all(part, list(range(len(parts))))
    for j in range(1, len(parts)):
        before = slice(parts[j].start - 64, parts[j].start)
        size = max(float(np.nanmax(np.abs(x[0, before]), initial=0.0)) for x in series)
        if not _agree(begun[j][0], states[j - 1][0], plan, size, what):
            states[j] = states[j - 1].copy()
            write(one, parts[j], states[j], out[:, parts[j]])
        else:
            states[j][:, rows.COUNT] += states[j - 1][:, rows.COUNT] - begun[j][:, rows.COUNT]
    state[...] = states[-1]


def _agree(one: Floats, other: Floats, plan: Plan, size: float, what: Any) -> bool:
    """Whether two states are the same but for rounding, and a count that is large enough in both."""
    if min(one[rows.COUNT], other[rows.COUNT]) < max(plan.least, 2):
        return False
    means, kept = [rows.MEAN, rows.MEAN2], [rows.MASS, rows.LOAD, rows.MEAN]
    near = np.abs(one - other) <= 4e-15 * np.abs(other)
    near[means] |= np.abs(one - other)[means] <= 4e-15 * size
    if what is not None:
        second = [rows.XY, *([rows.XX, rows.YY] if what[2] else [])]
        near[second] = np.abs(one - other)[second] <= 1e-13 * np.abs(other[second])
        kept += [rows.MEAN2, rows.FREE, *second]
    return bool((near & np.isfinite(other) | (one == other))[kept].all())


def _by_tiles(plan: Plan, series: list[Array], out: Array, state: Floats, what: Any, total: bool) -> None:
    size = SHORT_TILE if plan.decay and what is None else TILE
    for c in cuts(len(out), 1024):
        width, start, slow = c.stop - c.start, 0, 0
        while start < out.shape[1]:
            r = slice(start, min(start + _length(plan, state[c], width, what), out.shape[1]))
            begun, slow = state[c.start, rows.COUNT] > 0.0, slow - 1
            done = 0
            if slow < 0 and not total:
                done = _quickly(plan, [x[c, r] for x in series], state[c], what, out[c, r])
                slow = 0 if done or not begun else 8  # where one is special others are
            start = start + done if done else r.stop
            for part in cuts(0 if done else r.stop - r.start, whole_blocks(size // width)):
                at = slice(r.start + part.start, r.start + part.stop)
                _tile(plan, [x[c, at] for x in series], c, at, state[c], out[c, at], what, total)


def _tile(
    plan: Plan, tile: list[Array], c: slice, at: slice, state: Floats, out: Array, what: Any, total: bool
) -> None:
    v = np.atleast_2d(plan.weights)
    weights = v if len(v) == 1 else v[c]
    weights = weights if weights.shape[1] == 1 else weights[:, at]
    if what is None:
        out[...] = rows.mean(tile[0], plan, weights, at, state, total)
    else:
        out[...] = rows.moment(tile[0], tile[-1], plan, weights, at, state, what)


def _quickly(plan: Plan, tile: list[Array], state: Floats, what: Any, out: Array) -> int:
    if what is None:
        return rows.quick_mean(tile[0], plan, state, out)
    return rows.quick_moment(tile[0], tile[-1], plan, state, what, out)


def _length(plan: Plan, state: Floats, columns: int, what: Any) -> int:
    """Return how many rows are tried at once; those until gains are steady, or there is a start, come first."""
    if plan.floor and plan.prior is None and state[0, rows.COUNT] == 0.0:
        return 1
    if what is None:
        return whole_blocks((LONG_TILE if abs(state[0, rows.MASS] - 1.0) < 1e-13 else LONG_TILE // 2) // columns)
    until = int(32.0 / plan.decay.alpha) if plan.quick and plan.decay and state[0, rows.COUNT] == 0.0 else TILE
    return whole_blocks(max(1, min(until, TILE) // columns))


def _by_group(plan: Plan, series: list[Array], out: Array, states: Floats | None, what: Any, total: bool) -> None:
    """Write results within groups: a group's rows are a series of their own; carry the states on if there are any."""
    assert plan.codes is not None
    kernels = compiled() if out.size >= COMPILED_FROM else None
    for c in range(len(out)):
        parts, v = [x[c] for x in series], _row_weights(plan, c, slice(None))
        state = start_state(plan, plan.groups, what) if states is None else states[c]
        if kernels is None:
            _each_group(replace(plan, weights=v) if plan.weighted else plan, parts, out[c], state, (what, total))
        else:
            how = plan.how(total)
            kernels.grouped(parts[0], parts[-1], v, plan.q, plan.s, plan.codes, state, out[c], how, what)


def _each_group(plan: Plan, series: list[Array], out: Array, states: Floats, task: tuple[Any, bool]) -> None:
    assert plan.codes is not None
    order = np.argsort(plan.codes, kind="stable")
    ends = np.cumsum(np.bincount(plan.codes + 1, minlength=plan.groups + 1))
    out[order[: ends[0]]] = np.nan
    for group, at in enumerate(np.split(order[ends[0] :], ends[1:-1] - ends[0])):
        if not len(at):
            continue
        weights = plan.weights[at] if plan.weighted else plan.weights
        q, s = (z if z.size == 1 else z[at] for z in (plan.q, plan.s))
        own = replace(plan, weights=weights, q=q, s=s)
        result = np.empty((1, len(at)), out.dtype)
        _by_tiles(own, [x[None, at] for x in series], result, states[group : group + 1], *task)
        out[at] = result[0]
