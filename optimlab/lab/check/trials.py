"""What an exam has measured, beside what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from optimlab.typing import Floats, Marks

__all__ = ["Trials"]


@final
@dataclass(frozen=True, eq=False)
class Trials:
    """Independent trials and the range from low to high, both included, in which one is passed.

    Parameters
    ----------
    measured : ndarray, shape (n,)
        One number for each trial. One trial alone is without chance: it is compared exactly.
    low, high : float
        What a closed form allows.
    lr : float
        The learning rate at which it was measured.

    Examples
    --------
    >>> found = Trials(np.array([0.5, 0.1, np.inf]), high=1.0)
    >>> found.passed, round(found.margin, 3)
    (array([ True,  True, False]), 0.301)
    """

    measured: Floats
    low: float = -np.inf
    high: float = np.inf
    lr: float = np.nan

    @property
    def passed(self) -> Marks:
        """Which trials are passed; NaN never is."""
        return np.asarray((self.low <= self.measured) & (self.measured <= self.high))

    @property
    def middle(self) -> float:
        """The median of what was measured."""
        return float(np.median(self.measured))

    @property
    def margin(self) -> float:
        """log₁₀ of the factor by which the median keeps off the nearer threshold: negative outside, NaN without one."""
        with np.errstate(divide="ignore", invalid="ignore"):
            size, high, low = np.log10(np.maximum([self.middle, self.high, self.low], 0.0))
            factors = [f for f, limit in ((high - size, high), (size - low, low)) if np.isfinite(limit)]
        return float(min(factors, default=np.nan))
