"""A contestant in an exam: its learning rates, its randomness, its steps, and trials at the rate that suits it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from optimlab.lab.check.trials import Trials
from optimlab.lab.contestants import Contestant
from optimlab.typing import Floats

__all__ = ["RATES", "TRIALS", "Candidate", "RefusedError", "Score"]

RATES: Final = tuple(2.0**k for k in range(-12, 5))
"""The grid from which a learning rate is chosen where the contestant's text fixes none: the same for all."""

TRIALS: Final = 32
"""Trials that are judged: all of them passed, the Wilson interval of their share begins at .83."""

_PART = 8  # a rate is chosen by an eighth as many trials, apart from those that are judged
_TUNED, _JUDGED = 0, 1  # streams of random numbers
_STILL: Final = 2.0**-40  # times a rate: as good as none

Score = Callable[[Floats, np.random.Generator], Floats]
"""``score(lr, rng)``: one number for each replica, of the learning rates lr; lower is better."""


class RefusedError(Exception):
    """The contestant cannot be asked this: it raised, or has not what the question is about."""


@final
@dataclass(frozen=True)
class Candidate:
    """A contestant with what an exam needs of it.

    Parameters
    ----------
    contestant : Contestant
        Who is asked.
    exam : str
        Name of the exam; with the seed it makes the random numbers, which are the same for all contestants.
    seed : int
        At least 0.
    grid : tuple of float
        Learning rates, ascending, for contestants that fix none.

    Examples
    --------
    >>> from optimlab.lab.contestants import contestants
    >>> who = Candidate(contestants("sgd")["SGD"])
    >>> def distance(lr, rng):
    ...     return np.abs(who.end(lambda w: w, np.ones((len(lr), 1)), lr, 10)[:, 0])
    >>> found = who.judged(distance, high=0.5**10, trials=1)
    >>> found.lr, found.measured, found.passed
    (1.0, array([0.]), array([ True]))
    """

    contestant: Contestant
    exam: str = ""
    seed: int = 0
    grid: tuple[float, ...] = RATES

    @property
    def rates(self) -> Floats:
        """The learning rates that it may be given: the one that its text fixes, or the grid."""
        fixed = self.contestant.lr
        return np.array(self.grid if fixed is None else (fixed,))

    @property
    def reference(self) -> Floats:
        """The rates of the method that sets a threshold: those of the grid that are not above the contestant's own."""
        grid = np.array(self.grid)
        return grid[: max(1, np.searchsorted(grid, self.rates[-1], "right"))]

    def below(self, limit: float) -> Floats:
        """Return the rates of the reference below the limit of gradient descent.

        Raises
        ------
        RefusedError
            If there is none: the grid that is given has no rate to compare with.
        """
        stable = self.reference[self.reference < limit]
        if not stable.size:
            raise RefusedError(f"gradient descent is stable at no rate of the grid; --lr needs one below {limit:g}")
        return np.asarray(stable)

    @property
    def rate(self) -> float:
        """A rate where none is better than others: the one that is fixed, or the middle of the grid."""
        return float(self.rates[len(self.rates) // 2])

    def reach(self, distance: float, steps: int) -> None:
        """Refuse what is out of reach: more than so many steps of the largest rate that it may be given.

        Raises
        ------
        RefusedError
            If that is so: the rate is fixed, and the question has another length.
        """
        if steps * self.rates[-1] < distance:
            raise RefusedError(f"{steps} steps of its rate, {self.rates[-1]}, do not go as far as {distance:g}")

    def rng(self, stream: int = _JUDGED) -> np.random.Generator:
        """Return random numbers that depend on exam, seed and stream, and on nothing else."""
        return np.random.default_rng([self.seed, zlib.crc32(self.exam.encode()), stream])

    def steps(self, gradient: Callable[[Any], Any], w: Floats, lr: Any, count: int) -> Iterator[Floats]:
        """Yield the weights w, shape (S, n), after each step: the same array, changed in place.

        Raises
        ------
        RefusedError
            With the words of whatever the contestant raises.
        """
        step = _asked(self.contestant.begin, w, np.broadcast_to(np.asarray(lr, np.float64), len(w)).copy())
        for _ in range(count):
            with np.errstate(all="ignore"):  # what diverges may overflow
                slope = gradient(w)
            _asked(step, slope)
            yield w

    def end(self, gradient: Callable[[Any], Any], w: Floats, lr: Any, count: int) -> Floats:
        """Return the weights after the last step."""
        for _ in self.steps(gradient, w, lr, count):
            pass
        return w

    def judged(
        self, score: Score, *, low: float = -np.inf, high: float = np.inf, lr: float | None = None, trials: int = TRIALS
    ) -> Trials:
        """Return trials at a learning rate, by default at the one of least median score in trials of their own.

        An exam without chance has one trial.

        Raises
        ------
        RefusedError
            If no rate is given, and at its rates what hardly moves would pass: the threshold says nothing.
        """
        chosen = self._chosen(score, low, high, max(1, trials // _PART)) if lr is None else lr
        return Trials(_scored(score, np.full(trials, chosen), self.rng()), low, high, chosen)

    def _chosen(self, score: Score, low: float, high: float, trials: int) -> float:
        rate = self.tuned(score, trials)
        if trials > 1 and low <= np.median(_scored(score, np.full(trials, _STILL * rate), self.rng(_TUNED))) <= high:
            raise RefusedError("the rates are such that what stands still would pass")
        return rate

    def tuned(self, score: Score, trials: int = TRIALS // _PART) -> float:
        """Return the rate of least median score; one of the trials at a rate without a finite score is infinite."""
        if len(self.rates) == 1:
            return float(self.rates[0])
        scores = _scored(score, np.repeat(self.rates, trials), self.rng(_TUNED)).reshape(-1, trials)
        with np.errstate(over="ignore"):
            return float(self.rates[np.argmin(np.median(scores, axis=1))])


def _scored(score: Score, lr: Floats, rng: np.random.Generator) -> Floats:
    with np.errstate(all="ignore"):
        found = score(lr, rng)
    return np.where(np.isnan(found), np.inf, found)


def _asked(call: Callable[..., Any], *given: Any) -> Any:
    try:
        return call(*given)
    except Exception as error:  # whatever it is, the other contestants go on
        raise RefusedError(" ".join(f"{type(error).__name__}: {error}".split())) from error
