"""How exactly a learning rate must be known: how wide the range is in which a rule is nearly as good as at best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from optimlab.checks import Range, generator, number
from optimlab.extras import needed
from optimlab.lab.statistics.tidy import measured
from optimlab.typing import Floats, Rng

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["good_range"]

_FACTOR = Range("greater than 1 and finite")
_COVERAGE = Range("in (0, 1)")
_RESAMPLES = 1000


def good_range(
    frame: pd.DataFrame, value: str = "final", *, factor: float = 2.0, confidence: float = 0.95, rng: Rng = None
) -> pd.DataFrame:
    """Return how many decades of learning rates are within a factor of the best one, for each problem and rule.

    The loss at a learning rate is the median over seeds, the best the least of them; each point of the grid counts for
    the part of the logarithmic axis that is nearest to it, those at the ends for as much outside as inside.

    Parameters
    ----------
    frame : DataFrame
        With lr; losses are at least 0, and every lr has the same seeds.
    factor : float
        How many times the best loss is good enough, greater than 1.

    Returns
    -------
    DataFrame
        Columns problem, rule, best (the lr), decades, low, high (percentile interval, seeds resampled), share (of the
        grid), edge (whether the best, or a good lr, lies at the end of the grid: the range may be wider).

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"problem": "bowl", "rule": "SGD", "lr": [0.01, 0.1, 1.0] * 2, "seed": [0, 0, 0, 1, 1, 1]}
    >>> good_range(pd.DataFrame(rows | {"final": [9.0, 1.0, np.inf, 8.0, 1.2, np.inf]}), rng=0)
      problem rule  best  decades  low  high     share   edge
    0    bowl  SGD   0.1      1.0  1.0   1.0  0.333333  False
    """
    needed("pandas", "lab", "good_range")
    import pandas as pd

    times, level = number("factor", factor, _FACTOR), number("confidence", confidence, _COVERAGE)
    table, seed, rows = measured(frame, value, "problem", "rule", "lr", "seed"), generator(rng), []
    for (problem, rule), runs in table.groupby(["problem", "rule"], sort=False):
        wide = runs.pivot_table(value, "lr", "seed", aggfunc="first")
        if len(wide) < 2 or (wide.isna() | (wide < 0.0)).to_numpy().any():
            raise ValueError(
                f"{rule} on {problem} must have at least 2 learning rates, each with the same seeds, and losses of at "
                f"least 0; got {wide.shape[0]} learning rates and {wide.shape[1]} seeds"
            )
        lr, losses = wide.index.to_numpy(), wide.to_numpy()
        picks = seed.integers(losses.shape[1], size=(_RESAMPLES, losses.shape[1]))
        good, drawn = _good(losses, times), _good(losses[:, picks], times)
        low, high = np.quantile(_cells(lr) @ drawn, [(1 - level) / 2, (1 + level) / 2])
        best = lr[np.median(losses, axis=-1).argmin()]
        ends = (_cells(lr) @ good, low, high, good.mean(), bool(good[0] | good[-1]))
        rows.append((problem, rule, best, *ends))
    return pd.DataFrame(rows, columns=["problem", "rule", "best", "decades", "low", "high", "share", "edge"])


def _good(losses: Floats, factor: float) -> Any:
    """Return which rates (first axis) are within a factor of the best, by medians over the last axis."""
    middle = np.median(losses, axis=-1)
    return (middle <= factor * middle.min(axis=0)) & np.isfinite(middle)


def _cells(lr: Floats) -> Floats:
    """Return the length of the logarithmic axis that is nearest to each rate, in decades."""
    log = np.log10(lr)
    middles = (log[1:] + log[:-1]) / 2
    edges = np.concatenate([[2 * log[0] - middles[0]], middles, [2 * log[-1] - middles[-1]]])
    return np.diff(edges)
