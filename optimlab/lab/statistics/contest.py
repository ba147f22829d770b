"""Losses of contestants: read from a file, paired by seed, and judged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from optimlab.checks import generator
from optimlab.extras import needed
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.statistics.chance import flips, seeds_needed, settled_chance, stopped_chances
from optimlab.lab.statistics.paired import holm
from optimlab.typing import Floats, Rng

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Contest", "Contestant", "chances", "contest", "contestants", "read_losses"]

_COLUMNS = ("contestant", "seed", "loss")
_CORRECTED = ("settled", "stopped")
_DIVERGED = {"", "nan", "inf", "+inf", "infinity", "na", "none", "diverged"}


@final
@dataclass(frozen=True)
class Contestant:
    """A contestant: its losses, and how often it tried.

    Parameters
    ----------
    name : str
        Its name.
    losses : DataFrame
        A row for each seed, a column for each attempt; inf where a run diverged, NaN where there was none.
    attempts : int
        How many attempts there were, with those that the file does not hold.

    Examples
    --------
    >>> import pandas as pd
    >>> Contestant("Adam", pd.DataFrame({"lr 1": [3.0, 5.0], "lr 2": [1.0, np.inf]}), 9).best
    'lr 1'
    """

    name: str
    losses: pd.DataFrame
    attempts: int

    @property
    def best(self) -> str:
        """The attempt with the least median loss."""
        return str(self.losses.median().idxmin())

    @property
    def typical(self) -> float:
        """The median loss of the best attempt."""
        return float(self.losses[self.best].median())


def read_losses(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return contestant, attempt, seed, loss (inf where a run diverged) and attempts of a CSV file, checked.

    Raises
    ------
    StudyError
        If it is no such table; the message names the file, and the row.
    """
    needed("pandas", "lab", "read_losses")
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise StudyError(f"{path} must be a CSV table with a header line; {' '.join(str(error).split())}") from None
    table.columns = table.columns.str.strip()
    if absent := [name for name in _COLUMNS if name not in table.columns]:
        has = ", ".join(table.columns)
        raise StudyError(f"{path} must have the columns {', '.join(_COLUMNS)}; it lacks {', '.join(absent)}, has {has}")
    for name, alone in (("attempt", ""), ("attempts", "0")):
        table[name] = table[name] if name in table.columns else alone
    texts = table["loss"].str.strip()
    loss = pd.to_numeric(texts, errors="coerce").where(~texts.str.lower().isin(_DIVERGED), np.inf)
    _refuse(path, table, loss.isna() | (loss == -np.inf), "loss must be a number, or nan where a run diverged", "loss")
    count = pd.to_numeric(table["attempts"].str.strip().replace("", "0"), errors="coerce")
    _refuse(path, table, ~(count >= 0) | (count % 1 != 0), "attempts must be a whole number of at least 1", "attempts")
    table = table.assign(loss=loss, attempts=count.astype(int))
    twice = table.duplicated(["contestant", "attempt", "seed"])
    _refuse(path, table, twice, "a seed must stand once for each contestant and attempt (column attempt)", "seed")
    return table[["contestant", "attempt", "seed", "loss", "attempts"]]


def contestants(table: pd.DataFrame, name: object = "the table") -> list[Contestant]:
    """Return the contestants of a table of `read_losses`, the best first.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"contestant": ["SGD", "SGD", "Adam", "Adam"], "attempt": "", "seed": [0, 1, 0, 1], "attempts": 0}
    >>> [one.name for one in contestants(pd.DataFrame(rows | {"loss": [3.0, 4.0, 1.0, 2.0]}))]
    ['Adam', 'SGD']
    """
    found = [_contestant(str(key), rows, name) for key, rows in table.groupby("contestant", sort=False)]
    if len(found) < 2:
        given = ", ".join(one.name for one in found) or "none"
        raise StudyError(f"{name} must have losses of at least 2 contestants (column contestant); got {given}")
    return sorted(found, key=lambda one: one.typical)


def contest(one: Contestant, other: Contestant) -> Contest:
    """Return the contest of two, with the one first that the pairs of seeds say is better.

    Examples
    --------
    >>> import pandas as pd
    >>> two = [Contestant(name, pd.DataFrame({"": [loss]}), 1) for name, loss in (("SGD", 2.0), ("Adam", 1.0))]
    >>> contest(*two).better.name
    'Adam'
    """
    found = Contest(one, other)
    return found if found.difference >= 0.0 else Contest(other, one)


