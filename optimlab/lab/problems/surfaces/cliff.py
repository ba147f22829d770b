"""The cliff: a gentle slope that ends at a wall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimlab.checks import POSITIVE, number
from optimlab.extras import needed
from optimlab.lab.problems.surfaces.surface import CriticalPoint, Plane, critical_point

__all__ = ["Cliff"]


@dataclass(frozen=True)
class Cliff(Plane):
    """f(x, y) = ½ (x - 1)² + ½ y² + H σ(s x), σ(z) = 1/(1 + e⁻ᶻ): a bowl behind a wall, which a descent runs into.

    The wall stands at x = 0; H is its height, and 4/s about its width. From x < 0 the bowl's gentle slope leads to its
    foot, a minimum. A step that lands on the wall is thrown back by lr (H s/4 - 1), far beyond where it came from;
    clipping the gradient's norm at c bounds that by lr c.

    Parameters
    ----------
    height, steepness : float, greater than 0
        H and s. The wall must stand apart from the bowl: 4 < H s < ½ exp(s/2).

    ∂f/∂x = x - 1 + H s σ(s x) (1 - σ(s x)), at most x - 1 + H s/4, and equal to H s/4 - 1 at (0, y): ``wall``.
    On the line y = 0 are the critical points: the foot of the wall near x = -ln(H s)/s, a saddle near its top at
    x = ln(H s)/s, and a minimum behind it near x = 1. The curvature at the foot is about s: with lr > 2/s a descent
    does not settle there.

    Source
    ------
    Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", section 2.3 and figure 6;
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 8.2.4. The closed form is this package's own.

    Examples
    --------
    >>> f = Cliff(height=10.0, steepness=100.0)
    >>> f.wall, f.gradient([0.0, 0.0])
    (249.0, array([249.,   0.]))
    >>> [(point.kind, round(point.at[0], 4)) for point in f.points]
    [('minimum', -0.0684), ('saddle', 0.0698), ('minimum', 1.0)]
    """

    _starts = ((-2.0, 1.0),)  # on the gentle slope before the wall

    height: float = 10.0
    steepness: float = 100.0

    def __post_init__(self) -> None:
        for name in ("height", "steepness"):
            object.__setattr__(self, name, number(name, getattr(self, name), POSITIVE))
        if not math.log(4.0) < self._log_slope < self.steepness / 2 - math.log(2.0):
            raise ValueError(
                "height must make height·steepness lie between 4 and exp(steepness/2)/2, for a wall apart from the "
                f"bowl; got height={self.height!r}, steepness={self.steepness!r}; give a larger steepness"
            )

    @property
    def _log_slope(self) -> float:
        return math.log(self.height) + math.log(self.steepness)

    @property
    def wall(self) -> float:
        """H s/4 - 1: the gradient at the wall, ∂f/∂x at x = 0."""
        return self.height * self.steepness / 4 - 1

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The foot of the wall, its top, and the minimum behind it."""
        needed("scipy", "lab", "Cliff.points")
        from scipy.optimize import brentq

        def slope(x: float) -> float:
            return float(self.gradient([x, 0.0])[0])

        brackets = ((-self._log_slope - 1.0, 0.0), (0.0, 0.5), (0.5, 1.0))
        return tuple(critical_point(self, (brentq(slope, *bracket), 0.0)) for bracket in brackets)

    def _f(self, x: Any, y: Any) -> Any:
        return ((x - 1) ** 2 + y * y) / 2 + self.height / 2 * (1 + np.tanh(self.steepness / 2 * x))

    def _slopes(self, x: Any, y: Any) -> tuple[Any, Any]:
        rise = np.tanh(self.steepness / 2 * x)
        return x - 1 + self.height * self.steepness / 4 * (1 - rise) * (1 + rise), y
