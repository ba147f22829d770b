"""First-order linear scans ``y_t = a y_{t-1} + b x_t`` along the last axis: the engines under every EMA.

All work in float64 on one tile, a block of at most ``TILE`` elements that stays in the cache, and hand on a carry.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from optimlab.typing import Array, Floats, Marks

BLOCK = 16  # samples a small matrix product covers
SHORT = 4096  # steps up to which two levels of products suffice
UNTHREADED = 1024  # blocks in a product: 16 · 16 · 1024 = 2¹⁸ multiplications are too few for OpenBLAS to thread
TILE = 49_152  # elements: two float64 arrays of this size, all that a scan needs, stay below 1 MiB


@lru_cache(maxsize=32)
def powers(log_beta: float, size: int) -> Floats:
    """β^j for j = 1..size, each from ln β, so that no rounding error grows with j."""
    result: Floats = np.exp(log_beta * np.arange(1.0, size + 1.0))
    result.flags.writeable = False
    return result


@lru_cache(maxsize=32)
def corrections(log_beta: float, size: int) -> Floats:
    """1 - β^j for j = 1..size."""
    result: Floats = -np.expm1(log_beta * np.arange(1.0, size + 1.0))
    result.flags.writeable = False
    return result


@lru_cache(maxsize=128)
def _toeplitz(log_beta: float, gain: float, size: int) -> Floats:
    """Upper triangular gain · β^(j-i): the scan of ``size`` samples from rest as one product."""
    age = np.arange(size) - np.arange(size)[:, np.newaxis]
    decays = np.concatenate([[1.0], powers(log_beta, size)])
    result: Floats = np.where(age >= 0, gain * decays[np.maximum(age, 0)], 0.0)
    result.flags.writeable = False
    return result


@lru_cache(maxsize=128)
def _inherited(log_beta: float, blocks: int) -> Floats:
    """Return the matrix that turns the ends of blocks, each from rest, into what every block inherits."""
    result = np.zeros((blocks, blocks))
    result[1:] = _toeplitz(log_beta, 1.0, blocks).T[:-1]
    result.flags.writeable = False
    return result


def _padded(steps: int) -> int:
    """Return the steps after which whole blocks end; zeros at the end change nothing."""
    return steps if steps <= 2 * BLOCK else steps + -steps % (2 * BLOCK)


def _short(x: Floats, log_beta: float, gain: float) -> Floats:
    """Scan one column of few steps from rest: a product of blocks of 32, and one of their ends."""
    size = 2 * BLOCK
    y = np.dot(x.reshape(-1, size), _toeplitz(log_beta, gain, size))
    inherited = np.dot(_inherited(log_beta * size, len(y)), y[:, -1:])
    y += inherited * powers(log_beta, size)
    whole: Floats = y.reshape(1, -1)
    return whole


@lru_cache(maxsize=32)
def _plan(log_beta: float, gain: float, steps: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return what the mean of so many steps needs: block product, inheritance, powers, and 1 - βᵗ."""
    size = 2 * BLOCK
    inherited = _inherited(log_beta * size, -(-steps // size))
    return _toeplitz(log_beta, gain, size), inherited, powers(log_beta, size)[np.newaxis], corrections(log_beta, steps)


def short_mean(x: Array, log_beta: float, gain: float, out: Array) -> float:
    """Write the debiased mean of one short series, as few calls as possible; return its last value."""
    steps = x.size
    block, inherited, decays, correction = _plan(log_beta, gain, steps)
    work = np.zeros((len(inherited), 2 * BLOCK))
    work.reshape(-1)[:steps] = x
    y = np.dot(work, block)
    y += np.dot(np.dot(inherited, y[:, -1:]), decays)
    np.divide(y.reshape(-1)[:steps], correction, out=out, casting="same_kind")
    return float(out[-1])


def _from_rest(x: Floats, log_beta: float, gain: float) -> Floats:
    """y_j = β y_{j-1} + gain · x_j with y_{-1} = 0, by one product a block; overwrites x.

    What a block inherits, found by the same scan over the blocks' ends, is added to its first sample.
    """
    columns, steps = x.shape
    if steps <= 2 * BLOCK:
        product: Floats = np.dot(x, _toeplitz(log_beta, gain, steps))
        return product
    if columns == 1 and steps <= SHORT:
        return _short(x, log_beta, gain)
    block = _toeplitz(log_beta, gain, BLOCK)
    blocks = x.reshape(-1, BLOCK)
    count = steps // BLOCK
    ends = np.zeros((columns, _padded(count)))
    ends[:, :count] = (blocks @ block[:, -1]).reshape(columns, -1)
    ends = _from_rest(ends, log_beta * BLOCK, 1.0)
    ends *= math.exp(log_beta) / gain
    x[~np.isfinite(ends).all(axis=1), -2 * BLOCK :] = np.nan  # an overflow here would spoil but its own block
    x[:, BLOCK::BLOCK] += ends[:, : count - 1]
    y = np.empty_like(blocks)
    for i in range(0, len(blocks), UNTHREADED):
        np.matmul(blocks[i : i + UNTHREADED], block, out=y[i : i + UNTHREADED])
    return y.reshape(columns, steps)


def constant_scan(x: Array, log_beta: float, gain: float, carry: Floats | None) -> Floats:
    """y_t = β y_{t-1} + gain · x_t with y_{-1} = carry.

    Parameters
    ----------
    x : ndarray, shape (columns, steps)
        Finite values, below gain · 10³⁰⁸. One that is not spoils its whole block, and shows in the last step.
    log_beta : float
        ln β.
    gain : float, greater than 0
        What the values are multiplied by.
    carry : ndarray of float64, shape (columns,), or None
        y before the first step; None is rest, y = 0.

    Returns
    -------
    ndarray of float64, shape (columns, steps)
        A new array.
    """
    columns, steps = x.shape
    padded = _padded(steps)
    work = np.empty((columns, padded))
    work[:, :steps] = x
    if padded > steps:
        work[:, steps:] = 0.0
    if carry is not None:
        work[:, 0] += math.exp(log_beta) / gain * carry
    return _from_rest(work, log_beta, gain)[:, :steps]


def variable_scan(a: Array, b: Array, carry: Floats) -> Floats:
    """y_t = a_t y_{t-1} + b_t, sixteen steps for all blocks side by side, then the same scan over the blocks' ends.

    One row of ``a`` holds for all columns.
    """
    columns, steps = b.shape
    blocks = -(-steps // BLOCK)
    gain, y = (_blocks(z, blocks) for z in (a, b))
    for j in range(1, BLOCK):
        y[j] += gain[j] * y[j - 1]
        gain[j] *= gain[j - 1]
    before = np.empty((columns, blocks))
    before[:, 0] = carry
    if blocks > 1:
        before[:, 1:] = variable_scan(gain[-1, :, :-1], y[-1, :, :-1], carry)
    y += gain * before
    return y.transpose(1, 2, 0).reshape(columns, -1)[:, :steps]


def _blocks(z: Array, blocks: int) -> Floats:
    """Return rows as (steps of a block, columns, blocks)."""
    whole = np.zeros((len(z), blocks * BLOCK))
    whole[:, : z.shape[1]] = z
    return np.ascontiguousarray(whole.reshape(len(z), blocks, BLOCK).transpose(2, 0, 1))


def whole_blocks(steps: int) -> int:
    """Return the steps cut to whole blocks, where there are some, so that a scan needs no padding."""
    return steps - steps % (2 * BLOCK) if steps > 2 * BLOCK else max(1, steps)


def shifted(y: Array, carry: Array) -> Array:
    """Return y one step later: carry, y_0, y_1, ... (same shape)."""
    result = np.empty_like(y)
    result[:, 0] = carry
    result[:, 1:] = y[:, :-1]
    return result


def held(y: Array, where: Marks, carry: Array) -> Array:
    """Write over the steps not marked in ``where`` the latest y of one that is, carry before the first; return y."""
    gaps = np.flatnonzero(~where)
    if gaps.size:
        flat = y.reshape(-1)
        begins = np.diff(gaps, prepend=-2) != 1
        begins |= gaps % y.shape[1] == 0
        begin = gaps[begins]
        latest = np.where(begin % y.shape[1] == 0, carry[begin // y.shape[1]], flat[begin - 1])
        flat[gaps] = np.repeat(latest, np.diff(np.flatnonzero(begins), append=gaps.size))
        y = flat.reshape(y.shape)
    return y