@final
class Contest:
    """Two contestants with their differences paired by seed.

    Seeds that both have are pairs; the other seeds are paired in the order of the file, for those as well might be
    swapped, and what is then left over has no partner.

    Attributes
    ----------
    better, worse : Contestant
        The contestants.
    differences : ndarray
        How much the better was better, shape (n, a, b) for n pairs and their attempts; NaN where one has no run, 0
        where both diverged, inf or -inf where one did.
    same : int
        How many of the pairs have the same seed.
    left : int
        How many seeds have no partner.

    Examples
    --------
    >>> import pandas as pd
    >>> first, second = pd.DataFrame({"": [1.0, 2.0, 3.0]}), pd.DataFrame({"": [2.0, 4.0]})
    >>> contest = Contest(Contestant("Adam", first, 1), Contestant("SGD", second, 1))
    >>> contest.difference, contest.same, contest.left
    (1.5, 2, 1)
    """

    def __init__(self, better: Contestant, worse: Contestant) -> None:
        self.better, self.worse = better, worse
        mine, other = (list(one.losses.index) for one in (better, worse))
        common = [seed for seed in mine if seed in set(other)]
        mine, other = ([*common, *(seed for seed in seeds if seed not in set(common))] for seeds in (mine, other))
        n = min(len(mine), len(other))
        self.same, self.left = len(common), len(mine) + len(other) - 2 * n
        first = better.losses.loc[mine[:n]].to_numpy(np.float64)
        second = worse.losses.loc[other[:n]].to_numpy(np.float64)
        a, b = first[:, :, None], second[:, None, :]
        with np.errstate(invalid="ignore"):
            self.differences: Floats = np.where(np.isinf(a) & np.isinf(b), 0.0, b - a)

    @property
    def pairs(self) -> int:
        """How many pairs of seeds there are."""
        return len(self.differences)

    @property
    def between(self) -> Floats:
        """The differences of the best attempts, where both have a run."""
        column = self._of_the_best()[:, 0, 0]
        return column[~np.isnan(column)]

    @property
    def difference(self) -> float:
        """Their median."""
        return float(np.median(self.between)) if len(self.between) else 0.0

    def looks(self, seeds: Sequence[int], rng: Rng = None) -> Floats:
        """Return the chance after so many seeds as if nobody had tried twice, nor looked before: as it is taken."""
        best, drawn = np.nan_to_num(self._of_the_best(), posinf=np.inf, neginf=-np.inf), flips(self.pairs, rng)
        signs = (drawn[:, :n] if len(drawn) <= 2.0**n else flips(n) for n in seeds)
        return np.array([settled_chance(best[:n], (1, 1), some) for n, some in zip(seeds, signs, strict=True)])

    @property
    def least(self) -> float:
        """The least chance that so many seeds can show, whatever the losses are."""
        tried = self.better.attempts / self.better.losses.shape[1]
        return float(min(1.0, 2.0 * tried / 2.0**self.pairs))

    def settled(self, rng: Rng = None) -> float:
        """Return the chance of noise, corrected for all attempts, if the number of seeds was settled beforehand."""
        return float(settled_chance(self._clean(), self._attempts(), flips(self.pairs, rng)))

    def stopped(self) -> Floats:
        """Return it after each seed, if seeds were added until the difference passed."""
        return stopped_chances(self._clean(), self._attempts())

    def needed(self, difference: float, power: float) -> float:
        """Return how many seeds show a difference; NaN where that cannot be said of so few."""
        if len(self.between) < 2 or not 0 < difference < np.inf or not np.isfinite(self.difference):
            return np.nan
        return seeds_needed(self.between, difference, self.better.attempts, power=power)

    def _attempts(self) -> tuple[int, int]:
        return self.better.attempts, self.worse.attempts

    def _clean(self) -> Floats:
        return np.nan_to_num(self.differences, posinf=np.inf, neginf=-np.inf)

    def _of_the_best(self) -> Floats:
        a, b = (list(one.losses.columns).index(one.best) for one in (self.better, self.worse))
        return self.differences[:, a : a + 1, b : b + 1]


def chances(
    contests: Sequence[Contest], *, difference: float = 0.0, power: float = 0.8, rng: Rng = None
) -> pd.DataFrame:
    """Return a row for each contest; where there are several, the chances are corrected for their number by Holm.

    Parameters
    ----------
    contests : sequence of Contest
        At least one.
    difference, power : float
        What the seeds that are needed are to show, and how likely; 0 stands for the difference of each contest.
    rng : Generator, seed or None
        What flips of more than 14 seeds are drawn from.

    Examples
    --------
    >>> import pandas as pd
    >>> ours = Contestant("ours", pd.DataFrame({"": [1.0, 2.0, 3.0, 1.5]}), 2)
    >>> theirs = Contestant("theirs", pd.DataFrame({"": [3.0, 2.5, 3.9, 1.8]}), 1)
    >>> chances([Contest(ours, theirs)])[["better", "difference", "as it looks", "settled", "stopped"]]
      better  difference  as it looks  settled  stopped
    0   ours         0.7        0.125     0.25      1.0
    """
    needed("pandas", "lab", "chances")
    import pandas as pd

    rows, seed = [], generator(rng)
    for each in contests:
        wanted = difference or each.difference
        row = {"better": each.better.name, "than": each.worse.name, "seeds": each.pairs, "same seeds": each.same}
        row |= {"left": each.left, "attempts": f"{each.better.attempts} : {each.worse.attempts}"}
        row |= {"difference": each.difference, "as it looks": each.looks([each.pairs], seed)[0]}
        row |= {"settled": each.settled(seed), "stopped": each.stopped()[-1]}
        rows.append(row | {"seeds needed": each.needed(wanted, power), "for": wanted})
    return pd.DataFrame(rows).assign(**{name: lambda table, name=name: holm(table[name]) for name in _CORRECTED})


def _contestant(key: str, rows: pd.DataFrame, name: object) -> Contestant:
    given = rows["attempts"].unique()
    losses = rows.pivot_table("loss", "seed", "attempt", sort=False, aggfunc="first")
    said = int(given[0]) or losses.shape[1]
    if len(given) > 1 or said < losses.shape[1]:
        numbers = ", ".join(map(str, given))
        raise StudyError(
            f"{name}: attempts of {key} must be one number in all its rows, at least the {losses.shape[1]} attempts "
            f"that the file holds; got {numbers}"
        )
    return Contestant(key, losses, said)


def _refuse(path: object, table: pd.DataFrame, wrong: pd.Series[bool], message: str, column: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise StudyError(f"{path}: {message}; got {table[column].iloc[row]!r} in data row {row + 1}")
