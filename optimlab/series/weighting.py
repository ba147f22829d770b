"""What weight every row of a series has: the options of an EMA as one recursion on (mean, mass).

The mass W is the sum of the weights of what was seen. A row multiplies it by its factor q and, if it holds a value of
weight w,

    k = w / (q W + w),    a = 1 - k,    m ← a m + k x,    W ← q W + w

(debiased start), or W ← 1 after each value (every other start). Mean, variance and covariance are scans with (a, k).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.recurrence.decay import Decay
from optimlab.series.scan import constant_scan, held, shifted, variable_scan
from optimlab.typing import Floats, Marks


@dataclass(frozen=True)
class Weighting:
    """The options of an EMA, resolved.

    Attributes
    ----------
    decay : Decay or None
        The decay of a row, if it is the same for all.
    factors : float or ndarray of float64, shape (rows,)
        q of each row: β, the row's own β, or β to the power of the elapsed time.
    share : float, ndarray of shape (rows,) or None
        Weight of a value: α, or 1 - β of the row; None: 1 - (decay since the value before), the time it stands for.
    weights : ndarray, shape (rows,) or (columns, rows), or None
        The caller's weights; they multiply the share.
    prior : float or None
        Start value, of mass 1; None: the first value starts.
    unit_mass : bool
        Whether the mass is 1 after each value: every start but the debiased one.
    gaps_decay : bool
        Whether a row without a value lets the past fade.
    first_share : ndarray, shape (columns,), or None
        Weight of the first value where the share comes from the elapsed time, of which it has none.
    """

    decay: Decay | None
    factors: float | Floats
    share: float | Floats | None
    weights: NDArray[Any] | None = None
    prior: float | None = None
    unit_mass: bool = False
    gaps_decay: bool = True
    first_share: Floats | None = None

    @property
    def plain(self) -> bool:
        """Whether rows without gaps are one scan with constant α and β."""
        return self.decay is not None and self.decay.alpha > 0.0 and self.weights is None

    @property
    def forgets(self) -> bool:
        """Whether β is 0: a value has no weight at all beside its successor."""
        return self.decay is not None and self.decay.beta == 0.0


class Gains:
    """What the next rows, of shape (columns, rows), do to a mean.

    Attributes
    ----------
    counted, seen : ndarray of bool
        Where a value counts; where one counts or has counted, or a start value was given.
    began : ndarray of bool, shape (columns,)
        Which columns were seen before the first of the rows.
    q, w : ndarray of float64
        Factor and weight of each row; w is 0 where no value counts.
    after : ndarray of float64
        Mass after each row.
    carry : ndarray of float64, shape (columns,)
        Mass before the first of the rows.
    log_beta : float or None
        ln q, if all rows have the same q and add w to the mass: then means are sums over sums.
    """

    def __init__(
        self,
        counted: Marks,
        seen: Marks,
        began: Marks,
        *,
        q: Floats,
        w: Floats,
        after: Floats,
        carry: Floats,
        log_beta: float | None,
    ) -> None:
        self.counted = counted
        self.seen = seen
        self.began = began
        self.q = q
        self.w = w
        self.after = after
        self.carry = carry
        self.log_beta = log_beta

    @cached_property
    def again(self) -> Marks:
        """Where a value counts and something had before it."""
        again: Marks = self.counted & shifted(self.seen, self.began)
        return again

    @cached_property
    def old(self) -> Floats:
        """Weight of everything before the value."""
        old: Floats = self.q * shifted(self.after, self.carry)
        return old

    @cached_property
    def a(self) -> Floats:
        """Share of the old mean in the new one; 1 where no value counts."""
        return np.divide(self.old, self.old + self.w, out=np.ones_like(self.old), where=self.counted)

    @cached_property
    def k(self) -> Floats:
        """Share of the value in the new mean; 0 where no value counts."""
        return np.divide(self.w, self.old + self.w, out=np.zeros_like(self.old), where=self.counted)

    def smooth(self, values: Floats, carry: Floats) -> Floats:
        """m ← a m + k x of finite values (0 where none counts), from the mean ``carry``."""
        if self.log_beta is None:
            return variable_scan(self.a, self.k * values, carry)
        m = constant_scan(self.w * values, self.log_beta, 1.0, carry * self.carry)
        if self.counted.all():
            m /= self.after
            return m
        np.divide(m, self.after, out=m, where=self.counted)
        return held(m, self.counted, carry)


class Masses:
    """The masses of some columns, carried from tile to tile."""

    def __init__(self, weighting: Weighting, columns: slice) -> None:
        self.weighting = weighting
        self.columns = columns
        size = columns.stop - columns.start
        self.mass = np.full(size, 0.0 if weighting.prior is None else 1.0)
        self.since = self.mass.copy()  # decay since the last value; 0 before the first
        self.count = np.zeros(size, dtype=np.int64)

    def gains(self, present: Marks, rows: slice) -> Gains:
        """Return the gains of the next rows, given where they hold a value."""
        weighting = self.weighting
        q = self._factors(present, rows)
        w = self._weights(present, rows)
        counted = present & (w > 0.0) if weighting.weights is not None else present
        if weighting.share is None:
            faded = self._faded(q, counted)
            w = w * self._elapsed_share(faded, counted)
            counted = counted & (w > 0.0)
        w = w * counted
        carry = self.mass
        log_beta = None
        if weighting.unit_mass:
            after = variable_scan(np.where(counted, 0.0, q), counted.astype(np.float64), carry)
        elif weighting.decay is not None and (weighting.gaps_decay or present.all()):
            log_beta = weighting.decay.log_beta
            after = constant_scan(w, log_beta, 1.0, carry)
        else:
            after = variable_scan(q, w, carry)
        self.mass = after[:, -1].copy()
        began = (self.count > 0) | (weighting.prior is not None)
        seen = (
            np.ones_like(counted) if began.all() else np.logical_or.accumulate(counted | began[:, np.newaxis], axis=1)
        )
        self.count = self.count + counted.sum(axis=1)
        return Gains(counted, seen, began, q=q, w=w, after=after, carry=carry, log_beta=log_beta)

    def _factors(self, present: Marks, rows: slice) -> Floats:
        factors = self.weighting.factors
        q: Any = factors[rows] if isinstance(factors, np.ndarray) else factors
        if self.weighting.gaps_decay:
            return np.broadcast_to(np.asarray(q, dtype=np.float64), present.shape)
        return np.where(present, q, 1.0)

    def _weights(self, present: Marks, rows: slice) -> Floats:
        share: Any = 1.0 if self.weighting.share is None else self.weighting.share
        w = share[rows] if isinstance(share, np.ndarray) else share
        weights = self.weighting.weights
        if weights is not None:
            w = w * (weights[rows] if weights.ndim == 1 else weights[self.columns, rows])
        return np.broadcast_to(np.asarray(w, dtype=np.float64), present.shape)

    def _faded(self, q: Floats, counted: Marks) -> Floats:
        """Return the product of the factors since the last value; 0 where there was none."""
        since = variable_scan(np.where(counted, 0.0, q), counted.astype(np.float64), self.since)
        faded: Floats = q * shifted(since, self.since)
        self.since = since[:, -1].copy()
        return faded

    def _elapsed_share(self, faded: Floats, counted: Marks) -> Floats:
        share = 1.0 - faded
        if self.weighting.first_share is not None:
            first = self.weighting.first_share[self.columns, np.newaxis]
            share = np.where(self.count[:, np.newaxis] + np.cumsum(counted, axis=1) <= 1, first, share)
        return share
