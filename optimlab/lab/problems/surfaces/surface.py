"""What every surface offers: value and gradient for any number of replicas, and critical points to the last digit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import floats
from optimlab.typing import Array, Floats

__all__ = ["CriticalPoint", "Plane", "Surface", "critical_point", "hessian"]

_STEP = 1e-30  # no difference is taken, so it may be so small that its square vanishes beside 1
_ITERATIONS = 12  # the number of right digits doubles in each: from one digit, five are enough


@dataclass(frozen=True)
class CriticalPoint:
    """∇f = 0: a point with its value and the eigenvalues of the Hessian there, its curvatures, ascending.

    Examples
    --------
    >>> CriticalPoint((0.0, 0.0), 0.0, (-2.0, 2.0)).kind
    'saddle'
    """

    at: tuple[float, ...]
    value: float
    curvatures: tuple[float, ...]

    @property
    def index(self) -> int:
        """Number of directions that lead down."""
        return sum(curvature < 0.0 for curvature in self.curvatures)

    @property
    def kind(self) -> str:
        """Say "minimum", "saddle", "maximum", or "degenerate" where a curvature is 0."""
        if 0.0 in self.curvatures:
            return "degenerate"
        return {0: "minimum", len(self.curvatures): "maximum"}.get(self.index, "saddle")


class Surface(ABC):
    """f: ℝⁿ → ℝ with its gradient, for one point or for many at once.

    ``value`` and ``gradient`` take points of shape (..., n), of float32 or float64, and keep that dtype; a run that
    diverges gets inf or NaN without a warning. A subclass is a frozen dataclass with ``dimension``, ``_value`` and
    ``_gradient``, with ``_starts`` and, with a few right digits, the ``_places`` of its critical points.

    Examples
    --------
    >>> from optimlab.lab.problems import saddle
    >>> saddle().value([[1.0, 0.0], [0.0, 1.0]])
    array([ 1., -1.])
    """

    _starts: ClassVar[Sequence[Sequence[float]]] = ()
    _places: ClassVar[Sequence[tuple[float, ...]]] = ()

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number n of coordinates."""

    @property
    def starts(self) -> Floats:
        """Customary starting points, shape (k, n)."""
        return np.array(self._starts)

    @property
    def start(self) -> Floats:
        """The first of the starting points, shape (n,)."""
        return np.array(self.starts[0])

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The known critical points."""
        return tuple(critical_point(self, near) for near in self._places)

    @property
    def minima(self) -> tuple[CriticalPoint, ...]:
        """The known minima."""
        return tuple(point for point in self.points if point.kind == "minimum")

    @property
    def saddles(self) -> tuple[CriticalPoint, ...]:
        """The known saddles."""
        return tuple(point for point in self.points if point.kind == "saddle")

    def value(self, w: ArrayLike) -> Any:
        """Return f: a number, or an array of shape (...) for points of shape (..., n)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._value(self._checked(w))

    def gradient(self, w: ArrayLike) -> Array:
        """Return ∇f, of the shape of w."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._gradient(self._checked(w))

    @abstractmethod
    def _value(self, w: Array) -> Any:
        """Return f of checked points."""

    @abstractmethod
    def _gradient(self, w: Array) -> Array:
        """Return ∇f of checked points, as a new array."""

    def _checked(self, w: ArrayLike) -> Array:
        points = floats("w", w)
        if points.shape[-1:] != (self.dimension,):
            raise ValueError(f"w must have shape (..., {self.dimension}) for {self!r}; got {points.shape}")
        return points


class Plane(Surface):
    """f(x, y), with the tuple of its slopes.

    Examples
    --------
    >>> from optimlab.lab.problems import MonkeySaddle
    >>> isinstance(MonkeySaddle(), Plane)
    True
    """

    dimension = 2

    @abstractmethod
    def _f(self, x: Any, y: Any) -> Any:
        """Return f."""

    @abstractmethod
    def _slopes(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Return ∂f/∂x and ∂f/∂y."""

    def _value(self, w: Array) -> Any:
        return self._f(w[..., 0], w[..., 1])

    def _gradient(self, w: Array) -> Array:
        return np.stack(self._slopes(w[..., 0], w[..., 1]), axis=-1)


def hessian(surface: Surface, w: Floats) -> Floats:
    """H eⱼ = Im ∇f(w + i h eⱼ) / h: derivatives of the gradient by a complex step, exact to rounding.

    The gradient must be analytic; w is one point, shape (n,), the Hessian of shape (n, n).

    Source
    ------
    Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions".

    Examples
    --------
    >>> from optimlab.lab.problems import Quadratic, hessian
    >>> hessian(Quadratic((3.0, -7.0)), np.ones(2))
    array([[ 3.,  0.],
           [ 0., -7.]])
    """
    found: Any = surface._gradient(w + 1j * _STEP * np.eye(surface.dimension)).imag / _STEP
    return (found + found.T) / 2  # type: ignore[no-any-return]


@cache
def critical_point(surface: Surface, near: tuple[float, ...]) -> CriticalPoint:
    """w ← w - H⁻¹ ∇f(w): the critical point near a place that has a few right digits; the gradient must be analytic.

    Examples
    --------
    >>> from optimlab.lab.problems import Himmelblau, critical_point
    >>> np.round(critical_point(Himmelblau(), (-2.8, 3.1)).at, 12).tolist()
    [-2.805118086953, 3.131312518251]
    """
    w = np.array(near)
    for _ in range(_ITERATIONS):
        w = w - np.linalg.solve(hessian(surface, w), surface.gradient(w))
    curvatures = np.linalg.eigvalsh(hessian(surface, w))
    return CriticalPoint(tuple(w.tolist()), float(surface.value(w)), tuple(curvatures.tolist()))
