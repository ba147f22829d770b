"""Which learning rate each rule is judged at: its best, one that was tuned on other seeds, or one for all.

What the functions share is said here. A frame is what `sweep` returns. ``by`` is a column in which less is better:
"hit", "settled", "final" or "best". Of learning rates the best has the least median over seeds; of equal ones, such as
inf, that at which more runs are finite, and then the lesser ``final``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from optimlab.checks import choice
from optimlab.lab.frame.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CRITERIA", "best", "same", "tuned"]

CRITERIA = ("settled", "hit", "final", "best")
"""What a rule may be judged by."""
_EACH = ["problem", "rule"]
_DIGITS = 9  # of effective learning rates, which are products


def best(frame: pd.DataFrame, by: str = "settled") -> pd.DataFrame:
    """Return the best learning rate of each rule on each problem, with the median over seeds, quartiles, and the edge.

    Picked and judged on the same seeds, it flatters who has more to pick from; `tuned` does not. ``edge`` is "low" or
    "high" where the best is the least or largest rate of several: a better one may lie beyond.

    Examples
    --------
    >>> from optimlab.lab.sweeps import sweep
    >>> frame = sweep("bowl", "sgd", lr=[0.01, 0.1, 0.4, 1.2], seeds=3, steps=200)
    >>> best(frame)[["rule", "lr", "settled", "edge"]]
      rule   lr  settled edge
    0  SGD  0.4      5.0
    """
    scores = _scores(frame, by, [*_EACH, "lr"])
    ends = scores.groupby(_EACH, sort=False)["lr"].agg(["min", "max", "size"]).reset_index()
    found = _first(scores, _EACH).merge(ends, on=_EACH)
    several = found["size"] > 1
    edges = np.select([several & (found["lr"] == found[end]) for end in ("min", "max")], ["low", "high"], "")
    return found.assign(edge=edges)[[*_EACH, "lr", by, "low", "high", "reached", "seeds", "edge"]]


def tuned(frame: pd.DataFrame, by: str = "settled") -> pd.DataFrame:
    """Return the rows of each rule at the learning rate that is best on half of the seeds, of the other half.

    All rules have the same grid, seeds and steps to be tuned on, and picking the best is not counted as skill: who
    picks does not see the seeds that are reported. The first half of the seeds tunes.

    Raises
    ------
    StudyError
        If there is one seed alone.
    """
    return _kept(frame, by, _EACH, frame["lr"])


def same(frame: pd.DataFrame, by: str = "settled", gains: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the rows of all rules at one learning rate for each problem, on half of the seeds.

    It is the rate that is best for all runs of all rules together on the other half; with ``gains``, of
    `optimlab.lab.sweeps.gains`, one effective learning rate.
    """
    rate = frame["lr"] if gains is None else frame["lr"] * frame["rule"].map(gains)
    return _kept(frame, by, ["problem"], rate.map(lambda lr: float(f"{lr:.{_DIGITS}g}")) if gains else rate)


def _kept(frame: pd.DataFrame, by: str, each: Sequence[str], rate: pd.Series[float]) -> pd.DataFrame:
    """Return the rows at the rate that is best on the first half of the seeds, of the second half."""
    seeds = frame["seed"].unique()
    if len(seeds) < 2:
        raise StudyError(f"tuning needs seeds of its own, at least 2 in all; got seed {seeds.tolist()}; raise seeds")
    tuning = frame["seed"].isin(seeds[: len(seeds) // 2])
    marked = frame.assign(rate=rate)
    chosen = _first(_scores(marked[tuning], by, [*each, "rate"]), each)[[*each, "rate"]]
    return marked[~tuning].merge(chosen, on=[*each, "rate"])[list(frame.columns)]


def _scores(frame: pd.DataFrame, by: str, each: list[str]) -> pd.DataFrame:
    """Return a row for each group, with what they are ranked by."""
    choice("by", by, CRITERIA)
    groups = frame.assign(reached=np.isfinite(frame[by]), last=frame["final"]).groupby(each, sort=False)
    found = groups.agg(**{by: (by, "median"), "reached": ("reached", "mean"), "last": ("last", "median")})
    for name, share in (("low", 0.25), ("high", 0.75)):
        found[name] = groups[by].quantile(share, interpolation="nearest")
    return found.assign(seeds=groups["seed"].nunique()).reset_index()


def _first(scores: pd.DataFrame, each: Sequence[str]) -> pd.DataFrame:
    """Return the best row of each group, groups in the order of the table."""
    by = next(name for name in CRITERIA if name in scores.columns)
    order = scores.assign(lack=-scores["reached"]).sort_values([by, "lack", "last"], kind="stable")
    return scores.loc[order.groupby(list(each), sort=False).head(1).index.sort_values()].reset_index(drop=True)
