"""Rules against each other over many problems: performance profiles, and mean ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimlab.checks import Range, generator, number
from optimlab.extras import needed
from optimlab.lab.frame.intervals import wilson_interval
from optimlab.lab.statistics.bootstrap import bootstrap_interval
from optimlab.lab.statistics.tidy import measured
from optimlab.typing import Rng

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["performance_profile", "ranking"]

_RATIO = Range("greater than 1 and finite")


def performance_profile(
    frame: pd.DataFrame, value: str = "hit", *, tau_max: float = 10.0, confidence: float = 0.95
) -> pd.DataFrame:
    """Return ρ(τ): the share of instances in which a rule's cost is at most τ times that of the best rule there.

    An instance is a seed of a problem. A cost of inf or NaN is a failure: its ratio is inf, and so is that of all rules
    where no rule succeeds; these instances count, so ρ need not reach 1.

    Parameters
    ----------
    tau_max : float
        Where the profile ends, greater than 1. What comes later counts as a failure there.

    Returns
    -------
    DataFrame
        Columns rule, tau, share, and low and high, the Wilson interval at each τ; a row for each τ at which any rule's
        share changes, and for 1 and `tau_max`.

    Source
    ------
    E. D. Dolan and J. J. Moré, Benchmarking optimization software with performance profiles, Math. Program. 91 (2002).

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"problem": ["a", "a", "b", "b"], "rule": ["SGD", "Adam"] * 2, "seed": 0}
    >>> frame = pd.DataFrame(rows | {"hit": [20.0, 10.0, 7.0, np.inf]})
    >>> performance_profile(frame, tau_max=5.0)[["rule", "tau", "share"]]
       rule  tau  share
    0   SGD  1.0    0.5
    1   SGD  2.0    1.0
    2   SGD  5.0    1.0
    3  Adam  1.0    0.5
    4  Adam  2.0    0.5
    5  Adam  5.0    0.5
    """
    needed("pandas", "lab", "performance_profile")
    import pandas as pd

    last = number("tau_max", tau_max, _RATIO)
    wide = _instances(frame, value)
    if (wide.to_numpy() <= 0).any():
        raise ValueError(f"column {value} must be greater than 0, for ratios; got {wide.to_numpy().min():g}")
    best = wide.min(axis=1)
    ratios = wide.div(best.where(np.isfinite(best), 1.0), axis=0)
    steps = np.unique(ratios.to_numpy())
    tau = np.unique([1.0, *steps[steps <= last], last])
    tables = []
    for rule in wide.columns:
        within = ratios[rule].to_numpy()[:, None] <= tau
        share, low, high = wilson_interval(within, confidence)
        tables.append(pd.DataFrame({"rule": rule, "tau": tau, "share": share, "low": low, "high": high}))
    return pd.concat(tables, ignore_index=True)


def ranking(frame: pd.DataFrame, value: str, *, confidence: float = 0.95, rng: Rng = None) -> pd.DataFrame:
    """Return the mean rank of each rule over seeds and problems, 1 for the best, with its percentile interval.

    Ranks are those in each instance, ties share theirs, and the bootstrap resamples seeds within problems.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"problem": "bowl", "rule": ["SGD", "Adam"] * 2, "seed": [0, 0, 1, 1]}
    >>> ranking(pd.DataFrame(rows | {"final": [3.0, 1.0, 2.0, 1.0]}), "final", rng=0)
       rule  rank  low  high
    0  Adam   1.0  1.0   1.0
    1   SGD   2.0  2.0   2.0
    """
    needed("pandas", "lab", "ranking")
    import pandas as pd

    ranks, seed = _instances(frame, value).rank(axis=1), generator(rng)
    rows = []
    for rule in ranks.columns:
        strata = [part.to_numpy() for _, part in ranks[rule].groupby(level="problem", sort=False)]
        ends = bootstrap_interval(*strata, statistic=np.mean, confidence=confidence, method="percentile", rng=seed)
        rows.append((rule, *ends))
    table = pd.DataFrame(rows, columns=["rule", "rank", "low", "high"])
    return table.sort_values("rank", kind="stable", ignore_index=True)


def _instances(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return a row for each problem and seed, a column for each rule; a run that is not there is a failure."""
    table = measured(frame, value, "problem", "seed", "rule")
    if table.duplicated(["problem", "seed", "rule"]).any():
        raise ValueError("frame must have one row for each problem, rule and seed; choose one lr for each rule first")
    wide = table.pivot_table(value, ["problem", "seed"], "rule", sort=False, aggfunc="first")
    return wide.fillna(np.inf)
