"""Differences of runs that share their seeds, the chance that they are noise, and the correction for many of them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, generator, numbers, real
from optimlab.extras import needed
from optimlab.lab.statistics.bootstrap import bootstrap_interval
from optimlab.lab.statistics.tidy import measured
from optimlab.typing import Floats, Rng

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PairedDifference", "holm", "paired_difference", "paired_differences"]

_CHANCE = Range("from 0 to 1")
_RESAMPLES = 9999


class PairedDifference(NamedTuple):
    """What the differences of pairs say.

    Attributes
    ----------
    difference, low, high : float
        Mean of the differences, and its bootstrap interval.
    sign, flips : float
        The chance of so many equal signs, and of so large a mean, if in each pair the two may as well be swapped: the
        sign test and the permutation test, two-sided.

    Examples
    --------
    >>> PairedDifference(0.0, -1.0, 1.0, 1.0, 1.0).sign
    1.0
    """

    difference: float
    low: float
    high: float
    sign: float
    flips: float


_NOTHING = PairedDifference(np.nan, np.nan, np.nan, 1.0, 1.0)


def paired_difference(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95, rng: Rng = None
) -> PairedDifference:
    """Return mean(first - second) of pairs, its BCa interval, and two tests of zero by SciPy.

    Parameters
    ----------
    first, second : array_like
        Finite numbers, shape (n,), n at least 2; those at one place are a pair.

    Examples
    --------
    >>> found = paired_difference([3.0, 5.0, 4.0, 6.0, 8.0], [1.0, 2.0, 2.0, 3.0, 4.0], rng=0)
    >>> f"{found.difference:g}, {found.sign:g}, {found.flips:g}"
    '2.8, 0.0625, 0.0625'
    """
    needed("scipy", "lab", "paired_difference")
    from scipy.stats import binomtest, permutation_test

    differences, seed = _differences(first, second), generator(rng)
    signs = int(np.count_nonzero(differences))
    ends = bootstrap_interval(differences, statistic=np.mean, confidence=confidence, rng=seed)
    flips = permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=_RESAMPLES, rng=seed
    )
    sign = binomtest(int(np.sum(differences > 0)), signs).pvalue if signs else 1.0
    return PairedDifference(*ends, float(sign), float(flips.pvalue))


def paired_differences(frame: pd.DataFrame, value: str, *, confidence: float = 0.95, rng: Rng = None) -> pd.DataFrame:
    """Return the differences of all pairs of rules on each problem, paired by seed, with Holm's correction.

    Each rule has one run for each seed there. Pairs of which a run diverged are counted in `lost`, and left out of the
    rest: their difference has no mean. Where fewer than two are left there is none, and its chance is 1.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"problem": "bowl", "rule": ["SGD"] * 3 + ["Adam"] * 3, "seed": [0, 1, 2] * 2}
    >>> frame = pd.DataFrame(rows | {"final": [3.0, 5.0, 4.0, 1.0, 2.0, 3.0]})
    >>> paired_differences(frame, "final", rng=0)[["rule", "other", "pairs", "difference", "sign", "holm"]]
      rule other  pairs  difference  sign  holm
    0  SGD  Adam      3         2.0  0.25  0.25
    """
    needed("pandas", "lab", "paired_differences")
    import pandas as pd

    table, seed, rows = measured(frame, value, "problem", "rule", "seed"), generator(rng), []
    if table.duplicated(["problem", "rule", "seed"]).any():
        raise ValueError("frame must have one row for each problem, rule and seed; choose one lr for each rule first")
    for problem, runs in table.groupby("problem", sort=False):
        wide = runs.pivot_table(value, "seed", "rule", sort=False, aggfunc="first")
        for rule, other in combinations(wide.columns, 2):
            both = wide[[rule, other]].dropna()
            whole = both[np.isfinite(both).all(axis=1)]
            some = len(whole) > 1
            found = paired_difference(whole[rule], whole[other], confidence=confidence, rng=seed) if some else _NOTHING
            rows.append((problem, rule, other, len(whole), len(both) - len(whole), *found))
    head = ["problem", "rule", "other", "pairs", "lost", *PairedDifference._fields]
    return pd.DataFrame(rows, columns=head).assign(holm=lambda table: holm(table["flips"]))


def holm(chances: ArrayLike) -> Floats:
    """Return p-values corrected for their number m: the k-th smallest times m - k + 1, and never below a smaller one.

    Whichever of the hypotheses are true, the chance that any of those is rejected is at most the level. Where a share
    of false discoveries may pass, SciPy's ``false_discovery_control`` rejects more.

    Parameters
    ----------
    chances : array_like
        p-values, shape (m,), from 0 to 1.

    Source
    ------
    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = numbers("chances", chances, _CHANCE)
    if p.ndim != 1:
        raise ValueError(f"chances must be one-dimensional; got shape {p.shape}")
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    return corrected


def _differences(first: ArrayLike, second: ArrayLike) -> Any:
    pair = [real(name, given, "real numbers") for name, given in (("first", first), ("second", second))]
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape or pair[0].size < 2:
        shapes = f"{pair[0].shape} and {pair[1].shape}"
        raise ValueError(f"first and second must be one-dimensional, equally long, of at least 2 pairs; got {shapes}")
    if not all(np.isfinite(each).all() for each in pair):
        raise ValueError("first and second must be finite; a run that diverged has no difference: leave its pair out")
    return pair[0].astype(np.float64) - pair[1]
