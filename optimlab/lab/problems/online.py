"""Online learning: losses that come one at a time, on which Adam goes the wrong way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import Range, per_replica, whole
from optimlab.typing import Floats

__all__ = ["AlternatingLosses"]


@dataclass(frozen=True)
class AlternatingLosses:
    """fₜ(x) = C x for t = 1, 4, 7, ..., otherwise -x, on -1 ≤ x ≤ 1.

    The mean loss is (C-2) x/3: the best point is x = -1, the worst x = +1. The large gradient C is a number greater
    than 2, or one for each replica.

    Source
    ------
    Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", section 3.

    Examples
    --------
    >>> losses = AlternatingLosses(3.0)
    >>> [float(losses.gradient(t)) for t in (1, 2, 3, 4)]
    [3.0, -1.0, -1.0, 3.0]
    >>> float(sum(losses.regret(t, 1.0) for t in (1, 2, 3)))
    2.0
    """

    C: float | tuple[float, ...] = 3.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "C", per_replica("C", self.C, Range("greater than 2 and finite")))

    def gradient(self, t: int) -> Floats:
        """Return the gradient of fₜ, t = 1, 2, ..., the same for every x: a number, or an array of shape (S,)."""
        large = np.asarray(self.C)
        return large if whole("t", t, 1) % 3 == 1 else np.full_like(large, -1.0)

    def loss(self, t: int, x: ArrayLike) -> Any:
        """Return fₜ(x)."""
        return self.gradient(t) * np.asarray(x)

    def regret(self, t: int, x: ArrayLike) -> Any:
        """Return fₜ(x) - fₜ(-1): what x costs more than the best fixed point."""
        return self.loss(t, x) - self.loss(t, -1.0)
