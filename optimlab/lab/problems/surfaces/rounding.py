"""Rounding: the same gradient, as another order of operations would give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import NOT_NEGATIVE, generator, numbers
from optimlab.lab.problems.surfaces.surface import Surface
from optimlab.typing import Array, Floats, Rng

__all__ = ["Rounded"]


@dataclass(frozen=True, eq=False)
class Rounded:
    """∇f(w + δ w), δ ~ U(-u, u) for each number and call: a gradient whose rounding errors are drawn anew.

    With u = 2⁻⁵², one unit in the last place of a float64, this is as far off as another order of operations, another
    compiler or another processor may be. What differs between replicas then is owed to rounding alone.

    Parameters
    ----------
    surface : Surface
        The surface; ``value`` is its value as it is.
    rng : numpy.random.Generator, seed or None
        Where δ comes from; a call of ``gradient`` moves it on.
    unit : float, or array that broadcasts to the points, at least 0
        u; 0 for replicas in plain arithmetic.

    Examples
    --------
    >>> from optimlab.lab.problems import Rosenbrock
    >>> f = Rounded(Rosenbrock(), np.random.default_rng(0))
    >>> off = f.gradient(f.start) / Rosenbrock().gradient(f.start) - 1
    >>> bool(0 < abs(off).max() < 1e-14)
    True
    """

    surface: Surface
    rng: Rng
    unit: Any = 2.0**-52

    def __post_init__(self) -> None:
        object.__setattr__(self, "rng", generator(self.rng))
        numbers("unit", self.unit, NOT_NEGATIVE)

    @property
    def start(self) -> Floats:
        """The surface's first starting point."""
        return self.surface.start

    def value(self, w: ArrayLike) -> Any:
        """Return f."""
        return self.surface.value(w)

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∇f beside w."""
        points = np.asarray(w)
        # not w (1 + δ): 1 + δ is a multiple of 2⁻⁵³ below 1 but of 2⁻⁵² above, and the rounding would lean to one side
        beside = points + points * (self.unit * generator(self.rng).uniform(-1.0, 1.0, points.shape))
        return self.surface.gradient(beside.astype(points.dtype, copy=False))
