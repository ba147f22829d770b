"""Intervals by resampling, stratified over problems, and the mean of the middle half."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, choice, generator, number, real
from optimlab.extras import needed
from optimlab.lab.statistics.tidy import measured
from optimlab.typing import Rng

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bootstrap_interval", "interquartile_mean", "summary"]

Method = Literal["BCa", "percentile", "basic"]
_COVERAGE = Range("in (0, 1)")
_RESAMPLES = 2000


def interquartile_mean(samples: ArrayLike, axis: int = -1) -> Any:
    """Return the mean of the middle half: a quarter of the draws, rounded down, is cut at either end.

    It minds one diverged run in eight no more than the median does, and is less noisy.

    Source
    ------
    R. Agarwal et al., Deep reinforcement learning at the edge of the statistical precipice, NeurIPS (2021).

    Examples
    --------
    >>> interquartile_mean([1.0, 2.0, 3.0, np.inf])
    2.5
    """
    needed("scipy", "lab", "interquartile_mean")
    from scipy.stats import trim_mean

    found = trim_mean(real("samples", samples, "real numbers"), 0.25, axis=axis)
    return float(found) if np.ndim(found) == 0 else found


def bootstrap_interval(
    *strata: ArrayLike,
    statistic: Callable[..., Any] = interquartile_mean,
    confidence: float = 0.95,
    method: Method = "BCa",
    rng: Rng = None,
) -> tuple[float, float, float]:
    """Return a statistic of all draws, and its bootstrap interval: each stratum is resampled by itself.

    Parameters
    ----------
    *strata : array_like
        Independent draws, shape (n,) each, at least two; those of one problem are a stratum.
    statistic : callable
        Takes an array and an axis, and reduces it.
    method : {"BCa", "percentile", "basic"}
        As SciPy's ``bootstrap`` takes it. Where BCa has no answer (nearly all draws equal), the percentile has.
    rng : Generator, seed or None
        What 2000 resamples are drawn from.

    Returns
    -------
    estimate, low, high : float
        The interval covers about as often as promised from some ten draws on, less often with fewer.

    Source
    ------
    B. Efron, Better bootstrap confidence intervals, JASA 82 (1987); the code is SciPy's.

    Examples
    --------
    >>> estimate, low, high = bootstrap_interval(np.arange(20.0), np.arange(20.0) + 100.0, rng=0)
    >>> f"{estimate} in [{low:.1f}, {high:.1f}]"
    '59.5 in [57.5, 61.5]'
    """
    needed("scipy", "lab", "bootstrap_interval")
    from scipy.stats import DegenerateDataWarning, bootstrap

    draws: Any = [_draws(stratum) for stratum in strata]
    if not draws:
        raise ValueError("strata must be at least one array of draws; got none")
    level = number("confidence", confidence, _COVERAGE)
    choice("method", method, get_args(Method))

    def pooled(*parts: Any, axis: int = -1) -> Any:
        return statistic(np.concatenate(parts, axis=axis), axis=axis)

    options: Any = {"vectorized": True, "confidence_level": level, "rng": generator(rng)}
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)
        estimate = float(pooled(*draws))
        if all((part == part[0]).all() for part in draws):
            return (estimate,) * 3
        found = bootstrap(draws, pooled, n_resamples=_RESAMPLES, method=method, **options)
        if np.isnan(found.confidence_interval.low):
            found = bootstrap(draws, pooled, n_resamples=0, bootstrap_result=found, method="percentile", **options)
    ends = found.confidence_interval
    return estimate, float(ends.low), float(ends.high)


def summary(
    frame: pd.DataFrame,
    value: str,
    *,
    statistic: Callable[..., Any] = interquartile_mean,
    confidence: float = 0.95,
    rng: Rng = None,
) -> pd.DataFrame:
    """Return a statistic of each rule over all problems and its percentile interval, resampled within problems.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"problem": "bowl", "rule": ["Adam"] * 4, "final": [1.0, 2.0, 3.0, 4.0]})
    >>> summary(frame, "final", rng=0)
       rule  runs  estimate  low  high
    0  Adam     4       2.5  1.0   4.0
    """
    needed("pandas", "lab", "summary")
    import pandas as pd

    table, seed, rows = measured(frame, value, "rule", "problem"), generator(rng), []
    for rule, runs in table.groupby("rule", sort=False):
        strata = [part.to_numpy() for _, part in runs.groupby("problem", sort=False)[value]]
        ends = bootstrap_interval(*strata, statistic=statistic, confidence=confidence, method="percentile", rng=seed)
        rows.append((rule, len(runs), *ends))
    return pd.DataFrame(rows, columns=["rule", "runs", "estimate", "low", "high"])


def _draws(samples: ArrayLike) -> Any:
    draws = real("samples", samples, "real numbers").astype(np.float64)
    if draws.ndim != 1 or draws.size < 2:
        raise ValueError(f"samples must be one-dimensional with at least 2 draws; got shape {draws.shape}")
    return draws
