"""The classic test functions: Rosenbrock, Beale, Himmelblau, Rastrigin, the monkey saddle, and the cliff."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from optimlab.checks import FINITE, POSITIVE, check_fields, number, whole
from optimlab.extras import needed
from optimlab.lab.problems.surfaces.surface import CriticalPoint, Plane, Surface, critical_point
from optimlab.recurrence.elementary import cos_pi, sin_pi, tangent_h
from optimlab.typing import Array, Floats

__all__ = ["Beale", "Cliff", "Himmelblau", "MonkeySaddle", "Rastrigin", "Rosenbrock"]


@dataclass(frozen=True)
class Rosenbrock(Surface):
    """f(w) = Σᵢ b (wᵢ₊₁ - wᵢ²)² + (a - wᵢ)²: a long, flat valley along a parabola.

    In the plane the minimum is (a, a²); b, greater than 0, is the steepness of the valley's walls. The known critical
    points are the minimum of value 0, which exists in the plane and for a = 0 or 1, and for a = 1, b = 100 in four
    dimensions and more the local minimum near (-1, 1, ..., 1).

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
    ranges: ClassVar = {"a": FINITE, "b": POSITIVE}

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", whole("dimension", self.dimension, 2))
        check_fields(self, number)

    @property
    def starts(self) -> Floats:
        """(-1.2, 1), the author's, and (-2, 2), repeated along the coordinates."""
        return np.array([np.resize(start, self.dimension) for start in ((-1.2, 1.0), (-2.0, 2.0))])

    @property
    def _places(self) -> list[tuple[float, ...]]:  # type: ignore[override]
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
class Beale(Plane):
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

    _starts = ((1.0, 1.5), (1.0, 1.0))  # the second is that of the source
    _places = ((3.0, 0.5), (0.0, 1.0), (0.1005379, -2.6445136))

    def _residuals(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        return 1.5 - x * (1 - y), 2.25 - x * (1 - y * y), 2.625 - x * (1 - y * y * y)

    def _f(self, x: Any, y: Any) -> Any:
        return sum(residual * residual for residual in self._residuals(x, y))

    def _slopes(self, x: Any, y: Any) -> tuple[Any, Any]:
        r1, r2, r3 = self._residuals(x, y)
        along_x = 2 * (y - 1) * (r1 + r2 * (y + 1) + r3 * (y * y + y + 1))
        return along_x, 2 * x * (r1 + y * (2 * r2 + 3 * r3 * y))


@dataclass(frozen=True)
class Himmelblau(Plane):
    """f(x, y) = (x² + y - 11)² + (x + y² - 7)²: four equal minima, four saddles and a maximum between them.

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

    _starts = ((0.0, 0.0), (4.0, 4.0), (-4.0, 4.0), (-4.0, -4.0), (4.0, -4.0))  # the corners: one in each basin
    # All nine: ∇f = 0 is a pair of cubics, which have no more in common.
    _places = (
        (3.0, 2.0), (-2.805118, 3.131313), (-3.779310, -3.283186), (3.584428, -1.848127), (3.385154, 0.073852),
        (0.086678, 2.884255), (-3.073026, -0.081353), (-0.127961, -1.953715), (-0.270845, -0.923039),
    )  # fmt: skip

    def _f(self, x: Any, y: Any) -> Any:
        p, q = x * x + y - 11, x + y * y - 7
        return p * p + q * q

    def _slopes(self, x: Any, y: Any) -> tuple[Any, Any]:
        p, q = x * x + y - 11, x + y * y - 7
        return 4 * x * p + 2 * q, 2 * p + 4 * y * q


@dataclass(frozen=True)
class Rastrigin(Surface):
    """f(w) = Σᵢ 10 + wᵢ² - 10 cos 2πwᵢ: a bowl with a minimum near every point of whole numbers.

    In [-5.12, 5.12]ⁿ there are 21ⁿ critical points, every combination of those of one coordinate, and 11ⁿ of them are
    minima. ``points`` lists them for n ≤ 3, and the global minimum alone beyond.

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
        return (10 + w * w - 10 * cos_pi(2 * w)).sum(axis=-1)

    def _gradient(self, w: Array) -> Array:
        slope: Array = 2 * w + 20 * np.pi * sin_pi(2 * w)
        return slope


def _combined(points: tuple[CriticalPoint, ...]) -> CriticalPoint:
    """Return the critical point of a sum of functions of one coordinate each."""
    curvatures = sorted(point.curvatures[0] for point in points)
    return CriticalPoint(tuple(p.at[0] for p in points), sum(p.value for p in points), tuple(curvatures))


@dataclass(frozen=True)
class MonkeySaddle(Plane):
    """f(x, y) = x³ - 3xy² = r³ cos 3θ: a saddle for two legs and a tail, with all curvatures 0 at the origin.

    It descends at the angles 60°, 180° and 300°. No direction leads down in second order: the saddle is not strict,
    and leaving it takes a number of steps in inverse proportion to the distance at the start, not to its logarithm.

    Hilbert & Cohn-Vossen 1932, "Anschauliche Geometrie".

    Examples
    --------
    >>> MonkeySaddle().points[0].kind
    'degenerate'
    """

    _starts = ((-0.1, 0.0), (-0.01, 0.0), (-0.001, 0.0))  # close to the origin, and on a way down

    @property
    def points(self) -> tuple[CriticalPoint, ...]:
        """The origin."""
        return (CriticalPoint((0.0, 0.0), 0.0, (0.0, 0.0)),)

    def _f(self, x: Any, y: Any) -> Any:
        return x * (x * x - 3 * y * y)

    def _slopes(self, x: Any, y: Any) -> tuple[Any, Any]:
        return 3 * (x * x - y * y), -6 * x * y


@dataclass(frozen=True)
class Cliff(Plane):
    """f(x, y) = ½ (x - 1)² + ½ y² + H σ(s x), σ(z) = 1/(1 + e⁻ᶻ): a bowl behind a wall, which a descent runs into.

    The wall stands at x = 0; H is its height, and 4/s about its width. From x < 0 the bowl's gentle slope leads to its
    foot, a minimum. A step that lands on the wall is thrown back by lr (H s/4 - 1), far beyond where it came from;
    clipping the gradient's norm at c bounds that by lr c. The wall must stand apart from the bowl: 4 < H s < ½ exp(s/2)
    for the height H and the steepness s.

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

    ranges: ClassVar = {"height": POSITIVE, "steepness": POSITIVE}

    def __post_init__(self) -> None:
        check_fields(self, number)
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
        return ((x - 1) ** 2 + y * y) / 2 + self.height / 2 * (1 + tangent_h(self.steepness / 2 * x))

    def _slopes(self, x: Any, y: Any) -> tuple[Any, Any]:
        rise = tangent_h(self.steepness / 2 * x)
        return x - 1 + self.height * self.steepness / 4 * (1 - rise) * (1 + rise), y
