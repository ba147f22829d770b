"""Conditions that end a descent: a target, a time budget, no more progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from optimlab.checks import ANY, Range, check_fields, number, per_replica, whole
from optimlab.typing import Count, Mark, Number

__all__ = ["Below", "Progress", "Seconds", "Stalled"]


@final
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
    gradient : array or container of arrays, or None
        The gradient there, if it was found together with the value; not to be written to.

    Examples
    --------
    >>> stop = lambda now: now.step >= 10  # a condition of one's own
    """

    step: int
    seconds: float
    w: Any
    value: Number = np.nan
    best: Number = np.inf
    best_step: Count = 0
    gradient: Any = None

    def see(self, value: Number) -> Mark:
        """Take a new value; return whether it is the best so far."""
        self.value = value
        better = value < self.best
        if isinstance(value, float):
            if better:
                self.best, self.best_step = value, self.step
            return better
        self.best = np.where(better, value, self.best)
        self.best_step = np.where(better, self.step, self.best_step)
        return better


@final
@dataclass(frozen=True)
class Below:
    """Stop once the value is at most ``target``, with replicas that of all of them.

    Parameters
    ----------
    target : float or sequence of float, shape (S,)
        The target.

    Examples
    --------
    >>> from optimlab import Below
    >>> Below(1e-6)
    Below(target=1e-06)
    """

    target: float | tuple[float, ...]
    ranges: ClassVar[dict[str, Range]] = {"target": ANY}

    def __post_init__(self) -> None:
        check_fields(self, per_replica)

    def __call__(self, now: Progress) -> bool:
        """Whether the target is reached."""
        return bool(np.all(np.less_equal(now.value, self.target)))


@final
@dataclass(frozen=True)
class Seconds:
    """Stop before the first update after ``limit`` seconds.

    Parameters
    ----------
    limit : float, greater than 0
        Time budget in seconds.

    Examples
    --------
    >>> from optimlab import Seconds
    >>> Seconds(10.0)
    Seconds(limit=10.0)
    """

    limit: float
    ranges: ClassVar[dict[str, Range]] = {"limit": Range("greater than 0 (seconds)")}

    def __post_init__(self) -> None:
        check_fields(self, number)

    def __call__(self, now: Progress) -> bool:
        """Whether the time is over."""
        return now.seconds >= self.limit


@final
@dataclass(frozen=True)
class Stalled:
    """Stop once the best value is ``steps`` updates old, with replicas that of all of them.

    Parameters
    ----------
    steps : int, at least 1
        Updates without a better value.

    Examples
    --------
    >>> from optimlab import Stalled
    >>> Stalled(100)
    Stalled(steps=100)
    """

    steps: int

    def __post_init__(self) -> None:
        whole("steps", self.steps, 1)

    def __call__(self, now: Progress) -> bool:
        """Whether progress has stopped."""
        return bool(np.all(np.subtract(now.step, now.best_step) >= self.steps))
