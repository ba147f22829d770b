"""Time to a target, where runs that ended before they arrived are censored, not slow."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import POSITIVE, Range, number, real
from optimlab.extras import needed
from optimlab.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["dkw_band", "kaplan_meier"]

_COVERAGE = Range("in (0, 1)")


def dkw_band(times: ArrayLike, limit: float, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return F(t), the share of runs that arrived by t ≤ limit, with a band that holds the whole curve at once.

    Its half-width is √(ln(2/(1-confidence)) / 2n), of Dvoretzky, Kiefer and Wolfowitz with Massart's constant.

    Parameters
    ----------
    times : array_like
        Steps at which the runs arrived, shape (n,); inf or NaN where one did not within `limit`.
    limit : float
        How long every run was watched, in the unit of `times`.

    Returns
    -------
    DataFrame
        Columns time, share, low, high: a row for 0, for each time at which a run arrives, and for `limit`.

    Source
    ------
    P. Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality, Ann. Probab. 18 (1990).

    Examples
    --------
    >>> dkw_band([3.0, 5.0, np.inf, 5.0], limit=9.0, confidence=0.5)
       time  share       low      high
    0   0.0   0.00  0.000000  0.416277
    1   3.0   0.25  0.000000  0.666277
    2   5.0   0.75  0.333723  1.000000
    3   9.0   0.75  0.333723  1.000000
    """
    needed("pandas", "lab", "dkw_band")
    import pandas as pd

    end, found = number("limit", limit, POSITIVE), _times(times)
    tail = 1.0 - number("confidence", confidence, _COVERAGE)
    t = np.unique([0.0, *found[found <= end], end])
    share = np.searchsorted(np.sort(found), t, side="right") / found.size
    half = np.sqrt(np.log(2.0 / tail) / (2 * found.size))
    band = {"low": np.maximum(share - half, 0.0), "high": np.minimum(share + half, 1.0)}
    return pd.DataFrame({"time": t, "share": share, **band})


def kaplan_meier(times: ArrayLike, watched: ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return 1 - S(t), the share that arrives by t, of runs that were watched for different lengths.

    Parameters
    ----------
    times : array_like
        Steps at which the runs arrived, shape (n,); inf or NaN where one did not.
    watched : array_like
        How long each run was watched, shape (n,) or one number; a run that arrives later is censored there.

    Returns
    -------
    DataFrame
        Columns time, share, and low and high, at each time by itself: Greenwood's variance on the scale log(-log).

    Source
    ------
    E. L. Kaplan and P. Meier, Nonparametric estimation from incomplete observations, JASA 53 (1958); SciPy's ``ecdf``.

    Examples
    --------
    >>> kaplan_meier([3.0, np.inf, 5.0], [9.0, 4.0, 9.0])[["time", "share"]].round(3)
       time  share
    0   3.0  0.333
    1   4.0  0.333
    2   5.0  1.000
    """
    needed("scipy", "lab", "kaplan_meier")
    needed("pandas", "lab", "kaplan_meier")
    import pandas as pd
    from scipy.stats import CensoredData, ecdf

    level, found = number("confidence", confidence, _COVERAGE), _times(times)
    end = np.broadcast_to(real("watched", watched, "real numbers"), found.shape).astype(np.float64)
    seen = found <= end
    curve = ecdf(CensoredData(uncensored=found[seen], right=end[~seen])).cdf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the share is 0 or 1 there is no interval
        ends = curve.confidence_interval(level, method="log-log")
    t, share = curve.quantiles, curve.probabilities
    band = {name: np.where(np.isnan(line), share, line) for name, line in _lines(ends)}
    return pd.DataFrame({"time": t, "share": share, **band})


def _lines(ends: object) -> list[tuple[str, Floats]]:
    return [(name, getattr(ends, name).probabilities) for name in ("low", "high")]


def _times(times: ArrayLike) -> Floats:
    """Return times with inf for what never came."""
    found = real("times", times, "real numbers").astype(np.float64)
    if found.ndim != 1 or not found.size or (found < 0).any():
        raise ValueError(f"times must be one-dimensional, at least 1, none below 0; got shape {found.shape}")
    return np.where(np.isnan(found), np.inf, found)
