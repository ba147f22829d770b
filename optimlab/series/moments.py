"""Second moments with the weights of an EMA.

With gains (a, k), d = x - m_before and e = y - n_before, the biased covariance follows B ← a (B + k d e). The unbiased
one divides it by u = 1 - Σw²/(Σw)², which follows u ← a (a u + 2 k). Both have the factor a, and their ratio does
without it: however long a gap, two values have the variance (x₁ - x₂)²/2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from optimlab.series.arguments import like, needed, refuse_other_index, values
from optimlab.series.options import Options, Resolved, resolve, write
from optimlab.series.scan import held, shifted, variable_scan
from optimlab.series.sweep import GENERAL_TILE, Mean, blank_early, in_tiles
from optimlab.series.weighting import Gains, Masses
from optimlab.typing import Array, Floats


class Moment(Protocol):
    """A second moment of some columns, carried from tile to tile."""

    def step(self, gains: Gains, d: Floats, e: Floats) -> Floats:
        """Return the moment after each of the next rows, given the deviations of both series."""


class _Spread:
    """B of two series, carried from tile to tile."""

    def __init__(self, columns: int) -> None:
        self.carry = np.zeros(columns)

    def step(self, gains: Gains, product: Floats) -> Floats:
        """Return B_before + k d e, which is B/a."""
        spread = variable_scan(gains.a, gains.a * gains.k * product, self.carry)
        result: Floats = shifted(spread, self.carry) + gains.k * product
        self.carry = spread[:, -1].copy()
        return result


class _Held:
    """A moment that exists from the second value on, and is kept where no value counts."""

    def __init__(self, columns: int) -> None:
        self.last = np.full(columns, np.nan)

    def step(self, gains: Gains, moment: Floats) -> Floats:
        moment = np.where(gains.again, moment, np.nan)
        result = held(moment, gains.counted, self.last)
        self.last = result[:, -1].copy()
        return result


class Biased:
    """Σw d e / Σw."""

    def __init__(self, columns: int) -> None:
        self.spread = _Spread(columns)

    def step(self, gains: Gains, d: Floats, e: Floats) -> Floats:
        """B = a (B_before + k d e); NaN before the first value."""
        return np.where(gains.seen, gains.a * self.spread.step(gains, d * e), np.nan)


class _Freedom:
    """u = 1 - R of some columns, carried from tile to tile; R is the variance of the mean over that of the noise.

    For AR(1) noise of coefficient φ, h = Cov(m, noise) follows h ← φ a h + k, and u ← a (a u + 2 k (1 - φ h_before)).
    """

    def __init__(self, columns: int, phi: float) -> None:
        self.phi = phi
        self.covariance = np.zeros(columns)
        self.u = np.zeros(columns)

    def step(self, gains: Gains) -> Floats:
        """Return u/a of the next rows."""
        h = variable_scan(self.phi * gains.a, gains.k, self.covariance)
        new = 2.0 * gains.k * (1.0 - self.phi * shifted(h, self.covariance))
        u = variable_scan(gains.a**2, gains.a * new, self.u)
        result: Floats = gains.a * shifted(u, self.u) + new
        self.covariance = h[:, -1].copy()
        self.u = u[:, -1].copy()
        return result


class Unbiased:
    """Σw d e / Σw · (Σw)² / ((Σw)² - Σw²)."""

    def __init__(self, columns: int) -> None:
        self.spread = _Spread(columns)
        self.freedom = _Freedom(columns, 0.0)
        self.held = _Held(columns)

    def step(self, gains: Gains, d: Floats, e: Floats) -> Floats:
        """B/u, the factor a of both left out."""
        return self.held.step(gains, self.spread.step(gains, d * e) / self.freedom.step(gains))


class HalfWidth:
    """t_ν √(R B/u): half the confidence band of a level under AR(1) noise.

    ν are Satterthwaite's degrees of freedom of B/u, u²/(s₂ - 2s₃ + s₂²) with s_j = Σwʲ/(Σw)ʲ for white noise, times
    (1-φ²)/(1+φ²), the share of independent squares in AR(1) noise.
    """

    def __init__(self, columns: int, phi: float, confidence: float) -> None:
        self.spread = _Spread(columns)
        self.freedom = _Freedom(columns, phi)
        self.held = _Held(columns)
        self.quantile = 0.5 + 0.5 * confidence
        self.independent = (1.0 - phi**2) / (1.0 + phi**2)
        self.sums = [np.zeros(columns), np.zeros(columns)]

    def step(self, gains: Gains, d: Floats, e: Floats) -> Floats:
        """Return half the width of the band."""
        stdtrit = needed("scipy.special", "ema_band").stdtrit
        freedom = self.freedom.step(gains)
        variance = self.spread.step(gains, d * e) / freedom
        quantile = np.asarray(stdtrit(self._degrees(gains), self.quantile), dtype=np.float64)
        return self.held.step(gains, quantile * np.sqrt((1.0 - gains.a * freedom) * variance))

    def _degrees(self, gains: Gains) -> Floats:
        s2 = variable_scan(gains.a**2, gains.k**2, self.sums[0])
        s3 = variable_scan(gains.a**3, gains.k**3, self.sums[1])
        self.sums = [s2[:, -1].copy(), s3[:, -1].copy()]
        degrees = (1.0 - s2) ** 2 / (s2 - 2.0 * s3 + s2**2)
        return self.independent * np.fmax(degrees, 1.0)  # two values have one, however unequal their weights


class Correlation:
    """B_xy / √(B_xx B_yy)."""

    def __init__(self, columns: int) -> None:
        self.spreads = [_Spread(columns) for _ in range(3)]
        self.held = _Held(columns)

    def step(self, gains: Gains, d: Floats, e: Floats) -> Floats:
        """B_xy / √(B_xx B_yy), in [-1, 1]; NaN where a series has not varied."""
        xy, xx, yy = (spread.step(gains, p) for spread, p in zip(self.spreads, (d * e, d * d, e * e), strict=True))
        return self.held.step(gains, np.clip(xy / (np.sqrt(xx) * np.sqrt(yy)), -1.0, 1.0))


def _deviations(x: Array, mean: Mean, gains: Gains) -> Floats:
    """x - m_before of the next rows; 0 where no value counts or none had before."""
    carry = mean.mean
    before = shifted(mean.step(x, gains), carry)
    return np.where(gains.counted, x - np.where(gains.again, before, x), 0.0)


def second_moment(x: Any, y: Any, beta: Any, moment: Callable[[int], Moment], options: Options) -> Any:
    """Return a second moment of two series, which may be one and the same, in the type of x."""
    series = [values(x)] if y is x else [values(x), values(y, "y")]
    shape = series[0].shape
    if series[-1].shape != shape:
        raise ValueError(f"y must have the shape of x, {shape}; got {series[-1].shape}")
    for name, other in (("y", y), ("weights", options.get("weights")), ("times", options.get("times")), ("beta", beta)):
        refuse_other_index(other, x, name)
    resolved = resolve(series[0], beta, **options)
    result = np.empty(shape, np.result_type(*series))

    def sweep(*columns: Any) -> None:
        *both, resolved, target = columns
        _sweep(both[0], both[-1], resolved, moment, target)

    write(sweep, resolved, series, result)
    return like(result, x)


def _sweep(x: Array, y: Array, options: Resolved, moment: Callable[[int], Moment], out: Array) -> None:
    """Write a second moment of x and y, both of shape (columns, rows), into ``out``, tile by tile."""
    for columns, along in in_tiles(x.shape, GENERAL_TILE):
        size = columns.stop - columns.start
        masses = Masses(options.weighting, columns)
        means = Mean(options.weighting, size), Mean(options.weighting, size)
        moments = moment(size)
        for rows in along:
            part, other = x[columns, rows], y[columns, rows]
            before = masses.count
            gains = masses.gains(options.present(part, other), rows)
            d = _deviations(part, means[0], gains)
            e = d if y is x else _deviations(other, means[1], gains)
            result = moments.step(gains, d, e)
            if options.weighting.forgets and not isinstance(moments, Biased):
                result[:] = np.nan
            blank_early(result, before, gains, options.min_count)
            out[columns, rows] = result
