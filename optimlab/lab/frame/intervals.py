"""Intervals for claims: of a mean, of a median, of a share of trials.

What all of them share is said here, once for all docstrings.

Parameters
----------
samples : array_like
    Independent draws, at least two along `axis`.
hits : array_like of bool
    Outcomes of independent trials, at least one along `axis`.
confidence : float
    Probability that the interval covers the true value, in (0, 1). The default makes a chance failure rare: one claim
    in ten thousand.
axis : int
    The axis of the draws or trials.

Returns
-------
estimate, low, high : float or ndarray of float64
    Numbers for one-dimensional draws, otherwise arrays without `axis`.

Raises
------
ValueError
    If there are too few draws or `confidence` is out of range.
TypeError
    If samples are no numbers, or hits not Boolean.
"""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, number, real
from optimlab.extras import needed
from optimlab.typing import Floats

__all__ = ["mean_interval", "median_interval", "proportion_interval", "wilson_interval"]

_COVERAGE = Range("in (0, 1)")


def mean_interval(samples: ArrayLike, confidence: float = 0.9999, axis: int = 0) -> tuple[Any, Any, Any]:
    """Return mean and Student-t interval: x̄ ± t(n-1) s/√n.

    Examples
    --------
    >>> mean, low, high = mean_interval([1.0, 2.0, 3.0, 4.0], confidence=0.95)
    >>> f"{mean} [{low:.3f}, {high:.3f}]"
    '2.5 [0.446, 4.554]'
    """
    needed("scipy", "lab", "mean_interval")
    from scipy.stats import t

    draws = _numbers(samples)
    n = draws.shape[axis] if draws.ndim else 0
    if n < 2:
        raise ValueError(f"samples must hold at least 2 draws along axis {axis}; got shape {draws.shape}")
    mean = draws.mean(axis=axis)
    half = t.isf(_tail(confidence), n - 1) * draws.std(axis=axis, ddof=1) / np.sqrt(n)
    return mean, mean - half, mean + half


def median_interval(samples: ArrayLike, confidence: float = 0.9999) -> tuple[float, float, float]:
    """Return the median of draws and its interval from order statistics: of n draws, Bin(n, ½) lie below the median.

    It holds for every continuous distribution, however heavy its tails, and covers at least as often as promised. There
    must be so many draws (of shape (n,)) that all of them lie on one side of the median more rarely than it misses.

    Examples
    --------
    >>> median_interval(np.arange(100.0), confidence=0.95)
    (49.5, 39.0, 60.0)
    """
    needed("scipy", "lab", "median_interval")
    from scipy.stats import binom

    draws, tail = _numbers(samples), _tail(confidence)
    n = draws.size
    if draws.ndim != 1 or 0.5**n > tail:
        least = ceil(-np.log2(tail))
        raise ValueError(f"samples must be one-dimensional with at least {least} draws; got shape {draws.shape}")
    below, above = int(binom.ppf(tail, n, 0.5)) - 1, int(binom.ppf(1 - tail, n, 0.5))
    ordered = np.sort(draws)
    return float(np.median(draws)), float(ordered[below]), float(ordered[above])


def proportion_interval(hits: ArrayLike, confidence: float = 0.9999, axis: int = 0) -> tuple[Any, Any, Any]:
    """Return a share k/n and its exact interval: all p with P(X ≥ k) and P(X ≤ k) above (1-confidence)/2.

    It covers the true share at least as often as promised, whatever n and the share.

    Source
    ------
    C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits, Biometrika 26 (1934).

    Examples
    --------
    >>> share, low, high = proportion_interval([False] * 10, confidence=0.95)
    >>> f"{share} [{low:.4f}, {high:.4f}]"
    '0.0 [0.0000, 0.3085]'
    """
    needed("scipy", "lab", "proportion_interval")
    from scipy.stats import beta

    (k, n), tail = _counts(hits, axis), _tail(confidence)
    low = np.where(k == 0, 0.0, beta.ppf(tail, np.maximum(k, 1), n - k + 1))
    high = np.where(k == n, 1.0, beta.isf(tail, k + 1, np.maximum(n - k, 1)))
    return k / n, low[()], high[()]


def wilson_interval(hits: ArrayLike, confidence: float = 0.9999, axis: int = 0) -> tuple[Any, Any, Any]:
    """Return a share k/n and its score interval: all p with |k/n - p| ≤ z √(p (1-p)/n).

    Narrower than `proportion_interval`: it covers the true share as often as promised on average over shares, where the
    exact interval never does so less often.

    Source
    ------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Examples
    --------
    >>> share, low, high = wilson_interval([False] * 10, confidence=0.95)
    >>> f"{share} [{low:.4f}, {high:.4f}]"
    '0.0 [0.0000, 0.2775]'
    """
    needed("scipy", "lab", "wilson_interval")
    from scipy.stats import norm

    (k, n), z2 = _counts(hits, axis), norm.isf(_tail(confidence)) ** 2
    share = k / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return share, np.where(k == 0, 0.0, centre - half)[()], np.where(k == n, 1.0, centre + half)[()]


def _tail(confidence: float) -> Any:
    """Return how often the true value may lie on one side of the interval."""
    return (1 - number("confidence", confidence, _COVERAGE)) / 2


def _numbers(samples: ArrayLike) -> Floats:
    """Return samples as float64; NaN is one."""
    return real("samples", samples, "real numbers").astype(np.float64)


def _counts(hits: ArrayLike, axis: int) -> tuple[Any, int]:
    outcomes = np.asarray(hits)
    if outcomes.dtype != np.bool_:
        raise TypeError(f"hits must be Boolean; got {outcomes.dtype}; compare first")
    n = outcomes.shape[axis] if outcomes.ndim else 0
    if n < 1:
        raise ValueError(f"hits must hold at least 1 trial along axis {axis}; got shape {outcomes.shape}")
    return outcomes.sum(axis=axis), n
