"""First passage: the step at which each replica reaches a size for the first time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from optimlab.checks import ANY, number
from optimlab.descent.stop import Progress
from optimlab.typing import Marks

__all__ = ["FirstPassage"]


@final
class FirstPassage:
    """min {k : size(wₖ) ≥ level}, element by element: a condition of ``stop`` that is met once all have arrived.

    Parameters
    ----------
    size : callable
        A function of w that returns a number or an array, such as ``lambda w: abs(w[:, 1])``.
    level : float
        What has to be reached.

    Attributes
    ----------
    steps : float or ndarray of float64
        Updates done when the level was reached first; inf where it has not been, or before the first look.

    Examples
    --------
    >>> from optimlab import Optimizer, descend, sgd
    >>> from optimlab.lab.problems import saddle
    >>> passage = FirstPassage(lambda w: abs(w[:, 1]), 1.0)
    >>> start = np.array([[1.0, 0.5], [1.0, 1e-6]])
    >>> history = descend(saddle(), Optimizer(sgd(), lr=0.5, replicas=2), 1000, start=start, stop=passage)
    >>> passage.steps, history["step"][-1]
    (array([ 1., 20.]), np.int64(20))
    """

    def __init__(self, size: Callable[[Any], Any], level: float) -> None:
        self.size = size
        self.level = number("level", level, ANY)
        self.steps: Any = np.inf

    def __call__(self, now: Progress) -> bool:
        """Whether all have arrived."""
        arrived: Marks = np.asarray(self.size(now.w)) >= self.level
        self.steps = np.where(arrived, np.minimum(self.steps, now.step), self.steps)
        return bool(np.isfinite(self.steps).all())
