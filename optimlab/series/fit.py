"""β from data, and how sure an EMA is: one-step fit, confidence band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, choice, number
from optimlab.extras import needed
from optimlab.recurrence.decay import Decay
from optimlab.series import rows
from optimlab.series.ema import ema
from optimlab.series.frames import like, values
from optimlab.series.options import Options, Plan, by_column, checked_start, plan, refuse
from optimlab.series.scan import shifted, variable_scan
from optimlab.series.sweep import TILE, cuts, each
from optimlab.typing import Array, Floats

__all__ = ["Band", "FittedDecay", "ema_band", "fit_decay"]


@dataclass(frozen=True)
class FittedDecay:
    """The decay that forecasts best, from ``fit_decay``.

    Attributes
    ----------
    decay : Decay
        The decay.
    standard_error : float
        Standard error of β; NaN where β lies at an end of its range.
    rmse : float
        Root mean squared one-step error at that decay, in the unit of the series.
    forecasts : int
        Number of values that were forecast.

    Examples
    --------
    >>> fit_decay([1.0, 2.0, 3.0, 4.0]).decay.beta  # the last value forecasts a ramp best
    0.0
    """

    decay: Decay
    standard_error: float
    rmse: float
    forecasts: int


def fit_decay(x: ArrayLike, *, gaps: str = "decay", start: str | float = "debiased") -> FittedDecay:
    """argmin over β of Σ (x_{t+1} - m_t)²: the decay whose EMA forecasts the next value best.

    For a random walk seen through noise (ARIMA(0,1,1)) it is the maximum-likelihood estimate for Gaussian errors,
    and the standard error comes from the curvature of that likelihood, -n/2 · ln Σ(x_{t+1} - m_t)².

    Parameters
    ----------
    x : array_like or Series of number, shape (rows,)
        The series; NaN is a gap.
    gaps : {"decay", "skip", "raise"}
        What NaN means, as in ``ema``.
    start : {"debiased", "first", "zero"} or float
        What the EMA starts from, as in ``ema``; "first" is simple exponential smoothing from the first value.

    Returns
    -------
    FittedDecay
        The decay, its standard error, and the error of its forecasts.

    Raises
    ------
    ValueError
        If ``x`` is not one-dimensional, holds an infinity, or has fewer than 3 values or only equal ones.

    Source
    ------
    Muth 1960; Box & Jenkins 1970 (ARIMA(0,1,1)).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> level = np.cumsum(rng.normal(0, 0.3, 2000))  # q = 0.09: the best β is 0.742
    >>> fit = fit_decay(level + rng.normal(0, 1, 2000))
    >>> round(fit.decay.beta, 2), round(fit.standard_error, 3)
    (0.74, 0.015)
    """
    minimize_scalar = needed("scipy.optimize", "lab", "fit_decay").minimize_scalar
    choice("gaps", gaps, ("decay", "skip", "raise"))
    series = values(x).astype(np.float64)
    checked_start(start)
    _check_series(series)

    def loss(beta: float) -> float:
        return float(np.mean(_errors(series, Decay(beta), gaps, start) ** 2))

    longest = 1.0 - 0.1 / len(series)
    grid = np.concatenate([[0.0], 1.0 - np.geomspace(0.95, 1.0 - longest, 40)])
    losses = np.array([loss(beta) for beta in grid])
    best = int(losses.argmin())
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-9 * (1.0 - low)})
    beta = float(found.x) if found.fun < losses[best] else float(grid[best])
    errors = _errors(series, Decay(beta), gaps, start)
    return FittedDecay(
        decay=Decay(beta),
        standard_error=_standard_error(loss, beta, longest, len(errors)),
        rmse=float(np.sqrt(np.mean(errors**2))),
        forecasts=len(errors),
    )


def _check_series(series: Floats) -> None:
    if series.ndim != 1:
        raise ValueError(f"x must be one series, of shape (rows,); got shape {series.shape}")
    if np.isinf(series).any():
        raise ValueError(f"x must be finite or NaN; got an infinity at index {int(np.isinf(series).argmax())}")
    seen = series[~np.isnan(series)]
    if len(seen) < 3 or (seen == seen[0]).all():
        raise ValueError(f"x must hold at least 3 values, not all equal; got {len(seen)} values")


def _errors(series: Floats, decay: Decay, gaps: str, start: str | float) -> Floats:
    """x_{t+1} - m_t wherever both exist."""
    errors: Floats = series[1:] - ema(series, decay, gaps=gaps, start=start)[:-1]
    return errors[~np.isnan(errors)]


def _standard_error(loss: Any, beta: float, longest: float, forecasts: int) -> float:
    """1/√information, with the second derivative of the loss by central differences."""
    step = 0.01 * (1.0 - beta)
    if beta - step < 0.0 or beta + step > longest:
        return float("nan")
    here = loss(beta)
    curvature = (loss(beta - step) - 2.0 * here + loss(beta + step)) / step**2
    return float(np.sqrt(2.0 * here / (forecasts * curvature))) if curvature > 0.0 else float("nan")


class Band(NamedTuple):
    """A mean between its confidence limits, from ``ema_band``; each of the shape and type of the series.

    Examples
    --------
    >>> band = ema_band([1.0, 2.0, 1.0, 2.0], 0.5)
    >>> bool(band.lower[-1] < band.mean[-1] < band.upper[-1])
    True
    """

    mean: Any
    lower: Any
    upper: Any


def ema_band(
    x: ArrayLike,
    beta: Decay | ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    phi: float = 0.0,
    **options: Unpack[Options],
) -> Band:
    """m ± t_ν σ √R: confidence band of the EMA of a constant level under noise.

    R is the variance of the mean in units of the noise variance σ²: for white noise 1/n_eff = Σw²/(Σw)², for AR(1)
    noise Σᵢⱼ wᵢ wⱼ φ^|i-j| / (Σw)², both at every t and with gaps. σ² is the weighted variance divided by 1-R, which
    makes it unbiased, and ν are its degrees of freedom. A level that moves adds a lag that no band contains.

    Parameters
    ----------
    x : array_like, Series or DataFrame
        Values, as in ``ema``.
    beta : float in [0, 1), Decay or array_like
        Decay, as in ``ema``.
    confidence : float, in (0, 1)
        Probability that the band covers the level, at each single row.
    phi : float, in (-1, 1)
        Autocorrelation of the noise from one row to the next; 0 is white noise.
    **options
        The options of ``ema`` but ``out``, ``betas`` and ``by``.

    Returns
    -------
    Band
        Mean, lower and upper limit; the limits are NaN at the first value.

    Raises
    ------
    ValueError, TypeError
        As ``ema``, and if ``confidence`` or ``phi`` is outside its range.

    Source
    ------
    Kish 1965 (effective sample size); Satterthwaite 1946 (degrees of freedom).

    Examples
    --------
    >>> band = ema_band([1.0, 2.0, 1.0, 2.0, 1.0], 0.5)
    >>> [float(limit[-1].round(3)) for limit in band]
    [1.323, 0.083, 2.562]
    """
    refuse(options, "betas", "by", by="ema_band")
    confidence, phi = number("confidence", confidence, Range("in (0, 1)")), number("phi", phi, Range("in (-1, 1)"))
    mean = ema(x, beta, **options)
    array = values(x)
    half = np.empty(array.shape, array.dtype)
    steps = plan(array, beta, getattr(x, "index", None), **options)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore", under="ignore"):
        _write_half(by_column(array, steps.axis), steps, phi, confidence, by_column(half, steps.axis))
        half = like(half, x)
        return Band(mean, mean - half, mean + half)


def _write_half(x: Array, steps: Plan, phi: float, confidence: float, out: Array) -> None:
    """Write half the width of the band of each column, tile by tile."""
    for own, columns in each(steps, [x]):
        for part in cuts(len(x[columns]), 64):
            one, to, weights = x[columns][part], out[columns][part], np.atleast_2d(own.weights)
            state, sums = rows.start_state(own, len(one)), np.zeros((4, len(one)))
            v = weights if len(weights) == 1 else weights[part]
            for r in cuts(x.shape[1], TILE // len(one)):
                z = one[:, r]
                tile = rows.Tile(own, rows.present(own, z), v if v.shape[1] == 1 else v[:, r], r, state)
                to[:, r] = _half_width(tile, z, sums, phi, confidence)


def _half_width(tile: rows.Tile, x: Array, sums: Floats, phi: float, confidence: float) -> Floats:
    """t_ν √(R B/u): half the confidence band of a level under AR(1) noise; ``sums`` are carried from tile to tile.

    R = 1 - u is the variance of the mean over that of the noise. For noise of coefficient φ, h = Cov(m, noise) follows
    h ← φ a h + k, and u ← a (a u + 2 k (1 - φ h_before)). ν are Satterthwaite's degrees of freedom of B/u,
    u²/(s₂ - 2s₃ + s₂²) with s_j = Σwʲ/(Σw)ʲ for white noise, times (1-φ²)/(1+φ²), the share of independent squares.
    """
    stdtrit = needed("scipy.special", "lab", "ema_band").stdtrit
    d = tile.apart(x, rows.MEAN)
    a, k = (np.broadcast_to(z, x.shape) for z in (tile.a, tile.k))
    both = tile.spread(d * d, rows.XY)[1]
    h = variable_scan(phi * a, k, sums[0])
    fresh = 2.0 * k * (1.0 - phi * shifted(h, sums[0]))
    u = variable_scan(a * a, a * fresh, sums[1])
    free = a * shifted(u, sums[1]) + fresh
    sums[:2] = h[:, -1], u[:, -1]
    degrees = _degrees(a, k, sums[2:]) * (1.0 - phi**2) / (1.0 + phi**2)
    half = np.asarray(stdtrit(degrees, 0.5 + 0.5 * confidence)) * np.sqrt((1.0 - a * free) * both / free)
    return tile.shown(tile.again(half))


def _degrees(a: Floats, k: Floats, sums: Floats) -> Floats:
    """u²/D by D ← a² (a D + k (k + s₂ (3 k + a u))), whose terms are all positive."""
    u = variable_scan(a * a, 2.0 * a * k, sums[0])
    old = shifted(u, sums[0])
    new = k * (k + (1.0 - old) * (3.0 * k + a * old))
    spread = variable_scan(a * a * a, a * a * new, sums[1])
    degrees = (a * old + 2.0 * k) ** 2 / (a * shifted(spread, sums[1]) + new)
    sums[:] = u[:, -1], spread[:, -1]
    return np.fmax(degrees, 1.0)  # but for rounding two values have one
