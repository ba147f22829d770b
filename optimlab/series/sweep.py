"""Sweeps over a series in tiles: the mean and the second moments for given weights, in memory that fits the cache."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.recurrence.decay import Decay
from optimlab.series.options import Resolved
from optimlab.series.scan import (
    COMPILED_FROM,
    SHORT,
    TILE,
    compiled,
    constant_scan,
    corrections,
    cut,
    held,
    powers,
    short_mean,
    whole_blocks,
)
from optimlab.series.weighting import Gains, Masses, Weighting
from optimlab.typing import Floats, Marks

NONE = np.ones(0)
PREFIX = 4096  # rows in which nearly every series has two different values
DIVIDED = TILE // 2  # elements while a scan is divided: the divisor and what it is made of must fit beside it
RUN = 4  # tiles after which a plain scan looks whether it met a gap
GENERAL_TILE = 8_192  # elements; with gaps or weights a dozen arrays of this size are needed
LOG_EPSILON = -54.0 * math.log(2.0)  # 1 - βᵗ is 1 to the last digit once βᵗ is below 2⁻⁵⁴


class Mean:
    """The mean of some columns, carried from tile to tile."""

    def __init__(self, weighting: Weighting, columns: int) -> None:
        self.forgets = weighting.forgets
        self.mean = np.full(columns, 0.0 if weighting.prior is None else weighting.prior)
        self.first = np.full(columns, np.nan if weighting.prior is None else weighting.prior)
        self.constant = np.ones(columns, dtype=np.bool_)  # every value so far equals the first

    def step(self, x: NDArray[Any], gains: Gains) -> Floats:
        """m ← a m + k x over the next rows; NaN before the first value."""
        values = np.where(gains.counted, x, 0.0)
        if self.forgets:  # even an infinite past
            m = held(values, gains.counted, self.mean)
        else:
            lost = self._lost(values)
            m = gains.smooth(values, np.where(np.isfinite(self.mean), self.mean, 0.0))
            m += lost
        self.keep_constant(x, gains.counted, m)
        self.mean = m[:, -1].copy()
        if not gains.seen[:, 0].all():
            m[~gains.seen] = np.nan
        return m

    def _lost(self, values: Floats) -> Floats | float:
        """Take what is not finite out of the values; return its running sum: an infinite mean stays infinite."""
        bad = ~np.isfinite(values)
        poisoned = ~np.isfinite(self.mean)
        if not (bad.any() or poisoned.any()):
            return 0.0
        lost = np.where(bad, values, 0.0)
        lost[:, 0] += np.where(poisoned, self.mean, 0.0)
        values[bad] = 0.0
        return np.add.accumulate(lost, axis=1)

    def keep_constant(self, x: NDArray[Any], counted: Marks | None, m: NDArray[Any]) -> None:
        """A mean of equal values is that value: write it over the rounding in the leading run of equal values."""
        if not self.constant.any():
            return
        if counted is None and x.shape[1] > PREFIX:
            self.keep_constant(x[:, :PREFIX], None, m[:, :PREFIX])
            self.keep_constant(x[:, PREFIX:], None, m[:, PREFIX:])
            return
        new = np.isnan(self.first) if counted is None else np.isnan(self.first) & counted.any(axis=1)
        at = 0 if counted is None else counted.argmax(axis=1)[new]
        self.first[new] = x[new, at]
        self.constant[new] &= ~np.isnan(self.first[new])
        same = x == self.first[:, np.newaxis]
        if counted is not None:
            same |= ~counted
        same &= (self.constant & ~np.isnan(self.first))[:, np.newaxis]
        run = np.logical_and.accumulate(same, axis=1)
        np.copyto(m, self.first[:, np.newaxis], where=run, casting="same_kind")
        self.constant &= run[:, -1] | np.isnan(self.first)


def _plain_scan(
    x: NDArray[Any], decay: Decay, mass: float, mean: Floats | float, out: NDArray[Any], kernels: Any
) -> tuple[Floats, float] | None:
    """Write the mean of rows that all hold a finite value, by m W ← β m W + α x; None if one of them does not.

    W is 1 - βᵗ after the debiased start, and is divided by until it is 1 to the last digit. Returns the last m and W.
    """
    carry = None if mass == 0.0 else np.zeros(len(x)) + mean * mass
    done, steps = 0, x.shape[1]
    while done < steps:
        whole = kernels is not None and mass == 1.0
        tile = TILE if mass == 1.0 else DIVIDED
        rows = slice(done, steps if whole else min(steps, done + whole_blocks(tile // len(x))))
        divisor, mass = _divisor(decay.log_beta, mass, rows.stop - rows.start)
        carry = _scan(x[:, rows], decay, carry, divisor, out[:, rows], kernels)
        if 1.0 - 1e-13 < mass < 1.0:  # by rounding it might never become 1; with the same mean it may
            carry, mass = carry / mass, 1.0
        done = rows.stop
    assert carry is not None
    return (carry / mass, mass) if np.isfinite(carry).all() else None


def _divisor(log_beta: float, mass: float, steps: int) -> tuple[Floats, float]:
    """Return the mass after each of the next steps, until it is 1 to the last digit, and the mass after them all."""
    if mass == 1.0:
        return NONE, 1.0
    head = min(steps, math.ceil((LOG_EPSILON - math.log1p(-mass)) / log_beta))
    if mass == 0.0:
        divisor = corrections(log_beta, head)
    else:  # of one size, that few are cached
        divisor = mass * powers(log_beta, DIVIDED)[:head] + corrections(log_beta, DIVIDED)[:head]
    return divisor, float(divisor[-1]) if 0 < head == steps else 1.0


def _scan(
    x: NDArray[Any], decay: Decay, carry: Floats | None, divisor: Floats, out: NDArray[Any], kernels: Any
) -> Floats:
    """Write the scan, its first outputs divided, into ``out``; return its last step undivided."""
    head = divisor.size
    if kernels is None:
        y = constant_scan(x, decay.log_beta, decay.alpha, carry)
        last = y[:, -1].copy()
        if head == y.shape[1]:
            y /= divisor
        elif head:
            y[:, :head] /= divisor
        out[...] = y
        return last
    carry = np.zeros(len(x)) if carry is None else carry
    by_step = len(x) > 1 and abs(x.strides[0]) < abs(x.strides[1])
    head = x.shape[1] if by_step else head
    if head:
        kernels.columns(x[:, :head], decay.alpha, decay.beta, carry, divisor, out[:, :head])
    if head < x.shape[1]:
        kernels.rows(x[:, head:], decay.alpha, decay.beta, carry, out[:, head:])
    return carry


def _plain_step(x: NDArray[Any], masses: Masses, mean: Mean, out: NDArray[Any], kernels: Any) -> bool:
    """Write the mean of the next rows as one scan; False if they have gaps."""
    weighting = masses.weighting
    begins = weighting.unit_mass and masses.mass[0] == 0.0
    assert weighting.decay is not None
    mass, carry = (1.0, x[:, 0].astype(np.float64)) if begins else (min(float(masses.mass[0]), 1.0), mean.mean)
    result = _plain_scan(x, weighting.decay, mass, carry, out, kernels)
    if result is None:
        return False
    mean.keep_constant(x, None, out)
    mean.mean = np.where(mean.constant, mean.first, result[0])
    masses.mass = np.full(len(x), result[1])
    masses.count = masses.count + x.shape[1]
    return True


def _short(x: NDArray[Any], weighting: Weighting, out: NDArray[Any]) -> bool:
    """Write the debiased mean of one short column; False if it is none, has gaps or begins with equal values."""
    if len(x) != 1 or not 1 < x.size <= SHORT or weighting.unit_mass or not weighting.plain or x[0, 0] == x[0, 1]:
        return False
    assert weighting.decay is not None
    last = short_mean(x[0], weighting.decay.log_beta, weighting.decay.alpha, out[0])
    out[0, 0] = x[0, 0]
    return math.isfinite(last)


def _plain(weighting: Weighting, masses: Masses, mean: Mean, min_count: int) -> bool:
    """Whether rows without gaps would continue as one scan with one mass."""
    return (
        weighting.plain
        and bool((masses.mass == masses.mass[0]).all())
        and (not weighting.unit_mass or masses.mass[0] in (0.0, 1.0))
        and bool((masses.count >= min_count - 1).all())
        and bool(np.isfinite(mean.mean).all())
    )


def sweep_mean(x: NDArray[Any], options: Resolved, out: NDArray[Any]) -> None:
    """Write the mean of x, of shape (columns, rows), into ``out``, tile by tile."""
    weighting = options.weighting
    kernels = compiled() if x.size >= COMPILED_FROM else None
    overlap = np.may_share_memory(x, out)
    if overlap and (x.ctypes.data != out.ctypes.data or x.strides != out.strides):
        x, overlap = x.copy(), False  # else a tile would read what another has written
    if options.min_count <= 1 and not overlap and _short(x, weighting, out):
        return
    for columns, along in in_tiles(x.shape, TILE, 1 if overlap else RUN):
        masses = Masses(weighting, columns)
        mean = Mean(weighting, columns.stop - columns.start)
        for rows in along:
            part, target = x[columns, rows], out[columns, rows]
            if overlap:
                part = part.copy()
            if _plain(weighting, masses, mean, options.min_count) and _plain_step(part, masses, mean, target, kernels):
                continue
            if kernels is not None and _only_gaps(options):
                _gapped_steps(part, masses, mean, target, kernels)
            else:
                _general_steps(part, rows, masses, mean, options, target)


def _only_gaps(options: Resolved) -> bool:
    """Whether NaN rows are all that the plain scan could not do."""
    weighting = options.weighting
    first_row_counts = options.min_count == 1 or (options.min_count == 0 and weighting.prior is None)
    return weighting.plain and not weighting.forgets and first_row_counts and options.gaps != "propagate"


def _gapped_steps(x: NDArray[Any], masses: Masses, mean: Mean, out: NDArray[Any], kernels: Any) -> None:
    """Write the mean of the next rows, some of which are gaps, by a compiled loop; it carries the state on."""
    weighting = masses.weighting
    assert weighting.decay is not None
    alpha, beta = weighting.decay.alpha, weighting.decay.beta
    fade = beta if weighting.gaps_decay else 1.0
    started = masses.count > 0
    state = masses.mass, mean.mean, mean.first, mean.constant, masses.count
    kernels.gapped(x, alpha, beta, fade, weighting.unit_mass, started, *state, out)


def _general_steps(
    x: NDArray[Any],
    rows: slice,
    masses: Masses,
    mean: Mean,
    options: Resolved,
    out: NDArray[Any],
) -> None:
    for part in cut(rows, max(1, GENERAL_TILE // len(x))):
        here = slice(part.start - rows.start, part.stop - rows.start)
        before = masses.count
        gains = masses.gains(options.present(x[:, here]), part)
        m = mean.step(x[:, here], gains)
        blank_early(m, before, gains, options.min_count)
        out[:, here] = m


def blank_early(m: Floats, before: NDArray[np.int64], gains: Gains, min_count: int) -> None:
    """Set results from fewer than ``min_count`` values to NaN, given how many counted before these rows."""
    if (before < min_count).any():
        m[before[:, np.newaxis] + np.cumsum(gains.counted, axis=1) < min_count] = np.nan


def in_tiles(shape: tuple[int, ...], elements: int, run: int = 1) -> Iterator[tuple[slice, list[slice]]]:
    """Cut (columns, rows) into blocks of columns, each with its slices of rows, ``run`` tiles long, in order."""
    for columns in cut(slice(0, shape[0]), 1024):
        yield columns, cut(slice(0, shape[1]), run * whole_blocks(elements // (columns.stop - columns.start)))
