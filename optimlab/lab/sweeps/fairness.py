"""Which learning rate each rule is judged at: its best, one that was tuned on other seeds, or one for all.

What the functions share is said here. A frame is what `sweep` returns. ``by`` is a column in which less is better:
"hit", "settled", "final" or "best". Of learning rates the best has the least median over seeds; of equal ones, such as
inf, that at which more runs are finite, and then the lesser ``final``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from optimlab.checks import choice
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.intervals import median_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CRITERIA", "best", "rated", "same", "tuned"]

CRITERIA = ("settled", "hit", "final", "best")
"""What a rule may be judged by."""
_EACH = ["problem", "rule"]
_SIDES = ["low", "high"]
_CONFIDENCE, _ENOUGH = 0.95, 6  # fewer seeds than that have no interval
_DIGITS = 9  # of effective learning rates, which are products


def best(frame: pd.DataFrame, by: str = "settled") -> pd.DataFrame:
    """Return the best learning rate of each rule on each problem, and the median over seeds there with its interval.

    Picked and judged on the same seeds, it flatters who has more to pick from; ``best(tuned(frame))`` does not. The
    interval, of 95 %, is that of order statistics; of fewer than six seeds it is their range. ``reached`` is the share
    of seeds in which ``by`` is finite. ``edge`` is "low" or "high" where the best is the least or the largest rate of
    several: a better one may lie beyond.

    Examples
    --------
    >>> from optimlab.lab.sweeps import sweep
    >>> frame = sweep("bowl", "sgd", lr=[0.01, 0.1, 0.4, 1.2], seeds=6, steps=200)
    >>> best(frame)[["rule", "lr", "settled", "low", "high"]]
      rule   lr  settled  low  high
    0  SGD  0.4      5.0  5.0   5.0
    """
    found = rated(frame, by)
    rows = frame.merge(found[[*_EACH, "lr"]], on=[*_EACH, "lr"]).groupby(_EACH, sort=False)[by]
    ends = rows.apply(_interval).to_list()
    return found.assign(low=[low for low, _ in ends], high=[high for _, high in ends])[
        [*_EACH, "lr", by, "low", "high", "reached", "seeds", "edge"]
    ]


def rated(frame: pd.DataFrame, by: str = "settled") -> pd.DataFrame:
    """Return what `best` does, without the intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"problem": "bowl", "rule": "SGD", "lr": [0.1, 1.0], "seed": 0, "final": [1.0, 2.0]}
    >>> rated(pd.DataFrame(rows), "final")["edge"].tolist()
    ['low']
    """
    scores = _scores(frame, by, [*_EACH, "lr"])
    ends = scores.groupby(_EACH, sort=False)["lr"].agg(["min", "max", "size"]).reset_index()
    found = _first(scores, by, _EACH).merge(ends, on=_EACH)
    several = found["size"] > 1
    return found.assign(edge=np.select([several & (found["lr"] == found[end]) for end in ("min", "max")], _SIDES, ""))


def tuned(frame: pd.DataFrame, by: str = "settled") -> pd.DataFrame:
    """Return the rows of each rule at the learning rate that is best on half of the seeds, of the other half.

    All rules have the same grid, seeds and steps to be tuned on, and picking the best is not counted as skill: who
    picks does not see the seeds that are reported. The first half of the seeds tunes.

    Raises
    ------
    StudyError
        If there is one seed alone.

    Examples
    --------
    >>> from optimlab.lab.sweeps import sweep
    >>> frame = sweep("beale + noise 0.1", "sgd", lr=[0.001, 0.01, 0.1], seeds=6, steps=200)
    >>> tuned(frame, by="final")[["lr", "seed"]].to_numpy().tolist()
    [[0.01, 3.0], [0.01, 4.0], [0.01, 5.0]]
    """
    return _kept(frame.assign(rate=frame["lr"]), by, _EACH)[list(frame.columns)]


def same(frame: pd.DataFrame, by: str = "settled", gains: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the rows of all rules at one learning rate for each problem, on half of the seeds.

    Of those that all rules have it is the one that is best for all of their runs together on the other half; with
    ``gains``, of `optimlab.lab.sweeps.gains`, one effective learning rate.

    Raises
    ------
    StudyError
        If there is one seed alone, or no rate that all rules have.

    Examples
    --------
    >>> from optimlab.lab.sweeps import gains, matched, sweep
    >>> rules = "momentum(.5), heavy_ball(.5)"
    >>> frame = sweep("bowl", rules, lr=matched(rules, [0.01, 0.1, 0.4, 4.0]), seeds=4, steps=200)
    >>> same(frame, gains=gains(rules)).groupby("rule", sort=False)["lr"].first()
    rule
    EMA momentum β 0.5    0.10
    heavy ball β 0.5      0.05
    Name: lr, dtype: float64
    """
    rate = frame["lr"] if gains is None else frame["lr"] * frame["rule"].map(gains)
    marked = frame.assign(rate=rate.map(lambda lr: float(f"{lr:.{_DIGITS}g}")))
    shared = marked.groupby(["problem", "rate"])["rule"].transform("nunique") == frame["rule"].nunique()
    if not shared.groupby(frame["problem"]).any().all():
        raise StudyError("the rules have no learning rate in common; compare tuned, or give all one grid")
    return _kept(marked[shared], by, ["problem"])[list(frame.columns)]


def _kept(frame: pd.DataFrame, by: str, each: list[str]) -> pd.DataFrame:
    """Return the rows at the rate that is best on the first half of the seeds, of the second half."""
    seeds = frame["seed"].unique()
    if len(seeds) < 2:
        raise StudyError(f"tuning needs seeds of its own, at least 2 in all; got seed {seeds.tolist()}; raise seeds")
    tuning = frame["seed"].isin(seeds[: len(seeds) // 2])
    chosen = _first(_scores(frame[tuning], by, [*each, "rate"]), by, each)[[*each, "rate"]]
    return frame[~tuning].merge(chosen, on=[*each, "rate"])


def _scores(frame: pd.DataFrame, by: str, each: list[str]) -> pd.DataFrame:
    """Return a row for each group, with what they are ranked by."""
    choice("by", by, CRITERIA)
    reached, last = np.isfinite(frame[by]), frame["final"].fillna(np.inf)
    groups = frame.assign(reached=reached, last=last).groupby(each, sort=False)
    named = {
        by: (by, "median"),
        "reached": ("reached", "mean"),
        "last": ("last", "median"),
        "seeds": ("seed", "nunique"),
    }
    return groups.agg(**named).reset_index()


def _first(scores: pd.DataFrame, by: str, each: list[str]) -> pd.DataFrame:
    """Return the best row of each group, groups in the order of the table."""
    order = scores.assign(lack=-scores["reached"]).sort_values([by, "lack", "last"], kind="stable")
    return scores.loc[order.groupby(each, sort=False).head(1).index.sort_values()].reset_index(drop=True)


def _interval(column: pd.Series[float]) -> tuple[float, float]:
    """Return the interval of a median."""
    numbers = column.to_numpy()
    if len(numbers) < _ENOUGH:
        return float(numbers.min()), float(numbers.max())
    return median_interval(numbers, _CONFIDENCE)[1:]
