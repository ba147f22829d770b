"""Intervals for a share of trials."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import number
from optimlab.extras import needed
from optimlab.lab.frame.statistics import COVERAGE

__all__ = ["proportion_interval", "wilson_interval"]


def proportion_interval(hits: ArrayLike, confidence: float = 0.9999, axis: int = 0) -> tuple[Any, Any, Any]:
    """Return a share k/n and its exact interval: all p with P(X ≥ k) and P(X ≤ k) above (1-confidence)/2.

    It covers the true share at least as often as promised, whatever n and the share.

    Parameters
    ----------
    hits : array_like of bool
        Outcomes of independent trials, at least one along `axis`.
    confidence : float
        Probability that the interval covers the true share, in (0, 1).
    axis : int
        The axis of the trials.

    Returns
    -------
    share, low, high : float or ndarray of float64
        Numbers for one-dimensional hits, otherwise arrays without `axis`.

    Raises
    ------
    ValueError
        If there is no trial or `confidence` is out of range.
    TypeError
        If `hits` are not Boolean.

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

    k, n = _counts(hits, axis)
    number("confidence", confidence, COVERAGE)
    tail = (1 - confidence) / 2
    low = np.where(k == 0, 0.0, beta.ppf(tail, np.maximum(k, 1), n - k + 1))
    high = np.where(k == n, 1.0, beta.isf(tail, k + 1, np.maximum(n - k, 1)))
    return k / n, low[()], high[()]


def wilson_interval(hits: ArrayLike, confidence: float = 0.9999, axis: int = 0) -> tuple[Any, Any, Any]:
    """Return a share k/n and its score interval: all p with |k/n - p| ≤ z √(p (1-p)/n).

    Narrower than `proportion_interval`: it covers the true share as often as promised on average over shares, where the
    exact interval never does so less often.

    Parameters
    ----------
    hits : array_like of bool
        Outcomes of independent trials, at least one along `axis`.
    confidence : float
        Probability that the interval covers the true share, in (0, 1).
    axis : int
        The axis of the trials.

    Returns
    -------
    share, low, high : float or ndarray of float64
        Numbers for one-dimensional hits, otherwise arrays without `axis`.

    Raises
    ------
    ValueError
        If there is no trial or `confidence` is out of range.
    TypeError
        If `hits` are not Boolean.

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

    k, n = _counts(hits, axis)
    number("confidence", confidence, COVERAGE)
    share, z2 = k / n, norm.isf((1 - confidence) / 2) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return share, np.where(k == 0, 0.0, centre - half)[()], np.where(k == n, 1.0, centre + half)[()]


def _counts(hits: ArrayLike, axis: int) -> tuple[Any, int]:
    outcomes = np.asarray(hits)
    if outcomes.dtype != np.bool_:
        raise TypeError(f"hits must be Boolean; got {outcomes.dtype}; compare first")
    n = outcomes.shape[axis] if outcomes.ndim else 0
    if n < 1:
        raise ValueError(f"hits must hold at least 1 trial along axis {axis}; got shape {outcomes.shape}")
    return outcomes.sum(axis=axis), n
