"""The monkey saddle: three ways down, two for the legs and one for the tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimlab.problems.surfaces.surface import CriticalPoint, Surface

__all__ = ["MonkeySaddle"]

Array = NDArray[Any]


@dataclass(frozen=True)
class MonkeySaddle(Surface):
    """f(x, y) = x³ - 3xy² = r³ cos 3θ: the Hessian at the origin is 0, so the saddle is not strict.

    It leads down towards θ = 60°, 180° and 300°.

    Examples
    --------
    >>> MonkeySaddle().value([-1.0, 0.0]), MonkeySaddle().gradient([-1.0, 0.0])
    (np.float64(-1.0), array([3., 0.]))
    """

    @property
    def dimension(self) -> int:
        """Number of coordinates, 2."""
        return 2

    @property
    def starts(self) -> NDArray[np.float64]:
        """(-0.1, 0), on the axis of one way down."""
        return np.array([[-0.1, 0.0]])

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The origin."""
        return (CriticalPoint((0.0, 0.0), 0.0, (0.0, 0.0)),)

    def _value(self, w: Array) -> Any:
        x, y = w[..., 0], w[..., 1]
        return x * x * x - 3 * x * y * y

    def _gradient(self, w: Array) -> Array:
        x, y = w[..., 0], w[..., 1]
        return np.stack([3 * (x * x - y * y), -6 * x * y], axis=-1)
