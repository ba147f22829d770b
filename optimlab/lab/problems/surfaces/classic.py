"""The classic test functions: Rosenbrock, Beale, Himmelblau, Rastrigin, and the monkey saddle."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from optimlab.checks import POSITIVE, number, whole
from optimlab.lab.problems.surfaces.critical import critical_point
from optimlab.lab.problems.surfaces.surface import CriticalPoint, Surface
from optimlab.typing import Array, Floats

__all__ = ["Beale", "Himmelblau", "MonkeySaddle", "Rastrigin", "Rosenbrock"]


@dataclass(frozen=True)
class Rosenbrock(Surface):
    """f(w) = Σᵢ b (wᵢ₊₁ - wᵢ²)² + (a - wᵢ)²: a long, flat valley along a parabola.

    Parameters
    ----------
    dimension : int, at least 2
        Number of coordinates.
    a : float
        Where the valley ends: in the plane the minimum is (a, a²).
    b : float, greater than 0
        Steepness of the valley's walls.

    Notes
    -----
    The known critical points are the minimum of value 0, which exists in the plane and for a = 0 or 1, and for a = 1,
    b = 100 in four dimensions and more the local minimum near (-1, 1, ..., 1).

    Source
    ------
    Rosenbrock 1960, "An automatic method for finding the greatest or least value of a function"; the local minimum:
    Shang & Qiu 2006, "A note on the extended Rosenbrock function".

    Examples
    --------
    >>> f = Rosenbrock()
    >>> f.start, f.value(f.start)
    (array([-1.2,  1. ]), np.float64(24.199999999999996))
    >>> f.minima[0].at, np.round(f.minima[0].curvatures, 6).tolist()
    ((1.0, 1.0), [0.399361, 1001.600639])
    """

    dimension: int = 2
    a: float = 1.0
    b: float = 100.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", whole("dimension", self.dimension, 2))
        object.__setattr__(self, "a", number("a", self.a))
        object.__setattr__(self, "b", number("b", self.b, POSITIVE))

    @property
    def starts(self) -> Floats:
        """(-1.2, 1), the author's, and (-2, 2), repeated along the coordinates."""
        return np.array([np.resize(start, self.dimension) for start in ((-1.2, 1.0), (-2.0, 2.0))])

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The global minimum, and the local one."""
        return tuple(critical_point(self, near) for near in self._places())

    def _places(self) -> list[tuple[float, ...]]:
        n, a = self.dimension, self.a
        if n == 2:
            return [(a, a * a)]
        places = [(a,) * n] if a in (0.0, 1.0) else []
        return places + ([(-1.0,) + (1.0,) * (n - 1)] if n >= 4 and (a, self.b) == (1.0, 100.0) else [])

    def _value(self, w: Array) -> Any:
        x, y = w[..., :-1], w[..., 1:]
        return (self.b * (y - x * x) ** 2 + (self.a - x) ** 2).sum(axis=-1)

    def _gradient(self, w: Array) -> Array:
        x, y = w[..., :-1], w[..., 1:]
        off = y - x * x
        gradient = np.zeros_like(w)
        gradient[..., 1:] = 2 * self.b * off
        gradient[..., :-1] -= 4 * self.b * x * off + 2 * (self.a - x)
        return gradient


@dataclass(frozen=True)
class Beale(Surface):
    """f(x, y) = Σₖ (cₖ - x (1 - yᵏ))² with c = 1.5, 2.25, 2.625 and k = 1, 2, 3: a plateau with peaks at its corners.

    Source
    ------
    Moré, Garbow & Hillstrom 1981, "Testing unconstrained optimization software", problem 5. For x ≠ 0 and y ≠ 1 the
    first equation of ∇f = 0 gives x as a rational function of y; what is left is a quartic in y with two real roots,
    ½ and -2.6445. With (0, 1) that makes three critical points.

    Examples
    --------
    >>> [(point.kind, round(point.value, 6)) for point in Beale().points]
    [('minimum', 0.0), ('saddle', 14.203125), ('saddle', 9.864512)]
    """

    @property
    def dimension(self) -> int:
        """2."""
        return 2

    @property
    def starts(self) -> Floats:
        """(1, 1.5), and (1, 1) of the source."""
        return np.array([[1.0, 1.5], [1.0, 1.0]])

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """All: the minimum (3, ½), the saddle (0, 1), and a saddle below."""
        return tuple(critical_point(self, near) for near in ((3.0, 0.5), (0.0, 1.0), (0.1005379, -2.6445136)))

    def _value(self, w: Array) -> Any:
        return sum(residual * residual for residual in _residuals(w))

    def _gradient(self, w: Array) -> Array:
        x, y = w[..., 0], w[..., 1]
        r1, r2, r3 = _residuals(w)
        gradient = np.empty_like(w)
        gradient[..., 0] = 2 * (y - 1) * (r1 + r2 * (y + 1) + r3 * (y * y + y + 1))
        gradient[..., 1] = 2 * x * (r1 + y * (2 * r2 + 3 * r3 * y))
        return gradient


def _residuals(w: Array) -> tuple[Any, Any, Any]:
    x, y = w[..., 0], w[..., 1]
    return 1.5 - x * (1 - y), 2.25 - x * (1 - y * y), 2.625 - x * (1 - y * y * y)


@dataclass(frozen=True)
class Himmelblau(Surface):
    """f(x, y) = (x² + y - 11)² + (x + y² - 7)²: four equal minima, four saddles and a maximum between them.

    Source
    ------
    Himmelblau 1972, "Applied Nonlinear Programming".

    Examples
    --------
    >>> f = Himmelblau()
    >>> np.round([minimum.at for minimum in f.minima], 6)
    array([[ 3.      ,  2.      ],
           [-2.805118,  3.131313],
           [-3.77931 , -3.283186],
           [ 3.584428, -1.848127]])
    >>> [round(point.value, 6) for point in f.points if point.kind == "maximum"]
    [181.616522]
    """

    @property
    def dimension(self) -> int:
        """2."""
        return 2

    @property
    def starts(self) -> Floats:
        """The origin, and a corner in the basin of each minimum."""
        return np.array([[0.0, 0.0], [4.0, 4.0], [-4.0, 4.0], [-4.0, -4.0], [4.0, -4.0]])

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """All nine: ∇f = 0 is a pair of cubics, which have no more in common."""
        return tuple(critical_point(self, near) for near in _HIMMELBLAU)

    def _value(self, w: Array) -> Any:
        p, q = _pair(w)
        return p * p + q * q

    def _gradient(self, w: Array) -> Array:
        p, q = _pair(w)
        gradient = np.empty_like(w)
        gradient[..., 0] = 4 * w[..., 0] * p + 2 * q
        gradient[..., 1] = 2 * p + 4 * w[..., 1] * q
        return gradient


_HIMMELBLAU = (
    (3.0, 2.0),
    (-2.805118, 3.131313),
    (-3.779310, -3.283186),
    (3.584428, -1.848127),
    (3.385154, 0.073852),
    (0.086678, 2.884255),
    (-3.073026, -0.081353),
    (-0.127961, -1.953715),
    (-0.270845, -0.923039),
)


def _pair(w: Array) -> tuple[Any, Any]:
    x, y = w[..., 0], w[..., 1]
    return x * x + y - 11, x + y * y - 7


@dataclass(frozen=True)
class Rastrigin(Surface):
    """f(w) = Σᵢ 10 + wᵢ² - 10 cos 2πwᵢ: a bowl with a minimum near every point of whole numbers.

    Parameters
    ----------
    dimension : int, at least 1
        Number n of coordinates.

    Notes
    -----
    In [-5.12, 5.12]ⁿ there are 21ⁿ critical points, every combination of those of one coordinate, and 11ⁿ of them are
    minima. ``points`` lists them for n ≤ 3, and the global minimum alone beyond.

    Source
    ------
    Rastrigin 1974; in n dimensions Mühlenbein, Schomisch & Born 1991.

    Examples
    --------
    >>> np.round([minimum.at[0] for minimum in Rastrigin(1).minima if minimum.at[0] >= 0.0], 6)
    array([0.      , 0.994959, 1.989912, 2.984856, 3.979784, 4.974691])
    >>> len(Rastrigin(2).points), len(Rastrigin(2).minima)
    (441, 121)
    """

    dimension: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", whole("dimension", self.dimension, 1))

    @property
    def starts(self) -> Floats:
        """(-2, 3.5), repeated along the coordinates."""
        return np.resize((-2.0, 3.5), (1, self.dimension)).astype(np.float64)

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """Every combination of the critical points of one coordinate, up to three dimensions."""
        line, n = Rastrigin(1), self.dimension
        places = np.arange(-10, 11) / 2 if n <= 3 else np.zeros(1)
        return tuple(map(_combined, product([critical_point(line, (place,)) for place in places.tolist()], repeat=n)))

    def _value(self, w: Array) -> Any:
        return (10 + w * w - 10 * np.cos(2 * np.pi * w)).sum(axis=-1)

    def _gradient(self, w: Array) -> Array:
        return 2 * w + 20 * np.pi * np.sin(2 * np.pi * w)


def _combined(points: tuple[CriticalPoint, ...]) -> CriticalPoint:
    """Return the critical point of a sum of functions of one coordinate each."""
    curvatures = sorted(point.curvatures[0] for point in points)
    return CriticalPoint(tuple(p.at[0] for p in points), sum(p.value for p in points), tuple(curvatures))


@dataclass(frozen=True)
class MonkeySaddle(Surface):
    """f(x, y) = x³ - 3xy² = r³ cos 3θ: a saddle for two legs and a tail, with all curvatures 0 at the origin.

    It descends at the angles 60°, 180° and 300°. No direction leads down in second order: the saddle is not strict,
    and leaving it takes a number of steps in inverse proportion to the distance at the start, not to its logarithm.

    Source
    ------
    Hilbert & Cohn-Vossen 1932, "Anschauliche Geometrie".

    Examples
    --------
    >>> MonkeySaddle().points
    (CriticalPoint(at=(0.0, 0.0), value=0.0, curvatures=(0.0, 0.0)),)
    >>> MonkeySaddle().points[0].kind
    'degenerate'
    """

    @property
    def dimension(self) -> int:
        """2."""
        return 2

    @property
    def starts(self) -> Floats:
        """(-ε, 0) for ε = 0.1, 0.01, 0.001: close to the origin, and on a way down."""
        return np.array([[-0.1, 0.0], [-0.01, 0.0], [-0.001, 0.0]])

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The origin."""
        return (CriticalPoint((0.0, 0.0), 0.0, (0.0, 0.0)),)

    def _value(self, w: Array) -> Any:
        x, y = w[..., 0], w[..., 1]
        return x * (x * x - 3 * y * y)

    def _gradient(self, w: Array) -> Array:
        x, y = w[..., 0], w[..., 1]
        gradient = np.empty_like(w)
        gradient[..., 0] = 3 * (x * x - y * y)
        gradient[..., 1] = -6 * x * y
        return gradient
