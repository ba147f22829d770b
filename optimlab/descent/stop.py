"""Conditions that end a descent: a target, a time budget, no more progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Below", "Progress", "Seconds", "Stalled"]


@dataclass
class Progress:
    """Where a descent is: what a condition of ``stop`` sees before each update.

    Attributes
    ----------
    step : int
        Updates done.
    seconds : float
        Time since the start.
    w : array or container of arrays
        The parameters; not to be written to.
    value : float or ndarray, shape (S,)
        The value at the latest step where it was computed.
    best : float or ndarray, shape (S,)
        The best value so far.
    best_step : int or ndarray of int, shape (S,)
        Where it was.

    Examples
    --------
    >>> stop = lambda moment: moment.step >= 10  # a condition of one's own
    """

    step: int
    seconds: float
    w: Any
    value: Any = np.nan
    best: Any = np.inf
    best_step: Any = 0

    def see(self, value: Any) -> None:
        """Take a new value."""
        self.value = value
        if isinstance(value, float):
            if value < self.best:
                self.best, self.best_step = value, self.step
            return
        better = value < self.best
        self.best = np.where(better, value, self.best)
        self.best_step = np.where(better, self.step, self.best_step)


@dataclass(frozen=True)
class Below:
    """Stop once the value is at most ``target``, with replicas that of all of them.

    Parameters
    ----------
    target : float
        The target, not NaN.

    Examples
    --------
    >>> from optimlab.descent.stop import Below
    >>> Below(1e-6)
    Below(target=1e-06)
    """

    target: float

    def __post_init__(self) -> None:
        if not np.asarray(self.target == self.target).all():
            raise ValueError(f"target must be a number; got {self.target!r}")

    def __call__(self, now: Progress) -> bool:
        """Whether the target is reached."""
        return bool(np.all(np.less_equal(now.value, self.target)))


@dataclass(frozen=True)
class Seconds:
    """Stop before the first update after ``limit`` seconds.

    Parameters
    ----------
    limit : float, greater than 0
        Time budget in seconds.

    Examples
    --------
    >>> from optimlab.descent.stop import Seconds
    >>> Seconds(10.0)
    Seconds(limit=10.0)
    """

    limit: float

    def __post_init__(self) -> None:
        if not self.limit > 0.0:
            raise ValueError(f"limit must be greater than 0 seconds; got {self.limit!r}")

    def __call__(self, now: Progress) -> bool:
        """Whether the time is over."""
        return now.seconds >= self.limit


@dataclass(frozen=True)
class Stalled:
    """Stop once the best value is ``steps`` updates old, with replicas that of all of them.

    Parameters
    ----------
    steps : int, at least 1
        Updates without a better value.

    Examples
    --------
    >>> from optimlab.descent.stop import Stalled
    >>> Stalled(100)
    Stalled(steps=100)
    """

    steps: int

    def __post_init__(self) -> None:
        if not self.steps >= 1:
            raise ValueError(f"steps must be at least 1; got {self.steps!r}")

    def __call__(self, now: Progress) -> bool:
        """Whether progress has stopped."""
        return bool(np.all(np.subtract(now.step, now.best_step) >= self.steps))
