"""Intervals for claims: of a mean, of a median, of one further run, and of anything else."""

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, generator, number, real
from optimlab.extras import needed
from optimlab.typing import Floats, Rng

__all__ = ["COVERAGE", "bootstrap_interval", "mean_interval", "median_interval", "prediction_interval"]

COVERAGE = Range("in (0, 1)")
"""Probabilities that an interval may promise to cover the true value with."""
_RESAMPLES = 9999
_BATCH = 2**20  # resampled values held at once: 8 MiB


def mean_interval(samples: ArrayLike, confidence: float = 0.9999, axis: int = 0) -> tuple[Any, Any, Any]:
    """Return mean and Student-t interval: x̄ ± t(n-1) s/√n.

    The default confidence makes a chance failure rare: one claim in ten thousand.

    Parameters
    ----------
    samples : array_like
        Independent draws, at least two along `axis`.
    confidence : float
        Probability that the interval covers the true mean, in (0, 1).
    axis : int
        The axis of the draws.

    Returns
    -------
    mean, low, high : float or ndarray of float64
        Numbers for one-dimensional samples, otherwise arrays without `axis`.

    Raises
    ------
    ValueError
        If there are fewer than two draws or `confidence` is out of range.

    Examples
    --------
    >>> mean, low, high = mean_interval([1.0, 2.0, 3.0, 4.0], confidence=0.95)
    >>> f"{mean} [{low:.3f}, {high:.3f}]"
    '2.5 [0.446, 4.554]'
    """
    needed("scipy", "lab", "mean_interval")
    from scipy.stats import t

    draws, n = _draws(samples, axis)
    number("confidence", confidence, COVERAGE)
    mean = draws.mean(axis=axis)
    half = t.isf((1 - confidence) / 2, n - 1) * draws.std(axis=axis, ddof=1) / np.sqrt(n)
    return mean, mean - half, mean + half


def median_interval(samples: ArrayLike, confidence: float = 0.9999) -> tuple[float, float, float]:
    """Return the median of draws and its interval from order statistics: of n draws, Bin(n, ½) lie below the median.

    It holds for every continuous distribution, however heavy its tails.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Independent draws; enough that all of them lie on one side of the median more rarely than the interval misses.
    confidence : float
        Least probability that the interval covers the true median, in (0, 1).

    Returns
    -------
    median, low, high : float
        The median of the samples, and its interval.

    Raises
    ------
    ValueError
        If there are too few draws, they are not one-dimensional, or `confidence` is out of range.

    Examples
    --------
    >>> median_interval(np.arange(100.0), confidence=0.95)
    (49.5, 39.0, 60.0)
    """
    needed("scipy", "lab", "median_interval")
    from scipy.stats import binom

    draws = _numbers(samples)
    number("confidence", confidence, COVERAGE)
    tail, n = (1 - confidence) / 2, draws.size
    if draws.ndim != 1 or 0.5**n > tail:
        least = ceil(-np.log2(tail))
        raise ValueError(f"samples must be one-dimensional with at least {least} draws; got shape {draws.shape}")
    below, above = int(binom.ppf(tail, n, 0.5)) - 1, int(binom.ppf(1 - tail, n, 0.5))
    ordered = np.sort(draws)
    return float(np.median(draws)), float(ordered[below]), float(ordered[above])


def prediction_interval(samples: ArrayLike, confidence: float = 0.9999, axis: int = 0) -> tuple[Any, Any, Any]:
    """Return mean and the interval for one further draw: x̄ ± t(n-1) s √(1 + 1/n).

    It answers whether a single published run could be one of these; it does not shrink with n, as `mean_interval` does.

    Parameters
    ----------
    samples : array_like
        Independent draws from a normal distribution, at least two along `axis`.
    confidence : float
        Probability that the interval holds a further draw, in (0, 1).
    axis : int
        The axis of the draws.

    Returns
    -------
    mean, low, high : float or ndarray of float64
        Numbers for one-dimensional samples, otherwise arrays without `axis`.

    Raises
    ------
    ValueError
        If there are fewer than two draws or `confidence` is out of range.

    Examples
    --------
    >>> mean, low, high = prediction_interval([1.0, 2.0, 3.0, 4.0], confidence=0.95)
    >>> f"{mean} [{low:.3f}, {high:.3f}]"
    '2.5 [-2.093, 7.093]'
    """
    _, n = _draws(samples, axis)
    mean, low, high = mean_interval(samples, confidence, axis)
    half = (high - low) / 2 * np.sqrt(n + 1)
    return mean, mean - half, mean + half


def bootstrap_interval(
    samples: ArrayLike, statistic: Callable[..., Any], rng: Rng, confidence: float = 0.99
) -> tuple[float, float, float]:
    """Return a statistic and its bootstrap interval (bias-corrected and accelerated).

    Where ties leave the acceleration undefined (the median of a few repeated values), the interval is the
    plain percentile interval.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Independent draws, at least two.
    statistic : callable
        A statistic of an array; vectorised if it takes ``axis``, as ``np.median`` does.
    rng : numpy.random.Generator, seed or None
        The source of the resampling.
    confidence : float
        Probability that the interval covers the true value, in (0, 0.999]: beyond that, fewer than
        5 of the 9999 resamples lie in each tail.

    Returns
    -------
    estimate, low, high : float
        The statistic of the samples, and its interval.

    Raises
    ------
    ValueError
        If the samples are not one-dimensional, fewer than two, or `confidence` is out of range.

    Source
    ------
    B. Efron, Better bootstrap confidence intervals, JASA 82 (1987).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> median, low, high = bootstrap_interval(rng.normal(size=200), np.median, rng)
    >>> bool(low < 0 < high and low < median < high)
    True
    """
    draws, rng = _numbers(samples), generator(rng)
    number("confidence", confidence, Range("in (0, 0.999]"))
    if draws.ndim != 1 or len(draws) < 2:
        raise ValueError(f"samples must be one-dimensional with at least 2 draws; got shape {draws.shape}")
    low, high = _bootstrap(draws, statistic, rng, confidence, "BCa")
    if np.isnan(low) or np.isnan(high):
        low, high = _bootstrap(draws, statistic, rng, confidence, "percentile")
    return float(statistic(draws)), low, high


def _bootstrap(
    draws: Floats, statistic: Callable[..., Any], rng: Rng, confidence: float, method: Any
) -> tuple[float, float]:
    import warnings

    needed("scipy", "lab", "bootstrap_interval")
    from scipy.stats import DegenerateDataWarning, bootstrap

    with warnings.catch_warnings():
        # Ties: SciPy warns of 0/0 and of the NaN it makes; the caller answers with the percentile interval.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"scipy\.stats\._resampling")
        interval = bootstrap(
            (draws,),
            statistic,
            n_resamples=_RESAMPLES,
            batch=ceil(_BATCH / len(draws)),
            confidence_level=confidence,
            method=method,
            rng=rng,
        ).confidence_interval
    return float(interval.low), float(interval.high)


def _numbers(samples: ArrayLike) -> Floats:
    """Return samples as float64; NaN is one."""
    return real("samples", samples, "real numbers").astype(np.float64)


def _draws(samples: ArrayLike, axis: int) -> tuple[Floats, int]:
    draws = _numbers(samples)
    n = draws.shape[axis] if draws.ndim else 0
    if n < 2:
        raise ValueError(f"samples must hold at least 2 draws along axis {axis}; got shape {draws.shape}")
    return draws, n
